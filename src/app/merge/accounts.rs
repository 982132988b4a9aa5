//! How the accounts of two records become one way to sign in.

use super::{App, Ctx, Error, Merge, Work};
use crate::domain::access::Task;
use crate::domain::registry::codes::status::Status;
use crate::store::merge_changes::{self, Change};
use crate::store::{accounts, activations, admin_grants, merge_rows};

impl App {
    /// One account stays, one password, one user name that is shown; the other user name and all aliases lead to it. The
    /// survivor's stays, with the other's password where only that one was ever activated. The stricter lock stays.
    pub(super) async fn unite_accounts(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        merge: &Merge,
    ) -> Result<(), Error> {
        let stays = accounts::find(work.tx(), &task.on(merge.survivor)).await?;
        let goes = accounts::find(work.tx(), &task.on(merge.absorbed)).await?;
        // A code was printed by whoever held one of the two records, and would open both.
        for account in [&stays, &goes].into_iter().flatten() {
            accounts::hold(work.tx(), &task.on(account.person)).await?;
            activations::end_open(work.tx(), account.id, ctx.now).await?;
        }
        self.shorten_sessions(work, ctx, task, merge).await?;
        let (Some(stays), Some(goes)) = (stays, goes) else { return Ok(()) };
        let state = match (stays.state, goes.state) {
            (Status::AdminLocked, _) | (_, Status::AdminLocked) => Status::AdminLocked,
            (Status::Locked, _) | (_, Status::Locked) => Status::Locked,
            (Status::Inactive, other) => other,
            (own, _) => own,
        };
        if stays.state == Status::Inactive
            && merge_rows::move_password(work.tx(), task, goes.id, stays.id, ctx.now).await?
        {
            let moved =
                Change::new("password_credential.account_id", goes.id, goes.id.to_string(), stays.id.to_string());
            merge_changes::note(work.tx(), task, merge.id, &[moved]).await?;
        }
        let mut changes = vec![Change::new("account.state", goes.id, goes.state.as_str(), Status::Merged.as_str())];
        if state != stays.state {
            changes.push(Change::new("account.state", stays.id, stays.state.as_str(), state.as_str()));
        }
        for session in merge_rows::sessions_of(work.tx(), task, merge.absorbed, goes.id).await? {
            changes.push(Change::new("session.account_id", session, goes.id.to_string(), stays.id.to_string()));
        }
        self.settled(work, task, merge, &changes).await?;
        merge_rows::aliases_go(work.tx(), task, merge.id, goes.id, stays.id).await?;
        work.event("account", goes.id, "account.merged", &[]);
        Ok(())
    }

    /// Where one of the two administers, the sessions of both reach that now and live as an administrator's do (R16).
    pub(super) async fn shorten_sessions(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        merge: &Merge,
    ) -> Result<(), Error> {
        let both = [merge.survivor, merge.absorbed];
        let mut administers = false;
        for person in both {
            administers |= !admin_grants::live(work.tx(), person, ctx.now).await?.is_empty();
        }
        if administers {
            for person in both {
                self.live_as_administrator(work, ctx, &task.on(person)).await?;
            }
        }
        Ok(())
    }
}
