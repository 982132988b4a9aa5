//! What was so on a day before: guardians and who confirmed them, 工号 and the names of classes. Nothing is written over, and nobody is
//! told more of another day than of today.

use std::time::Duration;

use chrono::NaiveDate;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::staff_life::Order;
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::staff::StaffState;
use mingji::domain::registry::roster::RosterKind;
use mingji::domain::time::Clock as _;
use serde_json::{Value, json};

use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers, text};
use crate::support::database::change;

const OPERATOR: Decider = Decider::Operator;
const FILLED: &str = include_str!("../../../migrations/sqlite/0056_who_confirmed_before.sql");

fn today(app: &TestApp) -> NaiveDate {
    app.clock.now().shanghai_date()
}

fn days(app: &TestApp, n: u64) {
    app.pass(Duration::from_secs(n * 86_400));
}

async fn guardians(caller: &Caller, child: PersonId, on: Option<NaiveDate>) -> Vec<Value> {
    let on = on.map_or(String::new(), |day| format!("?on={day}"));
    let told = caller.get(&format!("/api/persons/{child}/guardians{on}")).await;
    assert_eq!(told.status, 200, "{told:?}");
    told.body.as_array().unwrap().clone()
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
}

/// By which way, in whose name, and by whom.
fn confirmed(row: &Value) -> (&str, Option<&str>, Option<String>) {
    let said = &row["confirmed"];
    (said["by"].as_str().unwrap(), said["institution"].as_str(), said["person_id"].as_str().map(str::to_owned))
}

/// The child goes to another school.
async fn transferred(app: &TestApp, name: &str, paper: &str, to: &str) {
    pupils(app, &[pupil(to, name, paper, None)]).await;
    let waiting = app.app.pending_claims(&app.operator(), OPERATOR, to, None).await.unwrap();
    let asked = waiting.iter().find(|claim| claim.kind == "student").unwrap().id;
    app.app.decide_claim(&app.operator(), OPERATOR, asked, Verdict::Confirm).await.unwrap();
}

both_engines! {
    async fn who_confirmed_a_guardian_is_kept_and_told_to_who_may_know(app: TestApp) {
        county::open(&app).await;
        let (paper, far) = (number("20170203", 2), number("19800203", 6));
        teachers(&app, &[teacher(OTHER, "远师", &far), teacher(SCHOOL, "同事", &number("19800203", 8))]).await;
        let desk = county::administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let next = county::administrator(&app, 22, OTHER, AdminRole::School).await;
        let head = county::administrator(&app, 24, COUNTY, AdminRole::County).await;
        let row = pupil(SCHOOL, "王芳", &paper, Some(("王母", &number("19850101", 4))));
        assert_eq!(county::desk(&app, desk, &row).await["accepted"], 1);
        county::desk(&app, desk, &pupil(SCHOOL, "王芳", &paper, Some(("远师", &far)))).await;
        let school = app.at_api_as(desk, COUNTY).await;
        let (child, colleague) = (called(&app, "王芳").await[0], called(&app, "同事").await[0]);
        let add = json!({ "guardian_id": colleague, "step": { "add": { "relation": "51" } } });
        let added = school.post(&format!("/api/persons/{child}/guardians"), &add).await;
        let (by_row, by_hand) = ("import", "administrator");
        let (her_school, me) = (Some("第七实验小学"), Some(desk.to_string()));
        assert_eq!(confirmed(&added.body[0]), (by_hand, her_school, me.clone()), "{added:?}");
        let told = guardians(&school, child, None).await;
        assert_eq!(names(&told), ["王母", "远师", "同事"]);
        assert_eq!(told.iter().map(confirmed).collect::<Vec<_>>(), [(by_row, her_school, me.clone()), (by_row, her_school, me.clone()), (by_hand, her_school, me.clone())]);
        // Whoever looked at the school's own word is the one who confirmed it, and who had before is kept.
        days(&app, 3);
        let word = app.app.pending_claims(&app.operator(), Decider::Admin(head), COUNTY, None).await.unwrap();
        assert_eq!(word.len(), 1, "{word:?}");
        app.app.decide_claim(&app.operator(), Decider::Admin(head), word[0].id, Verdict::Confirm).await.unwrap();
        let [school, county] = [app.at_api_as(desk, COUNTY).await, app.at_api_as(head, COUNTY).await];
        let told = guardians(&school, child, None).await;
        let office = text(&app, "SELECT o.name FROM institution o JOIN institution_code k ON k.org_id = o.id WHERE k.value = 'ED32010200'").await;
        assert_eq!(confirmed(&told[1]).1, Some(office.as_str()), "the level above is named, {told:?}");
        assert_eq!((confirmed(&told[1]).0, confirmed(&told[1]).2), (by_hand, Some(head.to_string())), "she works at this school");
        let then = guardians(&school, child, Some(today(&app).pred_opt().unwrap())).await;
        assert_eq!(confirmed(&then[1]), (by_row, her_school, me.clone()), "as of a day before");
        let parts = app.app.guardians_as_of(&app.operator(), "核对档案", child, None).await.unwrap();
        let far = parts.iter().filter(|part| part.name == "远师").map(|part| part.confirmed.clone().unwrap());
        let told: Vec<_> = far.map(|said| (said.by.as_str(), said.name, said.institution)).collect();
        assert_eq!(told, [(by_row, Some("管理员20".into()), her_school.map(str::to_owned)), (by_hand, Some("管理员24".into()), Some(office.clone()))]);
        // What the operator says is the operator's.
        teachers(&app, &[teacher(SCHOOL, "另一同事", &number("19800203", 12))]).await;
        let by_operator = mingji::app::guardian_life::Order::Add { relation: mingji::domain::registry::codes::relation::Relation::Father, legal: None, evidence: mingji::domain::registry::guardianship::Evidence::Document, institution: None };
        let last = called(&app, "另一同事").await[0];
        let told = app.app.change_guardian(&app.operator(), OPERATOR, child, last, &by_operator).await.unwrap();
        let told = told.iter().find(|part| part.guardian_id == last).unwrap().confirmed.clone().unwrap();
        assert_eq!((told.by.as_str(), told.person_id, told.institution), ("operator", None, None));
        // The next school of the child hears that somebody confirmed it, and not where she was before, nor by whom.
        transferred(&app, "王芳", &paper, OTHER).await;
        // There she is a parent, and no administrator.
        pupils(&app, &[pupil(OTHER, "钱一", &number("20170203", 8), None)]).await;
        app.app.change_guardian(&app.operator(), OPERATOR, called(&app, "钱一").await[0], desk, &by_operator).await.unwrap();
        let other = app.at_api_as(next, COUNTY).await;
        let told = guardians(&other, child, None).await;
        let mother = told.iter().find(|row| row["name"] == "王母").unwrap();
        assert_eq!(confirmed(mother), (by_row, None, None), "{mother}");
        let seen_above = guardians(&county, child, None).await;
        let mother = seen_above.iter().find(|row| row["name"] == "王母").unwrap();
        assert_eq!(confirmed(mother), (by_row, her_school, me), "{mother}");
    }

    /// Of before it was kept: nothing is put down to whoever said something else, or of another time.
    async fn who_decided_before_it_was_kept_confirmed_that_alone(app: TestApp) {
        county::open(&app).await;
        let (paper, far) = (number("20170203", 2), number("19800203", 6));
        teachers(&app, &[teacher(OTHER, "远师", &far)]).await;
        let desk = county::administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let head = county::administrator(&app, 24, COUNTY, AdminRole::County).await;
        county::desk(&app, desk, &pupil(SCHOOL, "王芳", &paper, Some(("王母", &number("19850101", 4))))).await;
        county::desk(&app, desk, &pupil(SCHOOL, "王芳", &paper, Some(("远师", &far)))).await;
        days(&app, 3);
        let word = app.app.pending_claims(&app.operator(), Decider::Admin(head), COUNTY, None).await.unwrap();
        app.app.decide_claim(&app.operator(), Decider::Admin(head), word[0].id, Verdict::Confirm).await.unwrap();
        let again = async |sql: &str| {
            change(&app.database.url, "UPDATE guardianship SET confirmed_by = NULL, confirmed_person_id = NULL, confirmed_org_id = NULL, confirmed_at = NULL").await;
            change(&app.database.url, sql).await;
            for statement in FILLED.split(";\n").filter(|statement| !statement.trim().is_empty()) {
                change(&app.database.url, statement).await;
            }
            let child = called(&app, "王芳").await[0];
            let told = app.app.guardians_as_of(&app.operator(), "核对档案", child, Some(today(&app))).await.unwrap();
            told.into_iter().map(|part| (part.name, part.confirmed.and_then(|said| said.person_id))).collect::<std::collections::BTreeMap<_, _>>()
        };
        assert_eq!(FILLED, include_str!("../../../migrations/postgres/0056_who_confirmed_before.sql"), "one text for both engines");
        let by = |far: Option<PersonId>| [("王母".to_owned(), None), ("远师".to_owned(), far)].into();
        assert_eq!(again("UPDATE guardianship SET version = version").await, by(Some(head)));
        let another = format!("(SELECT org_id FROM institution_code WHERE value = '{OTHER}')");
        let told = again(&format!("UPDATE guardianship SET recorded_org_id = {another}")).await;
        assert_eq!(told, by(None), "another school's");
        let back = "(SELECT org_id FROM relation_claim WHERE decided_by IS NOT NULL)";
        let told = again(&format!("UPDATE guardianship SET recorded_org_id = {back}, updated_at = created_at")).await;
        assert_eq!(told, by(None), "of a time before");
    }

    async fn guardians_of_a_day_before_are_told_by_who_held_the_child_then(app: TestApp) {
        county::open(&app).await;
        let paper = number("20170203", 2);
        let desk = county::administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let next = county::administrator(&app, 22, OTHER, AdminRole::School).await;
        let head = county::administrator(&app, 24, COUNTY, AdminRole::County).await;
        county::desk(&app, desk, &pupil(SCHOOL, "王芳", &paper, Some(("王母", &number("19850101", 4))))).await;
        let child = called(&app, "王芳").await[0];
        let began = today(&app);
        days(&app, 10);
        let school = app.at_api_as(desk, COUNTY).await;
        let mother = called(&app, "王母").await[0];
        let end = json!({ "guardian_id": mother, "step": "end" });
        assert_eq!(school.post(&format!("/api/persons/{child}/guardians"), &end).await.status, 200);
        county::desk(&app, desk, &pupil(SCHOOL, "王芳", &paper, Some(("王姨", &number("19860101", 6))))).await;
        let changed = today(&app);
        days(&app, 10);
        let school = app.at_api_as(desk, COUNTY).await;
        let before = guardians(&school, child, Some(changed.pred_opt().unwrap())).await;
        assert_eq!(names(&before), ["王母"]);
        assert_eq!((&before[0]["person_id"], &before[0]["phone"]), (&Value::Null, &Value::Null), "she is nobody's here any more: {before:?}");
        assert_eq!(names(&guardians(&school, child, Some(changed)).await), ["王姨"]);
        assert_eq!(names(&guardians(&school, child, None).await), ["王姨"]);
        assert!(guardians(&school, child, began.pred_opt()).await.is_empty());
        // All of them in turn are a full record, behind somebody else's word.
        let county = app.at_api_through("platform_b", head, COUNTY).await;
        let record = async |caller: &Caller| {
            let asked = caller.post("/api/approvals", &json!({ "opens": { "person_id": child }, "purpose": "核对学籍信息" })).await;
            let approved = county.post(&format!("/api/approvals/{}/decision", asked.text("id")), &json!({ "approve_for_hours": 2 })).await;
            assert_eq!(approved.status, 200, "{approved:?}");
            let whole = caller.get(&format!("/api/persons/{child}/record?approval={}", asked.text("id"))).await;
            let rows = whole.body["guardians"].as_array().unwrap().clone();
            rows.into_iter().map(|row| (row["name"].as_str().unwrap().to_owned(), row["from"].clone(), row["to"].clone())).collect::<Vec<_>>()
        };
        let in_turn = [("王母".to_owned(), json!(began), json!(changed)), ("王姨".to_owned(), json!(changed), Value::Null)];
        assert_eq!(record(&school).await, in_turn);
        // The next school was told of nobody before the child came, and is not told now.
        transferred(&app, "王芳", &paper, OTHER).await;
        let came = today(&app);
        days(&app, 5);
        let other = app.at_api_as(next, COUNTY).await;
        assert_eq!(names(&guardians(&other, child, Some(came)).await), ["王姨"]);
        for day in [came.pred_opt(), Some(began)] {
            assert!(guardians(&other, child, day).await.is_empty(), "{day:?}");
        }
        let gone = app.at_api_as(desk, COUNTY).await.get(&format!("/api/persons/{child}/guardians?on={began}")).await;
        assert_eq!(gone.status, 404, "{gone:?}");
    }

    async fn a_staff_number_and_the_name_of_a_class_are_as_they_were(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), None)]).await;
        let paper = number("19800203", 4);
        let staff = async |staff_no: &str| {
            let file = format!("学校标识码,姓名,身份证件类型,身份证件号,岗位,工号,任教班级\n{SCHOOL},陈静,居民身份证,{paper},教师,{staff_no},小学/2024/1班\n");
            let report = county::people(&app, RosterKind::Staff, &file).await;
            assert_eq!(report.errors, []);
        };
        staff("A-01").await;
        let desk = county::administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let elsewhere = county::administrator(&app, 22, OTHER, AdminRole::School).await;
        let began = today(&app);
        days(&app, 10);
        staff("B-02").await;
        // A mistake that is put right on its day was never so.
        staff("B-03").await;
        let school = app.at_api_as(desk, COUNTY).await;
        let org = school.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
        let classes = async |on: &str| school.get(&format!("/api/institutions/{org}/classes{on}")).await.body["items"][0].clone();
        let class = classes("").await;
        let (first, id) = (class["name"].as_str().unwrap().to_owned(), class["id"].as_str().unwrap().to_owned());
        let renamed = school.post(&format!("/api/classes/{id}/name"), &json!({ "name": "启航班" })).await;
        assert_eq!(renamed.status, 200, "{renamed:?}");
        let (then, now) = (format!("?on={began}"), String::new());
        let one = async |what: &str, on: &str, field: &str| {
            let rows = school.all(&format!("/api/institutions/{org}/{what}{on}")).await;
            let row = rows.iter().find(|row| ["陈静", "王芳"].contains(&row["name"].as_str().unwrap())).unwrap();
            row[field].as_str().unwrap().to_owned()
        };
        for (what, field, before, after) in [("staff", "staff_no", "A-01", "B-03"), ("students", "class", first.as_str(), "启航班"), ("lessons", "class", first.as_str(), "启航班")] {
            assert_eq!((one(what, &then, field).await.as_str(), one(what, &now, field).await.as_str()), (before, after), "{what}");
        }
        assert_eq!(classes(&then).await["name"], json!(first));
        assert_eq!(classes("").await["former_names"], json!([first]), "found by its old name");
        let person = called(&app, "陈静").await[0];
        let found = async |caller: &Caller, sought: &str| caller.post("/api/persons/search", &json!({ "staff_no": sought })).await.body["items"].clone();
        for sought in ["A-01", "B-03"] {
            assert_eq!(found(&school, sought).await[0]["person_id"], json!(person), "{sought}");
        }
        assert_eq!(found(&school, "B-02").await, json!([]));
        let other = app.at_api_as(elsewhere, COUNTY).await;
        assert_eq!(found(&other, "A-01").await, json!([]), "another school's numbers are not there");
        let told = school.get(&format!("/api/persons/{person}{then}")).await.body;
        assert_eq!(told["posts"][0]["staff_no"], "A-01", "{told}");
        let posts = app.app.posts_as_of(&app.operator(), "核对档案", person, None).await.unwrap();
        let numbers: Vec<_> = posts[0].numbers.iter().map(|part| (part.staff_no.as_deref(), part.to)).collect();
        assert_eq!(numbers, [(Some("A-01"), Some(today(&app))), (Some("B-03"), None)]);
        // Whoever left is found by it no more.
        let leaves = Order::Leave { org: None, state: StaffState::Left };
        app.app.change_staff(&app.operator(), OPERATOR, person, None, &leaves).await.unwrap();
        assert_eq!(found(&school, "A-01").await, json!([]));
    }
}
