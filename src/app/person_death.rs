//! The end of a life 死亡: everything that only the living have ends in one transaction, and nothing is forgotten by it.

use chrono::NaiveDate;

use super::person_change::{Changed, unchanged};
use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::PersonId;
use crate::domain::registry::codes::staff::StaffState;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::registry::person::Person;
use crate::domain::registry::staffing::Staffing;
use crate::store::{accounts, activations, admin_grants, deaths, enrolments, guardianships, persons, staffings};

impl App {
    /// Records that a person died on a day: her account is closed, sessions and grants end, and so do her stays, posts, roles
    /// and guardianships, those over her and those of hers, with what platforms held by them.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there or not wholly in the administrator's scope; `Invalid` for a day that cannot be;
    /// `Conflict` for somebody who is not alive in the register.
    pub async fn record_death(&self, ctx: &Ctx, by: Decider, id: PersonId, day: NaiveDate) -> Result<Changed, Error> {
        if day > ctx.now.shanghai_date() {
            return Err(Error::invalid("the day lies in the future"));
        }
        let ctx = by.acting(ctx);
        let changed = self.patiently(|| self.record_death_once(&ctx, by, id, day)).await?;
        self.wake.deliveries.notify_one();
        Ok(changed)
    }

    async fn record_death_once(&self, ctx: &Ctx, by: Decider, id: PersonId, day: NaiveDate) -> Result<Changed, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::PersonChanged).await?;
        let person = self.rewritable(&mut work, ctx, &task, by, id).await?;
        work.target("person", person.id);
        // A day before her birth is refused, which tells of it: counted like every question about a birth date.
        let mut work = self.charge_question(work, ctx, by, ("death", &format!("{} {day}", person.id))).await?;
        if person.birth_date.is_some_and(|born| day < born) {
            work.commit(Outcome::Refused("the day lies before the birth")).await?;
            return Err(Error::invalid("the day lies before the birth"));
        }
        match person.status {
            Status::Deceased => return unchanged(work).await,
            // Whoever asked to be erased may die before it is final.
            Status::Cancelled if person.salt.is_some() => {}
            Status::Cancelled | Status::Merged => {
                return Err(Error::new(Kind::Conflict, "this record was closed before"));
            }
            Status::Inactive | Status::Active | Status::Locked | Status::AdminLocked => {}
        }
        let on = task.on(person.id);
        if let Some(account) = accounts::find(work.tx(), &on).await? {
            accounts::set_state(work.tx(), &on, account.id, Status::Deceased, ctx.now).await?;
            // A slip that lies about opens nothing, now or when this is taken back.
            activations::end_open(work.tx(), account.id, ctx.now).await?;
            work.event("account", account.id, "account.closed", &["state"]);
        }
        self.end_sessions_of(&mut work, &on, ctx.now, "deceased").await?;
        admin_grants::revoke_all(work.tx(), &on, ctx.now).await?;
        // Guardianships before posts, on which some of them rest.
        self.end_guardianships(&mut work, ctx, &task, person.id, day).await?;
        self.end_places(&mut work, ctx, &task, person.id, day).await?;
        let person = Person { status: Status::Deceased, updated_at: ctx.now, version: person.version + 1, ..person };
        self.write_person(&mut work, &task, &person, &["status"]).await?;
        persons::refresh_presence(work.tx(), &on).await?;
        work.detail("status", Status::Deceased.as_str());
        work.commit(Outcome::Done).await?;
        Ok(Changed::Done)
    }

    async fn end_places(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: PersonId,
        day: NaiveDate,
    ) -> Result<(), Error> {
        let on = task.on(person);
        let busy = || Error::busy("somebody changed a stay or post at the same moment");
        deaths::note_states(work.tx(), &on).await?;
        for stay in enrolments::of_person(work.tx(), &on).await?.into_iter().filter(|one| one.valid_to.is_none()) {
            let end = day.max(stay.valid_from);
            let ended = stay.end(StudentState::Deceased, end, ctx.now).map_err(Error::internal)?;
            if !enrolments::update(work.tx(), &on, &ended).await? {
                return Err(busy());
            }
        }
        for post in staffings::of_person(work.tx(), &on).await?.into_iter().filter(|one| one.valid_to.is_none()) {
            let end = day.max(post.valid_from);
            let id = post.id;
            let ended = Staffing {
                state: StaffState::Deceased,
                valid_to: Some(end),
                updated_at: ctx.now,
                version: post.version + 1,
                ..post
            };
            if !staffings::update(work.tx(), &on, &ended).await? {
                return Err(busy());
            }
            // Behind the post: what somebody who takes a class over just left her to teach is there by now.
            staffings::end_teaching(work.tx(), &on, id, end).await?;
        }
        Ok(())
    }

    async fn end_guardianships(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: PersonId,
        day: NaiveDate,
    ) -> Result<(), Error> {
        let on = task.on(person);
        let mut all = guardianships::of_child(work.tx(), &on).await?;
        all.extend(guardianships::of_guardian(work.tx(), &on).await?);
        for one in all.into_iter().filter(|one| one.is_standing()) {
            self.end_with_death(work, ctx, task, one, day).await?;
        }
        Ok(())
    }
}
