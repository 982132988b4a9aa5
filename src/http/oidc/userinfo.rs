//! The userinfo endpoint (OpenID Connect Core, 5.3), with bearer tokens by header or form (RFC 6750, 2), and bound ones
//! by header (RFC 9449, 7.1).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use uuid::Uuid;

use crate::app::possession::{AccessToken, Scheme};
use crate::app::userinfo::Told;
use crate::app::{App, Error};
use crate::domain::oidc::dpop;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::http::error;
use crate::http::extract::{Fields, Visit, access_token, possession};
use crate::http::urls::path;

const INTERACTION: HeaderName = HeaderName::from_static("x-fapi-interaction-id");

/// GET with an Authorization header.
pub async fn get(State(app): State<App>, visit: Visit, headers: HeaderMap) -> Response {
    let token = access_token(&app, path::USERINFO, &Method::GET, &headers);
    named(interaction(&visit, &headers), answer(&app, visit, token).await)
}

/// POST with an Authorization header or a bearer token in the form; not both (RFC 6750, 2).
pub async fn post(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Fields, Response>,
) -> Response {
    let in_form = fields.as_ref().ok().and_then(|fields| fields.get("access_token")).map(|text| AccessToken {
        text: text.to_owned().into(),
        scheme: Scheme::Bearer,
        possession: possession(&app, path::USERINFO, &Method::POST, &headers),
    });
    let interaction = interaction(&visit, &headers);
    let answered = match (access_token(&app, path::USERINFO, &Method::POST, &headers), in_form) {
        (Some(token), Some(_)) => {
            refusal(token.scheme, &ProtocolError::new(Code::InvalidRequest, "the token came twice"))
        }
        (in_header, in_form) => answer(&app, visit, in_header.or(in_form)).await,
    };
    named(interaction, answered)
}

/// FAPI 1.0 Baseline, 6.2.1 (11): the name that the client gave to this exchange, or ours. Nothing but a UUID is repeated.
fn interaction(visit: &Visit, headers: &HeaderMap) -> HeaderValue {
    let sent = headers.get(INTERACTION).filter(|value| value.to_str().is_ok_and(|text| Uuid::try_parse(text).is_ok()));
    let own = || HeaderValue::try_from(visit.ctx.request_id.to_string()).unwrap_or(HeaderValue::from_static(""));
    sent.cloned().unwrap_or_else(own)
}

fn named(interaction: HeaderValue, mut response: Response) -> Response {
    response.headers_mut().insert(INTERACTION, interaction);
    response
}

async fn answer(app: &App, visit: Visit, token: Option<AccessToken>) -> Response {
    let Some(token) = token else {
        // RFC 6750, 3.1: without any authentication the challenge carries no error code.
        let ways = [
            (header::WWW_AUTHENTICATE, "Bearer realm=\"mingji\"".to_owned()),
            (header::WWW_AUTHENTICATE, format!("DPoP {}", dpop::challenged_algs())),
        ];
        return (StatusCode::UNAUTHORIZED, AppendHeaders(ways)).into_response();
    };
    let told = app.userinfo(&visit.ctx, &token).await;
    if let Err(why) = &told {
        app.note_token_fault(&visit.ctx, &token, why).await;
    }
    match told {
        Ok(Told::Plain(claims)) => ([(header::CACHE_CONTROL, "no-store")], Json(claims)).into_response(),
        Ok(Told::Jwt(jwt)) => {
            ([(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/jwt")], jwt).into_response()
        }
        Err(Error { protocol: Some(refused), .. }) => refusal(token.scheme, &refused),
        Err(why) => error::protocol(&visit, &why),
    }
}

/// RFC 6750, 3; RFC 9449, 7.1.
fn refusal(scheme: Scheme, refused: &ProtocolError) -> Response {
    let mut response = error::protocol_error(refused);
    if matches!(refused.code, Code::InvalidDpopProof | Code::UseDpopNonce) {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    let (code, why) = (refused.code.as_str(), refused.description);
    let challenge = match scheme {
        Scheme::Bearer => format!("Bearer realm=\"mingji\", error=\"{code}\", error_description=\"{why}\""),
        Scheme::Dpop => format!("DPoP error=\"{code}\", error_description=\"{why}\", {}", dpop::challenged_algs()),
    };
    if let Ok(value) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
