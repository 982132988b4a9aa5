//! What may be registered (RFC 7591, 2; OpenID Connect Dynamic Client Registration 1.0, 2), whoever registers it.

mod sector;

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use url::Url;

use super::assertion::ClientAlg;
use super::ciba::DeliveryMode;
use super::client::{AuthMethod, ClientKind, ClientMetadata, TlsName, has_plain_host, is_loopback};
use super::elsewhere::Way;
use super::error::{Code, ProtocolError};
use super::exchange;
use super::request_object::ObjectAlg;
use super::response::ResponseType;
use crate::domain::registry::text::is_shown;

/// Grant types that are served, at the token endpoint or (implicit) at the authorization endpoint.
pub const GRANT_TYPES: &[&str] = &[
    "authorization_code",
    "implicit",
    "refresh_token",
    "client_credentials",
    Way::Device.grant_type(),
    Way::Ciba.grant_type(),
    exchange::GRANT_TYPE,
];

/// Members that are lists hold no more than this.
const MOST_ITEMS: usize = 50;
/// No text of a registration is longer, in bytes.
const LONGEST_TEXT: usize = 2048;
/// No name that people read is longer, in characters.
const LONGEST_NAME: usize = 80;
/// OpenID Connect Core, 6.2: "The entire Request URI MUST NOT exceed 512 ASCII characters."
const LONGEST_REQUEST_URI: usize = 512;

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
        self.complete_profile();
        let kind = if self.edu_client_kind == ClientKind::Platform { "public" } else { "pairwise" };
        // RFC 7591, 2: the server "MAY reject or replace any of the client's requested metadata values".
        if self.subject_type.as_deref().is_none_or(|asked| ["public", "pairwise"].contains(&asked)) {
            self.subject_type = Some(kind.into());
        }
        self
    }

    /// Checks a completed registration and says which sector it gets; none where it is the client alone. Where nobody
    /// `vouched` for it (the client registered itself), addresses prove nothing: whoever sees another's subjects has
    /// shown a list at that host, which [`ClientMetadata::check_sector_list`] reads.
    ///
    /// # Errors
    /// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591, 3.2.2).
    pub fn check(&self, vouched: bool) -> Result<Option<String>, ProtocolError> {
        self.check_sizes()?;
        self.check_names()?;
        let hosts = self.check_redirect_uris()?;
        self.check_flows()?;
        self.check_authentication()?;
        self.check_addresses()?;
        if self.edu_lawful_basis.is_some() && self.edu_client_kind != ClientKind::Platform {
            return Err(invalid("a statutory basis is for platforms of the system only"));
        }
        self.check_encryption()?;
        self.check_profile()?;
        self.check_backchannel()?;
        self.sector(hosts, vouched)
    }

    /// What a person sees of a client, or is sent to, when she agrees: a receipt is for this and nothing else (R8).
    pub fn shown(&self) -> Vec<String> {
        let texts =
            [&self.client_name, &self.edu_vendor, &self.client_uri, &self.logo_uri, &self.policy_uri, &self.tos_uri];
        let texts = texts.into_iter().map(|text| text.clone().unwrap_or_default());
        let localized = self.localized.iter().map(|(name, text)| format!("{name}={text}"));
        let mut hosts = self.check_redirect_uris().unwrap_or_default();
        hosts.sort_unstable();
        hosts.dedup();
        texts.chain(localized).chain(hosts).collect()
    }

    /// Names of the members that another registration says differently.
    pub fn changes(&self, after: &Self) -> Vec<String> {
        let members = |metadata: &Self| match serde_json::to_value(metadata) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
        let (before, after) = (members(self), members(after));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
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
            &self.request_uris,
            &self.edu_resources,
            &self.edu_serves,
            &self.authorization_details_types,
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
            &self.tls_client_auth_subject_dn,
            &self.tls_client_auth_san_dns,
            &self.tls_client_auth_san_uri,
            &self.tls_client_auth_san_email,
            &self.client_uri,
            &self.logo_uri,
            &self.policy_uri,
            &self.tos_uri,
            &self.initiate_login_uri,
            &self.backchannel_logout_uri,
            &self.frontchannel_logout_uri,
            &self.backchannel_client_notification_endpoint,
        ];
        let texts = plain.into_iter().flatten().chain(self.localized.values()).chain(lists.into_iter().flatten());
        for text in texts {
            if text.len() > LONGEST_TEXT || text.chars().any(char::is_control) {
                return Err(invalid("a text is too long or holds control characters"));
            }
        }
        // PostgreSQL keeps no such character.
        if self.jwks.as_ref().is_some_and(|jwks| jwks.to_string().contains("\\u0000")) {
            return Err(invalid("jwks holds control characters"));
        }
        Ok(())
    }

    /// Names that people read where they sign in and agree: nothing moves or hides what stands around them.
    fn check_names(&self) -> Result<(), ProtocolError> {
        let localized =
            self.localized.iter().filter(|(name, _)| name.starts_with("client_name#")).map(|(_, text)| text);
        let mut names = [&self.client_name, &self.edu_vendor].into_iter().flatten().chain(localized);
        match names.all(|name| name.is_empty() || is_shown(name, LONGEST_NAME)) {
            true => Ok(()),
            false => Err(invalid("a name is longer than 80 characters, or holds what people cannot read")),
        }
    }

    /// RFC 7591, 2.1: `grant_types` and `response_types` say the same.
    fn check_flows(&self) -> Result<(), ProtocolError> {
        for kind in &self.response_types {
            let kind = ResponseType::parse(kind).ok_or(invalid("a response type is not served"))?;
            if (kind.has_code() && !self.uses_codes()) || (kind.is_front() && !self.uses("implicit")) {
                return Err(invalid("grant_types and response_types do not fit together"));
            }
            if kind.has_token() && (self.dpop_bound_access_tokens || self.tls_client_certificate_bound_access_tokens) {
                return Err(invalid("a token that comes through the browser is bound to no key"));
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
        if self.uses(exchange::GRANT_TYPE) {
            // Whoever is called in somebody's name without having asked her is a part of the system.
            if self.edu_client_kind == ClientKind::Application || self.token_endpoint_auth_method == AuthMethod::None {
                return Err(invalid("token exchange is for platforms that prove themselves"));
            }
            if self.edu_serves.is_empty() || self.edu_resources.is_empty() {
                return Err(invalid("token exchange needs edu_serves and edu_resources"));
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
            (None, None) if matches!(method, AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth) => {
                return Err(invalid("this token_endpoint_auth_method needs jwks or jwks_uri"));
            }
            _ => {}
        }
        if method == AuthMethod::TlsClientAuth && self.tls_name().is_none() {
            return Err(invalid("tls_client_auth needs exactly one name of the certificate"));
        }
        let answers = [
            Some(self.id_token_signed_response_alg),
            self.userinfo_signed_response_alg,
            self.authorization_signed_response_alg,
        ];
        if answers.contains(&Some(ClientAlg::Hs256)) && !method.has_secret() {
            return Err(invalid("HS256 needs a client that keeps a secret"));
        }
        if self.request_object_signing_alg == Some(ObjectAlg::Signed(ClientAlg::Hs256)) {
            return Err(invalid("request objects are signed with a key of the client's own"));
        }
        if self.require_signed_request_object {
            let unsigned = matches!(self.request_object_signing_alg, Some(ObjectAlg::Unsigned(_)));
            if unsigned || (self.jwks.is_none() && self.jwks_uri.is_none()) {
                return Err(invalid("signed requests need jwks or jwks_uri, and an algorithm that signs"));
            }
        }
        match self.token_endpoint_auth_signing_alg {
            Some(alg) if !alg.serves(method) => {
                Err(invalid("token_endpoint_auth_signing_alg does not fit token_endpoint_auth_method"))
            }
            _ => Ok(()),
        }
    }

    /// The name that a certificate must have, where exactly one is registered (RFC 8705, 2.1.2).
    pub fn tls_name(&self) -> Option<TlsName> {
        let own = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let named = [
            own(&self.tls_client_auth_subject_dn).map(TlsName::Subject),
            own(&self.tls_client_auth_san_dns).map(TlsName::Dns),
            own(&self.tls_client_auth_san_uri).map(TlsName::Uri),
            own(&self.tls_client_auth_san_email).map(TlsName::Email),
            self.tls_client_auth_san_ip.map(TlsName::Ip),
        ];
        let mut named = named.into_iter().flatten();
        named.next().filter(|_| named.next().is_none())
    }

    /// Whether anything is encrypted to a key of the client's.
    pub fn is_answered_encrypted(&self) -> bool {
        let algs = [
            self.id_token_encrypted_response_alg,
            self.userinfo_encrypted_response_alg,
            self.authorization_encrypted_response_alg,
        ];
        algs.iter().any(Option::is_some)
    }

    /// What it must be able to sign with, each time by one algorithm or by any.
    pub fn signs_with(&self) -> Vec<Option<ClientAlg>> {
        let proves = self.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt;
        let asks = match self.request_object_signing_alg {
            Some(ObjectAlg::Signed(alg)) => Some(alg),
            _ => None,
        };
        [
            proves.then_some(self.token_endpoint_auth_signing_alg),
            self.require_signed_request_object.then_some(asks),
            self.backchannel_authentication_request_signing_alg.map(Some),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// OpenID Connect Registration, 2. Whoever asks for encryption must not get plain text without a word.
    fn check_encryption(&self) -> Result<(), ProtocolError> {
        let pairs = [
            (self.id_token_encrypted_response_alg, self.id_token_encrypted_response_enc),
            (self.userinfo_encrypted_response_alg, self.userinfo_encrypted_response_enc),
            (self.authorization_encrypted_response_alg, self.authorization_encrypted_response_enc),
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

    /// CIBA Core, 4.
    fn check_backchannel(&self) -> Result<(), ProtocolError> {
        let uses = self.uses(Way::Ciba.grant_type());
        let endpoint = self.backchannel_client_notification_endpoint.as_ref();
        if uses && self.token_endpoint_auth_method == AuthMethod::None {
            return Err(invalid("the CIBA grant is for clients that prove themselves"));
        }
        if self.backchannel_user_code_parameter {
            return Err(invalid("backchannel_user_code_parameter is not served"));
        }
        match (self.backchannel_token_delivery_mode, endpoint) {
            (Some(DeliveryMode::Ping), None) => {
                return Err(invalid("ping needs backchannel_client_notification_endpoint"));
            }
            (None | Some(DeliveryMode::Poll), Some(_)) => {
                return Err(invalid("backchannel_client_notification_endpoint is for ping"));
            }
            _ => {}
        }
        match self.backchannel_authentication_request_signing_alg {
            Some(ClientAlg::Hs256) => Err(invalid("backchannel requests are signed with a key of the client's own")),
            Some(_) if self.jwks.is_none() && self.jwks_uri.is_none() => {
                Err(invalid("signed requests need jwks or jwks_uri, and an algorithm that signs"))
            }
            _ => Ok(()),
        }
    }

    fn check_addresses(&self) -> Result<(), ProtocolError> {
        let localized = self.localized.iter().filter(|(name, _)| name.contains("_uri#")).map(|(_, uri)| uri);
        let single = [
            &self.backchannel_logout_uri,
            &self.frontchannel_logout_uri,
            &self.backchannel_client_notification_endpoint,
            &self.initiate_login_uri,
            &self.policy_uri,
            &self.tos_uri,
            &self.client_uri,
            &self.logo_uri,
            &self.jwks_uri,
            &self.sector_identifier_uri,
        ];
        let native = self.is_native();
        let after = self.post_logout_redirect_uris.iter().filter(|uri| !(native && sector::is_private_scheme(uri)));
        let all = single.into_iter().flatten().chain(after).chain(localized);
        for uri in all {
            check_web_uri(uri).ok_or(invalid(
                "an address is not absolute http or https at a plain host, or carries a user name or a fragment",
            ))?;
        }
        // Front-Channel Logout 1.0, 2: "The domain, port, and scheme of this URL MUST be the same as that of a registered
        // Redirection URI value."
        if let Some(frame) = self.frontchannel_logout_uri.as_deref().and_then(origin_of)
            && !self.redirect_uris.iter().any(|uri| origin_of(uri).as_ref() == Some(&frame))
        {
            return Err(invalid("frontchannel_logout_uri is not at the origin of a redirect URI"));
        }
        // OpenID Connect Core, 4: "The Login Initiation Endpoint URI MUST use the https scheme"; loopback is for
        // development, as with redirect URIs.
        let plain = |url: &Url| url.scheme() != "https" && !url.host_str().is_some_and(is_loopback);
        // Keys that come in the clear authenticate nobody, and a logout token says who signs out (Registration 2, Back-Channel
        // Logout 2.2).
        let strict = [
            &self.initiate_login_uri,
            &self.sector_identifier_uri,
            &self.backchannel_client_notification_endpoint,
            &self.jwks_uri,
            &self.backchannel_logout_uri,
        ];
        for uri in strict.into_iter().flatten() {
            if check_web_uri(uri).is_some_and(|url| plain(&url)) {
                return Err(invalid(
                    "addresses of login, sector, keys, sign-out and notification must be https, or http on a loopback address",
                ));
            }
        }
        self.check_request_uris(plain)
    }

    /// OpenID Connect Registration, 2: a fragment is the only thing that another address of ours may not carry.
    fn check_request_uris(&self, plain: impl Fn(&Url) -> bool) -> Result<(), ProtocolError> {
        for uri in &self.request_uris {
            let bare = uri.split('#').next().and_then(check_web_uri);
            if uri.len() > LONGEST_REQUEST_URI || bare.is_none_or(|url| plain(&url)) {
                return Err(invalid(
                    "request_uris are https, or http on a loopback address, of 512 characters at most",
                ));
            }
        }
        Ok(())
    }
}

fn check_web_uri(uri: &str) -> Option<Url> {
    let url = Url::parse(uri).ok()?;
    let web = matches!(url.scheme(), "http" | "https") && has_plain_host(&url) && url.fragment().is_none();
    (web && uri.len() <= LONGEST_TEXT && url.username().is_empty() && url.password().is_none()).then_some(url)
}

fn origin_of(uri: &str) -> Option<url::Origin> {
    Url::parse(uri).ok().map(|url| url.origin())
}

#[cfg(test)]
mod tests;
