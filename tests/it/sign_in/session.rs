//! How long somebody stays signed in.

use std::time::Duration;

use crate::support::app::both_engines;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

both_engines! {
    async fn it_ends_after_eight_idle_hours(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        for _ in 0..3 {
            app.pass(7 * HOUR);
            assert!(teacher.silently(&rp).await.contains_key("code"), "every use moves the end");
        }
        app.pass(8 * HOUR + MINUTE);
        assert_eq!(teacher.silently(&rp).await["error"], "login_required");
    }

    async fn it_ends_after_seven_days_in_any_case(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        for _ in 0..27 {
            app.pass(6 * HOUR);
            assert!(teacher.silently(&rp).await.contains_key("code"));
        }
        app.pass(6 * HOUR + MINUTE);
        assert_eq!(teacher.silently(&rp).await["error"], "login_required");
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant", "and what lives in it");
    }

    async fn an_administrators_is_short(app: TestApp) {
        let rp = app.client("platform_a");
        for key in ["school_admin", "county_admin"] {
            let mut admin = app.visitor(key);
            admin.sign_in(&rp).await;
            app.pass(31 * MINUTE);
            assert_eq!(admin.silently(&rp).await["error"], "login_required", "{key}: thirty idle minutes");
            admin.sign_in(&rp).await;
            for _ in 0..19 {
                app.pass(25 * MINUTE);
                assert!(admin.silently(&rp).await.contains_key("code"), "{key}");
            }
            app.pass(6 * MINUTE);
            assert_eq!(admin.silently(&rp).await["error"], "login_required", "{key}: eight hours");
        }
    }

    async fn it_ends_with_the_browser_unless_the_device_is_ones_own(app: TestApp) {
        let rp = app.client("platform_a");
        let mut at_school = app.teacher();
        at_school.sign_in(&rp).await;
        assert_eq!(at_school.browser.life_of("mingji_session"), None);
        at_school.browser.restart();
        assert!(!at_school.is_signed_in().await);

        let mut at_home = app.teacher();
        at_home.own_device = true;
        at_home.sign_in(&rp).await;
        assert_eq!(at_home.browser.life_of("mingji_session"), Some(7 * 24 * 3600));
        at_home.browser.restart();
        assert!(at_home.is_signed_in().await);
    }

    async fn cookies_are_closed_to_scripts_and_other_sites(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let form = teacher.browser.open(&rp.url(&rp.ask())).await;
        let inside = teacher.type_password(&form).await;
        for page in [&form, &inside] {
            let cookies: Vec<&str> = page.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
            assert!(!cookies.is_empty());
            for cookie in cookies {
                // One is made to be read, and worth nothing (R12).
                let open = cookie.starts_with("mingji_state=");
                assert!(cookie.contains("HttpOnly") != open && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
                assert!(cookie.starts_with("mingji_") && !cookie.contains("Domain"), "{cookie}");
            }
        }
    }

    async fn a_session_that_somebody_planted_is_not_taken_over(app: TestApp) {
        let mut teacher = app.teacher();
        teacher.browser.jar.insert("mingji_session".into(), "planted".into());
        teacher.sign_in(&app.client("platform_a")).await;
        let secret = teacher.browser.jar["mingji_session"].clone();
        assert_ne!(secret, "planted");
        // The same person proves herself again: the old secret is worth nothing.
        let mut thief = app.teacher();
        thief.browser.jar.insert("mingji_session".into(), secret);
        assert!(thief.is_signed_in().await);
        let form = teacher.browser.open("/sign-in").await;
        teacher.type_password(&form).await;
        assert!(teacher.is_signed_in().await && !thief.is_signed_in().await);
    }

    async fn every_arrival_shows_who_is_there_with_a_way_out(app: TestApp) {
        let rp = app.client("platform_a");
        let mut both = app.teacher_parent();
        let tokens = both.sign_in(&rp).await;
        let page = both.browser.open(&rp.url(&rp.ask().with("prompt", "select_account"))).await;
        assert_eq!(page.text_of("who").as_deref(), Some("欧阳若兰"));
        let form = both.browser.post("/not-me", &[("request", page.value_of("request").unwrap())]).await;
        assert!(form.asks_for("password"), "{form:#?}");
        assert!(!both.is_signed_in().await);
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
        let mut next = app.teacher();
        next.browser = both.browser;
        assert!(next.type_password(&form).await.answer().contains_key("code"), "the request goes on for the next person");
    }

    async fn not_me_without_a_request_ends_at_the_signed_out_page(app: TestApp) {
        let mut teacher = app.teacher();
        teacher.sign_in(&app.client("platform_a")).await;
        let page = teacher.browser.post("/not-me", &[("x", "")]).await;
        assert!(teacher.browser.follow(&page).await.has("signed-out"));
        assert!(!teacher.is_signed_in().await);
    }

    async fn a_form_of_another_browser_signs_nobody_in(app: TestApp) {
        let form = app.teacher().browser.open("/sign-in").await;
        let mut victim = app.teacher();
        assert_eq!(victim.type_password(&form).await.status, 400);
        assert!(!victim.is_signed_in().await);
    }
}
