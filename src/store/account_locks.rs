//! By whom accounts are locked 管理锁定: with which kind of duty, and from which institution.

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::Task;
use crate::domain::id::{AccountId, OrgId, PersonId};
use crate::domain::registry::admin_rule::Duty;
use crate::domain::time::Timestamp;

statements! {
    ADD = "INSERT INTO account_lock (account_id, org_id, duty, locked_at) VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, org_id, duty) DO NOTHING";
    LIFT = "DELETE FROM account_lock WHERE account_id = $1 AND org_id = $2 AND duty = $3";
    OF_PEOPLE = "SELECT l.account_id AS account_id, l.org_id AS org_id, l.duty AS duty FROM account_lock l JOIN account a ON a.id = l.account_id WHERE a.person_id IN ($1)";
}

/// A lock on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountLock {
    /// Which account: one that was merged keeps its own.
    pub account: AccountId,
    /// The top of the subtree from which it was locked.
    pub org: OrgId,
    /// By whoever runs institutions, or minds their security.
    pub duty: Duty,
}

impl FromRow for AccountLock {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { account: row.get("account_id")?, org: row.get("org_id")?, duty: row.code("duty")? })
    }
}

/// Notes a lock; `false` when it was there.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn add(tx: &mut Tx, _task: &Task, lock: AccountLock, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(ADD, args![lock.account, lock.org, lock.duty.as_str(), now]).await
}

/// Takes a lock off.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn lift(tx: &mut Tx, _task: &Task, lock: AccountLock) -> Result<(), StoreError> {
    tx.execute(LIFT, args![lock.account, lock.org, lock.duty.as_str()]).await.map(drop)
}

/// The locks on the accounts of people.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_people(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<AccountLock>, StoreError> {
    tx.all_in(OF_PEOPLE, &[], people.iter().map(|person| Value::from(*person)).collect()).await
}
