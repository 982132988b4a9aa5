//! CSV files, good and ugly.

mod workbooks;

use super::*;
use proptest::prelude::*;

const HEAD: &str = "学校标识码,姓名,身份证件号,备注\n";

async fn rows(file: &[u8]) -> Vec<(u64, Option<Code>, String)> {
    let mut source = Source::open(RosterKind::Staff, file).await.unwrap().ok().unwrap();
    let mut found = Vec::new();
    while let Some(row) = source.next().await.unwrap() {
        found.push((row.number, row.check().err().map(|fault| fault.code), row.cell(Column::Name).to_owned()));
    }
    assert_eq!(source.position(), u64::try_from(file.len()).unwrap());
    found
}

async fn refused(file: &[u8]) -> String {
    Source::open(RosterKind::Staff, file).await.unwrap().err().unwrap().reason
}

fn run<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(what)
}

fn good(number: u64, name: &str) -> (u64, Option<Code>, String) {
    (number, None, name.to_owned())
}

#[tokio::test]
async fn lines_end_as_they_like() {
    let file = format!("{HEAD}1,甲,x,\r\n\r\n1,乙,x,\r1,丙,x,\n1,丁,x,");
    assert_eq!(rows(file.as_bytes()).await, [good(2, "甲"), good(3, "乙"), good(4, "丙"), good(5, "丁")]);
}

#[tokio::test]
async fn a_mark_that_is_not_closed_costs_its_row() {
    let bad = |number| (number, Some(Code::RowMalformed), String::new());
    let file = format!("{HEAD}1,\"甲,x,\n1,乙,x,\n1,丙,x,\n");
    assert_eq!(rows(file.as_bytes()).await, [bad(2), good(3, "乙"), good(4, "丙")]);
    let later = format!("{HEAD}1,\"甲,x,\n1,乙,x,\n1,\"丙\",x,\n");
    assert_eq!(
        rows(later.as_bytes()).await[1..],
        [good(3, "乙"), good(4, "丙")],
        "nor when another one seems to close it"
    );
    let remark = format!("{HEAD}1,\"甲\",x,\"one\nand, two\"\n1,5\" 乙,x,\n");
    assert_eq!(rows(remark.as_bytes()).await, [good(2, "甲"), good(3, "5\" 乙")], "a remark may have lines");
}

#[tokio::test]
async fn a_row_without_end_costs_neither_memory_nor_its_neighbours() {
    let mut file = format!("{HEAD}1,甲,x,\n1,").into_bytes();
    file.extend(std::iter::repeat_n(b'x', 3 * LONGEST));
    file.extend_from_slice("\n1,乙,x,\n".as_bytes());
    let found = rows(&file).await;
    assert_eq!(
        (found[0].clone(), found[1].1, found[2].clone()),
        (good(2, "甲"), Some(Code::RowMalformed), good(4, "乙"))
    );
}

#[tokio::test]
async fn marks_of_files_put_together_cost_nothing() {
    let file = format!("\u{feff}{HEAD}1,甲,x,\n\u{feff}\n\u{feff}1,乙,x,\n\u{feff}\"1\",丙,x,\n");
    assert_eq!(rows(file.as_bytes()).await, [good(2, "甲"), good(3, "乙"), good(4, "丙")]);
    for nothing in ["\n1,甲\n", "\u{feff}", "\u{feff}\n"] {
        let refused = Source::open(RosterKind::Staff, nothing.as_bytes()).await.unwrap().err().unwrap();
        assert!(!refused.faults.is_empty(), "the report names the columns that are missing");
    }
}

#[tokio::test]
async fn control_characters_stay_out() {
    let found = rows(format!("{HEAD}1,甲\u{0},x,\n1,乙,x,\u{7}\n").as_bytes()).await;
    assert_eq!(found[0].1, Some(Code::ValueInvalid));
    assert_eq!(found[1], good(3, "乙"), "what means nothing may hold anything");
}

#[tokio::test]
async fn what_is_no_csv_is_told_so() {
    assert!(refused(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1rest").await.contains("请另存为 .xlsx 或 CSV"));
    assert!(refused(b"\xFF\xFEx\0y\0").await.contains("UTF-16"));
    assert!(refused("学校标识码\t姓名\t身份证件号".as_bytes()).await.contains("commas"));
    assert!(refused(b"").await.contains("empty"));
}

#[tokio::test]
async fn a_header_that_stands_lower_is_told() {
    let titled = format!("某校教职工花名册,,,\n填表人：某某,,,\n{HEAD}1,甲,x,\n");
    assert!(refused(titled.as_bytes()).await.contains("表头必须在第一行：第 3 行"));
    let broken = "学校标识码,\"姓\n名\",身份证件号\n1,甲,x\n";
    assert_eq!(rows(broken.as_bytes()).await, [good(2, "甲")], "a name of a column may have lines");
}

/// Each of these lines opens a mark, and keeps it open when it is taken for a part of the one before.
#[tokio::test]
async fn marks_that_open_in_every_line_cost_a_line_each() {
    const MANY: usize = 30_000;
    let file = format!("{HEAD}{}", "\"x\",\"\n".repeat(MANY));
    let begun = std::time::Instant::now();
    let found = rows(file.as_bytes()).await;
    assert!(found.len() == MANY && found.iter().all(|row| row.1 == Some(Code::RowMalformed)));
    assert!(begun.elapsed().as_secs() < 20, "a mark once cost as many lines as fit in a row: {:?}", begun.elapsed());
}

#[tokio::test]
async fn rows_without_anything_are_none_and_others_have_their_turn() {
    let file = format!("{HEAD}{}1,甲,x,\n{}\u{3000}, ,,序号\n", ",,,\n".repeat(200), "\n".repeat(200));
    let counted = std::rc::Rc::new(std::cell::Cell::new(0));
    let others = std::rc::Rc::clone(&counted);
    let beside = async move {
        loop {
            others.set(others.get() + 1);
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::select! { biased; found = rows(file.as_bytes()) => found, () = beside => Vec::new() };
    assert_eq!(found, [good(202, "甲")]);
    assert!(counted.get() >= 5, "who waits beside it was asked {} times", counted.get());
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let file = [HEAD.as_bytes(), &bytes].concat();
        let found = run(rows(&file));
        prop_assert!(found.windows(2).all(|two| two[0].0 < two[1].0) && found.iter().all(|row| row.0 > 1));
    }
}
