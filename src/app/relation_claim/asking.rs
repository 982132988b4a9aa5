//! A school asks for a student by hand: 借读, where the 学籍 stays at the school that holds it and she sits at the one that asks.
//! It is a claim as any other (R1): whoever asks learns nothing, and the school that holds the 学籍 answers.

use serde::Serialize;

use super::Decider;
use crate::app::work::Outcome;
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::{PersonId, RelationClaimId};
use crate::domain::registry::institution::Institution;
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
        let found = institutions::by_code(work.tx(), &task, org_code).await?;
        let found = found.filter(|org| org.stands() && org.kind.teaches());
        let org: Institution = found.ok_or_else(|| Error::no_institution(org_code))?;
        if let Some(admin) = by.admin() {
            let scope = self.roster_subtree(work.tx(), admin, ctx.now).await?;
            let seen = institutions::find_in(work.tx(), &scope, org.id).await?;
            seen.ok_or_else(|| Error::no_institution(org_code))?;
        }
        let missing = || Error::not_found("the person");
        let person = persons::survivor(work.tx(), person).await?.ok_or_else(missing)?;
        let record = persons::find(work.tx(), &task.on(person)).await?.ok_or_else(missing)?;
        let class = match class {
            None => None,
            Some(key) => {
                let class = classes::at(work.tx(), &task, org.id, key).await?;
                Some(class.ok_or_else(|| Error::not_found("this class of the school"))?.id)
            }
        };
        let stays = enrolments::open_of_many(work.tx(), &task, &[person]).await?;
        if stays.iter().any(|stay| stay.org == org.id) {
            return Err(Error::new(Kind::Conflict, "she sits there already"));
        }
        if by.admin().is_none() && stays.is_empty() {
            return Err(Error::new(Kind::Conflict, "no school holds her 学籍: bring her in by a row of a roster"));
        }
        let asked = relation_claims::about_many(work.tx(), &task, &[person], &[], &[]).await?;
        if asked.iter().any(|one| one.org == org.id && one.details.borrow && one.stands(ctx.now)) {
            return Err(already());
        }
        let claim = RelationClaim {
            id: RelationClaimId::new(ctx.now, &*self.random),
            org: org.id,
            kind: ClaimKind::Student,
            person,
            child: person,
            class,
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
        if relation_claims::insert_all(work.tx(), &task, std::slice::from_ref(&claim)).await? == 0 {
            return Err(already());
        }
        work.target("person", person).target("institution", org.id).target("relation_claim", claim.id);
        work.event("relation_claim", claim.id, "relation.claimed", &[]);
        work.commit(Outcome::Done).await?;
        Ok(Asked { id: claim.id, state: claim.state.as_str() })
    }
}

fn already() -> Error {
    Error::new(Kind::Conflict, "she was asked for already: see `mingji claim list`")
}
