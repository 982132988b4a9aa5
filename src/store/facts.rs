//! Small facts about the installation: fingerprints of the root secrets, change stamps, notes.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::time::Timestamp;

statements! {
    FINGERPRINTS = "SELECT name, fingerprint FROM root_secret ORDER BY name";
    CLAIM_FINGERPRINT = "INSERT INTO root_secret (name, fingerprint, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    STAMP = "SELECT stamp AS n FROM change_stamp WHERE name = $1";
    BUMP = "INSERT INTO change_stamp (name, stamp) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET stamp = change_stamp.stamp + 1";
    NOTE = "SELECT value FROM meta WHERE name = $1";
    SET_NOTE = "INSERT INTO meta (name, value, updated_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
    FORGET_NOTE = "DELETE FROM meta WHERE name = $1";
}

/// Caches that a change stamp guards (R15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Signing keys.
    Keys,
    /// Registered clients.
    Clients,
    /// Types of authorization details, and the names of resources.
    AuthorizationTypes,
}

impl Cache {
    fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Clients => "clients",
            Self::AuthorizationTypes => "authorization_types",
        }
    }
}

/// The name of a root secret and its fingerprint.
pub struct Fingerprint {
    /// `root`, `seal`, `index`, `audit`.
    pub name: String,
    /// Keyed digest of a fixed label.
    pub fingerprint: [u8; 32],
}

impl FromRow for Fingerprint {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { name: row.get("name")?, fingerprint: row.get("fingerprint")? })
    }
}

struct Number(i64);

impl FromRow for Number {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("n")?))
    }
}

struct Text(String);

impl FromRow for Text {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("value")?))
    }
}

/// Fingerprints of the root secrets this database was made with.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn fingerprints(tx: &mut Tx) -> Result<Vec<Fingerprint>, StoreError> {
    tx.all(FINGERPRINTS, args![]).await
}

/// Claims a name for a fingerprint; one first start wins, and `false` says that another one did.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn claim_fingerprint(
    tx: &mut Tx,
    name: &str,
    fingerprint: [u8; 32],
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(CLAIM_FINGERPRINT, args![name, fingerprint, now]).await
}

/// The current stamp; 0 before the first change.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn stamp(tx: &mut Tx, cache: Cache) -> Result<i64, StoreError> {
    Ok(tx.optional::<Number>(STAMP, args![cache.name()]).await?.map_or(0, |row| row.0))
}

/// Tells every process that a cache is stale.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn bump(tx: &mut Tx, cache: Cache) -> Result<(), StoreError> {
    tx.execute(BUMP, args![cache.name()]).await?;
    Ok(())
}

/// A note by name.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn note(tx: &mut Tx, name: &str) -> Result<Option<String>, StoreError> {
    Ok(tx.optional::<Text>(NOTE, args![name]).await?.map(|row| row.0))
}

/// Sets a note.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_note(tx: &mut Tx, name: &str, value: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(SET_NOTE, args![name, value, now]).await?;
    Ok(())
}

/// Forgets a note; whether it was this call that did.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget_note(tx: &mut Tx, name: &str) -> Result<bool, StoreError> {
    tx.execute_one(FORGET_NOTE, args![name]).await
}
