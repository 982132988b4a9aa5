//! Staffing 任职 and teaching 任教.

use chrono::NaiveDate;
use uuid::Uuid;

use super::codes::staff::{StaffCategory, StaffPost, StaffState};
use super::codes::subject::Subject;
use crate::domain::id::{ClassId, OrgId, PersonId, StaffingId};
use crate::domain::time::Timestamp;

/// A post at an institution. One open post for each person and institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staffing {
    /// Its id.
    pub id: StaffingId,
    /// Who.
    pub person: PersonId,
    /// Where.
    pub org: OrgId,
    /// 教职工类别.
    pub category: StaffCategory,
    /// 岗位职业.
    pub post: StaffPost,
    /// 工号.
    pub staff_no: Option<String>,
    /// 当前状态.
    pub state: StaffState,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
    /// First recorded.
    pub created_at: Timestamp,
    /// Last changed.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

/// A class that somebody teaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teaching {
    /// Its id.
    pub id: Uuid,
    /// Under which post.
    pub staffing: StaffingId,
    /// Which class.
    pub class: ClassId,
    /// Which subject; none for a head teacher who teaches the class nothing.
    pub subject: Option<Subject>,
    /// 班主任.
    pub head_teacher: bool,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
}
