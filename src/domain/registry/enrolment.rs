//! Enrolment 学籍/在读: a student's stay at a school.

use chrono::NaiveDate;
use thiserror::Error;

use super::codes::student_change::StudentChange;
use super::codes::student_state::{StudentSource, StudentState};
use super::school_number;
use crate::domain::id::{ClassId, EnrolmentId, OrgId, PersonId};
use crate::domain::time::Timestamp;

/// A stay. At most one with source `normal` is open for each student: she has one 学籍, and one who sits elsewhere (借读)
/// has a second stay beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Its id.
    pub id: EnrolmentId,
    /// Who.
    pub person: PersonId,
    /// Where.
    pub org: OrgId,
    /// In which class; the school that holds the 学籍 of a 借读 student has none for her.
    pub class: Option<ClassId>,
    /// 学号.
    pub student_no: Option<String>,
    /// XSLB.
    pub category: Option<String>,
    /// XSDQZT.
    pub state: StudentState,
    /// ZXXXSLY.
    pub source: StudentSource,
    /// XJYDLB: by which change it became what it is; none: it began so, or nobody said.
    pub began_by: Option<StudentChange>,
    /// XJYDLB: by which change it ended; none: it stands, or its end is a graduation.
    pub ended_by: Option<StudentChange>,
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

/// How a stay was for a time; how it is now stands in the stay itself, whose id stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which stay.
    pub enrolment: EnrolmentId,
    /// In which class.
    pub class: Option<ClassId>,
    /// 学号.
    pub student_no: Option<String>,
    /// XSDQZT.
    pub state: StudentState,
    /// ZXXXSLY.
    pub source: StudentSource,
    /// XJYDLB: by which change it became so.
    pub began_by: Option<StudentChange>,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it was no longer so.
    pub valid_to: NaiveDate,
}

/// A change that the order of a student's life forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EnrolmentError {
    /// It ended before.
    #[error("the enrolment has ended")]
    Ended,
    /// A state that ends a stay needs the day, and one that does not cannot end it.
    #[error("this state does not fit: it would leave the enrolment open, or end it")]
    WrongState,
    /// It would end before it began.
    #[error("the enrolment would end before it began")]
    BeforeBegin,
}

impl Enrolment {
    /// Whether the 学籍 is there: whoever only sits there 借读 has it elsewhere, and what happens to her seat is no 学籍异动.
    pub fn is_register(&self) -> bool {
        self.source != StudentSource::Borrowed
    }

    /// Whether it stands on a day.
    pub fn is_current(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day < end)
    }

    /// The same stay in another state that keeps it open (休学, 复学 …).
    ///
    /// # Errors
    /// [`EnrolmentError`] when it has ended or the state would end it.
    pub fn change(self, state: StudentState, now: Timestamp) -> Result<Self, EnrolmentError> {
        match (self.valid_to, state.holds_place()) {
            (Some(_), _) => Err(EnrolmentError::Ended),
            (None, false) => Err(EnrolmentError::WrongState),
            (None, true) => Ok(Self { state, updated_at: now, version: self.version + 1, ..self }),
        }
    }

    /// The stay as the school's own row has it, which says where she sits and under which 学号, and not why; a row without
    /// a 学号 says nothing of it. `None` when it is so already.
    ///
    /// # Errors
    /// [`EnrolmentError::Ended`].
    pub fn listed(
        self,
        class: ClassId,
        student_no: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Self>, EnrolmentError> {
        if self.valid_to.is_some() {
            return Err(EnrolmentError::Ended);
        }
        let moves = self.class != Some(class);
        let numbered = student_no.filter(|number| !school_number::says(number, self.student_no.as_deref()));
        if !moves && numbered.is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            class: Some(class),
            student_no: numbered.map(str::to_owned).or(self.student_no),
            // Another number is no change of the 学籍.
            began_by: self.began_by.filter(|_| !moves),
            updated_at: now,
            version: self.version + 1,
            ..self
        }))
    }

    /// A seat of 借读 that becomes the 学籍 转入, in the class and with the number that came with it, where one did.
    ///
    /// # Errors
    /// [`EnrolmentError`] when it has ended, or is no seat of 借读.
    pub fn raised(
        self,
        class: Option<ClassId>,
        student_no: Option<String>,
        now: Timestamp,
    ) -> Result<Self, EnrolmentError> {
        if self.valid_to.is_some() {
            return Err(EnrolmentError::Ended);
        }
        if self.source != StudentSource::Borrowed {
            return Err(EnrolmentError::WrongState);
        }
        Ok(Self {
            source: StudentSource::Normal,
            class: class.or(self.class),
            student_no: student_no.or(self.student_no),
            began_by: Some(StudentChange::TransferIn),
            updated_at: now,
            version: self.version + 1,
            ..self
        })
    }

    /// The stay, ended: `on` is the first day on which it no longer holds.
    ///
    /// # Errors
    /// [`EnrolmentError`] when it has ended, the state keeps a place, or the day lies before the first.
    pub fn end(self, state: StudentState, on: NaiveDate, now: Timestamp) -> Result<Self, EnrolmentError> {
        if self.valid_to.is_some() {
            Err(EnrolmentError::Ended)
        } else if state.holds_place() {
            Err(EnrolmentError::WrongState)
        } else if on < self.valid_from {
            Err(EnrolmentError::BeforeBegin)
        } else {
            let ended_by = StudentChange::usually_ending(state).filter(|_| self.is_register());
            Ok(Self { state, ended_by, valid_to: Some(on), updated_at: now, version: self.version + 1, ..self })
        }
    }

    /// What ended by mistake goes on, as it was.
    #[must_use]
    pub fn goes_on(self, state: StudentState, now: Timestamp) -> Self {
        Self { state, ended_by: None, valid_to: None, updated_at: now, version: self.version + 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn enrolment() -> Enrolment {
        Enrolment {
            id: EnrolmentId(Uuid::nil()),
            person: PersonId(Uuid::nil()),
            org: OrgId(Uuid::nil()),
            class: None,
            student_no: None,
            category: None,
            state: StudentState::Enrolled,
            source: StudentSource::Normal,
            began_by: None,
            ended_by: None,
            valid_from: day("2025-09-01"),
            valid_to: None,
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(0),
            version: 1,
        }
    }

    #[test]
    fn a_stay_ends_once() {
        let now = Timestamp::from_seconds(1);
        let left = enrolment().end(StudentState::TransferredOut, day("2026-03-01"), now).unwrap();
        assert!(left.is_current(day("2026-02-28")) && !left.is_current(day("2026-03-01")));
        assert_eq!(left.version, 2);
        assert_eq!(left.clone().end(StudentState::Graduated, day("2026-07-01"), now), Err(EnrolmentError::Ended));
        assert_eq!(left.change(StudentState::Resumed, now), Err(EnrolmentError::Ended));
    }

    #[test]
    fn states_fit_what_they_do() {
        let now = Timestamp::from_seconds(1);
        assert_eq!(enrolment().change(StudentState::Suspended, now).unwrap().state, StudentState::Suspended);
        assert_eq!(enrolment().change(StudentState::Graduated, now), Err(EnrolmentError::WrongState));
        assert_eq!(enrolment().end(StudentState::Suspended, day("2026-03-01"), now), Err(EnrolmentError::WrongState));
        assert_eq!(enrolment().end(StudentState::Withdrawn, day("2025-08-31"), now), Err(EnrolmentError::BeforeBegin));
    }
}
