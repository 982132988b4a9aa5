//! Signing keys, wrapped by `root.key`, so that one rotation reaches all replicas (R2).

use super::db::{FromRow, Lock, Row, StoreError, Tx, args, statements};
use crate::domain::oidc::signing_key::StoredKey;

statements! {
    LIST = "SELECT kid, alg, wrapped, public_jwk, state, created_at, activated_at, retires_at FROM signing_key ORDER BY created_at, kid";
    INSERT = "INSERT INTO signing_key (kid, alg, wrapped, public_jwk, state, created_at, activated_at, retires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    UPDATE = "UPDATE signing_key SET state = $2, activated_at = $3, retires_at = $4 WHERE kid = $1";
    DELETE = "DELETE FROM signing_key WHERE kid = $1";
}

impl FromRow for StoredKey {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            kid: row.get("kid")?,
            alg: row.code("alg")?,
            wrapped: row.get("wrapped")?,
            public_jwk: row.get("public_jwk")?,
            state: row.code("state")?,
            created_at: row.get("created_at")?,
            activated_at: row.get("activated_at")?,
            retires_at: row.get("retires_at")?,
        })
    }
}

/// One process at a time changes the keyring.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn lock(tx: &mut Tx) -> Result<bool, StoreError> {
    tx.try_lock(Lock::Keyring).await
}

/// All keys, oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn list(tx: &mut Tx) -> Result<Vec<StoredKey>, StoreError> {
    tx.all(LIST, args![]).await
}

/// Adds a key.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, key: &StoredKey) -> Result<(), StoreError> {
    let values = args![
        key.kid.clone(),
        key.alg.as_str(),
        key.wrapped.clone(),
        key.public_jwk.clone(),
        key.state.as_str(),
        key.created_at,
        key.activated_at,
        key.retires_at,
    ];
    tx.execute(INSERT, values).await?;
    Ok(())
}

/// Stores where a key has got to.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, key: &StoredKey) -> Result<(), StoreError> {
    tx.execute(UPDATE, args![key.kid.clone(), key.state.as_str(), key.activated_at, key.retires_at]).await?;
    Ok(())
}

/// Drops a key whose last token has expired.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn delete(tx: &mut Tx, kid: &str) -> Result<(), StoreError> {
    tx.execute(DELETE, args![kid]).await?;
    Ok(())
}
