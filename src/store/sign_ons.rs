//! Sign-ons that ended long ago, as wholes: sessions, what was granted in them, which clients took part.

use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::id::{ActivationId, SessionId};
use crate::domain::time::Timestamp;

statements! {
    // Ids begin with the time of writing, so that no index by time is kept for this.
    PAGE = "SELECT id FROM session WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3";
    // A family says itself until when it can be refreshed, in a session that goes on and offline alike.
    END_FAMILIES = "DELETE FROM refresh_family WHERE created_at < $1 AND (revoked_at < $2 OR idle_expires_at < $3 OR expires_at < $4)
        AND grant_id IN (SELECT g.id FROM oidc_grant g WHERE g.session_id IN ($5)) RETURNING id";
    // What has no family is worth no more than its access token, which lives for an hour at most.
    END_GRANTS = "DELETE FROM oidc_grant WHERE created_at < $1 AND NOT EXISTS (SELECT 1 FROM refresh_family f WHERE f.grant_id = oidc_grant.id) AND session_id IN ($2) RETURNING id";
    // Of codes that were replayed before anybody redeemed them.
    END_HOLDERLESS = "DELETE FROM oidc_grant WHERE session_id IS NULL AND created_at < $1";
    OVER = "SELECT s.id AS id FROM session s WHERE (s.ended_at < $1 OR s.idle_expires_at < $2 OR s.expires_at < $3)
        AND NOT EXISTS (SELECT 1 FROM oidc_grant g WHERE g.session_id = s.id) AND s.id IN ($4)";
    END_PARTS = "DELETE FROM session_client WHERE session_id IN ($1) RETURNING session_id AS id";
    END_SIGN_INS = "DELETE FROM sign_in WHERE session_id IN ($1) RETURNING id";
    END = "DELETE FROM session WHERE id IN ($1) RETURNING id";
    END_CODES = "DELETE FROM activation WHERE id IN (SELECT a.id FROM activation a WHERE a.id < $1 AND (a.used_at < $2 OR a.expires_at < $2) ORDER BY a.id LIMIT $3)";
}

struct Id(Uuid);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

fn keys(ids: &[Id]) -> Vec<Value> {
    ids.iter().map(|id| id.0.into()).collect()
}

/// Removes what ended before a moment among the next sessions that began before it; the last that was looked at. What can
/// still be refreshed stays, and its session with it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_page(
    tx: &mut Tx,
    after: Option<SessionId>,
    before: Timestamp,
    limit: i64,
) -> Result<Option<SessionId>, StoreError> {
    let after = after.unwrap_or(SessionId(Uuid::nil()));
    let page: Vec<Id> = tx.all(PAGE, args![after, SessionId::first_of(before), limit]).await?;
    let Some(last) = page.last().map(|id| SessionId(id.0)) else { return Ok(None) };
    tx.all_in::<Id>(END_FAMILIES, &[before.into(), before.into(), before.into(), before.into()], keys(&page)).await?;
    tx.all_in::<Id>(END_GRANTS, &[before.into()], keys(&page)).await?;
    let over: Vec<Id> = tx.all_in(OVER, &[before.into(), before.into(), before.into()], keys(&page)).await?;
    for statement in [END_PARTS, END_SIGN_INS, END] {
        tx.all_in::<Id>(statement, &[], keys(&over)).await?;
    }
    Ok(Some(last))
}

/// Removes grants that nobody ever held, of codes that were replayed before a moment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_holderless(tx: &mut Tx, before: Timestamp) -> Result<(), StoreError> {
    tx.execute(END_HOLDERLESS, args![before]).await.map(drop)
}

/// Removes codes to begin with that were used or ran out before a moment; whether there may be more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_codes(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<bool, StoreError> {
    let ended = tx.execute(END_CODES, args![ActivationId::first_of(before), before, limit]).await?;
    Ok(i64::try_from(ended).unwrap_or(i64::MAX) >= limit)
}
