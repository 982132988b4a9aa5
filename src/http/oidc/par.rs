//! The pushed authorization request endpoint (RFC 9126).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::client_auth;
use crate::app::App;
use crate::domain::oidc::fault::Endpoint;
use crate::http::extract::{Fields, Visit};
use crate::http::urls::path;

/// Takes a request in.
pub async fn push(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Fields, Response>,
) -> Response {
    let params = match fields {
        Ok(Fields(params)) => params,
        Err(refused) => return client_auth::no_form(&app, &visit, Endpoint::Par, &headers, refused).await,
    };
    let credentials = match client_auth::read(&app, path::PAR, &headers, &params) {
        Ok(credentials) => credentials,
        Err(refusal) => {
            return client_auth::refuse(&app, &visit, Endpoint::Par, (&headers, &params), &refusal.into()).await;
        }
    };
    match app.push_request(&visit.ctx, &credentials, &params).await {
        Err(why) => client_auth::refuse(&app, &visit, Endpoint::Par, (&headers, &params), &why).await,
        Ok(pushed) => {
            let body = json!({ "request_uri": pushed.request_uri, "expires_in": pushed.expires_in.as_secs() });
            (StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
    }
}
