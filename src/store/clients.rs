//! Registered relying parties.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use super::row_states;
use crate::domain::access::{ClientScope, Task};
use crate::domain::id::{ClientId, OrgId, PersonId};
use crate::domain::oidc::client::{Client, ClientKind, ClientStatus, Document, LawfulBasis, OldSecret, SYSTEM_SECTOR};
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO client (id, kind, name, metadata, sector, secret_digest, secret_sealed, lawful_basis, require_pkce, status, created_at, updated_at, version, org_id, document_url, document_until, vouched)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10, $10, 1, $11, $12, $13, $14) ON CONFLICT (document_url) DO NOTHING";
    FIND = "SELECT * FROM client WHERE id = $1";
    AT = "SELECT * FROM client WHERE document_url = $1";
    LIST = "SELECT * FROM client ORDER BY id";
    PLATFORMS = "SELECT * FROM client WHERE status = 'active' AND kind = 'platform' ORDER BY name, id";
    // Guarded by the version that was read: a secret that was replaced meanwhile stays replaced.
    UPDATE = "UPDATE client SET name = $2, metadata = $3, secret_digest = $4, secret_sealed = $5, require_pkce = $6, updated_at = $7, version = version + 1,
            old_secret_digest = $11, old_secret_sealed = $12, old_secret_until = $13, document_until = $14, scope_cap = $16
        WHERE id = $1 AND status = $15 AND kind = $8 AND sector = $9 AND version = $10";
    BELIEVE = "UPDATE client SET document_until = $2 WHERE id = $1";
    // Nobody ever arrived there: no subject was made for it. Its address may come again, as another client.
    FORGET_UNUSED = "UPDATE client SET status = 'removed', document_url = NULL, document_until = NULL, updated_at = $2, version = version + 1
        WHERE id = $3 AND document_url IS NOT NULL AND status = 'active' AND org_id IS NULL AND created_at < $1
          AND NOT EXISTS (SELECT 1 FROM subject s WHERE s.sector = client.sector)";
    UNUSED = "SELECT * FROM client WHERE document_url IS NOT NULL AND status = 'active' AND org_id IS NULL AND created_at < $1
        AND NOT EXISTS (SELECT 1 FROM subject s WHERE s.sector = client.sector) AND document_url > $3 ORDER BY document_url LIMIT $2";
    SET_SECRETS = "UPDATE client SET secret_digest = $2, secret_sealed = $3, old_secret_digest = $4, old_secret_sealed = $5, old_secret_until = $6, updated_at = $7, version = version + 1
        WHERE id = $1 AND status = 'active' AND version = $8";
    // A word that took it out of use stays with an office above the new institution, and is else the new institution's.
    ASSIGN = "UPDATE client SET org_id = $2, keeper_id = $4, heir_of = NULL, suspended_under = CASE WHEN suspended_under IS NULL THEN NULL
        WHEN suspended_under <> org_id AND EXISTS (SELECT 1 FROM institution_closure k WHERE k.ancestor_id = client.suspended_under AND k.descendant_id = $2) THEN suspended_under ELSE $2 END, updated_at = $3, version = version + 1 WHERE id = $1 AND status <> 'removed'";
    SET_KEEPER = "UPDATE client SET keeper_id = $2 WHERE id = $1";
    OF_ORG = "SELECT * FROM client WHERE org_id = $1 AND status <> 'removed' ORDER BY id";
    INHERIT = "UPDATE client SET org_id = $2, heir_of = $3, updated_at = $4, version = version + 1 WHERE id = $1 AND version = $5";
    UNDER = "SELECT c.*, o.name AS institution FROM client c JOIN institution_closure k ON k.descendant_id = c.org_id JOIN institution o ON o.id = c.org_id
        WHERE k.ancestor_id = $1 AND c.status <> 'removed' ORDER BY c.name, c.id";
    UNDER_HERS = "SELECT c.*, o.name AS institution FROM client c JOIN institution_closure k ON k.descendant_id = c.org_id JOIN institution o ON o.id = c.org_id
        WHERE k.ancestor_id = $1 AND c.status <> 'removed' AND c.kind = 'application'
          AND c.keeper_id = $2 ORDER BY c.name, c.id";
    FIND_UNDER = "SELECT c.*, o.name AS institution FROM client c JOIN institution_closure k ON k.descendant_id = c.org_id JOIN institution o ON o.id = c.org_id
        WHERE c.id = $1 AND k.ancestor_id = $2 AND c.status <> 'removed'";
    FIND_HERS = "SELECT c.*, o.name AS institution FROM client c JOIN institution_closure k ON k.descendant_id = c.org_id JOIN institution o ON o.id = c.org_id
        WHERE c.id = $1 AND k.ancestor_id = $2 AND c.status <> 'removed' AND c.kind = 'application'
          AND c.keeper_id = $3";
    GIVE_UP = "UPDATE client SET status = 'removed', updated_at = $2, version = version + 1 WHERE id = $1 AND status = 'active'";
    // The operator's word takes the place of whose it was before.
    SET_STATUS = "UPDATE client SET status = $2, updated_at = $3, version = version + 1, suspended_by = NULL, suspended_under = NULL WHERE id = $1 AND status <> 'removed'";
}

impl FromRow for Client {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            metadata: row.json("metadata")?,
            sector: row.get("sector")?,
            secret_digest: row.get("secret_digest")?,
            secret_sealed: row.get("secret_sealed")?,
            old_secret: match (row.get("old_secret_digest")?, row.get("old_secret_until")?) {
                (Some(digest), Some(until)) => Some(OldSecret { digest, sealed: row.get("old_secret_sealed")?, until }),
                _ => None,
            },
            status: row.code("status")?,
            created_at: row.get("created_at")?,
            org: row.get("org_id")?,
            heir_of: row.optional_json("heir_of")?.unwrap_or_default(),
            vouched: row.get("vouched")?,
            scope_cap: row.get("scope_cap")?,
            document: match (row.get("document_url")?, row.get("document_until")?) {
                (Some(url), Some(until)) => Some(Document { url, until }),
                _ => None,
            },
            version: row.get("version")?,
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

/// Adds a client; `false` when there is one of the same document already.
///
/// # Errors
/// As [`StoreError`] says; [`StoreError::Refused`] for an application in the sector of the platforms.
pub async fn insert(tx: &mut Tx, client: &Client) -> Result<bool, StoreError> {
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
        client.org,
        client.document.as_ref().map(|document| document.url.clone()),
        client.document.as_ref().map(|document| document.until),
        client.vouched,
    ];
    row_states::made(tx, RowKind::Client, &[client.id.0]);
    tx.execute_one(INSERT, values).await
}

/// Changes what was registered; `false` when the client was changed, suspended or removed since it was read, or would be of
/// another kind or sector: those stay, and so does the lawful basis.
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
        client.version,
        client.old_secret.as_ref().map(|old| old.digest),
        client.old_secret.as_ref().and_then(|old| old.sealed.clone()),
        client.old_secret.as_ref().map(|old| old.until),
        client.document.as_ref().map(|document| document.until),
        status_text(client.status),
        client.scope_cap.clone(),
    ];
    row_states::changing(tx, RowKind::Client, &[client.id.0]).await?;
    tx.execute_one(UPDATE, values).await
}

/// The document of a client was read again, says the same, and is believed until then.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn believe(tx: &mut Tx, id: ClientId, until: Timestamp) -> Result<(), StoreError> {
    tx.execute(BELIEVE, args![id, until]).await.map(drop)
}

/// Clients that came with a document before a moment and at which nobody arrived; at most `limit`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn unused(tx: &mut Tx, before: Timestamp, after: &str, limit: i64) -> Result<Vec<Client>, StoreError> {
    tx.all(UNUSED, args![before, limit, after]).await
}

/// Removes such a client; `false` when it is none any more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget_unused(tx: &mut Tx, id: ClientId, before: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Client, &[id.0]).await?;
    tx.execute_one(FORGET_UNUSED, args![before, now, id]).await
}

/// Keeps other secrets; `false` when the client is not active any more, or was changed since it was read.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_secrets(tx: &mut Tx, client: &Client, now: Timestamp) -> Result<bool, StoreError> {
    let old = client.old_secret.as_ref();
    let values = args![
        client.id,
        client.secret_digest,
        client.secret_sealed.clone(),
        old.map(|old| old.digest),
        old.and_then(|old| old.sealed.clone()),
        old.map(|old| old.until),
        now,
        client.version,
    ];
    row_states::changing(tx, RowKind::Client, &[client.id.0]).await?;
    tx.execute_one(SET_SECRETS, values).await
}

/// Says which institution answers for a client, and who besides those who run it; `false` when there is none of this id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn assign(
    tx: &mut Tx,
    id: ClientId,
    (org, keeper): (Option<OrgId>, Option<PersonId>),
    now: Timestamp,
) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Client, &[id.0]).await?;
    tx.execute_one(ASSIGN, args![id, org, now, keeper]).await
}

/// Says who registered a client in the console: it is hers, whoever else answers for it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_keeper(tx: &mut Tx, id: ClientId, keeper: PersonId) -> Result<(), StoreError> {
    row_states::changing(tx, RowKind::Client, &[id.0]).await?;
    tx.execute(SET_KEEPER, args![id, keeper]).await.map(drop)
}

/// The clients of an institution that ends are answered for by its heir, or by the operator alone; which they are. Where it
/// was `merged` into that, what people agreed to under it goes on.
///
/// # Errors
/// As [`StoreError`] says; [`StoreError::Busy`] when somebody changed one of them at the same moment.
pub async fn inherit(
    tx: &mut Tx,
    _task: &Task,
    (from, heir): (OrgId, Option<OrgId>),
    merged: bool,
    now: Timestamp,
) -> Result<Vec<ClientId>, StoreError> {
    let all: Vec<Client> = tx.all(OF_ORG, args![from]).await?;
    row_states::changing(tx, RowKind::Client, &all.iter().map(|client| client.id.0).collect::<Vec<_>>()).await?;
    for client in &all {
        let before = client.heir_of.iter().copied().chain([from]).filter(|_| merged);
        let before = serde_json::to_value(before.collect::<Vec<_>>());
        let before = before.map_err(|e| StoreError::Refused(e.to_string()))?;
        if !tx.execute_one(INHERIT, args![client.id, heir, before, now, client.version]).await? {
            return Err(StoreError::Busy);
        }
    }
    Ok(all.into_iter().map(|client| client.id).collect())
}

/// A client with the institution that answers for it.
struct Answered((Client, String));

impl FromRow for Answered {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self((Client::from_row(row)?, row.get("institution")?)))
    }
}

/// The clients that somebody answers for, by name, each with its institution.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn under(tx: &mut Tx, scope: &ClientScope) -> Result<Vec<(Client, String)>, StoreError> {
    let mut all: Vec<(Client, String)> = Vec::new();
    for (root, keeper) in scope.parts() {
        let (statement, values) = match keeper {
            None => (UNDER, args![root]),
            Some(keeper) => (UNDER_HERS, args![root, keeper]),
        };
        for Answered(found) in tx.all::<Answered>(statement, values).await? {
            if !all.iter().any(|(known, _)| known.id == found.0.id) {
                all.push(found);
            }
        }
    }
    Ok(all)
}

/// One of them.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find_under(
    tx: &mut Tx,
    scope: &ClientScope,
    id: ClientId,
) -> Result<Option<(Client, String)>, StoreError> {
    for (root, keeper) in scope.parts() {
        let (statement, values) = match keeper {
            None => (FIND_UNDER, args![id, root]),
            Some(keeper) => (FIND_HERS, args![id, root, keeper]),
        };
        if let Some(Answered(found)) = tx.optional(statement, values).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// One client.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, id: ClientId) -> Result<Option<Client>, StoreError> {
    tx.optional(FIND, args![id]).await
}

/// The client whose document stands at an address.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn at(tx: &mut Tx, url: &str) -> Result<Option<Client>, StoreError> {
    tx.optional(AT, args![url.to_owned()]).await
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
    row_states::changing(tx, RowKind::Client, &[id.0]).await?;
    tx.execute_one(GIVE_UP, args![id, now]).await
}

/// Suspends, removes or restores a client; `false` when there is none, or it is gone for good.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_status(tx: &mut Tx, id: ClientId, status: ClientStatus, now: Timestamp) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Client, &[id.0]).await?;
    tx.execute_one(SET_STATUS, args![id, status_text(status), now]).await
}
