//! The classes that a roster names: read once for each school, opened where they are not there yet.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::app::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::id::{ClassId, OrgId};
use crate::domain::registry::class::{Class, ClassKind, ClassStatus};
use crate::domain::registry::roster::ClassKey;
use crate::store::classes;
use crate::store::db::Tx;

pub(super) type Place = (OrgId, ClassKey);

/// The class of a row, as it was when it was read.
#[derive(Clone, Copy)]
pub(super) struct Seat {
    pub(super) id: ClassId,
    pub(super) status: ClassStatus,
}

impl Seat {
    /// Why nobody comes into it; none: it is open.
    pub(super) const fn is_over(self) -> Option<&'static str> {
        match self.status {
            ClassStatus::Open => None,
            ClassStatus::Graduated => {
                Some("该班已毕业，不再接收学生和教师。The class has graduated: nobody comes into it any more")
            }
            ClassStatus::Closed => Some(
                "该班已撤销，请先恢复该班，或填写接替它的班级。The class was closed: open it again first, or name the one that took its place",
            ),
        }
    }
}

/// What is committed, as far as it was asked for.
#[derive(Default)]
pub(super) struct Classes {
    schools: HashSet<OrgId>,
    places: HashMap<Place, Seat>,
}

impl Classes {
    /// After the commit.
    pub(super) fn remember(&mut self, opened: impl IntoIterator<Item = Class>) {
        let seat = |class: Class| (place(&class), Seat { id: class.id, status: class.status });
        self.places.extend(opened.into_iter().filter(is_administrative).map(seat));
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
    ) -> Result<(HashMap<Place, Seat>, Vec<Class>), Error> {
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
                let seat = match known.places.get(&place) {
                    Some(seat) => *seat,
                    None => {
                        let (org, key) = &place;
                        let class = self.new_class(ctx, *org, key.stage, key.entry_year, &key.class_no);
                        let seat = Seat { id: class.id, status: class.status };
                        opened.push(class);
                        seat
                    }
                };
                places.insert(place, seat);
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
