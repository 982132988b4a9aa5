//! The consent page's answer.

use axum::extract::State;
use axum::response::Response;

use super::interaction;
use crate::app::App;
use crate::app::authorize::PageStop;
use crate::http::error;
use crate::http::extract::{Fields, Visit};

/// Allow or deny; anything else is neither and asks again.
pub async fn submit(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let Some(sealed) = fields.get("request") else { return error::stop(visit, PageStop::Expired) };
    let reply = match fields.get("decision") {
        Some("allow") => app.decide_consent(&visit.ctx, sealed, true, &visit.browser).await,
        Some("deny") => app.decide_consent(&visit.ctx, sealed, false, &visit.browser).await,
        _ => app.resume(&visit.ctx, sealed, &visit.browser).await,
    };
    match reply {
        Ok(reply) => interaction::show(visit, reply),
        Err(why) => error::failure(visit, &why),
    }
}
