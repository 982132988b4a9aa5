//! The page that clients put into a hidden frame and ask whether the session is still what it was (OpenID Connect Session
//! Management 1.0, 3.2): the only page of ours that may be framed. It shows nothing and asks nobody.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::http::cookies::Jar;
use crate::http::pages::respond::source_of;

const SCRIPT: &str = include_str!("check_session.js");

/// The page.
pub async fn frame(State(app): State<App>) -> Response {
    let cookie = Jar::State.name(app.issuer().is_secure());
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\" data-cookie=\"{cookie}\">\n<meta charset=\"utf-8\">\n<title>Mingji</title>\n<script>{SCRIPT}</script>\n"
    );
    let policy = format!("default-src 'none'; script-src '{}'; base-uri 'none'; form-action 'none'", source_of(SCRIPT));
    let Ok(policy) = HeaderValue::try_from(policy) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, html).into_response()
}
