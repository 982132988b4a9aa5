//! An authorization request after it passed the checks: what the client asked, and nothing about a person.
//! It travels sealed with the browser (ruling R3).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::authorization_details::{Agreed, Details};
use super::claims_request::SingleClaims;
use super::elsewhere::{Asked, Elsewhere};
use super::pkce::Challenge;
use super::resource::Targets;
use super::response::{ResponseMode, ResponseType};
use super::scope::ScopeSet;
use crate::domain::id::{ClientId, IdentityId, InteractionId, SessionId};
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
    /// OpenID Connect's "Initiating User Registration" 1.0, 4.
    Create,
}

/// Which prompts this interaction has answered already. Proves nothing about a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// "Continue as …" was pressed.
    pub account: bool,
    /// Which identity was chosen for this request: a choice in another tab is another request's (R16).
    #[serde(default)]
    pub chosen: Option<IdentityId>,
    /// She saw where an account is made.
    #[serde(default)]
    pub created: bool,
    /// The session whose person the consent page named: another one cannot answer it.
    pub consent_asked: Option<SessionId>,
    /// The session that was asked whether she began this on another device.
    #[serde(default)]
    pub confirm_asked: Option<SessionId>,
    /// The session that said so.
    #[serde(default)]
    pub confirmed: Option<SessionId>,
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
    /// Resources that tokens are to be for (RFC 8707), of those that the client may ask for.
    #[serde(default)]
    pub targets: Targets,
    /// What is to be done there, in detail (RFC 9396), checked against the client and the types.
    #[serde(default)]
    pub details: Details,
    /// What the consent page said of them: a type may say something else before she answers.
    #[serde(default)]
    pub details_shown: Option<String>,
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
    /// How the browser stands now, for the answer (Session Management 1.0, 2). Read each time, never sealed.
    #[serde(skip)]
    pub session_state: Option<String>,
    /// The question of another device that this answers; no browser of the client waits then.
    #[serde(default)]
    pub elsewhere: Option<Elsewhere>,
}

fn code() -> ResponseType {
    ResponseType::CODE
}

fn query() -> ResponseMode {
    ResponseMode::Query
}

impl AuthorizationRequest {
    /// A question of another device, to be answered like any request.
    pub fn elsewhere(
        elsewhere: Elsewhere,
        client_id: ClientId,
        asked: Asked,
        interaction: InteractionId,
        now: Timestamp,
    ) -> Self {
        Self {
            interaction,
            client_id,
            redirect_uri: String::new(),
            response_type: code(),
            response_mode: query(),
            state: None,
            nonce: None,
            scope: asked.scope,
            claims: SingleClaims::default(),
            acr: Vec::new(),
            challenge: None,
            dpop_jkt: None,
            pushed: None,
            prompt: BTreeSet::new(),
            max_age: None,
            login_hint: None,
            hinted_sub: None,
            ui_locales: None,
            claims_locales: None,
            targets: asked.targets.and_of(&asked.details),
            details: asked.details,
            details_shown: None,
            created_at: now,
            answered: Answered::default(),
            notice: None,
            session_state: None,
            elsewhere: Some(elsewhere),
        }
    }

    /// What she agrees to in detail, as it is shown now; nothing where nothing is asked in detail.
    pub fn agreed(&self, shown: &str) -> Option<Agreed> {
        (!self.details.is_empty()).then(|| Agreed { details: self.details.clone(), shown: shown.to_owned() })
    }

    /// Whether it must be answered without a page.
    pub fn is_silent(&self) -> bool {
        self.prompt.contains(&Prompt::None)
    }

    /// Whether a prompt is asked for.
    pub fn asks(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }
}
