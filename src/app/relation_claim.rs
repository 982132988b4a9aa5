//! Claimed relations 待确认的关系 (ruling R1): who may confirm what an institution says of somebody it does not hold, and
//! what becomes true then.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;

use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::{Action, Actor};
use crate::domain::id::{ClassId, EnrolmentId, IdentityId, OrgId, PersonId, RelationClaimId, StaffingId, new_uuid};
use crate::domain::registry::codes::staff::{StaffPost, StaffState};
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::guardianship::{Evidence, GuardianshipStatus};
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, RelationClaim};
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::domain::time::{Timestamp, rfc3339};
use crate::store::db::Tx;
use crate::store::{enrolments, grants, guardianships, institutions, persons, relation_claims, staffings};

/// A list longer than that is worked off from its beginning.
const LISTED: i64 = 1000;

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
    pub(super) fn admin(self) -> Option<PersonId> {
        match self {
            Self::Operator => None,
            Self::Admin(admin) => Some(admin),
        }
    }

    /// The request, in her name.
    pub(super) fn acting(self, ctx: &Ctx) -> Ctx {
        self.admin().map_or_else(|| ctx.clone(), |admin| ctx.acting(Actor::Person { id: admin }))
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
}

/// A claim that waits, as its claimant wrote it.
#[derive(Clone, Debug, Serialize)]
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
    /// The register has another name or 学籍号 under the number: confirming cannot settle it.
    pub conflict: bool,
    /// Since when it waits.
    #[serde(serialize_with = "rfc3339")]
    pub since: Timestamp,
}

/// What became of a claim.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// Which.
    pub id: RelationClaimId,
    /// `confirmed` or `rejected`.
    pub state: &'static str,
    /// The school that held the student's 学籍 until now.
    pub transferred_from: Option<String>,
}

impl App {
    /// What waits to be decided and concerns an institution or anything under it, as the claimant or as the school or
    /// employer of whom it is about: the oldest first, behind `after`, a thousand at most. An administrator is told where a
    /// 学籍 is only when she holds it or covers both sides.
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
        let task = access::task(TaskName::RelationDecision);
        let mut tx = self.db.read().await?;
        let sight = match by {
            Decider::Operator => None,
            Decider::Admin(admin) => Some(self.orgs_of(&mut tx, admin, ctx.now).await?),
        };
        let sees = |org: OrgId| sight.as_ref().is_none_or(|hers| hers.contains(&org));
        let org = institutions::by_code(&mut tx, &task, org_code).await?.filter(|org| sees(org.id));
        let org = org.ok_or_else(|| Error::no_institution(org_code))?;
        let after = match after {
            None => None,
            Some(id) => {
                Some(relation_claims::find(&mut tx, &task, id).await?.ok_or_else(|| Error::not_found("the claim"))?)
            }
        };
        let mut listed = Vec::new();
        for claim in relation_claims::pending_under(&mut tx, &task, org.id, after.as_ref(), LISTED).await? {
            let stays = enrolments::of_person(&mut tx, &task.on(claim.child)).await?;
            let holder = stays.iter().find(|stay| stay.valid_to.is_none() && stay.source == StudentSource::Normal);
            let holder = holder.map(|stay| stay.org).filter(|holder| *holder != claim.org && sees(*holder));
            let held_by = match holder {
                Some(holder) => institutions::find(&mut tx, &task, holder).await?.map(|org| org.name),
                None => None,
            };
            let claimant = institutions::find(&mut tx, &task, claim.org).await?;
            listed.push(PendingClaim {
                id: claim.id,
                kind: claim.kind.as_str(),
                institution: claimant.map(|org| org.name).unwrap_or_default(),
                name: claim.name,
                class_id: claim.class,
                transfer: claim.kind == ClaimKind::Student && held_by.is_some(),
                held_by,
                conflict: claim.differs && sight.is_none(),
                since: claim.created_at,
            });
        }
        Ok(listed)
    }

    async fn orgs_of(&self, tx: &mut Tx, admin: PersonId, now: Timestamp) -> Result<HashSet<OrgId>, Error> {
        let scope = self.roster_subtree(tx, admin, now).await?;
        Ok(institutions::all_in(tx, &scope).await?.into_iter().map(|org| org.id).collect())
    }

    /// Decides a claim. Confirmed, it becomes a relation in the same transaction: a student whose 学籍 is elsewhere is
    /// transferred, and what platforms held in the name of the old enrolment ends.
    ///
    /// # Errors
    /// `NotFound` for a claim that is not there or not for this decider; `Conflict` when it was decided before, or is a
    /// conflict of names.
    pub async fn decide_claim(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: RelationClaimId,
        verdict: Verdict,
    ) -> Result<Decided, Error> {
        let task = access::task(TaskName::RelationDecision);
        let (decider, ctx) = (by.admin(), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::RelationDecided).await?;
        let claim = relation_claims::find(work.tx(), &task, id).await?.ok_or_else(|| Error::not_found("the claim"))?;
        if let Some(admin) = decider
            && !self.may_decide(&mut work, &ctx, &task, admin, &claim).await?
        {
            return Err(Error::not_found("the claim"));
        }
        let decided = match &verdict {
            Verdict::Confirm | Verdict::Borrow => claim.confirm(decider, ctx.now),
            Verdict::Reject(reason) => claim.reject(decider, reason.clone(), ctx.now),
        }
        .map_err(|error| Error::new(Kind::Conflict, error.to_string()))?;
        if !relation_claims::update(work.tx(), &task, &decided).await? {
            return Err(Error::busy("somebody decided the claim at the same moment"));
        }
        let mut transferred_from = None;
        match (&verdict, decided.kind) {
            (Verdict::Confirm, ClaimKind::Student) => {
                transferred_from = self.make_student(&mut work, &ctx, &task, &decided).await?;
            }
            (Verdict::Borrow, ClaimKind::Student) => {
                self.enrol_claimed(&mut work, &ctx, &task, &decided, StudentSource::Borrowed).await?;
            }
            (Verdict::Confirm, ClaimKind::Staff) => self.make_staff(&mut work, &ctx, &task, &decided).await?,
            (Verdict::Borrow, _) => return Err(Error::invalid("only a student sits at another school (借读)")),
            (_, ClaimKind::Guardian) => self.settle_guardian(&mut work, &ctx, &task, &decided, &verdict).await?,
            (Verdict::Reject(_), _) => {}
        }
        work.target("person", decided.person).target("institution", decided.org).target("relation_claim", decided.id);
        work.detail("kind", decided.kind.as_str()).detail("state", decided.state.as_str());
        let told = if decided.state == ClaimState::Confirmed { "relation.confirmed" } else { "relation.rejected" };
        work.event("relation_claim", decided.id, told, &[]);
        work.commit(Outcome::Done).await?;
        Ok(Decided { id: decided.id, state: decided.state.as_str(), transferred_from })
    }

    /// Whether an administrator speaks for the school that holds the 学籍, and is not the claimant, or covers all sides.
    async fn may_decide(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        admin: PersonId,
        claim: &RelationClaim,
    ) -> Result<bool, Error> {
        let hers = self.orgs_of(work.tx(), admin, ctx.now).await?;
        let child = task.on(claim.child);
        let stays = enrolments::of_person(work.tx(), &child).await?;
        let stays: Vec<Enrolment> = stays.into_iter().filter(|stay| stay.valid_to.is_none()).collect();
        let holder = stays.iter().find(|stay| stay.source == StudentSource::Normal).map(|stay| stay.org);
        let mut sides: BTreeSet<OrgId> = stays.iter().map(|stay| stay.org).collect();
        if claim.kind == ClaimKind::Guardian {
            let recorded = guardianships::of_child(work.tx(), &child).await?;
            sides
                .extend(recorded.into_iter().filter(|known| known.is_standing()).filter_map(|known| known.recorded_by));
        } else {
            let posts = staffings::of_person(work.tx(), &task.on(claim.person)).await?;
            sides.extend(posts.into_iter().filter(|post| post.valid_to.is_none()).map(|post| post.org));
        }
        let covers_both = hers.contains(&claim.org)
            && sides.iter().any(|side| *side != claim.org)
            && sides.iter().all(|side| hers.contains(side));
        let holds = holder.is_some_and(|holder| holder != claim.org && hers.contains(&holder));
        Ok(holds || covers_both)
    }

    /// The name of the school that held the 学籍 until now, if one did.
    async fn make_student(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
    ) -> Result<Option<String>, Error> {
        let on = task.on(claim.person);
        let today = ctx.now.shanghai_date();
        let mut left_school = None;
        let open = enrolments::of_person(work.tx(), &on).await?;
        for stay in open.into_iter().filter(|stay| stay.valid_to.is_none() && stay.source == StudentSource::Normal) {
            let (identity, school) = (IdentityId(stay.id.0), stay.org);
            let left = stay.end(StudentState::TransferredOut, today, ctx.now).map_err(Error::internal)?;
            if !enrolments::update(work.tx(), &on, &left).await? {
                return Err(Error::busy("somebody changed the student's 学籍 at the same moment"));
            }
            grants::revoke_of_identity(work.tx(), &on, identity, ctx.now, "transferred").await?;
            left_school = institutions::find(work.tx(), task, school).await?.map(|org| org.name);
        }
        self.enrol_claimed(work, ctx, task, claim, StudentSource::Normal).await?;
        Ok(left_school)
    }

    async fn enrol_claimed(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
        source: StudentSource,
    ) -> Result<(), Error> {
        let on = task.on(claim.person);
        let enrolment = Enrolment {
            id: EnrolmentId::new(ctx.now, &*self.random),
            person: claim.person,
            org: claim.org,
            class: claim.class,
            student_no: claim.details.number.clone(),
            category: None,
            state: StudentState::Enrolled,
            source,
            valid_from: ctx.now.shanghai_date(),
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if !enrolments::insert(work.tx(), &on, &enrolment).await? {
            return Err(Error::new(Kind::Conflict, "she is enrolled there already"));
        }
        persons::refresh_presence(work.tx(), &on).await?;
        work.event("person", claim.person, "person.enrolled", &["enrolment"]);
        Ok(())
    }

    async fn make_staff(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
    ) -> Result<(), Error> {
        let on = task.on(claim.person);
        let today = ctx.now.shanghai_date();
        let post = claim.details.post.as_deref().and_then(|post| post.parse::<StaffPost>().ok());
        let post = post.ok_or_else(|| Error::internal("a claim of staff without a post"))?;
        let staffing = Staffing {
            id: StaffingId::new(ctx.now, &*self.random),
            person: claim.person,
            org: claim.org,
            category: post.category(),
            post,
            staff_no: claim.details.number.clone(),
            state: StaffState::Serving,
            valid_from: today,
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if !staffings::insert(work.tx(), &on, &staffing).await? {
            return Err(Error::new(Kind::Conflict, "she works there already"));
        }
        for taught in &claim.details.teaches {
            let teaching = Teaching {
                id: new_uuid(ctx.now, &*self.random),
                staffing: staffing.id,
                class: taught.class,
                subject: taught.subject.as_deref().and_then(|subject| subject.parse().ok()),
                head_teacher: taught.head_teacher,
                valid_from: today,
                valid_to: None,
            };
            staffings::teach(work.tx(), &on, &teaching).await?;
        }
        persons::refresh_presence(work.tx(), &on).await?;
        work.event("person", claim.person, "person.employed", &["staffing"]);
        Ok(())
    }

    /// The guardianship that the claim came with. Where another institution had recorded the two already there is none,
    /// and the claim says nothing new.
    async fn settle_guardian(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
        verdict: &Verdict,
    ) -> Result<(), Error> {
        let on = task.on(claim.child);
        let waiting = guardianships::of_child(work.tx(), &on).await?.into_iter().find(|known| {
            known.guardian == claim.person
                && known.recorded_by == Some(claim.org)
                && known.status == GuardianshipStatus::Pending
        });
        let Some(waiting) = waiting else { return Ok(()) };
        let (settled, told) = match verdict {
            Verdict::Confirm | Verdict::Borrow => {
                (waiting.confirm(Evidence::School, ctx.now), "guardianship.confirmed")
            }
            Verdict::Reject(_) => (waiting.reject(ctx.now), "guardianship.rejected"),
        };
        let settled = settled.map_err(Error::internal)?;
        if !guardianships::update(work.tx(), &on, &settled).await? {
            return Err(Error::busy("somebody changed the guardianship at the same moment"));
        }
        work.event("guardianship", settled.id, told, &[]);
        Ok(())
    }
}
