//! `/api/claims`: what institutions say of people whom they do not hold 待确认的关系.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::App;
use crate::app::relation_claim::{Decided, PendingClaim, Verdict};
use crate::domain::id::RelationClaimId;

/// Which claims.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Code of the institution that they concern, or that stands above it.
    org: String,
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 49.
    #[param(minimum = 1, maximum = 49)]
    limit: Option<usize>,
}

/// What is true of a claim.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimVerdict {
    /// It is so. A student whose 学籍 is elsewhere is transferred 转学.
    Confirm,
    /// A student whose 学籍 stays where it is, and who sits at the claimant 借读.
    Borrow,
    /// It is not.
    Reject,
    /// Whoever asked for the student asks no more.
    Withdraw,
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimDecision {
    /// What is true.
    verdict: ClaimVerdict,
    /// Why it is rejected. It is kept in the clear: no number, code or phone.
    reason: Option<String>,
}

/// Claims that wait to be decided, the oldest first. Audited.
#[utoipa::path(get, path = "/api/claims", tag = "claims", params(Which), responses((status = 200, body = Page<PendingClaim>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<PendingClaim>>, Problem> {
    let list = List::of_people(&admin, "claims", &[&which.org], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.claims_page(&admin.ctx, admin.by(), &which.org, after, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.cut(&app, &admin.ctx, found, |claim| claim.id)?))
}

/// Decides a claim, once.
#[utoipa::path(post, path = "/api/claims/{id}/decision", tag = "claims", params(("id" = RelationClaimId, Path)), request_body = ClaimDecision, responses((status = 200, body = Decided), Problems))]
pub async fn decide(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<RelationClaimId>,
    Body(decision): Body<ClaimDecision>,
) -> Result<Json<Decided>, Problem> {
    let verdict = match decision.verdict {
        ClaimVerdict::Confirm => Verdict::Confirm,
        ClaimVerdict::Borrow => Verdict::Borrow,
        ClaimVerdict::Reject => Verdict::Reject(decision.reason),
        ClaimVerdict::Withdraw => Verdict::Withdraw,
    };
    let decided = app.decide_claim(&admin.ctx, admin.by(), id, verdict).await;
    decided.map(Json).map_err(|error| admin.problem(&error))
}
