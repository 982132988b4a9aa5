//! Login that a third party begins (OpenID Connect Core, 4): from our home page to the client and back.

use serde_json::json;

use super::registration::{initial_token, register, relying_party};
use crate::support::app::both_engines;

const START: &str = "https://rp.example/start?from=mingji";

both_engines! {
    async fn a_platform_is_opened_from_the_home_page(app: TestApp) {
        let rp = app.register(json!({ "initiate_login_uri": START, "client_name": "三平学习空间" })).await;
        let mut teacher = app.teacher();
        let link = format!("/open?client_id={}", rp.id);
        assert!(!teacher.browser.open("/").await.text.contains(&link), "nobody is signed in");
        teacher.knock().await;
        let home = teacher.browser.open("/").await;
        assert!(home.text.contains(&link) && home.text.contains("三平学习空间"), "{home:#?}");
        let issuer = app.issuer.replace(':', "%3A").replace('/', "%2F");
        let begun = teacher.browser.open(&link).await;
        assert_eq!((begun.status, begun.location()), (303, Some(format!("{START}&iss={issuer}"))));
        // The client asks now, and the session answers.
        assert!(teacher.silently(&rp).await.contains_key("code"));
        app.suspend(&rp).await;
        app.pass(std::time::Duration::from_secs(3));
        assert!(teacher.browser.open(&link).await.has("err-client"));
        assert!(!teacher.browser.open("/").await.text.contains(&link));
    }

    async fn an_application_is_opened_for_those_who_use_it(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let registered = register(&app, Some(&token), json!({ "initiate_login_uri": START })).await;
        assert_eq!(registered.body["initiate_login_uri"], START);
        let (rp, mut teacher, mut other) = (relying_party(&app, &registered), app.teacher(), app.teacher_parent());
        let link = format!("/open?client_id={}", rp.id);
        assert!(teacher.browser.open(&link).await.has("err-client"), "a stranger's link leads nowhere");
        teacher.sign_in(&rp).await;
        other.knock().await;
        assert!(other.browser.open(&link).await.has("err-client"), "nor that of somebody who never was there");
        assert!(!other.browser.open("/").await.text.contains(&link));
        assert!(teacher.browser.open("/").await.text.contains(&link));
        assert_eq!(teacher.browser.open(&link).await.status, 303);
        app.app.withdraw_consent(&app.operator(), teacher.person.person_id, &rp.id).await.unwrap();
        assert!(teacher.browser.open(&link).await.has("err-client"));
        assert!(teacher.browser.open("/open").await.has("err-client"));
    }

    async fn its_address_is_https(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let plain = register(&app, Some(&token), json!({ "initiate_login_uri": "http://rp.example/start" })).await;
        assert_eq!((plain.status, plain.error()), (400, "invalid_client_metadata"));
    }
}
