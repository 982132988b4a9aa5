//! A change that was begun by mistake has a way back while nobody went over: nobody stays hidden, what was opened is closed,
//! and a stop that was cut off comes to its end.

use mingji::app::institution_life::{Handover, Split};
use mingji::app::pace::Listener;
use mingji::app::{Error, Kind};
use mingji::domain::registry::institution::InstitutionKind;
use mingji::domain::registry::roster::ClassKey;
use mingji::domain::time::Clock as _;

use super::begun::{NEXT, close};
use super::{
    InstitutionView, OPERATOR, Silent, belongs, days, found_at, merge, moved, open, opening, shown, two_schools,
};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, number, pupil, text};
use crate::support::database::change;

/// Is killed when it hears that something was done.
struct Killed;

impl Listener for Killed {
    fn progress(&mut self, _: u64, _: u64) {
        panic!("killed")
    }
}

async fn stop(app: &TestApp, code: &str) -> Result<InstitutionView, Error> {
    app.app.stop_change(&app.operator(), OPERATOR, code, &mut Silent).await
}

/// A change that was begun, and cut off before its first step.
pub async fn cut_off(app: &TestApp, kind: &str, from: &str, to: &str) {
    let (day, now) = (app.clock.now().shanghai_date(), app.clock.now().micros());
    let sql = format!(
        "INSERT INTO institution_change (id, org_id, kind, into_id, day, state, started_at) SELECT o.id, o.id, '{kind}', n.id, '{day}', 'running', {now} FROM institution o, institution n WHERE o.name = '{from}' AND n.name = '{to}'"
    );
    change(&app.database.url, &sql).await;
}

/// Nobody is found by name at an institution.
pub async fn hide(app: &TestApp, org: &str, names: &str) {
    let sql = format!(
        "DELETE FROM presence WHERE org_id = (SELECT id FROM institution WHERE name = '{org}') AND person_id IN (SELECT id FROM person WHERE name LIKE '{names}')"
    );
    change(&app.database.url, &sql).await;
}

async fn under_way(app: &TestApp) -> String {
    text(app, "SELECT state FROM institution_change").await
}

fn split(app: &TestApp) -> Split {
    let class = ClassKey::read("小学", "2024", "2班", app.clock.now().shanghai_date()).unwrap();
    let opening = opening("2132000790", "东校区", InstitutionKind::Campus, None);
    Split { code: SCHOOL.into(), opening, classes: vec![class] }
}

async fn splits(app: &TestApp) -> Result<Handover, Error> {
    app.app.split_institution(&app.operator(), OPERATOR, &split(app), &mut Silent).await
}

/// A split that is killed after its first step.
async fn killed_split(app: &TestApp) {
    let app = app.clone();
    let killed = tokio::spawn(async move {
        app.app.split_institution(&app.operator(), OPERATOR, &split(&app), &mut Killed).await.map(drop)
    });
    assert!(killed.await.unwrap_err().is_panic());
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

    async fn a_stop_that_was_cut_off_comes_to_its_end(app: TestApp) {
        two_schools(&app).await;
        county::import_all(&app, &format!("{INSTITUTIONS}{NEXT},秦淮区教育局,教育行政部门,,320104,ED32010000\n")).await;
        let rows: Vec<String> = (0..150).map(|n| pupil(SCHOOL, &format!("学生{n}"), &number("20170304", 2 * n), None)).collect();
        assert_eq!(county::pupils(&app, &rows).await.created, 150);
        cut_off(&app, "moved", "第七实验小学", "秦淮区教育局").await;
        hide(&app, "玄武区教育局", "学生%").await;
        let trying = app.clone();
        let killed = tokio::spawn(async move { trying.app.stop_change(&trying.operator(), OPERATOR, SCHOOL, &mut Killed).await.map(drop) });
        assert!(killed.await.unwrap_err().is_panic());
        let refused = moved(&app, OPERATOR, SCHOOL, NEXT).await;
        assert_eq!(refused.map(drop), Err(Kind::Conflict), "it is on its way back");
        // The same command again, whether the job found it meanwhile or not.
        let again = stop(&app, SCHOOL).await;
        assert!(again.as_ref().is_ok_and(|view| view.status == "active") || again.as_ref().is_err_and(|error| error.public.contains("under way")), "{again:?}");
        assert_eq!(under_way(&app).await, "");
        let hidden = "SELECT CAST(COUNT(*) AS TEXT) FROM person p WHERE p.name LIKE '学生%' AND NOT EXISTS (SELECT 1 FROM presence r JOIN institution o ON o.id = r.org_id WHERE r.person_id = p.id AND o.name = '玄武区教育局')";
        assert_eq!(text(&app, hidden).await, "0");
        // A job does it too.
        cut_off(&app, "moved", "第七实验小学", "秦淮区教育局").await;
        hide(&app, "玄武区教育局", "学生%").await;
        change(&app.database.url, "UPDATE institution_change SET state = 'stopping'").await;
        app.app.finish_stops().await.unwrap();
        assert_eq!((under_way(&app).await, text(&app, hidden).await), (String::new(), "0".to_owned()));
        moved(&app, OPERATOR, SCHOOL, NEXT).await.unwrap();
    }

    async fn a_merger_that_is_stopped_hides_nobody_of_a_campus(app: TestApp) {
        two_schools(&app).await;
        open(&app, OPERATOR, SCHOOL, &opening("2132000791", "东校区", InstitutionKind::Campus, None)).await.unwrap();
        let rows: Vec<String> = (0..50).map(|n| pupil("2132000791", &format!("校区{n}"), &number("20170304", 2 * n), None)).collect();
        assert_eq!(county::pupils(&app, &rows).await.created, 50);
        for kind in ["merged", "closed"] {
            app.clock.advance(days(1));
            cut_off(&app, kind, "第七实验小学", "第八实验小学").await;
            hide(&app, "第七实验小学", "校区%").await;
            assert_eq!(found_at(&app, "校区49").await, "东校区,玄武区教育局");
            stop(&app, SCHOOL).await.unwrap();
            for name in ["校区7", "校区49"] {
                assert_eq!(found_at(&app, name).await, "东校区,玄武区教育局,第七实验小学", "{kind} {name}");
            }
            assert_eq!(under_way(&app).await, "");
        }
    }

    async fn a_split_is_taken_back_while_nobody_went_over(app: TestApp) {
        two_schools(&app).await;
        let row = |name, n| pupil(SCHOOL, name, &number("20170203", n), None).replace(",2024,1班,", ",2024,2班,");
        county::pupils(&app, &[row("同校", 8)]).await;
        let seat = |class: &str| format!("UPDATE enrolment SET class_id = (SELECT k.id FROM class k JOIN institution o ON o.id = k.org_id WHERE o.name = '第七实验小学' AND k.class_no = '{class}') WHERE person_id = (SELECT id FROM person WHERE name = '同校')");
        // Nobody was there in the first step.
        change(&app.database.url, &seat("1班")).await;
        killed_split(&app).await;
        change(&app.database.url, &seat("2班")).await;
        assert_eq!(under_way(&app).await, "running");
        assert_eq!(stop(&app, SCHOOL).await.unwrap().status, "active");
        let classes = "SELECT o.name || k.class_no || k.status FROM class k JOIN institution o ON o.id = k.org_id WHERE o.name IN ('第七实验小学', '东校区') AND k.successor_id IS NULL ORDER BY 1";
        let mut told: Vec<_> = text(&app, classes).await.split(',').map(str::to_owned).collect();
        told.sort();
        assert_eq!(told, ["东校区2班closed", "第七实验小学1班open", "第七实验小学2班open"]);
        assert_eq!((under_way(&app).await, text(&app, "SELECT status FROM institution WHERE name = '东校区'").await), (String::new(), "abolished".to_owned()));
        assert_eq!(shown(&app, "2132000790", None).await.unwrap_err(), Kind::NotFound, "nobody was ever found by that code");
        assert_eq!(county::pupils(&app, &[row("新生", 10)]).await.created, 1, "the class is the school's again");

        // Begun again under the same code, it goes over, and is then only finished.
        killed_split(&app).await;
        let refused = stop(&app, SCHOOL).await.unwrap_err();
        assert!(refused.kind == Kind::Conflict && refused.public.contains("went over"), "{refused}");
        assert_eq!(splits(&app).await.unwrap().into.name, "东校区");
        assert_eq!((belongs(&app, "enrolment", "东校区").await.as_str(), under_way(&app).await.as_str()), ("同校,新生", "done"));
    }
}
