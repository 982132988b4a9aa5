//! `/api/persons/{id}/document-end`: a paper that is somebody's no longer, while its number stays hers.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::persons::{Change, PaperName, paper, told};
use super::problem::{Problem, Problems};
use super::take::{Body, Named, Recent};
use crate::app::App;
use crate::app::person_paper::PaperEnded;
use crate::domain::id::PersonId;
use crate::domain::registry::document::PaperEnd;

/// A paper that ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndOfPaper {
    /// Which.
    document: PaperName,
    /// What ended it.
    ended_as: PaperEnd,
    /// From which day on; today when left out.
    on: Option<NaiveDate>,
    /// Why it is recorded. It is kept in the clear: no number, code or phone.
    reason: String,
    /// By what it is known. It is kept sealed.
    evidence: String,
}

/// Ends a paper of hers that was lost, became void or was taken back by its issuer. Its number stays hers, and what was verified by it counts no longer. Whether it is hers is a question, and costs one of the day's.
#[utoipa::path(post, path = "/api/persons/{id}/document-end", tag = "persons", params(("id" = PersonId, Path)), request_body = EndOfPaper, responses((status = 200, body = Change), Problems))]
pub async fn end(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
    Body(EndOfPaper { document, ended_as, on, reason, evidence }): Body<EndOfPaper>,
) -> Result<Json<Change>, Problem> {
    let document = paper(&admin, &document)?;
    let ended = PaperEnded { ended_as, day: on, reason, evidence };
    told(&admin, app.end_paper(&admin.ctx, admin.by(), id, &document, &ended).await)
}
