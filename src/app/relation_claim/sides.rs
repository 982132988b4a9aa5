//! Who may decide a claim: whoever speaks for all sides of it, and never the claimant alone.

use std::collections::{BTreeSet, HashSet};

use super::{LISTED, PAGE};
use crate::app::Error;
use crate::domain::access::{Task, TaskOn};
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::guardianship::Guardianship;
use crate::domain::registry::relation_claim::{ClaimKind, RelationClaim};
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{admin_grants, enrolments, guardianships, relation_claims, staffings};

/// What is in force by the claimant's word alone, for whoever may decide it: from a list of hers the claimant would learn
/// whom others hold.
pub(super) async fn unreviewed(
    tx: &mut Tx,
    task: &Task,
    sight: Option<&HashSet<OrgId>>,
    org: OrgId,
    mut after: Option<RelationClaim>,
    now: Timestamp,
) -> Result<Vec<RelationClaim>, Error> {
    let mut found = Vec::new();
    loop {
        let page = relation_claims::unreviewed_under(tx, task, org, after.as_ref(), LISTED).await?;
        let is_last = page.len() < PAGE;
        after = page.last().cloned();
        for claim in page {
            let hers = match sight {
                None => true,
                Some(hers) => may_decide(tx, task, hers, &claim, now).await?,
            };
            if hers {
                found.push(claim);
            }
        }
        if is_last || found.len() >= PAGE {
            return Ok(found);
        }
    }
}

/// Whether an administrator over these institutions speaks for the school that holds the 学籍, and is not the claimant, or
/// covers all sides.
pub(super) async fn may_decide(
    tx: &mut Tx,
    task: &Task,
    hers: &HashSet<OrgId>,
    claim: &RelationClaim,
    now: Timestamp,
) -> Result<bool, Error> {
    let child = task.on(claim.child);
    let stays = open_stays(tx, &child).await?;
    let holder = stays.iter().find(|stay| stay.source == StudentSource::Normal).map(|stay| stay.org);
    let mut sides: BTreeSet<OrgId> = stays.iter().map(|stay| stay.org).collect();
    if claim.kind == ClaimKind::Guardian {
        let recorded = guardianships::of_child(tx, &child).await?;
        sides.extend(recorded.into_iter().filter(Guardianship::is_standing).filter_map(|known| known.recorded_by));
    } else {
        sides.extend(open_posts(tx, &task.on(claim.person)).await?);
    }
    if claim.is_unreviewed() {
        // The claimant is all of the child's side: the other one is whoever holds her whom it named.
        sides.extend(holders(tx, task, claim.person, now).await?);
    }
    let covers_both = hers.contains(&claim.org)
        && sides.iter().any(|side| *side != claim.org)
        && sides.iter().all(|side| hers.contains(side));
    let holds = holder.is_some_and(|holder| holder != claim.org && hers.contains(&holder));
    Ok(holds || covers_both)
}

/// Where somebody is held: her posts, stays and grants, and the schools and recorders of her wards.
async fn holders(tx: &mut Tx, task: &Task, person: PersonId, now: Timestamp) -> Result<BTreeSet<OrgId>, Error> {
    let on = task.on(person);
    let mut sides: BTreeSet<OrgId> = open_stays(tx, &on).await?.into_iter().map(|stay| stay.org).collect();
    sides.extend(open_posts(tx, &on).await?);
    sides.extend(admin_grants::live(tx, person, now).await?.into_iter().map(|grant| grant.org));
    for ward in guardianships::of_guardian(tx, &on).await?.into_iter().filter(Guardianship::is_standing) {
        sides.extend(ward.recorded_by);
        sides.extend(open_stays(tx, &task.on(ward.child)).await?.into_iter().map(|stay| stay.org));
    }
    Ok(sides)
}

async fn open_stays(tx: &mut Tx, on: &TaskOn) -> Result<Vec<Enrolment>, Error> {
    let stays = enrolments::of_person(tx, on).await?;
    Ok(stays.into_iter().filter(|stay| stay.valid_to.is_none()).collect())
}

async fn open_posts(tx: &mut Tx, on: &TaskOn) -> Result<Vec<OrgId>, Error> {
    let posts = staffings::of_person(tx, on).await?;
    Ok(posts.into_iter().filter(|post| post.valid_to.is_none()).map(|post| post.org).collect())
}
