use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

struct Map(HashMap<&'static str, String>);
impl Cells for Map {
    fn cell(&self, column: Column) -> &str {
        self.0.get(column.label()).map_or("", |text| text.trim())
    }
}

fn map(cells: &[(&'static str, &str)]) -> Map {
    Map(cells.iter().map(|(column, text)| (*column, (*text).to_owned())).collect())
}

fn day() -> NaiveDate {
    "2026-11-24".parse().unwrap()
}

const CHILD: &[(&str, &str)] = &[
    ("学校标识码", "2136000001"),
    ("姓名", "王小明"),
    ("性别", "男"),
    ("身份证件类型", "居民身份证"),
    ("身份证件号", "11010519491231002X"),
    ("学段", "小学"),
    ("入学年份", "2024"),
    ("班级", "3班"),
];

#[test]
fn a_fault_of_a_guardian_never_costs_the_child() {
    let cells = [CHILD, &[("监护人姓名", "王大明"), ("监护人身份证件号", "110105194912310021")]].concat();
    let row = read_student(&map(&cells), day()).unwrap();
    assert!(row.guardians.is_empty());
    assert_eq!((row.faults[0].code, row.faults[0].column.label()), (Code::DocumentInvalid, "监护人身份证件号"));
}

#[test]
fn faults_of_the_child_say_where() {
    for (column, text, code) in [
        ("姓名", " ", Code::NameMissing),
        ("身份证件号", "110105194912310021", Code::DocumentInvalid),
        ("班级", "", Code::ClassInvalid),
        ("性别", "雄", Code::ValueInvalid),
    ] {
        let mut cells = map(CHILD);
        cells.0.insert(column, text.to_owned());
        let fault = read_student(&cells, day()).unwrap_err();
        assert_eq!((fault.code, fault.column.label()), (code, column));
    }
}

#[test]
fn children_neither_work_nor_keep_other_children() {
    let young = "110105201702030049";
    let cells = [CHILD, &[("身份证件号", young)]].concat();
    assert_eq!(read_staff(&map(&cells), day()).unwrap_err().code, Code::BirthDateImplausible);
    let cells = [CHILD, &[("监护人姓名", "王二"), ("监护人身份证件号", young)]].concat();
    let row = read_student(&map(&cells), day()).unwrap();
    assert_eq!((row.guardians.len(), row.faults[0].code), (0, Code::RelationInvalid));
}

#[test]
fn what_nobody_needs_costs_no_row() {
    for (column, text, warned) in [
        ("国籍/地区", "中国", None),
        ("国籍/地区", "156", None),
        ("国籍/地区", "韩国人", Some("身份证件类型")),
        ("出生日期", "1949-12-31 00:00:00", None),
        ("出生日期", "1949/12/31 0:00", None),
        ("出生日期", "18263", Some("出生日期")),
        ("出生日期", "1949年12月", Some("出生日期")),
    ] {
        // Under any of its names, a column is called by the first one.
        let column = if column == "国籍/地区" { "签发国家" } else { column };
        let row = read_student(&map(&[CHILD, &[(column, text)]].concat()), day()).unwrap();
        let told = row.warnings.iter().map(|warning| warning.column.label());
        // Her sex contradicts the number in each case.
        let told: Vec<_> = told.filter(|column| *column != "性别").collect();
        assert_eq!(told, warned.into_iter().collect::<Vec<_>>(), "{column} {text}");
    }
    let paper = [("身份证件类型", "护照"), ("身份证件号", "E12345678"), ("出生日期", "2016年2月")];
    let fault = read_student(&map(&[CHILD, &paper].concat()), day()).unwrap_err();
    assert_eq!((fault.code, fault.column), (Code::BirthDateImplausible, Column::BirthDate), "nothing else tells it");
    let issuer = [("身份证件类型", "护照"), ("身份证件号", "E12345678"), ("签发国家", "韩国")];
    let fault = read_student(&map(&[CHILD, &issuer].concat()), day()).unwrap_err();
    assert_eq!((fault.code, fault.column), (Code::DocumentInvalid, Column::Country));
}

#[test]
fn a_number_that_a_spreadsheet_rounded_is_told_so() {
    for rounded in ["110105201602030000", "1.10105E+17"] {
        let mut cells = map(CHILD);
        cells.0.insert("身份证件号", rounded.to_owned());
        let fault = read_student(&cells, day()).unwrap_err();
        assert!(fault.code == Code::NumberRounded && fault.message.contains("文本"), "{fault:?}");
    }
    let cells = [CHILD, &[("身份证件号", "110105201602038000")]].concat();
    let row = read_student(&map(&cells), day()).unwrap();
    assert!(row.person.may_be_rounded() && row.warnings.iter().any(|warning| warning.code == Code::NumberRounded));
    let number = [CHILD, &[("学号", "2.02401E+11")]].concat();
    assert_eq!(read_student(&map(&number), day()).unwrap_err().code, Code::NumberRounded);
}

#[test]
fn the_same_guardian_twice_is_one() {
    let number = "11010519850203004X";
    let second = [("监护人2姓名", "王大明"), ("监护人2身份证件号", number)];
    let first = [("监护人姓名", "王大明"), ("监护人身份证件号", number)];
    let row = read_student(&map(&[CHILD, &first, &second].concat()), day()).unwrap();
    assert_eq!((row.guardians.len(), row.faults.len()), (1, 1));
}

#[test]
fn staff_teach_the_classes_named() {
    let cells =
        [CHILD, &[("任教班级", "小学/2024/3班；小学/2025/1班;小学/2024/3班"), ("班主任", "是"), ("任教学科", "语文")]];
    let row = read_staff(&map(&cells.concat()), day()).unwrap();
    assert_eq!(row.teaches.len(), 2);
    assert!(row.head_teacher && row.subject == Some(Subject::Chinese) && row.post.is_none());
}

proptest! {
    #[test]
    fn any_cells_are_read_without_harm(texts in proptest::collection::vec("\\PC{0,20}", 12)) {
        let columns = ["学校标识码", "姓名", "性别", "身份证件类型", "身份证件号", "学籍号", "学段", "入学年份", "班级", "监护人姓名", "监护人身份证件号", "任教班级"];
        let cells = Map(columns.into_iter().zip(texts).collect());
        let _ = (read_student(&cells, day()), read_staff(&cells, day()), read_institution(&cells));
    }
}
