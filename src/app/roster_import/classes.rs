//! The classes that a roster names: read once for each school, opened where they are not there yet.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::app::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::id::{ClassId, OrgId};
use crate::domain::registry::class::{Class, ClassKind};
use crate::domain::registry::roster::ClassKey;
use crate::store::classes;
use crate::store::db::Tx;

pub(super) type Place = (OrgId, ClassKey);

/// What is committed, as far as it was asked for.
#[derive(Default)]
pub(super) struct Classes {
    schools: HashSet<OrgId>,
    places: HashMap<Place, ClassId>,
}

impl Classes {
    /// After the commit.
    pub(super) fn remember(&mut self, opened: impl IntoIterator<Item = Class>) {
        self.places.extend(opened.into_iter().filter(is_administrative).map(|class| (place(&class), class.id)));
    }
}

fn is_administrative(class: &Class) -> bool {
    class.kind == ClassKind::Administrative
}

fn place(class: &Class) -> Place {
    (class.org, ClassKey { stage: class.stage, entry_year: class.entry_year, class_no: class.class_no.clone() })
}

impl App {
    /// The classes at these places, and those of them that had to be opened.
    ///
    /// # Errors
    /// `Busy` when somebody else opens one at the same moment; what was known is then out of date.
    pub(super) async fn places(
        &self,
        ctx: &Ctx,
        task: &Task,
        wanted: BTreeSet<Place>,
        known: &Mutex<Classes>,
        tx: &mut Tx,
        dry: bool,
    ) -> Result<(HashMap<Place, ClassId>, Vec<Class>), Error> {
        let schools: HashSet<OrgId> = wanted.iter().map(|(org, _)| *org).collect();
        let unread: Vec<OrgId> = {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            schools.difference(&known.schools).copied().collect()
        };
        let read = classes::of_orgs(tx, task, &unread).await?;
        let mut opened = Vec::new();
        let mut places = HashMap::with_capacity(wanted.len());
        {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.remember(read);
            known.schools.extend(unread);
            for place in wanted {
                let id = match known.places.get(&place) {
                    Some(id) => *id,
                    None => {
                        let (org, key) = &place;
                        let class = self.new_class(ctx, *org, key.stage, key.entry_year, &key.class_no);
                        let id = class.id;
                        opened.push(class);
                        id
                    }
                };
                places.insert(place, id);
            }
            if dry {
                known.remember(opened);
                return Ok((places, Vec::new()));
            }
        }
        let added = classes::insert_all(tx, task, &opened).await?;
        if usize::try_from(added).is_ok_and(|added| added == opened.len()) {
            Ok((places, opened))
        } else {
            Err(Error::busy("somebody opened one of these classes at the same moment"))
        }
    }
}
