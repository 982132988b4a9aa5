//! Tokens that come through the browser: implicit and hybrid (OpenID Connect Core, 3.2 and 3.3).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreClient, CoreIdToken, CoreProviderMetadata};
use openidconnect::{AccessToken, AccessTokenHash, AuthorizationCode, AuthorizationCodeHash, ClientId, ClientSecret};
use openidconnect::{IssuerUrl, Nonce};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::relying_party::{Ask, Auth, Parameters, RelyingParty, claims_of};
use crate::support::standard::send;

const FRONT: [&str; 5] = ["id_token", "id_token token", "code id_token", "code token", "code id_token token"];

/// What an application may register for, so that everybody is asked and nobody is known by her number.
async fn everything(app: &TestApp, own: Value) -> RelyingParty {
    let mut metadata = json!({
        "grant_types": ["authorization_code", "implicit", "refresh_token"],
        "response_types": ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"],
    });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    app.register(metadata).await
}

fn half_hash(text: &str) -> Value {
    json!(URL_SAFE_NO_PAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16]))
}

fn ask_for(rp: &RelyingParty, kind: &str) -> Ask {
    rp.ask().with("response_type", kind)
}

/// What a library that others wrote makes of the answer: signature, nonce and hashes.
async fn check_with_a_library(rp: &RelyingParty, ask: &Ask, answer: &Parameters) {
    let Auth::Basic(secret) = rp.auth.clone() else { panic!() };
    let wire = |request| send(rp.app.http.clone(), request);
    let issuer = IssuerUrl::new(rp.app.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &wire).await.unwrap();
    let client =
        CoreClient::from_provider_metadata(metadata, ClientId::new(rp.id.clone()), Some(ClientSecret::new(secret)));
    let token: CoreIdToken = answer["id_token"].parse().unwrap();
    let checker = client.id_token_verifier();
    let claims = token.claims(&checker, &Nonce::new(ask.get("nonce"))).unwrap();
    let (alg, key) = (token.signing_alg().unwrap(), token.signing_key(&checker).unwrap());
    let access = answer.get("access_token").map(|text| AccessToken::new(text.clone()));
    let at_hash = access.map(|access| AccessTokenHash::from_token(&access, alg, key).unwrap());
    assert_eq!(claims.access_token_hash(), at_hash.as_ref());
    let code = answer.get("code").map(|text| AuthorizationCode::new(text.clone()));
    let c_hash = code.map(|code| AuthorizationCodeHash::from_code(&code, alg, key).unwrap());
    assert_eq!(claims.code_hash(), c_hash.as_ref());
}

both_engines! {
    async fn each_response_type_gives_what_it_names_and_nothing_else(app: TestApp) {
        let rp = everything(&app, json!({})).await;
        let mut teacher = app.teacher();
        for kind in FRONT {
            let ask = ask_for(&rp, kind);
            let page = teacher.go(&rp, &ask).await;
            assert!(page.location().unwrap().starts_with(&format!("{}#", rp.redirect_uri)), "{kind}: {page:#?}");
            let answer = page.answer();
            let words: BTreeSet<_> = kind.split(' ').collect();
            let mut expected = BTreeSet::from(["state", "iss", "session_state"]);
            expected.extend(words.iter().filter(|word| **word != "token"));
            if words.contains("token") {
                expected.extend(["access_token", "token_type", "expires_in", "scope"]);
            }
            assert_eq!(answer.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{kind}");
            assert_eq!((&answer["state"], &answer["iss"]), (&ask.get("state"), &app.issuer));
            let sub = json!(teacher.person.person_id.to_string());
            if let Some(token) = answer.get("id_token") {
                let claims = claims_of(token);
                assert_eq!((&claims["sub"], &claims["nonce"], &claims["aud"]), (&sub, &json!(ask.get("nonce")), &json!(rp.id)));
                assert_eq!(claims["s_hash"], half_hash(&ask.get("state")), "{kind}");
                check_with_a_library(&rp, &ask, &answer).await;
            }
            if let Some(token) = answer.get("access_token") {
                assert_eq!((answer["token_type"].as_str(), answer["expires_in"].as_str()), ("Bearer", "300"));
                assert_eq!(rp.userinfo(token).await.body["sub"], sub, "{kind}");
            }
            if let Some(code) = answer.get("code") {
                let tokens = rp.redeem(&ask, code).await;
                assert_eq!(tokens.id_claims()["sub"], sub, "{kind}");
                assert_eq!(tokens.id_claims()["nonce"], ask.get("nonce"), "{kind}");
                assert!(tokens.id_claims()["c_hash"].is_null());
            }
        }
    }

    async fn the_claims_of_scopes_stand_in_the_id_token_only_where_nothing_else_follows(app: TestApp) {
        let rp = everything(&app, json!({})).await;
        let mut teacher = app.teacher();
        for (kind, told) in [("id_token", true), ("id_token token", false), ("code id_token", false)] {
            let answer = teacher.go(&rp, &ask_for(&rp, kind)).await.answer();
            let claims = claims_of(&answer["id_token"]);
            assert_eq!(claims["name"].is_string(), told, "{kind}: {claims}");
            assert_eq!(claims["edu_identities"].is_array(), told, "{kind}");
            assert!(claims["edu_identity"].is_object(), "{kind}");
        }
    }

    async fn only_who_registered_for_it_gets_tokens_through_the_browser(app: TestApp) {
        let narrow = app.register(json!({
            "grant_types": ["authorization_code", "implicit"], "response_types": ["token id_token", "code"],
        })).await;
        let mut teacher = app.teacher();
        assert!(teacher.go(&narrow, &ask_for(&narrow, "id_token token")).await.answer().contains_key("access_token"));
        for kind in ["id_token", "code id_token", "code token", "code id_token token"] {
            let page = teacher.browser.open(&narrow.url(&ask_for(&narrow, kind))).await;
            assert!(page.location().unwrap().contains('#'), "an error travels as the answer would");
            assert_eq!(page.answer()["error"], "unauthorized_client", "{kind}");
        }
        for (grants, responses) in [
            (json!(["authorization_code"]), json!(["id_token"])),
            (json!(["implicit"]), json!(["code"])),
            (json!(["implicit"]), json!(["code id_token"])),
            (json!(["authorization_code", "implicit"]), json!(["token"])),
            (json!(["password"]), json!([])),
        ] {
            let metadata = json!({ "redirect_uris": ["https://rp.example/cb"], "grant_types": grants, "response_types": responses });
            let refused = app.app.create_client(&app.operator(), serde_json::from_value(metadata).unwrap()).await;
            assert!(refused.is_err_and(|error| error.as_protocol().code.as_str() == "invalid_client_metadata"), "{grants} {responses}");
        }
    }

    async fn tokens_never_travel_in_a_query_and_id_tokens_never_without_nonce(app: TestApp) {
        let rp = everything(&app, json!({})).await;
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        for kind in FRONT {
            let page = teacher.browser.open(&rp.url(&ask_for(&rp, kind).with("response_mode", "query"))).await;
            assert!(page.location().unwrap().contains('#'), "{kind}");
            assert_eq!(page.answer()["error"], "invalid_request", "{kind}");
            let answer = teacher.browser.open(&rp.url(&ask_for(&rp, kind).without("nonce"))).await.answer();
            let refused = answer.get("error").map(String::as_str);
            assert_eq!(refused, kind.contains("id_token").then_some("invalid_request"), "{kind}");
        }
        let page = teacher.browser.open(&rp.url(&rp.ask().with("response_mode", "fragment"))).await;
        assert!(page.location().unwrap().contains("#code="), "a code may");
        assert!(teacher.browser.open(&rp.url(&rp.ask().without("nonce"))).await.answer().contains_key("code"));
    }

    async fn a_front_channel_token_ends_with_the_session_and_with_the_receipt(app: TestApp) {
        let rp = everything(&app, json!({ "edu_client_kind": "application", "edu_lawful_basis": null })).await;
        let mut teacher = app.teacher();
        let ask = || ask_for(&rp, "code id_token token").with("scope", "openid profile offline_access");
        let first = teacher.go(&rp, &ask()).await.answer();
        assert!(!first["scope"].contains("offline_access"), "nothing that comes through the browser outlives the session");
        app.app.withdraw_consent(&app.operator(), teacher.person.person_id, &rp.id).await.unwrap();
        assert_eq!(rp.userinfo(&first["access_token"]).await.status, 401);
        let second = teacher.go(&rp, &ask()).await.answer();
        assert_eq!(rp.userinfo(&second["access_token"]).await.status, 200);
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        assert_eq!(rp.userinfo(&second["access_token"]).await.status, 401);
    }

    async fn a_child_without_a_receipt_gives_no_token_to_anybody(app: TestApp) {
        let rp = everything(&app, json!({ "edu_client_kind": "application", "edu_lawful_basis": null })).await;
        let mut child = app.child();
        for kind in FRONT {
            let page = child.go(&rp, &ask_for(&rp, kind)).await;
            assert!(page.has("guardian-consent-needed"), "{kind}: {page:#?}");
            assert_eq!(page.headers["cross-origin-opener-policy"], "unsafe-none", "the window of whoever asked stays his");
            let silent = child.browser.open(&rp.url(&ask_for(&rp, kind).with("prompt", "none"))).await;
            assert!(silent.location().unwrap().contains('#'));
            let answer = silent.answer();
            assert_eq!(answer["error"], "consent_required", "{kind}");
            assert!(!answer.contains_key("id_token") && !answer.contains_key("access_token"));
        }
    }

    async fn a_code_that_was_replayed_ends_what_came_of_it(app: TestApp) {
        let rp = everything(&app, json!({})).await;
        let ask = ask_for(&rp, "code token");
        let answer = app.teacher().go(&rp, &ask).await.answer();
        let tokens = rp.redeem(&ask, &answer["code"]).await;
        assert_eq!(rp.redeem(&ask, &answer["code"]).await.error(), "invalid_grant");
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
    }

    async fn pkce_is_for_codes(app: TestApp) {
        let rp = everything(&app, json!({ "token_endpoint_auth_method": "none" })).await;
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        for kind in FRONT {
            let bare = ask_for(&rp, kind).without("code_challenge").without("code_challenge_method");
            let answer = teacher.browser.open(&rp.url(&bare)).await.answer();
            assert_eq!(answer.contains_key("error"), kind.contains("code"), "{kind}: {answer:?}");
        }
    }
}
