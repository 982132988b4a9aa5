//! Registered relying parties.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{Client, ClientKind, ClientStatus, LawfulBasis};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO client (id, kind, name, metadata, sector, secret_digest, secret_sealed, lawful_basis, require_pkce, status, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10, $10, 1)";
    FIND = "SELECT id, metadata, sector, secret_digest, secret_sealed, status, created_at FROM client WHERE id = $1";
    LIST = "SELECT id, metadata, sector, secret_digest, secret_sealed, status, created_at FROM client ORDER BY id";
    UPDATE = "UPDATE client SET name = $2, metadata = $3, sector = $4, secret_digest = $5, secret_sealed = $6, require_pkce = $7, updated_at = $8, version = version + 1
        WHERE id = $1 AND status = 'active'";
    SET_STATUS = "UPDATE client SET status = $2, updated_at = $3, version = version + 1 WHERE id = $1";
}

impl FromRow for Client {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            metadata: row.json("metadata")?,
            sector: row.get("sector")?,
            secret_digest: row.get("secret_digest")?,
            secret_sealed: row.get("secret_sealed")?,
            status: row.code("status")?,
            created_at: row.get("created_at")?,
        })
    }
}

impl std::str::FromStr for ClientStatus {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            "removed" => Ok(Self::Removed),
            _ => Err(()),
        }
    }
}

fn status_text(status: ClientStatus) -> &'static str {
    match status {
        ClientStatus::Active => "active",
        ClientStatus::Suspended => "suspended",
        ClientStatus::Removed => "removed",
    }
}

/// Adds a client.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, client: &Client) -> Result<(), StoreError> {
    let metadata = serde_json::to_value(&client.metadata).map_err(|e| StoreError::Refused(e.to_string()))?;
    let kind = match client.metadata.edu_client_kind {
        ClientKind::Platform => "platform",
        ClientKind::Application => "application",
    };
    let basis = client.metadata.edu_lawful_basis.map(|LawfulBasis::Statutory| "statutory");
    let values = args![
        client.id,
        kind,
        client.display_name(false),
        metadata,
        client.sector.clone(),
        client.secret_digest,
        client.secret_sealed.clone(),
        basis,
        client.requires_pkce(),
        client.created_at,
    ];
    tx.execute(INSERT, values).await?;
    Ok(())
}

/// Changes what was registered; `false` when the client is not active any more. Kind and lawful basis stay.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, client: &Client, now: Timestamp) -> Result<bool, StoreError> {
    let metadata = serde_json::to_value(&client.metadata).map_err(|e| StoreError::Refused(e.to_string()))?;
    let values = args![
        client.id,
        client.display_name(false),
        metadata,
        client.sector.clone(),
        client.secret_digest,
        client.secret_sealed.clone(),
        client.requires_pkce(),
        now,
    ];
    tx.execute_one(UPDATE, values).await
}

/// One client.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, id: ClientId) -> Result<Option<Client>, StoreError> {
    tx.optional(FIND, args![id]).await
}

/// All clients, oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn list(tx: &mut Tx) -> Result<Vec<Client>, StoreError> {
    tx.all(LIST, args![]).await
}

/// Suspends, removes or restores a client; whether it exists.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_status(tx: &mut Tx, id: ClientId, status: ClientStatus, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(SET_STATUS, args![id, status_text(status), now]).await
}
