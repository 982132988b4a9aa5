//! What must not lead somebody to a child whom a court keeps from her: who looked at her because she stands beside that child says where
//! the child is. Of such a look she is told that it was, and when, and nothing of who it was, where and why.

use std::collections::{BTreeMap, BTreeSet};

use super::disclosure::rights;
use super::{Error, access};
use crate::domain::access::{OnePerson, Task, TaskName};
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::guardianship::Guardianship;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::disclosures::{self, Shown};
use crate::store::{admin_grants, enrolments, guardianships, institutions, merges, staffings};

/// Somebody whom a court keeps from a child.
pub(super) struct KeptAway {
    /// Every id that leads to her.
    herself: BTreeSet<PersonId>,
    /// Every id that leads to one of the children.
    children: BTreeSet<PersonId>,
    /// Where she studies, works and administers herself, or did, and where children are whom she speaks for.
    places: BTreeSet<OrgId>,
}

/// What she may be told of a look.
pub(super) enum Told {
    /// By the right of this institution, or of none.
    Whole(Option<OrgId>),
    /// That it was, and when.
    Bare,
}

/// Whether a court keeps somebody from a child: an order outlives the relation that it was given in.
///
/// # Errors
/// A failed store.
pub(super) async fn kept_away(tx: &mut Tx, person: &impl OnePerson, now: Timestamp) -> Result<Option<KeptAway>, Error> {
    let (task, person) = (access::task(TaskName::RosterView), person.person());
    let mut herself: BTreeSet<PersonId> = merges::all_into(tx, &task, person).await?.into_iter().collect();
    herself.insert(person);
    let mut wards = Vec::new();
    for id in &herself {
        wards.extend(guardianships::of_guardian(tx, &task.on(*id)).await?);
    }
    // Of several relations to a child the one that stands says what the court's order is, or else the last.
    wards.sort_by_key(|ward| (ward.is_standing(), ward.created_at, ward.id));
    let last: BTreeMap<PersonId, &Guardianship> = wards.iter().map(|ward| (ward.child, ward)).collect();
    let mut children = BTreeSet::new();
    for child in last.values().filter(|ward| !ward.restrictions.is_empty()).map(|ward| ward.child) {
        children.insert(child);
        children.extend(merges::all_into(tx, &task, child).await?);
    }
    if children.is_empty() {
        return Ok(None);
    }
    let hers = last.values().filter(|ward| ward.is_live(now)).map(|ward| ward.child);
    let people = hers.chain(herself.iter().copied()).collect();
    Ok(Some(KeptAway { places: places_of(tx, &task, person, people).await?, herself, children }))
}

async fn places_of(
    tx: &mut Tx,
    task: &Task,
    person: PersonId,
    people: BTreeSet<PersonId>,
) -> Result<BTreeSet<OrgId>, Error> {
    let mut places = BTreeSet::new();
    for one in people {
        places.extend(enrolments::of_person(tx, &task.on(one)).await?.into_iter().map(|stay| stay.org));
    }
    places.extend(staffings::of_person(tx, &task.on(person)).await?.into_iter().map(|post| post.org));
    places.extend(admin_grants::all_of(tx, task, person).await?.into_iter().map(|grant| grant.org));
    Ok(places)
}

impl KeptAway {
    /// What she may be told of a look: all of what she did herself, and of what was done by the right of an institution over a place of
    /// her own, or by the operator about her alone; nothing of what showed one of the children too.
    ///
    /// # Errors
    /// A failed store.
    pub(super) async fn may_know(&self, tx: &mut Tx, shown: &Shown) -> Result<Told, Error> {
        let id = |value: &serde_json::Value| value.as_str().and_then(|text| text.parse().ok()).map(PersonId);
        let is_her = |value: &serde_json::Value| id(value).is_some_and(|id| self.herself.contains(&id));
        let beside = disclosures::of_entries(tx, &[shown.entry]).await?;
        if beside.iter().any(|(_, person)| self.children.contains(person)) {
            return Ok(Told::Bare);
        }
        let task = access::task(TaskName::RosterView);
        for right in rights(shown).collect::<BTreeSet<_>>() {
            for place in &self.places {
                if institutions::depth(tx, &task, right, *place).await?.is_some() {
                    return Ok(Told::Whole(Some(right)));
                }
            }
        }
        let by_somebody = shown.actor["kind"] == "person";
        let hers = if by_somebody { is_her(&shown.actor["id"]) } else { is_her(&shown.target["person"]) };
        Ok(if hers { Told::Whole(None) } else { Told::Bare })
    }
}
