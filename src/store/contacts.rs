//! Contacts: a phone or e-mail to reach somebody by, sealed. Never a login by itself (ruling R9).

use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::{OnePerson, Task, TaskOn};
use crate::domain::id::PersonId;
use crate::domain::registry::contact::{ContactKind, ContactSource};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO contact (id, person_id, kind, value_sealed, value_index, source, confirmed_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (person_id, kind, value_index) WHERE ended_at IS NULL DO NOTHING";
    OF_PERSON = "SELECT id, kind, value_sealed, value_index, source, confirmed_at, created_at FROM contact WHERE person_id = $1 AND ended_at IS NULL
        ORDER BY CASE WHEN confirmed_at IS NULL THEN 1 ELSE 0 END, COALESCE(confirmed_at, created_at) DESC, id DESC";
    ENDED = "SELECT id, kind, value_sealed, value_index, source, confirmed_at, created_at FROM contact WHERE person_id = $1 AND ended_at IS NOT NULL ORDER BY created_at, id";
    END = "UPDATE contact SET ended_at = $3 WHERE id = $1 AND person_id = $2 AND ended_at IS NULL";
    HOLDERS = "SELECT person_id, value_index FROM contact WHERE kind = $1 AND value_index = $2 AND ended_at IS NULL ORDER BY person_id";
    OF_MANY = "SELECT person_id, value_index FROM contact WHERE ended_at IS NULL AND person_id IN ($1)";
}

/// A contact as stored.
pub struct StoredContact {
    /// Its id.
    pub id: Uuid,
    /// Phone or e-mail.
    pub kind: ContactKind,
    /// The value, sealed with the person's salt; gone after erasure.
    pub value_sealed: Option<Vec<u8>>,
    /// Keyed HMAC of the value.
    pub value_index: [u8; 32],
    /// Who said so.
    pub source: ContactSource,
    /// When its holder confirmed it.
    pub confirmed_at: Option<Timestamp>,
    /// First recorded.
    pub created_at: Timestamp,
}

impl FromRow for StoredContact {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.code("kind")?,
            value_sealed: row.get("value_sealed")?,
            value_index: row.get("value_index")?,
            source: row.code("source")?,
            confirmed_at: row.get("confirmed_at")?,
            created_at: row.get("created_at")?,
        })
    }
}

/// Records a contact; `false` when the person has it already.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on: &TaskOn, contact: &StoredContact) -> Result<bool, StoreError> {
    tx.execute_one(INSERT, values(on.person(), contact)).await
}

fn values(person: PersonId, contact: &StoredContact) -> Vec<Value> {
    args![
        contact.id,
        person,
        contact.kind.as_str(),
        contact.value_sealed.clone(),
        contact.value_index,
        contact.source.as_str(),
        contact.confirmed_at,
        contact.created_at,
    ]
}

/// The contacts of a person that hold. The first of a kind is the one that counts: what she confirmed, else what was said last.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<StoredContact>, StoreError> {
    tx.all(OF_PERSON, args![proof.person()]).await
}

/// Those of a person that ended.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn ended(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<StoredContact>, StoreError> {
    tx.all(ENDED, args![proof.person()]).await
}

/// Ends a contact of the person; `false` when it had ended.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end(tx: &mut Tx, proof: &impl OnePerson, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(END, args![id, proof.person(), now]).await
}

/// A contact of a new or known person, for a bulk insert.
pub struct NewContact {
    /// Whose.
    pub person: PersonId,
    /// What.
    pub contact: StoredContact,
}

/// Adds many contacts; those that are there stay.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, all: &[NewContact]) -> Result<u64, StoreError> {
    tx.insert_many(INSERT, all.iter().map(|new| values(new.person, &new.contact)).collect()).await
}

struct Held((PersonId, [u8; 32]));

impl FromRow for Held {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self((row.get("person_id")?, row.get("value_index")?)))
    }
}

/// Who can be reached by a phone or an address.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn holders(
    tx: &mut Tx,
    _task: &Task,
    kind: ContactKind,
    index: [u8; 32],
) -> Result<Vec<PersonId>, StoreError> {
    let found = tx.all::<Held>(HOLDERS, args![kind.as_str(), index]).await?;
    Ok(found.into_iter().map(|held| held.0.0).collect())
}

/// The indexes of the contacts that many people have.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn indexes_of_many(
    tx: &mut Tx,
    _task: &Task,
    people: &[PersonId],
) -> Result<Vec<(PersonId, [u8; 32])>, StoreError> {
    let keys = people.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<Held>(OF_MANY, &[], keys).await?.into_iter().map(|held| held.0).collect())
}
