//! The style sheet and the seal. Their addresses carry a digest of their content, so a browser keeps
//! them for ever and a new release is seen at once.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ring::digest::{SHA256, digest};

use crate::domain::hex::hex;

const STYLE: &str = include_str!("static/mingji.css");
const SEAL: &str = include_str!("static/seal.svg");

/// Addresses of the static files of this release.
pub struct Assets {
    digest: String,
    /// Path of the style sheet.
    pub style: String,
    /// Path of the seal, which is also the icon of the page.
    pub seal: String,
}

/// The addresses, computed once per process.
pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let sum = digest(&SHA256, [STYLE, SEAL].concat().as_bytes());
    let digest: String = hex(sum.as_ref()).chars().take(16).collect();
    Assets { style: format!("/static/{digest}/mingji.css"), seal: format!("/static/{digest}/seal.svg"), digest }
});

/// Serves `/static/{digest}/{file}`. The digest of another release (a page that an older or newer
/// replica rendered during an upgrade) gets this release's file, but is told not to keep it.
pub fn static_router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/static/{digest}/{file}", get(serve))
}

async fn serve(Path((digest, file)): Path<(String, String)>) -> Response {
    let (content_type, body) = match file.as_str() {
        "mingji.css" => ("text/css; charset=utf-8", STYLE),
        "seal.svg" => ("image/svg+xml", SEAL),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let keep = if digest == ASSETS.digest { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // The seal is an SVG: opened as a document of its own it must not be able to run anything.
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'")),
    ];
    (headers, body).into_response()
}
