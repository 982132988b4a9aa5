//! Columns of a roster and the names that people give them.

use thiserror::Error;

use super::{Code, Fault, RosterKind};
use crate::domain::registry::codes::plain_label;

macro_rules! columns {
    ($($variant:ident = $label:literal $(| $alias:literal)*;)+) => {
        /// A column that the register understands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the label is the meaning")]
        pub enum Column { $($variant,)+ }

        impl Column {
            /// How many there are.
            const COUNT: usize = Self::ALL.len();

            const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Whether it is about a guardian: its faults cost no child.
            pub fn is_of_a_guardian(self) -> bool {
                self.label().starts_with("监护人")
            }

            /// The name under which faults are reported.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            fn read(text: &str) -> Option<Self> {
                match plain_label(text).trim_start_matches('\u{FEFF}').trim_end_matches('*') {
                    $($label $(| $alias)* => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

columns! {
    OrgCode = "机构标识码" | "机构代码" | "单位标识码" | "组织机构代码";
    OrgName = "机构名称" | "单位名称" | "学校名称";
    OrgKind = "机构类型" | "机构类别";
    SchoolType = "办学类型" | "学校办学类型";
    Division = "行政区划代码" | "行政区划" | "行政区划码";
    ParentCode = "上级机构标识码" | "上级机构代码" | "主管部门标识码";
    School = "学校标识码" | "学校代码" | "学校编码" | "所在学校标识码";
    Name = "姓名" | "学生姓名" | "教师姓名" | "教职工姓名";
    Sex = "性别";
    BirthDate = "出生日期" | "出生年月日" | "生日";
    DocumentLabel = "身份证件类型" | "证件类型" | "身份证类型" | "证件类别";
    DocumentNumber = "身份证件号" | "身份证件号码" | "证件号码" | "证件号" | "身份证号" | "身份证号码" | "公民身份号码";
    Country = "签发国家" | "国籍/地区" | "国籍" | "证件签发国";
    PersonalCode = "学籍号" | "个人标识码" | "全国学籍号" | "学籍号码";
    StudentNo = "学号" | "校内学号";
    Stage = "学段" | "任课学段";
    EntryYear = "入学年份" | "入学年度" | "入学年" | "级";
    Class = "班级" | "班号" | "班级名称" | "所在班级";
    StaffNo = "工号" | "教工号" | "职工号" | "教师编号";
    Phone = "手机号" | "手机" | "手机号码" | "联系电话" | "移动电话";
    Post = "岗位" | "岗位职业" | "职务";
    Subject = "任教学科" | "学科" | "任课学科";
    Teaches = "任教班级" | "任课班级";
    HeadTeacher = "班主任" | "是否班主任";
    GuardianName = "监护人姓名" | "监护人1姓名" | "家长姓名" | "第一监护人姓名";
    GuardianRelation = "监护人关系" | "监护人1关系" | "家长关系" | "与学生关系";
    GuardianDocumentLabel = "监护人身份证件类型" | "监护人证件类型" | "监护人1身份证件类型" | "家长证件类型";
    GuardianDocumentNumber = "监护人身份证件号" | "监护人证件号" | "监护人证件号码" | "监护人身份证号" | "监护人1身份证件号" | "家长身份证号";
    GuardianPhone = "监护人手机号" | "监护人电话" | "监护人手机" | "监护人1手机号" | "家长手机号" | "家长电话";
    Guardian2Name = "监护人2姓名" | "第二监护人姓名";
    Guardian2Relation = "监护人2关系";
    Guardian2DocumentLabel = "监护人2身份证件类型" | "监护人2证件类型";
    Guardian2DocumentNumber = "监护人2身份证件号" | "监护人2证件号" | "监护人2证件号码" | "监护人2身份证号";
    Guardian2Phone = "监护人2手机号" | "监护人2电话" | "监护人2手机";
}

/// Which column stands where.
#[derive(Clone, Debug)]
pub struct Header {
    places: [Option<usize>; Column::COUNT],
    unknown: Vec<String>,
}

/// Why a first line is no header of such a roster.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Columns without which no row can be read.
    #[error("column_missing: 缺少列：{labels}。The file lacks the column {labels}", labels = labels(.0))]
    Missing(Vec<Column>),
    /// Two columns of one meaning, as they are written: which of them counts cannot be told.
    #[error("column_repeated: “{1}”和“{2}”两列是同一含义（{label}），请只保留一列。The columns {1} and {2} both mean {label}: keep one", label = .0.label())]
    Repeated(Column, String, String),
    /// The columns of students in a file of staff would make a teacher of every child.
    #[error("wrong_kind: {labels} 是学生名册的列，文件种类可能选错。{labels} are columns of students; is this --kind students?", labels = labels(.0))]
    OfStudents(Vec<Column>),
}

fn labels(columns: &[Column]) -> String {
    columns.iter().map(|column| column.label()).collect::<Vec<_>>().join(", ")
}

impl HeaderError {
    /// One fault for each column.
    pub fn faults(&self) -> Vec<Fault> {
        let fault = |code, message| move |column: &Column| Fault::new(*column, code, message);
        match self {
            Self::Missing(all) => {
                all.iter().map(fault(Code::ColumnMissing, "文件缺少此列。The file lacks the column")).collect()
            }
            Self::Repeated(column, ..) => {
                vec![Fault::new(*column, Code::ColumnRepeated, "有两列是此含义。Two columns mean this")]
            }
            Self::OfStudents(all) => {
                all.iter().map(fault(Code::WrongKind, "这是学生名册的列。A column of students")).collect()
            }
        }
    }
}

impl Header {
    /// Reads the first line. Columns come in any order, under any of their names; unknown ones are kept for the report.
    ///
    /// # Errors
    /// [`HeaderError`] when a needed column is missing or one comes twice.
    pub fn read<'a>(kind: RosterKind, cells: impl Iterator<Item = &'a str>) -> Result<Self, HeaderError> {
        let mut header = Self { places: [None; Column::COUNT], unknown: Vec::new() };
        let (mut foreign, mut typed) = (Vec::new(), Vec::new());
        for (at, cell) in cells.enumerate() {
            let Some(column) = Column::read(cell).filter(|column| is_used(kind, *column)) else {
                if kind == RosterKind::Staff {
                    foreign.extend(Column::read(cell).filter(|column| OF_STUDENTS.contains(column)));
                }
                if !cell.trim().is_empty() {
                    header.unknown.push(cell.trim().to_owned());
                }
                continue;
            };
            typed.push((column, cell.trim()));
            if header.places[column as usize].replace(at).is_some() {
                let first = typed.iter().find(|(known, _)| *known == column).map_or("", |(_, text)| *text);
                return Err(HeaderError::Repeated(column, first.to_owned(), cell.trim().to_owned()));
            }
        }
        if !foreign.is_empty() {
            return Err(HeaderError::OfStudents(foreign));
        }
        let missing: Vec<_> = needed(kind).iter().copied().filter(|column| header.place(*column).is_none()).collect();
        if missing.is_empty() { Ok(header) } else { Err(HeaderError::Missing(missing)) }
    }

    /// Where a column stands, if the file has it.
    pub fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }

    /// Where anything stands that means something.
    pub fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.places.iter().flatten().copied()
    }

    /// The leftmost column that means something, to which a fault of a whole row is told.
    pub fn first(&self) -> Column {
        let first = Column::ALL.iter().copied().filter_map(|column| Some((self.place(column)?, column)));
        first.min_by_key(|(at, _)| *at).map_or(Column::Name, |(_, column)| column)
    }

    /// What stands at a place.
    pub fn column_at(&self, place: usize) -> Option<Column> {
        Column::ALL.iter().copied().find(|column| self.place(*column) == Some(place))
    }

    /// Columns that mean nothing to the register.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }
}

/// A file of staff has none of these.
const OF_STUDENTS: [Column; 4] =
    [Column::PersonalCode, Column::EntryYear, Column::GuardianName, Column::GuardianDocumentNumber];

/// Whether a kind of roster has a use for a column; what it does not use is reported, not silently dropped.
fn is_used(kind: RosterKind, column: Column) -> bool {
    use Column::{
        BirthDate, Class, Country, Division, DocumentLabel, DocumentNumber, EntryYear, HeadTeacher, Name, OrgCode,
        OrgKind, OrgName, ParentCode, PersonalCode, Phone, Post, School, SchoolType, Sex, StaffNo, Stage, StudentNo,
        Subject, Teaches,
    };
    let of_a_person =
        matches!(column, School | Name | Sex | BirthDate | DocumentLabel | DocumentNumber | Country | Phone);
    match kind {
        RosterKind::Institutions => {
            matches!(column, OrgCode | OrgName | OrgKind | SchoolType | Division | ParentCode)
        }
        RosterKind::Staff => of_a_person || matches!(column, StaffNo | Post | Subject | Teaches | HeadTeacher),
        RosterKind::Students => {
            of_a_person
                || matches!(column, PersonalCode | StudentNo | Stage | EntryYear | Class)
                || column.is_of_a_guardian()
        }
    }
}

const fn needed(kind: RosterKind) -> &'static [Column] {
    match kind {
        RosterKind::Institutions => &[Column::OrgCode, Column::OrgName, Column::OrgKind, Column::Division],
        RosterKind::Staff => &[Column::School, Column::Name, Column::DocumentNumber],
        RosterKind::Students => {
            &[Column::School, Column::Name, Column::DocumentNumber, Column::Stage, Column::EntryYear, Column::Class]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_order_are_free() {
        let header = Header::read(RosterKind::Staff, ["\u{FEFF}身份证号 ", "备注", "教师姓名", "学校代码"].into_iter());
        let header = header.unwrap();
        assert_eq!(header.place(Column::DocumentNumber), Some(0));
        assert_eq!(header.place(Column::School), Some(3));
        assert_eq!(header.unknown(), ["备注"]);
    }

    #[test]
    fn what_is_missing_or_double_is_said() {
        let missing = Header::read(RosterKind::Staff, ["姓名"].into_iter()).unwrap_err();
        assert_eq!(missing, HeaderError::Missing(vec![Column::School, Column::DocumentNumber]));
        let double = Header::read(RosterKind::Staff, ["姓名", "教师姓名"].into_iter()).unwrap_err();
        assert_eq!(double, HeaderError::Repeated(Column::Name, "姓名".into(), "教师姓名".into()));
    }

    #[test]
    fn a_file_of_students_is_no_file_of_staff() {
        let students = ["学校标识码", "姓名", "身份证件号", "学籍号", "学段", "入学年份", "班级", "监护人姓名"];
        let told = Header::read(RosterKind::Staff, students.into_iter()).unwrap_err();
        assert!(matches!(&told, HeaderError::OfStudents(columns) if columns.len() == 3), "{told}");
        let staff = ["学校标识码", "姓名", "身份证件号", "学段", "学校名称"];
        let header = Header::read(RosterKind::Staff, staff.into_iter()).unwrap();
        assert_eq!(header.unknown(), ["学段", "学校名称"], "what staff have no use for is told");
    }
}
