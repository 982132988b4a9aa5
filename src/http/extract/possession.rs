//! What a request proves of its sender: DPoP proofs (RFC 9449, 4), and how an access token is presented.

use axum::http::{HeaderMap, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;
use crate::app::possession::{AccessToken, Possession, Scheme};
use crate::http::layer::{CLIENT_CERT, CLIENT_CERT_CHAIN};

/// What came with a request to the endpoint of this path.
pub fn possession(app: &App, at: &str, method: &Method, headers: &HeaderMap) -> Possession {
    // What is no text is no proof either, and is refused as one.
    let proofs = headers.get_all("dpop").iter().map(|value| value.to_str().unwrap_or_default().to_owned()).collect();
    let certificates = certificates(headers);
    Possession { proofs, method: method.as_str().to_owned(), urls: app.addresses(at), certificates }
}

/// What [`crate::http::layer::client_certificate`] left (RFC 9440, 2.1 and 2.2: base64 between colons).
fn certificates(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let texts = |name: &'static str| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let bytes = |text: &str| STANDARD.decode(text.trim().strip_prefix(':')?.strip_suffix(':')?).ok();
    let Some(leaf) = texts(CLIENT_CERT).next().and_then(bytes) else { return Vec::new() };
    let chain = texts(CLIENT_CERT_CHAIN).flat_map(|text| text.split(',')).filter_map(bytes);
    std::iter::once(leaf).chain(chain).collect()
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
