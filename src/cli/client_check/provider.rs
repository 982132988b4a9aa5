//! The sandbox provider: one that a platform's own client is pointed at, and that answers wrongly on purpose. It signs
//! everybody in as the same pupil of a school that does not exist, and knows nobody else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::faults::Fault;
use crate::cli::Failure;
use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::time::{Clock as _, Timestamp};
use crate::keys::opaque;
use crate::keys::random::SystemRandom;
use crate::keys::signer::{KeyError, SigningKey};
use crate::telemetry::SystemClock;

/// Who everybody is here.
const PUPIL: &str = "sandbox-pupil-0001";
/// What the pupil is: every claim of the guide that its table marks as always there, and what a pupil has besides.
fn about_the_pupil(now: Timestamp) -> Value {
    let identity = json!({
        "kind": "student", "org_id": "sandbox", "org_code": "0000000000", "org_name": "沙盒学校", "class_ids": ["sandbox-class"],
    });
    json!({
        "sub": PUPIL, "edu_identity": identity, "age_band": "14to17",
        "edu_realname": { "verified": true, "level": 2, "at": now.to_rfc3339() },
        "edu_home": { "sys_code": "00000000", "platform_id": "sandbox", "level": "county" },
        "edu_space": { "space_id": "sandbox-space", "url": "https://space.example.edu.cn/mine" },
    })
}

/// Who is not signed in.
const SOMEBODY: &str = "sandbox-pupil-0002";
const OTHER_ISSUER: &str = "https://id.other.example";
/// Where an answer of `form_post` goes; only our own visitor reads it.
pub const POSTED: &str = "x-sandbox-post";

type Pairs = Vec<(String, String)>;

/// What was asked of the provider in this visit.
#[derive(Clone, Default)]
pub struct Seen {
    /// The authorization request.
    pub asked: Option<Pairs>,
    /// Whether the token endpoint answered.
    pub redeemed: bool,
    /// Whether userinfo answered.
    pub userinfo: bool,
    /// Why the token endpoint refused.
    pub refused: Option<&'static str>,
}

impl Seen {
    /// A parameter of the authorization request.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.asked.as_ref()?;
        pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

struct Now {
    fault: Fault,
    seen: Seen,
    /// Whether it still signs somebody in: once a visit. A platform that starts over after a bad answer would end inside.
    open: bool,
    /// The code of this visit, until it is redeemed.
    code: Option<String>,
}

/// The provider.
pub struct Sandbox {
    issuer: String,
    random: SystemRandom,
    key: SigningKey,
    /// Published nowhere.
    stranger: SigningKey,
    now: Mutex<Now>,
}

impl Sandbox {
    /// With fresh keys.
    ///
    /// # Errors
    /// No key can be made.
    pub fn new(issuer: &str) -> Result<Self, Failure> {
        let random = SystemRandom::new();
        let made = |_: KeyError| Failure::new("no signing key could be made");
        // The algorithm that every relying party knows.
        let (key, _) = SigningKey::generate(SigningAlg::Rs256, &random).map_err(made)?;
        let (stranger, _) = SigningKey::generate(SigningAlg::Rs256, &random).map_err(made)?;
        let now = Mutex::new(Now { fault: Fault::None, seen: Seen::default(), open: true, code: None });
        Ok(Self { issuer: issuer.to_owned(), random, key, stranger, now })
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on answers so.
    pub fn turn(&self, fault: Fault) {
        *self.now() = Now { fault, seen: Seen::default(), open: true, code: None };
    }

    /// From now on signs nobody in.
    pub fn close(&self) {
        let mut now = self.now();
        *now = Now { fault: Fault::None, seen: Seen::default(), open: false, code: None };
    }

    /// What was asked since.
    pub fn seen(&self) -> Seen {
        self.now().seen.clone()
    }

    /// Its endpoints.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/jwks", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo).post(userinfo))
            // Clients build the way out from the metadata; nobody is sent there here.
            .route("/end-session", get(async || StatusCode::NO_CONTENT))
            .with_state(self)
    }

    fn id_token(&self, fault: Fault, asked: &Seen, access_token: &str) -> Result<String, KeyError> {
        let now = SystemClock.now();
        let client = asked.parameter("client_id").unwrap_or_default();
        let mut claims = json!({
            "iss": self.issuer, "aud": client, "azp": client, "iat": now.seconds(), "exp": now.seconds() + 300,
            "jti": opaque::generate(&self.random).expose_secret(), "sid": "sandbox-session", "auth_time": now.seconds(),
            "acr": "urn:edu-cn:acr:pwd", "amr": ["pwd"], "at_hash": half(access_token),
        });
        take_over(&mut claims, about_the_pupil(now));
        if let Some(nonce) = asked.parameter("nonce") {
            claims["nonce"] = json!(nonce);
        }
        let yesterday = now.seconds() - 86_400;
        match fault {
            Fault::WrongNonce => claims["nonce"] = json!("somebody-elses-nonce"),
            Fault::NoNonce => drop_member(&mut claims, "nonce"),
            // Nothing else says whom it is for: a client that looks at azp only has not seen this.
            Fault::WrongAudience => claims["aud"] = json!("another-client"),
            Fault::ForeignAzp => {
                claims["aud"] = json!([client, "another-client"]);
                claims["azp"] = json!("another-client");
            }
            Fault::WrongIssuer => claims["iss"] = json!(OTHER_ISSUER),
            // Nothing else about it is old: a client that looks at other times only has not seen this.
            Fault::Expired => claims["exp"] = json!(yesterday),
            Fault::NoExpiry => drop_member(&mut claims, "exp"),
            Fault::NoSubject => drop_member(&mut claims, "sub"),
            Fault::WrongAtHash => claims["at_hash"] = json!(half("another token")),
            _ => {}
        }
        let kid = self.key.kid();
        match fault {
            Fault::AlgNone => Ok(format!("{}.", unsigned(&json!({ "alg": "none", "typ": "JWT" }), &claims))),
            Fault::ForeignKey => signed(&self.stranger, kid, &claims),
            Fault::UnknownKey => signed(&self.stranger, self.stranger.kid(), &claims),
            Fault::Tampered => {
                let token = signed(&self.key, kid, &claims)?;
                // Nothing that userinfo could contradict.
                claims["acr"] = json!("urn:edu-cn:acr:changed");
                let changed = unsigned(&json!({ "alg": "RS256", "typ": "JWT", "kid": kid }), &claims);
                Ok(format!("{changed}.{}", token.rsplit('.').next().unwrap_or_default()))
            }
            _ => signed(&self.key, kid, &claims),
        }
    }
}

fn take_over(claims: &mut Value, mut others: Value) {
    if let (Some(claims), Some(others)) = (claims.as_object_mut(), others.as_object_mut()) {
        claims.append(others);
    }
}

fn drop_member(claims: &mut Value, name: &str) {
    if let Some(claims) = claims.as_object_mut() {
        claims.remove(name);
    }
}

/// The left half of the digest (OpenID Connect Core, 3.1.3.6).
fn half(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&opaque::digest(text)[..16])
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// Signed by a key under any name, which the keys of the product themselves never do.
fn signed(key: &SigningKey, kid: &str, claims: &Value) -> Result<String, KeyError> {
    let message = unsigned(&json!({ "alg": key.alg().as_str(), "typ": "JWT", "kid": kid }), claims);
    let signature = key.sign(message.as_bytes())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

async fn metadata(State(sandbox): State<Arc<Sandbox>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", sandbox.issuer);
    Json(json!({
        "issuer": sandbox.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/jwks"), "end_session_endpoint": at("/end-session"), "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"], "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "edu"], "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(sandbox): State<Arc<Sandbox>>) -> Json<Value> {
    Json(json!({ "keys": [sandbox.key.public_jwk()] }))
}

async fn authorize(State(sandbox): State<Arc<Sandbox>>, Query(pairs): Query<Pairs>) -> Response {
    let code = opaque::generate(&sandbox.random).expose_secret().to_owned();
    let mut now = sandbox.now();
    if !std::mem::take(&mut now.open) {
        return (StatusCode::FORBIDDEN, "this visit has had its answer").into_response();
    }
    now.seen.asked = Some(pairs);
    now.code = Some(code.clone());
    let (fault, asked) = (now.fault, now.seen.clone());
    drop(now);
    let Some(back) = asked.parameter("redirect_uri") else {
        return (StatusCode::BAD_REQUEST, "redirect_uri is missing").into_response();
    };
    let mut answer: Vec<(&str, &str)> = match fault {
        Fault::Denied => vec![("error", "access_denied")],
        _ => vec![("code", &code)],
    };
    match (fault, asked.parameter("state")) {
        (Fault::NoState, _) | (_, None) => {}
        (Fault::WrongState, Some(_)) => answer.push(("state", "somebody-elses-state")),
        (_, Some(state)) => answer.push(("state", state)),
    }
    match fault {
        Fault::NoIss => {}
        Fault::WrongIss => answer.push(("iss", OTHER_ISSUER)),
        _ => answer.push(("iss", &sandbox.issuer)),
    }
    let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
    if asked.parameter("response_mode") == Some("form_post") {
        let headers = [(header::LOCATION.as_str(), back.to_owned()), (POSTED, fields)];
        return (StatusCode::SEE_OTHER, headers).into_response();
    }
    let joint = if back.contains('?') { '&' } else { '?' };
    (StatusCode::SEE_OTHER, [(header::LOCATION, format!("{back}{joint}{fields}"))]).into_response()
}

async fn token(State(sandbox): State<Arc<Sandbox>>, Form(pairs): Form<Pairs>) -> Response {
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let mut now = sandbox.now();
    let asked = now.seen.clone();
    let refused = if now.code.is_none() || value("code") != now.code.as_deref() {
        Some("the code is not the one of this sign-in, or was redeemed before")
    } else if value("redirect_uri") != asked.parameter("redirect_uri") {
        Some("redirect_uri differs from the authorization request")
    } else if asked.parameter("code_challenge") != value("code_verifier").map(opaque::s256).as_deref() {
        Some("code_verifier does not match the code_challenge")
    } else {
        None
    };
    now.seen.refused = refused;
    if refused.is_none() {
        now.code = None;
        now.seen.redeemed = true;
    }
    let fault = now.fault;
    drop(now);
    if let Some(why) = refused {
        let body = json!({ "error": "invalid_grant", "error_description": why });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let access_token = opaque::generate(&sandbox.random).expose_secret().to_owned();
    match sandbox.id_token(fault, &asked, &access_token) {
        Ok(id_token) => {
            let body = json!({
                "access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token, "scope": "openid profile edu",
            });
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn userinfo(State(sandbox): State<Arc<Sandbox>>) -> Json<Value> {
    let mut now = sandbox.now();
    now.seen.userinfo = true;
    let other = now.fault == Fault::OtherSubjectAtUserinfo;
    drop(now);
    let mut claims = about_the_pupil(SystemClock.now());
    if other {
        claims["sub"] = json!(SOMEBODY);
    }
    let mut identity = claims["edu_identity"].clone();
    take_over(&mut identity, json!({ "primary": true, "from": "2026-09-01" }));
    let class = json!({
        "class_id": "sandbox-class", "name": "沙盒班", "stage": "junior", "entry_year": 2026, "grade": 7, "role": "student",
    });
    take_over(&mut claims, json!({ "name": "沙盒学生", "edu_identities": [identity], "edu_classes": [class] }));
    Json(claims)
}
