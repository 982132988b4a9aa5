//! ID tokens and userinfo that must not sign anybody in.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::fake::{Key, Rig, at_hash, unsigned};

/// Changes one claim; `Value::Null` removes it.
fn with(mut claims: Value, name: &str, value: Value) -> Value {
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

#[tokio::test]
async fn an_honest_one_opens_the_space() {
    let mut rig = Rig::new().await;
    let request = rig.sign_in().await;
    let heard = rig.tape.lock().unwrap().heard.clone();
    assert_eq!(request["code_challenge_method"], "S256");
    let digest = ring::digest::digest(&ring::digest::SHA256, heard["code_verifier"].as_bytes());
    use base64::Engine as _;
    assert_eq!(request["code_challenge"], base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest));
    let space = rig.get("/space").await;
    for expected in ["林晓燕", "教师", "临江县第一小学", "成年", "&#34;sid&#34;: &#34;s1&#34;", "raw-userinfo"]
    {
        assert!(space.text.contains(expected), "{expected} is not in {}", space.text);
    }
    assert!(space.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert!(rig.get("/space?lang=en").await.text.contains("Hello,"));
    assert!(rig.get("/").await.text.contains("Open my space"), "the language is remembered");
}

#[tokio::test]
async fn one_wrong_claim_is_enough_to_refuse() {
    let lies: Vec<(&str, &str, Value)> = vec![
        ("wrong nonce", "nonce", json!("another")),
        ("no nonce", "nonce", Value::Null),
        ("wrong audience", "aud", json!("platform-b")),
        ("one audience too many", "aud", json!(["platform-a", "platform-b"])),
        ("no audience", "aud", json!([])),
        ("another authorized party", "azp", json!("platform-b")),
        ("wrong issuer", "iss", json!("http://localhost:1")),
        ("issuer with a slash", "iss", json!("SLASH")),
        ("expired", "exp", json!(super::fake::START)),
        ("from the future", "iat", json!(super::fake::START + 3600)),
        ("of another access token", "at_hash", json!(at_hash("access-2"))),
        ("no subject", "sub", Value::Null),
    ];
    let mut rig = Rig::new().await;
    for (name, claim, value) in lies {
        let value = if value == "SLASH" { json!(format!("{}/", rig.issuer)) } else { value };
        let request = rig.begin().await;
        let claims = with(rig.claims(&request), claim, value);
        rig.answer_with(&rig.key.sign("JWT", &claims));
        let page = rig.get(&rig.callback(&request)).await;
        assert!(page.is_error("id_token_invalid"), "{name}: {} {}", page.status, page.text);
        assert!(!rig.is_signed_in().await, "{name}");
    }
    rig.sign_in().await;
}

#[tokio::test]
async fn a_signature_of_somebody_else_or_none_is_refused() {
    type Forge = fn(&Rig, &Value) -> String;
    let forgeries: [(&str, Forge); 8] = [
        ("alg none", |_, claims| unsigned(claims)),
        ("another key of that name", |_, claims| Key::new("k1").sign("JWT", claims)),
        ("an unknown key", |_, claims| Key::new("k9").sign("JWT", claims)),
        ("no signature", |rig, claims| format!("{}.", rig.key.sign("JWT", claims).rsplit_once('.').unwrap().0)),
        ("a symmetric algorithm", |rig, claims| rig.key.sign_header(&json!({ "alg": "HS256", "kid": "k1" }), claims)),
        ("a critical extension", |rig, claims| {
            rig.key.sign_header(&json!({ "alg": "ES256", "kid": "k1", "crit": ["exp"] }), claims)
        }),
        ("another type", |rig, claims| rig.key.sign("logout+jwt", claims)),
        ("not a token", |_, _| "x".to_owned()),
    ];
    let mut rig = Rig::new().await;
    for (name, forge) in forgeries {
        let request = rig.begin().await;
        let forged = forge(&rig, &rig.claims(&request));
        rig.answer_with(&forged);
        let page = rig.get(&rig.callback(&request)).await;
        assert!(page.is_error("id_token_invalid"), "{name}: {}", page.text);
        assert!(!rig.is_signed_in().await, "{name}");
    }
}

#[tokio::test]
async fn a_response_without_one_is_refused() {
    let mut rig = Rig::new().await;
    let request = rig.begin().await;
    let answer = json!({ "access_token": "access-1", "token_type": "Bearer" });
    rig.tape.lock().unwrap().token = (StatusCode::OK, answer);
    let page = rig.get(&rig.callback(&request)).await;
    assert!(page.is_error("id_token_invalid"), "{}", page.text);
}

#[tokio::test]
async fn userinfo_about_somebody_else_is_refused() {
    let mut rig = Rig::new().await;
    rig.tape.lock().unwrap().userinfo = json!({ "sub": "u2", "name": "别人" });
    let request = rig.begin().await;
    rig.answer_with(&rig.key.sign("JWT", &rig.claims(&request)));
    let page = rig.get(&rig.callback(&request)).await;
    assert!(page.is_error("userinfo_invalid"), "{}", page.text);
    assert!(!rig.is_signed_in().await);
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    rig.jar.clear();
    let rotated = Key::new("k2");
    rig.tape.lock().unwrap().keys.push(rotated.jwk());
    rig.pass(10);
    let request = rig.begin().await;
    rig.answer_with(&rotated.sign("JWT", &rig.claims(&request)));
    assert_eq!(rig.get(&rig.callback(&request)).await.location, "/space");
}
