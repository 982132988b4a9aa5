//! Which account, which identity.

use axum::extract::State;
use axum::response::Response;

use super::interaction;
use super::sign_out::leave;
use crate::app::App;
use crate::app::authorize::PageStop;
use crate::http::error;
use crate::http::extract::{Fields, Visit};

/// “Continue as …” or “somebody else”.
pub async fn account(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let Some(sealed) = fields.get("request") else { return error::stop(visit, PageStop::Expired) };
    let account = fields.get("account").unwrap_or_default();
    if account == "other" {
        return leave(&app, visit, Some(sealed)).await;
    }
    match app.continue_as(&visit.ctx, sealed, account, &visit.browser).await {
        Ok(reply) => interaction::show(visit, reply),
        Err(why) => error::failure(visit, &why),
    }
}

/// The identity that was pressed.
pub async fn identity(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let (Some(sealed), Some(identity)) = (fields.get("request"), fields.get("identity").and_then(|id| id.parse().ok()))
    else {
        return error::stop(visit, PageStop::Expired);
    };
    match app.continue_with_identity(&visit.ctx, sealed, identity, &visit.browser).await {
        Ok(reply) => interaction::show(visit, reply),
        Err(why) => error::failure(visit, &why),
    }
}
