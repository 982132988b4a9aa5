//! Answers that the browser posts to the client (OAuth 2.0 Form Post Response Mode 1.0).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use scraper::{Html, Selector};
use serde_json::json;

use crate::support::app::both_engines;
use crate::support::browser::Page;

const HOSTILE: &str = "\"><script>alert(1)</script>' onfocus='x";

/// The text of the page's one script.
fn script_of(page: &Page) -> String {
    let html = Html::parse_document(&page.text);
    let scripts: Vec<String> =
        html.select(&Selector::parse("script").unwrap()).map(|script| script.text().collect()).collect();
    let [script] = scripts.as_slice() else { panic!("one script: {scripts:?}") };
    script.clone()
}

both_engines! {
    async fn a_code_is_posted_by_a_page_that_can_do_nothing_else(app: TestApp) {
        let rp = app.client("platform_a");
        let ask = rp.ask().with("response_mode", "form_post").with("state", HOSTILE);
        let page = app.teacher().go(&rp, &ask).await;
        assert_eq!((page.status, page.location()), (200, None));
        let (action, fields) = page.posted();
        assert_eq!(action, rp.redirect_uri);
        assert_eq!((fields["state"].as_str(), fields["iss"].as_str()), (HOSTILE, app.issuer.as_str()));
        assert_eq!(rp.redeem(&ask, &fields["code"]).await.status, 200);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        let hash = STANDARD.encode(digest(&SHA256, script_of(&page).as_bytes()));
        assert!(policy.contains(&format!("script-src 'sha256-{hash}'")) && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(page.headers["cache-control"], "no-store");
        assert!(page.text.contains("<button"), "without a script there is a button");
        assert!(!page.text.contains(HOSTILE));
    }

    async fn tokens_and_errors_are_posted_too(app: TestApp) {
        let rp = app.register(json!({ "grant_types": ["authorization_code", "implicit"], "response_types": ["code id_token token"] })).await;
        let ask = rp.ask().with("response_type", "code id_token token").with("response_mode", "form_post");
        let mut teacher = app.teacher();
        let silent = teacher.browser.open(&rp.url(&ask.clone().with("prompt", "none"))).await;
        let (action, fields) = silent.posted();
        assert_eq!((action.as_str(), fields["error"].as_str()), (rp.redirect_uri.as_str(), "login_required"));
        assert_eq!((&fields["state"], &fields["iss"]), (&ask.get("state"), &app.issuer));
        let (_, fields) = teacher.browser.open(&rp.url(&ask.clone().without("response_type"))).await.posted();
        assert_eq!(fields["error"], "invalid_request");
        let (_, fields) = teacher.go(&rp, &ask).await.posted();
        assert_eq!(rp.userinfo(&fields["access_token"]).await.status, 200);
        assert!(fields.contains_key("code") && fields.contains_key("id_token"));
        let foreign = teacher.browser.open(&rp.url(&ask.with("redirect_uri", "https://evil.example/"))).await;
        assert!(foreign.has("err-redirect-uri"), "nothing is posted to strangers");
    }

    async fn a_child_goes_back_by_a_form_as_well(app: TestApp) {
        let rp = app.client("vendor");
        let page = app.child().go(&rp, &rp.ask().with("response_mode", "form_post")).await;
        assert!(page.has("guardian-consent-needed"), "{page:#?}");
        let html = Html::parse_document(&page.text);
        let form = format!("form[method=post][action='{}'] input[name=error][value=access_denied]", rp.redirect_uri);
        assert_eq!(html.select(&Selector::parse(&form).unwrap()).count(), 1, "{}", page.text);
        assert!(!page.headers["content-security-policy"].to_str().unwrap().contains("form-action"));
    }
}
