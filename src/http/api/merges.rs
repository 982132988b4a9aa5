//! `/api/merges`: two records that are one person 合并.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::problem::{Problem, Problems};
use super::take::{Body, Named, Recent};
use crate::app::App;
use crate::app::merge::Merged;
use crate::domain::id::PersonId;

/// Which two, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeOrder {
    /// The record that stays.
    survivor: PersonId,
    /// The record whose id leads to it.
    absorbed: PersonId,
    /// Why. It is kept in the clear: no number, code or phone.
    reason: String,
}

/// Why it is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// Why. It is kept in the clear: no number, code or phone.
    reason: String,
}

/// Makes two records one person. Both ids lead to her from then on; it can be undone for a time.
#[utoipa::path(post, path = "/api/merges", tag = "merges", request_body = MergeOrder, responses((status = 200, body = Merged), Problems))]
pub async fn merge(
    State(app): State<App>,
    Recent(admin): Recent,
    Body(order): Body<MergeOrder>,
) -> Result<Json<Merged>, Problem> {
    let (survivor, absorbed) = (order.survivor, order.absorbed);
    let merged = app.merge_persons(&admin.ctx, admin.by(), survivor, absorbed, &order.reason).await;
    merged.map(Json).map_err(|error| admin.problem(&error))
}

/// Makes two records of one again.
#[utoipa::path(post, path = "/api/merges/{absorbed}/undo", tag = "merges", params(("absorbed" = PersonId, Path)), request_body = Undo, responses((status = 200, body = Merged), Problems))]
pub async fn undo(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(absorbed): Named<PersonId>,
    Body(Undo { reason }): Body<Undo>,
) -> Result<Json<Merged>, Problem> {
    let undone = app.undo_merge(&admin.ctx, admin.by(), absorbed, &reason).await;
    undone.map(Json).map_err(|error| admin.problem(&error))
}
