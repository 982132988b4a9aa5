//! What a change of an institution would touch, before it is made: the checks of its beginning, and who would go along.

use serde::Serialize;

use super::{Begin, Split};
use crate::app::relation_claim::Decider;
use crate::app::{App, Ctx, Error, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::id::OrgId;
use crate::domain::registry::institution_life::ChangeKind;
use crate::store::{counts, institutions};

/// Who would go along.
#[derive(Clone, Debug, Serialize)]
pub struct Touched {
    /// The institution's name.
    pub institution: String,
    /// Institutions that go along, itself among them.
    pub institutions: i64,
    /// Who studies there.
    pub students: i64,
    /// Who works there.
    pub staff: i64,
}

impl App {
    /// Whether an institution may be put under another one, and who would go along.
    ///
    /// # Errors
    /// As [`App::move_institution`].
    pub async fn preview_move(&self, ctx: &Ctx, by: Decider, code: &str, parent: &str) -> Result<Touched, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let begun = self.begin_move(&ctx, &task, by, (code, parent, None), Begin::Look).await?;
        self.touched(&ctx, &task, by, begun.moves()).await
    }

    /// Whether an institution may hand over to another one, and who would go over.
    ///
    /// # Errors
    /// As [`App::hand_over_institution`].
    pub async fn preview_handover(
        &self,
        ctx: &Ctx,
        by: Decider,
        (code, into): (&str, &str),
        kind: ChangeKind,
    ) -> Result<Touched, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let (change, _) = self.begin_handover(&ctx, &task, by, (code, into, kind), Begin::Look).await?;
        self.touched(&ctx, &task, by, change.org).await
    }

    /// Whether a school may be split so. Who goes over is who is in these classes, of all who are told.
    ///
    /// # Errors
    /// As [`App::split_institution`].
    pub async fn preview_split(&self, ctx: &Ctx, by: Decider, split: &Split) -> Result<Touched, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let (change, _) = self.begin_split(&ctx, &task, by, split, Begin::Look).await?;
        self.touched(&ctx, &task, by, change.org).await
    }

    async fn touched(&self, ctx: &Ctx, task: &Task, by: Decider, org: OrgId) -> Result<Touched, Error> {
        let mut tx = self.db.read().await?;
        let missing = || Error::not_found("the institution");
        let scope = self.institution_subtree(&mut tx, by.admin().ok_or_else(missing)?, ctx.now).await?;
        let institution = institutions::find(&mut tx, task, org).await?.ok_or_else(missing)?.name;
        let held = counts::held(&mut tx, &scope, org).await?;
        Ok(Touched { institution, institutions: held.institutions, students: held.students, staff: held.staff })
    }
}
