//! RP-initiated logout.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::registration::{initial_token, register, relying_party};
use crate::support::app::{Engine, TestApp, both_engines, run_with};
use crate::support::browser::Page;
use crate::support::need;
use crate::support::receiver::Receiver;
use crate::support::relying_party::{RelyingParty, claims_of};
use crate::support::visitor::Visitor;

const GOODBYE: &str = "http://localhost:8081/signed-out";

fn url(app: &TestApp, parameters: &[(&str, &str)]) -> String {
    app.at(&format!(
        "/end-session?{}",
        form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
    ))
}

/// A teacher signed in at platform A, and the ID token it holds.
async fn signed_in(app: &TestApp) -> (RelyingParty, Visitor, String) {
    let rp = app.client("platform_a");
    let mut teacher = app.teacher();
    let hint = teacher.sign_in(&rp).await.text("id_token");
    (rp, teacher, hint)
}

both_engines! {
    async fn a_hint_signs_out_without_a_question(app: TestApp) {
        let (rp, mut teacher, hint) = signed_in(&app).await;
        let asked = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", GOODBYE), ("state", "s t")];
        let page = teacher.browser.open(&url(&app, &asked)).await;
        assert_eq!(page.location().as_deref(), Some("http://localhost:8081/signed-out?state=s+t"));
        assert!(!teacher.is_signed_in().await);
        assert_eq!(teacher.silently(&rp).await["error"], "login_required");
    }

    async fn an_old_hint_is_still_a_hint(app: TestApp) {
        let (_, mut teacher, hint) = signed_in(&app).await;
        app.pass(Duration::from_secs(3600));
        let page = teacher.browser.open(&url(&app, &[("id_token_hint", &hint)])).await;
        assert!(page.has("signed-out"), "{page:#?}");
        assert!(!teacher.is_signed_in().await);
    }

    async fn without_a_hint_she_is_asked(app: TestApp) {
        let (rp, mut teacher, _) = signed_in(&app).await;
        let asked = [("client_id", rp.id.as_str()), ("post_logout_redirect_uri", GOODBYE)];
        let page = teacher.browser.open(&url(&app, &asked)).await;
        assert_eq!(page.buttons("confirm"), ["yes", "no"]);
        assert!(teacher.is_signed_in().await, "asking is not doing");
        let stayed = teacher.browser.press(&page, "confirm", "no").await;
        assert_eq!(stayed.location().as_deref(), Some(GOODBYE));
        assert!(teacher.is_signed_in().await);
        let gone = teacher.browser.press(&page, "confirm", "yes").await;
        assert_eq!(gone.location().as_deref(), Some(GOODBYE));
        assert!(!teacher.is_signed_in().await);
    }

    async fn a_question_without_a_client_ends_at_our_own_page(app: TestApp) {
        let (_, mut teacher, _) = signed_in(&app).await;
        let page = teacher.browser.open(&app.at("/end-session")).await;
        assert!(teacher.browser.press(&page, "confirm", "yes").await.has("signed-out"));
        assert!(!teacher.is_signed_in().await);
    }

    async fn the_hint_of_another_session_asks(app: TestApp) {
        let (rp, _, hint) = signed_in(&app).await;
        let mut colleague = app.visitor("guardian_of_two");
        colleague.sign_in(&rp).await;
        let page = colleague.browser.open(&url(&app, &[("id_token_hint", &hint)])).await;
        assert!(page.asks_for("confirm"), "{page:#?}");
        assert!(colleague.is_signed_in().await);
    }

    async fn what_is_not_registered_or_not_ours_gets_a_page(app: TestApp) {
        let (rp, mut teacher, hint) = signed_in(&app).await;
        let other = app.client("platform_b").id;
        let cases: [(&str, Vec<(&str, &str)>); 4] = [
            ("err-post-logout-uri", vec![("post_logout_redirect_uri", GOODBYE)]),
            ("err-id-token-hint", vec![("id_token_hint", "e30.e30.x"), ("post_logout_redirect_uri", GOODBYE)]),
            ("err-id-token-hint", vec![("id_token_hint", &hint), ("client_id", &other)]),
            ("err-post-logout-uri", vec![("client_id", &rp.id), ("client_id", &rp.id), ("post_logout_redirect_uri", GOODBYE)]),
        ];
        for (id, parameters) in cases {
            let page: Page = teacher.browser.open(&url(&app, &parameters)).await;
            assert!(page.status == 400 && page.has(id), "{parameters:?}: {page:#?}");
        }
        assert!(teacher.is_signed_in().await);
    }

    /// She left the platform when she pressed the button: that it does not know its own goodbye page keeps nobody signed in.
    async fn a_hint_signs_out_though_there_is_no_way_back(app: TestApp) {
        for address in ["https://evil.example/", "http://localhost:8081/signed-out/"] {
            let (_, mut teacher, hint) = signed_in(&app).await;
            let receiver = Receiver::start().await;
            let other = app.register(json!({ "backchannel_logout_uri": receiver.url })).await;
            teacher.sign_in(&other).await;
            let asked = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", address)];
            // Of somebody else's session it ends nothing, and says what is wrong.
            let mut colleague = app.visitor("guardian_of_two");
            colleague.sign_in(&other).await;
            let page = colleague.browser.open(&url(&app, &asked)).await;
            assert!(page.status == 400 && page.has("err-post-logout-uri") && !page.has("signed-out"), "{page:#?}");
            assert!(colleague.is_signed_in().await && teacher.is_signed_in().await);
            let page = teacher.browser.open(&url(&app, &asked)).await;
            assert!(page.status == 400 && page.has("err-post-logout-uri") && page.has("signed-out"), "{page:#?}");
            assert!(!page.text.contains(address), "nothing leads there");
            assert!(!teacher.is_signed_in().await);
            assert_eq!(receiver.wait_for(1).await.len(), 1, "the others hear of it");
        }
    }

    async fn an_access_token_is_no_hint(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let access = teacher.sign_in(&rp).await.access();
        assert!(teacher.browser.open(&url(&app, &[("id_token_hint", &access)])).await.has("err-id-token-hint"));
    }

    async fn a_post_from_the_platform_finds_the_session(app: TestApp) {
        let (_, mut teacher, hint) = signed_in(&app).await;
        let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", GOODBYE)];
        // Lax cookies stay behind on a cross-site POST: the browser without a jar.
        let parked = app.teacher().browser.post_from("http://localhost:8081", "/end-session", &fields).await;
        assert_eq!((parked.status, parked.location().unwrap().contains("id_token")), (303, false));
        let page = teacher.browser.follow(&parked).await;
        assert_eq!(page.location().as_deref(), Some(GOODBYE));
        assert!(!teacher.is_signed_in().await);
    }

    async fn nobody_signed_in_is_signed_out_already(app: TestApp) {
        let (_, _, hint) = signed_in(&app).await;
        let mut stranger = app.teacher().browser;
        let asked = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", GOODBYE)];
        assert_eq!(stranger.open(&url(&app, &asked)).await.location().as_deref(), Some(GOODBYE));
        assert!(stranger.open(&app.at("/end-session")).await.has("signed-out"));
    }

    /// The others of that session were opened with it and still stand on the shared machine.
    async fn a_sign_out_after_the_idle_end_reaches_the_others_all_the_same(app: TestApp) {
        let (_, mut teacher, hint) = signed_in(&app).await;
        let (receiver, cleared) = (Receiver::start().await, "https://rp.example/cleared");
        let other = json!({ "backchannel_logout_uri": receiver.url, "frontchannel_logout_uri": cleared });
        let other = app.register(other).await;
        teacher.sign_in(&other).await;
        app.pass(Duration::from_secs(9 * 3600));
        assert!(!teacher.is_signed_in().await);
        let asked = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", GOODBYE)];
        let page = teacher.browser.open(&url(&app, &asked)).await;
        assert!(page.has("signed-out") && page.text.contains(cleared), "{page:#?}");
        assert_eq!(receiver.wait_for(1).await.len(), 1);
    }

    /// A browser that was closed has lost its cookie, and the platform its own session keeps the ID token.
    async fn a_hint_ends_the_session_whose_cookie_is_gone(app: TestApp) {
        let (rp, mut teacher, hint) = signed_in(&app).await;
        let token = teacher.sign_in(&rp).await.access();
        let mut elsewhere = app.teacher().browser;
        assert_eq!(rp.userinfo(&token).await.status, 200);
        let page = elsewhere.open(&url(&app, &[("id_token_hint", &hint), ("post_logout_redirect_uri", GOODBYE)])).await;
        assert_eq!(page.location().as_deref(), Some(GOODBYE), "and nothing is told of what else was opened");
        assert!(!teacher.is_signed_in().await);
        app.pass(Duration::from_secs(2));
        assert_eq!(rp.userinfo(&token).await.error(), "invalid_token");
    }

    async fn whoever_signs_in_after_her_time_tells_her_platforms(app: TestApp) {
        let receiver = Receiver::start().await;
        let rp = app.register(json!({ "backchannel_logout_uri": receiver.url })).await;
        let mut teacher = app.teacher();
        let first = teacher.sign_in(&rp).await;
        app.pass(Duration::from_secs(9 * 3600));
        // She herself: her platforms go on, and her session is another one.
        let again = teacher.sign_in(&rp).await;
        assert_ne!(again.id_claims()["sid"], first.id_claims()["sid"]);
        app.pass(Duration::from_secs(9 * 3600));
        let mut next = app.visitor("school_admin");
        next.browser.jar.clone_from(&teacher.browser.jar);
        next.sign_in(&rp).await;
        assert_eq!(claims_of(&receiver.wait_for(1).await.remove(0))["sid"], again.id_claims()["sid"]);
    }

    /// Nobody whom nobody knows, and nobody who was taken down, sends a visitor on from here (RFC 9700, 4.11.2).
    async fn strangers_and_the_suspended_are_no_way_out(app: TestApp) {
        let out = "https://rp.example/out";
        let token = initial_token(&app, 1).await;
        let registered = register(&app, Some(&token), json!({ "post_logout_redirect_uris": [out] })).await;
        let rp = relying_party(&app, &registered);
        let asked = [("client_id", rp.id.as_str()), ("post_logout_redirect_uri", out)];
        let mut visitor = app.teacher().browser;
        assert!(visitor.open(&url(&app, &asked)).await.has("signed-out"), "nobody is signed in, and nothing is shown");
        let mut teacher = app.teacher();
        let hint = teacher.sign_in(&rp).await.text("id_token");
        let shown = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", out)];
        let page = visitor.open(&url(&app, &shown)).await;
        assert!(page.has("signed-out") && page.location().is_none(), "anybody has an ID token of his own client: {page:#?}");
        let back = teacher.browser.open(&url(&app, &shown)).await;
        assert_eq!(back.location().as_deref(), Some(out), "who is signed in there comes back");
        let known = app.client("platform_a");
        let plain = [("client_id", known.id.as_str()), ("post_logout_redirect_uri", GOODBYE)];
        assert_eq!(visitor.open(&url(&app, &plain)).await.location().as_deref(), Some(GOODBYE));
        app.suspend(&known).await;
        app.suspend(&rp).await;
        app.pass(Duration::from_secs(3));
        for asked in [&plain, &shown] {
            assert!(visitor.open(&url(&app, asked)).await.has("err-post-logout-uri"), "{asked:?}");
        }
    }

    async fn a_native_client_comes_back_by_its_own_scheme(app: TestApp) {
        let back = json!(["cn.edu.school:/out", "http://127.0.0.1/out"]);
        let own = json!({ "application_type": "native", "redirect_uris": ["cn.edu.school:/cb"], "post_logout_redirect_uris": back });
        let rp = app.register(own).await;
        for uri in ["cn.edu.school:/out", "http://127.0.0.1:49152/out"] {
            let asked = [("client_id", rp.id.as_str()), ("post_logout_redirect_uri", uri)];
            assert_eq!(app.teacher().browser.open(&url(&app, &asked)).await.location().as_deref(), Some(uri));
        }
        let asked = [("client_id", rp.id.as_str()), ("post_logout_redirect_uri", "cn.edu.school:/other")];
        assert!(app.teacher().browser.open(&url(&app, &asked)).await.has("err-post-logout-uri"));
    }

    async fn a_foreign_page_cannot_press_our_button(app: TestApp) {
        let (_, mut teacher, _) = signed_in(&app).await;
        for origin in ["https://evil.example", "http://127.0.0.1:1"] {
            let page = teacher.browser.post_from(origin, "/sign-out", &[("confirm", "yes")]).await;
            assert_eq!(page.status, 403, "{origin}");
        }
        assert!(teacher.is_signed_in().await);
    }
}

/// What strangers leave in the store that all share is bounded, and what fits into an address is left nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_fills_the_room_with_forms() {
    let Some(redis) = need::redis() else { return };
    run_with(Engine::Sqlite, redis.as_str(), async |app: TestApp| {
        let mut visitor = app.teacher().browser;
        let mut post = async |state: &str| {
            let answer = visitor.post_from("http://localhost:8081", "/end-session", &[("state", state)]).await;
            (answer.status, answer.location().unwrap_or_default().len())
        };
        let long = "x".repeat(15_000);
        let mut answers = BTreeMap::new();
        for _ in 0..300 {
            *answers.entry(post(&long).await.0).or_insert(0) += 1;
        }
        assert_eq!(answers.keys().copied().collect::<Vec<_>>(), [303, 503], "{answers:?}");
        assert!((190..=215).contains(&answers[&303]), "4 MiB as they are stored: {answers:?}");
        let (status, length) = post(&"x".repeat(2_000)).await;
        assert!(status == 303 && length < 4_300, "a form of the usual size goes on: {status} {length}");
    })
    .await;
}
