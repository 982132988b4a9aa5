//! Whom a look showed, in the chain: the entry has the number and a digest of the people, so that a row of theirs that was
//! taken away, or put in, is found (ruling R4).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Error;
use super::audit_file::Chain;
use crate::domain::id::{AuditId, PersonId};
use crate::domain::time::Timestamp;
use crate::keys::{hex, opaque};
use crate::store::books::Linked;
use crate::store::db::Tx;
use crate::store::disclosures;

/// The name of the detail.
const SHOWN: &str = "shown";

/// What an entry says of the people, whose ids come in their order.
pub(super) fn detail_of(people: &[PersonId]) -> (&'static str, Value) {
    let ids: String = people.iter().map(|person| person.0.simple().to_string()).collect();
    (SHOWN, json!({ "n": people.len(), "digest": hex(&opaque::digest(&ids)) }))
}

/// Compares entries with the rows that people read of them.
pub(super) struct ToldOf {
    since: Timestamp,
    /// From the first entry on that has the detail all have it: those of releases before had none.
    always: bool,
}

impl ToldOf {
    /// Rows are kept since then.
    pub(super) fn since(since: Timestamp) -> Self {
        Self { since, always: false }
    }

    /// Compares some entries.
    pub(super) async fn compare(&mut self, tx: &mut Tx, chain: &mut Chain, links: &[Linked]) -> Result<(), Error> {
        let kept: Vec<&Linked> = links.iter().filter(|linked| linked.entry.at >= self.since).collect();
        let ids: Vec<AuditId> = kept.iter().map(|linked| linked.entry.id).collect();
        let mut shown: BTreeMap<AuditId, Vec<PersonId>> = BTreeMap::new();
        for (entry, person) in disclosures::of_entries(tx, &ids).await? {
            shown.entry(entry).or_default().push(person);
        }
        for linked in kept {
            let said = &linked.entry.details[SHOWN];
            let mut people = shown.remove(&linked.entry.id).unwrap_or_default();
            people.sort_unstable();
            self.always |= !said.is_null();
            let agrees = if people.is_empty() { said.is_null() } else { *said == detail_of(&people).1 };
            if self.always && !agrees {
                chain.fault(format!("the list of people whom entry {} showed was changed", linked.head.seq));
            }
        }
        Ok(())
    }
}
