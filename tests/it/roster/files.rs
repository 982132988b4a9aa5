//! Files as schools have them: workbooks beside CSV, numbers that a spreadsheet rounded, rows without anything.

use mingji::domain::registry::roster::RosterKind;
use serde_json::json;

use super::{Names, SCHOOL, STUDENTS, count, import, institutions, number, staff, students, truth};
use crate::support::app::{Engine, TestApp, run};
use crate::support::database::Database;
use crate::support::workbook;

/// By the command, under names that say nothing: what a file is, it says itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workbook_is_worth_what_its_csv_is() {
    let database = Database::new(Engine::Sqlite).await;
    let place = database.installation();
    let kinds = [("institutions", institutions(), 4), ("staff", staff(), 2), ("students", students(), 40)];
    for (kind, csv, rows) in &kinds {
        std::fs::write(place.path().join(kind), workbook::of(csv)).unwrap();
        let report = place.json(&["roster", "import", "--kind", kind, kind], "");
        let told = ["rows", "created", "sheet", "errors"].map(|name| report[name].clone());
        assert_eq!(told, [json!(rows), json!(rows), json!("花名册"), json!([])], "{report}");
    }
    assert_eq!(place.json(&["registry", "count", "--org", "ED32000000"], ""), truth());
    for (kind, csv, rows) in &kinds {
        std::fs::write(place.path().join(kind), csv).unwrap();
        let report = place.json(&["roster", "import", "--kind", kind, kind], "");
        assert_eq!((&report["unchanged"], &report["sheet"]), (&json!(rows), &json!(null)), "the same rows: {report}");
    }
    for (file, told) in [
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec(), "请另存为 .xlsx 或 CSV"),
        (workbook::of(&format!("花名册\n{}", students())), "表头必须在第一行"),
        (workbook::of(&students())[..3000].to_vec(), "Excel"),
    ] {
        std::fs::write(place.path().join("students"), file).unwrap();
        let ended = place.run(&["roster", "import", "--kind", "students", "students"]);
        assert!(ended.code == Some(1) && ended.err.contains(told), "{}", ended.err);
    }
    database.remove().await;
}

/// One of eleven numbers that a spreadsheet rounded passes the check, and is somebody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_rounded_numbers_no_other_is_believed() {
    run(Engine::Sqlite, |app: TestApp| async move {
        import(&app, RosterKind::Institutions, institutions(), false, &mut Names::default()).await;
        let row = |name: &str, document: &str, guardian: &str| {
            let keeper =
                if guardian.is_empty() { ",,,,".into() } else { format!("周母,母亲,居民身份证,{guardian},") };
            format!("{SCHOOL},{name},,居民身份证,{document},,小学,2024,1班,{keeper}\n")
        };
        let passing = row("周巧", "110105201602038000", "");
        let rounded: String = (0..3).map(|n| row("周舍", &format!("11010520160203{n}000"), "")).collect();
        let child = row("周真", &number("20160203", 2), "110105198506079000");
        let file = format!("{STUDENTS}\n{passing}{rounded}{child}");
        let report = import(&app, RosterKind::Students, &file, false, &mut Names::default()).await;
        let told: Vec<_> = report.errors.iter().map(|fault| (fault.row, fault.column, fault.code)).collect();
        let wrong = |row, column| (row, column, "number_rounded");
        let own = "身份证件号";
        assert_eq!(told, [wrong(2, own), wrong(3, own), wrong(4, own), wrong(5, own), wrong(6, "监护人身份证件号")]);
        assert!(report.errors.iter().all(|fault| fault.message().contains("文本格式")), "{report:?}");
        assert_eq!((report.rows, report.created, report.rejected, report.persons_created), (5, 1, 4, 1), "{report:?}");
        assert_eq!(count(&app).await["guardians"], 0);
        // Where nothing else was rounded, it may be hers.
        let alone = format!("{STUDENTS}\n{passing}");
        let report = import(&app, RosterKind::Students, &alone, false, &mut Names::default()).await;
        assert_eq!((report.created, report.warnings[0].code), (1, "number_rounded"), "{report:?}");
    })
    .await;
}

/// What cannot be read of a guardian costs no child, whatever the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardian_s_cell_costs_no_child() {
    run(Engine::Sqlite, |app: TestApp| async move {
        import(&app, RosterKind::Institutions, institutions(), false, &mut Names::default()).await;
        let row =
            format!("{SCHOOL},吴一,,居民身份证,{},,小学,2024,1班,吴\u{7}父,父亲,居民身份证,,\n", number("20160203", 4));
        let empty = ",".repeat(13) + "\n";
        let file = format!("{STUDENTS}\n{}{row}{}", empty.repeat(300), empty.repeat(300));
        let report = import(&app, RosterKind::Students, &file, false, &mut Names::default()).await;
        assert_eq!((report.rows, report.created, report.rejected), (1, 1, 0), "{report:?}");
        assert_eq!((report.errors[0].row, report.errors[0].column), (302, "监护人姓名"), "{report:?}");
    })
    .await;
}
