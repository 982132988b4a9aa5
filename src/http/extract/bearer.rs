//! A bearer token in the Authorization header (RFC 6750, 2.1).

use axum::http::{HeaderMap, header};

/// The token, where there is one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
