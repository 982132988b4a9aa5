//! What a client asks at the backchannel authentication endpoint (CIBA Core 1.0, 7.1), in the form or in a signed object.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::{Code, ProtocolError};
use super::numeric_date;
use super::params::Params;
use super::request_object::{self, Strict};
use crate::domain::registry::text::is_shown;
use crate::domain::time::Timestamp;

/// How a client gets its tokens. It fetches them; none are pushed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryMode {
    /// It asks until somebody answered.
    Poll,
    /// It is told that somebody answered.
    Ping,
}

impl DeliveryMode {
    /// Both, for discovery.
    pub const ALL: [Self; 2] = [Self::Poll, Self::Ping];
}

/// Whom the client means: exactly one hint (CIBA Core, 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// What she types at sign-in.
    Login(String),
    /// An ID token that the client got for her.
    IdToken(String),
}

/// A request, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom.
    pub hint: Hint,
    /// What both devices show.
    pub binding_message: Option<String>,
    /// How long the question stands.
    pub life: Duration,
    /// What proves us to the client when we tell it.
    pub notification_token: Option<String>,
}

/// Where the client does not say.
const LIFE: Duration = Duration::from_secs(300);
/// Whoever has not answered after an hour was not asked about something that happens now.
const LONGEST: u64 = 3600;
/// In characters: a page on a phone shows them whole.
const LONGEST_MESSAGE: usize = 128;
/// CIBA Core, 7.1: "The length of the token MUST NOT exceed 1024 characters".
const LONGEST_TOKEN: usize = 1024;

impl Request {
    /// Reads the parameters.
    ///
    /// # Errors
    /// `invalid_request`, `invalid_binding_message`.
    pub fn parse(params: &Params, mode: DeliveryMode) -> Result<Self, ProtocolError> {
        let invalid = |why| Err(ProtocolError::new(Code::InvalidRequest, why));
        if params.get("login_hint_token").is_some() {
            return invalid("login_hint_token is not served");
        }
        if params.get("user_code").is_some() {
            return invalid("user_code is not served");
        }
        let hint = match (params.get("login_hint"), params.get("id_token_hint")) {
            (Some(login), None) => Hint::Login(login.to_owned()),
            (None, Some(token)) => Hint::IdToken(token.to_owned()),
            _ => return invalid("exactly one of login_hint and id_token_hint says whom"),
        };
        let binding_message = params.get("binding_message").map(str::to_owned);
        if binding_message.as_deref().is_some_and(|text| !is_shown(text, LONGEST_MESSAGE)) {
            return Err(ProtocolError::new(
                Code::InvalidBindingMessage,
                "binding_message is too long, or cannot be shown as it is",
            ));
        }
        let life = match params.get("requested_expiry").map(str::parse::<u64>) {
            None => LIFE,
            Some(Ok(seconds)) if seconds > 0 => Duration::from_secs(seconds.min(LONGEST)),
            Some(_) => return invalid("requested_expiry is not a positive number of seconds"),
        };
        let notification_token = match (mode, params.get("client_notification_token")) {
            (DeliveryMode::Poll, _) => None,
            (DeliveryMode::Ping, Some(token)) if token.len() <= LONGEST_TOKEN && is_bearer(token) => {
                Some(token.to_owned())
            }
            (DeliveryMode::Ping, _) => {
                return invalid("client_notification_token is missing, too long or no bearer token");
            }
        };
        Ok(Self { hint, binding_message, life, notification_token })
    }
}

/// How long to wait before a client is told again, after so many tries; `None` when it is given up, after ten minutes:
/// it may still ask.
pub fn told_again_after(tries: u32) -> Option<Duration> {
    const MOST_TRIES: u32 = 8;
    (tries < MOST_TRIES).then(|| Duration::from_secs(5 << tries.saturating_sub(1)))
}

/// RFC 6750, 2.1: `b64token`.
fn is_bearer(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

/// How long a signed request may be good at most (FAPI-CIBA 5.2.2), and how old, in seconds.
const WINDOW: i64 = 3600;
/// For so much longer it is remembered: on a replica whose clock is behind it is good for longer.
const SKEW: Duration = Duration::from_secs(30);

/// What a signed request says besides its parameters.
#[derive(Debug, PartialEq, Eq)]
pub struct Once {
    /// Its name, good once.
    pub jti: String,
    /// For so long it would be believed.
    pub remember: Duration,
}

/// Reads a signed request whose signature holds (CIBA Core, 7.1.1: `aud`, `iss`, `exp`, `iat`, `nbf` and `jti` are
/// REQUIRED). `since`: what was made before is refused, for nobody knows whether it was used (R3).
///
/// # Errors
/// What is wrong with it, for the client's developer.
pub fn signed(
    claims: &Map<String, Value>,
    client_id: &str,
    issuer: &str,
    now: Timestamp,
    since: Timestamp,
) -> Result<(Params, Once), &'static str> {
    let expect = request_object::Expect { client_id, issuer, strict: Strict::Required, now };
    let params = expect.parameters(claims)?;
    let moment = |name: &str| numeric_date::seconds(claims, name).ok().flatten();
    let (Some(exp), Some(nbf), Some(iat)) = (moment("exp"), moment("nbf"), moment("iat")) else {
        return Err("a signed request says exp, nbf and iat");
    };
    if exp.saturating_sub(nbf) > WINDOW || now.seconds().saturating_sub(nbf) > WINDOW {
        return Err("a signed request is good for at most 60 minutes");
    }
    if Timestamp::from_seconds(iat) < since {
        return Err("the signed request was made before our start: make a new one");
    }
    let jti = claims.get("jti").and_then(Value::as_str).filter(|jti| !jti.is_empty() && jti.len() <= 256);
    let jti = jti.ok_or("a signed request says jti, a text of at most 256 bytes")?;
    let left = u64::try_from(exp.saturating_sub(now.seconds())).unwrap_or_default();
    Ok((params, Once { jti: jti.to_owned(), remember: Duration::from_secs(left) + SKEW }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(query: &str, mode: DeliveryMode) -> Result<Request, &'static str> {
        Request::parse(&Params::parse(query), mode).map_err(|error| error.code.as_str())
    }

    #[test]
    fn exactly_one_hint_says_whom() {
        let poll = |query| read(query, DeliveryMode::Poll);
        assert_eq!(poll("login_hint=a").unwrap().hint, Hint::Login("a".into()));
        assert_eq!(poll("id_token_hint=a").unwrap().hint, Hint::IdToken("a".into()));
        for bad in [
            "",
            "login_hint=a&id_token_hint=b",
            "login_hint_token=a",
            "login_hint=a&login_hint_token=b",
            "login_hint=a&user_code=1",
        ] {
            assert_eq!(poll(bad), Err("invalid_request"), "{bad}");
        }
    }

    #[test]
    fn what_a_page_cannot_show_is_refused() {
        for good in ["W4SCT", "品川 Lor3m 👍🏿", &"x".repeat(LONGEST_MESSAGE)] {
            assert!(is_shown(good, LONGEST_MESSAGE), "{good}");
        }
        let marks = [
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{61c}b",
            "a\u{ad}b",
            "a\u{180e}b",
            "a\u{115f}b",
            "a\u{3164}b",
            "a\u{e0041}b",
            "a\u{fff9}b",
        ];
        for bad in [" ", "a\nb", "a\u{2028}b", &"x".repeat(LONGEST_MESSAGE + 1)].into_iter().chain(marks) {
            let query = form_urlencoded::Serializer::new("login_hint=a&".to_owned())
                .append_pair("binding_message", bad)
                .finish();
            let refused = read(&query, DeliveryMode::Poll);
            // An empty parameter counts as left out (RFC 6749, 3.1).
            assert!(refused == Err("invalid_binding_message") || bad.is_empty(), "{bad:?}: {refused:?}");
        }
    }

    #[test]
    fn a_question_ends_when_the_client_wants_and_never_late() {
        let life =
            |query: &str| read(&format!("login_hint=a&{query}"), DeliveryMode::Poll).map(|asked| asked.life.as_secs());
        assert_eq!(
            (life(""), life("requested_expiry=10"), life("requested_expiry=999999")),
            (Ok(300), Ok(10), Ok(3600))
        );
        for bad in ["0", "-1", "x", "1.5"] {
            assert_eq!(life(&format!("requested_expiry={bad}")), Err("invalid_request"), "{bad}");
        }
    }

    #[test]
    fn whoever_is_told_says_by_what_it_knows_us() {
        assert_eq!(read("login_hint=a", DeliveryMode::Ping), Err("invalid_request"));
        for bad in ["a b", "=", "ä", &"x".repeat(LONGEST_TOKEN + 1)] {
            let query = form_urlencoded::Serializer::new("login_hint=a&".to_owned())
                .append_pair("client_notification_token", bad)
                .finish();
            assert_eq!(read(&query, DeliveryMode::Ping), Err("invalid_request"), "{bad}");
        }
        assert!(
            read("login_hint=a&client_notification_token=x.y-z%3D", DeliveryMode::Ping)
                .unwrap()
                .notification_token
                .is_some()
        );
    }

    #[test]
    fn a_signed_request_says_all_and_is_good_for_an_hour() {
        let whole = json!({ "iss": "c", "aud": "https://op", "exp": 1300, "nbf": 1000, "iat": 1000, "jti": "j", "login_hint": "a" });
        let read = |change: Value| {
            let mut claims = whole.as_object().unwrap().clone();
            for (name, value) in change.as_object().unwrap() {
                if value.is_null() {
                    claims.remove(name)
                } else {
                    claims.insert(name.clone(), value.clone())
                };
            }
            signed(&claims, "c", "https://op", Timestamp::from_seconds(1000), Timestamp::from_seconds(990))
        };
        let (params, once) = read(json!({})).unwrap();
        assert_eq!(
            (params.get("login_hint"), once),
            (Some("a"), Once { jti: "j".into(), remember: Duration::from_secs(300) + SKEW })
        );
        assert!(read(json!({ "aud": ["https://op"] })).is_ok() && read(json!({ "iat": 990 })).is_ok());
        for name in ["iss", "aud", "exp", "nbf", "iat", "jti"] {
            assert!(read(json!({ name: null })).is_err(), "{name}");
        }
        for bad in [
            json!({ "iss": "d" }),
            json!({ "aud": "https://other" }),
            json!({ "exp": 1000 }),
            json!({ "exp": 5200 }),
            json!({ "nbf": 1600 }),
            json!({ "nbf": -3200, "exp": 1001 }),
            json!({ "jti": "" }),
            json!({ "iat": 989 }),
            json!({ "exp": "1300" }),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
