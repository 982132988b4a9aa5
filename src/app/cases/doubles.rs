//! Two records of one institution with one name and one birth date, or of which one has no birth date and nothing says that they are
//! two: a question, once. Asked by whoever governs the institution, and every day of all of them, because nobody asks about a double
//! that she does not know of.

use super::{Dispute, open};
use crate::app::pace::Looked;
use crate::app::relation_claim::Decider;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{CaseId, OrgId, PersonId};
use crate::domain::registry::case::{CaseKind, CaseSource, Stated};
use crate::store::cases::{self, Pair};
use crate::store::institutions;

/// Institutions that the daily look reads at once.
const PAGE: i64 = 200;
/// An institution by itself, and with all that stands below it.
const ITSELF: i64 = 0;
const ALL_BELOW: i64 = 1000;

impl App {
    /// Opens a case for every two students of one school, or two of the staff of one institution, who have one name and, as far as
    /// it is known, one birth date, at an institution and below it; how many are new, of those that the administrator may decide.
    ///
    /// # Errors
    /// `NotFound` for an institution that is unknown or not below the administrator.
    pub async fn search_cases(&self, ctx: &Ctx, by: Decider, org_code: &str) -> Result<usize, Error> {
        let task = access::task(TaskName::CaseDecision);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::CaseOpened).await?;
        let org = institutions::by_code(work.tx(), &task, org_code).await?;
        let org = org.ok_or_else(|| Error::no_institution(org_code))?;
        if let Some(admin) = by.admin() {
            let scope = self.case_subtree(work.tx(), admin, ctx.now).await?;
            let seen = institutions::find_in(work.tx(), &scope, org.id).await?;
            seen.ok_or_else(|| Error::no_institution(org_code))?;
        }
        let pairs = cases::look_alikes(work.tx(), &task, org.id, ALL_BELOW).await?;
        self.question_pairs(work, &ctx, &task, by.admin(), org.id, pairs).await
    }

    /// The same for every institution by itself, a page of them behind `after`.
    ///
    /// # Errors
    /// A failed store.
    pub async fn look_for_doubles(&self, after: Option<OrgId>) -> Result<Looked<OrgId>, Error> {
        let (task, ctx) = (access::task(TaskName::CaseDecision), Ctx::task(self, "doubles"));
        let page = cases::institutions(&mut self.db.read().await?, &task, after, PAGE).await?;
        let mut failed = 0;
        for org in &page {
            if let Err(error) = self.look_at_institution(&ctx, &task, *org).await {
                failed += 1;
                tracing::warn!(%error, institution = %org, "two records of an institution could not be compared");
            }
        }
        Ok(Looked { last: page.last().copied(), failed })
    }

    async fn look_at_institution(&self, ctx: &Ctx, task: &Task, org: OrgId) -> Result<(), Error> {
        // Read first: most have none, and the writer is everybody's.
        let pairs = cases::look_alikes(&mut self.db.read().await?, task, org, ITSELF).await?;
        if !pairs.is_empty() {
            let work = self.begin(ctx, Action::CaseOpened).await?;
            self.question_pairs(work, ctx, task, None, org, pairs).await?;
        }
        Ok(())
    }

    async fn question_pairs(
        &self,
        mut work: Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Option<PersonId>,
        org: OrgId,
        pairs: Vec<Pair>,
    ) -> Result<usize, Error> {
        let disputes = pairs.into_iter().map(|pair| Dispute {
            kind: CaseKind::SameDetails,
            person: pair.person,
            other: Some(pair.other),
            subject_key: None,
            stated: Stated::default(),
            org: None,
            source: CaseSource::Search,
            unseen: false,
        });
        let opened = open(self, ctx, work.tx(), task, by, disputes.collect()).await?;
        // That nothing is new is an answer, too.
        if opened.is_empty() && by.is_none() {
            return Ok(0);
        }
        let mut told = 0;
        for id in &opened {
            work.event("case", *id, "case.opened", &[]);
            told += usize::from(self.may_decide_found(&mut work, ctx, task, by, *id).await?);
        }
        work.target("institution", org).detail("cases", opened.len());
        work.commit(Outcome::Done).await?;
        Ok(told)
    }

    /// Whether whoever searched covers all sides of a case: of two records of which others hold one she would learn by the
    /// number of new cases that the other has its birth date (R1).
    async fn may_decide_found(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Option<PersonId>,
        id: CaseId,
    ) -> Result<bool, Error> {
        let Some(admin) = by else { return Ok(true) };
        let Some(case) = cases::find(work.tx(), task, id).await? else { return Ok(false) };
        self.covers_case(work.tx(), task, admin, &case, ctx.now).await
    }
}
