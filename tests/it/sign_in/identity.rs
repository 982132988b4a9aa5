//! One person, several identities (R16).

use crate::support::app::both_engines;

both_engines! {
    async fn she_chooses_and_the_platform_hears_that_one(app: TestApp) {
        let rp = app.client("platform_a");
        for (at, kind, school) in [(0, "teacher", "瑞金市怡安希望小学"), (1, "parent", "瑞金市思源实验学校")] {
            let mut both = app.teacher_parent();
            both.identity = at;
            let tokens = both.sign_in(&rp).await;
            let identity = &tokens.id_claims()["edu_identity"];
            assert_eq!((identity["kind"].as_str(), identity["org_name"].as_str()), (Some(kind), Some(school)));
            let told = rp.userinfo(&tokens.access()).await.body;
            assert_eq!(told["edu_identities"].as_array().map(Vec::len), Some(2), "all of them, by scope edu");
            assert_eq!(told["edu_identity"], *identity);
        }
    }

    async fn the_choice_is_asked_once_in_a_session_and_kept_by_the_grant(app: TestApp) {
        let mut both = app.teacher_parent();
        both.identity = 1;
        both.sign_in(&app.client("platform_a")).await;
        let rp = app.client("platform_b");
        let page = both.browser.open(&rp.url(&rp.ask())).await;
        assert!(page.answer().contains_key("code"), "no page at the second platform");
        let rp = app.client("platform_a");
        let parent = both.sign_in(&rp).await;
        both.identity = 0;
        let page = both.browser.open(&rp.url(&rp.ask().with("prompt", "select_account"))).await;
        let go_on = page.buttons("account")[0].clone();
        let page = both.browser.press(&page, "account", &go_on).await;
        assert!(both.answer_pages(page).await.answer().contains_key("code"));
        let refreshed = rp.refresh(&parent.refresh()).await;
        assert_eq!(refreshed.id_claims()["edu_identity"]["kind"], "parent", "the session moved on, the grant did not");
    }

    async fn an_identity_of_somebody_else_is_refused(app: TestApp) {
        let rp = app.client("platform_a");
        let mut father = app.visitor("guardian_of_two");
        let page = father.browser.open(&rp.url(&rp.ask())).await;
        let page = father.type_password(&page).await;
        let his = page.buttons("identity");
        let mut both = app.teacher_parent();
        let page = both.browser.open(&rp.url(&rp.ask())).await;
        let page = both.type_password(&page).await;
        for foreign in [his[0].as_str(), "01890000-0000-7000-8000-000000000000", "x"] {
            let request = page.value_of("request").unwrap();
            let fields = [("request", request.as_str()), ("identity", foreign)];
            let refused = both.browser.post("/choose-identity", &fields).await;
            assert!(refused.status >= 400 && refused.location().is_none(), "{foreign}: {refused:#?}");
        }
        assert_eq!(both.silently(&rp).await["error"], "account_selection_required");
    }

    async fn one_identity_is_no_question(app: TestApp) {
        let rp = app.client("platform_a");
        for (key, kind) in [("child_15", "student"), ("full_claims", "teacher"), ("county_admin", "institution_staff")] {
            let tokens = app.visitor(key).sign_in(&rp).await;
            assert_eq!(tokens.id_claims()["edu_identity"]["kind"], kind, "{key}");
        }
    }
}
