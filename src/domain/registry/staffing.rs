//! Staffing 任职 and teaching 任教.

use chrono::NaiveDate;
use uuid::Uuid;

use super::codes::staff::{StaffCategory, StaffPost, StaffState};
use super::codes::subject::Subject;
use super::in_turn::in_turn;
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

/// The 工号 of a post until a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerNumber {
    /// Which post.
    pub staffing: StaffingId,
    /// Its number.
    pub staff_no: Option<String>,
    /// First day on which it had another one.
    pub until: NaiveDate,
}

impl Staffing {
    /// Its numbers in turn, while it lasted; `former` are numbers of posts, the oldest first.
    pub fn numbered(&self, former: &[FormerNumber]) -> Vec<(Option<String>, NaiveDate, NaiveDate)> {
        let hers = former.iter().filter(|one| one.staffing == self.id).map(|one| (one.staff_no.clone(), one.until));
        in_turn(hers, self.staff_no.clone(), (self.valid_from, self.valid_to.unwrap_or(NaiveDate::MAX)))
    }
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
