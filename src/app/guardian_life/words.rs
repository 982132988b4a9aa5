//! What was said of somebody while she was there, and nobody else looked at (ruling R1), once she is there no more.

use std::collections::BTreeSet;

use crate::app::relation_claim::Decider;
use crate::app::work::Work;
use crate::app::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::document::{DocumentClass, DocumentStatus};
use crate::domain::registry::guardianship::{Guardianship, GuardianshipStatus};
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, RelationClaim};
use crate::store::db::Tx;
use crate::store::{documents, guardianships, institutions, persons, relation_claims};

impl App {
    /// Somebody left a post at `left`, by whom `by` says, and works `still` elsewhere. While she worked there, a school's word that she is somebody's guardian tied her to
    /// nothing new and asked nobody; from now on it may be all that holds her there, as of whoever is named afterwards. So it becomes the
    /// word that it is: in force, and to be looked at by others. Part of a larger change.
    pub(in crate::app) async fn words_of_whom_they_lose(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        (person, by): (PersonId, Decider),
        (left, still): (OrgId, &BTreeSet<OrgId>),
    ) -> Result<(), Error> {
        let Some(guardian) = persons::find(work.tx(), &task.on(person)).await? else { return Ok(()) };
        let said = relation_claims::about_many(work.tx(), task, &[person], &[], &[]).await?;
        let looked_at = |one: &Guardianship| {
            said.iter().any(|claim| {
                (claim.kind, claim.child, claim.state) == (ClaimKind::Guardian, one.child, ClaimState::Confirmed)
            })
        };
        let mut words = Vec::new();
        for one in guardianships::of_guardian(work.tx(), &task.on(person)).await? {
            // Of before it was kept who confirmed: whoever ends the post says it with her school.
            let said_by = match one.confirmed {
                Some(who) => who.person,
                None => by.admin(),
            };
            let (Some(admin), Some(school)) = (said_by, one.recorded_by) else { continue };
            if one.status == GuardianshipStatus::Confirmed
                && !still.contains(&school)
                && !looked_at(&one)
                && is_of_one_house(work.tx(), task, left, school).await?
            {
                let word = self.guardian_word(ctx, (admin, school), &guardian, &one);
                words.push(RelationClaim { state: ClaimState::Confirmed, decided_at: Some(ctx.now), ..word });
            }
        }
        if words.is_empty() {
            return Ok(());
        }
        // As a row names her: the next file of the school says what it said before.
        let mut papers = documents::of_person(work.tx(), &task.on(person)).await?;
        papers.retain(|paper| paper.status == DocumentStatus::Active);
        papers.sort_by_key(|paper| paper.key.class != DocumentClass::Cn18);
        if let Some(paper) = papers.first() {
            for word in &mut words {
                (word.subject_key, word.document_index) = (paper.key.index, Some(paper.key.index));
            }
        }
        relation_claims::insert_all(work.tx(), task, &words).await?;
        for word in words {
            work.event("relation_claim", word.id, "relation.claimed", &[]);
        }
        Ok(())
    }
}

/// Whether one of them is the other, or lies under it: a school that she never worked at had her word looked at when it named her.
async fn is_of_one_house(tx: &mut Tx, task: &Task, left: OrgId, school: OrgId) -> Result<bool, Error> {
    Ok(left == school
        || institutions::depth(tx, task, left, school).await?.is_some()
        || institutions::depth(tx, task, school, left).await?.is_some())
}
