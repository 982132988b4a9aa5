//! What is begun comes to an end: what hangs below goes along in steps, and nothing is put where it does not fit.

use mingji::app::Kind;
use mingji::domain::id::OrgId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::institution::InstitutionKind;
use mingji::domain::registry::roster::Column;

use super::{InstitutionView, OPERATOR, Opening, days, found_at, merge, open, opening, shown, two_schools};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, number, pupil, text};

pub const NEXT: &str = "ED32010400";

pub async fn close(app: &TestApp, code: &str) -> Result<InstitutionView, Kind> {
    app.app.close_institution(&app.operator(), OPERATOR, code).await.map_err(|error| error.kind)
}

async fn id_of(app: &TestApp, code: &str) -> OrgId {
    shown(app, code, None).await.unwrap().institution_id
}

both_engines! {
    async fn what_hangs_below_goes_along_some_people_at_a_time(app: TestApp) {
        two_schools(&app).await;
        open(&app, OPERATOR, SCHOOL, &opening("2132000791", "东校区", InstitutionKind::Campus, None)).await.unwrap();
        let rows: Vec<String> = (0..50).map(|n| pupil("2132000791", &format!("校区{n}"), &number("20170304", 2 * n), None)).collect();
        assert_eq!(county::pupils(&app, &rows).await.created, 50);
        assert_eq!(found_at(&app, "校区7").await, "东校区,玄武区教育局,第七实验小学");
        let hangs = async |app: &TestApp| shown(app, "2132000791", None).await.unwrap().parent;
        assert_eq!(merge(&app, OPERATOR, SCHOOL, OTHER).await.unwrap().students, 1);
        assert_eq!(hangs(&app).await.as_deref(), Some("第八实验小学"));
        for name in ["校区7", "校区49"] {
            assert_eq!(found_at(&app, name).await, "东校区,玄武区教育局,第八实验小学", "{name}");
        }
        let steps = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'institution.changed' AND CAST(details AS TEXT) LIKE '%\"people\"%'";
        assert_eq!(text(&app, steps).await, "4", "forty and ten are hidden, and found again, in a transaction each");
        let told = "SELECT CAST(COUNT(DISTINCT e.aggregate_id) AS TEXT) FROM event e JOIN person p ON p.id = e.aggregate_id WHERE e.kind = 'person.moved' AND p.name LIKE '校区%'";
        assert_eq!(text(&app, told).await, "50");
        app.accounted_for().await;
    }

    async fn a_file_of_institutions_puts_nothing_where_it_does_not_fit(app: TestApp) {
        two_schools(&app).await;
        let codes = async |rows: &str| {
            let told = county::institutions(&app, &format!("机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\n{rows}")).await;
            (told.created, told.updated, told.errors.iter().map(|fault| (fault.code, fault.column)).collect::<Vec<_>>())
        };
        let invalid = |column| (0, 0, vec![("institution_invalid", column)]);
        assert_eq!(codes(&format!("2132000777,第七实验小学,部门,,320102,{COUNTY}\n")).await, invalid("机构类型"), "people study there");
        assert_eq!(codes("2132000792,新校,学校,211,320102,2132000777\n").await, invalid("上级机构标识码"), "a school under a school");
        open(&app, OPERATOR, COUNTY, &opening("2132000793", "空校", InstitutionKind::School, None)).await.unwrap();
        open(&app, OPERATOR, "2132000793", &opening("2132000794", "校区", InstitutionKind::Campus, None)).await.unwrap();
        assert_eq!(codes(&format!("2132000793,空校,部门,,320102,{COUNTY}\n")).await, invalid("机构类型"), "a campus stands below");
        close(&app, "2132000794").await.unwrap();
        assert_eq!(codes(&format!("2132000793,空校,部门,,320102,{COUNTY}\n")).await, (0, 1, vec![]));
        assert_eq!(codes("ED32010400,秦淮区教育局,教育行政部门,,320104,ED32010000\n").await, (1, 0, vec![]));
        close(&app, NEXT).await.unwrap();
        assert_eq!(codes(&format!("2132000796,迟校,学校,211,320104,{NEXT}\n")).await, invalid("上级机构标识码"), "nothing opens under what is closed");
    }

    async fn a_student_goes_to_the_school_that_was_named_whoever_shares_its_credit_code(app: TestApp) {
        county::open(&app).await;
        let credit = |opening| Opening { uscc: Some("91350211M0000XUF46".into()), ..opening };
        open(&app, OPERATOR, COUNTY, &credit(opening("2132000797", "总校", InstitutionKind::School, None))).await.unwrap();
        app.clock.advance(days(10));
        open(&app, OPERATOR, "2132000797", &credit(opening("2132000798", "分校区", InstitutionKind::Campus, None))).await.unwrap();
        app.clock.advance(days(10));
        app.app.recode_institution(&app.operator(), OPERATOR, "2132000797", "3132000797", "312".parse().ok()).await.unwrap();
        let admin = county::administrator(&app, 62, COUNTY, AdminRole::County).await;
        let cells = [
            (Column::Name, "王小明"), (Column::DocumentNumber, &*number("20170203", 2)),
            (Column::Stage, "小学"), (Column::EntryYear, "2024"), (Column::Class, "1班"),
        ];
        let cells: Vec<_> = cells.iter().map(|(column, cell)| (*column, (*cell).to_owned())).collect();
        let school = id_of(&app, "3132000797").await;
        let told = app.app.bring_in_student(&app.operator(), admin, school, &cells).await.unwrap();
        assert_eq!(told.faults, []);
        let at = "SELECT o.name FROM enrolment e JOIN institution o ON o.id = e.org_id JOIN person p ON p.id = e.person_id WHERE p.name = '王小明'";
        assert_eq!(text(&app, at).await, "总校");
    }
}
