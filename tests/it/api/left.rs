//! Of whoever worked at a school and left, its lists of then say what it recorded.

use std::time::Duration;

use mingji::app::relation_claim::Decider;
use mingji::domain::registry::name::PersonName;
use mingji::domain::time::Clock as _;
use serde_json::json;

use super::students::{Schools, schools};
use crate::support::app::both_engines;
use crate::support::county::{self, SCHOOL, called, number, teacher, teachers};

both_engines! {
    async fn a_later_name_is_nothing_of_hers(app: TestApp) {
        county::open(&app).await;
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102))]).await;
        let hers = called(&app, "教师甲").await[0];
        app.pass(Duration::from_secs(3 * 86_400));
        let Schools { school, org, .. } = schools(&app).await;
        let left = school.post(&format!("/api/persons/{hers}/post"), &json!({ "step": { "leave": { "state": "07" } } })).await;
        assert_eq!(left.status, 200, "{left:?}");
        app.app.rename_person(&app.operator(), Decider::Operator, hers, PersonName::parse("教师新名").unwrap()).await.unwrap();
        let yesterday = app.clock.now().shanghai_date().pred_opt().unwrap();
        for list in ["staff", "lessons"] {
            let rows = school.all(&format!("/api/institutions/{org}/{list}?on={yesterday}")).await;
            let row = rows.iter().find(|row| row["person_id"] == json!(hers)).unwrap();
            assert_eq!(row["name"], "教师甲", "{list}");
            let today = school.all(&format!("/api/institutions/{org}/{list}")).await;
            assert!(today.iter().all(|row| row["person_id"] != json!(hers)), "{list}");
        }
        assert_eq!(school.get(&format!("/api/persons/{hers}?on={yesterday}")).await.body["name"], "教师甲");
    }
}
