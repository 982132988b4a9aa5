//! The call, and what its answer does to the register: recorded once, whoever else is at it, and only for what the service was
//! shown.

use super::question::{Answer, Facts};
use super::services::{Leave, VerificationService};
use crate::app::work::{Housekeeping, Outcome};
use crate::app::{App, Ctx, Error, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::new_uuid;
use crate::domain::registry::person::Person;
use crate::domain::registry::verification::{TRUST_FRAMEWORK, Verification, VerificationResult};
use crate::domain::registry::verification_request::{
    CallFault, Compared, LEASE, RequestState, VerificationRequest, retry_after,
};
use crate::outbound::verifier;
use crate::store::{merges, persons, verification_requests, verifications};

impl App {
    /// Asks a service one question that is due; whether there was one. A service that fails is asked again later, and holds up
    /// nobody who waits for something else.
    ///
    /// # Errors
    /// A failed store; then the question is asked again when its lease is over.
    pub async fn verify_one(&self, service: &str) -> Result<bool, Error> {
        let task = access::task(TaskName::Verification);
        let Some(service) = self.verifiers.named(service) else { return Ok(false) };
        let now = self.now();
        let Some(leave) = self.verifiers.admit(&service.name, now) else { return Ok(false) };
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let taken = verification_requests::take(&mut tx, &task, &service.name, now, now.plus(LEASE)).await?;
        let Some(request) = taken else { return Ok(false) };
        tx.commit().await?;
        self.verify(service, leave, &request).await.map(|()| true)
    }

    async fn verify(
        &self,
        service: &VerificationService,
        leave: Leave<'_>,
        request: &VerificationRequest,
    ) -> Result<(), Error> {
        let task = access::task(TaskName::Verification);
        let facts = {
            let mut tx = self.db.read().await?;
            let id = persons::survivor(&mut tx, request.person).await?.unwrap_or(request.person);
            match persons::find(&mut tx, &task.on(id)).await? {
                Some(person) => self.facts_for(&mut tx, &task, &person, request.method).await?,
                None => None,
            }
        };
        let Some(facts) = facts else {
            return self.unanswered(request, CallFault::NothingToCompare).await;
        };
        let call = new_uuid(self.now(), &*self.random);
        let question = self.question(call, request.method, service, &facts, self.now()).await?;
        let said = verifier::ask(&self.outbound, &service.url, question, service.patience).await;
        let answer = said.and_then(|text| self.believe(service, call, &facts, &text, self.now()));
        match answer {
            Ok(answer) => {
                leave.succeeded();
                let ctx = Ctx::task(self, "verification");
                self.patiently(|| self.record_answer(&ctx, service, request, &facts, &answer)).await
            }
            Err(fault) => {
                leave.failed(self.now());
                self.unanswered(request, fault).await
            }
        }
    }

    /// Asked again later, or given up.
    async fn unanswered(&self, request: &VerificationRequest, fault: CallFault) -> Result<(), Error> {
        let (task, now) = (access::task(TaskName::Verification), self.now());
        tracing::warn!(
            service = request.service,
            attempts = request.attempts,
            fault = fault.as_str(),
            "a verification was not answered"
        );
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let again = retry_after(request.attempts).filter(|_| fault != CallFault::NothingToCompare);
        match again {
            Some(pause) => {
                verification_requests::later(&mut tx, &task, request, Some(fault), now.plus(pause)).await?;
            }
            None => {
                verification_requests::give_up(&mut tx, &task, request, fault, now).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    async fn record_answer(
        &self,
        ctx: &Ctx,
        service: &VerificationService,
        request: &VerificationRequest,
        asked: &Facts,
        answer: &Answer,
    ) -> Result<(), Error> {
        let task = access::task(TaskName::Verification);
        let mut work = self.begin(ctx, Action::PersonVerified).await?;
        let id = persons::survivor(work.tx(), request.person).await?.unwrap_or(request.person);
        let held = merges::hold(work.tx(), &task, id, id).await?.pop();
        let Some(person) = held.filter(|person| person.salt.is_some()) else { return Ok(()) };
        if person.merged_into.is_some() {
            return Err(Error::busy("she was merged at the same moment"));
        }
        // The service compared what she had when it was asked. What she has now is asked anew.
        if self.facts_for(work.tx(), &task, &person, request.method).await?.as_ref() != Some(asked) {
            verification_requests::later(work.tx(), &task, request, None, ctx.now).await?;
            work.target("person", person.id);
            return work.commit(Outcome::Refused("the record changed while it was compared")).await;
        }
        let (state, result) = match answer.matches {
            true => (RequestState::Matched, VerificationResult::Confirmed),
            false => (RequestState::Refused, VerificationResult::Refused),
        };
        if !verification_requests::end(work.tx(), &task, request, state, ctx.now).await? {
            // Somebody else took it when this call was given up for lost; her answer counts.
            return Ok(());
        }
        let claims = Compared::by(request.method).map(Compared::claims).unwrap_or_default();
        let verification = Verification {
            id: request.id,
            person: person.id,
            method: request.method,
            trust_framework: TRUST_FRAMEWORK.into(),
            level: request.method.level(),
            verifier: service.name.clone(),
            claims: claims.iter().map(|claim| (*claim).to_owned()).collect(),
            result,
            evidence_sealed: None,
            txn: answer.txn.clone(),
            verified_at: ctx.now,
            superseded_at: None,
        };
        self.verified_in(&mut work, ctx, &task, person, &verification).await?;
        work.commit(Outcome::Done).await
    }

    /// Keeps a verification in place of those that it answers anew; the level of its person is that of what stands then.
    /// Part of a larger change.
    pub(super) async fn verified_in(
        &self,
        work: &mut crate::app::work::Work<'_>,
        ctx: &Ctx,
        task: &crate::domain::access::Task,
        person: Person,
        verification: &Verification,
    ) -> Result<(), Error> {
        let on = task.on(person.id);
        for older in verifications::of_person(work.tx(), &on).await?.iter().filter(|one| one.yields_to(verification)) {
            verifications::supersede(work.tx(), &on, older.id, ctx.now).await?;
        }
        verifications::insert(work.tx(), &on, verification).await?;
        work.target("person", person.id).target("verification", verification.id);
        work.detail("method", verification.method.as_str()).detail("result", verification.result.as_str());
        work.detail("level", verification.level.get());
        let before = person.realname_level;
        let person = self.levelled_in(work, ctx, task, person).await?;
        if person.realname_level != before {
            self.write_person(work, task, &person, &["realname"]).await?;
        }
        Ok(())
    }
}
