//! What an auditor hears of what is done about the people of her institutions: by those above and by the operator, and not what
//! others did who hold them too.

use std::time::Duration;

use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::staff_life;
use mingji::app::student_life::{Order, Whose};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::name::PersonName;
use mingji::domain::time::Clock as _;
use serde_json::{Value, json};

use super::duties::with;
use super::students::{Schools, schools};
use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers};
use crate::support::database;

/// Entries of an action about somebody, as an auditor reads them.
async fn about(auditor: &Caller, action: &str, person: PersonId) -> Vec<Value> {
    let mut all = auditor.all(&format!("/api/audit?action={action}&limit=1")).await;
    all.retain(|row| row["target"]["person"] == json!(person));
    all
}

async fn sees(caller: &Caller, person: PersonId) {
    let answer = caller.get(&format!("/api/persons/{person}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

both_engines! {
    /// What an answer keeps from whoever asks, an auditor of her school, who may be she, does not read either.
    async fn an_answer_that_says_nothing_is_not_in_the_audit_either(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[(4, "李小红"), (6, "钱小红")].map(|(n, name)| pupil(OTHER, name, &number("20160203", n), None))).await;
        let Schools { school, org, .. } = schools(&app).await;
        let (auditor, keeper) = (with(&app, 70, SCHOOL, AdminRole::Audit).await, called(&app, "管理员60").await[0]);
        // By a number that somebody has elsewhere, under her name and under another one, and by one that nobody has.
        let row = |n: u32, name: &str| json!({ "name": name, "document": { "label": "居民身份证", "number": number("20160203", n) }, "class": "小学/2024/1班" });
        let mut answers = Vec::new();
        for (n, name) in [(4, "李小红"), (6, "王小红"), (8, "李小红"), (10, "王小红")] {
            let borrowed = json!({ "document": row(n, name)["document"], "name": name });
            let asked = school.post(&format!("/api/institutions/{org}/borrowed-students"), &borrowed).await;
            let brought = school.post(&format!("/api/institutions/{org}/students"), &row(n, name)).await;
            answers.push((asked.status, asked.body, brought.status, brought.text("result")));
        }
        assert_eq!((&answers[0], &answers[1]), (&answers[2], &answers[3]), "{answers:?}");
        app.numbered().await;
        for action in ["relation.asked", "roster.imported"] {
            let mut entries = auditor.all(&format!("/api/audit?action={action}")).await;
            entries.retain(|entry| entry["actor"]["id"] == json!(keeper));
            assert_eq!(entries.len(), 4, "{action}: {entries:?}");
            let told: Vec<Value> = entries.iter().map(|entry| {
                let mut details = entry["details"].clone();
                // Of the number that she herself typed.
                details.as_object_mut().unwrap().remove("asked_digest");
                json!([entry["target"], entry["result"], entry["reason"], details])
            }).collect();
            assert!(told.iter().all(|one| *one == told[0]), "{action}: {told:?}");
        }
    }

    async fn what_is_done_from_above_is_heard_and_what_others_do_is_not(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None), pupil(OTHER, "李小红", &number("20160203", 4), None)]).await;
        teachers(&app, &[teacher(SCHOOL, "教师乙", &number("19750203", 104)), teacher(OTHER, "教师乙", &number("19750203", 104))]).await;
        let Schools { other, org, other_org, .. } = schools(&app).await;
        let (child, stranger, both) = (called(&app, "王小明").await[0], called(&app, "李小红").await[0], called(&app, "教师乙").await[0]);
        let (auditor, head) = (with(&app, 70, SCHOOL, AdminRole::Audit).await, with(&app, 72, COUNTY, AdminRole::County).await);
        sees(&head, child).await;
        sees(&head, stranger).await;
        sees(&other, both).await;
        app.app.rename_person(&app.operator(), Decider::Operator, child, PersonName::parse("王新名").unwrap()).await.unwrap();
        // Of two schools: what she does at the one is nothing to the other.
        let doubly = with(&app, 74, SCHOOL, AdminRole::School).await;
        app.app.grant_admin(&app.operator(), called(&app, "管理员74").await[0], AdminRole::School, OTHER).await.unwrap();
        let exported = doubly.post(&format!("/api/institutions/{other_org}/export"), &json!({ "purpose": "另一所学校的事" })).await;
        assert_eq!(exported.status, 200, "{exported:?}");
        sees(&doubly, stranger).await;
        sees(&doubly, child).await;
        app.numbered().await;

        let viewed = about(&auditor, "person.viewed", child).await;
        assert_eq!(viewed.len(), 2, "the county's look, and that of her own: {viewed:?}");
        let county = viewed.iter().find(|row| row["actor"]["rights"] == json!([])).unwrap();
        assert_eq!(county["details"]["institutions"], json!([org]), "{county}");
        let changed = about(&auditor, "person.changed", child).await;
        assert_eq!((changed.len(), &changed[0]["actor"]["kind"]), (1, &json!("task")), "{changed:?}");
        assert_eq!(about(&auditor, "person.viewed", both).await, Vec::<Value>::new(), "what the other school does with whom it holds too");
        assert_eq!(about(&auditor, "person.viewed", stranger).await, Vec::<Value>::new());
        let bare = auditor.all("/api/audit?action=roster.exported").await;
        assert_eq!((bare.len(), &bare[0]["target"], &bare[0]["details"], &bare[0]["reason"]), (1, &json!({}), &json!({}), &Value::Null), "{bare:?}");
        let all = json!(auditor.all("/api/audit").await).to_string();
        for value in [other_org.as_str(), &stranger.to_string(), "另一所学校的事"] {
            assert!(!all.contains(value), "{value}: {all}");
        }
    }

    async fn what_ends_from_above_is_heard_where_it_ended(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[
            pupil(SCHOOL, "王小明", &number("20160203", 2), None), pupil(SCHOOL, "王小华", &number("20160203", 6), None),
            pupil(SCHOOL, "王小亮", &number("20160203", 8), None), pupil(OTHER, "李小红", &number("20160203", 4), None),
        ]).await;
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102))]).await;
        let Schools { org, .. } = schools(&app).await;
        let one = async |name: &'static str| called(&app, name).await[0];
        let (dead, left, gone, stranger, staff) = (one("王小明").await, one("王小华").await, one("王小亮").await, one("李小红").await, one("教师甲").await);
        let head = Decider::Admin(county::administrator(&app, 72, COUNTY, AdminRole::County).await);
        let (ctx, today) = (app.operator(), app.clock.now().shanghai_date());
        app.app.record_death(&ctx, head, dead, today).await.unwrap();
        let whose = Whose { person: left, org: None, day: None, code: None };
        app.app.change_student(&ctx, head, &whose, &Order::End("06".parse().unwrap())).await.unwrap();
        app.app.change_staff(&ctx, head, staff, None, &staff_life::Order::Leave { org: None, state: "07".parse().unwrap() }).await.unwrap();
        pupils(&app, &[pupil(OTHER, "王小亮", &number("20160203", 8), None)]).await;
        let claim = app.app.pending_claims(&ctx, Decider::Operator, OTHER, None).await.unwrap()[0].id;
        // Whoever covers both schools has the say when the one that holds the 学籍 said nothing for so long.
        app.clock.advance(Duration::from_secs(17 * 86_400));
        let (ctx, today) = (app.operator(), app.clock.now().shanghai_date());
        app.app.decide_claim(&ctx, head, claim, Verdict::Confirm).await.unwrap();
        // Who runs two schools did it at the other one.
        let doubly = county::administrator(&app, 74, SCHOOL, AdminRole::School).await;
        // Later than her first right, which counts from its moment on.
        let ctx = app.operator();
        app.app.grant_admin(&ctx, doubly, AdminRole::School, OTHER).await.unwrap();
        app.app.record_death(&ctx, Decider::Admin(doubly), stranger, today).await.unwrap();
        let auditor = with(&app, 70, SCHOOL, AdminRole::Audit).await;
        app.numbered().await;

        for (action, person) in [("person.changed", dead), ("student.changed", left), ("staff.changed", staff), ("relation.decided", gone)] {
            let heard = about(&auditor, action, person).await;
            assert_eq!((heard.len(), &heard[0]["details"]["institutions"], &heard[0]["actor"]["rights"]), (1, &json!([org]), &json!([])), "{action} {heard:?}");
        }
        let bare = async || {
            let mut all = auditor.all("/api/audit?action=person.changed").await;
            all.retain(|row| row["target"] == json!({}));
            (all.len(), json!(all).to_string().contains(&stranger.to_string()))
        };
        assert_eq!(bare().await, (1, false));
        // Of before, when it was not said where she had been.
        let json = if app.database.url.starts_with("sqlite") { "'{}'" } else { "CAST('{}' AS jsonb)" };
        database::change(&app.database.url, &format!("UPDATE audit_entry SET details = {json} WHERE action = 'person.changed'")).await;
        assert!(!bare().await.1);
    }

    async fn a_page_that_found_little_goes_on(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None)]).await;
        let Schools { school, other_org, .. } = schools(&app).await;
        let child = called(&app, "王小明").await[0];
        sees(&school, child).await;
        let privacy = with(&app, 74, SCHOOL, AdminRole::Privacy).await;
        shown_to_others(&app, child, &other_org).await;
        let path = format!("/api/persons/{child}/disclosures?limit=1");
        let first = privacy.get(&path).await;
        assert_eq!((first.status, &first.body["items"]), (200, &json!([])), "so far nobody of hers: {first:?}");
        assert!(first.body["next"].is_string(), "and it goes on");
        let all = privacy.all(&path).await;
        assert_eq!((all.len(), &all[0]["action"]), (1, &json!("person.viewed")), "{all:?}");
    }
}

/// More looks by the rights of another institution than one request passes over, all newer than any other.
async fn shown_to_others(app: &TestApp, person: PersonId, org: &str) {
    let lite = app.database.url.starts_with("sqlite");
    let number = if lite { "CAST(printf('%012x', n.i) AS TEXT)" } else { "lpad(to_hex(n.i), 12, '0')" };
    let id = |text: String| if lite { format!("unhex({text})") } else { format!("CAST({text} AS uuid)") };
    let (entry, person) = (id(format!("'f0000000000070008000' || {number}")), id(format!("'{}'", person.0.simple())));
    let actor = json!({ "kind": "person", "id": org, "rights": [{ "role": "school_admin", "institution": org }] });
    let (json, rest) = if lite { ("", "") } else { ("CAST(", " AS jsonb)") };
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2300)";
    let at = "1790000000000000";
    for sql in [
        format!(
            "INSERT INTO audit_entry (id, at, actor, action, target, result, request_id, details) {numbers} SELECT {entry}, {at}, {json}'{actor}'{rest}, 'person.viewed', {json}'{{}}'{rest}, 'done', {entry}, {json}'{{}}'{rest} FROM n"
        ),
        format!("INSERT INTO disclosure (person_id, entry_id, at) {numbers} SELECT {person}, {entry}, {at} FROM n"),
    ] {
        database::change(&app.database.url, &sql).await;
    }
}
