//! Who undoes a lock: nobody below the place from which it was laid, of security's nobody who only runs an institution, and the
//! operator any.

use mingji::app::relation_claim::Decider;
use mingji::domain::registry::codes::admin_role::AdminRole;
use serde_json::json;

use super::duties::with;
use super::students::{Schools, schools};
use crate::support::api::problem;
use crate::support::app::both_engines;
use crate::support::county::{self, COUNTY, SCHOOL, called, number, teacher, teachers, text};
use crate::support::database::select_texts;

both_engines! {
    async fn each_takes_off_what_is_hers(app: TestApp) {
        county::open(&app).await;
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102)), teacher(SCHOOL, "教师丙", &number("19750203", 106))]).await;
        let (hers, double) = (called(&app, "教师甲").await[0], called(&app, "教师丙").await[0]);
        let Schools { school, .. } = schools(&app).await;
        let guard = with(&app, 72, SCHOOL, AdminRole::Security).await;
        let (above, head) = (with(&app, 74, COUNTY, AdminRole::Security).await, with(&app, 76, COUNTY, AdminRole::County).await);
        let why = json!({ "reason": "账号被盗用" });
        let lock = async |by: &crate::support::api::Caller| {
            let answer = by.post(&format!("/api/persons/{hers}/account-lock"), &why).await;
            (answer.status, answer.body["state"].as_str().unwrap_or_default().to_owned())
        };
        let unlock = async |by: &crate::support::api::Caller| {
            let answer = by.post(&format!("/api/persons/{hers}/account-unlock"), &json!({})).await;
            if answer.status != 200 {
                assert_eq!(problem(&answer), "conflict", "{answer:?}");
            }
            (answer.status, answer.body["state"].as_str().unwrap_or_default().to_owned())
        };
        let (locked, open, refused) = ((200, "admin_locked".to_owned()), (200, "inactive".to_owned()), (409, String::new()));

        // Security undoes what the school locked, and the school nothing of security's.
        assert_eq!((lock(&school).await, lock(&school).await), (locked.clone(), refused.clone()), "once");
        assert_eq!(lock(&guard).await, locked, "and by whoever else finds reason");
        assert_eq!(unlock(&school).await, locked, "hers is off, security's is not");
        assert_eq!((unlock(&school).await, unlock(&guard).await), (refused.clone(), open.clone()));

        // From above: neither the school, nor its security, nor who runs the county.
        assert_eq!((lock(&school).await, lock(&above).await), (locked.clone(), locked.clone()));
        assert_eq!((unlock(&guard).await, unlock(&guard).await, unlock(&head).await), (locked.clone(), refused.clone(), refused.clone()));
        assert_eq!(school.post(&format!("/api/persons/{hers}/activation-code"), &json!({})).await.status, 409);
        let refusals = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'account.unlocked' AND result = 'refused'";
        assert_eq!(text(&app, refusals).await, "3");
        assert_eq!(unlock(&above).await, open);
        assert_eq!((lock(&head).await, unlock(&guard).await), (locked.clone(), refused.clone()), "nor lower security what the county runs");
        assert_eq!((unlock(&above).await, unlock(&above).await), (open.clone(), refused.clone()), "none is left");

        // Whoever comes first of two at once: the lock from above stands.
        assert_eq!(lock(&school).await, locked);
        let (one, _) = tokio::join!(lock(&above), unlock(&school));
        assert_eq!((one, unlock(&school).await), (locked.clone(), refused.clone()));

        // It comes along with a record that is merged into another one, and the operator takes it off.
        app.app.merge_persons(&app.operator(), Decider::Operator, double, hers, "同一人，两次录入").await.unwrap();
        assert_eq!(unlock(&school).await, refused);
        // One that was laid on what is left is not undone with the merge, by whomever.
        assert_eq!(lock(&above).await, locked);
        app.app.undo_merge(&app.operator(), Decider::Operator, hers, "核实为两人").await.unwrap();
        let states = "SELECT a.state FROM account a JOIN person p ON p.id = a.person_id WHERE p.name IN ('教师甲', '教师丙')";
        assert_eq!(select_texts(&app.database.url, states).await, ["admin_locked", "admin_locked"]);
        app.app.merge_persons(&app.operator(), Decider::Operator, double, hers, "同一人，两次录入").await.unwrap();
        let freed = app.app.unlock_account(&app.operator(), Decider::Operator, hers).await.unwrap();
        assert_eq!((freed.person_id, freed.state.as_str()), (double, "inactive"));
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM account_lock").await, "0");
    }
}
