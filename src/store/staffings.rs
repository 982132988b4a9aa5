//! Staffings 任职 and what they teach 任教.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::row_states;
use crate::domain::access::{OnePerson, Subtree, Task, TaskOn};
use crate::domain::id::{ClassId, PersonId, StaffingId};
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::staffing::{FormerNumber, Staffing, Teaching};
use crate::domain::row_state::RowKind;

statements! {
    INSERT = "INSERT INTO staffing (id, person_id, org_id, category, post, staff_no, state, valid_from, valid_to, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (person_id, org_id) WHERE valid_to IS NULL DO NOTHING";
    UPDATE = "UPDATE staffing SET category = $3, post = $4, staff_no = $5, state = $6, valid_to = $7, updated_at = $8, version = $9
        WHERE id = $1 AND person_id = $2 AND version = $9 - 1";
    // The number that it had until today, unless it was so for no day.
    KEEP = "INSERT INTO staffing_slice (staffing_id, staff_no, valid_from, valid_to, created_at)
        SELECT s.id, s.staff_no, COALESCE((SELECT MAX(k.valid_to) FROM staffing_slice k WHERE k.staffing_id = s.id), s.valid_from), $4, $5
        FROM staffing s WHERE s.id = $1 AND s.version = $2 - 1 AND s.staff_no IS DISTINCT FROM $3
          AND COALESCE((SELECT MAX(k.valid_to) FROM staffing_slice k WHERE k.staffing_id = s.id), s.valid_from) < $4
        ON CONFLICT (staffing_id, valid_to) DO NOTHING";
    FORMER_NUMBERS = "SELECT k.* FROM staffing_slice k JOIN staffing s ON s.id = k.staffing_id WHERE s.person_id = $1 ORDER BY k.staffing_id, k.valid_to";
    BY_NUMBER = "SELECT s.person_id AS id FROM staffing s JOIN institution_closure c ON c.descendant_id = s.org_id AND c.ancestor_id = $1 WHERE s.staff_no = $2 AND s.valid_to IS NULL
        UNION SELECT s.person_id AS id FROM staffing_slice k JOIN staffing s ON s.id = k.staffing_id JOIN institution_closure c ON c.descendant_id = s.org_id AND c.ancestor_id = $1
            WHERE k.staff_no = $2 AND s.valid_to IS NULL ORDER BY id LIMIT $3";
    OF_PERSON = "SELECT * FROM staffing WHERE person_id = $1 ORDER BY valid_from, id";
    TEACH = "INSERT INTO teaching (id, staffing_id, class_id, subject, head_teacher, valid_from, valid_to)
        SELECT $1, s.id, $4, $5, $6, $7, $8 FROM staffing s WHERE s.id = $2 AND s.person_id = $3 AND s.valid_to IS NULL
        ON CONFLICT (staffing_id, class_id, subject) WHERE valid_to IS NULL DO NOTHING";
    TAUGHT = "SELECT t.* FROM teaching t JOIN staffing s ON s.id = t.staffing_id WHERE s.person_id = $1 ORDER BY t.valid_from, t.id";
    END_LESSON = "UPDATE teaching SET valid_to = CASE WHEN valid_from > $2 THEN valid_from ELSE $2 END WHERE id = $1 AND valid_to IS NULL";
    HEADS = "SELECT t.*, s.person_id AS person_id FROM teaching t JOIN staffing s ON s.id = t.staffing_id WHERE t.class_id = $1 AND t.valid_to IS NULL AND t.head_teacher = TRUE ORDER BY t.id";
    HEADS_OF_MANY = "SELECT * FROM teaching WHERE valid_to IS NULL AND head_teacher = TRUE AND class_id IN ($1)";
    END_TEACHING = "UPDATE teaching SET valid_to = CASE WHEN valid_from > $3 THEN valid_from ELSE $3 END WHERE valid_to IS NULL AND staffing_id = (SELECT id FROM staffing WHERE id = $1 AND person_id = $2)";
    OPEN_UNDER = "SELECT id FROM teaching WHERE staffing_id = $1 AND valid_to IS NULL";
    OPEN_OF_MANY = "SELECT * FROM staffing WHERE valid_to IS NULL AND person_id IN ($1)";
    TAUGHT_IN_MANY = "SELECT * FROM teaching WHERE valid_to IS NULL AND staffing_id IN ($1)";
    // Whoever ends one of these posts waits, and so sees what is taught under it by then.
    @still STILL_HEADS = "SELECT held.id AS id FROM staffing held WHERE held.valid_to IS NULL
        AND held.id IN (SELECT t.staffing_id FROM teaching t WHERE t.class_id = $1 AND t.valid_to IS NULL AND t.head_teacher = TRUE UNION ALL SELECT s.id FROM staffing s WHERE s.id = $2) ORDER BY held.id";
    @still STILL_OPEN = "SELECT held.id AS id FROM staffing held WHERE held.valid_to IS NULL AND held.id IN ($1) ORDER BY held.id";
}

impl FromRow for Staffing {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            org: row.get("org_id")?,
            category: row.code("category")?,
            post: row.code("post")?,
            staff_no: row.get("staff_no")?,
            state: row.code("state")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

impl FromRow for Teaching {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let subject = row.get::<String>("subject")?;
        let subject = if subject.is_empty() { None } else { Some(row.code("subject")?) };
        Ok(Self {
            id: row.get("id")?,
            staffing: row.get("staffing_id")?,
            class: row.get("class_id")?,
            subject,
            head_teacher: row.get("head_teacher")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
        })
    }
}

/// Adds a post of the person; `false` when she has an open one there.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on: &TaskOn, staffing: &Staffing) -> Result<bool, StoreError> {
    row_states::made(tx, RowKind::Staffing, &[staffing.id.0]);
    tx.execute_one(INSERT, values(on.person(), staffing)).await
}

/// Adds many posts; how many. Who has a current one there stays out.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, all: &[Staffing]) -> Result<u64, StoreError> {
    row_states::made(tx, RowKind::Staffing, &all.iter().map(|one| one.id.0).collect::<Vec<_>>());
    tx.insert_many(INSERT, all.iter().map(|one| values(one.person, one)).collect()).await
}

fn values(person: PersonId, staffing: &Staffing) -> Vec<Value> {
    args![
        staffing.id,
        person,
        staffing.org,
        staffing.category.as_str(),
        staffing.post.as_str(),
        staffing.staff_no.clone(),
        staffing.state.as_str(),
        staffing.valid_from,
        staffing.valid_to,
        staffing.created_at,
        staffing.updated_at,
        staffing.version,
    ]
}

/// Writes a changed post, whose version was counted up by one; its number until now is kept. `false` when somebody else changed it
/// meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, on: &TaskOn, staffing: &Staffing) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Staffing, &[staffing.id.0]).await?;
    let today = staffing.updated_at.shanghai_date();
    let kept = args![staffing.id, staffing.version, staffing.staff_no.clone(), today, staffing.updated_at];
    tx.execute(KEEP, kept).await?;
    let values = args![
        staffing.id,
        on.person(),
        staffing.category.as_str(),
        staffing.post.as_str(),
        staffing.staff_no.clone(),
        staffing.state.as_str(),
        staffing.valid_to,
        staffing.updated_at,
        staffing.version,
    ];
    tx.execute_one(UPDATE, values).await
}

/// All posts of a person, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<Staffing>, StoreError> {
    tx.all(OF_PERSON, args![proof.person()]).await
}

impl FromRow for FormerNumber {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { staffing: row.get("staffing_id")?, staff_no: row.get("staff_no")?, until: row.get("valid_to")? })
    }
}

/// The numbers that posts of a person had before, the oldest of each first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn former_numbers(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<FormerNumber>, StoreError> {
    tx.all(FORMER_NUMBERS, args![proof.person()]).await
}

struct Numbered(PersonId);

impl FromRow for Numbered {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// Who has or had a number in a post that she holds inside an administrator's subtrees; at most `limit` of each.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_number(tx: &mut Tx, scope: &Subtree, number: &str, limit: u32) -> Result<Vec<PersonId>, StoreError> {
    let mut found = BTreeSet::new();
    for root in scope.roots() {
        let here: Vec<Numbered> = tx.all(BY_NUMBER, args![root, number, limit]).await?;
        found.extend(here.into_iter().map(|Numbered(person)| person));
    }
    Ok(found.into_iter().collect())
}

/// Adds a class that the person teaches under one of her posts; `false` when it is there, or the post is not hers or over.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn teach(tx: &mut Tx, on: &TaskOn, teaching: &Teaching) -> Result<bool, StoreError> {
    row_states::made(tx, RowKind::Teaching, &[teaching.id]);
    let values = args![
        teaching.id,
        teaching.staffing,
        on.person(),
        teaching.class,
        teaching.subject.map_or("", Subject::as_str),
        teaching.head_teacher,
        teaching.valid_from,
        teaching.valid_to,
    ];
    tx.execute_one(TEACH, values).await
}

/// Everything a person teaches or taught.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn taught(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<Teaching>, StoreError> {
    tx.all(TAUGHT, args![proof.person()]).await
}

/// Ends all teaching under a post of the person; how many ended.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_teaching(tx: &mut Tx, on: &TaskOn, staffing: StaffingId, day: NaiveDate) -> Result<u64, StoreError> {
    row_states::changing_found(tx, RowKind::Teaching, OPEN_UNDER, args![staffing]).await?;
    tx.execute(END_TEACHING, args![staffing, on.person(), day]).await
}

/// Ends one lesson; `false` when it ended before.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_lesson(tx: &mut Tx, _task: &Task, lesson: Uuid, day: NaiveDate) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Teaching, &[lesson]).await?;
    tx.execute_one(END_LESSON, args![lesson, day]).await
}

struct Held(StaffingId);

impl FromRow for Held {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// Keeps the posts under which a class has its head teachers from ending until the transaction does, and a post besides: whether that
/// one is open. All of them in one order: of two who take over each other's class neither waits for both.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn still_heads(tx: &mut Tx, _task: &Task, class: ClassId, besides: StaffingId) -> Result<bool, StoreError> {
    let held: Vec<Held> = tx.all(STILL_HEADS, args![class, besides]).await?;
    Ok(held.iter().any(|post| post.0 == besides))
}

/// Whether all these posts are open, and stay so until the transaction ends: whoever ends one waits, and ends what was taught under it
/// by then.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn still_open(tx: &mut Tx, _task: &Task, posts: &BTreeSet<StaffingId>) -> Result<bool, StoreError> {
    let held: Vec<Held> = tx.all_in(STILL_OPEN, &[], posts.iter().map(|id| Value::from(*id)).collect()).await?;
    Ok(held.len() == posts.len())
}

struct Head(PersonId, Teaching);

impl FromRow for Head {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("person_id")?, Teaching::from_row(row)?))
    }
}

/// Whoever is the head teacher of a class today.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn heads(tx: &mut Tx, _task: &Task, class: ClassId) -> Result<Vec<(PersonId, Teaching)>, StoreError> {
    let found: Vec<Head> = tx.all(HEADS, args![class]).await?;
    Ok(found.into_iter().map(|Head(person, lesson)| (person, lesson)).collect())
}

/// What the head teachers of many classes teach there today.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn heads_of_many(tx: &mut Tx, _task: &Task, classes: &[ClassId]) -> Result<Vec<Teaching>, StoreError> {
    tx.all_in(HEADS_OF_MANY, &[], classes.iter().map(|id| Value::from(*id)).collect()).await
}

/// The open posts of many people.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open_of_many(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<Staffing>, StoreError> {
    tx.all_in(OPEN_OF_MANY, &[], people.iter().map(|id| Value::from(*id)).collect()).await
}

/// What is taught today in many posts.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn taught_in_many(tx: &mut Tx, _task: &Task, posts: &[StaffingId]) -> Result<Vec<Teaching>, StoreError> {
    tx.all_in(TAUGHT_IN_MANY, &[], posts.iter().map(|id| Value::from(*id)).collect()).await
}
