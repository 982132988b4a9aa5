//! A death that was recorded of the wrong person is taken back by the operator, for as long as a merge can be undone. What ended with
//! it and was not touched since goes on: stays, posts, guardianships. That they were over in between is the register's own past, and
//! stays. What is given anew is given by whoever gives it: roles, classes taught, consents, sessions, the password.

use std::collections::BTreeSet;

use super::activation::end_outgrown_codes;
use super::person_change::Changed;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, OrgId, PersonId};
use crate::domain::registry::account::Account;
use crate::domain::registry::codes::staff::StaffState;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::registry::guardianship::Guardianship;
use crate::domain::registry::person::Person;
use crate::domain::registry::reason::read_reason;
use crate::domain::registry::staffing::Staffing;
use crate::domain::time::Timestamp;
use crate::store::{
    account_locks, accounts, classes, deaths, enrolments, erasure_requests, guardianships, institutions, merges,
    persons, staffings,
};

/// Somebody who is not dead, when it was recorded that she is, and what is done now.
struct Back<'a> {
    ctx: &'a Ctx,
    task: &'a Task,
    person: PersonId,
    recorded: Timestamp,
}

impl App {
    /// Takes back that somebody died. Her account waits for a new code from her school, or stays locked where it was.
    ///
    /// # Errors
    /// `Invalid` for a reason that is none; `NotFound` for somebody who is not there; `Conflict` for somebody who is not dead in the
    /// register, or whose death was recorded too long ago.
    pub async fn take_death_back(&self, ctx: &Ctx, id: PersonId, reason: &str) -> Result<Changed, Error> {
        let reason = read_reason(reason).map_err(|why| Error::invalid(why.to_string()))?;
        let changed = self.patiently(|| self.take_death_back_once(ctx, id, &reason)).await?;
        self.wake.deliveries.notify_one();
        Ok(changed)
    }

    async fn take_death_back_once(&self, ctx: &Ctx, id: PersonId, reason: &str) -> Result<Changed, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::PersonChanged).await?;
        let missing = || Error::not_found("the person");
        let id = persons::survivor(work.tx(), id).await?.ok_or_else(missing)?;
        let over = with_her(&mut work, &task, id).await?;
        // With whoever stands beside her, before institutions and classes: in the one order of locks.
        let people: BTreeSet<PersonId> = over.iter().flat_map(|one| [one.child, one.guardian]).chain([id]).collect();
        persons::hold_standing(work.tx(), &task, people.into_iter()).await?;
        let held = merges::hold(work.tx(), &task, id, id).await?.pop().ok_or_else(missing)?;
        let person = Some(held).filter(|one| one.status == Status::Deceased && one.salt.is_some());
        let person = person.ok_or_else(|| Error::new(Kind::Conflict, "she is not dead in the register, or erased"))?;
        let on = task.on(person.id);
        let account = accounts::find(work.tx(), &on).await?.filter(|account| account.state == Status::Deceased);
        let recorded = account.as_ref().map_or(person.updated_at, |account| account.updated_at);
        if recorded.plus(self.lifetimes.merge_undo) < ctx.now {
            return Err(Error::new(Kind::Conflict, "her death was recorded too long ago to be taken back"));
        }
        let back = Back { ctx, task: &task, person: person.id, recorded };
        // Whoever had asked to be erased before goes on waiting for it, and nothing goes on for her.
        let state = match erasure_requests::open_of(work.tx(), &on).await? {
            Some(_) => Status::Cancelled,
            None => Status::Active,
        };
        if let Some(account) = account {
            self.account_back(&mut work, &back, &account, state).await?;
        }
        let alive = Person { status: state, updated_at: ctx.now, version: person.version + 1, ..person };
        self.write_person(&mut work, &task, &alive, &["status"]).await?;
        if state == Status::Active {
            let places = self.places_back(&mut work, &back).await?;
            let wards = self.guardianships_back(&mut work, &back).await?;
            work.detail("places", places).detail("guardianships", wards);
        }
        persons::refresh_presence(work.tx(), &on).await?;
        work.target("person", alive.id).detail("status", state.as_str()).because(reason);
        work.commit(Outcome::Done).await?;
        Ok(Changed::Done)
    }

    async fn account_back(
        &self,
        work: &mut Work<'_>,
        back: &Back<'_>,
        account: &Account,
        person: Status,
    ) -> Result<(), Error> {
        let on = back.task.on(back.person);
        // That she lives opens no lock, hers or of a record that was merged into hers.
        let people: Vec<PersonId> =
            merges::all_into(work.tx(), back.task, back.person).await?.into_iter().chain([back.person]).collect();
        let locked = !account_locks::of_people(work.tx(), back.task, &people).await?.is_empty();
        let state = match person {
            Status::Active if locked => Status::AdminLocked,
            Status::Active => Status::Inactive,
            closed => closed,
        };
        accounts::set_state(work.tx(), &on, account.id, state, back.ctx.now).await?;
        work.event("account", account.id, "account.opened_again", &["state"]);
        Ok(())
    }

    /// Stays and posts that ended with her, at institutions that stand; a class that is closed since is not hers any more.
    async fn places_back(&self, work: &mut Work<'_>, back: &Back<'_>) -> Result<usize, Error> {
        let (on, now) = (back.task.on(back.person), back.ctx.now);
        let busy = || Error::busy("somebody changed a stay or post at the same moment");
        let mut stays = enrolments::of_person(work.tx(), &on).await?;
        stays.retain(|one| (one.state, one.updated_at) == (StudentState::Deceased, back.recorded));
        let mut posts = staffings::of_person(work.tx(), &on).await?;
        posts.retain(|one| (one.state, one.updated_at) == (StaffState::Deceased, back.recorded));
        let mut stand = BTreeSet::new();
        let places: BTreeSet<OrgId> = stays.iter().map(|one| one.org).chain(posts.iter().map(|one| one.org)).collect();
        for org in places {
            if institutions::hold_standing(work.tx(), back.task, std::iter::once(org)).await? == 1 {
                stand.insert(org);
            }
        }
        let classes: BTreeSet<ClassId> = stays.iter().filter_map(|one| one.class).collect();
        let open = classes::share_open(work.tx(), back.task, classes.into_iter()).await?;
        let before = deaths::states_before(work.tx(), &on).await?;
        let mut again = 0;
        for mut stay in stays.into_iter().filter(|one| stand.contains(&one.org)) {
            stay.class = stay.class.filter(|class| open.contains(class));
            let state = before.stays.get(&stay.id).copied().unwrap_or(StudentState::Enrolled);
            if !enrolments::update(work.tx(), &on, &stay.goes_on(state, now)).await? {
                return Err(busy());
            }
            work.event("person", back.person, "person.enrolled", &["enrolment"]);
            again += 1;
        }
        for post in posts.into_iter().filter(|one| stand.contains(&one.org)) {
            let post = Staffing {
                state: before.posts.get(&post.id).copied().unwrap_or(StaffState::Serving),
                valid_to: None,
                updated_at: now,
                version: post.version + 1,
                ..post
            };
            if !staffings::update(work.tx(), &on, &post).await? {
                return Err(busy());
            }
            work.event("person", back.person, "person.employed", &["staffing"]);
            again += 1;
        }
        Ok(again)
    }

    /// Guardianships over her and of hers that ended with her, where the other one lives and the two are not related anew. One of a
    /// child who came of age since ends again by the daily look.
    async fn guardianships_back(&self, work: &mut Work<'_>, back: &Back<'_>) -> Result<usize, Error> {
        let all = with_her(work, back.task, back.person).await?;
        let (standing, over): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.is_standing());
        let mut again = 0;
        for one in over.into_iter().filter(|one| one.updated_at == back.recorded) {
            let anew = standing.iter().any(|other| (other.child, other.guardian) == (one.child, one.guardian));
            let other = if one.child == back.person { one.guardian } else { one.child };
            if anew || persons::hold_living(work.tx(), back.task, std::iter::once(other)).await? == 0 {
                continue;
            }
            // A code that was drawn meanwhile is worth less than she is now (R1).
            end_outgrown_codes(work.tx(), back.task, [one.guardian, one.child], [], back.ctx.now).await?;
            let (id, child, one) = (one.id, one.child, one.goes_on(back.ctx.now));
            if !guardianships::update(work.tx(), &back.task.on(child), &one).await? {
                return Err(Error::busy("somebody changed the guardianship at the same moment"));
            }
            work.event("guardianship", id, "guardianship.changed", &["status"]);
            again += 1;
        }
        Ok(again)
    }
}

/// Every guardianship that she stands in.
async fn with_her(work: &mut Work<'_>, task: &Task, person: PersonId) -> Result<Vec<Guardianship>, Error> {
    let mut all = guardianships::of_child(work.tx(), &task.on(person)).await?;
    all.extend(guardianships::of_guardian(work.tx(), &task.on(person)).await?);
    Ok(all)
}
