//! Who confirmed a guardianship: kept with the person and the institution in whose name she did, and told to whom the relation
//! itself is shown.

use serde::Serialize;

use super::relation_claim::Decider;
use super::roster_view::name_of;
use super::{App, Error};
use crate::domain::access::{Subtree, Task};
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::guardianship::{Confirmation, ConfirmedBy};
use crate::domain::registry::institution::Institution;
use crate::domain::time::{Timestamp, rfc3339};
use crate::store::db::Tx;
use crate::store::{institutions, persons};

/// Who confirmed a guardianship.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = GuardianConfirmation)]
pub struct ConfirmationView {
    /// An administrator, the operator, or a row of a roster.
    pub by: ConfirmedBy,
    /// The institution in whose name; none for the operator, and where whoever asks neither keeps it nor stands below it.
    pub institution: Option<String>,
    /// The administrator, also whose file it was; none where she is not in the scope of whoever asks.
    pub person_id: Option<PersonId>,
    /// Her name.
    pub name: Option<String>,
    /// When.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl App {
    /// A confirmation by this decider, where one of these institutions is concerned.
    pub(super) async fn confirmation(
        &self,
        tx: &mut Tx,
        task: &Task,
        by: Decider,
        places: &[OrgId],
        now: Timestamp,
    ) -> Result<Confirmation, Error> {
        let Some(admin) = by.admin() else {
            return Ok(Confirmation { by: ConfirmedBy::Operator, person: None, office: None, at: now });
        };
        let office = self.office_of(tx, task, admin, places, now).await?;
        Ok(Confirmation { by: ConfirmedBy::Administrator, person: Some(admin), office, at: now })
    }

    /// A confirmation as an administrator may hear of it, and all of it for the operator, who has no `scope`: a school that is neither
    /// hers nor above hers would tell where the child was before (R19), and an administrator of another one is not there (R5).
    pub(super) async fn confirmation_shown(
        &self,
        tx: &mut Tx,
        task: &Task,
        scope: Option<&Subtree>,
        said: Option<Confirmation>,
        now: Timestamp,
    ) -> Result<Option<ConfirmationView>, Error> {
        let Some(said) = said else { return Ok(None) };
        let institution = match (said.office, scope) {
            (None, _) => None,
            (Some(office), None) => institutions::find(tx, task, office).await?,
            (Some(office), Some(scope)) => office_in(tx, task, scope, office).await?,
        };
        let person = match said.person {
            Some(person) => persons::survivor(tx, person).await?,
            None => None,
        };
        let person = match (person, scope) {
            (None, _) => None,
            (Some(person), None) => persons::find(tx, &task.on(person)).await?,
            // Where the office is not told, who was there is not either: she may be here as a parent, and not as who she is there.
            (Some(_), Some(_)) if institution.is_none() => None,
            (Some(person), Some(scope)) => persons::in_subtree(tx, scope, person, now.shanghai_date()).await?,
        };
        Ok(Some(ConfirmationView {
            by: said.by,
            institution: institution.map(|org| org.name),
            name: person.as_ref().map(name_of),
            person_id: person.map(|person| person.id),
            at: said.at,
        }))
    }
}

/// An institution of the scope, or one above all of it.
async fn office_in(tx: &mut Tx, task: &Task, scope: &Subtree, office: OrgId) -> Result<Option<Institution>, Error> {
    if let Some(org) = institutions::find_in(tx, scope, office).await? {
        return Ok(Some(org));
    }
    for root in scope.roots() {
        if institutions::depth(tx, task, office, root).await?.is_some() {
            return Ok(institutions::find(tx, task, office).await?);
        }
    }
    Ok(None)
}
