//! Questions that are answered elsewhere, and what their clients hear of it.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::OnePerson;
use crate::domain::id::{ClientId, ElsewhereId};
use crate::domain::oidc::elsewhere::{Question, State, Way};
use crate::domain::oidc::grant::CodeOffer;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO elsewhere_question (id, way, client_id, person_id, code_digest, user_code_idx, asked, state, notify_uri, notify_sealed, notify_attempts, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, 0, $10, $11) ON CONFLICT (user_code_idx) DO NOTHING";
    BY_CODE = "SELECT * FROM elsewhere_question WHERE code_digest = $1 AND way = $2";
    BY_USER_CODE = "SELECT * FROM elsewhere_question WHERE user_code_idx = $1 AND state = 'pending' AND expires_at > $2";
    FIND = "SELECT * FROM elsewhere_question WHERE id = $1";
    OPEN_OF = "SELECT * FROM (SELECT q.*, ROW_NUMBER() OVER (PARTITION BY q.client_id ORDER BY q.created_at DESC, q.id DESC) AS age FROM elsewhere_question q
            WHERE q.person_id = $1 AND q.way = 'ciba' AND q.state = 'pending' AND q.expires_at > $2) newest WHERE age <= $3 ORDER BY created_at DESC, id DESC LIMIT $4";
    // One answer, by whom it was for, in time; what the client hears of it is due at once.
    DECIDE = "UPDATE elsewhere_question SET state = $3, offer = $4, person_id = $2, decided_at = $5, user_code_idx = NULL,
            notify_at = CASE WHEN notify_sealed IS NULL THEN NULL ELSE CAST($5 AS BIGINT) END
        WHERE id = $1 AND state = 'pending' AND expires_at > $5 AND (person_id IS NULL OR person_id = $2)";
    REDEEM = "UPDATE elsewhere_question SET state = 'redeemed' WHERE id = $1 AND state = 'approved' AND expires_at > $2";
    HEARD = "UPDATE elsewhere_question SET notify_at = NULL, notify_sealed = NULL, notify_taken_until = NULL WHERE id = $1";
    LATER = "UPDATE elsewhere_question SET notify_at = $2, notify_taken_until = NULL WHERE id = $1";
    FORGET = "DELETE FROM elsewhere_question WHERE expires_at < $1";
    // One at a time for each client, as logout tokens: whoever takes long to answer holds up only what is its own.
    @claim TAKE = "UPDATE elsewhere_question SET notify_attempts = notify_attempts + 1, notify_at = $2, notify_taken_until = $2
        WHERE id = (SELECT q.id FROM elsewhere_question q WHERE q.notify_at IS NOT NULL AND q.notify_at <= $1
            AND NOT EXISTS (SELECT 1 FROM elsewhere_question o WHERE o.client_id = q.client_id AND o.notify_taken_until > $1) ORDER BY q.notify_at LIMIT 1",
        ") AND notify_at <= $1 RETURNING id, client_id, notify_uri, notify_sealed, notify_attempts, expires_at";
}

impl FromRow for Question {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            way: Way::parse(&row.get::<String>("way")?).ok_or(StoreError::unknown_code("way"))?,
            client: row.get("client_id")?,
            person: row.get("person_id")?,
            asked: row.json("asked")?,
            state: State::parse(&row.get::<String>("state")?).ok_or(StoreError::unknown_code("state"))?,
            offer: row.optional_json("offer")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
        })
    }
}

/// How a question is found and answered, besides what it says.
pub struct Handles {
    /// Of the code that the client holds.
    pub code: [u8; 32],
    /// Of the code that a person types.
    pub user_code: Option<[u8; 32]>,
    /// Where the client hears that somebody answered, and what, under our seal.
    pub notify: Option<(String, String)>,
}

/// Adds a question; `false` when its user code is taken.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, question: &Question, handles: &Handles) -> Result<bool, StoreError> {
    let asked = serde_json::to_value(&question.asked).map_err(|e| StoreError::Refused(e.to_string()))?;
    let (uri, sealed) = handles.notify.clone().unzip();
    let values = args![
        question.id,
        question.way.as_str(),
        question.client,
        question.person,
        handles.code,
        handles.user_code,
        asked,
        uri,
        sealed,
        question.created_at,
        question.expires_at,
    ];
    tx.execute_one(INSERT, values).await
}

/// The question behind a code that a client holds.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_code(tx: &mut Tx, way: Way, code: [u8; 32]) -> Result<Option<Question>, StoreError> {
    tx.optional(BY_CODE, args![code, way.as_str()]).await
}

/// The question behind what a person typed, while it is open.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_user_code(tx: &mut Tx, user_code: [u8; 32], now: Timestamp) -> Result<Option<Question>, StoreError> {
    tx.optional(BY_USER_CODE, args![user_code, now]).await
}

/// A question by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, id: ElsewhereId) -> Result<Option<Question>, StoreError> {
    tx.optional(FIND, args![id]).await
}

/// Newest questions of one client that a person sees at once: an older one was begun anew, or is meant to wear her down.
const SHOWN_OF_CLIENT: u32 = 3;
/// All that she sees at once.
const SHOWN: u32 = 20;

/// What clients ask of a person now, the newest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open_of(tx: &mut Tx, proof: &impl OnePerson, now: Timestamp) -> Result<Vec<Question>, StoreError> {
    tx.all(OPEN_OF, args![proof.person(), now, SHOWN_OF_CLIENT, SHOWN]).await
}

/// Answers a question, once and by whom it was for: an offer is a yes. Whether it was this call that did.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn decide(
    tx: &mut Tx,
    id: ElsewhereId,
    proof: &impl OnePerson,
    offer: Option<&CodeOffer>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let state = if offer.is_some() { State::Approved } else { State::Denied };
    let offer = offer.map(serde_json::to_value).transpose().map_err(|e| StoreError::Refused(e.to_string()))?;
    tx.execute_one(DECIDE, args![id, proof.person(), state.as_str(), offer, now]).await
}

/// Takes what was said yes to, once.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn redeem(tx: &mut Tx, id: ElsewhereId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(REDEEM, args![id, now]).await
}

/// What a client is to hear.
pub struct Notice {
    /// Of which question.
    pub id: ElsewhereId,
    /// Which client.
    pub client: ClientId,
    /// Where.
    pub uri: String,
    /// What, under our seal.
    pub sealed: String,
    /// Tries so far.
    pub attempts: u32,
    /// After that it helps nobody.
    pub expires_at: Timestamp,
}

impl FromRow for Notice {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            client: row.get("client_id")?,
            uri: row.get("notify_uri")?,
            sealed: row.get("notify_sealed")?,
            attempts: u32::try_from(row.get::<i64>("notify_attempts")?).unwrap_or(u32::MAX),
            expires_at: row.get("expires_at")?,
        })
    }
}

/// Takes one that is due; nobody else gets it before `until`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn take(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<Option<Notice>, StoreError> {
    tx.optional(TAKE, args![now, until]).await
}

/// It arrived, or is given up.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn heard(tx: &mut Tx, id: ElsewhereId) -> Result<(), StoreError> {
    tx.execute(HEARD, args![id]).await?;
    Ok(())
}

/// It is tried again then.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn later(tx: &mut Tx, id: ElsewhereId, at: Timestamp) -> Result<(), StoreError> {
    tx.execute(LATER, args![id, at]).await?;
    Ok(())
}

/// Drops what ended long ago.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    tx.execute(FORGET, args![before]).await
}
