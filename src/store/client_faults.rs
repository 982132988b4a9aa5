//! Failed requests of clients, few of each kind.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::ClientScope;
use crate::domain::id::ClientId;
use crate::domain::oidc::fault::{Fault, FaultKind};
use crate::domain::time::Timestamp;
use uuid::Uuid;

statements! {
    INSERT = "INSERT INTO client_fault (id, client_id, endpoint, kind, code, said, difference, proven, at, request_id, times) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    // The newest of a kind stay, and what a stranger can send takes no place from what only the client can.
    TRIM = "DELETE FROM client_fault WHERE client_id = $1 AND kind = $2 AND proven = $3
        AND id NOT IN (SELECT f.id FROM client_fault f WHERE f.client_id = $1 AND f.kind = $2 AND f.proven = $3 ORDER BY f.id DESC LIMIT $4)";
    OF_CLIENT = "SELECT f.* FROM client_fault f JOIN client c ON c.id = f.client_id JOIN institution_closure k ON k.descendant_id = c.org_id
        WHERE f.client_id = $1 AND k.ancestor_id = $2 AND f.at > $3 ORDER BY f.id DESC";
    OF_HERS = "SELECT f.* FROM client_fault f JOIN client c ON c.id = f.client_id JOIN institution_closure k ON k.descendant_id = c.org_id
        WHERE f.client_id = $1 AND k.ancestor_id = $2 AND f.at > $3 AND c.kind = 'application'
          AND c.keeper_id = $4 ORDER BY f.id DESC";
    FORGET = "DELETE FROM client_fault WHERE at < $1";
}

impl FromRow for Fault {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            client: row.get("client_id")?,
            endpoint: row.code("endpoint")?,
            kind: row.code("kind")?,
            code: row.get("code")?,
            said: row.get("said")?,
            difference: row.optional_json("difference")?,
            proven: row.get("proven")?,
            at: row.get("at")?,
            request_id: row.get("request_id")?,
            times: u32::try_from(row.get::<i64>("times")?).unwrap_or(u32::MAX),
        })
    }
}

/// Adds failed requests, each under a fresh id, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, all: &[(Uuid, Fault)]) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(all.len());
    for (id, fault) in all {
        let difference = fault.difference.as_ref().map(serde_json::to_value).transpose();
        rows.push(args![
            *id,
            fault.client,
            fault.endpoint.as_str(),
            fault.kind.as_str(),
            fault.code.clone(),
            fault.said.clone(),
            difference.map_err(|e| StoreError::Refused(e.to_string()))?,
            fault.proven,
            fault.at,
            fault.request_id,
            fault.times,
        ]);
    }
    tx.insert_many(INSERT, rows).await.map(drop)
}

/// Keeps the newest of a kind.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn trim(tx: &mut Tx, client: ClientId, kind: FaultKind, proven: bool, most: i64) -> Result<u64, StoreError> {
    tx.execute(TRIM, args![client, kind.as_str(), proven, most]).await
}

/// Failed requests since a moment of a client that somebody answers for, the newest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_client(
    tx: &mut Tx,
    scope: &ClientScope,
    client: ClientId,
    since: Timestamp,
) -> Result<Vec<Fault>, StoreError> {
    for (root, keeper) in scope.parts() {
        let (statement, values) = match keeper {
            None => (OF_CLIENT, args![client, root, since]),
            Some(keeper) => (OF_HERS, args![client, root, since, keeper]),
        };
        let found: Vec<Fault> = tx.all(statement, values).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Forgets what failed before a moment; how many rows.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    tx.execute(FORGET, args![before]).await
}
