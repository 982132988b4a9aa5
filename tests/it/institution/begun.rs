//! What is begun comes to an end or has a way back: nothing is closed under it, and what hangs below goes along in steps.

use mingji::app::{Error, Kind};
use mingji::domain::id::OrgId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::institution::InstitutionKind;
use mingji::domain::registry::roster::Column;
use mingji::domain::time::Clock as _;

use super::{
    InstitutionView, OPERATOR, Opening, Silent, days, found_at, merge, moved, open, opening, shown, two_schools,
};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, number, pupil, text};
use crate::support::database::change;

const NEXT: &str = "ED32010400";

async fn stop(app: &TestApp, code: &str) -> Result<InstitutionView, Error> {
    app.app.stop_change(&app.operator(), OPERATOR, code, &mut Silent).await
}

async fn close(app: &TestApp, code: &str) -> Result<InstitutionView, Kind> {
    app.app.close_institution(&app.operator(), OPERATOR, code).await.map_err(|error| error.kind)
}

/// A change that was begun, and cut off before its first step.
async fn cut_off(app: &TestApp, kind: &str, from: &str, to: &str) {
    let (day, now) = (app.clock.now().shanghai_date(), app.clock.now().micros());
    let sql = format!(
        "INSERT INTO institution_change (id, org_id, kind, into_id, day, state, started_at) SELECT o.id, o.id, '{kind}', n.id, '{day}', 'running', {now} FROM institution o, institution n WHERE o.name = '{from}' AND n.name = '{to}'"
    );
    change(&app.database.url, &sql).await;
}

async fn id_of(app: &TestApp, code: &str) -> OrgId {
    shown(app, code, None).await.unwrap().institution_id
}

both_engines! {
    async fn a_change_that_was_begun_has_a_way_back_while_nobody_went_over(app: TestApp) {
        two_schools(&app).await;
        let fresh = opening("2132000790", "空校", InstitutionKind::School, None);
        open(&app, OPERATOR, COUNTY, &fresh).await.unwrap();
        let none = stop(&app, SCHOOL).await.unwrap_err();
        assert!(none.kind == Kind::Conflict && none.public.contains("under way"), "{none}");

        cut_off(&app, "merged", "第七实验小学", "空校").await;
        assert_eq!(close(&app, "2132000790").await.unwrap_err(), Kind::Conflict, "people are on their way there");
        assert_eq!(merge(&app, OPERATOR, SCHOOL, OTHER).await.unwrap_err(), Kind::Conflict);
        assert_eq!(stop(&app, SCHOOL).await.unwrap().status, "active");
        assert_eq!(close(&app, "2132000790").await.unwrap().status, "abolished");
        assert_eq!(shown(&app, SCHOOL, None).await.unwrap().name, "第七实验小学", "its code leads nowhere else");

        // Where somebody or something went over it can only be finished.
        cut_off(&app, "merged", "第七实验小学", "第八实验小学").await;
        change(&app.database.url, "UPDATE class SET status = 'closed', successor_id = (SELECT n.id FROM class n JOIN institution o ON o.id = n.org_id WHERE o.name = '第八实验小学') WHERE org_id = (SELECT id FROM institution WHERE name = '第七实验小学')").await;
        let refused = stop(&app, SCHOOL).await.unwrap_err();
        assert!(refused.kind == Kind::Conflict && refused.public.contains("went over"), "{refused}");
        assert_eq!(merge(&app, OPERATOR, SCHOOL, OTHER).await.unwrap().students, 1);
    }

    async fn a_move_that_is_stopped_hides_nobody(app: TestApp) {
        two_schools(&app).await;
        county::import_all(&app, &format!("{INSTITUTIONS}{NEXT},秦淮区教育局,教育行政部门,,320104,ED32010000\n")).await;
        assert_eq!(found_at(&app, "王芳").await, "玄武区教育局,第七实验小学");
        cut_off(&app, "moved", "第七实验小学", "秦淮区教育局").await;
        change(&app.database.url, "DELETE FROM presence WHERE org_id = (SELECT id FROM institution WHERE name = '玄武区教育局')").await;
        change(&app.database.url, "UPDATE person SET home_platform_id = (SELECT h.id FROM platform h WHERE h.sys_code = '320104') WHERE name = '王芳'").await;
        assert_eq!(close(&app, NEXT).await.unwrap_err(), Kind::Conflict);
        stop(&app, SCHOOL).await.unwrap();
        assert_eq!(found_at(&app, "王芳").await, "玄武区教育局,第七实验小学");
        let home = "SELECT h.sys_code FROM person p JOIN platform h ON h.id = p.home_platform_id WHERE p.name = '王芳'";
        assert_eq!(text(&app, home).await, "320102");
        assert_eq!(close(&app, NEXT).await.unwrap().status, "abolished");
        assert_eq!(moved(&app, OPERATOR, SCHOOL, NEXT).await.unwrap_err(), Kind::Conflict);
    }

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
