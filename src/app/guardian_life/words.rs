//! What was said of somebody while she was there, and nobody else looked at (ruling R1), once she is there no more.

use std::collections::BTreeSet;

use crate::app::work::Work;
use crate::app::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::document::{DocumentClass, DocumentStatus};
use crate::domain::registry::guardianship::{Guardianship, GuardianshipStatus};
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, RelationClaim};
use crate::store::{documents, guardianships, persons, relation_claims};

impl App {
    /// Somebody left a post, and works `still` elsewhere. While she worked there, a school's word that she is somebody's guardian tied her to
    /// nothing new and asked nobody; from now on it may be all that holds her there, as of whoever is named afterwards. So it becomes the
    /// word that it is: in force, and to be looked at by others. Part of a larger change.
    pub(in crate::app) async fn words_of_whom_they_lose(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: PersonId,
        still: &BTreeSet<OrgId>,
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
            let by = one.confirmed.and_then(|who| who.person);
            let (Some(admin), Some(school)) = (by, one.recorded_by) else { continue };
            if one.status == GuardianshipStatus::Confirmed && !still.contains(&school) && !looked_at(&one) {
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
