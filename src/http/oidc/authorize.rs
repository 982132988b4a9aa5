//! The authorization endpoint (OpenID Connect Core, 3.1.2).

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::app::authorize::{PageStop, Reply};
use crate::domain::oidc::params::Params;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::pages::interaction;
use crate::http::urls::path;

/// The name under which a parked POST comes back.
pub const PARKED: &str = "parked";
/// More than the checks let pass anyway.
const LONGEST_PARKED: usize = 16 * 1024;

/// GET: the request itself, or a POST that was parked.
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let mut params = Params::parse(query.as_deref().unwrap_or_default());
    if let Some(key) = params.get(PARKED) {
        match app.unpark(&visit.ctx, key).await {
            Ok(Some(body)) => params = Params::parse(&body),
            Ok(None) => return error::stop(visit, PageStop::Expired),
            Err(why) => return error::failure(visit, &why),
        }
    }
    match app.authorize(&visit.ctx, &params, &visit.browser).await {
        Ok(reply) => answer(visit, reply),
        Err(why) => error::failure(visit, &why),
    }
}

/// POST from another site carries no Lax cookie: the parameters are parked and our own GET reads the cookies (R12).
pub async fn post(State(app): State<App>, visit: Visit, Fields(params): Fields) -> Response {
    // A place in the ephemeral store is given to clients that exist, not to whoever posts.
    match app.arriving_client(&visit.ctx, params.get("client_id").unwrap_or_default()).await {
        Ok(Some(_)) => park(&app, visit, &params, path::AUTHORIZE).await,
        unknown => match app.unknown(&visit.ctx, &params, unknown.err()).await {
            Ok(stop) => error::stop(visit, stop),
            Err(why) => error::failure(visit, &why),
        },
    }
}

/// Parks a form and sends the browser to our own GET.
pub async fn park(app: &App, visit: Visit, params: &Params, to: &str) -> Response {
    let body = params.encode();
    if body.len() > LONGEST_PARKED {
        return error::stop(visit, PageStop::Expired);
    }
    match app.park(&visit.ctx, &body).await {
        Ok(key) => redirect(visit, &app.issuer().at(&format!("{to}?{PARKED}={key}"))),
        Err(why) => error::failure(visit, &why),
    }
}

/// A reply of the authorization endpoint, with its cookies.
pub fn answer(mut visit: Visit, reply: Reply) -> Response {
    visit.set_pre_session(reply.pre_session.as_ref());
    interaction::show(visit, reply)
}

/// 303: the browser goes on with GET, whatever it came with (RFC 9700, 4.12: a 307 would hand the password on).
pub fn redirect(visit: Visit, to: &str) -> Response {
    let headers = [
        (header::LOCATION, to.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    visit.finish((StatusCode::SEE_OTHER, headers).into_response())
}
