//! Whom a look showed, in the chain: the entry has the number and a digest of the people, so that a row of theirs that was
//! taken away, or put in, is found (ruling R4).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Error;
use super::audit_file::Chain;
use crate::domain::hex::hex;
use crate::domain::id::{AuditId, PersonId};
use crate::domain::time::Timestamp;
use crate::keys::opaque;
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
    /// When the first entry was written that has the detail: those of releases before had none.
    begun: Option<Timestamp>,
}

/// While replicas are replaced one by one, those of before still write entries without.
const CHANGEOVER: Duration = Duration::from_secs(86_400);

impl ToldOf {
    /// Rows are kept since then.
    pub(super) fn since(since: Timestamp) -> Self {
        Self { since, begun: None }
    }

    /// Whether an entry must have the detail if it showed somebody.
    fn is_due(&self, at: Timestamp) -> bool {
        self.begun.is_some_and(|begun| at >= begun.plus(CHANGEOVER))
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
            if !said.is_null() && self.begun.is_none() {
                self.begun = Some(linked.entry.at);
            }
            let agrees = if people.is_empty() { said.is_null() } else { *said == detail_of(&people).1 };
            if !agrees && (!said.is_null() || self.is_due(linked.entry.at)) {
                chain.fault(format!("the list of people whom entry {} showed was changed", linked.head.seq));
            }
        }
        Ok(())
    }
}
