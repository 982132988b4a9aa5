//! The listener for Prometheus, apart from the one for people: whoever may read it need not be let in there.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::urls::path;
use crate::app::App;

/// The one route of this listener.
pub fn router(app: App) -> Router {
    let nothing_else = async || StatusCode::NOT_FOUND;
    Router::new().route(path::METRICS, get(scrape)).fallback(nothing_else).with_state(app)
}

/// Prometheus text, exposition format 0.0.4.
async fn scrape(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.scrape().await).into_response()
}
