//! The public keys (RFC 7517).

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::domain::oidc::signing_key::KEY_SET_KEPT;
use crate::http::error;
use crate::http::extract::Visit;

/// The key set. A next key is in it for longer than anybody may keep it before it is used, so that costs nobody a sign-in.
pub async fn keys(State(app): State<App>, visit: Visit) -> Response {
    match app.jwks(&visit.ctx).await {
        Ok(keys) => {
            let kept = format!("public, max-age={}", KEY_SET_KEPT.as_secs());
            let headers = [(header::CACHE_CONTROL, kept), (header::CONTENT_TYPE, "application/json".to_owned())];
            (headers, keys).into_response()
        }
        Err(why) => error::protocol(&visit, &why),
    }
}
