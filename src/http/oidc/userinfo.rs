//! The userinfo endpoint (OpenID Connect Core, 5.3), with bearer tokens by header or form (RFC 6750, 2).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::userinfo::Told;
use crate::app::{App, Error};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::http::error;
use crate::http::extract::{Fields, Visit, bearer};

/// GET with an Authorization header.
pub async fn get(State(app): State<App>, visit: Visit, headers: HeaderMap) -> Response {
    answer(&app, visit, bearer(&headers).map(str::to_owned)).await
}

/// POST with an Authorization header or the token in the form; not both (RFC 6750, 2).
pub async fn post(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Fields, Response>,
) -> Response {
    let in_form = fields.as_ref().ok().and_then(|fields| fields.get("access_token")).map(str::to_owned);
    match (bearer(&headers), in_form) {
        (Some(_), Some(_)) => refusal(&ProtocolError::new(Code::InvalidRequest, "the token came twice")),
        (Some(token), None) => answer(&app, visit, Some(token.to_owned())).await,
        (None, token) => answer(&app, visit, token).await,
    }
}

async fn answer(app: &App, visit: Visit, token: Option<String>) -> Response {
    let Some(token) = token else {
        // RFC 6750, 3.1: without any authentication the challenge carries no error code.
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer realm=\"mingji\"")]).into_response();
    };
    match app.userinfo(&visit.ctx, &token).await {
        Ok(Told::Plain(claims)) => ([(header::CACHE_CONTROL, "no-store")], Json(claims)).into_response(),
        Ok(Told::Jwt(jwt)) => {
            ([(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/jwt")], jwt).into_response()
        }
        Err(Error { protocol: Some(refused), .. }) => refusal(&refused),
        Err(why) => error::protocol(&visit, &why),
    }
}

fn refusal(refused: &ProtocolError) -> Response {
    let mut response = error::protocol_error(refused);
    let challenge = format!(
        "Bearer realm=\"mingji\", error=\"{}\", error_description=\"{}\"",
        refused.code.as_str(),
        refused.description
    );
    if let Ok(value) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
