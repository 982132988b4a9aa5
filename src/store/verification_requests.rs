//! Questions to verification services that wait for their answer 核验请求.

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::{OnePerson as _, Task, TaskOn};
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::registry::verification_request::{CallFault, RequestState, VerificationRequest};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO verification_request (id, person_id, service, method, state, attempts, next_at, requested_by, created_at) VALUES ($1, $2, $3, $4, 'waiting', 0, $7, $6, $5)
        ON CONFLICT (person_id, service) WHERE state = 'waiting' DO NOTHING";
    // Only by whoever holds the last lease: an answer that came too late finds it taken by somebody else.
    END = "UPDATE verification_request SET state = $3, fault = NULL, ended_at = $4 WHERE id = $1 AND state = 'waiting' AND attempts = $2";
    LATER = "UPDATE verification_request SET next_at = $3, fault = $4 WHERE id = $1 AND state = 'waiting' AND attempts = $2";
    GIVE_UP = "UPDATE verification_request SET state = 'failed', fault = $3, ended_at = $4 WHERE id = $1 AND state = 'waiting' AND attempts = $2";
    // One that waits already says the same.
    RETRY = "UPDATE verification_request SET state = 'waiting', attempts = 0, next_at = $2, ended_at = NULL WHERE id = $1 AND state IN ('waiting', 'failed')
        AND NOT EXISTS (SELECT 1 FROM verification_request o WHERE o.person_id = verification_request.person_id AND o.service = verification_request.service AND o.state = 'waiting' AND o.id <> verification_request.id)";
    FIND = "SELECT * FROM verification_request WHERE id = $1";
    OPEN = "SELECT * FROM verification_request WHERE state IN ('waiting', 'failed') ORDER BY created_at, id LIMIT $1";
    LAST = "SELECT * FROM verification_request WHERE person_id = $1 AND service = $2 ORDER BY created_at DESC, id DESC LIMIT 1";
    COUNT = "INSERT INTO verification_count (admin_id, day, asked) VALUES ($1, $2, 1)
        ON CONFLICT (admin_id, day) DO UPDATE SET asked = verification_count.asked + 1 WHERE verification_count.asked < $3";
    OF_PERSON = "SELECT * FROM verification_request WHERE person_id = $1 ORDER BY created_at, id";
    @claim TAKE = "UPDATE verification_request SET attempts = attempts + 1, next_at = $3
        WHERE id = (SELECT id FROM verification_request WHERE state = 'waiting' AND service = $1 AND next_at <= $2 ORDER BY next_at LIMIT 1",
        ") AND state = 'waiting' AND next_at <= $2 RETURNING *";
}

impl FromRow for VerificationRequest {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            service: row.get("service")?,
            method: row.code("method")?,
            state: row.code("state")?,
            fault: row.optional_code("fault")?,
            attempts: u32::try_from(row.get::<i64>("attempts")?).unwrap_or(u32::MAX),
            next_at: row.get("next_at")?,
            requested_by: row.get("requested_by")?,
            created_at: row.get("created_at")?,
            ended_at: row.get("ended_at")?,
        })
    }
}

/// Adds a question about the person; `false` when the same waits already.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on: &TaskOn, request: &VerificationRequest) -> Result<bool, StoreError> {
    let values = args![
        request.id,
        on.person(),
        request.service.clone(),
        request.method.as_str(),
        request.created_at,
        request.requested_by,
        request.next_at,
    ];
    tx.execute_one(INSERT, values).await
}

/// The last one about the person at a service.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn last(tx: &mut Tx, on: &TaskOn, service: &str) -> Result<Option<VerificationRequest>, StoreError> {
    tx.optional(LAST, args![on.person(), service]).await
}

/// Counts a question that an administrator causes on a day; `false` when that would go beyond her budget.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn count(
    tx: &mut Tx,
    _task: &Task,
    admin: PersonId,
    day: NaiveDate,
    budget: i64,
) -> Result<bool, StoreError> {
    tx.execute_one(COUNT, args![admin, day, budget]).await
}

/// Takes one that is due for a service, and keeps it from others until `lease`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn take(
    tx: &mut Tx,
    _task: &Task,
    service: &str,
    now: Timestamp,
    lease: Timestamp,
) -> Result<Option<VerificationRequest>, StoreError> {
    tx.optional(TAKE, args![service, now, lease]).await
}

/// It was answered; `false` when somebody else took it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end(
    tx: &mut Tx,
    _task: &Task,
    request: &VerificationRequest,
    state: RequestState,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(END, args![request.id, i64::from(request.attempts), state.as_str(), now]).await
}

/// No answer came: it is asked again at `next`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn later(
    tx: &mut Tx,
    _task: &Task,
    request: &VerificationRequest,
    fault: Option<CallFault>,
    next: Timestamp,
) -> Result<bool, StoreError> {
    let fault = fault.map(CallFault::as_str);
    tx.execute_one(LATER, args![request.id, i64::from(request.attempts), next, fault]).await
}

/// No answer came, and it is asked no more until somebody says so.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn give_up(
    tx: &mut Tx,
    _task: &Task,
    request: &VerificationRequest,
    fault: CallFault,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(GIVE_UP, args![request.id, i64::from(request.attempts), fault.as_str(), now]).await
}

/// Asks one again at once; `false` when it was answered, or the same waits already.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn retry(tx: &mut Tx, _task: &Task, id: VerificationId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(RETRY, args![id, now]).await
}

/// One by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, id: VerificationId) -> Result<Option<VerificationRequest>, StoreError> {
    tx.optional(FIND, args![id]).await
}

/// Those that wait or were given up, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open(tx: &mut Tx, _task: &Task, limit: i64) -> Result<Vec<VerificationRequest>, StoreError> {
    tx.all(OPEN, args![limit]).await
}

/// All about a person, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, on: &TaskOn) -> Result<Vec<VerificationRequest>, StoreError> {
    tx.all(OF_PERSON, args![on.person()]).await
}
