//! A guardian is recorded by hand. The operator's word confirms her; an administrator's is worth what a row of her roster is (R1):
//! where others recorded guardians of the child, or the two were related before, it waits to be decided.

use std::collections::BTreeSet;

use super::{Order, missing, refused};
use crate::app::activation::end_outgrown_codes;
use crate::app::relation_claim::Decider;
use crate::app::work::Work;
use crate::app::{App, Ctx, Error, Kind};
use crate::domain::access::Task;
use crate::domain::id::{GuardianshipId, OrgId, PersonId, RelationClaimId};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::guardian_life::GuardianError;
use crate::domain::registry::guardianship::{Evidence, Guardianship, GuardianshipStatus};
use crate::domain::registry::person::Person;
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, Details, RelationClaim};
use crate::store::{enrolments, guardianships, institutions, relation_claims, staffings};

impl App {
    #[allow(clippy::too_many_arguments, reason = "one step of a change that was read above")]
    pub(super) async fn add_guardian(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        (child, guardian): (&Person, &Person),
        order: &Order,
        all: &[Guardianship],
    ) -> Result<&'static str, Error> {
        let Order::Add { relation, legal, evidence, institution } = order else { return Err(missing()) };
        if child.id == guardian.id {
            return Err(refused(GuardianError::Herself));
        }
        if guardian.status != Status::Active {
            return Err(refused(GuardianError::Closed));
        }
        if !relation.keeps() {
            return Err(refused(GuardianError::NoGuardian));
        }
        if AgeBand::at(child.birth_date, ctx.now) == AgeBand::Adult {
            return Err(refused(GuardianError::OfAge));
        }
        self.may_begin(work.tx(), task, &[child.id, guardian.id]).await?;
        let keeper = guardianships::keeper(work.tx(), &task.on(guardian.id)).await?.ok_or_else(missing)?;
        if !keeper.is_of_age(ctx.now.shanghai_date()) {
            return Err(refused(GuardianError::Minor));
        }
        let institution = self.acts_for(work, ctx, task, by, (guardian.id, *relation), institution.as_deref()).await?;
        let stays = enrolments::of_person(work.tx(), &task.on(child.id)).await?;
        let school = stays.iter().find(|stay| stay.valid_to.is_none() && stay.source == StudentSource::Normal);
        let school = school.map(|stay| stay.org);
        let before = all.iter().filter(|one| one.guardian == guardian.id).max_by_key(|one| (one.created_at, one.id));
        let (status, verified_by) = match by {
            Decider::Operator => (GuardianshipStatus::Confirmed, Some(*evidence)),
            Decider::Admin(_) if before.is_none() && all.iter().all(|one| one.recorded_by == school) => {
                (GuardianshipStatus::Confirmed, Some(Evidence::School))
            }
            Decider::Admin(_) => (GuardianshipStatus::Pending, None),
        };
        let who = self.confirmation(work.tx(), task, by, school.as_slice(), ctx.now).await?;
        let fresh = Guardianship {
            id: GuardianshipId::new(ctx.now, &*self.random),
            child: child.id,
            guardian: guardian.id,
            relation: *relation,
            legal: legal.unwrap_or_else(|| relation.is_parent() || institution.is_some()),
            rank: i64::try_from(all.iter().filter(|one| one.is_standing()).count()).unwrap_or(i64::MAX - 1) + 1,
            status,
            verified_by,
            confirmed: (status == GuardianshipStatus::Confirmed).then_some(who),
            recorded_by: school,
            institution,
            // A court's order is about the two: it outlives the relation in which it was noted.
            restrictions: before.map(|one| one.restrictions.clone()).unwrap_or_default(),
            valid_from: ctx.now.shanghai_date(),
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if fresh.status == GuardianshipStatus::Confirmed {
            end_outgrown_codes(work.tx(), task, [guardian.id], [], ctx.now).await?;
        }
        if !guardianships::insert(work.tx(), &task.on(child.id), &fresh).await? {
            return Err(Error::busy("somebody recorded the two at the same moment"));
        }
        work.target("guardianship", fresh.id);
        if let Some(admin) = by.admin() {
            let school = school.ok_or_else(|| Error::new(Kind::Conflict, "no school holds the child's 学籍"))?;
            if fresh.status == GuardianshipStatus::Pending {
                self.claim_guardian(work, ctx, task, (admin, school), guardian, &fresh).await?;
                work.event("guardianship", fresh.id, "guardianship.claimed", &[]);
                return Ok("claimed");
            }
        }
        work.event("guardianship", fresh.id, "guardianship.confirmed", &[]);
        Ok("added")
    }

    /// What the school says waits to be decided, as what a row of its roster says.
    async fn claim_guardian(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        (admin, school): (PersonId, OrgId),
        guardian: &Person,
        fresh: &Guardianship,
    ) -> Result<(), Error> {
        let stated = relation_claims::about_many(work.tx(), task, &[guardian.id], &[], &[]).await?;
        let stands = |one: &RelationClaim| {
            (one.kind, one.org, one.child) == (ClaimKind::Guardian, school, fresh.child) && one.stands(ctx.now)
        };
        if stated.iter().any(stands) {
            return Err(Error::new(
                Kind::Conflict,
                "this was said before, and waits or was rejected: see `mingji claim list`",
            ));
        }
        let claim = self.guardian_word(ctx, (admin, school), guardian, fresh);
        if relation_claims::insert_all(work.tx(), task, std::slice::from_ref(&claim)).await? == 0 {
            return Err(Error::busy("somebody asked the same at the same moment"));
        }
        work.target("relation_claim", claim.id).event("relation_claim", claim.id, "relation.claimed", &[]);
        Ok(())
    }

    /// What a school says of a guardian, as a claim that waits.
    pub(super) fn guardian_word(
        &self,
        ctx: &Ctx,
        (admin, school): (PersonId, OrgId),
        guardian: &Person,
        said: &Guardianship,
    ) -> RelationClaim {
        RelationClaim {
            id: RelationClaimId::new(ctx.now, &*self.random),
            org: school,
            kind: ClaimKind::Guardian,
            person: guardian.id,
            child: said.child,
            class: None,
            // No number was named: the relation itself is what is asked about.
            subject_key: self.index.case("guardian", &[&said.id.to_string()]),
            document_index: None,
            code_index: None,
            name: guardian.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default(),
            name_key: guardian.name_key().unwrap_or_default(),
            differs: false,
            details: Details { relation: Some(said.relation.as_str().to_owned()), ..Details::default() },
            state: ClaimState::Pending,
            claimed_by: Some(admin),
            created_at: ctx.now,
            decided_at: None,
            decided_by: None,
            reason: None,
            version: 1,
        }
    }

    /// The institution that is the guardian, where the relation says that one is: the person works there. All her posts lie below
    /// the administrator, to whom any other institution is one that is not.
    async fn acts_for(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        (guardian, relation): (PersonId, Relation),
        code: Option<&str>,
    ) -> Result<Option<OrgId>, Error> {
        let code = match (relation == Relation::Institution, code) {
            (false, None) => return Ok(None),
            (true, Some(code)) => code,
            _ => return Err(refused(GuardianError::Institution)),
        };
        let org = institutions::by_code(work.tx(), task, code).await?.ok_or_else(|| Error::no_institution(code))?;
        let posts = staffings::open_of_many(work.tx(), task, &[guardian]).await?;
        if posts.iter().any(|post| post.org == org.id) {
            return Ok(Some(org.id));
        }
        match by {
            Decider::Admin(admin) if !self.covers(work.tx(), admin, &BTreeSet::from([org.id]), ctx.now).await? => {
                Err(Error::no_institution(code))
            }
            _ => Err(Error::new(Kind::Conflict, "she has no post at this institution: `mingji staff join` first")),
        }
    }
}
