//! The end-session endpoint (OpenID Connect RP-Initiated Logout 1.0, 2).

use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::authorize::{PARKED, park};
use crate::app::App;
use crate::app::authorize::PageStop;
use crate::domain::oidc::logout::LogoutRequest;
use crate::domain::oidc::params::Params;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::pages::sign_out;
use crate::http::pages::views::ErrorId;
use crate::http::urls::path;

/// GET: the request itself, or a POST that was parked.
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let mut params = Params::parse(query.as_deref().unwrap_or_default());
    if let Some(key) = params.get(PARKED) {
        match app.unpark(&visit.ctx, key).await {
            Ok(Some(body)) => params = Params::parse(&body),
            Ok(None) => return error::stop(visit, PageStop::Expired),
            Err(why) => return error::failure(visit, &why),
        }
    }
    let Some(request) = LogoutRequest::parse(&params) else { return error::error_page(visit, ErrorId::PostLogoutUri) };
    match app.end_session(&visit.ctx, &request, &visit.browser).await {
        Ok(reply) => sign_out::answer(&app, visit, reply, request.ui_locales.as_deref()),
        Err(why) => error::failure(visit, &why),
    }
}

/// POST from another site carries no Lax cookie (R12).
pub async fn post(State(app): State<App>, visit: Visit, Fields(params): Fields) -> Response {
    park(&app, visit, &params.only(LogoutRequest::READ), path::END_SESSION).await
}
