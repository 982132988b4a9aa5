//! Types of authorization details, as the operator defined them.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::oidc::authorization_type::AuthorizationType;
use crate::domain::time::Timestamp;

statements! {
    PUT = "INSERT INTO authorization_type (kind, definition, updated_at) VALUES ($1, $2, $3)
        ON CONFLICT (kind) DO UPDATE SET definition = excluded.definition, updated_at = excluded.updated_at";
    LIST = "SELECT definition FROM authorization_type ORDER BY kind";
    REMOVE = "DELETE FROM authorization_type WHERE kind = $1";
}

impl FromRow for AuthorizationType {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        row.json("definition")
    }
}

/// Adds a type, or changes it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn put(tx: &mut Tx, kind: &AuthorizationType, now: Timestamp) -> Result<(), StoreError> {
    let definition = serde_json::to_value(kind).map_err(|e| StoreError::Refused(e.to_string()))?;
    tx.execute(PUT, args![kind.kind.clone(), definition, now]).await?;
    Ok(())
}

/// All types.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn list(tx: &mut Tx) -> Result<Vec<AuthorizationType>, StoreError> {
    tx.all(LIST, args![]).await
}

/// Takes a type away; whether there was one.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn remove(tx: &mut Tx, kind: &str) -> Result<bool, StoreError> {
    tx.execute_one(REMOVE, args![kind]).await
}
