//! Rosters in: exact counts, bad rows named, the same register however often and by however many it is imported, and
//! the people of it sign in with what it says of them.

mod claims;
mod files;
mod guesses;
mod lasting;
mod processes;
mod province;
mod rights;
mod seats;

use mingji::app::roster_import::{Listener, Login, Report};
use mingji::domain::registry::roster::RosterKind;
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::database::select_texts;

/// Keeps user names by row and role.
#[derive(Default)]
struct Names(Vec<Login>);

impl Listener for Names {
    fn progress(&mut self, _: u64, _: u64) {}
    fn login(&mut self, login: &Login) -> std::io::Result<()> {
        self.0.push(login.clone());
        Ok(())
    }
}

impl Names {
    fn of(&self, row: u64, who: &str) -> String {
        self.0.iter().find(|login| login.row == row && login.who == who).unwrap().user_name.clone()
    }
}

const TOP: &str = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码";
const STAFF: &str = "学校标识码,姓名,性别,身份证件类型,身份证件号,工号,手机号,岗位,任教学科,任教班级,班主任";
const STUDENTS: &str = "学校标识码,姓名,性别,身份证件类型,身份证件号,学籍号,学段,入学年份,班级,监护人姓名,监护人关系,监护人身份证件类型,监护人身份证件号,监护人手机号";

const SCHOOL: &str = "2132000777";

/// A well-formed number (GB 11643) of somebody who was never born.
fn number(day: &str, serial: u32) -> String {
    let body = format!("110105{day}{serial:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.chars().zip(weights).map(|(digit, weight)| digit.to_digit(10).unwrap() * weight).sum();
    format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char)
}

fn institutions() -> String {
    // Children before parents: the order of a file is nobody's promise.
    format!(
        "{TOP}\n{SCHOOL},第七实验小学,学校,211,320102,ED32010200\nED32010200,玄武区教育局,教育行政部门,,320102,ED32010000\n\
         ED32010000,南京市教育局,教育行政部门,,320100,ED32000000\nED32000000,江苏省教育厅,教育行政部门,,320000,\n"
    )
}

fn staff() -> String {
    let t = |serial| number("19800203", serial);
    format!(
        "{STAFF}\n{SCHOOL},陈校长,女,居民身份证,{},00001,13800000001,校领导,语文,,否\n\
         {SCHOOL},迪丽努尔·艾合买提,女,居民身份证,{},00002,13800000002,教师,数学,小学/2024/1班;小学/2023/2班,是\n",
        t(2),
        t(4)
    )
}

/// Forty children in two classes; every fourth shares a guardian with the one before, the second teacher is a mother too.
fn students() -> String {
    let mut file = format!("{STUDENTS}\n");
    for n in 0..40_u32 {
        let child = number("20170203", n * 2);
        let keeper = if n % 4 == 3 { n - 1 } else { n };
        let (name, document) = if n == 5 {
            ("迪丽努尔·艾合买提".to_owned(), number("19800203", 4))
        } else {
            (format!("周家长{keeper}"), number("19850607", keeper * 2))
        };
        file += &format!(
            "{SCHOOL},周𠮷{n},女,居民身份证,{child},G{child},小学,{},{}班,{name},母亲,居民身份证,{document},139{n:08}\n",
            2024 - n % 2,
            1 + n % 2
        );
    }
    file
}

async fn import(app: &TestApp, kind: RosterKind, file: impl AsRef<[u8]>, dry: bool, names: &mut Names) -> Report {
    app.app.import_roster(&app.operator(), kind, file.as_ref(), dry, names).await.unwrap()
}

async fn import_all(app: &TestApp) -> [Report; 3] {
    let names = &mut Names::default();
    [
        import(app, RosterKind::Institutions, institutions(), false, names).await,
        import(app, RosterKind::Staff, staff(), false, names).await,
        import(app, RosterKind::Students, students(), false, names).await,
    ]
}

async fn count(app: &TestApp) -> Value {
    serde_json::to_value(app.app.count_registry(Some("ED32000000")).await.unwrap()).unwrap()
}

/// How many audit entries and events there are.
async fn written(app: &TestApp) -> String {
    let sql = "SELECT CAST((SELECT COUNT(*) FROM audit_entry) + (SELECT COUNT(*) FROM event) AS TEXT)";
    select_texts(&app.database.url, sql).await.remove(0)
}

fn truth() -> Value {
    // 40 children, 2 staff, 30 guardians of whom one teaches: 40 - 10 shared.
    json!({"institutions": 4, "persons": 71, "students": 40, "staff": 2, "guardians": 30, "teacher_guardians": 1, "accounts": 71, "open_cases": 0})
}

fn numbers(report: &Report) -> Value {
    let mut value = serde_json::to_value(report).unwrap();
    value.as_object_mut().unwrap().remove("seconds");
    value
}

both_engines! {
    async fn everybody_in_a_roster_is_there_once(app: TestApp) {
        let [top, staff_report, pupils] = import_all(&app).await;
        assert_eq!((top.created, staff_report.created, pupils.created), (4, 2, 40), "{pupils:?}");
        assert_eq!(pupils.persons_created, 69, "the teacher was there");
        assert_eq!(count(&app).await, truth());
        let before = written(&app).await;
        for again in import_all(&app).await {
            assert_eq!(again.unchanged, again.rows);
            assert_eq!(again.persons_created, 0);
        }
        let pupils = students();
        let (gb, _, lost) = encoding_rs::GB18030.encode(&pupils);
        assert!(!lost);
        let again = import(&app, RosterKind::Students, gb, false, &mut Names::default()).await;
        assert_eq!(again.unchanged, 40, "the same names in GB 18030: {:?}", again.errors);
        let marked = format!("\u{FEFF}{}", students());
        assert_eq!(import(&app, RosterKind::Students, marked, false, &mut Names::default()).await.unchanged, 40);
        assert_eq!(written(&app).await, before, "what changes nothing leaves no entry and no event");
    }

    async fn a_dry_run_tells_the_same_and_writes_nothing(app: TestApp) {
        let names = &mut Names::default();
        let before = written(&app).await;
        let dry = import(&app, RosterKind::Institutions, institutions(), true, names).await;
        assert_eq!(written(&app).await, before);
        assert_eq!(numbers(&dry), numbers(&import(&app, RosterKind::Institutions, institutions(), false, names).await));
        let doubled = students() + students().split_once('\n').unwrap().1;
        let before = written(&app).await;
        let dry = import(&app, RosterKind::Students, &doubled, true, names).await;
        assert_eq!((written(&app).await, names.0.len()), (before, 0));
        let real = import(&app, RosterKind::Students, &doubled, false, names).await;
        assert_eq!(numbers(&dry), numbers(&real));
        assert_eq!((real.created, real.unchanged), (40, 40));
    }

    async fn bad_rows_are_named_and_cost_no_other(app: TestApp) {
        let (good, twice) = (number("20170203", 800), number("20170203", 802));
        let row = |school: &str, name: &str, document: &str, guardian: &str| {
            format!("{school},{name},,居民身份证,{document},,小学,2024,1班,{guardian}\n")
        };
        let rows: String =
            [
                row(SCHOOL, "吴好", &good, ""),
                row(SCHOOL, "吴错", "110105201702038012", ""),
                row(SCHOOL, " ", &twice, ""),
                row("2199000000", "吴远", &twice, ""),
                row(SCHOOL, "吴另", &good, ""),
                row(SCHOOL, "吴未", &number("20990101", 2), ""),
                row(SCHOOL, "吴双", &twice, "吴父,父亲,居民身份证,110105198506070021"),
            ]
            .iter()
            .map(|row| format!("x,{row}"))
            .collect();
        let file = format!("备注列,{STUDENTS}\n{rows}");
        import(&app, RosterKind::Institutions, institutions(), false, &mut Names::default()).await;
        let report = import(&app, RosterKind::Students, &file, false, &mut Names::default()).await;
        let told: Vec<_> = report.errors.iter().map(|fault| (fault.row, fault.column, fault.code)).collect();
        assert_eq!(told, [
            (3, "身份证件号", "document_invalid"),
            (4, "姓名", "name_missing"),
            (5, "学校标识码", "institution_unknown"),
            (6, "身份证件号", "document_conflict"),
            (7, "身份证件号", "birth_date_implausible"),
            (8, "监护人身份证件号", "document_invalid"),
        ]);
        assert_eq!((report.rows, report.created, report.rejected, report.conflicts), (7, 2, 4, 1));
        assert_eq!(report.unknown_columns, ["备注列"]);
        let said = format!("{report:?}");
        assert!(!said.contains(&good[6..]) && !said.contains("吴"), "a report holds no value of a row");
        let moved = row(SCHOOL, "吴好", &good, "").replace("1班", "2班");
        let report = import(&app, RosterKind::Students, format!("{STUDENTS}\n{moved}"), false, &mut Names::default()).await;
        assert_eq!(report.updated, 1, "a change of class");
        assert_eq!(count(&app).await["students"], 2);
    }

    async fn a_child_of_another_school_is_asked_for_once(app: TestApp) {
        import_all(&app).await;
        let other = format!("{TOP}\n2132000778,第八实验小学,学校,211,320102,ED32010200\n");
        import(&app, RosterKind::Institutions, other, false, &mut Names::default()).await;
        let first = students().lines().nth(1).unwrap().replace(SCHOOL, "2132000778");
        let file = format!("{STUDENTS}\n{first}\n");
        let mut before = None;
        for _ in 0..2 {
            let report = import(&app, RosterKind::Students, &file, false, &mut Names::default()).await;
            assert_eq!((report.conflicts, report.errors[0].code), (1, "enrolled_elsewhere"), "{report:?}");
            assert_eq!(count(&app).await["open_cases"], 1, "one request, however often it is imported");
            let now = written(&app).await;
            assert_eq!(before.get_or_insert(now.clone()), &now, "the second time nothing is written");
        }
        assert_eq!(count(&app).await["students"], 40);
    }

    async fn a_second_row_that_says_otherwise_is_told_and_changes_nothing(app: TestApp) {
        import(&app, RosterKind::Institutions, institutions(), false, &mut Names::default()).await;
        let first = students().lines().nth(1).unwrap().to_owned();
        let file = format!("{STUDENTS}\n{first}\n{}\n", first.replace(",1班,", ",（二）班,").replace("母亲", "父亲"));
        let report = import(&app, RosterKind::Students, &file, false, &mut Names::default()).await;
        assert_eq!((report.created, report.rejected, report.errors[0].code), (1, 1, "row_repeated"), "{report:?}");
        let before = written(&app).await;
        let again = import(&app, RosterKind::Students, &file, false, &mut Names::default()).await;
        assert_eq!((again.unchanged, again.rejected), (1, 1), "{again:?}");
        assert_eq!(written(&app).await, before);
    }

    async fn an_ugly_file_costs_its_ugly_rows(app: TestApp) {
        import(&app, RosterKind::Institutions, institutions(), false, &mut Names::default()).await;
        let good: Vec<String> = students().lines().skip(1).take(4).map(str::to_owned).collect();
        let endless = "x".repeat(200_000);
        let file = format!(
            "{STUDENTS}\r\n{}\r\n{SCHOOL},\"无,,,\r\n{}\r\n{SCHOOL},{endless}\r\n{}\r\n{SCHOOL},空\u{0},,,\r\n{}",
            good[0], good[1], good[2], good[3]
        );
        let report = import(&app, RosterKind::Students, &file, false, &mut Names::default()).await;
        let told: Vec<_> = report.errors.iter().map(|fault| (fault.row, fault.code)).collect();
        assert_eq!(told, [(3, "row_malformed"), (5, "row_malformed"), (7, "value_invalid")], "{report:?}");
        assert_eq!((report.rows, report.created), (7, 4));
        let swapped = import(&app, RosterKind::Staff, students(), false, &mut Names::default()).await;
        assert!(swapped.refused.is_some() && swapped.rows == 0, "pupils do not become teachers: {swapped:?}");
        assert_eq!(swapped.errors[0].code, "wrong_kind");
        let bare = import(&app, RosterKind::Students, "姓名,班级\n", true, &mut Names::default()).await;
        assert_eq!((bare.errors[0].row, bare.errors[0].column, bare.errors[0].code), (1, "学校标识码", "column_missing"));
    }

    async fn imports_side_by_side_end_in_one_register(app: TestApp) {
        let many: Vec<_> = (0..6).map(|_| { let app = app.clone(); tokio::spawn(async move { import_all(&app).await }) }).collect();
        let mut created = 0;
        for one in many {
            let [_, _, pupils] = one.await.unwrap();
            assert_eq!(pupils.created + pupils.unchanged, 40, "{pupils:?}");
            created += pupils.created;
        }
        assert_eq!(created, 40, "each child was created by one of them");
        assert_eq!(count(&app).await, truth());
    }

    async fn what_becomes_an_authority_has_a_platform(app: TestApp) {
        let row = |kind: &str, division: &str| format!("{TOP}\nED32011500,江宁教育服务中心,{kind},,{division},\n");
        let platforms = async || select_texts(&app.database.url, "SELECT sys_code || ' ' || level FROM platform WHERE name = '江宁教育服务中心' ORDER BY sys_code").await;
        let open = async |file: String| import(&app, RosterKind::Institutions, file, false, &mut Names::default()).await;
        assert_eq!(open(row("信息中心", "320115")).await.created, 1);
        assert_eq!(platforms().await, [""; 0]);
        for (division, expected) in [("320115", &["320115 county"][..]), ("320114", &["320114 county", "320115 county"][..])] {
            assert_eq!(open(row("教育行政部门", division)).await.updated, 1);
            assert_eq!(platforms().await, expected);
        }
    }

    async fn imported_people_sign_in_with_what_the_roster_says(app: TestApp) {
        let (mut teachers, mut pupils) = (Names::default(), Names::default());
        import(&app, RosterKind::Institutions, institutions(), false, &mut Names::default()).await;
        import(&app, RosterKind::Staff, staff(), false, &mut teachers).await;
        import(&app, RosterKind::Students, students(), false, &mut pupils).await;
        let rp = app.client("platform_a");
        let scope = "openid profile edu edu.class edu.guardian space";
        let told = async |user_name: String, identity: usize| {
            let person = app.app.person_of_login(&user_name).await.unwrap();
            app.app.set_password(&app.operator(), person, "seven green lanterns".to_owned().into()).await.unwrap();
            let mut visitor = app.teacher();
            visitor.person.user_name = user_name;
            visitor.person.password = "seven green lanterns".into();
            visitor.identity = identity;
            let tokens = visitor.sign_in_with(&rp, rp.ask().with("scope", scope)).await;
            rp.userinfo(&tokens.access()).await.body
        };
        let teacher = told(teachers.of(3, "staff"), 0).await;
        let kinds: Vec<_> = teacher["edu_identities"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
        assert!(kinds.contains(&json!("teacher")) && kinds.contains(&json!("parent")), "{teacher}");
        assert_eq!(teacher["edu_home"]["sys_code"], "320102", "the nearest platform: {teacher}");
        assert_eq!(teacher["edu_classes"].as_array().unwrap().len(), 2, "{teacher}");
        let child = told(pupils.of(2, "student"), 0).await;
        assert_eq!(child["edu_identities"][0]["kind"], "student", "{child}");
        assert_eq!(child["edu_classes"][0]["role"], "student", "{child}");
        let guardian = told(pupils.of(4, "guardian1"), 0).await;
        assert_eq!(guardian["edu_children"].as_array().unwrap().len(), 2, "siblings: {guardian}");
    }
}
