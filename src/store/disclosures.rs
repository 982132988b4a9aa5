//! Whose record was shown to whom: the audit entries that did, by person.

use serde_json::Value as Json;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::OnePerson;
use crate::domain::id::{AuditId, PersonId};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO disclosure (person_id, entry_id, at) VALUES ($1, $2, $3)";
    FORGET = "DELETE FROM disclosure WHERE at < $1";
    OF_ENTRIES = "SELECT entry_id, person_id FROM disclosure WHERE entry_id IN ($1)";
    OLDEST = "SELECT at FROM disclosure ORDER BY at LIMIT 1";
    OF_PERSON = "SELECT d.entry_id AS entry_id, d.at AS at, e.actor AS actor, e.target AS target, e.action AS action, e.reason AS reason FROM disclosure d JOIN audit_entry e ON e.id = d.entry_id
        WHERE d.person_id = $1 AND d.entry_id < $2 ORDER BY d.entry_id DESC LIMIT $3";
}

/// That somebody's record was shown.
pub struct Shown {
    /// The audit entry.
    pub entry: AuditId,
    /// When.
    pub at: Timestamp,
    /// To whom, as the entry says.
    pub actor: Json,
    /// What was looked at.
    pub target: Json,
    /// What was done.
    pub action: String,
    /// Why, where a purpose was given.
    pub reason: Option<String>,
}

impl FromRow for Shown {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            entry: row.get("entry_id")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            target: row.get("target")?,
            action: row.get("action")?,
            reason: row.get("reason")?,
        })
    }
}

/// Notes whose records an entry of this transaction showed.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, entry: AuditId, at: Timestamp, people: &[PersonId]) -> Result<(), StoreError> {
    tx.insert_many(INSERT, people.iter().map(|person| args![*person, entry, at]).collect()).await.map(drop)
}

/// Forgets what was shown before a moment; how many rows.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    tx.execute(FORGET, args![before]).await
}

struct ShownBy(AuditId, PersonId);

impl FromRow for ShownBy {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("entry_id")?, row.get("person_id")?))
    }
}

/// Whose records some entries showed, in no order.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_entries(tx: &mut Tx, entries: &[AuditId]) -> Result<Vec<(AuditId, PersonId)>, StoreError> {
    let keys = entries.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<ShownBy>(OF_ENTRIES, &[], keys).await?.into_iter().map(|row| (row.0, row.1)).collect())
}

struct At(Timestamp);

impl FromRow for At {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("at")?))
    }
}

/// When the oldest was shown that is still kept.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn oldest(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    Ok(tx.optional::<At>(OLDEST, args![]).await?.map(|row| row.0))
}

/// Who was shown the record of the person, the newest first, before an entry.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(
    tx: &mut Tx,
    proof: &impl OnePerson,
    before: AuditId,
    limit: usize,
) -> Result<Vec<Shown>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.all(OF_PERSON, args![proof.person(), before, limit]).await
}
