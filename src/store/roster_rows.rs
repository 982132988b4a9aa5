//! Lists of who studies and works at an institution on a day, for whoever holds it.

use chrono::NaiveDate;
use uuid::Uuid;

use super::db::{FromRow, Row, Statement, StoreError, Tx, args, statements};
use crate::domain::access::Subtree;
use crate::domain::id::{ClassId, EnrolmentId, GuardianshipId, OrgId, PersonId, StaffingId};
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::staff::{StaffCategory, StaffPost, StaffState};
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::codes::subject::Subject;

/// Stays as they were on day $3, below root $2: the slice that covers the day, or the row as it is.
macro_rules! stays {
    ($rest:literal) => {
        concat!(
            "SELECT * FROM (SELECT e.id AS id, e.person_id AS person_id, p.name AS name, p.sex AS sex, p.birth_date AS birth_date, e.org_id AS org_id, e.valid_to AS valid_to,
                CASE WHEN s.enrolment_id IS NULL THEN e.source ELSE s.source END AS source,
                CASE WHEN s.enrolment_id IS NULL THEN e.class_id ELSE s.class_id END AS class_id,
                CASE WHEN s.enrolment_id IS NULL THEN e.student_no ELSE s.student_no END AS student_no,
                CASE WHEN s.enrolment_id IS NULL THEN e.state ELSE s.state END AS state
            FROM enrolment e JOIN person p ON p.id = e.person_id JOIN institution_closure c ON c.descendant_id = e.org_id AND c.ancestor_id = $2
            LEFT JOIN enrolment_slice s ON s.enrolment_id = e.id AND s.valid_from <= $3 AND s.valid_to > $3
            WHERE e.valid_from <= $3 AND (e.valid_to IS NULL OR e.valid_to > $3) AND e.id > $4",
            $rest,
            " ORDER BY id LIMIT $5"
        )
    };
}

statements! {
    STUDENTS = stays!(" AND e.org_id = $1) stay");
    OF_CLASS = stays!(" AND e.org_id = $1) stay WHERE class_id = $6");
    UNDER = stays!(" AND e.org_id IN (SELECT descendant_id FROM institution_closure WHERE ancestor_id = $1)) stay");
    KEPT_CHILDREN = "SELECT DISTINCT g.id AS id, g.child_id AS child_id, p.name AS name FROM enrolment e JOIN guardianship g ON g.child_id = e.person_id JOIN person p ON p.id = e.person_id
        JOIN institution_closure c ON c.descendant_id = e.org_id AND c.ancestor_id = $2
        WHERE e.org_id = $1 AND e.valid_from <= $3 AND (e.valid_to IS NULL OR e.valid_to > $3) AND g.id > $4 ORDER BY g.id LIMIT $5";
    LESSONS = "SELECT t.id AS id, t.class_id AS class_id, COALESCE((SELECT x.name FROM class_slice x WHERE x.class_id = k.id AND x.valid_to > $3 ORDER BY x.valid_to LIMIT 1), k.name) AS class, t.staffing_id AS staffing_id, s.person_id AS person_id, p.name AS name, t.subject AS subject, t.head_teacher AS head_teacher, t.valid_from AS valid_from, t.valid_to AS valid_to, s.valid_to AS post_to
        FROM teaching t JOIN class k ON k.id = t.class_id JOIN staffing s ON s.id = t.staffing_id JOIN person p ON p.id = s.person_id
        JOIN institution_closure c ON c.descendant_id = k.org_id AND c.ancestor_id = $2
        WHERE k.org_id = $1 AND t.valid_from <= $3 AND (t.valid_to IS NULL OR t.valid_to > $3) AND t.id > $4 ORDER BY t.id LIMIT $5";
    STAFF = "SELECT s.id AS id, s.person_id AS person_id, p.name AS name, p.sex AS sex, s.category AS category, s.post AS post, CASE WHEN k.staffing_id IS NULL THEN s.staff_no ELSE k.staff_no END AS staff_no, s.state AS state, s.valid_to AS valid_to
        FROM staffing s JOIN person p ON p.id = s.person_id JOIN institution_closure c ON c.descendant_id = s.org_id AND c.ancestor_id = $2
        LEFT JOIN staffing_slice k ON k.staffing_id = s.id AND k.valid_from <= $3 AND k.valid_to > $3
        WHERE s.org_id = $1 AND s.valid_from <= $3 AND (s.valid_to IS NULL OR s.valid_to > $3) AND s.id > $4 ORDER BY s.id LIMIT $5";
}

/// A student in a list.
pub struct StudentStay {
    /// The stay.
    pub id: EnrolmentId,
    /// Who.
    pub person: PersonId,
    /// Her name now.
    pub name: Option<String>,
    /// GB/T 2261.1.
    pub sex: Sex,
    /// Her birth date.
    pub born: Option<NaiveDate>,
    /// The school.
    pub org: OrgId,
    /// Her class on the day.
    pub class: Option<ClassId>,
    /// 学号.
    pub student_no: Option<String>,
    /// XSDQZT on the day.
    pub state: StudentState,
    /// Whether her 学籍 is there.
    pub source: StudentSource,
    /// When the stay ended.
    pub valid_to: Option<NaiveDate>,
}

impl FromRow for StudentStay {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            name: row.get("name")?,
            sex: row.code("sex")?,
            born: row.get("birth_date")?,
            org: row.get("org_id")?,
            class: row.get("class_id")?,
            student_no: row.get("student_no")?,
            state: row.code("state")?,
            source: row.code("source")?,
            valid_to: row.get("valid_to")?,
        })
    }
}

/// A student and one of the relations of which she is the child.
pub struct KeptChild {
    /// The relation.
    pub guardianship: GuardianshipId,
    /// The student.
    pub child: PersonId,
    /// Her name.
    pub name: Option<String>,
}

impl FromRow for KeptChild {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { guardianship: row.get("id")?, child: row.get("child_id")?, name: row.get("name")? })
    }
}

/// A member of staff in a list.
pub struct StaffPlace {
    /// The post.
    pub id: StaffingId,
    /// Who.
    pub person: PersonId,
    /// Her name.
    pub name: Option<String>,
    /// GB/T 2261.1.
    pub sex: Sex,
    /// 教职工类别.
    pub category: StaffCategory,
    /// GWZY.
    pub post: StaffPost,
    /// 工号.
    pub staff_no: Option<String>,
    /// JZGDQZT.
    pub state: StaffState,
    /// When the post ended.
    pub valid_to: Option<NaiveDate>,
}

impl FromRow for StaffPlace {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            name: row.get("name")?,
            sex: row.code("sex")?,
            category: row.code("category")?,
            post: row.code("post")?,
            staff_no: row.get("staff_no")?,
            state: row.code("state")?,
            valid_to: row.get("valid_to")?,
        })
    }
}

/// What somebody teaches in a class.
pub struct Lesson {
    /// The row.
    pub id: Uuid,
    /// The class.
    pub class: ClassId,
    /// Its name.
    pub class_name: String,
    /// The post under which it is taught.
    pub staffing: StaffingId,
    /// Who.
    pub person: PersonId,
    /// Her name.
    pub name: Option<String>,
    /// ZXXKC and extensions; none of a head teacher alone.
    pub subject: Option<Subject>,
    /// 班主任.
    pub head_teacher: bool,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it was no longer taught.
    pub valid_to: Option<NaiveDate>,
    /// When the post ended.
    pub post_to: Option<NaiveDate>,
}

impl FromRow for Lesson {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let subject = row.get::<String>("subject")?;
        Ok(Self {
            id: row.get("id")?,
            class: row.get("class_id")?,
            class_name: row.get("class")?,
            staffing: row.get("staffing_id")?,
            person: row.get("person_id")?,
            name: row.get("name")?,
            subject: if subject.is_empty() { None } else { Some(row.code("subject")?) },
            head_teacher: row.get("head_teacher")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
            post_to: row.get("post_to")?,
        })
    }
}

/// Which rows of a list.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// On which day.
    pub day: NaiveDate,
    /// Behind this row; the nil id for the beginning.
    pub after: Uuid,
    /// At most so many.
    pub limit: usize,
}

impl Span {
    fn most(self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX)
    }
}

/// The rows of the first subtree that holds the institution: those of the others would be the same.
async fn first_found<T: FromRow>(
    tx: &mut Tx,
    statement: Statement,
    scope: &Subtree,
    org: OrgId,
    span: Span,
) -> Result<Vec<T>, StoreError> {
    for root in scope.roots() {
        let found = tx.all(statement, args![org, root, span.day, span.after, span.most()]).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Who studied at an institution inside an administrator's subtrees.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn students(tx: &mut Tx, scope: &Subtree, org: OrgId, span: Span) -> Result<Vec<StudentStay>, StoreError> {
    first_found(tx, STUDENTS, scope, org, span).await
}

/// The same in one class.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_class(
    tx: &mut Tx,
    scope: &Subtree,
    (org, class): (OrgId, ClassId),
    span: Span,
) -> Result<Vec<StudentStay>, StoreError> {
    for root in scope.roots() {
        let found = tx.all(OF_CLASS, args![org, root, span.day, span.after, span.most(), class]).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// The same at an institution and everything under it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn under(tx: &mut Tx, scope: &Subtree, org: OrgId, span: Span) -> Result<Vec<StudentStay>, StoreError> {
    let mut most = Vec::new();
    for root in scope.roots() {
        let found: Vec<StudentStay> = tx.all(UNDER, args![org, root, span.day, span.after, span.most()]).await?;
        if found.len() > most.len() {
            most = found;
        }
    }
    Ok(most)
}

/// Relations of who studies at an institution inside an administrator's subtrees, whoever says so.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn kept_children(tx: &mut Tx, scope: &Subtree, org: OrgId, span: Span) -> Result<Vec<KeptChild>, StoreError> {
    first_found(tx, KEPT_CHILDREN, scope, org, span).await
}

/// Who worked at an institution inside an administrator's subtrees.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn staff(tx: &mut Tx, scope: &Subtree, org: OrgId, span: Span) -> Result<Vec<StaffPlace>, StoreError> {
    first_found(tx, STAFF, scope, org, span).await
}

/// Who taught what in the classes of an institution inside an administrator's subtrees.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn lessons(tx: &mut Tx, scope: &Subtree, org: OrgId, span: Span) -> Result<Vec<Lesson>, StoreError> {
    first_found(tx, LESSONS, scope, org, span).await
}
