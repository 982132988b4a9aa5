//! A client that is held to FAPI 2.0 (Security Profile and Message Signing): the modules of the conformance suite's plans,
//! by what each of them asks.

use std::time::Duration;

use mingji::domain::oidc::initial_token::{Opening, Policy};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::dpop::proof;
use super::registration::{open_door, register};
use super::request_object::{changed, object_of, unsigned};
use crate::support::app::{TestApp, both_engines, run_on};
use crate::support::client_key::ClientKey;
use crate::support::host::Host;
use crate::support::relying_party::{Answer, Ask, Auth, RelyingParty, asserted, claims_of, part_of};

/// A client with a key for everything; signed requests where `signed`.
async fn client(app: &TestApp, key: &ClientKey, signed: bool) -> RelyingParty {
    app.pass(Duration::from_secs(2));
    let own = json!({
        "edu_profile": "fapi2", "dpop_bound_access_tokens": true, "id_token_signed_response_alg": "PS256",
        "require_signed_request_object": signed,
    });
    app.register_with_key(key, own).await
}

fn parameters(ask: &Ask) -> Vec<(&'static str, String)> {
    let names = [
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    ];
    names.into_iter().map(|name| (name, ask.get(name))).filter(|(_, value)| !value.is_empty()).collect()
}

fn named(rp: &RelyingParty, pushed: &Answer) -> Ask {
    Ask::bare().with("client_id", &rp.id).with("request_uri", &pushed.text("request_uri"))
}

/// Pushes, signs in, and comes back with the code.
async fn arrive(rp: &RelyingParty, ask: &Ask) -> String {
    let pushed = rp.post("/par", &parameters(ask)).await;
    assert_eq!(pushed.status, 201, "{pushed:?}");
    let mut answer = rp.app.teacher().go(rp, &named(rp, &pushed)).await.answer();
    assert_eq!((answer.get("iss"), answer.get("state")), (Some(&rp.app.issuer), Some(&ask.get("state"))), "{answer:?}");
    answer.remove("code").unwrap()
}

async fn redeem(rp: &RelyingParty, form: &[(&'static str, String)], key: &ClientKey) -> Answer {
    rp.post_with("/token", form, &[("dpop", proof(&rp.app, key, "/token"))]).await
}

/// A push with an assertion made of these members.
async fn push_with(rp: &RelyingParty, key: &ClientKey, own: Value) -> Answer {
    let bare = RelyingParty { auth: Auth::Public, ..rp.clone() };
    let mut form = parameters(&rp.ask());
    form.extend(asserted(key.sign(json!({}), &changed_by(&rp.assertion(), own))));
    bare.post("/par", &form).await
}

fn changed_by(claims: &Value, own: Value) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

both_engines! {
    async fn the_happy_flow(app: TestApp) {
        for (key, proving) in [(ClientKey::rsa("PS256"), ClientKey::es256()), (ClientKey::es256(), ClientKey::ed25519())] {
            let rp = client(&app, &key, false).await;
            let ask = rp.ask().with("scope", "openid profile offline_access");
            let code = arrive(&rp, &ask).await;
            let tokens = redeem(&rp, &rp.redemption(&ask, &code), &proving).await;
            assert_eq!((tokens.status, tokens.text("token_type").as_str()), (200, "DPoP"), "{tokens:?}");
            assert_eq!(part_of(&tokens.text("id_token"), 0)["alg"], "PS256");
            let refresh = [("grant_type", "refresh_token".into()), ("refresh_token", tokens.refresh())];
            let fresh = redeem(&rp, &refresh, &proving).await;
            assert_eq!((fresh.status, fresh.refresh()), (200, tokens.refresh()), "not replaced in the course of things");
            let other = client(&app, &ClientKey::es256(), false).await;
            assert_eq!(redeem(&other, &refresh, &proving).await.error(), "invalid_grant");
            assert_eq!(rp.token(&refresh).await.error(), "invalid_grant", "no proof at all");
        }
    }

    async fn requests_are_pushed_and_used_by_their_answer(app: TestApp) {
        let key = ClientKey::es256();
        let (rp, other) = (client(&app, &key, false).await, client(&app, &ClientKey::es256(), false).await);
        let mut teacher = app.teacher();
        assert_eq!(teacher.browser.open(&rp.url(&rp.ask())).await.answer()["error"], "invalid_request", "not pushed");
        let ask = rp.ask();
        let pushed = rp.post("/par", &parameters(&ask)).await;
        assert!(pushed.body["expires_in"].as_u64().is_some_and(|seconds| seconds < 600));
        let name = named(&rp, &pushed);
        assert!(app.teacher().browser.open(&rp.url(&name)).await.asks_for("password"), "the first visit, left");
        assert!(teacher.browser.open(&other.url(&name.clone().with("client_id", &other.id))).await.has("err-expired"), "another client");
        // A state that stands outside is not read.
        let answer = teacher.go(&rp, &name.clone().with("state", "outside")).await.answer();
        assert_eq!(answer["state"], ask.get("state"));
        assert!(teacher.browser.open(&rp.url(&name)).await.has("err-expired"), "answered");
        let late = named(&rp, &rp.post("/par", &parameters(&rp.ask())).await);
        app.pass(Duration::from_secs(91));
        assert!(teacher.browser.open(&rp.url(&late)).await.has("err-expired"));
        let without = |name| rp.ask().without(name);
        for (what, ask, error) in [
            ("no redirect_uri", without("redirect_uri"), "invalid_request"),
            ("another address", rp.ask().with("redirect_uri", "https://rp.example/other"), "invalid_request"),
            ("no challenge", without("code_challenge").without("code_challenge_method"), "invalid_request"),
            ("a plain challenge", rp.ask().with("code_challenge_method", "plain"), "invalid_request"),
            ("code id_token", rp.ask().with("response_type", "code id_token"), "unauthorized_client"),
            ("token", rp.ask().with("response_type", "token"), "unsupported_response_type"),
        ] {
            let refused = rp.post("/par", &parameters(&ask)).await;
            assert_eq!((refused.status, refused.error()), (400, error), "{what}");
        }
        let mut nested = parameters(&rp.ask());
        nested.push(("request_uri", "urn:x".into()));
        assert_eq!(rp.post("/par", &nested).await.error(), "invalid_request");
        assert_eq!(app.http.put(app.at("/par")).send().await.unwrap().status(), 405);
        let stateless = rp.ask().without("state").without("nonce");
        let pushed = rp.post("/par", &parameters(&stateless)).await;
        let answer = app.teacher().go(&rp, &named(&rp, &pushed)).await.answer();
        assert!(answer.contains_key("code") && !answer.contains_key("state"));
        let long = rp.ask().with("state", &"s".repeat(1_000)).with("nonce", &"n".repeat(1_000));
        assert_eq!(rp.post("/par", &parameters(&long)).await.status, 201);
    }

    async fn nothing_is_fetched_for_who_must_push(app: TestApp) {
        let (key, host) = (ClientKey::es256(), Host::start(json!("nothing yet")).await);
        let own = json!({ "require_pushed_authorization_requests": true, "request_uris": [host.url] });
        let rp = app.register_with_key(&key, own).await;
        let ask = rp.ask().with("request_uri", &host.url);
        let answer = app.teacher().browser.open(&rp.url(&ask)).await.answer();
        assert_eq!((answer["error"].as_str(), host.asked()), ("invalid_request", 0));
        let evil = ask.with("redirect_uri", "https://evil.example/");
        assert!(app.teacher().browser.open(&rp.url(&evil)).await.has("err-redirect-uri"));
    }

    async fn assertions_name_the_issuer_alone_and_no_weak_algorithm(app: TestApp) {
        let key = ClientKey::rsa("PS256");
        let rp = client(&app, &key, false).await;
        let now = app.app.now().seconds();
        let issuer = &app.issuer;
        for (what, own) in [
            ("in the future, a little", json!({ "iat": now + 8, "nbf": now + 8 })),
            ("as it should be", json!({})),
        ] {
            assert_eq!(push_with(&rp, &key, own).await.status, 201, "{what}");
        }
        for (what, own) in [
            ("the PAR endpoint", json!({ "aud": app.at("/par") })),
            ("the token endpoint", json!({ "aud": app.at("/token") })),
            ("a list", json!({ "aud": [issuer] })),
            ("a list of both", json!({ "aud": [issuer, app.at("/par")] })),
            ("somebody else", json!({ "aud": "https://other.example" })),
            ("no subject", json!({ "sub": null })),
            ("five minutes ago", json!({ "exp": now - 300 })),
            ("in the far future", json!({ "iat": now + 120, "nbf": now + 120, "exp": now + 180 })),
        ] {
            assert_eq!(push_with(&rp, &key, own).await.error(), "invalid_client", "{what}");
        }
        assert_eq!(push_with(&rp, &key.used_as("RS256"), json!({})).await.error(), "invalid_client", "RS256");
        let bare = RelyingParty { auth: Auth::Public, ..rp.clone() };
        assert_eq!(bare.post("/par", &parameters(&rp.ask())).await.error(), "invalid_client", "no assertion");
    }

    async fn codes_and_tokens_are_bound(app: TestApp) {
        let (key, proving) = (ClientKey::es256(), ClientKey::es256());
        let (rp, other) = (client(&app, &key, false).await, client(&app, &ClientKey::es256(), false).await);
        let ask = rp.ask();
        let code = arrive(&rp, &ask).await;
        let form = rp.redemption(&ask, &code);
        assert_eq!(rp.token(&form).await.error(), "invalid_dpop_proof", "no holder of a key");
        let (other_ask, without) = (rp.ask(), arrive(&rp, &rp.ask()).await);
        assert_eq!(redeem(&rp, &rp.redemption(&other_ask, &without), &proving).await.error(), "invalid_grant", "another verifier");
        assert_eq!(redeem(&other, &form, &proving).await.error(), "invalid_grant", "another client");
        let ask = rp.ask();
        let code = arrive(&rp, &ask).await;
        let form = rp.redemption(&ask, &code);
        let tokens = redeem(&rp, &form, &proving).await;
        assert_eq!(redeem(&rp, &form, &proving).await.error(), "invalid_grant", "once");
        let refresh = [("grant_type", "refresh_token".into()), ("refresh_token", tokens.refresh())];
        assert_eq!(redeem(&rp, &refresh, &proving).await.error(), "invalid_grant", "and what the code gave has ended");
        let ask = rp.ask();
        let code = arrive(&rp, &ask).await;
        app.pass(Duration::from_secs(60));
        assert_eq!(redeem(&rp, &rp.redemption(&ask, &code), &proving).await.error(), "invalid_grant", "a minute is all");
        assert!(claims_of(&tokens.access())["cnf"]["jkt"].is_string());
    }

    async fn an_object_without_a_signature_is_a_bad_one(app: TestApp) {
        let key = ClientKey::es256();
        let rp = client(&app, &key, true).await;
        let object = unsigned(&object_of(&rp, &rp.ask()));
        assert_eq!(rp.post("/par", &[("request", object)]).await.error(), "invalid_request_object");
    }

    async fn signed_requests(app: TestApp) {
        let key = ClientKey::rsa("PS256");
        let rp = client(&app, &key, true).await;
        let ask = rp.ask();
        let now = app.app.now().seconds();
        let good = object_of(&rp, &ask);
        let push = async |object: String| rp.post("/par", &[("request", object)]).await;
        let signed = |claims: &Value| key.sign(json!({}), claims);
        assert_eq!(rp.post("/par", &parameters(&ask)).await.error(), "invalid_request", "unsigned");
        for (what, claims) in [
            ("as it should be", good.clone()),
            ("for others too", changed(&good, "aud", json!([app.issuer, "https://other.example"]))),
            ("eight seconds ahead", changed(&changed(&good, "nbf", json!(now + 8)), "exp", json!(now + 68))),
            ("an hour", changed(&good, "exp", json!(now + 3_600))),
        ] {
            assert_eq!(push(signed(&claims)).await.status, 201, "{what}");
        }
        let without = |name: &str| {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(name);
            claims
        };
        for (what, object) in [
            ("no exp", signed(&without("exp"))),
            ("no nbf", signed(&without("nbf"))),
            ("over", signed(&changed(&good, "exp", json!(now - 1)))),
            ("more than an hour", signed(&changed(&good, "exp", json!(now + 3_601)))),
            ("an old one", signed(&changed(&changed(&good, "nbf", json!(now - 3_700)), "exp", json!(now + 60)))),
            ("another audience", signed(&changed(&good, "aud", json!("https://other.example")))),
            ("RS256", key.used_as("RS256").sign(json!({}), &good)),
            ("another key", ClientKey::rsa("PS256").sign(json!({}), &good)),
            ("a request_uri in it", signed(&changed(&good, "request_uri", json!("urn:x")))),
        ] {
            let refused = push(object).await;
            assert_eq!((refused.status, refused.error()), (400, "invalid_request_object"), "{what}");
        }
        let nowhere = push(signed(&without("redirect_uri"))).await;
        assert_eq!((nowhere.status, nowhere.error()), (400, "invalid_request"));
        let answered = changed(&good, "response_mode", json!("jwt"));
        let name = named(&rp, &push(signed(&answered)).await);
        let answer = app.teacher().go(&rp, &name).await.answer();
        let response = &answer["response"];
        assert_eq!(part_of(response, 0)["alg"], "PS256", "answers are signed as strongly");
        let code = claims_of(response)["code"].as_str().unwrap().to_owned();
        assert_eq!(redeem(&rp, &rp.redemption(&ask, &code), &ClientKey::es256()).await.status, 200);
    }
}

/// Neither door through which others come without PKCE lets a client of the profile out of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_registers_itself_leaves_nothing_of_the_profile_out() {
    let app = open_door(Opening::OpenWithoutPkce).await;
    run_on(app, |app: TestApp| async move {
        // Assertions name whole seconds: one of the second of our start counts as made before it.
        app.pass(Duration::from_secs(1));
        let policy = Policy { grant_types: vec!["authorization_code".into()], scope: None, require_pkce: false };
        let day = Duration::from_secs(86_400);
        let (_, token) = app.app.issue_initial_token(&app.operator(), policy, 1, day).await.unwrap();
        for door in [None, Some(token.expose_secret())] {
            let key = ClientKey::es256();
            let own = json!({
                "edu_profile": "fapi2", "dpop_bound_access_tokens": true, "id_token_signed_response_alg": "PS256",
                "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks(), "edu_require_pkce": false,
                "require_pushed_authorization_requests": false, "grant_types": ["authorization_code"],
            });
            let registered = register(&app, door, own).await;
            assert_eq!(registered.status, 201, "{registered:?}");
            let told = |name: &str| registered.body[name].as_bool();
            let kept = (told("edu_require_pkce"), told("require_pushed_authorization_requests"));
            assert_eq!(kept, (Some(true), Some(true)), "{registered:?}");
            assert_eq!(
                registered.body["introspection_signed_response_alg"], "PS256",
                "RS256 where nothing is said otherwise"
            );
            let redirect_uri = "https://rp.example/callback".to_owned();
            let rp =
                RelyingParty { app: app.clone(), id: registered.text("client_id"), auth: Auth::Key(key), redirect_uri };
            let bare = rp.ask().without("code_challenge").without("code_challenge_method");
            let refused = rp.post("/par", &parameters(&bare)).await;
            assert_eq!((refused.status, refused.error()), (400, "invalid_request"), "without a challenge");
            let answer = app.teacher().browser.open(&rp.url(&rp.ask())).await.answer();
            assert_eq!(answer["error"], "invalid_request", "not pushed");
            assert_eq!(rp.post("/par", &parameters(&rp.ask())).await.status, 201);
        }
    })
    .await;
}
