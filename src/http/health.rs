//! `/healthz`: the process answers. `/readyz`: its dependencies do; it says which does not.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::App;

/// Alive.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Ready, or not and why: a balancer sends nobody new to a replica that is about to stop.
pub async fn ready(State(app): State<App>) -> Response {
    let (checks, stopping) = (app.readiness().await, app.is_leaving());
    let ok = !stopping && checks.iter().all(|check| check.ok);
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ok, "stopping": stopping, "checks": checks }))).into_response()
}
