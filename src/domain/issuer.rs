//! The issuer: the provider's name, and the only source of absolute URLs (contract; never a Host header).

use std::fmt;

use url::{Host, Url};

/// An issuer identifier (OpenID Connect Discovery 1.0, section 3): https, or http on loopback, without query
/// and fragment. Kept without a trailing slash, so that it has one spelling in tokens and metadata.
#[derive(Clone, PartialEq, Eq)]
pub struct Issuer {
    url: Url,
    text: String,
}

/// Why a text is no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerFault {
    /// Not an absolute URL.
    #[error("it is not an absolute URL")]
    NotAUrl,
    /// Cookies and codes would travel in the clear (R12).
    #[error("http is accepted on localhost, 127.0.0.1 and [::1] only")]
    NotSecure,
    /// Discovery 1.0, 3 forbids both.
    #[error("a query or a fragment is not allowed")]
    QueryOrFragment,
    /// It would be copied into every token.
    #[error("a user name or password is not allowed")]
    UserInfo,
    /// Cookies with the `__Host-` prefix belong to a whole host, so the provider has one to itself.
    #[error("a path is not allowed: give the provider a host name of its own")]
    Path,
}

impl Issuer {
    /// Reads an issuer.
    ///
    /// # Errors
    /// [`IssuerFault`], which never repeats the text.
    pub fn parse(text: &str) -> Result<Self, IssuerFault> {
        let url = Url::parse(text).map_err(|_| IssuerFault::NotAUrl)?;
        let host = url.host().ok_or(IssuerFault::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => return Err(IssuerFault::NotSecure),
            _ => return Err(IssuerFault::NotAUrl),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(IssuerFault::QueryOrFragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(IssuerFault::UserInfo);
        }
        if !url.path().trim_end_matches('/').is_empty() {
            return Err(IssuerFault::Path);
        }
        let text = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { url, text })
    }

    /// The identifier as it stands in `iss`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As a URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether cookies are `Secure` (R12: decided here, not by the listener, which may stand behind a proxy).
    pub fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether it is on the machine that it runs on: somebody tries it out.
    pub fn is_loopback(&self) -> bool {
        self.url.host().is_some_and(|host| is_loopback(&host))
    }

    /// The absolute URL of one of our own paths; `path` starts with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Scheme, host and port (RFC 6454), for content security policies and `Origin` checks.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

pub(super) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => *address == std::net::Ipv4Addr::LOCALHOST,
        Host::Ipv6(address) => *address == std::net::Ipv6Addr::LOCALHOST,
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_loopback_only() {
        for good in ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:9/", "https://id.edu.example/"] {
            assert!(Issuer::parse(good).is_ok(), "{good}");
        }
        for bad in ["http://id.edu.example", "http://127.0.0.2", "http://localhost.example", "http://192.168.1.4"] {
            assert_eq!(Issuer::parse(bad), Err(IssuerFault::NotSecure), "{bad}");
        }
    }

    /// Whoever tries it out may do so over TLS, and is on this machine all the same; a name that only looks so is not.
    #[test]
    fn this_machine_is_this_machine_over_tls_too() {
        let is_loopback = |text: &str| Issuer::parse(text).unwrap().is_loopback();
        for here in [
            "http://localhost:8080",
            "https://localhost",
            "https://LOCALHOST:8443",
            "https://127.0.0.1:8443",
            "https://[::1]",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "https://id.edu.example",
            "https://127.0.0.2",
            "https://localhost.example",
            "https://[::2]",
            "https://0.0.0.0",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn what_is_no_issuer() {
        assert_eq!(Issuer::parse("id.edu.example"), Err(IssuerFault::NotAUrl));
        assert_eq!(Issuer::parse("ftp://id.edu.example"), Err(IssuerFault::NotAUrl));
        assert_eq!(Issuer::parse("https://id.edu.example?x"), Err(IssuerFault::QueryOrFragment));
        assert_eq!(Issuer::parse("https://id.edu.example#x"), Err(IssuerFault::QueryOrFragment));
        assert_eq!(Issuer::parse("https://u:p@id.edu.example"), Err(IssuerFault::UserInfo));
        assert_eq!(Issuer::parse("https://id.edu.example/realm"), Err(IssuerFault::Path));
    }

    #[test]
    fn one_spelling() {
        let root = Issuer::parse("https://ID.edu.example:443/").unwrap();
        assert_eq!((root.as_str(), root.origin().as_str()), ("https://id.edu.example", "https://id.edu.example"));
        assert_eq!(root.at("/token"), "https://id.edu.example/token");
    }
}
