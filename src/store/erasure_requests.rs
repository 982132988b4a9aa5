//! Requests to be erased (ruling R18).

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::{Door, OnePerson as _, Own, Task, TaskOn};
use crate::domain::id::{ErasureId, GuardianshipId};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::erasure::ErasureRequest;
use crate::domain::registry::guardianship::Keeper;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO erasure_request (id, person_id, asked_by, asked_at, state, code_digest, version) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (person_id) WHERE state = 'waiting' DO NOTHING";
    UPDATE = "UPDATE erasure_request SET state = $2, ended_at = $3, code_digest = $4, version = $5 WHERE id = $1 AND version = $5 - 1";
    OPEN_OF = "SELECT * FROM erasure_request WHERE person_id = $1 AND state = 'waiting'";
    BY_CODE = "SELECT * FROM erasure_request WHERE code_digest = $1";
    WAITING = "SELECT * FROM erasure_request WHERE state = 'waiting' AND id > $1 ORDER BY id LIMIT $2";
    // Of children that she speaks for: their records are closed, so that they stand in no other list of hers. What a child asked for
    // herself is hers.
    OF_WARDS = "SELECT r.*, g.id AS ward_id, p.name AS child_name, p.birth_date AS child_born, me.birth_date AS keeper_born, (SELECT COUNT(*) FROM enrolment s WHERE s.person_id = me.id) AS keeper_stays
        FROM guardianship g JOIN erasure_request r ON r.person_id = g.child_id AND r.state = 'waiting' AND r.asked_by <> r.person_id JOIN person p ON p.id = g.child_id JOIN person me ON me.id = g.guardian_id
        WHERE g.guardian_id = $1 AND g.status = 'confirmed' AND CAST(g.restrictions AS TEXT) = '[]' AND g.valid_from <= $2 AND (g.valid_to IS NULL OR g.valid_to > $2)
          AND (g.guardian_org_id IS NULL OR EXISTS (SELECT 1 FROM staffing f WHERE f.person_id = g.guardian_id AND f.org_id = g.guardian_org_id AND f.valid_to IS NULL)) ORDER BY g.id";
}

impl FromRow for ErasureRequest {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            asked_by: row.get("asked_by")?,
            asked_at: row.get("asked_at")?,
            state: row.code("state")?,
            ended_at: row.get("ended_at")?,
            code_digest: row.get("code_digest")?,
            version: row.get("version")?,
        })
    }
}

/// A request about a child, for a guardian of hers.
pub struct OfWard {
    /// The request.
    pub request: ErasureRequest,
    /// The relation by which she speaks for the child.
    pub ward: GuardianshipId,
    /// The child's name, to be masked.
    pub child_name: Option<String>,
    /// The child's birth date.
    pub child_born: Option<NaiveDate>,
    /// Whether she is of age herself.
    pub keeper: Keeper,
}

impl FromRow for OfWard {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            request: ErasureRequest::from_row(row)?,
            ward: row.get("ward_id")?,
            child_name: row.get("child_name")?,
            child_born: row.get("child_born")?,
            keeper: Keeper::from_row(row)?,
        })
    }
}

/// Adds a request; `false` when one waits already.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on: &TaskOn, request: &ErasureRequest) -> Result<bool, StoreError> {
    let values = args![
        request.id,
        on.person(),
        request.asked_by,
        request.asked_at,
        request.state.as_str(),
        request.code_digest,
        request.version,
    ];
    tx.execute_one(INSERT, values).await
}

/// Writes a changed request, whose version was counted up by one. `false` when somebody else ended it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, _on: &TaskOn, request: &ErasureRequest) -> Result<bool, StoreError> {
    let values = args![request.id, request.state.as_str(), request.ended_at, request.code_digest, request.version];
    tx.execute_one(UPDATE, values).await
}

/// The one that waits about a person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open_of(tx: &mut Tx, on: &TaskOn) -> Result<Option<ErasureRequest>, StoreError> {
    tx.optional(OPEN_OF, args![on.person()]).await
}

/// The one that a code stands for.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_code(tx: &mut Tx, _door: &Door, digest: [u8; 32]) -> Result<Option<ErasureRequest>, StoreError> {
    tx.optional(BY_CODE, args![digest]).await
}

/// Those that wait, a page behind `after`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn waiting(
    tx: &mut Tx,
    _task: &Task,
    after: ErasureId,
    limit: i64,
) -> Result<Vec<ErasureRequest>, StoreError> {
    tx.all(WAITING, args![after, limit]).await
}

/// Those that guardians asked for, and that wait, about children under 14 whom she speaks for now: from 14 on a child decides
/// herself (PIPL 31).
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_wards(tx: &mut Tx, own: &Own, now: Timestamp) -> Result<Vec<OfWard>, StoreError> {
    let today = now.shanghai_date();
    let mut found: Vec<OfWard> = tx.all(OF_WARDS, args![own.person(), today]).await?;
    found.retain(|one| one.keeper.is_of_age(today) && AgeBand::at(one.child_born, now) == AgeBand::Under14);
    Ok(found)
}
