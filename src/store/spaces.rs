//! Personal spaces 个人空间.

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::{OnePerson, Task};
use crate::domain::registry::space::Space;

statements! {
    INSERT = "INSERT INTO space (id, kind, url, status, merged_into, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    OF_PERSON = "SELECT s.id, s.kind, s.url, s.status, s.merged_into, s.created_at FROM space s JOIN person p ON p.space_id = s.id WHERE p.id = $1";
}

impl FromRow for Space {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.code("kind")?,
            url: row.get("url")?,
            status: row.code("status")?,
            merged_into: row.get("merged_into")?,
            created_at: row.get("created_at")?,
        })
    }
}

/// Adds a space; the person that it is for is added after it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, _task: &Task, space: &Space) -> Result<(), StoreError> {
    tx.execute(INSERT, values(space)).await?;
    Ok(())
}

/// Adds many spaces.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, spaces: &[Space]) -> Result<(), StoreError> {
    tx.insert_many(INSERT, spaces.iter().map(values).collect()).await?;
    Ok(())
}

fn values(space: &Space) -> Vec<Value> {
    args![space.id, space.kind.as_str(), space.url.clone(), space.status.as_str(), space.merged_into, space.created_at]
}

/// A person's space.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Option<Space>, StoreError> {
    tx.optional(OF_PERSON, args![proof.person()]).await
}
