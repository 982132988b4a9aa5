//! Who must agree before a client hears of somebody (R8).

use std::time::Duration;

use mingji::domain::oidc::scope::ScopeSet;

use crate::support::app::both_engines;
use crate::support::database::Elsewhere;
use crate::support::receiver::Receiver;
use crate::support::relying_party::claims_of;

both_engines! {
    async fn an_application_asks_once(app: TestApp) {
        let rp = app.client("vendor");
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        let page = teacher.type_password(&page).await;
        assert_eq!(page.buttons("decision"), ["allow", "deny"]);
        assert!(page.text.contains("口算小园") && page.text.contains("小园教育科技有限公司"), "who asks, and who answers for it");
        assert!(teacher.browser.press(&page, "decision", "allow").await.answer().contains_key("code"));
        assert!(teacher.silently(&rp).await.contains_key("code"), "not asked again");
        let mut elsewhere = app.teacher();
        let page = elsewhere.browser.open(&rp.url(&rp.ask())).await;
        assert!(elsewhere.type_password(&page).await.answer().contains_key("code"), "at another browser either");
    }

    /// A better sentence signs nobody out: whoever comes to the page agrees to it, and what was given goes on until then.
    async fn what_was_agreed_to_under_the_text_of_before_goes_on(app: TestApp) {
        let vendor = app.client("vendor");
        let (mut teacher, mut child) = (app.teacher(), app.child());
        let (hers, of_child) = (teacher.sign_in(&vendor).await, child.sign_in(&app.client("platform_b")).await);
        crate::support::database::change(&app.database.url, "UPDATE consent SET notice_version = REPLACE(notice_version, '2026-11-26/', '2026-11/')").await;
        app.pass(Duration::from_secs(3));
        assert_eq!(vendor.refresh(&hers.refresh()).await.status, 200);
        assert_eq!(vendor.userinfo(&hers.access()).await.status, 200);
        assert_eq!(app.client("platform_b").refresh(&of_child.refresh()).await.status, 200, "and what a guardian said counts");
        child.sign_in(&app.client("platform_b")).await;
        assert_eq!(teacher.silently(&vendor).await["error"], "consent_required");
        let page = teacher.browser.open(&vendor.url(&vendor.ask())).await;
        assert!(page.asks_for("decision"), "{page:#?}");
        assert!(teacher.browser.press(&page, "decision", "allow").await.answer().contains_key("code"));
        assert!(teacher.silently(&vendor).await.contains_key("code"));
    }

    async fn no_is_an_answer(app: TestApp) {
        let rp = app.client("vendor");
        let mut teacher = app.teacher();
        let ask = rp.ask();
        let page = teacher.browser.open(&rp.url(&ask)).await;
        let page = teacher.type_password(&page).await;
        let answer = teacher.browser.press(&page, "decision", "deny").await.answer();
        assert_eq!((answer["error"].as_str(), &answer["state"]), ("access_denied", &ask.get("state")));
        assert_eq!(teacher.silently(&rp).await["error"], "consent_required");
    }

    async fn neither_yes_nor_no_asks_again(app: TestApp) {
        let rp = app.client("vendor");
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        let page = teacher.type_password(&page).await;
        assert!(teacher.browser.submit(&page, "decision", &[("decision", "perhaps")]).await.asks_for("decision"));
    }

    async fn platforms_of_the_system_do_not_ask(app: TestApp) {
        for key in ["platform_a", "platform_b"] {
            let rp = app.client(key);
            let mut teacher = app.teacher();
            let page = teacher.browser.open(&rp.url(&rp.ask())).await;
            assert!(teacher.type_password(&page).await.answer().contains_key("code"), "{key}");
        }
    }

    async fn a_child_goes_where_statute_or_guardian_lets_her(app: TestApp) {
        let mut child = app.child();
        let a = child.sign_in(&app.client("platform_a")).await;
        assert_eq!(a.id_claims()["age_band"], "under14");
        child.sign_in(&app.client("platform_b")).await;

        let vendor = app.client("vendor");
        let page = child.browser.open(&vendor.url(&vendor.ask())).await;
        assert!(page.status == 200 && page.has("guardian-consent-needed"), "{page:#?}");
        assert!(page.text.contains("access_denied"), "there is a way back");
        assert!(!page.asks_for("decision"), "her own word does not count");
    }

    async fn a_child_cannot_agree_by_posting_the_form_herself(app: TestApp) {
        let vendor = app.client("vendor");
        let mut child = app.child();
        // The sealed request comes with the sign-in page and would do for the consent form.
        let form = child.browser.open(&vendor.url(&vendor.ask())).await;
        let request = form.value_of("request").unwrap();
        child.type_password(&form).await;
        let page = child.browser.post("/consent", &[("request", request.as_str()), ("decision", "allow")]).await;
        assert!(page.has("guardian-consent-needed"), "{page:#?}");
        assert_eq!(child.silently(&vendor).await["error"], "consent_required");
    }

    async fn a_child_without_a_receipt_stops_at_the_platform_too(app: TestApp) {
        let (a, b) = (app.client("platform_a"), app.client("platform_b"));
        let mut other = app.visitor("child_of_teacher");
        let page = other.go(&b, &b.ask()).await;
        assert!(page.has("guardian-consent-needed"), "{page:#?}");
        assert!(other.go(&a, &a.ask()).await.answer().contains_key("code"));
    }

    async fn the_guardian_takes_it_back_and_everything_ends(app: TestApp) {
        let (a, b) = (app.client("platform_a"), app.client("platform_b"));
        let mut child = app.child();
        let (at_a, at_b) = (child.sign_in(&a).await, child.sign_in(&b).await);
        let pending = child.arrive(&b).await;
        assert_eq!(b.userinfo(&at_b.access()).await.status, 200);
        app.app.withdraw_consent(&app.operator(), child.person.person_id, &b.id).await.unwrap();
        assert_eq!(b.userinfo(&at_b.access()).await.status, 401);
        assert_eq!(b.refresh(&at_b.refresh()).await.error(), "invalid_grant");
        assert_eq!(b.redeem(&pending.ask, &pending.code).await.error(), "invalid_grant", "a code on its way");
        assert_eq!(child.silently(&b).await["error"], "consent_required");
        assert_eq!(a.userinfo(&at_a.access()).await.status, 200, "the statutory platform goes on");
        let mut father = app.visitor("guardian_of_two");
        let tokens = father.sign_in_with(&b, b.ask().with("scope", "openid edu.guardian")).await;
        let told = b.userinfo(&tokens.access()).await.body;
        assert!(told["edu_children"].as_array().is_none_or(Vec::is_empty), "nor does B hear of her from her father: {told}");
    }

    /// Or the grant would sleep, and wake on the day on which she agrees again.
    async fn what_is_withdrawn_while_a_code_is_redeemed_counts(app: TestApp) {
        let vendor = app.client("vendor");
        let arrived = app.teacher().arrive(&vendor).await;
        let mut withdrawing = Elsewhere::begin(&app.database.url).await;
        withdrawing.run("UPDATE consent SET withdrawn_at = given_at WHERE withdrawn_at IS NULL").await;
        let mut redeeming = tokio::spawn({
            let vendor = vendor.clone();
            async move { vendor.redeem(&arrived.ask, &arrived.code).await }
        });
        let early = tokio::time::timeout(Duration::from_secs(2), &mut redeeming).await;
        assert!(early.is_err(), "whoever does not wait has looked too early: {early:?}");
        withdrawing.commit().await;
        assert_eq!(redeeming.await.unwrap().error(), "invalid_grant");
    }

    async fn only_a_confirmed_guardian_of_hers_can_agree(app: TestApp) {
        let scope = ScopeSet::parse("profile edu");
        let vendor = app.client("vendor");
        let id = |key: &str| app.person(key).person_id;
        for (child, guardian) in [
            ("child_under14", "teacher_parent"),
            ("child_under14", "child_under14"),
            ("child_15", "guardian_of_two"),
            ("full_claims", "guardian_of_two"),
        ] {
            let refused = app.app.record_guardian_consent(&app.operator(), id(child), id(guardian), &vendor.id, &scope).await;
            assert!(refused.is_err(), "{guardian} for {child}");
        }
        let (child, father) = (id("child_under14"), id("guardian_of_two"));
        app.app.record_guardian_consent(&app.operator(), child, father, &vendor.id, &scope).await.unwrap();
        assert!(app.child().go(&vendor, &vendor.ask()).await.answer().contains_key("code"));
    }

    async fn at_fourteen_she_answers_for_herself(app: TestApp) {
        let vendor = app.client("vendor");
        app.pass(Duration::from_secs(6 * 366 * 24 * 3600));
        let mut grown = app.child();
        let page = grown.browser.open(&vendor.url(&vendor.ask())).await;
        let page = grown.type_password(&page).await;
        assert!(page.asks_for("decision"), "{page:#?}");
        assert!(grown.answer_pages(page).await.answer().contains_key("code"));
    }

    async fn a_platform_hears_of_a_withdrawal(app: TestApp) {
        let receiver = Receiver::start().await;
        let rp = app.register(serde_json::json!({ "edu_lawful_basis": null, "backchannel_logout_uri": receiver.url })).await;
        let (child, father) = (app.person("child_under14").person_id, app.person("guardian_of_two").person_id);
        let scope = ScopeSet::parse("profile edu");
        app.app.record_guardian_consent(&app.operator(), child, father, &rp.id, &scope).await.unwrap();
        let tokens = app.child().sign_in_with(&rp, rp.ask().with("scope", "openid profile edu")).await;
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        app.app.withdraw_consent(&app.operator(), child, &rp.id).await.unwrap();
        let heard = claims_of(&receiver.wait_for(1).await.remove(0));
        assert_eq!(heard["sid"], tokens.id_claims()["sid"]);
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
    }

    async fn a_receipt_that_does_not_name_the_family_opens_no_children(app: TestApp) {
        let (child, father) = (app.person("child_under14").person_id, app.person("guardian_of_two").person_id);
        for (granted, children) in [("profile edu", 0), ("profile edu edu.guardian", 1)] {
            let rp = app.register(serde_json::json!({ "edu_lawful_basis": null })).await;
            app.app.record_guardian_consent(&app.operator(), child, father, &rp.id, &ScopeSet::parse(granted)).await.unwrap();
            let mut visitor = app.visitor("guardian_of_two");
            let tokens = visitor.sign_in_with(&rp, rp.ask().with("scope", "openid edu.guardian")).await;
            let told = rp.userinfo(&tokens.access()).await.body;
            assert_eq!(told["edu_children"].as_array().map_or(0, Vec::len), children, "{granted}: {told}");
        }
    }
}
