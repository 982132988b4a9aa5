//! How a client says who it is: in the Authorization header, in the form, or with an assertion there.

use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::client_auth::{Credentials, Proof};
use crate::app::client_faults::Claimed;
use crate::app::{App, Error};
use crate::domain::oidc::assertion::JWT_BEARER;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::fault::Endpoint;
use crate::domain::oidc::params::Params;
use crate::http::error;
use crate::http::extract::{NamedInJson, Visit, possession};
use crate::http::layer::CLIENT_CERT;
use crate::http::urls::path;

/// Answers a refusal, and notes it for whoever answers for the client that the request names.
pub async fn refuse(
    app: &App,
    visit: &Visit,
    at: Endpoint,
    (headers, params): (&HeaderMap, &Params),
    why: &Error,
) -> Response {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(read_basic);
    let assertion = params.get("client_assertion").map(|jwt| jwt.to_owned().into());
    let offered = basic.is_some() || assertion.is_some() || params.get("client_secret").is_some();
    let client_id = basic.map(|(id, _)| id).or_else(|| params.get("client_id").map(str::to_owned));
    let offered = offered || headers.contains_key(CLIENT_CERT);
    app.note_fault(&visit.ctx, at, &Claimed { client_id, assertion, offered }, why).await;
    error::protocol(visit, why)
}

/// Answers what is no form, at an endpoint that reads forms only (RFC 6749, 3.2). Who sent it may stand in the Authorization
/// header, or in the JSON that was sent instead.
pub async fn no_form(app: &App, visit: &Visit, at: Endpoint, headers: &HeaderMap, refused: Response) -> Response {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(read_basic);
    let offered = basic.is_some();
    let (mut parts, _) = refused.into_parts();
    let in_json = parts.extensions.remove::<NamedInJson>().map(|named| named.0);
    let client_id = basic.map(|(id, _)| id).or(in_json);
    let why = Error::from(ProtocolError::new(Code::InvalidRequest, "a form is expected"));
    app.note_fault(&visit.ctx, at, &Claimed { client_id, assertion: None, offered }, &why).await;
    error::protocol(visit, &why)
}

/// Reads who asks at the endpoint of this path. RFC 6749, 2.3: "MUST NOT use more than one authentication method in
/// each request".
///
/// # Errors
/// `invalid_request`, `invalid_client`.
pub fn read(app: &App, at: &str, headers: &HeaderMap, params: &Params) -> Result<Credentials, ProtocolError> {
    let refuse = |why| Err(ProtocolError::new(Code::InvalidRequest, why));
    if headers.get_all(header::AUTHORIZATION).iter().nth(1).is_some() {
        return refuse("two Authorization headers");
    }
    let basic = headers.get(header::AUTHORIZATION);
    let secret = params.get("client_secret");
    let assertion = params.get("client_assertion");
    if [basic.is_some(), secret.is_some(), assertion.is_some()].into_iter().filter(|given| *given).count() > 1 {
        return refuse("two ways of client authentication in one request");
    }
    if assertion.is_some() != params.get("client_assertion_type").is_some() {
        return refuse("client_assertion and client_assertion_type go together");
    }
    let named = params.get("client_id").map(str::to_owned);
    let (client_id, proof) = match (basic, secret, assertion) {
        (Some(value), _, _) => {
            let (client_id, secret) = value
                .to_str()
                .ok()
                .and_then(read_basic)
                .ok_or(ProtocolError::new(Code::InvalidClient, "the Authorization header cannot be read"))?;
            if named.is_some_and(|id| id != client_id) {
                return refuse("client_id differs from the Authorization header");
            }
            (Some(client_id), Proof::Basic(secret.into()))
        }
        (None, Some(secret), _) => (named, Proof::Post(secret.to_owned().into())),
        (None, None, Some(jwt)) => {
            if params.get("client_assertion_type") != Some(JWT_BEARER) {
                return Err(ProtocolError::new(Code::InvalidClient, "client_assertion_type is not the one of a JWT"));
            }
            (named, Proof::Assertion(jwt.to_owned().into()))
        }
        (None, None, None) => (named, Proof::Nothing),
    };
    if client_id.is_none() && !matches!(proof, Proof::Assertion(_)) {
        return Err(ProtocolError::new(Code::InvalidClient, "the client did not say who it is"));
    }
    let issuer = std::iter::once(app.issuer().as_str().to_owned());
    let audiences = issuer.chain(app.addresses(path::TOKEN)).chain(app.addresses(at)).collect();
    // All of these endpoints are posted to.
    let possession = possession(app, at, &Method::POST, headers);
    Ok(Credentials { client_id, proof, audiences, possession })
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
