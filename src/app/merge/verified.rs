//! What is verified of two people when their merge is undone: of each, what was compared with what she has now.

use std::collections::BTreeSet;

use super::{App, Ctx, Error, Merge, Work};
use crate::domain::access::Task;
use crate::domain::id::VerificationId;
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::person::Person;
use crate::domain::registry::verification::{Verification, VerificationResult};
use crate::store::{contacts, documents, merge_rows, persons, verifications};

/// What goes back, and the claim that is compared with it.
const COMPARED: [(&str, &str); 3] = [
    ("identity_document.person_id", "document"),
    ("personal_code.person_id", "personal_code"),
    ("contact.person_id", "phone"),
];

impl App {
    /// Takes from the survivor what was verified since by a number that goes back, gives the other what counted no longer
    /// only because the survivor changed, and sets the levels of both by what stands. Part of an undo, when all rows are home.
    pub(super) async fn part_verifications(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        undone: &Merge,
        survivor: Person,
        returned: Person,
    ) -> Result<(), Error> {
        let mut borrowed = Vec::new();
        for (place, claim) in COMPARED {
            if !merge_rows::went(work.tx(), task, undone.id, place).await?.is_empty() {
                borrowed.push(claim);
            }
        }
        let hers = verifications::of_person(work.tx(), &task.on(survivor.id)).await?;
        let since: Vec<&Verification> = hers.iter().filter(|one| one.verified_at >= undone.merged_at).collect();
        let over = since.iter().filter(|one| one.claims.iter().any(|claim| borrowed.contains(&claim.as_str())));
        let over: Vec<VerificationId> = over.map(|one| one.id).collect();
        self.outdated_in(work, ctx, task, &survivor, &over).await?;
        let denied = since.iter().filter(|one| one.result == VerificationResult::Refused);
        let denied: BTreeSet<&str> = denied.map(|one| one.verifier.as_str()).collect();
        self.restore_verifications(work, ctx, task, undone, &returned, &denied).await?;
        for person in [survivor, returned] {
            let before = (person.realname_level, person.realname_at);
            let levelled = self.levelled_in(work, ctx, task, person).await?;
            let changed = (levelled.realname_level, levelled.realname_at) != before;
            if changed && !persons::update(work.tx(), &task.on(levelled.id), &levelled).await? {
                return Err(Error::busy("somebody changed the person at the same moment"));
            }
        }
        Ok(())
    }

    /// What counted until the merge, and ended since because the survivor changed, counts again where what was compared is still
    /// the other's, and who had confirmed it did not deny it since. Who confirmed the rest is asked again.
    async fn restore_verifications(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        undone: &Merge,
        returned: &Person,
        denied: &BTreeSet<&str>,
    ) -> Result<(), Error> {
        let on = task.on(returned.id);
        let went = merge_rows::went(work.tx(), task, undone.id, "verification.person_id").await?;
        let kept = self.kept_claims(work, task, undone, returned).await?;
        for one in verifications::of_person(work.tx(), &on).await? {
            let ended_since = one.superseded_at.is_some_and(|at| at > undone.merged_at);
            if !ended_since || !went.contains(&one.id.0) {
                continue;
            }
            let is_so_still = one.claims.iter().all(|claim| kept.contains(&claim.as_str()));
            if is_so_still && !denied.contains(one.verifier.as_str()) {
                verifications::restore(work.tx(), &on, one.id).await?;
            } else if let Some(service) = self.verifiers.named(&one.verifier) {
                self.ask_again(work, ctx, task, returned.id, service).await?;
            }
        }
        Ok(())
    }

    /// The claims of the returned person that nobody touched since the merge. Her name nobody could; what was recorded since
    /// is the survivor's, so that a code or phone which is in use was in use then.
    async fn kept_claims(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        undone: &Merge,
        returned: &Person,
    ) -> Result<Vec<&'static str>, Error> {
        let (on, active) = (task.on(returned.id), DocumentStatus::Active);
        let mut kept = vec!["name"];
        let papers = documents::of_person(work.tx(), &on).await?;
        if papers.iter().any(|one| one.status == active) && papers.iter().all(|one| one.updated_at <= undone.merged_at)
        {
            kept.push("document");
        }
        if documents::codes_of(work.tx(), &on).await?.iter().any(|one| one.status == active) {
            kept.push("personal_code");
        }
        if !contacts::of_person(work.tx(), &on).await?.is_empty() {
            kept.push("phone");
        }
        Ok(kept)
    }
}
