//! Access tokens without a grant that were called back; kept until they would have ended anyway.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO revoked_token (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
    FIND = "SELECT digest FROM revoked_token WHERE digest = $1";
    FORGET = "DELETE FROM revoked_token WHERE expires_at < $1";
}

struct Digest([u8; 32]);

impl FromRow for Digest {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("digest")?))
    }
}

/// Calls a token back, by the digest of its `jti`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, digest: [u8; 32], expires_at: Timestamp) -> Result<(), StoreError> {
    tx.execute(INSERT, args![digest, expires_at]).await?;
    Ok(())
}

/// Whether a token was called back.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn holds(tx: &mut Tx, digest: [u8; 32]) -> Result<bool, StoreError> {
    let found: Option<Digest> = tx.optional(FIND, args![digest]).await?;
    Ok(found.is_some_and(|found| found.0 == digest))
}

/// Forgets those that have ended.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> Result<(), StoreError> {
    tx.execute(FORGET, args![before]).await?;
    Ok(())
}
