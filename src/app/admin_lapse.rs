//! Rights that end by themselves: their time is over, the post that they rest on ended, or whoever named a deputy runs nothing
//! there any more. They count no longer from that moment on ([`crate::store::admin_grants::live`]); a job writes it down, so that it
//! stands in the audit and is told.

use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::OrgId;
use crate::store::admin_grants::{self, Lapsed};
use crate::store::merges;

/// Looked for in one go.
const AT_ONCE: i64 = 500;

impl App {
    /// Writes down which rights ended by themselves; how many. Several replicas may do so at once: each ends once.
    ///
    /// # Errors
    /// A failed store; that some of them could not be ended, when all others were.
    pub async fn end_lapsed_rights(&self) -> Result<usize, Error> {
        let (ended, failed, _) = self.end_all_lapsed(None).await?;
        match failed {
            0 => Ok(ended),
            failed => Err(Error::internal(format!("{failed} rights that are over could not be ended, {ended} were"))),
        }
    }

    /// The same over one institution, to make room for whoever is named next: what was over ends with an entry of its own.
    ///
    /// # Errors
    /// A failed store, where nothing could be ended.
    pub(super) async fn end_lapsed_at(&self, org: OrgId) -> Result<(), Error> {
        match self.end_all_lapsed(Some(org)).await? {
            (0, _, Some(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// However many end on one day, they end within one round: how many did, how many failed, and with what the last one.
    async fn end_all_lapsed(&self, org: Option<OrgId>) -> Result<(usize, usize, Option<Error>), Error> {
        let (task, ctx) = (access::task(TaskName::Lapses), Ctx::task(self, "rights"));
        let (mut ended, mut failed, mut last, mut after) = (0, 0, None, None);
        loop {
            let page = admin_grants::lapsed(&mut self.db.read().await?, &task, org, ctx.now, after, AT_ONCE).await?;
            for one in &page {
                match self.patiently(|| self.end_lapsed(&ctx, one)).await {
                    Ok(now) => ended += usize::from(now),
                    // One that fails stands before no other.
                    Err(error) => {
                        tracing::warn!(%error, grant = %one.grant, "a right that is over could not be ended");
                        failed += 1;
                        last = Some(error);
                    }
                }
            }
            match page.last() {
                Some(one) => after = Some(one.grant),
                None => return Ok((ended, failed, last)),
            }
        }
    }

    async fn end_lapsed(&self, ctx: &Ctx, lapsed: &Lapsed) -> Result<bool, Error> {
        let task = access::task(TaskName::Lapses);
        let on = task.on(lapsed.person);
        let mut work = self.begin(ctx, Action::AdminRevoked).await?;
        // Whoever gives her the same anew, or gives back to whoever named her what that rested on, comes before, and it is looked at
        // again, or after.
        merges::hold(work.tx(), &task, lapsed.granted_by.unwrap_or(lapsed.person), lapsed.person).await?;
        let still = admin_grants::is_lapsed(work.tx(), &task, lapsed.grant, ctx.now).await?;
        let still = still.filter(|still| (still.person, still.granted_by) == (lapsed.person, lapsed.granted_by));
        let Some(lapsed) = still else { return Ok(false) };
        if !admin_grants::revoke(work.tx(), &on, lapsed.grant, ctx.now).await? {
            return Ok(false);
        }
        work.target("person", lapsed.person).target("institution", lapsed.org).target("admin_grant", lapsed.grant);
        work.detail("role", lapsed.role.as_str()).detail("lapsed", lapsed.why.as_str());
        work.event("admin_grant", lapsed.grant, "admin.revoked", &[]);
        work.commit(Outcome::Done).await?;
        Ok(true)
    }
}
