//! Scopes: what a client may ask for. Unknown ones are ignored (OpenID Connect Core, 3.1.2.1).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! scopes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// A scope of the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope { $($(#[$doc])* $variant),+ }

        impl Scope {
            /// All of them, for discovery.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The wire text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl FromStr for Scope {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    };
}

scopes! {
    /// An ID token is asked for.
    Openid = "openid",
    /// Name and the other profile claims.
    Profile = "profile",
    /// A confirmed e-mail address.
    Email = "email",
    /// A confirmed telephone number.
    Phone = "phone",
    /// Postal address.
    Address = "address",
    /// Refresh that outlives the session (OpenID Connect Core, 11).
    OfflineAccess = "offline_access",
    /// All identities of the person.
    Edu = "edu",
    /// Classes.
    EduClass = "edu.class",
    /// Wards of a guardian.
    EduGuardian = "edu.guardian",
    /// Verified claims.
    EduRealname = "edu.realname",
    /// The personal space.
    Space = "space",
}

/// A set of scopes in a stable order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// From the space-separated form (RFC 6749, 3.3); what is not known is left out.
    pub fn parse(text: &str) -> Self {
        Self(text.split(' ').filter_map(|word| word.parse().ok()).collect())
    }

    /// Whether it holds one.
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Those that both hold.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// Those that either holds.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).copied().collect())
    }

    /// Whether every one of these stands in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// Without one.
    #[must_use]
    pub fn without(mut self, scope: Scope) -> Self {
        self.0.remove(&scope);
        self
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { " " }, scope.as_str())?;
        }
        Ok(())
    }
}

impl From<String> for ScopeSet {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<ScopeSet> for String {
    fn from(set: ScopeSet) -> Self {
        set.to_string()
    }
}
