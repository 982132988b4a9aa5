//! Requests of the API that carried an `Idempotency-Key`, and what they were answered, for a day.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::Task;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;

statements! {
    BEGIN = "INSERT INTO api_request (person_id, key_digest, request_digest, begun_at) VALUES ($1, $2, $3, $4) ON CONFLICT (person_id, key_digest) DO NOTHING";
    FIND = "SELECT request_digest, status, answer_sealed FROM api_request WHERE person_id = $1 AND key_digest = $2";
    ANSWER = "UPDATE api_request SET status = $3, answer_sealed = $4 WHERE person_id = $1 AND key_digest = $2 AND status IS NULL";
    TAKE_BACK = "DELETE FROM api_request WHERE person_id = $1 AND key_digest = $2 AND status IS NULL";
    FORGET = "DELETE FROM api_request WHERE begun_at < $1";
}

/// What is kept of a request.
pub struct Kept {
    /// Keyed digest of what was asked.
    pub request: [u8; 32],
    /// The HTTP status and the sealed body of the answer; none while it is at work, or when it was cut off.
    pub answer: Option<(i64, String)>,
}

impl FromRow for Kept {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let answer = row.get::<Option<i64>>("status")?.zip(row.get::<Option<String>>("answer_sealed")?);
        Ok(Self { request: row.get("request_digest")?, answer })
    }
}

/// Begins a request of a person under a key; `false` when there is one.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn begin(
    tx: &mut Tx,
    _task: &Task,
    (person, key): (PersonId, [u8; 32]),
    request: [u8; 32],
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(BEGIN, args![person, key, request, now]).await
}

/// The request of a person under a key.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, (person, key): (PersonId, [u8; 32])) -> Result<Option<Kept>, StoreError> {
    tx.optional(FIND, args![person, key]).await
}

/// Keeps what a request was answered.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn answer(
    tx: &mut Tx,
    _task: &Task,
    (person, key): (PersonId, [u8; 32]),
    status: u16,
    sealed: String,
) -> Result<(), StoreError> {
    tx.execute(ANSWER, args![person, key, i64::from(status), sealed]).await.map(drop)
}

/// Forgets a request that came to nothing, so that it may be sent again.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn take_back(tx: &mut Tx, _task: &Task, (person, key): (PersonId, [u8; 32])) -> Result<(), StoreError> {
    tx.execute(TAKE_BACK, args![person, key]).await.map(drop)
}

/// Forgets what began before a moment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> Result<(), StoreError> {
    tx.execute(FORGET, args![before]).await.map(drop)
}
