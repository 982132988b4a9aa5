//! An authorization request after it passed the checks: what the client asked, and nothing about a person.
//! It travels sealed with the browser (ruling R3).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::claims_request::SingleClaims;
use super::pkce::Challenge;
use super::response::{ResponseMode, ResponseType};
use super::scope::ScopeSet;
use crate::domain::id::{ClientId, InteractionId, SessionId};
use crate::domain::time::Timestamp;

/// Values of `prompt` (OpenID Connect Core, 3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Prompt {
    None,
    Login,
    Consent,
    SelectAccount,
}

/// Which prompts this interaction has answered already. Proves nothing about a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// "Continue as …" was pressed.
    pub account: bool,
    /// An identity was chosen.
    pub identity: bool,
    /// The session whose person the consent page named: another one cannot answer it.
    pub consent_asked: Option<SessionId>,
}

/// A checked authorization request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Names the way from here to the code.
    pub interaction: InteractionId,
    /// Who asks.
    pub client_id: ClientId,
    /// Where the answer goes: one of the client's registered addresses.
    pub redirect_uri: String,
    /// What is asked for at once. A request that an older release sealed asked for a code.
    #[serde(default = "code")]
    pub response_type: ResponseType,
    /// How the answer travels.
    #[serde(default = "query")]
    pub response_mode: ResponseMode,
    /// Given back as it came.
    pub state: Option<String>,
    /// Copied into the ID token.
    pub nonce: Option<String>,
    /// What is asked for, already cut to what the client may have.
    pub scope: ScopeSet,
    /// Claims asked one by one, of those that the client may have.
    #[serde(default)]
    pub claims: SingleClaims,
    /// How strongly the person must have proved herself: one of these, any when empty.
    #[serde(default)]
    pub acr: Vec<String>,
    /// S256 challenge.
    pub challenge: Option<Challenge>,
    /// The key that the code is bound to (RFC 9449, 10).
    #[serde(default)]
    pub dpop_jkt: Option<String>,
    /// What the client wants shown.
    pub prompt: BTreeSet<Prompt>,
    /// Sign-in not older than this many seconds.
    pub max_age: Option<u64>,
    /// A user name to put into the form; anything else was dropped (R9).
    pub login_hint: Option<String>,
    /// Subject of a verified `id_token_hint`, or named in `claims`.
    pub hinted_sub: Option<String>,
    /// Languages for the pages.
    pub ui_locales: Option<String>,
    /// Languages for claims.
    pub claims_locales: Option<String>,
    /// What is used up when it is answered, where it was pushed.
    #[serde(default)]
    pub pushed: Option<String>,
    /// When it arrived.
    pub created_at: Timestamp,
    /// Which prompts were answered.
    pub answered: Answered,
    /// What the consent page showed: the client may have changed its face before she answers.
    #[serde(default)]
    pub notice: Option<String>,
}

fn code() -> ResponseType {
    ResponseType::CODE
}

fn query() -> ResponseMode {
    ResponseMode::Query
}

impl AuthorizationRequest {
    /// Whether it must be answered without a page.
    pub fn is_silent(&self) -> bool {
        self.prompt.contains(&Prompt::None)
    }

    /// Whether a prompt is asked for.
    pub fn asks(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }
}
