//! What becomes of institutions: where one may stand in the tree, how it was, and which change is under way. The row of an
//! institution keeps its id through all of it; codes come and go ([`super::institution_code`]).

use chrono::NaiveDate;
use thiserror::Error;
use uuid::Uuid;

use super::codes::codes;
use super::codes::school_type::SchoolType;
use super::division::Division;
use super::institution::{Institution, InstitutionKind, InstitutionLevel, InstitutionStatus};
use crate::domain::id::OrgId;
use crate::domain::time::Timestamp;

/// Education counts the 兵团 as a province beside 新疆, whose ground it shares.
const CORPS: &str = "66";
const XINJIANG: &str = "65";

codes! {
    /// A change that is done in steps, because people go along.
    ChangeKind {
        Moved = "moved", "划转";
        Merged = "merged", "合并";
        Split = "split", "分设";
        Closed = "closed", "撤销";
    }
}

codes! {
    /// How far such a change is.
    ChangeState {
        Running = "running", "进行中";
        Stopping = "stopping", "撤回中";
        Done = "done", "已完成";
    }
}

/// A change of an institution that is done in steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstitutionChange {
    /// Its id.
    pub id: Uuid,
    /// Which institution changes.
    pub org: OrgId,
    /// How.
    pub kind: ChangeKind,
    /// The new parent, the survivor, the new school, the successor.
    pub into: Option<OrgId>,
    /// The first day on which it is so, in Asia/Shanghai.
    pub day: NaiveDate,
    /// Begun.
    pub started_at: Timestamp,
    /// Done; none: under way.
    pub ended_at: Option<Timestamp>,
    /// How far it is: what its steps begin with finds it so still.
    pub state: ChangeState,
    /// Of a move: where it is to lie, where somebody said so.
    pub division: Option<Division>,
}

/// How an institution was for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstitutionSlice {
    /// Which.
    pub org: OrgId,
    /// Under which.
    pub parent: Option<OrgId>,
    /// What it was.
    pub kind: InstitutionKind,
    /// Its name.
    pub name: String,
    /// Where it lay.
    pub division: Division,
    /// 办学类型.
    pub school_type: Option<SchoolType>,
    /// Its state.
    pub status: InstitutionStatus,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it was no longer so.
    pub valid_to: NaiveDate,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the sentence says it")]
pub enum LifeError {
    #[error("the institution is closed")]
    Closed,
    #[error("the institution above is closed")]
    ParentClosed,
    #[error("an education authority stands under one of a higher level")]
    AuthorityAbove,
    #[error("a school stands under an education authority")]
    SchoolUnderAuthority,
    #[error("a campus or teaching point stands under a school")]
    CampusUnderSchool,
    #[error("nothing stands under a campus, a teaching point or a department")]
    Leaf,
    #[error("an institution cannot stand under itself")]
    UnderItself,
    #[error("an institution does not become part of itself")]
    Itself,
    #[error("only schools, campuses and teaching points are merged or split")]
    NoSchool,
    #[error("it has this name already")]
    SameName,
    #[error("it stands there already")]
    SamePlace,
}

impl LifeError {
    /// The same in Chinese, for whoever reads a list of faults.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Closed => "该机构已撤销或并入其他机构",
            Self::ParentClosed => "上级机构已撤销或并入其他机构",
            Self::AuthorityAbove => "教育行政部门的上级须是更高层级的教育行政部门",
            Self::SchoolUnderAuthority => "学校的上级须是教育行政部门",
            Self::CampusUnderSchool => "校区和教学点的上级须是学校",
            Self::Leaf => "校区、教学点和部门没有下级机构",
            Self::UnderItself => "机构不能隶属于自己",
            Self::Itself => "机构不能并入自己",
            Self::NoSchool => "只有学校、校区和教学点可以合并或拆分",
            Self::SameName => "名称没有变化",
            Self::SamePlace => "隶属没有变化",
        }
    }
}

impl Institution {
    /// Whether anybody belongs there, or may.
    pub fn stands(&self) -> bool {
        !matches!(self.status, InstitutionStatus::Abolished | InstitutionStatus::Merged)
    }

    /// Whether it may stand under another one. Levels may be left out: counties of a directly governed city, and those that
    /// a province governs itself, stand under the province.
    ///
    /// # Errors
    /// [`LifeError`]: why not.
    pub fn fits_under(&self, parent: &Self) -> Result<(), LifeError> {
        use InstitutionKind::{Authority, Campus, Department, School, TeachingPoint};
        if !parent.stands() {
            return Err(LifeError::ParentClosed);
        }
        if parent.id == self.id {
            return Err(LifeError::UnderItself);
        }
        match (self.kind, parent.kind) {
            (Authority, Authority) if parent.level.rank() < self.level.rank() => Ok(()),
            (Authority, _) => Err(LifeError::AuthorityAbove),
            (School, Authority) | (Campus | TeachingPoint, School) => Ok(()),
            (School, _) => Err(LifeError::SchoolUnderAuthority),
            (Campus | TeachingPoint, _) => Err(LifeError::CampusUnderSchool),
            (_, Campus | TeachingPoint | Department) => Err(LifeError::Leaf),
            _ => Ok(()),
        }
    }

    /// Whether its division lies in that of the institution above, as somebody should look at where it does not. Schools of
    /// the 兵团 lie on 新疆's ground.
    pub fn lies_within(&self, parent: &Self) -> bool {
        let corps = [parent.division.province(), self.division.province()] == [CORPS, XINJIANG];
        corps || parent.division.contains(&self.division)
    }

    /// Under another name; its codes stay (reference 2.7).
    ///
    /// # Errors
    /// [`LifeError`] when it is closed or has that name.
    pub fn renamed(self, name: String, now: Timestamp) -> Result<Self, LifeError> {
        if name == self.name {
            return Err(LifeError::SameName);
        }
        Ok(Self { name, ..self.changed(now)? })
    }

    /// Of another category, or under another code.
    ///
    /// # Errors
    /// [`LifeError::Closed`].
    pub fn recategorised(self, school_type: Option<SchoolType>, now: Timestamp) -> Result<Self, LifeError> {
        Ok(Self { school_type: school_type.or(self.school_type), ..self.changed(now)? })
    }

    /// Under another institution, perhaps in another division.
    ///
    /// # Errors
    /// [`LifeError`] when it does not fit there, or stands there already.
    pub fn moved(self, parent: &Self, division: Division, now: Timestamp) -> Result<Self, LifeError> {
        if self.parent == Some(parent.id) {
            return Err(LifeError::SamePlace);
        }
        self.fits_under(parent)?;
        Ok(Self {
            parent: Some(parent.id),
            division,
            level: InstitutionLevel::of(self.kind, &division),
            ..self.changed(now)?
        })
    }

    /// Whether its people may go over to another one.
    ///
    /// # Errors
    /// [`LifeError`]: why not.
    pub fn hands_over_to(&self, heir: &Self) -> Result<(), LifeError> {
        if heir.id == self.id {
            Err(LifeError::Itself)
        } else if !self.stands() || !heir.stands() {
            Err(LifeError::Closed)
        } else if self.kind.teaches() && heir.kind.teaches() {
            Ok(())
        } else {
            Err(LifeError::NoSchool)
        }
    }

    /// Its end: part of another one, or closed, perhaps with a successor.
    ///
    /// # Errors
    /// [`LifeError::Closed`] when it ended before.
    pub fn ended(self, kind: ChangeKind, heir: Option<OrgId>, now: Timestamp) -> Result<Self, LifeError> {
        let status = if kind == ChangeKind::Merged { InstitutionStatus::Merged } else { InstitutionStatus::Abolished };
        Ok(Self { status, merged_into: heir, ..self.changed(now)? })
    }

    fn changed(self, now: Timestamp) -> Result<Self, LifeError> {
        if self.stands() {
            Ok(Self { updated_at: now, version: self.version + 1, ..self })
        } else {
            Err(LifeError::Closed)
        }
    }

    /// The institution from its first day on, as it was in turn; what is so now ends at the end of time.
    pub fn parts(&self, slices: &[InstitutionSlice]) -> Vec<InstitutionSlice> {
        let mut parts = slices.to_vec();
        let since = parts.last().map_or_else(|| self.created_at.shanghai_date(), |last| last.valid_to);
        parts.push(self.slice(since, NaiveDate::MAX));
        parts
    }

    /// How it is, as a slice.
    pub fn slice(&self, valid_from: NaiveDate, valid_to: NaiveDate) -> InstitutionSlice {
        InstitutionSlice {
            org: self.id,
            parent: self.parent,
            kind: self.kind,
            name: self.name.clone(),
            division: self.division,
            school_type: self.school_type,
            status: self.status,
            valid_from,
            valid_to,
        }
    }
}

/// Its number or mark where it is free, else the first number that is.
pub fn free_class_no(wanted: &str, taken: &[String]) -> String {
    let numbered = (1..).map(|n| format!("{n}班"));
    let mut marks = std::iter::once(wanted.to_owned()).chain(numbered);
    marks.find(|mark| !taken.contains(mark)).unwrap_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests;
