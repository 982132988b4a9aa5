//! The backchannel authentication endpoint (CIBA Core 1.0, 7).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::client_auth;
use crate::app::App;
use crate::domain::oidc::fault::Endpoint;
use crate::http::extract::{Fields, Visit};
use crate::http::urls::path;

/// A client asks about somebody.
pub async fn ask(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Fields, Response>,
) -> Response {
    let params = match fields {
        Ok(Fields(params)) => params,
        Err(refused) => return client_auth::no_form(&app, &visit, Endpoint::Ciba, &headers, refused).await,
    };
    let credentials = match client_auth::read(&app, path::BACKCHANNEL_AUTHENTICATION, &headers, &params) {
        Ok(credentials) => credentials,
        Err(refusal) => {
            return client_auth::refuse(&app, &visit, Endpoint::Ciba, (&headers, &params), &refusal.into()).await;
        }
    };
    match app.ask_by_client(&visit.ctx, &credentials, &params).await {
        Err(why) => client_auth::refuse(&app, &visit, Endpoint::Ciba, (&headers, &params), &why).await,
        Ok(accepted) => {
            let body = json!({
                "auth_req_id": accepted.auth_req_id.expose_secret(),
                "expires_in": accepted.expires_in.as_secs(),
                "interval": accepted.interval.as_secs(),
            });
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
    }
}
