//! What was done in the moment of a kill: the program that did it had no time to say so, and the institution that was asked about
//! is somebody else's by now.

use crate::app::{App, Error, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::registry::institution_life::{ChangeKind, InstitutionChange};
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{institution_changes, institutions};

/// A change that is done: the names of both.
#[derive(Clone, Debug)]
pub struct DoneChange {
    /// The institution that changed.
    pub institution: String,
    /// The one that took over, or stands above it.
    pub into: String,
}

impl App {
    /// A change of this kind between two institutions that is under way, or on its way back.
    ///
    /// # Errors
    /// A failed store.
    pub(crate) async fn running_change(
        &self,
        tx: &mut Tx,
        task: &Task,
        kind: ChangeKind,
        (code, into): (&str, &str),
    ) -> Result<Option<InstitutionChange>, Error> {
        let org = institutions::named(tx, task, code).await?;
        let Some((org, into)) = org.zip(institutions::named(tx, task, into).await?) else { return Ok(None) };
        let running = institution_changes::running(tx, task, org.id).await?;
        let is_it =
            |change: &InstitutionChange| (change.org, change.kind, change.into) == (org.id, kind, Some(into.id));
        Ok(running.into_iter().find(is_it))
    }

    /// The change of this kind between two institutions, by the codes that they had, if it was begun since and is done.
    ///
    /// # Errors
    /// A failed store.
    pub(crate) async fn done_change(
        &self,
        kind: ChangeKind,
        (code, into): (&str, &str),
        since: Timestamp,
    ) -> Result<Option<DoneChange>, Error> {
        let task = access::task(TaskName::InstitutionLife);
        let mut tx = self.db.read().await?;
        // A code leads to the heir from then on; what it was is asked for.
        let org = institutions::named(&mut tx, &task, code).await?;
        let Some((org, into)) = org.zip(institutions::named(&mut tx, &task, into).await?) else { return Ok(None) };
        let changes = institution_changes::about(&mut tx, &task, org.id).await?;
        let is_it = changes.iter().any(|change| {
            (change.org, change.kind, change.into) == (org.id, kind, Some(into.id))
                && change.started_at >= since
                && change.ended_at.is_some()
        });
        Ok(is_it.then_some(DoneChange { institution: org.name, into: into.name }))
    }
}
