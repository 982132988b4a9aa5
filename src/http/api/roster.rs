//! `/api/institutions/{id}/…`: who studies and works there.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::persons::{PaperName, invalid, paper};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::App;
use crate::app::guardian_view::KeeperRow;
use crate::app::record::Export;
use crate::app::roster_view::{StaffRow, StudentRow, Wanted};
use crate::domain::id::{ApprovalId, ClassId, OrgId};
use crate::domain::registry::name::PersonName;

/// Which students.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichStudents {
    /// Of this class alone.
    class: Option<ClassId>,
    /// On which day; today when left out. Guardians are told of today only.
    on: Option<NaiveDate>,
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 49.
    #[param(minimum = 1, maximum = 49)]
    limit: Option<usize>,
}

/// Which guardians.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichGuardians {
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 49.
    #[param(minimum = 1, maximum = 49)]
    limit: Option<usize>,
}

/// Which staff, or which lessons of theirs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OnDay {
    /// On which day; today when left out.
    pub on: Option<NaiveDate>,
    /// Where the list goes on.
    pub cursor: Option<String>,
    /// Rows of a page, 1 to 49.
    #[param(minimum = 1, maximum = 49)]
    pub limit: Option<usize>,
}

/// What is exported, and for what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportOrder {
    /// For what; with an approval it is what that was given for. It is kept in the clear: no number, code or phone.
    purpose: Option<String>,
    /// What opens a list of fifty minors or more.
    approval: Option<ApprovalId>,
}

/// A student whom a school asks for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BorrowOrder {
    /// Her paper.
    document: PaperName,
    /// Her name, as the school knows it.
    name: String,
    /// 学段/入学年份/班级, of the school that asks.
    class: Option<String>,
}

/// That it was taken in. Whether somebody has the number is not told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Taken {
    /// Always so.
    accepted: bool,
}

/// A day, as the name of a list has it.
pub fn day(on: Option<NaiveDate>) -> String {
    on.map(|day| day.to_string()).unwrap_or_default()
}

/// Who studies there: name, sex, class, 学号, state, guardians with a masked phone. Audited.
#[utoipa::path(get, path = "/api/institutions/{id}/students", tag = "roster", params(("id" = OrgId, Path), WhichStudents), responses((status = 200, body = Page<StudentRow>), Problems))]
pub async fn students(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Asked(which): Asked<WhichStudents>,
) -> Result<Json<Page<StudentRow>>, Problem> {
    let class = which.class.map(|class| class.to_string()).unwrap_or_default();
    let list = List::of_people(&admin, "students", &[&id.to_string(), &class, &day(which.on)], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let wanted = Wanted { org: id, class: which.class, day: which.on };
    let found = app.students_of(&admin.ctx, admin.by(), wanted, after, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.cut(&app, &admin.ctx, found, |row| row.enrolment_id)?))
}

/// The guardians of who studies there today, once for each child, with a masked phone. Audited.
#[utoipa::path(get, path = "/api/institutions/{id}/guardians", tag = "roster", params(("id" = OrgId, Path), WhichGuardians), responses((status = 200, body = Page<KeeperRow>), Problems))]
pub async fn guardians(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Asked(which): Asked<WhichGuardians>,
) -> Result<Json<Page<KeeperRow>>, Problem> {
    let list = List::of_people(&admin, "guardians", &[&id.to_string()], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.guardians_of(&admin.ctx, admin.by(), id, after, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.cut(&app, &admin.ctx, found, |row| row.guardianship_id)?))
}

/// Who works there. Audited.
#[utoipa::path(get, path = "/api/institutions/{id}/staff", tag = "roster", params(("id" = OrgId, Path), OnDay), responses((status = 200, body = Page<StaffRow>), Problems))]
pub async fn staff(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Asked(which): Asked<OnDay>,
) -> Result<Json<Page<StaffRow>>, Problem> {
    let list = List::of_people(&admin, "staff", &[&id.to_string(), &day(which.on)], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.staff_of(&admin.ctx, admin.by(), id, which.on, after, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.cut(&app, &admin.ctx, found, |row| row.staffing_id)?))
}

/// All students there and under it at once. From fifty minors on another person approves of it first.
#[utoipa::path(post, path = "/api/institutions/{id}/export", tag = "roster", params(("id" = OrgId, Path)), request_body = ExportOrder, responses((status = 200, body = Export), Problems))]
pub async fn export(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<OrgId>,
    Body(order): Body<ExportOrder>,
) -> Result<Json<Export>, Problem> {
    let made = app.export_students(&admin.ctx, admin.by(), id, order.purpose.as_deref(), order.approval).await;
    made.map(Json).map_err(|error| admin.problem(&error))
}

/// Asks for a student who is to sit here while her 学籍 stays at her school 借读, which answers. The answer reads the same whether somebody has the number. An exact question, of which there are 50 a day; a transfer 转学 is asked for by a row of a roster.
#[utoipa::path(post, path = "/api/institutions/{id}/borrowed-students", tag = "roster", params(("id" = OrgId, Path)), request_body = BorrowOrder, responses((status = 200, body = Taken), Problems))]
pub async fn borrow(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Body(order): Body<BorrowOrder>,
) -> Result<Json<Taken>, Problem> {
    let document = paper(&admin, &order.document)?;
    let name = PersonName::parse(&order.name).map_err(|why| invalid(&admin, why))?;
    let class = order.class.as_deref().map(|class| admin.class(class)).transpose()?;
    let asked = app.ask_to_borrow_whoever_has(&admin.ctx, admin.by(), &document, id, (&name, class.as_ref())).await;
    asked.map(|()| Json(Taken { accepted: true })).map_err(|error| admin.problem(&error))
}
