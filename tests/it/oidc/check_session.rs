//! Session management: what a client is told of the browser, and when that changes. The page that compares is tried in a
//! real browser, in `browser::sites`.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::support::app::both_engines;
use crate::support::need;
use crate::support::relying_party::{Parameters, RelyingParty};
use crate::support::visitor::Visitor;

/// What the page of the provider computes.
fn is_unchanged(rp: &RelyingParty, answer: &Parameters, cookie: &str) -> bool {
    let (hash, salt) = answer["session_state"].split_once('.').expect("hash and salt");
    let origin = url::Url::parse(&rp.redirect_uri).unwrap().origin().ascii_serialization();
    let text = format!("{} {origin} {cookie} {salt}", rp.id);
    hash == URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

fn cookie(visitor: &Visitor) -> String {
    visitor.browser.jar["mingji_state"].clone()
}

/// Asks the page's script from an origin, in a place that knows nothing of cryptography.
const ASK: &str = r#"
const [script, origin, cookie, message] = process.argv.slice(1);
const document = { cookie: `other=1; ${cookie}`, documentElement: { getAttribute: () => "mingji_state" } };
let ask;
require("vm").runInNewContext(script, { addEventListener: (_, listener) => { ask = listener; }, document, btoa });
ask({ origin, data: message, source: { postMessage: (word) => process.stdout.write(word) } });
"#;

fn asked(node: &Path, script: &str, rp: &RelyingParty, cookie: &str, message: &str) -> String {
    let origin = url::Url::parse(&rp.redirect_uri).unwrap().origin().ascii_serialization();
    let output = Command::new(node).args(["-e", ASK, "--", script, &origin, cookie, message]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

both_engines! {
    async fn it_holds_while_the_session_does(app: TestApp) {
        let (rp, other) = (app.client("platform_a"), app.client("platform_b"));
        let mut teacher = app.teacher();
        let first = teacher.go(&rp, &rp.ask()).await.answer();
        assert!(is_unchanged(&rp, &first, &cookie(&teacher)), "{first:?}");
        let again = teacher.silently(&rp).await;
        assert_ne!(again["session_state"], first["session_state"], "salted");
        assert!(is_unchanged(&rp, &again, &cookie(&teacher)) && is_unchanged(&rp, &first, &cookie(&teacher)));
        assert!(is_unchanged(&other, &teacher.silently(&other).await, &cookie(&teacher)));
        assert!(!is_unchanged(&other, &first, &cookie(&teacher)), "it is one client's");
        // Proving herself again is no change (R13).
        teacher.go(&rp, &rp.ask().with("prompt", "login")).await.answer();
        assert!(is_unchanged(&rp, &first, &cookie(&teacher)));
        let state = cookie(&teacher);
        assert!(!teacher.browser.jar["mingji_session"].contains(&state[2..]));
    }

    async fn it_changes_with_who_is_there(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let nobody = teacher.silently(&rp).await;
        assert_eq!(nobody["error"], "login_required");
        assert!(is_unchanged(&rp, &nobody, &cookie(&teacher)), "errors tell it too");
        assert!(is_unchanged(&rp, &teacher.silently(&rp).await, &cookie(&teacher)));
        let before = cookie(&teacher);
        let there = teacher.go(&rp, &rp.ask()).await.answer();
        assert!(!is_unchanged(&rp, &nobody, &cookie(&teacher)));
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        assert!(!is_unchanged(&rp, &there, &cookie(&teacher)), "the sign-out shows at once");
        assert_ne!(cookie(&teacher), before);
        // She comes by herself: that shows at once too.
        let gone = teacher.silently(&rp).await;
        teacher.knock().await;
        assert!(!is_unchanged(&rp, &gone, &cookie(&teacher)));
        assert!(is_unchanged(&rp, &teacher.silently(&rp).await, &cookie(&teacher)));
    }

    async fn a_session_that_ended_elsewhere_shows_at_the_next_question(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let there = teacher.go(&rp, &rp.ask()).await.answer();
        app.app.set_password(&app.operator(), teacher.person.person_id, "一只安静的旧钢笔".to_owned().into()).await.unwrap();
        let gone = teacher.silently(&rp).await;
        assert_eq!(gone["error"], "login_required");
        assert!(is_unchanged(&rp, &gone, &cookie(&teacher)) && !is_unchanged(&rp, &there, &cookie(&teacher)));
    }

    async fn a_frame_without_the_session_cookie_changes_nothing(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let there = teacher.go(&rp, &rp.ask()).await.answer();
        // What a browser sends from a frame of another site: the one cookie that is not Lax.
        let mut framed = teacher.clone();
        framed.browser.jar.retain(|name, _| name == "mingji_state");
        assert_eq!(framed.silently(&rp).await["error"], "login_required");
        assert_eq!(cookie(&framed), cookie(&teacher));
        assert!(is_unchanged(&rp, &there, &cookie(&framed)));
    }

    async fn a_foreign_page_that_opens_the_sign_out_changes_nothing(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let there = teacher.go(&rp, &rp.ask()).await.answer();
        // An image of another site: the session's cookie stays at home, the answer's cookie would be taken.
        let mut framed = teacher.clone();
        framed.browser.jar.retain(|name, _| name == "mingji_state");
        let page = framed.browser.open("/end-session").await;
        assert!(page.has("signed-out") && page.headers.get("set-cookie").is_none(), "{page:#?}");
        assert!(is_unchanged(&rp, &there, &cookie(&framed)));
        // With the session's cookie it is she who leaves, and that shows.
        let page = teacher.browser.open("/end-session").await;
        teacher.browser.press(&page, "confirm", "yes").await;
        assert!(!is_unchanged(&rp, &there, &cookie(&teacher)));
    }

    async fn every_way_of_answering_carries_it(app: TestApp) {
        let rp = app.register(json!({ "grant_types": ["authorization_code", "implicit"], "response_types": ["code", "code id_token"], "edu_client_kind": "application", "edu_lawful_basis": null })).await;
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        let page = teacher.type_password(&page).await;
        let denied = teacher.browser.press(&page, "decision", "deny").await.answer();
        assert_eq!(denied["error"], "access_denied");
        assert!(is_unchanged(&rp, &denied, &cookie(&teacher)));
        let hybrid = teacher.go(&rp, &rp.ask().with("response_type", "code id_token")).await.answer();
        assert!(hybrid.contains_key("id_token") && is_unchanged(&rp, &hybrid, &cookie(&teacher)));
        let (_, posted) = teacher.go(&rp, &rp.ask().with("response_mode", "form_post")).await.posted();
        assert!(is_unchanged(&rp, &posted, &cookie(&teacher)));
    }

    async fn the_page_compares_in_plain_browsers_too(app: TestApp) {
        let Some(node) = need::node() else { return };
        let page = app.http.get(app.endpoint("check_session_iframe").await).send().await.unwrap().text().await.unwrap();
        let script = page.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>")).unwrap().0;
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let state = teacher.go(&rp, &rp.ask()).await.answer()["session_state"].clone();
        let message = format!("{} {state}", rp.id);
        let now = format!("mingji_state={}", cookie(&teacher));
        assert_eq!(asked(&node, script, &rp, &now, &message), "unchanged");
        assert_eq!(asked(&node, script, &rp, "mingji_state=x", &message), "changed");
        assert_eq!(asked(&node, script, &rp, "mingji_stat=x", &message), "error", "no cookie");
        assert_eq!(asked(&node, script, &rp, &now, "unknown"), "error");
    }

    async fn only_the_page_that_compares_may_be_framed(app: TestApp) {
        let page = app.http.get(app.endpoint("check_session_iframe").await).send().await.unwrap();
        assert!(page.headers().get("x-frame-options").is_none());
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(!policy.contains("frame-ancestors") && policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(page.text().await.unwrap().contains("data-cookie=\"mingji_state\""));
        for path in ["/", "/sign-in", "/signed-out", "/nowhere"] {
            let page = app.http.get(app.at(path)).send().await.unwrap();
            assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"), "{path}");
            assert_eq!(page.headers()["x-frame-options"], "DENY", "{path}");
        }
    }
}
