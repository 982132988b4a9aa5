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
    /// Names of the fields that changed; of a subject that was merged or parted, the two.
    pub fields: Value,
    /// The sector whose clients are told it, and nobody else; none: whoever may know of the aggregate. What holds a subject is
    /// always addressed (R13); the aggregate's id is none of theirs.
    pub sector: Option<String>,
    /// When.
    pub at: Timestamp,
}
