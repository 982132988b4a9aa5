//! Resources that tokens are made for.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::oidc::resource::Resource;

statements! {
    INSERT = "INSERT INTO resource (uri, name, scopes, created_at, token_alg) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (uri) DO UPDATE SET name = excluded.name, scopes = excluded.scopes, token_alg = excluded.token_alg";
    FIND = "SELECT uri, name, scopes, created_at, token_alg FROM resource WHERE uri = $1";
    LIST = "SELECT uri, name, scopes, created_at, token_alg FROM resource ORDER BY uri";
}

impl FromRow for Resource {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            uri: row.get("uri")?,
            name: row.get("name")?,
            scopes: row.json("scopes")?,
            created_at: row.get("created_at")?,
            token_alg: row.code("token_alg")?,
        })
    }
}

/// Adds a resource, or changes its name, its scopes and how its tokens are signed.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn put(tx: &mut Tx, resource: &Resource) -> Result<(), StoreError> {
    let scopes = serde_json::json!(resource.scopes);
    let alg = resource.token_alg.as_str();
    tx.execute(INSERT, args![resource.uri.clone(), resource.name.clone(), scopes, resource.created_at, alg]).await?;
    Ok(())
}

/// One resource.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, uri: &str) -> Result<Option<Resource>, StoreError> {
    tx.optional(FIND, args![uri]).await
}

/// All resources.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn list(tx: &mut Tx) -> Result<Vec<Resource>, StoreError> {
    tx.all(LIST, args![]).await
}
