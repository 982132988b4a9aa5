//! What becomes of institutions: an old code leads to where its people are, whoever is signed in stays so, and name search,
//! rights and homes are right after each step, whatever is cut off or happens at the same moment.

mod begun;
mod locks;
pub mod stopped;

use mingji::app::Kind;
use mingji::app::institution_life::{Handover, InstitutionView, Opening, Split};
use mingji::app::pace::Listener;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::school_year::Wish;
use mingji::app::staff_life;
use mingji::app::student_life::{self, Whose};
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::staff::{StaffPost, StaffState};
use mingji::domain::registry::codes::student_state::StudentState;
use mingji::domain::registry::institution::InstitutionKind;
use mingji::domain::registry::institution_life::ChangeKind;
use mingji::domain::registry::roster::ClassKey;
use mingji::domain::time::Clock as _;
use serde_json::{Value, json};

use crate::support::app::{Engine, TestApp, both_engines};
use crate::support::county::{self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, called, number, pupil, teacher, text};
use crate::support::database::Database;
use crate::support::need;
use crate::support::rosters::County;

const OPERATOR: Decider = Decider::Operator;

pub struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

pub fn opening(code: &str, name: &str, kind: InstitutionKind, division: Option<&str>) -> Opening {
    Opening {
        code: code.into(),
        uscc: None,
        name: name.into(),
        kind,
        division: division.map(|code| code.parse().unwrap()),
        school_type: None,
    }
}

async fn open(app: &TestApp, by: Decider, parent: &str, opening: &Opening) -> Result<InstitutionView, Kind> {
    app.app.open_institution_under(&app.operator(), by, Some(parent.into()), opening).await.map_err(|error| error.kind)
}

async fn merge(app: &TestApp, by: Decider, code: &str, into: &str) -> Result<Handover, Kind> {
    let merged = app.app.hand_over_institution(&app.operator(), by, code, into, ChangeKind::Merged, &mut Silent).await;
    merged.map_err(|error| error.kind)
}

async fn moved(app: &TestApp, by: Decider, code: &str, under: &str) -> Result<InstitutionView, Kind> {
    let moved = app.app.move_institution(&app.operator(), by, code, under, None, &mut Silent).await;
    moved.map_err(|error| error.kind)
}

async fn shown(app: &TestApp, code: &str, on: Option<&str>) -> Result<InstitutionView, Kind> {
    let on = on.map(|day| day.parse().unwrap());
    app.app.institution_on(&app.operator(), OPERATOR, code, on).await.map_err(|error| error.kind)
}

fn days(n: u64) -> std::time::Duration {
    std::time::Duration::from_secs(n * 86_400)
}

/// Open stays and posts by institution: `name: students, staff`.
async fn belongs(app: &TestApp, table: &str, name: &str) -> String {
    let sql = format!(
        "SELECT p.name FROM {table} e JOIN person p ON p.id = e.person_id JOIN institution o ON o.id = e.org_id WHERE e.valid_to IS NULL AND o.name = '{name}' AND p.name NOT LIKE '管理员%' ORDER BY p.name"
    );
    let mut names: Vec<String> = text(app, &sql).await.split(',').map(str::to_owned).collect();
    names.sort();
    names.join(",")
}

/// At which institutions name search finds somebody.
async fn found_at(app: &TestApp, name: &str) -> String {
    let sql = format!(
        "SELECT o.name FROM presence r JOIN person p ON p.id = r.person_id JOIN institution o ON o.id = r.org_id WHERE p.name = '{name}'"
    );
    let mut names: Vec<String> = text(app, &sql).await.split(',').map(str::to_owned).collect();
    names.sort();
    names.join(",")
}

/// Two schools with a class of one name each.
async fn two_schools(app: &TestApp) {
    county::open(app).await;
    let rows = [
        pupil(SCHOOL, "王芳", &number("20170203", 2), None),
        pupil(OTHER, "李娜", &number("20170203", 4), Some(("李母", &number("19850203", 6)))),
    ];
    assert_eq!(county::pupils(app, &rows).await.errors, []);
    let rows = [teacher(SCHOOL, "赵老师", &number("19750203", 60)), teacher(OTHER, "钱老师", &number("19750203", 62))];
    assert_eq!(county::teachers(app, &rows).await.errors, []);
}

async fn audit_holds(app: &TestApp) {
    while app.app.number_pending().await.unwrap() > 0 {}
    assert!(app.app.verify_audit(&[]).await.unwrap().holds);
}

both_engines! {
    async fn every_code_leads_home_by_the_day(app: TestApp) {
        county::open(&app).await;
        let first = app.clock.now().shanghai_date().to_string();
        app.clock.advance(days(10));
        let renamed = app.app.rename_institution(&app.operator(), OPERATOR, SCHOOL, "第七中心小学").await.unwrap();
        assert_eq!(renamed.code.as_deref(), Some(SCHOOL), "a rename keeps the code");
        let second = app.clock.now().shanghai_date().to_string();
        app.clock.advance(days(10));
        let nine = "312".parse().ok();
        let recoded = app.app.recode_institution(&app.operator(), OPERATOR, SCHOOL, "3132000777", nine).await.unwrap();
        assert_eq!((recoded.code.as_deref(), recoded.school_type), (Some("3132000777"), Some("312")));
        for (code, on, name, told) in [
            (SCHOOL, Some(first.as_str()), "第七实验小学", Some(SCHOOL)),
            (SCHOOL, Some(second.as_str()), "第七中心小学", Some(SCHOOL)),
            (SCHOOL, None, "第七中心小学", Some("3132000777")),
            ("3132000777", None, "第七中心小学", Some("3132000777")),
        ] {
            let seen = shown(&app, code, on).await.unwrap();
            assert_eq!((seen.name.as_str(), seen.code.as_deref()), (name, told), "{code} {on:?}");
        }
        assert_eq!(shown(&app, "3132000777", Some(&second)).await.unwrap_err(), Kind::NotFound, "nobody had it then");
        assert_eq!(shown(&app, SCHOOL, Some("2001-01-01")).await.unwrap_err(), Kind::NotFound);
        let taken = open(&app, OPERATOR, COUNTY, &opening(SCHOOL, "新校", InstitutionKind::School, None)).await;
        assert_eq!(taken.unwrap_err(), Kind::Conflict, "void codes are never used again");
        let back = app.app.recode_institution(&app.operator(), OPERATOR, "3132000777", SCHOOL, None).await.unwrap();
        assert_eq!(back.code.as_deref(), Some(SCHOOL), "a school that is restored gets its own old code back");
        let told = app.app.institution_history(&app.operator(), OPERATOR, SCHOOL).await.unwrap();
        assert_eq!((told.parts.len(), told.codes.len()), (3, 3), "{told:?}");
        assert!(told.parts.windows(2).all(|two| two[0].to == Some(two[1].from)), "{told:?}");
        audit_holds(&app).await;
        app.accounted_for().await;
    }

    async fn the_corps_and_directly_governed_cities_fit_the_tree(app: TestApp) {
        county::open(&app).await;
        let authority = InstitutionKind::Authority;
        let nation = opening("ED00000000", "教育部", authority, Some("000000"));
        app.app.open_institution_under(&app.operator(), OPERATOR, None, &nation).await.unwrap();
        for (parent, code, name, kind, division) in [
            ("ED00000000", "ED66000000", "新疆生产建设兵团教育局", authority, "660000"),
            ("ED66000000", "ED66080000", "第八师教育局", authority, "660800"),
            ("ED66080000", "2166000001", "石河子第一小学", InstitutionKind::School, "659001"),
            ("ED00000000", "ED11000000", "北京市教育委员会", authority, "110000"),
            ("ED11000000", "ED11010100", "东城区教育委员会", authority, "110101"),
            ("ED11010100", "2111000001", "东城第一小学", InstitutionKind::School, "110101"),
            ("2111000001", "2111000002", "东校区", InstitutionKind::Campus, "110101"),
        ] {
            let seen = open(&app, OPERATOR, parent, &opening(code, name, kind, Some(division))).await.unwrap();
            assert_eq!((seen.code.as_deref(), &seen.warnings[..]), (Some(code), &[][..]));
        }
        let homes = text(&app, "SELECT level || ' ' || sys_code FROM platform WHERE sys_code IN ('660000', '660800', '110101')").await;
        assert!(homes.contains("province 660000") && homes.contains("city 660800") && homes.contains("county 110101"), "{homes}");
        let outside = opening("2111000003", "错区小学", InstitutionKind::School, Some("310101"));
        assert_eq!(open(&app, OPERATOR, "ED11010100", &outside).await.unwrap().warnings, ["division_outside"]);
        let credit = Opening { uscc: Some("91350211M0000XUF46".into()), ..opening("2111000004", "新校", InstitutionKind::School, None) };
        let seen = open(&app, OPERATOR, "ED11010100", &credit).await.unwrap();
        assert_eq!((seen.warnings, seen.uscc.as_deref()), (vec!["uscc_check"], Some("91350211M0000XUF46")), "never refused");
        let wrong = opening("2111000005", "校下校", InstitutionKind::School, None);
        assert_eq!(open(&app, OPERATOR, "2111000001", &wrong).await.unwrap_err(), Kind::Conflict);
    }

    async fn a_school_becomes_part_of_another_with_everybody(app: TestApp) {
        two_schools(&app).await;
        let admin = county::administrator(&app, 20, OTHER, AdminRole::School).await;
        app.clock.advance(days(10));
        let before = app.clock.now().shanghai_date().to_string();
        app.clock.advance(days(10));
        let done = merge(&app, OPERATOR, OTHER, SCHOOL).await.unwrap();
        assert_eq!((done.students, done.staff, done.into.code.as_deref()), (1, 1, Some(SCHOOL)));
        assert_eq!(belongs(&app, "enrolment", "第七实验小学").await, "李娜,王芳");
        assert_eq!(belongs(&app, "staffing", "第七实验小学").await, "赵老师,钱老师");
        assert_eq!(belongs(&app, "enrolment", "第八实验小学").await, "");
        let classes = "SELECT k.class_no || ' ' || k.status FROM class k JOIN institution o ON o.id = k.org_id WHERE o.name = '第七实验小学' ORDER BY k.class_no";
        assert_eq!(text(&app, classes).await, "1班 open,2班 open", "two classes stay two");
        let taught = "SELECT k.class_no FROM teaching t JOIN class k ON k.id = t.class_id JOIN staffing s ON s.id = t.staffing_id JOIN person p ON p.id = s.person_id WHERE p.name = '钱老师' AND t.valid_to IS NULL";
        assert_eq!(text(&app, taught).await, "2班");
        assert_eq!(found_at(&app, "李娜").await, "玄武区教育局,第七实验小学");
        let recorded = "SELECT o.name FROM guardianship g JOIN institution o ON o.id = g.recorded_org_id JOIN person p ON p.id = g.child_id WHERE p.name = '李娜'";
        assert_eq!(text(&app, recorded).await, "第七实验小学", "its school speaks for her guardian");
        let hers = called(&app, "李娜").await[0];
        let told = app.app.enrolments_as_of(&app.operator(), "核对档案", hers, Some(before.parse().unwrap())).await.unwrap();
        assert_eq!((told.len(), told[0].institution.as_str(), told[0].state), (1, "第八实验小学", "01"), "how it was is kept");
        let told = app.app.enrolments_as_of(&app.operator(), "核对档案", hers, None).await.unwrap();
        assert_eq!(told.len(), 2);
        assert_eq!(shown(&app, OTHER, None).await.unwrap().name, "第七实验小学");
        assert_eq!(shown(&app, OTHER, Some(&before)).await.unwrap().name, "第八实验小学");
        let history = app.app.institution_history(&app.operator(), OPERATOR, OTHER).await.unwrap();
        assert_eq!(history.changes[0].into.as_deref(), Some("第七实验小学"), "{history:?}");
        let live = "SELECT CAST(COUNT(*) AS TEXT) FROM admin_grant g JOIN institution o ON o.id = g.org_id WHERE g.revoked_at IS NULL AND o.name LIKE '第%实验小学'";
        assert_eq!(text(&app, live).await, "0", "who ran the school runs nothing");
        let gone = app.app.pending_claims(&app.operator(), Decider::Admin(admin), SCHOOL, None).await;
        assert_eq!(gone.unwrap_err().kind, Kind::NotFound);
        assert_eq!(merge(&app, OPERATOR, OTHER, SCHOOL).await.unwrap_err(), Kind::Conflict, "once");
        let report = county::institutions(&app, INSTITUTIONS).await;
        assert_eq!((report.conflicts, report.errors[0].code), (1, "institution_code_void"), "an old file opens nothing again");
        assert_eq!(shown(&app, SCHOOL, None).await.unwrap().name, "第七实验小学", "and renames nobody");
        audit_holds(&app).await;
        app.accounted_for().await;
    }

    async fn whoever_is_signed_in_stays_so_and_is_somewhere_else(app: TestApp) {
        let child = app.person("child_15").clone();
        let (platform, mut visitor) = (app.client("platform_a"), app.visitor("child_15"));
        let tokens = visitor.sign_in(&platform).await;
        let before = platform.userinfo(&tokens.access()).await.body;
        let of = "SELECT k.value FROM institution_code k JOIN enrolment e ON e.org_id = k.org_id JOIN account a ON a.person_id = e.person_id WHERE k.valid_to IS NULL AND e.valid_to IS NULL AND a.user_name = '";
        let school = text(&app, &format!("{of}{}'", child.user_name)).await;
        let above = "SELECT k.value FROM institution_code k JOIN institution o ON o.parent_id = k.org_id JOIN enrolment e ON e.org_id = o.id JOIN account a ON a.person_id = e.person_id WHERE k.valid_to IS NULL AND a.user_name = '";
        let county = text(&app, &format!("{above}{}'", child.user_name)).await;
        open(&app, OPERATOR, &county, &opening("2199000001", "并入学校", InstitutionKind::School, None)).await.unwrap();
        merge(&app, OPERATOR, &school, "2199000001").await.unwrap();
        let after = platform.userinfo(&tokens.access()).await;
        assert_eq!(after.status, 200, "nobody is signed out by us");
        let places = |told: &Value| told["edu_identities"].as_array().unwrap().iter().map(|one| one["org_name"].clone()).collect::<Vec<_>>();
        assert_ne!(places(&before), places(&after.body));
        assert_eq!(places(&after.body), [json!("并入学校")]);
        let refreshed = platform.refresh(&tokens.refresh()).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.error());
    }

    async fn an_institution_moves_with_its_people_and_their_homes(app: TestApp) {
        two_schools(&app).await;
        let county_admin = Decider::Admin(county::administrator(&app, 20, COUNTY, AdminRole::County).await);
        let next = opening("ED32010300", "秦淮区教育局", InstitutionKind::Authority, Some("320103"));
        open(&app, OPERATOR, "ED32010000", &next).await.unwrap();
        let new_admin = Decider::Admin(county::administrator(&app, 22, "ED32010300", AdminRole::County).await);
        let home = "SELECT h.sys_code FROM person p JOIN platform h ON h.id = p.home_platform_id WHERE p.name = '李娜'";
        assert_eq!((found_at(&app, "李娜").await.as_str(), text(&app, home).await.as_str()), ("玄武区教育局,第八实验小学", "320102"));
        assert_eq!(moved(&app, county_admin, OTHER, "ED32010300").await.unwrap_err(), Kind::NotFound, "hers is one side alone");
        let seen = moved(&app, OPERATOR, OTHER, "ED32010300").await.unwrap();
        assert_eq!((seen.parent.as_deref(), seen.division.as_str()), (Some("秦淮区教育局"), "320103"));
        assert_eq!((found_at(&app, "李娜").await.as_str(), text(&app, home).await.as_str()), ("秦淮区教育局,第八实验小学", "320103"));
        assert_eq!(found_at(&app, "王芳").await, "玄武区教育局,第七实验小学");
        let named = async |by| app.app.institution_on(&app.operator(), by, OTHER, None).await.map(|seen| seen.name).map_err(|error| error.kind);
        assert_eq!(named(county_admin).await, Err(Kind::NotFound));
        assert_eq!(named(new_admin).await, Ok("第八实验小学".to_owned()));
        app.accounted_for().await;
    }

    async fn a_home_follows_whoever_goes_to_another_place(app: TestApp) {
        two_schools(&app).await;
        let next = opening("ED32010300", "秦淮区教育局", InstitutionKind::Authority, Some("320103"));
        open(&app, OPERATOR, "ED32010000", &next).await.unwrap();
        moved(&app, OPERATOR, OTHER, "ED32010300").await.unwrap();
        let home = async |name: &str| {
            text(&app, &format!("SELECT h.sys_code FROM person p JOIN platform h ON h.id = p.home_platform_id WHERE p.name = '{name}'")).await
        };
        assert_eq!((home("王芳").await.as_str(), home("赵老师").await.as_str()), ("320102", "320102"));
        county::pupils(&app, &[pupil(OTHER, "王芳", &number("20170203", 2), None)]).await;
        let claim = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap()[0].id;
        app.app.decide_claim(&app.operator(), OPERATOR, claim, Verdict::Confirm).await.unwrap();
        assert_eq!(home("王芳").await, "320103", "to another school");
        let work = async |name: &str, order| {
            let person = called(&app, name).await[0];
            app.app.change_staff(&app.operator(), OPERATOR, person, None, &order).await.unwrap();
        };
        let join = |org: &str| staff_life::Order::Join { org: org.into(), post: StaffPost::Teacher, staff_no: None };
        work("钱老师", join(SCHOOL)).await;
        assert_eq!(home("钱老师").await, "320103", "a second post is no other home");
        work("赵老师", staff_life::Order::Leave { org: None, state: StaffState::Resigned }).await;
        assert_eq!(home("赵老师").await, "320102");
        work("赵老师", join(OTHER)).await;
        assert_eq!(home("赵老师").await, "320103", "another post is");
        // By a row of a roster, of whoever belongs nowhere else, it is the same.
        for (name, serial) in [("孙转来", 30), ("周在读", 32)] {
            county::pupils(&app, &[pupil(SCHOOL, name, &number("20170203", serial), None)]).await;
        }
        county::teachers(&app, &[teacher(SCHOOL, "吴老师", &number("19750203", 64))]).await;
        let left = Whose { person: called(&app, "孙转来").await[0], org: None, day: None, code: None };
        app.app.change_student(&app.operator(), OPERATOR, &left, &student_life::Order::End(StudentState::DroppedOut)).await.unwrap();
        work("吴老师", staff_life::Order::Leave { org: None, state: StaffState::Resigned }).await;
        let rows = [pupil(OTHER, "孙转来", &number("20170203", 30), None), pupil(OTHER, "周在读", &number("20170203", 32), None)];
        county::pupils(&app, &rows).await;
        county::teachers(&app, &[teacher(OTHER, "吴老师", &number("19750203", 64))]).await;
        assert_eq!((home("孙转来").await.as_str(), home("吴老师").await.as_str()), ("320103", "320103"), "by a row");
        assert_eq!(home("周在读").await, "320102", "whose 学籍 is elsewhere is only asked for");
        let told = "SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE kind = 'person.home_changed' AND aggregate_id IN (SELECT id FROM person WHERE name IN ('王芳', '赵老师'))";
        assert_eq!(text(&app, told).await, "2");
    }

    async fn a_class_that_graduated_stays_so_when_its_school_ends(app: TestApp) {
        two_schools(&app).await;
        let rows = [
            pupil(OTHER, "李休学", &number("20140203", 8), None).replace(",2024,", ",2020,"),
            pupil(OTHER, "陈毕业", &number("20140203", 10), None).replace(",2024,", ",2020,"),
        ];
        county::pupils(&app, &rows).await;
        let away = Whose { person: called(&app, "李休学").await[0], org: None, day: None, code: None };
        app.app.change_student(&app.operator(), OPERATOR, &away, &student_life::Order::Suspend).await.unwrap();
        let wish = Wish { dry: false, open: false };
        app.app.turn_year(&app.operator(), OPERATOR, OTHER, None, wish, &mut Silent).await.unwrap();
        merge(&app, OPERATOR, OTHER, SCHOOL).await.unwrap();
        let status = "SELECT k.status FROM class k JOIN institution o ON o.id = k.org_id WHERE o.name = '第八实验小学' AND k.entry_year = 2020";
        assert_eq!(text(&app, status).await, "graduated");
        assert!(belongs(&app, "enrolment", "第七实验小学").await.contains("李休学"));
        app.accounted_for().await;
    }

    async fn classes_go_to_a_campus_of_their_own(app: TestApp) {
        two_schools(&app).await;
        let row = pupil(SCHOOL, "同校", &number("20170203", 8), None).replace(",2024,1班,", ",2024,2班,");
        county::pupils(&app, &[row]).await;
        let both = teacher(SCHOOL, "孙老师", &number("19750203", 64)).replace("小学/2024/1班", "小学/2024/1班;小学/2024/2班");
        let goes = teacher(SCHOOL, "周老师", &number("19750203", 66)).replace("小学/2024/1班", "小学/2024/2班");
        county::teachers(&app, &[both, goes]).await;
        let class = ClassKey::read("小学", "2024", "2班", app.clock.now().shanghai_date()).unwrap();
        let split = Split { code: SCHOOL.into(), opening: opening("2132000790", "东校区", InstitutionKind::Campus, None), classes: vec![class] };
        let done = app.app.split_institution(&app.operator(), OPERATOR, &split, &mut Silent).await.unwrap();
        assert_eq!((done.students, done.staff, done.into.parent.as_deref()), (1, 1, Some("第七实验小学")));
        assert_eq!(belongs(&app, "enrolment", "东校区").await, "同校");
        assert_eq!(belongs(&app, "staffing", "东校区").await, "周老师");
        assert_eq!(belongs(&app, "enrolment", "第七实验小学").await, "王芳");
        assert_eq!(found_at(&app, "同校").await, "东校区,玄武区教育局,第七实验小学", "the school's own search goes on finding her");
        let taught = "SELECT k.name || ' ' || o.name FROM teaching t JOIN class k ON k.id = t.class_id JOIN institution o ON o.id = k.org_id JOIN staffing s ON s.id = t.staffing_id JOIN person p ON p.id = s.person_id WHERE p.name = '孙老师' AND t.valid_to IS NULL ORDER BY k.name";
        assert_eq!(text(&app, taught).await, "2024级1班 第七实验小学,2024级2班 东校区", "who teaches on both sides goes on");
        assert_eq!(shown(&app, SCHOOL, None).await.unwrap().status, "active");
        app.accounted_for().await;
    }

    async fn nothing_is_closed_over_peoples_heads(app: TestApp) {
        two_schools(&app).await;
        let close = async |code: &str| app.app.close_institution(&app.operator(), OPERATOR, code).await.map_err(|error| error.kind);
        assert_eq!(close(OTHER).await.unwrap_err(), Kind::Conflict, "people are there");
        assert_eq!(close(COUNTY).await.unwrap_err(), Kind::Conflict);
        open(&app, OPERATOR, COUNTY, &opening("2132000795", "空校", InstitutionKind::School, None)).await.unwrap();
        assert_eq!(close("2132000795").await.unwrap().status, "abolished");
        let row = pupil("2132000795", "迟到", &number("20170203", 90), None);
        assert_eq!(county::pupils(&app, &[row]).await.errors[0].code, "institution_unknown", "nobody begins there");
        let done = app.app.hand_over_institution(&app.operator(), OPERATOR, OTHER, SCHOOL, ChangeKind::Closed, &mut Silent).await.unwrap();
        assert_eq!((done.students, done.state), (1, "closed"));
        let row = pupil(OTHER, "新生", &number("20170203", 92), None);
        assert_eq!(county::pupils(&app, &[row]).await.created, 1, "the successor's roster may still say the old code");
        assert!(belongs(&app, "enrolment", "第七实验小学").await.contains("新生"));
    }

    async fn a_level_decides_about_what_stands_below_it(app: TestApp) {
        two_schools(&app).await;
        let admin = async |serial, scope, role| Decider::Admin(county::administrator(&app, serial, scope, role).await);
        let school = admin(20, SCHOOL, AdminRole::School).await;
        let county = admin(22, COUNTY, AdminRole::County).await;
        let city = admin(24, "ED32010000", AdminRole::City).await;
        let keeper = admin(26, COUNTY, AdminRole::SchoolRoster).await;
        let fresh = |code: &str| opening(code, "新校", InstitutionKind::School, None);
        for (by, parent) in [(school, COUNTY), (keeper, COUNTY), (county, "ED32010000"), (city, COUNTY)] {
            assert_eq!(open(&app, by, parent, &fresh("2132000781")).await.unwrap_err(), Kind::NotFound, "{by:?} {parent}");
        }
        open(&app, county, COUNTY, &fresh("2132000781")).await.unwrap();
        let rename = async |by, code| app.app.rename_institution(&app.operator(), by, code, "改名").await.map_err(|error| error.kind);
        assert_eq!(rename(school, SCHOOL).await.unwrap_err(), Kind::NotFound, "nobody changes her own");
        assert_eq!(rename(county, COUNTY).await.unwrap_err(), Kind::NotFound);
        assert_eq!(rename(county, SCHOOL).await.unwrap().name, "改名");
        assert_eq!(merge(&app, school, OTHER, SCHOOL).await.unwrap_err(), Kind::NotFound);
        assert_eq!(merge(&app, keeper, OTHER, SCHOOL).await.unwrap_err(), Kind::NotFound);
        assert_eq!(merge(&app, county, OTHER, SCHOOL).await.unwrap().students, 1);
    }

    async fn whoever_comes_in_at_the_same_moment_goes_over_too(app: TestApp) {
        two_schools(&app).await;
        let rows: Vec<String> = (0..60).map(|n| pupil(OTHER, &format!("新生{n}"), &number("20170304", 2 * n), None)).collect();
        let importing = county::pupils(&app, &rows);
        let (report, merged) = tokio::join!(importing, merge(&app, OPERATOR, OTHER, SCHOOL));
        merged.unwrap();
        let closed = "SELECT CAST(COUNT(*) AS TEXT) FROM enrolment e JOIN institution o ON o.id = e.org_id WHERE e.valid_to IS NULL AND o.status = 'merged'";
        assert_eq!(text(&app, closed).await, "0", "nobody is left behind");
        let all = "SELECT CAST(COUNT(*) AS TEXT) FROM enrolment e JOIN person p ON p.id = e.person_id WHERE e.valid_to IS NULL AND p.name LIKE '新生%'";
        assert_eq!(text(&app, all).await, report.created.to_string());
    }
}

/// A county whose largest school becomes part of the next one, killed again and again.
async fn killed_in_the_middle(engine: Engine) {
    let database = Database::new(engine).await;
    let place = database.installation();
    let county = County::of(2400);
    let mut students = String::new();
    std::io::Read::read_to_string(&mut county.students(), &mut students).unwrap();
    for (kind, file) in [("institutions", county.institutions()), ("students", students)] {
        std::fs::write(place.path().join(kind), file).unwrap();
        place.json(&["roster", "import", "--kind", kind, kind], "");
    }
    let schools: Vec<String> = county
        .institutions()
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').next())
        .filter(|code| !code.starts_with("ED"))
        .map(str::to_owned)
        .collect();
    let [from, to] = [&schools[0], &schools[1]];
    let count = |code: &str| place.json(&["registry", "count", "--org", code], "")["students"].as_u64().unwrap();
    let (before, beside) = (count(from), count(to));
    assert!(before > 50, "{before}");
    let command = ["institution", "merge", from, "--into", to];
    let mut caught = 0;
    for time in 1..6 {
        let mut child = place.begin(&command, "");
        tokio::time::sleep(std::time::Duration::from_millis(60 * time)).await;
        let _ = child.kill();
        caught += u32::from(child.wait().unwrap().code().is_none());
    }
    assert!(caught > 0, "every run was over before it was killed");
    let last = place.run(&command);
    assert!(last.code == Some(0) || last.err.contains("part of itself"), "{}", last.err);
    assert_eq!(count(to), before + beside, "everybody went over once");
    let history = place.json(&["institution", "history", from], "");
    assert_eq!((&history["changes"][0]["state"], &history["changes"][0]["kind"]), (&json!("done"), &json!("merged")));
    assert_eq!(place.json(&["institution", "show", from], "")["code"], json!(to));
    assert_eq!(place.run(&["institution", "merge", "0000", "--into", to]).code, Some(1));
    assert_eq!(place.run(&["institution", "merge", to]).code, Some(2));
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_merge_goes_on_on_sqlite() {
    killed_in_the_middle(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_merge_goes_on_on_postgres() {
    let Some(server) = need::postgres() else { return };
    killed_in_the_middle(Engine::Postgres(server)).await;
}
