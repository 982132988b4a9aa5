//! A verification service to try things out with. It knows the provider by its issuer alone, believes only what the provider
//! signed, answers as a real one would, and does what the number says:
//!
//! | the three digits before the check character | answer |
//! |---|---|
//! | `991` | mismatch |
//! | `992` | the first call about a number comes too late, the next one matches |
//! | `993` | status 500 |
//! | `994` | what nobody can read |
//! | `995` | a match that somebody else signed |
//! | `996` | the first call about a number comes too late, and its answer is what every other one gets |
//! | `997` | a match to the first call about a number, a mismatch ever after |
//! | any other, and a 学籍号 | match |

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Map, Value, json};

use crate::domain::oidc::signing_key::{KeyState, SigningAlg};
use crate::domain::random::Random;
use crate::domain::time::Clock;
use crate::keys::foreign::{Header, PublicKeys};
use crate::keys::keyring::{Keyring, OpenedKey};
use crate::keys::signer::{KeyError, SigningKey};
use crate::outbound::client::GuardedClient;

/// The service; cheap to clone.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    issuer: String,
    url: String,
    clock: Arc<dyn Clock>,
    http: GuardedClient,
    own: Keyring,
    strangers: Keyring,
    late: Duration,
    calls: Mutex<Vec<String>>,
    known: Mutex<HashMap<String, String>>,
}

impl Simulator {
    /// A service that is asked at `url` by the provider of an issuer; `late` is longer than the provider waits.
    ///
    /// # Errors
    /// [`KeyError`] when no keys can be made.
    pub fn new(
        issuer: &str,
        url: &str,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
        http: GuardedClient,
        late: Duration,
    ) -> Result<Self, KeyError> {
        let inner = Inner {
            issuer: issuer.trim_end_matches('/').to_owned(),
            url: url.to_owned(),
            clock,
            http,
            own: one_key(random)?,
            strangers: one_key(random)?,
            late,
            calls: Mutex::default(),
            known: Mutex::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Its public keys, for the provider's settings.
    pub fn keys(&self) -> Value {
        self.0.own.jwks().clone()
    }

    /// The ids of the questions that came, in order.
    pub fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It answers at every path of its own.
    pub fn router(&self) -> Router {
        Router::new().fallback_service(post(answer).with_state(self.clone()))
    }

    /// What the provider asks, where it is the provider's and for us.
    async fn believe(&self, text: &str) -> Option<Map<String, Value>> {
        let discovery = format!("{}/.well-known/openid-configuration", self.0.issuer);
        let discovered: Value = self.0.http.get_json(&discovery).await.ok()?;
        let keys: Value = self.0.http.get_json(discovered["jwks_uri"].as_str()?).await.ok()?;
        let header = Header::read(text).ok()?;
        let claims = PublicKeys::parse(&keys).ok()?.verify(text, &header).ok()?;
        let now = self.0.clock.now().seconds();
        let is_ours = header.typ.as_deref() == Some("verification-request+jwt")
            && claims["iss"] == discovered["issuer"]
            && claims["aud"] == self.0.url.as_str()
            && claims["exp"].as_i64().is_some_and(|end| now < end);
        is_ours.then_some(claims)
    }

    /// The id of the first question about a number, where it is not this one.
    fn first_about(&self, number: &str, id: &str) -> Option<String> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let first = known.entry(number.to_owned()).or_insert_with(|| id.to_owned());
        Some(first.clone()).filter(|first| first != id)
    }

    fn signed(&self, ring: &Keyring, asked: &Map<String, Value>, result: &str) -> Response {
        let claims = json!({
            "iss": self.0.url, "aud": asked["iss"], "request": asked["jti"], "iat": self.0.clock.now().seconds(),
            "result": result, "txn": format!("sim-{}", asked["jti"].as_str().unwrap_or_default()),
        });
        let token =
            ring.active(SigningAlg::Es256).and_then(|key| ring.sign(key, "verification-response+jwt", &claims).ok());
        match token {
            Some(token) => ([(header::CONTENT_TYPE, "application/jose")], token).into_response(),
            None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

fn one_key(random: &dyn Random) -> Result<Keyring, KeyError> {
    let (key, _) = SigningKey::generate(SigningAlg::Es256, random)?;
    Ok(Keyring::new(vec![OpenedKey { key: Arc::new(key), state: KeyState::Active }]))
}

async fn answer(State(simulator): State<Simulator>, body: String) -> Response {
    let Some(asked) = simulator.believe(body.trim()).await else {
        return (StatusCode::BAD_REQUEST, "not a question of the provider to this service").into_response();
    };
    let number = asked.get("document").and_then(|document| document["number"].as_str()).unwrap_or_default();
    let first = simulator.first_about(number, asked["jti"].as_str().unwrap_or_default());
    let serial = number.get(14..17).unwrap_or_default();
    match serial {
        "991" => simulator.signed(&simulator.0.own, &asked, "mismatch"),
        "992" | "996" if first.is_none() => {
            tokio::time::sleep(simulator.0.late).await;
            simulator.signed(&simulator.0.own, &asked, "match")
        }
        "993" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "994" => "match, sort of".into_response(),
        "995" => simulator.signed(&simulator.0.strangers, &asked, "match"),
        "996" => {
            let mut kept = asked;
            kept.insert("jti".into(), json!(first));
            simulator.signed(&simulator.0.own, &kept, "match")
        }
        "997" if first.is_some() => simulator.signed(&simulator.0.own, &asked, "mismatch"),
        _ => simulator.signed(&simulator.0.own, &asked, "match"),
    }
}
