//! Subjects: what a sector calls a person, stored at first use (R13).

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;

statements! {
    FIND = "SELECT sub FROM subject WHERE person_id = $1 AND sector = $2";
    // No target: of two first uses at once the later one may meet the first in either index, and PostgreSQL forgives only
    // the named one.
    INSERT = "INSERT INTO subject (person_id, sector, sub, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    CALLED = "WITH RECURSIVE chain (id) AS (
            SELECT person_id FROM subject WHERE sector = $2 AND sub = $3
            UNION SELECT p.merged_into FROM person p JOIN chain ON chain.id = p.id WHERE p.merged_into IS NOT NULL
        ) SELECT id AS person_id FROM chain WHERE id = $1";
    BY_SUB = "SELECT person_id FROM subject WHERE sector = $1 AND sub = $2";
}

struct Sub(String);

impl FromRow for Sub {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("sub")?))
    }
}

/// What a sector calls a person, if it knows her.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, person: PersonId, sector: &str) -> Result<Option<String>, StoreError> {
    Ok(tx.optional::<Sub>(FIND, args![person, sector]).await?.map(|row| row.0))
}

/// What a sector calls a person from now on: `fresh`, unless it knows her already.
///
/// # Errors
/// As [`StoreError`] says; `Unique` when the sector calls somebody else `fresh`.
pub async fn first_use(
    tx: &mut Tx,
    person: PersonId,
    sector: &str,
    fresh: &str,
    now: Timestamp,
) -> Result<String, StoreError> {
    if let Some(known) = find(tx, person, sector).await? {
        return Ok(known);
    }
    tx.execute(INSERT, args![person, sector, fresh, now]).await?;
    find(tx, person, sector).await?.ok_or_else(|| StoreError::Unique("subject_sector_sub_key".into()))
}

struct Who(PersonId);

impl FromRow for Who {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("person_id")?))
    }
}

/// Whom a sector calls so.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn person(tx: &mut Tx, sector: &str, sub: &str) -> Result<Option<PersonId>, StoreError> {
    Ok(tx.optional::<Who>(BY_SUB, args![sector, sub]).await?.map(|row| row.0))
}

/// Whether a sector calls a person so, or called somebody so who was merged into her.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn is_called(tx: &mut Tx, person: PersonId, sector: &str, sub: &str) -> Result<bool, StoreError> {
    Ok(tx.optional::<Who>(CALLED, args![person, sector, sub]).await?.is_some())
}
