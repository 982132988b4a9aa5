//! Tokens that are bound to a key (RFC 9449) at the API: its challenges are of the kind that was presented, name what is wrong
//! with the proof, and carry the nonce where one is asked for.

use std::time::Duration;

use mingji::app::Parts;
use serde_json::{Value, json};

use crate::support::api::{for_api, problem};
use crate::support::app::{Engine, TestApp, run_on};
use crate::support::client_key::{ClientKey, fresh};
use crate::support::relying_party::Answer;

fn proof(
    app: &TestApp,
    key: &ClientKey,
    (method, path): (&str, &str),
    token: Option<&str>,
    nonce: Option<&str>,
) -> String {
    let mut claims = json!({ "htm": method, "htu": app.at(path), "iat": app.app.now().seconds(), "jti": fresh() });
    if let Some(token) = token {
        claims["ath"] = json!(mingji::keys::opaque::s256(token));
    }
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    key.sign(json!({ "typ": "dpop+jwt", "jwk": key.bare_jwk(), "kid": null }), &claims)
}

fn challenges(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn nonce_of(answer: &Answer) -> String {
    answer.headers["dpop-nonce"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_is_of_the_kind_that_was_presented() {
    let ask_for = |parts: &mut Parts| parts.dpop_nonce = true;
    let app = TestApp::start_with(Engine::Sqlite, "memory:", ask_for).await;
    run_on(app, |app: TestApp| async move {
        // What a start forgot lies behind (R3).
        app.pass(Duration::from_secs(20));
        let (rp, key) = (app.client("platform_a"), ClientKey::es256());
        let mut visitor = app.visitor("school_admin");
        let arrived = visitor.arrive_with(&rp, for_api(&app, &rp)).await;
        let form = rp.redemption(&arrived.ask, &arrived.code);
        let first = rp.post_with("/token", &form, &[("dpop", proof(&app, &key, ("POST", "/token"), None, None))]).await;
        let nonce = nonce_of(&first);
        let bound =
            rp.post_with("/token", &form, &[("dpop", proof(&app, &key, ("POST", "/token"), None, Some(&nonce)))]).await;
        let access = bound.access();
        let me = async |scheme: &str, proof: Option<String>| {
            let request = app.http.get(app.at("/api/me")).header("authorization", format!("{scheme} {access}"));
            Answer::of(proof.iter().fold(request, |request, proof| request.header("dpop", proof))).await
        };
        let at_me = |nonce: Option<&str>| Some(proof(&app, &key, ("GET", "/api/me"), Some(&access), nonce));

        let without = me("DPoP", at_me(None)).await;
        assert_eq!((without.status, problem(&without).as_str()), (401, "use_dpop_nonce"));
        let algs = "algs=\"ES256 EdDSA PS256 Ed25519\"";
        assert_eq!(challenges(&without), [format!("DPoP {algs}, error=\"use_dpop_nonce\"")]);
        let nonce = nonce_of(&without);
        assert_eq!(me("DPoP", at_me(Some(&nonce))).await.status, 200);

        let unproved = me("DPoP", None).await;
        assert_eq!((unproved.status, problem(&unproved).as_str()), (401, "invalid_dpop_proof"));
        assert_eq!(challenges(&unproved), [format!("DPoP {algs}, error=\"invalid_dpop_proof\"")]);
        let as_bearer = me("Bearer", at_me(Some(&nonce))).await;
        assert_eq!((as_bearer.status, problem(&as_bearer).as_str()), (401, "invalid_token"), "it is no bearer token");
        assert_eq!(challenges(&as_bearer), ["Bearer realm=\"mingji\", error=\"invalid_token\""]);
        let nobody = app.nobody_at_api().get("/api/me").await;
        assert_eq!(
            challenges(&nobody),
            ["Bearer realm=\"mingji\"".to_owned(), format!("DPoP {algs}")],
            "both ways, and no code"
        );

        // A sign-in of long ago is asked for again in the same words (RFC 9470).
        // Two steps, so that the session does not go idle.
        for _ in 0..2 {
            app.pass(Duration::from_secs(8 * 60));
            visitor.browser.open("/").await;
        }
        let renewed = [("grant_type", "refresh_token".into()), ("refresh_token", bound.refresh())];
        let fresh = nonce_of(&app.nobody_at_api().get("/api/me").await);
        let renewed = rp
            .post_with("/token", &renewed, &[("dpop", proof(&app, &key, ("POST", "/token"), None, Some(&fresh)))])
            .await;
        let access = renewed.access();
        let at = "/api/merges/01890000-0000-7000-8000-000000000000/undo";
        let signed = proof(&app, &key, ("POST", at), Some(&access), Some(&fresh));
        let request =
            app.http.post(app.at(at)).header("authorization", format!("DPoP {access}")).header("dpop", signed);
        let answer = Answer::of(request.json(&Value::Null)).await;
        assert_eq!(
            challenges(&answer),
            [format!("DPoP {algs}, error=\"insufficient_user_authentication\", max_age=\"900\"")]
        );
    })
    .await;
}
