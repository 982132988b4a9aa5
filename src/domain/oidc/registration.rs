//! What may be registered (RFC 7591, 2; OpenID Connect Dynamic Client Registration 1.0, 2), whoever registers it.

use url::Url;

use super::assertion::ClientAlg;
use super::client::{AuthMethod, ClientKind, ClientMetadata, SYSTEM_SECTOR, is_loopback};
use super::error::{Code, ProtocolError};
use super::request_object::ObjectAlg;
use super::response::ResponseType;

/// Grant types that are served, at the token endpoint or (implicit) at the authorization endpoint.
pub const GRANT_TYPES: &[&str] = &["authorization_code", "implicit", "refresh_token", "client_credentials"];

/// Members that are lists hold no more than this.
const MOST_ITEMS: usize = 50;
/// No text of a registration is longer, in bytes.
const LONGEST_TEXT: usize = 2048;

fn invalid(why: &'static str) -> ProtocolError {
    ProtocolError::new(Code::InvalidClientMetadata, why)
}

impl ClientMetadata {
    /// With the defaults that follow from other members (RFC 7591, 2).
    #[must_use]
    pub fn completed(mut self) -> Self {
        if self.response_types.is_empty() && self.uses_codes() {
            self.response_types = vec!["code".into()];
        }
        let kind = if self.edu_client_kind == ClientKind::Platform { "public" } else { "pairwise" };
        // RFC 7591, 2: the server "MAY reject or replace any of the client's requested metadata values".
        if self.subject_type.as_deref().is_none_or(|asked| ["public", "pairwise"].contains(&asked)) {
            self.subject_type = Some(kind.into());
        }
        self
    }

    /// Checks a completed registration and says which sector it gets; none where it is the client alone.
    ///
    /// # Errors
    /// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591, 3.2.2).
    pub fn check(&self) -> Result<Option<String>, ProtocolError> {
        self.check_sizes()?;
        let hosts = self.check_redirect_uris()?;
        self.check_flows()?;
        self.check_authentication()?;
        self.check_addresses()?;
        if self.edu_lawful_basis.is_some() && self.edu_client_kind != ClientKind::Platform {
            return Err(invalid("a statutory basis is for platforms of the system only"));
        }
        self.check_encryption()?;
        self.sector(hosts)
    }

    /// Whether every redirect URI stands in the list that its `sector_identifier_uri` led to (OpenID Connect
    /// Registration, 5: "The values of the registered redirect_uris MUST be included in the elements of the array").
    ///
    /// # Errors
    /// `invalid_client_metadata`.
    pub fn check_sector_list(&self, listed: &[String]) -> Result<(), ProtocolError> {
        if self.redirect_uris.iter().all(|uri| listed.contains(uri)) {
            Ok(())
        } else {
            Err(invalid("sector_identifier_uri does not list every redirect URI"))
        }
    }

    pub(super) fn is_native(&self) -> bool {
        self.application_type.as_deref() == Some("native")
    }

    fn uses_codes(&self) -> bool {
        self.uses("authorization_code")
    }

    fn uses(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|kind| kind == grant_type)
    }

    fn check_sizes(&self) -> Result<(), ProtocolError> {
        let lists = [
            &self.redirect_uris,
            &self.grant_types,
            &self.response_types,
            &self.contacts,
            &self.post_logout_redirect_uris,
            &self.edu_resources,
            &self.edu_serves,
        ];
        if lists.iter().any(|list| list.len() > MOST_ITEMS) || self.localized.len() > MOST_ITEMS {
            return Err(invalid("a member has too many values"));
        }
        let plain = [
            &self.client_name,
            &self.edu_vendor,
            &self.scope,
            &self.software_id,
            &self.software_version,
            &self.jwks_uri,
            &self.sector_identifier_uri,
        ];
        let texts = plain.into_iter().flatten().chain(self.localized.values()).chain(lists.into_iter().flatten());
        for text in texts {
            if text.len() > LONGEST_TEXT || text.chars().any(char::is_control) {
                return Err(invalid("a text is too long or holds control characters"));
            }
        }
        Ok(())
    }

    /// The hosts (or private schemes) that answers go to.
    fn check_redirect_uris(&self) -> Result<Vec<String>, ProtocolError> {
        if !matches!(self.application_type.as_deref(), None | Some("web" | "native")) {
            return Err(invalid("application_type is web or native"));
        }
        if self.redirect_uris.is_empty() && !self.response_types.is_empty() {
            return Err(ProtocolError::new(Code::InvalidRedirectUri, "redirect_uris is needed"));
        }
        self.redirect_uris.iter().map(|uri| check_redirect_uri(uri, self.is_native())).collect()
    }

    /// RFC 7591, 2.1: `grant_types` and `response_types` say the same.
    fn check_flows(&self) -> Result<(), ProtocolError> {
        for kind in &self.response_types {
            let kind = ResponseType::parse(kind).ok_or(invalid("a response type is not served"))?;
            if (kind.has_code() && !self.uses_codes()) || (kind.is_front() && !self.uses("implicit")) {
                return Err(invalid("grant_types and response_types do not fit together"));
            }
        }
        if self.grant_types.iter().any(|kind| !GRANT_TYPES.contains(&kind.as_str())) {
            return Err(invalid("a grant type is not served"));
        }
        // A resource that only asks about tokens gets none itself.
        if self.grant_types.is_empty() && self.edu_serves.is_empty() {
            return Err(invalid("a client without a grant type is of no use"));
        }
        if self.response_types.is_empty() == (self.uses_codes() || self.uses("implicit")) {
            return Err(invalid("grant_types and response_types do not fit together"));
        }
        if self.uses("client_credentials") {
            if self.token_endpoint_auth_method == AuthMethod::None {
                return Err(invalid("client_credentials is for clients that prove themselves"));
            }
            if self.edu_resources.is_empty() {
                return Err(invalid("client_credentials needs edu_resources"));
            }
        }
        if !self.edu_require_pkce && self.token_endpoint_auth_method == AuthMethod::None {
            return Err(invalid("a public client always needs PKCE"));
        }
        Ok(())
    }

    fn check_authentication(&self) -> Result<(), ProtocolError> {
        let method = self.token_endpoint_auth_method;
        match (&self.jwks_uri, &self.jwks) {
            (Some(_), Some(_)) => return Err(invalid("jwks and jwks_uri must not be used together")),
            (None, None) if method == AuthMethod::PrivateKeyJwt => {
                return Err(invalid("private_key_jwt needs jwks or jwks_uri"));
            }
            _ => {}
        }
        let answers = [Some(self.id_token_signed_response_alg), self.userinfo_signed_response_alg];
        if answers.contains(&Some(ClientAlg::Hs256)) && !method.has_secret() {
            return Err(invalid("HS256 needs a client that keeps a secret"));
        }
        if self.request_object_signing_alg == Some(ObjectAlg::Signed(ClientAlg::Hs256)) {
            return Err(invalid("request objects are signed with a key of the client's own"));
        }
        match self.token_endpoint_auth_signing_alg {
            Some(alg) if !alg.serves(method) => {
                Err(invalid("token_endpoint_auth_signing_alg does not fit token_endpoint_auth_method"))
            }
            _ => Ok(()),
        }
    }

    /// OpenID Connect Registration, 2. Whoever asks for encryption must not get plain text without a word.
    fn check_encryption(&self) -> Result<(), ProtocolError> {
        let pairs = [
            (self.id_token_encrypted_response_alg, self.id_token_encrypted_response_enc),
            (self.userinfo_encrypted_response_alg, self.userinfo_encrypted_response_enc),
        ];
        // The default of the standard, A128CBC-HS256, is not served.
        if pairs.iter().any(|(alg, enc)| alg.is_some() != enc.is_some()) {
            return Err(invalid("encrypted answers need alg ECDH-ES and enc A256GCM, both of them"));
        }
        if pairs.iter().any(|(alg, _)| alg.is_some()) && self.jwks.is_none() && self.jwks_uri.is_none() {
            return Err(invalid("encrypted answers need jwks or jwks_uri"));
        }
        Ok(())
    }

    fn check_addresses(&self) -> Result<(), ProtocolError> {
        let localized = self.localized.iter().filter(|(name, _)| name.contains("_uri#")).map(|(_, uri)| uri);
        let single = [
            &self.backchannel_logout_uri,
            &self.initiate_login_uri,
            &self.policy_uri,
            &self.tos_uri,
            &self.client_uri,
            &self.logo_uri,
            &self.jwks_uri,
            &self.sector_identifier_uri,
        ];
        let all = single.into_iter().flatten().chain(&self.post_logout_redirect_uris).chain(localized);
        for uri in all {
            check_web_uri(uri)
                .ok_or(invalid("an address is not absolute http or https, or carries a user name or a fragment"))?;
        }
        // OpenID Connect Core, 4: "The Login Initiation Endpoint URI MUST use the https scheme"; loopback is for
        // development, as with redirect URIs.
        let plain = |url: &Url| url.scheme() != "https" && !url.host_str().is_some_and(is_loopback);
        if self.initiate_login_uri.as_deref().and_then(check_web_uri).is_some_and(|url| plain(&url)) {
            return Err(invalid("initiate_login_uri must be https, or http on a loopback address"));
        }
        Ok(())
    }

    /// OpenID Connect Core, 8.1: without a `sector_identifier_uri` all redirect URIs must share one host.
    fn sector(&self, mut hosts: Vec<String>) -> Result<Option<String>, ProtocolError> {
        if !matches!(self.subject_type.as_deref(), None | Some("public" | "pairwise")) {
            return Err(invalid("subject_type is public or pairwise"));
        }
        if self.edu_client_kind == ClientKind::Platform {
            return Ok(Some(SYSTEM_SECTOR.into()));
        }
        let named = self.sector_identifier_uri.as_deref().and_then(check_web_uri);
        if let Some(host) = named.as_ref().and_then(Url::host_str) {
            hosts = vec![host.to_owned()];
        }
        hosts.sort_unstable();
        hosts.dedup();
        match hosts.as_slice() {
            // A loopback address is everybody's: as a sector it would let vendors join their users (R13).
            [host] => Ok((!is_loopback(host)).then(|| host.clone())),
            [] => Ok(None),
            _ => Err(invalid("redirect_uris of an application share one host, or a sector_identifier_uri lists them")),
        }
    }
}

fn check_web_uri(uri: &str) -> Option<Url> {
    let url = Url::parse(uri).ok()?;
    let web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && url.fragment().is_none();
    (web && uri.len() <= LONGEST_TEXT && url.username().is_empty() && url.password().is_none()).then_some(url)
}

fn check_redirect_uri(uri: &str, native: bool) -> Result<String, ProtocolError> {
    let refuse = |why| Err(ProtocolError::new(Code::InvalidRedirectUri, why));
    let Ok(url) = Url::parse(uri) else { return refuse("a redirect URI is not absolute") };
    // RFC 6749, 3.1.2: "MUST NOT include a fragment component".
    if url.fragment().is_some() {
        return refuse("a redirect URI carries a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("a redirect URI carries a user name");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ClientId;
    use crate::domain::oidc::client::{Client, ClientStatus};
    use crate::domain::time::Timestamp;
    use serde_json::{Value, json};

    /// An application on two pages of one host, changed.
    fn checked(own: Value) -> Result<Option<String>, Code> {
        let mut document = json!({ "redirect_uris": ["https://a.example/one", "https://a.example/two"] });
        document.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let metadata: ClientMetadata = serde_json::from_value(document).unwrap();
        metadata.completed().check().map_err(|refused| refused.code)
    }

    #[test]
    fn sectors_follow_from_addresses() {
        assert_eq!(checked(json!({})), Ok(Some("a.example".into())));
        assert_eq!(checked(json!({ "edu_client_kind": "platform" })), Ok(Some(SYSTEM_SECTOR.into())));
        assert_eq!(checked(json!({ "redirect_uris": ["http://127.0.0.1/x"] })), Ok(None));
        let two = json!(["https://a.example/", "https://b.example/", "https://a.example/2"]);
        assert_eq!(checked(json!({ "redirect_uris": two })), Err(Code::InvalidClientMetadata));
        let shared = json!({ "redirect_uris": two, "sector_identifier_uri": "https://s.example/list" });
        assert_eq!(checked(shared), Ok(Some("s.example".into())));
    }

    #[test]
    fn redirect_uris_follow_the_application_type() {
        for (uri, native, fine) in [
            ("https://a.example/x", true, true),
            ("http://127.0.0.1/x", true, true),
            ("cn.example.app:/x", true, true),
            ("cn.example.app:/x", false, false),
            ("javascript:alert(1)", true, false),
            ("data:text/html,x", true, false),
            ("http://a.example/x", false, false),
            ("https://user@a.example/x", false, false),
            ("https://a.example/x#y", false, false),
            ("/x", false, false),
        ] {
            let kind = if native { "native" } else { "web" };
            let outcome = checked(json!({ "redirect_uris": [uri], "application_type": kind }));
            assert_eq!(outcome.is_ok(), fine, "{uri} {kind}: {outcome:?}");
            assert!(fine || outcome == Err(Code::InvalidRedirectUri), "{uri} {kind}: {outcome:?}");
        }
    }

    #[test]
    fn members_must_fit_together() {
        for own in [
            json!({ "grant_types": ["refresh_token"], "response_types": ["code"] }),
            json!({ "grant_types": [] }),
            json!({ "grant_types": ["client_credentials"], "response_types": ["code"] }),
            json!({ "grant_types": ["client_credentials"] }),
            json!({ "grant_types": ["client_credentials"], "edu_resources": ["https://r.example"], "token_endpoint_auth_method": "none" }),
            json!({ "grant_types": ["password"] }),
            json!({ "response_types": ["token"] }),
            json!({ "application_type": "tv" }),
            json!({ "subject_type": "secret" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt" }),
            json!({ "jwks": { "keys": [] }, "jwks_uri": "https://a.example/jwks" }),
            json!({ "token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "ES256" }),
            json!({ "token_endpoint_auth_signing_alg": "HS256" }),
            json!({ "edu_lawful_basis": "statutory" }),
            json!({ "id_token_signed_response_alg": "HS256", "token_endpoint_auth_method": "none" }),
            json!({ "request_object_signing_alg": "HS256" }),
            json!({ "grant_types": ["implicit"], "response_types": ["code id_token"] }),
            json!({ "response_types": ["id_token"] }),
            json!({ "edu_require_pkce": false, "token_endpoint_auth_method": "none" }),
            json!({ "id_token_encrypted_response_alg": "ECDH-ES" }),
            json!({ "userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A256GCM" }),
            json!({ "initiate_login_uri": "http://a.example/login" }),
            json!({ "logo_uri": "javascript:alert(1)" }),
            json!({ "policy_uri#en": "file:///etc/passwd" }),
            json!({ "client_name": "a\u{7}" }),
            json!({ "client_name#en": "x".repeat(LONGEST_TEXT + 1) }),
        ] {
            assert_eq!(checked(own.clone()), Err(Code::InvalidClientMetadata), "{own}");
        }
    }

    #[test]
    fn languages_are_kept_and_unknown_members_are_not() {
        let document = json!({ "client_name#en": "A", "client_name#zh-Hant-TW": "甲", "client_name#": "x", "edu_x#en": "y", "nonsense": 7 });
        let metadata: ClientMetadata = serde_json::from_value(document).unwrap();
        let kept = serde_json::to_value(&metadata).unwrap();
        assert_eq!((kept["client_name#en"].as_str(), kept["client_name#zh-Hant-TW"].as_str()), (Some("A"), Some("甲")));
        assert_eq!(metadata.localized.len(), 2);
    }

    #[test]
    fn people_read_a_name_in_their_language() {
        let named = |document: Value, english| {
            let client = Client {
                id: ClientId(uuid::Uuid::nil()),
                metadata: serde_json::from_value(document).unwrap(),
                sector: SYSTEM_SECTOR.into(),
                secret_digest: None,
                secret_sealed: None,
                status: ClientStatus::Active,
                created_at: Timestamp::from_seconds(0),
            };
            client.display_name(english)
        };
        let ours = json!({ "client_name": "甲", "client_name#en": "A" });
        assert_eq!((named(ours.clone(), false).as_str(), named(ours, true).as_str()), ("甲", "A"));
        let theirs = json!({ "client_name": "A", "client_name#zh-Hans-CN": "甲", "client_name#zhx": "乙" });
        assert_eq!((named(theirs.clone(), false).as_str(), named(theirs, true).as_str()), ("甲", "A"));
    }

    #[test]
    fn the_subject_type_is_ours() {
        let metadata: ClientMetadata = serde_json::from_value(json!({ "subject_type": "public" })).unwrap();
        assert_eq!(metadata.completed().subject_type.as_deref(), Some("pairwise"));
    }
}
