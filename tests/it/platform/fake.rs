//! A provider at the wire that says exactly what a test tells it to, and a browser in front of one platform.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Form, State};
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use mingji::demo::platform::{Accent, ClientId, ClientSecret, IssuerUrl, Look, PlatformSettings, router};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::Url;

pub const CLIENT: &str = "platform-a";
pub const START: i64 = 1_800_000_000;
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// An ES256 key with a name.
pub struct Key {
    pub kid: &'static str,
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Key {
    #[allow(clippy::disallowed_methods, reason = "a test key; the service's one generator is not under test")]
    pub fn new(kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { kid, pair, random }
    }

    pub fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid, "x": x, "y": y })
    }

    pub fn sign(&self, typ: &str, claims: &Value) -> String {
        self.sign_header(&json!({ "alg": "ES256", "typ": typ, "kid": self.kid }), claims)
    }

    pub fn sign_header(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&self.random, input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// A token that nobody signed.
pub fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none" })), part(claims))
}

/// What the provider says next, and what it heard last.
pub struct Tape {
    pub keys: Vec<Value>,
    pub token: (StatusCode, Value),
    pub userinfo: Value,
    pub heard: BTreeMap<String, String>,
    pub refreshes: usize,
}

pub struct Rig {
    pub issuer: String,
    pub key: Key,
    pub tape: Arc<Mutex<Tape>>,
    pub state_file: Option<PathBuf>,
    pub jar: BTreeMap<String, String>,
    clock: Arc<AtomicI64>,
    platform: Router,
}

/// What a browser sees.
pub struct Page {
    pub status: StatusCode,
    pub location: String,
    pub set_cookies: Vec<String>,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    /// The stable id and code of the error page.
    pub fn is_error(&self, code: &str) -> bool {
        let shown = format!(r#"<code id="rp-error-code">{code}</code>"#);
        self.text.contains(r#"id="rp-error""#) && self.text.contains(&shown)
    }
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(None).await
    }

    pub async fn with(state_file: Option<PathBuf>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = Key::new("k1");
        let tape = Arc::new(Mutex::new(Tape {
            keys: vec![key.jwk()],
            token: (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" })),
            userinfo: json!({ "sub": "u1", "name": "林晓燕" }),
            heard: BTreeMap::new(),
            refreshes: 0,
        }));
        let provider = provider(issuer.clone(), tape.clone());
        tokio::spawn(async move { axum::serve(listener, provider).await.unwrap() });
        let clock = Arc::new(AtomicI64::new(START));
        let platform = router(settings(&issuer, state_file.clone(), clock.clone())).await.unwrap();
        Self { issuer, key, tape, state_file, jar: BTreeMap::new(), clock, platform }
    }

    /// Stops the platform and starts it again.
    pub async fn restart(&mut self) {
        let settings = settings(&self.issuer, self.state_file.clone(), self.clock.clone());
        self.platform = router(settings).await.unwrap();
    }

    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::Relaxed)
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path)).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.exchange(request, Body::from(body)).await
    }

    async fn send(&mut self, request: Builder) -> Page {
        self.exchange(request, Body::empty()).await
    }

    async fn exchange(&mut self, request: Builder, body: Body) -> Page {
        let cookies = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = request.header(header::COOKIE, cookies).body(body).unwrap();
        let response = self.platform.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let set_cookies: Vec<String> = parts
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|header| header.to_str().unwrap().to_owned())
            .collect();
        for cookie in &set_cookies {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.jar.remove(name)
            } else {
                self.jar.insert(name.into(), value.into())
            };
        }
        let location = parts.headers.get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
        let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        Page { status: parts.status, location: location.unwrap_or_default(), set_cookies, headers: parts.headers, text }
    }

    /// Presses the button; the parameters of the authorization request.
    pub async fn begin(&mut self) -> BTreeMap<String, String> {
        let page = self.get("/login").await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
        assert!(page.location.starts_with(&format!("{}/authorize?", self.issuer)), "{}", page.location);
        query(&page.location)
    }

    /// The claims of an honest ID token.
    pub fn claims(&self, request: &BTreeMap<String, String>) -> Value {
        json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "u1", "sid": "s1", "nonce": request["nonce"],
            "iat": self.now(), "exp": self.now() + 300, "at_hash": at_hash("access-1"),
            "age_band": "adult", "edu_realname": { "verified": true, "level": 3 },
            "edu_identity": { "kind": "teacher", "org_id": "o1", "org_name": "临江县第一小学" },
        })
    }

    /// Lets the token endpoint answer with this ID token.
    pub fn answer_with(&self, id_token: &str) {
        let answer = json!({
            "access_token": "access-1", "token_type": "Bearer", "expires_in": 300, "refresh_token": "refresh-1",
            "scope": "openid profile edu", "id_token": id_token,
        });
        self.tape.lock().unwrap().token = (StatusCode::OK, answer);
    }

    /// The honest way back.
    pub fn callback(&self, request: &BTreeMap<String, String>) -> String {
        callback_with(&[("code", "c1"), ("state", &request["state"]), ("iss", &self.issuer)])
    }

    /// A whole honest sign-in.
    pub async fn sign_in(&mut self) -> BTreeMap<String, String> {
        let request = self.begin().await;
        self.answer_with(&self.key.sign("JWT", &self.claims(&request)));
        let page = self.get(&self.callback(&request)).await;
        assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/space"), "{}", page.text);
        request
    }

    pub async fn is_signed_in(&mut self) -> bool {
        self.get("/space").await.status == StatusCode::OK
    }
}

pub fn callback_with(parameters: &[(&str, &str)]) -> String {
    format!("/callback?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish())
}

pub fn query(url: &str) -> BTreeMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

pub fn at_hash(access_token: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
}

fn settings(issuer: &str, state_file: Option<PathBuf>, clock: Arc<AtomicI64>) -> PlatformSettings {
    PlatformSettings {
        key: "a".into(),
        base_url: Url::parse("http://localhost:8081/").unwrap(),
        issuer: IssuerUrl::new(issuer.into()).unwrap(),
        client_id: ClientId::new(CLIENT.into()),
        client_secret: Some(ClientSecret::new("secret".into())),
        scopes: ["openid", "profile", "edu"].map(str::to_owned).to_vec(),
        look: Look {
            name_zh: "临江教育云".into(),
            name_en: "Linjiang Education Cloud".into(),
            tagline_zh: "全县师生的一张课桌".into(),
            tagline_en: "One desk for every school of the county".into(),
            accent: Accent(14, 94, 111),
        },
        links: vec![("江畔课堂".into(), Url::parse("http://localhost:8082/").unwrap())],
        state_file,
        now: Arc::new(move || DateTime::from_timestamp(clock.load(Ordering::Relaxed), 0).unwrap()),
    }
}

type Shared = (String, Arc<Mutex<Tape>>);

fn provider(issuer: String, tape: Arc<Mutex<Tape>>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route(
            "/jwks",
            get(|State((_, tape)): State<Shared>| async move { Json(json!({ "keys": tape.lock().unwrap().keys })) }),
        )
        .route("/token", post(token))
        .route(
            "/userinfo",
            get(|State((_, tape)): State<Shared>| async move { Json(tape.lock().unwrap().userinfo.clone()) }),
        )
        .with_state((issuer, tape))
}

async fn discovery(State((issuer, _)): State<Shared>) -> Json<Value> {
    Json(json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/end"), "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn token(State((_, tape)): State<Shared>, Form(form): Form<BTreeMap<String, String>>) -> Response {
    let mut tape = tape.lock().unwrap();
    tape.refreshes += usize::from(form.get("grant_type").is_some_and(|grant| grant == "refresh_token"));
    tape.heard = form;
    let (status, body) = tape.token.clone();
    (status, Json(body)).into_response()
}
