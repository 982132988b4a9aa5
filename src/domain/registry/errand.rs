//! Errands 交办: long work that an administrator asks the provider for, a roster or a turn of the year. Each is looked at first
//! and tells what it would do; done is what she then confirms.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::codes::codes;
use super::institution::InstitutionKind;
use super::institution_life::ChangeKind;
use super::roster::RosterKind;
use crate::domain::id::{ErrandId, PersonId};
use crate::domain::time::Timestamp;

/// The largest file, in bytes: the students of a large county, with their guardians.
pub const LARGEST: u64 = 16 * 1024 * 1024;
/// How many errands of one person are not at their end at once.
pub const MOST_AT_ONCE: i64 = 8;
/// How long one waits for its file, and for a yes.
pub const WAITS: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long it can be read what became of one.
pub const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// How often one is begun: whatever ends the program each time is not tried for ever.
pub const TRIES: i64 = 5;

codes! {
    /// What is to be done.
    ErrandKind {
        Staff = "staff", "导入教职工";
        Students = "students", "导入学生";
        YearTurn = "year_turn", "学年升级";
        YearUndo = "year_undo", "撤销升级";
        InstitutionMove = "institution_move", "机构调整隶属";
        InstitutionMerge = "institution_merge", "机构合并";
        InstitutionClose = "institution_close", "机构撤销移交";
        InstitutionSplit = "institution_split", "机构拆分";
    }
}

codes! {
    /// How far it is.
    ErrandState {
        Open = "open", "等待文件";
        Checking = "checking", "预检中";
        Checked = "checked", "待确认";
        Confirmed = "confirmed", "办理中";
        Done = "done", "已办结";
        Failed = "failed", "未办成";
        Cancelled = "cancelled", "已取消";
    }
}

impl ErrandKind {
    /// Which roster it brings in, if it does.
    pub fn roster(self) -> Option<RosterKind> {
        match self {
            Self::Staff => Some(RosterKind::Staff),
            Self::Students => Some(RosterKind::Students),
            _ => None,
        }
    }

    /// By which change of an institution it is done, if it is.
    pub fn change(self) -> Option<ChangeKind> {
        match self {
            Self::InstitutionMove => Some(ChangeKind::Moved),
            Self::InstitutionMerge => Some(ChangeKind::Merged),
            Self::InstitutionClose => Some(ChangeKind::Closed),
            Self::InstitutionSplit => Some(ChangeKind::Split),
            Self::Staff | Self::Students | Self::YearTurn | Self::YearUndo => None,
        }
    }
}

impl ErrandState {
    /// Whether nothing becomes of it any more.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// Whether the provider works on it, or will.
    pub fn is_at_work(self) -> bool {
        matches!(self, Self::Checking | Self::Confirmed)
    }
}

/// What is wanted of an errand, besides its kind; a roster says the rest in its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Of a roster: nothing more.
    Roster,
    /// Of a turn of the year, or of its end.
    Year(YearWish),
    /// Of an institution that goes somewhere.
    Place(PlaceWish),
    /// Of a school that is split.
    Split(SplitWish),
}

/// Which institution goes where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceWish {
    /// Code of the institution.
    pub org: String,
    /// Code of the one to stand above it, or to take everybody over.
    pub to: String,
    /// GB/T 2260, where it is said.
    pub division: Option<String>,
}

/// What of a school is to stand for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitWish {
    /// Code of the school.
    pub org: String,
    /// Code of the new one.
    pub code: String,
    /// Its name.
    pub name: String,
    /// A campus below the school, or a school beside it.
    pub kind: InstitutionKind,
    /// 学段/入学年份/班级, each that goes.
    pub classes: Vec<String>,
}

impl Wish {
    /// Code of the institution that it is about.
    pub fn org(&self) -> Option<&str> {
        match self {
            Self::Roster => None,
            Self::Year(wish) => Some(&wish.org),
            Self::Place(wish) => Some(&wish.org),
            Self::Split(wish) => Some(&wish.org),
        }
    }

    /// Code of the other one that has a part in it.
    pub fn to(&self) -> Option<&str> {
        match self {
            Self::Roster | Self::Year(_) => None,
            Self::Place(wish) => Some(&wish.to),
            Self::Split(wish) => Some(&wish.code),
        }
    }

    /// The same about a year, where it is about one and none was said.
    pub fn of_year(self, year: i32) -> Self {
        match self {
            Self::Year(wish) => Self::Year(YearWish { year: wish.year.or(Some(year)), ..wish }),
            other => other,
        }
    }

    /// The year of the 1 September, where one was said.
    pub fn year(&self) -> Option<i32> {
        match self {
            Self::Year(wish) => wish.year,
            _ => None,
        }
    }
}

/// Whose year is turned, or turned back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearWish {
    /// Code of the institution.
    pub org: String,
    /// The year of the 1 September; none: the one that runs.
    pub year: Option<i32>,
    /// Open a class of the new year in the place of each that graduates.
    pub open: bool,
}

/// An errand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// Its id.
    pub id: ErrandId,
    /// What is to be done.
    pub kind: ErrandKind,
    /// Who asked, and with whose rights it is done.
    pub asked_by: PersonId,
    /// When.
    pub asked_at: Timestamp,
    /// What is wanted.
    pub wish: Wish,
    /// How far it is.
    pub state: ErrandState,
    /// Bytes of its file.
    pub size: u64,
    /// How much is done: bytes of its file, or classes, or rows.
    pub done: u64,
    /// Of how many; 0 where it is not known yet.
    pub total: u64,
    /// How often this step was begun.
    pub runs: i64,
    /// Why it was not done.
    pub fault: Option<String>,
    /// When it came to its end.
    pub ended_at: Option<Timestamp>,
    /// Counts changes of its state.
    pub version: i64,
}

/// Why an errand does not go on so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ErrandError {
    /// A turn of the year has no file, and a file comes once.
    #[error("this errand takes no file now")]
    NoFile,
    /// Only what was looked at is confirmed, once.
    #[error("only an errand that was looked at, and that nobody confirmed yet, can be confirmed")]
    NotChecked,
    /// It came to its end.
    #[error("the errand is at its end")]
    Ended,
}

impl Errand {
    /// A new one: a roster waits for its file, the rest is looked at at once.
    pub fn asked(id: ErrandId, kind: ErrandKind, by: PersonId, wish: Wish, now: Timestamp) -> Self {
        let state = if kind.roster().is_some() { ErrandState::Open } else { ErrandState::Checking };
        Self {
            id,
            kind,
            asked_by: by,
            asked_at: now,
            wish,
            state,
            size: 0,
            done: 0,
            total: 0,
            runs: 0,
            fault: None,
            ended_at: None,
            version: 1,
        }
    }

    /// Its file came.
    ///
    /// # Errors
    /// [`ErrandError::NoFile`].
    pub fn filed(self, size: u64) -> Result<Self, ErrandError> {
        match self.state {
            ErrandState::Open => Ok(Self { size, total: size, ..self.at(ErrandState::Checking) }),
            _ => Err(ErrandError::NoFile),
        }
    }

    /// Whoever asked says yes to what was found.
    ///
    /// # Errors
    /// [`ErrandError::NotChecked`].
    pub fn confirmed(self) -> Result<Self, ErrandError> {
        match self.state {
            ErrandState::Checked => Ok(self.at(ErrandState::Confirmed)),
            _ => Err(ErrandError::NotChecked),
        }
    }

    /// Whoever asked does not want it any more. What was done of it stays.
    ///
    /// # Errors
    /// [`ErrandError::Ended`].
    pub fn cancelled(self, now: Timestamp) -> Result<Self, ErrandError> {
        if self.state.is_end() {
            return Err(ErrandError::Ended);
        }
        Ok(Self { ended_at: Some(now), ..self.keeping_count(ErrandState::Cancelled) })
    }

    /// The step that was at work went well.
    ///
    /// # Errors
    /// [`ErrandError::Ended`] when none was.
    pub fn worked(self, now: Timestamp) -> Result<Self, ErrandError> {
        match self.state {
            ErrandState::Checking => Ok(self.keeping_count(ErrandState::Checked)),
            ErrandState::Confirmed => Ok(Self { ended_at: Some(now), ..self.keeping_count(ErrandState::Done) }),
            _ => Err(ErrandError::Ended),
        }
    }

    /// The step that was at work came to nothing, or to no more.
    ///
    /// # Errors
    /// [`ErrandError::Ended`] when none was.
    pub fn failed(self, why: String, now: Timestamp) -> Result<Self, ErrandError> {
        if !self.state.is_at_work() {
            return Err(ErrandError::Ended);
        }
        Ok(Self { fault: Some(why), ended_at: Some(now), ..self.keeping_count(ErrandState::Failed) })
    }

    /// The next step begins from nothing.
    fn at(self, state: ErrandState) -> Self {
        let total = self.size;
        Self { done: 0, total, runs: 0, ..self.keeping_count(state) }
    }

    fn keeping_count(self, state: ErrandState) -> Self {
        Self { state, version: self.version + 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn asked(kind: ErrandKind) -> Errand {
        Errand::asked(ErrandId(Uuid::nil()), kind, PersonId(Uuid::nil()), Wish::Roster, NOW)
    }

    #[test]
    fn a_roster_waits_for_its_file_and_a_turn_has_none() {
        let roster = asked(ErrandKind::Students);
        assert_eq!(roster.clone().confirmed(), Err(ErrandError::NotChecked));
        assert_eq!(roster.clone().worked(NOW), Err(ErrandError::Ended));
        let filed = roster.filed(9).unwrap();
        assert_eq!((filed.state, filed.total), (ErrandState::Checking, 9));
        assert_eq!(filed.filed(9), Err(ErrandError::NoFile), "a file comes once");
        assert_eq!(asked(ErrandKind::YearTurn).filed(9), Err(ErrandError::NoFile));
    }

    proptest! {
        /// In whatever order things are asked of one: it is done only after it was looked at and confirmed after that, and
        /// what is at its end stays there.
        #[test]
        fn nothing_is_done_that_was_not_looked_at_and_confirmed(orders in prop::collection::vec(0u8..5, 1..16), roster in any::<bool>()) {
            let mut errand = asked(if roster { ErrandKind::Staff } else { ErrandKind::YearTurn });
            let (mut looked, mut confirmed) = (false, false);
            for order in orders {
                let before = errand.clone();
                let after = match order {
                    0 => errand.clone().filed(1),
                    1 => errand.clone().confirmed(),
                    2 => errand.clone().cancelled(NOW),
                    3 => errand.clone().worked(NOW),
                    _ => errand.clone().failed("why".into(), NOW),
                };
                if let Ok(after) = after {
                    prop_assert!(!before.state.is_end());
                    prop_assert_eq!(after.version, before.version + 1);
                    prop_assert_eq!(after.ended_at.is_some(), after.state.is_end());
                    looked |= before.state == ErrandState::Checking && after.state == ErrandState::Checked;
                    confirmed |= looked && after.state == ErrandState::Confirmed;
                    errand = after;
                }
                prop_assert!(errand.state != ErrandState::Done || (looked && confirmed));
            }
        }
    }
}
