//! Classes 班级: listed, opened, renamed and closed.

use chrono::NaiveDate;
use serde::Serialize;

use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, OrgId};
use crate::domain::registry::class::{Class, ClassError, ClassKind, ClassStatus};
use crate::domain::registry::codes::stage::Stage;
use crate::domain::registry::grade::Standing;
use crate::domain::registry::roster::ClassKey;
use crate::store::{classes, institutions};

/// A class.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Class)]
pub struct ClassRow {
    /// Its id.
    pub id: ClassId,
    /// What kind.
    pub kind: ClassKind,
    /// 学段.
    pub stage: Stage,
    /// 入学年份, which it keeps for life.
    pub entry_year: i64,
    /// Its number or mark within stage and year.
    pub class_no: String,
    /// Its name on the day.
    pub name: String,
    /// What it was called before that, the oldest name first; in a list alone.
    pub former_names: Vec<String>,
    /// 学制, in years.
    pub schooling_years: i64,
    /// The grade on the day; none before the first and behind the last, and where a stage has none.
    pub grade: Option<&'static str>,
    /// Its state now.
    pub status: ClassStatus,
}

/// A class that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// By the name that its school has for it.
    pub key: ClassKey,
    /// What people call it; `2024级3班` and the like when left out.
    pub name: Option<String>,
    /// 学制, in years; the usual ones of the stage when left out.
    pub years: Option<u8>,
}

impl ClassRow {
    fn of(class: Class, day: NaiveDate) -> Self {
        let grade = match class.standing(day) {
            Standing::In(grade) => Some(grade.as_str()),
            Standing::Admitted | Standing::Ungraded | Standing::Graduated => None,
        };
        Self {
            id: class.id,
            kind: class.kind,
            stage: class.stage,
            entry_year: class.entry_year,
            class_no: class.class_no,
            name: class.name,
            former_names: Vec::new(),
            schooling_years: class.schooling_years,
            grade,
            status: class.status,
        }
    }
}

impl App {
    /// The classes of an institution; of a day, those whose years it lies in.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below the administrator.
    pub async fn classes_of(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: OrgId,
        day: Option<NaiveDate>,
    ) -> Result<Vec<ClassRow>, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        self.seen(&mut tx, &scope, org).await?;
        let mut found = classes::of_org_in(&mut tx, &scope, org).await?;
        found.retain(|class| day.is_none_or(|day| matches!(class.standing(day), Standing::In(_) | Standing::Ungraded)));
        found.sort_by_key(|class| class.id);
        let seen = day.unwrap_or_else(|| ctx.now.shanghai_date());
        let ids: Vec<ClassId> = found.iter().map(|class| class.id).collect();
        let former = classes::former_names(&mut tx, &access::task(TaskName::RosterView), &ids).await?;
        let told = |class: Class| {
            let before = former.iter().filter(|one| one.class == class.id && one.until <= seen);
            let former_names = before.map(|one| one.name.clone()).collect();
            let name = class.name_on(&former, seen);
            ClassRow { former_names, ..ClassRow::of(Class { name, ..class }, seen) }
        };
        Ok(found.into_iter().map(told).collect())
    }

    /// Opens an administrative class of a school; one that was closed is open again, as it was.
    ///
    /// # Errors
    /// `NotFound` for a school that is not below the administrator; `Conflict` for a class that is open or graduated, and for
    /// an institution that does not teach; `Invalid` for what is no name.
    pub async fn open_class_at(&self, ctx: &Ctx, by: Decider, org: OrgId, wanted: &Wanted) -> Result<ClassRow, Error> {
        let (task, ctx) = (access::task(TaskName::ClassLife), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::ClassChanged).await?;
        let scope = self.scope_of(work.tx(), by, &ctx).await?;
        let school = self.seen(work.tx(), &scope, org).await?;
        if !school.stands() || !school.kind.teaches() {
            return Err(Error::new(Kind::Conflict, "the institution has no classes"));
        }
        let ClassKey { stage, entry_year, class_no } = &wanted.key;
        let mut fresh = self.new_class(&ctx, org, *stage, *entry_year, class_no);
        if let Some(name) = wanted.name.as_deref().filter(|name| *name != fresh.name) {
            fresh = Class { version: 1, ..fresh.renamed(name, ctx.now).map_err(refused)? };
        }
        if let Some(years) = wanted.years {
            fresh = fresh.lasting(years).map_err(refused)?;
        }
        let kept = classes::ensure(work.tx(), &task, &fresh).await?;
        let opened = match kept.id == fresh.id {
            true => kept,
            false => {
                let again = kept.reopened(ctx.now).map_err(refused)?;
                write(&mut work, &task, &again).await?;
                again
            }
        };
        self.said_class(work, &ctx, opened, "opened", ("class.opened", &[])).await
    }

    /// Gives a class another name.
    ///
    /// # Errors
    /// `NotFound` for a class of no school below the administrator; `Conflict` for one that is not open.
    pub async fn rename_class(&self, ctx: &Ctx, by: Decider, id: ClassId, name: &str) -> Result<ClassRow, Error> {
        let (task, ctx) = (access::task(TaskName::ClassLife), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::ClassChanged).await?;
        let class = self.kept_class(&mut work, &ctx, &task, by, id).await?;
        let renamed = class.renamed(name, ctx.now).map_err(refused)?;
        write(&mut work, &task, &renamed).await?;
        self.said_class(work, &ctx, renamed, "renamed", ("class.changed", &["name"])).await
    }

    /// Closes a class 撤销 in which nobody sits or teaches any more.
    ///
    /// # Errors
    /// `NotFound` for a class of no school below the administrator; `Conflict` while somebody is there.
    pub async fn close_class(&self, ctx: &Ctx, by: Decider, id: ClassId) -> Result<ClassRow, Error> {
        let (task, ctx) = (access::task(TaskName::ClassLife), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::ClassChanged).await?;
        let closed = self.kept_class(&mut work, &ctx, &task, by, id).await?.closed(ctx.now).map_err(refused)?;
        if classes::is_used(work.tx(), &task, id).await? {
            let why = "somebody sits or teaches in the class: move them first";
            return Err(Error::new(Kind::Conflict, why));
        }
        write(&mut work, &task, &closed).await?;
        self.said_class(work, &ctx, closed, "closed", ("class.changed", &["status"])).await
    }

    /// A class of a school that this decider keeps, held.
    async fn kept_class(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        id: ClassId,
    ) -> Result<Class, Error> {
        let missing = || Error::not_found("the class");
        let scope = self.scope_of(work.tx(), by, ctx).await?;
        let class = classes::hold(work.tx(), task, id).await?.ok_or_else(missing)?;
        institutions::find_in(work.tx(), &scope, class.org).await?.ok_or_else(missing)?;
        Ok(class)
    }

    async fn said_class(
        &self,
        mut work: Work<'_>,
        ctx: &Ctx,
        class: Class,
        step: &'static str,
        (told, fields): (&'static str, &[&str]),
    ) -> Result<ClassRow, Error> {
        work.target("institution", class.org).target("class", class.id).detail("step", step);
        if !fields.is_empty() {
            work.changes(fields);
        }
        work.event("class", class.id, told, fields);
        work.commit(Outcome::Done).await?;
        Ok(ClassRow::of(class, ctx.now.shanghai_date()))
    }

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

async fn write(work: &mut Work<'_>, task: &Task, class: &Class) -> Result<(), Error> {
    match classes::update(work.tx(), task, class).await? {
        true => Ok(()),
        false => Err(Error::busy("somebody changed the class at the same moment")),
    }
}

fn refused(why: ClassError) -> Error {
    match why {
        ClassError::Name | ClassError::Years => Error::invalid(why.to_string()),
        _ => Error::new(Kind::Conflict, why.to_string()),
    }
}
