//! From the cells of a row to an intent.

use chrono::{Datelike as _, NaiveDate};

use super::{ClassKey, Code, Column, Fault, Warning};
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::school_type::SchoolType;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::staff::StaffPost;
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::contact;
use crate::domain::registry::division::Division;
use crate::domain::registry::document::{Document, DocumentError, DocumentLabel, DocumentWarning};
use crate::domain::registry::institution::InstitutionKind;
use crate::domain::registry::institution_code;
use crate::domain::registry::name::{NameError, PersonName};
use crate::domain::registry::personal_code::PersonalCode;
use crate::domain::registry::school_number::{self, SchoolNumberError};
use crate::domain::registry::text;

/// Years. Nobody younger works at a school (劳动法, 15), and nobody younger is a guardian (民法典, 17 and 27).
const WORKING_AGE: u32 = 16;
const OF_AGE: u32 = 18;
const LONGEST_ORG_NAME: usize = 200;

/// Nobody who is in a roster was born earlier.
const OLDEST: i32 = 130;

const ROUNDED: &str = "号码已被电子表格舍入，请将该列设为文本格式后重新填写。A spreadsheet rounded the number: format the column as text \
     and type it again";
const MAY_BE_ROUNDED: &str = "号码末三位为 000，可能已被电子表格舍入，请核对。The number ends in 000, as one does that a spreadsheet rounded: \
     look at it";

/// Gives the trimmed text of a column; empty where the file has none.
pub trait Cells {
    /// The cell.
    fn cell(&self, column: Column) -> &str;
}

/// A person as a row names her.
#[derive(Clone, Debug)]
pub struct PersonRow {
    /// Legal name.
    pub name: PersonName,
    /// From the column, else from the number.
    pub sex: Sex,
    /// From the number, else from the column.
    pub birth_date: Option<NaiveDate>,
    /// What makes her unique.
    pub document: Option<Document>,
    /// 学籍号; stands in for a document where a child has none.
    pub personal_code: Option<PersonalCode>,
    /// Contact only (R9).
    pub phone: Option<String>,
}

impl PersonRow {
    /// Whether her number may be what a spreadsheet made of another one.
    pub fn may_be_rounded(&self) -> bool {
        self.document.as_ref().is_some_and(Document::may_be_rounded)
    }
}

/// A student of a class with up to two guardians.
#[derive(Debug)]
pub struct StudentRow {
    /// Code of her school.
    pub school: String,
    /// Who.
    pub person: PersonRow,
    /// In which class.
    pub class: ClassKey,
    /// 学号.
    pub student_no: Option<String>,
    /// In order, with the relation and the column of the number.
    pub guardians: Vec<(PersonRow, Relation, Column)>,
    /// Faults of guardian columns and of a 学籍号 beside a document: reported, and the child stays.
    pub faults: Vec<Fault>,
    /// Hints.
    pub warnings: Vec<Warning>,
}

/// Somebody who works at an institution.
#[derive(Debug)]
pub struct StaffRow {
    /// Code of the institution.
    pub school: String,
    /// Who.
    pub person: PersonRow,
    /// 工号.
    pub staff_no: Option<String>,
    /// As what; a teacher, where the row says nothing.
    pub post: Option<StaffPost>,
    /// What is taught.
    pub subject: Option<Subject>,
    /// Where.
    pub teaches: Vec<ClassKey>,
    /// 班主任: of the first class named.
    pub head_teacher: bool,
    /// Hints.
    pub warnings: Vec<Warning>,
}

/// An institution.
#[derive(Clone, Debug)]
pub struct InstitutionRow {
    /// Its code today.
    pub code: institution_code::Code,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: InstitutionKind,
    /// 办学类型, for schools.
    pub school_type: Option<SchoolType>,
    /// Where.
    pub division: Division,
    /// Under which; none at the top.
    pub parent: Option<String>,
}

/// The columns of a person: name, kind of document, number, phone.
struct Place {
    name: Column,
    label: Column,
    number: Column,
    phone: Column,
}

const HERSELF: Place =
    Place { name: Column::Name, label: Column::DocumentLabel, number: Column::DocumentNumber, phone: Column::Phone };

const GUARDIANS: [(Place, Column); 2] = [
    (
        Place {
            name: Column::GuardianName,
            label: Column::GuardianDocumentLabel,
            number: Column::GuardianDocumentNumber,
            phone: Column::GuardianPhone,
        },
        Column::GuardianRelation,
    ),
    (
        Place {
            name: Column::Guardian2Name,
            label: Column::Guardian2DocumentLabel,
            number: Column::Guardian2DocumentNumber,
            phone: Column::Guardian2Phone,
        },
        Column::Guardian2Relation,
    ),
];

/// Reads a student on a day (Asia/Shanghai).
///
/// # Errors
/// The first fault that keeps the child out.
pub fn read_student(cells: &impl Cells, today: NaiveDate) -> Result<StudentRow, Fault> {
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    let mut person = read_person(cells, &HERSELF, today, &mut warnings)?;
    let sex = cells.cell(Column::Sex);
    settle_sex(&mut person, sex, &mut warnings)?;
    let code = cells.cell(Column::PersonalCode);
    if !code.is_empty() {
        match PersonalCode::parse(code) {
            Ok(code) => person.personal_code = Some(code),
            Err(_) => {
                let fault = Fault::new(
                    Column::PersonalCode,
                    Code::PersonalCodeInvalid,
                    "学籍号格式不正确。The 学籍号 is not one",
                );
                if person.document.is_none() {
                    return Err(fault);
                }
                faults.push(fault);
            }
        }
    }
    if person.document.is_none() && person.personal_code.is_none() {
        return Err(Fault::new(
            Column::DocumentNumber,
            Code::DocumentMissing,
            "学生须有证件号或学籍号，否则同名学生无法区分。A student needs a document or a 学籍号; without either nobody can tell two \
             children of one name apart",
        ));
    }
    let class =
        ClassKey::read(cells.cell(Column::Stage), cells.cell(Column::EntryYear), cells.cell(Column::Class), today)
            .ok_or(Fault::new(
                Column::Class,
                Code::ClassInvalid,
                "学段、入学年份、班级不能确定一个班。Stage, entry year and class do not name a class",
            ))?;
    let mut guardians: Vec<(PersonRow, Relation, Column)> = Vec::new();
    for (place, relation) in &GUARDIANS {
        if [place.name, place.number, place.phone].iter().all(|column| cells.cell(*column).is_empty()) {
            continue;
        }
        match read_guardian(cells, place, *relation, today, &mut warnings) {
            Ok((guardian, _)) if guardians.iter().any(|(first, ..)| is_same(first, &guardian)) => {
                faults.push(Fault::new(
                    place.number,
                    Code::RelationInvalid,
                    "同一监护人填写了两次，以前一个为准。The same guardian twice; the first counts",
                ));
            }
            Ok((guardian, relation)) => guardians.push((guardian, relation, place.number)),
            Err(fault) => faults.push(fault),
        }
    }
    let school = cells.cell(Column::School).to_owned();
    let student_no = number(cells, Column::StudentNo, &mut warnings)?;
    Ok(StudentRow { school, person, class, student_no, guardians, faults, warnings })
}

/// Reads a member of staff on a day (Asia/Shanghai).
///
/// # Errors
/// The first fault.
pub fn read_staff(cells: &impl Cells, today: NaiveDate) -> Result<StaffRow, Fault> {
    let mut warnings = Vec::new();
    let mut person = read_person(cells, &HERSELF, today, &mut warnings)?;
    settle_sex(&mut person, cells.cell(Column::Sex), &mut warnings)?;
    if person.document.is_none() {
        return Err(Fault::new(
            Column::DocumentNumber,
            Code::DocumentMissing,
            "教职工须有证件号。Staff need a document",
        ));
    }
    if person.birth_date.and_then(|born| today.years_since(born)).is_some_and(|age| age < WORKING_AGE) {
        let why = "年龄不足，不可能是教职工；是否误传了学生名册？Nobody so young works at a school; is this a file of students?";
        return Err(Fault::new(Column::DocumentNumber, Code::BirthDateImplausible, why));
    }
    let post = cells.cell(Column::Post);
    let post = if post.is_empty() { None } else { Some(StaffPost::read(post)) }.transpose().map_err(|_| {
        Fault::new(Column::Post, Code::PostInvalid, "岗位不在 GWZY 代码表中。The post is not in the table GWZY")
    })?;
    let subject = cells.cell(Column::Subject);
    let subject = if subject.is_empty() { None } else { Some(Subject::read(subject)) }.transpose().map_err(|_| {
        Fault::new(
            Column::Subject,
            Code::SubjectInvalid,
            "学科不在 ZXXKC 代码表中。The subject is not in the table ZXXKC",
        )
    })?;
    let mut teaches = Vec::new();
    for text in cells.cell(Column::Teaches).split([';', '；', '、']).map(str::trim).filter(|text| !text.is_empty()) {
        let mut parts = text.split(['/', '／']);
        let class = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(stage), Some(year), Some(class), None) => ClassKey::read(stage, year, class, today),
            _ => None,
        };
        let class = class.ok_or(Fault::new(
            Column::Teaches,
            Code::ClassInvalid,
            "任教班级写作“学段/入学年份/班级”，多个用分号隔开。A class taught is written 学段/入学年份/班级, several are separated by ;",
        ))?;
        if !teaches.contains(&class) {
            teaches.push(class);
        }
    }
    let head_teacher = match cells.cell(Column::HeadTeacher) {
        "是" | "1" | "Y" | "y" | "true" => true,
        "" | "否" | "0" | "N" | "n" | "false" => false,
        _ => return Err(Fault::new(Column::HeadTeacher, Code::ValueInvalid, "请填写“是”或“否”。Say 是 or 否")),
    };
    let school = cells.cell(Column::School).to_owned();
    let staff_no = number(cells, Column::StaffNo, &mut warnings)?;
    Ok(StaffRow { school, person, staff_no, post, subject, teaches, head_teacher, warnings })
}

/// Reads an institution.
///
/// # Errors
/// The first fault.
pub fn read_institution(cells: &impl Cells) -> Result<InstitutionRow, Fault> {
    let invalid = |column, message| Fault::new(column, Code::InstitutionInvalid, message);
    let code = institution_code::Code::parse(cells.cell(Column::OrgCode))
        .map_err(|_| invalid(Column::OrgCode, "机构标识码格式不正确。Not a code of an institution"))?;
    let name = filled(cells.cell(Column::OrgName)).ok_or(Fault::new(
        Column::OrgName,
        Code::NameMissing,
        "缺少机构名称。The institution has no name",
    ))?;
    if name.chars().count() > LONGEST_ORG_NAME {
        return Err(invalid(Column::OrgName, "名称过长。The name is longer than any name"));
    }
    let kind = InstitutionKind::read(cells.cell(Column::OrgKind))
        .map_err(|_| invalid(Column::OrgKind, "机构类型不在代码表中。The kind of institution is not known"))?;
    let school_type = match cells.cell(Column::SchoolType) {
        "" => None,
        text => Some(SchoolType::read(text).map_err(|_| {
            invalid(Column::SchoolType, "办学类型不在 BXLX 代码表中。The type of school is not in the table BXLX")
        })?),
    };
    let division = cells.cell(Column::Division).parse().map_err(|_| {
        invalid(Column::Division, "行政区划代码应为 6 位数字（GB/T 2260）。The division is not six digits of GB/T 2260")
    })?;
    Ok(InstitutionRow { code, name, kind, school_type, division, parent: filled(cells.cell(Column::ParentCode)) })
}

fn read_guardian(
    cells: &impl Cells,
    place: &Place,
    relation: Column,
    today: NaiveDate,
    warnings: &mut Vec<Warning>,
) -> Result<(PersonRow, Relation), Fault> {
    let mut person = read_person(cells, place, today, warnings)?;
    let document = person.document.as_ref().ok_or(Fault::new(
        place.number,
        Code::DocumentMissing,
        "监护人缺少证件号，无法区分，未登记；学生照常登记。A guardian without a document cannot be told from others; the child \
         stands without this guardian",
    ))?;
    person.sex = document.sex().unwrap_or(Sex::Unknown);
    if person.birth_date.and_then(|born| today.years_since(born)).is_some_and(|age| age < OF_AGE) {
        return Err(Fault::new(
            place.number,
            Code::RelationInvalid,
            "监护人应已成年；是否误填了学生的号码？A guardian is of age; is this a child's number?",
        ));
    }
    let text = cells.cell(relation);
    let relation = if text.is_empty() { Ok(Relation::Other) } else { Relation::read(text) }.map_err(|_| {
        Fault::new(relation, Code::RelationInvalid, "关系不在 JTGX 代码表中。The relation is not in the table JTGX")
    })?;
    Ok((person, relation))
}

fn read_person(
    cells: &impl Cells,
    place: &Place,
    today: NaiveDate,
    warnings: &mut Vec<Warning>,
) -> Result<PersonRow, Fault> {
    let name = PersonName::parse(cells.cell(place.name)).map_err(|error| match error {
        NameError::Missing => Fault::new(place.name, Code::NameMissing, "未填写姓名。The name is missing"),
        NameError::Lost => {
            Fault::new(place.name, Code::Encoding, "姓名中有字符在保存时丢失（如 ? 或 □），请另存为 CSV UTF-8 或 .xlsx 后重新填写。A character of the name was lost in a \
             wrong encoding: save the file as CSV UTF-8 or as a workbook (.xlsx)")
        }
        NameError::Masked => {
            Fault::new(place.name, Code::NameInvalid, "姓名被遮盖（* 或 ○），请填写全名。The name is masked: the whole name is needed")
        }
        NameError::TooLong | NameError::Invisible => {
            Fault::new(place.name, Code::NameInvalid, "姓名过长或含有不可见字符。The name is too long or holds an invisible character")
        }
    })?;
    let document = read_document(cells, place, warnings)?;
    let inside = document.as_ref().and_then(Document::birth_date);
    let column = if place.name == Column::Name { cells.cell(Column::BirthDate) } else { "" };
    let told = read_date(column);
    if told.is_none() && !column.is_empty() {
        let doubt = Fault::new(
            Column::BirthDate,
            Code::BirthDateImplausible,
            "出生日期不是日期，应写作 2016-02-03。The birth date is not a date, as 2016-02-03 is",
        );
        // The one inside a number counts anyway.
        match inside {
            Some(_) => warnings.push(doubt),
            None => return Err(doubt),
        }
    }
    if let (Some(inside), Some(told)) = (inside, told)
        && inside != told
    {
        warnings.push(Fault::new(
            Column::BirthDate,
            Code::ValueInvalid,
            "出生日期与证件号码中的不同，以号码为准。The birth date differs from the one in the number, which counts",
        ));
    }
    let birth_date = inside.or(told);
    if birth_date.is_some_and(|date| date > today || date.year() < today.year() - OLDEST) {
        let column = if inside.is_some() { place.number } else { Column::BirthDate };
        return Err(Fault::new(
            column,
            Code::BirthDateImplausible,
            "出生日期不可能。Nobody who is born then can be in a roster",
        ));
    }
    let sex = document.as_ref().and_then(Document::sex).unwrap_or(Sex::Unknown);
    Ok(PersonRow { name, sex, birth_date, document, personal_code: None, phone: read_phone(cells, place, warnings) })
}

fn read_document(cells: &impl Cells, place: &Place, warnings: &mut Vec<Warning>) -> Result<Option<Document>, Fault> {
    let number = cells.cell(place.number);
    if number.is_empty() {
        return Ok(None);
    }
    let label = match cells.cell(place.label) {
        "" => None,
        text => Some(DocumentLabel::read(text).map_err(|_| {
            Fault::new(
                place.label,
                Code::DocumentInvalid,
                "证件类型不在 SFZJLX 代码表中。The kind of document is not in the table SFZJLX",
            )
        })?),
    };
    let country = if place.name == Column::Name { cells.cell(Column::Country) } else { "" };
    let (document, hints) = Document::parse(label, filled(country).as_deref(), number).map_err(|error| {
        let (column, code) = match error {
            DocumentError::Country => (Column::Country, Code::DocumentInvalid),
            DocumentError::Rounded => (place.number, Code::NumberRounded),
            _ => (place.number, Code::DocumentInvalid),
        };
        Fault { column, code, message: format!("{}。{error}", error.chinese()).into() }
    })?;
    if document.may_be_rounded() {
        warnings.push(Fault::new(place.number, Code::NumberRounded, MAY_BE_ROUNDED));
    }
    for hint in hints {
        let message = match hint {
            DocumentWarning::LabelDisagrees => {
                "号码与所填证件类型不符，以号码为准。The number is of another kind than the label says; the number counts"
            }
            DocumentWarning::CountryUnknown => "护照未填写签发国家。A passport without its issuing country",
            DocumentWarning::CountryIgnored => {
                "此类证件只有一个签发国家，所填国家未登记。This kind of document has one issuer; the country was dropped"
            }
        };
        warnings.push(Fault::new(place.label, Code::ValueInvalid, message));
    }
    Ok(Some(document))
}

fn settle_sex(person: &mut PersonRow, text: &str, warnings: &mut Vec<Warning>) -> Result<(), Fault> {
    if text.is_empty() {
        return Ok(());
    }
    let told = Sex::read(text)
        .map_err(|_| Fault::new(Column::Sex, Code::ValueInvalid, "性别请填写“男”或“女”。Say 男 or 女"))?;
    if person.sex != Sex::Unknown && person.sex != told {
        warnings.push(Fault::new(
            Column::Sex,
            Code::ValueInvalid,
            "性别与证件号码中的不同。The sex differs from the one in the number",
        ));
    }
    person.sex = told;
    Ok(())
}

/// A number that a school gives itself. What would show everybody a number of hers is left out, and costs nobody her row.
fn number(cells: &impl Cells, column: Column, warnings: &mut Vec<Warning>) -> Result<Option<String>, Fault> {
    let text = cells.cell(column);
    if text::is_rounded(text) {
        return Err(Fault::new(column, Code::NumberRounded, ROUNDED));
    }
    match school_number::read(text) {
        Ok(number) => Ok(number),
        Err(SchoolNumberError::TooLong) => {
            Err(Fault::new(column, Code::ValueInvalid, "号码过长。Longer than any such number"))
        }
        Err(SchoolNumberError::Personal) => {
            let why = "身份证件号码、学籍号或电话号码不能作学号、工号，未采用。An identity number, a 学籍号 or a phone is no 学号 and no 工号: it was left out";
            warnings.push(Fault::new(column, Code::ValueInvalid, why));
            Ok(None)
        }
    }
}

fn is_same(one: &PersonRow, other: &PersonRow) -> bool {
    let key = |row: &PersonRow| row.document.as_ref().map(|d| (d.class, d.number.expose().to_owned()));
    key(one).is_some_and(|key_of_one| Some(key_of_one) == key(other))
}

/// A day, with or without the hour that a spreadsheet adds.
fn read_date(text: &str) -> Option<NaiveDate> {
    let text = text.split([' ', 'T']).next().unwrap_or_default();
    ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日", "%Y.%m.%d"]
        .iter()
        .find_map(|format| NaiveDate::parse_from_str(text, format).ok())
}

/// A phone that cannot be one is left out; it is a way to reach somebody and nothing hangs on it.
fn read_phone(cells: &impl Cells, place: &Place, warnings: &mut Vec<Warning>) -> Option<String> {
    let text = cells.cell(place.phone);
    let phone = contact::mobile(text);
    if !text.is_empty() && phone.is_none() {
        warnings.push(Fault::new(
            place.phone,
            Code::ValueInvalid,
            "不是手机号码，未登记。Not a mobile phone; it was left out",
        ));
    }
    phone
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
