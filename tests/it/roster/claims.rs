//! What platforms are told of people who came in by a roster: every claim, to a client that others wrote.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{Datelike as _, Days, NaiveDate};
use mingji::domain::registry::roster::RosterKind;
use serde_json::{Map, Value, json};

use super::{Names, SCHOOL, STAFF, STUDENTS, import, institutions, number};
use crate::support::app::{TestApp, both_engines};
use crate::support::database::select_texts;
use crate::support::standard::{Told, tell};

const EVERYTHING: &str = "openid profile edu edu.class edu.guardian edu.realname space";

fn today(app: &TestApp) -> NaiveDate {
    app.app.now().shanghai_date()
}

/// The year in which the school year began.
fn year(app: &TestApp) -> i32 {
    today(app).year() - i32::from(today(app).month() < 9)
}

/// 迪丽努尔 teaches two classes and has 周甲 in the older one; 周乙 of the younger one has a father.
async fn imported(app: &TestApp) -> Names {
    let (mut names, year) = (Names::default(), year(app));
    let mother = number("19800203", 4);
    let born = |serial| number(&format!("{}0203", year - 8), serial);
    let staff = format!(
        "{STAFF}\n{SCHOOL},迪丽努尔·艾合买提,女,居民身份证,{mother},00002,13800000002,教师,数学,小学/{}/1班;小学/{year}/2班,是\n",
        year - 1
    );
    let students = format!(
        "{STUDENTS}\n{SCHOOL},周甲,女,居民身份证,{},,小学,{},1班,迪丽努尔·艾合买提,母亲,居民身份证,{mother},\n\
         {SCHOOL},周乙,女,居民身份证,{},,小学,{year},2班,周父,父亲,居民身份证,{},13900000002\n",
        born(2),
        year - 1,
        born(4),
        number("19850607", 6)
    );
    import(app, RosterKind::Institutions, institutions(), false, &mut names).await;
    import(app, RosterKind::Staff, staff, false, &mut names).await;
    import(app, RosterKind::Students, students, false, &mut names).await;
    names
}

/// What platform A is told when somebody of the roster signs in, in the first of her identities.
async fn told(app: &TestApp, user_name: String) -> Told {
    let person = app.app.person_of_login(&user_name).await.unwrap();
    app.app.set_password(&app.operator(), person, "seven green lanterns".to_owned().into()).await.unwrap();
    let mut visitor = app.teacher();
    visitor.person.user_name = user_name;
    visitor.person.password = "seven green lanterns".into();
    let told = tell(&app.client("platform_a"), &mut visitor, EVERYTHING).await;
    assert_eq!(told.userinfo["sub"], person.to_string());
    told
}

/// Ids become `#` and moments `@`, after a look at whether they are some.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) if uuid::Uuid::parse_str(text).is_ok() => json!("#"),
        Value::Array(all) => all.iter().map(plain).collect(),
        Value::Object(members) => {
            let one = |(name, value): (&String, &Value)| {
                let moment = match name.as_str() {
                    "updated_at" => value.is_i64(),
                    "at" => value.as_str().is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok()),
                    _ => false,
                };
                (name.clone(), if moment { json!("@") } else { plain(value) })
            };
            Value::Object(members.iter().map(one).collect())
        }
        other => other.clone(),
    }
}

/// What is told of everybody at this school who was recorded and not verified.
fn with_the_rest(app: &TestApp, own: Value) -> Value {
    let mut all = json!({
        "sub": "#", "updated_at": "@",
        "edu_home": { "sys_code": "320102", "platform_id": "#", "level": "county" },
        "edu_space": { "space_id": "#", "url": app.at("/") },
        "edu_realname": { "verified": false, "level": 1, "at": "@" },
    });
    let Value::Object(own) = own else { panic!() };
    all.as_object_mut().unwrap().extend(own);
    all
}

fn identity(kind: &str, classes: usize) -> Map<String, Value> {
    let mut identity = json!({ "kind": kind, "org_id": "#", "org_code": SCHOOL, "org_name": "第七实验小学" });
    if classes > 0 {
        identity["class_ids"] = vec!["#"; classes].into();
    }
    identity.as_object().unwrap().clone()
}

fn listed(app: &TestApp, kind: &str, classes: usize, primary: bool) -> Value {
    let mut identity = identity(kind, classes);
    identity.insert("primary".into(), json!(primary));
    identity.insert("from".into(), json!(today(app).to_string()));
    identity.into()
}

/// The ID token has the standard claims and those of table 5(b) whose place it is, with the values of userinfo.
fn assert_id_token(told: &Told) {
    let standard =
        ["iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "acr", "amr", "nonce", "at_hash", "sid", "jti"];
    let own = ["edu_home", "edu_space", "edu_identity", "age_band", "edu_realname"];
    let names: BTreeSet<_> = told.id_token.keys().map(String::as_str).collect();
    assert_eq!(names, standard.into_iter().chain(own).collect());
    for name in own {
        assert_eq!(told.id_token[name], told.userinfo[name], "{name}");
    }
    assert_eq!(told.id_token["azp"], told.id_token["aud"]);
}

both_engines! {
    async fn of_a_teacher(app: TestApp) {
        let names = imported(&app).await;
        let (told, year) = (told(&app, names.of(2, "staff")).await, year(&app));
        assert_id_token(&told);
        let class = |no: u32, entry_year: i32, grade: &str, role: &str| {
            json!({
                "class_id": "#", "name": format!("{entry_year}级{no}班"), "stage": "2", "entry_year": entry_year, "grade": grade,
                "kind": "administrative", "role": role, "subjects": ["14"],
            })
        };
        assert_eq!(plain(&told.userinfo), with_the_rest(&app, json!({
            "name": "迪丽努尔·艾合买提", "age_band": "adult",
            "edu_identity": identity("teacher", 2),
            "edu_identities": [listed(&app, "teacher", 2, true), listed(&app, "parent", 0, false)],
            "edu_classes": [class(1, year - 1, "P2", "head_teacher"), class(2, year, "P1", "teacher")],
            "edu_children": [{ "sub": "#", "name": "周甲", "relation": "52", "legal": true, "school": "第七实验小学", "class": format!("{}级1班", year - 1) }],
            "edu_guardians": [],
        })));
        let classes: BTreeSet<_> = told.userinfo["edu_classes"].as_array().unwrap().iter().map(|class| class["class_id"].to_string()).collect();
        let ids = told.userinfo["edu_identity"]["class_ids"].as_array().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(classes, ids);
    }

    async fn of_a_student_and_her_next_school_year(app: TestApp) {
        let names = imported(&app).await;
        let first = told(&app, names.of(2, "student")).await;
        assert_id_token(&first);
        let year = year(&app);
        assert_eq!(plain(&first.userinfo), with_the_rest(&app, json!({
            "name": "周甲", "age_band": "under14",
            "edu_identity": identity("student", 1),
            "edu_identities": [listed(&app, "student", 1, true)],
            "edu_classes": [{
                "class_id": "#", "name": format!("{}级1班", year - 1), "stage": "2", "entry_year": year - 1, "grade": "P2", "kind": "administrative", "role": "student",
            }],
            "edu_children": [],
            "edu_guardians": [{ "sub": "#", "name": "迪丽努尔·艾合买提", "relation": "52", "legal": true }],
        })));
        let mother = app.app.person_of_login(&names.of(2, "guardian1")).await.unwrap();
        assert_eq!(first.userinfo["edu_guardians"][0]["sub"], mother.to_string());
        // To the last of August it is the same grade, in Shanghai.
        let turn = NaiveDate::from_ymd_opt(year + 1, 9, 1).unwrap();
        let days = u64::try_from((turn - today(&app)).num_days()).unwrap();
        for (pass, grade) in [(days - 1, "P2"), (1, "P3")] {
            app.pass(Duration::from_secs(pass * 86_400));
            let later = told(&app, names.of(2, "student")).await;
            assert_eq!(later.userinfo["edu_classes"][0]["grade"], grade, "{}", today(&app));
        }
        assert_eq!(today(&app), turn);
        // A stay whose end is known says so, and is none from that day on.
        let end = turn + Days::new(2);
        let leave = format!("UPDATE enrolment SET valid_to = '{end}' WHERE person_id = (SELECT id FROM person WHERE name = '周甲') RETURNING state");
        assert_eq!(select_texts(&app.database.url, &leave).await.len(), 1);
        let leaving = told(&app, names.of(2, "student")).await;
        assert_eq!(leaving.userinfo["edu_identities"][0]["to"], end.to_string());
        app.pass(Duration::from_secs(2 * 86_400));
        let left = told(&app, names.of(2, "student")).await;
        assert_eq!(left.userinfo["edu_identities"], json!([]));
        assert!(left.userinfo["edu_identity"].is_null() && left.id_token.get("edu_identity").is_none());
    }

    async fn of_a_guardian(app: TestApp) {
        let names = imported(&app).await;
        let told = told(&app, names.of(3, "guardian1")).await;
        assert_id_token(&told);
        assert_eq!(plain(&told.userinfo), with_the_rest(&app, json!({
            "name": "周父", "age_band": "adult",
            "edu_identity": identity("parent", 0),
            "edu_identities": [listed(&app, "parent", 0, true)],
            "edu_classes": [],
            "edu_children": [{ "sub": "#", "name": "周乙", "relation": "51", "legal": true, "school": "第七实验小学", "class": format!("{}级2班", year(&app)) }],
            "edu_guardians": [],
        })));
        let child = app.app.person_of_login(&names.of(3, "student")).await.unwrap();
        assert_eq!(told.userinfo["edu_children"][0]["sub"], child.to_string());
    }

    async fn of_somebody_who_came_in_before_the_authorities_had_platforms(app: TestApp) {
        let names = imported(&app).await;
        let url = &app.database.url;
        assert!(!select_texts(url, "UPDATE person SET home_platform_id = NULL RETURNING status").await.is_empty());
        let home = async || told(&app, names.of(3, "guardian1")).await.userinfo["edu_home"]["sys_code"].clone();
        assert_eq!(home().await, "320102", "the nearest to the child's school");
        select_texts(url, "UPDATE platform SET sys_code = '320199' WHERE sys_code = '320102' RETURNING level").await;
        assert_eq!(home().await, "320100", "or above it");
    }

    async fn spaces_open_where_the_home_platform_says(app: TestApp) {
        use mingji::domain::access::TaskName;
        use mingji::domain::registry::division::Division;
        use mingji::domain::registry::space::SpaceAddress;
        let names = imported(&app).await;
        let address = SpaceAddress::parse("https://space.example.edu.cn/mine").unwrap();
        let set = async |division: &str| {
            let division = Division::parse(division).unwrap();
            app.app.set_space_address(&app.operator(), TaskName::OperatorCommand, &division, &address).await
        };
        set("320102").await.unwrap();
        assert_eq!(set("320103").await.unwrap_err().kind, mingji::app::Kind::NotFound);
        let told = told(&app, names.of(3, "guardian1")).await;
        assert_eq!(told.userinfo["edu_space"]["url"], "https://space.example.edu.cn/mine");
    }
}
