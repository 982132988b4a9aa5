//! `/api/persons/{id}/verifications`: who says that somebody is who the register says 实名核验.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{Problem, Problems};
use super::take::{Administrator, Body, Named, Recent};
use crate::app::App;
use crate::app::verification::VerificationView;
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::registry::codes::realname::Method;

/// By whom it is said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VerificationWish {
    /// A service, as the settings call it, is asked. Its answer comes later.
    Ask(String),
    /// The school stands for her.
    SchoolVouch,
    /// A confirmed guardian stands for the child.
    GuardianVouch(PersonId),
    /// Her paper and herself were seen, by an administrator of the level above the school who recorded nothing of it.
    DocumentSighted,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationAnswer {
    /// The verification, or the question that waits.
    verification_id: VerificationId,
    /// `waiting` or `confirmed`.
    state: &'static str,
}

/// What was said of her and counts today, and what waits or was given up, the oldest first; never what was compared. What was superseded stands in her full record. For whoever holds all of her. Audited.
#[utoipa::path(get, path = "/api/persons/{id}/verifications", tag = "verifications", params(("id" = PersonId, Path)), responses((status = 200, body = Vec<VerificationView>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<PersonId>,
) -> Result<Json<Vec<VerificationView>>, Problem> {
    app.verifications_of(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Asks a service, of which there are so many questions a day, or records the word of whoever looked. For whoever holds all of her.
#[utoipa::path(post, path = "/api/persons/{id}/verifications", tag = "verifications", params(("id" = PersonId, Path)), request_body = VerificationWish, responses((status = 200, body = VerificationAnswer), Problems))]
pub async fn record(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(person): Named<PersonId>,
    Body(wish): Body<VerificationWish>,
) -> Result<Json<VerificationAnswer>, Problem> {
    let (ctx, by) = (&admin.ctx, admin.by());
    let (done, state) = match wish {
        VerificationWish::Ask(service) => (app.request_verification(ctx, by, person, &service).await, "waiting"),
        VerificationWish::SchoolVouch => (app.vouch(ctx, by, person, Method::SchoolVouch, None).await, "confirmed"),
        VerificationWish::GuardianVouch(guardian) => {
            (app.vouch(ctx, by, person, Method::GuardianVouch, Some(guardian)).await, "confirmed")
        }
        VerificationWish::DocumentSighted => {
            (app.vouch(ctx, by, person, Method::DocumentSighted, None).await, "confirmed")
        }
    };
    let answer = |verification_id| Json(VerificationAnswer { verification_id, state });
    done.map(answer).map_err(|error| admin.problem(&error))
}
