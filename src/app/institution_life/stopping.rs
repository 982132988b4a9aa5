//! The way back from a change that was begun by mistake, or cut off and not wanted any more: as long as nobody and nothing
//! went over it ends without a trace in the register, and the audit says that it was. First it is turned back, so that no
//! step of it comes any more; then its people are found where they were, some at a time; then it is forgotten. A stop that
//! was cut off goes on with the same command, or by the job that looks for such.

use super::people::hold_classes;
use super::{InstitutionView, OrgRef, refused_stop};
use crate::app::pace::{Listener, Pace};
use crate::app::relation_claim::Decider;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::institution::Institution;
use crate::domain::registry::institution_life::{ChangeKind, ChangeState, InstitutionChange};
use crate::store::db::Tx;
use crate::store::{classes, institution_changes, institutions, persons};

/// Nobody waits for it.
struct Nobody;

impl Listener for Nobody {
    fn progress(&mut self, _done: u64, _total: u64) {}
}

impl App {
    /// Ends a change of an institution that is under way and by which nobody went over yet: names of its people are found
    /// again where they were, and what a split opened is closed. The same again finishes what was cut off.
    ///
    /// # Errors
    /// `NotFound` for an institution that is unknown or not strictly below the administrator's own; `Conflict` where nothing
    /// is under way, or where it can only be finished.
    pub async fn stop_change(
        &self,
        ctx: &Ctx,
        by: Decider,
        code: &str,
        listener: &mut (dyn Listener + Send),
    ) -> Result<InstitutionView, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let mut pace = Pace::default();
        let (org, back) = self.paced(&mut pace, || self.begin_stop(&ctx, &task, by, code)).await?;
        if let Some(change) = back {
            self.bring_back(&ctx, &task, &change, listener).await?;
        }
        let mut tx = self.db.read().await?;
        let org = institutions::find(&mut tx, &task, org).await?.ok_or_else(|| Error::no_institution(code))?;
        self.view(&mut tx, &task, &org, ctx.now.shanghai_date()).await
    }

    /// Takes back to the end what was turned back: by a stop that was cut off, or with an errand that was cancelled.
    ///
    /// # Errors
    /// A failed store: it is looked for again then.
    pub async fn finish_stops(&self) -> Result<(), Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), Ctx::task(self, "institution"));
        let stopping = institution_changes::stopping(&mut self.db.read().await?, &task).await?;
        // One that cannot be brought back holds up no other.
        let mut failed = None;
        for change in stopping {
            failed = self.bring_back(&ctx, &task, &change, &mut Nobody).await.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }

    async fn begin_stop(
        &self,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        code: &str,
    ) -> Result<(OrgId, Option<InstitutionChange>), Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        self.lock_tree(&mut work).await?;
        let org = self.governed_unheld(work.tx(), ctx, task, by, &OrgRef::from(code)).await?;
        let running = institution_changes::running(work.tx(), task, org.id).await?;
        let change = running.into_iter().find(|change| change.org == org.id).ok_or_else(none_under_way)?;
        let back = self.turn_back(&mut work, ctx, task, change).await?;
        work.commit(Outcome::Done).await?;
        Ok((org.id, back))
    }

    /// Turns a change back that is under way, if nobody went over. Part of a larger change, in which the tree is locked. What
    /// is left to do then; none: a split is taken back at once, because nobody is there.
    ///
    /// # Errors
    /// `Conflict` where it is not under way any more, or can only be finished.
    pub(in crate::app) async fn turn_back(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        change: InstitutionChange,
    ) -> Result<Option<InstitutionChange>, Error> {
        let held = super::hold_both(work, task, change.org, change.into.unwrap_or(change.org)).await?;
        let (org, into) = held.ok_or_else(none_under_way)?;
        if change.state == ChangeState::Stopping {
            return Ok(Some(change));
        }
        // First of all: a step of it that is at work is waited for, and none comes after it.
        if !institution_changes::turn_back(work.tx(), task, &change).await? {
            return Err(none_under_way());
        }
        if went_over(work.tx(), task, &change, org.parent).await? {
            return Err(refused_stop());
        }
        let change = InstitutionChange { state: ChangeState::Stopping, ..change };
        work.target("institution", org.id).detail("kind", change.kind.as_str());
        if change.kind == ChangeKind::Split {
            self.unsplit(work, ctx, task, &change, into).await?;
            work.detail("step", "stopped");
            return Ok(None);
        }
        work.detail("step", "stopping");
        Ok(Some(change))
    }

    /// The classes are the school's again, and what was opened for them is closed. Its codes were never anybody's by whom
    /// somebody could have been found, so they are free again.
    async fn unsplit(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        change: &InstitutionChange,
        part: Institution,
    ) -> Result<(), Error> {
        let (school, id) = (change.org, part.id);
        let mut touched = institution_changes::handed_classes(work.tx(), task, school, id).await?;
        touched.extend(classes::of_orgs(work.tx(), task, &[id]).await?);
        hold_classes(work, task, touched.into_iter().map(|class| class.id)).await?;
        let (here, closed) = institution_changes::take_classes_back(work.tx(), task, (school, id), ctx.now).await?;
        for class in here.into_iter().chain(closed) {
            work.event("class", class, "class.changed", &["status"]);
        }
        let closing = self.change(ctx, id, ChangeKind::Closed, None);
        self.wind_up(work, ctx, task, part, &closing).await?;
        work.target("institution", school).event("institution", id, "institution.closed", &["status"]);
        institutions::forget_codes(work.tx(), task, id).await?;
        institution_changes::forget(work.tx(), task, change).await?;
        Ok(())
    }

    /// Everybody is found where they were, and the change is forgotten.
    async fn bring_back(
        &self,
        ctx: &Ctx,
        task: &Task,
        change: &InstitutionChange,
        listener: &mut (dyn Listener + Send),
    ) -> Result<(), Error> {
        let back = match change.kind {
            ChangeKind::Moved => self.everybody_back(ctx, task, change.clone(), listener).await,
            ChangeKind::Merged | ChangeKind::Closed | ChangeKind::Split => self.nobody_adopted(ctx, task, change).await,
        };
        match back {
            // Somebody who took it back beside us came to the end first.
            Err(error) if error.kind == Kind::Conflict && !self.is_turned_back(task, change).await? => return Ok(()),
            other => other?,
        }
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        if institution_changes::forget(work.tx(), task, change).await? {
            work.target("institution", change.org).detail("kind", change.kind.as_str()).detail("step", "stopped");
            work.commit(Outcome::Done).await?;
        }
        Ok(())
    }

    async fn is_turned_back(&self, task: &Task, change: &InstitutionChange) -> Result<bool, Error> {
        let running = institution_changes::running(&mut self.db.read().await?, task, change.org).await?;
        Ok(running.iter().any(|running| running.id == change.id))
    }

    /// Whether a change goes on still as it was seen, for a step that writes about people: they are held first, and whoever
    /// they go to, in the one order of locks.
    ///
    /// # Errors
    /// As [`App::goes_on_still`].
    pub(super) async fn goes_on_with(
        &self,
        tx: &mut Tx,
        task: &Task,
        change: &InstitutionChange,
        people: &[PersonId],
    ) -> Result<(), Error> {
        persons::hold_standing(tx, task, people.iter().copied()).await?;
        institutions::hold_standing(tx, task, change.into.into_iter()).await?;
        self.goes_on_still(tx, task, change).await
    }

    /// Whether a change goes on still, this way or back, and does until the transaction ends: every step asks before it does
    /// anything.
    ///
    /// # Errors
    /// `Conflict` when it was stopped, or somebody else finished it.
    pub(super) async fn goes_on_still(
        &self,
        tx: &mut Tx,
        task: &Task,
        change: &InstitutionChange,
    ) -> Result<(), Error> {
        if institution_changes::share(tx, task, change).await? {
            return Ok(());
        }
        Err(Error::new(Kind::Conflict, "the change was stopped, or finished by somebody else, at the same moment"))
    }
}

async fn went_over(tx: &mut Tx, task: &Task, change: &InstitutionChange, parent: Option<OrgId>) -> Result<bool, Error> {
    Ok(match (change.kind, change.into) {
        (ChangeKind::Moved, into) => parent == into,
        (ChangeKind::Split, Some(into)) => institution_changes::is_used(tx, task, into).await?,
        (ChangeKind::Split, None) => true,
        (ChangeKind::Merged | ChangeKind::Closed, _) => institution_changes::has_begun(tx, task, change).await?,
    })
}

fn none_under_way() -> Error {
    Error::new(
        Kind::Conflict,
        "no change of the institution is under way: `mingji institution history CODE` tells them",
    )
}
