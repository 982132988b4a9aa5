//! Relying parties: what was registered (RFC 7591 names) and what follows from it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use url::{Host, Url};

use super::assertion::ClientAlg;
use super::ciba::DeliveryMode;
use super::profile::Profile;
use super::request_object::ObjectAlg;
use super::resource::Resource;
use super::response::ResponseType;
use super::scope::{Scope, ScopeSet};
use super::signing_key::SigningAlg;
use crate::domain::id::{ClientId, OrgId};
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
    /// An assertion that is authenticated with the secret (RFC 7523).
    ClientSecretJwt,
    /// An assertion that is signed with a key of the client's own.
    PrivateKeyJwt,
    /// A certificate of a registered name, that an authority vouches for (RFC 8705, 2.1).
    TlsClientAuth,
    /// A certificate that was registered (RFC 8705, 2.2).
    SelfSignedTlsClientAuth,
    /// A public client.
    None,
}

impl AuthMethod {
    /// All that are served.
    pub const ALL: &'static [Self] = &[
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::ClientSecretJwt,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
        Self::None,
    ];

    /// The name that is registered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::None => "none",
        }
    }

    /// Whether it rests on a secret that we give out.
    pub fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt)
    }
}

impl AuthMethod {
    /// Whether it rests on the certificate of the connection.
    pub fn has_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }
}

/// The name that a certificate must have (RFC 8705, 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsName {
    /// The subject, as RFC 4514 writes it.
    Subject(String),
    /// An alternative name that is a host.
    Dns(String),
    /// One that is an address of the web.
    Uri(String),
    /// One that is a network address.
    Ip(IpAddr),
    /// One that is an e-mail address.
    Email(String),
}

/// How a key is agreed on with a client that wants encrypted answers (RFC 7518, 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncryptionAlg {
    /// Anew each time, on P-256.
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
}

/// The cipher of encrypted answers (RFC 7518, 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentEncryption {
    /// AES-256-GCM.
    #[serde(rename = "A256GCM")]
    A256Gcm,
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
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edu_vendor: Option<String>,
    /// How it proves itself.
    #[serde(default)]
    pub token_endpoint_auth_method: AuthMethod,
    /// Pins the algorithm of its assertions (OpenID Connect Registration, 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<ClientAlg>,
    /// Where its public keys are; never together with `jwks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Its public keys (RFC 7517, 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// RFC 7591 default: authorization_code.
    #[serde(default = "default_grant_types")]
    pub grant_types: Vec<String>,
    /// RFC 7591 default: code, where codes are used at all ([`ClientMetadata::completed`]).
    #[serde(default)]
    pub response_types: Vec<String>,
    /// Scopes it may ask for; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `web` or `native` (OpenID Connect Registration, 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// `public` or `pairwise`; what is answered is what the kind of the client gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// A list of redirect URIs whose clients share their subjects (OpenID Connect Core, 8.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// Home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Picture for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Whom to write to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Which program it is (RFC 7591, 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// Of which version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Privacy policy, linked from the pages for sign-in and consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// JWS algorithm of ID tokens; RS256 where a registration does not say (OpenID Connect Registration, 2).
    #[serde(default = "default_alg")]
    pub id_token_signed_response_alg: ClientAlg,
    /// JWS algorithm of userinfo answers; plain JSON where a registration does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<ClientAlg>,
    /// Pins the algorithm of its request objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<ObjectAlg>,
    /// Where its request objects may be fetched (OpenID Connect Registration, 2); a fragment does not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<String>,
    /// JWS algorithm of signed introspection answers (RFC 9701, 6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<SigningAlg>,
    /// Sign-in not older than this many seconds where the request does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u64>,
    /// Under a key of the client's own, where it wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_alg: Option<EncryptionAlg>,
    /// With which cipher; has to be said, since the standard's default is not served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_enc: Option<ContentEncryption>,
    /// The same for userinfo answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_alg: Option<EncryptionAlg>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_enc: Option<ContentEncryption>,
    /// Exact addresses that may follow a sign-out (RP-Initiated Logout, 3.1).
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where logout tokens go (Back-Channel Logout, 2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether they must name the session.
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
    /// What the browser opens in a frame when the session ends (Front-Channel Logout, 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether it must name the session; here it always does.
    #[serde(default)]
    pub frontchannel_logout_session_required: bool,
    /// How it learns that somebody answered (CIBA Core, 4); poll where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_token_delivery_mode: Option<DeliveryMode>,
    /// Where it is told so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_client_notification_endpoint: Option<String>,
    /// Its backchannel requests are signed with this, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_authentication_request_signing_alg: Option<ClientAlg>,
    /// Whether people have a code of their own for it: they have none here.
    #[serde(default)]
    pub backchannel_user_code_parameter: bool,
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
    /// Resources it may ask tokens for (RFC 8707).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edu_resources: Vec<String>,
    /// Resources that it serves itself: whose tokens it may look at (RFC 7662).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edu_serves: Vec<String>,
    /// Types of authorization details that it may ask for (RFC 9396, 10).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types: Vec<String>,
    /// Its authorization requests come pushed or not at all (RFC 9126, 6).
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// Its authorization requests come as signed objects or not at all (RFC 9101, 10.5).
    #[serde(default)]
    pub require_signed_request_object: bool,
    /// The name in its certificate: exactly one of these five, for `tls_client_auth` (RFC 8705, 2.1.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    /// See above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    /// See above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    /// See above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<IpAddr>,
    /// See above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
    /// Its access tokens are bound to the certificate of its connection (RFC 8705, 3.4).
    #[serde(default)]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// JWS algorithm of authorization answers that are one token (JARM, 3); RS256 where a registration does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<ClientAlg>,
    /// Under a key of the client's own, where it wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_alg: Option<EncryptionAlg>,
    /// With which cipher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_enc: Option<ContentEncryption>,
    /// Rules beyond the standard's that it is held to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edu_profile: Option<Profile>,
    /// Its access tokens are bound to a key that it proves (RFC 9449, 5.2).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Members in other languages, as `client_name#en` (RFC 7591, 2.2); all other unknown members are dropped.
    #[serde(flatten, deserialize_with = "localized_only")]
    pub localized: BTreeMap<String, String>,
}

impl ClientMetadata {
    /// The name for people in a language or a kind of it, where it was registered in that (RFC 7591, 2.2).
    pub(super) fn name_in(&self, language: &str) -> Option<&str> {
        self.localized.iter().find(|(member, _)| is_name_in(member, language)).map(|(_, name)| name.as_str())
    }

    /// The name in a language is no longer said.
    pub(super) fn forget_name_in(&mut self, language: &str) {
        self.localized.retain(|member, _| !is_name_in(member, language));
    }
}

fn is_name_in(member: &str, language: &str) -> bool {
    let tag = member.strip_prefix("client_name#").and_then(|tag| tag.strip_prefix(language));
    tag.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Which members may carry a language.
const LOCALIZED: &[&str] = &["client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"];

fn localized_only<'de, D: Deserializer<'de>>(rest: D) -> Result<BTreeMap<String, String>, D::Error> {
    let rest = BTreeMap::<String, Value>::deserialize(rest)?;
    let localized = |name: &str| {
        name.split_once('#').is_some_and(|(member, tag)| LOCALIZED.contains(&member) && is_language_tag(tag))
    };
    Ok(rest
        .into_iter()
        .filter(|(name, _)| localized(name))
        .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
        .collect())
}

/// The shape of a language tag (RFC 5646, 2.1).
fn is_language_tag(tag: &str) -> bool {
    tag.len() <= 35
        && tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn default_grant_types() -> Vec<String> {
    vec!["authorization_code".into()]
}

fn default_alg() -> ClientAlg {
    ClientAlg::Rs256
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

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSecret {
    /// Its SHA-256. Kept when it has ended, so that a late user can be told what he uses.
    pub digest: [u8; 32],
    /// Under our seal, while it is good and its value is needed (R14).
    pub sealed: Option<Vec<u8>>,
    /// Until when it is good beside the one of now.
    pub until: Timestamp,
}

/// A document at an address of the client's own (draft-ietf-oauth-client-id-metadata-document).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The address: the protocol's `client_id`.
    pub url: String,
    /// What was read there last is believed until then.
    pub until: Timestamp,
}

/// A registered client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id. The protocol's `client_id` is [`Client::client_id`].
    pub id: ClientId,
    /// What was registered.
    pub metadata: ClientMetadata,
    /// Whose subjects it sees (R13): `system`, the host of its redirect URIs or of their list, or itself. Never changes.
    pub sector: String,
    /// SHA-256 of a 256-bit secret; none for public clients.
    pub secret_digest: Option<[u8; 32]>,
    /// The secret under our seal, where the registered algorithm needs its value (R14).
    pub secret_sealed: Option<Vec<u8>>,
    /// The secret before that, for a while.
    pub old_secret: Option<OldSecret>,
    /// Whether it may be used.
    pub status: ClientStatus,
    /// When it was registered.
    pub created_at: Timestamp,
    /// The institution that answers for it in the console; none where the operator alone does.
    pub org: Option<OrgId>,
    /// Institutions that answered for it before and were merged into that one, since it was assigned.
    pub heir_of: Vec<OrgId>,
    /// Where its registration stands, when that is not here.
    pub document: Option<Document>,
    /// Whether the operator registered it: whoever else did says of himself what he likes.
    pub vouched: bool,
    /// What the operator left it of scopes that it had registered itself; none: he took none away.
    pub scope_cap: Option<String>,
    /// Counted up by every change.
    pub version: i64,
}

/// The sector that all platforms of the system share: their subject is the `person_id` itself.
pub const SYSTEM_SECTOR: &str = "system";

/// Whether the host of an address is an IP literal or made of letters, digits, dots and hyphens. Browsers' parsers let
/// more through, `;` for one, and such a host would write its own words into a policy that names it (CSP 3, 2.3.1).
pub fn has_plain_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

/// Whether a host names the machine that asks.
pub fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

impl Client {
    /// The protocol's `client_id`, the only one: the address of its document, or the text of its id.
    pub fn client_id(&self) -> String {
        self.document.as_ref().map_or_else(|| self.id.to_string(), |document| document.url.clone())
    }

    /// The host of its document.
    pub fn document_host(&self) -> Option<String> {
        Url::parse(&self.document.as_ref()?.url).ok()?.host_str().map(str::to_owned)
    }

    /// Whether somebody of the system knows it: the operator, whoever got a token from him, or an institution. Of a document
    /// alone nobody does, and no word about a child under 14 goes there (R8).
    pub fn is_answered_for(&self) -> bool {
        self.document.is_none() || self.org.is_some()
    }

    /// Whether it keeps no secret.
    pub fn is_public(&self) -> bool {
        self.metadata.token_endpoint_auth_method == AuthMethod::None
    }

    /// Whether we must know its secret, and not only a digest (R14).
    pub fn needs_secret_value(&self) -> bool {
        let metadata = &self.metadata;
        let answers = [
            Some(metadata.id_token_signed_response_alg),
            metadata.userinfo_signed_response_alg,
            metadata.authorization_signed_response_alg,
        ];
        self.metadata.token_endpoint_auth_method == AuthMethod::ClientSecretJwt
            || answers.contains(&Some(ClientAlg::Hs256))
    }

    /// Whether something is signed with its secret that it gets without proving itself: what comes through the browser, and
    /// userinfo answers. Only the secret of now can sign that.
    pub fn is_answered_unproven_with_secret(&self) -> bool {
        let metadata = &self.metadata;
        let parsed = metadata.response_types.iter().filter_map(|kind| ResponseType::parse(kind));
        let front = parsed.into_iter().any(ResponseType::has_id_token);
        (front && metadata.id_token_signed_response_alg == ClientAlg::Hs256)
            || [metadata.userinfo_signed_response_alg, metadata.authorization_signed_response_alg]
                .contains(&Some(ClientAlg::Hs256))
    }

    /// Who provides it, as far as somebody looked at that.
    pub fn vendor(&self) -> Option<&str> {
        self.metadata.edu_vendor.as_deref().filter(|_| self.vouched)
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
        self.is_public() || self.metadata.edu_require_pkce || self.is_fapi()
    }

    /// Whether it is registered for a grant type.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.metadata.grant_types.iter().any(|kind| kind == grant_type)
    }

    /// Whether it gets refresh tokens.
    pub fn may_refresh(&self) -> bool {
        self.may_use("refresh_token")
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

    /// The same after the operator changed it: of what keeps itself his word is the most that it may register from then on,
    /// where he took something away.
    #[must_use]
    pub fn capped(self, before: &Self) -> Self {
        let narrower = !before.allowed_scopes().is_subset(&self.allowed_scopes());
        let caps = !self.vouched && (narrower || before.scope_cap.is_some());
        let scope_cap = if caps { self.metadata.scope.clone() } else { before.scope_cap.clone() };
        Self { scope_cap, ..self }
    }

    /// Whether it may ask for a resource in the name of whoever signs in: platforms of the system only, because no consent
    /// page names resources, and only where the operator said so: `edu_resources` names it, or `scope` a word of the register.
    pub fn may_act_at(&self, resource: &Resource) -> bool {
        let named = self.metadata.edu_resources.contains(&resource.uri);
        let scope = self.metadata.scope.as_deref().unwrap_or_default();
        let worded = resource.own_words().any(|word| scope.split(' ').any(|one| one == word));
        !self.is_application() && (named || worded)
    }

    /// Exact comparison (RFC 9700, 2.1), except the port of a native client's loopback address (RFC 8252, 7.3; R12).
    pub fn redirects_to(&self, uri: &str) -> bool {
        self.is_among(&self.metadata.redirect_uris, uri)
    }

    /// The same comparison: RP-Initiated Logout 1.0, 3.1 lets a native client come back by a scheme of its own too.
    pub fn returns_after_logout_to(&self, uri: &str) -> bool {
        self.is_among(&self.metadata.post_logout_redirect_uris, uri)
    }

    fn is_among(&self, registered: &[String], uri: &str) -> bool {
        let native = self.metadata.is_native();
        registered.iter().any(|one| one == uri || (native && same_but_loopback_port(one, uri)))
    }

    /// Whether its request objects may be fetched there. A fragment tells caches of new contents (OpenID Connect Core,
    /// 6.2), and nothing is cached here.
    pub fn keeps_requests_at(&self, uri: &str) -> bool {
        let bare = |uri: &str| uri.split('#').next().map(str::to_owned);
        self.metadata.request_uris.iter().any(|registered| bare(registered) == bare(uri))
    }

    /// The name for people, in their language where it was registered in it (RFC 7591, 2.2). Anybody writes any name into a
    /// document: the host stands beside it, wherever it is shown.
    pub fn display_name(&self, english: bool) -> String {
        let name = self.registered_name(english);
        match self.document_host() {
            Some(host) if english => format!("{name} ({host})"),
            Some(host) => format!("{name}（{host}）"),
            None => name,
        }
    }

    fn registered_name(&self, english: bool) -> String {
        let localized = self.metadata.name_in(if english { "en" } else { "zh" }).map(str::to_owned);
        let name = localized.or_else(|| self.metadata.client_name.clone());
        name.unwrap_or_else(|| {
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
