//! What a decided case makes of the claims that waited for it: a claim that differs from the register cannot be confirmed, so
//! whoever decided the case decided about it.

use std::collections::BTreeSet;

use super::Verdict;
use crate::app::work::Work;
use crate::app::{App, Ctx, Error, Kind};
use crate::domain::access::Task;
use crate::domain::id::{OrgId, PersonId, RelationClaimId};
use crate::domain::registry::case::Case;
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, RelationClaim};
use crate::store::{persons, relation_claims};

/// What was decided of a claim that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The row was wrong.
    Rejected,
    /// The register was: whoever bears the name of the row now is whom it means.
    Agrees,
    /// The number was somebody else's: the row, said again, is about her.
    Lapsed,
}

impl App {
    /// Settles the claims that said what a case was about, whoever made them, and of a child what the same row said of her
    /// guardians.
    ///
    /// # Errors
    /// `Busy` when somebody decided one at the same moment.
    pub(in crate::app) async fn answer_claims(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        case: &Case,
        name_key: &str,
        answer: Answer,
    ) -> Result<(), Error> {
        let Some(key) = case.subject_key else { return Ok(()) };
        let mut people = Vec::new();
        for side in [Some(case.person), case.other].into_iter().flatten() {
            people.extend(persons::survivor(work.tx(), side).await?);
        }
        let mut seen = BTreeSet::<RelationClaimId>::new();
        let mut waiting = relation_claims::about_many(work.tx(), task, &people, &[], &[]).await?;
        waiting.retain(|claim| claim.state == ClaimState::Pending && seen.insert(claim.id));
        let keys = |claim: &RelationClaim| [Some(claim.subject_key), claim.document_index, claim.code_index];
        let meant =
            |claim: &&RelationClaim| claim.differs && claim.name_key == name_key && keys(claim).contains(&Some(key));
        let children: BTreeSet<(OrgId, PersonId)> = waiting
            .iter()
            .filter(meant)
            .filter(|claim| claim.kind == ClaimKind::Student)
            .map(|claim| (claim.org, claim.child))
            .collect();
        // Their guardians were attached to nobody while the child was in question.
        let of_child =
            |claim: &RelationClaim| claim.kind == ClaimKind::Guardian && children.contains(&(claim.org, claim.child));
        let all: Vec<RelationClaim> = waiting.iter().filter(|claim| meant(claim) || of_child(claim)).cloned().collect();
        for claim in all {
            self.answer_claim(work, ctx, task, case, claim, answer).await?;
        }
        Ok(())
    }

    async fn answer_claim(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        case: &Case,
        claim: RelationClaim,
        answer: Answer,
    ) -> Result<(), Error> {
        let answered = match answer {
            // A guardian's relation is made by its row, which has to come again.
            Answer::Agrees if claim.kind != ClaimKind::Guardian => {
                let holder = persons::find(work.tx(), &task.on(claim.person)).await?;
                if holder.and_then(|holder| holder.name_key()).as_deref() != Some(claim.name_key.as_str()) {
                    return Ok(());
                }
                Ok(claim.agreeing())
            }
            Answer::Agrees | Answer::Lapsed => claim.lapse(case.decided_by, ctx.now),
            Answer::Rejected => claim.reject(case.decided_by, case.reason.clone(), ctx.now).map(|mut rejected| {
                rejected.details.settled = true;
                rejected
            }),
        }
        .map_err(|error| Error::new(Kind::Conflict, error.to_string()))?;
        if !relation_claims::update(work.tx(), task, &answered).await? {
            return Err(Error::busy("somebody decided a claim about the case at the same moment"));
        }
        let told = match answered.state {
            ClaimState::Rejected => "relation.rejected",
            ClaimState::Withdrawn => "relation.withdrawn",
            ClaimState::Pending | ClaimState::Confirmed => return Ok(()),
        };
        if answered.kind == ClaimKind::Guardian {
            self.settle_guardian(work, ctx, task, &answered, &Verdict::Reject(None)).await?;
        }
        work.event("relation_claim", answered.id, told, &[]);
        Ok(())
    }
}
