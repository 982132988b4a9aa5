//! The token endpoint (OpenID Connect Core, 3.1.3; RFC 6749, 3.2).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::app::App;
use crate::app::clients::Credentials;
use crate::domain::oidc::client::AuthMethod;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::params::Params;
use crate::domain::oidc::token::Request;
use crate::http::error;
use crate::http::extract::{Fields, Visit};

/// Answers a token request. Browsers of public clients call it across origins; what authenticates stands in the body.
pub async fn answer(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Fields, Response>,
) -> Response {
    let Ok(Fields(params)) = fields else {
        return error::protocol_error(&ProtocolError::new(Code::InvalidRequest, "a form is expected"));
    };
    let parsed = credentials(&headers, &params).and_then(|credentials| Ok((credentials, Request::parse(&params)?)));
    let (credentials, request) = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => return error::protocol_error(&refusal),
    };
    match app.token(&visit.ctx, &credentials, request).await {
        Err(why) => error::protocol(&visit, &why),
        Ok(tokens) => {
            let mut body = json!({
                "access_token": tokens.access_token.expose_secret(),
                "token_type": "Bearer",
                "expires_in": tokens.expires_in.as_secs(),
                "id_token": tokens.id_token.expose_secret(),
                "scope": tokens.scope.to_string(),
            });
            if let Some(refresh) = tokens.refresh_token {
                body["refresh_token"] = json!(refresh.expose_secret());
            }
            // RFC 6749, 5.1: "MUST include the HTTP Cache-Control response header field with a value of no-store".
            let headers = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
            (headers, Json(body)).into_response()
        }
    }
}

/// Who the client says it is. RFC 6749, 2.3: "MUST NOT use more than one authentication method in each request".
fn credentials(headers: &HeaderMap, params: &Params) -> Result<Credentials, ProtocolError> {
    let refuse = |why| Err(ProtocolError::new(Code::InvalidRequest, why));
    let in_form = params.get("client_secret");
    let mut basic = headers.get_all(header::AUTHORIZATION).iter();
    match (basic.next(), basic.next()) {
        (Some(_), Some(_)) => refuse("two Authorization headers"),
        (Some(_), None) if in_form.is_some() => refuse("two ways of client authentication in one request"),
        (Some(value), None) => {
            let (client_id, secret) = value
                .to_str()
                .ok()
                .and_then(read_basic)
                .ok_or(ProtocolError::new(Code::InvalidClient, "the Authorization header cannot be read"))?;
            if params.get("client_id").is_some_and(|id| id != client_id) {
                return refuse("client_id differs from the Authorization header");
            }
            Ok(Credentials { client_id, method: AuthMethod::ClientSecretBasic, secret: Some(secret.into()) })
        }
        (None, _) => {
            let client_id = params
                .get("client_id")
                .ok_or(ProtocolError::new(Code::InvalidClient, "the client did not say who it is"))?
                .to_owned();
            let method = if in_form.is_some() { AuthMethod::ClientSecretPost } else { AuthMethod::None };
            Ok(Credentials { client_id, method, secret: in_form.map(|secret| secret.to_owned().into()) })
        }
    }
}

/// RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
fn read_basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decode(id), decode(secret)))
}

fn decode(text: &str) -> String {
    // One name and no value: what follows an ampersand would be lost, and neither part may hold one raw.
    form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_form_decoded() {
        let header = format!("Basic {}", STANDARD.encode("a%3Ab:c%2Bd+e"));
        assert_eq!(read_basic(&header), Some(("a:b".into(), "c+d e".into())));
        assert_eq!(read_basic("Bearer x"), None);
        assert_eq!(read_basic("Basic ???"), None);
    }
}
