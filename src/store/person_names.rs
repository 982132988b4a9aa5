//! Names that people bore before 曾用名.

use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::{OnePerson, TaskOn};
use crate::domain::registry::name::PersonName;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO person_name (id, person_id, name, name_key, ended_at, created_at) VALUES ($1, $2, $3, $4, $5, $5)";
    DROP_ONE = "DELETE FROM person_name WHERE id = $1 AND person_id = $2";
    OF_PERSON = "SELECT name, ended_at FROM person_name WHERE person_id = $1 AND name IS NOT NULL ORDER BY ended_at, id";
}

/// A name that is borne no more.
pub struct FormerName {
    /// The name.
    pub name: PersonName,
    /// Until when the register had it.
    pub ended_at: Timestamp,
}

impl FromRow for FormerName {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { name: PersonName::from_stored(row.get("name")?), ended_at: row.get("ended_at")? })
    }
}

/// Keeps a name that the person bore until now.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn keep(tx: &mut Tx, on: &TaskOn, id: Uuid, name: &PersonName, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(INSERT, args![id, on.person(), name.as_str(), name.name_key(), now]).await?;
    Ok(())
}

/// What a person was called before, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<FormerName>, StoreError> {
    tx.all(OF_PERSON, args![proof.person()]).await
}

/// Takes back a name that turned out to be another person's.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn drop_one(tx: &mut Tx, on: &TaskOn, id: Uuid) -> Result<(), StoreError> {
    tx.execute(DROP_ONE, args![id, on.person()]).await?;
    Ok(())
}
