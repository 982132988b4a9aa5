//! Who may decide a claim: whoever speaks for all sides of it, and never the claimant alone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use crate::app::Error;
use crate::domain::access::Task;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::relation_claim::{ClaimKind, RelationClaim};
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{cases, enrolments, guardianships, relation_claims, staffings};

/// An administrator and the institutions that she speaks for.
pub(super) struct Seat {
    pub(super) admin: PersonId,
    pub(super) orgs: HashSet<OrgId>,
}

/// What is in force by the claimant's word alone, for whoever may decide it: from a list of hers the claimant would learn
/// whom others hold.
pub(super) async fn unreviewed(
    tx: &mut Tx,
    task: &Task,
    seat: Option<&Seat>,
    org: OrgId,
    mut after: Option<RelationClaim>,
    limit: usize,
) -> Result<Vec<RelationClaim>, Error> {
    let most = i64::try_from(limit).map_err(Error::internal)?;
    let Some(seat) = seat else {
        return Ok(relation_claims::unreviewed_under(tx, task, org, after.as_ref(), most).await?);
    };
    let mut found = Vec::new();
    loop {
        let page = relation_claims::unreviewed_for(tx, task, seat.admin, org, after.as_ref(), most).await?;
        let is_last = page.len() < limit;
        after = page.last().cloned();
        found.extend(decidable(tx, task, seat, page).await?);
        if is_last || found.len() >= limit {
            return Ok(found);
        }
    }
}

/// What an administrator may do about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// Decide it.
    Hers,
    /// Decide it from then on: until then the school that holds the 学籍 does.
    From(Timestamp),
    /// For her there is none.
    None,
}

/// The same for one claim.
pub(super) async fn say(tx: &mut Tx, task: &Task, seat: &Seat, claim: &RelationClaim, at: Term) -> Result<Say, Error> {
    Ok(Sides::of(tx, task, std::slice::from_ref(claim)).await?.say(seat, claim, at))
}

/// The present, and how long a releasing school has for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) now: Timestamp,
    pub(super) term: Duration,
}

/// Those of some claims that an administrator may decide: she speaks for the school that holds the 学籍, and is not the
/// claimant, or covers all sides. What is in force already only the latter, and never who wrote it: she may have come to
/// govern the child's next school, or whoever holds the guardian.
pub(super) async fn decidable(
    tx: &mut Tx,
    task: &Task,
    seat: &Seat,
    claims: Vec<RelationClaim>,
) -> Result<Vec<RelationClaim>, Error> {
    let sides = Sides::of(tx, task, &claims).await?;
    // What is in force already has no term.
    let at = Term { now: Timestamp::from_micros(i64::MAX), term: Duration::ZERO };
    Ok(claims.into_iter().filter(|claim| sides.say(seat, claim, at) == Say::Hers).collect())
}

/// The institutions behind some claims.
#[derive(Default)]
struct Sides {
    /// Which school holds a child's 学籍.
    holder: HashMap<PersonId, OrgId>,
    /// Of each child, where she has a stay.
    stays: HashMap<PersonId, BTreeSet<OrgId>>,
    /// Of each child, who recorded her guardians.
    recorders: HashMap<PersonId, BTreeSet<OrgId>>,
    /// Of each person named, where she works.
    posts: HashMap<PersonId, BTreeSet<OrgId>>,
    /// Of each person named, all who hold her, as somebody's guardian too.
    holders: HashMap<PersonId, BTreeSet<OrgId>>,
}

impl Sides {
    async fn of(tx: &mut Tx, task: &Task, claims: &[RelationClaim]) -> Result<Self, Error> {
        let distinct = |of: fn(&RelationClaim) -> PersonId| claims.iter().map(of).collect::<BTreeSet<_>>();
        let children: Vec<PersonId> = distinct(|claim| claim.child).into_iter().collect();
        let people: Vec<PersonId> = distinct(|claim| claim.person).into_iter().collect();
        let mut sides = Self::default();
        for stay in enrolments::open_of_many(tx, task, &children).await? {
            sides.stays.entry(stay.person).or_default().insert(stay.org);
            if stay.source == StudentSource::Normal {
                sides.holder.insert(stay.person, stay.org);
            }
        }
        for known in guardianships::of_children(tx, task, &children).await?.iter().filter(|known| known.is_standing()) {
            sides.recorders.entry(known.child).or_default().extend(known.recorded_by);
        }
        for post in staffings::open_of_many(tx, task, &people).await? {
            sides.posts.entry(post.person).or_default().insert(post.org);
        }
        for side in cases::sides_of(tx, task, &people).await? {
            sides.holders.entry(side.person).or_default().insert(side.org);
        }
        Ok(sides)
    }

    fn say(&self, seat: &Seat, claim: &RelationClaim, at: Term) -> Say {
        let holder = self.holder.get(&claim.child).filter(|holder| **holder != claim.org);
        if claim.kind == ClaimKind::Student
            && let Some(holder) = holder
        {
            // Whoever speaks for both sides waits: the releasing school is asked first.
            let from = claim.authority_from(at.term);
            return match (seat.orgs.contains(holder), seat.orgs.contains(&claim.org)) {
                (true, true) if at.now < from => Say::From(from),
                (true, _) => Say::Hers,
                (false, _) => Say::None,
            };
        }
        if self.may_decide(seat, claim) { Say::Hers } else { Say::None }
    }

    fn may_decide(&self, seat: &Seat, claim: &RelationClaim) -> bool {
        let in_force = claim.is_unreviewed();
        let mut all: BTreeSet<OrgId> = self.stays.get(&claim.child).into_iter().flatten().copied().collect();
        let others = match claim.kind {
            ClaimKind::Guardian => self.recorders.get(&claim.child),
            ClaimKind::Student | ClaimKind::Staff => self.posts.get(&claim.person),
        };
        all.extend(others.into_iter().flatten());
        if in_force {
            // The claimant is all of the child's side: the other one is whoever holds her whom it named.
            all.extend(self.holders.get(&claim.person).into_iter().flatten());
        }
        let covers_both = seat.orgs.contains(&claim.org)
            && all.iter().any(|side| *side != claim.org)
            && all.iter().all(|side| seat.orgs.contains(side));
        if in_force {
            return covers_both && claim.claimed_by != Some(seat.admin);
        }
        let holder = self.holder.get(&claim.child);
        covers_both || holder.is_some_and(|holder| *holder != claim.org && seat.orgs.contains(holder))
    }
}
