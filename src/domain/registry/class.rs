//! Classes 班级. A class keeps its entry year for life; its grade is computed ([`super::grade`]).

use chrono::NaiveDate;
use thiserror::Error;

use super::codes::codes;
use super::codes::stage::Stage;
use super::grade::{self, Standing};
use super::in_turn::in_turn;
use super::text;
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

/// What a class was called until a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerName {
    /// Which class.
    pub class: ClassId,
    /// Its name.
    pub name: String,
    /// First day on which it had another one.
    pub until: NaiveDate,
}

/// Characters of a name.
const LONGEST_NAME: usize = 40;

/// Why a class stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the sentence says it")]
pub enum ClassError {
    #[error("the class is not open any more")]
    NotOpen,
    #[error("it is so already")]
    Unchanged,
    #[error("the class graduated: its place is its own for ever")]
    Graduated,
    #[error("a class has a name of 1 to {LONGEST_NAME} characters, and of no number of a person")]
    Name,
    #[error("a stage takes 1 to 12 years")]
    Years,
}

impl Class {
    /// Under another name.
    ///
    /// # Errors
    /// [`ClassError`]: why not.
    pub fn renamed(self, name: &str, now: Timestamp) -> Result<Self, ClassError> {
        let name = name.trim();
        if self.status != ClassStatus::Open {
            Err(ClassError::NotOpen)
        } else if !text::is_shown(name, LONGEST_NAME) || text::holds_personal_number(name) {
            Err(ClassError::Name)
        } else if name == self.name {
            Err(ClassError::Unchanged)
        } else {
            Ok(Self { name: name.to_owned(), ..self.changed(now) })
        }
    }

    /// Of so many years; of a class that is being opened.
    ///
    /// # Errors
    /// [`ClassError::Years`].
    pub fn lasting(self, years: u8) -> Result<Self, ClassError> {
        match years {
            1..=12 => Ok(Self { schooling_years: years.into(), ..self }),
            _ => Err(ClassError::Years),
        }
    }

    /// 撤销, of a class in which nobody sits or teaches any more.
    ///
    /// # Errors
    /// [`ClassError::NotOpen`].
    pub fn closed(self, now: Timestamp) -> Result<Self, ClassError> {
        match self.status {
            ClassStatus::Open => Ok(Self { status: ClassStatus::Closed, ..self.changed(now) }),
            ClassStatus::Graduated | ClassStatus::Closed => Err(ClassError::NotOpen),
        }
    }

    /// Open again after it was closed.
    ///
    /// # Errors
    /// [`ClassError`] for one that is open, or graduated.
    pub fn reopened(self, now: Timestamp) -> Result<Self, ClassError> {
        match self.status {
            ClassStatus::Closed => Ok(Self { status: ClassStatus::Open, ..self.changed(now) }),
            ClassStatus::Open => Err(ClassError::Unchanged),
            ClassStatus::Graduated => Err(ClassError::Graduated),
        }
    }

    fn changed(self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self }
    }

    /// What it was called in turn between two days; `former` are names of classes, the oldest first.
    pub fn called(&self, former: &[FormerName], from: NaiveDate, to: NaiveDate) -> Vec<(String, NaiveDate, NaiveDate)> {
        let hers = former.iter().filter(|one| one.class == self.id).map(|one| (one.name.clone(), one.until));
        in_turn(hers, self.name.clone(), (from, to))
    }

    /// What it was called on a day.
    pub fn name_on(&self, former: &[FormerName], day: NaiveDate) -> String {
        let then = former.iter().find(|one| one.class == self.id && day < one.until);
        then.map_or_else(|| self.name.clone(), |then| then.name.clone())
    }

    /// Where it stands on a day (the date in Asia/Shanghai).
    pub fn standing(&self, day: NaiveDate) -> Standing {
        grade::standing(self.stage, self.entry_year, self.schooling_years, day)
    }
}
