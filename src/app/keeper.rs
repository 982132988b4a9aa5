//! A child's guardian as an administrator may see her (ruling R1): whom her institutions only named, and nobody looked at yet,
//! is there as they named her, and not as others recorded her.

use chrono::NaiveDate;

use super::roster_view::{name_of, name_until};
use super::{App, Error, access};
use crate::domain::access::{Subtree, Task, TaskName};
use crate::domain::id::PersonId;
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::guardian_life::GuardianshipSlice;
use crate::domain::registry::guardianship::{Guardianship, GuardianshipStatus};
use crate::domain::registry::person::Person;
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, RelationClaim};
use crate::store::db::Tx;
use crate::store::{enrolments, guardianships, institutions, persons, relation_claims};

/// A relation, and who stands in it.
pub(super) struct Keeper {
    pub(super) relation: Guardianship,
    /// Her record; none where she is not in the administrator's scope.
    pub(super) person: Option<Person>,
    /// As the register calls her, or as the claim does.
    pub(super) name: String,
}

impl Keeper {
    pub(super) fn id(&self) -> Option<PersonId> {
        self.person.as_ref().map(|person| person.id)
    }
}

impl App {
    /// The guardians behind [`App::kept_here`] as they may be shown on a day.
    pub(super) async fn keepers_here(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        child: PersonId,
        today: NaiveDate,
    ) -> Result<Vec<Keeper>, Error> {
        let mut keepers = Vec::new();
        for relation in self.kept_here(tx, scope, child).await? {
            if let Some((person, name)) = who(tx, scope, &relation, (false, today), today).await? {
                keepers.push(Keeper { relation, person, name });
            }
        }
        Ok(keepers)
    }

    /// The guardians of a child as they were in turn, as far as the administrator's institutions recorded them, or held the child's 学籍
    /// while they were confirmed: what was before she came, and behind her leaving, is others' (R1, R19). Whoever is a guardian no longer,
    /// and nobody's here else, is there under the name that she had then, without her id.
    pub(super) async fn keepers_then(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        child: PersonId,
        today: NaiveDate,
    ) -> Result<Vec<(Keeper, GuardianshipSlice)>, Error> {
        let task = access::task(TaskName::RosterView);
        let on = task.on(child);
        let (slices, held) = (guardianships::slices(tx, &on).await?, held_here(tx, &task, scope, child).await?);
        let mut keepers = Vec::new();
        for relation in guardianships::of_child(tx, &on).await? {
            let recorded = match relation.recorded_by {
                Some(org) => institutions::find_in(tx, scope, org).await?.is_some(),
                None => false,
            };
            let mut parts: Vec<GuardianshipSlice> = Vec::new();
            for part in relation.parts(&slices).into_iter().filter(GuardianshipSlice::stands) {
                if recorded {
                    parts.push(part);
                } else if part.status == GuardianshipStatus::Confirmed {
                    parts.extend(held.iter().filter_map(|(from, to)| part.between(*from, *to)));
                }
            }
            for part in parts {
                let over = part.valid_to <= today;
                if let Some((person, name)) = who(tx, scope, &relation, (over, part.valid_to), today).await? {
                    keepers.push((Keeper { relation: relation.clone(), person, name }, part));
                }
            }
        }
        Ok(keepers)
    }

    /// Whoever may be shown with what the register knows of her, and her phone.
    pub(super) async fn keeper_phone(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        keeper: &Keeper,
        today: NaiveDate,
    ) -> Result<Option<String>, Error> {
        match &keeper.person {
            Some(person) => self.phone_shown(tx, scope, person, today).await,
            None => Ok(None),
        }
    }
}

/// When the child's 学籍 was at an institution of the administrator's.
async fn held_here(
    tx: &mut Tx,
    task: &Task,
    scope: &Subtree,
    child: PersonId,
) -> Result<Vec<(NaiveDate, NaiveDate)>, Error> {
    let on = task.on(child);
    let slices = enrolments::slices(tx, &on).await?;
    let mut held = Vec::new();
    for stay in enrolments::of_person(tx, &on).await? {
        if institutions::find_in(tx, scope, stay.org).await?.is_some() {
            let parts = stay.parts(&slices).into_iter().filter(|part| part.source == StudentSource::Normal);
            held.extend(parts.map(|part| (part.valid_from, part.valid_to)));
        }
    }
    Ok(held)
}

/// Who stood in a relation: as the register calls her where she is in the administrator's scope, else as her institutions named her, else,
/// when it is `over` and nobody doubted it, under the name of then.
async fn who(
    tx: &mut Tx,
    scope: &Subtree,
    relation: &Guardianship,
    (over, end): (bool, NaiveDate),
    today: NaiveDate,
) -> Result<Option<(Option<Person>, String)>, Error> {
    if let Some(person) = persons::in_subtree(tx, scope, relation.guardian, today).await? {
        let name = name_of(&person);
        return Ok(Some((Some(person), name)));
    }
    if let Some(claim) = named_as(tx, scope, relation).await? {
        return Ok(Some((None, claim.name)));
    }
    let task = access::task(TaskName::RosterView);
    let said = relation_claims::about_many(tx, &task, &[relation.guardian], &[], &[]).await?;
    let doubted = said.iter().any(|claim| {
        let about = claim.kind == ClaimKind::Guardian && claim.child == relation.child;
        about && (claim.state != ClaimState::Confirmed || claim.is_unreviewed())
    });
    if !over || doubted {
        return Ok(None);
    }
    let Some(person) = persons::find(tx, &task.on(relation.guardian)).await? else { return Ok(None) };
    let name = name_until(tx, person.id, Some(end), name_of(&person)).await?;
    Ok(Some((None, name)))
}

/// The newest claim of the administrator's own institutions that says this relation.
async fn named_as(tx: &mut Tx, scope: &Subtree, relation: &Guardianship) -> Result<Option<RelationClaim>, Error> {
    let task = access::task(TaskName::RosterView);
    let mut said = relation_claims::about_many(tx, &task, &[relation.guardian], &[], &[]).await?;
    said.retain(|claim| claim.kind == ClaimKind::Guardian && claim.child == relation.child);
    said.sort_by_key(|claim| std::cmp::Reverse(claim.created_at));
    for claim in said {
        if institutions::find_in(tx, scope, claim.org).await?.is_some() {
            return Ok(Some(claim));
        }
    }
    Ok(None)
}
