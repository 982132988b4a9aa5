//! What a request may demand of the person: prompt, max_age, id_token_hint (OpenID Connect Core, 3.1.2.1).

use std::time::Duration;

use crate::support::app::both_engines;
use crate::support::relying_party::Parameters;

const HOUR: Duration = Duration::from_secs(3600);

fn error_of(answer: &Parameters) -> &str {
    answer.get("error").map_or("", String::as_str)
}

both_engines! {
    async fn none_answers_without_a_page_or_says_why_not(app: TestApp) {
        let (platform, vendor) = (app.client("platform_a"), app.client("vendor"));
        let mut teacher = app.teacher();
        assert_eq!(error_of(&teacher.silently(&platform).await), "login_required");
        teacher.sign_in(&platform).await;
        assert!(teacher.silently(&platform).await.contains_key("code"));
        assert!(teacher.silently(&app.client("platform_b")).await.contains_key("code"), "one sign-in for all platforms");
        assert_eq!(error_of(&teacher.silently(&vendor).await), "consent_required");
    }

    async fn none_does_not_choose_among_identities(app: TestApp) {
        let rp = app.client("platform_a");
        let mut both = app.teacher_parent();
        let page = both.browser.open(&rp.url(&rp.ask())).await;
        let page = both.type_password(&page).await;
        assert_eq!(page.buttons("identity").len(), 2, "{}", page.text);
        assert_eq!(error_of(&both.silently(&rp).await), "account_selection_required");
        both.sign_in(&rp).await;
        assert!(both.silently(&rp).await.contains_key("code"), "the session keeps the choice");
    }

    async fn none_for_a_child_needs_a_receipt_or_the_statute(app: TestApp) {
        let mut child = app.child();
        child.sign_in(&app.client("platform_a")).await;
        assert!(child.silently(&app.client("platform_b")).await.contains_key("code"));
        assert_eq!(error_of(&child.silently(&app.client("vendor")).await), "consent_required");
    }

    /// An application that nobody agreed to learns neither that a child is here nor that somebody has several identities.
    async fn none_tells_whoever_has_no_receipt_the_same_of_everybody(app: TestApp) {
        let (platform, vendor) = (app.client("platform_a"), app.client("vendor"));
        let mut answers = Vec::new();
        for mut visitor in [app.teacher(), app.child()] {
            visitor.sign_in(&platform).await;
            answers.push(visitor.silently(&vendor).await);
        }
        let mut both = app.teacher_parent();
        let page = both.browser.open(&platform.url(&platform.ask())).await;
        both.type_password(&page).await;
        answers.push(both.silently(&vendor).await);
        let same = |name: &str| answers.iter().map(|answer| answer.get(name).cloned()).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(same("error"), [Some("consent_required".to_owned())].into());
        assert_eq!(same("error_description").len(), 1, "{answers:?}");
        // The way back from the page for a child says no more than an adult's no.
        let mut child = app.child();
        let page = child.browser.open(&vendor.url(&vendor.ask())).await;
        let stopped = child.type_password(&page).await;
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&vendor.url(&vendor.ask())).await;
        let page = teacher.type_password(&page).await;
        let no = teacher.browser.press(&page, "decision", "deny").await.answer();
        let said: String = form_urlencoded::byte_serialize(no["error_description"].as_bytes()).collect();
        assert!(stopped.text.contains(&said), "{stopped:#?}");
    }

    /// R16: the identity belongs to the grant; what is chosen in another tab is another request's.
    async fn the_identity_that_was_chosen_is_the_one_that_goes(app: TestApp) {
        let (platform, vendor) = (app.client("platform_a"), app.client("vendor"));
        let mut both = app.teacher_parent();
        let ask = vendor.ask();
        let page = both.browser.open(&vendor.url(&ask)).await;
        let page = both.type_password(&page).await;
        let teacher = page.buttons("identity")[0].clone();
        let consent = both.browser.press(&page, "identity", &teacher).await;
        assert!(consent.asks_for("decision"), "{consent:#?}");
        let again = platform.ask().with("prompt", "select_account");
        let page = both.browser.open(&platform.url(&again)).await;
        let account = page.buttons("account")[0].clone();
        let page = both.browser.press(&page, "account", &account).await;
        let parent = page.buttons("identity")[1].clone();
        let other = both.browser.press(&page, "identity", &parent).await.answer();
        let claims = platform.redeem(&again, &other["code"]).await.id_claims();
        assert_eq!(claims["edu_identity"]["kind"], "parent");
        let answer = both.browser.press(&consent, "decision", "allow").await.answer();
        assert_eq!(vendor.redeem(&ask, &answer["code"]).await.id_claims()["edu_identity"]["kind"], "teacher");
    }

    async fn login_wants_a_password_after_the_request(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let before = teacher.sign_in(&rp).await.id_claims();
        app.pass(HOUR);
        let ask = rp.ask().with("prompt", "login");
        let page = teacher.browser.open(&rp.url(&ask)).await;
        assert!(page.asks_for("password"), "{}", page.text);
        let answer = teacher.type_password(&page).await.answer();
        let after = rp.redeem(&ask, &answer["code"]).await.id_claims();
        assert!(after["auth_time"].as_i64() >= before["auth_time"].as_i64().map(|at| at + 3600));
        assert_eq!(after["sid"], before["sid"], "the same session under the same name (R13)");
    }

    async fn another_person_at_the_same_browser_ends_the_first_session(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let first = teacher.sign_in(&rp).await;
        let page = teacher.browser.open(&rp.url(&rp.ask().with("prompt", "login"))).await;
        let colleague = app.person("guardian_of_two").clone();
        let answer = teacher.type_in(&page, &colleague.user_name, &colleague.password).await;
        assert!(answer.asks_for("identity") || answer.answer().contains_key("code"));
        assert_eq!(rp.refresh(&first.refresh()).await.error(), "invalid_grant");
        assert_eq!(rp.userinfo(&first.access()).await.status, 401);
    }

    async fn whoever_typed_her_name_has_said_which_account(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&rp.url(&rp.ask().with("prompt", "select_account"))).await;
        assert!(teacher.type_password(&page).await.answer().contains_key("code"));
    }

    async fn select_account_shows_who_is_there_and_lets_her_switch(app: TestApp) {
        let rp = app.client("platform_a");
        let mut both = app.teacher_parent();
        let teacher = both.sign_in(&rp).await.id_claims();
        assert_eq!(teacher["edu_identity"]["kind"], "teacher");
        let ask = rp.ask().with("prompt", "select_account");
        let page = both.browser.open(&rp.url(&ask)).await;
        let accounts = page.buttons("account");
        assert_eq!(accounts.len(), 2, "continue, or somebody else: {}", page.text);
        let page = both.browser.press(&page, "account", &accounts[0]).await;
        let parent = page.buttons("identity")[1].clone();
        let answer = both.browser.press(&page, "identity", &parent).await.answer();
        let claims = rp.redeem(&ask, &answer["code"]).await.id_claims();
        assert_eq!(claims["edu_identity"]["kind"], "parent");
        assert_eq!((&claims["sub"], &claims["sid"]), (&teacher["sub"], &teacher["sid"]));
        // The session keeps the last choice as its default (R16).
        assert_eq!(both.sign_in(&rp).await.id_claims()["edu_identity"]["kind"], "parent");
    }

    async fn somebody_else_signs_the_first_out(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        let ask = rp.ask().with("prompt", "select_account");
        let page = teacher.browser.open(&rp.url(&ask)).await;
        let page = teacher.browser.press(&page, "account", "other").await;
        assert!(page.asks_for("password"), "{}", page.text);
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
        let answer = teacher.type_password(&page).await.answer();
        assert!(answer.contains_key("code"), "{answer:?}");
    }

    async fn consent_is_asked_again_when_the_client_wants_it(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        for _ in 0..2 {
            let page = teacher.browser.open(&rp.url(&rp.ask().with("prompt", "consent"))).await;
            assert_eq!(page.buttons("decision"), ["allow", "deny"], "{}", page.text);
            assert!(teacher.browser.press(&page, "decision", "allow").await.answer().contains_key("code"));
        }
    }

    async fn max_age_limits_the_age_of_the_sign_in(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        app.pass(HOUR);
        let page = teacher.browser.open(&rp.url(&rp.ask().with("max_age", "7200"))).await;
        assert!(page.answer().contains_key("code"));
        let silent = teacher.browser.open(&rp.url(&rp.ask().with("max_age", "60").with("prompt", "none"))).await;
        assert_eq!(error_of(&silent.answer()), "login_required");
        for max_age in ["60", "0"] {
            let ask = rp.ask().with("max_age", max_age);
            let page = teacher.browser.open(&rp.url(&ask)).await;
            assert!(page.asks_for("password"), "max_age={max_age}: {page:#?}");
            let answer = teacher.type_password(&page).await.answer();
            let claims = rp.redeem(&ask, &answer["code"]).await.id_claims();
            assert!(claims["iat"].as_i64().unwrap() - claims["auth_time"].as_i64().unwrap() < 60);
        }
    }

    async fn a_registered_max_age_holds_where_the_request_says_nothing(app: TestApp) {
        let rp = app.register(serde_json::json!({ "default_max_age": 60 })).await;
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        app.pass(HOUR);
        assert!(teacher.browser.open(&rp.url(&rp.ask())).await.asks_for("password"));
    }

    async fn a_hint_wants_that_person_and_no_other(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let hint = teacher.sign_in(&rp).await.text("id_token");
        let hinted = || rp.ask().with("id_token_hint", &hint);
        app.pass(HOUR);
        let own = teacher.browser.open(&rp.url(&hinted().with("prompt", "none"))).await;
        assert!(own.answer().contains_key("code"), "an expired hint is still a hint");
        let mut other = app.visitor("guardian_of_two");
        other.sign_in(&rp).await;
        let silent = other.browser.open(&rp.url(&hinted().with("prompt", "none"))).await;
        assert_eq!(error_of(&silent.answer()), "login_required");
        assert!(other.browser.open(&rp.url(&hinted())).await.asks_for("password"));
        // Another client's token is no hint here.
        let foreign = app.client("platform_b");
        let page = teacher.browser.open(&foreign.url(&foreign.ask().with("id_token_hint", &hint))).await;
        assert_eq!(error_of(&page.answer()), "invalid_request");
    }

    async fn somebody_new_makes_her_account_on_the_way(app: TestApp) {
        let rp = app.client("platform_a");
        let mut somebody = app.visitor("child_15");
        let (_, link) = app.app.issue_activation(&app.operator(), somebody.person.person_id).await.unwrap();
        let code = link.split("code=").nth(1).unwrap().to_owned();
        // Whoever sat there before is of no account.
        let mut before = app.teacher();
        before.knock().await;
        somebody.browser = before.browser;
        let ask = rp.ask().with("prompt", "create");
        let page = somebody.browser.open(&rp.url(&ask)).await;
        assert!(page.asks_for("new_password") && !page.asks_for("login"), "{page:#?}");
        let page = somebody.browser.submit(&page, "new_password", &[("code", &code), ("new_password", "kurz"), ("new_password_again", "kurz")]).await;
        assert!(page.has("problem"), "a weak one is asked for again");
        somebody.person.password = "一只安静的旧钢笔".into();
        let password = somebody.person.password.clone();
        let page = somebody.browser.submit(&page, "new_password", &[("new_password", &password), ("new_password_again", &password)]).await;
        let page = somebody.browser.submit(&page, "request", &[]).await;
        assert!(page.asks_for("login"), "{page:#?}");
        let answer = somebody.answer_pages(page).await.answer();
        let tokens = rp.redeem(&ask, &answer["code"]).await;
        assert_eq!(tokens.id_claims()["sub"], serde_json::json!(somebody.person.person_id));
    }

    async fn whoever_has_an_account_signs_in_instead(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&rp.url(&rp.ask().with("prompt", "create"))).await;
        let after = page.text.split("action=\"/language\"").last().unwrap().split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let page = teacher.browser.post("/language", &[("request", after)]).await;
        assert!(page.asks_for("login"), "{page:#?}");
        assert!(teacher.answer_pages(page).await.answer().contains_key("code"));
        let refused = teacher.browser.open(&rp.url(&rp.ask().with("prompt", "none create"))).await.answer();
        assert_eq!(refused["error"], "invalid_request");
    }
}
