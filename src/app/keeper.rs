//! A child's guardian as an administrator may see her (ruling R1): whom her institutions only named, and nobody looked at yet,
//! is there as they named her, and not as others recorded her.

use chrono::NaiveDate;

use super::roster_view::name_of;
use super::{App, Error, access};
use crate::domain::access::{Subtree, TaskName};
use crate::domain::id::PersonId;
use crate::domain::registry::guardianship::Guardianship;
use crate::domain::registry::person::Person;
use crate::domain::registry::relation_claim::{ClaimKind, RelationClaim};
use crate::store::db::Tx;
use crate::store::{institutions, persons, relation_claims};

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
            if let Some(person) = persons::in_subtree(tx, scope, relation.guardian, today).await? {
                keepers.push(Keeper { name: name_of(&person), person: Some(person), relation });
            } else if let Some(claim) = named_as(tx, scope, &relation).await? {
                keepers.push(Keeper { name: claim.name, person: None, relation });
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
