//! Clients that prove themselves with assertions (RFC 7523; OpenID Connect Core, 9).

use std::time::Duration;

use serde_json::{Value, json};

use crate::ephemeral::{ask_redis, database_of_its_own};
use crate::support::app::{Engine, TestApp, both_engines, run_with};
use crate::support::client_key::ClientKey;
use crate::support::need;
use crate::support::relying_party::{Answer, Auth, RelyingParty, asserted};

/// A refresh with an assertion made of these header members and claims; a good one answers 200.
async fn refresh_with(rp: &RelyingParty, token: &str, key: &ClientKey, header: Value, claims: &Value) -> Answer {
    let bare = RelyingParty { auth: Auth::Public, ..rp.clone() };
    let mut form = vec![("grant_type", "refresh_token".into()), ("refresh_token", token.to_owned())];
    form.extend(asserted(key.sign(header, claims)));
    bare.token(&form).await
}

fn changed(claims: &Value, own: Value) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// Lets the start lie behind: what was made in its second cannot be told from what was made before (R3).
async fn with_key(app: &TestApp, key: &ClientKey, own: Value) -> (RelyingParty, String) {
    app.pass(Duration::from_secs(2));
    let rp = app.register_with_key(key, own).await;
    let refresh = app.teacher().sign_in(&rp).await.refresh();
    (rp, refresh)
}

async fn one_assertion_many_requests(app: TestApp) {
    let key = ClientKey::es256();
    let (rp, refresh) = with_key(&app, &key, json!({})).await;
    for _ in 0..3 {
        let claims = rp.assertion();
        let mut requests = Vec::new();
        for _ in 0..24 {
            let (rp, refresh, key, claims) = (rp.clone(), refresh.clone(), key.clone(), claims.clone());
            requests.push(tokio::spawn(async move { refresh_with(&rp, &refresh, &key, json!({}), &claims).await }));
        }
        let mut accepted = 0;
        for request in requests {
            let answer = request.await.unwrap();
            match answer.status {
                200 => accepted += 1,
                _ => assert_eq!((answer.status, answer.error()), (401, "invalid_client"), "{answer:?}"),
            }
        }
        assert_eq!(accepted, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_assertion_many_requests_in_a_cluster() {
    let (Some(server), Some(redis)) = (need::postgres(), need::redis()) else { return };
    run_with(Engine::Postgres(server), redis.as_str(), one_assertion_many_requests).await;
}

both_engines! {
    async fn one_assertion_counts_once(app: TestApp) {
        one_assertion_many_requests(app).await;
    }

    async fn every_algorithm_signs_in(app: TestApp) {
        app.pass(Duration::from_secs(2));
        let edwards = [ClientKey::ed25519(), ClientKey::ed25519_of_today()];
        for key in [ClientKey::es256(), ClientKey::rsa("RS256"), ClientKey::rsa("PS256")].into_iter().chain(edwards) {
            let rp = app.register_with_key(&key, json!({ "token_endpoint_auth_signing_alg": key.alg })).await;
            assert_eq!(app.teacher().sign_in(&rp).await.status, 200, "{}", key.alg);
        }
        let rp = app.register(json!({ "token_endpoint_auth_method": "client_secret_jwt" })).await;
        assert_eq!(app.teacher().sign_in(&rp).await.status, 200);
    }

    async fn an_assertion_is_for_us_from_the_client_and_short_lived(app: TestApp) {
        let key = ClientKey::es256();
        let (rp, refresh) = with_key(&app, &key, json!({})).await;
        let now = app.app.now().seconds();
        let (issuer, token) = (app.issuer.clone(), app.at("/token"));
        for (what, own) in [
            ("the issuer", json!({})),
            ("the token endpoint", json!({ "aud": token })),
            ("both", json!({ "aud": [issuer, token] })),
            ("without iat", json!({ "iat": null, "exp": now + 500, "jti": "no-iat" })),
            ("said to be good for an hour", json!({ "exp": now + 3600 })),
            ("a fraction", json!({ "exp": f64::from(u32::try_from(now).unwrap()) + 60.5 })),
        ] {
            let claims = changed(&rp.assertion(), own);
            // Without iat it could have been used before the start.
            let expected = if what == "without iat" { 401 } else { 200 };
            assert_eq!(refresh_with(&rp, &refresh, &key, json!({}), &claims).await.status, expected, "{what}");
        }
        app.pass(Duration::from_secs(700));
        let now = app.app.now().seconds();
        let fine = changed(&rp.assertion(), json!({ "iat": null }));
        assert_eq!(refresh_with(&rp, &refresh, &key, json!({}), &fine).await.status, 200);
        for (what, own) in [
            ("another issuer", json!({ "iss": "somebody" })),
            ("another subject", json!({ "sub": app.client("platform_a").id })),
            ("another audience", json!({ "aud": "https://evil.example" })),
            ("another audience too", json!({ "aud": [app.issuer, "https://evil.example"] })),
            ("an address below the issuer", json!({ "aud": app.at("/other") })),
            ("no audience", json!({ "aud": null })),
            ("no exp", json!({ "exp": null })),
            ("exp as text", json!({ "exp": (now + 60).to_string() })),
            ("expired", json!({ "exp": now - 1 })),
            ("believed long enough", json!({ "iat": now - 600, "exp": now + 2400 })),
            ("for a day", json!({ "exp": now + 86_400 })),
            ("from tomorrow", json!({ "iat": now + 86_400, "exp": now + 86_460 })),
            ("no jti", json!({ "jti": null })),
            ("jti as number", json!({ "jti": 7 })),
        ] {
            let claims = changed(&rp.assertion(), own);
            let answer = refresh_with(&rp, &refresh, &key, json!({}), &claims).await;
            assert_eq!((answer.status, answer.error()), (401, "invalid_client"), "{what}");
            assert!(answer.headers.contains_key("www-authenticate"), "{what}");
        }
    }

    async fn the_header_chooses_neither_key_nor_algorithm(app: TestApp) {
        let (key, thief) = (ClientKey::rsa("PS256"), ClientKey::es256());
        let (rp, refresh) = with_key(&app, &key, json!({ "token_endpoint_auth_signing_alg": "PS256" })).await;
        let refused = async |what: &str, key: &ClientKey, header: Value| {
            let answer = refresh_with(&rp, &refresh, key, header, &rp.assertion()).await;
            assert_eq!((answer.status, answer.error()), (401, "invalid_client"), "{what}");
        };
        refused("another registered algorithm", &key.used_as("RS256"), json!({})).await;
        refused("somebody's key", &thief, json!({ "kid": key.kid })).await;
        refused("an embedded key", &thief, json!({ "jwk": thief.jwk() })).await;
        refused("an embedded key of ours", &key, json!({ "jwk": key.jwk() })).await;
        refused("a key elsewhere", &key, json!({ "jku": "https://evil.example/" })).await;
        refused("a critical extension", &key, json!({ "crit": ["b64"], "b64": true })).await;
        refused("an unknown name", &key, json!({ "kid": "other" })).await;
        refused("a token of another kind", &key, json!({ "typ": "dpop+jwt" })).await;
        refused("no algorithm", &key, json!({ "alg": "none" })).await;
        // The public key as a secret (RFC 8725, 2.1).
        let public = key.jwk()["n"].as_str().unwrap().to_owned();
        refused("a public key as secret", &ClientKey::secret(&public), json!({ "kid": key.kid })).await;
        let answer = refresh_with(&rp, &refresh, &key, json!({ "kid": null, "typ": "JWT", "x5t": "abc" }), &rp.assertion()).await;
        assert_eq!(answer.status, 200, "one key needs no name, and a certificate's digest is no key: {answer:?}");
    }

    async fn a_client_uses_the_method_it_registered(app: TestApp) {
        let key = ClientKey::es256();
        let (rp, refresh) = with_key(&app, &key, json!({})).await;
        let by_secret = app.client("platform_a");
        let Auth::Basic(secret) = by_secret.auth.clone() else { panic!() };
        let form = |extra: Vec<(&'static str, String)>| {
            let mut form = vec![("grant_type", "refresh_token".into()), ("refresh_token", refresh.clone())];
            form.extend(extra);
            form
        };
        // A secret that authenticates by Basic is not one that authenticates assertions.
        let other = RelyingParty { auth: Auth::Key(ClientKey::secret(&secret)), ..by_secret.clone() };
        assert_eq!(other.token(&form(vec![])).await.error(), "invalid_client");
        assert_eq!(RelyingParty { auth: Auth::Public, ..rp.clone() }.token(&form(vec![])).await.error(), "invalid_client");
        let jwt = key.sign(json!({}), &rp.assertion());
        let twice = by_secret.token(&form(asserted(jwt.clone()).into())).await;
        assert_eq!((twice.status, twice.error()), (400, "invalid_request"), "Basic and an assertion");
        let bare = RelyingParty { auth: Auth::Public, ..rp.clone() };
        let both = bare.token(&form([asserted(jwt.clone()).to_vec(), vec![("client_secret", "x".into())]].concat())).await;
        assert_eq!((both.status, both.error()), (400, "invalid_request"), "a secret and an assertion");
        let half = bare.token(&form(vec![("client_assertion", jwt.clone())])).await;
        assert_eq!((half.status, half.error()), (400, "invalid_request"), "no type");
        let strange = vec![("client_assertion", jwt), ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer".into())];
        assert_eq!(bare.token(&form(strange)).await.error(), "invalid_client");
        let nameless = app.http.post(app.at("/token")).form(&form(asserted(key.sign(json!({}), &rp.assertion())).into()));
        assert_eq!(Answer::of(nameless).await.status, 200, "an assertion says who it is");
        let named_as_other = RelyingParty { id: by_secret.id, auth: Auth::Public, ..rp.clone() };
        let jwt = key.sign(json!({}), &rp.assertion());
        assert_eq!(named_as_other.token(&form(asserted(jwt).into())).await.error(), "invalid_client");
    }
}

/// Nor has a Redis that was emptied under a running provider told anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_forgot_is_not_believed_again() {
    let Some(redis) = database_of_its_own(9) else { return };
    let url = redis.clone();
    run_with(Engine::Sqlite, &url, |app: TestApp| async move {
        let key = ClientKey::es256();
        let (rp, refresh) = with_key(&app, &key, json!({})).await;
        // By the clock of the server, which goes by whole seconds here.
        app.clock.set_back(Duration::from_secs(3));
        let second = || tokio::time::sleep(Duration::from_millis(1_100));
        second().await;
        let captured = rp.assertion();
        assert_eq!(refresh_with(&rp, &refresh, &key, json!({}), &captured).await.status, 200);
        second().await;
        ask_redis(&redis, redis::cmd("FLUSHDB"));
        for _ in 0..3 {
            let answer = refresh_with(&rp, &refresh, &key, json!({}), &captured).await;
            assert_ne!(answer.status, 200, "{answer:?}");
        }
        second().await;
        assert_eq!(refresh_with(&rp, &refresh, &key, json!({}), &rp.assertion()).await.status, 200);
    })
    .await;
}

/// A start with `memory:` has forgotten what was used (R3).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_before_the_start_is_refused() {
    run_with(Engine::Sqlite, "memory:", |app: TestApp| async move {
        let key = ClientKey::es256();
        let (rp, refresh) = with_key(&app, &key, json!({})).await;
        let started = app.app.now().seconds();
        let before = changed(&rp.assertion(), json!({ "iat": started - 20, "exp": started + 60 }));
        let answer = refresh_with(&rp, &refresh, &key, json!({}), &before).await;
        assert_eq!((answer.status, answer.error()), (401, "invalid_client"));
        assert_eq!(refresh_with(&rp, &refresh, &key, json!({}), &rp.assertion()).await.status, 200);
    })
    .await;
}
