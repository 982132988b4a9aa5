//! In what an address that was sent differs from those that were registered. Both are compared as they are (RFC 9700, 2.1);
//! this only says afterwards what a developer would look for.

use serde::{Deserialize, Serialize};
use url::Url;

use super::client::is_loopback;

/// A part of an address that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It is no absolute address at all.
    Unreadable,
    /// `http` and `https`, for one.
    Scheme,
    /// The host.
    Host,
    /// Only capital letters of the host.
    HostCase,
    /// The port, or that it is written out.
    Port,
    /// The path.
    Path,
    /// Only capital letters of the path.
    PathCase,
    /// Only a slash at the end.
    TrailingSlash,
    /// What follows the question mark; never shown.
    Query,
    /// What follows the number sign; never shown.
    Fragment,
    /// The same address spelled otherwise: escapes, dots.
    Spelling,
}

/// What was sent, and the registered address that is nearest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Scheme, host and path of what was sent, without anything that could be somebody's data; none when it cannot be read.
    pub sent: Option<String>,
    /// As it is registered; none when none is.
    pub registered: Option<String>,
    /// In what they differ, the most telling first.
    pub parts: Vec<Part>,
}

/// No more of what was sent is kept, in characters.
const LONGEST: usize = 160;

impl Difference {
    /// Between what was sent and the nearest of what is registered.
    pub fn between(sent: &str, registered: &[String]) -> Self {
        let nearest = registered.iter().map(|one| (one, parts(sent, one))).min_by_key(|(_, parts)| weight(parts));
        let (registered, parts) = match nearest {
            Some((registered, parts)) => (Some(registered.clone()), parts),
            None => (None, if Url::parse(sent).is_ok() { Vec::new() } else { vec![Part::Unreadable] }),
        };
        Self { sent: shown(sent, registered.as_deref()), registered, parts }
    }
}

fn weight(parts: &[Part]) -> u32 {
    parts
        .iter()
        .map(|part| match part {
            Part::Unreadable => 100,
            Part::Host => 20,
            Part::Path => 8,
            Part::Scheme | Part::Port | Part::Query => 3,
            Part::HostCase | Part::PathCase | Part::TrailingSlash | Part::Fragment | Part::Spelling => 1,
        })
        .sum()
}

fn parts(sent: &str, registered: &str) -> Vec<Part> {
    let (Ok(a), Ok(b)) = (Url::parse(sent), Url::parse(registered)) else { return vec![Part::Unreadable] };
    let mut parts = Vec::new();
    if a.scheme() != b.scheme() {
        parts.push(Part::Scheme);
    }
    if a.host_str() != b.host_str() {
        parts.push(Part::Host);
    }
    // A different scheme has another port of its own.
    if a.port() != b.port() {
        parts.push(Part::Port);
    }
    if a.path() != b.path() {
        parts.push(if a.path().trim_end_matches('/') == b.path().trim_end_matches('/') {
            Part::TrailingSlash
        } else if a.path().eq_ignore_ascii_case(b.path()) {
            Part::PathCase
        } else {
            Part::Path
        });
    }
    if a.query() != b.query() {
        parts.push(Part::Query);
    }
    if a.fragment() != b.fragment() {
        parts.push(Part::Fragment);
    }
    if parts.is_empty() {
        parts.push(spelling(sent, registered));
    }
    parts
}

/// Two texts of one address: what sets them apart.
fn spelling(sent: &str, registered: &str) -> Part {
    let authority = |text: &str| {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
    };
    let (a, b) = (authority(sent), authority(registered));
    if sent.trim_end_matches('/') == registered.trim_end_matches('/') {
        Part::TrailingSlash
    } else if a != b && a.eq_ignore_ascii_case(&b) {
        Part::HostCase
    } else if a != b {
        Part::Port
    } else {
        Part::Spelling
    }
}

/// Words of paths that say nothing about anybody.
const WORDS: &[&str] = &[
    "api",
    "app",
    "auth",
    "authenticate",
    "authorize",
    "authorized",
    "back",
    "callback",
    "cb",
    "code",
    "done",
    "index",
    "index.html",
    "login",
    "logout",
    "oauth",
    "oauth2",
    "oidc",
    "openid",
    "return",
    "signin",
    "sign-in",
    "signin-oidc",
    "sign-in-oidc",
    "signout",
    "sign-out",
    "sso",
    "v1",
    "v2",
    "web",
];

/// What of it may be kept: whoever sent it could have written anything there, a token, a phone or a name. What stands in the
/// registered address too, or on our list, is nobody's.
fn shown(sent: &str, registered: Option<&str>) -> Option<String> {
    let url = Url::parse(sent).ok()?;
    let known = registered.and_then(|uri| Url::parse(uri).ok());
    let known_scheme = known.as_ref().is_some_and(|known| known.scheme() == url.scheme());
    let scheme = if known_scheme || matches!(url.scheme(), "http" | "https") { url.scheme() } else { "…" };
    let host = url.host_str().map(|host| match known.as_ref().and_then(Url::host_str) {
        Some(same) if same == host => host.to_owned(),
        other => harmless_host(host, other.unwrap_or_default()),
    });
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let words: Vec<&str> = known.as_ref().map(|known| known.path().split('/').collect()).unwrap_or_default();
    let is_known = |word: &str| words.iter().chain(WORDS).any(|known| known.eq_ignore_ascii_case(word));
    let path: Vec<&str> =
        url.path().split('/').map(|word| if word.is_empty() || is_known(word) { word } else { "…" }).collect();
    let origin = host.map_or_else(|| format!("{scheme}:"), |host| format!("{scheme}://{host}{port}"));
    let mut text = format!("{origin}{}", path.join("/"));
    if text.len() > LONGEST {
        text = text.chars().take(LONGEST).chain(['…']).collect();
    }
    Some(text)
}

/// A host that is not the registered one: its labels, unless they could be a number or a token. An address of numbers is
/// one of the machine itself, or could be anything.
fn harmless_host(host: &str, registered: &str) -> String {
    let digits = host.bytes().filter(u8::is_ascii_digit).count();
    if is_loopback(host) {
        return host.to_owned();
    }
    let known = |label: &str| registered.split('.').any(|one| one == label);
    let plain = |label: &str| {
        let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        letters && digits <= 4 && label.len() <= 16
    };
    host.split('.').map(|label| if known(label) || plain(label) { label } else { "…" }).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(sent: &str, registered: &[&str]) -> Difference {
        Difference::between(sent, &registered.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_difference_is_what_a_developer_would_look_for() {
        use Part::{
            Fragment, Host, HostCase, Path, PathCase, Port, Query, Scheme, Spelling, TrailingSlash, Unreadable,
        };
        let registered = "https://a.example/cb";
        for (sent, parts) in [
            ("https://a.example/cb/", vec![TrailingSlash]),
            ("http://a.example/cb", vec![Scheme]),
            ("https://b.example/cb", vec![Host]),
            ("https://A.example/cb", vec![HostCase]),
            ("https://a.example:8443/cb", vec![Port]),
            ("https://a.example:443/cb", vec![Port]),
            ("https://a.example/callback", vec![Path]),
            ("https://a.example/CB", vec![PathCase]),
            ("https://a.example/cb?x=1", vec![Query]),
            ("https://a.example/cb#x", vec![Fragment]),
            ("https://a.example/./cb", vec![Spelling]),
            ("http://a.example/cb/?x=1", vec![Scheme, TrailingSlash, Query]),
            ("/cb", vec![Unreadable]),
        ] {
            assert_eq!(differs(sent, &[registered]).parts, parts, "{sent}");
        }
        assert_eq!(differs("https://a.example", &["https://a.example/"]).parts, [TrailingSlash]);
        assert_eq!(differs("https://a.example/x", &[]).parts, []);
    }

    #[test]
    fn the_nearest_one_is_compared() {
        let all = ["https://b.example/cb", "https://a.example/other", "https://a.example/cb"];
        let found = differs("https://a.example/cb/", &all);
        assert_eq!((found.registered.as_deref(), found.parts), (Some(all[2]), vec![Part::TrailingSlash]));
    }

    #[test]
    fn nothing_of_anybody_is_kept() {
        for sent in [
            "https://a.example/cb?login=13812345678&code=SplxlOBeZQQYbYS6WxSbIA#tok",
            "https://13812345678.example/138-1234-5678/eyJhbGciOiJFUzI1NiJ9eyJhbGciOiJFUzI1NiJ9eyJhbGciOiJF",
            "https://user:13812345678@a.example/%E5%88%98%E9%9B%A8%E6%A1%90/<script>",
            "javascript:alert(13812345678)",
            "https://a.example/cb/SplxlOBeZQQYbYS6WxSbIA",
            "https://a.example/users/zhangwei/cb",
            "a13812345678://x",
            "https://a.example/138/1234/5678",
            "https://138.123.45.67/cb",
            "https://138.1234.5678.example/cb",
            "https://splxlobezqqybys6wxsbia.example/cb",
            "com.zhangwei.app://a.example/cb",
        ] {
            let kept = differs(sent, &["https://a.example/cb"]).sent.unwrap();
            for bad in
                ["138", "1234", "5678", "eyJ", "Splx", "splx", "tok", "%E5", "script>", "user", "zhangwei", "?", "#"]
            {
                assert!(!kept.contains(bad), "{sent} keeps {bad}: {kept}");
            }
        }
        let told = |sent: &str, registered: &str| differs(sent, &[registered]).sent.unwrap();
        let own = "com.example.app://open/school/back";
        for (sent, registered, kept) in [
            ("https://a.example/OIDC/CallBack/", "https://a.example/cb", "https://a.example/OIDC/CallBack/"),
            ("https://a.example/school/wang/cb", "https://a.example/school/cb", "https://a.example/school/…/cb"),
            ("http://test2.a.example:8080/cb", "https://a.example/cb", "http://test2.a.example:8080/cb"),
            ("http://127.0.0.1:3000/cb", "https://a.example/cb", "http://127.0.0.1:3000/cb"),
            ("com.example.app://open/school/x", own, "com.example.app://open/school/…"),
        ] {
            assert_eq!(told(sent, registered), kept, "{sent}");
        }
        let long = format!("https://a.example/{}", "cb/".repeat(500));
        assert!(differs(&long, &[]).sent.unwrap().chars().count() <= LONGEST + 1);
    }
}
