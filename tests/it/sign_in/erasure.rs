//! Somebody asks to be erased, or a guardian for a small child: what goes at once, what waits for the law, and the way back.

use std::time::Duration;

use mingji::app::relation_claim::Decider;
use mingji::app::staff_life;
use mingji::domain::registry::codes::staff::StaffState;
use serde_json::json;

use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::county::text;
use crate::support::visitor::Visitor;

const WEEK: Duration = Duration::from_secs(7 * 86_400);
const COUNTY: &str = "ED36078100";

async fn knocked(app: &TestApp, key: &str) -> Visitor {
    let mut visitor = app.visitor(key);
    visitor.knock().await;
    visitor
}

/// The way from a record to the question, and yes.
async fn ask(visitor: &mut Visitor, record: &str) -> (Page, Page) {
    let page = visitor.browser.open(record).await;
    let question = visitor.browser.press(&page, "step", "ask").await;
    let answer = visitor.browser.press(&question, "step", "yes").await;
    (question, answer)
}

async fn look(visitor: &mut Visitor, code: &str) -> Page {
    let form = visitor.browser.open("/erasure").await;
    visitor.browser.submit(&form, "code", &[("code", code), ("step", "look")]).await
}

async fn finish(app: &TestApp) {
    let looked = app.app.finish_erasures(None).await.unwrap();
    assert_eq!(looked.failed, 0);
}

/// The address of the record of a guardian's small child.
async fn ward(visitor: &mut Visitor) -> String {
    let home = visitor.browser.open("/").await.text;
    let from = home.split_once("href=\"/record?ward=").expect("a small child").1;
    format!("/record?ward={}", from.split_once('"').unwrap().0)
}

/// The state of somebody's record and account, and what is left of what goes at once.
async fn state(app: &TestApp, name: &str) -> String {
    let of = |table: &str| format!("CAST((SELECT COUNT(*) FROM {table} t WHERE t.person_id = p.id) AS TEXT)");
    let password = "CAST((SELECT COUNT(*) FROM password_credential c WHERE c.account_id = a.id) AS TEXT)";
    let evidence = "CAST((SELECT COUNT(*) FROM verification v WHERE v.person_id = p.id AND v.evidence_sealed IS NOT NULL) AS TEXT)";
    let parts = ["p.status", "a.state", &of("contact"), &of("profile"), password, evidence];
    let sql = format!(
        "SELECT {} FROM person p JOIN account a ON a.person_id = p.id WHERE a.user_name = '{name}'",
        parts.join(" || ' ' || ")
    );
    text(app, &sql).await
}

both_engines! {
    async fn what_may_go_goes_at_once_and_the_rest_when_its_term_is_over(app: TestApp) {
        let platform = app.client("platform_a");
        let mut teacher = knocked(&app, "full_claims").await;
        let ask_for = platform.ask().with("scope", "openid offline_access").with("prompt", "consent");
        let tokens = teacher.sign_in_with(&platform, ask_for).await;
        let (name, id) = (teacher.person.user_name.clone(), teacher.person.person_id);
        let hearing = app.feed_of(json!({}), Some(COUNTY)).await;
        app.numbered().await;
        let after = hearing.get("/api/feed/snapshot?limit=200").await.body["after"].clone();
        assert_eq!(state(&app, &name).await.split(' ').nth(3), Some("1"), "there is something to go");

        let (question, answer) = ask(&mut teacher, "/record").await;
        assert!(question.text_of("kept").unwrap().contains("任职记录"), "{question:#?}");
        let code = answer.text_of("code").unwrap();
        assert_eq!(state(&app, &name).await, "cancelled cancelled 0 0 0 0");
        assert!(!teacher.is_signed_in().await && platform.userinfo(&tokens.access()).await.status == 401);
        assert_eq!(platform.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert!(!knocked(&app, "full_claims").await.is_signed_in().await, "the password is gone");
        app.numbered().await;
        let told = hearing.get(&format!("/api/feed?after={after}")).await.body;
        let left = told["items"].as_array().unwrap().iter().any(|one| one["kind"] == "person.left" && one["person_id"] == json!(id));
        assert!(left, "platforms hear: {told}");
        let listed = app.app.waiting_erasures(10).await.unwrap();
        assert!(listed.len() == 1 && listed[0].person_id == id, "{listed:?}");

        // Whoever has the code looks, whoever guesses learns nothing, and the law's term is waited for.
        assert!(look(&mut teacher, "7qkd-m2xw-9fhj").await.has("problem"));
        app.pass(WEEK);
        finish(&app).await;
        let stands = look(&mut teacher, &code.to_uppercase()).await;
        assert!(stands.text_of("kept").unwrap().contains("任职记录"), "{stands:#?}");
        let leave = staff_life::Order::Leave { org: None, state: StaffState::Resigned };
        app.app.change_staff(&app.operator(), Decider::Operator, id, None, &leave).await.unwrap();
        finish(&app).await;
        let of_her = format!("SELECT COALESCE(p.name, 'nobody') || ' ' || r.state FROM person p JOIN erasure_request r ON r.person_id = p.id JOIN account a ON a.person_id = p.id WHERE a.user_name = '{name}' AND p.salt IS NULL");
        assert_eq!(text(&app, &of_her).await, "nobody done");
        assert!(look(&mut teacher, &code).await.has("problem"), "there is no way back");
        let audit = "SELECT e.action FROM audit_entry e WHERE e.action IN ('erasure.asked', 'person.erased') ORDER BY e.id";
        assert_eq!(text(&app, audit).await, "erasure.asked,person.erased");
    }

    async fn it_is_taken_back_by_the_code_and_waits_a_week_in_any_case(app: TestApp) {
        // A guardian without a post: nothing is kept of whoever guards nobody.
        let mut person = knocked(&app, "child_15").await;
        let name = person.person.user_name.clone();
        let page = person.browser.open("/record").await;
        let question = person.browser.press(&page, "step", "ask").await;
        let others = [person.clone(), person.clone(), person.clone()];
        let asked = others.map(|mut one| {
            let question = question.clone();
            async move { one.browser.press(&question, "step", "yes").await }
        });
        let asked = futures_util::future::join_all(asked).await;
        let codes: Vec<String> = asked.iter().filter_map(|page| page.text_of("code")).collect();
        assert_eq!(codes.len(), 1, "of three at once one asked: {codes:?}");
        assert!(state(&app, &name).await.starts_with("cancelled cancelled"));
        let stands = look(&mut person, &codes[0]).await;
        let done = person.browser.press(&stands, "step", "keep").await;
        assert!(done.has("taken-back"), "{done:#?}");
        assert!(state(&app, &name).await.starts_with("active inactive"), "her school gives her a new code");
        assert!(look(&mut person, &codes[0]).await.has("problem"), "the code was for one time");
        let (_, link) = app.app.issue_activation(&app.operator(), person.person.person_id).await.unwrap();
        let form = person.browser.open(&link).await;
        let set = person.browser.submit(&form, "new_password", &[("new_password", "seven green lanterns"), ("new_password_again", "seven green lanterns")]).await;
        assert!(!set.has("problem"), "{set:#?}");
        person.person.password = "seven green lanterns".into();
        person.knock().await;
        assert!(person.is_signed_in().await);
        // Asked for again, and nothing is kept of her: a week is still hers.
        let (_, answer) = ask(&mut person, "/record").await;
        let code = answer.text_of("code").unwrap();
        crate::support::database::change(&app.database.url, &format!("UPDATE enrolment SET valid_to = valid_from WHERE person_id = (SELECT person_id FROM account WHERE user_name = '{name}')")).await;
        app.pass(WEEK - Duration::from_secs(60));
        finish(&app).await;
        let stands = look(&mut person, &code).await;
        assert!(stands.asks_for("code") && !stands.has("problem"), "{stands:#?}");
        app.pass(Duration::from_secs(60));
        finish(&app).await;
        assert!(look(&mut person, &code).await.has("problem"), "then it is final");
        let left = format!("SELECT CAST(COUNT(*) AS TEXT) FROM guardianship g JOIN account a ON a.person_id = g.child_id WHERE a.user_name = '{name}' AND g.status IN ('pending', 'confirmed')");
        assert_eq!(text(&app, &left).await, "0", "nobody is the guardian of nobody");
    }

    async fn a_guardian_asks_for_a_small_child_and_takes_it_back(app: TestApp) {
        let (child, platform) = (app.person("child_under14").clone(), app.client("platform_b"));
        let tokens = app.child().sign_in(&platform).await;
        let mut father = knocked(&app, "guardian_of_two").await;
        let record = ward(&mut father).await;
        // Neither the child, nor strangers, nor whoever has not signed in a short while ago; nor an administrator.
        let id = record.rsplit_once('=').unwrap().1.to_owned();
        for key in ["child_under14", "full_claims"] {
            let mut other = knocked(&app, key).await;
            let ward = if key == "child_under14" { "" } else { &*id };
            for step in ["ask", "yes"] {
                assert_eq!(other.browser.post("/erasure", &[("step", step), ("ward", ward)]).await.status, 404, "{key} {step}");
            }
        }
        let mut admin = knocked(&app, "school_admin").await;
        let (_, refused) = ask(&mut admin, "/record").await;
        assert!(refused.has("has-role") && admin.is_signed_in().await, "{refused:#?}");
        app.pass(Duration::from_secs(16 * 60));
        let late = father.browser.post("/erasure", &[("step", "yes"), ("ward", &*id)]).await;
        assert!(late.asks_for("password"), "{late:#?}");
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM erasure_request").await, "0");

        father.type_password(&late).await;
        let (question, answer) = ask(&mut father, &record).await;
        assert!(question.text_of("kept").unwrap().contains("学籍"), "{question:#?}");
        let home = father.browser.follow(&answer).await;
        assert!(home.has("told") && home.text_of("erasures").unwrap().contains("刘*桐"), "{home:#?}");
        assert!(state(&app, &child.user_name).await.starts_with("cancelled cancelled"));
        assert_eq!(platform.userinfo(&tokens.access()).await.status, 401);
        assert!(!knocked(&app, "child_under14").await.is_signed_in().await);
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM consent c JOIN person p ON p.id = c.person_id WHERE p.status = 'cancelled' AND c.withdrawn_at IS NULL").await, "0");
        let stays = "SELECT CAST(COUNT(*) AS TEXT) FROM enrolment e JOIN person p ON p.id = e.person_id WHERE p.status = 'cancelled' AND e.valid_to IS NULL AND p.name = '刘雨桐'";
        assert_eq!(text(&app, stays).await, "1", "the school keeps her 学籍");

        app.pass(WEEK * 2);
        finish(&app).await;
        father.knock().await;
        let home = father.browser.open("/").await;
        let mut stranger = knocked(&app, "full_claims").await;
        assert_eq!(stranger.browser.post("/erasure", &[("step", "keep"), ("ward", &*id)]).await.status, 404);
        let done = father.browser.press(&home, "step", "keep").await;
        let home = father.browser.follow(&done).await;
        assert!(home.has("told") && !home.has("erasures") && home.text_of("wards").unwrap().contains("刘*桐"), "{home:#?}");
        assert!(state(&app, &child.user_name).await.starts_with("active inactive"));
    }
}
