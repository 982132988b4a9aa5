//! Registered relying parties.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{Client, ClientKind, ClientStatus, LawfulBasis, SYSTEM_SECTOR};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO client (id, kind, name, metadata, sector, secret_digest, secret_sealed, lawful_basis, require_pkce, status, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10, $10, 1)";
    FIND = "SELECT id, metadata, sector, secret_digest, secret_sealed, status, created_at FROM client WHERE id = $1";
    LIST = "SELECT id, metadata, sector, secret_digest, secret_sealed, status, created_at FROM client ORDER BY id";
    PLATFORMS = "SELECT id, metadata, sector, secret_digest, secret_sealed, status, created_at FROM client WHERE status = 'active' AND kind = 'platform' ORDER BY name, id";
    UPDATE = "UPDATE client SET name = $2, metadata = $3, secret_digest = $4, secret_sealed = $5, require_pkce = $6, updated_at = $7, version = version + 1
        WHERE id = $1 AND status = 'active' AND kind = $8 AND sector = $9";
    GIVE_UP = "UPDATE client SET status = 'removed', updated_at = $2, version = version + 1 WHERE id = $1 AND status = 'active'";
    SET_STATUS = "UPDATE client SET status = $2, updated_at = $3, version = version + 1 WHERE id = $1 AND status <> 'removed'";
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

/// The sector of the platforms is theirs alone: whatever was checked before, an application in it would hear raw
/// `person_id`s (R13).
fn check_sector(client: &Client) -> Result<(), StoreError> {
    if client.is_application() == (client.sector == SYSTEM_SECTOR) {
        return Err(StoreError::Refused("platforms, and nobody else, are in the sector of the system".into()));
    }
    Ok(())
}

fn kind_text(client: &Client) -> &'static str {
    match client.metadata.edu_client_kind {
        ClientKind::Platform => "platform",
        ClientKind::Application => "application",
    }
}

/// Adds a client.
///
/// # Errors
/// As [`StoreError`] says; [`StoreError::Refused`] for an application in the sector of the platforms.
pub async fn insert(tx: &mut Tx, client: &Client) -> Result<(), StoreError> {
    check_sector(client)?;
    let metadata = serde_json::to_value(&client.metadata).map_err(|e| StoreError::Refused(e.to_string()))?;
    let basis = client.metadata.edu_lawful_basis.map(|LawfulBasis::Statutory| "statutory");
    let values = args![
        client.id,
        kind_text(client),
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

/// Changes what was registered; `false` when the client is not active any more, or would be of another kind or sector:
/// those stay, and so does the lawful basis.
///
/// # Errors
/// As [`insert`].
pub async fn update(tx: &mut Tx, client: &Client, now: Timestamp) -> Result<bool, StoreError> {
    check_sector(client)?;
    let metadata = serde_json::to_value(&client.metadata).map_err(|e| StoreError::Refused(e.to_string()))?;
    let values = args![
        client.id,
        client.display_name(false),
        metadata,
        client.secret_digest,
        client.secret_sealed.clone(),
        client.requires_pkce(),
        now,
        kind_text(client),
        client.sector.clone(),
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

/// Active platforms of the system, by name.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn platforms(tx: &mut Tx) -> Result<Vec<Client>, StoreError> {
    tx.all(PLATFORMS, args![]).await
}

/// A client ends by its own word; `false` when it is not active any more: one that is suspended stays as it is.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn give_up(tx: &mut Tx, id: ClientId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(GIVE_UP, args![id, now]).await
}

/// Suspends, removes or restores a client; `false` when there is none, or it is gone for good.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_status(tx: &mut Tx, id: ClientId, status: ClientStatus, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(SET_STATUS, args![id, status_text(status), now]).await
}
