//! The public keys (RFC 7517).

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::http::error;
use crate::http::extract::Visit;

/// The key set. The next keys are in it before they are used, so five minutes of caching cost nobody a sign-in.
pub async fn keys(State(app): State<App>, visit: Visit) -> Response {
    match app.jwks(&visit.ctx).await {
        Ok(keys) => {
            let headers = [(header::CACHE_CONTROL, "public, max-age=300"), (header::CONTENT_TYPE, "application/json")];
            (headers, keys).into_response()
        }
        Err(why) => error::protocol(&visit, &why),
    }
}
