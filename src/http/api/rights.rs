//! `/api/rights`: roles of administration 管理授权: given, taken back, listed and explained.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::App;
use crate::app::admin::{GrantRow, Granted, Wish};
use crate::app::admin_why::Why;
use crate::domain::id::{AdminGrantId, OrgId, PersonId};
use crate::domain::registry::codes::admin_role::AdminRole;

/// Which rights.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichRights {
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 49.
    #[param(minimum = 1, maximum = 49)]
    limit: Option<usize>,
}

/// Who sees whom.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhoSees {
    /// The administrator.
    administrator: PersonId,
    /// Whom she sees, or does not.
    person: PersonId,
}

/// A role that is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRight {
    /// To whom: somebody of age with a post at or below the institution of whoever gives it.
    person_id: PersonId,
    /// Table A.
    role: AdminRole,
    /// Beside the one who runs the institution.
    #[serde(default)]
    deputy: bool,
    /// Whether she may name deputies herself.
    #[serde(default)]
    may_delegate: bool,
    /// The last day; open when left out.
    until: Option<NaiveDate>,
}

/// What became of a role.
#[derive(Debug, Serialize, ToSchema)]
pub struct Withdrawn {
    /// Which.
    grant_id: AdminGrantId,
    /// It counts no more.
    withdrawn: bool,
}

/// The roles over an institution and what stands below it, from the top down. Audited.
#[utoipa::path(get, path = "/api/institutions/{id}/rights", tag = "rights", params(("id" = OrgId, Path), WhichRights), responses((status = 200, body = Page<GrantRow>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Asked(which): Asked<WhichRights>,
) -> Result<Json<Page<GrantRow>>, Problem> {
    let list = List::of_people(&admin, "rights", &[&id.to_string()], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.grants_over(&admin.ctx, admin.by(), id, after, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.cut(&app, &admin.ctx, found, |row| row.place.clone())?))
}

/// Gives a role over an institution and everything under it: the level below hers, who keeps rosters and classes at her own
/// institution, and, where she may, deputies; never more than she has, nor for longer.
#[utoipa::path(post, path = "/api/institutions/{id}/rights", tag = "rights", params(("id" = OrgId, Path)), request_body = NewRight, responses((status = 200, body = Granted), Problems))]
pub async fn give(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<OrgId>,
    Body(right): Body<NewRight>,
) -> Result<Json<Granted>, Problem> {
    let NewRight { person_id, role, deputy, may_delegate, until } = right;
    let wish = Wish { role, org: id.into(), deputy, may_delegate, until };
    let granted = app.grant_role(&admin.ctx, admin.by(), person_id, &wish).await;
    granted.map(Json).map_err(|error| admin.problem(&error))
}

/// Takes a role back, at once.
#[utoipa::path(post, path = "/api/rights/{id}/withdrawal", tag = "rights", params(("id" = AdminGrantId, Path)), responses((status = 200, body = Withdrawn), Problems))]
pub async fn withdraw(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<AdminGrantId>,
) -> Result<Json<Withdrawn>, Problem> {
    let done = app.withdraw_grant(&admin.ctx, admin.by(), id).await;
    done.map(|()| Json(Withdrawn { grant_id: id, withdrawn: true })).map_err(|error| admin.problem(&error))
}

/// By which chain of grants and institutions an administrator sees somebody, or what is missing. Audited.
#[utoipa::path(get, path = "/api/rights/why", tag = "rights", params(WhoSees), responses((status = 200, body = Why), Problems))]
pub async fn why(
    State(app): State<App>,
    admin: Administrator,
    Asked(WhoSees { administrator, person }): Asked<WhoSees>,
) -> Result<Json<Why>, Problem> {
    app.why_sees(&admin.ctx, admin.by(), administrator, person).await.map(Json).map_err(|error| admin.problem(&error))
}
