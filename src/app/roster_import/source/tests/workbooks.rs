//! Workbooks, as a spreadsheet writes them and as nobody should.

use std::io::{Cursor, Read as _, Write as _};

use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::{good, refused, rows, run};
use crate::app::roster_import::source::{Chosen, Source};
use crate::domain::registry::roster::{Cells as _, Code, Column, RosterKind};

const HEAD: [&str; 5] = ["学校标识码", "姓名", "身份证件号", "出生日期", "备注"];
const SHEET: &str = "xl/worksheets/sheet1.xml";

/// A workbook with one sheet of texts, under the header.
fn book(lines: &[&[&str]]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (row, line) in (0..).zip([&HEAD[..]].iter().chain(lines)) {
        for (column, text) in (0..).zip(*line) {
            sheet.write_string(row, column, *text).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

/// The same package with one part replaced, or added.
fn with_part(book: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    let mut old = ZipArchive::new(Cursor::new(book)).unwrap();
    let mut new = ZipWriter::new(Cursor::new(Vec::new()));
    for n in 0..old.len() {
        let part = old.by_index(n).unwrap();
        if part.name().unwrap() != name {
            new.raw_copy_file(part).unwrap();
        }
    }
    new.start_file(name, SimpleFileOptions::default()).unwrap();
    new.write_all(content).unwrap();
    new.finish().unwrap().into_inner()
}

fn part(book: &[u8], name: &str) -> Vec<u8> {
    let mut content = Vec::new();
    ZipArchive::new(Cursor::new(book)).unwrap().by_name(name).unwrap().read_to_end(&mut content).unwrap();
    content
}

/// A sheet whose rows are written by hand.
fn by_hand(rows: &str) -> Vec<u8> {
    let sheet = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData></worksheet>"
    );
    with_part(&book(&[]), SHEET, sheet.as_bytes())
}

fn inline(at: &str, text: &str) -> String {
    format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

fn header() -> String {
    let cells: String = "ABCDE".chars().zip(HEAD).map(|(at, text)| inline(&format!("{at}1"), text)).collect();
    format!("<row r=\"1\">{cells}</row>")
}

#[tokio::test]
async fn what_was_typed_is_read() {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("隐藏").unwrap().set_hidden(true).write_string(0, 0, "下拉选项").unwrap();
    // A spreadsheet opens the active sheet, and the one that is hidden is not.
    let sheet = book.add_worksheet().set_name("教职工").unwrap().set_active(true);
    for (column, text) in (0..).zip(HEAD) {
        sheet.write_string(0, column, text).unwrap();
    }
    let day = Format::new().set_num_format("yyyy\"年\"m\"月\"d\"日\"");
    let date = ExcelDateTime::from_ymd(1985, 2, 3).unwrap();
    sheet.write_number(1, 0, 2_132_000_777.0).unwrap().write_string(1, 1, " 王𠮷 ").unwrap();
    sheet.write_string(1, 2, "11010519850203004X").unwrap().write_datetime_with_format(1, 3, &date, &day).unwrap();
    sheet.write_formula(2, 0, Formula::new("=A2").set_result("2132000777")).unwrap();
    sheet.write_string(2, 1, "李\u{301}").unwrap().write_number(2, 2, 110_105_198_502_030_052.0).unwrap();
    sheet.write_string(4, 1, "  ").unwrap().write_string(4, 4, "只有备注").unwrap();
    sheet.write_string(9, 1, "张三").unwrap().write_blank(500, 3, &day).unwrap();
    book.add_worksheet().set_name("空表").unwrap();
    book.add_worksheet().set_name("另一张").unwrap().write_string(5, 5, "x").unwrap();
    let file = book.save_to_buffer().unwrap();

    let opened = Source::open(RosterKind::Staff, file.as_slice()).await.unwrap();
    let mut source = opened.map_err(|none| none.reason).unwrap();
    let chosen = source.sheet().unwrap().clone();
    assert_eq!(chosen, Chosen { name: "教职工".into(), others: vec!["另一张".into()] });
    let warning = chosen.warning(Column::School).unwrap();
    assert!(
        warning.code == Code::SheetIgnored && warning.message.contains("教职工") && warning.message.contains("另一张")
    );
    let columns = [Column::School, Column::Name, Column::DocumentNumber, Column::BirthDate];
    let mut found = Vec::new();
    while let Some(row) = source.next().await.unwrap() {
        row.check().unwrap();
        found.push((row.number, columns.map(|column| row.cell(column).to_owned())));
    }
    let wanted = [
        (2, ["2132000777", "王𠮷", "11010519850203004X", "1985-02-03"]),
        (3, ["2132000777", "李\u{301}", "1.10105E+17", ""]),
        (10, ["", "张三", "", ""]),
    ];
    assert_eq!(
        found,
        wanted.map(|(number, cells)| (number, cells.map(str::to_owned))),
        "as the spreadsheet numbers them"
    );
    assert_eq!(source.position(), u64::try_from(file.len()).unwrap());
}

#[tokio::test]
async fn cells_that_say_nothing_cost_their_row() {
    let wrong = Some(Code::ValueInvalid);
    let file = by_hand(&format!(
        "{}<row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"B2\" t=\"e\"><v>#N/A</v></c></row>\
         <row r=\"3\">{}{}</row><row r=\"4\">{}<c r=\"C4\" t=\"d\"><v>2016-02-03</v></c></row>\
         <row r=\"5\">{}<c r=\"D5\" t=\"d\"><v>2016-02-03</v></c><c r=\"E5\" t=\"e\"><v>#REF!</v></c></row><row r=\"6\"><c r=\"E6\" t=\"b\"><v>1</v></c></row>",
        header(),
        inline("B3", "甲\n乙"),
        inline("C3", "x"),
        inline("B4", "丙"),
        inline("B5", "丁")
    ));
    let none = String::new();
    let told = rows(&file).await;
    assert_eq!(told, [(2, wrong, none.clone()), (3, wrong, none), (4, wrong, "丙".into()), good(5, "丁")]);
}

#[tokio::test]
async fn a_formula_whose_value_is_not_kept_is_no_empty_cell() {
    let file = by_hand(&format!(
        "{}<row r=\"2\">{}<c r=\"C2\"><f>TEXT(F2,0)</f></c></row><row r=\"3\">{}<c r=\"C3\" t=\"str\"><f>\"\"</f><v></v></c><c r=\"E3\"><f>1+1</f></c></row>",
        header(),
        [inline("A2", "1"), inline("B2", "甲")].concat(),
        [inline("A3", "1"), inline("B3", "乙")].concat(),
    ));
    assert_eq!(rows(&file).await, [(2, Some(Code::ValueInvalid), "甲".into()), good(3, "乙")]);
}

#[tokio::test]
async fn a_header_below_a_title_is_told() {
    let titled =
        by_hand(&format!("<row r=\"1\">{}</row>{}", inline("A1", "某校花名册"), header().replace("1\"", "3\"")));
    let reason = refused(&titled).await;
    assert!(reason.contains("表头必须在第一行：第 3 行") && reason.contains("Sheet1"), "{reason}");
    let lower = by_hand(&header().replace("1\"", "3\""));
    assert!(refused(&lower).await.contains("表头必须在第一行"), "nor is an empty line a header");
    assert!(refused(&by_hand("")).await.contains("empty"));
}

#[tokio::test]
async fn what_is_no_workbook_or_unpacks_to_too_much_is_refused() {
    let whole = book(&[&["1", "甲", "x"]]);
    assert_eq!(rows(&whole).await, [good(2, "甲")]);
    for damaged in [b"PK\x03\x04rest".as_slice(), &whole[..whole.len() / 2], &whole[..whole.len() - 30]] {
        assert!(refused(damaged).await.contains("Excel"));
    }
    let mut other = ZipWriter::new(Cursor::new(Vec::new()));
    other.start_file("students.csv", SimpleFileOptions::default()).unwrap();
    assert!(refused(&other.finish().unwrap().into_inner()).await.contains("Excel"));

    // What is held in memory has a bound of its own; a directory that says less than is there helps nobody.
    let size = 5_300_017_u32;
    // The reader copies a font and a format for each look of a cell: a file of some kilobytes would ask for more than there is.
    let looks = |name: usize, count: usize| {
        let (font, look) = ("字".repeat(name), "<xf fontId='0'/>".repeat(count));
        format!(
            "<?xml version='1.0'?><styleSheet><fonts><font><name val='{font}'/></font></fonts><cellXfs>{look}</cellXfs></styleSheet>"
        )
    };
    for styles in [looks(10_000, 1), looks(1, 70_001)] {
        let file = with_part(&whole, "xl/styles.xml", styles.as_bytes());
        assert!(file.len() < 100_000 && refused(&file).await.contains("unpacks to more"));
    }
    let bomb = with_part(&whole, "xl/styles.xml", &vec![b' '; usize::try_from(size).unwrap()]);
    assert!(bomb.len() < 100_000 && refused(&bomb).await.contains("unpacks to more"));
    let mut lying = bomb.clone();
    while let Some(at) = lying.windows(4).position(|bytes| bytes == size.to_le_bytes()) {
        lying[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    assert!(lying != bomb && rows_or_reason(&lying).await.is_err());
    // One that says too much is not unpacked at all.
    let mut boasting = bomb.clone();
    while let Some(at) = boasting.windows(4).position(|bytes| bytes == size.to_le_bytes()) {
        boasting[at..at + 4].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
    }
    assert!(refused(&boasting).await.contains("unpacks to more"));
    // Room for so many would end the program, however the number is written.
    let gap = " ".repeat(40);
    let table = |attributes: &str| {
        format!("<sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" {attributes}></sst>")
    };
    let [plain, spaced, hidden] = [
        "uniqueCount=\"9999999999999\"".to_owned(),
        format!("uniqueCount{gap}={gap}\"9999999999999\""),
        "x:uniqueCount=\"a\" uniqueCount=\"9999999999999\"".to_owned(),
    ]
    .map(|attributes| table(&attributes));
    let wide: Vec<u8> = std::iter::once(0xFEFF).chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for promise in [plain.as_bytes(), spaced.as_bytes(), hidden.as_bytes()] {
        let promising = with_part(&whole, "xl/sharedStrings.xml", promise);
        assert!(refused(&promising).await.contains("unpacks to more"));
    }
    let promising = with_part(&whole, "xl/sharedStrings.xml", &wide);
    assert!(refused(&promising).await.contains("Workbook") || refused(&promising).await.contains("workbook"));
    // One name in two writings: what is measured is not what is read.
    let twice = with_part(&whole, "_RELS/.RELS", &part(&whole, "_rels/.rels"));
    assert!(refused(&twice).await.contains("no whole Excel workbook"));
    // One cell is held as a whole, in one text or in many.
    let long = "x".repeat(5 * 1024 * 1024);
    let runs = format!("<r><t>{}</t></r>", &long[..1024 * 1024]).repeat(5);
    for cell in [
        inline("B2", &long),
        format!("<c r=\"B2\" t=\"inlineStr\"><is>{runs}</is></c>"),
        format!("<c r=\"{long}\"></c>"),
    ] {
        let file = by_hand(&format!("{}<row r=\"2\">{cell}</row>", header()));
        assert!(file.len() < 100_000 && refused(&file).await.contains("unpacks to more"));
    }
    let wide = by_hand(&format!("{}<row r=\"2\">{}</row>", header(), inline("XFD2", "x")));
    assert!(rows_or_reason(&wide).await.unwrap_err().contains("columns"));
}

/// What is read of a file; the reason when it is refused, at once or in its midst.
async fn rows_or_reason(file: &[u8]) -> Result<usize, String> {
    let opened = Source::open(RosterKind::Staff, file).await.map_err(|error| error.public)?;
    let mut source = opened.map_err(|none| none.reason)?;
    let mut count = 0;
    while source.next().await.map_err(|error| error.public)?.is_some() {
        count += 1;
    }
    Ok(count)
}

#[tokio::test]
async fn nobody_reads_on_for_whom_nobody_waits() {
    let many: Vec<[&str; 3]> = vec![["1", "甲", "x"]; 5000];
    let many: Vec<&[&str]> = many.iter().map(|line| &line[..]).collect();
    let file = book(&many);
    let mut source = Source::open(RosterKind::Staff, file.as_slice()).await.unwrap().ok().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().number, 2);
    drop(source);
    // The runtime waits for its threads when it ends: this test would not.
    assert_eq!(rows(&file).await.len(), 5000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_sheet_is_read_to_its_end(at in any::<prop::sample::Index>(), bytes in proptest::collection::vec(any::<u8>(), 1..8)) {
        let whole = book(&[&["1", "甲", "x"], &["1", "乙", "x"]]);
        let mut sheet = part(&whole, SHEET);
        let at = at.index(sheet.len());
        sheet.splice(at..sheet.len().min(at + bytes.len()), bytes);
        // Rows, or a sentence; never silence, and never for ever.
        let told = run(rows_or_reason(&with_part(&whole, SHEET, &sheet)));
        prop_assert!(told.as_ref().is_ok_and(|rows| *rows <= 8) || told.is_err_and(|why| !why.is_empty()));
    }

    #[test]
    fn any_cut_or_broken_package_is_refused_or_read(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut file = book(&[&["1", "甲", "x"]]);
        let at = at.index(file.len());
        if cut { file.truncate(at) } else { file[at] = byte }
        let told = run(rows_or_reason(&file));
        prop_assert!(told.as_ref().is_ok_and(|rows| *rows <= 1) || told.is_err_and(|why| !why.is_empty()));
    }
}
