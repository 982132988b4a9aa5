//! Approvals 审批 of full records and exports (ruling R19).

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::Task;
use crate::domain::id::{ApprovalId, OrgId, PersonId};
use crate::domain::registry::approval::{Approval, Opens};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO approval (id, person_id, org_id, purpose, asked_by, request_key, asked_at, state, expires_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (asked_by, request_key) DO NOTHING";
    BY_KEY = "SELECT * FROM approval WHERE asked_by = $1 AND request_key = $2";
    FIND = "SELECT * FROM approval WHERE id = $1";
    UPDATE = "UPDATE approval SET state = $2, decided_by = $3, decided_at = $4, expires_at = $5, version = $6 WHERE id = $1 AND version = $6 - 1";
    WAITING = "SELECT * FROM approval WHERE state = 'pending' AND expires_at > $1 AND asked_by <> $2 AND id > $3 ORDER BY id LIMIT $4";
    ASKED = "SELECT * FROM approval WHERE asked_by = $1 AND id > $2 ORDER BY id LIMIT $3";
}

impl FromRow for Approval {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let opens = match (row.get::<Option<PersonId>>("person_id")?, row.get::<Option<OrgId>>("org_id")?) {
            (Some(person), None) => Opens::Record(person),
            (None, Some(org)) => Opens::Export(org),
            _ => return Err(StoreError::Refused("an approval opens one thing".into())),
        };
        Ok(Self {
            id: row.get("id")?,
            opens,
            purpose: row.get("purpose")?,
            asked_by: row.get("asked_by")?,
            asked_at: row.get("asked_at")?,
            state: row.code("state")?,
            decided_by: row.get("decided_by")?,
            decided_at: row.get("decided_at")?,
            expires_at: row.get("expires_at")?,
            version: row.get("version")?,
        })
    }
}

/// Adds a request; `false` when the same person made one with the same key before.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, _task: &Task, approval: &Approval, key: Option<[u8; 32]>) -> Result<bool, StoreError> {
    let (person, org) = match approval.opens {
        Opens::Record(person) => (Some(person), None),
        Opens::Export(org) => (None, Some(org)),
    };
    let values = args![
        approval.id,
        person,
        org,
        approval.purpose.clone(),
        approval.asked_by,
        key,
        approval.asked_at,
        approval.state.as_str(),
        approval.expires_at,
        approval.version,
    ];
    tx.execute_one(INSERT, values).await
}

/// The request that a person made with a key.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_key(tx: &mut Tx, _task: &Task, by: PersonId, key: [u8; 32]) -> Result<Option<Approval>, StoreError> {
    tx.optional(BY_KEY, args![by, key]).await
}

/// A request by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
    tx.optional(FIND, args![id]).await
}

/// Writes a decided request, whose version was counted up by one. `false` when somebody else decided it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, _task: &Task, approval: &Approval) -> Result<bool, StoreError> {
    let values = args![
        approval.id,
        approval.state.as_str(),
        approval.decided_by,
        approval.decided_at,
        approval.expires_at,
        approval.version,
    ];
    tx.execute_one(UPDATE, values).await
}

/// Requests of others that wait to be decided, the oldest first, behind an id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn waiting(
    tx: &mut Tx,
    _task: &Task,
    not_by: PersonId,
    after: ApprovalId,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Approval>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.all(WAITING, args![now, not_by, after, limit]).await
}

/// What a person asked for, the oldest first, behind an id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn asked(
    tx: &mut Tx,
    _task: &Task,
    by: PersonId,
    after: ApprovalId,
    limit: usize,
) -> Result<Vec<Approval>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.all(ASKED, args![by, after, limit]).await
}
