//! What a client registers (RFC 7591 names).

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::domain::oidc::assertion::{self, ClientAlg};
use crate::domain::oidc::ciba::DeliveryMode;
use crate::domain::oidc::profile::Profile;
use crate::domain::oidc::request_object::ObjectAlg;
use crate::domain::oidc::signing_key::SigningAlg;

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
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "assertion::maybe_of_the_clients_own"
    )]
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
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "assertion::maybe_of_the_clients_own"
    )]
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
    pub(in crate::domain::oidc) fn name_in(&self, language: &str) -> Option<&str> {
        self.localized.iter().find(|(member, _)| is_name_in(member, language)).map(|(_, name)| name.as_str())
    }

    /// The name in a language is no longer said.
    pub(in crate::domain::oidc) fn forget_name_in(&mut self, language: &str) {
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
