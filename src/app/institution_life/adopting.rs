//! What stands below an institution that hands over goes below its heir, one institution and some people at a time: their
//! names are hidden where they will not be found before the moment, and found where they are after it, so that a kill in
//! between shows nobody too much. The same command again finds what was adopted and goes through its people once more.

use super::people::PEOPLE;
use super::refused;
use crate::app::pace::{Pace, Step};
use crate::app::work::Outcome;
use crate::app::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::audit::Action;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::institution_life::InstitutionChange;
use crate::store::handovers::Way;
use crate::store::{institution_changes, institutions, persons};

/// What is done with whoever belongs below.
#[derive(Clone, Copy)]
enum Pass {
    /// Hidden from the names of the institution that hands over.
    HideFrom(OrgId),
    /// Found where they are, and told of.
    Found,
    /// Found again where they were, of which nobody heard.
    Back,
}

impl App {
    /// Whoever belongs below is found again in the names of the institution that does not hand over after all.
    pub(super) async fn nobody_adopted(&self, ctx: &Ctx, task: &Task, change: &InstitutionChange) -> Result<(), Error> {
        let below = institution_changes::children(&mut self.db.read().await?, task, change.org).await?;
        for child in &below {
            self.everybody_below(ctx, task, change, child.id, Pass::Back).await?;
        }
        Ok(())
    }

    /// Takes over everything that stands directly below.
    pub(super) async fn adopt_all(
        &self,
        ctx: &Ctx,
        task: &Task,
        change: &InstitutionChange,
        way: Way,
    ) -> Result<(), Error> {
        let mut pace = Pace::default();
        let below = institution_changes::children(&mut self.db.read().await?, task, way.from).await?;
        for child in &below {
            self.everybody_below(ctx, task, change, child.id, Pass::HideFrom(way.from)).await?;
        }
        while self.paced(&mut pace, || self.adopt_one(ctx, task, change, way)).await? == Step::More {}
        let heirs = institution_changes::children(&mut self.db.read().await?, task, way.to).await?;
        // Those of a run that was cut off too: what else changed below the heir since is told of once more.
        for child in heirs.iter().filter(|child| child.updated_at >= change.started_at) {
            self.everybody_below(ctx, task, change, child.id, Pass::Found).await?;
        }
        Ok(())
    }

    async fn adopt_one(&self, ctx: &Ctx, task: &Task, change: &InstitutionChange, way: Way) -> Result<Step, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        self.lock_tree(&mut work).await?;
        self.goes_on_still(work.tx(), task, change).await?;
        let below = institution_changes::children(work.tx(), task, way.from).await?;
        let Some(child) = below.into_iter().next() else { return Ok(Step::Done) };
        let heir = institutions::find(work.tx(), task, way.to).await?;
        let heir = heir.ok_or_else(|| Error::not_found("the institution that takes over"))?;
        let (id, division) = (child.id, child.division);
        let moved = child.moved(&heir, division, ctx.now).map_err(refused)?;
        self.write_institution(&mut work, task, &moved, &["parent"]).await?;
        self.leave_rights_in(&mut work, ctx, task, (id, heir.id)).await?;
        institution_changes::stand_under(work.tx(), task, id, heir.id).await?;
        work.target("institution", way.from).detail("step", "adopted");
        work.commit(Outcome::Done).await?;
        Ok(Step::More)
    }

    async fn everybody_below(
        &self,
        ctx: &Ctx,
        task: &Task,
        change: &InstitutionChange,
        org: OrgId,
        pass: Pass,
    ) -> Result<(), Error> {
        let (mut pace, mut after) = (Pace::default(), super::nobody());
        while let Some(last) = self.paced(&mut pace, || self.some_below(ctx, task, change, (org, after), pass)).await? {
            after = last;
        }
        Ok(())
    }

    async fn some_below(
        &self,
        ctx: &Ctx,
        task: &Task,
        change: &InstitutionChange,
        (org, after): (OrgId, PersonId),
        pass: Pass,
    ) -> Result<Option<PersonId>, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let people = institution_changes::people(work.tx(), task, org, after, PEOPLE).await?;
        let Some(last) = people.last().copied() else { return Ok(None) };
        self.goes_on_with(work.tx(), task, change, &people).await?;
        match pass {
            Pass::HideFrom(left) => persons::hide_from(work.tx(), task, left, &people).await?,
            Pass::Back => persons::refresh_presence_of_many(work.tx(), task, &people).await?,
            Pass::Found => {
                persons::refresh_presence_of_many(work.tx(), task, &people).await?;
                for person in &people {
                    work.event("person", *person, "person.moved", &["identities"]);
                }
            }
        }
        work.target("institution", org).detail("people", people.len());
        work.commit(Outcome::Done).await?;
        Ok(Some(last))
    }
}
