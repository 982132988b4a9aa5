//! Clients that registered themselves, and the tokens that let them.

use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::id::{ClientId, InitialTokenId};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::initial_token::{InitialToken, Policy};
use crate::domain::time::Timestamp;

statements! {
    INSERT_TOKEN = "INSERT INTO initial_token (id, digest, policy, uses_left, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    TOKEN = "SELECT id, policy, uses_left, expires_at, created_at FROM initial_token WHERE digest = $1 AND uses_left > 0 AND expires_at > $2";
    TOKENS = "SELECT id, policy, uses_left, expires_at, created_at FROM initial_token WHERE uses_left > 0 AND expires_at > $1 ORDER BY id";
    END_TOKEN = "UPDATE initial_token SET uses_left = 0 WHERE id = $1 AND uses_left > 0 AND expires_at > $2";
    RENEW = "UPDATE client_registration SET token_digest = $2 WHERE client_id = $1 AND EXISTS (SELECT 1 FROM client c WHERE c.id = $1 AND c.status <> 'removed')";
    SPEND = "UPDATE initial_token SET uses_left = uses_left - 1 WHERE id = $1 AND uses_left > 0 AND expires_at > $2";
    INSERT = "INSERT INTO client_registration (client_id, token_digest, policy, initial_token_id, created_at) VALUES ($1, $2, $3, $4, $5)";
    POLICY = "SELECT r.policy FROM client_registration r JOIN client c ON c.id = r.client_id
        WHERE r.client_id = $1 AND r.token_digest = $2 AND c.status = 'active'";
    POLICY_OF = "SELECT policy FROM client_registration WHERE client_id = $1";
    USED = "UPDATE client_registration SET used_at = $2 WHERE client_id = $1 AND used_at IS NULL";
    UNUSED = "SELECT c.* FROM client_registration r JOIN client c ON c.id = r.client_id
        WHERE r.used_at IS NULL AND r.created_at < $1 AND r.client_id > $3 AND c.status = 'active' AND c.org_id IS NULL ORDER BY r.client_id LIMIT $2";
    // Whoever uses it first writes the same row: one of the two is second, and finds it.
    HOLD_UNUSED = "UPDATE client_registration SET used_at = NULL WHERE client_id = $1 AND used_at IS NULL AND created_at < $2
        AND EXISTS (SELECT 1 FROM client c WHERE c.id = $1 AND c.org_id IS NULL)";
}

impl FromRow for InitialToken {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            policy: row.json("policy")?,
            uses_left: u32::try_from(row.get::<i64>("uses_left")?).map_err(|e| StoreError::Refused(e.to_string()))?,
            expires_at: row.get("expires_at")?,
            created_at: row.get("created_at")?,
        })
    }
}

impl FromRow for Policy {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        row.json("policy")
    }
}

fn json(policy: &Policy) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(policy).map_err(|e| StoreError::Refused(e.to_string()))
}

/// Adds an initial access token.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_token(tx: &mut Tx, token: &InitialToken, digest: [u8; 32]) -> Result<(), StoreError> {
    let values = args![token.id, digest, json(&token.policy)?, token.uses_left, token.expires_at, token.created_at];
    tx.execute(INSERT_TOKEN, values).await?;
    Ok(())
}

/// An initial access token that may be used now.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn token(tx: &mut Tx, digest: [u8; 32], now: Timestamp) -> Result<Option<InitialToken>, StoreError> {
    tx.optional(TOKEN, args![digest, now]).await
}

/// Initial access tokens that may be used now, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn tokens(tx: &mut Tx, now: Timestamp) -> Result<Vec<InitialToken>, StoreError> {
    tx.all(TOKENS, args![now]).await
}

/// Ends an initial access token; `false` when it could not be used any more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_token(tx: &mut Tx, token: InitialTokenId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(END_TOKEN, args![token, now]).await
}

/// Gives a registration another token, and takes the one it had; `false` when the client did not register itself, or
/// is gone.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn renew(tx: &mut Tx, client: ClientId, token_digest: [u8; 32]) -> Result<bool, StoreError> {
    tx.execute_one(RENEW, args![client, token_digest]).await
}

/// Uses an initial access token once; `false` when others used it up.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn spend(tx: &mut Tx, token: InitialTokenId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(SPEND, args![token, now]).await
}

/// Keeps how a client came to be.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(
    tx: &mut Tx,
    client: ClientId,
    token_digest: [u8; 32],
    policy: &Policy,
    initial: Option<InitialTokenId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(INSERT, args![client, token_digest, json(policy)?, initial, now]).await?;
    Ok(())
}

/// The policy of an active client, for whoever holds its registration access token.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn policy(tx: &mut Tx, client: ClientId, token_digest: [u8; 32]) -> Result<Option<Policy>, StoreError> {
    tx.optional(POLICY, args![client, token_digest]).await
}

/// The policy of a client that registered itself, for whoever else keeps it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn policy_of(tx: &mut Tx, client: ClientId) -> Result<Option<Policy>, StoreError> {
    tx.optional(POLICY_OF, args![client]).await
}

/// Somebody arrived at a client; it does not expire any more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn used(tx: &mut Tx, client: ClientId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(USED, args![client, now]).await?;
    Ok(())
}

/// Clients that registered themselves before a moment, were never used, and that nobody gave to an institution; at most `limit`
/// behind one of them.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn unused(
    tx: &mut Tx,
    before: Timestamp,
    after: Option<ClientId>,
    limit: i64,
) -> Result<Vec<Client>, StoreError> {
    tx.all(UNUSED, args![before, limit, after.unwrap_or(ClientId(Uuid::nil()))]).await
}

/// Holds the registration of such a client until the transaction ends; `false` when it is none any more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_unused(tx: &mut Tx, client: ClientId, before: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(HOLD_UNUSED, args![client, before]).await
}
