//! One-time activations: by the digest of a code, consumed once.

use std::collections::BTreeSet;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::{Door, Task};
use crate::domain::id::{AccountId, ActivationId, PersonId};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO activation (id, account_id, code_digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
    FIND = "SELECT id, account_id, expires_at, used_at FROM activation WHERE code_digest = $1";
    CONSUME = "UPDATE activation SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2";
    END_OPEN = "UPDATE activation SET used_at = $2 WHERE account_id = $1 AND used_at IS NULL";
    END_OPEN_OF_MANY = "UPDATE activation SET used_at = $1 WHERE used_at IS NULL AND account_id IN ($2) RETURNING account_id";
    WITH_OPEN = "SELECT account_id FROM activation WHERE used_at IS NULL AND expires_at > $1 AND account_id IN ($2)";
    HOLD_INACTIVE = "UPDATE account SET state = state WHERE state = 'inactive' AND id IN ($1) RETURNING id AS account_id";
    HOLD_OF_PEOPLE = "UPDATE account SET state = state WHERE state <> 'merged' AND person_id IN ($1) RETURNING id AS account_id";
}

/// An activation as stored.
pub struct Activation {
    /// Its id.
    pub id: ActivationId,
    /// Whose.
    pub account: AccountId,
    /// Until when.
    pub expires_at: Timestamp,
    /// When it was consumed, or replaced by a newer one.
    pub used_at: Option<Timestamp>,
}

impl FromRow for Activation {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            account: row.get("account_id")?,
            expires_at: row.get("expires_at")?,
            used_at: row.get("used_at")?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(
    tx: &mut Tx,
    id: ActivationId,
    account: AccountId,
    code_digest: [u8; 32],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(INSERT, args![id, account, code_digest, now, expires_at]).await?;
    Ok(())
}

/// Adds one for each of many accounts.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(
    tx: &mut Tx,
    _task: &Task,
    all: &[(ActivationId, AccountId, [u8; 32])],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let rows = all.iter().map(|(id, account, digest)| args![*id, *account, *digest, now, expires_at]).collect();
    tx.insert_many(INSERT, rows).await.map(drop)
}

/// The activation of a code, used or not.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _door: &Door, code_digest: [u8; 32]) -> Result<Option<Activation>, StoreError> {
    tx.optional(FIND, args![code_digest]).await
}

/// Consumes it; `false` when another request did.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn consume(tx: &mut Tx, id: ActivationId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(CONSUME, args![id, now]).await
}

/// Ends what is open of an account.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_open(tx: &mut Tx, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(END_OPEN, args![account, now]).await?;
    Ok(())
}

struct OfAccount(AccountId);

impl FromRow for OfAccount {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("account_id")?))
    }
}

/// Those of many accounts for whom a code lies about that would still work.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn with_open(
    tx: &mut Tx,
    _task: &Task,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<BTreeSet<AccountId>, StoreError> {
    let keys = accounts.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<OfAccount>(WITH_OPEN, &[Value::from(now)], keys).await?.into_iter().map(|row| row.0).collect())
}

/// Ends what is open of many accounts; those of them that nobody activated. Their accounts are held first, as by whoever
/// activates one or grants its holder something: she is waited for and then seen as active, or finds her code ended.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_open_of_many(
    tx: &mut Tx,
    _task: &Task,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<BTreeSet<AccountId>, StoreError> {
    let keys = || accounts.iter().map(|id| Value::from(*id)).collect();
    let inactive = tx.all_in::<OfAccount>(HOLD_INACTIVE, &[], keys()).await?;
    tx.all_in::<OfAccount>(END_OPEN_OF_MANY, &[Value::from(now)], keys()).await?;
    Ok(inactive.into_iter().map(|row| row.0).collect())
}

/// Ends what is open of some people, whether they have a password already or not: an administrator draws codes for both. Their
/// accounts are held first, as above.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_open_of_people(
    tx: &mut Tx,
    _task: &Task,
    people: &[PersonId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let keys = people.iter().map(|id| Value::from(*id)).collect();
    let held = tx.all_in::<OfAccount>(HOLD_OF_PEOPLE, &[], keys).await?;
    let keys = held.into_iter().map(|row| Value::from(row.0)).collect();
    tx.all_in::<OfAccount>(END_OPEN_OF_MANY, &[Value::from(now)], keys).await?;
    Ok(())
}
