//! Enrolments 学籍/在读. The database holds that a student has one open 学籍, whoever imports.

use chrono::NaiveDate;
use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::row_states;
use crate::domain::access::{OnePerson, Subtree, Task, TaskOn};
use crate::domain::id::{ClassId, EnrolmentId, PersonId};
use crate::domain::registry::codes::student_change::StudentChange;
use crate::domain::registry::enrolment::{Enrolment, Slice};
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO enrolment (id, person_id, org_id, class_id, student_no, category, state, source, valid_from, valid_to, created_at, updated_at, version, began_by, ended_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING";
    UPDATE = "UPDATE enrolment SET class_id = $3, student_no = $4, category = $5, state = $6, valid_to = $7, updated_at = $8, version = $9, began_by = $10, ended_by = $11
        WHERE id = $1 AND person_id = $2 AND version = $9 - 1";
    // What it was until a day, unless nothing of it changes, or it was so for no day.
    KEEP = "INSERT INTO enrolment_slice (enrolment_id, class_id, student_no, state, source, began_by, valid_from, valid_to, created_at)
        SELECT e.id, e.class_id, e.student_no, e.state, e.source, e.began_by, COALESCE((SELECT MAX(s.valid_to) FROM enrolment_slice s WHERE s.enrolment_id = e.id), e.valid_from), $7, $8
        FROM enrolment e WHERE e.id = $1 AND e.person_id = $2 AND e.version = $3 - 1
          AND (e.class_id IS DISTINCT FROM $4 OR e.student_no IS DISTINCT FROM $5 OR e.state <> $6 OR e.source <> $9)
          AND COALESCE((SELECT MAX(s.valid_to) FROM enrolment_slice s WHERE s.enrolment_id = e.id), e.valid_from) < $7
        ON CONFLICT (enrolment_id, valid_from) DO NOTHING";
    // The same before a change that no version counts: of a merge.
    KEEP_BEFORE = "INSERT INTO enrolment_slice (enrolment_id, class_id, student_no, state, source, began_by, valid_from, valid_to, created_at)
        SELECT e.id, e.class_id, e.student_no, e.state, e.source, e.began_by, COALESCE((SELECT MAX(s.valid_to) FROM enrolment_slice s WHERE s.enrolment_id = e.id), e.valid_from), $2, $3
        FROM enrolment e WHERE e.id = $1 AND COALESCE((SELECT MAX(s.valid_to) FROM enrolment_slice s WHERE s.enrolment_id = e.id), e.valid_from) < $2
        ON CONFLICT (enrolment_id, valid_from) DO NOTHING";
    // And when that merge was undone: it was as it was before throughout, whatever else became of it meanwhile.
    WAS_THROUGHOUT = "UPDATE enrolment_slice SET source = $2 WHERE enrolment_id = $1 AND source = $3 AND valid_from >= $4";
    // Unless something else of it changed on the same day.
    KEPT_BEFORE = "DELETE FROM enrolment_slice WHERE enrolment_id = $1 AND valid_to = $2 AND created_at = $3
          AND (EXISTS (SELECT 1 FROM enrolment_slice n WHERE n.enrolment_id = enrolment_slice.enrolment_id AND n.valid_from = $2 AND n.class_id IS NOT DISTINCT FROM enrolment_slice.class_id
                AND n.student_no IS NOT DISTINCT FROM enrolment_slice.student_no AND n.state = enrolment_slice.state AND n.source = enrolment_slice.source AND n.began_by IS NULL)
            OR (NOT EXISTS (SELECT 1 FROM enrolment_slice n WHERE n.enrolment_id = enrolment_slice.enrolment_id AND n.valid_from = $2)
              AND EXISTS (SELECT 1 FROM enrolment e WHERE e.id = enrolment_slice.enrolment_id AND e.class_id IS NOT DISTINCT FROM enrolment_slice.class_id
                AND e.student_no IS NOT DISTINCT FROM enrolment_slice.student_no AND e.state = enrolment_slice.state AND e.source = enrolment_slice.source AND e.began_by IS NOT DISTINCT FROM enrolment_slice.began_by)))
        RETURNING valid_from, began_by";
    JOIN_ON = "UPDATE enrolment_slice SET valid_from = $3, began_by = $4 WHERE enrolment_id = $1 AND valid_from = $2";
    // A class changes its name while it is open, and nothing once it is over: since when it is.
    CLASS_OVER = "SELECT k.updated_at AS at FROM enrolment e JOIN class k ON k.id = e.class_id WHERE e.id = $1 AND k.status <> 'open' AND k.updated_at > $2";
    // What the stay began by is its past's, where it has one.
    LEAVE_CLASS = "UPDATE enrolment SET class_id = NULL, began_by = CASE WHEN EXISTS (SELECT 1 FROM enrolment_slice s WHERE s.enrolment_id = enrolment.id AND s.valid_to = $2) THEN NULL ELSE began_by END WHERE id = $1";
    SLICES = "SELECT s.* FROM enrolment_slice s JOIN enrolment e ON e.id = s.enrolment_id WHERE e.person_id = $1 ORDER BY s.enrolment_id, s.valid_from";
    RAISE = "UPDATE enrolment SET source = 'normal', class_id = $3, student_no = $4, updated_at = $5, version = $6, began_by = $7
        WHERE id = $1 AND person_id = $2 AND version = $6 - 1 AND valid_to IS NULL AND source = 'borrowed'";
    OF_PERSON = "SELECT * FROM enrolment WHERE person_id = $1 ORDER BY valid_from, id";
    OF_CLASS_IN = "SELECT e.* FROM enrolment e JOIN institution_closure c ON c.descendant_id = e.org_id
        WHERE e.class_id = $1 AND c.ancestor_id = $2 AND e.valid_to IS NULL ORDER BY e.student_no NULLS LAST, e.id";
    OPEN_OF_MANY = "SELECT * FROM enrolment WHERE valid_to IS NULL AND person_id IN ($1)";
    RAISED = "SELECT enrolment_id AS id, MAX(created_at) AS at FROM enrolment_slice WHERE source = 'borrowed' AND enrolment_id IN ($1) GROUP BY enrolment_id";
    @hold HOLD_OF_MANY = "SELECT * FROM enrolment WHERE valid_to IS NULL AND source = 'normal' AND person_id IN ($1) ORDER BY id";
}

impl FromRow for Enrolment {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            org: row.get("org_id")?,
            class: row.get("class_id")?,
            student_no: row.get("student_no")?,
            category: row.get("category")?,
            state: row.code("state")?,
            source: row.code("source")?,
            began_by: row.optional_code("began_by")?,
            ended_by: row.optional_code("ended_by")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

/// Adds a stay of the person; `false` when she has an open one there, or an open 学籍 anywhere and this would be
/// another: that is a transfer or 借读 (ruling R1), never a second enrolment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on: &TaskOn, enrolment: &Enrolment) -> Result<bool, StoreError> {
    row_states::made(tx, RowKind::Enrolment, &[enrolment.id.0]);
    tx.execute_one(INSERT, values(on.person(), enrolment)).await
}

/// Adds many enrolments; how many. A student who has a current one stays out.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, all: &[Enrolment]) -> Result<u64, StoreError> {
    row_states::made(tx, RowKind::Enrolment, &all.iter().map(|one| one.id.0).collect::<Vec<_>>());
    tx.insert_many(INSERT, all.iter().map(|one| values(one.person, one)).collect()).await
}

/// The open 学籍 of these people, held until the transaction ends: none of them is transferred meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_of_many(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<Enrolment>, StoreError> {
    tx.all_in(HOLD_OF_MANY, &[], people.iter().map(|person| (*person).into()).collect()).await
}

fn values(person: PersonId, enrolment: &Enrolment) -> Vec<Value> {
    args![
        enrolment.id,
        person,
        enrolment.org,
        enrolment.class,
        enrolment.student_no.clone(),
        enrolment.category.clone(),
        enrolment.state.as_str(),
        enrolment.source.as_str(),
        enrolment.valid_from,
        enrolment.valid_to,
        enrolment.created_at,
        enrolment.updated_at,
        enrolment.version,
        enrolment.began_by.map(StudentChange::as_str),
        enrolment.ended_by.map(StudentChange::as_str),
    ]
}

impl FromRow for Slice {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            enrolment: row.get("enrolment_id")?,
            class: row.get("class_id")?,
            student_no: row.get("student_no")?,
            state: row.code("state")?,
            source: row.code("source")?,
            began_by: row.optional_code("began_by")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
        })
    }
}

/// Writes a changed stay, whose version was counted up by one, and keeps how it was: until its end, or until today.
/// `false` when somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, on: &TaskOn, enrolment: &Enrolment) -> Result<bool, StoreError> {
    let day = enrolment.valid_to.unwrap_or_else(|| enrolment.updated_at.shanghai_date());
    update_on(tx, on, enrolment, day).await
}

/// The same, where the change is of a day that is not today.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update_on(tx: &mut Tx, on: &TaskOn, enrolment: &Enrolment, day: NaiveDate) -> Result<bool, StoreError> {
    keep(tx, on, enrolment, day).await?;
    let values = args![
        enrolment.id,
        on.person(),
        enrolment.class,
        enrolment.student_no.clone(),
        enrolment.category.clone(),
        enrolment.state.as_str(),
        enrolment.valid_to,
        enrolment.updated_at,
        enrolment.version,
        enrolment.began_by.map(StudentChange::as_str),
        enrolment.ended_by.map(StudentChange::as_str),
    ];
    tx.execute_one(UPDATE, values).await
}

/// Writes a seat of 借读 that became the 学籍 of a person who has none any more, and keeps how it was until today. `false`
/// when somebody else changed it meanwhile.
///
/// # Errors
/// A unique key when she has a 学籍.
pub async fn raise(tx: &mut Tx, on: &TaskOn, raised: &Enrolment) -> Result<bool, StoreError> {
    keep(tx, on, raised, raised.updated_at.shanghai_date()).await?;
    let values = args![
        raised.id,
        on.person(),
        raised.class,
        raised.student_no.clone(),
        raised.updated_at,
        raised.version,
        raised.began_by.map(StudentChange::as_str),
    ];
    tx.execute_one(RAISE, values).await
}

/// Keeps how a stay was until a day, before a merge changes it.
///
/// # Errors
/// As [`StoreError`] says.
pub(super) async fn keep_before(tx: &mut Tx, stay: Uuid, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(KEEP_BEFORE, args![stay, now.shanghai_date(), now]).await.map(drop)
}

/// How a stay began that a merge cut in two.
struct Cut(NaiveDate, Option<StudentChange>);

impl FromRow for Cut {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("valid_from")?, row.optional_code("began_by")?))
    }
}

/// Joins again what a merge cut, when it was undone and the stay's source was given back: of a stay that changed since, the first
/// change's past reaches back to before the merge.
///
/// # Errors
/// As [`StoreError`] says.
pub(super) async fn rejoin(
    tx: &mut Tx,
    enrolment: Uuid,
    merged_at: Timestamp,
    (before, after): (&str, &str),
) -> Result<(), StoreError> {
    let day = merged_at.shanghai_date();
    tx.execute(WAS_THROUGHOUT, args![enrolment, before, after, day]).await?;
    let cut: Option<Cut> = tx.optional(KEPT_BEFORE, args![enrolment, day, merged_at]).await?;
    if let Some(Cut(from, began_by)) = cut {
        tx.execute(JOIN_ON, args![enrolment, day, from, began_by.map(StudentChange::as_str)]).await?;
    }
    Ok(())
}

struct Moment(Timestamp);

impl FromRow for Moment {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("at")?))
    }
}

/// Takes a stay that goes on out of a class that is over since some moment, and keeps that she sat there until it was. Whoever was
/// suspended while her class graduated sat there before, and sits there again.
///
/// # Errors
/// As [`StoreError`] says.
pub(super) async fn leave_closed_class(
    tx: &mut Tx,
    stay: Uuid,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(Moment(over)) = tx.optional(CLASS_OVER, args![stay, since]).await? else { return Ok(()) };
    let day = over.shanghai_date();
    tx.execute(KEEP_BEFORE, args![stay, day, now]).await?;
    tx.execute(LEAVE_CLASS, args![stay, day]).await.map(drop)
}

/// Keeps how a stay was before a change whose version was counted up.
async fn keep(tx: &mut Tx, on: &TaskOn, changed: &Enrolment, day: NaiveDate) -> Result<(), StoreError> {
    row_states::changing(tx, RowKind::Enrolment, &[changed.id.0]).await?;
    let values = args![
        changed.id,
        on.person(),
        changed.version,
        changed.class,
        changed.student_no.clone(),
        changed.state.as_str(),
        day,
        changed.updated_at,
        changed.source.as_str(),
    ];
    tx.execute(KEEP, values).await.map(drop)
}

/// All stays of a person, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<Enrolment>, StoreError> {
    tx.all(OF_PERSON, args![proof.person()]).await
}

/// How the stays of a person were before, the oldest of each first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn slices(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<Slice>, StoreError> {
    tx.all(SLICES, args![proof.person()]).await
}

/// The open stays in a class inside an administrator's subtrees, by 学号.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_class_in(tx: &mut Tx, scope: &Subtree, class: ClassId) -> Result<Vec<Enrolment>, StoreError> {
    for root in scope.roots() {
        let found = tx.all(OF_CLASS_IN, args![class, root]).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

struct Raised(EnrolmentId, Timestamp);

impl FromRow for Raised {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?, row.get("at")?))
    }
}

/// Of stays that hold a 学籍 and were a seat of 借读 before: when each became it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn raised_at(
    tx: &mut Tx,
    _task: &Task,
    stays: &[EnrolmentId],
) -> Result<Vec<(EnrolmentId, Timestamp)>, StoreError> {
    let found: Vec<Raised> = tx.all_in(RAISED, &[], stays.iter().map(|id| Value::from(*id)).collect()).await?;
    Ok(found.into_iter().map(|Raised(id, at)| (id, at)).collect())
}

/// The open stays of many people.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open_of_many(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<Enrolment>, StoreError> {
    tx.all_in(OPEN_OF_MANY, &[], people.iter().map(|id| Value::from(*id)).collect()).await
}
