//! Into what a row brings nobody: a class that is over, and a life that is. And what it says of the school's own facts.

use mingji::app::Kind;
use mingji::app::class::Wanted;
use mingji::app::pace;
use mingji::app::person_search::Sought;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::roster_import::{Listener, Login};
use mingji::app::school_year::Wish;
use mingji::app::staff_life;
use mingji::app::student_life::{Order, Whose};
use mingji::domain::id::{ClassId, OrgId};
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::realname::Method;
use mingji::domain::registry::codes::staff::{StaffPost, StaffState};
use mingji::domain::registry::codes::student_state::StudentState;
use mingji::domain::registry::name::PersonName;
use mingji::domain::registry::roster::{ClassKey, RosterKind};

use super::{Names, Report, import};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, teachers, text};
use crate::support::database::change;

const OPERATOR: Decider = Decider::Operator;

struct Silent;

impl pace::Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

struct Nobody;

impl Listener for Nobody {
    fn progress(&mut self, _: u64, _: u64) {}
    fn login(&mut self, _: &Login) -> std::io::Result<()> {
        Ok(())
    }
}

fn key(class: &str) -> ClassKey {
    ClassKey::parse(class, "2026-11-26".parse().unwrap()).unwrap()
}

/// A pupil of a class, written 学段/入学年份/班级.
fn in_class(school: &str, name: &str, number: &str, class: &str) -> String {
    format!("{school},{name},居民身份证,{number},,{},,,,,\n", class.replace('/', ","))
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.errors.iter().chain(&report.warnings).map(|fault| fault.code).collect()
}

async fn open_stays(app: &TestApp, name: &str) -> String {
    text(app, &format!("SELECT k.name FROM enrolment e JOIN person p ON p.id = e.person_id LEFT JOIN class k ON k.id = e.class_id WHERE p.name = '{name}' AND e.valid_to IS NULL")).await
}

/// A school by its code.
async fn school(app: &TestApp, code: &str) -> OrgId {
    app.app.institution_on(&app.operator(), OPERATOR, code, None).await.unwrap().institution_id
}

/// Who runs the county.
async fn county_admin(app: &TestApp) -> Decider {
    Decider::Admin(county::administrator(app, 70, COUNTY, AdminRole::County).await)
}

async fn opened(app: &TestApp, by: Decider, code: &str, class: &str) -> ClassId {
    let wanted = Wanted { key: key(class), name: None, years: None };
    app.app.open_class_at(&app.operator(), by, school(app, code).await, &wanted).await.unwrap().id
}

both_engines! {
    async fn a_birth_date_that_comes_late_is_filled_in_and_never_written_over(app: TestApp) {
        county::open(&app).await;
        let row = |name: &str, sex: &str, born: &str, paper: &str| {
            format!("学校标识码,姓名,性别,出生日期,身份证件类型,身份证件号,学段,入学年份,班级\n{SCHOOL},{name},{sex},{born},护照,{paper},小学,2024,1班\n")
        };
        let known = async |name: &str| {
            text(&app, &format!("SELECT sex || ' ' || COALESCE(CAST(birth_date AS TEXT), '-') FROM person WHERE name = '{name}'")).await
        };
        let bring = async |file: String| county::people(&app, RosterKind::Students, &file).await;
        assert_eq!(bring(row("王芳", "", "", "E00000001")).await.created, 1);
        let nothing = known("王芳").await;
        assert!(nothing.ends_with(" -"), "{nothing}");
        assert_eq!(bring(row("王芳", "女", "2017-02-03", "E00000001")).await.updated, 1);
        assert_eq!(known("王芳").await, "2 2017-02-03");
        let told = text(&app, "SELECT CAST(e.fields AS TEXT) FROM event e JOIN person p ON p.id = e.aggregate_id WHERE e.kind = 'person.changed' AND p.name = '王芳'").await;
        assert!(told.contains("birth_date") && told.contains("sex"), "{told}");
        assert_eq!(bring(row("王芳", "男", "2017-02-04", "E00000001")).await.unchanged, 1);
        assert_eq!(known("王芳").await, "2 2017-02-03", "nothing is written over");

        // A school fills in what is its own alone.
        for (name, paper) in [("李娜", "E00000002"), ("张伟", "E00000003")] {
            assert_eq!(bring(row(name, "", "", paper)).await.created, 1);
        }
        let sits = PersonName::parse("张伟").unwrap();
        let hers = called(&app, "张伟").await[0];
        let asked = app.app.ask_to_borrow(&app.operator(), OPERATOR, hers, OTHER, &sits, None).await.unwrap();
        app.app.decide_claim(&app.operator(), OPERATOR, asked.id, Verdict::Confirm).await.unwrap();
        let admin = county::administrator(&app, 72, SCHOOL, AdminRole::School).await;
        let mut results = Vec::new();
        for (name, paper) in [("李娜", "E00000002"), ("张伟", "E00000003")] {
            let file = row(name, "女", "2017-02-03", paper);
            let told = app.app.import_roster_as(&app.operator(), admin, RosterKind::Students, file.as_bytes(), false, &mut Nobody).await.unwrap();
            results.push((told.updated, told.unchanged, known(name).await));
        }
        assert_eq!(results[0], (1, 0, "2 2017-02-03".to_owned()));
        assert!(results[1].1 == 1 && results[1].2.ends_with(" -"), "another school has her too: {results:?}");
    }

    /// A foreign teacher at two schools, of whom nobody had said when she was born: one file says it twice.
    async fn what_two_rows_say_for_the_first_time_is_said_once(app: TestApp) {
        county::open(&app).await;
        let row = |school: &str, sex: &str, born: &str| format!("{school},史密斯,{sex},{born},护照,E00000009,,教师,\n");
        let head = "学校标识码,姓名,性别,出生日期,身份证件类型,身份证件号,手机号,岗位,任教班级\n";
        let bring = async |rows: &[String]| county::people(&app, RosterKind::Staff, &format!("{head}{}", rows.concat())).await;
        assert_eq!(bring(&[row(SCHOOL, "", "")]).await.created, 1);
        let told = bring(&[row(SCHOOL, "女", ""), row(OTHER, "女", "1980-02-03"), row(OTHER, "男", "1980-02-04")]).await;
        assert_eq!((told.rows, told.updated, told.linked, told.unchanged), (3, 1, 1, 1), "{told:?}");
        let known = text(&app, "SELECT sex || ' ' || CAST(birth_date AS TEXT) FROM person WHERE name = '史密斯'").await;
        assert_eq!(known, "2 1980-02-03");
        let row = |school: &str, sex: &str, born: &str| format!("{school},琼斯,{sex},{born},护照,E00000010,,教师,\n");
        assert_eq!(bring(&[row(SCHOOL, "", "")]).await.created, 1);
        let told = bring(&[row(SCHOOL, "男", "1981-02-03"), row(OTHER, "男", "1981-02-03")]).await;
        assert_eq!((told.updated, told.linked), (1, 1), "{told:?}");
    }

    /// Said by a row, a birth date does what it does when it is corrected by hand.
    async fn a_birth_date_of_a_row_is_no_way_around(app: TestApp) {
        county::open(&app).await;
        let row = |name: &str, born: &str, paper: &str| format!("{SCHOOL},{name},女,{born},护照,{paper},,教师,\n");
        let head = "学校标识码,姓名,性别,出生日期,身份证件类型,身份证件号,手机号,岗位,任教班级\n";
        county::people(&app, RosterKind::Staff, &format!("{head}{}{}", row("审计员", "", "E00000011"), row("王师", "", "E00000012"))).await;
        app.app.grant_admin(&app.operator(), called(&app, "审计员").await[0], AdminRole::Audit, SCHOOL).await.unwrap();
        let admin = county::administrator(&app, 72, SCHOOL, AdminRole::School).await;
        let hers = called(&app, "王师").await[0];
        app.app.vouch(&app.operator(), Decider::Admin(admin), hers, Method::SchoolVouch, None).await.unwrap();
        let stands = "SELECT CAST(COUNT(*) AS TEXT) FROM verification v JOIN person p ON p.id = v.person_id WHERE p.name = '王师' AND v.superseded_at IS NULL";
        assert_eq!(text(&app, stands).await, "1");
        let file = format!("{head}{}{}", row("审计员", "1980-02-03", "E00000011"), row("王师", "1980-02-03", "E00000012"));
        let told = app.app.import_roster_as(&app.operator(), admin, RosterKind::Staff, file.as_bytes(), false, &mut Nobody).await.unwrap();
        assert_eq!((told.updated, told.unchanged), (1, 1), "{told:?}");
        let born = "SELECT name || COALESCE(CAST(birth_date AS TEXT), '') FROM person WHERE name IN ('审计员', '王师') ORDER BY name";
        assert_eq!(text(&app, born).await, "审计员,王师1980-02-03".to_owned(), "of whoever may watch her it stays open");
        assert_eq!(text(&app, stands).await, "0");
    }

    async fn a_class_that_is_over_takes_nobody(app: TestApp) {
        county::open(&app).await;
        let rows = [
            in_class(SCHOOL, "王毕业", &number("20140203", 2), "小学/2020/1班"),
            in_class(SCHOOL, "李休学", &number("20140203", 4), "小学/2020/1班"),
            in_class(SCHOOL, "张二年", &number("20170203", 6), "小学/2024/1班"),
        ];
        let staff = format!("{SCHOOL},赵老师,居民身份证,{},,教师,小学/2020/1班;小学/2024/1班\n", number("19700203", 60));
        assert_eq!(pupils(&app, &rows).await.created, 3);
        assert_eq!(codes(&teachers(&app, std::slice::from_ref(&staff)).await), Vec::<&str>::new());
        let away = Whose { person: called(&app, "李休学").await[0], org: None, day: None, code: None };
        app.app.change_student(&app.operator(), OPERATOR, &away, &Order::Suspend).await.unwrap();
        let wish = Wish { dry: false, open: false };
        let turned = app.app.turn_year(&app.operator(), OPERATOR, COUNTY, None, wish, &mut Silent).await.unwrap();
        assert_eq!((turned.classes, turned.students, turned.held_back), (1, 1, 1));

        // The file of before: whoever graduated does not come back, and whoever is held back is said again.
        let again = pupils(&app, &rows).await;
        assert_eq!((again.rejected, again.unchanged, codes(&again)), (1, 2, vec!["class_over"]), "{again:?}");
        assert_eq!(open_stays(&app, "王毕业").await, "");
        let taught = teachers(&app, &[staff]).await;
        assert_eq!((taught.unchanged, codes(&taught)), (1, vec!["class_over"]), "{taught:?}");
        let new = in_class(SCHOOL, "陈迟来", &number("20140203", 8), "小学/2020/1班");
        assert_eq!(codes(&pupils(&app, &[new]).await), ["class_over"]);
        assert_eq!(called(&app, "陈迟来").await.len(), 0, "nobody is registered for it");
        let admin = county::administrator(&app, 62, SCHOOL, AdminRole::School).await;
        let row = in_class(SCHOOL, "张二年", &number("20170203", 6), "小学/2020/1班");
        let told = county::desk(&app, admin, &row).await;
        assert_eq!((&told["rejected"], &told["errors"][0]["code"]), (&1.into(), &"class_over".into()), "{told}");
        assert_eq!(open_stays(&app, "张二年").await, "2024级1班");

        // A request that waited while its class was closed: she comes, and into no class.
        let above = county_admin(&app).await;
        let gone = opened(&app, above, OTHER, "小学/2024/9班").await;
        let asked = in_class(OTHER, "张二年", &number("20170203", 6), "小学/2024/9班");
        assert_eq!(codes(&pupils(&app, std::slice::from_ref(&asked)).await), ["enrolled_elsewhere"]);
        app.app.close_class(&app.operator(), above, gone).await.unwrap();
        assert_eq!(codes(&pupils(&app, &[asked]).await), ["class_over"]);
        let waiting = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap();
        let decided = app.app.decide_claim(&app.operator(), OPERATOR, waiting[0].id, Verdict::Confirm).await.unwrap();
        assert!(decided.class_over && decided.transferred_from.is_some(), "{decided:?}");
        let seat = text(&app, "SELECT o.name || COALESCE(k.name, ' nowhere') FROM enrolment e JOIN person p ON p.id = e.person_id JOIN institution o ON o.id = e.org_id LEFT JOIN class k ON k.id = e.class_id WHERE p.name = '张二年' AND e.valid_to IS NULL").await;
        assert_eq!(seat, "第八实验小学 nowhere");
    }

    async fn nobody_sits_in_a_class_that_was_closed_at_the_same_moment(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), None)]).await;
        let hers = Whose { person: called(&app, "王芳").await[0], org: None, day: None, code: None };
        let above = county_admin(&app).await;
        for n in 2..6_u32 {
            let class = format!("小学/2024/{n}班");
            let id = opened(&app, above, SCHOOL, &class).await;
            let rows = [in_class(SCHOOL, "李新来", &number("20170203", n * 2), &class)];
            let (operator, order) = (app.operator(), Order::Move(key(&class)));
            let (closed, came, moved) = tokio::join!(
                app.app.close_class(&operator, above, id),
                pupils(&app, &rows),
                app.app.change_student(&operator, OPERATOR, &hers, &order),
            );
            let inside = text(&app, "SELECT p.name FROM enrolment e JOIN person p ON p.id = e.person_id JOIN class k ON k.id = e.class_id WHERE e.valid_to IS NULL AND k.status <> 'open'").await;
            assert_eq!(inside, "", "{closed:?} {came:?} {moved:?}");
        }
    }

    async fn nothing_begins_for_the_dead_and_for_whoever_leaves(app: TestApp) {
        county::open(&app).await;
        let (dead, father) = (number("20170203", 2), number("19850203", 4));
        pupils(&app, &[pupil(SCHOOL, "王亡", &dead, Some(("王父", &father)))]).await;
        let today = mingji::domain::time::Clock::now(&*app.clock).shanghai_date();
        for name in ["王亡", "王父"] {
            let person = called(&app, name).await[0];
            app.app.record_death(&app.operator(), OPERATOR, person, today).await.unwrap();
        }
        let again = pupils(&app, &[pupil(SCHOOL, "王亡", &dead, None)]).await;
        assert_eq!((again.conflicts, codes(&again)), (1, vec!["person_closed"]), "{again:?}");
        assert_eq!(open_stays(&app, "王亡").await, "");
        let child = pupils(&app, &[pupil(SCHOOL, "王小", &number("20190203", 6), Some(("王父", &father)))]).await;
        assert_eq!((child.created, codes(&child)), (1, vec!["person_closed"]), "{child:?}");
        let wards = "SELECT CAST(COUNT(*) AS TEXT) FROM guardianship g JOIN person p ON p.id = g.child_id WHERE p.name = '王小'";
        assert_eq!(text(&app, wards).await, "0");

        // Whom nobody holds a school only claims, and hears what it hears of anybody; nobody can confirm it.
        let admin = county::administrator(&app, 62, OTHER, AdminRole::School).await;
        let [told, stranger] = [
            county::desk(&app, admin, &pupil(OTHER, "王亡", &dead, Some(("王父", &father)))).await,
            county::desk(&app, admin, &pupil(OTHER, "王生", &number("20170203", 8), Some(("王母", &number("19850203", 10))))).await,
        ];
        assert_eq!(told, stranger);
        for claim in app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap() {
            let refused = app.app.decide_claim(&app.operator(), OPERATOR, claim.id, Verdict::Confirm).await.unwrap_err();
            assert!(refused.kind == Kind::Conflict && refused.public.contains("died"), "{refused}");
            app.app.decide_claim(&app.operator(), OPERATOR, claim.id, Verdict::Reject(None)).await.unwrap();
        }
        assert_eq!(open_stays(&app, "王亡").await, "");

        let row = county::teacher(SCHOOL, "钱离", &number("19750203", 12));
        teachers(&app, std::slice::from_ref(&row)).await;
        let leaves = called(&app, "钱离").await[0];
        let change_staff = async |order: staff_life::Order| app.app.change_staff(&app.operator(), OPERATOR, leaves, None, &order).await;
        change_staff(staff_life::Order::Leave { org: None, state: StaffState::Resigned }).await.unwrap();
        change(&app.database.url, "UPDATE person SET status = 'cancelled', version = version + 1 WHERE name = '钱离'").await;
        assert_eq!(codes(&teachers(&app, &[row]).await), ["person_closed"]);
        let join = |staff_no: Option<&str>| staff_life::Order::Join { org: OTHER.into(), post: StaffPost::Teacher, staff_no: staff_no.map(str::to_owned) };
        assert_eq!(change_staff(join(None)).await.unwrap_err().kind, Kind::Conflict);
        assert_eq!(change_staff(join(Some("13800138000"))).await.unwrap_err().kind, Kind::Invalid, "a phone is no 工号");
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM staffing s JOIN person p ON p.id = s.person_id WHERE p.name = '钱离' AND s.valid_to IS NULL").await, "0");
    }

    async fn whoever_comes_back_by_a_row_is_found_by_the_name_that_she_had(app: TestApp) {
        county::open(&app).await;
        let own = number("20170203", 2);
        pupils(&app, &[pupil(SCHOOL, "王芳", &own, None)]).await;
        let child = called(&app, "王芳").await[0];
        app.app.rename_person(&app.operator(), OPERATOR, child, PersonName::parse("李芳").unwrap()).await.unwrap();
        let whose = Whose { person: child, org: None, day: None, code: None };
        app.app.change_student(&app.operator(), OPERATOR, &whose, &Order::End(StudentState::DroppedOut)).await.unwrap();
        assert_eq!(pupils(&app, &[pupil(OTHER, "李芳", &own, None)]).await.linked, 1);
        let school = Decider::Admin(county::administrator(&app, 60, OTHER, AdminRole::School).await);
        for name in ["李芳", "王芳"] {
            let found = app.app.search_persons(&app.operator(), school, &Sought::Name(name.into()), 9).await.unwrap();
            assert_eq!(found.items.iter().map(|one| one.person_id).collect::<Vec<_>>(), [child], "{name}");
        }
    }

    /// She came with a 学籍号 alone. Her number is recorded by hand; her class, her guardians and her lessons wait for nobody.
    async fn a_number_that_comes_late_costs_no_row_and_is_not_lost_in_silence(app: TestApp) {
        county::open(&app).await;
        let (own, other, code) = (number("20170203", 2), number("20170203", 4), "L320102201809010042");
        let row = |name: &str, paper: &str, code: &str, class: &str| {
            let kind = if paper.is_empty() { "" } else { "居民身份证" };
            format!("{SCHOOL},{name},{kind},{paper},{code},小学,2024,{class},王母,母亲,居民身份证,{},13900000001\n", number("19850101", 4))
        };
        assert_eq!(pupils(&app, &[row("王芳", "", code, "1班")]).await.created, 1);
        let told = pupils(&app, &[row("王芳", &own, code, "2班")]).await;
        assert_eq!((told.updated, codes(&told)), (1, vec!["value_differs"]), "{told:?}");
        assert_eq!(open_stays(&app, "王芳").await, "2024级2班");
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM conflict_case").await, "0");
        // A desk reads the same, whoever has the number.
        pupils(&app, &[pupil(OTHER, "李娜", &other, None)]).await;
        let desk = county::administrator(&app, 60, SCHOOL, AdminRole::SchoolRoster).await;
        let [free, taken] = [county::desk(&app, desk, &row("王芳", &own, code, "2班")).await, county::desk(&app, desk, &row("王芳", &other, code, "2班")).await];
        assert_eq!(free, taken);
        assert_eq!((&free["unchanged"], &free["conflicts"]), (&1.into(), &0.into()), "{free}");
        assert_eq!(text(&app, "SELECT kind FROM conflict_case").await, "personal_code", "whoever covers both has a case");
        let child = called(&app, "王芳").await[0];
        app.app.record_document(&app.operator(), OPERATOR, child, &county::document(&own)).await.unwrap();
        let told = pupils(&app, &[row("王芳", &own, code, "2班")]).await;
        assert_eq!((told.unchanged, codes(&told)), (1, vec![]));
        // Nor is a 学籍号, whosever it is, taken by a row or dropped without a word.
        let later = "L320102201809010069";
        let told = pupils(&app, &[row("王芳", &own, later, "2班")]).await;
        assert_eq!((told.unchanged, codes(&told)), (1, vec!["value_differs"]), "{told:?}");
        let told = pupils(&app, &[row("王芳", &number("20170203", 6), code, "2班")]).await;
        assert_eq!((told.conflicts, codes(&told)), (1, vec!["personal_code_conflict"]), "who has a number has no other");
    }

    async fn what_a_school_says_late_of_its_own_is_recorded(app: TestApp) {
        county::open(&app).await;
        let names = &mut Names::default();
        let child = number("20170203", 2);
        let mut student = async |no: &str| {
            let file = format!("学校标识码,姓名,身份证件类型,身份证件号,学段,入学年份,班级,学号\n{SCHOOL},王芳,居民身份证,{child},小学,2024,1班,{no}\n");
            let told = import(&app, RosterKind::Students, file, false, names).await;
            (told.created + 2 * told.updated + 4 * told.unchanged, codes(&told))
        };
        assert_eq!(student("").await, (1, vec![]));
        assert_eq!(student("20240301").await, (2, vec![]), "a 学号 that came late");
        assert_eq!(student("20240301").await, (4, vec![]));
        assert_eq!(student("").await, (4, vec![]), "a row without one says nothing of it");
        assert_eq!(student("20240302").await, (2, vec![]), "a correction");
        // What is sealed everywhere else stands in no class list (R7).
        for personal in [child.clone(), format!("G{child}"), "13800138000".into()] {
            assert_eq!(student(&personal).await, (4, vec!["value_invalid"]), "{personal}");
        }
        assert_eq!(text(&app, "SELECT COALESCE(e.student_no, '') FROM enrolment e JOIN person p ON p.id = e.person_id WHERE p.name = '王芳'").await, "20240302");
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM enrolment_slice").await, "0", "all of one day");

        let names = &mut Names::default();
        let mut staff = async |name: &str, serial: u32, no: &str, post: &str, head: &str| {
            let file = format!("学校标识码,姓名,身份证件类型,身份证件号,工号,岗位,任教班级,班主任\n{SCHOOL},{name},居民身份证,{},{no},{post},小学/2024/1班,{head}\n", number("19750203", serial));
            let told = import(&app, RosterKind::Staff, file, false, names).await;
            (told.created + 2 * told.updated + 4 * told.unchanged, codes(&told))
        };
        let lessons = "SELECT p.name || CASE WHEN t.head_teacher = TRUE THEN ' heads' ELSE '' END FROM teaching t JOIN staffing s ON s.id = t.staffing_id JOIN person p ON p.id = s.person_id WHERE t.valid_to IS NULL AND p.name IN ('赵老师', '钱老师') ORDER BY p.name";
        assert_eq!(staff("赵老师", 60, "", "", "").await, (1, vec![]));
        assert_eq!(staff("赵老师", 60, "T-1", "教师", "是").await, (2, vec![]));
        assert_eq!(text(&app, lessons).await, "赵老师 heads");
        assert_eq!(staff("赵老师", 60, "T-1", "", "").await, (4, vec![]), "who heads a class is not unsaid by a row");
        assert_eq!(staff("赵老师", 60, "T-2", "校领导", "是").await, (2, vec!["value_differs"]), "a post is not changed by a row");
        assert_eq!(text(&app, "SELECT s.staff_no || s.post FROM staffing s JOIN person p ON p.id = s.person_id WHERE s.valid_to IS NULL AND p.name = '赵老师'").await, format!("T-2{}", StaffPost::Teacher.as_str()));
        assert_eq!(staff("钱老师", 62, "", "", "是").await, (1, vec!["value_differs"]), "a class has one head teacher");
        assert_eq!(staff("钱老师", 62, "", "", "是").await, (4, vec!["value_differs"]));
        let mut taught: Vec<String> = text(&app, lessons).await.split(',').map(str::to_owned).collect();
        taught.sort();
        assert_eq!(taught, ["赵老师 heads", "钱老师"]);
    }
}
