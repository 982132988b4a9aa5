//! Clients that register themselves (RFC 7591, RFC 7592; OpenID Connect Registration 1.0).

use std::time::Duration;

use mingji::domain::issuer::Issuer;
use mingji::domain::oidc::initial_token::{Opening, Policy};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::app::{Engine, TestApp, both_engines, run_on};
use crate::support::client_key::ClientKey;
use crate::support::database::select_texts;
use crate::support::relying_party::{Answer, Auth, RelyingParty};

const DAY: Duration = Duration::from_secs(86_400);

fn policy() -> Policy {
    let grant_types = vec!["authorization_code".into(), "refresh_token".into()];
    Policy { grant_types, scope: Some("openid profile".into()), require_pkce: true }
}

pub async fn initial_token(app: &TestApp, uses: u32) -> String {
    let (_, secret) = app.app.issue_initial_token(&app.operator(), policy(), uses, 7 * DAY).await.unwrap();
    secret.expose_secret().to_owned()
}

pub(super) fn metadata(own: Value) -> Value {
    let mut metadata = json!({ "redirect_uris": ["https://rp.example/callback"], "client_name": "自助应用", "grant_types": ["authorization_code", "refresh_token"] });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    metadata
}

pub(super) async fn register(app: &TestApp, token: Option<&str>, own: Value) -> Answer {
    let request = app.http.post(app.at("/register")).json(&metadata(own));
    Answer::of(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

/// What was registered, as a relying party.
pub(super) fn relying_party(app: &TestApp, answer: &Answer) -> RelyingParty {
    let auth = answer.body["client_secret"].as_str().map_or(Auth::Public, |secret| Auth::Basic(secret.to_owned()));
    RelyingParty {
        app: app.clone(),
        id: answer.text("client_id"),
        auth,
        redirect_uri: answer.body["redirect_uris"][0].as_str().unwrap().to_owned(),
    }
}

pub(super) async fn manage(
    app: &TestApp,
    method: reqwest::Method,
    answer: &Answer,
    token: &str,
    body: Option<Value>,
) -> Answer {
    let request = app.http.request(method, answer.text("registration_client_uri")).bearer_auth(token);
    Answer::of(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

/// RFC 9700, 2.6. Providers on loopback, which all others of these tests are, take them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_web_clients_come_over_tls() {
    let issuer = Issuer::parse("https://id.example.edu.cn").unwrap();
    let app = TestApp::start_with(Engine::Sqlite, "memory:", |parts| parts.issuer = issuer).await;
    run_on(app, |app: TestApp| async move {
        let outcome = async |uri: &str, kind: &str| {
            let own = json!({ "redirect_uris": [uri], "application_type": kind });
            let made = app.app.create_client(&app.operator(), serde_json::from_value(metadata(own)).unwrap()).await;
            made.map(drop).map_err(|refused| refused.protocol.unwrap().code.as_str())
        };
        assert_eq!(outcome("http://127.0.0.1/cb", "native").await, Ok(()));
        assert_eq!(outcome("https://a.example/cb", "web").await, Ok(()));
        for uri in ["http://localhost/cb", "http://127.0.0.1:9000/cb"] {
            assert_eq!(outcome(uri, "web").await, Err("invalid_redirect_uri"), "{uri}");
        }
    })
    .await;
}

both_engines! {
    async fn a_client_registers_and_signs_in(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let own = json!({ "client_name#en": "Self-made", "scope": "openid profile phone", "unheard_of": { "x": 1 }, "contacts": ["a@rp.example"], "tos_uri": null });
        let registered = register(&app, Some(&token), own).await;
        assert_eq!((registered.status, registered.headers["cache-control"].to_str().unwrap()), (201, "no-store"), "{registered:?}");
        let body = &registered.body;
        assert_eq!((body["client_secret_expires_at"].as_i64(), body["edu_client_kind"].as_str()), (Some(0), Some("application")));
        assert_eq!((body["subject_type"].as_str(), body["scope"].as_str()), (Some("pairwise"), Some("openid profile")), "cut to what the token covers");
        assert_eq!((body["token_endpoint_auth_method"].as_str(), &body["response_types"]), (Some("client_secret_basic"), &json!(["code"])));
        assert!(body["client_name#en"] == "Self-made" && body["unheard_of"].is_null());
        assert!(registered.text("registration_client_uri").starts_with(&app.issuer) && body["client_id_issued_at"].is_i64());
        let rp = relying_party(&app, &registered);
        let tokens = app.teacher().sign_in(&rp).await;
        assert_ne!(tokens.id_claims()["sub"], app.person("full_claims").person_id.to_string(), "an application's subject is its own");
        // A child's guardian has agreed to nothing here.
        let page = app.child().go(&rp, &rp.ask()).await;
        assert!(page.has("guardian-consent-needed"), "{page:#?}");
    }

    async fn without_a_good_token_nobody_registers(app: TestApp) {
        let token = initial_token(&app, 1).await;
        // RFC 6750, 3.1: whoever brought no token hears of no error.
        for (token, error) in [(None, ""), (Some("wrong"), "invalid_token")] {
            let answer = register(&app, token, json!({})).await;
            assert_eq!((answer.status, answer.error()), (401, error));
            let challenge = answer.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Bearer") && challenge.contains("error=") != error.is_empty(), "{challenge}");
        }
        assert_eq!(register(&app, Some(""), json!({})).await.status, 401);
        let in_query = app.http.post(app.at(&format!("/register?access_token={token}"))).json(&metadata(json!({})));
        assert_eq!(Answer::of(in_query).await.status, 401);
        app.pass(8 * DAY);
        assert_eq!(register(&app, Some(&token), json!({})).await.status, 401, "too late");
    }

    async fn a_token_counts_its_uses_however_many_come(app: TestApp) {
        let token = initial_token(&app, 3).await;
        assert_eq!(register(&app, Some(&token), json!({ "redirect_uris": [] })).await.error(), "invalid_redirect_uri");
        let mut requests = Vec::new();
        for _ in 0..12 {
            let (app, token) = (app.clone(), token.clone());
            requests.push(tokio::spawn(async move { register(&app, Some(&token), json!({})).await.status }));
        }
        let mut created = 0;
        for request in requests {
            match request.await.unwrap() {
                201 => created += 1,
                other => assert_eq!(other, 401),
            }
        }
        assert_eq!(created, 3);
    }

    async fn nobody_makes_himself_more_than_an_application(app: TestApp) {
        let token = initial_token(&app, 1).await;
        for own in [
            json!({ "edu_client_kind": "platform" }),
            json!({ "edu_lawful_basis": "statutory" }),
            json!({ "edu_client_kind": "platform", "edu_lawful_basis": "statutory" }),
            json!({ "edu_resources": ["https://r.example/"] }),
            json!({ "edu_serves": ["https://r.example/"] }),
            json!({ "grant_types": ["client_credentials"], "edu_resources": ["https://r.example/"] }),
            json!({ "grant_types": ["authorization_code", "implicit"], "response_types": ["code"] }),
            json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AAAA" }] } }),
            // No point on the curve: no token could ever be encrypted to it.
            json!({ "id_token_encrypted_response_alg": "ECDH-ES", "jwks": { "keys": [{ "kty": "EC", "crv": "P-256", "use": "enc", "x": "A".repeat(43), "y": "A".repeat(43) }] } }),
            json!({ "client_name": 7 }),
            json!({ "token_endpoint_auth_method": "tls_client_auth" }),
        ] {
            let answer = register(&app, Some(&token), own.clone()).await;
            assert_eq!((answer.status, answer.error()), (400, "invalid_client_metadata"), "{own}");
        }
        let lax = register(&app, Some(&token), json!({ "edu_require_pkce": false, "edu_vendor": "教育部" })).await;
        assert_eq!((lax.status, &lax.body["edu_require_pkce"], &lax.body["edu_vendor"]), (201, &json!(true), &Value::Null));
    }

    async fn what_is_no_json_is_told_so(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let to = app.at("/register");
        for request in [
            app.http.post(&to).form(&[("redirect_uris", "https://rp.example/")]),
            app.http.post(&to).header("content-type", "application/json").body("{"),
            app.http.post(&to).json(&json!([])),
            app.http.post(&to).header("content-type", "application/json").body(format!("{{\"client_name\":\"{}\"}}", "x".repeat(70_000))),
        ] {
            let answer = Answer::of(request.bearer_auth(&token)).await;
            assert_eq!((answer.status, answer.error()), (400, "invalid_client_metadata"));
        }
    }

    async fn a_registration_is_read_changed_and_ended_by_its_keeper(app: TestApp) {
        use reqwest::Method;
        let initial = initial_token(&app, 2).await;
        let registered = register(&app, Some(&initial), json!({})).await;
        let other = register(&app, Some(&initial), json!({})).await;
        let keeper = registered.text("registration_access_token");
        let read = manage(&app, Method::GET, &registered, &keeper, None).await;
        assert_eq!((read.status, &read.body["client_name"], &read.body["client_secret"]), (200, &json!("自助应用"), &Value::Null));
        for token in ["wrong", &other.text("registration_access_token"), &initial] {
            for method in [Method::GET, Method::DELETE] {
                assert_eq!(manage(&app, method, &registered, token, None).await.status, 401);
            }
        }

        let rp = relying_party(&app, &registered);
        let tokens = app.teacher().sign_in(&rp).await;
        let mut changed = metadata(json!({ "client_id": rp.id, "client_name": "新名字", "redirect_uris": ["https://rp.example/new"] }));
        let answer = manage(&app, Method::PUT, &registered, &keeper, Some(changed.clone())).await;
        assert_eq!((answer.status, &answer.body["client_name"], &answer.body["client_secret"]), (200, &json!("新名字"), &Value::Null), "{answer:?}");
        let moved = RelyingParty { redirect_uri: "https://rp.example/new".into(), ..rp.clone() };
        assert_eq!(app.teacher().sign_in(&moved).await.status, 200, "the secret stayed");
        assert!(app.teacher().browser.open(&rp.url(&rp.ask())).await.has("err-redirect-uri"));
        for (name, value) in [("client_id", json!(other.text("client_id"))), ("client_id", Value::Null), ("client_secret", json!("wrong")), ("edu_client_kind", json!("platform"))] {
            let mut wrong = changed.clone();
            wrong[name] = value;
            assert_eq!(manage(&app, Method::PUT, &registered, &keeper, Some(wrong)).await.error(), "invalid_client_metadata", "{name}");
        }
        // Another method brings another proof.
        let key = ClientKey::es256();
        changed["token_endpoint_auth_method"] = json!("private_key_jwt");
        changed["jwks"] = key.jwks();
        assert_eq!(manage(&app, Method::PUT, &registered, &keeper, Some(changed)).await.status, 200);
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_client");
        app.pass(Duration::from_secs(2));
        let keyed = RelyingParty { auth: Auth::Key(key), ..moved };
        assert_eq!(keyed.refresh(&tokens.refresh()).await.status, 200);

        assert_eq!(manage(&app, Method::DELETE, &registered, &keeper, None).await.status, 204);
        assert_eq!(keyed.refresh(&tokens.refresh()).await.error(), "invalid_client");
        assert_eq!(keyed.userinfo(&tokens.access()).await.status, 401);
        assert_eq!(manage(&app, Method::GET, &registered, &keeper, None).await.status, 401);
        assert_eq!(manage(&app, Method::GET, &other, &other.text("registration_access_token"), None).await.status, 200);
    }

    /// A script fills the table in an afternoon: two weeks later all of it ends in one round.
    async fn however_many_nobody_uses_they_end(app: TestApp) {
        let token = initial_token(&app, 450).await;
        for _ in 0..45 {
            let some = (0..10).map(|_| register(&app, Some(&token), json!({})));
            let answers = futures_util::future::join_all(some).await;
            assert!(answers.iter().all(|answer| answer.status == 201));
        }
        app.pass(15 * DAY);
        app.app.upkeep().await.unwrap();
        let left = "SELECT CAST(COUNT(*) AS TEXT) FROM client_registration r JOIN client c ON c.id = r.client_id WHERE c.status <> 'removed'";
        assert_eq!(select_texts(&app.database.url, left).await, ["0"]);
    }

    async fn clients_that_nobody_uses_end(app: TestApp) {
        let token = initial_token(&app, 2).await;
        let (used, unused) = (register(&app, Some(&token), json!({})).await, register(&app, Some(&token), json!({})).await);
        let operators = app.register(json!({})).await;
        app.teacher().sign_in(&relying_party(&app, &used)).await;
        app.pass(15 * DAY);
        app.app.upkeep().await.unwrap();
        let asked = async |rp: &RelyingParty| rp.refresh("x").await.error().to_owned();
        assert_eq!(asked(&relying_party(&app, &used)).await, "invalid_grant");
        assert_eq!(asked(&operators).await, "invalid_grant");
        assert_eq!(asked(&relying_party(&app, &unused)).await, "invalid_client");
        let removed = "SELECT CAST(target AS TEXT) FROM audit_entry WHERE action = 'client.removed'";
        let removed = select_texts(&app.database.url, removed).await;
        assert!(removed.len() == 1 && removed[0].contains(&unused.text("client_id")), "nothing brings it back: {removed:?}");
    }
}

pub(super) async fn open_door(opening: Opening) -> TestApp {
    TestApp::start_with(Engine::Sqlite, "memory:", |parts| parts.registration = opening).await
}

/// As the plans of the OpenID Foundation come: nobody has a token, and nobody sends a code challenge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_door_lets_strangers_in() {
    let app = open_door(Opening::OpenWithoutPkce).await;
    run_on(app, |app: TestApp| async move {
        let rp = relying_party(&app, &register(&app, None, json!({})).await);
        let ask = rp.ask().without("code_challenge").without("code_challenge_method");
        let mut arrived = app.teacher().arrive_with(&rp, ask).await;
        let mut form = rp.redemption(&arrived.ask, &arrived.code);
        assert_eq!(rp.token(&form).await.error(), "invalid_grant", "a verifier without a challenge is a downgrade");
        arrived = app.teacher().arrive_with(&rp, arrived.ask).await;
        form = rp.redemption(&arrived.ask, &arrived.code);
        form.retain(|(name, _)| *name != "code_verifier");
        assert_eq!(rp.token(&form).await.status, 200);
        let platform = register(&app, None, json!({ "edu_client_kind": "platform" })).await;
        assert_eq!(platform.error(), "invalid_client_metadata");
        assert_eq!(register(&app, Some("wrong"), json!({})).await.status, 401, "a token that is none opens nothing");
    })
    .await;
}

/// Nobody fills the table of clients; whoever holds a token is not held up by others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_door_lets_so_many_through_in_an_hour() {
    let app = open_door(Opening::Open).await;
    run_on(app, |app: TestApp| async move {
        let wrong = json!({ "redirect_uris": [] });
        let mut requests = Vec::new();
        for _ in 0..1_520 {
            let (app, wrong) = (app.clone(), wrong.clone());
            requests.push(tokio::spawn(async move { register(&app, None, wrong).await.status }));
        }
        let mut looked_at = 0;
        for request in requests {
            match request.await.unwrap() {
                400 => looked_at += 1,
                other => assert_eq!(other, 503),
            }
        }
        assert_eq!(looked_at, 1_500);
        let late = register(&app, None, json!({})).await;
        assert_eq!((late.status, late.error()), (503, "temporarily_unavailable"));
        let after: u64 = late.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((3_000..=3_601).contains(&after), "{after}: not in a moment");
        let token = initial_token(&app, 1).await;
        assert_eq!(register(&app, Some(&token), json!({})).await.status, 201);
        app.pass(Duration::from_secs(3_601));
        assert_eq!(register(&app, None, json!({})).await.status, 201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_door_may_still_ask_for_pkce() {
    let app = open_door(Opening::Open).await;
    run_on(app, |app: TestApp| async move {
        let rp = relying_party(&app, &register(&app, None, json!({ "edu_require_pkce": false })).await);
        let ask = rp.ask().without("code_challenge").without("code_challenge_method");
        assert_eq!(app.teacher().go(&rp, &ask).await.answer()["error"], "invalid_request");
    })
    .await;
}
