//! How many exact questions about people an administrator asked on a day.

use chrono::NaiveDate;

use super::db::{StoreError, Tx, args, statements};
use crate::domain::access::Task;
use crate::domain::id::PersonId;

statements! {
    COUNT = "INSERT INTO lookup_count (admin_id, day, asked) VALUES ($1, $2, 1)
        ON CONFLICT (admin_id, day) DO UPDATE SET asked = lookup_count.asked + 1 WHERE lookup_count.asked < $3";
}

/// Counts a question of an administrator on a day; `false` when that would go beyond her budget.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn count(
    tx: &mut Tx,
    _task: &Task,
    admin: PersonId,
    day: NaiveDate,
    budget: i64,
) -> Result<bool, StoreError> {
    tx.execute_one(COUNT, args![admin, day, budget]).await
}
