//! The sign-in page and its form.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::respond::{FormTargets, page};
use super::{interaction, views};
use crate::app::login::{LoginForm, LoginProblem, LoginReply, Resealed, SignedIn, Then};
use crate::app::{App, Error, Kind};
use crate::domain::locale::Locale;
use crate::domain::oidc::logout::with_query;
use crate::domain::oidc::params::Params;
use crate::domain::oidc::user_code::UserCode;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::oidc::authorize::redirect;
use crate::http::urls::path;

/// Somebody came by herself; with the code of another device where the language of its page was switched.
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    let code = params.get("user_code").and_then(UserCode::parse).map(|code| code.to_string());
    bare(&app, visit, &code.map_or(Then::Home, |code| Then::Device(Some(code))))
}

/// The form without a request of a platform.
pub fn bare(app: &App, mut visit: Visit, then: &Then) -> Response {
    let (request, pre_session) = match app.bare_form(&visit.browser, then) {
        Ok(sealed) => sealed,
        Err(why) => return error::failure(visit, &why),
    };
    visit.set_pre_session(pre_session.as_ref());
    let view = views::SignIn {
        request: Some(request),
        login: String::new(),
        error: None,
        client_name: None,
        papers: views::Papers::default(),
        own_device: false,
        user_code: code_of(then),
    };
    let html = view.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
}

/// Why something could not be done. Whoever was signed in when the page was shown, and is not any more, signs in and comes
/// back to it: "no such page" would leave her believing that it was done, or that it cannot be.
pub async fn refused(app: &App, visit: Visit, why: &Error, then: &Then) -> Response {
    match app.who(&visit.ctx, &visit.browser).await {
        Ok(None) if matches!(why.kind, Kind::NotFound | Kind::Invalid) => bare(app, visit, then),
        _ => error::failure(visit, why),
    }
}

fn code_of(then: &Then) -> Option<String> {
    match then {
        Then::Home | Then::Devices | Then::Password | Then::Consents | Then::Record(_) | Then::Console(_) => None,
        Then::Device(code) => code.clone(),
    }
}

/// The form.
pub async fn submit(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let own_device = fields.get("own_device").is_some();
    let form = LoginForm {
        request: fields.get("request").map(str::to_owned),
        login: fields.get("login").unwrap_or_default().to_owned(),
        password: fields.get("password").unwrap_or_default().to_owned().into(),
        own_device,
    };
    match app.sign_in(&visit.ctx, form, &visit.browser).await {
        Ok(LoginReply::SignedIn(signed_in)) => went_in(&app, visit, *signed_in),
        Ok(LoginReply::Again { problem, request }) => {
            let then = fields.get("request").and_then(|sealed| app.where_to(sealed, &visit.browser));
            let user_code = then.as_ref().and_then(code_of);
            again(visit, &fields, (own_device, user_code), problem, request.map(|request| *request))
        }
        Ok(LoginReply::Stop(stop)) => error::stop(visit, stop),
        Err(why) => error::failure(visit, &why),
    }
}

fn went_in(app: &App, mut visit: Visit, signed_in: SignedIn) -> Response {
    visit.set_session(&signed_in.secret, signed_in.keep_for);
    visit.set_device(&signed_in.device);
    match signed_in.reply {
        Some(reply) => interaction::show(visit, reply),
        None => {
            visit.set_state(signed_in.browser_state.as_ref());
            let to = match &signed_in.then {
                Then::Home => "/".to_owned(),
                Then::Devices => path::DEVICES.to_owned(),
                Then::Password => path::PASSWORD.to_owned(),
                Then::Consents => path::CONSENTS.to_owned(),
                Then::Record(ward) => super::record::address(*ward),
                Then::Console(page) => page.clone(),
                Then::Device(None) => path::DEVICE.to_owned(),
                Then::Device(Some(code)) => with_query(path::DEVICE, &[("user_code", code)]),
            };
            redirect(visit, &app.issuer().at(&to))
        }
    }
}

fn again(
    mut visit: Visit,
    fields: &Fields,
    (own_device, user_code): (bool, Option<String>),
    problem: LoginProblem,
    request: Option<Resealed>,
) -> Response {
    let locale = visit.locale_for(request.as_ref().and_then(|request| request.ui_locales.as_deref()));
    visit.ctx.locale = locale;
    let (status, shown) = match problem {
        LoginProblem::Refused => (StatusCode::OK, views::SignInProblem::Refused),
        LoginProblem::TooMany { minutes } => (
            StatusCode::TOO_MANY_REQUESTS,
            views::SignInProblem::TooMany { minutes: u32::try_from(minutes).unwrap_or(u32::MAX) },
        ),
        LoginProblem::Busy => (StatusCode::SERVICE_UNAVAILABLE, views::SignInProblem::Busy),
        LoginProblem::StartedOver => (StatusCode::OK, views::SignInProblem::Expired),
    };
    let client = request.as_ref().map(|request| request.client.clone());
    let forms = if client.is_some() { FormTargets::Client } else { FormTargets::Ourselves };
    let view = views::SignIn {
        // The bare form has no request to seal again; its seal is still good.
        request: request.map(|request| request.request).or_else(|| fields.get("request").map(str::to_owned)),
        login: echo(fields.get("login").unwrap_or_default()),
        error: Some(shown),
        papers: client.as_ref().map(|client| views::Papers::of(&client.metadata)).unwrap_or_default(),
        client_name: client.map(|client| client.display_name(locale == Locale::En)),
        own_device,
        user_code,
    };
    let mut response = page(status, view.render(locale), forms);
    if problem == LoginProblem::Busy {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("3"));
    }
    visit.finish(response)
}

/// Only our own opaque user names come back into the form; a 学籍号, a number or a phone never does (R9).
fn echo(typed: &str) -> String {
    crate::domain::registry::user_name::UserName::parse(typed).map(|name| name.to_string()).unwrap_or_default()
}
