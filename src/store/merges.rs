//! Merges: two records that became one person, and until when that can be undone. The rows are in
//! [`merge_rows`](super::merge_rows).

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::Task;
use crate::domain::id::PersonId;
use crate::domain::registry::merge::Merge;
use crate::domain::registry::person::Person;

statements! {
    INSERT = "INSERT INTO person_merge (id, survivor_id, absorbed_id, case_id, absorbed_status, state, reason, merged_by, merged_at, undo_until, undone_by, undone_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    UPDATE = "UPDATE person_merge SET state = $2, undone_by = $3, undone_at = $4, version = $5 WHERE id = $1 AND version = $5 - 1";
    DONE = "SELECT * FROM person_merge WHERE absorbed_id = $1 AND state = 'done'";
    INTO = "SELECT * FROM person_merge WHERE survivor_id = $1 AND state = 'done' ORDER BY merged_at, id";
    ALL_INTO = "WITH RECURSIVE chain (id) AS (
            SELECT absorbed_id FROM person_merge WHERE survivor_id = $1 AND state = 'done'
            UNION SELECT m.absorbed_id FROM person_merge m JOIN chain ON m.survivor_id = chain.id WHERE m.state = 'done'
        ) SELECT id FROM chain";
    // Who writes about one of the two waits until this transaction ends, and then finds her merged (both engines).
    @hold HOLD = "SELECT * FROM person WHERE id IN ($1, $2) ORDER BY id";
}

impl FromRow for Merge {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            survivor: row.get("survivor_id")?,
            absorbed: row.get("absorbed_id")?,
            case: row.get("case_id")?,
            absorbed_status: row.code("absorbed_status")?,
            state: row.code("state")?,
            reason: row.get("reason")?,
            merged_by: row.get("merged_by")?,
            merged_at: row.get("merged_at")?,
            undo_until: row.get("undo_until")?,
            undone_by: row.get("undone_by")?,
            undone_at: row.get("undone_at")?,
            version: row.get("version")?,
        })
    }
}

/// Adds a merge.
///
/// # Errors
/// `person_merge_absorbed_id_key` when the person was absorbed before.
pub async fn insert(tx: &mut Tx, _task: &Task, merge: &Merge) -> Result<(), StoreError> {
    let values = args![
        merge.id,
        merge.survivor,
        merge.absorbed,
        merge.case,
        merge.absorbed_status.as_str(),
        merge.state.as_str(),
        merge.reason.clone(),
        merge.merged_by,
        merge.merged_at,
        merge.undo_until,
        merge.undone_by,
        merge.undone_at,
        merge.version,
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Writes a changed merge, whose version was counted up by one. `false` when somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, _task: &Task, merge: &Merge) -> Result<bool, StoreError> {
    let values = args![merge.id, merge.state.as_str(), merge.undone_by, merge.undone_at, merge.version];
    tx.execute_one(UPDATE, values).await
}

/// The merge that absorbed a person, unless it was undone.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_absorbed(tx: &mut Tx, _task: &Task, absorbed: PersonId) -> Result<Option<Merge>, StoreError> {
    tx.optional(DONE, args![absorbed]).await
}

/// The merges that made a person what she is, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn into_person(tx: &mut Tx, _task: &Task, survivor: PersonId) -> Result<Vec<Merge>, StoreError> {
    tx.all(INTO, args![survivor]).await
}

/// Both people, in the order of their ids, kept from everybody else until the transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold(tx: &mut Tx, _task: &Task, one: PersonId, other: PersonId) -> Result<Vec<Person>, StoreError> {
    tx.all(HOLD, args![one, other]).await
}

struct Id(PersonId);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// Every id that leads to a person, through however many merges.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn all_into(tx: &mut Tx, _task: &Task, survivor: PersonId) -> Result<Vec<PersonId>, StoreError> {
    Ok(tx.all::<Id>(ALL_INTO, args![survivor]).await?.into_iter().map(|row| row.0).collect())
}
