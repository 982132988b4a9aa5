//! Real-name verification 实名核验: questions to services outside, which wait and are asked again until they are answered; the
//! word of whoever looked; and what becomes of both when the record changes.

mod again;
mod ask;
mod question;
mod services;
mod vouch;

use serde::Serialize;

pub(crate) use services::Services;
pub use services::{ServiceView, VerificationService};

use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{OnePerson as _, TaskName, TaskOn};
use crate::domain::audit::Action;
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::registry::reason::read_reason;
use crate::domain::registry::verification_request::{CallFault, RequestState, VerificationRequest};
use crate::domain::time::{Timestamp, rfc3339};
use crate::store::db::{StoreError, Tx};
use crate::store::{persons, verification_requests, verifications};

/// A list longer than that is worked off from its beginning.
const LISTED: i64 = 1000;
/// Of what another verification, or a change of what was compared, took the place of.
const SUPERSEDED: &str = "superseded";

/// A verification, or a question that waits, was given up or was answered: never what was compared.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Verification)]
pub struct VerificationView {
    /// Its id.
    pub id: VerificationId,
    /// Whose.
    pub person_id: PersonId,
    /// Table V.
    pub method: &'static str,
    /// The service, or by whose word.
    pub verifier: String,
    /// `waiting`, `failed`, `confirmed`, `refused` or `superseded`.
    pub state: &'static str,
    /// Table R; what it would give, while it waits.
    pub level: u8,
    /// Why the last call brought no answer.
    pub fault: Option<&'static str>,
    /// How often the service was called.
    pub attempts: Option<u32>,
    /// When it is called next.
    pub next_at: Option<String>,
    /// When it was asked, or done.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl App {
    /// Asks a service whether somebody is who the register says. The answer comes later: a job calls the service.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there or not wholly in the administrator's scope, and for a service that the
    /// settings do not name; `Conflict` when the same waits already, there is nothing to compare, or she asked too much today.
    pub async fn request_verification(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        service: &str,
    ) -> Result<VerificationId, Error> {
        let ctx = by.acting(ctx);
        let id = self.patiently(|| self.request_verification_once(&ctx, by, person, service)).await?;
        self.verifiers.ring(service);
        Ok(id)
    }

    async fn request_verification_once(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        service: &str,
    ) -> Result<VerificationId, Error> {
        let task = access::task(TaskName::Verification);
        let service = self.verifiers.named(service).ok_or_else(|| {
            Error::new(Kind::NotFound, "no such service: the settings name them in [verification.NAME]")
        })?;
        let mut work = self.begin(ctx, Action::VerificationRequested).await?;
        let person = self.changeable(&mut work, ctx, &task, by, person).await?;
        if self.facts_for(work.tx(), &task, &person, service.method).await?.is_none() {
            return Err(Error::new(Kind::Conflict, "the register holds nothing that this service compares"));
        }
        if let Some(admin) = by.admin()
            && !self.may_ask(&mut work, ctx, &task, admin).await?
        {
            return Err(Error::new(
                Kind::Conflict,
                "today's questions are used up: ask tomorrow, or have the operator ask",
            ));
        }
        let next = self.next_call(&mut work, ctx, &task, person.id, service).await?;
        let next = if by == Decider::Operator { ctx.now } else { next };
        let id = self.queue(&mut work, ctx, &task.on(person.id), service, by.admin(), next).await?;
        let id = id.ok_or_else(|| Error::new(Kind::Conflict, "the same question waits already"))?;
        work.target("person", person.id).detail("service", service.name.clone());
        work.detail("method", service.method.as_str());
        work.commit(Outcome::Done).await?;
        Ok(id)
    }

    /// A question that waits; `None` when the same does already.
    async fn queue(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        on: &TaskOn,
        service: &VerificationService,
        requested_by: Option<PersonId>,
        next_at: Timestamp,
    ) -> Result<Option<VerificationId>, Error> {
        let request = VerificationRequest {
            id: VerificationId::new(ctx.now, &*self.random),
            person: on.person(),
            service: service.name.clone(),
            method: service.method,
            state: RequestState::Waiting,
            fault: None,
            attempts: 0,
            next_at,
            requested_by,
            created_at: ctx.now,
            ended_at: None,
        };
        let fresh = verification_requests::insert(work.tx(), on, &request).await?;
        Ok(fresh.then_some(request.id))
    }

    /// Questions that wait or were given up. The operator's; audited, and noted for whoever they are about.
    ///
    /// # Errors
    /// A failed store.
    pub async fn open_verifications(&self, ctx: &Ctx) -> Result<Vec<VerificationView>, Error> {
        let task = access::task(TaskName::Verification);
        let open = verification_requests::open(&mut self.db.read().await?, &task, LISTED).await?;
        let people = open.iter().map(|one| one.person).collect::<Vec<_>>();
        self.show_all(ctx, Action::PersonViewed, "verifications", &people).await?;
        Ok(open.iter().map(|one| self.waiting(one)).collect())
    }

    /// All questions about one person that wait or were given up, and all her verifications, the superseded ones too: part of her
    /// full record, so the operator says why (R19).
    ///
    /// # Errors
    /// `Invalid` without a reason; `NotFound` for somebody who is not there.
    pub async fn all_verifications(
        &self,
        ctx: &Ctx,
        why: &str,
        person: PersonId,
    ) -> Result<Vec<VerificationView>, Error> {
        let why = read_reason(why).map_err(|why| Error::invalid(why.to_string()))?;
        let task = access::task(TaskName::Verification);
        let mut tx = self.db.read().await?;
        let person = persons::survivor(&mut tx, person).await?.ok_or_else(|| Error::not_found("the person"))?;
        let told = self.verifications_in(&mut tx, &task.on(person)).await?;
        drop(tx);
        self.disclose(ctx, why, person, &[]).await?;
        Ok(told)
    }

    /// What counts of it today and what waits, about one person, for whoever holds all of her. Audited, and noted for her. What was
    /// superseded is history, and stands in her full record (R19).
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there or not wholly in the administrator's scope.
    pub async fn verifications_of(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
    ) -> Result<Vec<VerificationView>, Error> {
        let (task, ctx) = (access::task(TaskName::Verification), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::PersonViewed).await?;
        let person = self.changeable(&mut work, &ctx, &task, by, person).await?.id;
        let mut told = self.verifications_in(work.tx(), &task.on(person)).await?;
        told.retain(|one| one.state != SUPERSEDED);
        work.target("person", person).detail("verifications", told.len()).shows(person);
        work.commit(Outcome::Done).await?;
        Ok(told)
    }

    pub(in crate::app) async fn verifications_in(
        &self,
        tx: &mut Tx,
        on: &TaskOn,
    ) -> Result<Vec<VerificationView>, Error> {
        let person = on.person();
        let open = verification_requests::of_person(tx, on).await?;
        let open = open.iter().filter(|one| matches!(one.state, RequestState::Waiting | RequestState::Failed));
        let mut all: Vec<_> = open.map(|one| self.waiting(one)).collect();
        for one in verifications::of_person(tx, on).await? {
            all.push(VerificationView {
                id: one.id,
                person_id: person,
                method: one.method.as_str(),
                state: if one.superseded_at.is_some() { SUPERSEDED } else { one.result.as_str() },
                verifier: one.verifier,
                level: one.level.get(),
                fault: None,
                attempts: None,
                next_at: None,
                at: one.verified_at,
            });
        }
        all.sort_by_key(|one| (one.at, one.id));
        Ok(all)
    }

    /// Asks again at once, whether it waits or was given up.
    ///
    /// # Errors
    /// `NotFound` for an id of no question; `Conflict` when it was answered, or the same waits already.
    pub async fn retry_verification(&self, ctx: &Ctx, id: VerificationId) -> Result<(), Error> {
        let task = access::task(TaskName::Verification);
        let mut work = self.begin(ctx, Action::VerificationRequested).await?;
        let request = verification_requests::find(work.tx(), &task, id).await?;
        let request = request.ok_or_else(|| Error::not_found("the question"))?;
        match verification_requests::retry(work.tx(), &task, id, ctx.now).await {
            Ok(true) => {}
            // Refused by the unique key: it was asked at the same moment.
            Ok(false) | Err(StoreError::Unique(_)) => {
                return Err(Error::new(Kind::Conflict, "it was answered, or the same question waits already"));
            }
            Err(other) => return Err(other.into()),
        }
        work.target("person", request.person).detail("service", request.service.clone()).detail("again", true);
        work.commit(Outcome::Done).await?;
        self.verifiers.ring(&request.service);
        Ok(())
    }

    /// The services that the settings name, and whether they are called now by this process.
    pub fn verification_services(&self) -> Vec<ServiceView> {
        self.verifiers.view()
    }

    fn waiting(&self, request: &VerificationRequest) -> VerificationView {
        // What nobody is asked about stays where it is until the settings name the service again.
        let nobody = self.verifiers.named(&request.service).is_none().then_some(CallFault::UnknownService);
        VerificationView {
            id: request.id,
            person_id: request.person,
            method: request.method.as_str(),
            verifier: request.service.clone(),
            state: request.state.as_str(),
            level: request.method.level().get(),
            fault: nobody.or(request.fault).map(CallFault::as_str),
            attempts: Some(request.attempts),
            next_at: (request.state == RequestState::Waiting).then(|| request.next_at.to_rfc3339()),
            at: request.created_at,
        }
    }
}
