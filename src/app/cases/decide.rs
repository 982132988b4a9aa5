//! Deciding a case: the verdict, and what it does to the register, in one transaction.

use serde::Serialize;

use super::super::relation_claim::{Answer, Decider};
use super::super::work::{Outcome, Work};
use super::open::Sides;
use super::{App, Ctx, Error, access};
use crate::app::Kind;
use crate::app::person_digest::note_papers;
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{CaseId, PersonId};
use crate::domain::registry::case::{Case, CaseKind, CaseState, Decision, Remedy, Stated};
use crate::domain::registry::document::Document;
use crate::domain::registry::name::{PersonName, name_key};
use crate::domain::registry::person::Person;
use crate::domain::registry::reason::read_reason;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{cases, documents, merges, persons};

/// What somebody says is true.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What.
    pub decision: Decision,
    /// Why; kept in the clear.
    pub reason: String,
}

/// Whose number was mistyped, and how it is right.
#[derive(Clone, Debug)]
pub struct Right {
    /// One of the two.
    pub person: PersonId,
    /// Her paper as it is.
    pub document: Document,
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
    /// was decided before, when the decider is a side of it or brought the number in herself, or when what follows cannot be done.
    pub async fn decide_case(&self, ctx: &Ctx, by: Decider, id: CaseId, verdict: Verdict) -> Result<Decided, Error> {
        let reason = read_reason(&verdict.reason).map_err(|why| Error::invalid(why.to_string()))?;
        let ctx = by.acting(ctx);
        let decided = self.patiently(|| self.decide_once(&ctx, by, id, (verdict.decision, None), &reason)).await?;
        self.wake.deliveries.notify_one();
        Ok(decided)
    }

    /// Decides that a number in the register was mistyped, and puts the right one there.
    ///
    /// # Errors
    /// As [`App::decide_case`]; `Invalid` when the person is no side of it, or the case is not about a paper; `Conflict` when the
    /// right number is somebody else's, or the wrong one is not hers any more.
    pub async fn correct_case(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: CaseId,
        reason: &str,
        right: &Right,
    ) -> Result<Decided, Error> {
        let reason = read_reason(reason).map_err(|why| Error::invalid(why.to_string()))?;
        let ctx = by.acting(ctx);
        let verdict = (Decision::TypingError, Some(right));
        let decided = self.patiently(|| self.decide_once(&ctx, by, id, verdict, &reason)).await?;
        self.wake.deliveries.notify_one();
        Ok(decided)
    }

    async fn decide_once(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: CaseId,
        (decision, right): (Decision, Option<&Right>),
        reason: &str,
    ) -> Result<Decided, Error> {
        let task = access::task(TaskName::CaseDecision);
        let mut work = self.begin(ctx, Action::CaseDecided).await?;
        if let Some(right) = right {
            // Whether it is somebody else's is an answer (R1).
            work = self.charge_question(work, ctx, by, ("document", right.document.number.expose())).await?;
        }
        let case = self.held_case(&mut work, ctx, &task, by, id).await?;
        if let Decider::Admin(admin) = by {
            let people = present(work.tx(), &case).await?;
            if people.contains(&admin) {
                return Err(Error::new(Kind::Conflict, "nobody decides a case that she is a side of"));
            }
            if !self.covers_case(work.tx(), &task, admin, &case, ctx.now).await? {
                if case.state == CaseState::Open && case.kind != CaseKind::ErasedNumber {
                    let orgs: Vec<_> = case.claimed_by_org.into_iter().collect();
                    let sides = Sides::of(work.tx(), &task, &people, &orgs).await?;
                    let people: Vec<Option<PersonId>> = people.into_iter().map(Some).collect();
                    let lowest = sides.lowest(&people, orgs.first().copied());
                    // Where it is assigned rightly it waits there for somebody else's word.
                    if lowest != case.org {
                        let moved = case.assign(lowest);
                        work.target("case", moved.id).detail("reassigned", true);
                        cases::update(work.tx(), &task, &moved).await?;
                        work.commit(Outcome::Refused("a side is outside the scope")).await?;
                    }
                }
                return Err(Error::not_found("the case"));
            }
            if case.kind == CaseKind::ErasedNumber && case.opened_by == Some(admin) {
                return Err(Error::new(Kind::Conflict, "nobody confirms a number that she brought in herself"));
            }
        }
        work.about(case.person).await?;
        if let Some(right) = right.filter(|_| case.state == CaseState::Open) {
            work = self.may_correct(work, &task, &case, right).await?;
        }
        let remedy = case.remedy(decision);
        if right.is_some() || !matches!(remedy, Remedy::Nothing | Remedy::Admit) {
            for person in present(work.tx(), &case).await? {
                self.may_rewrite(&mut work, ctx, &task, by, person).await?;
            }
        }
        let decided = case.decide(decision, reason.to_owned(), by.admin(), ctx.now);
        let decided = decided.map_err(|error| Error::new(Kind::Conflict, error.to_string()))?;
        if !cases::update(work.tx(), &task, &decided).await? {
            return Err(Error::busy("somebody decided the case at the same moment"));
        }
        let (done, answer) = match right {
            Some(right) => self.correct_in(&mut work, ctx, &task, &decided, right).await?,
            None => (self.remedy(&mut work, ctx, &task, by, &decided, remedy).await?, answer_of(remedy)),
        };
        self.answer_in(&mut work, ctx, &task, &decided, answer).await?;
        work.because(reason).target("case", decided.id).target("person", decided.person);
        work.detail("kind", decided.kind.as_str()).detail("decision", decision.as_str()).detail("done", done);
        work.event("case", decided.id, "case.decided", &[]);
        work.commit(Outcome::Done).await?;
        Ok(Decided { id, decision: decision.as_str(), done })
    }

    /// A case, if this decider may see it, with its people held before anybody's right is looked at: of two who decide, or
    /// who change a side of it at the same moment, the second sees what the first has done.
    async fn held_case(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        id: CaseId,
    ) -> Result<Case, Error> {
        let seen = self.case_for(ctx, work.tx(), task, by, id).await?;
        let people = present(work.tx(), &seen).await?;
        if let Some(first) = people.first().copied() {
            merges::hold(work.tx(), task, first, people.get(1).copied().unwrap_or(first)).await?;
        }
        let case = self.case_for(ctx, work.tx(), task, by, id).await?;
        if present(work.tx(), &case).await? != people {
            return Err(Error::busy("a side of the case was merged at the same moment"));
        }
        Ok(case)
    }

    /// Whether an administrator covers all sides of a case as they are today, whoever it was assigned to once, and holds whoever
    /// is one by more than her own word.
    pub(super) async fn covers_case(
        &self,
        tx: &mut Tx,
        task: &Task,
        admin: PersonId,
        case: &Case,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let orgs: Vec<_> = case.claimed_by_org.into_iter().collect();
        if case.kind == CaseKind::ErasedNumber {
            // Who was erased belongs nowhere: whoever governs the county of who asked has the say (R18).
            let sides = orgs.into_iter().chain(case.org).collect();
            return Ok(case.org.is_some() && self.covers(tx, admin, &sides, now).await?);
        }
        let people = present(tx, case).await?;
        let sides = Sides::of(tx, task, &people, &orgs).await?;
        let named: Vec<Option<PersonId>> = people.iter().copied().map(Some).collect();
        let all = sides.all(&named, case.claimed_by_org);
        if !sides.are_complete(&named) || !self.covers(tx, admin, &all, now).await? {
            return Ok(false);
        }
        // What a verdict does is what she might do by herself: nobody judges about whom only her own word ties to her (R1).
        for person in people {
            if !self.decides_about(tx, admin, person, now).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What said the same and could not be confirmed is answered with the case.
    async fn answer_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        case: &Case,
        answer: Option<Answer>,
    ) -> Result<(), Error> {
        let Some(answer) = answer else { return Ok(()) };
        let Some(name) = self.stated_in(work, task, case).await?.name else { return Ok(()) };
        self.answer_claims(work, ctx, task, case, &name_key(&name), answer).await
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
                let stated = self.stated_in(work, task, case).await?;
                let name = stated.name.as_deref().map(PersonName::parse).and_then(Result::ok);
                let name = name.ok_or_else(nothing_there)?;
                if holder.name.as_ref() == Some(&name) {
                    return Ok("nothing");
                }
                self.rename_in(work, ctx, task, holder, name).await?;
                Ok("renamed")
            }
            // A number that a 学籍号 was made from is a hint (R10): of two people its holder keeps it, and the 学籍号 goes from whoever
            // has it without right.
            Remedy::Withdraw if case.kind == CaseKind::PersonalCode => {
                let key = case.subject_key.ok_or_else(nothing_there)?;
                let holder = self.holder(work, task, case.person).await?;
                let held = documents::codes_of(work.tx(), &task.on(holder.id)).await?;
                if held.iter().any(|code| code.index == key)
                    && self.withdraw_code_in(work, ctx, task, &holder, key).await?
                {
                    return Ok("withdrawn");
                }
                let other = self.holder(work, task, case.other.ok_or_else(nothing_there)?).await?;
                if self.withdraw_code_in(work, ctx, task, &other, key).await? {
                    Ok("code withdrawn")
                } else {
                    Err(nothing_there())
                }
            }
            Remedy::Withdraw => {
                let key = case.subject_key.ok_or_else(nothing_there)?;
                let holder = self.holder(work, task, case.person).await?;
                if self.withdraw_in(work, ctx, task, &holder, key).await? {
                    return Ok("withdrawn");
                }
                // Papers of two countries have one number: each keeps her own.
                let stated = self.stated_in(work, task, case).await?.read_document();
                if stated.is_some_and(|paper| paper.class.has_many_issuers()) {
                    Ok("nothing")
                } else {
                    Err(nothing_there())
                }
            }
            Remedy::WithdrawAndGive => {
                let (key, other) = case.subject_key.zip(case.other).ok_or_else(nothing_there)?;
                let holder = self.holder(work, task, case.person).await?;
                let document = self.stated_in(work, task, case).await?.read_document().ok_or_else(nothing_there)?;
                let other = self.holder(work, task, other).await?;
                let taken = self.withdraw_in(work, ctx, task, &holder, key).await?;
                if !taken && !document.class.has_many_issuers() {
                    return Err(nothing_there());
                }
                self.replace_document_in(work, ctx, task, &other, &document).await?;
                Ok("withdrawn and given")
            }
            Remedy::WithdrawCode => {
                let (key, other) = case.subject_key.zip(case.other).ok_or_else(nothing_there)?;
                let other = self.holder(work, task, other).await?;
                if self.withdraw_code_in(work, ctx, task, &other, key).await? {
                    return Ok("code withdrawn");
                }
                // A row gave her the 学籍号 of somebody else, and the register did not take it up.
                let holder = self.holder(work, task, case.person).await?;
                let held = documents::codes_of(work.tx(), &task.on(holder.id)).await?;
                if held.iter().any(|code| code.index == key) { Ok("nothing") } else { Err(nothing_there()) }
            }
            Remedy::Admit => Ok("admitted"),
        }
    }

    /// What was said. It is sealed for whoever held what is in dispute then, also where she was absorbed since.
    pub(super) async fn stated_in(&self, work: &mut Work<'_>, task: &Task, case: &Case) -> Result<Stated, Error> {
        let sealed_for = persons::find(work.tx(), &task.on(case.person)).await?;
        Ok(sealed_for.map(|person| self.stated(&person, case)).transpose()?.unwrap_or_default())
    }

    /// Somebody of a case, as she is now.
    pub(super) async fn holder(&self, work: &mut Work<'_>, task: &Task, id: PersonId) -> Result<Person, Error> {
        let missing = || Error::new(Kind::Conflict, "a side of the case is not in the register any more");
        let id = persons::survivor(work.tx(), id).await?.ok_or_else(missing)?;
        note_papers(work, task, id).await?;
        persons::find(work.tx(), &task.on(id)).await?.ok_or_else(missing)
    }
}

/// What a remedy means for whoever said the same; nothing of somebody who was erased.
fn answer_of(remedy: Remedy) -> Option<Answer> {
    match remedy {
        Remedy::Admit => None,
        Remedy::Nothing | Remedy::WithdrawCode => Some(Answer::Rejected),
        Remedy::TakeName | Remedy::Merge => Some(Answer::Agrees),
        Remedy::Withdraw | Remedy::WithdrawAndGive => Some(Answer::Lapsed),
    }
}

/// The people of a case. Who was absorbed since is meant no less.
pub(super) async fn present(tx: &mut Tx, case: &Case) -> Result<Vec<PersonId>, Error> {
    let mut present = Vec::new();
    for person in [Some(case.person), case.other].into_iter().flatten() {
        present.extend(persons::survivor(tx, person).await?);
    }
    Ok(present)
}
