//! Front-channel logout: the page at the end of a session opens what its platforms registered, and nothing else.

use scraper::{Html, Selector};
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::relying_party::RelyingParty;

const GOODBYE: &str = "https://rp.example/goodbye";

async fn listening(app: &TestApp, own: Value) -> RelyingParty {
    let mut metadata =
        json!({ "frontchannel_logout_uri": "https://rp.example/out?of=us", "post_logout_redirect_uris": [GOODBYE] });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    app.register(metadata).await
}

/// Addresses of the frames.
fn frames(page: &Page) -> Vec<String> {
    let html = Html::parse_document(&page.text);
    let framed = Selector::parse("iframe[src]").unwrap();
    html.select(&framed).map(|frame| frame.attr("src").unwrap_or_default().to_owned()).collect()
}

fn policy(page: &Page) -> &str {
    page.headers["content-security-policy"].to_str().unwrap()
}

fn expected(app: &TestApp, uri: &str, id_token: &Value) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("iss", &app.issuer)
        .append_pair("sid", id_token["sid"].as_str().unwrap())
        .finish();
    format!("{uri}{}{query}", if uri.contains('?') { '&' } else { '?' })
}

both_engines! {
    async fn every_platform_of_the_session_is_opened_before_the_browser_goes_on(app: TestApp) {
        let first = listening(&app, json!({})).await;
        let second = listening(&app, json!({ "redirect_uris": ["https://other.example:8443/cb"], "frontchannel_logout_uri": "https://other.example:8443/out", "frontchannel_logout_session_required": true })).await;
        let silent = app.client("platform_a");
        let elsewhere = listening(&app, json!({})).await;
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&first).await;
        let others = teacher.sign_in(&second).await;
        teacher.sign_in(&silent).await;
        app.visitor("guardian_of_two").sign_in(&elsewhere).await;

        let ask = format!("/end-session?id_token_hint={}&post_logout_redirect_uri={GOODBYE}&state=s", tokens.text("id_token"));
        let page = teacher.browser.open(&ask).await;
        assert_eq!(page.status, 200, "{page:#?}");
        let mut wanted = [
            expected(&app, "https://rp.example/out?of=us", &tokens.id_claims()),
            expected(&app, "https://other.example:8443/out", &others.id_claims()),
        ];
        let mut opened = frames(&page);
        opened.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(opened, wanted);
        assert!(page.has("signed-out") && page.text.contains("https://rp.example/goodbye?state=s"), "{page:#?}");
        let policy = policy(&page);
        assert!(policy.contains("; frame-src https://other.example:8443 https://rp.example;"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'sha256-"), "{policy}");
        assert!(!teacher.is_signed_in().await);
        assert_eq!(teacher.silently(&first).await["error"], "login_required");
    }

    async fn who_leaves_at_home_or_says_not_me_tells_them_too(app: TestApp) {
        let rp = listening(&app, json!({})).await;
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        let home = teacher.browser.open("/").await;
        let page = teacher.browser.press(&home, "confirm", "yes").await;
        assert_eq!(frames(&page), [expected(&app, "https://rp.example/out?of=us", &tokens.id_claims())]);
        assert!(page.has("signed-out") && !page.text.contains("<script"), "nothing follows: {page:#?}");

        // On a shared machine the next person goes on with the request, once the platforms have heard.
        teacher.sign_in(&rp).await;
        let page = teacher.browser.open(&rp.url(&rp.ask().with("prompt", "select_account"))).await;
        let page = teacher.browser.submit(&page, "account", &[("account", "other")]).await;
        assert_eq!(frames(&page).len(), 1, "{page:#?}");
        let page = teacher.browser.submit(&page, "request", &[]).await;
        assert!(page.asks_for("password"), "{page:#?}");
        assert!(teacher.answer_pages(page).await.answer().contains_key("code"));
    }

    async fn nobody_is_opened_twice_or_after_the_end(app: TestApp) {
        let rp = listening(&app, json!({})).await;
        let mut teacher = app.teacher();
        let hint = teacher.sign_in(&rp).await.text("id_token");
        let ask = format!("/end-session?id_token_hint={hint}&post_logout_redirect_uri={GOODBYE}");
        assert_eq!(frames(&teacher.browser.open(&ask).await).len(), 1);
        assert_eq!(teacher.browser.open(&ask).await.location().as_deref(), Some(GOODBYE), "nobody is left to tell");
        teacher.sign_in(&rp).await;
        app.suspend(&rp).await;
        app.pass(std::time::Duration::from_secs(3));
        let home = teacher.browser.open("/").await;
        let page = teacher.browser.press(&home, "confirm", "yes").await;
        assert!(frames(&page).is_empty(), "a suspended client is opened: {page:#?}");
    }

    async fn discovery_and_registration_say_so(app: TestApp) {
        let document = app.discovery().await;
        for name in ["frontchannel_logout_supported", "frontchannel_logout_session_supported"] {
            assert_eq!(document[name], true, "{name}");
        }
        for uri in ["https://elsewhere.example/out", "http://rp.example/out"] {
            let metadata = json!({ "redirect_uris": ["https://rp.example/callback"], "frontchannel_logout_uri": uri });
            let refused = app.app.create_client(&app.operator(), serde_json::from_value(metadata).unwrap()).await;
            assert!(refused.is_err(), "{uri}");
        }
    }
}
