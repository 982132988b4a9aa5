//! The `claims` parameter (OpenID Connect Core, 5.5): single claims, asked for the ID token or for userinfo. Each
//! stands under the consent of the scope that tells it otherwise (R8).
//!
//! Only names are kept. Whether a claim is essential changes nothing: what is there is told, and what is missing is no
//! error (5.5.1). A value that a claim should have may be somebody's phone number, and would lie in the clear in places
//! where none may (R7); the client compares it itself. `sub` and `acr` are the two whose values decide (5.5.1.1).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claims::scopes_of;
use super::error::{Code, ProtocolError};
use super::scope::ScopeSet;

/// Names of claims, by where they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SingleClaims {
    /// In the ID token.
    #[serde(default)]
    pub id_token: BTreeSet<String>,
    /// At userinfo.
    #[serde(default)]
    pub userinfo: BTreeSet<String>,
}

/// The parameter, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimsRequest {
    /// What is to be told.
    pub single: SingleClaims,
    /// Who it must be.
    pub sub: Option<String>,
    /// How strongly she must have proved herself: one of these, any when empty.
    pub acr: Vec<String>,
}

fn malformed() -> ProtocolError {
    ProtocolError::new(Code::InvalidRequest, "claims is not the JSON object of OpenID Connect Core 5.5")
}

impl ClaimsRequest {
    /// Reads the parameter. Claims that are not known, or whose scope the client may not have, are left out.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn parse(text: &str, allowed: &ScopeSet) -> Result<Self, ProtocolError> {
        let whole: Map<String, Value> = serde_json::from_str(text).map_err(|_| malformed())?;
        let (id_token, userinfo) = (member(&whole, "id_token")?, member(&whole, "userinfo")?);
        let subs: BTreeSet<&str> =
            [&id_token, &userinfo].into_iter().filter_map(|wishes| wishes.get("sub")).flat_map(values).collect();
        if subs.len() > 1 {
            return Err(ProtocolError::new(Code::InvalidRequest, "claims names two subjects"));
        }
        let essential = |wish: &&Value| wish.get("essential") == Some(&Value::Bool(true));
        let acr = id_token.get("acr").filter(essential).map(values).unwrap_or_default();
        Ok(Self {
            single: SingleClaims { id_token: names(&id_token, allowed), userinfo: names(&userinfo, allowed) },
            // Nobody is called by what no database keeps; nobody at all is then meant.
            sub: subs.first().map(|sub| sub.replace(char::is_control, "\u{fffd}")),
            acr: acr.into_iter().map(str::to_owned).collect(),
        })
    }
}

fn member(whole: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, ProtocolError> {
    match whole.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        // Identity Assurance 1.0, 5.6: several `verified_claims` may be asked for at once.
        Some(Value::Object(wishes))
            if wishes.iter().all(|(name, wish)| {
                wish.is_null() || wish.is_object() || (name == "verified_claims" && wish.is_array())
            }) =>
        {
            Ok(wishes.clone())
        }
        Some(_) => Err(malformed()),
    }
}

/// `value` and `values` of a wish, where they are text.
fn values(wish: &Value) -> Vec<&str> {
    let many = wish.get("values").and_then(Value::as_array).into_iter().flatten();
    wish.get("value").into_iter().chain(many).filter_map(Value::as_str).collect()
}

fn names(wishes: &Map<String, Value>, allowed: &ScopeSet) -> BTreeSet<String> {
    let may = |name: &&String| {
        let needed = scopes_of(name);
        !needed.is_empty() && needed.iter().all(|scope| allowed.has(*scope))
    };
    // Identity Assurance 1.0 puts conditions inside `verified_claims`; answering past them would say more than asked.
    let plain = |name: &&String| name.as_str() != "verified_claims" || wishes[*name].is_null();
    wishes.keys().filter(may).filter(plain).cloned().collect()
}

impl SingleClaims {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.id_token.is_empty() && self.userinfo.is_empty()
    }

    /// Those whose scopes are all allowed.
    #[must_use]
    pub fn within(mut self, allowed: &ScopeSet) -> Self {
        let may = |name: &String| scopes_of(name).iter().all(|scope| allowed.has(*scope));
        self.id_token.retain(may);
        self.userinfo.retain(may);
        self
    }

    /// The scopes that tell these claims otherwise.
    pub fn scopes(&self) -> ScopeSet {
        self.id_token.iter().chain(&self.userinfo).flat_map(|name| scopes_of(name)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::oidc::scope::Scope;

    fn parse(text: &str) -> Result<ClaimsRequest, ProtocolError> {
        ClaimsRequest::parse(text, &Scope::ALL.iter().copied().collect())
    }

    #[test]
    fn the_example_of_the_specification() {
        let read = parse(
            r#"{"userinfo": {"given_name": {"essential": true}, "nickname": null, "email": {"essential": true},
            "http://example.info/claims/groups": null}, "id_token": {"auth_time": {"essential": true},
            "acr": {"values": ["urn:mace:incommon:iap:silver"]}}}"#,
        )
        .unwrap();
        assert_eq!(
            read.single.userinfo.iter().map(String::as_str).collect::<Vec<_>>(),
            ["email", "given_name", "nickname"]
        );
        assert!(read.single.id_token.is_empty() && read.acr.is_empty(), "a wish for acr is none to fail on");
        assert_eq!(read.single.scopes().to_string(), "profile email");
    }

    #[test]
    fn what_decides_is_read_and_what_the_client_may_not_have_is_left_out() {
        let text = r#"{"id_token": {"sub": {"value": "x"}, "acr": {"essential": true, "value": "a", "values": ["b", 7]}, "email": null}}"#;
        let read = ClaimsRequest::parse(text, &ScopeSet::parse("openid profile")).unwrap();
        assert_eq!((read.sub.as_deref(), read.acr.as_slice()), (Some("x"), &["a".to_owned(), "b".to_owned()][..]));
        assert!(read.single.is_empty());
        assert!(parse(r#"{"userinfo": {"verified_claims": {"claims": {}}}}"#).unwrap().single.is_empty());
        let verified = r#"{"id_token": {"verified_claims": null}}"#;
        assert_eq!(parse(verified).unwrap().single.scopes().to_string(), "profile edu.realname", "it asserts the name");
        let without_name = ClaimsRequest::parse(verified, &ScopeSet::parse("openid edu.realname")).unwrap();
        assert!(without_name.single.is_empty());
    }

    /// Identity Assurance 1.0, 5.6 and 5.7.4: several may be asked for, and what is not answered is no error.
    #[test]
    fn several_verified_claims_are_left_out_like_one_with_conditions() {
        let asked = r#"{"userinfo": {"verified_claims": [{"verification": {"trust_framework": null}, "claims": {"name": null}}], "email": null}}"#;
        assert_eq!(parse(asked).unwrap().single.userinfo.into_iter().collect::<Vec<_>>(), ["email"]);
        assert!(parse(r#"{"userinfo": {"email": []}}"#).is_err(), "no other claim is a list");
    }

    #[test]
    fn nobody_is_called_what_no_database_keeps() {
        let read = parse(r#"{"id_token": {"sub": {"value": "a\u0000b"}}}"#).unwrap();
        assert_eq!(read.sub.as_deref(), Some("a\u{fffd}b"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "x",
            "[]",
            "null",
            r#"{"id_token": []}"#,
            r#"{"userinfo": {"name": "x"}}"#,
            r#"{"id_token": {"sub": {"values": ["a", "b"]}}}"#,
        ] {
            assert_eq!(parse(bad).map_err(|error| error.code), Err(Code::InvalidRequest), "{bad}");
        }
    }
}
