//! Pushed authorization requests (RFC 9126).

use std::time::Duration;

use serde_json::json;

use crate::support::app::{Engine, TestApp, both_engines, run_with};
use crate::support::client_key::ClientKey;
use crate::support::need;
use crate::support::relying_party::{Answer, Ask, Auth, RelyingParty};

/// Pushes a request; a good one answers 201.
async fn push(rp: &RelyingParty, ask: &Ask) -> Answer {
    let names = [
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "login_hint",
        "request_uri",
        "prompt",
        "id_token_hint",
    ];
    let form: Vec<_> =
        names.into_iter().map(|name| (name, ask.get(name))).filter(|(_, value)| !value.is_empty()).collect();
    rp.post("/par", &form).await
}

/// The address that the browser is sent to, with nothing but the name of the request.
fn address(rp: &RelyingParty, request_uri: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &rp.id)
        .append_pair("request_uri", request_uri)
        .finish();
    rp.app.at(&format!("/authorize?{query}"))
}

/// Any browser may begin with it, and load its page again; of all of them one is answered with a code.
async fn one_name_many_browsers(app: TestApp) {
    let rp = app.client("platform_a");
    let mut teacher = app.teacher();
    teacher.knock().await;
    for _ in 0..4 {
        let request_uri = push(&rp, &rp.ask()).await.text("request_uri");
        for _ in 0..2 {
            assert!(app.teacher().browser.open(&address(&rp, &request_uri)).await.asks_for("password"));
        }
        let mut visits = Vec::new();
        for _ in 0..16 {
            let (mut browser, url) = (teacher.browser.clone(), address(&rp, &request_uri));
            visits.push(tokio::spawn(async move { browser.open(&url).await }));
        }
        let mut codes = 0;
        for visit in visits {
            let page = visit.await.unwrap();
            match page.location() {
                None => assert!(page.has("err-expired"), "{page:#?}"),
                Some(_) if page.answer().contains_key("code") => codes += 1,
                Some(_) => assert_eq!(page.answer()["error"], "invalid_request_uri"),
            }
        }
        assert_eq!(codes, 1);
        assert!(teacher.browser.open(&address(&rp, &request_uri)).await.has("err-expired"), "answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_name_many_browsers_in_a_cluster() {
    let (Some(server), Some(redis)) = (need::postgres(), need::redis()) else { return };
    run_with(Engine::Postgres(server), redis.as_str(), one_name_many_browsers).await;
}

both_engines! {
    async fn a_pushed_request_signs_in(app: TestApp) {
        app.pass(Duration::from_secs(2));
        let key = ClientKey::es256();
        let strict = app.register_with_key(&key, json!({ "require_pushed_authorization_requests": true })).await;
        for rp in [app.client("platform_a"), app.public_client().await, strict] {
            let ask = rp.ask();
            let pushed = push(&rp, &ask).await;
            assert_eq!((pushed.status, pushed.headers["cache-control"].to_str().unwrap()), (201, "no-store"), "{pushed:?}");
            assert!(pushed.body["expires_in"].as_u64().is_some_and(|seconds| seconds <= 600));
            let mut teacher = app.teacher();
            let page = teacher.browser.open(&address(&rp, &pushed.text("request_uri"))).await;
            let answer = teacher.answer_pages(page).await.answer();
            assert_eq!(answer["state"], ask.get("state"));
            assert_eq!(rp.redeem(&ask, &answer["code"]).await.status, 200);
        }
    }

    async fn a_name_is_good_once_for_a_short_time_and_for_its_client(app: TestApp) {
        one_name_many_browsers(app.clone()).await;
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let late = push(&rp, &rp.ask()).await.text("request_uri");
        app.pass(Duration::from_secs(91));
        assert!(teacher.browser.open(&address(&rp, &late)).await.has("err-expired"));
        let foreign = push(&rp, &rp.ask()).await.text("request_uri");
        assert!(teacher.browser.open(&address(&app.client("platform_b"), &foreign)).await.has("err-expired"));
        assert!(teacher.browser.open(&address(&rp, "urn:ietf:params:oauth:request_uri:made-up")).await.has("err-expired"));
    }

    async fn what_is_pushed_is_checked_at_once(app: TestApp) {
        let rp = app.client("platform_a");
        for (what, ask, error) in [
            ("another address", rp.ask().with("redirect_uri", "https://evil.example/"), "invalid_request"),
            ("no address", rp.ask().without("redirect_uri"), "invalid_request"),
            ("no challenge", rp.ask().without("code_challenge").without("code_challenge_method"), "invalid_request"),
            ("no openid", rp.ask().with("scope", "profile"), "invalid_scope"),
            ("another response type", rp.ask().with("response_type", "whatever"), "unsupported_response_type"),
            ("a name of a name", rp.ask().with("request_uri", "urn:x"), "invalid_request"),
            ("too much", rp.ask().with("id_token_hint", &"x".repeat(17_000)), "invalid_request"),
            ("an impossible prompt", rp.ask().with("prompt", "none login"), "invalid_request"),
        ] {
            let answer = push(&rp, &ask).await;
            assert_eq!((answer.status, answer.error()), (400, error), "{what}");
        }
        let stranger = RelyingParty { auth: Auth::Basic("wrong".into()), ..rp.clone() };
        assert_eq!(push(&stranger, &rp.ask()).await.error(), "invalid_client");
        let twice = app.http.post(app.at("/par")).form(&[("scope", "openid"), ("scope", "profile"), ("client_id", "x")]);
        assert_eq!(Answer::of(twice).await.error(), "invalid_request");
        assert_eq!(app.http.get(app.at("/par")).send().await.unwrap().status(), 405);
    }

    async fn who_must_push_cannot_come_otherwise(app: TestApp) {
        let rp = app.register(json!({ "require_pushed_authorization_requests": true })).await;
        let answer = app.teacher().browser.open(&rp.url(&rp.ask())).await.answer();
        assert_eq!(answer["error"], "invalid_request");
        let evil = rp.ask().with("redirect_uri", "https://evil.example/");
        assert!(app.teacher().browser.open(&rp.url(&evil)).await.has("err-redirect-uri"));
    }
}
