//! Guardians over time 监护关系: recorded, restricted by a court, put in order, ended; over at 18. Whatever ends or restricts one
//! ends what rests on it, in the same transaction.

mod adding;
mod rights;
mod words;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use super::confirming::ConfirmationView;
use super::pace::Looked;
use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Subtree, Task, TaskName, Ward};
use crate::domain::audit::Action;
use crate::domain::id::{GuardianshipId, IdentityId, OrgId, PersonId};
use crate::domain::registry::age::{self, AgeBand};
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::guardian_life::{self, GuardianError, GuardianshipSlice};
use crate::domain::registry::guardianship::{Evidence, Guardianship, GuardianshipStatus, Restriction};
use crate::domain::registry::name::PersonName;
use crate::domain::registry::reason::read_reason;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{guardianships, institutions, persons, relation_claims};

/// Relations that the daily look at majority reads at once.
const PAGE: u32 = 1000;

/// What is to happen; the guardian by her id.
#[derive(Clone, Debug)]
pub enum Order {
    /// A guardian is recorded: as confirmed by the operator; an administrator's word counts as a row of her roster does (R1).
    Add {
        /// What she is to the child.
        relation: Relation,
        /// Guardian by law, where it does not follow from the relation.
        legal: Option<bool>,
        /// What confirmed it; an administrator's word is always the school's.
        evidence: Evidence,
        /// Code of the institution that is the guardian (民法典 32); the person acts for it while she works there.
        institution: Option<String>,
    },
    /// She is the guardian no longer.
    End,
    /// What a court takes away; nothing: all is given back.
    Restrict(BTreeSet<Restriction>),
    /// Her place in the order, from 1.
    Place(usize),
}

/// A guardianship, as it was for a time.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct GuardianPart {
    /// The relation.
    pub guardianship_id: GuardianshipId,
    /// The guardian.
    pub guardian_id: PersonId,
    /// Her name.
    pub name: String,
    /// The institution that is the guardian and for which she acts.
    pub institution: Option<String>,
    /// JTGX + G1.
    pub relation: &'static str,
    /// The same in words.
    pub relation_label: &'static str,
    /// Guardian by law.
    pub legal: bool,
    /// Her place in the order.
    pub rank: i64,
    /// `pending`, `confirmed`, `rejected`, `ended`.
    pub status: &'static str,
    /// What confirmed it.
    pub verified_by: Option<&'static str>,
    /// Who confirmed it, as far as whoever asks may know; none: nobody did, or it was before this was kept.
    pub confirmed: Option<ConfirmationView>,
    /// Which institution recorded it.
    pub recorded_by: Option<String>,
    /// What a court took away.
    pub restrictions: Vec<&'static str>,
    /// Counts its changes, until now.
    pub version: i64,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer so; none: it is so.
    pub to: Option<NaiveDate>,
}

impl App {
    /// Changes who a child's guardians are; who they are from then on. An administrator is told of the one whom she named.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there, or, for an administrator, not wholly in her scope, and for a guardianship
    /// that others recorded while the two are not wholly hers; `Conflict` with the reason for what is not possible.
    pub async fn change_guardian(
        &self,
        ctx: &Ctx,
        by: Decider,
        child: PersonId,
        guardian: PersonId,
        order: &Order,
    ) -> Result<Vec<GuardianPart>, Error> {
        self.change_guardian_as_seen(ctx, by, (child, guardian), order, None).await
    }

    /// The same of a guardianship as somebody saw it, by its version: what another one changed since she has not seen, and does not
    /// write over.
    ///
    /// # Errors
    /// As [`App::change_guardian`]; `Conflict` when it was changed since.
    pub async fn change_guardian_as_seen(
        &self,
        ctx: &Ctx,
        by: Decider,
        (child, guardian): (PersonId, PersonId),
        order: &Order,
        seen: Option<i64>,
    ) -> Result<Vec<GuardianPart>, Error> {
        let (task, ctx) = (access::task(TaskName::GuardianLife), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::GuardianshipChanged).await?;
        let (child, guardian) = self.hold_pair(&mut work, &task, child, guardian).await?;
        if by.admin() == Some(guardian.id) {
            return Err(missing());
        }
        self.whole(&mut work, &ctx, by, child.id).await?;
        work.target("person", child.id).target("guardian", guardian.id);
        let all = guardianships::of_child(work.tx(), &task.on(child.id)).await?;
        let standing: Vec<Guardianship> = all.iter().filter(|one| one.is_standing()).cloned().collect();
        let known = standing.iter().find(|one| one.guardian == guardian.id).cloned();
        let named = known.as_ref().map(|known| known.id);
        let step = match (order, known) {
            (Order::Add { .. }, known) => {
                // Before anything else is said: of somebody who is not hers she learns nothing.
                self.whole(&mut work, &ctx, by, guardian.id).await?;
                if known.is_some() {
                    return Err(refused(GuardianError::Unchanged));
                }
                self.add_guardian(&mut work, &ctx, &task, by, (&child, &guardian), order, &all).await?
            }
            (_, None) if by.admin().is_some() => return Err(missing()),
            (_, None) => return Err(Error::not_found("a guardianship of the two")),
            (_, Some(known)) if seen.is_some_and(|seen| seen != known.version) => {
                let why = "somebody changed the guardianship since it was read: read it again, and decide on what it says now";
                return Err(Error::new(Kind::Conflict, why));
            }
            (Order::End, Some(known)) => {
                self.may_mind(&mut work, &ctx, &task, by, &all, std::slice::from_ref(&known)).await?;
                self.end_guardianship(&mut work, &ctx, &task, known, ctx.now.shanghai_date()).await?;
                "ended"
            }
            (Order::Restrict(restrictions), Some(known)) => {
                self.may_mind(&mut work, &ctx, &task, by, &all, std::slice::from_ref(&known)).await?;
                if !known.restrictions.is_subset(restrictions) {
                    self.may_lift(&mut work, &ctx, &task, by, &all, &known).await?;
                }
                self.restrict(&mut work, &ctx, &task, known, restrictions.clone()).await?
            }
            (Order::Place(place), Some(known)) => {
                self.may_mind(&mut work, &ctx, &task, by, &all, &standing).await?;
                self.reorder(&mut work, &ctx, &task, &standing, known.id, *place).await?
            }
        };
        if let Some(id) = named {
            work.target("guardianship", id);
        }
        work.detail("step", step);
        let scope = match by {
            Decider::Operator => None,
            Decider::Admin(_) => Some(self.scope_of(work.tx(), by, &ctx).await?),
        };
        let today = Some(ctx.now.shanghai_date());
        let mut told = self.guardians_in(work.tx(), &task, (child.id, scope.as_ref()), today, ctx.now).await?;
        told.retain(|part| by.admin().is_none() || part.guardian_id == guardian.id);
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(told)
    }

    /// Whoever is or was recorded as a child's guardian, and how it was in turn; on one day, where one is given. It is a full
    /// record (R19), so it is the operator's, who says why; audited.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there; `Invalid` for a reason that is none.
    pub async fn guardians_as_of(
        &self,
        ctx: &Ctx,
        why: &str,
        child: PersonId,
        day: Option<NaiveDate>,
    ) -> Result<Vec<GuardianPart>, Error> {
        let why = read_reason(why).map_err(|why| Error::invalid(why.to_string()))?;
        let task = access::task(TaskName::GuardianLife);
        let mut tx = self.db.read().await?;
        let child = persons::survivor(&mut tx, child).await?.ok_or_else(missing)?;
        let told = self.guardians_in(&mut tx, &task, (child, None), day, ctx.now).await?;
        drop(tx);
        let beside: Vec<PersonId> = told.iter().map(|part| part.guardian_id).collect();
        self.disclose(ctx, why, child, &beside).await?;
        Ok(told)
    }

    /// Ends guardianships whose child came of age, a page of relations behind `after`. Each ends on the day of majority, in a
    /// transaction of its own; what fails keeps nobody else's waiting.
    ///
    /// # Errors
    /// A failed store.
    pub async fn end_at_majority(&self, after: Option<GuardianshipId>) -> Result<Looked<GuardianshipId>, Error> {
        let (task, ctx) = (access::task(TaskName::Majority), Ctx::task(self, "majority"));
        let cut = age::of_age_if_born_before(ctx.now.shanghai_date());
        let page = guardianships::page_for_majority(&mut self.db.read().await?, &task, after, cut, PAGE).await?;
        let mut failed = 0;
        for due in page.iter().filter(|row| row.due) {
            let ended = self.patiently(|| self.end_of_age(&ctx, &task, due.id)).await;
            if let Err(error) = ended {
                failed += 1;
                tracing::warn!(%error, guardianship = %due.id, "a guardianship could not be ended at majority");
            }
        }
        Ok(Looked { last: page.last().map(|row| row.id), failed })
    }

    async fn end_of_age(&self, ctx: &Ctx, task: &Task, id: GuardianshipId) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::GuardianshipChanged).await?;
        let found = guardianships::find(work.tx(), task, id).await?.filter(Guardianship::is_standing);
        let Some(known) = found else { return Ok(()) };
        let child = persons::find(work.tx(), &task.on(known.child)).await?;
        let born = child.and_then(|child| child.birth_date);
        let Some(born) = born.filter(|born| AgeBand::at(Some(*born), ctx.now) == AgeBand::Adult) else {
            return Ok(());
        };
        work.target("person", known.child).target("guardian", known.guardian).target("guardianship", known.id);
        work.detail("step", "of age");
        self.end_guardianship(&mut work, ctx, task, known, guardian_life::majority(born)).await?;
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(())
    }

    /// Ends a guardianship on a day, with what rests on it. Part of a larger change.
    pub(super) async fn end_guardianship(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        known: Guardianship,
        day: NaiveDate,
    ) -> Result<(), Error> {
        let (ended, ward) = self.over_on(work, ctx, task, known, day).await?;
        self.shut_out(work, &task.on(ended.guardian), IdentityId(ended.id.0), ward, ctx.now).await
    }

    /// The same because one of the two died: nobody is kept from anybody, and the child keeps her password.
    pub(super) async fn end_with_death(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        known: Guardianship,
        day: NaiveDate,
    ) -> Result<(), Error> {
        let (ended, ward) = self.over_on(work, ctx, task, known, day).await?;
        self.end_what_rests_on(work, &task.on(ended.guardian), IdentityId(ended.id.0), ward, ctx.now).await
    }

    /// What ended, and whether the guardian spoke for the child until then.
    async fn over_on(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        known: Guardianship,
        day: NaiveDate,
    ) -> Result<(Guardianship, Option<Ward>), Error> {
        let ward = self.ward_in(work, task, &known, ctx.now).await?;
        // What waited for a yes has nothing more to ask; before the guardianship, as whoever decides the claim does.
        if known.status == GuardianshipStatus::Pending
            && let Some(org) = known.recorded_by
        {
            relation_claims::deny_of(work.tx(), &task.on(known.child), (known.guardian, org), ctx.now).await?;
        }
        let over = known.over(day, ctx.now).map_err(refused)?;
        write(work, task, over.child, &over).await?;
        work.changes(&["status"]).event("guardianship", over.id, "guardianship.ended", &["status"]);
        Ok((over, ward))
    }

    async fn restrict(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        known: Guardianship,
        restrictions: BTreeSet<Restriction>,
    ) -> Result<&'static str, Error> {
        let (id, child, guardian) = (known.id, known.child, known.guardian);
        let ward = self.ward_in(work, task, &known, ctx.now).await?;
        let lifted = restrictions.is_empty();
        let changed = known.restricted(restrictions, ctx.now).map_err(refused)?;
        write(work, task, child, &changed).await?;
        if !lifted {
            // What a court takes away ends at once: sign-ins in the child's name, what was agreed to for her, and the way into her
            // own account.
            self.shut_out(work, &task.on(guardian), IdentityId(id.0), ward, ctx.now).await?;
        }
        work.changes(&["restrictions"]).event("guardianship", id, "guardianship.changed", &["restrictions"]);
        Ok(if lifted { "restrictions lifted" } else { "restricted" })
    }

    async fn reorder(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        standing: &[Guardianship],
        moved: GuardianshipId,
        place: usize,
    ) -> Result<&'static str, Error> {
        let changes = guardian_life::reordered(standing, moved, place);
        if changes.is_empty() {
            return Err(refused(GuardianError::Unchanged));
        }
        for (id, rank) in changes {
            let Some(one) = standing.iter().find(|one| one.id == id).cloned() else { continue };
            let child = one.child;
            let ranked = one.ranked(rank, ctx.now).map_err(refused)?;
            write(work, task, child, &ranked).await?;
            work.changes(&["rank"]).event("guardianship", id, "guardianship.changed", &["rank"]);
        }
        Ok("put in order")
    }

    /// A child's guardians in turn, or on one day, as the operator is told, or an administrator with her scope.
    async fn guardians_in(
        &self,
        tx: &mut Tx,
        task: &Task,
        (child, scope): (PersonId, Option<&Subtree>),
        day: Option<NaiveDate>,
        now: Timestamp,
    ) -> Result<Vec<GuardianPart>, Error> {
        let on = task.on(child);
        let slices = guardianships::slices(tx, &on).await?;
        let mut told = Vec::new();
        for one in guardianships::of_child(tx, &on).await? {
            let name = persons::find(tx, &task.on(one.guardian)).await?.and_then(|person| person.name);
            let recorded_by = name_of(tx, task, one.recorded_by).await?;
            for part in one.parts(&slices) {
                if day.is_some_and(|day| !part.stood_on(day)) {
                    continue;
                }
                let institution = name_of(tx, task, part.institution).await?;
                let confirmed = self.confirmation_shown(tx, task, scope, part.confirmed, now).await?;
                told.push(tell(&one, &part, name.as_ref(), (institution, recorded_by.clone()), confirmed));
            }
        }
        Ok(told)
    }
}

async fn write(work: &mut Work<'_>, task: &Task, child: PersonId, changed: &Guardianship) -> Result<(), Error> {
    if guardianships::update(work.tx(), &task.on(child), changed).await? {
        Ok(())
    } else {
        Err(Error::busy("somebody changed the guardianship at the same moment"))
    }
}

async fn name_of(tx: &mut Tx, task: &Task, org: Option<OrgId>) -> Result<Option<String>, Error> {
    let Some(org) = org else { return Ok(None) };
    Ok(institutions::find(tx, task, org).await?.map(|org| org.name))
}

fn tell(
    one: &Guardianship,
    part: &GuardianshipSlice,
    name: Option<&PersonName>,
    (institution, recorded_by): (Option<String>, Option<String>),
    confirmed: Option<ConfirmationView>,
) -> GuardianPart {
    GuardianPart {
        guardianship_id: one.id,
        guardian_id: one.guardian,
        name: name.map(|name| name.as_str().to_owned()).unwrap_or_default(),
        institution,
        relation: part.relation.as_str(),
        relation_label: part.relation.label(),
        legal: part.legal,
        rank: part.rank,
        status: part.status.as_str(),
        verified_by: one.verified_by.map(Evidence::as_str),
        confirmed,
        recorded_by,
        restrictions: part.restrictions.iter().map(|restriction| restriction.as_str()).collect(),
        version: one.version,
        from: part.valid_from,
        to: Some(part.valid_to).filter(|end| *end != NaiveDate::MAX),
    }
}

fn missing() -> Error {
    Error::not_found("the person")
}

fn refused(why: GuardianError) -> Error {
    Error::new(Kind::Conflict, why.to_string())
}
