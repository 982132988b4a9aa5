//! Who recorded the name, birth date or number of whom: nobody verifies her own words.

use std::collections::BTreeSet;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::OnePerson as _;
use crate::domain::access::{Task, TaskOn};
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO fact_author (person_id, author_id, created_at) VALUES ($1, $2, $3) ON CONFLICT (person_id, author_id) DO NOTHING";
    OF_MANY = "SELECT author_id FROM fact_author WHERE person_id IN ($1)";
}

struct Author(PersonId);

impl FromRow for Author {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("author_id")?))
    }
}

/// Notes that somebody recorded a fact of the person; once is enough.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on: &TaskOn, author: PersonId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(INSERT, args![on.person(), author, now]).await.map(drop)
}

/// The same of many people.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(
    tx: &mut Tx,
    _task: &Task,
    people: BTreeSet<PersonId>,
    author: PersonId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.insert_many(INSERT, people.into_iter().map(|person| args![person, author, now]).collect()).await.map(drop)
}

/// Everybody who recorded a fact of one of these records.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_many(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<BTreeSet<PersonId>, StoreError> {
    let keys = people.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<Author>(OF_MANY, &[], keys).await?.into_iter().map(|row| row.0).collect())
}
