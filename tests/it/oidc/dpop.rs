//! Demonstrating proof of possession (RFC 9449): tokens that are of no use without the key, and proofs that count once.

use std::time::Duration;

use mingji::app::Parts;
use serde_json::{Value, json};

use super::client_credentials::{GRADES, machine, resource};
use crate::support::app::{Engine, TestApp, both_engines, run_on, run_with};
use crate::support::client_key::{ClientKey, fresh};
use crate::support::need;
use crate::support::relying_party::{Answer, Ask, Auth, RelyingParty, asserted, claims_of};

/// The claims of a proof as it should be.
fn claims(app: &TestApp, method: &str, path: &str) -> Value {
    json!({ "htm": method, "htu": app.at(path), "iat": app.app.now().seconds(), "jti": fresh() })
}

fn header(key: &ClientKey) -> Value {
    json!({ "typ": "dpop+jwt", "jwk": key.bare_jwk(), "kid": null })
}

pub(super) fn proof(app: &TestApp, key: &ClientKey, path: &str) -> String {
    key.sign(header(key), &claims(app, "POST", path))
}

fn changed(claims: &Value, own: Value) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// The form, with one good proof of this key.
pub(super) async fn post(rp: &RelyingParty, path: &str, form: &[(&'static str, String)], key: &ClientKey) -> Answer {
    rp.post_with(path, form, &[("dpop", proof(&rp.app, key, path))]).await
}

/// Signs in and redeems the code with a proof of this key.
async fn tokens(rp: &RelyingParty, key: &ClientKey) -> Answer {
    let arrived = rp.app.teacher().arrive(rp).await;
    let answer = post(rp, "/token", &rp.redemption(&arrived.ask, &arrived.code), key).await;
    assert_eq!((answer.status, answer.text("token_type").as_str()), (200, "DPoP"), "{answer:?}");
    answer
}

async fn refresh(rp: &RelyingParty, token: &str, key: Option<&ClientKey>) -> Answer {
    let form = [("grant_type", "refresh_token".into()), ("refresh_token", token.to_owned())];
    match key {
        Some(key) => post(rp, "/token", &form, key).await,
        None => rp.token(&form).await,
    }
}

/// Asks userinfo in a scheme, with these proofs.
async fn ask_userinfo(app: &TestApp, scheme: &str, token: &str, proofs: &[String]) -> Answer {
    let request = app.http.get(app.at("/userinfo")).header("authorization", format!("{scheme} {token}"));
    Answer::of(proofs.iter().fold(request, |request, proof| request.header("dpop", proof))).await
}

/// The claims of a good proof for userinfo.
fn at_userinfo(app: &TestApp, token: &str) -> Value {
    changed(&claims(app, "GET", "/userinfo"), json!({ "ath": mingji::keys::opaque::s256(token) }))
}

pub(super) async fn userinfo(app: &TestApp, token: &str, key: &ClientKey) -> Answer {
    ask_userinfo(app, "DPoP", token, &[key.sign(header(key), &at_userinfo(app, token))]).await
}

/// What a start forgot lies behind (R3), proofs of clocks that are late too.
async fn client(app: &TestApp, own: Value) -> RelyingParty {
    app.pass(Duration::from_secs(20));
    app.register(own).await
}

async fn one_proof_many_requests(app: TestApp) {
    let (rp, key) = (client(&app, json!({})).await, ClientKey::es256());
    let access = tokens(&rp, &key).await.access();
    for _ in 0..3 {
        let one = key.sign(header(&key), &at_userinfo(&app, &access));
        let mut requests = Vec::new();
        for _ in 0..24 {
            let (app, access, one) = (app.clone(), access.clone(), one.clone());
            requests.push(tokio::spawn(async move { ask_userinfo(&app, "DPoP", &access, &[one]).await }));
        }
        let mut accepted = 0;
        for request in requests {
            let answer = request.await.unwrap();
            match answer.status {
                200 => accepted += 1,
                _ => assert_eq!((answer.status, answer.error()), (401, "invalid_dpop_proof"), "{answer:?}"),
            }
        }
        assert_eq!(accepted, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_proof_many_requests_in_a_cluster() {
    let (Some(server), Some(redis)) = (need::postgres(), need::redis()) else { return };
    run_with(Engine::Postgres(server), redis.as_str(), one_proof_many_requests).await;
}

both_engines! {
    async fn a_bound_token_is_of_no_use_without_its_key(app: TestApp) {
        let rp = client(&app, json!({})).await;
        for key in [ClientKey::es256(), ClientKey::ed25519(), ClientKey::ed25519_of_today(), ClientKey::rsa("PS256")] {
            let answer = tokens(&rp, &key).await;
            let access = answer.access();
            let jkt = claims_of(&access)["cnf"]["jkt"].as_str().unwrap().to_owned();
            assert_eq!(jkt, key.thumbprint(), "{}", key.alg);
            assert_eq!(userinfo(&app, &access, &key).await.status, 200, "{}", key.alg);
            let lower = ask_userinfo(&app, "dpop", &access, &[key.sign(header(&key), &at_userinfo(&app, &access))]).await;
            assert_eq!(lower.status, 200, "schemes know no case");
            let thief = ClientKey::es256();
            let good = key.sign(header(&key), &at_userinfo(&app, &access));
            for (what, scheme, proofs, error) in [
                ("as a bearer token", "Bearer", vec![], "invalid_token"),
                ("as a bearer token with a proof", "Bearer", vec![good.clone()], "invalid_token"),
                ("without a proof", "DPoP", vec![], "invalid_dpop_proof"),
                ("with another's proof", "DPoP", vec![thief.sign(header(&thief), &at_userinfo(&app, &access))], "invalid_token"),
                ("with two proofs", "DPoP", vec![good.clone(), good], "invalid_dpop_proof"),
            ] {
                let refused = ask_userinfo(&app, scheme, &access, &proofs).await;
                assert_eq!((refused.status, refused.error()), (401, error), "{what}");
                let challenge = refused.headers["www-authenticate"].to_str().unwrap();
                assert!(challenge.contains(&format!("error=\"{error}\"")), "{what}: {challenge}");
                assert_eq!(challenge.starts_with("DPoP"), scheme == "DPoP", "{what}: {challenge}");
                assert!(scheme == "Bearer" || challenge.contains("algs=\"ES256"), "{what}: {challenge}");
            }
            let in_form = app.http.post(app.at("/userinfo")).form(&[("access_token", &access)]);
            assert_eq!(Answer::of(in_form).await.error(), "invalid_token", "a form is for bearer tokens");
            let told = rp.post("/introspect", &[("token", access.clone())]).await.body;
            assert_eq!((told["token_type"].as_str(), told["cnf"]["jkt"].as_str()), (Some("DPoP"), Some(jkt.as_str())));
        }
    }

    async fn a_bearer_token_is_not_presented_as_bound(app: TestApp) {
        let (rp, key) = (client(&app, json!({})).await, ClientKey::es256());
        let access = app.teacher().sign_in(&rp).await.access();
        assert_eq!(userinfo(&app, &access, &key).await.error(), "invalid_token");
        assert_eq!(rp.userinfo(&access).await.status, 200);
    }

    async fn what_is_wrong_with_a_proof(app: TestApp) {
        let (rp, key) = (client(&app, json!({})).await, ClientKey::es256());
        let rsa = ClientKey::rsa("RS256");
        let answer = tokens(&rp, &key).await;
        let (access, token) = (answer.access(), answer.refresh());
        let now = app.app.now().seconds();
        let mut private = key.bare_jwk();
        private["d"] = json!("AAAA");
        let secret = ClientKey::secret("a secret that both sides know");
        for (what, signer, own_header, own_claims) in [
            ("no type", &key, json!({ "typ": null }), json!({})),
            ("another type", &key, json!({ "typ": "JWT" }), json!({})),
            ("no key", &key, json!({ "jwk": null }), json!({})),
            ("somebody's key", &key, json!({ "jwk": ClientKey::es256().bare_jwk() }), json!({})),
            ("a private key", &key, json!({ "jwk": private }), json!({})),
            ("a key elsewhere", &key, json!({ "jku": "https://evil.example/" }), json!({})),
            ("a critical extension", &key, json!({ "crit": ["x"] }), json!({})),
            ("no algorithm", &key, json!({ "alg": "none" }), json!({})),
            ("RS256", &rsa, json!({ "jwk": rsa.bare_jwk() }), json!({})),
            ("a shared secret", &secret, json!({ "jwk": { "kty": "oct", "k": "AAAA" } }), json!({})),
            ("a public key as a secret", &secret, json!({}), json!({})),
            ("another method", &key, json!({}), json!({ "htm": "PUT" })),
            ("another endpoint", &key, json!({}), json!({ "htu": app.at("/revoke") })),
            ("another host", &key, json!({}), json!({ "htu": "https://evil.example/token" })),
            ("no address", &key, json!({}), json!({ "htu": null })),
            ("an hour ago", &key, json!({}), json!({ "iat": now - 3_600 })),
            ("in an hour", &key, json!({}), json!({ "iat": now + 3_600 })),
            ("at no time", &key, json!({}), json!({ "iat": null })),
            ("without a name", &key, json!({}), json!({ "jti": null })),
        ] {
            let made = |claims: &Value| signer.sign(changed(&header(&key), own_header.clone()), &changed(claims, own_claims.clone()));
            let form = [("grant_type", "refresh_token".into()), ("refresh_token", token.clone())];
            let refused = rp.post_with("/token", &form, &[("dpop", made(&claims(&app, "POST", "/token")))]).await;
            assert_eq!((refused.status, refused.error()), (400, "invalid_dpop_proof"), "{what}");
            let refused = ask_userinfo(&app, "DPoP", &access, &[made(&at_userinfo(&app, &access))]).await;
            assert_eq!((refused.status, refused.error()), (401, "invalid_dpop_proof"), "{what}");
        }
        for (what, own) in [("no digest of the token", json!({ "ath": null })), ("another token's", json!({ "ath": mingji::keys::opaque::s256("x") }))] {
            let made = key.sign(header(&key), &changed(&at_userinfo(&app, &access), own));
            assert_eq!(ask_userinfo(&app, "DPoP", &access, &[made]).await.error(), "invalid_dpop_proof", "{what}");
        }
        for broken in ["x", "a.b.c", ""] {
            assert_eq!(ask_userinfo(&app, "DPoP", &access, &[broken.into()]).await.error(), "invalid_dpop_proof");
        }
        // What is ignored, and what is written otherwise and means the same.
        for (own_header, own_claims) in [
            (json!({ "tx_id": 7 }), json!({ "more": { "x": 1 }, "nbf": now, "exp": now + 300 })),
            (json!({}), json!({ "htu": format!("{}?x=1#y", app.at("/userinfo")) })),
            (json!({}), json!({ "htu": app.at("/userinfo").replace("http:", "HTTP:") })),
            (json!({}), json!({ "iat": now - 10 })),
            (json!({}), json!({ "iat": now + 10 })),
        ] {
            let made = key.sign(changed(&header(&key), own_header), &changed(&at_userinfo(&app, &access), own_claims.clone()));
            assert_eq!(ask_userinfo(&app, "DPoP", &access, &[made]).await.status, 200, "{own_claims}");
        }
        assert_eq!(refresh(&rp, &token, Some(&key)).await.status, 200, "nothing was used up");
    }

    async fn a_proof_counts_once(app: TestApp) {
        one_proof_many_requests(app.clone()).await;
        let (rp, key) = (client(&app, json!({})).await, ClientKey::es256());
        let token = tokens(&rp, &key).await.refresh();
        let form = [("grant_type", "refresh_token".into()), ("refresh_token", token)];
        let one = proof(&app, &key, "/token");
        assert_eq!(rp.post_with("/token", &form, &[("dpop", one.clone())]).await.status, 200);
        assert_eq!(rp.post_with("/token", &form, &[("dpop", one)]).await.error(), "invalid_dpop_proof");
    }

    async fn a_public_clients_refresh_token_is_bound_and_stays(app: TestApp) {
        let (rp, key, other) = (client(&app, json!({ "token_endpoint_auth_method": "none" })).await, ClientKey::es256(), ClientKey::es256());
        let token = tokens(&rp, &key).await.refresh();
        assert_eq!(refresh(&rp, &token, None).await.error(), "invalid_grant");
        assert_eq!(refresh(&rp, &token, Some(&other)).await.error(), "invalid_grant");
        let fresh = refresh(&rp, &token, Some(&key)).await;
        assert_eq!((fresh.status, fresh.refresh()), (200, token.clone()), "a bound one is not replaced (R11)");
        assert_eq!(claims_of(&fresh.access())["cnf"]["jkt"], key.thumbprint());
        assert_eq!(refresh(&rp, &token, Some(&key)).await.status, 200);
    }

    async fn a_client_that_proves_itself_may_change_its_key_but_not_leave_it_out(app: TestApp) {
        let (rp, key, other) = (client(&app, json!({})).await, ClientKey::es256(), ClientKey::ed25519());
        let token = tokens(&rp, &key).await.refresh();
        assert_eq!(refresh(&rp, &token, None).await.error(), "invalid_grant");
        let moved = refresh(&rp, &token, Some(&other)).await;
        assert_eq!(claims_of(&moved.access())["cnf"]["jkt"], other.thumbprint());
        assert_eq!(userinfo(&app, &moved.access(), &key).await.error(), "invalid_token");
        assert_eq!(userinfo(&app, &moved.access(), &other).await.status, 200);
    }

    async fn a_code_may_be_bound_to_a_key(app: TestApp) {
        let (rp, key, other) = (client(&app, json!({})).await, ClientKey::es256(), ClientKey::es256());
        let mut teacher = app.teacher();
        for (with, status) in [(Some(&key), 200), (Some(&other), 400), (None, 400)] {
            let arrived = teacher.arrive_with(&rp, rp.ask().with("dpop_jkt", &key.thumbprint())).await;
            let form = rp.redemption(&arrived.ask, &arrived.code);
            let answer = match with {
                Some(key) => post(&rp, "/token", &form, key).await,
                None => rp.token(&form).await,
            };
            assert_eq!(answer.status, status, "{answer:?}");
            assert!(status == 200 || answer.error() == "invalid_grant", "{answer:?}");
        }
        for bad in ["short", &"=".repeat(43)] {
            let answer = teacher.browser.open(&rp.url(&rp.ask().with("dpop_jkt", bad))).await.answer();
            assert_eq!(answer["error"], "invalid_request", "{bad}");
        }
    }

    async fn a_pushed_request_may_prove_the_key(app: TestApp) {
        let (rp, key, other) = (client(&app, json!({})).await, ClientKey::es256(), ClientKey::es256());
        let push = async |ask: &Ask, key: &ClientKey| {
            let names = ["redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method", "dpop_jkt"];
            let form: Vec<_> = names.map(|name| (name, ask.get(name))).into_iter().filter(|(_, value)| !value.is_empty()).collect();
            post(&rp, "/par", &form, key).await
        };
        for (redeemed_with, status) in [(&key, 200), (&other, 400)] {
            let ask = rp.ask();
            let named = push(&ask, &key).await.text("request_uri");
            let named = Ask::bare().with("client_id", &rp.id).with("request_uri", &named);
            let code = app.teacher().go(&rp, &named).await.answer()["code"].clone();
            assert_eq!(post(&rp, "/token", &rp.redemption(&ask, &code), redeemed_with).await.status, status);
        }
        let both = push(&rp.ask().with("dpop_jkt", &key.thumbprint()), &key).await;
        assert_eq!(both.status, 201, "{both:?}");
        let contradicting = push(&rp.ask().with("dpop_jkt", &other.thumbprint()), &key).await;
        assert_eq!((contradicting.status, contradicting.error()), (400, "invalid_dpop_proof"));
        let elsewhere = rp.post_with("/par", &[("scope", "openid".into())], &[("dpop", proof(&app, &key, "/token"))]).await;
        assert_eq!(elsewhere.error(), "invalid_dpop_proof", "a proof for another endpoint");
    }

    async fn who_registered_for_bound_tokens_gets_no_others(app: TestApp) {
        resource(&app, GRADES, &["grades.read"]).await;
        app.pass(Duration::from_secs(2));
        let (own, key) = (json!({ "dpop_bound_access_tokens": true }), ClientKey::es256());
        let rp = app.register(own.clone()).await;
        let arrived = app.teacher().arrive(&rp).await;
        let form = rp.redemption(&arrived.ask, &arrived.code);
        assert_eq!(rp.token(&form).await.error(), "invalid_dpop_proof");
        let answer = post(&rp, "/token", &form, &key).await;
        assert_eq!(answer.text("token_type"), "DPoP", "the code was not used up");
        let machine = machine(&app, own).await;
        let form = [("grant_type", "client_credentials".to_owned())];
        assert_eq!(machine.token(&form).await.error(), "invalid_dpop_proof");
        let token = post(&machine, "/token", &form, &key).await;
        assert_eq!(claims_of(&token.access())["cnf"]["jkt"], key.thumbprint());
        let implicit = json!({
            "redirect_uris": ["https://rp.example/cb"], "dpop_bound_access_tokens": true,
            "grant_types": ["authorization_code", "implicit"], "response_types": ["code", "code token"],
        });
        let refused = app.app.create_client(&app.operator(), serde_json::from_value(implicit).unwrap()).await;
        assert!(refused.is_err(), "a token that comes through the browser is bound to nothing");
    }

    async fn scripts_may_send_and_read_what_they_need(app: TestApp) {
        let ask = async |method: reqwest::Method, path: &str| {
            let request = app.http.request(method, app.at(path)).header("origin", "https://app.example");
            request.send().await.unwrap().headers().clone()
        };
        let open = ["/token", "/userinfo", "/par", "/revoke", "/device-authorization", "/jwks", "/.well-known/openid-configuration"];
        for path in open {
            let headers = ask(reqwest::Method::OPTIONS, path).await;
            assert_eq!(headers["access-control-allow-origin"], "*", "{path}");
            assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("dpop"), "{path}");
            assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("dpop-nonce"), "{path}");
            assert!(!headers.contains_key("access-control-allow-credentials"), "{path}");
        }
        for path in ["/authorize", "/sign-in", "/end-session", "/introspect", "/register", "/"] {
            let headers = ask(reqwest::Method::GET, path).await;
            assert!(!headers.contains_key("access-control-allow-origin"), "{path} is for no script of another origin");
        }
        let document = app.discovery().await;
        assert_eq!(document["dpop_signing_alg_values_supported"], json!(["ES256", "EdDSA", "PS256", "Ed25519"]));
    }
}

/// With nonces of ours (RFC 9449, 8 and 9).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proofs_with_a_nonce_of_ours() {
    let ask_for = |parts: &mut Parts| parts.dpop_nonce = true;
    let app = TestApp::start_with(Engine::Sqlite, "memory:", ask_for).await;
    run_on(app, |app: TestApp| async move {
        let (rp, key) = (client(&app, json!({ "token_endpoint_auth_method": "none" })).await, ClientKey::es256());
        let arrived = app.teacher().arrive(&rp).await;
        let form = rp.redemption(&arrived.ask, &arrived.code);
        let given = |answer: &Answer| answer.headers["dpop-nonce"].to_str().unwrap().to_owned();
        let with = |nonce: &str, own: Value| {
            key.sign(header(&key), &changed(&changed(&claims(&app, "POST", "/token"), json!({ "nonce": nonce })), own))
        };
        let first = post(&rp, "/token", &form, &key).await;
        assert_eq!((first.status, first.error()), (400, "use_dpop_nonce"));
        let nonce = given(&first);
        let forged = rp.post_with("/token", &form, &[("dpop", with("made-up", json!({})))]).await;
        assert_eq!(forged.error(), "use_dpop_nonce");
        assert_ne!(given(&forged), nonce, "they change");
        // The clock of this client is an hour late, and the nonce says when it was made.
        let late = json!({ "iat": app.app.now().seconds() - 3_600 });
        let answer = rp.post_with("/token", &form, &[("dpop", with(&nonce, late))]).await;
        assert_eq!(answer.status, 200, "nothing was used up: {answer:?}");
        let access = answer.access();
        let at_resource = userinfo(&app, &access, &key).await;
        assert_eq!((at_resource.status, at_resource.error()), (401, "use_dpop_nonce"));
        assert!(at_resource.headers["www-authenticate"].to_str().unwrap().starts_with("DPoP error=\"use_dpop_nonce\""));
        let nonce = given(&at_resource);
        let made =
            |nonce: &str| key.sign(header(&key), &changed(&at_userinfo(&app, &access), json!({ "nonce": nonce })));
        let one = made(&nonce);
        assert_eq!(ask_userinfo(&app, "DPoP", &access, std::slice::from_ref(&one)).await.status, 200);
        assert_eq!(
            ask_userinfo(&app, "DPoP", &access, &[one]).await.error(),
            "invalid_dpop_proof",
            "a nonce is good for many, a proof for one"
        );
        let renewed = [("grant_type", "refresh_token".into()), ("refresh_token", answer.refresh())];
        app.pass(Duration::from_secs(200));
        let later = rp.post_with("/token", &renewed, &[("dpop", with(&nonce, json!({})))]).await;
        assert_eq!(later.status, 200, "{later:?}");
        app.pass(Duration::from_secs(100));
        let late = rp.post_with("/token", &renewed, &[("dpop", with(&nonce, json!({})))]).await;
        assert_eq!(late.error(), "use_dpop_nonce");
        let pushed = post(&rp, "/par", &[("scope", "openid".into())], &key).await;
        assert_eq!(pushed.error(), "use_dpop_nonce");
        assert!(rp.refresh(&answer.refresh()).await.headers.contains_key("dpop-nonce"));
    })
    .await;
}

/// An assertion counts once, and being asked for a nonce is no use of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_is_asked_for_before_anything_is_used_up() {
    let ask_for = |parts: &mut Parts| parts.dpop_nonce = true;
    let app = TestApp::start_with(Engine::Sqlite, "memory:", ask_for).await;
    run_on(app, |app: TestApp| async move {
        let (own_key, key) = (ClientKey::es256(), ClientKey::es256());
        app.pass(Duration::from_secs(1));
        let rp = app.register_with_key(&own_key, json!({})).await;
        let bare = RelyingParty { auth: Auth::Public, ..rp.clone() };
        for (path, mut form, good) in [
            ("/token", vec![("grant_type", "refresh_token".into()), ("refresh_token", "none".into())], "invalid_grant"),
            ("/par", vec![("scope", "openid".into())], "invalid_request"),
        ] {
            form.extend(asserted(own_key.sign(json!({}), &rp.assertion())));
            let with = |nonce: &str| {
                let own = changed(&claims(&app, "POST", path), json!({ "nonce": nonce }));
                [("dpop", key.sign(header(&key), &own))]
            };
            let first = bare.post_with(path, &form, &with("none of ours")).await;
            assert_eq!(first.error(), "use_dpop_nonce", "{path}");
            let nonce = first.headers["dpop-nonce"].to_str().unwrap().to_owned();
            let second = bare.post_with(path, &form, &with(&nonce)).await;
            assert_eq!(second.error(), good, "{path}: the client is known, and its request is read");
            let third = bare.post_with(path, &form, &with(&nonce)).await;
            assert_eq!(third.error(), "invalid_client", "{path}: the same assertion");
        }
    })
    .await;
}

/// A start with `memory:` has forgotten what was used (R3).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proofs_of_before_the_start_are_refused() {
    run_with(Engine::Sqlite, "memory:", |app: TestApp| async move {
        let started = app.app.now().seconds();
        let (rp, key) = (client(&app, json!({})).await, ClientKey::es256());
        let access = tokens(&rp, &key).await.access();
        let before = changed(&at_userinfo(&app, &access), json!({ "iat": started - 1 }));
        let answer = ask_userinfo(&app, "DPoP", &access, &[key.sign(header(&key), &before)]).await;
        assert_eq!((answer.status, answer.error()), (401, "invalid_dpop_proof"));
    })
    .await;
}
