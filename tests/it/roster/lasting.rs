//! An import lasts, and what it rests on may end meanwhile: rights, and where institutions stand.

use std::io::Read;

use mingji::app::Kind;
use mingji::app::relation_claim::Decider;
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::roster::RosterKind;

use super::Names;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, SCHOOL, STUDENTS, called, number, pupil, text};

const NEXT: &str = "ED32010300";
const NEXT_COUNTY: &str = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\nED32000000,江苏省教育厅,教育行政部门,,320000,\nED32010000,南京市教育局,教育行政部门,,320100,ED32000000\nED32010300,某区教育局,教育行政部门,,320103,ED32010000\n";
const ROWS: u32 = 200;

/// A file in whose middle something happens.
struct Meanwhile<F> {
    parts: Vec<Vec<u8>>,
    happens: Option<F>,
}

impl<F: FnOnce() + Send> Meanwhile<F> {
    fn new(happens: F) -> Self {
        let row = |n: u32| pupil(SCHOOL, &format!("赵{n}"), &number("20160203", n), None);
        let (first, second) =
            ((1..=ROWS / 2).map(row).collect::<String>(), (ROWS / 2 + 1..=ROWS).map(row).collect::<String>());
        Self { parts: vec![second.into_bytes(), format!("{STUDENTS}{first}").into_bytes()], happens: Some(happens) }
    }
}

impl<F: FnOnce() + Send> Read for Meanwhile<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some(part) = self.parts.last_mut() else { return Ok(0) };
        if part.is_empty() {
            self.parts.pop();
            if let Some(happens) = self.happens.take() {
                happens();
            }
            return self.read(buffer);
        }
        let n = part.len().min(buffer.len()).min(2048);
        buffer[..n].copy_from_slice(&part[..n]);
        part.drain(..n);
        Ok(n)
    }
}

fn now<T>(what: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(what))
}

async fn moves(app: &TestApp) {
    struct Silent;
    impl mingji::app::pace::Listener for Silent {
        fn progress(&mut self, _: u64, _: u64) {}
    }
    app.app.move_institution(&app.operator(), Decider::Operator, SCHOOL, NEXT, None, &mut Silent).await.unwrap();
}

async fn import_as(app: &TestApp, admin: PersonId, file: impl Read + Send) -> Kind {
    let imported = app
        .app
        .import_roster_as(&app.operator(), admin, RosterKind::Students, file, false, &mut Names::default())
        .await;
    let why = imported.unwrap_err().kind;
    assert_eq!(called(app, &format!("赵{ROWS}")).await, [], "the end of the file is nowhere");
    why
}

both_engines! {
    async fn rights_that_end_meanwhile_bring_nobody_in(app: TestApp) {
        county::open(&app).await;
        let admin = county::administrator(&app, 60, SCHOOL, AdminRole::School).await;
        let file = Meanwhile::new(|| {
            now(app.app.revoke_role(&app.operator(), Decider::Operator, admin, AdminRole::School, SCHOOL)).unwrap();
        });
        assert_eq!(import_as(&app, admin, file).await, Kind::NotFound);
    }

    async fn a_school_that_moves_away_meanwhile_is_not_hers(app: TestApp) {
        county::open(&app).await;
        county::import_all(&app, NEXT_COUNTY).await;
        let admin = county::administrator(&app, 60, COUNTY, AdminRole::County).await;
        assert_eq!(import_as(&app, admin, Meanwhile::new(|| now(moves(&app)))).await, Kind::Conflict);
    }

    async fn whom_the_operator_brings_in_is_found_where_the_school_is_by_then(app: TestApp) {
        county::open(&app).await;
        county::import_all(&app, NEXT_COUNTY).await;
        let file = Meanwhile::new(|| now(moves(&app)));
        let report = app.app.import_roster(&app.operator(), RosterKind::Students, file, false, &mut Names::default()).await.unwrap();
        assert_eq!(report.created, u64::from(ROWS), "{report:?}");
        let at = |code: &str| format!("SELECT CAST(COUNT(*) AS TEXT) FROM presence r JOIN institution_code k ON k.org_id = r.org_id WHERE k.value = '{code}' AND r.name_key LIKE '赵%'");
        assert_eq!((text(&app, &at(COUNTY)).await, text(&app, &at(NEXT)).await), ("0".into(), ROWS.to_string()));
    }
}
