//! Request objects (RFC 9101; OpenID Connect Core, 6): which are taken, what must stand in one, and the
//! parameters that it carries. They stand for the whole request: what lies beside an object is not read (RFC 9101, 6.3).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::assertion::{self, ClientAlg};
use super::numeric_date::{self, NoDate};
use super::params::Params;
use crate::domain::time::Timestamp;

/// Values of `typ` under which an object may come; a token that was made for something else is none (RFC 8725, 3.11).
pub const TYPES: &[Option<&str>] = &[None, Some("jwt"), Some("oauth-authz-req+jwt")];

/// Algorithms of signed ones, for discovery. `none` is taken only from clients that registered it.
pub const ALGS: [ClientAlg; 4] = [ClientAlg::Rs256, ClientAlg::Ps256, ClientAlg::Es256, ClientAlg::EdDsa];

/// How far the client's clock may be ahead of ours, in seconds.
const SKEW: i64 = 30;
/// In seconds.
const HOUR: i64 = 3_600;

/// `request_object_signing_alg` (OpenID Connect Registration, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ObjectAlg {
    /// `none`: what it sends is no safer than parameters.
    Unsigned(Unsigned),
    /// This one and no other.
    Signed(#[serde(deserialize_with = "assertion::of_the_clients_own")] ClientAlg),
}

/// The word `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unsigned {
    /// It.
    #[serde(rename = "none")]
    None,
}

/// How much an object has to say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strict {
    /// It proves nothing.
    Unsigned,
    /// RFC 9101, 4: `iss` and `aud`, so that nothing else which this key signed passes for one.
    Signed,
    /// And `exp`: who registered that all its requests are signed wants none of them used later.
    Required,
    /// `exp` and `nbf`, an hour apart at most, and `nbf` an hour ago at most (FAPI 2.0 Message Signing, 5.3.1).
    Fapi,
}

/// What is asked of an object whose signature holds, or that needs none.
pub struct Expect<'a> {
    /// Who must have made it: the `client_id` beside it.
    pub client_id: &'a str,
    /// Whom it must be for.
    pub issuer: &'a str,
    /// What must stand in it.
    pub strict: Strict,
    /// The present.
    pub now: Timestamp,
}

impl Expect<'_> {
    /// The parameters in it; the error is a sentence for the client's developer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parameters(&self, claims: &Map<String, Value>) -> Result<Params, &'static str> {
        let says = |name: &str, wanted: &str| claims.get(name).is_none_or(|value| value == wanted);
        if !says("iss", self.client_id) || !says("client_id", self.client_id) {
            return Err("iss and client_id of a request object are the client's");
        }
        if self.strict != Strict::Unsigned && !(claims.contains_key("iss") && claims.contains_key("aud")) {
            return Err("a signed request object says iss and aud");
        }
        if matches!(self.strict, Strict::Required | Strict::Fapi) && !claims.contains_key("exp") {
            return Err("a request object of this client says exp");
        }
        if claims.get("aud").is_some_and(|aud| !names(aud, self.issuer)) {
            return Err("the request object is for somebody else");
        }
        // RFC 9101, 10.8: an assertion of the same client and key says whom it is about, and must not pass for a request.
        if claims.contains_key("sub") {
            return Err("a request object holds no sub");
        }
        // RFC 9101, 4.
        if claims.contains_key("request") || claims.contains_key("request_uri") {
            return Err("a request object holds no other");
        }
        self.check_time(claims)?;
        const OWN: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "client_id"];
        let carried = claims.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
        let client = ("client_id".to_owned(), self.client_id.to_owned());
        let told = carried.flat_map(|(name, value)| said(name, value).into_iter().map(|text| (name.clone(), text)));
        Ok(told.chain([client]).collect())
    }

    fn check_time(&self, claims: &Map<String, Value>) -> Result<(), &'static str> {
        let moment = |name: &str| {
            numeric_date::seconds(claims, name).map_err(|NoDate| "exp, nbf and iat of a request object are numbers")
        };
        let now = self.now.seconds();
        if moment("exp")?.is_some_and(|at| at <= now) {
            return Err("the request object has expired");
        }
        for name in ["nbf", "iat"] {
            if moment(name)?.is_some_and(|at| at > now.saturating_add(SKEW)) {
                return Err("the request object is not valid yet");
            }
        }
        if self.strict == Strict::Fapi {
            let from = moment("nbf")?.ok_or("a request object of this client says nbf")?;
            let until = moment("exp")?.unwrap_or_default();
            if from < now.saturating_sub(HOUR) || until > from.saturating_add(HOUR) {
                return Err("a request object of this client is good for an hour at most");
            }
        }
        Ok(())
    }
}

fn names(audience: &Value, issuer: &str) -> bool {
    audience == issuer || audience.as_array().is_some_and(|many| many.iter().any(|one| one == issuer))
}

/// What a member says; RFC 8707, 2 lets `resource` name several, which JSON holds in an array.
fn said(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) if name == "resource" => all.iter().filter_map(text).collect(),
        one => text(one).into_iter().collect(),
    }
}

/// A member as a parameter: numbers are written out, `claims` is JSON inside JSON (RFC 9101, 4).
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(claims: Value) -> Result<Params, &'static str> {
        read_as(Strict::Unsigned, claims)
    }

    fn read_as(strict: Strict, claims: Value) -> Result<Params, &'static str> {
        let Value::Object(claims) = claims else { panic!("an object") };
        Expect { client_id: "c", issuer: "https://op", strict, now: Timestamp::from_seconds(1000) }.parameters(&claims)
    }

    #[test]
    fn what_is_signed_says_by_whom_and_for_whom() {
        let whole = json!({ "iss": "c", "aud": "https://op", "exp": 1001 });
        let without = |name: &str| {
            let mut claims = whole.clone();
            claims.as_object_mut().unwrap().remove(name);
            claims
        };
        for (strict, needed) in [(Strict::Unsigned, 0), (Strict::Signed, 2), (Strict::Required, 3)] {
            assert!(read_as(strict, whole.clone()).is_ok());
            let refused = ["iss", "aud", "exp"].iter().filter(|name| read_as(strict, without(name)).is_err()).count();
            assert_eq!(refused, needed, "{strict:?}");
        }
    }

    #[test]
    fn members_become_parameters() {
        let params = read(json!({
            "iss": "c", "aud": ["https://op"], "exp": 1001, "nbf": 1030, "max_age": 0, "state": "s", "nonce": null,
            "claims": { "id_token": { "acr": null } },
        }))
        .unwrap();
        let got = |name| params.get(name);
        assert_eq!((got("client_id"), got("state"), got("max_age")), (Some("c"), Some("s"), Some("0")));
        assert_eq!(got("claims"), Some(r#"{"id_token":{"acr":null}}"#));
        assert_eq!((got("iss"), got("aud"), got("exp"), got("nonce")), (None, None, None, None));
    }

    #[test]
    fn what_was_not_made_by_this_client_for_us_and_now_is_refused() {
        for bad in [
            json!({ "iss": "d" }),
            json!({ "client_id": "d" }),
            json!({ "aud": "https://other" }),
            json!({ "aud": [] }),
            json!({ "sub": "c" }),
            json!({ "exp": 1000 }),
            json!({ "exp": "2000" }),
            json!({ "nbf": 1031 }),
            json!({ "iat": 1031 }),
            json!({ "request": "x" }),
            json!({ "request_uri": "urn:x" }),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_hour_is_the_most_where_the_profile_says_so() {
        let read = |own: Value| {
            let mut claims = json!({ "iss": "c", "aud": "https://op", "nbf": 1000, "exp": 1060 });
            claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            let Value::Object(claims) = claims else { panic!("an object") };
            let now = Timestamp::from_seconds(5000);
            Expect { client_id: "c", issuer: "https://op", strict: Strict::Fapi, now }.parameters(&claims).is_ok()
        };
        for good in [
            json!({ "nbf": 5008, "exp": 5068 }),
            json!({ "nbf": 1401, "exp": 5001 }),
            json!({ "nbf": 5000, "exp": 8600, "aud": ["https://op", "https://other"] }),
        ] {
            assert!(read(good.clone()), "{good}");
        }
        for bad in [
            json!({ "nbf": null, "exp": 5060 }),
            json!({ "nbf": 5000, "exp": null }),
            json!({ "nbf": 5000, "exp": 8601 }),
            json!({ "nbf": 1399, "exp": 5001 }),
            json!({ "nbf": 5031, "exp": 5060 }),
        ] {
            assert!(!read(bad.clone()), "{bad}");
        }
    }

    #[test]
    fn none_is_a_registration_of_its_own() {
        assert_eq!(serde_json::from_value(json!("none")).ok(), Some(ObjectAlg::Unsigned(Unsigned::None)));
        assert_eq!(serde_json::from_value(json!("ES256")).ok(), Some(ObjectAlg::Signed(ClientAlg::Es256)));
        assert!(serde_json::from_value::<ObjectAlg>(json!("None")).is_err());
    }
}
