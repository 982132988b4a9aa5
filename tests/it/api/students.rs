//! What becomes of one student, over the API: brought in, transferred, changed with the code of the change, and told as of a
//! day to whom it was then.

use std::time::Duration;

use mingji::app::relation_claim::Decider;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::name::PersonName;
use serde_json::{Value, json};

use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, text};

const DAY: Duration = Duration::from_secs(86_400);

/// Who keeps each of two schools, and where.
pub struct Schools {
    pub school: Caller,
    pub other: Caller,
    pub org: String,
    pub other_org: String,
}

pub async fn schools(app: &TestApp) -> Schools {
    let (one, two) = (
        county::administrator(app, 60, SCHOOL, AdminRole::School).await,
        county::administrator(app, 62, OTHER, AdminRole::School).await,
    );
    let (school, other) = (app.at_api_as(one, COUNTY).await, app.at_api_as(two, COUNTY).await);
    let at = async |caller: &Caller| caller.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
    Schools { org: at(&school).await, other_org: at(&other).await, school, other }
}

fn row(n: u32, class: &str) -> Value {
    let paper = json!({ "label": "居民身份证", "number": number("20160203", n) });
    json!({ "name": "王小明", "document": paper, "class": class })
}

both_engines! {
    async fn one_is_brought_in_as_by_a_row(app: TestApp) {
        county::open(&app).await;
        let Schools { school, other, org, other_org } = schools(&app).await;
        let at = |org: &str| format!("/api/institutions/{org}/students");
        let mut new = row(2, "小学/2024/1班");
        new["guardians"] = json!([{ "name": "王母", "relation": "52", "document_label": "居民身份证", "document_number": number("19850101", 4), "phone": "13900000001" }]);
        let first = school.post_once(&at(&org), "k-1", &new).await;
        assert_eq!((first.status, &first.body), (200, &json!({ "result": "accepted", "faults": [] })));
        assert_eq!(school.post_once(&at(&org), "k-1", &new).await.body, first.body, "once");
        assert_eq!(school.post(&at(&org), &new).await.text("result"), "unchanged");
        let students = school.all(&at(&org)).await;
        assert_eq!((students.len(), &students[0]["class"], &students[0]["guardians"][0]["name"]), (1, &json!("2024级1班"), &json!("王母")), "{students:?}");
        let moved = school.post(&at(&org), &row(2, "小学/2024/2班")).await;
        assert_eq!(moved.text("result"), "updated", "{moved:?}");
        // Known at the other school or not, it reads the same.
        let [known, unknown] = [other.post(&at(&other_org), &row(2, "小学/2024/1班")).await, other.post(&at(&other_org), &row(6, "小学/2024/1班")).await];
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
        let outside = other.post(&at(&org), &row(8, "小学/2024/1班")).await;
        assert_eq!((outside.status, problem(&outside).as_str()), (404, "not_found"));
        let mut wrong = row(8, "小学/2024/1班");
        wrong["document"]["number"] = json!("320102201602030088");
        let refused = school.post(&at(&org), &wrong).await;
        assert_eq!((refused.text("result").as_str(), &refused.body["faults"][0]["code"]), ("rejected", &json!("document_invalid")), "{refused:?}");
        assert!(!refused.body.to_string().contains("320102201602030088"));
        for (member, value) in [("name", json!("王\n小")), ("class", json!("一班")), ("student_no", json!("1\r\n2"))] {
            let mut wrong = row(8, "小学/2024/1班");
            wrong[member] = value;
            assert_eq!(school.post(&at(&org), &wrong).await.status, 400, "{member}");
        }
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM person WHERE name = '王小明'").await, "2");
    }

    async fn a_change_has_its_code_and_a_transfer_leaves_what_was(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None)]).await;
        let child = called(&app, "王小明").await[0];
        app.pass(3 * DAY);
        let Schools { school, other, other_org, .. } = schools(&app).await;
        let today = mingji::domain::time::Clock::now(&*app.clock).shanghai_date();
        let (path, yesterday) = (format!("/api/persons/{child}"), today.pred_opt().unwrap());
        let change = async |step: Value, code: Option<&str>| {
            school.post(&format!("{path}/stay"), &json!({ "step": step, "change": code, "on": yesterday.to_string() })).await
        };
        let wrong = change(json!("suspend"), Some("02")).await;
        assert_eq!((wrong.status, problem(&wrong).as_str()), (409, "conflict"), "no such change of that");
        let kept = change(json!("suspend"), Some("19")).await;
        assert_eq!((kept.status, &kept.body["began_by"], &kept.body["state"]), (200, &json!("19"), &json!("02")), "{kept:?}");
        let back = school.post(&format!("{path}/stay"), &json!({ "step": "resume" })).await;
        assert_eq!((back.status, &back.body["began_by"]), (200, &json!("12")), "{back:?}");

        // The other school asks, hers agrees.
        let asked = other.post(&format!("/api/institutions/{other_org}/students"), &row(2, "小学/2024/1班")).await;
        assert_eq!(asked.body, json!({ "result": "accepted", "faults": [] }));
        assert_eq!(other.get(&path).await.status, 404, "asking is not seeing");
        let waiting = school.all(&format!("/api/claims?org={SCHOOL}")).await;
        let decision = format!("/api/claims/{}/decision", waiting[0]["id"].as_str().unwrap());
        assert_eq!(other.post(&decision, &json!({ "verdict": "confirm" })).await.status, 404, "whoever asks does not agree");
        let agreed = school.post_once(&decision, "k-2", &json!({ "verdict": "confirm" })).await;
        assert_eq!((agreed.status, agreed.text("transferred_from").as_str()), (200, "第七实验小学"), "{agreed:?}");
        assert_eq!(school.post_once(&decision, "k-2", &json!({ "verdict": "confirm" })).await.body, agreed.body);
        let name = PersonName::parse("王新名").unwrap();
        app.app.rename_person(&app.operator(), Decider::Operator, child, name).await.unwrap();

        // She is the other school's; her former one is told what it recorded, and nothing later (R5).
        let now = other.get(&path).await;
        assert_eq!((now.status, &now.body["name"], &now.body["stays"][0]["began_by"]), (200, &json!("王新名"), &json!("22")), "{now:?}");
        assert_eq!(school.get(&path).await.status, 404);
        let then = school.get(&format!("{path}?on={yesterday}")).await;
        assert_eq!((then.status, &then.body["name"], &then.body["guardians"]), (200, &json!("王小明"), &json!([])), "{then:?}");
        let stays = then.body["stays"].as_array().unwrap();
        assert_eq!((stays.len(), &stays[0]["state"], &stays[0]["began_by"], &stays[0]["institution"]), (1, &json!("02"), &json!("19"), &json!("第七实验小学")), "{then:?}");
        let earlier = other.get(&format!("{path}?on={yesterday}")).await;
        assert_eq!((earlier.status, &earlier.body["stays"]), (200, &json!([])), "what was before is not the new school's");
        let before = school.get(&format!("{path}?on={}", today.pred_opt().unwrap() - chrono::Days::new(9))).await;
        assert_eq!((before.status, problem(&before).as_str()), (404, "not_found"), "nor was she there before");
        let told = app.app.enrolments_as_of(&app.operator(), "核对档案", child, None).await.unwrap();
        let codes: Vec<_> = told.iter().map(|part| (part.began_by.map(|code| code.as_str()), part.ended_by.map(|code| code.as_str()))).collect();
        assert_eq!(codes, [(None, None), (Some("19"), Some("21")), (Some("22"), None)], "{told:?}");
        let export = app.exported(child).await;
        assert_eq!((&export["places"][0]["ended_by"], &export["places"][1]["change"]), (&json!("21"), &json!("22")), "{export}");
    }
}
