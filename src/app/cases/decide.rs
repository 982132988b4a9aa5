//! Deciding a case: the verdict, and what it does to the register, in one transaction.

use serde::Serialize;

use super::super::relation_claim::Decider;
use super::super::work::{Outcome, Work};
use super::open::Sides;
use super::{App, Ctx, Error, access};
use crate::app::Kind;
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{CaseId, PersonId};
use crate::domain::registry::case::{Case, CaseState, Decision, Remedy, read_reason};
use crate::domain::registry::name::PersonName;
use crate::domain::registry::person::Person;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{cases, persons};

/// What somebody says is true.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What.
    pub decision: Decision,
    /// Why; kept in the clear.
    pub reason: String,
}

/// What became of a case.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DecidedCase)]
pub struct Decided {
    /// Which.
    pub id: CaseId,
    /// What was decided.
    pub decision: &'static str,
    /// What it did to the register.
    pub done: &'static str,
}

impl App {
    /// Decides a case and does what follows from it. The sides are looked at anew: where they have moved out of the scope of
    /// the institution that the case was assigned to, it goes to the one that covers them now.
    ///
    /// # Errors
    /// `NotFound` for a case that is not there or not for this decider; `Invalid` for a reason that is none; `Conflict` when it
    /// was decided before, when the decider is a side of it, or when what follows cannot be done.
    pub async fn decide_case(&self, ctx: &Ctx, by: Decider, id: CaseId, verdict: Verdict) -> Result<Decided, Error> {
        let task = access::task(TaskName::CaseDecision);
        let reason = read_reason(&verdict.reason).map_err(|why| Error::invalid(why.to_string()))?;
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::CaseDecided).await?;
        let case = self.case_for(&ctx, work.tx(), &task, by, id).await?;
        let now_people = present(work.tx(), &case).await?;
        let decider = match by {
            Decider::Operator => None,
            Decider::Admin(admin) => {
                if now_people.contains(&admin) {
                    return Err(Error::new(Kind::Conflict, "nobody decides a case that she is a side of"));
                }
                let orgs: Vec<_> = case.claimed_by_org.into_iter().collect();
                let sides = Sides::of(work.tx(), &task, &now_people, &orgs).await?;
                let people: Vec<Option<PersonId>> = now_people.iter().copied().map(Some).collect();
                let all = sides.all(&people, case.claimed_by_org);
                if !sides.are_complete(&people) || !self.covers(work.tx(), admin, &all, ctx.now).await? {
                    if case.state == CaseState::Open {
                        let moved = case.assign(sides.lowest(&people, orgs.first().copied()));
                        work.target("case", moved.id).detail("reassigned", true);
                        cases::update(work.tx(), &task, &moved).await?;
                        work.commit(Outcome::Refused("a side is outside the scope")).await?;
                    }
                    return Err(Error::not_found("the case"));
                }
                Some(admin)
            }
        };
        let remedy = case.remedy(verdict.decision);
        let decided = case.decide(verdict.decision, reason, decider, ctx.now);
        let decided = decided.map_err(|error| Error::new(Kind::Conflict, error.to_string()))?;
        if !cases::update(work.tx(), &task, &decided).await? {
            return Err(Error::busy("somebody decided the case at the same moment"));
        }
        let done = self.remedy(&mut work, &ctx, &task, by, &decided, remedy).await?;
        work.target("case", decided.id).target("person", decided.person);
        work.detail("kind", decided.kind.as_str()).detail("decision", verdict.decision.as_str()).detail("done", done);
        work.event("case", decided.id, "case.decided", &[]);
        work.commit(Outcome::Done).await?;
        Ok(Decided { id, decision: verdict.decision.as_str(), done })
    }

    /// Whether an administrator covers all sides of a case as they are today, whoever it was assigned to once.
    pub(super) async fn covers_case(
        &self,
        tx: &mut Tx,
        task: &Task,
        admin: PersonId,
        case: &Case,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let people = present(tx, case).await?;
        let orgs: Vec<_> = case.claimed_by_org.into_iter().collect();
        let sides = Sides::of(tx, task, &people, &orgs).await?;
        let people: Vec<Option<PersonId>> = people.into_iter().map(Some).collect();
        let all = sides.all(&people, case.claimed_by_org);
        Ok(sides.are_complete(&people) && self.covers(tx, admin, &all, now).await?)
    }

    async fn remedy(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        case: &Case,
        remedy: Remedy,
    ) -> Result<&'static str, Error> {
        let nothing_there = || Error::new(Kind::Conflict, "what the case is about is not there any more");
        match remedy {
            Remedy::Nothing => Ok("nothing"),
            Remedy::Merge => {
                let holder = self.holder(work, task, case.person).await?.id;
                let other = self.holder(work, task, case.other.ok_or_else(nothing_there)?).await?.id;
                let reason = case.reason.clone().unwrap_or_default();
                self.merge_in(work, ctx, task, by, Some(case.id), holder, other, &reason).await?;
                Ok("merged")
            }
            Remedy::TakeName => {
                let holder = self.holder(work, task, case.person).await?;
                let stated = self.stated(&holder, case)?;
                let name = stated.name.as_deref().map(PersonName::parse).and_then(Result::ok);
                self.rename_in(work, ctx, task, holder, name.ok_or_else(nothing_there)?).await?;
                Ok("renamed")
            }
            Remedy::Withdraw => {
                let key = case.subject_key.ok_or_else(nothing_there)?;
                let holder = self.holder(work, task, case.person).await?;
                if !self.withdraw_in(work, ctx, task, &holder, key).await?
                    && !self.withdraw_code_in(work, ctx, task, &holder, key).await?
                {
                    return Err(nothing_there());
                }
                Ok("withdrawn")
            }
            Remedy::WithdrawAndGive => {
                let (key, other) = case.subject_key.zip(case.other).ok_or_else(nothing_there)?;
                let holder = self.holder(work, task, case.person).await?;
                let document = self.stated(&holder, case)?.read_document().ok_or_else(nothing_there)?;
                let other = self.holder(work, task, other).await?;
                if !self.withdraw_in(work, ctx, task, &holder, key).await? {
                    return Err(nothing_there());
                }
                self.replace_document_in(work, ctx, task, &other, &document).await?;
                Ok("withdrawn and given")
            }
            Remedy::WithdrawCode => {
                let (key, other) = case.subject_key.zip(case.other).ok_or_else(nothing_there)?;
                let other = self.holder(work, task, other).await?;
                if !self.withdraw_code_in(work, ctx, task, &other, key).await? {
                    return Err(nothing_there());
                }
                Ok("code withdrawn")
            }
        }
    }

    /// Somebody of a case, as she is now.
    async fn holder(&self, work: &mut Work<'_>, task: &Task, id: PersonId) -> Result<Person, Error> {
        let missing = || Error::new(Kind::Conflict, "a side of the case is not in the register any more");
        let id = persons::survivor(work.tx(), id).await?.ok_or_else(missing)?;
        persons::find(work.tx(), &task.on(id)).await?.ok_or_else(missing)
    }
}

/// The people of a case. Who was absorbed since is meant no less.
async fn present(tx: &mut Tx, case: &Case) -> Result<Vec<PersonId>, Error> {
    let mut present = Vec::new();
    for person in [Some(case.person), case.other].into_iter().flatten() {
        present.extend(persons::survivor(tx, person).await?);
    }
    Ok(present)
}
