//! What may happen to a student while she is at a school 学籍异动: another class, a year again 留级 or left out 跳级, a pause
//! 休学 and the return 复学, and the end. A stay keeps its id through all of it; how it was before is kept as slices.

use chrono::NaiveDate;
use thiserror::Error;

use super::class::{Class, ClassStatus};
use super::codes::stage::Stage;
use super::codes::student_change::StudentChange;
use super::codes::student_state::{StudentSource, StudentState};
use super::enrolment::{Enrolment, Slice};
use crate::domain::id::ClassId;
use crate::domain::time::Timestamp;

/// One change.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Another class of the same year.
    Move(&'a Class),
    /// 留级: a class that entered a year later.
    Repeat(&'a Class),
    /// 跳级: a class that entered a year earlier.
    Skip(&'a Class),
    /// 休学.
    Suspend,
    /// 停学.
    Halt,
    /// 复学, where her class is gone into another one.
    Resume(Option<&'a Class>),
    /// The end, in a state that holds no place.
    End(StudentState),
}

/// When.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The first day on which it is so.
    pub day: NaiveDate,
    /// The first day of what the stay is until then.
    pub since: NaiveDate,
    /// The present.
    pub now: Timestamp,
    /// XJYDLB, where it is not the usual one of the step.
    pub code: Option<StudentChange>,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the sentence says it")]
pub enum StepError {
    #[error("the stay has ended")]
    Ended,
    #[error("the day lies in the future")]
    Future,
    #[error("the stay changed after this day: its history is not written anew")]
    BeforeLastChange,
    #[error("the class is of another school")]
    OtherSchool,
    #[error("the class is not open any more")]
    ClassClosed,
    #[error("she sits in this class already")]
    SameClass,
    #[error("the class is of another year or stage: a year again is `repeat`, a year left out is `skip`")]
    OtherYear,
    #[error("a year again needs a class of the same stage that entered one year later")]
    NotOneYearLater,
    #[error("a year left out needs a class of the same stage that entered one year earlier")]
    NotOneYearEarlier,
    #[error("she sits in no class")]
    NoClass,
    #[error("she is not in school: `resume` first")]
    NotInSchool,
    #[error("there is nothing to resume: she is in school")]
    NotAway,
    #[error("her class is gone: say into which one she comes back")]
    NeedsClass,
    #[error("her 学籍 is at another school, which decides this (借读 ends as 结业, 08)")]
    Borrowed,
    #[error("nobody is expelled from compulsory education (Compulsory Education Law, 27)")]
    Compulsory,
    #[error("this state does not end a stay")]
    NoEnd,
    #[error("a transfer is asked for by the receiving school, in its roster: see `mingji claim list`")]
    Transfer,
    #[error("a death ends more than a stay: `mingji person died`")]
    Death,
    #[error("this change of 学籍 (XJYDLB) is not what happens here")]
    OtherChange,
}

impl Step<'_> {
    /// The changes of 学籍 that a step may be, the usual one first.
    const fn changes(&self) -> &'static [StudentChange] {
        match self {
            Self::Move(_) => &[StudentChange::ChangeClass],
            Self::Repeat(_) => &[StudentChange::Repeat, StudentChange::Demote],
            Self::Skip(_) => &[StudentChange::Skip],
            Self::Suspend => &[StudentChange::Suspend, StudentChange::Retain],
            Self::Halt => &[StudentChange::Halt],
            Self::Resume(_) => &[StudentChange::Resume, StudentChange::Restore],
            Self::End(state) => StudentChange::ending(*state),
        }
    }

    /// The change that a step on this stay is: none of a seat 借读, and none of a graduation in time.
    fn change(&self, stay: &Enrolment, said: Option<StudentChange>) -> Result<Option<StudentChange>, StepError> {
        let fits = |said: &StudentChange| stay.is_register() && self.changes().contains(said);
        match (said, self) {
            (Some(said), _) => Some(Some(said)).filter(|_| fits(&said)).ok_or(StepError::OtherChange),
            (None, _) if !stay.is_register() => Ok(None),
            (None, Self::End(state)) => Ok(StudentChange::usually_ending(*state)),
            (None, _) => Ok(self.changes().first().copied()),
        }
    }
}

impl StudentState {
    /// Whether she comes to lessons.
    pub const fn is_in_school(self) -> bool {
        matches!(self, Self::Enrolled | Self::Resumed | Self::Other)
    }
}

impl Enrolment {
    /// The stay after a change; `seat` is the class that she sits in.
    ///
    /// # Errors
    /// [`StepError`]: why this change is not possible from here.
    pub fn step(self, step: Step<'_>, seat: Option<&Class>, at: Moment) -> Result<Self, StepError> {
        if self.valid_to.is_some() {
            return Err(StepError::Ended);
        }
        if at.day > at.now.shanghai_date() {
            return Err(StepError::Future);
        }
        if at.day < at.since {
            return Err(StepError::BeforeLastChange);
        }
        let (state, class, valid_to) = match step {
            Step::Move(to) => (self.state, Some(self.seated(to, seat, 0)?), None),
            Step::Repeat(to) => (self.state, Some(self.seated(to, seat, 1)?), None),
            Step::Skip(to) => (self.state, Some(self.seated(to, seat, -1)?), None),
            Step::Suspend => (self.away(StudentState::Suspended)?, self.class, None),
            Step::Halt => (self.away(StudentState::Halted)?, self.class, None),
            Step::Resume(to) => (StudentState::Resumed, Some(self.back(to, seat)?), None),
            Step::End(state) => (self.ending(state, seat)?, self.class, Some(at.day)),
        };
        let change = step.change(&self, at.code)?;
        let (began_by, ended_by) = if valid_to.is_some() { (self.began_by, change) } else { (change, None) };
        let version = self.version + 1;
        Ok(Self { state, class, began_by, ended_by, valid_to, updated_at: at.now, version, ..self })
    }

    fn seated(&self, to: &Class, seat: Option<&Class>, later: i64) -> Result<ClassId, StepError> {
        if !self.state.is_in_school() {
            return Err(StepError::NotInSchool);
        }
        self.fits(to)?;
        let Some(seat) = seat else {
            return if later == 0 { Ok(to.id) } else { Err(StepError::NoClass) };
        };
        if seat.id == to.id {
            Err(StepError::SameClass)
        } else if seat.stage == to.stage && to.entry_year == seat.entry_year + later {
            Ok(to.id)
        } else {
            Err(match later {
                0 => StepError::OtherYear,
                1 => StepError::NotOneYearLater,
                _ => StepError::NotOneYearEarlier,
            })
        }
    }

    fn fits(&self, class: &Class) -> Result<(), StepError> {
        if class.org != self.org {
            Err(StepError::OtherSchool)
        } else if class.status == ClassStatus::Open {
            Ok(())
        } else {
            Err(StepError::ClassClosed)
        }
    }

    fn away(&self, state: StudentState) -> Result<StudentState, StepError> {
        if self.source == StudentSource::Borrowed {
            Err(StepError::Borrowed)
        } else if self.state.is_in_school() {
            Ok(state)
        } else {
            Err(StepError::NotInSchool)
        }
    }

    fn back(&self, to: Option<&Class>, seat: Option<&Class>) -> Result<ClassId, StepError> {
        if self.state.is_in_school() {
            return Err(StepError::NotAway);
        }
        let class = to.or_else(|| seat.filter(|seat| seat.status == ClassStatus::Open));
        let class = class.ok_or(StepError::NeedsClass)?;
        self.fits(class)?;
        Ok(class.id)
    }

    fn ending(&self, state: StudentState, seat: Option<&Class>) -> Result<StudentState, StepError> {
        match state {
            StudentState::TransferredOut => Err(StepError::Transfer),
            StudentState::Deceased => Err(StepError::Death),
            _ if state.holds_place() => Err(StepError::NoEnd),
            StudentState::Completed if self.state.is_in_school() => Ok(state),
            _ if self.source == StudentSource::Borrowed => Err(StepError::Borrowed),
            StudentState::Graduated | StudentState::Completed if !self.state.is_in_school() => {
                Err(StepError::NotInSchool)
            }
            // Without a class nobody can tell; then the law protects her.
            StudentState::Expelled if seat.is_none_or(|seat| is_compulsory(seat.stage)) => Err(StepError::Compulsory),
            _ => Ok(state),
        }
    }

    /// How the stay was on a day; none when it did not stand then. `slices` are its own.
    pub fn as_of(&self, slices: &[Slice], day: NaiveDate) -> Option<Slice> {
        let parts = self.parts(slices);
        let last = parts.len().checked_sub(1)?;
        let holds = |(at, part): (usize, &Slice)| {
            part.valid_from <= day && (day < part.valid_to || (at == last && self.valid_to.is_none()))
        };
        parts.iter().enumerate().find(|(at, part)| holds((*at, part))).map(|(_, part)| part.clone())
    }

    /// The stay from its first day to its last, as it was in turn; what is open ends at the end of time. A stay that ended
    /// ends with its last slice, and before it where its end is of an earlier day than a change that was recorded before.
    pub fn parts(&self, slices: &[Slice]) -> Vec<Slice> {
        let end = self.valid_to.unwrap_or(NaiveDate::MAX);
        let own = slices.iter().filter(|slice| slice.enrolment == self.id).cloned();
        let mut parts: Vec<Slice> = own.map(|slice| Slice { valid_to: slice.valid_to.min(end), ..slice }).collect();
        parts.retain(|part| part.valid_from < part.valid_to);
        let since = parts.last().map_or(self.valid_from, |last| last.valid_to);
        // What ended before slices were kept has none, and is told as it ended.
        if since < end {
            parts.push(Slice {
                enrolment: self.id,
                class: self.class,
                student_no: self.student_no.clone(),
                state: self.state,
                source: self.source,
                began_by: self.began_by,
                valid_from: since,
                valid_to: end,
            });
        }
        parts
    }
}

const fn is_compulsory(stage: Stage) -> bool {
    matches!(stage, Stage::Primary | Stage::Junior | Stage::VocationalJunior | Stage::Special)
}

#[cfg(test)]
mod tests;
