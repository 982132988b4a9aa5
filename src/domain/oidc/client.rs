//! Relying parties: what was registered (RFC 7591 names) and what follows from it.

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::{Code, ProtocolError};
use super::response::ResponseType;
use super::scope::{Scope, ScopeSet};
use super::signing_key::SigningAlg;
use crate::domain::id::ClientId;
use crate::domain::time::Timestamp;

/// A platform of the system, or an application of a vendor (design, idea 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ClientKind {
    /// Of the system: common `person_id` as subject, no consent page for adults.
    Platform,
    /// Of a vendor: pairwise subject, consent page.
    #[default]
    Application,
}

/// How a client proves itself at the token endpoint (OpenID Connect Core, 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// HTTP Basic with the secret.
    #[default]
    ClientSecretBasic,
    /// The secret in the form.
    ClientSecretPost,
    /// A public client.
    None,
}

/// Why data may be handed over without a receipt (R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LawfulBasis {
    /// A statutory duty (PIPL, Art. 13 (1) 3).
    Statutory,
}

/// RFC 7591 metadata with the extension members of the contract. Members that are not known are dropped (RFC 7591, 2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// Exact redirection URIs.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Name for people, Chinese first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Name for people, English.
    #[serde(default, rename = "client_name#en", skip_serializing_if = "Option::is_none")]
    pub client_name_en: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edu_vendor: Option<String>,
    /// How it proves itself.
    #[serde(default)]
    pub token_endpoint_auth_method: AuthMethod,
    /// RFC 7591 default: authorization_code.
    #[serde(default = "default_grant_types")]
    pub grant_types: Vec<String>,
    /// RFC 7591 default: code.
    #[serde(default = "default_response_types")]
    pub response_types: Vec<String>,
    /// Scopes it may ask for; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `web` or `native` (OpenID Connect Registration, 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// Home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Privacy policy, linked from the consent page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// JWS algorithm of ID tokens; RS256 where a registration does not say (OpenID Connect Registration, 2).
    #[serde(default = "default_alg")]
    pub id_token_signed_response_alg: SigningAlg,
    /// Sign-in not older than this many seconds where the request does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u64>,
    /// Exact addresses that may follow a sign-out (RP-Initiated Logout, 3.1).
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where logout tokens go (Back-Channel Logout, 2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether they must name the session.
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
    /// Third-party-initiated login (OpenID Connect Core, 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Platform or application.
    #[serde(default)]
    pub edu_client_kind: ClientKind,
    /// R8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edu_lawful_basis: Option<LawfulBasis>,
    /// R14: lifts PKCE for a confidential client.
    #[serde(default = "default_true")]
    pub edu_require_pkce: bool,
}

fn default_grant_types() -> Vec<String> {
    vec!["authorization_code".into()]
}

fn default_response_types() -> Vec<String> {
    vec!["code".into()]
}

fn default_alg() -> SigningAlg {
    SigningAlg::Rs256
}

fn default_true() -> bool {
    true
}

/// Whether a client may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientStatus {
    /// In use.
    Active,
    /// 下架: refused everywhere.
    Suspended,
    /// Gone.
    Removed,
}

/// A registered client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id; the text form is the protocol's `client_id`.
    pub id: ClientId,
    /// What was registered.
    pub metadata: ClientMetadata,
    /// Whose subjects it sees (R13): `system`, or the host of its redirect URIs.
    pub sector: String,
    /// SHA-256 of a 256-bit secret; none for public clients.
    pub secret_digest: Option<[u8; 32]>,
    /// Whether it may be used.
    pub status: ClientStatus,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// The sector that all platforms of the system share: their subject is the `person_id` itself.
pub const SYSTEM_SECTOR: &str = "system";

impl ClientMetadata {
    /// Checks a registration and says which sector it gets.
    ///
    /// # Errors
    /// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591, 3.2.2).
    pub fn check(&self) -> Result<String, ProtocolError> {
        let invalid = |why| ProtocolError::new(Code::InvalidClientMetadata, why);
        if self.redirect_uris.is_empty() {
            return Err(ProtocolError::new(Code::InvalidRedirectUri, "redirect_uris is needed"));
        }
        let mut hosts = Vec::new();
        for uri in &self.redirect_uris {
            hosts.push(check_redirect_uri(uri, self.is_native())?);
        }
        self.check_flows().map_err(invalid)?;
        if self.edu_lawful_basis.is_some() && self.edu_client_kind != ClientKind::Platform {
            return Err(invalid("a statutory basis is for platforms of the system only"));
        }
        if !self.edu_require_pkce && self.token_endpoint_auth_method == AuthMethod::None {
            return Err(invalid("a public client always needs PKCE"));
        }
        for uri in
            self.post_logout_redirect_uris.iter().chain(&self.backchannel_logout_uri).chain(&self.initiate_login_uri)
        {
            check_web_uri(uri)
                .map_err(|_| invalid("an address is not absolute http or https, or carries a fragment"))?;
        }
        for uri in self.policy_uri.iter().chain(&self.tos_uri).chain(&self.client_uri) {
            check_web_uri(uri)
                .map_err(|_| invalid("an address is not absolute http or https, or carries a fragment"))?;
        }
        if self.edu_client_kind == ClientKind::Platform {
            return Ok(SYSTEM_SECTOR.into());
        }
        // OpenID Connect Core, 8.1: without a sector_identifier_uri all redirect URIs must share one host.
        hosts.dedup();
        match hosts.as_slice() {
            [host] => Ok(host.clone()),
            _ => Err(invalid("redirect_uris of an application must share one host")),
        }
    }

    /// OpenID Connect Registration, 2: each response type with the grant types that it needs.
    fn check_flows(&self) -> Result<(), &'static str> {
        let granted = |kind: &str| self.grant_types.iter().any(|known| known == kind);
        if self
            .grant_types
            .iter()
            .any(|kind| !matches!(kind.as_str(), "authorization_code" | "refresh_token" | "implicit"))
        {
            return Err("only authorization_code, implicit and refresh_token are served");
        }
        for kind in &self.response_types {
            let Some(kind) = ResponseType::parse(kind) else { return Err("a response type is not served") };
            if kind.has_code() && !granted("authorization_code") {
                return Err("a response type with code needs the grant type authorization_code");
            }
            if kind.is_front() && !granted("implicit") {
                return Err("a response type with token or id_token needs the grant type implicit");
            }
        }
        Ok(())
    }

    fn is_native(&self) -> bool {
        self.application_type.as_deref() == Some("native")
    }
}

fn check_web_uri(uri: &str) -> Result<Url, ()> {
    let url = Url::parse(uri).map_err(|_| ())?;
    let web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && url.fragment().is_none();
    // What a parser would change (case, dots, default port) would no longer compare equal to what is sent.
    if web && url.username().is_empty() && url.password().is_none() { Ok(url) } else { Err(()) }
}

fn check_redirect_uri(uri: &str, native: bool) -> Result<String, ProtocolError> {
    let refuse = |why| Err(ProtocolError::new(Code::InvalidRedirectUri, why));
    let Ok(url) = Url::parse(uri) else { return refuse("a redirect URI is not absolute") };
    // RFC 6749, 3.1.2: "MUST NOT include a fragment component".
    if url.fragment().is_some() {
        return refuse("a redirect URI carries a fragment");
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(host)) => Ok(host.to_owned()),
        // RFC 8252, 7.3 for native clients; localhost for development of web clients.
        ("http", Some(host)) if is_loopback(host) => Ok(host.to_owned()),
        ("http", _) => refuse("a redirect URI must be https, or http on a loopback address"),
        // RFC 8252, 7.1: private-use schemes are reverse domain names.
        (scheme, _) if native && scheme.contains('.') => Ok(scheme.to_owned()),
        _ => refuse("the scheme of a redirect URI is not allowed"),
    }
}

/// Whether a host names the machine that asks.
pub fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

impl Client {
    /// Whether it keeps no secret.
    pub fn is_public(&self) -> bool {
        self.metadata.token_endpoint_auth_method == AuthMethod::None
    }

    /// Whether it is a vendor's.
    pub fn is_application(&self) -> bool {
        self.metadata.edu_client_kind == ClientKind::Application
    }

    /// Whether a statutory basis stands in for the guardian's receipt (R8).
    pub fn is_statutory(&self) -> bool {
        !self.is_application() && self.metadata.edu_lawful_basis == Some(LawfulBasis::Statutory)
    }

    /// Whether its authorization requests must carry a code challenge (R14).
    pub fn requires_pkce(&self) -> bool {
        self.is_public() || self.metadata.edu_require_pkce
    }

    /// Whether it gets refresh tokens.
    pub fn may_refresh(&self) -> bool {
        self.metadata.grant_types.iter().any(|kind| kind == "refresh_token")
    }

    /// Whether it registered for a response type, in whatever order of words.
    pub fn may_receive(&self, kind: ResponseType) -> bool {
        self.metadata.response_types.iter().any(|known| ResponseType::parse(known) == Some(kind))
    }

    /// The scopes it may ask for.
    pub fn allowed_scopes(&self) -> ScopeSet {
        let all = || Scope::ALL.iter().copied().collect::<ScopeSet>();
        let allowed = self.metadata.scope.as_deref().map_or_else(all, ScopeSet::parse);
        if self.may_refresh() { allowed } else { allowed.without(Scope::OfflineAccess) }
    }

    /// Exact comparison (RFC 9700, 2.1), except the port of a native client's loopback address (RFC 8252, 7.3; R12).
    pub fn redirects_to(&self, uri: &str) -> bool {
        self.metadata.redirect_uris.iter().any(|registered| {
            registered == uri || (self.metadata.is_native() && same_but_loopback_port(registered, uri))
        })
    }

    /// Exact comparison.
    pub fn returns_after_logout_to(&self, uri: &str) -> bool {
        self.metadata.post_logout_redirect_uris.iter().any(|registered| registered == uri)
    }

    /// The name for people.
    pub fn display_name(&self, english: bool) -> String {
        let zh = self.metadata.client_name.as_ref();
        let name = if english { self.metadata.client_name_en.as_ref().or(zh) } else { zh };
        name.cloned().unwrap_or_else(|| {
            self.metadata
                .redirect_uris
                .first()
                .and_then(|uri| Url::parse(uri).ok())
                .and_then(|url| url.host_str().map(str::to_owned))
                .unwrap_or_else(|| self.id.to_string())
        })
    }
}

fn same_but_loopback_port(registered: &str, sent: &str) -> bool {
    let (Ok(mut a), Ok(mut b)) = (Url::parse(registered), Url::parse(sent)) else { return false };
    let literal = |url: &Url| url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "[::1]"));
    if !literal(&a) || !literal(&b) || b.as_str() != sent {
        return false;
    }
    a.set_port(None).is_ok() && b.set_port(None).is_ok() && a == b
}
