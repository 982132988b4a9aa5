//! Who looked at my record, and why: for each person herself.

use serde::Serialize;
use uuid::Uuid;

use super::{App, Error, access};
use crate::domain::access::{OnePerson, TaskName};
use crate::domain::id::{AuditId, OrgId, PersonId};
use crate::store::db::Tx;
use crate::store::disclosures::{self, Shown};
use crate::store::{institutions, merges, persons};

/// That her record was shown to somebody.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Disclosure {
    /// The audit entry.
    pub id: AuditId,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// What was done, as the audit calls it.
    pub action: String,
    /// Who it was; the operator's commands have no name.
    pub by: Option<String>,
    /// The institution by whose rights.
    pub institution: Option<String>,
    /// Why, where a purpose was given.
    pub purpose: Option<String>,
}

/// The newest of all.
fn end() -> AuditId {
    AuditId(Uuid::max())
}

impl App {
    /// Who looked at a person's record, the newest first, before an entry.
    ///
    /// # Errors
    /// A failed store.
    pub async fn disclosures(
        &self,
        person: PersonId,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<Disclosure>, Error> {
        let own = access::own_by_credential(person);
        let mut tx = self.db.read().await?;
        self.disclosures_of(&mut tx, &own, before, limit).await
    }

    /// The same in a transaction that is open.
    pub(super) async fn disclosures_of(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<Disclosure>, Error> {
        // What was shown of a record that became hers was shown of her.
        let (task, before) = (access::task(TaskName::RosterView), before.unwrap_or_else(end));
        let mut shown = disclosures::of_person(tx, proof, before, limit).await?;
        for absorbed in merges::all_into(tx, &task, proof.person()).await? {
            shown.extend(disclosures::of_person(tx, &task.on(absorbed), before, limit).await?);
        }
        shown.sort_by_key(|one| std::cmp::Reverse(one.entry));
        shown.dedup_by_key(|one| one.entry);
        shown.truncate(limit);
        let mut told = Vec::with_capacity(shown.len());
        for one in shown {
            told.push(tell(tx, one).await?);
        }
        Ok(told)
    }
}

async fn tell(tx: &mut Tx, shown: Shown) -> Result<Disclosure, Error> {
    let task = access::task(TaskName::RosterView);
    let id = |value: &serde_json::Value| value.as_str().and_then(|text| text.parse().ok());
    let by = match id(&shown.actor["id"]) {
        Some(id) if shown.actor["kind"] == "person" => {
            persons::find(tx, &task.on(PersonId(id))).await?.and_then(|person| person.name)
        }
        _ => None,
    };
    let institution = match id(&shown.actor["rights"][0]["institution"]) {
        Some(org) => institutions::find(tx, &task, OrgId(org)).await?.map(|org| org.name),
        None => None,
    };
    Ok(Disclosure {
        id: shown.entry,
        at: shown.at.to_rfc3339(),
        action: shown.action,
        by: by.map(|name| name.as_str().to_owned()),
        institution,
        purpose: shown.reason,
    })
}
