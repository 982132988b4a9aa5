//! A visit: the context of a request and what the browser carries.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::{self, HeaderValue};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::app::Ctx;
use crate::app::browser_state::BrowserState;
use crate::app::session::Browser;
use crate::domain::auth::agent;
use crate::domain::locale::Locale;
use crate::http::Door;
use crate::http::cookies::Jar;

/// Given to every request by the outermost layer.
#[derive(Clone, Copy)]
pub struct RequestId(pub Uuid);

/// Who comes, from where, with what.
pub struct Visit {
    /// For the use cases.
    pub ctx: Ctx,
    /// Its cookies.
    pub browser: Browser,
    secure: bool,
    /// Chosen on a page; stronger than the header, weaker than `ui_locales`.
    chosen: Option<Locale>,
    accept_language: Option<String>,
    set: Vec<HeaderValue>,
}

impl FromRequestParts<Door> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Infallible> {
        let secure = door.app.issuer().is_secure();
        let headers = &parts.headers;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let accept_language =
            headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let asked = parts
            .uri
            .query()
            .and_then(|query| crate::domain::oidc::params::Params::parse(query).get("lang").and_then(Locale::parse));
        let kept = Jar::Language.read(headers, secure).and_then(|code| Locale::parse(code.expose_secret()));
        let chosen = asked.or(kept);
        let locale = chosen.unwrap_or_else(|| Locale::negotiate(None, accept_language.as_deref()));
        let mut ctx = Ctx::request(&door.app, client_address(peer, headers, door), locale);
        if let Some(RequestId(id)) = parts.extensions.get() {
            ctx.request_id = *id;
        }
        let browser = Browser {
            session: Jar::Session.read(headers, secure),
            pre_session: Jar::PreSession.read(headers, secure),
            device: Jar::Device.read(headers, secure),
            state: Jar::State.read(headers, secure),
            agent: headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).and_then(agent::described),
        };
        let mut visit = Self { ctx, browser, secure, chosen, accept_language, set: Vec::new() };
        if let Some(asked) = asked {
            visit.choose_language(asked);
        }
        Ok(visit)
    }
}

/// The client's address: the peer's, or what a trusted proxy says, read from the right until the first
/// address that is not a trusted proxy's.
fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, door: &Door) -> Option<IpAddr> {
    let trusted = |ip: &IpAddr| door.trusts(*ip);
    let peer = peer?;
    if !trusted(&peer) {
        return Some(peer);
    }
    let hops: Vec<IpAddr> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|hop| hop.trim().parse().ok())
        .collect();
    hops.into_iter().rev().find(|ip| !trusted(ip)).or(Some(peer))
}

impl Visit {
    /// The language for the pages of a request that names its own (`ui_locales`): a choice on the page wins.
    pub fn locale_for(&self, ui_locales: Option<&str>) -> Locale {
        self.chosen.unwrap_or_else(|| Locale::negotiate(ui_locales, self.accept_language.as_deref()))
    }

    /// Keeps a language chosen on a page.
    pub fn choose_language(&mut self, locale: Locale) {
        self.chosen = Some(locale);
        self.ctx.locale = locale;
        self.put(Jar::Language.write(locale.code(), Some(Jar::long()), self.secure));
    }

    /// Sets the session cookie; it outlives the browser only on one's own device (R16).
    pub fn set_session(&mut self, secret: &SecretString, keep_for: Option<std::time::Duration>) {
        self.put(Jar::Session.write(secret.expose_secret(), keep_for, self.secure));
    }

    /// Takes the session cookie back where it came along, and lets clients' pages see it.
    pub fn clear_session(&mut self, state: Option<&BrowserState>) {
        if self.browser.session.is_some() {
            self.put(Jar::Session.clear(self.secure));
        }
        self.set_state(state);
    }

    /// Says how the browser stands, where its cookie says otherwise.
    pub fn set_state(&mut self, state: Option<&BrowserState>) {
        if let Some(state) = state {
            self.put(Jar::State.write(state.word.expose_secret(), state.keep_for, self.secure));
        }
    }

    /// Sets the pre-session cookie where a new one was made.
    pub fn set_pre_session(&mut self, secret: Option<&SecretString>) {
        if let Some(secret) = secret {
            self.put(Jar::PreSession.write(secret.expose_secret(), None, self.secure));
        }
    }

    /// Sets the device cookie.
    pub fn set_device(&mut self, secret: &SecretString) {
        self.put(Jar::Device.write(secret.expose_secret(), Some(Jar::long()), self.secure));
    }

    fn put(&mut self, cookie: Option<HeaderValue>) {
        self.set.extend(cookie);
    }

    /// The answer with the cookies of this visit.
    pub fn finish(self, answer: impl IntoResponse) -> Response {
        let mut response = answer.into_response();
        for cookie in self.set {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}
