//! What activation says to whom, and a guardian with her children: who may answer, who may set a password, who is told
//! what.

use std::time::Duration;

use mingji::app::guardian_life::Order;
use mingji::app::relation_claim::Decider;
use mingji::app::roster_import::{Listener, Login};
use mingji::demo::world::cast;
use mingji::domain::auth::throttle::{DEVICE_BUDGET, WINDOW};
use mingji::domain::oidc::scope::ScopeSet;
use mingji::domain::registry::guardianship::Restriction;
use mingji::domain::registry::roster::RosterKind;
use mingji::domain::time::Clock as _;
use serde_json::json;
use sqlx::Connection as _;

use crate::support::app::{TestApp, both_engines};
use crate::support::browser::{Page, PlainBrowser};
use crate::support::database::{Elsewhere, select_texts};
use crate::support::receiver::Receiver;
use crate::support::relying_party::claims_of;
use crate::support::visitor::Visitor;

const GOOD: &str = "一只安静的旧钢笔";

struct Nobody;

impl Listener for Nobody {
    fn progress(&mut self, _: u64, _: u64) {}
    fn login(&mut self, _: &Login) -> std::io::Result<()> {
        Ok(())
    }
}

/// Changes the database behind the provider's back; `$1` is bound where there is one.
async fn tamper(app: &TestApp, sql: &'static str, bound: Option<&str>) {
    let url = &app.database.url;
    let touched = if url.starts_with("sqlite") {
        let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
        bound
            .map_or_else(|| sqlx::query(sql), |text| sqlx::query(sql).bind(text))
            .execute(&mut db)
            .await
            .unwrap()
            .rows_affected()
    } else {
        let mut db = sqlx::PgConnection::connect(url).await.unwrap();
        bound
            .map_or_else(|| sqlx::query(sql), |text| sqlx::query(sql).bind(text))
            .execute(&mut db)
            .await
            .unwrap()
            .rows_affected()
    };
    assert!(touched > 0, "{sql}");
}

/// What a count of the database says about a text.
async fn count(app: &TestApp, sql: &'static str, text: &str) -> i64 {
    let url = &app.database.url;
    if url.starts_with("sqlite") {
        let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
        sqlx::query_scalar(sql).bind(text).fetch_one(&mut db).await.unwrap()
    } else {
        let mut db = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::query_scalar(sql).bind(text).fetch_one(&mut db).await.unwrap()
    }
}

async fn audited(app: &TestApp, action: &str) -> i64 {
    count(app, "SELECT COUNT(*) FROM audit_entry WHERE action = $1", action).await
}

async fn told(app: &TestApp, kind: &str) -> i64 {
    count(app, "SELECT COUNT(*) FROM event WHERE kind = $1", kind).await
}

async fn link(app: &TestApp, key: &str) -> String {
    app.app.issue_activation(&app.operator(), app.person(key).person_id).await.unwrap().1
}

/// Activates with nothing but the password, as the plainest browser would.
async fn activate(app: &TestApp, key: &str) -> (Page, Page, Visitor) {
    let mut visitor = app.visitor(key);
    let page = visitor.browser.open(&link(app, key).await).await;
    let done = visitor.browser.submit(&page, "new_password", &[("new_password", GOOD)]).await;
    visitor.person.password = GOOD.into();
    (page, done, visitor)
}

async fn at_home(app: &TestApp, key: &str) -> (Visitor, Page) {
    let mut visitor = app.visitor(key);
    visitor.knock().await;
    let home = visitor.browser.open("/").await;
    (visitor, home)
}

/// The values that the forms of the children carry, the eldest first.
fn wards(page: &Page) -> Vec<String> {
    let html = scraper::Html::parse_document(&page.text);
    let inputs = scraper::Selector::parse("form[action='/wards'] input[name=ward]").unwrap();
    html.select(&inputs).map(|input| input.attr("value").unwrap().to_owned()).collect()
}

async fn answer(browser: &mut PlainBrowser, ward: &str, confirm: &str) -> Page {
    browser.post("/wards", &[("ward", ward), ("confirm", confirm)]).await
}

async fn give_password(browser: &mut PlainBrowser, ward: &str, password: &str) -> Page {
    browser.post("/ward-password", &[("ward", ward), ("new_password", password)]).await
}

/// The school of the small child names somebody else as her guardian, after another school had recorded one (R1).
async fn claim(app: &TestApp, guardian: &str) {
    let elsewhere = "UPDATE guardianship SET recorded_org_id = (SELECT id FROM institution WHERE name = $1) WHERE child_id = (SELECT id FROM person WHERE name = '刘雨桐')";
    tamper(app, elsewhere, Some("瑞金第一中学")).await;
    let people = cast(app.clock.now().shanghai_date());
    let of = |key: &str| people.iter().find(|one| one.key == key).unwrap();
    let (child, guardian) = (of("child_under14"), of(guardian));
    let row = format!(
        "学校标识码,姓名,性别,身份证件类型,身份证件号,学籍号,学段,入学年份,班级,监护人姓名,监护人关系,监护人身份证件类型,监护人身份证件号,监护人手机号\n\
         2136000781,{},女,居民身份证,{},,小学,{},2班,{},父亲,居民身份证,{},13912345678\n",
        child.name,
        child.number(),
        entry_year(app),
        guardian.name,
        guardian.number()
    );
    let ctx = app.operator();
    let report = app.app.import_roster(&ctx, RosterKind::Students, row.as_bytes(), false, &mut Nobody).await.unwrap();
    assert!(report.errors.is_empty(), "{report:?}");
}

fn entry_year(app: &TestApp) -> i32 {
    mingji::domain::registry::grade::school_year(app.clock.now().shanghai_date()) - 2
}

both_engines! {
    async fn each_is_met_in_her_own_words(app: TestApp) {
        let (page, done, mut teacher) = activate(&app, "full_claims").await;
        assert!(page.asks_for("new_password_again") && !page.has("suggestion") && !done.has("next"), "{page:#?}");
        teacher.knock().await;
        assert!(teacher.is_signed_in().await);

        let (page, done, _) = activate(&app, "child_15").await;
        assert!(page.text.contains("身份证号不会给任何平台") && !page.has("suggestion"), "{page:#?}");
        assert!(done.has("next"));

        let (page, done, mut child) = activate(&app, "child_under14").await;
        assert!(page.text.contains("和家人一起") && page.has("suggestion") && !page.asks_for("new_password_again"));
        assert!(done.text_of("next").unwrap().contains("您的同意"), "{done:#?}");
        child.knock().await;
        assert!(child.is_signed_in().await);

        let (page, done, mut guardian) = activate(&app, "guardian_of_two").await;
        assert!(page.text.contains("家长，您好"), "{page:#?}");
        assert!(done.text_of("next").unwrap().contains("孩子"), "{done:#?}");
        guardian.knock().await;
        assert_eq!(wards(&guardian.browser.open("/").await).len(), 2);
        let (page, done, _) = activate(&app, "teacher_parent").await;
        assert!(!page.text.contains("家长，您好"), "who teaches is met as a teacher");
        assert!(done.text_of("children").unwrap().contains("首页"), "and hears of her child: {done:#?}");
        for key in ["full_claims", "guardian_of_two", "child_15"] {
            assert!(!activate(&app, key).await.1.has("children"), "{key}");
        }
        tamper(&app, "UPDATE guardianship SET restrictions = '[\"no_contact\"]'", None).await;
        assert!(!activate(&app, "teacher_parent").await.1.has("children"), "whom a court keeps away is told nothing");
    }

    async fn at_fourteen_the_family_steps_back(app: TestApp) {
        let today = app.clock.now().shanghai_date();
        let birthday = today.checked_sub_months(chrono::Months::new(14 * 12)).unwrap().to_string();
        tamper(&app, "UPDATE person SET birth_date = $1 WHERE name = '刘雨桐'", Some(&birthday)).await;
        let link = link(&app, "child_under14").await;
        assert!(app.child().browser.open(&link).await.has("suggestion"), "the birthday itself");
        app.pass(Duration::from_secs(24 * 3600));
        assert!(!app.child().browser.open(&link).await.has("suggestion"), "the day after it (民法典 201)");
        tamper(&app, "UPDATE person SET birth_date = NULL WHERE name = '刘雨桐'", None).await;
        assert!(app.child().browser.open(&link).await.has("suggestion"), "who is not known to be older is a child");
    }

    async fn what_is_suggested_can_be_taken(app: TestApp) {
        let mut child = app.child();
        let page = child.browser.open(&link(&app, "child_under14").await).await;
        let offered = page.text_of("suggestion").unwrap();
        let weak = child.browser.submit(&page, "new_password", &[("new_password", "刘雨桐2015")]).await;
        assert!(weak.has("problem"), "her own name: {weak:#?}");
        assert_ne!(weak.text_of("suggestion").unwrap(), offered, "each page draws its own");
        assert!(!child.browser.submit(&page, "new_password", &[("new_password", &offered)]).await.has("problem"));
        child.person.password = offered;
        child.knock().await;
        assert!(child.is_signed_in().await);
    }

    async fn a_guardian_sees_her_own_children_by_a_hint(app: TestApp) {
        let (_, home) = at_home(&app, "guardian_of_two").await;
        assert!(home.text.contains("刘*桐") && home.text.contains("刘*墨"), "{home:#?}");
        assert!(home.text.contains("瑞金市怡安希望小学") && !home.text.contains("刘雨桐"));
        for key in ["full_claims", "child_under14"] {
            assert!(!at_home(&app, key).await.1.has("wards"), "{key}");
        }
    }

    async fn not_my_child_ends_it_and_everything_that_rests_on_it(app: TestApp) {
        let b = app.client("platform_b");
        let mut child = app.child();
        let tokens = child.sign_in(&b).await;
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        let ids = wards(&home);
        let scope = "openid edu.guardian edu";
        let rp = app.client("platform_a");
        // As the guardian of one of them, and of the other.
        let mut before = Vec::new();
        for identity in [0, 1] {
            let mut visitor = app.visitor("guardian_of_two");
            visitor.identity = identity;
            before.push(visitor.sign_in_with(&rp, rp.ask().with("scope", scope)).await.access());
            assert_eq!(rp.userinfo(&before[identity]).await.body["edu_children"].as_array().unwrap().len(), 2);
        }

        let yes = answer(&mut guardian.browser, &ids[1], "yes").await;
        let home = guardian.browser.follow(&yes).await;
        assert!(home.has("told") && wards(&home) == ids, "yes changes nothing: {home:#?}");
        assert_eq!(audited(&app, "guardianship.acknowledged").await, 1);

        let no = answer(&mut guardian.browser, &ids[1], "no").await;
        let home = guardian.browser.follow(&no).await;
        assert!(home.has("told") && wards(&home) == ids[..1], "{home:#?}");
        assert_eq!((audited(&app, "guardianship.denied").await, told(&app, "guardianship.ended").await), (1, 1));
        let left = [rp.userinfo(&before[0]).await, rp.userinfo(&before[1]).await];
        let (stands, ended): (Vec<_>, Vec<_>) = left.iter().partition(|answer| answer.status == 200);
        assert_eq!((stands.len(), ended.len()), (1, 1), "what was given to her as the guardian of the one ended");
        assert_eq!(stands[0].body["edu_children"].as_array().unwrap().len(), 1);
        assert_eq!(b.refresh(&tokens.refresh()).await.error(), "invalid_grant", "her receipt no longer counts");
        assert_eq!(answer(&mut guardian.browser, &ids[1], "no").await.status, 404, "once is enough");
        assert_eq!(give_password(&mut guardian.browser, &ids[1], GOOD).await.status, 404);
    }

    async fn what_she_agreed_to_ends_with_it_and_for_good(app: TestApp) {
        let receiver = Receiver::start().await;
        let rp = app.register(json!({ "edu_lawful_basis": null, "backchannel_logout_uri": receiver.url })).await;
        let (child, father) = (app.person("child_under14").person_id, app.person("guardian_of_two").person_id);
        let scope = ScopeSet::parse("profile edu");
        app.app.record_guardian_consent(&app.operator(), child, father, &rp.id, &scope).await.unwrap();
        let mut visitor = app.child();
        let tokens = visitor.sign_in_with(&rp, rp.ask().with("scope", "openid profile edu")).await;
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        answer(&mut guardian.browser, &wards(&home)[1], "no").await;
        let heard = claims_of(&receiver.wait_for(1).await.remove(0));
        assert_eq!(heard["sid"], tokens.id_claims()["sid"], "the platform is told");
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
        tamper(&app, "UPDATE guardianship SET status = 'confirmed', valid_to = NULL WHERE status = 'ended'", None).await;
        assert_eq!(wards(&guardian.browser.open("/").await).len(), 2);
        let (_, _, mut again) = activate(&app, "child_under14").await;
        again.knock().await;
        assert_eq!(again.silently(&rp).await["error"], "consent_required", "recorded again, she is asked again");
    }

    async fn what_a_ward_of_fifteen_agreed_to_herself_stays(app: TestApp) {
        let receiver = Receiver::start().await;
        let rp = app.register(json!({ "edu_client_kind": "application", "edu_lawful_basis": null, "backchannel_logout_uri": receiver.url })).await;
        let (ward, father) = (app.person("child_15").person_id, app.person("guardian_of_two").person_id);
        let born = cast(app.clock.now().shanghai_date()).iter().find(|one| one.key == "child_15").unwrap().born.to_string();
        let set = "UPDATE person SET birth_date = $1 WHERE name = '刘子墨'";
        tamper(&app, set, Some("2020-02-03")).await;
        app.app.record_guardian_consent(&app.operator(), ward, father, &rp.id, &ScopeSet::parse("profile edu")).await.unwrap();
        let early = app.visitor("child_15").sign_in(&rp).await;
        tamper(&app, set, Some(&born)).await;
        app.pass(Duration::from_secs(2));
        let hers = app.visitor("child_15").sign_in(&rp).await;
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        answer(&mut guardian.browser, &wards(&home)[0], "no").await;
        assert_eq!(count(&app, "SELECT COUNT(*) FROM consent WHERE given_by <> person_id AND withdrawn_at IS NOT NULL AND purpose = $1", "sign-in").await, 1);
        for tokens in [&early, &hers] {
            assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200, "she answers for herself");
        }
        assert_eq!(count(&app, "SELECT COUNT(*) FROM logout_delivery WHERE uri = $1", &receiver.url).await, 0, "nor is she signed out");
    }

    async fn what_was_given_to_her_as_a_guardian_ends_with_it(app: TestApp) {
        let rp = app.client("platform_a");
        let mut tokens = Vec::new();
        for identity in 0..2 {
            let mut guardian = Visitor { identity, ..app.visitor("guardian_of_two") };
            tokens.push(guardian.sign_in(&rp).await);
        }
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        answer(&mut guardian.browser, &wards(&home)[1], "no").await;
        let mut refused = Vec::new();
        for one in &tokens {
            refused.push(rp.refresh(&one.refresh()).await.error().to_owned());
        }
        refused.sort();
        assert_eq!(refused, ["", "invalid_grant"], "in the name of that child, and of no other");
    }

    async fn nobody_answers_for_somebody_else(app: TestApp) {
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        let ids = wards(&home);
        let mut nobody = PlainBrowser::new(&app);
        let (mut other, _) = at_home(&app, "teacher_parent").await;
        let (mut child, _) = at_home(&app, "child_under14").await;
        for browser in [&mut other.browser, &mut child.browser] {
            for confirm in ["yes", "no"] {
                assert_eq!(answer(browser, &ids[1], confirm).await.status, 404);
            }
            assert_eq!(browser.open(&format!("/ward-password?ward={}", ids[1])).await.status, 404);
            assert_eq!(give_password(browser, &ids[1], GOOD).await.status, 404);
        }
        assert!(answer(&mut nobody, &ids[1], "no").await.asks_for("login"), "she signs in, and nothing was done");
        assert!(give_password(&mut nobody, &ids[1], GOOD).await.asks_for("login"));
        for bad in ["", "x", "0197a3a0-0000-7000-8000-000000000000"] {
            assert_eq!(answer(&mut guardian.browser, bad, "no").await.status, 404, "{bad}");
        }
        assert_eq!(answer(&mut guardian.browser, &ids[1], "perhaps").await.status, 404);
        let foreign = [("ward", ids[1].as_str()), ("confirm", "no")];
        assert_eq!(guardian.browser.post_from("https://evil.example", "/wards", &foreign).await.status, 403);
        assert_eq!(wards(&guardian.browser.open("/").await), ids, "nothing of it happened");
        let mut owner = app.child();
        owner.knock().await;
        assert!(owner.is_signed_in().await, "her password is what it was");
    }

    async fn nobody_sets_passwords_without_number(app: TestApp) {
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        let small = wards(&home).remove(1);
        let mut answers = Vec::new();
        for _ in 0..=DEVICE_BUDGET {
            answers.push(give_password(&mut guardian.browser, &small, GOOD).await.status);
        }
        assert_eq!(answers.pop(), Some(503));
        assert!(answers.iter().all(|status| *status == 303), "{answers:?}");
        app.pass(WINDOW + Duration::from_secs(1));
        assert_eq!(give_password(&mut guardian.browser, &small, GOOD).await.status, 303);
    }

    async fn a_guardian_sets_the_password_of_her_small_child(app: TestApp) {
        let rp = app.client("platform_a");
        let mut child = app.child();
        let tokens = child.sign_in(&rp).await;
        let slip = link(&app, "child_under14").await;
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        let ids = wards(&home);
        assert!(home.text.contains(&child.person.user_name));
        assert!(!home.text.contains(&app.person("child_15").user_name), "from 14 on it is her own affair");
        assert_eq!(give_password(&mut guardian.browser, &ids[0], GOOD).await.status, 404);

        let form = guardian.browser.open(&format!("/ward-password?ward={}", ids[1])).await;
        assert!(form.asks_for("new_password") && form.text.contains(&child.person.user_name), "{form:#?}");
        for weak in ["short", "12345678", "刘雨桐2015"] {
            let again = guardian.browser.submit(&form, "new_password", &[("new_password", weak)]).await;
            assert!(again.has("problem") && !again.text.contains(weak), "{weak}");
        }
        assert!(child.is_signed_in().await, "nothing has changed yet");
        let done = guardian.browser.submit(&form, "new_password", &[("new_password", GOOD)]).await;
        assert!(guardian.browser.follow(&done).await.has("told"));
        assert!(!child.is_signed_in().await, "sessions of the child end");
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert!(guardian.is_signed_in().await, "hers does not");
        assert!(app.child().browser.open(&slip).await.has("problem"), "a slip that lies about ends too");
        let mut again = app.child();
        assert!(again.knock().await.has("problem"), "the old password is gone");
        again.person.password = GOOD.into();
        again.knock().await;
        assert!(again.is_signed_in().await);
        assert_eq!(told(&app, "account.password_set").await, 1 + i64::try_from(app.world().people.len()).unwrap());
    }

    async fn whom_a_court_keeps_away_has_no_way_into_the_child_s_account(app: TestApp) {
        let (mut father, home) = at_home(&app, "guardian_of_two").await;
        give_password(&mut father.browser, &wards(&home)[1], GOOD).await;
        let (mut child, mut elder) = (app.child(), app.visitor("child_15"));
        child.person.password = GOOD.into();
        for visitor in [&mut child, &mut elder] {
            visitor.knock().await;
            assert!(visitor.is_signed_in().await);
        }
        let slip = link(&app, "child_under14").await;
        let keeper = app.person("guardian_of_two").person_id;
        let order = Order::Restrict([Restriction::Custody].into());
        for ward in ["child_under14", "child_15"] {
            let ward = app.person(ward).person_id;
            app.app.change_guardian(&app.operator(), Decider::Operator, ward, keeper, &order).await.unwrap();
        }
        assert!(!child.is_signed_in().await, "in whosever hands her session is");
        assert!(child.knock().await.has("problem"), "nor does the password lead there that he knows");
        assert!(app.child().browser.open(&slip).await.has("problem"), "nor a slip that he may have been handed");
        assert!(elder.is_signed_in().await && father.is_signed_in().await, "what each chose for herself stays");
        assert_eq!(told(&app, "account.password_void").await, 1);
        let (page, _, mut child) = activate(&app, "child_under14").await;
        assert!(page.has("suggestion"), "she begins anew: {page:#?}");
        child.knock().await;
        assert!(child.is_signed_in().await);
    }

    async fn nor_has_who_says_that_she_is_not_his_but_death_keeps_nobody_away(app: TestApp) {
        let mut child = app.child();
        child.knock().await;
        let today = app.clock.now().shanghai_date();
        app.app.record_death(&app.operator(), Decider::Operator, app.person("teacher_parent").person_id, today).await.unwrap();
        assert!(child.is_signed_in().await);
        let (mut father, home) = at_home(&app, "guardian_of_two").await;
        answer(&mut father.browser, &wards(&home)[1], "no").await;
        assert!(!child.is_signed_in().await && child.knock().await.has("problem"));
        let state = "SELECT a.state FROM account a JOIN person p ON p.id = a.person_id WHERE p.name = '刘雨桐'";
        assert_eq!(select_texts(&app.database.url, state).await, ["inactive"]);
    }

    async fn a_court_s_order_between_the_look_and_the_new_password_is_seen(app: TestApp) {
        let (mut father, home) = at_home(&app, "guardian_of_two").await;
        let ward = wards(&home)[1].clone();
        let child = "(SELECT id FROM person WHERE name = '刘雨桐')";
        let mut court = Elsewhere::begin(&app.database.url).await;
        court.run(&format!("UPDATE account SET state = state WHERE person_id = {child}")).await;
        let mut trying = tokio::spawn(async move { give_password(&mut father.browser, &ward, GOOD).await.status });
        assert!(tokio::time::timeout(Duration::from_secs(2), &mut trying).await.is_err(), "the account is held");
        court.run(&format!("UPDATE guardianship SET restrictions = '[\"custody\"]' WHERE child_id = {child}")).await;
        court.commit().await;
        assert_eq!(trying.await.unwrap(), 404);
        let mut same = app.child();
        same.knock().await;
        assert!(same.is_signed_in().await, "the password is what it was");
    }

    async fn the_first_password_opens_the_account(app: TestApp) {
        tamper(&app, "UPDATE account SET state = 'inactive' WHERE person_id = (SELECT id FROM person WHERE name = '刘雨桐')", None).await;
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        let ids = wards(&home);
        assert!(app.child().knock().await.has("problem"), "not activated yet");
        give_password(&mut guardian.browser, &ids[1], GOOD).await;
        let mut child = app.child();
        child.person.password = GOOD.into();
        child.knock().await;
        assert!(child.is_signed_in().await);
        assert_eq!(told(&app, "account.activated").await, 1);
        tamper(&app, "UPDATE account SET state = 'admin_locked' WHERE person_id = (SELECT id FROM person WHERE name = '刘雨桐')", None).await;
        assert_eq!(give_password(&mut guardian.browser, &ids[1], "另一支安静的旧钢笔").await.status, 404, "nobody opens what an administrator locked");
    }

    async fn nobody_reaches_above_herself(app: TestApp) {
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        let ids = wards(&home);
        app.app.grant_admin(&app.operator(), app.person("child_under14").person_id, mingji::domain::registry::codes::admin_role::AdminRole::School, "2136000781").await.unwrap();
        assert_eq!(give_password(&mut guardian.browser, &ids[1], GOOD).await.status, 404);
        assert!(!guardian.browser.open("/").await.text.contains(&app.person("child_under14").user_name));
    }

    async fn whom_a_court_keeps_away_sees_nothing(app: TestApp) {
        let (mut guardian, home) = at_home(&app, "guardian_of_two").await;
        let ids = wards(&home);
        tamper(&app, "UPDATE guardianship SET restrictions = '[\"no_location\"]'", None).await;
        assert!(!guardian.browser.open("/").await.has("wards"));
        assert_eq!(answer(&mut guardian.browser, &ids[1], "yes").await.status, 404);
        assert_eq!(give_password(&mut guardian.browser, &ids[1], GOOD).await.status, 404);
    }

    async fn a_classmate_is_no_guardian(app: TestApp) {
        let (a, b) = (app.client("platform_a"), app.client("platform_b"));
        let scope = "openid edu.guardian edu";
        let children = async |key: &str| {
            let mut visitor = app.visitor(key);
            let tokens = visitor.sign_in_with(&a, a.ask().with("scope", scope)).await;
            let told = a.userinfo(&tokens.access()).await.body;
            (told["edu_children"].as_array().map_or(0, Vec::len), told["edu_identities"].as_array().map_or(0, Vec::len))
        };
        app.child().sign_in(&b).await;
        let (_, home) = at_home(&app, "guardian_of_two").await;
        let ward = wards(&home)[1].clone();
        let ends_as = "UPDATE guardianship SET guardian_id = (SELECT id FROM person WHERE name = $1) WHERE child_id = (SELECT id FROM person WHERE name = '刘雨桐')";
        tamper(&app, ends_as, Some("陈一诺")).await;
        tamper(&app, "UPDATE consent SET given_by = (SELECT id FROM person WHERE name = $1)", Some("陈一诺")).await;
        let unknown = "UPDATE person SET birth_date = NULL WHERE name = $1";
        let eleven = app.clock.now().shanghai_date().checked_sub_months(chrono::Months::new(11 * 12)).unwrap().to_string();
        let ages = [("UPDATE person SET birth_date = $1 WHERE name = '陈一诺'", eleven.as_str()), (unknown, "陈一诺")];
        for (sql, bound) in ages {
            tamper(&app, sql, Some(bound)).await;
            let (mut classmate, home) = at_home(&app, "child_of_teacher").await;
            assert!(classmate.is_signed_in().await && !home.has("wards") && !home.text.contains("刘*桐"), "{home:#?}");
            for confirm in ["yes", "no"] {
                assert_eq!(answer(&mut classmate.browser, &ward, confirm).await.status, 404);
            }
            assert_eq!(give_password(&mut classmate.browser, &ward, GOOD).await.status, 404);
            assert_eq!(children("child_of_teacher").await, (0, 1), "and no platform hears that she is one");
            let mut child = app.child();
            let page = child.browser.open(&b.url(&b.ask())).await;
            assert!(child.type_password(&page).await.has("guardian-consent-needed"), "her word was a receipt");
            let of = |key| app.person(key).person_id;
            let given = app.app.record_guardian_consent(&app.operator(), of("child_under14"), of("child_of_teacher"), &b.id, &ScopeSet::parse(scope)).await;
            assert!(given.is_err());
        }
        tamper(&app, ends_as, Some("刘建国")).await;
        tamper(&app, unknown, Some("刘建国")).await;
        assert_eq!(wards(&at_home(&app, "guardian_of_two").await.1).len(), 2, "a grown-up without a birth date is one");
        assert_eq!(children("guardian_of_two").await.0, 2);
    }

    async fn who_waits_for_the_school_learns_little_and_decides_nothing(app: TestApp) {
        claim(&app, "full_claims").await;
        let (mut claimant, home) = at_home(&app, "full_claims").await;
        let ids = wards(&home);
        assert_eq!(ids.len(), 1);
        assert!(home.text.contains("待学校确认") && home.text.contains("刘*桐"), "{home:#?}");
        assert!(!home.text.contains("刘*国"), "who else is a guardian");
        assert!(!home.text.contains(&app.person("child_under14").user_name));
        assert_eq!(give_password(&mut claimant.browser, &ids[0], GOOD).await.status, 404);
        let rp = app.client("platform_a");
        let children = async |visitor: &mut Visitor| {
            let tokens = visitor.sign_in_with(&rp, rp.ask().with("scope", "openid edu edu.guardian")).await;
            rp.userinfo(&tokens.access()).await.body["edu_children"].clone()
        };
        assert!(children(&mut claimant).await.as_array().is_none_or(Vec::is_empty));

        let (_, home) = at_home(&app, "guardian_of_two").await;
        assert!(home.text.contains("钟*远") && home.text.contains("待学校确认"), "existing guardians are told: {home:#?}");
        assert!(!home.text.contains("钟明远"));

        tamper(&app, "UPDATE guardianship SET recorded_org_id = (SELECT id FROM institution WHERE name = '瑞金第一中学') WHERE status = 'pending'", None).await;
        let elsewhere = claimant.browser.open("/").await;
        assert!(elsewhere.text.contains("瑞金第一中学") && !elsewhere.text.contains("怡安"), "where the child really is: {elsewhere:#?}");

        answer(&mut claimant.browser, &ids[0], "yes").await;
        assert_eq!(wards(&claimant.browser.open("/").await), ids, "her own word confirms nothing");
        answer(&mut claimant.browser, &ids[0], "no").await;
        assert!(!claimant.browser.open("/").await.has("wards"));
        assert_eq!(told(&app, "guardianship.rejected").await, 1);
        assert!(children(&mut claimant).await.as_array().is_none_or(Vec::is_empty));
        assert!(!at_home(&app, "guardian_of_two").await.1.text.contains("钟*远"));
    }
}
