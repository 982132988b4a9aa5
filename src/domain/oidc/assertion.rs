//! Assertions with which clients prove themselves (RFC 7523, 3; OpenID Connect Core, 9): what must stand in one
//! whose signature holds.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use super::client::AuthMethod;
use super::numeric_date::{self, NoDate};
use super::signing_key::SigningAlg;
use crate::domain::time::Timestamp;

/// `client_assertion_type` (RFC 7523, 2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Values of `typ` under which an assertion may come; a token that was made for something else is none (RFC 8725, 3.11).
pub const TYPES: &[Option<&str>] = &[None, Some("jwt"), Some("client-authentication+jwt")];

/// How long an assertion is believed, and so how long a used one is remembered.
pub const LONGEST: Duration = Duration::from_secs(600);

/// How long it may say that it is good. Libraries write an hour unless told otherwise (Authlib); of one that says
/// more, RFC 7523, 3 (4) lets us refuse an `exp` that is "unreasonably far in the future".
const LONGEST_SAID: Duration = Duration::from_secs(3600);

/// How far the client's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(30);

/// JWS algorithms of what clients sign (RFC 7518, 3.1; RFC 8037, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum ClientAlg {
    #[serde(rename = "HS256")]
    Hs256,
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "PS256")]
    Ps256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// What RFC 9864, 2.2 calls EdDSA with the one curve that is served. Clients may sign under either name; what we sign says
/// the older one, which every library knows, and nobody registers the other one for it: his library would wait for that name.
const ED25519: &str = "Ed25519";

impl ClientAlg {
    /// All of them, for discovery.
    pub const ALL: &'static [Self] = &[Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa, Self::Hs256];

    /// Under which names clients may sign with these.
    pub fn names(algs: &[Self]) -> Vec<&'static str> {
        let newer = algs.contains(&Self::EdDsa).then_some(ED25519);
        algs.iter().map(|alg| alg.as_str()).chain(newer).collect()
    }

    /// The text in a JOSE header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// From the text in a JOSE header.
    pub fn parse(text: &str) -> Option<Self> {
        let named = Self::ALL.iter().copied().find(|alg| alg.as_str() == text);
        named.or_else(|| (text == ED25519).then_some(Self::EdDsa))
    }

    /// Our own algorithm of this name; none for HS256, which takes the client's secret and no key of ours.
    pub fn ours(self) -> Option<SigningAlg> {
        self.as_str().parse().ok()
    }

    /// Whether assertions of a method may use it: the secret authenticates, the key signs, and neither does the other's.
    pub fn serves(self, method: AuthMethod) -> bool {
        match method {
            AuthMethod::ClientSecretJwt => self == Self::Hs256,
            AuthMethod::PrivateKeyJwt => self != Self::Hs256,
            AuthMethod::ClientSecretBasic
            | AuthMethod::ClientSecretPost
            | AuthMethod::TlsClientAuth
            | AuthMethod::SelfSignedTlsClientAuth
            | AuthMethod::None => false,
        }
    }
}

/// Reads the algorithm of what a client signs itself, under either name.
///
/// # Errors
/// Those of the format; a name that is none.
pub fn of_the_clients_own<'de, D: Deserializer<'de>>(from: D) -> Result<ClientAlg, D::Error> {
    let name = String::deserialize(from)?;
    ClientAlg::parse(&name).ok_or_else(|| de::Error::custom(format!("no algorithm is called {name:?} here")))
}

/// The same, where it may be left out.
///
/// # Errors
/// As [`of_the_clients_own`].
pub fn maybe_of_the_clients_own<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ClientAlg>, D::Error> {
    #[derive(Deserialize)]
    struct Own(#[serde(deserialize_with = "of_the_clients_own")] ClientAlg);
    Ok(Option::<Own>::deserialize(from)?.map(|Own(alg)| alg))
}

impl fmt::Display for ClientAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is asked of an assertion.
pub struct Expect<'a> {
    /// Who must have made it, about whom.
    pub client_id: &'a str,
    /// Our names: the issuer, the token endpoint, the endpoint that was called.
    pub audiences: &'a [String],
    /// Whether `aud` must be one text, and no list (FAPI 2.0 Security Profile, 5.3.2.1).
    pub one_audience: bool,
    /// The present.
    pub now: Timestamp,
    /// Since when used assertions are remembered (R3).
    pub since: Timestamp,
}

/// What is left to do with a good one: use it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Its name.
    pub jti: String,
    /// How long that must be remembered.
    pub remember: Duration,
}

impl Expect<'_> {
    /// Looks at the claims; the error is a sentence for the client's developer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, claims: &Map<String, Value>) -> Result<Assertion, &'static str> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        // RFC 7523, 3 (1, 2A); OpenID Connect Core, 9: both "MUST contain the client_id".
        if text("iss") != Some(self.client_id) || text("sub") != Some(self.client_id) {
            return Err("iss and sub of the assertion are not the client_id");
        }
        if !claims.get("aud").is_some_and(|audience| self.is_for_us(audience)) {
            return Err("aud of the assertion is not the issuer");
        }
        let remember = self.check_time(claims)?;
        match text("jti") {
            Some(jti) if !jti.is_empty() && jti.len() <= 512 => Ok(Assertion { jti: jti.to_owned(), remember }),
            _ => Err("the assertion has no usable jti"),
        }
    }

    /// RFC 9126, 2 makes us accept three names. Every name in a list must be one of ours: what was also made for
    /// somebody else can be played to us by him (RFC 9700, 4.9).
    fn is_for_us(&self, audience: &Value) -> bool {
        let ours = |name: &Value| name.as_str().is_some_and(|name| self.audiences.iter().any(|own| own == name));
        match audience {
            Value::Array(names) => !self.one_audience && !names.is_empty() && names.iter().all(ours),
            name => ours(name),
        }
    }

    /// How long it must be remembered.
    fn check_time(&self, claims: &Map<String, Value>) -> Result<Duration, &'static str> {
        let moment = |name: &str| match numeric_date::seconds(claims, name) {
            Ok(seconds) => Ok(seconds.map(Timestamp::from_seconds)),
            Err(NoDate) => Err("a time of the assertion is no NumericDate"),
        };
        let said = moment("exp")?.ok_or("the assertion has no exp")?;
        let issued = moment("iat")?;
        // The same end at every use, or it would be believed again when nobody remembers it any more.
        let expires = match issued {
            Some(issued) if said <= issued.plus(LONGEST_SAID) => said.min(issued.plus(LONGEST)),
            _ => said,
        };
        if self.now >= expires {
            return Err("the assertion has expired");
        }
        if expires > self.now.plus(LONGEST).plus(SKEW) {
            return Err("exp of the assertion is too far ahead");
        }
        if issued.max(moment("nbf")?).is_some_and(|from| from > self.now.plus(SKEW)) {
            return Err("the assertion comes from the future");
        }
        // R3: nobody knows whether it was used before the start. One without iat could be used from then on.
        let usable_from = issued.unwrap_or_else(|| expires.minus(LONGEST + SKEW));
        if usable_from < self.since {
            return Err("the assertion was made before our start: make a new one");
        }
        Ok(expires.since(self.now) + SKEW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn checked(own: Value, since: Option<i64>) -> Result<Assertion, &'static str> {
        let mut claims =
            json!({ "iss": "c", "sub": "c", "aud": "https://id.example", "exp": NOW + 60, "iat": NOW, "jti": "j" });
        claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let audiences = ["https://id.example".to_owned(), "https://id.example/token".to_owned()];
        let now = Timestamp::from_seconds(NOW);
        let since = Timestamp::from_seconds(since.unwrap_or_default());
        Expect { client_id: "c", audiences: &audiences, one_audience: false, now, since }
            .check(claims.as_object().unwrap())
    }

    #[test]
    fn good_ones() {
        let both = json!(["https://id.example", "https://id.example/token"]);
        for own in [
            json!({}),
            json!({ "aud": both }),
            json!({ "exp": 1_800_000_060.5 }),
            json!({ "iat": NOW + 20 }),
            json!({ "exp": NOW + 3600 }),
        ] {
            assert_eq!(checked(own, None).map(|good| good.jti), Ok("j".into()));
        }
    }

    #[test]
    fn one_that_says_an_hour_is_believed_and_remembered_for_ten_minutes() {
        let remember = |own: Value| checked(own, None).unwrap().remember;
        assert_eq!(remember(json!({ "exp": NOW + 3600 })), LONGEST + SKEW);
        assert_eq!(remember(json!({ "exp": NOW + 3000, "iat": NOW - 599 })), Duration::from_secs(1) + SKEW);
        assert_eq!(remember(json!({})), Duration::from_secs(60) + SKEW);
    }

    #[test]
    fn bad_ones() {
        for own in [
            json!({ "iss": "d" }),
            json!({ "sub": "d" }),
            json!({ "aud": "https://evil.example" }),
            json!({ "aud": ["https://id.example", "https://evil.example"] }),
            json!({ "aud": [] }),
            json!({ "aud": null }),
            json!({ "exp": null }),
            json!({ "exp": (NOW + 60).to_string() }),
            json!({ "exp": NOW }),
            json!({ "exp": NOW + 3601 }),
            json!({ "exp": NOW + 631, "iat": null }),
            json!({ "exp": NOW + 2400, "iat": NOW - 600 }),
            json!({ "exp": 1e300 }),
            json!({ "iat": NOW + 31 }),
            json!({ "nbf": NOW + 31 }),
            json!({ "iat": "now" }),
            json!({ "jti": null }),
            json!({ "jti": "" }),
            json!({ "jti": 7 }),
        ] {
            assert!(checked(own.clone(), None).is_err(), "{own}");
        }
    }

    #[test]
    fn after_a_start_that_forgot_older_ones_are_refused() {
        assert!(checked(json!({}), Some(NOW)).is_ok());
        assert!(checked(json!({}), Some(NOW + 1)).is_err());
        // Without iat, one that ends soon may have been used before.
        let mut silent = json!({ "iss": "c", "sub": "c", "aud": "a", "exp": NOW + 60, "jti": "j" });
        let audiences = ["a".to_owned()];
        let at = |since: i64| Expect {
            client_id: "c",
            audiences: &audiences,
            one_audience: false,
            now: Timestamp::from_seconds(NOW),
            since: Timestamp::from_seconds(since),
        };
        assert!(at(NOW - 100).check(silent.as_object().unwrap()).is_err());
        silent["exp"] = json!(NOW + 600);
        assert!(at(NOW - 100).check(silent.as_object().unwrap()).is_ok());
    }
}
