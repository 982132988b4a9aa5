//! Leaving: the answers of the end-session endpoint, the button at home, and “not me”.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::interaction::{self, name};
use super::respond::{FormTargets, page};
use super::views::{ErrorId, SignOutConfirm, SignedOut};
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
        LogoutReply::Redirect(to) => {
            visit.clear_session();
            redirect(visit, &to)
        }
        LogoutReply::SignedOut => {
            visit.clear_session();
            gone(visit)
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
        LogoutReply::BadAddress => error::error_page(visit, ErrorId::PostLogoutUri),
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
        if let Some(who) = app.who(&visit.ctx, &visit.browser).await? {
            app.sign_out(&visit.ctx, &who.session, "not me, or signed out at home").await?;
        }
        next(app, &visit, sealed).await
    };
    let ended = ended.await;
    if ended.is_ok() {
        visit.clear_session();
    }
    match ended {
        Ok(Next::Request(reply)) => interaction::show(visit, reply),
        Ok(Next::SignOut(reply)) => answer(app, visit, reply, None),
        Ok(Next::Nothing) => redirect(visit, &app.issuer().at(path::SIGNED_OUT)),
        Err(why) => error::failure(visit, &why),
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
    let html = SignedOut { return_uri: None, return_name: None }.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
}
