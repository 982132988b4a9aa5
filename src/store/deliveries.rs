//! Back-channel logout tokens that wait for their receivers: one row each, so that a slow one holds up nobody.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::OnePerson;
use crate::domain::id::{ClientId, DeliveryId, SessionId};
use crate::domain::oidc::logout::Delivery;
use crate::domain::time::Timestamp;

statements! {
    // A grant keeps the name that it was given under (R13): of a session that a merge moved on, its client knows no other. One
    // that holds no grant yet is told the name that its sector has.
    RECEIVERS = "SELECT sc.client_id AS client_id, sc.sid AS sid, c.metadata AS metadata, CASE WHEN c.status = 'active' THEN TRUE ELSE FALSE END AS active, COALESCE((SELECT g.sub FROM oidc_grant g WHERE g.session_id = sc.session_id AND g.client_id = sc.client_id ORDER BY g.created_at DESC, g.id DESC LIMIT 1), sub.sub) AS sub
        FROM session_client sc JOIN client c ON c.id = sc.client_id JOIN session s ON s.id = sc.session_id
        JOIN subject sub ON sub.person_id = s.person_id AND sub.sector = c.sector
        WHERE sc.session_id = $1 AND c.status <> 'removed' ORDER BY sc.client_id";
    RECEIVER_OF_PERSON = "SELECT sc.client_id AS client_id, sc.sid AS sid, c.metadata AS metadata, CASE WHEN c.status = 'active' THEN TRUE ELSE FALSE END AS active, COALESCE((SELECT g.sub FROM oidc_grant g WHERE g.session_id = sc.session_id AND g.client_id = sc.client_id ORDER BY g.created_at DESC, g.id DESC LIMIT 1), sub.sub) AS sub
        FROM session_client sc JOIN client c ON c.id = sc.client_id JOIN session s ON s.id = sc.session_id
        JOIN subject sub ON sub.person_id = s.person_id AND sub.sector = c.sector
        WHERE s.person_id = $1 AND sc.client_id = $2 AND s.ended_at IS NULL AND c.status <> 'removed' ORDER BY sc.sid";
    INSERT = "INSERT INTO logout_delivery (id, client_id, uri, sub, sid, created_at, attempts, next_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $6)";
    DONE = "UPDATE logout_delivery SET done_at = $2, taken_until = NULL WHERE id = $1";
    LATER = "UPDATE logout_delivery SET next_at = $2, taken_until = NULL WHERE id = $1";
    COME_BACK = "UPDATE logout_delivery SET attempts = 0, next_at = $2 WHERE client_id = $1 AND done_at IS NULL AND failed_at IS NULL";
    GIVE_UP = "UPDATE logout_delivery SET failed_at = $2, taken_until = NULL WHERE id = $1";
    BY_CLIENT = "SELECT c.id AS client_id, c.name AS name, SUM(CASE WHEN d.done_at IS NULL AND d.failed_at IS NULL THEN 1 ELSE 0 END) AS waiting,
            MIN(CASE WHEN d.done_at IS NULL AND d.failed_at IS NULL THEN d.created_at END) AS oldest, SUM(CASE WHEN d.failed_at IS NULL THEN 0 ELSE 1 END) AS given_up, MAX(d.failed_at) AS last_given_up
        FROM logout_delivery d JOIN client c ON c.id = d.client_id WHERE d.done_at IS NULL GROUP BY c.id, c.name ORDER BY c.name, c.id";
    FORGET = "DELETE FROM logout_delivery WHERE id IN (SELECT d.id FROM logout_delivery d
        WHERE d.created_at < $1 AND (d.done_at IS NOT NULL OR d.failed_at IS NOT NULL) ORDER BY d.created_at LIMIT $2)";
    // What waits until its client is let back in is nobody's delay.
    WAITING = "SELECT COUNT(*) AS n, MIN(d.created_at) AS oldest FROM logout_delivery d JOIN client c ON c.id = d.client_id
        WHERE d.done_at IS NULL AND d.failed_at IS NULL AND c.status <> 'suspended'";
    // One lane at a time for each client: however long it takes to answer, it holds up only what is its own.
    @claim TAKE = "UPDATE logout_delivery SET attempts = attempts + 1, next_at = $2, taken_until = $2
        WHERE id = (SELECT d.id FROM logout_delivery d WHERE d.done_at IS NULL AND d.failed_at IS NULL AND d.next_at <= $1
            AND NOT EXISTS (SELECT 1 FROM logout_delivery o WHERE o.client_id = d.client_id AND o.taken_until > $1) ORDER BY d.next_at LIMIT 1",
        ") AND next_at <= $1 RETURNING id, client_id, uri, created_at, sub, sid, attempts";
    // More for the client of that lane.
    @claim TAKE_OF = "UPDATE logout_delivery SET attempts = attempts + 1, next_at = $3, taken_until = $3
        WHERE id = (SELECT d.id FROM logout_delivery d WHERE d.client_id = $1 AND d.done_at IS NULL AND d.failed_at IS NULL AND d.next_at <= $2
            ORDER BY d.next_at LIMIT 1",
        ") AND next_at <= $2 RETURNING id, client_id, uri, created_at, sub, sid, attempts";
}

/// A client that takes part in a session, as far as a sign-out needs to know it.
pub struct Receiver {
    /// Which.
    pub client: ClientId,
    /// What it registered.
    pub metadata: crate::domain::oidc::client::ClientMetadata,
    /// What it calls the session.
    pub sid: String,
    /// What it calls the person.
    pub sub: String,
    /// Whether it is in use. One that is suspended hears of it when it is back, and nothing before: somebody else may have its
    /// addresses.
    pub active: bool,
}

impl FromRow for Receiver {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            client: row.get("client_id")?,
            metadata: row.json("metadata")?,
            sid: row.get("sid")?,
            sub: row.get("sub")?,
            active: row.get("active")?,
        })
    }
}

impl FromRow for Delivery {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            client: row.get("client_id")?,
            uri: row.get("uri")?,
            created_at: row.get("created_at")?,
            sub: row.get("sub")?,
            sid: row.get("sid")?,
            attempts: u32::try_from(row.get::<i64>("attempts")?).unwrap_or(u32::MAX),
        })
    }
}

/// What has not arrived yet and was not given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: u64,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
}

impl FromRow for Waiting {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { count: u64::try_from(row.get::<i64>("n")?).unwrap_or_default(), oldest: row.get("oldest")? })
    }
}

/// Who must hear that a session ended.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn receivers(tx: &mut Tx, session: SessionId) -> Result<Vec<Receiver>, StoreError> {
    tx.all(RECEIVERS, args![session]).await
}

/// How one client knows a person's sessions that are still there.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn receivers_of_person(
    tx: &mut Tx,
    on: &impl OnePerson,
    client: ClientId,
) -> Result<Vec<Receiver>, StoreError> {
    tx.all(RECEIVER_OF_PERSON, args![on.person(), client]).await
}

/// How it stands with the deliveries of one client.
pub struct OfClient {
    /// Which.
    pub client: ClientId,
    /// Its name.
    pub name: String,
    /// What is still tried.
    pub waiting: u64,
    /// Since when the oldest of it waits.
    pub oldest: Option<Timestamp>,
    /// What was given up in the last weeks.
    pub given_up: u64,
    /// When that happened last.
    pub last_given_up: Option<Timestamp>,
}

impl FromRow for OfClient {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let count = |name| Ok::<_, StoreError>(u64::try_from(row.get::<i64>(name)?).unwrap_or_default());
        Ok(Self {
            client: row.get("client_id")?,
            name: row.get("name")?,
            waiting: count("waiting")?,
            oldest: row.get("oldest")?,
            given_up: count("given_up")?,
            last_given_up: row.get("last_given_up")?,
        })
    }
}

/// What did not arrive, by client.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_client(tx: &mut Tx) -> Result<Vec<OfClient>, StoreError> {
    tx.all(BY_CLIENT, args![]).await
}

/// Adds a delivery, due now.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, one: &Delivery) -> Result<(), StoreError> {
    let texts = (one.uri.clone(), one.sub.clone(), one.sid.clone());
    tx.execute(INSERT, args![one.id, one.client, texts.0, texts.1, texts.2, one.created_at]).await.map(drop)
}

/// Takes one that is due; nobody else gets it before `until`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn take(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<Option<Delivery>, StoreError> {
    tx.optional(TAKE, args![now, until]).await
}

/// Takes another one of the same client.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn take_of(
    tx: &mut Tx,
    client: ClientId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Delivery>, StoreError> {
    tx.optional(TAKE_OF, args![client, now, until]).await
}

/// It arrived.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn done(tx: &mut Tx, id: DeliveryId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(DONE, args![id, now]).await?;
    Ok(())
}

/// It is tried again then.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn later(tx: &mut Tx, id: DeliveryId, next_at: Timestamp) -> Result<(), StoreError> {
    tx.execute(LATER, args![id, next_at]).await?;
    Ok(())
}

/// A client is in use again: what it did not hear is told now, with every try before it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn come_back(tx: &mut Tx, client: ClientId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(COME_BACK, args![client, now]).await.map(drop)
}

/// It is given up.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn give_up(tx: &mut Tx, id: DeliveryId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(GIVE_UP, args![id, now]).await?;
    Ok(())
}

/// Drops what was settled long ago, at most `limit`, the oldest first; how many.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    tx.execute(FORGET, args![before, limit]).await
}

/// What waits, for the metrics.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn waiting(tx: &mut Tx) -> Result<Waiting, StoreError> {
    tx.one(WAITING, args![]).await
}
