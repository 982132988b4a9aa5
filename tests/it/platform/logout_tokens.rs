//! Back-channel logout: what ends a session, and what must not.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::fake::{CLIENT, EVENT, Key, Rig, unsigned};

fn honest(rig: &Rig, jti: &str) -> Value {
    json!({
        "iss": rig.issuer, "aud": CLIENT, "sub": "u1", "sid": "s1", "jti": jti,
        "iat": rig.now(), "exp": rig.now() + 120, "events": { EVENT: {} },
    })
}

async fn deliver(rig: &mut Rig, token: &str) -> super::fake::Page {
    let jar = std::mem::take(&mut rig.jar);
    let page = rig.post("/backchannel-logout", &[("logout_token", token)]).await;
    rig.jar = jar;
    page
}

#[tokio::test]
async fn an_honest_one_ends_the_sessions_of_its_sid() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    let mut claims = honest(&rig, "j0");
    claims["sid"] = json!("s2");
    let token = rig.key.sign("logout+jwt", &claims);
    assert_eq!(deliver(&mut rig, &token).await.status, StatusCode::OK);
    assert!(rig.is_signed_in().await, "another session of the same person stays");
    let token = rig.key.sign("logout+jwt", &honest(&rig, "j1"));
    let page = deliver(&mut rig, &token).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(!rig.is_signed_in().await);
}

#[tokio::test]
async fn one_without_sid_ends_all_sessions_of_the_person() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    let mut claims = honest(&rig, "j1");
    claims.as_object_mut().unwrap().remove("sid");
    let token = rig.key.sign("logout+jwt", &claims);
    assert_eq!(deliver(&mut rig, &token).await.status, StatusCode::OK);
    assert!(!rig.is_signed_in().await);
}

#[tokio::test]
async fn a_wrong_claim_signs_nobody_out() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    let now = rig.now();
    let lies = [
        ("a nonce", "nonce", json!("n")),
        ("no events", "events", Value::Null),
        ("other events", "events", json!({ "http://schemas.openid.net/event/other": {} })),
        ("an event that is no object", "events", json!({ EVENT: true })),
        ("wrong issuer", "iss", json!("http://localhost:1")),
        ("wrong audience", "aud", json!("platform-b")),
        ("one audience too many", "aud", json!([CLIENT, "platform-b"])),
        ("no iat", "iat", Value::Null),
        ("too old", "iat", json!(now - 3600)),
        ("from the future", "iat", json!(now + 3600)),
        ("expired", "exp", json!(now)),
        ("no jti", "jti", Value::Null),
    ];
    for (name, claim, value) in lies {
        let mut claims = honest(&rig, name);
        claims[claim] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        }
        let token = rig.key.sign("logout+jwt", &claims);
        refused(&mut rig, name, &token).await;
    }
    let mut nobody = honest(&rig, "nobody");
    nobody.as_object_mut().unwrap().retain(|name, _| name != "sid" && name != "sub");
    let token = rig.key.sign("logout+jwt", &nobody);
    refused(&mut rig, "neither sid nor sub", &token).await;
}

#[tokio::test]
async fn a_wrong_signature_signs_nobody_out() {
    let mut rig = Rig::new().await;
    let request = rig.sign_in().await;
    let claims = honest(&rig, "j1");
    let tokens = [
        ("alg none", unsigned(&claims)),
        ("another key of that name", Key::new("k1").sign("logout+jwt", &claims)),
        ("an unknown key", Key::new("k9").sign("logout+jwt", &claims)),
        ("another type", rig.key.sign("JWT", &claims)),
        ("an ID token", rig.key.sign("JWT", &rig.claims(&request))),
        ("a critical extension", rig.key.sign_header(&json!({ "alg": "ES256", "kid": "k1", "crit": ["x"] }), &claims)),
        ("nothing", String::new()),
    ];
    for (name, token) in tokens {
        refused(&mut rig, name, &token).await;
    }
    assert_eq!(rig.post("/backchannel-logout", &[]).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_token_works_once() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    let token = rig.key.sign("logout+jwt", &honest(&rig, "j1"));
    assert_eq!(deliver(&mut rig, &token).await.status, StatusCode::OK);
    rig.sign_in().await;
    refused(&mut rig, "replayed", &token).await;
}

async fn refused(rig: &mut Rig, name: &str, token: &str) {
    let page = deliver(rig, token).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{name}");
    assert_eq!(page.headers["cache-control"], "no-store", "{name}");
    let body: Value = serde_json::from_str(&page.text).unwrap();
    assert_eq!(body["error"], "invalid_request", "{name}");
    assert!(rig.is_signed_in().await, "{name}");
}
