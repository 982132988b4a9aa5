//! Introspection (RFC 7662) and revocation (RFC 7009): the two questions about a token that exists.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::client_auth;
use crate::app::App;
use crate::app::client_auth::Credentials;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::fault::Endpoint;
use crate::domain::oidc::params::Params;
use crate::http::extract::{Fields, Visit};
use crate::http::urls::path;

/// RFC 9701, 4.
const SIGNED: &str = "application/token-introspection+jwt";

/// What becomes of a token now.
pub async fn introspect(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Fields, Response>,
) -> Response {
    let params = match fields {
        Ok(Fields(params)) => params,
        Err(refused) => return client_auth::no_form(&app, &visit, Endpoint::Introspect, &headers, refused).await,
    };
    let (credentials, token) = match asked(&app, path::INTROSPECT, &headers, &params) {
        Ok(asked) => asked,
        Err(refusal) => {
            return client_auth::refuse(&app, &visit, Endpoint::Introspect, (&headers, &params), &refusal.into()).await;
        }
    };
    if accepts(&headers, SIGNED) {
        return match app.introspect_signed(&visit.ctx, &credentials, token).await {
            Ok(jwt) => ([(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, SIGNED)], jwt).into_response(),
            Err(why) => client_auth::refuse(&app, &visit, Endpoint::Introspect, (&headers, &params), &why).await,
        };
    }
    match app.introspect(&visit.ctx, &credentials, token).await {
        Ok(told) => ([(header::CACHE_CONTROL, "no-store")], Json(&*told)).into_response(),
        Err(why) => client_auth::refuse(&app, &visit, Endpoint::Introspect, (&headers, &params), &why).await,
    }
}

/// Gives a token back.
pub async fn revoke(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Fields, Response>,
) -> Response {
    let params = match fields {
        Ok(Fields(params)) => params,
        Err(refused) => return client_auth::no_form(&app, &visit, Endpoint::Revoke, &headers, refused).await,
    };
    let (credentials, token) = match asked(&app, path::REVOKE, &headers, &params) {
        Ok(asked) => asked,
        Err(refusal) => {
            return client_auth::refuse(&app, &visit, Endpoint::Revoke, (&headers, &params), &refusal.into()).await;
        }
    };
    match app.revoke_token(&visit.ctx, &credentials, token).await {
        Ok(()) => (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(why) => client_auth::refuse(&app, &visit, Endpoint::Revoke, (&headers, &params), &why).await,
    }
}

fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let named = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|text| text.split(',')).any(|one| one.split(';').next().is_some_and(|name| name.trim() == kind))
}

/// Who asks, about which token. `token_type_hint` helps nobody here: our tokens tell themselves apart.
fn asked<'a>(
    app: &App,
    at: &str,
    headers: &HeaderMap,
    params: &'a Params,
) -> Result<(Credentials, &'a str), ProtocolError> {
    params.refuse_repeated()?;
    let credentials = client_auth::read(app, at, headers, params)?;
    let token = params.get("token").ok_or(ProtocolError::new(Code::InvalidRequest, "token is missing"))?;
    Ok((credentials, token))
}
