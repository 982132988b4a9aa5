//! A county of its own with two schools, filled by rosters: for tests of who is who. Nobody in it was ever born.

use mingji::app::roster_import::{Listener, Login, Report};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::document::{Document, DocumentLabel};
use mingji::domain::registry::roster::RosterKind;

use super::app::TestApp;
use super::database::select_texts;

pub const COUNTY: &str = "ED32010200";
pub const SCHOOL: &str = "2132000777";
pub const OTHER: &str = "2132000778";

pub const INSTITUTIONS: &str = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码
ED32000000,江苏省教育厅,教育行政部门,,320000,
ED32010000,南京市教育局,教育行政部门,,320100,ED32000000
ED32010200,玄武区教育局,教育行政部门,,320102,ED32010000
2132000777,第七实验小学,学校,211,320102,ED32010200
2132000778,第八实验小学,学校,211,320102,ED32010200
";
pub const STUDENTS: &str = "学校标识码,姓名,身份证件类型,身份证件号,学籍号,学段,入学年份,班级,监护人姓名,监护人关系,监护人身份证件类型,监护人身份证件号,监护人手机号\n";
pub const STAFF: &str = "学校标识码,姓名,身份证件类型,身份证件号,手机号,岗位,任教班级\n";

/// A well-formed number (GB 11643).
pub fn number(day: &str, serial: u32) -> String {
    let body = format!("320102{day}{serial:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.chars().zip(weights).map(|(digit, weight)| digit.to_digit(10).unwrap() * weight).sum();
    format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char)
}

/// The document with such a number.
pub fn document(number: &str) -> Document {
    Document::parse(Some(DocumentLabel::ResidentId), None, number).unwrap().0
}

/// A pupil of class 1; `keeper` is a guardian's name and number.
pub fn pupil(school: &str, name: &str, number: &str, keeper: Option<(&str, &str)>) -> String {
    let keeper = keeper.map_or(",,,,".into(), |(name, number)| format!("{name},母亲,居民身份证,{number},13900000001"));
    format!("{school},{name},居民身份证,{number},,小学,2024,1班,{keeper}\n")
}

/// A teacher of class 1.
pub fn teacher(school: &str, name: &str, number: &str) -> String {
    format!("{school},{name},居民身份证,{number},13700000001,教师,小学/2024/1班\n")
}

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
    fn login(&mut self, _: &Login) -> std::io::Result<()> {
        Ok(())
    }
}

async fn import(app: &TestApp, kind: RosterKind, file: &str) -> Report {
    let report = app.app.import_roster(&app.operator(), kind, file.as_bytes(), false, &mut Silent).await.unwrap();
    for fault in report.errors.iter().chain(&report.warnings) {
        let message = fault.message();
        let said = message.split_once(": ").map(|(_, said)| said).unwrap_or_default();
        let (chinese, english) = said.split_once('。').unwrap_or_default();
        let is_bilingual =
            !chinese.starts_with(|c: char| c.is_ascii()) && english.contains(|c: char| c.is_ascii_alphabetic());
        assert!(is_bilingual, "Chinese, then English: {message}");
    }
    report
}

/// Brings people of a file in.
pub async fn people(app: &TestApp, kind: RosterKind, file: &str) -> Report {
    import(app, kind, file).await
}

/// Brings institutions in.
pub async fn institutions(app: &TestApp, file: &str) -> Report {
    import(app, RosterKind::Institutions, file).await
}

/// Opens the county.
pub async fn open(app: &TestApp) {
    import(app, RosterKind::Institutions, INSTITUTIONS).await;
}

/// Opens institutions of a file.
pub async fn import_all(app: &TestApp, file: &str) {
    let report = import(app, RosterKind::Institutions, file).await;
    assert_eq!(report.errors.len(), 0, "{report:?}");
}

/// Brings pupils in.
pub async fn pupils(app: &TestApp, rows: &[String]) -> Report {
    import(app, RosterKind::Students, &format!("{STUDENTS}{}", rows.concat())).await
}

/// Brings teachers in.
pub async fn teachers(app: &TestApp, rows: &[String]) -> Report {
    import(app, RosterKind::Staff, &format!("{STAFF}{}", rows.concat())).await
}

/// What an administrator is told who brings a pupil in herself; how long it took is left out.
pub async fn desk(app: &TestApp, admin: PersonId, row: &str) -> serde_json::Value {
    desk_file(app, admin, RosterKind::Students, &format!("{STUDENTS}{row}")).await
}

/// The same of a file.
pub async fn desk_file(app: &TestApp, admin: PersonId, kind: RosterKind, file: &str) -> serde_json::Value {
    let report = app.app.import_roster_as(&app.operator(), admin, kind, file.as_bytes(), false, &mut Silent).await;
    let mut report = serde_json::to_value(report.unwrap()).unwrap();
    report.as_object_mut().unwrap().remove("seconds");
    report
}

/// A teacher of the first school who holds a role over an institution.
pub async fn administrator(app: &TestApp, serial: u32, scope: &str, role: AdminRole) -> PersonId {
    let name = format!("管理员{serial}");
    teachers(app, &[teacher(SCHOOL, &name, &number("19700203", serial))]).await;
    let person = called(app, &name).await[0];
    app.app.grant_admin(&app.operator(), person, role, scope).await.unwrap();
    person
}

/// What a statement says, joined by commas.
pub async fn text(app: &TestApp, sql: &str) -> String {
    select_texts(&app.database.url, sql).await.join(",")
}

/// Everybody of a name who stands, the oldest record first.
pub async fn called(app: &TestApp, name: &str) -> Vec<PersonId> {
    let id = if app.database.url.starts_with("sqlite") { "lower(hex(id))" } else { "CAST(id AS TEXT)" };
    let sql = format!("SELECT {id} FROM person WHERE name = '{name}' AND merged_into IS NULL ORDER BY id");
    select_texts(&app.database.url, &sql).await.iter().map(|id| id.parse().unwrap()).collect()
}
