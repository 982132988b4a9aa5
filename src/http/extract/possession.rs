//! What a request proves of its sender: DPoP proofs (RFC 9449, 4), and how an access token is presented.

use axum::http::{HeaderMap, Method, header};

use crate::app::App;
use crate::app::possession::{AccessToken, Possession, Scheme};

/// What came with a request to the endpoint of this path.
pub fn possession(app: &App, at: &str, method: &Method, headers: &HeaderMap) -> Possession {
    // What is no text is no proof either, and is refused as one.
    let proofs = headers.get_all("dpop").iter().map(|value| value.to_str().unwrap_or_default().to_owned()).collect();
    Possession { proofs, method: method.as_str().to_owned(), urls: vec![app.issuer().at(at)] }
}

/// The token in the Authorization header, where there is one.
pub fn access_token(app: &App, at: &str, method: &Method, headers: &HeaderMap) -> Option<AccessToken> {
    let (scheme, text) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Scheme::Bearer,
        "dpop" => Scheme::Dpop,
        _ => return None,
    };
    let text = text.trim().to_owned().into();
    Some(AccessToken { text, scheme, possession: possession(app, at, method, headers) })
}
