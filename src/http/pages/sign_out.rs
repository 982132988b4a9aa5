//! Leaving: the answers of the end-session endpoint, the button at home, and “not me”.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::interaction::{self, name};
use super::respond::{FormTargets, farewell_page, page};
use super::views::{ErrorId, GoOn, SignOutConfirm, SignedOut};
use crate::app::authorize::Reply;
use crate::app::logout::LogoutReply;
use crate::app::session::Browser;
use crate::app::{App, Error};
use crate::domain::locale::Locale;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::oidc::authorize::redirect;
use crate::http::urls::path;

/// The answer of the end-session endpoint.
pub fn answer(app: &App, mut visit: Visit, reply: LogoutReply, ui_locales: Option<&str>) -> Response {
    let locale = visit.locale_for(ui_locales);
    visit.ctx.locale = locale;
    match reply {
        LogoutReply::Gone { back, frames } => {
            visit.clear_session(app.left_by_all(&visit.browser).as_ref());
            farewell(visit, frames, back.map(GoOn::Client))
        }
        LogoutReply::Back(to) => redirect(visit, &to),
        LogoutReply::Stayed => redirect(visit, &app.issuer().at("/")),
        LogoutReply::Confirm { request, who, client, pre_session } => {
            visit.set_pre_session(pre_session.as_ref());
            let client_name = client.map(|client| client.display_name(locale == Locale::En));
            let html = SignOutConfirm { request: Some(request), who: name(&who), client_name }.render(locale);
            visit.finish(page(StatusCode::OK, html, FormTargets::Client))
        }
        LogoutReply::BadHint => error::error_page(visit, ErrorId::IdTokenHint),
        LogoutReply::BadAddress { ended: None } => error::error_page(visit, ErrorId::PostLogoutUri),
        LogoutReply::BadAddress { ended: Some(frames) } => {
            visit.clear_session(app.left_by_all(&visit.browser).as_ref());
            let view = SignedOut { frames, lost: true, go_on: None };
            let html = view.render(visit.ctx.locale);
            visit.finish(farewell_page(ErrorId::PostLogoutUri.status(), html, &view.frames))
        }
        LogoutReply::Expired => error::error_page(visit, ErrorId::Expired),
    }
}

/// Yes or no: from the confirmation page, or from the button at home, which carries no request.
pub async fn submit(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let yes = fields.get("confirm") == Some("yes");
    match fields.get("request") {
        Some(sealed) => match app.confirm_sign_out(&visit.ctx, sealed, yes, &visit.browser).await {
            Ok(reply) => answer(&app, visit, reply, None),
            Err(why) => error::failure(visit, &why),
        },
        None if yes => leave(&app, visit, None).await,
        None => redirect(visit, &app.issuer().at("/")),
    }
}

/// “Not me”: whoever is signed in here is signed out, and the request goes on with the sign-in page.
pub async fn not_me(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    leave(&app, visit, fields.get("request")).await
}

/// Ends the session of this browser and goes on with the request, where there is one.
pub async fn leave(app: &App, mut visit: Visit, sealed: Option<&str>) -> Response {
    let ended = async {
        let frames = app.sign_out_here(&visit.ctx, &visit.browser, "not me, or signed out at home").await?;
        Ok::<_, Error>((frames, next(app, &visit, sealed).await?))
    };
    let (frames, next) = match ended.await {
        Ok(ended) => ended,
        Err(why) => return error::failure(visit, &why),
    };
    visit.clear_session(app.left_by_all(&visit.browser).as_ref());
    match next {
        Next::Request(reply) => match reply.entrance_form().map(str::to_owned) {
            Some(request) if !frames.is_empty() => {
                visit.set_pre_session(reply.pre_session.as_ref());
                farewell(visit, frames, Some(GoOn::Request(request)))
            }
            _ => interaction::show(visit, reply),
        },
        Next::SignOut(LogoutReply::Gone { back, .. }) => farewell(visit, frames, back.map(GoOn::Client)),
        Next::SignOut(reply) => answer(app, visit, reply, None),
        Next::Nothing if frames.is_empty() => redirect(visit, &app.issuer().at(path::SIGNED_OUT)),
        Next::Nothing => farewell(visit, frames, None),
    }
}

/// What waited for an answer when somebody said that it is not her.
enum Next {
    Request(Reply),
    SignOut(LogoutReply),
    Nothing,
}

async fn next(app: &App, visit: &Visit, sealed: Option<&str>) -> Result<Next, Error> {
    let Some(sealed) = sealed else { return Ok(Next::Nothing) };
    let nobody = Browser { session: None, ..visit.browser.clone() };
    if let Some(reply) = app.resume_sign_out(&visit.ctx, sealed, &nobody).await? {
        return Ok(Next::SignOut(reply));
    }
    app.continue_as_nobody(&visit.ctx, sealed, &visit.browser).await.map(Next::Request)
}

/// The address of the form, opened again after it was sent: the language switch of the page that answered it, or
/// the history.
pub async fn show(State(app): State<App>, visit: Visit) -> Response {
    match app.who(&visit.ctx, &visit.browser).await {
        Ok(Some(_)) => redirect(visit, &app.issuer().at("/")),
        Ok(None) => gone(visit),
        Err(why) => error::failure(visit, &why),
    }
}

/// The page after a sign-out without an address to go back to.
pub async fn signed_out(visit: Visit) -> Response {
    gone(visit)
}

fn gone(visit: Visit) -> Response {
    let html = SignedOut::default().render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
}

/// The end: by way of a page where platforms listen in frames, else at once.
fn farewell(visit: Visit, frames: Vec<String>, go_on: Option<GoOn>) -> Response {
    match go_on {
        Some(GoOn::Client(to)) if frames.is_empty() => redirect(visit, &to),
        None if frames.is_empty() => gone(visit),
        go_on => {
            let view = SignedOut { go_on, frames, lost: false };
            let html = view.render(visit.ctx.locale);
            visit.finish(farewell_page(StatusCode::OK, html, &view.frames))
        }
    }
}
