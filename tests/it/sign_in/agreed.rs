//! What somebody agreed to: seen and taken back by her, and about a small child by her guardian.

use mingji::domain::oidc::scope::ScopeSet;
use scraper::{Html, Selector};
use serde_json::json;

use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::receiver::Receiver;
use crate::support::relying_party::claims_of;
use crate::support::visitor::Visitor;

async fn list(visitor: &mut Visitor) -> Page {
    visitor.browser.open("/consents").await
}

/// The relations that the forms of the children carry.
fn wards(page: &Page, action: &str) -> Vec<String> {
    let html = Html::parse_document(&page.text);
    let input = Selector::parse(&format!("form[action='{action}'] input[name=ward]")).unwrap();
    html.select(&input).map(|input| input.attr("value").unwrap().to_owned()).collect()
}

async fn knocked(app: &TestApp, key: &str) -> Visitor {
    let mut visitor = app.visitor(key);
    visitor.knock().await;
    visitor
}

both_engines! {
    async fn it_is_seen_and_taken_back_with_one_click(app: TestApp) {
        let receiver = Receiver::start().await;
        let rp = app.register(json!({
            "edu_client_kind": "application", "edu_lawful_basis": null, "client_name": "口算乐园", "edu_vendor": "乐园公司",
            "backchannel_logout_uri": receiver.url, "subject_type": "pairwise",
        })).await;
        let mut teacher = app.teacher();
        let ask = rp.ask().with("scope", "openid profile edu offline_access").with("prompt", "consent");
        let tokens = teacher.sign_in_with(&rp, ask).await;
        let home = teacher.browser.open("/").await;
        assert!(home.text.contains("href=\"/consents\""));
        let page = list(&mut teacher).await;
        for said in ["口算乐园", "乐园公司", "正在使用的身份", "姓名和基本资料", "全部身份", "离开后继续使用"] {
            assert!(page.text.contains(said), "{said}: {page:#?}");
        }
        assert_eq!(page.buttons("client"), [rp.id.as_str()]);
        assert!(!page.text.contains(&teacher.person.person_id.to_string()));

        let done = teacher.browser.press(&page, "client", &rp.id).await;
        let page = teacher.browser.follow(&done).await;
        assert!(page.has("told") && page.buttons("client").is_empty(), "{page:#?}");
        assert_eq!(rp.userinfo(&tokens.access()).await.error(), "invalid_token");
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert_eq!(claims_of(&receiver.wait_for(1).await.remove(0))["sid"], tokens.id_claims()["sid"], "the platform is told");
        assert_eq!(teacher.silently(&rp).await["error"], "consent_required", "she is asked again");
        let again = teacher.browser.post("/consents", &[("client", rp.id.as_str())]).await;
        assert_eq!(again.status, 303, "twice is once");
    }

    async fn the_guardian_takes_back_what_a_guardian_agreed_to(app: TestApp) {
        let b = app.client("platform_b");
        let mut child = app.child();
        let tokens = child.sign_in(&b).await;
        let seen = list(&mut child).await;
        assert!(seen.buttons("client").is_empty() && seen.text.contains("由家长决定"), "{seen:#?}");
        assert_eq!(child.browser.post("/consents", &[("client", b.id.as_str())]).await.status, 404, "not hers to undo");

        let mut guardian = knocked(&app, "guardian_of_two").await;
        let page = list(&mut guardian).await;
        assert!(page.text.contains("刘*桐") && !page.text.contains("刘*墨"), "who is 15 answers for himself: {page:#?}");
        assert!(!page.text.contains("刘雨桐"));
        let relation = wards(&page, "/consents").remove(0);
        let fields = [("client", b.id.as_str()), ("ward", relation.as_str())];
        for key in ["teacher_parent", "child_under14", "school_admin"] {
            let mut other = knocked(&app, key).await;
            assert_eq!(other.browser.post("/consents", &fields).await.status, 404, "{key}");
        }
        assert!(app.teacher().browser.post("/consents", &fields).await.asks_for("login"));
        assert_eq!(guardian.browser.post_from("https://evil.example", "/consents", &fields).await.status, 403);
        assert_eq!(b.refresh(&tokens.refresh()).await.status, 200, "nothing of it happened");

        let done = guardian.browser.press(&page, "client", &b.id).await;
        assert!(guardian.browser.follow(&done).await.has("told"));
        assert_eq!(b.userinfo(&tokens.access()).await.status, 401);
        let mut again = app.child();
        let page = again.browser.open(&b.url(&b.ask())).await;
        assert!(again.type_password(&page).await.has("guardian-consent-needed"));
    }

    async fn a_guardian_who_has_no_say_changes_nothing(app: TestApp) {
        let rp = app.client("vendor");
        let mut son = app.visitor("child_15");
        let tokens = son.sign_in(&rp).await;
        let mut guardian = knocked(&app, "guardian_of_two").await;
        let page = list(&mut guardian).await;
        assert!(!page.text.contains("口算小园"), "what he agreed to himself is his own affair: {page:#?}");
        let home = guardian.browser.open("/").await;
        let eldest = [("client", rp.id.clone()), ("ward", wards(&home, "/wards").remove(0))];
        assert_eq!(guardian.browser.post("/consents", &eldest).await.status, 404);
        for bad in [("client", "x"), ("ward", "x")] {
            let fields = [("client", rp.id.as_str()), bad];
            assert_eq!(guardian.browser.post("/consents", &fields[usize::from(bad.0 == "client")..]).await.status, 404);
        }
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200);
        assert!(list(&mut son).await.text.contains("口算小园"));
    }

    async fn each_receipt_of_a_child_is_listed_for_her_guardian(app: TestApp) {
        let child = app.person("child_under14").person_id;
        let guardian = app.person("guardian_of_two").person_id;
        let vendor = app.client("vendor");
        app.app.record_guardian_consent(&app.operator(), child, guardian, &vendor.id, &ScopeSet::parse("profile")).await.unwrap();
        let mut father = knocked(&app, "guardian_of_two").await;
        let page = list(&mut father).await;
        assert_eq!(page.buttons("client").len(), 2);
        let mut nobody = app.teacher();
        let form = list(&mut nobody).await;
        assert!(form.asks_for("password"), "without a session she signs in first");
        let went = nobody.type_password(&form).await;
        assert!(nobody.browser.follow(&went).await.has("own"));
    }
}
