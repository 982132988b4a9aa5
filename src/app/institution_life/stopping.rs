//! The way back from a change that was begun by mistake, or cut off and not wanted any more: as long as nobody and nothing
//! went over it ends without a trace in the register, and the audit says that it was.

use super::{InstitutionView, OrgRef, refused_stop};
use crate::app::pace::Listener;
use crate::app::relation_claim::Decider;
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::OrgId;
use crate::domain::registry::institution_life::{ChangeKind, InstitutionChange};
use crate::store::db::Tx;
use crate::store::{institution_changes, institutions};

impl App {
    /// Ends a change of an institution that is under way and by which nobody went over yet. Of a move the names of its people
    /// are found again where they were.
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
        let mut tx = self.db.read().await?;
        let org = self.governed_unheld(&mut tx, &ctx, &task, by, &OrgRef::from(code)).await?;
        let running = institution_changes::running(&mut tx, &task, org.id).await?;
        let change = running.into_iter().find(|change| change.org == org.id).ok_or_else(none_under_way)?;
        let parent = match change.into {
            Some(into) if change.kind == ChangeKind::Moved => institutions::find(&mut tx, &task, into).await?,
            _ => None,
        };
        drop(tx);
        let mut work = self.begin(&ctx, Action::InstitutionChanged).await?;
        self.lock_tree(&mut work).await?;
        let held = institution_changes::hold(work.tx(), &task, org.id).await?;
        let held = held.ok_or_else(|| Error::no_institution(code))?;
        // First of all: a step of it that is at work is waited for, and none comes after it.
        if !institution_changes::forget(work.tx(), &task, &change).await? {
            return Err(none_under_way());
        }
        if went_over(work.tx(), &task, &change, held.parent).await? {
            return Err(refused_stop());
        }
        work.target("institution", org.id).detail("kind", change.kind.as_str());
        let view = self.said(work, &ctx, &task, &held, "stopped").await?;
        if let Some(parent) = parent {
            self.everybody_back(&ctx, &task, (change, held, parent), listener).await?;
        }
        Ok(view)
    }

    /// Whether a change is under way still, and is until the transaction ends: every step asks before it does anything.
    ///
    /// # Errors
    /// `Conflict` when it was stopped, or somebody else finished it.
    pub(super) async fn goes_on_still(
        &self,
        tx: &mut Tx,
        task: &Task,
        change: &InstitutionChange,
    ) -> Result<(), Error> {
        if institution_changes::share_running(tx, task, change).await? {
            return Ok(());
        }
        Err(Error::new(Kind::Conflict, "the change was stopped, or finished by somebody else, at the same moment"))
    }
}

async fn went_over(tx: &mut Tx, task: &Task, change: &InstitutionChange, parent: Option<OrgId>) -> Result<bool, Error> {
    Ok(match (change.kind, change.into) {
        (ChangeKind::Moved, into) => parent == into,
        // Its classes belong to the new institution from the beginning on.
        (ChangeKind::Split, _) => true,
        (ChangeKind::Merged | ChangeKind::Closed, _) => institution_changes::has_begun(tx, task, change).await?,
    })
}

fn none_under_way() -> Error {
    Error::new(
        Kind::Conflict,
        "no change of the institution is under way: `mingji institution history CODE` tells them",
    )
}
