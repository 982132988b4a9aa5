//! Activation slips: everybody who waits has one, each code works once, and the paper holds nothing that it need not.

mod claims;
mod scope;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use mingji::app::roster_import::{Listener, Login};
use mingji::app::slips::{Slip, SlipReport, SlipWish};
use mingji::domain::registry::grade::Grade;
use mingji::domain::registry::holder::{Holder, SlipKind};
use mingji::domain::registry::roster::RosterKind;
use serde_json::json;

use crate::support::app::{TestApp, both_engines};
use crate::support::binary::Place;
use crate::support::browser::PlainBrowser;
use crate::support::needles::Needles;

const GOOD: &str = "一只安静的旧钢笔";
const SCHOOL: &str = "2132000777";
const TOP: &str = "ED32000000";
const INSTITUTIONS: &str = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\n\
    ED32000000,江苏省教育厅,教育行政部门,,320000,\n2132000777,第七实验小学,学校,211,320102,ED32000000\n";
const STAFF: &str = "学校标识码,姓名,性别,身份证件类型,身份证件号,工号,手机号,岗位,任教学科,任教班级,班主任";
const STUDENTS: &str = "学校标识码,姓名,性别,身份证件类型,身份证件号,学籍号,学段,入学年份,班级,监护人姓名,监护人关系,监护人身份证件类型,监护人身份证件号,监护人手机号";

struct Nobody;

impl Listener for Nobody {
    fn progress(&mut self, _: u64, _: u64) {}
    fn login(&mut self, _: &Login) -> std::io::Result<()> {
        Ok(())
    }
}

/// A well-formed number (GB 11643) of somebody who was never born.
fn number(day: &str, serial: u32) -> String {
    let body = format!("110105{day}{serial:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.chars().zip(weights).map(|(digit, weight)| digit.to_digit(10).unwrap() * weight).sum();
    format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char)
}

/// Every secret of the rosters, by name.
fn secrets() -> Vec<(String, String)> {
    let mut all = vec![("staff number".into(), number("19800203", 4)), ("staff phone".into(), "13800000002".into())];
    for n in 0..4_u32 {
        let child = number(born(n), n * 2);
        all.push((format!("code {n}"), format!("G{child}")));
        all.push((format!("number {n}"), child));
        all.push((format!("guardian number {n}"), number("19850607", keeper(n) * 2)));
        all.push((format!("guardian phone {n}"), format!("139{n:08}")));
    }
    all
}

/// The second and third child are siblings.
fn keeper(n: u32) -> u32 {
    if n == 2 { 1 } else { n }
}

/// The last child is past 14.
fn born(n: u32) -> &'static str {
    if n == 3 { "20100203" } else { "20170203" }
}

fn staff() -> String {
    format!(
        "{STAFF}\n{SCHOOL},迪丽努尔·艾合买提,女,居民身份证,{},00002,13800000002,教师,数学,,否\n",
        number("19800203", 4)
    )
}

/// Two classes; the teacher is the mother of the first child.
fn students() -> String {
    let mut file = format!("{STUDENTS}\n");
    for n in 0..4_u32 {
        let child = number(born(n), n * 2);
        let (name, document) = match n {
            0 => ("迪丽努尔·艾合买提".to_owned(), number("19800203", 4)),
            _ => (format!("周家长{}", keeper(n)), number("19850607", keeper(n) * 2)),
        };
        file += &format!(
            "{SCHOOL},周𠮷{n},女,居民身份证,{child},G{child},小学,{},1班,{name},母亲,居民身份证,{document},139{n:08}\n",
            2024 + n % 2
        );
    }
    file
}

async fn import(app: &TestApp) {
    for (kind, file) in [
        (RosterKind::Institutions, INSTITUTIONS.to_owned()),
        (RosterKind::Staff, staff()),
        (RosterKind::Students, students()),
    ] {
        let report = app.app.import_roster(&app.operator(), kind, file.as_bytes(), false, &mut Nobody).await.unwrap();
        assert_eq!(report.created, report.rows, "{report:?}");
    }
}

/// Slips by name.
async fn print(app: &TestApp, wish: SlipWish) -> (SlipReport, BTreeMap<String, Slip>) {
    try_print(app, SlipWish { reprint: true, ..wish }).await
}

async fn try_print(app: &TestApp, wish: SlipWish) -> (SlipReport, BTreeMap<String, Slip>) {
    let mut printed = BTreeMap::new();
    let report = app
        .app
        .print_slips(&app.operator(), TOP, &wish, &mut |bundle| {
            for slip in &bundle.slips {
                assert!(printed.insert(slip.name.clone(), slip.clone()).is_none(), "one slip each");
            }
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(report.slips, printed.len());
    (report, printed)
}

async fn activate(app: &TestApp, slip: &Slip) -> bool {
    let mut browser = PlainBrowser::new(app);
    let page = browser.open(&slip.link).await;
    if page.has("problem") {
        return false;
    }
    assert!(page.text.contains(&slip.user_name));
    !browser.submit(&page, "new_password", &[("new_password", GOOD)]).await.has("problem")
}

both_engines! {
    async fn everybody_who_waits_has_one_that_works_once(app: TestApp) {
        import(&app).await;
        let (report, first) = print(&app, SlipWish::default()).await;
        // The teacher has one although she is a guardian too, and the mother of two has one.
        assert_eq!((report.slips, report.staff, report.students, report.guardians), (7, 1, 4, 2), "{report:?}");
        let listed = app.app.list_accounts(&app.operator(), TOP).await.unwrap();
        for row in &listed {
            assert!(first.values().any(|slip| slip.user_name == row.user_name), "{} waits", row.user_name);
        }
        let holder = |name: &str| first[name].holder;
        assert_eq!((holder("迪丽努尔·艾合买提"), holder("周家长1"), holder("周𠮷0"), holder("周𠮷3")),
            (Holder::Staff, Holder::Guardian, Holder::Child, Holder::Student));
        assert_eq!(first["周家长1"].child.as_deref(), Some("周𠮷1"), "the teacher of the first child hands it out");
        let (skipped, none) = try_print(&app, SlipWish::default()).await;
        assert_eq!((skipped.skipped_open, none.len()), (7, 0), "their codes still work");
        let (_, second) = print(&app, SlipWish::default()).await;
        for slip in first.values() {
            assert!(!activate(&app, slip).await, "an earlier code of {} ended", slip.name);
        }
        for slip in second.values() {
            assert!(slip.code.chars().filter(char::is_ascii_alphanumeric).count() >= 8, "40 bits of Base32");
            assert!(activate(&app, slip).await, "{}", slip.name);
            assert!(!activate(&app, slip).await, "{} twice", slip.name);
        }
        assert_eq!(print(&app, SlipWish::default()).await.0.slips, 0, "nobody waits any more");
    }

    async fn who_was_activated_gets_none(app: TestApp) {
        import(&app).await;
        let (_, slips) = print(&app, SlipWish::default()).await;
        assert!(activate(&app, &slips["周𠮷1"]).await);
        let (report, again) = print(&app, SlipWish::default()).await;
        assert!(report.slips == 6 && !again.contains_key("周𠮷1"));
    }

    async fn a_wish_is_kept_to(app: TestApp) {
        import(&app).await;
        let (all, _) = print(&app, SlipWish::default()).await;
        let only = |kind| SlipWish { kind: Some(kind), ..SlipWish::default() };
        let (guardians, slips) = print(&app, only(SlipKind::Guardians)).await;
        assert_eq!((guardians.guardians, guardians.slips), (3, 3), "asked for as a guardian, the teacher is one");
        assert!(slips.contains_key("迪丽努尔·艾合买提"));
        let class = all.bundles.iter().find(|bundle| bundle.kind == "students").unwrap();
        let (one, _) = print(&app, SlipWish { class: class.class_id, ..only(SlipKind::Students) }).await;
        assert_eq!((one.slips, one.bundles.len()), (class.slips, 1));
        let (graded, _) = print(&app, SlipWish { grade: Some(Grade::S3), ..SlipWish::default() }).await;
        assert_eq!(graded.slips, 0);
        let unknown = app.app.print_slips(&app.operator(), "0000000000", &SlipWish::default(), &mut |_| Ok(())).await;
        assert!(unknown.is_err());
    }

    async fn pending_guardians_get_theirs_where_they_were_recorded(app: TestApp) {
        import(&app).await;
        let sql = |app: &TestApp, lite: &'static str| {
            let url = app.database.url.clone();
            async move {
                use sqlx::Connection as _;
                if url.starts_with("sqlite") {
                    sqlx::query(lite).execute(&mut sqlx::SqliteConnection::connect(&url).await.unwrap()).await.unwrap();
                } else {
                    sqlx::query(lite).execute(&mut sqlx::PgConnection::connect(&url).await.unwrap()).await.unwrap();
                }
            }
        };
        sql(&app, "UPDATE guardianship SET status = 'pending', verified_by = NULL").await;
        let guardians = || SlipWish { kind: Some(SlipKind::Guardians), ..SlipWish::default() };
        assert_eq!(print(&app, guardians()).await.0.slips, 3);
        sql(&app, "UPDATE guardianship SET recorded_org_id = (SELECT id FROM institution WHERE name = '瑞金第一中学')").await;
        assert_eq!(print(&app, guardians()).await.0.slips, 0, "the slip would name the child's school");
        sql(&app, "UPDATE guardianship SET status = 'confirmed', restrictions = '[\"no_contact\"]'").await;
        assert_eq!(print(&app, guardians()).await.0.slips, 0, "and a court keeps them away");
    }
}

fn place() -> Place {
    let place = Place::new();
    for (kind, file) in [("institutions", INSTITUTIONS.to_owned()), ("staff", staff()), ("students", students())] {
        let path = place.path().join(format!("{kind}.csv"));
        std::fs::write(&path, file).unwrap();
        place.json(&["roster", "import", "--kind", kind, &path.to_string_lossy()], "");
    }
    place
}

#[test]
fn the_command_writes_a_new_file_for_its_owner_alone() {
    let place = place();
    let file = place.path().join("slips.html");
    let name = file.to_string_lossy();
    let report = place.json(&["account", "slips", "--org", TOP, &name], "");
    assert_eq!((&report["slips"], &report["guardians"]), (&json!(7), &json!(2)), "{report}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("周𠮷0") && text.contains("第七实验小学") && text.contains("迪丽努尔·艾合买提"));
    assert_eq!(Needles::new(&secrets()).found_in(text.as_bytes()), [""; 0], "numbers or phones on paper");
    assert_eq!(text.matches("<article").count(), 7);
    assert_eq!((&report["skipped_open"], &report["skipped_elsewhere"]), (&json!(0), &json!(0)));

    let again = place.run(&["account", "slips", "--org", TOP, &name]);
    assert!(again.code == Some(1) && again.err.contains("exists"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "nothing is written over");
    // The refusal came before a code was made: those on paper are still good.
    let waiting = place.path().join("other.html");
    let missing = place.run(&["account", "slips", "--org", "0000000000", &waiting.to_string_lossy()]);
    assert!(missing.code == Some(1) && missing.err.contains("institution"), "{}", missing.err);
    assert!(!waiting.exists(), "a refusal leaves no file");
    let none = place.json(&["account", "slips", "--org", TOP, "--grade", "高三", &waiting.to_string_lossy()], "");
    assert!(none["slips"] == 0 && !waiting.exists());
    let skipped = place.run(&["account", "slips", "--org", TOP, &waiting.to_string_lossy()]);
    assert!(
        skipped.code == Some(0) && skipped.out.contains("7 skipped") && skipped.out.contains("--reprint"),
        "{}",
        skipped.out
    );
    assert!(!waiting.exists());
    let anew = place.json(&["account", "slips", "--org", TOP, "--reprint", &waiting.to_string_lossy()], "");
    assert_eq!(anew["slips"], 7, "{anew}");
    assert_eq!(place.run(&["account", "slips", "--org", TOP, "--grade", "十三年级", &name]).code, Some(2));
}
