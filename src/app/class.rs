//! Classes 班级.

use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, OrgId};
use crate::domain::registry::class::{Class, ClassKind, ClassStatus};
use crate::domain::registry::codes::stage::Stage;
use crate::store::classes;

impl App {
    /// Opens an administrative class, or finds it.
    ///
    /// # Errors
    /// A failed store.
    pub async fn open_class(
        &self,
        ctx: &Ctx,
        task: TaskName,
        org: OrgId,
        stage: Stage,
        entry_year: i64,
        class_no: &str,
    ) -> Result<ClassId, Error> {
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let class = self.new_class(ctx, org, stage, entry_year, class_no);
        let kept = classes::ensure(work.tx(), &access::task(task), &class).await?;
        if kept.id == class.id {
            work.target("class", class.id).event("class", class.id, "class.opened", &[]);
            work.commit(Outcome::Done).await?;
        }
        Ok(kept.id)
    }

    /// An administrative class that is not in the register yet.
    pub(super) fn new_class(&self, ctx: &Ctx, org: OrgId, stage: Stage, entry_year: i64, class_no: &str) -> Class {
        Class {
            id: ClassId::new(ctx.now, &*self.random),
            org,
            kind: ClassKind::Administrative,
            stage,
            entry_year,
            class_no: class_no.to_owned(),
            name: format!("{entry_year}级{class_no}"),
            schooling_years: i64::from(stage.usual_years()),
            status: ClassStatus::Open,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        }
    }
}
