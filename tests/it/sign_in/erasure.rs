//! Somebody asks to be erased, or a guardian for a small child: what goes at once, what waits for the law, and the way back.

use std::time::Duration;

use mingji::app::relation_claim::Decider;
use mingji::app::{Kind, guardian_life, staff_life};
use mingji::demo::world::cast;
use mingji::domain::oidc::scope::ScopeSet;
use mingji::domain::registry::codes::relation::Relation;
use mingji::domain::registry::codes::staff::StaffState;
use mingji::domain::registry::guardianship::Evidence;
use mingji::domain::time::Clock as _;
use serde_json::json;

use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::county::{self, text};
use crate::support::database::change;
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
        assert!(question.text.contains("lang=en") && !answer.text.contains("lang=en"), "another language is another page, without the code");
        assert_eq!(state(&app, &name).await, "cancelled cancelled 0 0 0 0");
        assert!(!teacher.is_signed_in().await && platform.userinfo(&tokens.access()).await.status == 401);
        assert_eq!(platform.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert!(!knocked(&app, "full_claims").await.is_signed_in().await, "the password is gone");
        app.numbered().await;
        let told = hearing.get(&format!("/api/feed?after={after}")).await.body;
        let left = told["items"].as_array().unwrap().iter().any(|one| one["kind"] == "person.left" && one["person_id"] == json!(id));
        assert!(left, "platforms hear: {told}");
        let listed = app.app.waiting_erasures(&app.operator(), 10).await.unwrap();
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
        change(&app.database.url, &format!("UPDATE enrolment SET valid_to = valid_from WHERE person_id = (SELECT person_id FROM account WHERE user_name = '{name}')")).await;
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
        let by = text(&app, "SELECT CAST(target AS TEXT) FROM audit_entry WHERE action = 'erasure.withdrawn'").await;
        assert!(by.contains("guardianship") && by.contains(&father.person.person_id.to_string()), "whoever took it back stands there: {by}");
        let home = father.browser.follow(&done).await;
        assert!(home.has("told") && !home.has("erasures") && home.text_of("wards").unwrap().contains("刘*桐"), "{home:#?}");
        assert!(state(&app, &child.user_name).await.starts_with("active inactive"));
    }

    async fn what_a_child_of_14_asked_for_is_hers_alone(app: TestApp) {
        let (mut child, mut father) = (knocked(&app, "child_15").await, knocked(&app, "guardian_of_two").await);
        let (name, small) = (child.person.user_name.clone(), app.person("child_under14").clone());
        let relation = async |child: &str| {
            let id = if app.database.url.starts_with("sqlite") { "lower(hex(g.id))" } else { "CAST(g.id AS TEXT)" };
            let of_him = format!("SELECT {id} FROM guardianship g JOIN account c ON c.person_id = g.child_id JOIN account k ON k.person_id = g.guardian_id WHERE c.user_name = '{child}' AND k.user_name = '{}'", father.person.user_name);
            text(&app, &of_him).await
        };
        let (older, younger) = (relation(&name).await, relation(&small.user_name).await);
        assert!(!older.is_empty() && !younger.is_empty(), "he is the guardian of both");
        let (_, answer) = ask(&mut child, "/record").await;
        let code = answer.text_of("code").unwrap();
        assert!(!father.browser.open("/").await.has("erasures"), "nor does he read that she asked");
        assert_eq!(father.browser.post("/erasure", &[("step", "keep"), ("ward", &older)]).await.status, 404);
        assert!(state(&app, &name).await.starts_with("cancelled"));
        let stands = look(&mut child, &code).await;
        assert!(child.browser.press(&stands, "step", "keep").await.has("taken-back"), "she decides");

        // What he asked for about a small one is hers from 14 on: she has no code, so she comes in person.
        let record = ward(&mut father).await;
        ask(&mut father, &record).await;
        assert!(father.browser.open("/").await.has("erasures"));
        let grown = format!("UPDATE person SET birth_date = '2011-01-01' WHERE id = (SELECT person_id FROM account WHERE user_name = '{}')", small.user_name);
        change(&app.database.url, &grown).await;
        app.pass(Duration::from_secs(2));
        assert!(!father.browser.open("/").await.has("erasures"));
        assert_eq!(father.browser.post("/erasure", &[("step", "keep"), ("ward", &younger)]).await.status, 404);
        assert!(app.app.withdraw_erasure(&app.operator(), small.person_id).await.unwrap());
    }

    async fn who_leaves_speaks_for_nobody_and_is_kept_by_no_claim(app: TestApp) {
        let (small, platform) = (app.person("child_under14").person_id, app.client("platform_b"));
        let mut father = knocked(&app, "guardian_of_two").await;
        let his = father.person.person_id;
        let (_, answer) = ask(&mut father, "/record").await;
        assert!(answer.text_of("kept").unwrap().contains("监护"), "{answer:#?}");
        let said = app.app.record_guardian_consent(&app.operator(), small, his, &platform.id, &ScopeSet::parse("openid")).await;
        assert_eq!(said.unwrap_err().kind, Kind::Invalid);
        for closed in [
            app.app.issue_activation(&app.operator(), his).await.map(drop),
            app.app.set_password(&app.operator(), his, "seven green lanterns".to_owned().into()).await,
        ] {
            assert_eq!(closed.unwrap_err().kind, Kind::Conflict);
        }

        // A teacher whom a school names as the guardian of its pupils: nobody looked at it when she asks, and later none is attached.
        let mut teacher = knocked(&app, "full_claims").await;
        let hers = teacher.person.person_id;
        let number = cast(app.clock.now().shanghai_date()).iter().find(|one| one.key == "full_claims").unwrap().number();
        county::open(&app).await;
        let row = |school, serial| county::pupil(school, "李小", &county::number("20180203", serial), Some(("钟明远", &number)));
        county::pupils(&app, &[row(county::SCHOOL, 8)]).await;
        let relations = "SELECT g.status FROM guardianship g JOIN person c ON c.id = g.child_id WHERE c.name = '李小' ORDER BY g.id";
        assert_eq!(text(&app, relations).await, "confirmed");
        change(&app.database.url, "UPDATE guardianship SET status = 'pending', verified_by = NULL WHERE child_id = (SELECT id FROM person WHERE name = '李小')").await;
        app.pass(Duration::from_secs(2));
        ask(&mut teacher, "/record").await;
        county::pupils(&app, &[row(county::OTHER, 10)]).await;
        assert_eq!(text(&app, relations).await, "pending");
        let other = county::called(&app, "李小").await.pop().unwrap();
        let add = guardian_life::Order::Add { relation: Relation::Mother, legal: None, evidence: Evidence::Document, institution: None };
        let added = app.app.change_guardian(&app.operator(), Decider::Operator, other, hers, &add).await;
        assert_eq!(added.unwrap_err().kind, Kind::Conflict);
        let leave = staff_life::Order::Leave { org: None, state: StaffState::Resigned };
        app.app.change_staff(&app.operator(), Decider::Operator, hers, None, &leave).await.unwrap();
        app.pass(WEEK);
        finish(&app).await;
        assert_eq!(text(&app, &format!("SELECT r.state FROM erasure_request r JOIN account a ON a.person_id = r.person_id WHERE a.user_name = '{}'", teacher.person.user_name)).await, "done");
        assert_eq!(text(&app, relations).await, "rejected");
    }
}
