//! What the operator asks of the register: counts and lists.

use std::time::Duration;

use serde::Serialize;

use super::{App, Ctx, Error, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::PersonId;
use crate::store::counts::{self, Counts};
use crate::store::{accounts, institutions};

/// A row of `mingji account list`.
#[derive(Clone, Debug, Serialize)]
pub struct AccountRow {
    /// Whose.
    pub person_id: PersonId,
    /// Table U.
    pub kind: &'static str,
    /// What she types.
    pub user_name: String,
    /// P-status.
    pub state: &'static str,
}

impl App {
    /// Counts of the whole register, or of an institution and everything under it.
    ///
    /// # Errors
    /// `NotFound` for an unknown code.
    pub async fn count_registry(&self, org_code: Option<&str>) -> Result<Counts, Error> {
        let task = access::task(TaskName::OperatorReport);
        let mut tx = self.db.read().await?;
        let Some(code) = org_code else { return Ok(counts::all(&mut tx, &task).await?) };
        let org = institutions::by_code(&mut tx, &task, code).await?.ok_or_else(|| Error::no_institution(code))?;
        Ok(counts::under(&mut tx, &task, org.id).await?)
    }

    /// Accounts of an institution and of everything under it. Audited, and noted for each.
    ///
    /// # Errors
    /// `NotFound` for an unknown code.
    pub async fn list_accounts(&self, ctx: &Ctx, org_code: &str) -> Result<Vec<AccountRow>, Error> {
        let task = access::task(TaskName::OperatorReport);
        let mut tx = self.db.read().await?;
        let org =
            institutions::by_code(&mut tx, &task, org_code).await?.ok_or_else(|| Error::no_institution(org_code))?;
        let listed = accounts::list_under(&mut tx, &task, org.id).await?;
        drop(tx);
        let people: Vec<PersonId> = listed.iter().map(|row| row.person).collect();
        self.show_all(ctx, Action::AccountsViewed, "rows", &people).await?;
        Ok(listed
            .into_iter()
            .map(|row| AccountRow {
                person_id: row.person,
                kind: row.kind.as_str(),
                user_name: row.user_name,
                state: row.state.as_str(),
            })
            .collect())
    }

    /// How far the newest audit entry lies in the future: a clock of some replica is wrong.
    ///
    /// # Errors
    /// A failed store.
    pub async fn newest_entry_ahead_by(&self) -> Result<Duration, Error> {
        let newest = counts::newest_entry(&mut self.db.read().await?).await?;
        Ok(newest.since(self.now()))
    }

    /// Closes the database; running transactions are waited for.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
