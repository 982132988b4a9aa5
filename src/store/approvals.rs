//! Approvals 审批 of full records and exports (ruling R19).

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::{Subtree, Task};
use crate::domain::id::{ApprovalId, OrgId, PersonId};
use crate::domain::registry::approval::{Approval, Opens};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO approval (id, person_id, org_id, purpose, asked_by, asked_through, asked_at, state, expires_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    FIND = "SELECT * FROM approval WHERE id = $1";
    UPDATE = "UPDATE approval SET state = $2, decided_by = $3, decided_at = $4, expires_at = $5, version = $6 WHERE id = $1 AND version = $6 - 1";
    // About an institution below a root, or about somebody who studies, works or has a child there.
    WAITING = "SELECT a.* FROM approval a WHERE a.state = 'pending' AND a.expires_at > $1 AND a.asked_by <> $2 AND a.id > $3 AND (
            EXISTS (SELECT 1 FROM institution_closure c WHERE c.descendant_id = a.org_id AND c.ancestor_id = $4)
            OR EXISTS (SELECT 1 FROM enrolment e JOIN institution_closure c ON c.descendant_id = e.org_id WHERE e.person_id = a.person_id AND c.ancestor_id = $4)
            OR EXISTS (SELECT 1 FROM staffing s JOIN institution_closure c ON c.descendant_id = s.org_id WHERE s.person_id = a.person_id AND c.ancestor_id = $4)
            OR EXISTS (SELECT 1 FROM guardianship g JOIN enrolment e ON e.person_id = g.child_id JOIN institution_closure c ON c.descendant_id = e.org_id WHERE g.guardian_id = a.person_id AND c.ancestor_id = $4)
        ) ORDER BY a.id LIMIT $5";
    COUNT_WAITING = "SELECT COUNT(*) AS n FROM approval WHERE asked_by = $1 AND state = 'pending' AND expires_at > $2";
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
            asked_through: row.get("asked_through")?,
            asked_at: row.get("asked_at")?,
            state: row.code("state")?,
            decided_by: row.get("decided_by")?,
            decided_at: row.get("decided_at")?,
            expires_at: row.get("expires_at")?,
            version: row.get("version")?,
        })
    }
}

/// Adds a request.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, _task: &Task, approval: &Approval) -> Result<(), StoreError> {
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
        approval.asked_through,
        approval.asked_at,
        approval.state.as_str(),
        approval.expires_at,
        approval.version,
    ];
    tx.execute(INSERT, values).await.map(drop)
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

/// Requests of others that wait to be decided, about what may lie in a scope; the oldest first, behind an id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn waiting(
    tx: &mut Tx,
    scope: &Subtree,
    after: ApprovalId,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Approval>, StoreError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut found: Vec<Approval> = Vec::new();
    for root in scope.roots() {
        found.extend(tx.all::<Approval>(WAITING, args![now, scope.admin(), after, root, most]).await?);
    }
    found.sort_by_key(|approval| approval.id);
    found.dedup_by_key(|approval| approval.id);
    found.truncate(limit);
    Ok(found)
}

struct Count(i64);

impl FromRow for Count {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("n")?))
    }
}

/// How many requests of a person wait to be decided.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn count_waiting(tx: &mut Tx, _task: &Task, by: PersonId, now: Timestamp) -> Result<i64, StoreError> {
    Ok(tx.optional::<Count>(COUNT_WAITING, args![by, now]).await?.map_or(0, |row| row.0))
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
