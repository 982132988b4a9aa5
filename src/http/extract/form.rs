//! A form as protocol parameters. axum's own `Form` keeps the last of two equal names; here a repeated name
//! is seen and refused (RFC 6749, 3.1).

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use crate::domain::oidc::params::Params;

/// The fields of an `application/x-www-form-urlencoded` body.
pub struct Fields(pub Params);

/// Who sent JSON where a form is expected, as far as that says it; stands in the extensions of the refusal.
#[derive(Clone)]
pub struct NamedInJson(pub String);

async fn named_in_json<S: Send + Sync>(request: Request, state: &S) -> Option<NamedInJson> {
    let body = Bytes::from_request(request, state).await.ok()?;
    let sent: Value = serde_json::from_slice(&body).ok()?;
    Some(NamedInJson(sent.get("client_id")?.as_str()?.to_owned()))
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let is_form =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|text| {
                text.split(';')
                    .next()
                    .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
            });
        if !is_form {
            let named = named_in_json(request, state).await;
            let mut refused = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "a form is expected").into_response();
            if let Some(named) = named {
                refused.extensions_mut().insert(named);
            }
            return Err(refused);
        }
        let body = String::from_request(request, state).await.map_err(axum::response::IntoResponse::into_response)?;
        Ok(Self(Params::parse(&body)))
    }
}

impl Fields {
    /// A field; empty and repeated ones count as missing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }
}
