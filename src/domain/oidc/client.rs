//! Relying parties: what each registered, and what follows from it.

mod metadata;

use url::{Host, Url};

use super::assertion::ClientAlg;
use super::resource::Resource;
use super::response::ResponseType;
use super::scope::{Scope, ScopeSet};
use crate::domain::id::{ClientId, OrgId};
use crate::domain::time::Timestamp;

pub use metadata::{AuthMethod, ClientKind, ClientMetadata, ContentEncryption, EncryptionAlg, LawfulBasis, TlsName};

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
