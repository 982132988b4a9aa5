//! Real-name verification over the API.

use mingji::app::relation_claim::Decider;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::name::PersonName;
use serde_json::{Value, json};

use super::students::{Schools, schools};
use crate::support::api::problem;
use crate::support::app::both_engines;
use crate::support::county::{self, COUNTY, SCHOOL, called, number, pupil, pupils};

both_engines! {
    async fn a_school_vouches_and_the_authority_sees_the_paper(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), Some(("王母", &number("19850101", 4))))]).await;
        let Schools { school, other, .. } = schools(&app).await;
        let above = county::administrator(&app, 66, COUNTY, AdminRole::County).await;
        let county = app.at_api_through("platform_b", above, COUNTY).await;
        let (child, mother) = (called(&app, "王小明").await[0], called(&app, "王母").await[0]);
        let path = format!("/api/persons/{child}/verifications");
        let vouched = school.post_once(&path, "k-1", &json!("school_vouch")).await;
        assert_eq!((vouched.status, vouched.text("state").as_str()), (200, "confirmed"), "{vouched:?}");
        assert_eq!(school.post_once(&path, "k-1", &json!("school_vouch")).await.body, vouched.body);
        assert_eq!(school.post(&path, &json!({ "guardian_vouch": mother })).await.status, 200);
        assert_eq!(school.post(&path, &json!({ "guardian_vouch": child })).await.status, 409, "no guardian of hers");
        let seen = school.post(&path, &json!("document_sighted")).await;
        assert_eq!((seen.status, problem(&seen).as_str()), (409, "conflict"), "a school's word is another one");
        let sighted = county.post(&path, &json!("document_sighted")).await;
        assert_eq!(sighted.status, 200, "{sighted:?}");
        let unknown = school.post(&path, &json!({ "ask": "police" })).await;
        assert_eq!((unknown.status, problem(&unknown).as_str()), (404, "not_found"), "no service is set up");
        let list = school.get(&path).await;
        let mut told: Vec<(u64, &str)> = list.body.as_array().unwrap().iter().map(|one: &Value| (one["level"].as_u64().unwrap(), one["method"].as_str().unwrap())).collect();
        told.sort_unstable();
        assert_eq!(told, [(1, "guardian_vouch"), (1, "school_vouch"), (4, "document_sighted")], "{list:?}");
        assert!(!list.body.to_string().contains(&number("20160203", 2)));
        // What was superseded is history: it stands in the full record, for a purpose and by another's word (R19).
        app.app.rename_person(&app.operator(), Decider::Operator, child, PersonName::parse("王大明").unwrap()).await.unwrap();
        assert_eq!(school.get(&path).await.body, json!([]));
        let wish = json!({ "opens": { "person_id": child }, "purpose": "核对实名" });
        let approval = school.post("/api/approvals", &wish).await.text("id");
        assert_eq!(county.post(&format!("/api/approvals/{approval}/decision"), &json!({ "approve_for_hours": 1 })).await.status, 200);
        let record = school.get(&format!("/api/persons/{child}/record?approval={approval}")).await;
        let history: Vec<&str> = record.body["verifications"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
        assert_eq!(history, ["superseded"; 3], "{record:?}");
        let nobody = "01900000-0000-7000-8000-00000000abcd";
        for who in [child.to_string(), nobody.into()] {
            let path = format!("/api/persons/{who}/verifications");
            for answer in [other.get(&path).await, other.post(&path, &json!("school_vouch")).await] {
                assert_eq!((answer.status, answer.text("detail").as_str()), (404, "the person was not found"), "{answer:?}");
            }
        }
    }
}
