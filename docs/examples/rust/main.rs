//! 一个接入名籍的平台，用 `openidconnect` 和 `axum`：登录、退出、在别处退出。
//! A platform that signs people in at Mingji: sign-in, sign-out, and the sign-out that happens elsewhere.
//!
//! `ISSUER`, `CLIENT_ID`, `CLIENT_SECRET`; `BASE_URL`: where people find this platform, without a slash at the end.

#![allow(clippy::disallowed_methods, reason = "it stands alone, with its own environment and clock")]
#![allow(clippy::print_stdout, reason = "it says where it listens")]

mod logout_token;
mod wire;

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, RawForm, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreJsonWebKeySet, CoreJwsSigningAlgorithm, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndSessionUrl, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse as _,
};
use serde_json::{Value, json};
use wire::Wire;

type Fault = Box<dyn Error + Send + Sync>;
type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// As long as the provider says that its documents may be kept. A new key is in the list long before it signs.
const FRESH: Duration = Duration::from_secs(300);

/// What discovery told.
struct Known {
    client: Client,
    keys: CoreJsonWebKeySet,
    end_session: EndSessionUrl,
    at: Instant,
}

/// What only this browser's answer may be compared with: kept here, never in an address.
struct Attempt {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

struct Person {
    sub: String,
    sid: Option<String>,
    name: String,
    id_token: CoreIdToken,
}

/// In memory, and nothing here ends by itself: a platform with more than one process keeps it in its database.
#[derive(Default)]
struct Memory {
    attempts: HashMap<String, Attempt>,
    people: HashMap<String, Person>,
    spent_logout_tokens: HashSet<String>,
}

struct Platform {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    base: String,
    wire: Wire,
    known: tokio::sync::Mutex<Option<Arc<Known>>>,
    memory: Mutex<Memory>,
}

impl Platform {
    fn from_environment() -> Result<Self, Fault> {
        Ok(Self {
            issuer: IssuerUrl::new(std::env::var("ISSUER")?)?,
            client_id: ClientId::new(std::env::var("CLIENT_ID")?),
            client_secret: ClientSecret::new(std::env::var("CLIENT_SECRET")?),
            base: std::env::var("BASE_URL")?,
            wire: Wire::new()?,
            known: tokio::sync::Mutex::default(),
            memory: Mutex::default(),
        })
    }

    /// Discovery; the library compares the issuer of the document with the one asked for.
    async fn known(&self) -> Result<Arc<Known>, Fault> {
        let mut kept = self.known.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| known.at.elapsed() < FRESH) {
            return Ok(known.clone());
        }
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.wire).await?;
        let end_session = metadata.additional_metadata().end_session_endpoint.clone();
        let known = Arc::new(Known {
            keys: metadata.jwks().clone(),
            end_session: end_session.ok_or("the provider has no end_session_endpoint")?,
            client: CoreClient::from_provider_metadata(
                metadata,
                self.client_id.clone(),
                Some(self.client_secret.clone()),
            )
            .set_redirect_uri(RedirectUrl::new(format!("{}/callback", self.base))?),
            at: Instant::now(),
        });
        *kept = Some(known.clone());
        Ok(known)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ports of one host share their cookies, so the name is this program's own.
    fn cookie_name(&self) -> &'static str {
        if self.base.starts_with("https:") { "__Host-rs-example" } else { "rs-example" }
    }

    /// A new key each time: whoever planted one before has nothing (session fixation).
    fn set_cookie(&self, key: &str) -> [(HeaderName, String); 1] {
        let secure = if self.base.starts_with("https:") { "; Secure" } else { "" };
        [(SET_COOKIE, format!("{}={key}; Path=/; HttpOnly; SameSite=Lax{secure}", self.cookie_name()))]
    }

    fn key_of(&self, headers: &HeaderMap) -> String {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split("; ")).filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == self.cookie_name()).map(|(_, key)| key.to_owned()).unwrap_or_default()
    }
}

fn random_key() -> String {
    CsrfToken::new_random_len(32).into_secret()
}

fn page(body: &str) -> Response {
    let head = "<!doctype html><meta charset=\"utf-8\"><title>openidconnect</title>";
    ([(CACHE_CONTROL, "no-store")], Html(format!("{head}{body}"))).into_response()
}

fn problem(why: &str) -> Response {
    let body = format!("<p id=\"problem\">{}</p><a href=\"/login\">再试一次 Try again</a>", escape(why));
    (StatusCode::BAD_REQUEST, page(&body)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn home(State(platform): State<Arc<Platform>>, headers: HeaderMap) -> Response {
    match platform.memory().people.get(&platform.key_of(&headers)) {
        None => page("<a id=\"login\" href=\"/login\">登录 Sign in</a>"),
        Some(person) => page(&format!(
            "<p><b id=\"name\">{}</b> <code id=\"sub\">{}</code></p><form method=\"post\" action=\"/logout\"><button>退出 Sign out</button></form>",
            escape(&person.name),
            escape(&person.sub)
        )),
    }
}

async fn login(State(platform): State<Arc<Platform>>) -> Response {
    let known = match platform.known().await {
        Ok(known) => known,
        Err(fault) => return problem(&fault.to_string()),
    };
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = known
        .client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "edu"].map(|scope| Scope::new(scope.into())))
        .set_pkce_challenge(challenge)
        .url();
    let key = random_key();
    platform.memory().attempts.insert(key.clone(), Attempt { state, nonce, verifier });
    (platform.set_cookie(&key), Redirect::to(url.as_str())).into_response()
}

async fn callback(State(platform): State<Arc<Platform>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let attempt = platform.memory().attempts.remove(&platform.key_of(&headers));
    let Some(attempt) = attempt else { return problem("没有进行中的登录 No sign-in was begun here") };
    let query = query.unwrap_or_default();
    let said: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    match sign_in(&platform, attempt, &said).await {
        Ok(person) => {
            let key = random_key();
            platform.memory().people.insert(key.clone(), person);
            (platform.set_cookie(&key), Redirect::to("/")).into_response()
        }
        Err(fault) => problem(&fault.to_string()),
    }
}

async fn sign_in(platform: &Platform, attempt: Attempt, said: &HashMap<String, String>) -> Result<Person, Fault> {
    // RFC 9207, 2.4, which the library leaves to us. Errors name the issuer too.
    if said.get("iss").map(String::as_str) != Some(platform.issuer.as_str()) {
        return Err("iss".into());
    }
    if said.get("state") != Some(attempt.state.secret()) {
        return Err("state".into());
    }
    let code = said.get("code").ok_or_else(|| said.get("error").cloned().unwrap_or_default())?;
    let known = platform.known().await?;
    let request = known.client.exchange_code(AuthorizationCode::new(code.clone()))?.set_pkce_verifier(attempt.verifier);
    let tokens = request.request_async(&platform.wire).await?;

    let id_token = tokens.id_token().ok_or("there is no ID token")?;
    // The algorithm is what was registered, not what the token proposes. Signature, iss, aud, azp, exp, iat and nonce are the library's.
    let checker = known.client.id_token_verifier().set_allowed_algs([CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256]);
    let claims = id_token.claims(&checker, &attempt.nonce)?;
    let hash =
        AccessTokenHash::from_token(tokens.access_token(), id_token.signing_alg()?, id_token.signing_key(&checker)?)?;
    if claims.access_token_hash() != Some(&hash) {
        return Err("at_hash".into());
    }
    let expected = Some(claims.subject().clone());
    let about: CoreUserInfoClaims =
        known.client.user_info(tokens.access_token().clone(), expected)?.request_async(&platform.wire).await?;
    let name = about.name().and_then(|name| name.get(None)).map(|name| name.to_string());
    Ok(Person {
        sub: claims.subject().to_string(),
        // Verified a moment ago; the library's own claims do not have it.
        sid: logout_token::payload(&id_token.to_string()).and_then(|all| all["sid"].as_str().map(str::to_owned)),
        name: name.unwrap_or_default(),
        id_token: id_token.clone(),
    })
}

async fn logout(State(platform): State<Arc<Platform>>, headers: HeaderMap) -> Response {
    let person = platform.memory().people.remove(&platform.key_of(&headers));
    let Some(person) = person else { return Redirect::to("/").into_response() };
    match end_session(&platform, &person).await {
        Ok(location) => Redirect::to(&location).into_response(),
        Err(fault) => problem(&fault.to_string()),
    }
}

async fn end_session(platform: &Platform, person: &Person) -> Result<String, Fault> {
    let back = PostLogoutRedirectUrl::new(format!("{}/signed-out", platform.base))?;
    let request = LogoutRequest::from(platform.known().await?.end_session.clone());
    Ok(request.set_id_token_hint(&person.id_token).set_post_logout_redirect_uri(back).http_get_url().to_string())
}

/// `OpenID` Connect Back-Channel Logout 1.0, 2.5 to 2.8.
async fn backchannel_logout(State(platform): State<Arc<Platform>>, RawForm(form): RawForm) -> Response {
    let token = form_urlencoded::parse(&form).find(|(name, _)| name == "logout_token");
    let token = token.map(|(_, token)| token.into_owned()).unwrap_or_default();
    // Whatever is not 200 or 204 is sent again; 400 is for a token that is wrong.
    let Ok(known) = platform.known().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let told = logout_token::check(&token, &known.keys, platform.issuer.as_str(), platform.client_id.as_str());
    let Ok(claims) = told else {
        let body = Json(json!({ "error": "invalid_request" }));
        return (StatusCode::BAD_REQUEST, [(CACHE_CONTROL, "no-store")], body).into_response();
    };
    let meant = |person: &Person| match &claims["sid"] {
        Value::String(sid) => person.sid.as_ref() == Some(sid),
        _ => claims["sub"] == person.sub,
    };
    let mut memory = platform.memory();
    // One that comes again is one whose answer got lost: 400 would only let it come again.
    if memory.spent_logout_tokens.insert(claims["jti"].to_string()) {
        memory.people.retain(|_, person| !meant(person));
    }
    drop(memory);
    (StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response()
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let platform = Arc::new(Platform::from_environment()?);
    let port = url::Url::parse(&platform.base)?.port().unwrap_or(8000);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening for {}", platform.base);
    let routes = Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .route("/logout", post(logout))
        .route("/signed-out", get(async || page("<p id=\"signed-out\">已退出 Signed out</p>")))
        .route("/backchannel-logout", post(backchannel_logout))
        .layer(DefaultBodyLimit::max(16_384))
        .with_state(platform);
    Ok(axum::serve(listener, routes).await?)
}
