//! Guardians over the API: named by the school, put in order, restricted and ended, and nobody's outside.

use mingji::domain::registry::codes::admin_role::AdminRole;
use serde_json::{Value, json};

use super::students::{Schools, schools};
use crate::support::api::problem;
use crate::support::app::both_engines;
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers};

both_engines! {
    async fn a_school_names_them_and_a_court_takes_away(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), Some(("王母", &number("19850101", 4))))]).await;
        teachers(&app, &[teacher(SCHOOL, "王父", &number("19840101", 6)), teacher(SCHOOL, "校长", &number("19740101", 8))]).await;
        let Schools { school, other, .. } = schools(&app).await;
        let keeper = county::administrator(&app, 64, SCHOOL, AdminRole::SchoolRoster).await;
        let above = county::administrator(&app, 66, COUNTY, AdminRole::County).await;
        let (roster, county) = (app.at_api_as(keeper, COUNTY).await, app.at_api_as(above, COUNTY).await);
        let (child, mother) = (called(&app, "王小明").await[0], called(&app, "王母").await[0]);
        let (father, head) = (called(&app, "王父").await[0], called(&app, "校长").await[0]);
        let path = format!("/api/persons/{child}/guardians");
        let list = async || school.get(&path).await.body;
        let first = list().await;
        assert_eq!((&first[0]["name"], &first[0]["phone"], &first[0]["rank"]), (&json!("王母"), &json!("1****1"), &json!(1)), "{first}");
        assert_eq!(roster.get(&path).await.status, 200, "the roster view is for whoever keeps it");

        let add = json!({ "guardian_id": father, "step": { "add": { "relation": "51" } } });
        assert_eq!(roster.post(&path, &add).await.status, 404, "who keeps lists decides nothing");
        let added = school.post_once(&path, "k-1", &add).await;
        assert_eq!((added.status, &added.body[0]["status"], &added.body[0]["legal"]), (200, &json!("confirmed"), &json!(true)), "{added:?}");
        assert_eq!(school.post_once(&path, "k-1", &add).await.body, added.body);
        assert_eq!(school.post(&path, &add).await.status, 409, "he is already");
        let for_org = |code: &str| json!({ "guardian_id": head, "step": { "add": { "relation": "G1", "institution": code } } });
        let [outside, nowhere] = [school.post(&path, &for_org(OTHER)).await, school.post(&path, &for_org("2132009999")).await];
        assert_eq!((outside.status, problem(&outside).as_str()), (404, "not_found"));
        assert_eq!(outside.text("detail").replace(OTHER, "2132009999"), nowhere.text("detail"), "whether there is such an institution is not told");
        let home = for_org(SCHOOL);
        assert_eq!(school.post(&path, &home).await.status, 200);
        let step = async |who: &mingji::domain::id::PersonId, step: Value| school.post(&path, &json!({ "guardian_id": who, "step": step })).await;
        assert_eq!(step(&father, json!({ "place": 1 })).await.status, 200);
        let ordered = list().await;
        let told: Vec<_> = ordered.as_array().unwrap().iter().map(|row| (row["name"].as_str().unwrap(), row["institution"].as_str())).collect();
        assert_eq!(told, [("王父", None), ("王母", None), ("校长", Some("第七实验小学"))], "{ordered}");

        let court = step(&mother, json!({ "restrict": ["custody"] })).await;
        assert_eq!((court.status, &court.body[0]["restrictions"]), (200, &json!(["custody"])), "{court:?}");
        assert!(!list().await.to_string().contains("custody"), "what a court said is no roster view");
        assert_eq!(step(&mother, json!({ "restrict": [] })).await.status, 409, "given back by the authority above");
        let lifted = county.post(&path, &json!({ "guardian_id": mother, "step": { "restrict": [] } })).await;
        assert_eq!(lifted.status, 200, "{lifted:?}");
        // Who read it before another one changed it writes nothing over.
        let version = async |name: &str| {
            let rows = list().await;
            rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()["version"].clone()
        };
        let seen = version("王父").await;
        let order = |restrict: &str, version: &Value| json!({ "guardian_id": father, "step": { "restrict": [restrict] }, "version": version });
        let first = county.post(&path, &order("no_contact", &seen)).await;
        assert_eq!(first.status, 200, "{first:?}");
        let second = county.post(&path, &order("no_location", &seen)).await;
        assert_eq!((second.status, problem(&second).as_str()), (409, "conflict"), "{second:?}");
        let now = version("王父").await;
        assert_eq!(first.body[0]["version"], now);
        assert_eq!(county.post(&path, &json!({ "guardian_id": father, "step": { "restrict": [] }, "version": now })).await.status, 200);
        assert_eq!(step(&father, json!("end")).await.status, 200);
        assert_eq!(list().await.as_array().unwrap().len(), 2);

        // Outside, a child and a stranger read the same.
        let nobody = "01900000-0000-7000-8000-00000000abcd";
        for who in [child.to_string(), nobody.into()] {
            let path = format!("/api/persons/{who}/guardians");
            for answer in [other.get(&path).await, other.post(&path, &add).await] {
                assert_eq!((answer.status, problem(&answer).as_str(), answer.text("detail").as_str()), (404, "not_found", "the person was not found"), "{answer:?}");
            }
        }
        let strange = school.post(&path, &json!({ "guardian_id": nobody, "step": "end" })).await;
        assert_eq!((strange.status, problem(&strange).as_str()), (404, "not_found"));
    }
}
