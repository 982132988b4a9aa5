//! A demo platform: a real relying party, and the code that a platform's developer may copy from.
//!
//! It knows the provider by its issuer alone. Everything else comes from discovery, and everything that
//! the protocol needs comes from the `openidconnect` crate; what is written by hand here is what that
//! crate leaves to the application:
//!
//! | file | job |
//! |---|---|
//! | `settings` | what an operator decides: address, issuer, registration, look |
//! | `wire` | outgoing HTTP: no redirects, no proxy, bounded time and size |
//! | `provider` | discovery and keys, cached, read again when a key is unknown |
//! | `grant` | code or refresh token → verified ID token and userinfo |
//! | `attempt` | one sign-in in flight, bound to its own cookie, so that several tabs work |
//! | `logout_token` | what a back-channel logout token must satisfy |
//! | `session` | our own sessions, on disk, so that a restart signs nobody out |
//! | `claims` | the claims of the education system as types |
//! | `routes` | one file per path; decode, decide, answer |
//! | `pages` | words in two languages, views, templates, style sheet |

mod attempt;
mod claims;
mod error;
mod grant;
mod logout_token;
mod pages;
mod provider;
mod routes;
mod session;
mod settings;
mod visit;
mod wire;

use std::sync::Arc;

pub use claims::{Child, Class, EduClaims, Home, Identity, Plain, RealName, Space};
pub use error::SetupError;
pub use openidconnect::{ClientId, ClientSecret, IssuerUrl};
pub use settings::{Accent, Look, Now, PlatformSettings};

use provider::Provider;
use session::Sessions;

/// A running platform: what every request shares.
struct Platform {
    settings: PlatformSettings,
    provider: Provider,
    sessions: Sessions,
}

impl Platform {
    /// The path of one of our own pages, `path` without a leading slash.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.settings.base_url.path())
    }
}

/// The platform as a router that answers below the path of `settings.base_url`; it sets no fallback, so
/// several platforms can be merged into one server. The provider is first asked when somebody first needs
/// it: a platform may start before its provider.
///
/// # Errors
/// Settings that cannot work, a state file that cannot be read, or no HTTP client.
pub async fn router(settings: PlatformSettings) -> Result<axum::Router, SetupError> {
    settings.check()?;
    let sessions = Sessions::load(settings.state_file.clone(), (settings.now)()).await?;
    let provider = Provider::new(&settings)?;
    Ok(routes::router(Arc::new(Platform { settings, provider, sessions })))
}
