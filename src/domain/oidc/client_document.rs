//! Clients that are known by the address at which their registration stands (OAuth Client ID Metadata Document,
//! draft-ietf-oauth-client-id-metadata-document-01): which addresses, at which hosts, and what only such a document
//! must keep to. What may be registered at all is said where it is said for everybody, in
//! [`Policy`](super::initial_token::Policy) and [`ClientMetadata::check`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use url::{Host, Url};

use super::client::{ClientMetadata, has_plain_host};
use super::error::{Code, ProtocolError};
use super::fault::DocumentFault;
use crate::domain::id::ClientId;

/// No such `client_id` is longer, in bytes: every token carries it. Section 3: "A short URL is RECOMMENDED".
const LONGEST_URL: usize = 255;

/// The longest document that is read, in bytes. Section 6.6: "The recommended maximum response size for client metadata
/// documents is 5 kilobytes."
pub const LONGEST: usize = 5 * 1024;

/// A document is believed for so long at least, whatever its server says: strangers choose how often we come there.
const LEAST: Duration = Duration::from_secs(300);
/// For so long where its server says nothing.
const USUAL: Duration = Duration::from_secs(3_600);
/// For so long at most: what it takes back must not live on for weeks.
const MOST: Duration = Duration::from_secs(86_400);

fn invalid(why: &'static str) -> ProtocolError {
    ProtocolError::new(Code::InvalidClientMetadata, why)
}

/// A `client_id` that is the address of a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientUrl {
    text: String,
    host: String,
    port: u16,
}

impl ClientUrl {
    /// Reads a `client_id`. Section 3: "MUST have an "https" scheme, MUST contain a path component, MUST NOT contain
    /// single-dot or double-dot path segments, MUST NOT contain a fragment component and MUST NOT contain a username or
    /// password"; the query that it "SHOULD NOT include" is refused, and so is an address instead of a name. What a parser
    /// would write differently is none either: clients are told apart by comparing texts, and two spellings of one address
    /// would be two clients.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST_URL {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let Some(Host::Domain(host)) = url.host() else { return None };
        let bare =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        let named = has_plain_host(&url) && host.split('.').all(|label| !label.is_empty());
        if url.scheme() != "https" || !bare || !named || url.as_str() != text {
            return None;
        }
        Some(Self { text: text.to_owned(), host: host.to_owned(), port: url.port_or_known_default()? })
    }

    /// It, as it came.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Hosts whose documents are believed (`MINGJI_CLIENT_ID_DOCUMENTS`); without any, no document is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentHosts(Vec<DocumentHost>);

/// One entry: `apps.example.cn`, `*.example.cn` for every name below it, either with a port where that is not 443.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentHost {
    name: String,
    below: bool,
    port: u16,
}

impl FromStr for DocumentHost {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.to_ascii_lowercase();
        let (below, rest) = text.strip_prefix("*.").map_or((false, text.as_str()), |rest| (true, rest));
        if rest.contains('/') {
            return Err(());
        }
        let ClientUrl { host, port, .. } = ClientUrl::parse(&format!("https://{rest}/")).ok_or(())?;
        // A name of one label is nobody's in particular: everybody can have one below it, or it is a mistyped switch.
        let own = host.contains('.') || (host == "localhost" && !below);
        if own { Ok(Self { name: host, below, port }) } else { Err(()) }
    }
}

impl DocumentHost {
    fn covers(&self, url: &ClientUrl) -> bool {
        let named = match self.below {
            true => url.host.strip_suffix(&self.name).is_some_and(|rest| rest.ends_with('.')),
            false => url.host == self.name,
        };
        named && url.port == self.port
    }
}

impl DocumentHosts {
    /// These.
    pub fn new(hosts: Vec<DocumentHost>) -> Self {
        Self(hosts)
    }

    /// Whether there are any.
    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Reads a `client_id` that is the address of a document at one of these hosts.
    pub fn admit(&self, client_id: &str) -> Option<ClientUrl> {
        let url = if self.any() { ClientUrl::parse(client_id) } else { None };
        url.filter(|url| self.0.iter().any(|host| host.covers(url)))
    }
}

const NOT_JSON: &str = "the document is not a JSON object";
const OTHER_ADDRESS: &str = "client_id of the document is not its address";
const SECRET: &str = "the document holds a secret";
const SECRET_METHOD: &str =
    "a document is no place for a secret: token_endpoint_auth_method is none, or rests on a key";
const MEMBER: &str = "a member of the document has another type or value than is served";
const OTHER_ORIGIN: &str = "redirect_uris are at the origin of the document";

/// What is wrong with a document that was refused.
pub fn fault_of(refused: &ProtocolError) -> DocumentFault {
    match refused.description {
        NOT_JSON => DocumentFault::NotJson,
        OTHER_ADDRESS => DocumentFault::ClientId,
        SECRET | SECRET_METHOD => DocumentFault::Secret,
        MEMBER => DocumentFault::Member,
        _ if refused.code == Code::InvalidRedirectUri => DocumentFault::RedirectUris,
        _ => DocumentFault::Metadata,
    }
}

/// Reads a document, as far as it differs from the registration of somebody who speaks with us. Answers go to the origin of
/// the document, or to an app on the person's own device: it is the host that the operator let in and people are shown.
///
/// # Errors
/// `invalid_client_metadata` or `invalid_redirect_uri`.
pub fn read(url: &ClientUrl, body: &[u8]) -> Result<ClientMetadata, ProtocolError> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
        return Err(invalid(NOT_JSON));
    };
    // Section 4.1: "MUST contain a client_id property whose value MUST match the URL of the document using simple string
    // comparison".
    if members.get("client_id").and_then(Value::as_str) != Some(url.as_str()) {
        return Err(invalid(OTHER_ADDRESS));
    }
    // "the client_secret and client_secret_expires_at properties MUST NOT be used"
    if members.contains_key("client_secret") || members.contains_key("client_secret_expires_at") {
        return Err(invalid(SECRET));
    }
    // The default of RFC 7591 is a secret, which nobody can mean here.
    members.entry("token_endpoint_auth_method").or_insert_with(|| "none".into());
    let metadata: ClientMetadata = serde_json::from_value(Value::Object(members)).map_err(|_| invalid(MEMBER))?;
    // "MUST NOT include […] any other method based around a shared symmetric secret"
    if metadata.token_endpoint_auth_method.has_secret() {
        return Err(invalid(SECRET_METHOD));
    }
    let own = Url::parse(url.as_str()).map(|url| url.origin()).ok();
    let stays = |uri: &String| match Url::parse(uri) {
        Ok(uri) if uri.scheme() == "https" => Some(uri.origin()) == own,
        _ => metadata.is_native(),
    };
    if metadata.redirect_uris.iter().all(stays) {
        Ok(metadata)
    } else {
        Err(ProtocolError::new(Code::InvalidRedirectUri, OTHER_ORIGIN))
    }
}

/// How long a document is believed, by the answer's `Cache-Control` and `Age` (RFC 9111, 5.2.2.1 and 5.1). Section 4.4:
/// "SHOULD respect HTTP cache headers […], but MAY define its own upper and/or lower bounds".
pub fn lifetime(cache_control: &str, age: Duration) -> Duration {
    let directives = || cache_control.split(',').map(|one| one.trim().to_ascii_lowercase());
    if directives().any(|one| matches!(one.as_str(), "no-store" | "no-cache")) {
        return LEAST;
    }
    let said = directives().find_map(|one| one.strip_prefix("max-age=")?.trim_matches('"').parse().ok());
    said.map_or(USUAL, |seconds| Duration::from_secs(seconds).saturating_sub(age)).clamp(LEAST, MOST)
}

/// How an operator names a client: by the id that we gave it, or by the address of its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientRef {
    /// Ours.
    Id(ClientId),
    /// The address, whatever hosts are let in today.
    Document(String),
}

impl fmt::Display for ClientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Document(url) => f.write_str(url),
        }
    }
}

impl FromStr for ClientRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text.parse(), ClientUrl::parse(text)) {
            (Ok(id), _) => Ok(Self::Id(id)),
            (_, Some(url)) => Ok(Self::Document(url.text)),
            _ => Err("neither the id of a client nor the https address of its document"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const GOOD: &str = "https://app.example.cn/client.json";

    #[test]
    fn a_client_id_has_one_spelling() {
        for good in [
            GOOD,
            "https://a.example/",
            "https://a.example:8443/x/y",
            "https://localhost/c",
            "https://a.example/%E4%B8%AD",
        ] {
            assert_eq!(ClientUrl::parse(good).map(|url| url.text).as_deref(), Some(good));
        }
        for bad in [
            "",
            "019ab3c4-7d10-7000-8000-2f6e9b1c0d55",
            "http://app.example.cn/c",
            "HTTPS://app.example.cn/c",
            "https://app.example.cn",
            "https://App.example.cn/c",
            "https://app.example.cn:443/c",
            "https://app.example.cn:/c",
            "https://app.example.cn/c#",
            "https://app.example.cn/c#part",
            "https://app.example.cn/c?",
            "https://app.example.cn/c?x=1",
            "https://@app.example.cn/c",
            "https://u@app.example.cn/c",
            "https://u:p@app.example.cn/c",
            "https://app.example.cn/./c",
            "https://app.example.cn/a/../c",
            "https://app.example.cn/a/%2e%2E/c",
            "https://app.example.cn/a/..",
            "https://app.example.cn\\c",
            "https:/app.example.cn/c",
            "https:app.example.cn/c",
            "https://app.example.cn/c d",
            "https://app.example.cn/c\n",
            " https://app.example.cn/c",
            "https://app.example.cn/中",
            "https://名.example/c",
            "https://app.example.cn./c",
            "https://app..example.cn/c",
            "https://app;example.cn/c",
            "https://127.0.0.1/c",
            "https://0x7f000001/c",
            "https://2130706433/c",
            "https://[::1]/c",
            "https:///c",
        ] {
            assert_eq!(ClientUrl::parse(bad), None, "{bad:?}");
        }
        assert_eq!(ClientUrl::parse(&format!("https://a.example/{}", "x".repeat(LONGEST_URL))), None);
    }

    proptest! {
        #[test]
        fn nothing_gets_in_beside_the_rules(text in "(https://)?[a-zA-Z0-9.:@%/?#\\\\-]{0,40}") {
            if let Some(url) = ClientUrl::parse(&text) {
                let rest = text.strip_prefix("https://").unwrap();
                let (authority, path) = rest.split_once('/').unwrap();
                prop_assert!(!authority.contains('@') && !text.contains(['?', '#', '\\']));
                let with_port = format!("{}:{}", url.host, url.port);
                prop_assert!([&url.host, &with_port].iter().any(|known| *known == authority));
                prop_assert!(url.host.parse::<std::net::IpAddr>().is_err());
                let dots = |part: &str| [".", ".."].contains(&part.to_ascii_lowercase().replace("%2e", ".").as_str());
                prop_assert!(!path.split('/').any(dots));
                prop_assert_eq!(url.as_str(), text);
            }
        }

        #[test]
        fn what_is_built_by_the_rules_gets_in(
            host in "[a-z]([a-z0-9]{0,8}[a-z])?(\\.[a-z]([a-z0-9]{0,8}[a-z])?){0,3}", port in 1_u16..443, path in "(/[a-zA-Z0-9_~-]{1,8}){1,4}",
        ) {
            // A label that looks like punycode has to be punycode.
            prop_assume!(!host.contains("xn--"));
            for text in [format!("https://{host}{path}"), format!("https://{host}:{port}{path}")] {
                let port = if text.contains(&format!(":{port}/")) { port } else { 443 };
                prop_assert_eq!(ClientUrl::parse(&text), Some(ClientUrl { text, host: host.clone(), port }));
            }
        }
    }

    #[test]
    fn hosts_are_let_in_by_name_and_port() {
        let hosts = |list: &[&str]| DocumentHosts::new(list.iter().map(|one| one.parse().unwrap()).collect());
        let lets_in = |list: &[&str], url: &str| hosts(list).admit(url).is_some();
        assert!(!lets_in(&[], GOOD));
        assert!(lets_in(&["app.example.cn"], GOOD) && lets_in(&["*.Example.cn"], GOOD));
        assert!(lets_in(&["*.example.cn"], "https://a.b.example.cn/c"));
        assert!(lets_in(&["app.example.cn:8443"], "https://app.example.cn:8443/c"));
        for (list, url) in [
            ("example.cn", GOOD),
            ("*.app.example.cn", GOOD),
            ("*.example.cn", "https://example.cn/c"),
            ("*.example.cn", "https://evilexample.cn/c"),
            ("*.example.cn", "https://example.cn.evil.example/c"),
            ("app.example.cn", "https://app.example.cn:8443/c"),
            ("app.example.cn:8443", GOOD),
            ("app.example.cn", "https://app.example.cn/c?x"),
        ] {
            assert!(!lets_in(&[list], url), "{list} {url}");
        }
        for bad in [
            "",
            "*",
            "*.",
            "*.cn",
            "on",
            "*.localhost",
            "https://a.example",
            "a.example/c",
            "10.0.0.1",
            "a..example",
            "u@a.example",
            "a.example:443",
        ] {
            assert_eq!(bad.parse::<DocumentHost>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn a_document_says_who_it_is_and_keeps_no_secret() {
        let url = ClientUrl::parse(GOOD).unwrap();
        let read_with = |own: Value| {
            let mut document = json!({ "client_id": GOOD, "redirect_uris": ["https://app.example.cn/cb"] });
            document.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            read(&url, document.to_string().as_bytes()).map_err(|refused| refused.code)
        };
        assert_eq!(read_with(json!({})).unwrap().token_endpoint_auth_method.as_str(), "none");
        assert!(
            read_with(json!({ "token_endpoint_auth_method": "private_key_jwt", "software_statement": "x" })).is_ok()
        );
        let app =
            json!({ "application_type": "native", "redirect_uris": ["http://127.0.0.1/cb", "cn.example.app:/cb"] });
        assert!(read_with(app).is_ok());
        for own in [
            json!({ "client_id": null }),
            json!({ "client_id": "https://app.example.cn/client.json/" }),
            json!({ "client_id": "https://APP.example.cn/client.json" }),
            json!({ "client_secret": "x" }),
            json!({ "client_secret_expires_at": 0 }),
            json!({ "token_endpoint_auth_method": "client_secret_basic" }),
            json!({ "token_endpoint_auth_method": "client_secret_post" }),
            json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
            json!({ "token_endpoint_auth_method": "of our own" }),
            json!({ "redirect_uris": "https://app.example.cn/cb" }),
        ] {
            assert_eq!(read_with(own.clone()).err(), Some(Code::InvalidClientMetadata), "{own}");
        }
        for uri in [
            "https://other.example/cb",
            "https://app.example.cn:8443/cb",
            "http://app.example.cn/cb",
            "http://localhost/cb",
        ] {
            let own = json!({ "redirect_uris": ["https://app.example.cn/cb", uri] });
            assert_eq!(read_with(own).err(), Some(Code::InvalidRedirectUri), "{uri}");
        }
        let elsewhere = json!({ "application_type": "native", "redirect_uris": ["https://other.example/cb"] });
        assert_eq!(read_with(elsewhere).err(), Some(Code::InvalidRedirectUri));
        for body in ["", "[]", "\"x\"", "{", "<html>"] {
            assert!(read(&url, body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_document_is_kept_within_bounds() {
        let seconds = |said: &str, age: u64| lifetime(said, Duration::from_secs(age)).as_secs();
        assert_eq!((seconds("", 0), seconds("public", 9), seconds("max-age=soon", 0)), (3_600, 3_600, 3_600));
        assert_eq!((seconds("max-age=600", 0), seconds("public, Max-Age=\"600\"", 100)), (600, 500));
        assert_eq!(
            (seconds("max-age=0", 0), seconds("max-age=600", 9_000), seconds("no-store, max-age=900", 0)),
            (300, 300, 300)
        );
        assert_eq!(seconds("max-age=31536000, immutable", 0), 86_400);
    }

    #[test]
    fn an_operator_names_a_client_either_way() {
        let id = "019ab3c4-7d10-7000-8000-2f6e9b1c0d55";
        assert_eq!(id.parse(), Ok(ClientRef::Id(id.parse().unwrap())));
        assert_eq!(GOOD.parse(), Ok(ClientRef::Document(GOOD.into())));
        assert!("app.example.cn".parse::<ClientRef>().is_err());
    }
}
