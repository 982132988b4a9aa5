//! Who waits for a slip: people with an account that nobody activated yet, and where they belong.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::Task;
use crate::domain::id::{AccountId, ClassId, OrgId};
use crate::domain::registry::age;
use crate::domain::registry::codes::stage::Stage;
use crate::domain::time::Timestamp;

/// What a person is, or may do, outside an institution: a post, a stay, a grant, a ward who is a minor. Her slips are worth
/// all of that, so they must not pass through hands that hold only a part of her (ruling R1). `$within` selects what stands
/// at or below the institution; then today, the first birth date of a minor, and now.
macro_rules! beyond {
    ($within:literal, $today:literal, $minor:literal, $now:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM staffing x WHERE x.person_id = p.id AND (x.valid_to IS NULL OR x.valid_to > ", $today, ") AND x.org_id NOT IN (", $within, "))
            OR EXISTS (SELECT 1 FROM enrolment x WHERE x.person_id = p.id AND (x.valid_to IS NULL OR x.valid_to > ", $today, ") AND x.org_id NOT IN (", $within, "))
            OR EXISTS (SELECT 1 FROM admin_grant x WHERE x.person_id = p.id AND x.revoked_at IS NULL AND (x.valid_to IS NULL OR x.valid_to > ", $now, ") AND x.org_id NOT IN (", $within, "))
            OR EXISTS (SELECT 1 FROM guardianship w JOIN person m ON m.id = w.child_id JOIN enrolment x ON x.person_id = w.child_id
                WHERE w.guardian_id = p.id AND w.status = 'confirmed' AND (m.birth_date IS NULL OR m.birth_date >= ", $minor, ") AND (x.valid_to IS NULL OR x.valid_to > ", $today, ")
                AND x.org_id NOT IN (", $within, "))"
        )
    };
    () => {
        beyond!("SELECT descendant_id FROM institution_closure WHERE ancestor_id = $1", "$2", "$3", "$4")
    };
}

statements! {
    STUDENTS = concat!("SELECT a.id AS account_id, a.user_name AS user_name, p.name AS name, p.birth_date AS birth_date, o.id AS org_id, o.name AS org_name,
            k.id AS class_id, k.name AS class_name, k.stage AS stage, k.entry_year AS entry_year, k.schooling_years AS schooling_years, (", beyond!(), ") AS beyond
        FROM institution_closure c JOIN institution o ON o.id = c.descendant_id JOIN enrolment e ON e.org_id = o.id JOIN account a ON a.person_id = e.person_id
        JOIN person p ON p.id = e.person_id LEFT JOIN class k ON k.id = e.class_id
        WHERE c.ancestor_id = $1 AND e.valid_to IS NULL AND a.state = 'inactive' AND p.status = 'active' ORDER BY e.student_no NULLS LAST, p.name_key, a.id");
    STAFF = concat!("SELECT a.id AS account_id, a.user_name AS user_name, p.name AS name, p.birth_date AS birth_date, o.id AS org_id, o.name AS org_name, (", beyond!(), ") AS beyond
        FROM institution_closure c JOIN institution o ON o.id = c.descendant_id JOIN staffing s ON s.org_id = o.id JOIN account a ON a.person_id = s.person_id
        JOIN person p ON p.id = s.person_id
        WHERE c.ancestor_id = $1 AND s.valid_to IS NULL AND a.state = 'inactive' AND p.status = 'active' ORDER BY s.staff_no NULLS LAST, p.name_key, a.id");
    // One who waits for confirmation gets her slip only where she was recorded, whom a court keeps away gets none, nor does
    // a minor: the slip names the child's school and class (ruling R1). Whom an administrator named although others hold
    // her gets none in that child's class, at no level, until somebody decided: it would go to the school that may be
    // lying. Such a claim is made as decided, in the moment it is made and by nobody; a later decision of the operator is
    // by nobody too.
    GUARDIANS = concat!("SELECT a.id AS account_id, a.user_name AS user_name, p.name AS name, p.birth_date AS birth_date, o.id AS org_id, o.name AS org_name,
            k.id AS class_id, k.name AS class_name, k.stage AS stage, k.entry_year AS entry_year, k.schooling_years AS schooling_years, ch.name AS child_name, (", beyond!(), "
            OR EXISTS (SELECT 1 FROM relation_claim r WHERE r.kind = 'guardian' AND r.child_id = g.child_id AND r.person_id = g.guardian_id AND r.org_id = g.recorded_org_id
                AND r.claimed_by IS NOT NULL AND r.decided_by IS NULL AND (r.decided_at IS NULL OR r.decided_at = r.created_at))) AS beyond
        FROM institution_closure c JOIN institution o ON o.id = c.descendant_id JOIN enrolment e ON e.org_id = o.id JOIN guardianship g ON g.child_id = e.person_id
        JOIN account a ON a.person_id = g.guardian_id JOIN person p ON p.id = g.guardian_id JOIN person ch ON ch.id = g.child_id LEFT JOIN class k ON k.id = e.class_id
        WHERE c.ancestor_id = $1 AND e.valid_to IS NULL AND (g.status = 'confirmed' OR g.status = 'pending' AND g.recorded_org_id = e.org_id)
            AND CAST(g.restrictions AS TEXT) = '[]' AND a.state = 'inactive' AND p.status = 'active' AND ch.status = 'active'
            AND (p.birth_date < $3 OR p.birth_date IS NULL AND NOT EXISTS (SELECT 1 FROM enrolment x WHERE x.person_id = p.id))
        ORDER BY e.student_no NULLS LAST, ch.name_key, g.child_id, g.rank, a.id");
    // A list is widened behind values that stand in it once.
    OUTGROWN = concat!("WITH within AS (SELECT descendant_id AS id FROM institution_closure WHERE ancestor_id = $1),
            asked AS (SELECT CAST($2 AS TEXT) AS today, CAST($3 AS TEXT) AS minor, CAST($4 AS BIGINT) AS now)
        SELECT a.id AS account_id FROM account a JOIN person p ON p.id = a.person_id CROSS JOIN asked
        WHERE (", beyond!("SELECT id FROM within", "asked.today", "asked.minor", "asked.now"), ") AND a.id IN ($5)");
}

/// A class as slips name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingClass {
    /// Its id.
    pub id: ClassId,
    /// Its name.
    pub name: String,
    /// 学段.
    pub stage: Stage,
    /// 入学年份.
    pub entry_year: i64,
    /// 学制.
    pub schooling_years: i64,
}

/// Somebody who waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Her account.
    pub account: AccountId,
    /// What she will type.
    pub user_name: String,
    /// Her name.
    pub name: String,
    /// Drives the age band.
    pub birth_date: Option<NaiveDate>,
    /// Where she is a student or works, or where her child is a student.
    pub org: OrgId,
    /// Its name.
    pub org_name: String,
    /// Her class or her child's.
    pub class: Option<WaitingClass>,
    /// Whose guardian she is.
    pub child: Option<String>,
    /// The institution that was asked for does not hold all of her, or nobody decided yet whether it holds her at all: no
    /// slip of hers may go there.
    pub is_beyond: bool,
}

fn waiting(row: &Row) -> Result<Waiting, StoreError> {
    Ok(Waiting {
        account: row.get("account_id")?,
        user_name: row.get("user_name")?,
        name: row.get::<Option<String>>("name")?.unwrap_or_default(),
        birth_date: row.get("birth_date")?,
        org: row.get("org_id")?,
        org_name: row.get("org_name")?,
        class: None,
        child: None,
        is_beyond: row.get("beyond")?,
    })
}

fn class(row: &Row) -> Result<Option<WaitingClass>, StoreError> {
    let Some(id) = row.get("class_id")? else { return Ok(None) };
    Ok(Some(WaitingClass {
        id,
        name: row.get("class_name")?,
        stage: row.code("stage")?,
        entry_year: row.get("entry_year")?,
        schooling_years: row.get("schooling_years")?,
    }))
}

struct Student(Waiting);

impl FromRow for Student {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(Waiting { class: class(row)?, ..waiting(row)? }))
    }
}

struct Staff(Waiting);

impl FromRow for Staff {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        waiting(row).map(Self)
    }
}

struct Guardian(Waiting);

impl FromRow for Guardian {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(Waiting { class: class(row)?, child: row.get("child_name")?, ..waiting(row)? }))
    }
}

fn values(org: OrgId, now: Timestamp) -> Vec<Value> {
    let today = now.shanghai_date();
    args![org, today, age::of_age_if_born_before(today), now]
}

/// Students at an institution and below it, by 学号 and name.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn students(tx: &mut Tx, _task: &Task, org: OrgId, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
    Ok(tx.all::<Student>(STUDENTS, values(org, now)).await?.into_iter().map(|row| row.0).collect())
}

/// Staff of an institution and of what stands below it, by 工号 and name.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn staff(tx: &mut Tx, _task: &Task, org: OrgId, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
    Ok(tx.all::<Staff>(STAFF, values(org, now)).await?.into_iter().map(|row| row.0).collect())
}

/// Guardians of the students there, in the order of their children; one of several children stands there several times.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn guardians(tx: &mut Tx, _task: &Task, org: OrgId, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
    Ok(tx.all::<Guardian>(GUARDIANS, values(org, now)).await?.into_iter().map(|row| row.0).collect())
}

struct OfAccount(AccountId);

impl FromRow for OfAccount {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("account_id")?))
    }
}

/// Those of many accounts whose holders an institution does not hold as a whole: what a code is worth must not pass through
/// its hands.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn outgrown(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<BTreeSet<AccountId>, StoreError> {
    let keys = accounts.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<OfAccount>(OUTGROWN, &values(org, now), keys).await?.into_iter().map(|row| row.0).collect())
}
