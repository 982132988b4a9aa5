//! The word of whoever looked: a school that knows its people, a guardian, somebody who saw the paper and the person.

use crate::app::relation_claim::Decider;
use crate::app::work::Outcome;
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::registry::codes::realname::Method;
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::verification::{TRUST_FRAMEWORK, Verification, VerificationResult};
use crate::store::{documents, guardianships};

impl App {
    /// Records that a school, a guardian or somebody who saw her paper stands for a person. `guardian` speaks where the method
    /// is hers. Nobody stands for herself.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there or not wholly in the administrator's scope; `Invalid` for a method that is no
    /// word of anybody's; `Conflict` for a guardian who may not speak for her, or a paper that is not on record.
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
                let held = documents::of_person(work.tx(), &on).await?;
                if !held.iter().any(|paper| paper.status == DocumentStatus::Active) {
                    return Err(Error::new(
                        Kind::Conflict,
                        "no paper of hers is on record: record the one that was seen",
                    ));
                }
                &["name", "document"]
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
}
