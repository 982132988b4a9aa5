//! Merging 合并: two records are one person. What one person cannot have twice is settled by rule, never by failing; these
//! are the rules, as pure functions over what both records have.

use std::collections::HashMap;

use thiserror::Error;

use super::codes::codes;
use super::codes::status::Status;
use super::codes::student_state::StudentSource;
use super::enrolment::Enrolment;
use super::guardianship::{Guardianship, GuardianshipStatus};
use super::person::Person;
use super::staffing::Staffing;
use crate::domain::id::{CaseId, EnrolmentId, GuardianshipId, MergeId, OrgId, PersonId, StaffingId};
use crate::domain::time::Timestamp;

codes! {
    /// Done, or undone within its time.
    MergeState {
        Done = "done", "已合并";
        Undone = "undone", "已撤销";
    }
}

/// A merge.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Its id.
    pub id: MergeId,
    /// Who stays.
    pub survivor: PersonId,
    /// Whose id leads to the survivor for ever.
    pub absorbed: PersonId,
    /// The case that was decided so.
    pub case: Option<CaseId>,
    /// What the absorbed record was before.
    pub absorbed_status: Status,
    /// Its state.
    pub state: MergeState,
    /// Why.
    pub reason: String,
    /// By whom; none: the operator.
    pub merged_by: Option<PersonId>,
    /// When.
    pub merged_at: Timestamp,
    /// Until when it can be undone.
    pub undo_until: Timestamp,
    /// By whom it was; none: the operator, or nobody.
    pub undone_by: Option<PersonId>,
    /// When it was.
    pub undone_at: Option<Timestamp>,
    /// Counts changes.
    pub version: i64,
}

/// Why two records are not merged, or one merge is not undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("both ids lead to one person already")]
    Same,
    /// A locked record is locked for a reason, and a dead one has no account.
    #[error("the two records are in different states: unlock, or record the death, first")]
    StatesDiffer,
    /// There is nothing left to merge.
    #[error("one of the two was erased or cancelled")]
    Gone,
    /// Its time is over.
    #[error("the time in which a merge can be undone is over")]
    TooLate,
    /// What came later has to be undone first.
    #[error("the survivor was merged into somebody else since: undo that first")]
    Buried,
}

/// Whether two records may become one.
///
/// # Errors
/// [`MergeError`].
pub fn check(survivor: &Person, absorbed: &Person) -> Result<(), MergeError> {
    if survivor.id == absorbed.id {
        return Err(MergeError::Same);
    }
    let gone = |person: &Person| {
        person.salt.is_none()
            || matches!(person.status, Status::Cancelled | Status::Merged)
            || person.merged_into.is_some()
    };
    if gone(survivor) || gone(absorbed) {
        Err(MergeError::Gone)
    } else if survivor.status != absorbed.status {
        Err(MergeError::StatesDiffer)
    } else {
        Ok(())
    }
}

impl Merge {
    /// Done → undone.
    ///
    /// # Errors
    /// [`MergeError::TooLate`].
    pub fn undo(self, by: Option<PersonId>, now: Timestamp) -> Result<Self, MergeError> {
        if now >= self.undo_until {
            return Err(MergeError::TooLate);
        }
        Ok(Self { state: MergeState::Undone, undone_by: by, undone_at: Some(now), version: self.version + 1, ..self })
    }
}

/// What becomes of a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// It ends: this one stands for it.
    Ends(EnrolmentId),
    /// It becomes a 借读: she has one 学籍, and the school keeps its pupil until the two have settled it.
    Borrowed,
}

/// Open stays of both: a 学籍 goes before a 借读, and the survivor's before the other's. One stay for each school, one 学籍.
pub fn stays(all: &[Enrolment], survivor: PersonId) -> Vec<(EnrolmentId, Stay)> {
    let mut open: Vec<&Enrolment> = all.iter().filter(|stay| stay.valid_to.is_none()).collect();
    open.sort_by_key(|stay| (stay.source != StudentSource::Normal, stay.person != survivor, stay.created_at, stay.id));
    let mut kept: HashMap<OrgId, EnrolmentId> = HashMap::new();
    let (mut settled, mut has_register) = (Vec::new(), false);
    for stay in open {
        if let Some(other) = kept.get(&stay.org) {
            settled.push((stay.id, Stay::Ends(*other)));
            continue;
        }
        kept.insert(stay.org, stay.id);
        if stay.source == StudentSource::Normal {
            if has_register {
                settled.push((stay.id, Stay::Borrowed));
            }
            has_register = true;
        }
    }
    settled
}

/// Open posts of both at one institution: the survivor's stands for the other's.
pub fn posts(all: &[Staffing], survivor: PersonId) -> Vec<(StaffingId, StaffingId)> {
    let mut open: Vec<&Staffing> = all.iter().filter(|post| post.valid_to.is_none()).collect();
    open.sort_by_key(|post| (post.person != survivor, post.created_at, post.id));
    let mut kept: HashMap<OrgId, StaffingId> = HashMap::new();
    let mut ended = Vec::new();
    for post in open {
        match kept.get(&post.org) {
            Some(stands) => ended.push((post.id, *stands)),
            None => {
                kept.insert(post.org, post.id);
            }
        }
    }
    ended
}

/// Guardianships that end: of somebody over herself, and all but one of each pair. A restricted one stays before all
/// others, so that a merge never lifts a court order; then a confirmed one; then the survivor's.
pub fn guardianships(all: &[Guardianship], survivor: PersonId, absorbed: PersonId) -> Vec<GuardianshipId> {
    let who = |id: PersonId| if id == absorbed { survivor } else { id };
    let mut standing: Vec<&Guardianship> = all.iter().filter(|one| one.is_standing()).collect();
    standing.sort_by_key(|one| {
        let touched = one.child == absorbed || one.guardian == absorbed;
        (one.restrictions.is_empty(), one.status != GuardianshipStatus::Confirmed, touched, one.created_at, one.id)
    });
    standing.dedup_by_key(|one| one.id);
    let mut kept: HashMap<(PersonId, PersonId), GuardianshipId> = HashMap::new();
    let mut ended = Vec::new();
    for one in standing {
        let pair = (who(one.child), who(one.guardian));
        if pair.0 == pair.1 || kept.contains_key(&pair) {
            ended.push(one.id);
        } else {
            kept.insert(pair, one.id);
        }
    }
    ended
}

#[cfg(test)]
mod tests;
