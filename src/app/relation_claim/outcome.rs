//! What becomes true by a decision, in its transaction.

use std::collections::BTreeSet;

use super::{Decider, Verdict};
use crate::app::work::Work;
use crate::app::{App, Ctx, Error, Kind};
use crate::domain::access::Task;
use crate::domain::id::{ClassId, EnrolmentId, IdentityId, OrgId, StaffingId, new_uuid};
use crate::domain::registry::class::ClassStatus;
use crate::domain::registry::codes::staff::{StaffPost, StaffState};
use crate::domain::registry::codes::student_change::StudentChange;
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::guardianship::{Confirmation, Evidence, Guardianship, GuardianshipStatus};
use crate::domain::registry::relation_claim::RelationClaim;
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::store::db::{StoreError, Tx};
use crate::store::{classes, enrolments, grants, guardianships, institutions, persons, staffings};

/// What a claim names, as it is until the decision is made.
#[derive(Default)]
pub(super) struct Ground {
    /// Whether the institution that made the claim stands.
    pub(super) stands: bool,
    /// Those of the classes that are open.
    pub(super) open: Vec<ClassId>,
}

/// Holds what a decision rests on, before anybody's right is looked at and in the one order of locks: of two who give the
/// student away at once, the second sees that she left.
pub(super) async fn hold_what_it_rests_on(tx: &mut Tx, task: &Task, claim: &RelationClaim) -> Result<Ground, Error> {
    let people = BTreeSet::from([claim.person, claim.child]);
    persons::hold_standing(tx, task, people.into_iter()).await?;
    let stands = institutions::hold_standing(tx, task, std::iter::once(claim.org)).await? == 1;
    let named = named(claim).into_iter();
    // A class has one head teacher: of two who become it at once, the second sees the first.
    let open = if claim.details.teaches.iter().any(|taught| taught.head_teacher) {
        let held = classes::hold_many(tx, task, &named.collect::<Vec<_>>()).await?;
        held.iter().filter(|class| class.status == ClassStatus::Open).map(|class| class.id).collect()
    } else {
        classes::share_open(tx, task, named).await?
    };
    enrolments::hold_of_many(tx, task, &[claim.child]).await?;
    Ok(Ground { stands, open })
}

fn named(claim: &RelationClaim) -> BTreeSet<ClassId> {
    claim.class.into_iter().chain(claim.details.teaches.iter().map(|taught| taught.class)).collect()
}

/// Takes out what the claim says of classes that graduated or were closed while it waited: nobody comes into them any more.
/// Whether there was one.
pub(super) fn drop_closed_classes(open: &[ClassId], claim: &mut RelationClaim) -> bool {
    let over = named(claim).iter().any(|class| !open.contains(class));
    claim.class = claim.class.filter(|class| open.contains(class));
    claim.details.teaches.retain(|taught| open.contains(&taught.class));
    over
}

impl App {
    /// The name of the school that held the 学籍 until now, if one did.
    pub(super) async fn make_student(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
    ) -> Result<Option<String>, Error> {
        let on = task.on(claim.person);
        let today = ctx.now.shanghai_date();
        let mut left_school = None;
        let mut open = enrolments::of_person(work.tx(), &on).await?;
        open.retain(|stay| stay.valid_to.is_none());
        let (hers, seats): (Vec<_>, Vec<_>) = open.into_iter().partition(|stay| stay.source == StudentSource::Normal);
        // Whom the school holds by now, because hers became part of it, it asks nobody for.
        if hers.iter().any(|stay| stay.org == claim.org) {
            return Ok(None);
        }
        for stay in hers {
            let (identity, school) = (IdentityId(stay.id.0), stay.org);
            let left = stay.end(StudentState::TransferredOut, today, ctx.now).map_err(Error::internal)?;
            if !enrolments::update(work.tx(), &on, &left).await? {
                return Err(Error::busy("somebody changed the student's 学籍 at the same moment"));
            }
            grants::revoke_of_identity(work.tx(), &on, identity, ctx.now, "transferred").await?;
            left_school = institutions::find(work.tx(), task, school).await?.map(|org| org.name);
        }
        let is_seat = |stay: &Enrolment| stay.org == claim.org && stay.source == StudentSource::Borrowed;
        if let Some(seat) = seats.into_iter().find(is_seat) {
            // Whoever sat there as 借读 already keeps her seat, which becomes her 学籍.
            let raised = seat.raised(claim.class, claim.details.number.clone(), ctx.now).map_err(Error::internal)?;
            let busy = || Error::busy("somebody changed the student's seat at the same moment");
            match enrolments::raise(work.tx(), &on, &raised).await {
                Ok(true) => {}
                Ok(false) | Err(StoreError::Unique(_)) => return Err(busy()),
                Err(other) => return Err(other.into()),
            }
            self.homes_follow(work, ctx, task, &[(claim.person, claim.org)].into()).await?;
            persons::refresh_presence(work.tx(), &on).await?;
            work.event("person", claim.person, "person.enrolled", &["enrolment"]);
            return Ok(left_school);
        }
        let began_by = left_school.as_ref().map(|_| StudentChange::TransferIn);
        self.enrol_claimed(work, ctx, task, claim, (StudentSource::Normal, began_by)).await?;
        self.homes_follow(work, ctx, task, &[(claim.person, claim.org)].into()).await?;
        Ok(left_school)
    }

    /// A seat 借读 beside the 学籍 that another school holds. Who has none anywhere sits beside nothing: JY/T 1001 knows 借读 as
    /// a student whose 学籍 is elsewhere.
    pub(super) async fn seat_borrowed(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
    ) -> Result<(), Error> {
        let open = enrolments::open_of_many(work.tx(), task, &[claim.child]).await?;
        if !open.iter().any(Enrolment::is_register) {
            let why = if claim.details.borrow {
                "no school holds her 学籍 any more, so there is none that she could be borrowed from (借读): reject this \
                 request, and bring her in by a row of a roster"
            } else {
                "no school holds her 学籍, so she cannot be borrowed (借读): confirm the claim, and her 学籍 begins there"
            };
            return Err(Error::new(Kind::Conflict, why));
        }
        self.enrol_claimed(work, ctx, task, claim, (StudentSource::Borrowed, None)).await
    }

    async fn enrol_claimed(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
        (source, began_by): (StudentSource, Option<StudentChange>),
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
            began_by,
            ended_by: None,
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

    /// Whether a class of which she was to be the head teacher has another one.
    pub(super) async fn make_staff(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
    ) -> Result<bool, Error> {
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
        let heads: Vec<ClassId> =
            claim.details.teaches.iter().filter(|taught| taught.head_teacher).map(|taught| taught.class).collect();
        let taken: BTreeSet<ClassId> =
            staffings::heads_of_many(work.tx(), task, &heads).await?.iter().map(|lesson| lesson.class).collect();
        for taught in &claim.details.teaches {
            let teaching = Teaching {
                id: new_uuid(ctx.now, &*self.random),
                staffing: staffing.id,
                class: taught.class,
                subject: taught.subject.as_deref().and_then(|subject| subject.parse().ok()),
                head_teacher: taught.head_teacher && !taken.contains(&taught.class),
                valid_from: today,
                valid_to: None,
            };
            staffings::teach(work.tx(), &on, &teaching).await?;
        }
        self.homes_follow(work, ctx, task, &[(claim.person, claim.org)].into()).await?;
        persons::refresh_presence(work.tx(), &on).await?;
        work.event("person", claim.person, "person.employed", &["staffing"]);
        Ok(!taken.is_empty())
    }

    /// The guardianship that the claim came with. Where another institution had recorded the two already there is none,
    /// and the claim says nothing new.
    pub(super) async fn settle_guardian(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
        verdict: &Verdict,
    ) -> Result<(), Error> {
        let on = task.on(claim.child);
        let mut between = guardianships::of_child(work.tx(), &on).await?;
        between.retain(|known| known.guardian == claim.person);
        let waits =
            |known: &&Guardianship| known.recorded_by == Some(claim.org) && known.status == GuardianshipStatus::Pending;
        let Some(waiting) = between.iter().find(waits).cloned() else {
            return still_related(&between, verdict);
        };
        let (settled, told) = match verdict {
            Verdict::Confirm | Verdict::Borrow => {
                let who = self.confirms(work, ctx, task, claim).await?;
                (waiting.confirm(Evidence::School, who), "guardianship.confirmed")
            }
            Verdict::Reject(_) | Verdict::Withdraw => (waiting.reject(ctx.now), "guardianship.rejected"),
        };
        let settled = settled.map_err(Error::internal)?;
        if !guardianships::update(work.tx(), &on, &settled).await? {
            return Err(Error::busy("somebody changed the guardianship at the same moment"));
        }
        work.event("guardianship", settled.id, told, &[]);
        Ok(())
    }

    /// Whose word makes the claim about a guardian true: of the school that holds the child, or of whoever covers both sides.
    async fn confirms(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
    ) -> Result<Confirmation, Error> {
        let by = claim.decided_by.map_or(Decider::Operator, Decider::Admin);
        let stays = enrolments::open_of_many(work.tx(), task, &[claim.child]).await?;
        let places: Vec<OrgId> = stays.iter().map(|stay| stay.org).chain([claim.org]).collect();
        self.confirmation(work.tx(), task, by, &places, ctx.now).await
    }

    /// The guardianship that its row made true. Confirmed, it is so by the word of whoever looked at it. Rejected, it ends with what
    /// rests on it: receipts, and what platforms held in the name of that identity.
    pub(super) async fn review_guardian(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        claim: &RelationClaim,
        verdict: &Verdict,
    ) -> Result<(), Error> {
        let on = task.on(claim.child);
        let mut between = guardianships::of_child(work.tx(), &on).await?;
        between.retain(|known| known.guardian == claim.person);
        still_related(&between, verdict)?;
        let standing = between
            .into_iter()
            .find(|known| known.recorded_by == Some(claim.org) && known.status == GuardianshipStatus::Confirmed);
        let Some(standing) = standing else { return Ok(()) };
        if !matches!(verdict, Verdict::Reject(_)) {
            let who = self.confirms(work, ctx, task, claim).await?;
            let reviewed = standing.reviewed(who).map_err(Error::internal)?;
            if !guardianships::update(work.tx(), &on, &reviewed).await? {
                return Err(Error::busy("somebody changed the guardianship at the same moment"));
            }
            work.event("guardianship", reviewed.id, "guardianship.changed", &["confirmed_by"]);
            return Ok(());
        }
        let identity = IdentityId(standing.id.0);
        let ward = self.ward_in(work, task, &standing, ctx.now).await?;
        let ended = standing.end(ctx.now).map_err(Error::internal)?;
        if !guardianships::update(work.tx(), &on, &ended).await? {
            return Err(Error::busy("somebody changed the guardianship at the same moment"));
        }
        self.shut_out(work, &task.on(claim.person), identity, ward, ctx.now).await?;
        work.event("guardianship", ended.id, "guardianship.ended", &["status"]);
        Ok(())
    }
}

/// A word about two people is confirmed only while they are guardian and child, whoever recorded it: else it would say so of two
/// who are not.
fn still_related(between: &[Guardianship], verdict: &Verdict) -> Result<(), Error> {
    let confirms = matches!(verdict, Verdict::Confirm | Verdict::Borrow);
    if confirms && !between.iter().any(Guardianship::is_standing) {
        return Err(Error::new(
            Kind::Conflict,
            "the two are not guardian and child, so there is nothing to confirm: reject this claim; a row of the roster, or \
             `mingji guardian add`, relates them anew",
        ));
    }
    Ok(())
}
