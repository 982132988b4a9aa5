//! What an operator decides about a platform.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use openidconnect::{ClientId, ClientSecret, IssuerUrl};
use url::Url;

use super::error::SetupError;
use crate::domain::locale::Locale;

/// Everything that differs between two platforms.
#[derive(Clone)]
pub struct PlatformSettings {
    /// Prefix of the cookie names: lower-case letters, digits, `_`. Ports of one host share a cookie jar,
    /// so two platforms on `localhost` need two keys.
    pub key: String,
    /// Where browsers find the platform; ends with `/`. The only source of absolute URLs.
    pub base_url: Url,
    /// The provider, exactly as it writes itself (a trailing slash counts: Discovery 1.0, 4.3).
    pub issuer: IssuerUrl,
    /// From the registration.
    pub client_id: ClientId,
    /// From the registration; `None` for a public client.
    pub client_secret: Option<ClientSecret>,
    /// Scopes to ask for; `openid` is always among them.
    pub scopes: Vec<String>,
    /// How it presents itself.
    pub look: Look,
    /// Other places worth a visit: title and address, shown at the foot of the pages.
    pub links: Vec<(String, Url)>,
    /// Where sessions outlive the process; `None` keeps them in memory. The file holds tokens: it is
    /// written with mode 0600 and belongs on a private disk.
    pub state_file: Option<PathBuf>,
    /// The time, so that a test can move it.
    pub now: Now,
}

/// Something that says what time it is.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Name, tagline and colour.
#[derive(Clone, Debug)]
pub struct Look {
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// One Chinese line below the name.
    pub tagline_zh: String,
    /// One English line below the name.
    pub tagline_en: String,
    /// The colour of the product.
    pub accent: Accent,
}

impl Look {
    /// The name in a language.
    pub fn name(&self, locale: Locale) -> &str {
        match locale {
            Locale::Zh => &self.name_zh,
            Locale::En => &self.name_en,
        }
    }

    /// The tagline in a language.
    pub fn tagline(&self, locale: Locale) -> &str {
        match locale {
            Locale::Zh => &self.tagline_zh,
            Locale::En => &self.tagline_en,
        }
    }
}

/// A colour in sRGB. White text stands on it, so it should be dark enough (contrast 4.5 : 1).
#[derive(Clone, Copy, Debug)]
pub struct Accent(pub u8, pub u8, pub u8);

impl PlatformSettings {
    /// Finds what could not work, before anything listens.
    pub(super) fn check(&self) -> Result<(), SetupError> {
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.key.is_empty() || !self.key.chars().all(named) {
            return Err(SetupError::Key);
        }
        let bare = self.base_url.query().is_none() && self.base_url.fragment().is_none();
        if !bare || !self.base_url.path().ends_with('/') || !matches!(self.base_url.scheme(), "http" | "https") {
            return Err(SetupError::BaseUrl);
        }
        Ok(())
    }

    /// An absolute address of ours, `path` without a leading slash.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path()));
        url
    }

    /// Whether cookies travel over TLS only.
    pub(super) fn secure(&self) -> bool {
        self.base_url.scheme() == "https"
    }

    /// The name of one of our cookies.
    pub(super) fn cookie(&self, name: &str) -> String {
        format!("{}_{name}", self.key)
    }
}
