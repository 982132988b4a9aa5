//! `/api/claims`: what institutions say of people whom they do not hold 待确认的关系.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::problem::{Document, Problem, Problems};
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

impl ClaimVerdict {
    fn with(self, reason: Option<String>) -> Verdict {
        match self {
            Self::Confirm => Verdict::Confirm,
            Self::Borrow => Verdict::Borrow,
            Self::Reject => Verdict::Reject(reason),
            Self::Withdraw => Verdict::Withdraw,
        }
    }
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

/// One decision about many claims.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimDecisions {
    /// Which.
    #[schema(min_items = 1, max_items = 200)]
    claims: Vec<RelationClaimId>,
    /// What is true of all of them.
    verdict: ClaimVerdict,
    /// Why they are rejected. It is kept in the clear: no number, code or phone.
    reason: Option<String>,
}

/// What became of many claims.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecidedClaims {
    /// Those that were decided.
    decided: Vec<Decided>,
    /// Those that were not.
    refused: Vec<RefusedClaim>,
    /// Those at which nobody looked, because the last of the refused was told `busy` or `internal`: asked for again with it.
    untouched: Vec<RelationClaimId>,
}

/// A claim that was not decided. One that is told `busy` or `internal` may be decided yet: it is asked for again in a request of its own, under another `Idempotency-Key`, as the answer under this one stays.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedClaim {
    /// Which.
    id: RelationClaimId,
    /// What whoever decided it alone would have been answered.
    problem: Document,
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
    let decided = app.decide_claim(&admin.ctx, admin.by(), id, decision.verdict.with(decision.reason)).await;
    decided.map(Json).map_err(|error| admin.problem(&error))
}

/// Decides many claims in one act, each by itself and with an entry of its own in the audit log: those of a list that was looked at, by their ids. One that is not hers, or not possible, is named with its problem, and stands in no other's way; `decidable` in the list says which are hers.
#[utoipa::path(post, path = "/api/claims/decisions", tag = "claims", request_body = ClaimDecisions, responses((status = 200, body = DecidedClaims), Problems))]
pub async fn decide_many(
    State(app): State<App>,
    Recent(admin): Recent,
    Body(ClaimDecisions { claims, verdict, reason }): Body<ClaimDecisions>,
) -> Result<Json<DecidedClaims>, Problem> {
    let many = app.decide_claims(&admin.ctx, admin.by(), &claims, &verdict.with(reason)).await;
    let many = many.map_err(|error| admin.problem(&error))?;
    for (_, why) in &many.refused {
        super::note_refusal(&app, &admin.ctx, "POST /api/claims/decisions", why.kind).await;
    }
    let refused = |(id, why)| RefusedClaim { id, problem: admin.problem(&why).into_document() };
    let refusals = many.refused.into_iter().map(refused).collect();
    Ok(Json(DecidedClaims { decided: many.decided, refused: refusals, untouched: many.untouched }))
}
