//! A visit: the context of a request and what the browser carries.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::{self, HeaderValue};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;
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

/// Given with it: cancelled once nobody waits for the answer.
#[derive(Clone)]
pub struct Gone(pub CancellationToken);

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
        let mut ctx =
            Ctx::request(&door.app, peer.map(|peer| client_address(peer, headers, |ip| door.trusts(ip))), locale);
        if let Some(RequestId(id)) = parts.extensions.get() {
            ctx.request_id = *id;
        }
        if let Some(Gone(token)) = parts.extensions.get() {
            ctx.gone = token.clone();
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
/// address that is not a trusted proxy's. What nobody can read ends the walk: left of it stands what the caller wrote.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    if !trusted(peer) {
        return peer;
    }
    let values = headers.get_all("x-forwarded-for").iter().rev();
    let hops = values.flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
    hops.map_while(hop_address).find(|ip| !trusted(*ip)).unwrap_or(peer)
}

/// An address, with or without the port that some proxies add (`203.0.113.9:4711`, `[2001:db8::9]:443`, `[2001:db8::9]`).
fn hop_address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let ours = |ip: IpAddr| ip.to_string().starts_with("10.");
        client_address([10, 0, 0, 1].into(), &headers, ours).to_string()
    }

    #[test]
    fn what_a_proxy_wrote_counts_and_never_what_its_caller_did() {
        assert_eq!(told(&[]), "10.0.0.1");
        assert_eq!(told(&["6.6.6.6, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(told(&["6.6.6.6, 203.0.113.9, 10.0.0.7"]), "203.0.113.9");
        assert_eq!(told(&["6.6.6.6", "203.0.113.9"]), "203.0.113.9");
        // With the port that some add.
        assert_eq!(told(&["6.6.6.6, 203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(told(&["6.6.6.6, [2001:db8::9]:443"]), "2001:db8::9");
        assert_eq!(told(&["6.6.6.6, [2001:db8::9]"]), "2001:db8::9");
        // Left of what nobody can read everything may be invented.
        assert_eq!(told(&["6.6.6.6, unknown"]), "10.0.0.1");
        assert_eq!(told(&["6.6.6.6, _hidden, 10.0.0.7"]), "10.0.0.1");
        assert_eq!(told(&["6.6.6.6", ""]), "10.0.0.1");
    }
}
