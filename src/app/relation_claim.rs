//! Claimed relations 待确认的关系 (ruling R1): who may confirm what an institution says of somebody it does not hold, and
//! what becomes true then.

mod answered;
mod asking;
mod many;
mod outcome;
mod sides;

use serde::Serialize;

use super::activation::end_outgrown_codes;
use super::roster_view::Cut;
use super::work::Outcome;
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, OrgId, PersonId, RelationClaimId};
use crate::domain::registry::reason::read_reason;
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, Details, RelationClaim};
use crate::domain::time::{Timestamp, rfc3339};
use crate::store::db::Tx;
use crate::store::{institutions, relation_claims};
pub(crate) use answered::Answer;
pub use asking::Asked;
pub use many::{MOST_AT_ONCE, Many};
use outcome::{Ground, drop_closed_classes, hold_what_it_rests_on};
use sides::{Listed, Say, Seat, Sides, Term, conflicts, listed, say};

/// A list longer than that is worked off from its beginning.
const PAGE: usize = 1000;

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// The command at the machine.
    Operator,
    /// An administrator: of the school that holds the 学籍, or of a scope that covers both sides.
    Admin(PersonId),
}

impl Decider {
    /// The administrator; none: the operator.
    pub(crate) fn admin(self) -> Option<PersonId> {
        match self {
            Self::Operator => None,
            Self::Admin(admin) => Some(admin),
        }
    }

    /// The request, in her name.
    pub(super) fn acting(self, ctx: &Ctx) -> Ctx {
        self.admin().map_or_else(|| ctx.clone(), |admin| ctx.administering(admin))
    }
}

/// How.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is so. A student whose 学籍 is elsewhere is transferred 转学.
    Confirm,
    /// A student whose 学籍 stays where it is, and who sits at the claimant 借读.
    Borrow,
    /// It is not, and why.
    Reject(Option<String>),
    /// Whoever asked for the student asks no more.
    Withdraw,
}

impl Verdict {
    /// A reason is one, where there is one.
    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Reject(Some(reason)) => read_reason(reason).map(drop).map_err(|why| Error::invalid(why.to_string())),
            Self::Confirm | Self::Borrow | Self::Reject(None) | Self::Withdraw => Ok(()),
        }
    }
}

/// A claim that waits, as its claimant wrote it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PendingClaim {
    /// Its id.
    pub id: RelationClaimId,
    /// What the person is said to be.
    pub kind: &'static str,
    /// Who says so.
    pub institution: String,
    /// As the row names her.
    pub name: String,
    /// In which class.
    pub class_id: Option<ClassId>,
    /// The school that holds the student's 学籍, as far as whoever asks may know.
    pub held_by: Option<String>,
    /// Confirmed, it moves the 学籍: a transfer 转学.
    pub transfer: bool,
    /// It counts already, by the claimant's word alone; confirmed, its person gets her slip, rejected it ends.
    pub in_force: bool,
    /// The register has another name or 学籍号 under the number: confirming cannot settle it, the case about it does. Told
    /// to whoever covers both sides.
    pub conflict: bool,
    /// The school that holds the 学籍 refused; whoever covers both sides may decide otherwise.
    pub refused: bool,
    /// The 学籍 stays where it is: a request for 借读.
    pub borrow: bool,
    /// Whoever asks may decide it now.
    pub decidable: bool,
    /// From when on the authority above both schools decides about a request for a student.
    pub authority_from: Option<String>,
    /// Since when it waits.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// What became of a claim.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DecidedClaim)]
pub struct Decided {
    /// Which.
    pub id: RelationClaimId,
    /// `confirmed`, `rejected` or `withdrawn`.
    pub state: &'static str,
    /// The school that held the student's 学籍 until now.
    pub transferred_from: Option<String>,
    /// A class that the claim names graduated or was closed while it waited: nobody came into it, and the school that asked
    /// says into which one she comes.
    pub class_over: bool,
    /// A class of which the claim calls her the head teacher 班主任 has another one by now: she teaches there, and the school that
    /// asked says who it is.
    pub head_taken: bool,
}

impl App {
    /// What waits to be decided and concerns an institution or anything under it, as the claimant or as the school or
    /// employer of whom it is about: the oldest first, behind `after`, a thousand at most. An administrator is told where a
    /// 学籍 is only when she holds it or covers both sides, and of what is in force already only when she may decide it.
    ///
    /// # Errors
    /// `NotFound` for an institution that is unknown, or not below the administrator; for a claim `after` that is not there.
    pub async fn pending_claims(
        &self,
        ctx: &Ctx,
        by: Decider,
        org_code: &str,
        after: Option<RelationClaimId>,
    ) -> Result<Vec<PendingClaim>, Error> {
        Ok(self.claims_page(ctx, by, org_code, after, PAGE).await?.items)
    }

    /// The same, at most `limit`. Audited, and noted for whom it is about.
    ///
    /// # Errors
    /// As [`App::pending_claims`].
    pub async fn claims_page(
        &self,
        ctx: &Ctx,
        by: Decider,
        org_code: &str,
        after: Option<RelationClaimId>,
        limit: usize,
    ) -> Result<Cut<PendingClaim>, Error> {
        let task = access::task(TaskName::RelationDecision);
        let mut tx = self.db.read().await?;
        let seat = match by {
            Decider::Operator => None,
            Decider::Admin(admin) => Some(self.seat_of(&mut tx, admin, ctx.now).await?),
        };
        let sees = |org: OrgId| seat.as_ref().is_none_or(|seat| seat.orgs.contains(&org));
        let org = institutions::by_code(&mut tx, &task, org_code).await?.filter(|org| sees(org.id));
        let org = org.ok_or_else(|| Error::no_institution(org_code))?;
        let after = match after {
            None => None,
            Some(id) => {
                Some(relation_claims::find(&mut tx, &task, id).await?.ok_or_else(|| Error::not_found("the claim"))?)
            }
        };
        let at = Term { now: ctx.now, term: self.lifetimes.transfer_term };
        let beyond = limit + 1;
        let (place, mut claims) = ((seat.as_ref(), org.id), Vec::new());
        for which in [Listed::Pending, Listed::Unreviewed, Listed::Contested] {
            claims.extend(listed(&mut tx, &task, which, place, at, after.clone(), beyond).await?);
        }
        claims.retain(|claim| !(claim.is_unreviewed() && by.admin().is_some_and(|admin| is_about(claim, admin))));
        claims.sort_by_key(|claim| (claim.created_at, claim.id));
        let Cut { items: claims, more } = Cut::at(claims, limit);
        let shown: Vec<PersonId> = claims.iter().flat_map(|claim| [claim.person, claim.child]).collect();
        let conflicts = conflicts(&mut tx, &task, seat.as_ref(), &claims).await?;
        let sides = Sides::of(&mut tx, &task, &claims).await?;
        let mut rows = Vec::new();
        for claim in claims {
            let (in_force, refused) = (claim.is_unreviewed(), sides.is_refused(&claim));
            let decidable = seat
                .as_ref()
                .is_none_or(|seat| !is_about(&claim, seat.admin) && sides.say(seat, &claim, at) == Say::Hers);
            let held_by = match sides.held_elsewhere(&claim).filter(|holder| sees(*holder)) {
                Some(holder) => institutions::find(&mut tx, &task, holder).await?.map(|org| org.name),
                None => None,
            };
            let claimant = institutions::find(&mut tx, &task, claim.org).await?;
            let authority_from = held_by
                .as_ref()
                .filter(|_| claim.kind == ClaimKind::Student)
                .map(|_| sides.authority_from(&claim, self.lifetimes.transfer_term).to_rfc3339());
            rows.push(PendingClaim {
                id: claim.id,
                kind: claim.kind.as_str(),
                institution: claimant.map(|org| org.name).unwrap_or_default(),
                name: claim.name,
                class_id: claim.class,
                transfer: claim.kind == ClaimKind::Student && held_by.is_some() && !claim.details.borrow,
                authority_from,
                borrow: claim.details.borrow,
                decidable,
                held_by,
                in_force,
                conflict: conflicts.contains(&claim.id),
                refused,
                since: claim.created_at,
            });
        }
        drop(tx);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::RelationViewed).await?;
        work.target("institution", org.id).detail("rows", rows.len());
        for person in shown {
            work.shows(person);
        }
        work.commit(Outcome::Done).await?;
        Ok(Cut { items: rows, more })
    }

    async fn seat_of(&self, tx: &mut Tx, admin: PersonId, now: Timestamp) -> Result<Seat, Error> {
        let scope = self.roster_subtree(tx, admin, now).await?;
        let orgs = institutions::all_in(tx, &scope).await?.into_iter().map(|org| org.id).collect();
        Ok(Seat { admin, orgs })
    }

    /// Decides a claim, also a request for a student that the school which holds the 学籍 refused: that one whoever covers both
    /// sides decides in the end. Confirmed, it becomes a relation in the same transaction: a student whose 学籍 is elsewhere is
    /// transferred, and what platforms held in the name of the old enrolment ends. One that is in force already stays so, or
    /// ends with everything that rests on it.
    ///
    /// # Errors
    /// `NotFound` for a claim that is not there or not for this decider; `Conflict` when it was decided before, or is a
    /// conflict of names; `Invalid` for a reason that is none.
    pub async fn decide_claim(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: RelationClaimId,
        verdict: Verdict,
    ) -> Result<Decided, Error> {
        let task = access::task(TaskName::RelationDecision);
        let (decider, ctx) = (by.admin(), by.acting(ctx));
        verdict.check()?;
        let mut work = self.begin(&ctx, Action::RelationDecided).await?;
        let mut found: Vec<_> = relation_claims::find(work.tx(), &task, id).await?.into_iter().collect();
        let ground = match found.first() {
            Some(claim) => hold_what_it_rests_on(work.tx(), &task, claim).await?,
            None => Ground::default(),
        };
        let mut is_above = decider.is_none();
        if let Some(admin) = decider {
            let seat = self.seat_of(work.tx(), admin, ctx.now).await?;
            is_above = found.iter().all(|claim| seat.orgs.contains(&claim.org));
            let at = Term { now: ctx.now, term: self.lifetimes.transfer_term };
            for claim in std::mem::take(&mut found) {
                // Nobody says of herself what she is (R1): a colleague does, or whoever stands above.
                if is_about(&claim, admin) && verdict != Verdict::Withdraw {
                    continue;
                }
                // Whoever asked takes it back; nobody else's say is in it.
                let takes_back = verdict == Verdict::Withdraw && seat.orgs.contains(&claim.org);
                match if takes_back { Say::Hers } else { say(work.tx(), &task, &seat, &claim, at).await? } {
                    Say::Hers if takes_back || verdict != Verdict::Withdraw => found.push(claim),
                    Say::From(from) => return Err(not_yet(from)),
                    Say::Hers | Say::None => {}
                }
            }
        }
        let claim = found.pop().ok_or_else(|| Error::not_found("the claim"))?;
        work.about(claim.person).await?;
        let in_force = claim.is_unreviewed();
        // Whoever agrees to a request for 借读 keeps the 学籍.
        let borrows = claim.details.borrow && verdict == Verdict::Confirm;
        let verdict = if borrows { Verdict::Borrow } else { verdict };
        let decided = match &verdict {
            Verdict::Confirm | Verdict::Borrow => claim.confirm(decider, ctx.now),
            Verdict::Reject(reason) => claim.reject(decider, reason.clone(), ctx.now),
            Verdict::Withdraw => claim.withdraw(decider, ctx.now),
        }
        .map_err(|error| Error::new(Kind::Conflict, error.to_string()))?;
        // Whoever rejects it from above has the last word; a releasing school has not.
        let settled = is_above && decided.state == ClaimState::Rejected;
        let decided = RelationClaim { details: Details { settled, ..decided.details }, ..decided };
        if in_force && decided.state == ClaimState::Rejected {
            relation_claims::replace_rejected(work.tx(), &task, &decided).await?;
        }
        if !relation_claims::update(work.tx(), &task, &decided).await? {
            return Err(Error::busy("somebody decided the claim at the same moment"));
        }
        let mut decided = decided;
        let (mut class_over, mut head_taken) = (false, false);
        if decided.state == ClaimState::Confirmed {
            if !(ground.stands || in_force) {
                return Err(Error::new(
                    Kind::Conflict,
                    "the institution that said so is closed: there is nothing to confirm",
                ));
            }
            self.may_begin(work.tx(), &task, &[decided.person, decided.child]).await?;
            class_over = drop_closed_classes(&ground.open, &mut decided);
            let student = (decided.kind == ClaimKind::Student).then_some(decided.child);
            end_outgrown_codes(work.tx(), &task, [decided.person], student, ctx.now).await?;
        }
        let mut transferred_from = None;
        match (&verdict, decided.kind) {
            (Verdict::Confirm, ClaimKind::Student) => {
                transferred_from = self.make_student(&mut work, &ctx, &task, &decided).await?;
            }
            (Verdict::Borrow, ClaimKind::Student) => {
                self.seat_borrowed(&mut work, &ctx, &task, &decided).await?;
            }
            (Verdict::Confirm, ClaimKind::Staff) => {
                head_taken = self.make_staff(&mut work, &ctx, &task, &decided).await?;
            }
            (Verdict::Withdraw, _) => {}
            (Verdict::Borrow, _) => return Err(Error::invalid("only a student sits at another school (借读)")),
            (_, ClaimKind::Guardian) if in_force => {
                self.review_guardian(&mut work, &ctx, &task, &decided, &verdict).await?;
            }
            (_, ClaimKind::Guardian) => self.settle_guardian(&mut work, &ctx, &task, &decided, &verdict).await?,
            (Verdict::Reject(_), _) => {}
        }
        work.target("person", decided.person).target("institution", decided.org).target("relation_claim", decided.id);
        work.detail("kind", decided.kind.as_str()).detail("state", decided.state.as_str());
        if class_over {
            work.detail("class_over", true);
        }
        if head_taken {
            work.detail("head_taken", true);
        }
        if let Verdict::Reject(Some(reason)) = &verdict {
            work.because(reason);
        }
        let told = match decided.state {
            ClaimState::Confirmed => "relation.confirmed",
            ClaimState::Withdrawn => "relation.withdrawn",
            ClaimState::Pending | ClaimState::Rejected => "relation.rejected",
        };
        work.event("relation_claim", decided.id, told, &[]);
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(Decided { id: decided.id, state: decided.state.as_str(), transferred_from, class_over, head_taken })
    }
}

fn is_about(claim: &RelationClaim, admin: PersonId) -> bool {
    [claim.person, claim.child].contains(&admin)
}

fn not_yet(from: Timestamp) -> Error {
    let day = from.shanghai_minute();
    Error::new(
        Kind::Conflict,
        format!("the school that holds the 学籍 decides until {day}; from then on the authority above both may"),
    )
}
