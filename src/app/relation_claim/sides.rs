//! Who may decide a claim: whoever speaks for all sides of it, and never the claimant alone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use crate::app::Error;
use crate::domain::access::Task;
use crate::domain::id::{EnrolmentId, OrgId, PersonId, RelationClaimId};
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::relation_claim::{ClaimKind, RelationClaim};
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::relation_claims::Former;
use crate::store::{cases, enrolments, guardianships, relation_claims, staffings};

/// An administrator and the institutions that she speaks for.
pub(super) struct Seat {
    pub(super) admin: PersonId,
    pub(super) orgs: HashSet<OrgId>,
}

/// Which claims are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// What waits, without the guardians whom others name of whoever is at an administrator's institutions: their claims are
    /// hers where she may decide them.
    Pending,
    /// What is in force by the claimant's word alone, for whoever may decide it: from a list of hers the claimant would learn
    /// whom others hold.
    Unreviewed,
    /// Requests for students that the school which holds the 学籍 refused, for whoever may still decide: the operator, or who
    /// covers both sides, from the day on that is hers.
    Contested,
}

/// Claims that concern an institution or anything under it, behind `after`; `limit` of those that are told, or a few more.
pub(super) async fn listed(
    tx: &mut Tx,
    task: &Task,
    which: Listed,
    (seat, org): (Option<&Seat>, OrgId),
    at: Term,
    mut after: Option<RelationClaim>,
    limit: usize,
) -> Result<Vec<RelationClaim>, Error> {
    let mut found = Vec::new();
    loop {
        let page = which.page(tx, task, (seat, org), at, after.as_ref(), limit).await?;
        let is_last = page.len() < limit;
        after = page.last().cloned();
        let sides = Sides::of(tx, task, &page).await?;
        found.extend(page.into_iter().filter(|claim| which.tells(&sides, seat, claim, at)));
        if is_last || found.len() >= limit {
            return Ok(found);
        }
    }
}

impl Listed {
    async fn page(
        self,
        tx: &mut Tx,
        task: &Task,
        (seat, org): (Option<&Seat>, OrgId),
        at: Term,
        after: Option<&RelationClaim>,
        limit: usize,
    ) -> Result<Vec<RelationClaim>, Error> {
        let most = i64::try_from(limit).map_err(Error::internal)?;
        let since = RelationClaim::contested_since(at.now, at.term);
        Ok(match (self, seat) {
            (Self::Pending, _) => relation_claims::pending_under(tx, task, org, after, most).await?,
            (Self::Unreviewed, None) => relation_claims::unreviewed_under(tx, task, org, after, most).await?,
            (Self::Unreviewed, Some(seat)) => {
                relation_claims::unreviewed_for(tx, task, seat.admin, org, after, most).await?
            }
            (Self::Contested, _) => relation_claims::rejected_under(tx, task, org, since, after, most).await?,
        })
    }

    fn tells(self, sides: &Sides, seat: Option<&Seat>, claim: &RelationClaim, at: Term) -> bool {
        match (self, seat) {
            (Self::Pending | Self::Unreviewed, None) => true,
            (Self::Pending, Some(seat)) => {
                // Whoever asked by a number for somebody to sit here is not told by her own list that somebody has it.
                let claimants =
                    !claim.details.borrow && (claim.kind != ClaimKind::Guardian || seat.orgs.contains(&claim.org));
                claimants || sides.say(seat, claim, at) != Say::None
            }
            (Self::Unreviewed, Some(seat)) => sides.say(seat, claim, Term::OVER) == Say::Hers,
            // What moved on by itself is no request any more.
            (Self::Contested, None) => claim.is_contested() && sides.released_by(claim).is_some(),
            (Self::Contested, Some(seat)) => claim.is_contested() && sides.say(seat, claim, at) == Say::Hers,
        }
    }
}

/// Which of some claims are told to be conflicts: those of which the administrator speaks for all sides. A claimant who
/// heard it of others would learn whose name stands under a number (R1).
pub(super) async fn conflicts(
    tx: &mut Tx,
    task: &Task,
    seat: Option<&Seat>,
    claims: &[RelationClaim],
) -> Result<HashSet<RelationClaimId>, Error> {
    let differing: Vec<RelationClaim> = claims.iter().filter(|claim| claim.differs).cloned().collect();
    let sides = Sides::of(tx, task, &differing).await?;
    let told = |claim: &&RelationClaim| seat.is_none_or(|seat| sides.are_hers(seat, claim));
    Ok(differing.iter().filter(told).map(|claim| claim.id).collect())
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

impl Term {
    /// What is in force already has no term.
    const OVER: Self = Self { now: Timestamp::from_micros(i64::MAX), term: Duration::ZERO };
}

/// The institutions behind some claims.
#[derive(Default)]
pub(super) struct Sides {
    /// Which school holds a child's 学籍.
    holder: HashMap<PersonId, OrgId>,
    /// Since when it does.
    since: HashMap<PersonId, Timestamp>,
    /// Of each person named who holds neither 学籍 nor post, all who did until her last day.
    former: HashMap<PersonId, Vec<Former>>,
    /// Of each child, where she has a stay.
    stays: HashMap<PersonId, BTreeSet<OrgId>>,
    /// Of each child, who recorded her guardians.
    recorders: HashMap<PersonId, BTreeSet<OrgId>>,
    /// Of each person named, where she works.
    posts: HashMap<PersonId, BTreeSet<OrgId>>,
    /// Of each person named, all who hold her, as somebody's guardian too.
    holders: HashMap<PersonId, BTreeSet<OrgId>>,
    /// The same without those who hold her by a word that nobody looked at.
    sound: HashMap<PersonId, BTreeSet<OrgId>>,
}

impl Sides {
    pub(super) async fn of(tx: &mut Tx, task: &Task, claims: &[RelationClaim]) -> Result<Self, Error> {
        let distinct = |of: fn(&RelationClaim) -> PersonId| claims.iter().map(of).collect::<BTreeSet<_>>();
        let children: Vec<PersonId> = distinct(|claim| claim.child).into_iter().collect();
        let people: Vec<PersonId> = distinct(|claim| claim.person).into_iter().collect();
        let mut sides = Self::default();
        let mut registers = HashMap::new();
        for stay in enrolments::open_of_many(tx, task, &children).await? {
            sides.stays.entry(stay.person).or_default().insert(stay.org);
            if stay.source == StudentSource::Normal {
                sides.holder.insert(stay.person, stay.org);
                sides.since.insert(stay.person, stay.created_at);
                registers.insert(stay.id, stay.person);
            }
        }
        let ids: Vec<EnrolmentId> = registers.keys().copied().collect();
        for (stay, at) in enrolments::raised_at(tx, task, &ids).await? {
            if let Some(since) = registers.get(&stay).and_then(|child| sides.since.get_mut(child)) {
                *since = at.max(*since);
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
        for side in cases::sound_sides_of(tx, task, &people).await? {
            sides.sound.entry(side.person).or_default().insert(side.org);
        }
        let is_nowhere = |person: &PersonId| !sides.holder.contains_key(person) && !sides.posts.contains_key(person);
        let nowhere: Vec<PersonId> = people.into_iter().filter(is_nowhere).collect();
        sides.former = relation_claims::last_places(tx, task, &nowhere).await?;
        Ok(sides)
    }

    /// The other side of whoever holds neither 学籍 nor post: the institution where she did last, or all of them where several
    /// ended on one day, and what stands above each where that one is a school (the claimant may be it, or one of its campuses
    /// 校区) or asks for her itself; of whoever never did, all who hold her as somebody's guardian. Nobody there is asked, she is
    /// theirs no longer; but whoever covers both may speak, and never the claimant alone.
    fn other_sides(&self, claim: &RelationClaim) -> BTreeSet<OrgId> {
        let Some(last) = self.former.get(&claim.person) else {
            return self.holders.get(&claim.person).cloned().unwrap_or_default();
        };
        let of = |former: &Former| {
            let asks = former.org == claim.org;
            let above = former.above.filter(|_| asks || former.school);
            above.into_iter().chain((!asks).then_some(former.org))
        };
        last.iter().flat_map(of).collect()
    }

    /// From when on whoever covers both schools decides about a request for a student.
    pub(super) fn authority_from(&self, claim: &RelationClaim, term: Duration) -> Timestamp {
        let held_since = self.since.get(&claim.child).copied().unwrap_or(claim.created_at);
        claim.authority_from(held_since, term)
    }

    /// Whether the school that holds the 学籍 refused: what another one said before she came there is no word of this one.
    pub(super) fn is_refused(&self, claim: &RelationClaim) -> bool {
        let since = self.since.get(&claim.child);
        claim.is_contested() && since.is_none_or(|since| claim.decided_at.is_some_and(|at| *since <= at))
    }

    /// The school that holds the 学籍 of the child, where another institution speaks of her.
    pub(super) fn held_elsewhere(&self, claim: &RelationClaim) -> Option<OrgId> {
        self.holder.get(&claim.child).copied().filter(|holder| *holder != claim.org)
    }

    /// The school that holds the student's 学籍, where another one asks for her.
    fn released_by(&self, claim: &RelationClaim) -> Option<OrgId> {
        self.held_elsewhere(claim).filter(|_| claim.kind == ClaimKind::Student)
    }

    pub(super) fn say(&self, seat: &Seat, claim: &RelationClaim, at: Term) -> Say {
        if let Some(holder) = self.released_by(claim) {
            // Whoever speaks for both sides waits: the releasing school is asked first. What that one refused is hers alone.
            let from = self.authority_from(claim, at.term);
            return match (seat.orgs.contains(&holder), seat.orgs.contains(&claim.org)) {
                (true, true) if at.now < from => Say::From(from),
                (true, true) => Say::Hers,
                (true, false) if !self.is_refused(claim) => Say::Hers,
                _ => Say::None,
            };
        }
        if claim.is_contested() {
            return Say::None;
        }
        if self.may_decide(seat, claim) { Say::Hers } else { Say::None }
    }

    fn are_hers(&self, seat: &Seat, claim: &RelationClaim) -> bool {
        let theirs: Vec<&OrgId> = self.holders.get(&claim.person).into_iter().flatten().collect();
        seat.orgs.contains(&claim.org)
            && theirs.iter().any(|side| **side != claim.org)
            && theirs.iter().all(|side| seat.orgs.contains(side))
    }

    /// Whether she speaks for the school that holds the 学籍, and is not the claimant, or covers all sides. What is in force
    /// already is hers only in the latter case, and never if she wrote it: she may have come to govern the child's next
    /// school, or whoever holds the guardian.
    fn may_decide(&self, seat: &Seat, claim: &RelationClaim) -> bool {
        let in_force = claim.is_unreviewed();
        let mut all: BTreeSet<OrgId> = self.stays.get(&claim.child).into_iter().flatten().copied().collect();
        let others = match claim.kind {
            ClaimKind::Guardian => self.recorders.get(&claim.child),
            ClaimKind::Student | ClaimKind::Staff => self.posts.get(&claim.person),
        };
        all.extend(others.into_iter().flatten());
        if claim.kind != ClaimKind::Guardian && !self.holder.contains_key(&claim.child) && others.is_none() {
            all.extend(self.other_sides(claim));
        }
        if in_force {
            // The claimant is all of the child's side: the other one is whoever holds her whom it named.
            all.extend(self.holders.get(&claim.person).into_iter().flatten());
        }
        // Two words that nobody looked at are not each other's other side: whoever names somebody twice would be her own judge.
        let sound = self.sound.get(&claim.person).into_iter().chain(self.stays.get(&claim.child)).flatten();
        let others: Vec<&OrgId> = if in_force { sound.collect() } else { all.iter().collect() };
        let covers_both = seat.orgs.contains(&claim.org)
            && others.into_iter().any(|side| *side != claim.org)
            && all.iter().all(|side| seat.orgs.contains(side));
        if in_force {
            return covers_both && claim.claimed_by != Some(seat.admin);
        }
        covers_both || self.held_elsewhere(claim).is_some_and(|holder| seat.orgs.contains(&holder))
    }
}
