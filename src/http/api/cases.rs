//! `/api/cases`: what only a human can settle about who is who 争议.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::persons::{PaperName, invalid, paper};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::App;
use crate::app::cases::{CaseView, Decided, Listed, Right, Verdict};
use crate::domain::id::{CaseId, PersonId};
use crate::domain::registry::case::Decision;
use crate::domain::time::Timestamp;

/// Which cases.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Code of the institution that they are assigned to, or that stands above it; all that she may see when left out.
    org: Option<String>,
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 49.
    #[param(minimum = 1, maximum = 49)]
    limit: Option<usize>,
}

/// A decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseDecision {
    /// What is true.
    decision: Decision,
    /// Why. It is kept in the clear: no number, code or phone.
    reason: String,
    /// With `typing_error` about a paper: whose number was mistyped, and how it is right. The wrong one is free for its true
    /// holder then. Left out: the register was right.
    right: Option<RightPaper>,
}

/// The right paper of one side of a case.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RightPaper {
    /// One of the people of the case.
    person: PersonId,
    /// Her paper.
    document: PaperName,
}

/// Where to look for look-alikes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Code of the institution: it and everything under it.
    org: String,
}

/// What a search came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Opened {
    /// New cases.
    opened: usize,
}

/// Open cases, the oldest first. Audited.
#[utoipa::path(get, path = "/api/cases", tag = "cases", params(Which), responses((status = 200, body = Page<Listed>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Listed>>, Problem> {
    let list = List::of_people(&admin, "cases", &[which.org.as_deref().unwrap_or_default()], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let after = after.map(|(micros, id)| (Timestamp::from_micros(micros), id));
    let found = app.cases_behind(&admin.ctx, admin.by(), which.org.as_deref(), after, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.cut(&app, &admin.ctx, found, |case| (case.since.micros(), case.id))?))
}

/// A case with its sides; numbers are masked. Looking at it is audited.
#[utoipa::path(get, path = "/api/cases/{id}", tag = "cases", params(("id" = CaseId, Path)), responses((status = 200, body = CaseView), Problems))]
pub async fn show(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<CaseId>,
) -> Result<Json<CaseView>, Problem> {
    app.show_case(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Decides a case, once, and does what follows from it.
#[utoipa::path(post, path = "/api/cases/{id}/decision", tag = "cases", params(("id" = CaseId, Path)), request_body = CaseDecision, responses((status = 200, body = Decided), Problems))]
pub async fn decide(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<CaseId>,
    Body(CaseDecision { decision, reason, right }): Body<CaseDecision>,
) -> Result<Json<Decided>, Problem> {
    let decided = match right {
        None => app.decide_case(&admin.ctx, admin.by(), id, Verdict { decision, reason }).await,
        Some(_) if decision != Decision::TypingError => {
            return Err(invalid(&admin, "`right` goes with the decision `typing_error`"));
        }
        Some(RightPaper { person, document }) => {
            let right = Right { person, document: paper(&admin, &document)? };
            app.correct_case(&admin.ctx, admin.by(), id, &reason, &right).await
        }
    };
    decided.map(Json).map_err(|error| admin.problem(&error))
}

/// Opens a case for every two students of one school with one name and one birth date.
#[utoipa::path(post, path = "/api/cases/search", tag = "cases", request_body = Search, responses((status = 200, body = Opened), Problems))]
pub async fn search(
    State(app): State<App>,
    admin: Administrator,
    Body(Search { org }): Body<Search>,
) -> Result<Json<Opened>, Problem> {
    let opened = app.search_cases(&admin.ctx, admin.by(), &org).await;
    opened.map(|opened| Json(Opened { opened })).map_err(|error| admin.problem(&error))
}
