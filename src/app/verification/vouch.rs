//! The word of whoever looked: a school that knows its people, a guardian, somebody who saw the paper and the person.

use crate::app::relation_claim::Decider;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::registry::codes::realname::Method;
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::person::Person;
use crate::domain::registry::verification::{TRUST_FRAMEWORK, Verification, VerificationResult};
use crate::store::{admin_grants, cases, documents, fact_authors, guardianships, merges, verifications};

/// What is seen of somebody with her paper in the hand.
const SEEN: [&str; 2] = ["name", "document"];

impl App {
    /// Records that a school, a guardian or somebody who saw her paper stands for a person. `guardian` speaks where the method
    /// is hers. Nobody stands for herself.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there or not wholly in the administrator's scope; `Invalid` for a method that is no
    /// word of anybody's; `Conflict` for a guardian who may not speak for her, a paper that is not on record, or an
    /// administrator who may not see it: of a school, or who recorded what it says.
    pub async fn vouch(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        method: Method,
        guardian: Option<PersonId>,
    ) -> Result<VerificationId, Error> {
        let ctx = by.acting(ctx);
        self.patiently(|| self.vouch_once(&ctx, by, person, method, guardian)).await
    }

    async fn vouch_once(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        method: Method,
        guardian: Option<PersonId>,
    ) -> Result<VerificationId, Error> {
        let task = access::task(TaskName::Verification);
        let mut work = self.begin(ctx, Action::PersonVerified).await?;
        let person = self.changeable(&mut work, ctx, &task, by, person).await?;
        let on = task.on(person.id);
        let claims: &[&str] = match (method, guardian) {
            (Method::SchoolVouch, None) => &["name"],
            (Method::GuardianVouch, Some(guardian)) => {
                let may = guardianships::confirmed_guardians(work.tx(), &on, ctx.now).await?;
                if !may.contains(&guardian) {
                    return Err(Error::new(Kind::Conflict, "this person is not a confirmed guardian of the child"));
                }
                work.target("guardian", guardian);
                &["name"]
            }
            (Method::DocumentSighted, None) => {
                self.may_sight(&mut work, ctx, &task, by, &person).await?;
                let held = documents::of_person(work.tx(), &on).await?;
                if !held.iter().any(|paper| paper.status == DocumentStatus::Active) {
                    return Err(Error::new(
                        Kind::Conflict,
                        "no paper of hers is on record: record the one that was seen",
                    ));
                }
                &SEEN
            }
            _ => return Err(Error::invalid("school_vouch, document_sighted, or guardian_vouch with --guardian")),
        };
        let verification = Verification {
            id: VerificationId::new(ctx.now, &*self.random),
            person: person.id,
            method,
            trust_framework: TRUST_FRAMEWORK.into(),
            level: method.level(),
            verifier: guardian.or(by.admin()).map_or_else(|| "operator".into(), |who| who.to_string()),
            claims: claims.iter().map(|claim| (*claim).to_owned()).collect(),
            result: VerificationResult::Confirmed,
            evidence_sealed: None,
            txn: None,
            verified_at: ctx.now,
            superseded_at: None,
        };
        let id = verification.id;
        self.verified_in(&mut work, ctx, &task, person, &verification).await?;
        work.commit(Outcome::Done).await?;
        Ok(id)
    }

    /// Whether somebody's word about a paper is more than that of whoever wrote it down: it gives the highest level.
    ///
    /// # Errors
    /// `Conflict` while a service denies what the paper says, for whom a school or who recorded her sights, and for
    /// whoever administers, unless the operator saw her paper.
    async fn may_sight(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        person: &Person,
    ) -> Result<(), Error> {
        let refused = |why: &'static str| Err(Error::new(Kind::Conflict, why));
        let on = task.on(person.id);
        let seen = SEEN.map(str::to_owned);
        if verifications::of_person(work.tx(), &on).await?.iter().any(|one| one.denies(&seen)) {
            return refused(
                "a service says that name and number do not match: correct the record, or have it asked again",
            );
        }
        let Decider::Admin(admin) = by else { return Ok(()) };
        if !admin_grants::standing(work.tx(), task, person.id).await?.is_empty() {
            return refused("the paper of whoever administers is seen by the operator");
        }
        let sides = cases::sides_of(work.tx(), task, &[person.id]).await?.into_iter().map(|side| side.org).collect();
        if !self.oversees(work.tx(), task, admin, &sides, ctx.now).await? {
            return refused("a school's word is school_vouch; a paper is seen by an administrator of the level above");
        }
        let records = self.ids_of(work, task, person.id).await?;
        let authors = fact_authors::of_many(work.tx(), task, &records).await?;
        if self.ids_of(work, task, admin).await?.iter().any(|id| authors.contains(id)) {
            return refused("whoever recorded name, birth date or number does not see the paper as well");
        }
        Ok(())
    }

    /// A person's id, and those of records that became hers.
    async fn ids_of(&self, work: &mut Work<'_>, task: &Task, person: PersonId) -> Result<Vec<PersonId>, Error> {
        let mut ids = merges::all_into(work.tx(), task, person).await?;
        ids.push(person);
        Ok(ids)
    }
}
