//! The style sheet: the same for every platform but for the colour.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse as _, Response};

use crate::demo::platform::{Accent, Platform};

const SHEET: &str = include_str!("platform.css");

/// `GET {base}style.css`.
pub(in crate::demo::platform) async fn style(State(platform): State<Arc<Platform>>) -> Response {
    let Accent(red, green, blue) = platform.settings.look.accent;
    let sheet = format!(":root {{ --accent: rgb({red} {green} {blue}); }}\n{SHEET}");
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "max-age=300"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, sheet).into_response()
}
