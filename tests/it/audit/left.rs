//! What leaves an entry of its own although it changes nothing, or nobody asked for it: lists of the operator's, root secrets in a
//! file, clients that upkeep removes, and what an administrator was refused.

use std::time::Duration;

use mingji::app::Kind;
use mingji::domain::registry::codes::admin_role::AdminRole;

use crate::console::{at, keeper, page_of, signed_in};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils};
use crate::support::database::select_texts;

async fn texts(app: &TestApp, sql: &str) -> Vec<String> {
    select_texts(&app.database.url, sql).await
}

/// How many entries of an action there are, and of how many looks people read.
async fn entries(app: &TestApp, action: &str) -> (usize, usize) {
    let entries = texts(app, &format!("SELECT action FROM audit_entry WHERE action = '{action}'")).await.len();
    let sql = format!(
        "SELECT e.action FROM disclosure d JOIN audit_entry e ON e.id = d.entry_id WHERE e.action = '{action}'"
    );
    (entries, texts(app, &sql).await.len())
}

async fn reasons(app: &TestApp, action: &str) -> Vec<String> {
    texts(app, &format!("SELECT reason FROM audit_entry WHERE action = '{action}' AND reason IS NOT NULL")).await
}

both_engines! {
    async fn what_the_operator_lists_is_noted(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None)]).await;
        let (ctx, hers) = (app.operator(), called(&app, "赵一").await[0]);
        let before = entries(&app, "accounts.viewed").await;
        let listed = app.app.list_accounts(&ctx, SCHOOL).await.unwrap();
        let people: std::collections::BTreeSet<_> = listed.iter().map(|row| row.person_id).collect();
        let after = entries(&app, "accounts.viewed").await;
        assert!(!people.is_empty());
        assert_eq!((after.0 - before.0, after.1 - before.1), (1, people.len()));
        for why in ["", "编号 11010519491231002X"] {
            assert_eq!(app.app.all_verifications(&ctx, why, hers).await.unwrap_err().kind, Kind::Invalid, "{why}");
            assert_eq!(app.app.export_person(&ctx, why, hers).await.err().map(|error| error.kind), Some(Kind::Invalid), "{why}");
        }
        assert_eq!(entries(&app, "person.record_viewed").await.0, 0, "refused before anything is shown");
        app.app.all_verifications(&ctx, "核对材料", hers).await.unwrap();
        app.app.export_person(&ctx, "本人申请", hers).await.unwrap();
        assert_eq!(reasons(&app, "person.record_viewed").await, ["核对材料"]);
        assert_eq!(reasons(&app, "person.exported").await, ["本人申请"]);
        assert_eq!((entries(&app, "person.record_viewed").await.1, entries(&app, "person.exported").await.1), (1, 1));
        let before = entries(&app, "person.viewed").await.0;
        app.app.open_verifications(&ctx).await.unwrap();
        app.app.waiting_erasures(&ctx, 10).await.unwrap();
        assert_eq!(entries(&app, "person.viewed").await.0, before + 2);
        let before = entries(&app, "register.backed_up").await.0;
        app.app.note_backup(&ctx).await.unwrap();
        assert_eq!(entries(&app, "register.backed_up").await.0, before + 1, "root secrets left in a file");
    }

    /// The console as the API: who tries clients that are not hers, or a form that does not hold any more.
    async fn what_the_console_refuses_is_noted_too(app: TestApp) {
        let rp = app.client("vendor");
        let mut school = signed_in(&app, "school_admin").await;
        let refused = "SELECT reason || ' ' || CAST(details AS TEXT) FROM audit_entry WHERE action = 'admin.refused' ORDER BY at, id";
        for _ in 0..3 {
            assert_eq!(page_of(&mut school, &rp).await.status, 404);
        }
        let removal = [("version", "1"), ("confirm", "yes")];
        assert_eq!(school.browser.post(&at(&rp, "removal"), &removal).await.status, 404);
        let told = texts(&app, refused).await;
        assert_eq!(told.len(), 2, "each once: {told:?}");
        assert!(told[0].starts_with("not_found") && told[0].contains("GET /console/clients/{client_id}"), "{told:?}");
        assert!(told[1].contains("POST /console/clients/{client_id}/removal") && !told[1].contains(&rp.id), "{told:?}");
        let mut county = keeper(&app).await;
        let stale = [("version", "99"), ("overlap", "0")];
        assert_eq!(county.browser.post(&at(&rp, "secret"), &stale).await.status, 400);
        assert_eq!(page_of(&mut county, &rp).await.status, 200);
        let told = texts(&app, refused).await;
        assert!(told.len() == 3 && told[2].starts_with("conflict") && told[2].contains("/secret"), "{told:?}");
        let by = "SELECT CAST(target AS TEXT) FROM audit_entry WHERE action = 'admin.refused' ORDER BY at, id";
        let by = texts(&app, by).await;
        assert!(by[0].contains(&school.person.person_id.to_string()) && by[2].contains(&county.person.person_id.to_string()), "{by:?}");
    }

    async fn what_an_administrator_is_refused_is_noted_and_fills_no_log(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(OTHER, "钱一", &number("20160203", 1), None)]).await;
        let (hers, admin) = (called(&app, "钱一").await[0], county::administrator(&app, 1, SCHOOL, AdminRole::School).await);
        let caller = app.at_api_as(admin, COUNTY).await;
        let refused = "SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = 'admin.refused' AND result = 'refused' AND reason = 'not_found' ORDER BY at";
        for _ in 0..12 {
            assert_eq!(caller.get(&format!("/api/persons/{hers}")).await.status, 404);
        }
        let told = texts(&app, refused).await;
        assert_eq!(told.len(), 2, "the first and the tenth: {told:?}");
        assert!(told.iter().all(|one| one.contains("GET /api/persons/{id}") && !one.contains(&hers.to_string())), "{told:?}");
        assert_eq!(caller.get("/api/institutions?limit=x").await.status, 400);
        assert_eq!(caller.get("/api/institutions").await.status, 200);
        assert_eq!(texts(&app, "SELECT action FROM audit_entry WHERE action = 'admin.refused'").await.len(), 2, "no refusals");
        let nobodys = serde_json::json!({ "claims": [hers], "verdict": "confirm" });
        assert_eq!(caller.post("/api/claims/decisions", &nobodys).await.status, 200);
        assert_eq!(texts(&app, refused).await.len(), 3, "one of many in an answer");
        app.pass(Duration::from_secs(3_601));
        let caller = app.at_api_as(admin, COUNTY).await;
        assert_eq!(caller.get(&format!("/api/persons/{hers}")).await.status, 404);
        assert_eq!(texts(&app, refused).await.len(), 4, "another hour");
        app.numbered().await;
        assert!(app.app.verify_audit(&[]).await.unwrap().holds);
    }
}
