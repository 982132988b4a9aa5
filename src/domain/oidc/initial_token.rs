//! Who may register clients by himself, and what such a client may be (RFC 7591, 3). A client that registered itself
//! is an application, whatever it says: nobody vouches for it.

use serde::{Deserialize, Serialize};

use super::client::{AuthMethod, Client, ClientKind, ClientMetadata};
use super::error::{Code, ProtocolError};
use super::scope::{Scope, ScopeSet};
use crate::domain::id::InitialTokenId;
use crate::domain::time::Timestamp;

/// Whether strangers may register (`MINGJI_REGISTRATION`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// With an initial access token only.
    #[default]
    Token,
    /// Anybody.
    Open,
    /// Anybody, and confidential clients need no PKCE (R14: conformance plans send none).
    OpenWithoutPkce,
}

/// What may be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Grant types at most.
    pub grant_types: Vec<String>,
    /// Scopes at most; all when there is none.
    pub scope: Option<String>,
    /// Whether confidential clients need PKCE.
    pub require_pkce: bool,
}

/// An initial access token, as it is stored.
#[derive(Clone, Debug)]
pub struct InitialToken {
    /// Its id.
    pub id: InitialTokenId,
    /// What may be registered with it.
    pub policy: Policy,
    /// How often it may still be used.
    pub uses_left: u32,
    /// It ends then.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Opening {
    /// What strangers may register; nothing without a token.
    pub fn policy(self) -> Option<Policy> {
        match self {
            Self::Token => None,
            Self::Open => Some(Policy::of_strangers(true)),
            Self::OpenWithoutPkce => Some(Policy::of_strangers(false)),
        }
    }
}

impl Policy {
    fn of_strangers(require_pkce: bool) -> Self {
        let grant_types = vec!["authorization_code".into(), "implicit".into(), "refresh_token".into()];
        Self { grant_types, scope: None, require_pkce }
    }

    /// What may stand in a document of a client's own: codes with PKCE, and nothing that comes through the browser as a token.
    pub fn of_documents() -> Self {
        Self { grant_types: vec!["authorization_code".into(), "refresh_token".into()], scope: None, require_pkce: true }
    }

    /// What may be registered at the console: the same, whoever answers for it.
    pub fn of_console() -> Self {
        Self::of_documents()
    }

    /// What a client may still say that keeps what was given to it before. Of one that somebody looked at it is no more than
    /// what it has; of any other what it could have registered.
    #[must_use]
    pub fn keeping(self, client: &Client) -> Self {
        let registered = &client.metadata;
        let (scope, require_pkce) = match client.vouched {
            true => (registered.scope.clone(), registered.edu_require_pkce),
            false => (self.scope, self.require_pkce),
        };
        Self { grant_types: registered.grant_types.clone(), scope, require_pkce }.left_to(client)
    }

    /// The same without what the operator took from a client.
    #[must_use]
    pub fn left_to(self, client: &Client) -> Self {
        let Some(cap) = client.scope_cap.as_deref() else { return self };
        let scope = match self.scope {
            None => cap.to_owned(),
            Some(scope) => {
                let left = scope.split(' ').filter(|word| cap.split(' ').any(|one| one == *word));
                left.collect::<Vec<_>>().join(" ")
            }
        };
        Self { scope: Some(scope), ..self }
    }

    /// The scopes that may be registered.
    pub fn allowed_scope(&self) -> ScopeSet {
        let all = || Scope::ALL.iter().copied().collect();
        let scope = self.scope.as_deref().map_or_else(all, ScopeSet::parse);
        let refreshes = self.grant_types.iter().any(|kind| kind == "refresh_token");
        if refreshes { scope } else { scope.without(Scope::OfflineAccess) }
    }

    /// What becomes of a registration under this policy.
    ///
    /// # Errors
    /// `invalid_client_metadata` for what only the operator gives.
    pub fn apply(&self, mut metadata: ClientMetadata) -> Result<ClientMetadata, ProtocolError> {
        let invalid = |why| Err(ProtocolError::new(Code::InvalidClientMetadata, why));
        if metadata.edu_client_kind != ClientKind::Application || metadata.edu_lawful_basis.is_some() {
            return invalid("platforms and lawful bases are registered by the operator");
        }
        if !metadata.edu_resources.is_empty() || !metadata.edu_serves.is_empty() {
            return invalid("resources are registered by the operator");
        }
        if metadata.grant_types.iter().any(|kind| !self.grant_types.contains(kind)) {
            return invalid("the token of this registration does not cover a grant type");
        }
        // A vendor's name is what the operator has looked at; people read it on the consent page.
        metadata.edu_vendor = None;
        // Nothing of a profile can be left out.
        let needed = metadata.token_endpoint_auth_method == AuthMethod::None || metadata.edu_profile.is_some();
        metadata.edu_require_pkce = self.require_pkce || needed;
        if let Some(most) = &self.scope {
            let asked = metadata.scope.as_deref().unwrap_or(most);
            let covered: Vec<&str> = asked.split(' ').filter(|word| most.split(' ').any(|one| one == *word)).collect();
            metadata.scope = Some(covered.join(" "));
        }
        Ok(metadata)
    }
}
