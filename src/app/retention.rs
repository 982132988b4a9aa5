//! What is not kept for ever, each for its time, of which law says the least (`domain::audit`): entries of the audit log and
//! who was shown whose record; events; sign-ons that have ended. The log ends from its beginning, checkpoint by checkpoint, so
//! that what is left begins where one was signed and is verified from there.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::pace::{Looked, Pace};
use super::work::{Housekeeping, Outcome};
use super::{App, Ctx, Error};
use crate::domain::audit::{Action, DISCLOSURES_FLOOR};
use crate::domain::id::{EventId, SessionId};
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{books, disclosures, facts, sign_ons};

/// So many rows at once: SQLite's writer is held only for a moment (R15).
const PAGE: i64 = 200;
/// So many pages before somebody looks whether the program is to stop.
const PAGES: usize = 20;

/// Up to when rows of disclosures were forgotten: the setting of then, not of now.
const FORGOTTEN: &str = "disclosures_forgotten_before";
/// What another process forgets while the log is read lies within it.
const MEANWHILE: Duration = Duration::from_secs(86_400);

impl App {
    /// From when on every disclosure is still there.
    pub(super) async fn disclosures_since(&self, tx: &mut Tx) -> Result<Timestamp, Error> {
        let kept = self.now().minus(self.lifetimes.disclosures);
        let forgotten = facts::note(tx, FORGOTTEN).await?.and_then(|text| Timestamp::from_rfc3339(&text));
        // No setting ever forgot what law keeps: a note that says so was not written by the register.
        let forgotten = forgotten.map(|forgotten| forgotten.min(self.now().minus(DISCLOSURES_FLOOR)));
        Ok(forgotten.map_or(kept, |forgotten| forgotten.max(kept)).plus(MEANWHILE))
    }

    /// Ends all of the log that is old enough, and the events of its time, in steps: whoever writes more than a few entries a
    /// second for years has as many to end.
    ///
    /// # Errors
    /// A failed store; what was ended stays so.
    pub async fn end_what_is_old(&self) -> Result<(), Error> {
        let mut pace = Pace::default();
        self.paced(&mut pace, || self.forget_disclosures()).await?;
        while self.paced(&mut pace, || self.trim_log()).await? {}
        let mut after = None;
        while let Some(last) = self.paced(&mut pace, || self.end_events(after)).await? {
            after = Some(last);
        }
        Ok(())
    }

    async fn forget_disclosures(&self) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let before = now.minus(self.lifetimes.disclosures);
        if disclosures::forget(&mut tx, before).await? > 0 {
            facts::set_note(&mut tx, FORGOTTEN, &before.to_rfc3339(), now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Ends the log up to its first checkpoint, when that is old enough and nobody can still see what stands before it. `false`
    /// when nothing was to be ended.
    async fn trim_log(&self) -> Result<bool, Error> {
        let ctx = Ctx::task(self, "retention");
        let mut tx = self.db.read().await?;
        let Some(first) = books::first_checkpoint(&mut tx).await? else { return Ok(false) };
        let Some(last) = books::last_checkpoint(&mut tx).await? else { return Ok(false) };
        let mut needed = disclosures::oldest(&mut tx).await?.is_some_and(|at| at <= first.at);
        // What platforms were given is kept as long as who was shown whose record, and has no row but its entry.
        if !needed && first.at > last.at.minus(self.lifetimes.disclosures) {
            needed = books::holds_before(&mut tx, Action::FeedRead.as_str(), first.seq).await?;
        }
        drop(tx);
        // By the last checkpoint, not by the clock: whoever verifies has no other time to compare with.
        if first.seq >= last.seq || first.at > last.at.minus(self.lifetimes.audit_log) || needed {
            return Ok(false);
        }
        let mut work = self.begin(&ctx, Action::LogTrimmed).await?;
        // Another replica that is at it has its own beginning.
        if !books::lock_retention(work.tx()).await?
            || books::first_checkpoint(work.tx()).await?.as_ref() != Some(&first)
        {
            return Ok(false);
        }
        let ended = books::trim(work.tx(), first.seq).await?;
        let signature = self.checkpoints.sign_end(first.seq, &first.head, ctx.now);
        work.detail("through", first.seq).detail("entries", ended);
        work.detail("head", STANDARD.encode(first.head)).detail("signature", STANDARD.encode(signature));
        work.commit(Outcome::Done).await?;
        Ok(ended > 0)
    }

    /// Events say whom an entry of their time was about, and what a platform reads: they end behind both.
    async fn end_events(&self, after: Option<EventId>) -> Result<Option<EventId>, Error> {
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let Some(begins) = books::begins_at(&mut tx).await? else { return Ok(None) };
        let before = begins.min(self.now().minus(self.lifetimes.feed));
        if !books::lock_retention(&mut tx).await? {
            return Ok(None);
        }
        let last = books::end_events(&mut tx, after, before, PAGE).await?;
        tx.commit().await?;
        Ok(last)
    }

    /// Removes sign-ons that ended before their time of keeping, some pages of sessions behind `after`.
    ///
    /// # Errors
    /// A failed store; each page is done or as it was.
    pub async fn end_sign_ons(&self, after: Option<SessionId>) -> Result<Looked<SessionId>, Error> {
        let before = self.now().minus(self.lifetimes.sign_ons);
        let mut pace = Pace::default();
        if after.is_none() {
            while self.paced(&mut pace, || self.end_spent(before)).await? {}
        }
        let mut last = after;
        for _ in 0..PAGES {
            last = self.paced(&mut pace, || self.end_sessions_before(last, before)).await?;
            if last.is_none() {
                break;
            }
        }
        Ok(Looked { last, failed: 0 })
    }

    /// What hangs on no session; whether there may be more.
    async fn end_spent(&self, before: Timestamp) -> Result<bool, Error> {
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        if !books::lock_retention(&mut tx).await? {
            return Err(Error::busy("somebody else removes what is old"));
        }
        sign_ons::end_holderless(&mut tx, before).await?;
        let more = sign_ons::end_codes(&mut tx, before, PAGE).await?;
        tx.commit().await?;
        Ok(more)
    }

    async fn end_sessions_before(
        &self,
        after: Option<SessionId>,
        before: Timestamp,
    ) -> Result<Option<SessionId>, Error> {
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        // The log is being trimmed, or another replica goes through them: a day that was cut short would count as done.
        if !books::lock_retention(&mut tx).await? {
            return Err(Error::busy("somebody else removes what is old"));
        }
        let last = sign_ons::end_page(&mut tx, after, before, PAGE).await?;
        tx.commit().await?;
        Ok(last)
    }
}
