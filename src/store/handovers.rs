//! People who go over from one institution to another: many rows in each statement, because a school goes over in one
//! evening. An old stay or post ends, a new one begins beside it, and what rests on the old goes on with the new.

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::relation_claims::{own_word, unreviewed};
use super::{enrolments, row_states, staffings};
use crate::domain::access::Task;
use crate::domain::id::{EnrolmentId, OrgId, PersonId, StaffingId};
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    END_STAYS = "UPDATE enrolment SET valid_to = CASE WHEN valid_from > $1 THEN valid_from ELSE $2 END, updated_at = $3, version = version + 1
        WHERE valid_to IS NULL AND id IN ($4) RETURNING id";
    RAISE_STAYS = "UPDATE enrolment SET source = 'normal', began_by = NULL, updated_at = $1, version = version + 1 WHERE org_id = $2 AND valid_to IS NULL AND source <> 'normal' AND person_id IN ($3) RETURNING id";
    // What became the 学籍 was a seat of 借读 until now.
    KEEP_SEATS = "INSERT INTO enrolment_slice (enrolment_id, class_id, student_no, state, source, began_by, valid_from, valid_to, created_at)
        SELECT e.id, e.class_id, e.student_no, e.state, e.source, e.began_by, COALESCE((SELECT MAX(s.valid_to) FROM enrolment_slice s WHERE s.enrolment_id = e.id), e.valid_from), $1, $2
        FROM enrolment e WHERE e.org_id = $3 AND e.valid_to IS NULL AND e.source <> 'normal'
          AND COALESCE((SELECT MAX(s.valid_to) FROM enrolment_slice s WHERE s.enrolment_id = e.id), e.valid_from) < $4 AND e.person_id IN ($5)
        ON CONFLICT (enrolment_id, valid_from) DO NOTHING RETURNING enrolment_id AS id";
    END_POSTS = "UPDATE staffing SET valid_to = CASE WHEN valid_from > $1 THEN valid_from ELSE $2 END, updated_at = $3, version = version + 1
        WHERE valid_to IS NULL AND id IN ($4) RETURNING id";
    END_LESSONS = "UPDATE teaching SET valid_to = CASE WHEN valid_from > $1 THEN valid_from ELSE $2 END WHERE valid_to IS NULL AND id IN ($3) RETURNING id";
    // The new stay or post of the same person is there already, and is her only open one there.
    GRANTS_OF_STAYS = "UPDATE oidc_grant SET identity_id = (SELECT n.id FROM enrolment n WHERE n.person_id = oidc_grant.person_id AND n.org_id = $1 AND n.valid_to IS NULL)
        WHERE id IN (SELECT g.id FROM enrolment e JOIN oidc_grant g ON g.person_id = e.person_id AND g.identity_id = e.id WHERE g.revoked_at IS NULL AND e.id IN ($2)) RETURNING id";
    GRANTS_OF_POSTS = "UPDATE oidc_grant SET identity_id = (SELECT n.id FROM staffing n WHERE n.person_id = oidc_grant.person_id AND n.org_id = $1 AND n.valid_to IS NULL)
        WHERE id IN (SELECT g.id FROM staffing e JOIN oidc_grant g ON g.person_id = e.person_id AND g.identity_id = e.id WHERE g.revoked_at IS NULL AND e.id IN ($2)) RETURNING id";
    SESSIONS_OF_STAYS = "UPDATE session SET identity_id = (SELECT n.id FROM enrolment n WHERE n.person_id = session.person_id AND n.org_id = $1 AND n.valid_to IS NULL)
        WHERE id IN (SELECT g.id FROM enrolment e JOIN session g ON g.person_id = e.person_id AND g.identity_id = e.id WHERE g.ended_at IS NULL AND e.id IN ($2)) RETURNING id";
    SESSIONS_OF_POSTS = "UPDATE session SET identity_id = (SELECT n.id FROM staffing n WHERE n.person_id = session.person_id AND n.org_id = $1 AND n.valid_to IS NULL)
        WHERE id IN (SELECT g.id FROM staffing e JOIN session g ON g.person_id = e.person_id AND g.identity_id = e.id WHERE g.ended_at IS NULL AND e.id IN ($2)) RETURNING id";
    RIGHTS_OF_POSTS = "UPDATE admin_grant SET staffing_id = (SELECT n.id FROM staffing n WHERE n.person_id = admin_grant.person_id AND n.org_id = $1 AND n.valid_to IS NULL)
        WHERE id IN (SELECT g.id FROM staffing e JOIN admin_grant g ON g.staffing_id = e.id WHERE g.revoked_at IS NULL AND e.id IN ($2)) RETURNING id";
    GUARDIANS = "UPDATE guardianship SET recorded_org_id = $1, updated_at = $2, version = version + 1 WHERE status IN ('pending', 'confirmed') AND recorded_org_id = $3 AND child_id IN ($4) RETURNING id";
    // What nobody looked at yet goes on as the word of the school that recorded it by now: by that it is found, and keeps whom it
    // names from that school. Where the other one waits for the same answer it waits once.
    WORDS = concat!("UPDATE relation_claim AS r SET org_id = $1, version = version + 1 WHERE r.org_id = $2 AND r.kind = 'guardian' AND (r.state = 'pending' OR ", own_word!(), ")
        AND NOT EXISTS (SELECT 1 FROM relation_claim o WHERE o.org_id = $3 AND o.kind = r.kind AND o.person_id = r.person_id AND o.child_id = r.child_id AND o.subject_key = r.subject_key AND o.state IN ('pending', 'rejected'))
        AND r.child_id IN ($4) RETURNING id");
    // But what is in force goes before what the other one waits for, or was told no to: a word that stays behind hides nobody.
    YIELD = concat!("UPDATE relation_claim AS o SET state = 'withdrawn', version = version + 1 WHERE o.org_id = $1 AND o.kind = 'guardian' AND o.state IN ('pending', 'rejected')
        AND EXISTS (SELECT 1 FROM relation_claim r WHERE r.org_id = $2 AND r.kind = o.kind AND r.person_id = o.person_id AND r.child_id = o.child_id AND r.subject_key = o.subject_key AND ", unreviewed!(), ")
        AND o.child_id IN ($3) RETURNING id");
    SEATS = "SELECT id FROM enrolment WHERE org_id = $1 AND valid_to IS NULL AND source <> 'normal' AND person_id IN ($2)";
    RESTING_ON_MANY = "SELECT id FROM admin_grant WHERE revoked_at IS NULL AND staffing_id IN ($1)";
    RECORDED_BY = "SELECT id FROM guardianship WHERE status IN ('pending', 'confirmed') AND recorded_org_id = $1 AND child_id IN ($2)";
    HOMES = "UPDATE person SET home_platform_id = $1, updated_at = $2, version = version + 1 WHERE home_platform_id = $3 AND id IN ($4) RETURNING id";
    TEACH = "INSERT INTO teaching (id, staffing_id, class_id, subject, head_teacher, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5, $6, NULL)
        ON CONFLICT (staffing_id, class_id, subject) WHERE valid_to IS NULL DO NOTHING";
    STAYS = "SELECT * FROM enrolment WHERE org_id = $1 AND valid_to IS NULL ORDER BY id LIMIT $2";
    STAYS_IN_CLASSES = "SELECT e.* FROM enrolment e WHERE e.org_id = $1 AND e.valid_to IS NULL
        AND e.class_id IN (SELECT k.id FROM class k JOIN class n ON n.id = k.successor_id WHERE k.org_id = $1 AND n.org_id = $2) ORDER BY e.id LIMIT $3";
    POSTS = "SELECT * FROM staffing WHERE org_id = $1 AND valid_to IS NULL ORDER BY id LIMIT $2";
    // Whoever teaches classes that go over, and none that stays.
    POSTS_OF_CLASSES = "SELECT s.* FROM staffing s WHERE s.org_id = $1 AND s.valid_to IS NULL
        AND EXISTS (SELECT 1 FROM teaching t JOIN class k ON k.id = t.class_id JOIN class n ON n.id = k.successor_id WHERE t.staffing_id = s.id AND t.valid_to IS NULL AND n.org_id = $2)
        AND NOT EXISTS (SELECT 1 FROM teaching t JOIN class k ON k.id = t.class_id WHERE t.staffing_id = s.id AND t.valid_to IS NULL AND k.successor_id IS NULL) ORDER BY s.id LIMIT $3";
    LESSONS = "SELECT t.* FROM teaching t WHERE t.valid_to IS NULL AND t.class_id IN (SELECT k.id FROM class k WHERE k.org_id = $1 AND k.successor_id IS NOT NULL) ORDER BY t.id LIMIT $2";
    @hold HOLD_STAYS = "SELECT * FROM enrolment WHERE valid_to IS NULL AND org_id = $1 AND id IN ($2) ORDER BY id";
    @hold HOLD_POSTS = "SELECT * FROM staffing WHERE valid_to IS NULL AND org_id = $1 AND id IN ($2) ORDER BY id";
    @hold HOLD_LESSONS = "SELECT * FROM teaching WHERE valid_to IS NULL AND id IN ($1) ORDER BY id";
}

struct Touched(uuid::Uuid);

impl FromRow for Touched {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// From where to where, from which day on.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Whom they leave.
    pub from: OrgId,
    /// Where they go.
    pub to: OrgId,
    /// The first day there.
    pub day: NaiveDate,
    /// The present.
    pub now: Timestamp,
    /// Everybody, or only whoever belongs to classes that go over.
    pub whole: bool,
}

/// Open stays that go over. Whose they are and where they sit is held before they are ([`hold_open_stays`]).
///
/// # Errors
/// As [`StoreError`] says.
pub async fn stays(tx: &mut Tx, _task: &Task, way: &Way, limit: u32) -> Result<Vec<Enrolment>, StoreError> {
    if way.whole {
        tx.all(STAYS, args![way.from, limit]).await
    } else {
        tx.all(STAYS_IN_CLASSES, args![way.from, way.to, limit]).await
    }
}

/// Open posts that go over.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn posts(tx: &mut Tx, _task: &Task, way: &Way, limit: u32) -> Result<Vec<Staffing>, StoreError> {
    if way.whole {
        tx.all(POSTS, args![way.from, limit]).await
    } else {
        tx.all(POSTS_OF_CLASSES, args![way.from, way.to, limit]).await
    }
}

/// What is still taught in classes that went over, by whoever stays or is employed elsewhere.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn lessons(tx: &mut Tx, _task: &Task, way: &Way, limit: u32) -> Result<Vec<Teaching>, StoreError> {
    tx.all(LESSONS, args![way.from, limit]).await
}

/// Those of these stays that are open still, held.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_open_stays(
    tx: &mut Tx,
    _task: &Task,
    way: &Way,
    stays: &[EnrolmentId],
) -> Result<Vec<Enrolment>, StoreError> {
    tx.all_in(HOLD_STAYS, &[way.from.into()], keys(stays)).await
}

/// Those of these posts that are open still, held.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_open_posts(
    tx: &mut Tx,
    _task: &Task,
    way: &Way,
    posts: &[StaffingId],
) -> Result<Vec<Staffing>, StoreError> {
    tx.all_in(HOLD_POSTS, &[way.from.into()], keys(posts)).await
}

/// Those of these lessons that are taught still, held.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_lessons(tx: &mut Tx, _task: &Task, lessons: &[Teaching]) -> Result<Vec<Teaching>, StoreError> {
    tx.all_in(HOLD_LESSONS, &[], lessons.iter().map(|lesson| Value::from(lesson.id)).collect()).await
}

/// Ends stays that were just read and held, and begins those that stand for them. Whoever has a stay at the new place
/// already keeps that one; it becomes her 学籍 where the old one was.
///
/// # Errors
/// `Busy` when somebody else changed one of them meanwhile.
pub async fn hand_stays(
    tx: &mut Tx,
    task: &Task,
    way: &Way,
    old: &[EnrolmentId],
    new: &[Enrolment],
    raised: &[PersonId],
) -> Result<(), StoreError> {
    row_states::changing(tx, RowKind::Enrolment, &old.iter().map(|id| id.0).collect::<Vec<_>>()).await?;
    let ended: Vec<Touched> =
        tx.all_in(END_STAYS, &[way.day.into(), way.day.into(), way.now.into()], keys(old)).await?;
    let begun = enrolments::insert_all(tx, task, new).await?;
    let there = [way.to.into()];
    row_states::changing_found_in(tx, RowKind::Enrolment, SEATS, &there, keys(raised)).await?;
    let seats = [way.day.into(), way.now.into(), way.to.into(), way.day.into()];
    tx.all_in::<Touched>(KEEP_SEATS, &seats, keys(raised)).await?;
    tx.all_in::<Touched>(RAISE_STAYS, &[way.now.into(), way.to.into()], keys(raised)).await?;
    if ended.len() != old.len() || usize::try_from(begun).ok() != Some(new.len()) {
        return Err(StoreError::Busy);
    }
    tx.all_in::<Touched>(GRANTS_OF_STAYS, &[way.to.into()], keys(old)).await?;
    tx.all_in::<Touched>(SESSIONS_OF_STAYS, &[way.to.into()], keys(old)).await.map(drop)
}

/// The same for posts.
///
/// # Errors
/// As [`hand_stays`].
pub async fn hand_posts(
    tx: &mut Tx,
    task: &Task,
    way: &Way,
    old: &[StaffingId],
    new: &[Staffing],
) -> Result<(), StoreError> {
    row_states::changing(tx, RowKind::Staffing, &old.iter().map(|id| id.0).collect::<Vec<_>>()).await?;
    let ended: Vec<Touched> =
        tx.all_in(END_POSTS, &[way.day.into(), way.day.into(), way.now.into()], keys(old)).await?;
    let begun = staffings::insert_all(tx, task, new).await?;
    if ended.len() != old.len() || usize::try_from(begun).ok() != Some(new.len()) {
        return Err(StoreError::Busy);
    }
    tx.all_in::<Touched>(GRANTS_OF_POSTS, &[way.to.into()], keys(old)).await?;
    row_states::changing_found_in(tx, RowKind::AdminGrant, RESTING_ON_MANY, &[], keys(old)).await?;
    tx.all_in::<Touched>(RIGHTS_OF_POSTS, &[way.to.into()], keys(old)).await?;
    tx.all_in::<Touched>(SESSIONS_OF_POSTS, &[way.to.into()], keys(old)).await.map(drop)
}

/// Ends what was taught and begins what stands for it; what is taught there already is not taught twice.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hand_lessons(
    tx: &mut Tx,
    _task: &Task,
    way: &Way,
    old: &[Teaching],
    new: &[Teaching],
) -> Result<(), StoreError> {
    row_states::changing(tx, RowKind::Teaching, &old.iter().map(|lesson| lesson.id).collect::<Vec<_>>()).await?;
    let ids = old.iter().map(|lesson| Value::from(lesson.id)).collect();
    tx.all_in::<Touched>(END_LESSONS, &[way.day.into(), way.day.into()], ids).await?;
    let rows = new.iter().map(|lesson| {
        let subject = lesson.subject.map_or("", |subject| subject.as_str());
        args![lesson.id, lesson.staffing, lesson.class, subject, lesson.head_teacher, lesson.valid_from]
    });
    row_states::made(tx, RowKind::Teaching, &new.iter().map(|lesson| lesson.id).collect::<Vec<_>>());
    tx.insert_many(TEACH, rows.collect()).await.map(drop)
}

/// Whatever the old school recorded of these children's guardians, the new one recorded; also where it is a word that nobody
/// looked at.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hand_guardians(tx: &mut Tx, _task: &Task, way: &Way, children: &[PersonId]) -> Result<(), StoreError> {
    // While the relation is still where the word is.
    tx.all_in::<Touched>(YIELD, &[way.to.into(), way.from.into()], keys(children)).await?;
    let there = [way.from.into()];
    row_states::changing_found_in(tx, RowKind::Guardianship, RECORDED_BY, &there, keys(children)).await?;
    let leading = [way.to.into(), way.now.into(), way.from.into()];
    tx.all_in::<Touched>(GUARDIANS, &leading, keys(children)).await?;
    tx.all_in::<Touched>(WORDS, &[way.to.into(), way.from.into(), way.to.into()], keys(children)).await.map(drop)
}

/// Whoever called one platform home calls another one home; who.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hand_homes(
    tx: &mut Tx,
    _task: &Task,
    (from, to): (uuid::Uuid, uuid::Uuid),
    people: &[PersonId],
    now: Timestamp,
) -> Result<Vec<PersonId>, StoreError> {
    let moved: Vec<Touched> = tx.all_in(HOMES, &[to.into(), now.into(), from.into()], keys(people)).await?;
    Ok(moved.into_iter().map(|row| PersonId(row.0)).collect())
}

fn keys<T: Copy + Into<Value>>(ids: &[T]) -> Vec<Value> {
    ids.iter().map(|id| (*id).into()).collect()
}
