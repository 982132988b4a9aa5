//! A roster is no way to try numbers until one fits: what contradicts somebody in sight costs, a preview like an import, and is
//! written down.

use mingji::app::roster_import::DeskReport;
use mingji::app::{Error, Kind};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::roster::RosterKind;

use super::Names;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, SCHOOL, STUDENTS, number, pupil, pupils, text};

const CODE: &str = "L320102201809010042";

/// Somebody of this number under the 学籍号 of a pupil whom the roster shows.
fn guess(number: &str) -> String {
    format!("{SCHOOL},赵一,居民身份证,{number},{CODE},小学,2024,1班,,,,,\n")
}

async fn preview(app: &TestApp, admin: PersonId, rows: &str) -> Result<DeskReport, Error> {
    let (ctx, file) = (app.operator(), format!("{STUDENTS}{rows}"));
    app.app.import_roster_as(&ctx, admin, RosterKind::Students, file.as_bytes(), true, &mut Names::default()).await
}

async fn asked(app: &TestApp) -> String {
    text(app, "SELECT CAST(asked AS TEXT) FROM probe_count").await
}

both_engines! {
    async fn numbers_are_not_tried_beside_a_code_that_is_known(app: TestApp) {
        county::open(&app).await;
        let admin = county::administrator(&app, 60, SCHOOL, AdminRole::SchoolRoster).await;
        pupils(&app, &[guess(&number("20160203", 1)), pupil(SCHOOL, "钱一", &number("20160203", 3), None)]).await;
        assert_eq!(preview(&app, admin, &guess(&number("20160203", 1))).await.unwrap().conflicts, 0);
        assert_eq!(asked(&app).await, "", "what is so is no question");
        let of_somebody_seen = guess(&number("20160203", 3));
        let told = preview(&app, admin, &format!("{of_somebody_seen}{}", guess(&number("20160203", 5)))).await.unwrap();
        assert_eq!(told.conflicts, 2, "{told:?}");
        assert_eq!(asked(&app).await, "41", "two contradictions, and a number that nobody in sight has");
        let entries = "SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = 'roster.previewed' ORDER BY id";
        let entries: Vec<serde_json::Value> = crate::support::database::select_texts(&app.database.url, entries)
            .await
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect();
        let counted: Vec<_> = entries.iter().map(|entry| (&entry["rows"], &entry["contradictions"])).collect();
        assert_eq!(counted, [(&1.into(), &0.into()), (&2.into(), &2.into())], "every preview is written down");

        let many: String = (0..960).map(|serial| guess(&number("20160204", serial))).collect();
        let stopped = preview(&app, admin, &many).await.unwrap_err();
        assert_eq!(stopped.kind, Kind::Conflict, "{stopped}");
        assert!(asked(&app).await.parse::<i64>().unwrap() <= 20_000);
        let stopped = app
            .app
            .import_roster_as(&app.operator(), admin, RosterKind::Students, format!("{STUDENTS}{many}").as_bytes(), false, &mut Names::default())
            .await;
        assert_eq!(stopped.unwrap_err().kind, Kind::Conflict, "nor by the import itself");
    }
}
