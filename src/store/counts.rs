//! How many: institutions, persons by role, accounts. Numbers of 用户 that platforms report (申报表, S11).

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use super::relation_claims::{own_word, unreviewed};
use crate::domain::access::{Subtree, Task};
use crate::domain::id::OrgId;
use crate::domain::time::Timestamp;

statements! {
    ALL = concat!("SELECT (SELECT COUNT(*) FROM institution WHERE status = 'active') AS institutions,
        (SELECT COUNT(*) FROM person WHERE status <> 'merged') AS persons,
        (SELECT COUNT(DISTINCT person_id) FROM enrolment WHERE valid_to IS NULL) AS students,
        (SELECT COUNT(DISTINCT person_id) FROM staffing WHERE valid_to IS NULL) AS staff,
        (SELECT COUNT(DISTINCT guardian_id) FROM guardianship WHERE status IN ('pending', 'confirmed')) AS guardians,
        (SELECT COUNT(DISTINCT g.guardian_id) FROM guardianship g JOIN staffing s ON s.person_id = g.guardian_id AND s.valid_to IS NULL WHERE g.status IN ('pending', 'confirmed')) AS teacher_guardians,
        (SELECT COUNT(*) FROM account WHERE state <> 'merged') AS accounts,
        (SELECT COUNT(*) FROM relation_claim r WHERE r.state = 'pending' OR ", unreviewed!(), ") + (SELECT COUNT(*) FROM conflict_case WHERE state = 'open') AS open_cases");
    UNDER = concat!("WITH scope AS (SELECT descendant_id AS id FROM institution_closure WHERE ancestor_id = $1),
        pupil AS (SELECT DISTINCT e.person_id AS id FROM enrolment e JOIN scope ON scope.id = e.org_id WHERE e.valid_to IS NULL),
        worker AS (SELECT DISTINCT s.person_id AS id FROM staffing s JOIN scope ON scope.id = s.org_id WHERE s.valid_to IS NULL),
        keeper AS (SELECT DISTINCT g.guardian_id AS id FROM guardianship g JOIN pupil ON pupil.id = g.child_id WHERE g.status IN ('pending', 'confirmed')),
        everyone AS (SELECT id FROM pupil UNION SELECT id FROM worker UNION SELECT id FROM keeper)
        SELECT (SELECT COUNT(*) FROM institution o JOIN scope ON scope.id = o.id WHERE o.status = 'active') AS institutions,
        (SELECT COUNT(*) FROM everyone) AS persons, (SELECT COUNT(*) FROM pupil) AS students, (SELECT COUNT(*) FROM worker) AS staff, (SELECT COUNT(*) FROM keeper) AS guardians,
        (SELECT COUNT(*) FROM keeper JOIN worker ON worker.id = keeper.id) AS teacher_guardians, (SELECT COUNT(*) FROM account a JOIN everyone ON everyone.id = a.person_id WHERE a.state <> 'merged') AS accounts,
        (SELECT COUNT(*) FROM relation_claim r WHERE (r.state = 'pending' OR ", unreviewed!(), ") AND (r.org_id IN (SELECT id FROM scope) OR r.child_id IN (SELECT id FROM pupil) OR r.person_id IN (SELECT id FROM worker)))
        + (SELECT COUNT(*) FROM conflict_case k WHERE k.state = 'open' AND (k.person_id IN (SELECT id FROM everyone) OR k.other_id IN (SELECT id FROM everyone) OR k.claimed_org_id IN (SELECT id FROM scope))) AS open_cases");
    // Of pupils the guardians whom the school of their 学籍 confirmed, or whom somebody in the subtree recorded; what others
    // say of them, or of anybody else, is not counted.
    // Whom an institution there only named counts once for each paper that a relation of hers came with, as long as nobody looked
    // at it: a total of people would say which papers are one person's.
    HELD = concat!("WITH scope AS (SELECT k.descendant_id AS id FROM institution_closure k JOIN institution_closure r ON r.descendant_id = k.ancestor_id WHERE k.ancestor_id = $1 AND r.ancestor_id = $2),
        stay AS (SELECT DISTINCT e.person_id AS id, e.source AS source FROM enrolment e JOIN scope ON scope.id = e.org_id WHERE e.valid_to IS NULL),
        keeps AS (SELECT g.guardian_id AS guardian_id, (SELECT r.subject_key FROM relation_claim r WHERE r.kind = 'guardian' AND r.child_id = g.child_id AND r.person_id = g.guardian_id
                AND r.org_id = g.recorded_org_id AND r.org_id IN (SELECT id FROM scope) AND ((g.status = 'pending' AND r.state = 'pending') OR (g.status = 'confirmed' AND ", own_word!(), ")) ORDER BY r.created_at, r.subject_key LIMIT 1) AS word
            FROM guardianship g JOIN stay ON stay.id = g.child_id WHERE (g.status = 'confirmed' AND stay.source = 'normal')
                OR (g.status IN ('pending', 'confirmed') AND g.recorded_org_id IN (SELECT id FROM scope)))
        SELECT (SELECT COUNT(*) FROM institution o JOIN scope ON scope.id = o.id WHERE o.status = 'active') AS institutions,
        (SELECT COUNT(DISTINCT id) FROM stay) AS students,
        (SELECT COUNT(DISTINCT s.person_id) FROM staffing s JOIN scope ON scope.id = s.org_id WHERE s.valid_to IS NULL) AS staff,
        (SELECT COUNT(DISTINCT guardian_id) FROM keeps WHERE word IS NULL) + (SELECT COUNT(DISTINCT word) FROM keeps WHERE guardian_id NOT IN (SELECT guardian_id FROM keeps WHERE word IS NULL)) AS guardians");
    NEWEST = "SELECT COALESCE(MAX(at), 0) AS at FROM audit_entry";
}

/// How many there are.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct Counts {
    pub institutions: i64,
    pub persons: i64,
    pub students: i64,
    pub staff: i64,
    pub guardians: i64,
    pub teacher_guardians: i64,
    pub accounts: i64,
    /// Claimed relations, transfers and cases 争议 that wait to be decided, or count by the claimant's word alone.
    pub open_cases: i64,
}

impl FromRow for Counts {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            institutions: row.get("institutions")?,
            persons: row.get("persons")?,
            students: row.get("students")?,
            staff: row.get("staff")?,
            guardians: row.get("guardians")?,
            teacher_guardians: row.get("teacher_guardians")?,
            accounts: row.get("accounts")?,
            open_cases: row.get("open_cases")?,
        })
    }
}

/// How many an administrator holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Counts)]
pub struct Held {
    /// Institutions.
    pub institutions: i64,
    /// Who studies there today.
    pub students: i64,
    /// Who works there today.
    pub staff: i64,
    /// Guardians of the students, as far as they were confirmed or recorded there.
    pub guardians: i64,
}

impl FromRow for Held {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            institutions: row.get("institutions")?,
            students: row.get("students")?,
            staff: row.get("staff")?,
            guardians: row.get("guardians")?,
        })
    }
}

struct At(Timestamp);

impl FromRow for At {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("at")?))
    }
}

/// The whole register.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn all(tx: &mut Tx, _task: &Task) -> Result<Counts, StoreError> {
    tx.one(ALL, args![]).await
}

/// An institution and everything under it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn under(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Counts, StoreError> {
    tx.one(UNDER, args![org]).await
}

/// An institution inside an administrator's subtrees, and everything under it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn held(tx: &mut Tx, scope: &Subtree, org: OrgId) -> Result<Held, StoreError> {
    let mut held = Held { institutions: 0, students: 0, staff: 0, guardians: 0 };
    for root in scope.roots() {
        let under: Held = tx.one(HELD, args![org, root]).await?;
        // A root that does not stand above it counts nothing.
        held = Held {
            institutions: held.institutions.max(under.institutions),
            students: held.students.max(under.students),
            staff: held.staff.max(under.staff),
            guardians: held.guardians.max(under.guardians),
        };
    }
    Ok(held)
}

/// When the newest audit entry was written.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn newest_entry(tx: &mut Tx) -> Result<Timestamp, StoreError> {
    Ok(tx.one::<At>(NEWEST, args![]).await?.0)
}
