//! The device authorization endpoint (RFC 8628, 3.1).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::client_auth;
use crate::app::App;
use crate::domain::oidc::fault::Endpoint;
use crate::domain::oidc::logout::with_query;
use crate::http::extract::{Fields, Visit};
use crate::http::urls::path;

/// No origin of a real page is longer.
const LONGEST_ORIGIN: usize = 300;

/// The origin of the page that asks; browsers say it with every request of this method (Fetch, 3.1), and no page can leave it out.
fn asking_page(headers: &HeaderMap) -> Option<String> {
    let origin = headers.get(header::ORIGIN)?.to_str().ok().filter(|origin| origin.len() <= LONGEST_ORIGIN);
    Some(origin.unwrap_or("null").to_owned())
}

/// A device asks.
pub async fn ask(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Fields, Response>,
) -> Response {
    let params = match fields {
        Ok(Fields(params)) => params,
        Err(refused) => return client_auth::no_form(&app, &visit, Endpoint::Device, &headers, refused).await,
    };
    let credentials = match client_auth::read(&app, path::DEVICE_AUTHORIZATION, &headers, &params) {
        Ok(credentials) => credentials,
        Err(refusal) => {
            return client_auth::refuse(&app, &visit, Endpoint::Device, (&headers, &params), &refusal.into()).await;
        }
    };
    match app.ask_by_device(&visit.ctx, &credentials, &params, asking_page(&headers)).await {
        Err(why) => client_auth::refuse(&app, &visit, Endpoint::Device, (&headers, &params), &why).await,
        Ok(codes) => {
            let page = app.issuer().at(path::DEVICE);
            let body = json!({
                "device_code": codes.device_code.expose_secret(),
                "user_code": codes.user_code.as_str(),
                "verification_uri": page,
                "verification_uri_complete": with_query(&page, &[("user_code", codes.user_code.as_str())]),
                "expires_in": codes.expires_in.as_secs(),
                "interval": codes.interval.as_secs(),
            });
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
    }
}
