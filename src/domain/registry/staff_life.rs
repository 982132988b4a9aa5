//! What may happen to a member of staff: a post begins, is left, and may be held again; classes are taken over and given up.
//! Every post and every lesson is a row of its own time, so how it was on any day is there to be read.

use chrono::NaiveDate;
use thiserror::Error;

use super::class::{Class, ClassStatus};
use super::codes::staff::StaffState;
use super::staffing::{Staffing, Teaching};
use crate::domain::time::Timestamp;

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the sentence says it")]
pub enum StaffError {
    #[error("the post was left before")]
    Ended,
    #[error("the day lies in the future")]
    Future,
    #[error("the day lies before the first day of the post")]
    BeforeFirst,
    #[error("this state does not end a post: 退休, 调出, 辞职, 离职, 开除, 下落不明 do")]
    NoEnd,
    #[error("a death ends more than a post: `mingji person died`")]
    Death,
    #[error("the class is of another institution")]
    OtherSchool,
    #[error("the class is not open any more")]
    ClassClosed,
}

impl StaffState {
    /// The state of whoever comes back: 返聘 after retirement, else 在职.
    pub const fn returns_as(self) -> Self {
        match self {
            Self::Retired | Self::RetiredVeteran => Self::Rehired,
            _ => Self::Serving,
        }
    }
}

impl Staffing {
    /// Whether somebody held the post on a day.
    pub fn stands_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day < end)
    }

    /// The post, left in a state that says why; `day` is the first one on which it is not held.
    ///
    /// # Errors
    /// [`StaffError`]: why not.
    pub fn left(self, state: StaffState, day: NaiveDate, now: Timestamp) -> Result<Self, StaffError> {
        if state == StaffState::Deceased {
            return Err(StaffError::Death);
        }
        if state.serves() {
            return Err(StaffError::NoEnd);
        }
        self.day_fits(day, now)?;
        Ok(Self { state, valid_to: Some(day), updated_at: now, version: self.version + 1, ..self })
    }

    /// Whether something of the post may change from a day on.
    ///
    /// # Errors
    /// [`StaffError`]: why not.
    pub fn day_fits(&self, day: NaiveDate, now: Timestamp) -> Result<(), StaffError> {
        if self.valid_to.is_some() {
            Err(StaffError::Ended)
        } else if day > now.shanghai_date() {
            Err(StaffError::Future)
        } else if day < self.valid_from {
            Err(StaffError::BeforeFirst)
        } else {
            Ok(())
        }
    }

    /// Whether a class may be taught under this post from a day on.
    ///
    /// # Errors
    /// [`StaffError`]: why not.
    pub fn may_teach(&self, class: &Class, day: NaiveDate, now: Timestamp) -> Result<(), StaffError> {
        self.day_fits(day, now)?;
        if class.org != self.org {
            Err(StaffError::OtherSchool)
        } else if class.status == ClassStatus::Open {
            Ok(())
        } else {
            Err(StaffError::ClassClosed)
        }
    }
}

impl Teaching {
    /// Whether it was taught on a day.
    pub fn stands_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day < end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::id::{OrgId, PersonId, StaffingId};
    use crate::domain::registry::codes::staff::{StaffCategory, StaffPost};

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn post(n: u128, from: NaiveDate, state: StaffState) -> Staffing {
        Staffing {
            id: StaffingId(Uuid::from_u128(n)),
            person: PersonId(Uuid::nil()),
            org: OrgId(Uuid::nil()),
            category: StaffCategory::Teacher,
            post: StaffPost::Teacher,
            staff_no: None,
            state,
            valid_from: from,
            valid_to: None,
            created_at: NOW,
            updated_at: NOW,
            version: 1,
        }
    }

    proptest! {
        /// Whoever comes and goes: at most one post stands on any day, a refusal changes nothing, and only a state that ends a
        /// post ends it.
        #[test]
        fn coming_and_going_leaves_no_two_posts_on_one_day(
            steps in proptest::collection::vec((0..30u32, 0..StaffState::ALL.len()), 0..12),
        ) {
            let today = NOW.shanghai_date();
            let mut day = today - chrono::Days::new(400);
            let mut posts = vec![post(0, day, StaffState::Serving)];
            for (n, (later, state)) in steps.into_iter().enumerate() {
                day = day + chrono::Days::new(u64::from(later));
                let state = StaffState::ALL[state];
                let last = posts.last().cloned().unwrap();
                if last.valid_to.is_some() {
                    posts.push(post(n as u128 + 1, day, last.state.returns_as()));
                    continue;
                }
                match last.clone().left(state, day, NOW) {
                    Ok(left) => {
                        prop_assert!(!state.serves() && left.valid_to == Some(day) && left.version == last.version + 1);
                        *posts.last_mut().unwrap() = left;
                    }
                    Err(StaffError::Death) => prop_assert_eq!(state, StaffState::Deceased),
                    Err(why) => prop_assert!(why == StaffError::NoEnd && state.serves()),
                }
            }
            let mut seen = today - chrono::Days::new(400);
            while seen <= today {
                prop_assert!(posts.iter().filter(|post| post.stands_on(seen)).count() <= 1);
                seen = seen + chrono::Days::new(1);
            }
            prop_assert!(posts.iter().all(|post| post.state.serves() == post.valid_to.is_none()));
        }
    }

    #[test]
    fn days_that_cannot_be_are_refused() {
        let today = NOW.shanghai_date();
        let held = post(1, today, StaffState::Serving);
        let leave = |day| held.clone().left(StaffState::Resigned, day, NOW).map(drop);
        assert_eq!(leave(today + chrono::Days::new(1)), Err(StaffError::Future));
        assert_eq!(leave(today - chrono::Days::new(1)), Err(StaffError::BeforeFirst));
        let left = held.clone().left(StaffState::Retired, today, NOW).unwrap();
        assert_eq!(left.left(StaffState::Resigned, today, NOW), Err(StaffError::Ended));
        assert_eq!(StaffState::Retired.returns_as(), StaffState::Rehired);
    }
}
