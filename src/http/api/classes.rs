//! `/api/institutions/{id}/classes`, `/api/classes/{id}`: classes 班级, and who teaches them.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::problem::{Problem, Problems};
use super::roster::{OnDay, day};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::App;
use crate::app::class::{ClassRow, Wanted};
use crate::app::lesson_view::LessonRow;
use crate::domain::id::{ClassId, OrgId};

/// Which classes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichClasses {
    /// Those whose years this day lies in, with the grade that they were in; all, with the grade of today, when left out.
    on: Option<NaiveDate>,
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; of who teaches a class 1 to 49.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// A class to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClass {
    /// 学段/入学年份/班级, as in 小学/2024/2班.
    class: String,
    /// What people call it; 2024级2班 when left out.
    name: Option<String>,
    /// 学制, in years; the usual ones of the stage when left out.
    schooling_years: Option<u8>,
}

/// A name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassName {
    /// 1 to 40 characters.
    name: String,
}

/// Its classes.
#[utoipa::path(get, path = "/api/institutions/{id}/classes", tag = "classes", params(("id" = OrgId, Path), WhichClasses), responses((status = 200, body = Page<ClassRow>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Asked(which): Asked<WhichClasses>,
) -> Result<Json<Page<ClassRow>>, Problem> {
    let list = List::of(&admin, "classes", &[&id.to_string(), &day(which.on)], which.limit)?;
    let after: Option<ClassId> = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.classes_of(&admin.ctx, admin.by(), id, which.on).await.map_err(|error| admin.problem(&error))?;
    let found = found.into_iter().filter(|class| after.is_none_or(|after| class.id > after)).collect();
    Ok(Json(list.page(&app, &admin.ctx, found, |class| class.id)?))
}

/// Opens an administrative class; one that was closed is open again, as it was.
#[utoipa::path(post, path = "/api/institutions/{id}/classes", tag = "classes", params(("id" = OrgId, Path)), request_body = NewClass, responses((status = 200, body = ClassRow), Problems))]
pub async fn open(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Body(NewClass { class, name, schooling_years: years }): Body<NewClass>,
) -> Result<Json<ClassRow>, Problem> {
    let wanted = Wanted { key: admin.class(&class)?, name, years };
    let opened = app.open_class_at(&admin.ctx, admin.by(), id, &wanted).await;
    opened.map(Json).map_err(|error| admin.problem(&error))
}

/// Gives a class another name.
#[utoipa::path(post, path = "/api/classes/{id}/name", tag = "classes", params(("id" = ClassId, Path)), request_body = ClassName, responses((status = 200, body = ClassRow), Problems))]
pub async fn rename(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<ClassId>,
    Body(ClassName { name }): Body<ClassName>,
) -> Result<Json<ClassRow>, Problem> {
    let renamed = app.rename_class(&admin.ctx, admin.by(), id, &name).await;
    renamed.map(Json).map_err(|error| admin.problem(&error))
}

/// Closes a class 撤销 in which nobody sits or teaches any more.
#[utoipa::path(post, path = "/api/classes/{id}/closure", tag = "classes", params(("id" = ClassId, Path)), responses((status = 200, body = ClassRow), Problems))]
pub async fn close(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<ClassId>,
) -> Result<Json<ClassRow>, Problem> {
    app.close_class(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Who teaches what in its classes. Taken over and given up at `/api/persons/{id}/post`. Audited.
#[utoipa::path(get, path = "/api/institutions/{id}/lessons", tag = "classes", params(("id" = OrgId, Path), OnDay), responses((status = 200, body = Page<LessonRow>), Problems))]
pub async fn lessons(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Asked(which): Asked<OnDay>,
) -> Result<Json<Page<LessonRow>>, Problem> {
    let list = List::of_people(&admin, "lessons", &[&id.to_string(), &day(which.on)], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.lessons_of(&admin.ctx, admin.by(), id, which.on, after, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.cut(&app, &admin.ctx, found, |row| row.id)?))
}
