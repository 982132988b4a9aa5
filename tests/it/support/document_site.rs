//! A site of clients' own, over TLS, that tells a document for each path and counts who asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use mingji::app::Parts;
use mingji::domain::oidc::client_document::DocumentHosts;
use mingji::outbound::address::Allow;
use mingji::outbound::client::GuardedClient;
use serde_json::{Value, json};

use super::app::{Body, Engine, TestApp, run_on, wait_for};
use super::binary::Place;
use super::relying_party::{Auth, RelyingParty};

#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    /// Without a slash at the end.
    origin: String,
    certificate: String,
    papers: Mutex<HashMap<String, Told>>,
    asked: Mutex<HashMap<String, usize>>,
    pause: Mutex<Duration>,
}

/// An answer.
#[derive(Clone)]
pub struct Told {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Told {
    pub fn json(document: &Value) -> Self {
        Self { status: 200, headers: vec![("content-type", "application/json".into())], body: document.to_string() }
    }

    /// With one more header, in place of one of this name.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    #[must_use]
    pub fn body(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }
}

impl Site {
    pub async fn start() -> Self {
        mingji::outbound::install_tls_provider();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let tls =
            axum_server::tls_rustls::RustlsConfig::from_pem(certificate.clone().into(), key.into()).await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let site = Self(Arc::new(Inner {
            origin,
            certificate,
            papers: Mutex::default(),
            asked: Mutex::default(),
            pause: Mutex::default(),
        }));
        let routes = Router::new().route("/{*path}", get(tell)).with_state(site.clone());
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
        tokio::spawn(async move { server.serve(routes.into_make_service()).await });
        site
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.0.origin)
    }

    /// What stands there from now on.
    pub fn tell(&self, path: &str, told: Told) {
        self.0.papers.lock().unwrap().insert(path.to_owned(), told);
    }

    /// How long it thinks from now on.
    pub fn think(&self, pause: Duration) {
        *self.0.pause.lock().unwrap() = pause;
    }

    pub fn asked(&self, path: &str) -> usize {
        self.0.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    pub fn asked_in_all(&self) -> usize {
        self.0.asked.lock().unwrap().values().sum()
    }

    /// A document as a careful public client writes it, changed.
    pub fn document(&self, path: &str, own: Value) -> Value {
        let mut document = json!({
            "client_id": self.url(path), "client_name": "练习册", "redirect_uris": [self.url("cb")],
            "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
            "id_token_signed_response_alg": "ES256",
        });
        document.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        document.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        document
    }

    /// The client whose document stands there.
    pub fn client(&self, app: &TestApp, path: &str) -> RelyingParty {
        RelyingParty { app: app.clone(), id: self.url(path), auth: Auth::Public, redirect_uri: self.url("cb") }
    }

    /// The same, and its document is told from now on.
    pub fn client_with(&self, app: &TestApp, path: &str, own: Value) -> RelyingParty {
        self.tell(path, Told::json(&self.document(path, own)));
        self.client(app, path)
    }

    /// Lets a program of its own believe what stands here.
    pub fn known_at(&self, place: &mut Place) {
        let bundle = place.path().join("site.pem");
        std::fs::write(&bundle, &self.0.certificate).unwrap();
        place.set("MINGJI_CLIENT_ID_DOCUMENTS", self.0.origin.strip_prefix("https://").unwrap());
        place.set("MINGJI_OUTBOUND_ALLOW", "127.0.0.0/8,localhost");
        place.set("MINGJI_OUTBOUND_CA", bundle.to_string_lossy());
    }

    /// Lets a provider believe what stands here.
    pub fn let_in(&self, parts: &mut Parts) {
        let host = self.0.origin.strip_prefix("https://").unwrap().parse().unwrap();
        parts.client_documents = DocumentHosts::new(vec![host]);
        let loopback = Allow::Net("127.0.0.0/8".parse().unwrap());
        let bundle = self.0.certificate.clone().into_bytes();
        parts.outbound = GuardedClient::new(vec![loopback], Some(bundle)).unwrap();
    }
}

async fn tell(State(site): State<Site>, Path(path): Path<String>) -> Response {
    *site.0.asked.lock().unwrap().entry(path.clone()).or_default() += 1;
    let pause = *site.0.pause.lock().unwrap();
    tokio::time::sleep(pause).await;
    let told = site.0.papers.lock().unwrap().get(&path).cloned();
    let Some(told) = told else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = Response::builder().status(told.status);
    for (name, value) in told.headers {
        response = response.header(name, value);
    }
    response.body(told.body.into()).unwrap()
}

/// Runs a body with a site and a provider that believes what stands there.
async fn run_with_site(engine: Engine, body: fn(TestApp, Site) -> Body) {
    let site = Site::start().await;
    let app = TestApp::start_with(engine, "memory:", |parts| site.let_in(parts)).await;
    run_on(app, |app| body(app, site)).await;
}

/// Runs a body with a site and a provider of its own on SQLite.
pub fn on_sqlite(body: fn(TestApp, Site) -> Body) {
    wait_for(Box::pin(run_with_site(Engine::Sqlite, body)));
}

/// Runs a body with a site and a provider of its own on PostgreSQL, where there is one.
pub fn on_postgres(body: fn(TestApp, Site) -> Body) {
    if let Some(server) = super::need::postgres() {
        wait_for(Box::pin(run_with_site(Engine::Postgres(server), body)));
    }
}

/// One test on both engines, with a site.
macro_rules! both_engines_with_site {
    ($(async fn $name:ident($app:ident: TestApp, $site:ident: Site) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "what the bodies of one file share")]
            use super::*;

            async fn body($app: $crate::support::app::TestApp, $site: $crate::support::document_site::Site) $body

            #[test]
            fn sqlite() {
                $crate::support::document_site::on_sqlite(|app, site| Box::pin(body(app, site)));
            }

            #[test]
            fn postgres() {
                $crate::support::document_site::on_postgres(|app, site| Box::pin(body(app, site)));
            }
        }
    )+};
}
pub(crate) use both_engines_with_site;
