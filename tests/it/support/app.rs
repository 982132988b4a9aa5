//! The provider in this process, on a free port, over a database of its own.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use futures_util::FutureExt as _;
use mingji::app::row_digest::Agreement;
use mingji::app::{App, Ctx, Parts};
use mingji::demo::world::{DemoPerson, World};
use mingji::domain::auth::lifetimes::Lifetimes;
use mingji::domain::id::PersonId;
use mingji::domain::issuer::Issuer;
use mingji::domain::oidc::client::ClientStatus;
use mingji::domain::oidc::client_document::DocumentHosts;
use mingji::domain::oidc::initial_token::Opening;
use mingji::domain::registry::admin_rule::Protection;
use mingji::domain::time::Clock;
use mingji::http::{Door, router, server};
use mingji::jobs;
use mingji::keys::random::SystemRandom;
use mingji::keys::root::RootSecrets;
use mingji::outbound::address::Allow;
use mingji::outbound::client::GuardedClient;
use mingji::store::db::Db;
use mingji::store::ephemeral::Ephemeral;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::client_key::ClientKey;
use super::clock::TestClock;
use super::database::{Database, select_texts};
use super::record::{Recorder, capture_logs, record};
use super::relying_party::{Auth, RelyingParty};

/// On which database.
#[derive(Clone)]
pub enum Engine {
    Sqlite,
    /// A superuser's address.
    Postgres(Url),
}

/// A running provider. Cheap to clone.
#[derive(Clone)]
pub struct TestApp(Arc<Inner>);

pub struct Inner {
    pub app: App,
    pub clock: Arc<TestClock>,
    pub database: Database,
    pub issuer: String,
    /// The address of the listener for Prometheus.
    pub metrics: String,
    pub http: reqwest::Client,
    pub said: Recorder,
    stop: CancellationToken,
    running: Mutex<Option<([JoinHandle<()>; 2], TaskTracker)>>,
}

impl Deref for TestApp {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What a provider stands on in a test. The receiver of logout tokens is on this machine.
pub async fn parts(db: Db, clock: Arc<dyn Clock>, secrets: RootSecrets, issuer: &str, ephemeral: &str) -> Parts {
    mingji::outbound::install_tls_provider();
    let loopback = Allow::Net("127.0.0.0/8".parse().unwrap());
    Parts {
        db,
        ephemeral: Ephemeral::connect(ephemeral, clock.clone()).await.unwrap(),
        clock,
        random: Arc::new(SystemRandom::new()),
        secrets,
        issuer: Issuer::parse(issuer).unwrap(),
        lifetimes: Lifetimes::default(),
        registration: Opening::default(),
        client_documents: DocumentHosts::default(),
        protection: Protection::Two,
        dpop_nonce: false,
        mtls: None,
        outbound: GuardedClient::new(vec![loopback], None).unwrap(),
        verifiers: Vec::new(),
        password_workers: (2, 64),
    }
}

/// Waits until the day's work of a provider that started is done: it would come upon what a test writes, sooner or later.
async fn days_work(app: &App) {
    // Every job is there from the start, with nothing done.
    let done = |text: &str| {
        let runs = text.lines().filter(|line| line.starts_with("mingji_job_runs_total{") && !line.ends_with(" 0"));
        jobs::DAILY.iter().all(|job| runs.clone().any(|line| line.contains(&format!("\"{job}\""))))
    };
    for _ in 0..3000 {
        if done(&app.metrics().render()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the work of the first day did not end");
}

impl TestApp {
    /// Starts a provider that holds the demo world.
    pub async fn start(engine: Engine, ephemeral: &str) -> Self {
        Self::start_with(engine, ephemeral, |_| {}).await
    }

    /// The same, with something else about what it stands on.
    pub async fn start_with(engine: Engine, ephemeral: &str, change: impl FnOnce(&mut Parts)) -> Self {
        capture_logs();
        let database = Database::new(engine).await;
        let listener = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let clock = TestClock::new();
        let db = Db::connect(&database.url).await.unwrap();
        let mut parts = parts(db, clock.clone(), database.secrets(), &issuer, ephemeral).await;
        change(&mut parts);
        let app = App::new(parts);
        let stop = CancellationToken::new();
        let tracker = jobs::start(&app, None, &stop);
        let said = Recorder::default();
        let routes = router(Door { app: app.clone(), trusted_proxies: Arc::new([]), forwarded_certificates: false });
        let routes = routes.layer(from_fn_with_state(said.clone(), record));
        let counting = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let metrics = format!("http://{}/metrics", counting.local_addr().unwrap());
        let serving = [
            tokio::spawn(serve(listener, routes, stop.clone())),
            tokio::spawn(serve(counting, mingji::http::metrics::router(app.clone()), stop.clone())),
        ];
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let running = Mutex::new(Some((serving, tracker)));
        days_work(&app).await;
        Self(Arc::new(Inner { app, clock, database, issuer, metrics, http, said, stop, running }))
    }

    /// Another process of the same provider, without its listeners and jobs: what it changes, this one is not told of.
    pub async fn twin(&self) -> App {
        self.twin_with(|_| {}).await
    }

    /// The same, with something else about what it stands on.
    pub async fn twin_with(&self, change: impl FnOnce(&mut Parts)) -> App {
        let db = Db::connect(&self.database.url).await.unwrap();
        let mut parts = parts(db, self.clock.clone(), self.database.secrets(), &self.issuer, "memory:").await;
        change(&mut parts);
        App::new(parts)
    }

    /// Stops it and takes its database away.
    pub async fn stop(&self) {
        self.stop.cancel();
        let running = self.running.lock().unwrap().take();
        if let Some((serving, tracker)) = running {
            for listener in serving {
                listener.await.unwrap();
            }
            tracker.wait().await;
        }
        self.app.close().await;
        self.database.remove().await;
    }

    pub fn world(&self) -> &World {
        &self.database.world
    }

    /// Somebody of the demo world.
    pub fn person(&self, key: &str) -> &DemoPerson {
        self.world().person(key).unwrap()
    }

    /// Every row that an entry names is what the log says of it: what wrote it otherwise said nothing.
    pub async fn accounted_for(&self) {
        let sql = "SELECT CAST(details AS TEXT) FROM audit_entry WHERE CAST(details AS TEXT) LIKE '%\"states\"%'";
        let mut rows = BTreeSet::new();
        for details in select_texts(&self.database.url, sql).await {
            let details: Value = serde_json::from_str(&details).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            rows.extend(details["states"].as_array().unwrap().iter().map(|row| (text(&row["kind"]), text(&row["id"]))));
        }
        assert!(!rows.is_empty());
        for (kind, id) in rows {
            let report =
                self.app.audit_row(&self.operator(), kind.parse().unwrap(), id.parse().unwrap()).await.unwrap();
            assert!(report.agreement != Agreement::Differs && report.gaps.is_empty(), "{report:?}");
        }
    }

    /// A context as the operator's commands have it.
    pub fn operator(&self) -> Ctx {
        Ctx::task(&self.app, "test")
    }

    /// What the operator hands to somebody who asks for all that is known about her.
    pub async fn exported(&self, person: PersonId) -> Value {
        let mut file = self.app.export_person(&self.operator(), "本人申请", person).await.unwrap();
        let mut text = String::new();
        while let Some(piece) = file.piece().await.unwrap() {
            text.push_str(&piece);
        }
        serde_json::from_str(&text).unwrap()
    }

    /// A client of the demo world.
    pub fn client(&self, key: &str) -> RelyingParty {
        let client = self.world().client(key).unwrap();
        RelyingParty {
            app: self.clone(),
            id: client.client_id.clone(),
            auth: Auth::Basic(client.client_secret.clone()),
            redirect_uri: client.redirect_uris[0].clone(),
        }
    }

    /// Registers a client with this metadata on top of the usual.
    pub async fn register(&self, own: Value) -> RelyingParty {
        let mut metadata = json!({
            "redirect_uris": ["https://rp.example/callback"], "edu_client_kind": "platform", "edu_lawful_basis": "statutory",
            "grant_types": ["authorization_code", "refresh_token"], "id_token_signed_response_alg": "ES256",
        });
        metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let metadata = serde_json::from_value(without_null(metadata)).unwrap();
        let registered = self.app.create_client(&self.operator(), metadata).await.unwrap();
        let secret = registered.secret.map(|secret| secrecy::ExposeSecret::expose_secret(&secret).to_owned());
        let auth = match (registered.client.metadata.token_endpoint_auth_method, secret) {
            (mingji::domain::oidc::client::AuthMethod::ClientSecretPost, Some(secret)) => Auth::Post(secret),
            (mingji::domain::oidc::client::AuthMethod::ClientSecretJwt, Some(secret)) => {
                Auth::Key(ClientKey::secret(&secret))
            }
            (_, Some(secret)) => Auth::Basic(secret),
            (_, None) => Auth::Public,
        };
        RelyingParty {
            app: self.clone(),
            id: registered.client.id.to_string(),
            auth,
            redirect_uri: registered.client.metadata.redirect_uris[0].clone(),
        }
    }

    /// Registers a client that proves itself with a key of its own.
    pub async fn register_with_key(&self, key: &ClientKey, own: Value) -> RelyingParty {
        // Assertions name whole seconds: one of the second of our start counts as made before it.
        self.pass(Duration::from_secs(1));
        let mut metadata = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks() });
        metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        RelyingParty { auth: Auth::Key(key.clone()), ..self.register(metadata).await }
    }

    /// Registers a client without an address, which acts in its own name.
    pub async fn register_machine(&self, own: Value) -> RelyingParty {
        let metadata = serde_json::from_value(without_null(own)).unwrap();
        let registered = self.app.create_client(&self.operator(), metadata).await.unwrap();
        let secret = secrecy::ExposeSecret::expose_secret(&registered.secret.unwrap()).to_owned();
        let id = registered.client.id.to_string();
        RelyingParty { app: self.clone(), id, auth: Auth::Basic(secret), redirect_uri: String::new() }
    }

    /// Takes a client out of use.
    pub async fn suspend(&self, rp: &RelyingParty) {
        let id = self.app.id_of_client(&rp.id.parse().unwrap()).await.unwrap();
        self.app.set_client_status(&self.operator(), id, ClientStatus::Suspended).await.unwrap();
    }

    /// A public client of the system.
    pub async fn public_client(&self) -> RelyingParty {
        self.register(json!({ "token_endpoint_auth_method": "none" })).await
    }

    /// Lets time pass for the provider.
    pub fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// The address of one of the provider's paths.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// An address from discovery, where the contract says that it is found.
    pub async fn endpoint(&self, name: &str) -> String {
        self.discovery().await[name].as_str().unwrap().to_owned()
    }

    /// The discovery document.
    pub async fn discovery(&self) -> Value {
        self.http.get(self.at("/.well-known/openid-configuration")).send().await.unwrap().json().await.unwrap()
    }
}

/// A document without the members that a test takes away with `null`.
fn without_null(mut document: Value) -> Value {
    document.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    document
}

async fn serve(listener: tokio::net::TcpListener, routes: axum::Router, stop: CancellationToken) {
    server::serve(listener, routes, None, stop).await.unwrap();
}

/// What a test does, as one type: what runs it is compiled once and not for each test. It stays on its thread: that
/// each of a thousand bodies may go from one to another took the compiler minutes to prove.
pub type Body = futures_util::future::LocalBoxFuture<'static, ()>;

/// One test on both engines: `name::sqlite` and `name::postgres`.
macro_rules! both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "what the bodies of one file share")]
            use super::*;

            $(#[$meta])*
            async fn body($app: $crate::support::app::TestApp) $body

            #[test]
            fn sqlite() {
                $crate::support::app::on_sqlite(|app| Box::pin(body(app)));
            }

            #[test]
            fn postgres() {
                $crate::support::app::on_postgres(|app| Box::pin(body(app)));
            }
        }
    )+};
}
pub(crate) use both_engines;

/// Runs a body with a provider of its own on SQLite.
pub fn on_sqlite(body: fn(TestApp) -> Body) {
    wait_for(Box::pin(run(Engine::Sqlite, body)));
}

/// Runs a body with a provider of its own on PostgreSQL, where there is one.
pub fn on_postgres(body: fn(TestApp) -> Body) {
    if let Some(server) = super::need::postgres() {
        wait_for(Box::pin(run(Engine::Postgres(server), body)));
    }
}

/// Runs what a test does in a runtime of its own.
pub fn wait_for(test: Body) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

/// Runs a body with a provider of its own.
pub async fn run<F: Future<Output = ()>>(engine: Engine, body: impl FnOnce(TestApp) -> F) {
    run_with(engine, "memory:", body).await;
}

/// The same, over a named ephemeral store.
pub async fn run_with<F: Future<Output = ()>>(engine: Engine, ephemeral: &str, body: impl FnOnce(TestApp) -> F) {
    run_on(TestApp::start(engine, ephemeral).await, body).await;
}

/// The same, with a provider that was started already. One that fails still has its database taken away.
pub async fn run_on<F: Future<Output = ()>>(app: TestApp, body: impl FnOnce(TestApp) -> F) {
    let outcome = AssertUnwindSafe(body(app.clone())).catch_unwind().await;
    app.stop().await;
    if let Err(failed) = outcome {
        std::panic::resume_unwind(failed);
    }
}
