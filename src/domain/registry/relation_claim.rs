//! Claimed relations 待确认的关系: what an institution says of somebody whom the register knows and the institution does
//! not hold (ruling R1). It is the claimant's own row and gives her sight of nothing else, until somebody who may confirms it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::codes::codes;
use crate::domain::id::{ClassId, OrgId, PersonId, RelationClaimId};
use crate::domain::time::Timestamp;

codes! {
    /// What the person is said to be.
    ClaimKind {
        Student = "student", "学生";
        Staff = "staff", "教职工";
        Guardian = "guardian", "监护人";
    }
}

codes! {
    /// Its state: pending → confirmed or rejected.
    ClaimState {
        Pending = "pending", "待确认";
        Confirmed = "confirmed", "已确认";
        Rejected = "rejected", "已拒绝";
        Withdrawn = "withdrawn", "已撤回";
    }
}

/// A claimed relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationClaim {
    /// Its id.
    pub id: RelationClaimId,
    /// Who says so.
    pub org: OrgId,
    /// As what.
    pub kind: ClaimKind,
    /// Who holds the number that was named.
    pub person: PersonId,
    /// Of a guardian, the child; otherwise the person herself.
    pub child: PersonId,
    /// In which class, of a student.
    pub class: Option<ClassId>,
    /// Blind index of the number that was named, or else of the 学籍号: the claimant may name one person by either.
    pub subject_key: [u8; 32],
    /// Blind index of the number that was named.
    pub document_index: Option<[u8; 32]>,
    /// Blind index of the 学籍号 that was named.
    pub code_index: Option<[u8; 32]>,
    /// As the claimant wrote it.
    pub name: String,
    /// For comparing names.
    pub name_key: String,
    /// The name or the 学籍号 is not the holder's: a conflict, which confirming cannot settle.
    pub differs: bool,
    /// The rest of the row.
    pub details: Details,
    /// Its state.
    pub state: ClaimState,
    /// Which administrator; none: the operator.
    pub claimed_by: Option<PersonId>,
    /// First recorded.
    pub created_at: Timestamp,
    /// When it was confirmed or rejected.
    pub decided_at: Option<Timestamp>,
    /// By whom; none: the operator.
    pub decided_by: Option<PersonId>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// Counts changes; a write names the version it read.
    pub version: i64,
}

/// What a row says besides who and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// 学号 or 工号.
    pub number: Option<String>,
    /// GWZY, of staff.
    pub post: Option<String>,
    /// JTGX, of a guardian.
    pub relation: Option<String>,
    /// What is taught where, of staff.
    pub teaches: Vec<Taught>,
    /// Keyed indexes of the phones that were named: whether a row says something new.
    pub phones: Vec<String>,
    /// The 学籍 is at another institution that the claimant sees: a request for a transfer 转学.
    pub transfer: bool,
    /// The 学籍 stays where it is: a request for 借读.
    pub borrow: bool,
    /// Rejected by whoever covers both sides, or by the operator: nobody stands above that answer.
    pub settled: bool,
}

/// A class that somebody is said to teach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taught {
    /// Which.
    pub class: ClassId,
    /// ZXXKC and extensions.
    pub subject: Option<String>,
    /// 班主任.
    pub head_teacher: bool,
}

/// Why a claim cannot be decided that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecisionError {
    /// It was decided before.
    #[error("the claim is {0} already")]
    Decided(ClaimState),
    /// A guardian's or a post's claim rests on a row, which says it again.
    #[error("only a request for a student is withdrawn")]
    NotAsked,
    /// Somebody else's name stands under the number.
    #[error("the row names another person than the register does; correct the row, then reject this claim")]
    Differs,
}

/// A rejection answers the same row for so long; afterwards things may have changed, and it is asked anew.
const REJECTED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

impl RelationClaim {
    /// Whether it waits, or was rejected lately: the same row then says nothing new.
    pub fn stands(&self, now: Timestamp) -> bool {
        match (self.state, self.decided_at) {
            (ClaimState::Pending, _) => true,
            (ClaimState::Rejected, Some(at)) => now.since(at) < REJECTED_FOR,
            _ => false,
        }
    }

    /// Whether its own row made it true, in the moment it was made, and nobody looked at it since: an administrator named
    /// somebody whom others hold as the guardian of a child who is hers. It counts as any other (R1), and may still be decided.
    pub fn is_unreviewed(&self) -> bool {
        self.state == ClaimState::Confirmed
            && self.claimed_by.is_some()
            && self.decided_by.is_none()
            && self.decided_at == Some(self.created_at)
    }

    /// Whether it asks for a student whom the school that holds the 学籍 refused to let go: its no is a word and no veto,
    /// and whoever covers both sides may still say otherwise (转学). A seat 借读 is that school's alone to agree to.
    pub fn is_contested(&self) -> bool {
        self.state == ClaimState::Rejected
            && self.kind == ClaimKind::Student
            && !(self.details.borrow || self.details.settled || self.differs)
    }

    /// The earliest rejection that can still be contested now: a row that says the same asks anew before that.
    pub fn contested_since(now: Timestamp, term: Duration) -> Timestamp {
        now.minus(REJECTED_FOR + term)
    }

    /// From when on the authority above both schools decides about a request for a student, in place of the releasing one,
    /// which has its term from the moment on in which it could be asked: `held_since`, it holds her 学籍.
    pub fn authority_from(&self, held_since: Timestamp, term: Duration) -> Timestamp {
        self.created_at.max(held_since).plus(term)
    }

    /// Pending, unreviewed or contested → confirmed.
    ///
    /// # Errors
    /// [`DecisionError`] when it was decided before, or is a conflict.
    pub fn confirm(self, by: Option<PersonId>, now: Timestamp) -> Result<Self, DecisionError> {
        if self.differs { Err(DecisionError::Differs) } else { self.decide(ClaimState::Confirmed, by, None, now) }
    }

    /// Pending, unreviewed or contested → rejected. A later row that says the same changes nothing.
    ///
    /// # Errors
    /// [`DecisionError::Decided`].
    pub fn reject(self, by: Option<PersonId>, reason: Option<String>, now: Timestamp) -> Result<Self, DecisionError> {
        self.decide(ClaimState::Rejected, by, reason, now)
    }

    /// Pending → withdrawn, by whoever asked for a student; a later row that says the same asks anew.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn withdraw(self, by: Option<PersonId>, now: Timestamp) -> Result<Self, DecisionError> {
        if self.kind == ClaimKind::Student {
            self.decide(ClaimState::Withdrawn, by, None, now)
        } else {
            Err(DecisionError::NotAsked)
        }
    }

    /// A conflict that is none any more: the person bears the name of the row by now.
    #[must_use]
    pub fn agreeing(self) -> Self {
        Self { differs: false, version: self.version + 1, ..self }
    }

    /// Pending → withdrawn: said again, its row is about somebody else by now, or says it rightly.
    ///
    /// # Errors
    /// [`DecisionError::Decided`].
    pub fn lapse(self, by: Option<PersonId>, now: Timestamp) -> Result<Self, DecisionError> {
        self.decide(ClaimState::Withdrawn, by, None, now)
    }

    fn decide(
        self,
        state: ClaimState,
        by: Option<PersonId>,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<Self, DecisionError> {
        let is_open = self.state == ClaimState::Pending || self.is_unreviewed();
        let is_reopened = self.is_contested() && state != ClaimState::Withdrawn;
        if !(is_open || is_reopened) {
            return Err(DecisionError::Decided(self.state));
        }
        Ok(Self { state, decided_by: by, decided_at: Some(now), reason, version: self.version + 1, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn who_asked_for_a_student_asks_no_more_until_a_row_says_so_again() {
        let withdrawn = pending().withdraw(None, NOW).unwrap();
        assert!(withdrawn.state == ClaimState::Withdrawn && !withdrawn.stands(NOW));
        assert_eq!(withdrawn.confirm(None, NOW), Err(DecisionError::Decided(ClaimState::Withdrawn)));
        let confirmed = pending().confirm(None, NOW).unwrap();
        assert_eq!(confirmed.withdraw(None, NOW), Err(DecisionError::Decided(ClaimState::Confirmed)));
        let post = RelationClaim { kind: ClaimKind::Staff, ..pending() };
        assert_eq!(post.withdraw(None, NOW), Err(DecisionError::NotAsked));
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn pending() -> RelationClaim {
        RelationClaim {
            id: RelationClaimId(Uuid::nil()),
            org: OrgId(Uuid::nil()),
            kind: ClaimKind::Student,
            person: PersonId(Uuid::nil()),
            child: PersonId(Uuid::nil()),
            class: None,
            subject_key: [0; 32],
            document_index: None,
            code_index: None,
            name: "吴好".into(),
            name_key: "吴好".into(),
            differs: false,
            details: Details::default(),
            state: ClaimState::Pending,
            claimed_by: None,
            created_at: NOW,
            decided_at: None,
            decided_by: None,
            reason: None,
            version: 1,
        }
    }

    #[test]
    fn it_is_decided_once() {
        let confirmed = pending().confirm(None, NOW).unwrap();
        assert_eq!((confirmed.state, confirmed.version), (ClaimState::Confirmed, 2));
        assert_eq!(confirmed.reject(None, None, NOW), Err(DecisionError::Decided(ClaimState::Confirmed)));
    }

    #[test]
    fn what_its_own_row_made_true_is_decided_once_too() {
        let made = RelationClaim {
            kind: ClaimKind::Guardian,
            state: ClaimState::Confirmed,
            claimed_by: Some(PersonId(Uuid::nil())),
            decided_at: Some(NOW),
            ..pending()
        };
        assert!(made.is_unreviewed());
        let later = NOW.plus(Duration::from_secs(1));
        for by in [None, Some(PersonId(Uuid::max()))] {
            let seen = made.clone().confirm(by, later).unwrap();
            assert!(!seen.is_unreviewed(), "the operator's decision is by nobody too");
            assert_eq!(seen.reject(by, None, later), Err(DecisionError::Decided(ClaimState::Confirmed)));
        }
        assert_eq!(made.clone().reject(None, None, later).unwrap().state, ClaimState::Rejected);
        let of_the_operator = RelationClaim { claimed_by: None, ..made };
        assert!(!of_the_operator.is_unreviewed(), "whose word needs no second one");
    }

    #[test]
    fn a_rejection_answers_for_a_while() {
        let rejected = pending().reject(None, None, NOW).unwrap();
        assert!(pending().stands(NOW) && rejected.stands(NOW));
        assert!(!rejected.stands(NOW.plus(REJECTED_FOR)));
        assert!(!pending().confirm(None, NOW).unwrap().stands(NOW), "what came of it is in the register");
    }

    #[test]
    fn a_refusal_to_let_a_student_go_is_no_veto_and_the_word_above_it_is_final() {
        let refused = pending().reject(None, None, NOW).unwrap();
        assert!(refused.is_contested());
        assert_eq!(refused.clone().withdraw(None, NOW), Err(DecisionError::Decided(ClaimState::Rejected)));
        assert_eq!(refused.clone().confirm(None, NOW).unwrap().state, ClaimState::Confirmed);
        let settled = Details { settled: true, ..Details::default() };
        let borrow = Details { borrow: true, ..Details::default() };
        for other in [
            RelationClaim { details: settled, ..refused.clone() },
            RelationClaim { details: borrow, ..refused.clone() },
            RelationClaim { kind: ClaimKind::Staff, ..refused.clone() },
            RelationClaim { differs: true, ..refused },
        ] {
            assert!(!other.is_contested());
            assert_eq!(other.reject(None, None, NOW), Err(DecisionError::Decided(ClaimState::Rejected)));
        }
    }

    #[test]
    fn a_conflict_cannot_be_confirmed() {
        let conflict = RelationClaim { differs: true, ..pending() };
        assert_eq!(conflict.clone().confirm(None, NOW), Err(DecisionError::Differs));
        assert_eq!(conflict.reject(None, Some("x".into()), NOW).unwrap().state, ClaimState::Rejected);
    }
}
