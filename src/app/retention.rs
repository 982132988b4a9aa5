//! What is not kept for ever: entries of the audit log and who was shown whose record, each for its time, of which law says the
//! least (`domain::audit`). The log ends from its beginning, checkpoint by checkpoint, so that what is left begins where one was
//! signed and is verified from there.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::work::{Housekeeping, Outcome};
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{books, disclosures, facts};

/// So many checkpoints at once, each a thousand entries or so.
const STEPS: usize = 20;

/// Up to when rows of disclosures were forgotten: the setting of then, not of now.
const FORGOTTEN: &str = "disclosures_forgotten_before";
/// What another process forgets while the log is read lies within it.
const MEANWHILE: Duration = Duration::from_secs(86_400);

impl App {
    /// From when on every disclosure is still there.
    pub(super) async fn disclosures_since(&self, tx: &mut Tx) -> Result<Timestamp, Error> {
        let kept = self.now().minus(self.lifetimes.disclosures);
        let forgotten = facts::note(tx, FORGOTTEN).await?.and_then(|text| Timestamp::from_rfc3339(&text));
        Ok(forgotten.map_or(kept, |forgotten| forgotten.max(kept)).plus(MEANWHILE))
    }

    /// Part of upkeep.
    pub(super) async fn end_what_is_old(&self, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let before = now.minus(self.lifetimes.disclosures);
        if disclosures::forget(&mut tx, before).await? > 0 {
            facts::set_note(&mut tx, FORGOTTEN, &before.to_rfc3339(), now).await?;
        }
        tx.commit().await?;
        for _ in 0..STEPS {
            if !self.trim_log().await? {
                break;
            }
        }
        Ok(())
    }

    /// Ends the log up to its first checkpoint, when that is old enough and nobody can still see what stands before it. `false`
    /// when nothing was to be ended.
    async fn trim_log(&self) -> Result<bool, Error> {
        let ctx = Ctx::task(self, "retention");
        let mut tx = self.db.read().await?;
        let Some(first) = books::first_checkpoint(&mut tx).await? else { return Ok(false) };
        let Some(last) = books::last_checkpoint(&mut tx).await? else { return Ok(false) };
        let needed = disclosures::oldest(&mut tx).await?.is_some_and(|at| at <= first.at);
        drop(tx);
        // By the last checkpoint, not by the clock: whoever verifies has no other time to compare with.
        if first.seq >= last.seq || first.at > last.at.minus(self.lifetimes.audit_log) || needed {
            return Ok(false);
        }
        let mut work = self.begin(&ctx, Action::LogTrimmed).await?;
        let ended = books::trim(work.tx(), first.seq).await?;
        let signature = self.checkpoints.sign_end(first.seq, &first.head, ctx.now);
        work.detail("through", first.seq).detail("entries", ended);
        work.detail("head", STANDARD.encode(first.head)).detail("signature", STANDARD.encode(signature));
        work.commit(Outcome::Done).await?;
        Ok(ended > 0)
    }
}
