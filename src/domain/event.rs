//! Outbox events: that something changed, never what it is now. Numbers are given after commit (R4).

use serde_json::Value;
use uuid::Uuid;

use super::id::EventId;
use super::time::Timestamp;

/// A change of one aggregate.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// `person`, `account`, `consent`, `grant`, `client` …
    pub aggregate: &'static str,
    /// Which one.
    pub aggregate_id: Uuid,
    /// What happened.
    pub kind: &'static str,
    /// Names of the fields that changed; of a merged subject, the two.
    pub fields: Value,
    /// When.
    pub at: Timestamp,
}
