//! What every page needs to know about a request: the language, the cookies, and who is signed in.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use chrono::TimeDelta;
use cookie::{Cookie, SameSite};

use super::Platform;
use super::attempt::{Attempt, MOST, name_of};
use super::session::{Session, SessionKey};
use super::settings::PlatformSettings;
use crate::domain::locale::Locale;

const SESSION: &str = "session";
const LANGUAGE: &str = "lang";
const ATTEMPT: &str = "try_";
const SIGN_OUT: &str = "bye";
/// A sign-out that takes longer has been abandoned.
const SIGN_OUT_LIFE: TimeDelta = TimeDelta::minutes(10);
const LANGUAGE_LIFE: TimeDelta = TimeDelta::days(180);

/// A request, as far as pages care.
pub(super) struct Visit {
    /// `?lang=`, else what was chosen before, else what the browser prefers.
    pub locale: Locale,
    /// The live session, if there is one.
    pub session: Option<(SessionKey, Session)>,
    chosen: Option<Locale>,
    cookies: Vec<(String, String)>,
}

impl Visit {
    /// The value of one of our cookies.
    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The attempt that an answer's `state` belongs to, if this browser began it.
    pub fn attempt(&self, platform: &Platform, state: &str) -> Option<Attempt> {
        let value = self.cookie(&attempt_name(&platform.settings, state))?;
        Attempt::from_cookie(value, (platform.provider.now)()).filter(|attempt| attempt.matches(state))
    }

    /// Cookies that make room for one more attempt: when too many are in flight, the oldest ends.
    pub fn crowded_out(&self, platform: &Platform) -> Vec<Cookie<'static>> {
        let prefix = platform.settings.cookie(ATTEMPT);
        let now = (platform.provider.now)();
        let began = |value: &str| Attempt::from_cookie(value, now).map_or(i64::MIN, |attempt| attempt.began);
        let mut flying: Vec<_> = self.cookies.iter().filter(|(name, _)| name.starts_with(&prefix)).collect();
        flying.sort_by_key(|(_, value)| began(value));
        let surplus = (flying.len() + 1).saturating_sub(MOST);
        flying.iter().take(surplus).map(|(name, _)| gone(&platform.settings, name.clone())).collect()
    }

    /// Whether this browser began the sign-out that comes back with `state`.
    pub fn began_sign_out(&self, platform: &Platform, state: &str) -> bool {
        self.cookie(&platform.settings.cookie(SIGN_OUT)) == Some(state)
    }

    /// The cookie that remembers a language, when this request chose one.
    pub fn language_cookie(&self, settings: &PlatformSettings) -> Option<Cookie<'static>> {
        let locale = self.chosen?;
        Some(cookie(settings, settings.cookie(LANGUAGE), locale.code().to_owned(), Some(LANGUAGE_LIFE)))
    }
}

impl FromRequestParts<Arc<Platform>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, platform: &Arc<Platform>) -> Result<Self, Infallible> {
        let cookies: Vec<(String, String)> = parts
            .headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned()))
            .collect();
        let query = parts.uri.query().unwrap_or_default();
        let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == LANGUAGE);
        let chosen = asked.and_then(|(_, tag)| Locale::parse(&tag));
        let mut visit = Self { locale: Locale::default(), session: None, chosen, cookies };
        let accepted = parts.headers.get(ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
        let remembered = visit.cookie(&platform.settings.cookie(LANGUAGE));
        visit.locale = chosen.unwrap_or_else(|| Locale::negotiate(remembered, accepted));
        let now = (platform.provider.now)();
        visit.session =
            visit.cookie(&platform.settings.cookie(SESSION)).and_then(|cookie| platform.sessions.find(cookie, now));
        Ok(visit)
    }
}

/// The cookie of a new session. It ends with the browser.
pub(super) fn session_cookie(settings: &PlatformSettings, value: String) -> Cookie<'static> {
    cookie(settings, settings.cookie(SESSION), value, None)
}

/// Removes the session cookie.
pub(super) fn no_session(settings: &PlatformSettings) -> Cookie<'static> {
    gone(settings, settings.cookie(SESSION))
}

/// The cookie of a sign-in in flight.
pub(super) fn attempt_cookie(settings: &PlatformSettings, attempt: &Attempt) -> Cookie<'static> {
    let name = attempt_name(settings, attempt.state.secret());
    cookie(settings, name, attempt.to_cookie(), Some(super::attempt::LIFE))
}

/// Removes the cookie of a sign-in in flight.
pub(super) fn no_attempt(settings: &PlatformSettings, state: &str) -> Cookie<'static> {
    gone(settings, attempt_name(settings, state))
}

/// The cookie that recognises our own sign-out when it comes back.
pub(super) fn sign_out_cookie(settings: &PlatformSettings, state: String) -> Cookie<'static> {
    cookie(settings, settings.cookie(SIGN_OUT), state, Some(SIGN_OUT_LIFE))
}

/// Removes the cookie of a sign-out.
pub(super) fn no_sign_out(settings: &PlatformSettings) -> Cookie<'static> {
    gone(settings, settings.cookie(SIGN_OUT))
}

fn attempt_name(settings: &PlatformSettings, state: &str) -> String {
    format!("{}{}", settings.cookie(ATTEMPT), name_of(state))
}

fn cookie(settings: &PlatformSettings, name: String, value: String, life: Option<TimeDelta>) -> Cookie<'static> {
    let mut cookie = Cookie::build((name, value))
        .path(settings.base_url.path().to_owned())
        .http_only(true)
        .secure(settings.secure())
        // Lax, not Strict: the answer of the provider is a navigation from another site.
        .same_site(SameSite::Lax)
        .build();
    cookie.set_max_age(life.map(|life| cookie::time::Duration::seconds(life.num_seconds())));
    cookie
}

fn gone(settings: &PlatformSettings, name: String) -> Cookie<'static> {
    cookie(settings, name, String::new(), Some(TimeDelta::zero()))
}
