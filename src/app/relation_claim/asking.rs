//! A school asks for a student by hand: 借读, where the 学籍 stays at the school that holds it and she sits at the one that asks.
//! It is a claim as any other (R1): whoever asks learns nothing, and the school that holds the 学籍 answers.

use serde::Serialize;

use super::Decider;
use crate::app::org_ref::OrgRef;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, OrgId, PersonId, RelationClaimId};
use crate::domain::registry::class::ClassStatus;
use crate::domain::registry::document::Document;
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::name::PersonName;
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, Details, RelationClaim};
use crate::domain::registry::roster::ClassKey;
use crate::store::{classes, enrolments, institutions, persons, relation_claims};

/// What was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// The request.
    pub id: RelationClaimId,
    /// `pending`.
    pub state: &'static str,
}

impl App {
    /// Asks for a student who is to sit here while her 学籍 stays where it is. The name is the asking school's own word.
    ///
    /// # Errors
    /// `NotFound` for a school that is not the administrator's, a class it does not have, or somebody who is not there;
    /// `Conflict` when she sits there, or was asked for.
    pub async fn ask_to_borrow(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        org_code: &str,
        name: &PersonName,
        class: Option<&ClassKey>,
    ) -> Result<Asked, Error> {
        let (task, ctx) = (access::task(TaskName::RelationDecision), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::RelationAsked).await?;
        let seat = self.seat_at(&mut work, &ctx, &task, by, &org_code.into(), class).await?;
        let missing = || Error::not_found("the person");
        let person = persons::survivor(work.tx(), person).await?.ok_or_else(missing)?;
        let id = self.claim_to_borrow(&mut work, &ctx, &task, by, person, (&seat, name)).await?;
        work.commit(Outcome::Done).await?;
        Ok(Asked { id, state: ClaimState::Pending.as_str() })
    }

    /// The same of whoever has a number, which costs an exact question. It reads the same whether somebody has it, and whether
    /// a school holds her 学籍: then it is asked, and else nothing is (R1).
    ///
    /// # Errors
    /// As [`App::ask_to_borrow`] for the school and its class; `Conflict` when she sits there already, or when the day's
    /// questions are used up.
    pub async fn ask_to_borrow_whoever_has(
        &self,
        ctx: &Ctx,
        by: Decider,
        document: &Document,
        org: impl Into<OrgRef>,
        (name, class): (&PersonName, Option<&ClassKey>),
    ) -> Result<(), Error> {
        let (task, ctx, org) = (access::task(TaskName::RelationDecision), by.acting(ctx), org.into());
        let mut work = self.begin(&ctx, Action::RelationAsked).await?;
        let seat = self.seat_at(&mut work, &ctx, &task, by, &org, class).await?;
        let mut work = self.charge_question(work, &ctx, by, ("document", document.number.expose())).await?;
        // Of several that it may be nobody is asked for.
        let person = match &self.holders(work.tx(), &task, document).await?[..] {
            [holder] => persons::survivor(work.tx(), holder.person).await?,
            _ => None,
        };
        let stays = enrolments::open_of_many(work.tx(), &task, person.as_slice()).await?;
        if let Some(person) = person.filter(|_| stays.iter().any(Enrolment::is_register)) {
            match self.claim_to_borrow(&mut work, &ctx, &task, by, person, (&seat, name)).await {
                // Whoever asks twice hears no more than the first time.
                Err(error) if error.kind == Kind::Conflict && !stays.iter().any(|stay| stay.org == seat.org) => {}
                // It was an answer, and costs like every other.
                Err(error) if error.kind == Kind::Conflict => {
                    work.target("institution", seat.org);
                    work.commit(Outcome::Refused("she sits there already, or was asked for")).await?;
                    return Err(error);
                }
                other => {
                    other?;
                }
            }
        }
        work.target("institution", seat.org);
        work.commit(Outcome::Done).await
    }

    /// The place that a school asks for somebody to sit at.
    async fn seat_at(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        org: &OrgRef,
        class: Option<&ClassKey>,
    ) -> Result<AskedSeat, Error> {
        let found = self.meant_org(work.tx(), task, org).await?;
        if !found.stands() || !found.kind.teaches() {
            return Err(org.missing());
        }
        if let Some(admin) = by.admin() {
            let scope = self.roster_subtree(work.tx(), admin, ctx.now).await?;
            institutions::find_in(work.tx(), &scope, found.id).await?.ok_or_else(|| org.missing())?;
        }
        let class = match class {
            None => None,
            Some(key) => {
                let class = classes::at(work.tx(), task, found.id, key).await?;
                let class = class.ok_or_else(|| Error::not_found("this class of the school"))?;
                if class.status != ClassStatus::Open {
                    return Err(Error::new(Kind::Conflict, "the class is not open any more"));
                }
                Some(class.id)
            }
        };
        Ok(AskedSeat { org: found.id, class })
    }

    async fn claim_to_borrow(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        person: PersonId,
        (seat, name): (&AskedSeat, &PersonName),
    ) -> Result<RelationClaimId, Error> {
        let record = persons::find(work.tx(), &task.on(person)).await?;
        let record = record.ok_or_else(|| Error::not_found("the person"))?;
        let stays = enrolments::open_of_many(work.tx(), task, &[person]).await?;
        if stays.iter().any(|stay| stay.org == seat.org) {
            return Err(Error::new(Kind::Conflict, "she sits there already"));
        }
        if by.admin().is_none() && !stays.iter().any(Enrolment::is_register) {
            return Err(Error::new(Kind::Conflict, "no school holds her 学籍: bring her in by a row of a roster"));
        }
        let asked = relation_claims::about_many(work.tx(), task, &[person], &[], &[]).await?;
        if asked.iter().any(|one| one.org == seat.org && one.details.borrow && one.stands(ctx.now)) {
            return Err(already());
        }
        let claim = RelationClaim {
            id: RelationClaimId::new(ctx.now, &*self.random),
            org: seat.org,
            kind: ClaimKind::Student,
            person,
            child: person,
            class: seat.class,
            // One a day, whoever asks at the same moment.
            subject_key: self.index.case("borrow", &[&person.to_string(), &ctx.now.shanghai_date().to_string()]),
            document_index: None,
            code_index: None,
            name: name.as_str().to_owned(),
            name_key: name.name_key(),
            differs: record.name.as_ref().is_none_or(|known| known.name_key() != name.name_key()),
            details: Details { borrow: true, ..Details::default() },
            state: ClaimState::Pending,
            claimed_by: by.admin(),
            created_at: ctx.now,
            decided_at: None,
            decided_by: None,
            reason: None,
            version: 1,
        };
        if relation_claims::insert_all(work.tx(), task, std::slice::from_ref(&claim)).await? == 0 {
            return Err(already());
        }
        work.target("person", person).target("institution", seat.org).target("relation_claim", claim.id);
        work.event("relation_claim", claim.id, "relation.claimed", &[]);
        Ok(claim.id)
    }
}

/// Where somebody is to sit.
struct AskedSeat {
    org: OrgId,
    class: Option<ClassId>,
}

fn already() -> Error {
    Error::new(Kind::Conflict, "she was asked for already: see `mingji claim list`")
}
