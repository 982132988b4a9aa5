//! `/api/institutions`: the tree below an administrator.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{List, Page};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Named};
use crate::app::App;
use crate::app::institution_view::{Held, InstitutionView, Place};
use crate::domain::id::OrgId;

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
