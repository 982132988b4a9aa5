//! Exact questions about people: whether a number, a 学籍号, a phone or a birth date is hers. Whoever may ask without end tries
//! all that is left of a number until one fits, so each question costs, whatever the answer is, and the audit keeps a keyed
//! digest of what was asked: many different ones by one hand are seen there (R1, R7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::TaskName;
use crate::store::lookups;

/// For each administrator: enough for whoever stands before her desk, and months for what is left of a number when birth date
/// and division are known. Lists come in by a roster, which has a budget of its own.
const QUESTIONS_A_DAY: i64 = 50;

impl App {
    /// Charges an administrator's day with one question. Nothing of what was asked is kept
    /// but a digest, keyed and of this administrator alone, so that no two administrators' entries are compared, nor an entry
    /// with the register. The caller commits whatever comes of it. The operator's commands are not counted.
    ///
    /// # Errors
    /// `Conflict` when the day's questions are used up, which is in the audit then.
    pub(super) async fn charge_question<'a>(
        &self,
        mut work: Work<'a>,
        ctx: &Ctx,
        by: Decider,
        (kind, value): (&'static str, &str),
    ) -> Result<Work<'a>, Error> {
        let Some(admin) = by.admin() else { return Ok(work) };
        let digest = self.index.question(admin.0, kind, value);
        work.detail("asked", kind).detail("asked_digest", STANDARD.encode(&digest[..16]));
        let task = access::task(TaskName::RosterView);
        if lookups::count(work.tx(), &task, admin, ctx.now.shanghai_date(), QUESTIONS_A_DAY).await? {
            return Ok(work);
        }
        work.commit(Outcome::Refused("the day's exact questions are used up")).await?;
        Err(Error::new(
            Kind::Conflict,
            "today's exact questions about numbers, codes, phones and birth dates are used up: go on tomorrow, or bring a list \
             in as a roster",
        ))
    }
}
