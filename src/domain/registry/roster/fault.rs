//! What is wrong with a row: by column, code and a sentence. Never a value of the row (ruling R7).

use std::borrow::Cow;

use super::Column;
use crate::domain::registry::codes::codes;

codes! {
    /// Stable codes of faults (contract).
    Code {
        DocumentInvalid = "document_invalid", "证件号有误";
        NumberRounded = "number_rounded", "号码已被电子表格舍入";
        DocumentMissing = "document_missing", "缺少证件";
        DocumentConflict = "document_conflict", "证件号已登记在另一姓名下";
        DocumentErased = "document_erased", "号码属于已注销的人员，经主管部门确认后方可再次登记";
        PersonClosed = "person_closed", "该人员已故或正在注销";
        NameMissing = "name_missing", "缺少姓名";
        NameInvalid = "name_invalid", "姓名有误";
        InstitutionUnknown = "institution_unknown", "机构不存在";
        CodeVoid = "institution_code_void", "机构标识码已作废";
        InstitutionInvalid = "institution_invalid", "机构信息有误";
        BirthDateImplausible = "birth_date_implausible", "出生日期不可信";
        PersonalCodeInvalid = "personal_code_invalid", "学籍号有误";
        PersonalCodeConflict = "personal_code_conflict", "学籍号已属他人";
        ClassInvalid = "class_invalid", "学段、入学年份或班级有误";
        ClassOver = "class_over", "班级已毕业或已撤销";
        EnrolledElsewhere = "enrolled_elsewhere", "学籍在另一学校";
        PostInvalid = "post_invalid", "岗位有误";
        SubjectInvalid = "subject_invalid", "学科有误";
        RelationInvalid = "relation_invalid", "监护关系有误";
        ParentDiffers = "parent_differs", "上级机构与登记不同";
        ColumnMissing = "column_missing", "缺少列";
        ColumnRepeated = "column_repeated", "列重复";
        WrongKind = "wrong_kind", "名册种类不符";
        SheetIgnored = "sheet_ignored", "另有未读取的工作表";
        RowMalformed = "row_malformed", "行格式有误";
        RowRepeated = "row_repeated", "同一人在文件中另有一行";
        Encoding = "encoding", "编码有误";
        ValueInvalid = "value_invalid", "取值有误";
        ValueDiffers = "value_differs", "与登记不同，未更改";
    }
}

/// A fault of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In which column.
    pub column: Column,
    /// Which.
    pub code: Code,
    /// What it is and what to do, in Chinese and in English.
    pub message: Cow<'static, str>,
}

/// Something a person should look at; the row stands.
pub type Warning = Fault;

impl Fault {
    /// With the code's own sentence.
    pub const fn new(column: Column, code: Code, message: &'static str) -> Self {
        Self { column, code, message: Cow::Borrowed(message) }
    }
}
