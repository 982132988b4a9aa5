//! Classes 班级. A class keeps its entry year for life; its grade is computed ([`super::grade`]).

use chrono::NaiveDate;

use super::codes::codes;
use super::codes::stage::Stage;
use super::grade::{self, Standing};
use crate::domain::id::{ClassId, OrgId};
use crate::domain::time::Timestamp;

codes! {
    /// What holds the class together.
    ClassKind {
        Administrative = "administrative", "行政班";
        Teaching = "teaching", "教学班";
        Network = "network", "网络班";
    }
}

codes! {
    /// Its state.
    ClassStatus {
        Open = "open", "在读";
        Graduated = "graduated", "已毕业";
        Closed = "closed", "撤销";
    }
}

/// A class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its id.
    pub id: ClassId,
    /// Its school.
    pub org: OrgId,
    /// What holds it together.
    pub kind: ClassKind,
    /// 学段.
    pub stage: Stage,
    /// 入学年份.
    pub entry_year: i64,
    /// Its number or mark within stage and entry year, `3班`.
    pub class_no: String,
    /// What people call it.
    pub name: String,
    /// 学制, in years.
    pub schooling_years: i64,
    /// Its state.
    pub status: ClassStatus,
    /// First recorded.
    pub created_at: Timestamp,
    /// Last changed.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

impl Class {
    /// Where it stands on a day (the date in Asia/Shanghai).
    pub fn standing(&self, day: NaiveDate) -> Standing {
        grade::standing(self.stage, self.entry_year, self.schooling_years, day)
    }
}
