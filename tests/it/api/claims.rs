//! Many claims decided in one act: on 1 September each graduate who comes into her next school is one.

use mingji::app::relation_claim::Decider;
use mingji::app::student_life::{Order, Whose};
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::student_state::StudentState;
use serde_json::{Value, json};

use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, called, number, pupil, pupils, text};

const NOBODY: &str = "01900000-0000-7000-8000-00000000abcd";
const ALL: &str = "/api/claims/decisions";
const AWAY: &str = "2132000790";

/// Three pupils whom the first school has no longer and the second one brings in, with one of another county; who runs the
/// second school, and the county.
async fn september(app: &TestApp) -> (Caller, Caller) {
    let more =
        "ED32010300,秦淮区教育局,教育行政部门,,320103,ED32010000\n2132000790,第十实验小学,学校,211,320103,ED32010300\n";
    county::import_all(app, &format!("{INSTITUTIONS}{more}")).await;
    let row = |school: &str, n: u32| pupil(school, &format!("升学{n}"), &number("20140203", n * 2), None);
    pupils(app, &[row(SCHOOL, 1), row(SCHOOL, 2), row(SCHOOL, 3), row(AWAY, 4)]).await;
    for n in 1..5 {
        let whose = Whose { person: called(app, &format!("升学{n}")).await[0], org: None, day: None, code: None };
        let left = Order::End(StudentState::DroppedOut);
        app.app.change_student(&app.operator(), Decider::Operator, &whose, &left).await.unwrap();
    }
    let next = county::administrator(app, 60, OTHER, AdminRole::School).await;
    let above = county::administrator(app, 62, COUNTY, AdminRole::County).await;
    for n in 1..5 {
        let told = county::desk(app, next, &row(OTHER, n)).await;
        assert_eq!(told["accepted"], 1, "{told}");
    }
    (app.at_api_as(next, COUNTY).await, app.at_api_as(above, COUNTY).await)
}

async fn waiting(caller: &Caller) -> Vec<Value> {
    caller.all(&format!("/api/claims?org={OTHER}&limit=2")).await
}

fn ids(rows: &[Value]) -> Vec<Value> {
    rows.iter().map(|row| row["id"].clone()).collect()
}

both_engines! {
    async fn a_list_is_decided_in_one_act_each_by_itself(app: TestApp) {
        let (school, county) = september(&app).await;
        let decidable = async |caller: &Caller| waiting(caller).await.iter().map(|row| (row["name"].as_str().unwrap().to_owned(), row["decidable"] == true)).collect::<Vec<_>>();
        assert!(decidable(&school).await.iter().all(|(_, hers)| !hers), "never the claimant alone");
        let hers: Vec<String> = decidable(&county).await.into_iter().filter(|(_, hers)| *hers).map(|(name, _)| name).collect();
        assert_eq!(hers, ["升学1", "升学2", "升学3"], "of the other county she covers one side");

        let all = ids(&waiting(&county).await);
        assert_eq!(all.len(), 4);
        let alone = school.post(ALL, &json!({ "claims": all, "verdict": "confirm" })).await;
        assert_eq!((alone.status, alone.body["decided"].as_array().unwrap().len(), alone.body["refused"].as_array().unwrap().len()), (200, 0, 4), "{alone:?}");
        let mut named = all.clone();
        named.extend([json!(NOBODY), all[0].clone()]);
        let asked = json!({ "claims": named, "verdict": "confirm" });
        let done = county.post_once(ALL, "k-1", &asked).await;
        assert_eq!(done.status, 200, "{done:?}");
        assert_eq!(county.post_once(ALL, "k-1", &asked).await.body, done.body, "once");
        let decided = done.body["decided"].as_array().unwrap();
        assert!(decided.len() == 3 && decided.iter().all(|one| one["state"] == "confirmed"), "{done:?}");
        // Whose other side she does not cover, and what is not there, read the same.
        let refused: Vec<_> = done.body["refused"].as_array().unwrap().iter().map(|one| (&one["id"], &one["problem"]["code"], &one["problem"]["detail"])).collect();
        let outside = waiting(&county).await[0]["id"].clone();
        let (no, gone) = (json!("not_found"), json!("the claim was not found"));
        assert_eq!(refused, [(&outside, &no, &gone), (&json!(NOBODY), &no, &gone)]);
        let at = text(&app, "SELECT p.name FROM enrolment e JOIN person p ON p.id = e.person_id JOIN institution o ON o.id = e.org_id WHERE e.valid_to IS NULL AND o.name = '第八实验小学' ORDER BY p.name").await;
        assert_eq!(at, "升学1,升学2,升学3");
        let entries = text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'relation.decided'").await;
        assert_eq!(entries, "3", "an entry for each");

        let again = county.post(ALL, &json!({ "claims": [all[0]], "verdict": "reject", "reason": "重复" })).await;
        assert_eq!((again.status, &again.body["decided"]), (200, &json!([])), "{again:?}");
        let many: Vec<&str> = std::iter::repeat_n(NOBODY, 201).collect();
        for wrong in [json!({ "claims": [], "verdict": "confirm" }), json!({ "claims": many, "verdict": "confirm" }), json!({ "claims": [NOBODY], "verdict": "reject", "reason": " " })] {
            let answer = county.post(ALL, &wrong).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (400, "invalid_request"), "{answer:?}");
        }
    }
}
