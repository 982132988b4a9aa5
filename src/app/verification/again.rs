//! What becomes of verifications when somebody changes: what counts no longer, who is asked again and when, and the level that
//! stands.

use std::collections::BTreeSet;
use std::time::Duration;

use super::services::VerificationService;
use crate::app::work::Work;
use crate::app::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::audit::Actor;
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::contact::ContactKind;
use crate::domain::registry::person::Person;
use crate::domain::registry::verification::level_after;
use crate::domain::registry::verification_request::{QUESTIONS_A_DAY, REASK_PAUSE};
use crate::domain::time::Timestamp;
use crate::store::{contacts, persons, verification_requests, verifications};

/// What nobody can pay for today waits so long.
const A_DAY: Duration = Duration::from_secs(24 * 3600);

impl App {
    /// Charges an administrator's day; `false` when it is used up. Each question is a guess, and a service is paid for it.
    pub(super) async fn may_ask(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        admin: PersonId,
    ) -> Result<bool, Error> {
        let day = ctx.now.shanghai_date();
        Ok(verification_requests::count(work.tx(), task, admin, day, QUESTIONS_A_DAY).await?)
    }

    /// When a service may be called about somebody again.
    pub(super) async fn next_call(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: PersonId,
        service: &VerificationService,
    ) -> Result<Timestamp, Error> {
        let last = verification_requests::last(work.tx(), &task.on(person), &service.name).await?;
        let earliest = last.map(|last| last.ended_at.unwrap_or(last.created_at).plus(REASK_PAUSE));
        Ok(earliest.map_or(ctx.now, |earliest| earliest.max(ctx.now)))
    }

    /// A service is asked again by itself, because of a change that somebody made: at her cost, and where her day is used up,
    /// a day later. About whoever asked to be erased nobody is asked any more (R18).
    pub(in crate::app) async fn ask_again(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: PersonId,
        service: &VerificationService,
    ) -> Result<(), Error> {
        let record = persons::find(work.tx(), &task.on(person)).await?;
        if record.is_none_or(|record| record.status == Status::Cancelled) {
            return Ok(());
        }
        let affordable = match ctx.actor {
            Actor::Person { id } => self.may_ask(work, ctx, task, id).await?,
            _ => true,
        };
        let next = self.next_call(work, ctx, task, person, service).await?;
        let next = if affordable { next } else { next.max(ctx.now.plus(A_DAY)) };
        self.queue(work, ctx, &task.on(person), service, None, next).await?;
        Ok(())
    }

    /// What was verified was another name, number or day, or the claim that is named: it counts no longer, and the services
    /// that had answered are asked again. The person, as [`App::levelled_in`] says. Part of a larger change.
    pub(in crate::app) async fn supersede_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: Person,
        claim: Option<&str>,
    ) -> Result<Person, Error> {
        let all = verifications::of_person(work.tx(), &task.on(person.id)).await?;
        let over = all.iter().filter(|one| claim.is_none_or(|claim| one.claims.iter().any(|named| named == claim)));
        let over: Vec<VerificationId> = over.map(|one| one.id).collect();
        self.outdated_in(work, ctx, task, &person, &over).await?;
        self.levelled_in(work, ctx, task, person).await
    }

    /// These of her verifications count no longer, and the services that had answered are asked again. Part of a larger change.
    pub(in crate::app) async fn outdated_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: &Person,
        over: &[VerificationId],
    ) -> Result<(), Error> {
        let on = task.on(person.id);
        let all = verifications::of_person(work.tx(), &on).await?;
        let (mut ended, mut verifiers) = (0_usize, BTreeSet::new());
        for one in all.iter().filter(|one| over.contains(&one.id)) {
            if verifications::supersede(work.tx(), &on, one.id, ctx.now).await? {
                ended += 1;
                verifiers.insert(one.verifier.as_str());
            }
        }
        for service in verifiers.into_iter().filter_map(|name| self.verifiers.named(name)) {
            self.ask_again(work, ctx, task, person.id, service).await?;
        }
        if ended > 0 {
            work.detail("verifications_superseded", ended);
        }
        Ok(())
    }

    /// Phones were written down of people who are held: where one counts now that was not compared, what was says nothing of it. Part
    /// of a larger change.
    pub(in crate::app) async fn phones_changed_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        people: &BTreeSet<PersonId>,
    ) -> Result<(), Error> {
        let people: Vec<PersonId> = people.iter().copied().collect();
        let standing = verifications::standing_of_many(work.tx(), task, &people).await?;
        let compared = standing.iter().filter(|one| one.claims.iter().any(|claim| claim == "phone"));
        for id in compared.map(|one| one.person).collect::<BTreeSet<_>>() {
            let on = task.on(id);
            let known = contacts::of_person(work.tx(), &on).await?;
            let counts = known.iter().find(|contact| contact.kind == ContactKind::Phone);
            let person = persons::find(work.tx(), &on).await?;
            let Some(person) = person.filter(|_| counts.is_some_and(|phone| phone.created_at == ctx.now)) else {
                continue;
            };
            self.level_again_in(work, ctx, task, person, Some("phone")).await?;
        }
        Ok(())
    }

    /// Rows said birth dates of people who are held and had none: what was verified of them did not know it, as when it is
    /// corrected by hand. Part of a larger change.
    pub(in crate::app) async fn birth_dates_told_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        people: &BTreeSet<PersonId>,
    ) -> Result<(), Error> {
        let people: Vec<PersonId> = people.iter().copied().collect();
        let standing = verifications::standing_of_many(work.tx(), task, &people).await?;
        for id in standing.iter().map(|one| one.person).collect::<BTreeSet<_>>() {
            if let Some(person) = persons::find(work.tx(), &task.on(id)).await? {
                self.level_again_in(work, ctx, task, person, None).await?;
            }
        }
        Ok(())
    }

    /// What was verified of somebody counts no longer, and her level is written that stands without it.
    async fn level_again_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: Person,
        claim: Option<&str>,
    ) -> Result<(), Error> {
        let id = person.id;
        let levelled = self.supersede_in(work, ctx, task, person, claim).await?;
        if !persons::update(work.tx(), &task.on(id), &levelled).await? {
            return Err(Error::busy("somebody changed the person at the same moment"));
        }
        work.event("person", id, "person.changed", &["realname_level"]);
        Ok(())
    }

    /// The person, changed now, at the level of what stands of her verifications; to be written by whoever changes her.
    pub(in crate::app) async fn levelled_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: Person,
    ) -> Result<Person, Error> {
        let all = verifications::of_person(work.tx(), &task.on(person.id)).await?;
        let (realname_level, realname_at) = level_after(&person, &all, ctx.now);
        Ok(Person { realname_level, realname_at, updated_at: ctx.now, version: person.version + 1, ..person })
    }
}
