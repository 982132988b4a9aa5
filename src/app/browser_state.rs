//! OpenID Connect Session Management 1.0: how a browser stands here, told to clients in their answers and compared by a
//! page of ours in their frames. The cookie is its own and unrelated to the session's (ruling R12).

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::session::Browser;
use super::{App, Ctx};
use crate::domain::auth::session::Session;
use crate::domain::oidc::client::Client;
use crate::keys::browser_state::{self, is_nobodys, of_nobody};

/// The word in the cookie.
#[derive(Clone)]
pub struct BrowserState {
    /// It; no secret, but nobody else's either.
    pub word: SecretString,
    /// How long the browser keeps it: as long as the session's own cookie.
    pub keep_for: Option<Duration>,
}

/// How a browser stands, and whether it has to be told so.
pub(crate) enum Stands {
    /// The cookie says so already.
    As(BrowserState),
    /// The cookie is to be set.
    Anew(BrowserState),
}

impl Stands {
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::As(state) | Self::Anew(state) => state.word.expose_secret(),
        }
    }

    pub(crate) fn cookie_to_set(self) -> Option<BrowserState> {
        match self {
            Self::As(_) => None,
            Self::Anew(state) => Some(state),
        }
    }
}

impl App {
    /// How a browser stands once nobody is signed in there any more, where its cookie says otherwise.
    pub fn left_by_all(&self, browser: &Browser) -> Option<BrowserState> {
        self.without_session(browser).cookie_to_set()
    }

    fn without_session(&self, browser: &Browser) -> Stands {
        match &browser.state {
            // In a frame or an image of another site the session's cookie stays at home and this one comes: nothing is
            // known then, and what other clients compare must not change.
            Some(cookie) if browser.session.is_none() || is_nobodys(cookie.expose_secret()) => {
                Stands::As(BrowserState { word: cookie.clone(), keep_for: None })
            }
            _ => Stands::Anew(BrowserState { word: of_nobody(&*self.random).into(), keep_for: None }),
        }
    }

    /// How a browser stands.
    pub(crate) fn stands(&self, ctx: &Ctx, session: Option<&Session>, browser: &Browser) -> Stands {
        let Some(session) = session else { return self.without_session(browser) };
        let keep_for = session.own_device.then(|| session.expires_at.since(ctx.now));
        let word = self.browser_states.of_session(session.id);
        let known = browser.state.as_ref().is_some_and(|cookie| cookie.expose_secret() == word);
        let state = BrowserState { word: word.into(), keep_for };
        if known { Stands::As(state) } else { Stands::Anew(state) }
    }

    /// What a client is told, where its answers go to the web; an address of another kind has no page that could ask.
    pub(crate) fn session_state(&self, client: &Client, redirect_uri: &str, stands: &Stands) -> Option<String> {
        let origin = Url::parse(redirect_uri).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?.origin();
        let origin = origin.ascii_serialization();
        Some(browser_state::session_state(&client.client_id(), &origin, stands.word(), &*self.random))
    }
}
