//! Where the answers of a client go, and whose subjects it sees (R13; OpenID Connect Core, 8.1).

use url::Url;

use super::{check_web_uri, invalid};
use crate::domain::oidc::client::{ClientKind, ClientMetadata, SYSTEM_SECTOR, has_plain_host, is_loopback};
use crate::domain::oidc::error::{Code, ProtocolError};

/// Sectors of private schemes, which anybody may choose, stand apart from those of hosts.
const SCHEME: &str = "scheme:";

const HOSTS_DIFFER: &str = "redirect_uris of an application share one host, or a sector_identifier_uri lists them";

/// Whether a host is one of a domain: at least two labels, none of them empty.
fn is_of_the_world(host: &str) -> bool {
    host.contains('.') && host.split('.').all(|label| !label.is_empty())
}

impl ClientMetadata {
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

    /// What whoever asks to be pairwise must keep to, in words of his own: before [`ClientMetadata::completed`] puts
    /// ours in their place. OpenID Connect Core, 8.1: "If there are multiple hostnames in the registered redirect_uris,
    /// the Client MUST register a sector_identifier_uri".
    ///
    /// # Errors
    /// `invalid_client_metadata`, and whatever is wrong with the redirect URIs.
    pub fn check_pairwise(&self) -> Result<(), ProtocolError> {
        if self.subject_type.as_deref() != Some("pairwise") || self.sector_identifier_uri.is_some() {
            return Ok(());
        }
        let hosts = self.check_redirect_uris()?;
        if hosts.windows(2).all(|two| two[0] == two[1]) { Ok(()) } else { Err(invalid(HOSTS_DIFFER)) }
    }

    /// The hosts (or private schemes) that answers go to.
    pub(super) fn check_redirect_uris(&self) -> Result<Vec<String>, ProtocolError> {
        if !matches!(self.application_type.as_deref(), None | Some("web" | "native")) {
            return Err(invalid("application_type is web or native"));
        }
        if self.redirect_uris.is_empty() && !self.response_types.is_empty() {
            return Err(ProtocolError::new(Code::InvalidRedirectUri, "redirect_uris is needed"));
        }
        // OpenID Connect Registration, 2: "Web Clients using the OAuth Implicit Grant Type MUST only register URLs using the
        // https scheme […]; they MUST NOT use localhost as the hostname".
        let tokens_in_the_open = !self.is_native() && self.uses("implicit");
        let hosts: Result<Vec<String>, _> =
            self.redirect_uris.iter().map(|uri| check_redirect_uri(uri, self.is_native())).collect();
        if tokens_in_the_open && hosts.as_ref().is_ok_and(|hosts| hosts.iter().any(|host| is_loopback(host))) {
            return Err(ProtocolError::new(
                Code::InvalidRedirectUri,
                "implicit answers of a web client go to no loopback address",
            ));
        }
        hosts
    }

    /// RFC 9700, 2.6: "authorization servers MUST NOT allow redirection URIs that use the http scheme except for native clients
    /// that use loopback interface redirection". On a machine that many use anybody may listen at a port. A provider that is on
    /// loopback itself is one that somebody tries out.
    ///
    /// # Errors
    /// `invalid_redirect_uri`.
    pub fn check_tls_of_answers(&self) -> Result<(), ProtocolError> {
        let in_the_open = |uri: &String| Url::parse(uri).is_ok_and(|uri| uri.scheme() == "http");
        if !self.is_native() && self.redirect_uris.iter().any(in_the_open) {
            let why = "a redirect URI of a web client must be https; what runs on a person's own machine is registered with application_type native";
            return Err(ProtocolError::new(Code::InvalidRedirectUri, why));
        }
        Ok(())
    }

    /// The sector. Whom nobody vouches for is his own, whatever the hosts of his redirect URIs are.
    pub(super) fn sector(&self, mut hosts: Vec<String>, vouched: bool) -> Result<Option<String>, ProtocolError> {
        if !matches!(self.subject_type.as_deref(), None | Some("public" | "pairwise")) {
            return Err(invalid("subject_type is public or pairwise"));
        }
        if self.edu_client_kind == ClientKind::Platform {
            return Ok(Some(SYSTEM_SECTOR.into()));
        }
        let named = self.sector_identifier_uri.as_deref().and_then(check_web_uri);
        if let Some(host) = named.as_ref().and_then(Url::host_str) {
            if !is_loopback(host) && !is_of_the_world(host) {
                return Err(invalid("sector_identifier_uri names a host that stands for nobody in particular"));
            }
            hosts = vec![host.to_owned()];
        }
        hosts.sort_unstable();
        hosts.dedup();
        match hosts.as_slice() {
            _ if !vouched && named.is_none() => Ok(None),
            // A loopback address is everybody's: as a sector it would let vendors join their users (R13). So is a name
            // without a dot, and one of them is the sector of the platforms.
            [host] => {
                Ok((!is_loopback(host) && (host.starts_with(SCHEME) || is_of_the_world(host))).then(|| host.clone()))
            }
            [] => Ok(None),
            _ => Err(invalid(HOSTS_DIFFER)),
        }
    }
}

/// RFC 8252, 7.1: private-use schemes are reverse domain names.
fn is_private_use(scheme: &str) -> bool {
    scheme.contains('.')
}

/// Whether an address is one of a native client's own scheme, without a fragment.
pub(super) fn is_private_scheme(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| is_private_use(url.scheme()) && url.fragment().is_none())
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
    if matches!(url.scheme(), "http" | "https") && !has_plain_host(&url) {
        return refuse("the host of a redirect URI is letters, digits, dots and hyphens, or an address");
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(host)) => Ok(host.to_owned()),
        // RFC 8252, 7.3 for native clients; for web clients see `check_tls_of_answers`.
        ("http", Some(host)) if is_loopback(host) => Ok(host.to_owned()),
        ("http", _) => refuse("a redirect URI must be https, or http on a loopback address"),
        (scheme, _) if native && is_private_use(scheme) => Ok(format!("{SCHEME}{scheme}")),
        _ => refuse("the scheme of a redirect URI is not allowed"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checked, checked_of, metadata};
    use super::*;
    use serde_json::json;

    #[test]
    fn sectors_follow_from_addresses() {
        assert_eq!(checked(json!({})), Ok(Some("a.example".into())));
        assert_eq!(checked(json!({ "edu_client_kind": "platform" })), Ok(Some(SYSTEM_SECTOR.into())));
        assert_eq!(checked(json!({ "redirect_uris": ["http://127.0.0.1/x"] })), Ok(None));
        let two = json!(["https://a.example/", "https://b.example/", "https://a.example/2"]);
        assert_eq!(checked(json!({ "redirect_uris": two })), Err(Code::InvalidClientMetadata));
        let shared = json!({ "redirect_uris": two, "sector_identifier_uri": "https://s.example/list" });
        assert_eq!(checked(shared.clone()), Ok(Some("s.example".into())));
        assert_eq!(checked_of(shared, false), Ok(Some("s.example".into())), "a list was shown");
        assert_eq!(checked_of(json!({ "redirect_uris": two }), false), Ok(None), "his own sector");
    }

    #[test]
    fn nobody_takes_a_sector_that_is_not_his() {
        let scheme = json!({ "redirect_uris": ["victim.example:/cb"], "application_type": "native" });
        assert_eq!(checked(scheme.clone()), Ok(Some("scheme:victim.example".into())));
        for own in [json!({}), json!({ "redirect_uris": ["https://system/cb"] }), scheme] {
            assert_eq!(checked_of(own.clone(), false), Ok(None), "{own}");
        }
        for host in ["system", "system.", "intranet", "[2001:db8::1]"] {
            assert_eq!(checked(json!({ "redirect_uris": [format!("https://{host}/cb")] })), Ok(None), "{host}");
            let listed = json!({ "sector_identifier_uri": format!("https://{host}/list") });
            assert_eq!(checked(listed), Err(Code::InvalidClientMetadata), "{host}");
        }
        let unproven = json!({ "sector_identifier_uri": "http://s.example/list" });
        assert_eq!(checked(unproven), Err(Code::InvalidClientMetadata));
    }

    #[test]
    fn tokens_in_the_open_go_to_no_localhost() {
        let own = |kind: &str| {
            json!({
                "redirect_uris": ["http://localhost/x"], "application_type": kind,
                "grant_types": ["implicit"], "response_types": ["id_token"],
            })
        };
        assert_eq!(checked(own("web")), Err(Code::InvalidRedirectUri));
        assert_eq!(checked(own("native")), Ok(None));
    }

    #[test]
    fn answers_of_web_clients_come_over_tls() {
        for (uri, kind, fine) in [
            ("https://a.example/x", Some("web"), true),
            ("http://127.0.0.1/x", Some("native"), true),
            ("http://127.0.0.1/x", Some("web"), false),
            ("http://localhost/x", None, false),
        ] {
            let own = json!({ "redirect_uris": ["https://a.example/", uri], "application_type": kind });
            let outcome = metadata(own).check_tls_of_answers().map_err(|refused| refused.code);
            assert_eq!(outcome, if fine { Ok(()) } else { Err(Code::InvalidRedirectUri) }, "{uri} {kind:?}");
        }
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
}
