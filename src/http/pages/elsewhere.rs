//! The pages of whoever finishes on this device what another one began.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::interaction::{self, name};
use super::respond::{FormTargets, page};
use super::sign_in::bare;
use super::views::{CodeProblem, TypeCode};
use crate::app::authorize::{PageStop, Reply};
use crate::app::device::Typed;
use crate::app::login::Then;
use crate::app::session::Who;
use crate::app::{App, Error};
use crate::domain::oidc::params::Params;
use crate::domain::oidc::user_code::UserCode;
use crate::http::error;
use crate::http::extract::{Fields, Visit};

/// Where a code is typed; the address may bring it along (RFC 8628, 3.3.1), and opening it does nothing (R12).
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    let code = params.get("user_code").and_then(UserCode::parse).map(|code| code.to_string());
    match app.who(&visit.ctx, &visit.browser).await {
        Ok(Some(who)) => form(visit, &who, code.unwrap_or_default(), None),
        Ok(None) => bare(&app, visit, &Then::Device(code)),
        Err(why) => error::failure(visit, &why),
    }
}

/// The code that was typed.
pub async fn submit(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let typed = fields.get("user_code").unwrap_or_default();
    let echo = UserCode::parse(typed).map(|code| code.to_string());
    match app.type_user_code(&visit.ctx, typed, &visit.browser).await {
        Ok(Typed::Found(reply)) => shown(visit, Ok(reply)),
        Ok(Typed::Nobody) => bare(&app, visit, &Then::Device(echo)),
        Ok(Typed::Unknown(who)) => form(visit, &who, echo.unwrap_or_default(), Some(CodeProblem::Unknown)),
        Ok(Typed::TooMany { who, minutes }) => {
            let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
            form(visit, &who, String::new(), Some(CodeProblem::TooMany { minutes }))
        }
        Err(why) => error::failure(visit, &why),
    }
}

/// Whether she began this herself; anything but yes or no asks again.
pub async fn confirm(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let Some(sealed) = fields.get("request") else { return error::stop(visit, PageStop::Expired) };
    let reply = match fields.get("confirm") {
        Some("yes") => app.confirm(&visit.ctx, sealed, true, &visit.browser).await,
        Some("no") => app.confirm(&visit.ctx, sealed, false, &visit.browser).await,
        _ => app.resume(&visit.ctx, sealed, &visit.browser).await,
    };
    shown(visit, reply)
}

/// A question that waits at home.
pub async fn take_up(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let Some(id) = fields.get("question").and_then(|id| id.parse().ok()) else {
        return error::stop(visit, PageStop::Expired);
    };
    let reply = app.take_up(&visit.ctx, id, &visit.browser).await;
    shown(visit, reply)
}

/// A question is sealed to a browser that may have come without a pre-session.
fn shown(mut visit: Visit, reply: Result<Reply, Error>) -> Response {
    match reply {
        Ok(reply) => {
            visit.set_pre_session(reply.pre_session.as_ref());
            interaction::show(visit, reply)
        }
        Err(why) => error::failure(visit, &why),
    }
}

fn form(visit: Visit, who: &Who, user_code: String, problem: Option<CodeProblem>) -> Response {
    let status = match problem {
        Some(CodeProblem::TooMany { .. }) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::OK,
    };
    let html = TypeCode { who: name(who), user_code, problem }.render(visit.ctx.locale);
    visit.finish(page(status, html, FormTargets::Ourselves))
}
