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
use crate::domain::registry::relation_claim::{ClaimKind, RelationClaim};
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::domain::time::{Timestamp, rfc3339};
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

/// How.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is so.
    Confirm,
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
    /// The 学籍 is at another institution below the claimant: a request for a transfer 转学.
    pub transfer: bool,
    /// The register has another name or 学籍号 under the number: confirming cannot settle it.
    pub conflict: bool,
    /// Since when it waits.
    #[serde(serialize_with = "rfc3339")]
    pub since: Timestamp,
}

impl App {
    /// What waits to be decided for an institution and everything under it, the oldest first.
    ///
    /// # Errors
    /// `NotFound` for an unknown code.
    pub async fn pending_claims(&self, org_code: &str) -> Result<Vec<PendingClaim>, Error> {
        let task = access::task(TaskName::OperatorReport);
        let mut tx = self.db.read().await?;
        let org =
            institutions::by_code(&mut tx, &task, org_code).await?.ok_or_else(|| Error::no_institution(org_code))?;
        let mut listed = Vec::new();
        for claim in relation_claims::pending_under(&mut tx, &task, org.id, LISTED).await? {
            let claimant = institutions::find(&mut tx, &task, claim.org).await?;
            listed.push(PendingClaim {
                id: claim.id,
                kind: claim.kind.as_str(),
                institution: claimant.map(|org| org.name).unwrap_or_default(),
                name: claim.name,
                class_id: claim.class,
                transfer: claim.details.transfer,
                conflict: claim.differs,
                since: claim.created_at,
            });
        }
        Ok(listed)
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
    ) -> Result<(), Error> {
        let task = access::task(TaskName::RelationDecision);
        let (decider, ctx) = match by {
            Decider::Operator => (None, ctx.clone()),
            Decider::Admin(admin) => (Some(admin), ctx.acting(Actor::Person { id: admin })),
        };
        let mut work = self.begin(&ctx, Action::RelationDecided).await?;
        let claim = relation_claims::find(work.tx(), &task, id).await?.ok_or_else(|| Error::not_found("the claim"))?;
        if let Some(admin) = decider
            && !self.may_decide(&mut work, &ctx, &task, admin, &claim).await?
        {
            return Err(Error::not_found("the claim"));
        }
        let decided = match &verdict {
            Verdict::Confirm => claim.confirm(decider, ctx.now),
            Verdict::Reject(reason) => claim.reject(decider, reason.clone(), ctx.now),
        }
        .map_err(|error| Error::new(Kind::Conflict, error.to_string()))?;
        if !relation_claims::update(work.tx(), &task, &decided).await? {
            return Err(Error::busy("somebody decided the claim at the same moment"));
        }
        match (&verdict, decided.kind) {
            (Verdict::Confirm, ClaimKind::Student) => self.make_student(&mut work, &ctx, &task, &decided).await?,
            (Verdict::Confirm, ClaimKind::Staff) => self.make_staff(&mut work, &ctx, &task, &decided).await?,
            (_, ClaimKind::Guardian) => self.settle_guardian(&mut work, &ctx, &task, &decided, &verdict).await?,
            (Verdict::Reject(_), _) => {}
        }
        work.target("person", decided.person).target("institution", decided.org).target("relation_claim", decided.id);
        work.detail("kind", decided.kind.as_str()).detail("state", decided.state.as_str());
        let told = if verdict == Verdict::Confirm { "relation.confirmed" } else { "relation.rejected" };
        work.event("relation_claim", decided.id, told, &[]);
        work.commit(Outcome::Done).await
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
        let scope = self.roster_subtree(work.tx(), admin, ctx.now).await?;
        let hers: HashSet<OrgId> =
            institutions::all_in(work.tx(), &scope).await?.into_iter().map(|org| org.id).collect();
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

    async fn make_student(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
    ) -> Result<(), Error> {
        let on = task.on(claim.person);
        let today = ctx.now.shanghai_date();
        let taken = || Error::busy("somebody changed the student's 学籍 at the same moment");
        let open = enrolments::of_person(work.tx(), &on).await?;
        for stay in open.into_iter().filter(|stay| stay.valid_to.is_none() && stay.source == StudentSource::Normal) {
            let identity = IdentityId(stay.id.0);
            let left = stay.end(StudentState::TransferredOut, today, ctx.now).map_err(Error::internal)?;
            if !enrolments::update(work.tx(), &on, &left).await? {
                return Err(taken());
            }
            grants::revoke_of_identity(work.tx(), &on, identity, ctx.now, "transferred").await?;
        }
        let enrolment = Enrolment {
            id: EnrolmentId::new(ctx.now, &*self.random),
            person: claim.person,
            org: claim.org,
            class: claim.class,
            student_no: claim.details.number.clone(),
            category: None,
            state: StudentState::Enrolled,
            source: StudentSource::Normal,
            valid_from: today,
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if !enrolments::insert(work.tx(), &on, &enrolment).await? {
            return Err(taken());
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
            Verdict::Confirm => (waiting.confirm(Evidence::School, ctx.now), "guardianship.confirmed"),
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
