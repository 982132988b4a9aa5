//! The turn of the school year 升级. Grades count on by themselves ([`super::grade`]), so what a turn does is the end of those
//! who are through: classes graduate on 1 September and the students in them with them. It can be taken back for a time.

use chrono::NaiveDate;
use thiserror::Error;

use super::codes::codes;
use super::grade;
use crate::domain::id::{OrgId, TurnId};
use crate::domain::time::Timestamp;

codes! {
    /// How far a turn is. Each batch of it is a transaction, so it may stand still in the middle and go on.
    TurnState {
        Running = "running", "进行中";
        Done = "done", "已完成";
        Undoing = "undoing", "撤销中";
        Undone = "undone", "已撤销";
    }
}

/// A turn of one institution and everything under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// The institution.
    pub org: OrgId,
    /// The school year that begins, by the year of its 1 September.
    pub year: i32,
    /// How far it is.
    pub state: TurnState,
    /// First begun.
    pub started_at: Timestamp,
    /// Until when it can be undone.
    pub undo_until: Timestamp,
    /// When it was done, or undone.
    pub ended_at: Option<Timestamp>,
    /// Counts changes.
    pub version: i64,
}

/// Why a turn is not made or not undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TurnError {
    /// Whoever graduates is a student until then.
    #[error("this school year has not begun: turn it on 1 September or later, or look with --dry-run")]
    NotBegun,
    /// No such day.
    #[error("this is no year")]
    NoYear,
    /// It is being taken back.
    #[error("this turn is being undone: finish `mingji year undo` first")]
    Undoing,
    /// Its time is over.
    #[error("the time in which a turn can be undone is over")]
    TooLate,
}

/// 1 September: the first day of a school year, on which whoever graduated is no student any more.
///
/// # Errors
/// [`TurnError::NoYear`].
pub fn first_day(year: i32) -> Result<NaiveDate, TurnError> {
    NaiveDate::from_ymd_opt(year, 9, 1).filter(|_| (1949..=2999).contains(&year)).ok_or(TurnError::NoYear)
}

/// Whether a school year has begun on a day (Asia/Shanghai).
///
/// # Errors
/// [`TurnError::NotBegun`].
pub fn begun(year: i32, today: NaiveDate) -> Result<(), TurnError> {
    if year <= grade::school_year(today) { Ok(()) } else { Err(TurnError::NotBegun) }
}

impl Turn {
    /// To be gone on with: one that was done looks again, for what was recorded late.
    ///
    /// # Errors
    /// [`TurnError::Undoing`] while it is taken back.
    pub fn go_on(self) -> Result<Self, TurnError> {
        match self.state {
            TurnState::Running | TurnState::Done => Ok(self.at(TurnState::Running, None)),
            TurnState::Undoing | TurnState::Undone => Err(TurnError::Undoing),
        }
    }

    /// Running → done.
    #[must_use]
    pub fn done(self, now: Timestamp) -> Self {
        self.at(TurnState::Done, Some(now))
    }

    /// To be taken back; what was begun in time is finished later too.
    ///
    /// # Errors
    /// [`TurnError::TooLate`].
    pub fn take_back(self, now: Timestamp) -> Result<Self, TurnError> {
        match self.state {
            TurnState::Undoing => Ok(self),
            _ if now > self.undo_until => Err(TurnError::TooLate),
            _ => Ok(self.at(TurnState::Undoing, None)),
        }
    }

    /// Undoing → undone.
    #[must_use]
    pub fn undone(self, now: Timestamp) -> Self {
        self.at(TurnState::Undone, Some(now))
    }

    fn at(self, state: TurnState, ended_at: Option<Timestamp>) -> Self {
        Self { state, ended_at, version: self.version + 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn turn() -> Turn {
        Turn {
            id: TurnId(Uuid::nil()),
            org: OrgId(Uuid::nil()),
            year: 2026,
            state: TurnState::Running,
            started_at: Timestamp::from_seconds(0),
            undo_until: Timestamp::from_seconds(100),
            ended_at: None,
            version: 1,
        }
    }

    #[test]
    fn a_year_begins_on_the_first_of_september() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(first_day(2026), Ok(day("2026-09-01")));
        assert_eq!(first_day(-4), Err(TurnError::NoYear));
        assert_eq!(begun(2026, day("2026-08-31")), Err(TurnError::NotBegun));
        assert_eq!(begun(2026, day("2026-09-01")), Ok(()));
        assert_eq!(begun(2025, day("2026-09-01")), Ok(()), "late is not never");
    }

    proptest! {
        /// Whatever is asked of a turn in whatever order: what was undone stays so, and nothing begins to be undone too late.
        #[test]
        fn no_order_of_requests_brings_an_undone_turn_back(orders in prop::collection::vec((0u8..4, 0i64..200), 1..12)) {
            let mut turn = turn();
            for (order, at) in orders {
                let (before, now) = (turn.clone(), Timestamp::from_seconds(at));
                turn = match (order, turn.state) {
                    (0, _) => turn.clone().go_on().unwrap_or(turn),
                    (1, TurnState::Running) => turn.done(now),
                    (2, TurnState::Running | TurnState::Done | TurnState::Undoing) => turn.clone().take_back(now).unwrap_or(turn),
                    (3, TurnState::Undoing) => turn.undone(now),
                    _ => turn,
                };
                if before.state == TurnState::Undone {
                    prop_assert_eq!(turn.state, TurnState::Undone);
                }
                if turn.state == TurnState::Undoing && before.state != TurnState::Undoing {
                    prop_assert!(now <= turn.undo_until);
                }
                prop_assert!(turn.version >= before.version);
            }
        }
    }
}
