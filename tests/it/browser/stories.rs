//! The stories that the first landing promises, each from an empty browser.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{choose_identity, open_space, sign_in, vendor};
use crate::support::binary::{Demo, Place};
use crate::support::chromium::{Chromium, Wish};
use crate::support::need;

#[tokio::test(flavor = "multi_thread")]
async fn one_sign_in_two_platforms_and_one_sign_out() {
    let Some(browser) = need::browser() else { return };
    let place = Place::new();
    let mut demo = Demo::start(&place);
    let (a, b) = (demo.platform('a'), demo.platform('b'));
    let window = Chromium::open(&browser, Wish::default()).await;
    let teacher = demo.ready.person("teacher_parent").clone();

    open_space(&window, &a).await;
    window.arrive(&demo.ready.issuer).await;
    sign_in(&window, &teacher).await;
    choose_identity(&window, "教师").await;
    window.arrive(&format!("{a}/space")).await;
    assert!(window.text("#space-name").await.contains("欧阳若兰"));
    assert!(window.text("#space-identity").await.contains("教师"), "{}", window.here().await);

    // B, without a page of the provider in between.
    open_space(&window, &b).await;
    window.arrive(&format!("{b}/space")).await;
    assert!(window.text("#space-name").await.contains("欧阳若兰"));

    // The identity can be changed.
    window.press("#switch-identity").await;
    window.arrive(&demo.ready.issuer).await;
    window.press("button[name=account]").await;
    choose_identity(&window, "家长").await;
    window.arrive(&format!("{b}/space")).await;
    assert!(window.text("#space-identity").await.contains("家长"), "{}", window.here().await);
    window.press("#refresh").await;
    window.arrive(&format!("{b}/space")).await;

    // A stop and a second start keep data and sessions.
    assert!(demo.process.stop().success());
    let mut demo = Demo::start_at(&place, demo.port);
    assert_eq!(demo.ready.person("teacher_parent").person_id, teacher.person_id);
    for platform in [&a, &b] {
        window.go(&format!("{platform}/space")).await;
        assert!(window.text("#space-name").await.contains("欧阳若兰"));
    }
    demo.process.kill();
    let demo = Demo::start_at(&place, demo.port);
    window.go(&demo.ready.issuer).await;
    assert!(window.has("#who").await, "a kill signed her out: {}", window.here().await);

    // Out at A is out at B.
    window.go(&format!("{a}/space")).await;
    window.press("#sign-out").await;
    window.find("#rp-signed-out").await;
    out_at(&window, &b).await;
    window.go(&format!("{b}/login")).await;
    window.find("#password").await;
}

/// B hears of it by itself, a moment later.
async fn out_at(window: &Chromium, platform: &str) {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        window.go(&format!("{platform}/")).await;
        if !window.has("#who").await {
            break;
        }
        assert!(Instant::now() < until, "still signed in at {platform}: no logout token came");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_reaches_who_may_know_her_and_is_kindly_stopped_elsewhere() {
    let Some(browser) = need::browser() else { return };
    let place = Place::new();
    let demo = Demo::start(&place);
    let window = Chromium::open(&browser, Wish::default()).await;
    let child = demo.ready.person("child_under14");

    let a = demo.platform('a');
    open_space(&window, &a).await;
    sign_in(&window, child).await;
    window.arrive(&format!("{a}/space")).await;
    assert!(window.text("#space-name").await.contains("刘雨桐"));
    let b = demo.platform('b');
    open_space(&window, &b).await;
    window.arrive(&format!("{b}/space")).await;

    open_space(&window, &vendor(&demo)).await;
    window.find("#guardian-consent-needed").await;
    assert!(window.url().await.starts_with(&demo.ready.issuer));
    window.press(".language [lang=en]").await;
    window.find("html[lang=en] #guardian-consent-needed").await;
    window.press("main .main").await;
    assert_eq!(window.text("#rp-error-code").await, "access_denied");
    assert!(window.url().await.starts_with(&vendor(&demo)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adult_decides_what_a_vendor_may_know() {
    let Some(browser) = need::browser() else { return };
    let place = Place::new();
    let demo = Demo::start(&place);
    let window = Chromium::open(&browser, Wish::default()).await;
    let vendor = vendor(&demo);

    // No at first: the form of the consent page ends at the client, by redirect. So does the sign-in form's.
    open_space(&window, &vendor).await;
    sign_in(&window, demo.ready.person("full_claims")).await;
    window.press("button[name=decision][value=deny]").await;
    assert_eq!(window.text("#rp-error-code").await, "access_denied", "{}", window.here().await);
    assert!(window.url().await.starts_with(&vendor));

    open_space(&window, &vendor).await;
    window.press("button[name=decision][value=allow]").await;
    window.arrive(&format!("{vendor}/space")).await;
    assert!(window.text("#space-name").await.contains("钟明远"));
    let told = window.driver.source().await.unwrap();
    assert!(!told.contains("36078119"), "an identity number came to a vendor");

    // Once is enough.
    window.press("#sign-out").await;
    window.find("#rp-signed-out").await;
    open_space(&window, &vendor).await;
    sign_in(&window, demo.ready.person("full_claims")).await;
    window.arrive(&format!("{vendor}/space")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_me_gets_out_of_the_way() {
    let Some(browser) = need::browser() else { return };
    let place = Place::new();
    let demo = Demo::start(&place);
    let window = Chromium::open(&browser, Wish::default()).await;
    let a = demo.platform('a');
    open_space(&window, &a).await;
    sign_in(&window, demo.ready.person("teacher_parent")).await;
    // A teacher left the browser here; somebody else sits down.
    window.find("button[name=identity]").await;
    assert!(window.text("#who").await.contains("欧阳若兰"));
    window.press("#not-me").await;
    sign_in(&window, demo.ready.person("child_15")).await;
    window.arrive(&format!("{a}/space")).await;
    assert!(window.text("#space-name").await.contains("刘子墨"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_can_be_changed_on_the_way_and_stays() {
    let Some(browser) = need::browser() else { return };
    let place = Place::new();
    let demo = Demo::start(&place);
    let window = Chromium::open(&browser, Wish::default()).await;
    let a = demo.platform('a');
    open_space(&window, &a).await;
    window.find("html[lang=zh-CN] #password").await;
    window.press(".language [lang=en]").await;
    window.find("html[lang=en] #password").await;
    // A wrong password: the page comes again, in English, with the request it carries.
    window.fill("#login", &demo.ready.person("teacher_parent").user_name).await;
    window.fill("#password", "not the password at all").await;
    window.press("main form button.main").await;
    window.find("html[lang=en] #problem").await;
    sign_in(&window, demo.ready.person("teacher_parent")).await;
    choose_identity(&window, "Teacher").await;
    window.arrive(&format!("{a}/space")).await;

    let english = Chromium::open(&browser, Wish { language: Some("en-GB,en"), ..Wish::default() }).await;
    open_space(&english, &a).await;
    english.find("html[lang=en] #password").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_asks_first_in_either_language() {
    let Some(browser) = need::browser() else { return };
    let place = Place::new();
    let demo = Demo::start(&place);
    let window = Chromium::open(&browser, Wish::default()).await;
    let a = demo.platform('a');
    let back = format!("{a}/signed-out");
    // Without a hint the provider does not know that the platform means this session.
    let question = format!(
        "{}/end-session?client_id={}&post_logout_redirect_uri={back}",
        demo.ready.issuer,
        demo.ready.client("platform_a").client_id
    );
    for button in ["main [name=confirm][value=yes]", "#not-me"] {
        open_space(&window, &a).await;
        sign_in(&window, demo.ready.person("child_15")).await;
        window.arrive(&format!("{a}/space")).await;
        window.go(&question).await;
        window.press(".language [lang=en]").await;
        window.find("html[lang=en] [name=confirm]").await;
        window.press(".language [lang=zh-CN]").await;
        window.find("html[lang=zh-CN] [name=confirm]").await;
        window.press(button).await;
        window.arrive(&back).await;
        out_at(&window, &a).await;
    }
    // The page at the end has a language switch too.
    open_space(&window, &a).await;
    sign_in(&window, demo.ready.person("child_15")).await;
    window.arrive(&format!("{a}/space")).await;
    window.go(&format!("{}/end-session", demo.ready.issuer)).await;
    window.press("main [name=confirm][value=yes]").await;
    window.find("#signed-out").await;
    window.press(".language [lang=en]").await;
    window.find("html[lang=en] #signed-out").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_scripts() {
    let Some(browser) = need::browser() else { return };
    let place = Place::new();
    let demo = Demo::start(&place);
    let window = Chromium::open(&browser, Wish { no_script: true, ..Wish::default() }).await;
    window.go("data:text/html,<title>off</title><script>document.title='on'</script>").await;
    assert_eq!(window.driver.title().await.unwrap(), "off", "the browser runs scripts");
    let vendor = vendor(&demo);
    open_space(&window, &vendor).await;
    sign_in(&window, demo.ready.person("teacher_parent")).await;
    choose_identity(&window, "教师").await;
    window.press("button[name=decision][value=allow]").await;
    window.arrive(&format!("{vendor}/space")).await;
    window.press("#sign-out").await;
    window.find("#rp-signed-out").await;
    // What a page asked the browser for and did not get would stand here.
    let loaded = window
        .devtools("Runtime.evaluate", json!({ "expression": "document.styleSheets.length", "returnByValue": true }))
        .await;
    assert_eq!(loaded["result"]["value"], 1);
}
