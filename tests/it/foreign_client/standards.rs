//! npm `openid-client` on every other way that the standards know, each with a client of its own. The library's own
//! checks are the measure: it verifies signatures, hashes, issuers and nonces, and each way also shows it something forged.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{KeyPair, SanType};
use serde_json::{Value, json};

use crate::oidc::authorization_details::{self, BOOKING, EXPORT};
use crate::oidc::client_credentials::{GRADES, resource};
use crate::oidc::mtls::{Held, Place, at_a_place, self_made, with_certificate};
use crate::oidc::registration::initial_token;
use crate::support::app::{Engine, TestApp, both_engines, run, run_on};
use crate::support::need;
use crate::support::relying_party::{Auth, RelyingParty};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CIBA: &str = "urn:openid:params:grant-type:ciba";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const LIBRARY: &str = "https://library.example/api";

/// A key of a client; the script gets the private half, the provider the public one.
struct OwnKey {
    kid: &'static str,
    pair: KeyPair,
}

impl OwnKey {
    fn new(kid: &'static str) -> Self {
        Self { kid, pair: KeyPair::generate().unwrap() }
    }

    /// The public half, for signatures (`sig`) or for what is sealed to it (`enc`).
    fn jwk(&self, used: &str) -> Value {
        let (x, y) = self.pair.public_key_raw()[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        json!({ "kty": "EC", "crv": "P-256", "use": used, "kid": self.kid, "x": x, "y": y })
    }

    fn private(&self) -> Value {
        json!({ "kid": self.kid, "pkcs8": STANDARD.encode(self.pair.serialized_der()) })
    }
}

/// What the script is told before it goes: where, who, and with which clients.
struct Way {
    node: PathBuf,
    told: Value,
}

impl Way {
    /// `None` where there is no Node.js.
    fn to(app: &TestApp) -> Option<Self> {
        let node = need::node()?;
        // Assertions name whole seconds: one of the second of our start counts as made before it.
        app.pass(Duration::from_secs(2));
        let person = app.teacher().person;
        let told = json!({
            "issuer": app.issuer, "ahead": app.clock.ahead(), "login": person.user_name, "password": person.password, "clients": {}, "keys": {},
        });
        Some(Self { node, told })
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.told[name] = value.into();
        self
    }

    fn with_key(mut self, key: &OwnKey) -> Self {
        self.told["keys"][key.kid] = key.private();
        self
    }

    /// The library holds its answers to what was registered.
    fn with_client(mut self, name: &str, rp: &RelyingParty, registered: &Value) -> Self {
        let secret = match &rp.auth {
            Auth::Basic(secret) | Auth::Post(secret) => Some(secret.as_str()),
            Auth::Key(key) => Some(key.shared()),
            Auth::Public => None,
        };
        self.told["clients"][name] = json!({
            "client_id": rp.id, "secret": secret, "redirect_uri": rp.redirect_uri, "registered": registered,
        });
        self
    }

    /// With one client, registered so.
    async fn of(app: &TestApp, own: Value) -> Option<Self> {
        let way = Self::to(app)?;
        let registered = registration(own);
        let rp = app.register(registered.clone()).await;
        Some(way.with_client("own", &rp, &registered))
    }

    /// Goes it; what the script says that it was given.
    async fn go(self, name: &'static str) -> Value {
        tokio::task::spawn_blocking(move || script(&self.node, name, &self.told)).await.unwrap()
    }
}

fn registration(own: Value) -> Value {
    let mut whole = json!({
        "token_endpoint_auth_method": "client_secret_basic", "id_token_signed_response_alg": "ES256",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    whole.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    whole
}

fn script(node: &Path, name: &str, told: &Value) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/openid-client/standards.mjs");
    let mut command = Command::new(node);
    // Nobody has to read that Node.js calls its Ed25519 an experiment.
    command.arg("--no-warnings").arg(file).arg(name).env_clear();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{name}: {out}\n{err}");
    serde_json::from_str(&out).unwrap()
}

/// On one engine: how these answers look does not come out of a database.
async fn on_one<F: Future<Output = ()> + Send + 'static>(body: impl FnOnce(TestApp) -> F) {
    run(Engine::Sqlite, body).await;
}

/// A service that is called at the first of these and calls the others.
async fn service(app: &TestApp, serves: &str, own: Value) -> (RelyingParty, Value) {
    let mut metadata = json!({
        "redirect_uris": null, "response_types": [], "grant_types": [], "edu_serves": [serves], "edu_client_kind": "platform",
        "edu_lawful_basis": "statutory", "introspection_signed_response_alg": "ES256",
    });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    (app.register_machine(metadata.clone()).await, metadata)
}

both_engines! {
    /// RFC 9126, RFC 9207.
    async fn a_request_is_pushed(app: TestApp) {
        let own = json!({ "token_endpoint_auth_method": "client_secret_post", "require_pushed_authorization_requests": true });
        let Some(way) = Way::of(&app, own).await else { return };
        let told = way.go("pushed").await;
        assert_eq!(told["parameters"], json!(["client_id", "request_uri"]));
        assert_eq!(told["beside"], "invalid_request", "what was not pushed");
        assert_eq!(told["used"], "err-expired", "a request_uri that was answered");
    }

    /// OpenID Connect Core, 5.5, and `max_age`.
    async fn single_claims_are_asked_for(app: TestApp) {
        let Some(way) = Way::of(&app, json!({})).await else { return };
        let told = way.go("claims").await;
        let (token, userinfo) = (&told["id_token"], &told["userinfo"]);
        assert!(token["nickname"].is_string() && token["auth_time"].is_i64() && token["acr"].is_string(), "{told}");
        assert!(userinfo["name"].is_string() && userinfo["nickname"].is_null(), "{told}");
        assert_eq!(told["unreachable"], "unmet_authentication_requirements", "an essential acr that nobody has");
    }

    /// RFC 9396.
    async fn a_request_says_in_detail_what_it_is_for(app: TestApp) {
        authorization_details::types(&app).await;
        let own = json!({ "authorization_details_types": [EXPORT, BOOKING] });
        let Some(way) = Way::of(&app, own).await else { return };
        let wanted = authorization_details::wish(&["read"], "2026-1");
        let (grades, registered) = service(&app, GRADES, json!({})).await;
        let told = way.with_client("service", &grades, &registered).with("wanted", wanted).go("details").await;
        let given = authorization_details::given(&["read"], "2026-1");
        for answer in ["pushed", "signed_on", "refreshed", "introspected"] {
            assert_eq!(told[answer], given, "{answer}: {told}");
        }
        assert_eq!(told["unknown"], "invalid_authorization_details");
    }

    /// RFC 7662, RFC 9701, RFC 7009.
    async fn the_state_of_a_token_is_asked_for_and_ended(app: TestApp) {
        let own = json!({ "introspection_signed_response_alg": "ES256" });
        let Some(way) = Way::of(&app, own).await else { return };
        let told = way.go("status").await;
        assert_eq!((&told["plain"]["active"], &told["plain"]["sub"]), (&json!(true), &told["sub"]), "{told}");
        assert_eq!(told["plain"], told["signed"]);
        assert_eq!((&told["foreign"], &told["ended"]), (&json!({ "active": false }), &json!({ "active": false })));
        assert_eq!((&told["refreshed"], &told["userinfo"]), (&json!("invalid_grant"), &json!("invalid_token")));
    }

    /// RFC 8693, RFC 8707.
    async fn a_service_exchanges_what_it_was_called_with(app: TestApp) {
        resource(&app, GRADES, &["grades.read"]).await;
        resource(&app, LIBRARY, &["library.read"]).await;
        let own = json!({ "edu_resources": [GRADES], "scope": "openid offline_access grades.read" });
        let Some(way) = Way::of(&app, own).await else { return };
        let calls = json!({ "grant_types": [EXCHANGE], "edu_resources": [LIBRARY], "scope": "library.read" });
        let (grades, of_grades) = service(&app, GRADES, calls).await;
        let (library, of_library) = service(&app, LIBRARY, json!({})).await;
        let way = way.with_client("service", &grades, &of_grades).with_client("next", &library, &of_library);
        let told = way.with("called_at", GRADES).with("calls", LIBRARY).go("exchange").await;
        assert_eq!(told["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
        let seen = &told["introspected"];
        assert_eq!((&seen["aud"], &seen["scope"], &seen["sub"]), (&json!(LIBRARY), &json!("library.read"), &told["sub"]), "{told}");
        assert_eq!(seen["act"]["sub"], grades.id);
        assert_eq!((&told["elsewhere"], &told["broken"]), (&json!("invalid_target"), &json!("invalid_request")));
    }

    /// RFC 8628.
    async fn a_screen_waits_for_a_phone(app: TestApp) {
        let own = json!({ "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token", DEVICE] });
        let Some(way) = Way::of(&app, own).await else { return };
        let told = way.go("device").await;
        assert_eq!((&told["before"], &told["again"]), (&json!("authorization_pending"), &json!("invalid_grant")));
        assert_eq!(told["refused"], "access_denied", "another question, to which she said no");
        assert_eq!((&told["type"], &told["unproven"]), (&json!("dpop"), &json!("invalid_grant")), "a public client's refresh is bound");
        assert!(told["userinfo"]["name"].is_string(), "{told}");
    }

    /// CIBA Core 1.0, by polling, with a signed request.
    async fn a_platform_asks_elsewhere(app: TestApp) {
        let key = OwnKey::new("sign");
        let own = json!({
            "grant_types": [CIBA, "authorization_code", "refresh_token"], "backchannel_authentication_request_signing_alg": "ES256",
            "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.jwk("sig")] },
        });
        let Some(way) = Way::of(&app, own).await else { return };
        let told = way.with_key(&key).go("ciba").await;
        assert_eq!((&told["before"], &told["again"]), (&json!("authorization_pending"), &json!("invalid_grant")));
        assert_eq!(told["unsigned"], "invalid_request");
        assert!(told["userinfo"]["name"].is_string(), "{told}");
    }

    /// RFC 6749, 4.4, in a client's own name, found by RFC 8414, with a secret that is never sent.
    async fn a_machine_comes_by_itself(app: TestApp) {
        resource(&app, GRADES, &["grades.read", "grades.write"]).await;
        let Some(way) = Way::to(&app) else { return };
        let own = json!({
            "redirect_uris": null, "grant_types": ["client_credentials"], "edu_resources": [GRADES], "scope": "grades.read",
            "token_endpoint_auth_method": "client_secret_jwt",
        });
        let rp = app.register_machine(own.clone()).await;
        let told = way.with_client("own", &rp, &own).with("resource", GRADES).go("machine").await;
        assert_eq!((&told["aud"], &told["scope"], &told["sub"]), (&json!(GRADES), &json!("grades.read"), &json!(rp.id)), "{told}");
        assert_eq!((&told["type"], &told["wider"]), (&json!("dpop"), &json!("invalid_scope")));
        assert!(told["cnf"]["jkt"].is_string(), "{told}");
    }

    /// RFC 7591, RFC 7592.
    async fn a_client_registers_itself_and_keeps_its_registration(app: TestApp) {
        let Some(way) = Way::to(&app) else { return };
        let initial = initial_token(&app, 1).await;
        let told = way.with("initial", initial).go("registration").await;
        assert!(told["userinfo"]["name"].is_string(), "{told}");
        assert_eq!((&told["read"], &told["changed"]), (&json!("A client from elsewhere"), &json!("Under another name")));
        assert_eq!((&told["after"], &told["second"]), (&json!("invalid_client"), &json!("invalid_token")), "ended; an initial token that was used up");
    }

    /// The FAPI 2.0 Security Profile with Message Signing: pushed and signed, bound, answered in a token.
    async fn a_client_is_held_to_fapi(app: TestApp) {
        let key = OwnKey::new("sign");
        let own = json!({
            "edu_profile": "fapi2", "dpop_bound_access_tokens": true, "require_signed_request_object": true,
            "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.jwk("sig")] },
            "id_token_signed_response_alg": "PS256", "authorization_signed_response_alg": "PS256",
        });
        let Some(way) = Way::of(&app, own).await else { return };
        let told = way.with_key(&key).go("fapi").await;
        assert_eq!(told["type"], "dpop");
        assert_eq!((&told["unsigned"], &told["unbound"], &told["stolen"]), (&json!("invalid_request"), &json!("invalid_dpop_proof"), &json!("invalid_token")), "{told}");
        assert_eq!(told["rotated"], false, "FAPI 2.0 forbids routine rotation (R11)");
    }
}

/// RFC 9101, by value and pushed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_signed() {
    on_one(|app: TestApp| async move {
        let key = OwnKey::new("sign");
        let own = json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.jwk("sig")] },
            "require_signed_request_object": true, "request_object_signing_alg": "ES256",
        });
        let Some(way) = Way::of(&app, own).await else { return };
        let told = way.with_key(&key).go("signed_request").await;
        assert_eq!(told["parameters"], json!(["client_id", "request"]));
        assert_eq!((&told["plain"], &told["pushed_plain"]), (&json!("invalid_request"), &json!("invalid_request")));
        assert_eq!(told["forged"], "invalid_request_object");
        assert!(told["id_token"]["nickname"].is_string() && told["id_token"]["auth_time"].is_i64(), "{told}");
    })
    .await;
}

/// JARM, signed, and sealed over it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_comes_in_a_token() {
    on_one(|app: TestApp| async move {
        let key = OwnKey::new("seal");
        let signed =
            json!({ "token_endpoint_auth_method": "client_secret_jwt", "authorization_signed_response_alg": "ES256" });
        let mut sealed = signed.clone();
        for (name, value) in [
            ("authorization_encrypted_response_alg", json!("ECDH-ES")),
            ("authorization_encrypted_response_enc", json!("A256GCM")),
            ("jwks", json!({ "keys": [key.jwk("enc")] })),
        ] {
            sealed[name] = value;
        }
        for (own, is_sealed) in [(signed, false), (sealed, true)] {
            let Some(way) = Way::of(&app, own).await else { return };
            let told = way.with_key(&key).go("jarm").await;
            assert_eq!(told["parameters"], json!(["response"]), "nothing stands beside it");
            assert_eq!(told["sealed"], is_sealed);
            assert_eq!(told["nobody"], "login_required", "a refusal comes in one too");
        }
    })
    .await;
}

/// RFC 7516 over ID tokens and userinfo.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_sealed_to_their_client() {
    on_one(|app: TestApp| async move {
        let key = OwnKey::new("seal");
        let own = json!({
            "grant_types": ["authorization_code", "implicit", "refresh_token"], "response_types": ["code", "code id_token"],
            "jwks": { "keys": [key.jwk("enc")] }, "userinfo_signed_response_alg": "ES256",
            "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM",
            "userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A256GCM",
        });
        let Some(way) = Way::of(&app, own).await else { return };
        let told = way.with_key(&key).go("sealed").await;
        assert_eq!(told["sealed"], json!({ "browser": true, "id_token": true, "refreshed": true, "userinfo": true }));
        assert!(told["userinfo"]["name"].is_string(), "{told}");
        assert_eq!(told["wrong_key"], "OAUTH_DECRYPTION_FAILED");
    })
    .await;
}

/// Every algorithm that the provider signs with: ID tokens, userinfo, introspection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_signed_as_registered() {
    on_one(|app: TestApp| async move {
        for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
            let own = json!({
                "id_token_signed_response_alg": alg, "userinfo_signed_response_alg": alg, "introspection_signed_response_alg": alg,
            });
            let Some(way) = Way::of(&app, own).await else { return };
            let told = way.go("signatures").await;
            assert_eq!(told["algs"], json!([alg, alg, alg]), "{told}");
            assert!(told["userinfo"]["name"].is_string() && told["introspected"]["active"] == true, "{told}");
        }
    })
    .await;
}

/// OpenID Connect Core, 3.2 and 3.3, in the fragment and posted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_token_comes_through_the_browser() {
    on_one(|app: TestApp| async move {
        let own = json!({
            "grant_types": ["authorization_code", "implicit", "refresh_token"],
            "response_types": ["code", "id_token", "code id_token"],
        });
        for name in ["implicit", "hybrid"] {
            let Some(way) = Way::of(&app, own.clone()).await else { return };
            let told = way.go(name).await;
            let mut fields = vec!["id_token", "iss", "session_state", "state"];
            fields.extend((name == "hybrid").then_some("code"));
            fields.sort_unstable();
            for mode in ["fragment", "form_post"] {
                assert_eq!(told[mode]["fields"], json!(fields), "{name} {mode}");
                assert!(told[mode]["claims"]["sub"].is_string(), "{name} {mode}");
            }
        }
    })
    .await;
}

/// OAuth 2.0 Form Post Response Mode.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_posted() {
    on_one(|app: TestApp| async move {
        let Some(way) = Way::of(&app, json!({})).await else { return };
        let told = way.go("form_post").await;
        assert_eq!(told["fields"], json!(["code", "iss", "session_state", "state"]));
        assert_eq!(told["nobody"], "login_required");
    })
    .await;
}

/// RFC 9449, with every algorithm that discovery names; the library is asked for a nonce everywhere (8), and comes again with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn possession_is_proved_with_a_nonce() {
    let app = TestApp::start_with(Engine::Sqlite, "memory:", |parts| parts.dpop_nonce = true).await;
    run_on(app, |app: TestApp| async move {
        let own = json!({ "dpop_bound_access_tokens": true });
        let Some(way) = Way::of(&app, own).await else { return };
        let told = way.go("proofs").await;
        assert_eq!(told["types"], json!({ "ES256": "dpop", "EdDSA": "dpop", "PS256": "dpop", "Ed25519": "dpop" }));
        assert_eq!(told["asked"], json!(["/par", "/token", "/userinfo"]));
        assert_eq!(told["unannounced"], "invalid_dpop_proof", "an algorithm that discovery does not name");
    })
    .await;
}

/// RFC 9470.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_of_long_ago_is_renewed() {
    let step_up = Duration::from_secs(5);
    let app =
        TestApp::start_with(Engine::Sqlite, "memory:", move |parts| parts.lifetimes.admin_step_up = step_up).await;
    run_on(app, move |app: TestApp| async move {
        let Some(way) = Way::to(&app) else { return };
        let admin = app.person("school_admin");
        let nobody = "01890000-0000-7000-8000-000000000000";
        let record = format!("{}persons/{nobody}/record?approval={nobody}", app.api());
        let way = way.with("login", &*admin.user_name).with("password", &*admin.password);
        let way = way.with_client("own", &app.client("platform_a"), &json!({}));
        // A second more than is asked for, since times of sign-ins are whole ones.
        let way = way.with("wait", (step_up.as_secs() + 1) * 1000).with("api", app.api()).with("record", record);
        let told = way.go("step_up").await;
        assert_eq!((&told["error"], &told["max_age"]), (&json!("insufficient_user_authentication"), &json!("5")));
        assert_eq!((&told["renewed"], &told["after"]), (&json!(true), &json!(404)), "{told}");
    })
    .await;
}

/// RFC 8705 over TLS: who is known by its certificate, and tokens that are bound to it.
async fn certificates(place: &Place, held: &Held, own: Value) {
    let mut own = own;
    own["tls_client_certificate_bound_access_tokens"] = json!(true);
    let Some(way) = Way::of(&place.app, own).await else { return };
    let tls = json!({ "server": place.server, "own": held.pem, "other": self_made().pem });
    let told = way.with("tls", tls).go("certificates").await;
    assert_eq!(told["confirmation"], mingji::keys::certificate::thumbprint(&held.der));
    assert_eq!((&told["nobody"], &told["other"]), (&json!("invalid_client"), &json!("invalid_client")));
    assert_eq!(told["stolen"], json!(["invalid_token", "invalid_token"]), "without a certificate, and with another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_known_by_a_certificate() {
    at_a_place(|place| async move {
        let name = "rp.example".try_into().unwrap();
        let vouched = place.authority.give("rp", vec![SanType::DnsName(name)]);
        let named = json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "rp.example" });
        certificates(&place, &vouched, named).await;
        let own = self_made();
        certificates(&place, &own, with_certificate(&own)).await;
    })
    .await;
}
