//! Clients that whoever keeps them took out of use at the console: whose word that is, and who may take it back.

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use super::row_states;
use crate::domain::access::{ClientScope, Task};
use crate::domain::id::{ClientId, OrgId, PersonId};
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    SUSPEND = "UPDATE client SET status = 'suspended', suspended_by = $3, suspended_under = $4, updated_at = $5, version = version + 1 WHERE id = $1 AND status = 'active' AND version = $2";
    RESUME = "UPDATE client SET status = 'active', suspended_by = NULL, suspended_under = NULL, updated_at = $3, version = version + 1 WHERE id = $1 AND status = 'suspended' AND version = $2";
    // How far above a client's institution somebody stands who runs one.
    SEAT = "SELECT k.ancestor_id AS org, k.depth AS depth FROM client c JOIN institution_closure k ON k.descendant_id = c.org_id WHERE c.id = $1 AND k.ancestor_id = $2";
    HELD_BELOW = "SELECT c.id AS id FROM client c JOIN institution_closure k ON k.descendant_id = c.suspended_under WHERE c.id = $1 AND c.status = 'suspended' AND k.ancestor_id = $2";
    // A vendor's own word is that of its client's institution; a higher office's is not its speaker's any more who left it.
    HELD_BY = "SELECT c.id AS id FROM client c WHERE c.id = $1 AND c.status = 'suspended' AND c.suspended_by = $2
        AND (c.suspended_under IS NULL OR c.suspended_under = c.org_id)";
    SUSPENDED_UNDER = "SELECT id FROM client WHERE suspended_under = $1";
    INHERIT = "UPDATE client SET suspended_under = $2 WHERE suspended_under = $1";
}

struct Id;

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        row.get::<ClientId>("id").map(|_| Self)
    }
}

/// Takes a client out of use for somebody who keeps it, in the version that she saw; `false` when it is not that any more, or
/// is out of use. `under` is the institution whose word that is.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn suspend(
    tx: &mut Tx,
    (id, version): (ClientId, i64),
    (by, under): (PersonId, Option<OrgId>),
    now: Timestamp,
) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Client, &[id.0]).await?;
    tx.execute_one(SUSPEND, args![id, version, by, under, now]).await
}

/// Lets a suspended client back in, in the version that was seen; `false` when it is not that any more. Whether she may is
/// [`may_resume`].
///
/// # Errors
/// As [`StoreError`] says.
pub async fn resume(tx: &mut Tx, (id, version): (ClientId, i64), now: Timestamp) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Client, &[id.0]).await?;
    tx.execute_one(RESUME, args![id, version, now]).await
}

struct Seat(OrgId, i64);

impl FromRow for Seat {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("org")?, row.get("depth")?))
    }
}

/// The highest institution over a client that somebody runs; none for whoever keeps her own alone.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn seat_over(tx: &mut Tx, scope: &ClientScope, id: ClientId) -> Result<Option<OrgId>, StoreError> {
    let mut highest: Option<Seat> = None;
    for (root, _) in scope.parts().into_iter().filter(|(_, keeper)| keeper.is_none()) {
        let seat = tx.optional::<Seat>(SEAT, args![id, root]).await?;
        highest = highest.into_iter().chain(seat).max_by_key(|seat| seat.1);
    }
    Ok(highest.map(|seat| seat.0))
}

/// Whether somebody may let a client back in: who took it out of use herself, unless she spoke for an office above its
/// institution, or who runs the institution whose word that was, or one above. The operator's word is his alone.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn may_resume(tx: &mut Tx, scope: &ClientScope, admin: PersonId, id: ClientId) -> Result<bool, StoreError> {
    if tx.optional::<Id>(HELD_BY, args![id, admin]).await?.is_some() {
        return Ok(true);
    }
    for (root, _) in scope.parts().into_iter().filter(|(_, keeper)| keeper.is_none()) {
        if tx.optional::<Id>(HELD_BELOW, args![id, root]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What was suspended under an institution that ends is its heir's to let back in.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn inherit(tx: &mut Tx, _task: &Task, from: OrgId, heir: Option<OrgId>) -> Result<(), StoreError> {
    row_states::changing_found(tx, RowKind::Client, SUSPENDED_UNDER, args![from]).await?;
    tx.execute(INHERIT, args![from, heir]).await.map(drop)
}
