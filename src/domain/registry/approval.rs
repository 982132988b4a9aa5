//! Another person's approval 审批 (ruling R19): the full record of somebody, and the export of many minors, are opened for
//! whoever asked, for a purpose, for a day at most.

use std::time::Duration;

use thiserror::Error;

use super::codes::codes;
use crate::domain::id::{ApprovalId, ClientId, OrgId, PersonId};
use crate::domain::time::Timestamp;

/// The longest that anything is opened.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How many requests of one person wait at once.
pub const MOST_WAITING: i64 = 50;
/// How long a request waits for somebody to decide it.
pub const WAITS: Duration = Duration::from_secs(7 * 24 * 3600);
/// From so many minors on, a list is a full record.
pub const MINORS: usize = 50;

codes! {
    /// Its state.
    ApprovalState {
        Pending = "pending", "待审批";
        Approved = "approved", "已同意";
        Refused = "refused", "已拒绝";
    }
}

/// What is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// The full record of a person.
    Record(PersonId),
    /// The list of an institution and of everything under it.
    Export(OrgId),
}

/// A request, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// What it opens.
    pub opens: Opens,
    /// For what.
    pub purpose: String,
    /// Who asked.
    pub asked_by: PersonId,
    /// The client through which she asked.
    pub asked_through: ClientId,
    /// When.
    pub asked_at: Timestamp,
    /// Its state.
    pub state: ApprovalState,
    /// Who decided.
    pub decided_by: Option<PersonId>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Until when it may be decided, and once it is approved, be used.
    pub expires_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

/// Why a request cannot be decided so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ApprovalError {
    /// Whoever asked, or whom it is about.
    #[error("nobody approves her own request, or one about herself")]
    OwnCause,
    /// Whoever holds the tokens of both is one hand.
    #[error("it was asked for through the same client: agree through another one")]
    SameClient,
    /// It was decided.
    #[error("the request was decided before")]
    Decided,
    /// It waited too long.
    #[error("the request is too old: it has to be made anew")]
    Expired,
}

impl Approval {
    /// A request.
    pub fn asked(
        id: ApprovalId,
        opens: Opens,
        purpose: String,
        (by, through): (PersonId, ClientId),
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            opens,
            purpose,
            asked_by: by,
            asked_through: through,
            asked_at: now,
            state: ApprovalState::Pending,
            decided_by: None,
            decided_at: None,
            expires_at: now.plus(WAITS),
            version: 1,
        }
    }

    /// Somebody else agrees, through another client, for a span of a day at most.
    ///
    /// # Errors
    /// [`ApprovalError`].
    pub fn approve(
        self,
        (by, through): (PersonId, ClientId),
        span: Duration,
        now: Timestamp,
    ) -> Result<Self, ApprovalError> {
        if by != self.asked_by && through == self.asked_through {
            return Err(ApprovalError::SameClient);
        }
        let expires_at = now.plus(span.min(LONGEST));
        Ok(Self { expires_at, ..self.decide(ApprovalState::Approved, by, now)? })
    }

    /// Somebody else does not.
    ///
    /// # Errors
    /// [`ApprovalError`].
    pub fn refuse(self, by: PersonId, now: Timestamp) -> Result<Self, ApprovalError> {
        self.decide(ApprovalState::Refused, by, now)
    }

    fn decide(self, state: ApprovalState, by: PersonId, now: Timestamp) -> Result<Self, ApprovalError> {
        if by == self.asked_by || self.opens == Opens::Record(by) {
            return Err(ApprovalError::OwnCause);
        }
        if self.state != ApprovalState::Pending {
            return Err(ApprovalError::Decided);
        }
        if now >= self.expires_at {
            return Err(ApprovalError::Expired);
        }
        Ok(Self { state, decided_by: Some(by), decided_at: Some(now), version: self.version + 1, ..self })
    }

    /// Whether it opens this for this person now; who approved it, when it does.
    pub fn opened_by(&self, opens: Opens, asker: PersonId, now: Timestamp) -> Option<PersonId> {
        let live = self.state == ApprovalState::Approved && now < self.expires_at;
        self.decided_by.filter(|_| live && self.opens == opens && self.asked_by == asker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    fn client(n: u128) -> ClientId {
        ClientId(Uuid::from_u128(n))
    }

    fn asked() -> Approval {
        let by = (person(2), client(1));
        Approval::asked(ApprovalId(Uuid::from_u128(9)), Opens::Record(person(1)), "核对学籍".into(), by, NOW)
    }

    #[test]
    fn somebody_else_opens_it_for_a_day_at_most() {
        for own in [1, 2] {
            assert_eq!(asked().approve((person(own), client(2)), LONGEST, NOW), Err(ApprovalError::OwnCause));
            assert_eq!(asked().refuse(person(own), NOW), Err(ApprovalError::OwnCause));
        }
        assert_eq!(asked().approve((person(3), client(1)), LONGEST, NOW), Err(ApprovalError::SameClient), "one hand");
        let open = asked().approve((person(3), client(2)), LONGEST * 9, NOW).unwrap();
        let last = NOW.plus(LONGEST);
        let opened = |who, what, at| open.opened_by(what, person(who), at);
        assert_eq!(opened(2, Opens::Record(person(1)), last.minus(Duration::from_micros(1))), Some(person(3)));
        assert_eq!(opened(2, Opens::Record(person(1)), last), None, "it has run out");
        assert_eq!(opened(3, Opens::Record(person(1)), NOW), None, "it is for who asked");
        assert_eq!(opened(2, Opens::Record(person(4)), NOW), None, "it is about one person");
        assert_eq!(open.clone().approve((person(4), client(2)), LONGEST, NOW), Err(ApprovalError::Decided));
        assert_eq!(asked().opened_by(Opens::Record(person(1)), person(2), NOW), None);
        assert_eq!(asked().approve((person(3), client(2)), LONGEST, NOW.plus(WAITS)), Err(ApprovalError::Expired));
        assert_eq!(asked().refuse(person(3), NOW).unwrap().opened_by(Opens::Record(person(1)), person(2), NOW), None);
    }
}
