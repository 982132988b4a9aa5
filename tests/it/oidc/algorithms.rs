//! Each client's own signature algorithm: ID tokens, userinfo answers, logout tokens, and what cannot be mixed up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreClient, CoreIdToken, CoreJwsSigningAlgorithm, CoreProviderMetadata};
use openidconnect::{AccessToken, AccessTokenHash, ClientId, ClientSecret, IssuerUrl, Nonce};
use ring::digest::{SHA256, SHA512, digest};
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::client_key::ClientKey;
use crate::support::relying_party::{Answer, Auth, RelyingParty, claims_of, part_of};
use crate::support::standard::send;

const ALGS: [&str; 5] = ["RS256", "PS256", "ES256", "EdDSA", "HS256"];

async fn signed_with(app: &TestApp, alg: &str) -> RelyingParty {
    app.register(json!({ "id_token_signed_response_alg": alg, "userinfo_signed_response_alg": alg })).await
}

/// Signature and hash by a library that others wrote. It takes HS256 only where it is told to.
async fn check_with_a_library(rp: &RelyingParty, tokens: &Answer, nonce: String) {
    let Auth::Basic(secret) = rp.auth.clone() else { panic!() };
    let wire = |request| send(rp.app.http.clone(), request);
    let issuer = IssuerUrl::new(rp.app.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &wire).await.unwrap();
    let client =
        CoreClient::from_provider_metadata(metadata, ClientId::new(rp.id.clone()), Some(ClientSecret::new(secret)));
    let token: CoreIdToken = tokens.text("id_token").parse().unwrap();
    let all = [
        CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        CoreJwsSigningAlgorithm::EdDsa,
        CoreJwsSigningAlgorithm::HmacSha256,
    ];
    let checker = client.id_token_verifier().set_allowed_algs(all);
    let claims = token.claims(&checker, &Nonce::new(nonce)).unwrap();
    // For a shared secret the library checks the token, and names no key to take the hash with.
    if let Ok(key) = token.signing_key(&checker) {
        let access = AccessToken::new(tokens.access());
        let hash = AccessTokenHash::from_token(&access, token.signing_alg().unwrap(), key);
        assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));
    }
}

both_engines! {
    async fn tokens_are_signed_as_registered(app: TestApp) {
        let mut teacher = app.teacher();
        for alg in ALGS {
            let rp = signed_with(&app, alg).await;
            let ask = rp.ask();
            let tokens = teacher.sign_in_with(&rp, ask.clone()).await;
            let header = part_of(&tokens.text("id_token"), 0);
            assert_eq!((&header["alg"], header["kid"].is_string()), (&json!(alg), alg != "HS256"), "{header}");
            assert_eq!(part_of(&tokens.access(), 0)["alg"], "ES256", "access tokens are ours to read");
            let whole = match alg {
                "EdDSA" => digest(&SHA512, tokens.access().as_bytes()),
                _ => digest(&SHA256, tokens.access().as_bytes()),
            };
            let half = URL_SAFE_NO_PAD.encode(&whole.as_ref()[..whole.as_ref().len() / 2]);
            assert_eq!(tokens.id_claims()["at_hash"], json!(half), "{alg}");
            check_with_a_library(&rp, &tokens, ask.get("nonce")).await;
        }
    }

    async fn userinfo_is_signed_where_it_was_registered(app: TestApp) {
        let mut teacher = app.teacher();
        for alg in ALGS {
            let rp = signed_with(&app, alg).await;
            let tokens = teacher.sign_in(&rp).await;
            let request = app.http.get(app.at("/userinfo")).bearer_auth(tokens.access());
            let response = request.send().await.unwrap();
            assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &reqwest::header::HeaderValue::from_static("application/jwt")));
            let jwt = response.text().await.unwrap();
            let claims = claims_of(&jwt);
            assert_eq!((&claims["iss"], &claims["aud"]), (&json!(app.issuer), &json!(rp.id)), "{alg}");
            assert_eq!(claims["sub"], tokens.id_claims()["sub"]);
            assert!(claims["name"].is_string() && part_of(&jwt, 0)["alg"] == alg, "{claims}");
            // It has no end of its own and is no ID token: as a hint it says nothing.
            let page = teacher.browser.open(&rp.url(&rp.ask().with("id_token_hint", &jwt))).await;
            assert_eq!(page.answer()["error"], "invalid_request", "{alg}");
        }
    }

    async fn an_id_token_is_a_hint_whatever_signed_it(app: TestApp) {
        for alg in ALGS {
            let rp = signed_with(&app, alg).await;
            let mut teacher = app.teacher();
            let hint = teacher.sign_in(&rp).await.text("id_token");
            let silent = teacher.browser.open(&rp.url(&rp.ask().with("id_token_hint", &hint).with("prompt", "none"))).await;
            assert!(silent.answer().contains_key("code"), "{alg}");
            let page = teacher.browser.open(&format!("/end-session?id_token_hint={hint}")).await;
            assert!(!page.has("err-id-token-hint") && !teacher.is_signed_in().await, "{alg}: {page:#?}");
        }
    }

    /// A client with a secret signs its hints itself, and writes into them what it likes.
    async fn a_hint_that_calls_somebody_what_we_call_nobody_is_none(app: TestApp) {
        let rp = signed_with(&app, "HS256").await;
        let mut teacher = app.teacher();
        let good = claims_of(&teacher.sign_in(&rp).await.text("id_token"));
        let Auth::Basic(secret) = &rp.auth else { panic!() };
        for name in ["sub", "sid"] {
            let mut claims = good.clone();
            claims[name] = json!("a\u{0}b");
            let hint = ClientKey::secret(secret).sign(json!({ "kid": null }), &claims);
            let page = teacher.browser.open(&format!("/end-session?id_token_hint={hint}")).await;
            assert!(page.has("err-id-token-hint"), "{name}: {page:#?}");
            let page = teacher.browser.open(&rp.url(&rp.ask().with("id_token_hint", &hint))).await;
            assert_eq!(page.answer()["error"], "invalid_request", "{name}");
        }
        assert!(teacher.is_signed_in().await);
    }

    async fn a_secret_stands_for_no_key_and_no_other_client(app: TestApp) {
        let (shared, keyed) = (signed_with(&app, "HS256").await, signed_with(&app, "ES256").await);
        let mut teacher = app.teacher();
        let (Auth::Basic(secret), Auth::Basic(other)) = (&shared.auth, &keyed.auth) else { panic!() };
        let good = teacher.sign_in(&shared).await.text("id_token");
        let own = teacher.sign_in(&keyed).await.text("id_token");
        let url = app.endpoint("jwks_uri").await;
        let keys: Value = app.http.get(url).send().await.unwrap().json().await.unwrap();
        let public = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == part_of(&own, 0)["kid"]).unwrap();
        for (what, forged) in [
            ("another client's claims under this secret", ClientKey::secret(secret).sign(json!({ "kid": null }), &claims_of(&own))),
            ("a secret where a key is registered", ClientKey::secret(other).sign(json!({ "kid": null }), &claims_of(&own))),
            ("a public key as a secret", ClientKey::secret(public["x"].as_str().unwrap()).sign(json!({ "kid": public["kid"] }), &claims_of(&own))),
            ("another secret", ClientKey::secret(other).sign(json!({ "kid": null }), &claims_of(&good))),
            ("nobody's signature", format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), good.split('.').nth(1).unwrap())),
        ] {
            let page = teacher.browser.open(&format!("/end-session?id_token_hint={forged}")).await;
            assert!(page.has("err-id-token-hint"), "{what}: {page:#?}");
        }
        assert!(teacher.is_signed_in().await);
    }
}
