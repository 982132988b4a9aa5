//! Token exchange (RFC 8693): a service that was called in somebody's name calls the next one, in her name and as itself.

use serde_json::{Value, json};

use super::authorization_details::Details;
use super::error::{Code, ProtocolError};
use super::params::Params;
use crate::domain::id::ClientId;

/// `grant_type` (2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The only type of token that is taken and given (3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// So many services may stand behind each other: who is asked by the last one still sees in whose name and through whom.
const MOST_ACTORS: usize = 3;

/// What is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The token that the service was called with.
    pub subject_token: String,
    /// Whom it wants to call.
    pub resource: String,
    /// What it wants there; everything that it may have, when absent.
    pub scope: Option<String>,
    /// What it wants there in detail (RFC 9396), of what the token says.
    pub details: Option<Details>,
}

impl Exchange {
    /// Reads the form.
    ///
    /// # Errors
    /// `invalid_request`; `invalid_target` where two resources are named.
    pub fn parse(params: &Params) -> Result<Self, ProtocolError> {
        let refuse = |why| Err(ProtocolError::new(Code::InvalidRequest, why));
        let Some(subject_token) = params.get("subject_token") else { return refuse("subject_token is missing") };
        if params.get("subject_token_type") != Some(ACCESS_TOKEN) {
            return refuse("subject_token_type: access tokens alone are exchanged");
        }
        if params.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
            return refuse("requested_token_type: access tokens alone are given");
        }
        // The client that authenticates is the actor; nobody acts for another one here.
        if params.get("actor_token").is_some() || params.get("actor_token_type").is_some() {
            return refuse("actor_token is not served: the client itself is the actor");
        }
        let resource = match (params.get("resource"), params.get("audience")) {
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => return refuse("resource is missing"),
            _ => return Err(ProtocolError::new(Code::InvalidTarget, "name one resource")),
        };
        let scope = params.get("scope").map(str::to_owned);
        let details = params.get("authorization_details").map(Details::parse).transpose()?;
        Ok(Self { subject_token: subject_token.to_owned(), resource, scope, details })
    }
}

/// Where an actor was called: a call goes no way round.
pub const CALLED_AT: &str = "edu_called_at";

/// The services that a token came through, the last one first.
pub fn actors(act: Option<&Value>) -> impl Iterator<Item = &Value> {
    std::iter::successors(act, |act| act.get("act"))
}

/// `act` of the new token (4.1): who calls now and where it was called, and inside it who called before. Nothing when too
/// many stand behind each other.
pub fn act(actor: ClientId, called_at: &str, before: Option<&Value>) -> Option<Value> {
    // Not `aud`: 4.1 has claims that say who acts, and "exp, nbf, and aud […] are therefore not used".
    let mut act = json!({ "sub": actor.to_string(), CALLED_AT: called_at });
    if let Some(before) = before {
        act["act"] = before.clone();
    }
    (actors(before).count() < MOST_ACTORS).then_some(act)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn who_calls_stands_outside_and_the_fourth_is_too_many() {
        let actor = |n: u128| ClientId(Uuid::from_u128(n));
        let first = act(actor(1), "a", None).unwrap();
        let second = act(actor(2), "b", Some(&first)).unwrap();
        let third = act(actor(3), "c", Some(&second)).unwrap();
        assert_eq!(third["sub"], actor(3).to_string());
        assert_eq!(third["act"]["act"], json!({ "sub": actor(1).to_string(), CALLED_AT: "a" }));
        assert_eq!(actors(Some(&third)).filter_map(|act| act[CALLED_AT].as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
        assert_eq!(act(actor(4), "d", Some(&third)), None);
    }
}
