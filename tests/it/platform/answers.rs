//! Authorization responses that this browser did not ask for, or that come from somewhere else.

use axum::http::StatusCode;

use super::fake::{Rig, callback_with};

#[tokio::test]
async fn an_answer_must_name_the_issuer() {
    let mut rig = Rig::new().await;
    for issuer in [None, Some("http://localhost:1"), Some("")] {
        let request = rig.begin().await;
        rig.answer_with(&rig.key.sign("JWT", &rig.claims(&request)));
        let mut parameters = vec![("code", "c1"), ("state", request["state"].as_str())];
        parameters.extend(issuer.map(|issuer| ("iss", issuer)));
        let page = rig.get(&callback_with(&parameters)).await;
        assert!(page.is_error("issuer_mismatch"), "{issuer:?}: {}", page.text);
        parameters[0] = ("error", "access_denied");
        let request = rig.begin().await;
        parameters[1] = ("state", request["state"].as_str());
        let page = rig.get(&callback_with(&parameters)).await;
        assert!(page.is_error("issuer_mismatch"), "an error needs it too");
    }
    assert!(rig.tape.lock().unwrap().heard.is_empty(), "no code was sent anywhere");
}

#[tokio::test]
async fn a_foreign_state_is_refused() {
    let mut rig = Rig::new().await;
    let issuer = rig.issuer.clone();
    let request = rig.begin().await;
    rig.answer_with(&rig.key.sign("JWT", &rig.claims(&request)));
    for parameters in [
        vec![("code", "c1"), ("state", "made-up"), ("iss", issuer.as_str())],
        vec![("code", "c1"), ("state", ""), ("iss", issuer.as_str())],
        vec![("code", "c1"), ("iss", issuer.as_str())],
        vec![],
    ] {
        assert!(rig.get(&callback_with(&parameters)).await.is_error("state_mismatch"), "{parameters:?}");
    }
    let jar = std::mem::take(&mut rig.jar);
    assert!(rig.get(&rig.callback(&request)).await.is_error("state_mismatch"), "another browser");
    rig.jar = jar;
    assert_eq!(rig.get(&rig.callback(&request)).await.location, "/space", "and the right one still works");
}

#[tokio::test]
async fn a_state_works_once() {
    let mut rig = Rig::new().await;
    let request = rig.begin().await;
    rig.answer_with(&rig.key.sign("JWT", &rig.claims(&request)));
    let jar = rig.jar.clone();
    assert_eq!(rig.get(&rig.callback(&request)).await.location, "/space");
    rig.jar = jar;
    let page = rig.get(&rig.callback(&request)).await;
    assert!(page.is_error("state_mismatch"), "{}", page.text);
}

#[tokio::test]
async fn a_state_expires() {
    let mut rig = Rig::new().await;
    let request = rig.begin().await;
    rig.pass(31 * 60);
    rig.answer_with(&rig.key.sign("JWT", &rig.claims(&request)));
    assert!(rig.get(&rig.callback(&request)).await.is_error("state_mismatch"));
}

#[tokio::test]
async fn two_tabs_do_not_disturb_each_other() {
    let mut rig = Rig::new().await;
    let (first, second) = (rig.begin().await, rig.begin().await);
    for request in [first, second] {
        rig.answer_with(&rig.key.sign("JWT", &rig.claims(&request)));
        assert_eq!(rig.get(&rig.callback(&request)).await.location, "/space");
    }
    for _ in 0..20 {
        rig.begin().await;
    }
    assert!(rig.jar.keys().filter(|name| name.starts_with("a_try_")).count() <= 8, "cookies are bounded");
}

#[tokio::test]
async fn errors_of_the_provider_get_a_kind_page() {
    let mut rig = Rig::new().await;
    for code in ["access_denied", "consent_required", "login_required"] {
        let request = rig.begin().await;
        let issuer = rig.issuer.clone();
        let parameters = [("error", code), ("state", request["state"].as_str()), ("iss", issuer.as_str())];
        let page = rig.get(&callback_with(&parameters)).await;
        assert!(page.is_error(code), "{}", page.text);
        assert_eq!(page.status, StatusCode::FORBIDDEN);
    }
    let request = rig.begin().await;
    let issuer = rig.issuer.clone();
    let hostile = "<script>\u{7}";
    let parameters = [("error", hostile), ("state", request["state"].as_str()), ("iss", issuer.as_str())];
    assert!(rig.get(&callback_with(&parameters)).await.is_error("invalid_response"));
}

#[tokio::test]
async fn a_third_party_may_begin_a_sign_in_to_our_own_pages_only() {
    let mut rig = Rig::new().await;
    let issuer = rig.issuer.clone();
    let ask = |parameters: &[(&str, &str)]| {
        format!("/login?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish())
    };
    assert!(rig.get(&ask(&[("iss", "http://localhost:1")])).await.is_error("issuer_mismatch"));
    for target in [
        "https://evil.test/",
        "http://localhost:8082/space",
        "//evil.test",
        "/space",
        "http://localhost:8081//evil.test",
    ] {
        let page = rig.get(&ask(&[("iss", &issuer), ("target_link_uri", target)])).await;
        assert!(page.is_error("invalid_request"), "{target}: {}", page.text);
    }
    let target = "http://localhost:8081/?from=tile";
    let page = rig.get(&ask(&[("iss", &issuer), ("login_hint", "lin"), ("target_link_uri", target)])).await;
    let request = super::fake::query(&page.location);
    assert_eq!(request["login_hint"], "lin");
    rig.answer_with(&rig.key.sign("JWT", &rig.claims(&request)));
    assert_eq!(rig.get(&rig.callback(&request)).await.location, "/?from=tile");
}
