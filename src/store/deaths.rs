//! In which state stays and posts were before a death ended them: noted in the one moment, and read where it is taken back.

use std::collections::BTreeMap;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use super::row_states;
use crate::domain::access::{OnePerson, TaskOn};
use crate::domain::id::{EnrolmentId, StaffingId};
use crate::domain::registry::codes::staff::StaffState;
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::row_state::RowKind;

statements! {
    NOTE_STAYS = "UPDATE enrolment SET state_before_death = state WHERE person_id = $1 AND valid_to IS NULL";
    NOTE_POSTS = "UPDATE staffing SET state_before_death = state WHERE person_id = $1 AND valid_to IS NULL";
    STAYS_BEFORE = "SELECT id, state_before_death AS state FROM enrolment WHERE person_id = $1 AND state_before_death IS NOT NULL";
    POSTS_BEFORE = "SELECT id, state_before_death AS state FROM staffing WHERE person_id = $1 AND state_before_death IS NOT NULL";
}

/// What somebody was at schools and at work when she died.
pub struct Before {
    /// Of each stay that her death ended.
    pub stays: BTreeMap<EnrolmentId, StudentState>,
    /// Of each post.
    pub posts: BTreeMap<StaffingId, StaffState>,
}

struct Stay(EnrolmentId, StudentState);

impl FromRow for Stay {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?, row.code("state")?))
    }
}

struct Post(StaffingId, StaffState);

impl FromRow for Post {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?, row.code("state")?))
    }
}

/// Notes in which states her open stays and posts are, before her death ends them.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn note_states(tx: &mut Tx, on: &TaskOn) -> Result<(), StoreError> {
    row_states::changing_of(tx, on.person(), &[RowKind::Enrolment, RowKind::Staffing]).await?;
    for note in [NOTE_STAYS, NOTE_POSTS] {
        tx.execute(note, args![on.person()]).await?;
    }
    Ok(())
}

/// What was noted.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn states_before(tx: &mut Tx, proof: &impl OnePerson) -> Result<Before, StoreError> {
    let stays: Vec<Stay> = tx.all(STAYS_BEFORE, args![proof.person()]).await?;
    let posts: Vec<Post> = tx.all(POSTS_BEFORE, args![proof.person()]).await?;
    Ok(Before {
        stays: stays.into_iter().map(|Stay(id, state)| (id, state)).collect(),
        posts: posts.into_iter().map(|Post(id, state)| (id, state)).collect(),
    })
}
