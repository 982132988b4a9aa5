//! The provider's cookies (ruling R12). Their names are its own, because ports of localhost share one jar;
//! whether they are `Secure`, and so may carry `__Host-`, is decided by the issuer.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};
use secrecy::SecretString;

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jar {
    /// The session's secret.
    Session,
    /// What sealed requests are bound to.
    PreSession,
    /// An earlier success at this browser (R17).
    Device,
    /// The language chosen on a page.
    Language,
    /// What clients' pages compare, in frames of other sites (Session Management 1.0).
    State,
}

const DEVICE_LIFE: Duration = Duration::from_secs(180 * 24 * 3600);

impl Jar {
    /// Its name at this issuer.
    pub fn name(self, secure: bool) -> String {
        let name = match self {
            Self::Session => "mingji_session",
            Self::PreSession => "mingji_pre",
            Self::Device => "mingji_device",
            Self::Language => "mingji_lang",
            Self::State => "mingji_state",
        };
        if secure { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// Reads it from a request.
    pub fn read(self, headers: &HeaderMap, secure: bool) -> Option<SecretString> {
        let name = self.name(secure);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, value)| *key == name && !value.is_empty())
            .map(|(_, value)| value.to_owned().into())
    }

    /// A `Set-Cookie` value. Without a life it ends with the browser.
    pub fn write(self, value: &str, life: Option<Duration>, secure: bool) -> Option<HeaderValue> {
        // One cookie is read by a script of ours, in a frame of another site; browsers take that from `Secure` ones only.
        let open = self == Self::State;
        let same_site = if open && secure { SameSite::None } else { SameSite::Lax };
        let cookie = Cookie::build((self.name(secure), value)).path("/").secure(secure);
        let mut cookie = cookie.http_only(!open).same_site(same_site);
        if let Some(life) = life {
            cookie = cookie.max_age(cookie::time::Duration::seconds(i64::try_from(life.as_secs()).unwrap_or(i64::MAX)));
        }
        HeaderValue::try_from(cookie.build().to_string()).ok()
    }

    /// A `Set-Cookie` value that takes it back.
    pub fn clear(self, secure: bool) -> Option<HeaderValue> {
        self.write("", Some(Duration::ZERO), secure)
    }

    /// How long the device and language cookies live.
    pub const fn long() -> Duration {
        DEVICE_LIFE
    }
}
