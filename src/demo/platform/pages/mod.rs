//! The pages: no script, one style sheet, two languages. Another product than the provider, so that a
//! person always sees in whose house she is.

mod space;
mod style;
mod words;

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cookie::Cookie;

use super::Platform;
use super::error::Error;
use super::session::Session;
use super::visit::Visit;
pub(super) use style::style;
use words::Words;

/// What every page shows around its content.
struct Chrome<'a> {
    tag: &'static str,
    w: &'static Words,
    name: &'a str,
    tagline: &'a str,
    /// The first character of the name, as a mark.
    mark: String,
    base: &'a str,
    /// The other language: its code and the page in it.
    other: &'static str,
    here: String,
    links: &'a [(String, url::Url)],
    /// The person at the keyboard.
    who: Option<String>,
}

#[derive(Template)]
#[template(path = "platform_home.html")]
struct Home<'a> {
    chrome: Chrome<'a>,
    issuer: &'a str,
}

#[derive(Template)]
#[template(path = "platform_space.html")]
struct SpacePage<'a> {
    chrome: Chrome<'a>,
    csrf: &'a str,
    told: space::Told,
}

#[derive(Template)]
#[template(path = "platform_signed_out.html")]
struct SignedOut<'a> {
    chrome: Chrome<'a>,
    everywhere: bool,
}

#[derive(Template)]
#[template(path = "platform_error.html")]
struct ErrorPage<'a> {
    chrome: Chrome<'a>,
    code: &'a str,
    sentence: &'static str,
}

/// The front door.
pub(super) fn home(platform: &Platform, visit: &Visit) -> Response {
    let chrome = chrome(platform, visit, "");
    page(platform, visit, StatusCode::OK, &Home { chrome, issuer: platform.settings.issuer.as_str() })
}

/// "My space".
pub(super) fn space(platform: &Platform, visit: &Visit, session: &Session) -> Response {
    let chrome = chrome(platform, visit, "space");
    let told = space::Told::of(session, visit.locale, (platform.provider.now)());
    page(platform, visit, StatusCode::OK, &SpacePage { chrome, csrf: &session.csrf, told })
}

/// After a sign-out, everywhere or here only.
pub(super) fn signed_out(platform: &Platform, visit: &Visit, everywhere: bool) -> Response {
    let mut chrome = chrome(platform, visit, "signed-out");
    chrome.who = None;
    page(platform, visit, StatusCode::OK, &SignedOut { chrome, everywhere })
}

/// A kind page for whatever went wrong; the code is for whoever helps.
pub(super) fn error(platform: &Platform, visit: &Visit, error: &Error) -> Response {
    tracing::info!(platform = %platform.settings.key, %error, "a request ended at the error page");
    // The page that failed cannot be asked for again in another language; the front door can.
    let mut chrome = chrome(platform, visit, "");
    if matches!(error, Error::NoSession) {
        chrome.who = None;
    }
    let sentence = words::sentence(error.code(), visit.locale);
    page(platform, visit, error.status(), &ErrorPage { chrome, code: error.code(), sentence })
}

/// 303 to another page, never kept.
pub(super) fn redirect(to: &str, cookies: Vec<Cookie<'static>>) -> Response {
    let Ok(location) = HeaderValue::from_str(to) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [(LOCATION, location), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let response = (StatusCode::SEE_OTHER, headers).into_response();
    cookies.iter().fold(response, with_cookie)
}

/// A response that also sets a cookie.
pub(super) fn with_cookie(mut response: Response, cookie: &Cookie<'static>) -> Response {
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

fn chrome<'a>(platform: &'a Platform, visit: &Visit, path: &str) -> Chrome<'a> {
    let (look, locale) = (&platform.settings.look, visit.locale);
    let other = locale.other();
    Chrome {
        tag: locale.tag(),
        w: words::of(locale),
        name: look.name(locale),
        tagline: look.tagline(locale),
        mark: look.name_zh.chars().take(1).collect(),
        base: platform.settings.base_url.path(),
        other: other.tag(),
        here: format!("{}?lang={}", platform.at(path), other.code()),
        links: &platform.settings.links,
        who: visit.session.as_ref().map(|(_, session)| space::name(session)),
    }
}

fn page(platform: &Platform, visit: &Visit, status: StatusCode, template: &impl Template) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let fixed: [(HeaderName, &str); 6] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_LANGUAGE, visit.locale.tag()),
        (CACHE_CONTROL, "no-store"),
        (VARY, "Accept-Language, Cookie"),
        // The address of the callback carries a code.
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mut response = (status, fixed, html).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy(platform)) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    match visit.language_cookie(&platform.settings) {
        Some(cookie) => with_cookie(response, &cookie),
        None => response,
    }
}

/// Nothing but our style sheet and our forms. Browsers apply `form-action` to the redirect after a form as
/// well, and the sign-out form leads to the provider.
fn policy(platform: &Platform) -> String {
    let provider = platform.settings.issuer.url().origin().ascii_serialization();
    format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {provider}; frame-ancestors 'none'; base-uri 'none'"
    )
}
