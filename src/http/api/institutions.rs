//! `/api/institutions`: the tree below an administrator.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::institution_life::{InstitutionHistory, InstitutionView as InstitutionThen, Opening};
use crate::app::institution_view::{Held, InstitutionView, Place};
use crate::app::{App, Error};
use crate::domain::id::OrgId;
use crate::domain::registry::codes::school_type::SchoolType;
use crate::domain::registry::institution::InstitutionKind;

/// Which institutions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The one above; the administrator's own topmost ones when left out.
    parent: Option<OrgId>,
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct When {
    /// The day whose codes are asked for; today when left out.
    on: Option<NaiveDate>,
}

/// On which day.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OnDay {
    /// The day; today when left out.
    on: Option<NaiveDate>,
}

/// An institution to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInstitution {
    /// The administrator's own institution, directly under which it stands.
    parent_id: OrgId,
    /// Its code, of which nobody else's is ever the same.
    code: String,
    /// Its credit code; a wrong check character is a warning.
    uscc: Option<String>,
    /// Its name.
    name: String,
    /// What it is.
    kind: InstitutionKind,
    /// GB/T 2260; that of the institution above when left out.
    division: Option<String>,
    /// 办学类型, for schools.
    school_type: Option<SchoolType>,
}

/// A name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstitutionName {
    /// 1 to 200 characters.
    name: String,
}

/// A code that takes the place of another one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInstitutionCode {
    /// The new one; a credit code takes the place of the credit code.
    code: String,
    /// Its new category.
    school_type: Option<SchoolType>,
}

/// Institutions directly below one, by name.
#[utoipa::path(get, path = "/api/institutions", tag = "institutions", params(Which), responses((status = 200, body = Page<InstitutionView>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<InstitutionView>>, Problem> {
    let parent = which.parent.map(|parent| parent.to_string()).unwrap_or_default();
    let list = List::of(&admin, "institutions", &[&parent], which.limit)?;
    let after: Option<Place> = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.institutions(&admin.ctx, admin.by(), which.parent, after.as_ref(), list.limit() + 1).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.page(&app, &admin.ctx, found, InstitutionView::place)?))
}

/// One institution.
#[utoipa::path(get, path = "/api/institutions/{id}", tag = "institutions", params(("id" = OrgId, Path), When), responses((status = 200, body = InstitutionView), Problems))]
pub async fn show(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Asked(When { on }): Asked<When>,
) -> Result<Json<InstitutionView>, Problem> {
    app.institution(&admin.ctx, admin.by(), id, on).await.map(Json).map_err(|error| admin.problem(&error))
}

/// How many study and work there and under it.
#[utoipa::path(get, path = "/api/institutions/{id}/counts", tag = "institutions", params(("id" = OrgId, Path)), responses((status = 200, body = Held), Problems))]
pub async fn counts(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
) -> Result<Json<Held>, Problem> {
    app.count_under(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Opens an institution directly under her own.
#[utoipa::path(post, path = "/api/institutions", tag = "institutions", request_body = NewInstitution, responses((status = 200, body = InstitutionThen), Problems))]
pub async fn open(
    State(app): State<App>,
    Recent(admin): Recent,
    Body(new): Body<NewInstitution>,
) -> Result<Json<InstitutionThen>, Problem> {
    let division = new.division.as_deref().map(str::parse).transpose();
    let division = division.map_err(|_| admin.problem(&Error::invalid("a division has six digits (GB/T 2260)")))?;
    let opening = Opening {
        code: new.code,
        uscc: new.uscc,
        name: new.name,
        kind: new.kind,
        division,
        school_type: new.school_type,
    };
    let opened = app.open_institution_under(&admin.ctx, admin.by(), Some(new.parent_id.into()), &opening).await;
    opened.map(Json).map_err(|error| admin.problem(&error))
}

/// Gives one strictly below her own another name; its codes stay.
#[utoipa::path(post, path = "/api/institutions/{id}/name", tag = "institutions", params(("id" = OrgId, Path)), request_body = InstitutionName, responses((status = 200, body = InstitutionThen), Problems))]
pub async fn rename(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Body(InstitutionName { name }): Body<InstitutionName>,
) -> Result<Json<InstitutionThen>, Problem> {
    let renamed = app.rename_institution(&admin.ctx, admin.by(), id, &name).await;
    renamed.map(Json).map_err(|error| admin.problem(&error))
}

/// Gives it another code, as a change of its category does. The old one is void, never used again, and still leads here.
#[utoipa::path(post, path = "/api/institutions/{id}/code", tag = "institutions", params(("id" = OrgId, Path)), request_body = NewInstitutionCode, responses((status = 200, body = InstitutionThen), Problems))]
pub async fn recode(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<OrgId>,
    Body(NewInstitutionCode { code, school_type }): Body<NewInstitutionCode>,
) -> Result<Json<InstitutionThen>, Problem> {
    let recoded = app.recode_institution(&admin.ctx, admin.by(), id, &code, school_type).await;
    recoded.map(Json).map_err(|error| admin.problem(&error))
}

/// Closes one where nobody studies or works and nothing stands below. With people in it, it is closed by an errand.
#[utoipa::path(post, path = "/api/institutions/{id}/closure", tag = "institutions", params(("id" = OrgId, Path)), responses((status = 200, body = InstitutionThen), Problems))]
pub async fn close(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<OrgId>,
) -> Result<Json<InstitutionThen>, Problem> {
    app.close_institution(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Its life: names, places, codes, and what it went through with others.
#[utoipa::path(get, path = "/api/institutions/{id}/history", tag = "institutions", params(("id" = OrgId, Path)), responses((status = 200, body = InstitutionHistory), Problems))]
pub async fn history(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
) -> Result<Json<InstitutionHistory>, Problem> {
    app.institution_history(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Which institution a code named on a day, or led to, and how it was then.
#[utoipa::path(get, path = "/api/institution-codes/{code}", tag = "institutions", params(("code" = String, Path), OnDay), responses((status = 200, body = InstitutionThen), Problems))]
pub async fn by_code(
    State(app): State<App>,
    admin: Administrator,
    Named(code): Named<String>,
    Asked(OnDay { on }): Asked<OnDay>,
) -> Result<Json<InstitutionThen>, Problem> {
    app.institution_on(&admin.ctx, admin.by(), &code, on).await.map(Json).map_err(|error| admin.problem(&error))
}
