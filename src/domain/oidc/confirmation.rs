//! What a token is bound to besides its text (RFC 7800, 3.1): a key that its holder proves in each request, or the
//! certificate of its connection.

use serde::{Deserialize, Serialize};

/// The members of `cnf`, and likewise what a request proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Thumbprint of a key that is proved by DPoP (RFC 9449, 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// Thumbprint of a certificate (RFC 8705, 3.1).
    #[serde(rename = "x5t#S256", default, skip_serializing_if = "Option::is_none")]
    pub x5t: Option<String>,
}

impl Confirmation {
    /// Whether it binds nothing, or nothing was proved.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a request proved everything that this binds. More than that does no harm.
    pub fn is_met_by(&self, proved: &Self) -> bool {
        (self.jkt.is_none() || self.jkt == proved.jkt) && (self.x5t.is_none() || self.x5t == proved.x5t)
    }

    /// Whether a request proved something of every kind that this binds: a client that authenticates may have changed
    /// its key, but not left the proof out.
    pub fn is_kept_by(&self, proved: &Self) -> bool {
        (self.jkt.is_none() || proved.jkt.is_some()) && (self.x5t.is_none() || proved.x5t.is_some())
    }

    /// `token_type` of what is bound so (RFC 9449, 5).
    pub fn token_type(&self) -> &'static str {
        if self.jkt.is_some() { "DPoP" } else { "Bearer" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_by_leaving_a_proof_out() {
        let none = Confirmation::default();
        let key = |name: &str| Confirmation { jkt: Some(name.to_owned()), x5t: None };
        let certificate = |name: &str| Confirmation { jkt: None, x5t: Some(name.to_owned()) };
        let both = Confirmation { jkt: Some("a".into()), x5t: Some("c".into()) };
        for (bound, proved, met, kept) in [
            (&none, &none, true, true),
            (&none, &key("a"), true, true),
            (&key("a"), &key("a"), true, true),
            (&key("a"), &key("b"), false, true),
            (&key("a"), &none, false, false),
            (&certificate("c"), &certificate("c"), true, true),
            (&certificate("c"), &certificate("d"), false, true),
            (&certificate("c"), &key("c"), false, false),
            (&both, &key("a"), false, false),
            (&both, &both, true, true),
        ] {
            assert_eq!((bound.is_met_by(proved), bound.is_kept_by(proved)), (met, kept), "{bound:?} {proved:?}");
        }
        assert_eq!((none.token_type(), key("a").token_type()), ("Bearer", "DPoP"));
    }
}
