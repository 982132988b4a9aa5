//! `/api/me`: the administrator who asks, and for everybody: who looked at her record.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{List, MOST, Page};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Person};
use crate::app::App;
use crate::app::administrator::Myself;
use crate::app::disclosure::Disclosure;

/// Where the list goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Who asks, and what she may do where.
#[utoipa::path(get, path = "/api/me", tag = "me", responses((status = 200, body = Myself), Problems))]
pub async fn show(State(app): State<App>, admin: Administrator) -> Result<Json<Myself>, Problem> {
    let rights = app.rights_of(&admin.ctx, admin.by()).await.map_err(|error| admin.problem(&error))?;
    Ok(Json(Myself { person_id: admin.person, rights }))
}

/// Who looked at the record of whoever asks, and why; the newest first. For everybody.
#[utoipa::path(get, path = "/api/me/disclosures", tag = "me", params(Which), security(("person" = ["mingji.self"])), responses((status = 200, body = Page<Disclosure>), Problems))]
pub async fn disclosures(
    State(app): State<App>,
    person: Person,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Disclosure>>, Problem> {
    let list = List::for_person((&person.ctx, person.id), "disclosures", &[], which.limit, MOST)?;
    let before = list.place(&app, &person.ctx, which.cursor.as_deref())?;
    let found = app.disclosures(person.id, before, list.limit() + 1).await;
    let found = found.map_err(|error| Problem::of(&person.ctx, &error))?;
    Ok(Json(list.page(&app, &person.ctx, found, |one| one.id)?))
}
