//! Resources that tokens are made for (RFC 8707): services of the system that clients call in their own name or in that
//! of whoever signed in, and the register's own API.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use url::Url;

use super::authorization_details::Details;
use super::client::Client;
use super::error::{Code, ProtocolError};
use super::signing_key::SigningAlg;
use crate::domain::issuer::Issuer;
use crate::domain::time::Timestamp;

/// Where the register's own API stands, below the issuer.
pub const API: &str = "/api/";
/// Words that begin so are the register's own.
const OWN: &str = "mingji.";
/// Acts as the administrator who signed in; dropped for whoever holds no live admin grant.
pub const ADMIN: &str = "mingji.admin";
/// Reads who looked at the record of whoever signed in.
pub const SELF: &str = "mingji.self";
/// Reads the changes of a platform's people, in the platform's own name.
pub const FEED: &str = "mingji.feed";

/// A registered resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its identifier, which becomes the audience.
    pub uri: String,
    /// Its name for people.
    pub name: String,
    /// Words it understands in `scope`.
    pub scopes: BTreeSet<String>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// How its tokens are signed: ES256, or RS256 for a service that knows nothing else (RFC 9068, 2.1).
    pub token_alg: SigningAlg,
}

/// In whose name a token speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// Somebody who signed in.
    Person,
    /// The client itself.
    Client,
}

impl Resource {
    /// The register's own API.
    pub fn api(issuer: &Issuer, bearer: Bearer) -> Self {
        let words: &[&str] = match bearer {
            Bearer::Person => &[ADMIN, SELF],
            Bearer::Client => &[FEED],
        };
        Self {
            uri: issuer.at(API),
            name: "名籍接口 Mingji API".into(),
            scopes: words.iter().map(|word| (*word).to_owned()).collect(),
            created_at: Timestamp::from_micros(0),
            token_alg: SigningAlg::Es256,
        }
    }

    /// Checks what the operator registers.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, issuer: &str) -> Result<(), &'static str> {
        // RFC 8707, 2: "MUST be an absolute URI […] MUST NOT include a fragment component".
        let url = Url::parse(&self.uri).map_err(|_| "a resource is an absolute URI")?;
        if url.fragment().is_some() || url.cannot_be_a_base() || self.uri.len() > 512 {
            return Err("a resource is an https URI without fragment");
        }
        // Its tokens would be good for userinfo, or for the register.
        let ours = self.uri.strip_prefix(issuer).is_some_and(|rest| rest.trim_matches('/').is_empty());
        if ours || self.uri.trim_end_matches('/') == format!("{issuer}{API}").trim_end_matches('/') {
            return Err("the issuer itself and its API are no resources to register");
        }
        if !matches!(self.token_alg, SigningAlg::Es256 | SigningAlg::Rs256) {
            return Err("access tokens are signed with ES256 or RS256");
        }
        if self.name.trim().is_empty() || self.name.len() > 256 {
            return Err("a resource has a name");
        }
        if self.scopes.iter().any(|word| !is_scope_word(word) || word.starts_with(OWN)) {
            return Err(
                "a scope is printable ASCII without blanks, quotes and backslashes, and does not begin with mingji.",
            );
        }
        Ok(())
    }

    /// Its words that are the register's own.
    pub fn own_words(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str).filter(|word| word.starts_with(OWN))
    }

    /// Whether a client may have tokens of its own here.
    ///
    /// # Errors
    /// `invalid_target`.
    pub fn is_for(&self, client: &Client) -> Result<(), ProtocolError> {
        // Streams of the register are those of platforms.
        let foreign = self.scopes.contains(FEED) && client.is_application();
        match foreign || !client.metadata.edu_resources.contains(&self.uri) {
            true => Err(ProtocolError::new(Code::InvalidTarget, "the client may not ask for this resource")),
            false => Ok(()),
        }
    }

    /// What a client gets here: what it asked for, or everything it may have. Both lists are the operator's.
    ///
    /// # Errors
    /// `invalid_target`, `invalid_scope`.
    pub fn grants(&self, client: &Client, asked: Option<&str>) -> Result<BTreeSet<String>, ProtocolError> {
        self.is_for(client)?;
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let registered: BTreeSet<String> = client.metadata.scope.as_deref().map(words).unwrap_or_default();
        let most: BTreeSet<String> = registered.intersection(&self.scopes).cloned().collect();
        let granted: BTreeSet<String> = asked.map_or_else(|| most.clone(), words);
        if granted.is_empty() || !granted.is_subset(&most) {
            return Err(ProtocolError::new(Code::InvalidScope, "the client may not have this scope at this resource"));
        }
        Ok(granted)
    }
}

/// What was asked for at resources in somebody's name: for each the words of `scope` that are its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Targets(BTreeMap<String, BTreeSet<String>>);

/// The one resource that a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The audience.
    pub uri: String,
    /// What it may be used for there; nothing, when all of it was dropped.
    pub words: BTreeSet<String>,
    /// The same in detail (RFC 9396).
    pub details: Details,
    /// Whether the token opens userinfo beside its place.
    pub userinfo: bool,
    /// How the token is signed.
    pub alg: SigningAlg,
}

impl Target {
    /// As `scope` says it.
    pub fn scope(&self) -> String {
        self.words.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Without the register's own words: what comes through a browser's address bar does nothing here.
    #[must_use]
    pub fn without_own(mut self) -> Self {
        self.words.retain(|word| !word.starts_with(OWN));
        self
    }

    /// Cut down to what a refresh asks for.
    #[must_use]
    pub fn within(mut self, asked: Option<&str>) -> Self {
        if let Some(asked) = asked {
            self.words.retain(|word| asked.split(' ').any(|one| one == word));
        }
        self
    }
}

impl Targets {
    /// Whether a word of a scope is one of theirs.
    pub fn has_word(&self, word: &str) -> bool {
        self.0.values().any(|words| words.contains(word))
    }

    /// Whether none was asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With another one: of `scope`, the words that the resource knows and the client may have. A client that registered no
    /// scopes may have all words of a resource that it registered, and none of the register's where it did not.
    ///
    /// # Errors
    /// `invalid_target` when the client may not ask for it in anybody's name.
    pub fn and(mut self, resource: &Resource, client: &Client, scope: &str) -> Result<Self, ProtocolError> {
        if !client.may_act_at(resource) {
            return Err(ProtocolError::new(Code::InvalidTarget, "the client may not ask for this resource"));
        }
        let registered = client.metadata.scope.as_deref();
        let may = |word: &str| registered.is_none_or(|all| all.split(' ').any(|one| one == word));
        let asked = scope.split(' ').filter(|word| resource.scopes.contains(*word) && may(word));
        self.0.insert(resource.uri.clone(), asked.map(str::to_owned).collect());
        Ok(self)
    }

    /// With the places of details, which open them for those alone: no word of a scope is granted there with it.
    #[must_use]
    pub fn and_of(mut self, details: &Details) -> Self {
        for uri in details.locations() {
            self.0.entry(uri.to_owned()).or_default();
        }
        self
    }

    /// Which one a token is for (RFC 8707, 2.2): what is asked for, of what was granted. Where the only one is not named
    /// again it is meant; otherwise a token is for userinfo, which the issuer's name asks for too.
    ///
    /// # Errors
    /// `invalid_target`.
    pub fn choose(&self, asked: Option<&str>, issuer: &Issuer) -> Result<Option<Target>, ProtocolError> {
        let target = |(uri, words): (&String, &BTreeSet<String>)| Target {
            uri: uri.clone(),
            words: words.clone(),
            details: Details::default(),
            userinfo: false,
            alg: SigningAlg::Es256,
        };
        match asked {
            None => Ok(self.0.iter().next().filter(|_| self.0.len() == 1).map(target)),
            Some(uri) if uri == issuer.as_str() => Ok(None),
            Some(uri) => match self.0.get_key_value(uri) {
                Some(entry) => Ok(Some(target(entry))),
                None => Err(ProtocolError::new(Code::InvalidTarget, "this resource was not asked for at the sign-in")),
            },
        }
    }
}

/// RFC 6749, 3.3: `scope-token`.
pub(super) fn is_scope_word(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= 128
        && word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(all: &[(&str, &[&str])]) -> Targets {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Targets(all.iter().map(|(uri, own)| ((*uri).to_owned(), words(own))).collect())
    }

    #[test]
    fn a_token_is_for_one_of_what_was_granted() {
        let issuer = Issuer::parse("https://id.example").unwrap();
        let chosen = |targets: &Targets, asked: Option<&str>| {
            targets.choose(asked, &issuer).map(|target| target.map(|target| target.uri)).map_err(|error| error.code)
        };
        let (none, one) = (targets(&[]), targets(&[("https://a.example/", &["a.read"])]));
        let two = targets(&[("https://a.example/", &["a.read"]), ("https://b.example/", &[])]);
        assert_eq!((chosen(&none, None), chosen(&one, Some("https://id.example"))), (Ok(None), Ok(None)));
        assert_eq!(chosen(&one, None), Ok(Some("https://a.example/".into())), "the only one is meant");
        assert_eq!(
            (chosen(&two, None), chosen(&two, Some("https://b.example/"))),
            (Ok(None), Ok(Some("https://b.example/".into())))
        );
        for asked in ["https://c.example/", "https://a.example", ""] {
            assert_eq!(chosen(&two, Some(asked)), Err(Code::InvalidTarget), "{asked}");
        }
    }

    #[test]
    fn neither_the_issuer_nor_its_api_is_registered() {
        let resource = |uri: &str| Resource {
            uri: uri.into(),
            name: "成绩库".into(),
            scopes: BTreeSet::new(),
            created_at: Timestamp::from_micros(0),
            token_alg: SigningAlg::Es256,
        };
        for uri in ["https://id.example", "https://id.example/", "https://id.example/api", "https://id.example/api/"] {
            assert!(resource(uri).check("https://id.example").is_err(), "{uri}");
        }
        assert!(resource("https://id.example.org/api/").check("https://id.example").is_ok());
    }
}
