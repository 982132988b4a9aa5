//! Turns of the school year: what is through, what a turn changed, and the way back. Many rows in each statement, because a
//! county turns in one evening.

use chrono::NaiveDate;
use uuid::Uuid;

use super::db::{FromRow, Row, Statement, StoreError, Tx, Value, args, statements};
use super::row_states;
use crate::domain::access::Task;
use crate::domain::id::{ClassId, EnrolmentId, OrgId, PersonId, TurnId};
use crate::domain::registry::class::Class;
use crate::domain::registry::codes::student_change::StudentChange;
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::school_year::Turn;
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO school_year_turn (id, org_id, year, state, started_at, undo_until, ended_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (org_id, year) WHERE state <> 'undone' DO NOTHING";
    FIND = "SELECT * FROM school_year_turn WHERE org_id = $1 AND year = $2 AND state <> 'undone'";
    UNDONE_SINCE = "SELECT * FROM school_year_turn WHERE org_id = $1 AND year = $2 AND state = 'undone' AND ended_at >= $3 ORDER BY ended_at DESC LIMIT 1";
    UPDATE = "UPDATE school_year_turn SET state = $2, ended_at = $3, version = $4 WHERE id = $1 AND version = $4 - 1";
    GRADUATING = "SELECT k.* FROM institution_closure c JOIN class k ON k.org_id = c.descendant_id
        WHERE c.ancestor_id = $1 AND k.kind = 'administrative' AND k.status = 'open' AND k.entry_year + k.schooling_years <= $2 ORDER BY k.org_id, k.id";
    SEATED = "SELECT e.state AS state, COUNT(*) AS n FROM enrolment e WHERE e.valid_to IS NULL AND e.class_id IN ($1) GROUP BY e.state";
    TAUGHT = "SELECT 'teaching' AS state, COUNT(*) AS n FROM teaching WHERE valid_to IS NULL AND class_id IN ($1)";
    BEGAN = "SELECT enrolment_id, MAX(valid_to) AS day FROM enrolment_slice WHERE enrolment_id IN ($1) GROUP BY enrolment_id";
    KEEP = "INSERT INTO enrolment_slice (enrolment_id, class_id, student_no, state, source, began_by, valid_from, valid_to, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (enrolment_id, valid_from) DO NOTHING";
    END_STAYS = "UPDATE enrolment SET state = $1, valid_to = $2, updated_at = $3, version = version + 1 WHERE valid_to IS NULL AND id IN ($4) RETURNING id";
    END_GRANTS = "UPDATE oidc_grant SET revoked_at = $1, revoke_reason = $2 WHERE revoked_at IS NULL AND id IN (
        SELECT g.id FROM enrolment e JOIN oidc_grant g ON g.person_id = e.person_id AND g.identity_id = e.id WHERE e.id IN ($3)) RETURNING id";
    GRADUATE_CLASS = "UPDATE class SET status = 'graduated', updated_at = $2, version = $3 + 1 WHERE id = $1 AND status = 'open' AND version = $3";
    END_TEACHING = "UPDATE teaching SET valid_to = CASE WHEN valid_from > $2 THEN valid_from ELSE $2 END WHERE class_id = $1 AND valid_to IS NULL RETURNING id, valid_to";
    NOTE = "INSERT INTO school_year_turn_row (turn_id, place, row_id, before, after) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (turn_id, place, row_id) DO UPDATE SET before = excluded.before, after = excluded.after, outcome = NULL";
    TOLD = "SELECT CASE WHEN before = 'unopened' THEN 'opened' ELSE place END AS place, COALESCE(outcome, 'waiting') AS state, COUNT(*) AS n
        FROM school_year_turn_row WHERE turn_id = $1 GROUP BY CASE WHEN before = 'unopened' THEN 'opened' ELSE place END, COALESCE(outcome, 'waiting')";
    // Classes that graduated in this turn, whose place in the new year nobody has taken: a class there that is closed was closed
    // by the undo of a turn, and not by hand.
    SUCCEEDED = "SELECT k.* FROM school_year_turn_row r JOIN class k ON k.id = r.row_id WHERE r.turn_id = $1 AND r.place = 'class' AND r.before = 'open'
        AND EXISTS (SELECT 1 FROM institution i WHERE i.id = k.org_id AND i.status NOT IN ('abolished', 'merged'))
        AND NOT EXISTS (SELECT 1 FROM class n WHERE n.org_id = k.org_id AND n.kind = k.kind AND n.stage = k.stage AND n.entry_year = $2 AND n.class_no = k.class_no
            AND (n.status <> 'closed' OR NOT EXISTS (SELECT 1 FROM school_year_turn_row c WHERE c.row_id = n.id AND c.place = 'class' AND c.before = 'unopened' AND c.outcome = 'restored' AND c.after = CAST(n.version - 1 AS TEXT)))) ORDER BY k.id LIMIT $3";
    UNSEATED = "SELECT k.id AS id FROM class k WHERE k.id IN ($1) AND NOT EXISTS (SELECT 1 FROM enrolment e WHERE e.class_id = k.id) AND NOT EXISTS (SELECT 1 FROM teaching t WHERE t.class_id = k.id)";
    CLOSE_CLASSES = "UPDATE class SET status = 'closed', updated_at = $1, version = version + 1 WHERE id IN ($2) RETURNING id";
    FORGET_SLICES = "DELETE FROM enrolment_slice WHERE enrolment_id IN ($1)
        AND EXISTS (SELECT 1 FROM enrolment e WHERE e.id = enrolment_slice.enrolment_id AND e.valid_to = enrolment_slice.valid_to AND e.updated_at = enrolment_slice.created_at)
        RETURNING enrolment_id AS id";
    REOPEN_STAYS = "UPDATE enrolment SET state = $1, valid_to = NULL, updated_at = $2, version = version + 1 WHERE id IN ($3) RETURNING id";
    REOPEN_CLASSES = "UPDATE class SET status = 'open', updated_at = $1, version = version + 1 WHERE id IN ($2) RETURNING id";
    REOPEN_TEACHING = "UPDATE teaching SET valid_to = NULL WHERE id IN ($1) RETURNING id";
    SETTLE = "UPDATE school_year_turn_row SET outcome = $1 WHERE turn_id = $2 AND place = $3 AND row_id IN ($4) RETURNING row_id AS id";
    // Whoever works on a turn works alone.
    @hold HOLD = "SELECT * FROM school_year_turn WHERE org_id = $1 AND year = $2 AND state <> 'undone'";
    @hold STUDENTS = "SELECT * FROM enrolment WHERE class_id = $1 AND valid_to IS NULL AND state IN ('01', '05', '99') ORDER BY id LIMIT $2";
    // Changed since is what has another version, whose student has a 学籍 again or sits there again or is no more, or whose school
    // is closed. That she sits elsewhere, or has her 学籍 where she did not sit, is how it was.
    @hold STAYS_BACK = "SELECT r.row_id AS id, e.person_id AS person_id, r.before AS before, CASE WHEN CAST(e.version AS TEXT) = r.after
            AND NOT EXISTS (SELECT 1 FROM enrolment o WHERE o.person_id = e.person_id AND o.valid_to IS NULL AND (o.org_id = e.org_id OR (o.source = 'normal' AND (e.source = 'normal' OR o.created_at > e.updated_at))))
            AND EXISTS (SELECT 1 FROM institution i WHERE i.id = e.org_id AND i.status NOT IN ('abolished', 'merged'))
            AND EXISTS (SELECT 1 FROM person p WHERE p.id = e.person_id AND p.status NOT IN ('deceased', 'cancelled') AND p.salt IS NOT NULL) THEN TRUE ELSE FALSE END AS fits
        FROM school_year_turn_row r JOIN enrolment e ON e.id = r.row_id WHERE r.turn_id = $1 AND r.place = 'enrolment' AND r.outcome IS NULL ORDER BY r.row_id LIMIT $2";
    @hold CLASSES_BACK = "SELECT r.row_id AS id, NULL AS person_id, r.before AS before, CASE WHEN CAST(k.version AS TEXT) = r.after
            AND EXISTS (SELECT 1 FROM institution i WHERE i.id = k.org_id AND i.status NOT IN ('abolished', 'merged')) THEN TRUE ELSE FALSE END AS fits
        FROM school_year_turn_row r JOIN class k ON k.id = r.row_id WHERE r.turn_id = $1 AND r.place = 'class' AND r.outcome IS NULL ORDER BY r.row_id LIMIT $2";
    @hold TEACHING_BACK = "SELECT r.row_id AS id, NULL AS person_id, r.before AS before, CASE WHEN t.valid_to = r.after AND s.valid_to IS NULL
            AND NOT EXISTS (SELECT 1 FROM teaching o WHERE o.staffing_id = t.staffing_id AND o.class_id = t.class_id AND o.subject = t.subject AND o.valid_to IS NULL) THEN TRUE ELSE FALSE END AS fits
        FROM school_year_turn_row r JOIN teaching t ON t.id = r.row_id JOIN staffing s ON s.id = t.staffing_id WHERE r.turn_id = $1 AND r.place = 'teaching' AND r.outcome IS NULL ORDER BY r.row_id LIMIT $2";
    // Whoever changes one of them holds her before her stays.
    @share PEOPLE_BACK = "SELECT p.id AS id FROM person p WHERE p.id IN (SELECT e.person_id FROM school_year_turn_row r JOIN enrolment e ON e.id = r.row_id
        WHERE r.turn_id = $1 AND r.place = 'enrolment' AND r.outcome IS NULL ORDER BY r.row_id LIMIT $2) ORDER BY p.id";
    // Nobody closes one of them before its people and classes are there again.
    @share SCHOOLS_BACK = "SELECT i.id AS id FROM institution i WHERE i.id IN (SELECT e.org_id FROM school_year_turn_row r JOIN enrolment e ON e.id = r.row_id
        WHERE r.turn_id = $1 AND r.place = 'enrolment' AND r.outcome IS NULL ORDER BY r.row_id LIMIT $2) ORDER BY i.id";
    @share SCHOOLS_OF_CLASSES_BACK = "SELECT i.id AS id FROM institution i WHERE i.id IN (SELECT k.org_id FROM school_year_turn_row r JOIN class k ON k.id = r.row_id
        WHERE r.turn_id = $1 AND r.place = 'class' AND r.outcome IS NULL ORDER BY r.row_id LIMIT $2) ORDER BY i.id";
}

impl FromRow for Turn {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            org: row.get("org_id")?,
            year: i32::try_from(row.get::<i64>("year")?).map_err(|e| StoreError::Refused(e.to_string()))?,
            state: row.code("state")?,
            started_at: row.get("started_at")?,
            undo_until: row.get("undo_until")?,
            ended_at: row.get("ended_at")?,
            version: row.get("version")?,
        })
    }
}

/// Where the rows of a turn are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Stays that ended.
    Stays,
    /// Classes that graduated.
    Classes,
    /// Teaching that ended with them.
    Teaching,
}

impl Place {
    const fn kind(self) -> RowKind {
        match self {
            Self::Stays => RowKind::Enrolment,
            Self::Classes => RowKind::Class,
            Self::Teaching => RowKind::Teaching,
        }
    }

    const fn as_str(self) -> &'static str {
        self.kind().as_str()
    }
}

/// So many of what.
pub struct Counted {
    /// Table, or state of a student.
    pub what: String,
    /// `waiting`, `restored` or `changed`; a student's state again where it is one.
    pub state: String,
    /// How many.
    pub n: i64,
}

impl FromRow for Counted {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let state: String = row.get("state")?;
        let what = row.get("place").unwrap_or_else(|_| state.clone());
        Ok(Self { what, state, n: row.get("n")? })
    }
}

/// What a turn changed, on its way back.
pub struct Back {
    /// The row.
    pub id: Uuid,
    /// Whose, where it is a stay.
    pub person: Option<PersonId>,
    /// The state that it had.
    pub before: String,
    /// Whether nobody changed it since.
    pub fits: bool,
}

impl FromRow for Back {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            before: row.get("before")?,
            fits: row.get("fits")?,
        })
    }
}

struct Touched;

impl FromRow for Touched {
    fn from_row(_: &Row) -> Result<Self, StoreError> {
        Ok(Self)
    }
}

struct Dated(Uuid, NaiveDate);

/// Adds a turn, unless the institution has one of this year.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, _task: &Task, turn: &Turn) -> Result<bool, StoreError> {
    let values = args![
        turn.id,
        turn.org,
        i64::from(turn.year),
        turn.state.as_str(),
        turn.started_at,
        turn.undo_until,
        turn.ended_at,
        turn.version
    ];
    tx.execute_one(INSERT, values).await
}

/// The turn of an institution's year that was not undone.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, org: OrgId, year: i32) -> Result<Option<Turn>, StoreError> {
    tx.optional(FIND, args![org, i64::from(year)]).await
}

/// The turn of an institution and year that was not undone, held until the transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold(tx: &mut Tx, _task: &Task, org: OrgId, year: i32) -> Result<Option<Turn>, StoreError> {
    tx.optional(HOLD, args![org, i64::from(year)]).await
}

/// The turn of an institution and year that was undone last, since a moment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn undone_since(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    year: i32,
    since: Timestamp,
) -> Result<Option<Turn>, StoreError> {
    tx.optional(UNDONE_SINCE, args![org, i64::from(year), since]).await
}

/// Writes a changed turn, whose version was counted up by one. `false` when somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, _task: &Task, turn: &Turn) -> Result<bool, StoreError> {
    tx.execute_one(UPDATE, args![turn.id, turn.state.as_str(), turn.ended_at, turn.version]).await
}

/// The open classes under an institution that are through when a school year begins.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn graduating(tx: &mut Tx, _task: &Task, org: OrgId, year: i32) -> Result<Vec<Class>, StoreError> {
    tx.all(GRADUATING, args![org, i64::from(year)]).await
}

/// How many sit in some classes, by state.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn seated(tx: &mut Tx, _task: &Task, classes: &[ClassId]) -> Result<Vec<Counted>, StoreError> {
    tx.all_in(SEATED, &[], classes.iter().map(|class| Value::from(*class)).collect()).await
}

/// How much is taught in some classes.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn taught(tx: &mut Tx, _task: &Task, classes: &[ClassId]) -> Result<i64, StoreError> {
    let classes = classes.iter().map(|class| Value::from(*class)).collect();
    Ok(tx.all_in::<Counted>(TAUGHT, &[], classes).await?.iter().map(|row| row.n).sum())
}

/// Those in a class who graduate with it, held; who is suspended or abroad does not.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn students(tx: &mut Tx, _task: &Task, class: ClassId, limit: u32) -> Result<Vec<Enrolment>, StoreError> {
    tx.all(STUDENTS, args![class, limit]).await
}

/// The first day of what each of these stays is now, where it was something else before.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn began(
    tx: &mut Tx,
    _task: &Task,
    stays: &[Enrolment],
) -> Result<Vec<(EnrolmentId, NaiveDate)>, StoreError> {
    let found: Vec<Dated> = tx.all_in(BEGAN, &[], stays.iter().map(|stay| Value::from(stay.id)).collect()).await?;
    Ok(found.into_iter().map(|Dated(id, day)| (EnrolmentId(id), day)).collect())
}

impl FromRow for Dated {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("enrolment_id").or_else(|_| row.get("id"))?, row.get("day").or_else(|_| row.get("valid_to"))?))
    }
}

/// Ends stays that were just read and held, in one state and on one day, and keeps how they were; what platforms held in
/// the name of these stays ends with them. `since`: the first day of what each is now.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_stays(
    tx: &mut Tx,
    _task: &Task,
    stays: &[(Enrolment, NaiveDate)],
    state: StudentState,
    day: NaiveDate,
    now: Timestamp,
) -> Result<(), StoreError> {
    row_states::unnamed(tx, RowKind::Enrolment, stays.iter().map(|(stay, _)| stay.id.0));
    let kept = stays.iter().filter(|(_, since)| *since < day).map(|(stay, since)| {
        let (state, source) = (stay.state.as_str(), stay.source.as_str());
        let began_by = stay.began_by.map(StudentChange::as_str);
        args![stay.id, stay.class, stay.student_no.clone(), state, source, began_by, *since, day, now]
    });
    tx.insert_many(KEEP, kept.collect()).await?;
    let ids = || stays.iter().map(|(stay, _)| Value::from(stay.id)).collect();
    let ended: Vec<Touched> = tx.all_in(END_STAYS, &[state.as_str().into(), day.into(), now.into()], ids()).await?;
    tx.all_in::<Touched>(END_GRANTS, &[now.into(), "graduated".into()], ids()).await?;
    if ended.len() == stays.len() { Ok(()) } else { Err(StoreError::Busy) }
}

/// Graduates a class. `false` when somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn graduate_class(tx: &mut Tx, _task: &Task, class: &Class, now: Timestamp) -> Result<bool, StoreError> {
    row_states::unnamed(tx, RowKind::Class, [class.id.0]);
    tx.execute_one(GRADUATE_CLASS, args![class.id, now, class.version]).await
}

/// Ends whatever is taught in a class; which, and on which day.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_teaching(
    tx: &mut Tx,
    _task: &Task,
    class: ClassId,
    day: NaiveDate,
) -> Result<Vec<(Uuid, NaiveDate)>, StoreError> {
    let ended: Vec<Dated> = tx.all(END_TEACHING, args![class, day]).await?;
    row_states::unnamed(tx, RowKind::Teaching, ended.iter().map(|one| one.0));
    Ok(ended.into_iter().map(|Dated(id, day)| (id, day)).collect())
}

/// Writes down what a turn changed: row, the state that it had, what it got.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn note(
    tx: &mut Tx,
    _task: &Task,
    turn: TurnId,
    place: Place,
    rows: Vec<(Uuid, &str, String)>,
) -> Result<(), StoreError> {
    let rows = rows.into_iter().map(|(id, before, after)| args![turn, place.as_str(), id, before, after]);
    tx.insert_many(NOTE, rows.collect()).await.map(drop)
}

/// Classes that graduated in a turn and have no class of the new year in their place yet.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn succeeded(
    tx: &mut Tx,
    _task: &Task,
    turn: TurnId,
    year: i32,
    limit: u32,
) -> Result<Vec<Class>, StoreError> {
    tx.all(SUCCEEDED, args![turn, i64::from(year), limit]).await
}

/// Closes classes that a turn opened, where nobody ever sat or taught; which.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn close_unseated(
    tx: &mut Tx,
    _task: &Task,
    classes: &[Uuid],
    now: Timestamp,
) -> Result<Vec<Uuid>, StoreError> {
    struct Id(Uuid);
    impl FromRow for Id {
        fn from_row(row: &Row) -> Result<Self, StoreError> {
            Ok(Self(row.get("id")?))
        }
    }
    let keys = |ids: &[Uuid]| ids.iter().map(|id| Value::from(*id)).collect();
    let empty: Vec<Uuid> = tx.all_in::<Id>(UNSEATED, &[], keys(classes)).await?.into_iter().map(|Id(id)| id).collect();
    row_states::unnamed(tx, RowKind::Class, empty.iter().copied());
    tx.all_in::<Touched>(CLOSE_CLASSES, &[now.into()], keys(&empty)).await?;
    Ok(empty)
}

/// How much a turn changed, and what became of it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn told(tx: &mut Tx, _task: &Task, turn: TurnId) -> Result<Vec<Counted>, StoreError> {
    tx.all(TOLD, args![turn]).await
}

/// The next rows on their way back, held.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn back(tx: &mut Tx, _task: &Task, turn: TurnId, place: Place, limit: u32) -> Result<Vec<Back>, StoreError> {
    // In the one order of locks.
    let (first, statement): (&[Statement], Statement) = match place {
        Place::Stays => (&[PEOPLE_BACK, SCHOOLS_BACK], STAYS_BACK),
        Place::Classes => (&[SCHOOLS_OF_CLASSES_BACK], CLASSES_BACK),
        Place::Teaching => (&[], TEACHING_BACK),
    };
    for held in first {
        tx.all::<Touched>(*held, args![turn, limit]).await?;
    }
    tx.all(statement, args![turn, limit]).await
}

/// Opens rows again that were just read and held as fitting: stays in the state that they had.
///
/// # Errors
/// A unique key when the student was enrolled, or the class taught, at the same moment.
pub async fn reopen(
    tx: &mut Tx,
    _task: &Task,
    place: Place,
    state: &str,
    ids: &[Uuid],
    now: Timestamp,
) -> Result<(), StoreError> {
    row_states::unnamed(tx, place.kind(), ids.iter().copied());
    let keys = || ids.iter().map(|id| Value::from(*id)).collect();
    match place {
        Place::Stays => {
            tx.all_in::<Touched>(FORGET_SLICES, &[], keys()).await?;
            tx.all_in::<Touched>(REOPEN_STAYS, &[state.into(), now.into()], keys()).await
        }
        Place::Classes => tx.all_in::<Touched>(REOPEN_CLASSES, &[now.into()], keys()).await,
        Place::Teaching => tx.all_in::<Touched>(REOPEN_TEACHING, &[], keys()).await,
    }
    .map(drop)
}

/// Says what became of rows on their way back.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn settle(
    tx: &mut Tx,
    _task: &Task,
    turn: TurnId,
    place: Place,
    outcome: &str,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    let keys = ids.iter().map(|id| Value::from(*id)).collect();
    tx.all_in::<Touched>(SETTLE, &[outcome.into(), turn.into(), place.as_str().into()], keys).await.map(drop)
}
