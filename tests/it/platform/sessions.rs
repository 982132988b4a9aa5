//! Our own sessions: kept over a restart, refreshed in time, ended by the right form only.

use axum::http::StatusCode;
use serde_json::json;

use super::fake::{Rig, at_hash, query};

fn csrf(page: &str) -> String {
    let (_, rest) = page.split_once(r#"name="csrf" value=""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_restart_signs_nobody_out_and_breaks_no_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a/state.json");
    let mut rig = Rig::with(Some(file.clone())).await;
    rig.sign_in().await;
    let flying = rig.begin().await;
    rig.restart().await;
    assert!(rig.is_signed_in().await);
    rig.answer_with(&rig.key.sign("JWT", &rig.claims(&flying)));
    assert_eq!(rig.get(&rig.callback(&flying)).await.location, "/space");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(!kept.contains(&rig.jar["a_session"]), "the file cannot be used as a cookie");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn cookies_are_out_of_reach_for_scripts_and_other_sites() {
    let mut rig = Rig::new().await;
    let request = rig.begin().await;
    rig.answer_with(&rig.key.sign("JWT", &rig.claims(&request)));
    let page = rig.get(&rig.callback(&request)).await;
    let session = page.set_cookies.iter().find(|cookie| cookie.starts_with("a_session=")).unwrap();
    assert!(session.contains("HttpOnly") && session.contains("SameSite=Lax") && session.contains("Path=/"));
    assert!(!session.contains("Max-Age"), "it ends with the browser");
}

#[tokio::test]
async fn a_form_without_its_token_does_nothing() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    for path in ["/logout", "/refresh"] {
        let page = rig.post(path, &[("csrf", "made-up")]).await;
        assert!(page.is_error("form_expired"), "{path}");
    }
    assert!(rig.is_signed_in().await);
    assert_eq!(rig.tape.lock().unwrap().refreshes, 0);
}

#[tokio::test]
async fn signing_out_here_goes_on_to_the_provider_and_is_recognised_when_it_returns() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    let token = csrf(&rig.get("/space").await.text);
    let page = rig.post("/logout", &[("csrf", &token)]).await;
    assert!(page.location.starts_with(&format!("{}/end?", rig.issuer)), "{}", page.location);
    assert!(!rig.is_signed_in().await);
    let sent = query(&page.location);
    assert_eq!(sent["post_logout_redirect_uri"], "http://localhost:8081/signed-out");
    assert_eq!(sent["id_token_hint"].split('.').count(), 3);
    let made_up = rig.get("/signed-out?state=made-up&lang=en").await;
    assert!(made_up.text.contains("You are signed out here"));
    let token = {
        rig.sign_in().await;
        csrf(&rig.get("/space").await.text)
    };
    let sent = query(&rig.post("/logout", &[("csrf", &token)]).await.location);
    let back = rig.get(&format!("/signed-out?state={}", sent["state"])).await;
    assert!(back.text.contains("You are signed out everywhere"), "{}", back.text);
}

#[tokio::test]
async fn an_access_token_is_refreshed_before_it_ends() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    rig.is_signed_in().await;
    assert_eq!(rig.tape.lock().unwrap().refreshes, 0, "not before it is due");
    rig.pass(280);
    let answer =
        json!({ "access_token": "access-2", "token_type": "Bearer", "expires_in": 300, "refresh_token": "refresh-2" });
    rig.tape.lock().unwrap().token = (StatusCode::OK, answer);
    assert!(rig.is_signed_in().await);
    assert_eq!(rig.tape.lock().unwrap().heard["refresh_token"], "refresh-1");
    rig.pass(280);
    let answer = json!({ "access_token": "access-3", "token_type": "Bearer", "expires_in": 300 });
    rig.tape.lock().unwrap().token = (StatusCode::OK, answer);
    rig.tape.lock().unwrap().userinfo = json!({ "sub": "u1", "name": "林晓雁" });
    assert!(rig.get("/space").await.text.contains("林晓雁"), "userinfo is read again");
    assert_eq!(rig.tape.lock().unwrap().heard["refresh_token"], "refresh-2", "the rotated one");
    let token = csrf(&rig.get("/space").await.text);
    assert_eq!(rig.post("/refresh", &[("csrf", &token)]).await.location, "/space");
    assert_eq!(rig.tape.lock().unwrap().heard["refresh_token"], "refresh-2", "none came, so the old one stays");
}

#[tokio::test]
async fn a_refreshed_id_token_must_be_about_the_same_sign_in() {
    let mut rig = Rig::new().await;
    let request = rig.sign_in().await;
    for (claim, value) in [("sub", "u2"), ("nonce", "another"), ("aud", "platform-b"), ("at_hash", "AAAA")] {
        rig.pass(1);
        let token = csrf(&rig.get("/space").await.text);
        let mut claims = rig.claims(&request);
        claims["at_hash"] = json!(at_hash("access-2"));
        claims[claim] = json!(value);
        let id_token = rig.key.sign("JWT", &claims);
        let answer =
            json!({ "access_token": "access-2", "token_type": "Bearer", "expires_in": 300, "id_token": id_token });
        rig.tape.lock().unwrap().token = (StatusCode::OK, answer);
        assert!(rig.post("/refresh", &[("csrf", &token)]).await.is_error("id_token_invalid"), "{claim}");
    }
}

#[tokio::test]
async fn a_grant_that_is_gone_ends_the_session_and_an_unreachable_provider_does_not() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    rig.pass(280);
    rig.tape.lock().unwrap().token = (StatusCode::BAD_GATEWAY, json!("not an OAuth answer"));
    assert!(rig.is_signed_in().await, "what we know is shown");
    rig.tape.lock().unwrap().token = (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }));
    assert!(rig.get("/space").await.is_error("session_ended"));
    assert_eq!(rig.get("/space").await.location, "/login");
}

#[tokio::test]
async fn a_session_that_the_provider_did_not_vouch_for_lately_ends() {
    let mut rig = Rig::new().await;
    rig.sign_in().await;
    rig.pass(8 * 3600);
    assert_eq!(rig.get("/space").await.location, "/login");
}
