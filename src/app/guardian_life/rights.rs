//! What an administrator may say about a child's guardians (R1): of whom she covers all sides, and of a guardianship what her
//! own institutions recorded, or where the guardian is wholly hers too.

use std::collections::BTreeSet;

use super::missing;
use crate::app::relation_claim::Decider;
use crate::app::work::Work;
use crate::app::{App, Ctx, Error, Kind};
use crate::domain::access::Task;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::guardianship::Guardianship;
use crate::domain::registry::person::Person;
use crate::store::{cases, enrolments, merges, persons};

impl App {
    /// The child and her guardian. Held before anybody's right is looked at, with the child's 学籍: a merge or a transfer at
    /// the same moment is either seen here, or sees what was done.
    pub(super) async fn hold_pair(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        child: PersonId,
        guardian: PersonId,
    ) -> Result<(Person, Person), Error> {
        let child = persons::survivor(work.tx(), child).await?.ok_or_else(missing)?;
        let guardian = persons::survivor(work.tx(), guardian).await?.ok_or_else(missing)?;
        let held = merges::hold(work.tx(), task, child, guardian).await?;
        enrolments::hold_of_many(work.tx(), task, &[child]).await?;
        if held.iter().any(|person| person.merged_into.is_some()) {
            return Err(Error::busy("one of the two became another record at the same moment"));
        }
        let found = |id| held.iter().find(|person| person.id == id).cloned().ok_or_else(missing);
        Ok((found(child)?, found(guardian)?))
    }

    /// An administrator decides about people of whom she covers all sides, and not about herself.
    pub(super) async fn whole(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
    ) -> Result<(), Error> {
        let Some(admin) = by.admin() else { return Ok(()) };
        if admin != person && self.decides_about(work.tx(), admin, person, ctx.now).await? {
            Ok(())
        } else {
            Err(missing())
        }
    }

    /// Whether this decider may change some of `all` guardianships of a child who is wholly hers: her institutions recorded
    /// them, or she covers whoever recorded any and all that the guardians are. A child who came to her school came with
    /// guardians whom others recorded.
    pub(super) async fn may_mind(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        all: &[Guardianship],
        some: &[Guardianship],
    ) -> Result<(), Error> {
        let Some(admin) = by.admin() else { return Ok(()) };
        let recorded: Option<BTreeSet<OrgId>> = some.iter().map(|one| one.recorded_by).collect();
        if let Some(recorded) = recorded
            && self.covers(work.tx(), admin, &recorded, ctx.now).await?
        {
            return Ok(());
        }
        let sides = sides_of(work, task, all, some).await?;
        if self.covers(work.tx(), admin, &sides, ctx.now).await? { Ok(()) } else { Err(missing()) }
    }

    /// Whether this decider may give back what a court took away: who noted the order is not kept, so no school may, but the
    /// level above all sides.
    pub(super) async fn may_lift(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        all: &[Guardianship],
        known: &Guardianship,
    ) -> Result<(), Error> {
        let Some(admin) = by.admin() else { return Ok(()) };
        let sides = sides_of(work, task, all, std::slice::from_ref(known)).await?;
        if self.oversees(work.tx(), task, admin, &sides, ctx.now).await? {
            return Ok(());
        }
        Err(Error::new(Kind::Conflict, "what a court took away is given back by the authority above the school"))
    }
}

/// Where the child and the guardians belong, and who recorded any guardian of the child, also one of former times.
async fn sides_of(
    work: &mut Work<'_>,
    task: &Task,
    all: &[Guardianship],
    some: &[Guardianship],
) -> Result<BTreeSet<OrgId>, Error> {
    let people: BTreeSet<PersonId> = some.iter().flat_map(|one| [one.child, one.guardian]).collect();
    let people: Vec<PersonId> = people.into_iter().collect();
    let sides = cases::sides_of(work.tx(), task, &people).await?.into_iter().map(|side| side.org);
    Ok(sides.chain(all.iter().filter_map(|one| one.recorded_by)).collect())
}
