//! The school year turns on 1 September: whoever is through is no student any more, everybody else moves up, and a turn by
//! mistake is taken back to the day.

use mingji::app::Kind;
use mingji::app::class::Wanted;
use mingji::app::pace::Listener;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::school_year::{UndoReport, Wish, YearReport};
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::institution_life::ChangeKind;
use mingji::domain::registry::name::PersonName;
use mingji::domain::registry::roster::ClassKey;
use serde_json::json;

use crate::support::app::{Engine, TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, teacher, text};
use crate::support::database::Database;
use crate::support::need;
use crate::support::rosters::County;

const OPERATOR: Decider = Decider::Operator;

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

/// A pupil who entered in a year.
fn pupil(school: &str, name: &str, serial: u32, entered: i32) -> String {
    let number = number("20140203", serial);
    format!("{school},{name},居民身份证,{number},,小学,{entered},1班,,,,,\n")
}

async fn turn(app: &TestApp, by: Decider, org: &str, dry: bool) -> Result<YearReport, Kind> {
    app.app
        .turn_year(&app.operator(), by, org, None, Wish { dry, open: false }, &mut Silent)
        .await
        .map_err(|error| error.kind)
}

async fn undo(app: &TestApp, by: Decider, org: &str) -> Result<UndoReport, Kind> {
    app.app.undo_year(&app.operator(), by, org, None, &mut Silent).await.map_err(|error| error.kind)
}

/// Everything that a turn may touch, as it stands.
async fn register(app: &TestApp) -> Vec<String> {
    let mut all = Vec::new();
    for (place, columns) in [
        ("enrolment", "state || ' ' || COALESCE(valid_to, '') || ' ' || valid_from"),
        ("class", "status || ' ' || name || ' ' || CAST(entry_year AS TEXT)"),
        ("teaching", "valid_from || ' ' || COALESCE(valid_to, '')"),
        ("presence", "name_key"),
        ("enrolment_slice", "state || ' ' || valid_from || ' ' || valid_to"),
    ] {
        let mut rows: Vec<String> =
            text(app, &format!("SELECT {columns} FROM {place}")).await.split(',').map(str::to_owned).collect();
        rows.sort();
        all.push(format!("{place}: {}", rows.join("; ")));
    }
    all
}

async fn state_of(app: &TestApp, name: &str) -> String {
    let sql = format!(
        "SELECT e.state || ' ' || COALESCE(e.valid_to, 'open') FROM enrolment e JOIN person p ON p.id = e.person_id WHERE p.name = '{name}' ORDER BY e.valid_from, e.id"
    );
    text(app, &sql).await
}

/// Two schools: in the first a class that is through and one that is not, in the second one that is through.
async fn schools(app: &TestApp) {
    county::open(app).await;
    let rows = [
        pupil(SCHOOL, "王毕业", 2, 2020),
        pupil(SCHOOL, "李毕业", 4, 2020),
        pupil(SCHOOL, "张二年", 6, 2024),
        pupil(OTHER, "陈毕业", 8, 2020),
    ];
    county::pupils(app, &rows).await;
    let row =
        teacher(SCHOOL, "赵老师", &number("19700203", 60)).replace("小学/2024/1班", "小学/2020/1班;小学/2024/1班");
    county::teachers(app, &[row]).await;
}

both_engines! {
    async fn whoever_is_through_graduates_and_a_turn_by_mistake_is_taken_back(app: TestApp) {
        schools(&app).await;
        let before = register(&app).await;
        let seen = turn(&app, OPERATOR, COUNTY, true).await.unwrap();
        assert_eq!((seen.state, seen.classes, seen.students, seen.teachings), ("preview", 2, 3, 1));
        assert_eq!(register(&app).await, before, "a look writes nothing");

        let done = turn(&app, OPERATOR, COUNTY, false).await.unwrap();
        assert_eq!((done.classes, done.students, done.held_back, done.teachings), (2, 3, 0, 1));
        assert!(state_of(&app, "王毕业").await.starts_with("07 20"), "{}", state_of(&app, "王毕业").await);
        assert_eq!(state_of(&app, "张二年").await, "01 open", "she moved up by herself");
        let found = "SELECT CAST(COUNT(*) AS TEXT) FROM presence r JOIN person p ON p.id = r.person_id WHERE p.name LIKE '%毕业'";
        assert_eq!(text(&app, found).await, "0", "name search finds who is there");
        let turned = register(&app).await;
        let again = turn(&app, OPERATOR, COUNTY, false).await.unwrap();
        assert_eq!((again.classes, again.students), (2, 3), "the same turn, told again");
        assert_eq!(register(&app).await, turned);

        let back = undo(&app, OPERATOR, COUNTY).await.unwrap();
        assert_eq!((back.classes, back.students, back.teachings, back.changed_since), (2, 3, 1, 0));
        assert_eq!(register(&app).await, before);
        assert_eq!(undo(&app, OPERATOR, COUNTY).await.unwrap_err(), Kind::NotFound, "once");
        assert_eq!(turn(&app, OPERATOR, COUNTY, false).await.unwrap().students, 3, "and anew");
        let verdict = async { while app.app.number_pending().await.unwrap() > 0 {} app.app.verify_audit(&[]).await.unwrap() };
        assert!(verdict.await.holds);
    }

    async fn classes_of_the_new_year_open_with_the_turn_and_close_with_its_undo(app: TestApp) {
        schools(&app).await;
        let wish = |dry| Wish { dry, open: true };
        let open = async |dry| app.app.turn_year(&app.operator(), OPERATOR, COUNTY, None, wish(dry), &mut Silent).await.unwrap();
        assert_eq!(open(true).await.opened, 2);
        let of_the_year = "SELECT k.name || ' ' || k.status FROM class k JOIN institution o ON o.id = k.org_id WHERE k.entry_year = 2026 AND o.name IN ('第七实验小学', '第八实验小学') ORDER BY o.name DESC";
        assert_eq!(text(&app, of_the_year).await, "", "a look opens nothing");
        assert_eq!((open(false).await.opened, open(false).await.opened), (2, 2), "each once");
        assert_eq!(text(&app, of_the_year).await, "2026级1班 open,2026级1班 open");
        let fresh = pupil(SCHOOL, "新一年", 10, 2026);
        assert_eq!(county::pupils(&app, &[fresh]).await.errors, []);
        let back = undo(&app, OPERATOR, COUNTY).await.unwrap();
        assert_eq!((back.classes, back.changed_since), (2, 1), "a class in which somebody sits by now stays");
        let mut left: Vec<String> = text(&app, of_the_year).await.split(',').map(str::to_owned).collect();
        left.sort();
        assert_eq!(left, ["2026级1班 closed", "2026级1班 open"]);
        assert_eq!(open(false).await.opened, 1, "and opens again");
    }

    async fn what_was_changed_since_stays_as_it_is(app: TestApp) {
        schools(&app).await;
        turn(&app, OPERATOR, COUNTY, false).await.unwrap();
        let row = format!("{OTHER},王毕业,居民身份证,{},,初中,2026,1班,,,,,\n", number("20140203", 2));
        assert_eq!(county::pupils(&app, &[row]).await.errors, [], "she goes on at the next school");
        let dead = called(&app, "李毕业").await[0];
        let today = mingji::domain::time::Clock::now(&*app.clock).shanghai_date();
        app.app.record_death(&app.operator(), OPERATOR, dead, today).await.unwrap();
        let back = undo(&app, OPERATOR, COUNTY).await.unwrap();
        assert_eq!((back.students, back.changed_since, back.classes), (1, 2, 2));
        assert!(state_of(&app, "李毕业").await.starts_with("07 "), "nobody comes back from the dead");
        assert!(state_of(&app, "王毕业").await.contains("01 open"), "her new 学籍 stands");
        assert_eq!(state_of(&app, "陈毕业").await, "01 open");
    }

    async fn whoever_is_through_comes_into_her_next_school_by_who_governs_both(app: TestApp) {
        schools(&app).await;
        let admin = async |serial, org, role| county::administrator(&app, serial, org, role).await;
        let (former, next) = (admin(20, SCHOOL, AdminRole::School).await, admin(22, OTHER, AdminRole::School).await);
        let above = Decider::Admin(admin(24, COUNTY, AdminRole::County).await);
        turn(&app, above, COUNTY, false).await.unwrap();
        let row = |school: &str, name: &str, serial| {
            format!("{school},{name},居民身份证,{},,初中,2026,1班,,,,,\n", number("20140203", serial))
        };
        // To another school, and back to her own.
        for (name, serial, school, by) in [("王毕业", 2, OTHER, next), ("李毕业", 4, SCHOOL, former)] {
            county::desk(&app, by, &row(school, name, serial)).await;
            let [claim] = &app.app.pending_claims(&app.operator(), above, COUNTY, None).await.unwrap()[..] else { panic!("{name}") };
            assert!(!claim.transfer && claim.authority_from.is_none(), "no school is asked to let her go: {claim:?}");
            for alone in [former, next] {
                let refused = app.app.decide_claim(&app.operator(), Decider::Admin(alone), claim.id, Verdict::Confirm).await;
                assert_eq!(refused.unwrap_err().kind, Kind::NotFound, "{name}: no side speaks alone, and she is theirs no longer");
            }
            app.app.decide_claim(&app.operator(), above, claim.id, Verdict::Confirm).await.unwrap();
            assert!(state_of(&app, name).await.ends_with(",01 open"), "{}", state_of(&app, name).await);
        }
    }

    async fn whoever_sits_elsewhere_has_her_register_and_her_seat_again(app: TestApp) {
        schools(&app).await;
        let (hers, name) = (called(&app, "王毕业").await[0], PersonName::parse("王毕业").unwrap());
        let class = ClassKey::read("小学", "2020", "1班", "2026-11-25".parse().unwrap()).unwrap();
        let asked = app.app.ask_to_borrow(&app.operator(), OPERATOR, hers, OTHER, &name, Some(&class)).await.unwrap();
        app.app.decide_claim(&app.operator(), OPERATOR, asked.id, Verdict::Confirm).await.unwrap();
        let before = register(&app).await;
        for (org, students) in [(SCHOOL, 2), (OTHER, 2), (COUNTY, 4)] {
            assert_eq!(turn(&app, OPERATOR, org, false).await.unwrap().students, students);
            let back = undo(&app, OPERATOR, org).await.unwrap();
            assert_eq!((back.students, back.changed_since), (students, 0), "{org}");
            assert_eq!(register(&app).await, before, "{org}");
        }
    }

    async fn neither_a_turn_nor_its_undo_opens_what_is_over(app: TestApp) {
        schools(&app).await;
        let key = ClassKey::read("小学", "2026", "1班", "2026-11-25".parse().unwrap()).unwrap();
        let school = app.app.institution_on(&app.operator(), OPERATOR, SCHOOL, None).await.unwrap().institution_id;
        let wanted = Wanted { key, name: None, years: None };
        let above = Decider::Admin(county::administrator(&app, 24, COUNTY, AdminRole::County).await);
        let early = app.app.open_class_at(&app.operator(), above, school, &wanted).await.unwrap();
        app.app.close_class(&app.operator(), above, early.id).await.unwrap();
        let wish = Wish { dry: false, open: true };
        let done = app.app.turn_year(&app.operator(), OPERATOR, COUNTY, None, wish, &mut Silent).await.unwrap();
        assert_eq!((done.classes, done.opened), (2, 1));
        let status = async |year: i32, school: &str| {
            let sql = format!("SELECT k.status FROM class k JOIN institution o ON o.id = k.org_id WHERE o.name = '{school}' AND k.entry_year = {year}");
            text(&app, &sql).await
        };
        assert_eq!(status(2026, "第七实验小学").await, "closed", "somebody closed it by hand");
        app.app.hand_over_institution(&app.operator(), OPERATOR, OTHER, SCHOOL, ChangeKind::Merged, &mut Silent).await.unwrap();
        let back = undo(&app, OPERATOR, COUNTY).await.unwrap();
        assert_eq!((back.classes, back.students), (1, 2), "{back:?}");
        assert_eq!((status(2020, "第七实验小学").await.as_str(), status(2020, "第八实验小学").await.as_str()), ("open", "graduated"));
        assert!(state_of(&app, "陈毕业").await.starts_with("07 "), "her school is over");
    }

    async fn only_who_covers_the_institution_turns_it_and_only_for_a_time(app: TestApp) {
        schools(&app).await;
        let school = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let keeper = Decider::Admin(county::administrator(&app, 22, COUNTY, AdminRole::SchoolRoster).await);
        for (by, org) in [(school, COUNTY), (school, OTHER), (keeper, SCHOOL), (keeper, COUNTY)] {
            assert_eq!(turn(&app, by, org, true).await.unwrap_err(), Kind::NotFound);
            assert_eq!(turn(&app, by, org, false).await.unwrap_err(), Kind::NotFound);
            assert_eq!(undo(&app, by, org).await.unwrap_err(), Kind::NotFound);
        }
        let future = app.app.turn_year(&app.operator(), OPERATOR, COUNTY, Some(2999), Wish::default(), &mut Silent).await;
        assert_eq!(future.unwrap_err().kind, Kind::Conflict, "not before its 1 September");
        assert_eq!(turn(&app, school, SCHOOL, false).await.unwrap().students, 2);
        assert_eq!(state_of(&app, "陈毕业").await, "01 open", "the other school is not hers");
        assert_eq!(turn(&app, OPERATOR, COUNTY, false).await.unwrap().students, 1, "the county does what is left");
        app.clock.advance(std::time::Duration::from_secs(31 * 86_400));
        assert_eq!(undo(&app, school, SCHOOL).await.unwrap_err(), Kind::Conflict, "too late");
    }

    async fn two_at_once_make_one(app: TestApp) {
        schools(&app).await;
        let (one, other) = tokio::join!(turn(&app, OPERATOR, COUNTY, false), turn(&app, OPERATOR, COUNTY, false));
        assert_eq!((one.unwrap().students, other.unwrap().students), (3, 3));
        let turns = "SELECT CAST(COUNT(*) AS TEXT) || ' ' || MIN(state) FROM school_year_turn";
        assert_eq!(text(&app, turns).await, "1 done");
        let told = "SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE kind = 'person.graduated'";
        assert_eq!(text(&app, told).await, "3", "each of them once");
        let (one, other) = tokio::join!(undo(&app, OPERATOR, COUNTY), undo(&app, OPERATOR, COUNTY));
        assert!(one.is_ok() || other.is_ok());
        assert_eq!(state_of(&app, "王毕业").await, "01 open");
        assert_eq!(text(&app, turns).await, "1 undone");
    }

    async fn whoever_sat_there_with_a_platform_is_asked_again(app: TestApp) {
        let child = app.person("child_15").clone();
        let (platform, mut visitor) = (app.client("platform_a"), app.visitor("child_15"));
        let tokens = visitor.sign_in(&platform).await;
        let class = "UPDATE class SET entry_year = 2000 WHERE id IN (SELECT e.class_id FROM enrolment e JOIN account a ON a.person_id = e.person_id WHERE a.user_name = '";
        text(&app, &format!("{class}{}')", child.user_name)).await;
        assert_eq!(platform.userinfo(&tokens.access()).await.status, 200);
        let school = "SELECT k.value FROM institution_code k JOIN enrolment e ON e.org_id = k.org_id JOIN account a ON a.person_id = e.person_id WHERE k.valid_to IS NULL AND a.user_name = '";
        let code = text(&app, &format!("{school}{}'", child.user_name)).await;
        assert!(turn(&app, OPERATOR, code.split(',').next().unwrap(), false).await.unwrap().students >= 1);
        assert_eq!(platform.userinfo(&tokens.access()).await.status, 401, "she is no student there any more");
        assert_eq!(platform.refresh(&tokens.refresh()).await.error(), "invalid_grant");
    }
}

/// A county whose oldest pupils are through, its turn killed again and again.
async fn killed_in_the_middle(engine: Engine) {
    const PUPILS: u64 = 1200;
    let database = Database::new(engine).await;
    let place = database.installation();
    let county = County::of(PUPILS);
    let mut students = String::new();
    std::io::Read::read_to_string(&mut county.students(), &mut students).unwrap();
    let students = students.replace(",小学,2021,", ",小学,2020,");
    let through = students.matches(",小学,2020,").count();
    for (kind, file) in [("institutions", county.institutions()), ("students", students)] {
        std::fs::write(place.path().join(kind), file).unwrap();
        place.json(&["roster", "import", "--kind", kind, kind], "");
    }
    assert!(through > 100, "{through}");
    let turn = ["year", "turn", "--org", "ED33000000"];
    let mut caught = 0;
    for time in 1..6 {
        let mut child = place.begin(&turn, "");
        tokio::time::sleep(std::time::Duration::from_millis(60 * time)).await;
        let _ = child.kill();
        caught += u32::from(child.wait().unwrap().code().is_none());
    }
    assert!(caught > 0, "every run was over before it was killed");
    let report = place.json(&turn, "");
    assert_eq!((&report["students"], &report["state"]), (&json!(through), &json!("done")), "{report}");
    let undo = ["year", "undo", "--org", "ED33000000"];
    for time in 1..4 {
        let mut child = place.begin(&undo, "");
        tokio::time::sleep(std::time::Duration::from_millis(50 * time)).await;
        let _ = child.kill();
        child.wait().unwrap();
    }
    // The last of these may have finished it.
    let ended = place.run(&undo);
    assert!(ended.code == Some(0) || ended.err.contains("a turn of this year"), "{}", ended.err);
    let again = place.json(&["year", "turn", "--org", "ED33000000", "--dry-run"], "");
    assert_eq!(again["students"], json!(through), "all are back: {again}");
    assert_eq!(place.run(&["year", "turn", "--org", "0000"]).code, Some(1));
    assert_eq!(place.run(&["year", "turn"]).code, Some(2));
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_turn_goes_on_on_sqlite() {
    killed_in_the_middle(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_turn_goes_on_on_postgres() {
    let Some(server) = need::postgres() else { return };
    killed_in_the_middle(Engine::Postgres(server)).await;
}
