//! `/api/approvals`: another person's word before a full record or a long list is opened 审批.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::App;
use crate::app::approval::{ApprovalView, Ruling, Whose};
use crate::domain::id::{ApprovalId, OrgId, PersonId};
use crate::domain::registry::approval::Opens;

/// Which requests.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Her own.
    Asked,
    /// Those of others that she may decide.
    Waiting,
}

/// Which requests, and where the list goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Which.
    #[param(inline)]
    whose: Side,
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// What is to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// The full record of this person.
    PersonId(PersonId),
    /// The list of this institution and of everything under it.
    InstitutionId(OrgId),
}

/// A request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What is to be opened.
    opens: Wish,
    /// For what. It is kept in the clear: no number, code or phone.
    purpose: String,
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ApprovalDecision {
    /// For so many hours, 24 at most.
    ApproveForHours(u8),
    /// No.
    Refuse(Refusal),
}

/// Nothing more is said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {}

/// Requests that she made, or may decide; the oldest first.
#[utoipa::path(get, path = "/api/approvals", tag = "approvals", params(Which), responses((status = 200, body = Page<ApprovalView>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<ApprovalView>>, Problem> {
    let (name, whose) = match which.whose {
        Side::Asked => ("approvals asked", Whose::Asked),
        Side::Waiting => ("approvals waiting", Whose::Waiting),
    };
    let list = List::of(&admin, name, &[], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.approvals(&admin.ctx, admin.by(), whose, after, list.limit() + 1).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.page(&app, &admin.ctx, found, |one| one.id)?))
}

/// Asks for one.
#[utoipa::path(post, path = "/api/approvals", tag = "approvals", request_body = Request, responses((status = 200, body = ApprovalView), Problems))]
pub async fn ask(
    State(app): State<App>,
    admin: Administrator,
    Body(request): Body<Request>,
) -> Result<Json<ApprovalView>, Problem> {
    let opens = match request.opens {
        Wish::PersonId(person) => Opens::Record(person),
        Wish::InstitutionId(org) => Opens::Export(org),
    };
    let asked = app.ask_approval(&admin.ctx, (admin.by(), admin.through), opens, &request.purpose).await;
    asked.map(Json).map_err(|error| admin.problem(&error))
}

/// Decides the request of somebody else, once: at or above her level, and a yes through another client than hers.
#[utoipa::path(post, path = "/api/approvals/{id}/decision", tag = "approvals", params(("id" = ApprovalId, Path)), request_body = ApprovalDecision, responses((status = 200, body = ApprovalView), Problems))]
pub async fn decide(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<ApprovalId>,
    Body(decision): Body<ApprovalDecision>,
) -> Result<Json<ApprovalView>, Problem> {
    let ruling = match decision {
        ApprovalDecision::ApproveForHours(hours) => Ruling::Approve(Duration::from_secs(u64::from(hours) * 3600)),
        ApprovalDecision::Refuse(Refusal {}) => Ruling::Refuse,
    };
    let decided = app.decide_approval(&admin.ctx, (admin.by(), admin.through), id, ruling).await;
    decided.map(Json).map_err(|error| admin.problem(&error))
}
