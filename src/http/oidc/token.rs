//! The token endpoint (OpenID Connect Core, 3.1.3; RFC 6749, 3.2).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::client_auth;
use crate::app::App;
use crate::domain::oidc::fault::Endpoint;
use crate::domain::oidc::token::Request;
use crate::http::extract::{Fields, Visit};
use crate::http::urls::path;

/// Answers a token request. Browsers of public clients call it across origins; what authenticates stands in the body.
pub async fn answer(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Fields, Response>,
) -> Response {
    let params = match fields {
        Ok(Fields(params)) => params,
        Err(refused) => return client_auth::no_form(&app, &visit, Endpoint::Token, &headers, refused).await,
    };
    let parsed = client_auth::read(&app, path::TOKEN, &headers, &params)
        .and_then(|credentials| Ok((credentials, Request::parse(&params)?)));
    let (credentials, request) = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => {
            return client_auth::refuse(&app, &visit, Endpoint::Token, (&headers, &params), &refusal.into()).await;
        }
    };
    match app.token(&visit.ctx, &credentials, request).await {
        Err(why) => client_auth::refuse(&app, &visit, Endpoint::Token, (&headers, &params), &why).await,
        Ok(tokens) => {
            let mut body = json!({
                "access_token": tokens.access_token.expose_secret(),
                "token_type": tokens.token_type,
                "expires_in": tokens.expires_in.as_secs(),
            });
            if let Some(kind) = tokens.issued_token_type {
                body["issued_token_type"] = json!(kind);
            }
            // RFC 6749, 3.3: a scope has at least one word; a token all of whose rights were dropped has none.
            if !tokens.scope.is_empty() {
                body["scope"] = json!(tokens.scope);
            }
            // RFC 9396, 7.
            if !tokens.details.is_empty() {
                body["authorization_details"] = json!(tokens.details);
            }
            if let Some(id_token) = tokens.id_token {
                body["id_token"] = json!(id_token.expose_secret());
            }
            if let Some(refresh) = tokens.refresh_token {
                body["refresh_token"] = json!(refresh.expose_secret());
            }
            // RFC 6749, 5.1: "MUST include the HTTP Cache-Control response header field with a value of no-store".
            let headers = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
            (headers, Json(body)).into_response()
        }
    }
}
