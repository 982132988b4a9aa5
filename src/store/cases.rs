//! Cases 争议, and where the people in them belong.

use super::db::{FromRow, Row, Statement, StoreError, Tx, Value, args, statements};
use super::relation_claims::own_word;
use crate::domain::access::{Subtree, Task};
use crate::domain::id::{CaseId, OrgId, PersonId};
use crate::domain::registry::case::{Case, CaseSource, Decision};
use crate::domain::registry::person::PersonSalt;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO conflict_case (id, kind, facts_key, person_id, other_id, subject_key, claimed_org_id, org_id, source, opened_by, evidence_sealed, state, decision, reason, decided_by, created_at, decided_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT (facts_key) DO NOTHING";
    UPDATE = "UPDATE conflict_case SET org_id = $2, state = $3, decision = $4, reason = $5, decided_by = $6, decided_at = $7, version = $8 WHERE id = $1 AND version = $8 - 1";
    FIND = "SELECT * FROM conflict_case WHERE id = $1";
    KNOWN = "SELECT facts_key FROM conflict_case WHERE facts_key IN ($1)";
    OPEN = "SELECT * FROM conflict_case WHERE state = 'open' AND (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3";
    OPEN_UNDER = "SELECT k.* FROM conflict_case k WHERE k.state = 'open' AND (k.created_at, k.id) > ($2, $3)
        AND EXISTS (SELECT 1 FROM institution_closure c WHERE c.ancestor_id = $1 AND c.descendant_id = k.org_id) ORDER BY k.created_at, k.id LIMIT $4";
    OPEN_ABOUT = "SELECT * FROM conflict_case WHERE state = 'open' AND person_id = $1 UNION SELECT * FROM conflict_case WHERE state = 'open' AND other_id = $1";
    OF_ERASED = "SELECT * FROM conflict_case WHERE kind = 'erased_number' AND person_id IN ($1)";
    SALTS = "SELECT id AS person_id, salt FROM person WHERE id IN ($1)";
    STUDIES = "SELECT person_id, org_id FROM enrolment WHERE valid_to IS NULL AND person_id IN ($1)";
    WORKS = "SELECT person_id, org_id FROM staffing WHERE valid_to IS NULL AND person_id IN ($1)";
    ADMINISTERS = "SELECT person_id, org_id FROM admin_grant WHERE revoked_at IS NULL AND person_id IN ($1)";
    KEEPS = "SELECT g.guardian_id AS person_id, e.org_id AS org_id FROM guardianship g JOIN enrolment e ON e.person_id = g.child_id AND e.valid_to IS NULL
        WHERE g.status IN ('pending', 'confirmed') AND g.guardian_id IN ($1)";
    RECORDED = "SELECT guardian_id AS person_id, recorded_org_id AS org_id FROM guardianship WHERE recorded_org_id IS NOT NULL AND status IN ('pending', 'confirmed') AND guardian_id IN ($1)";
    LOOKED_AT = concat!("SELECT g.guardian_id AS person_id, g.recorded_org_id AS org_id FROM guardianship g WHERE g.recorded_org_id IS NOT NULL AND g.status = 'confirmed'
        AND NOT EXISTS (SELECT 1 FROM relation_claim r WHERE r.person_id = g.guardian_id AND r.child_id = g.child_id AND r.kind = 'guardian' AND r.org_id = g.recorded_org_id AND ", own_word!(), ")
        AND g.guardian_id IN ($1)");
    ABOVE = "SELECT c.descendant_id AS below, c.ancestor_id AS org_id, c.depth AS depth FROM institution_closure c JOIN institution o ON o.id = c.ancestor_id
        WHERE o.status = 'active' AND c.descendant_id IN ($1)";
    // Two records of one institution that may be one person, at `$1` and so many steps below it: the pair is given once, the
    // older record first.
    // Who sits or works there is read once: of a school it is a thousand people, and of a join of the two sides a million.
    LOOK_ALIKES = "WITH seat AS MATERIALIZED (
            SELECT e.org_id AS org_id, 'student' AS kind, p.id AS person_id, p.name_key AS name_key, p.birth_date AS birth_date, p.sex AS sex, p.status AS status
                FROM institution_closure c JOIN enrolment e ON e.org_id = c.descendant_id AND e.valid_to IS NULL JOIN person p ON p.id = e.person_id
                WHERE c.ancestor_id = $1 AND c.depth <= $2
            UNION ALL SELECT s.org_id AS org_id, 'staff' AS kind, p.id AS person_id, p.name_key AS name_key, p.birth_date AS birth_date, p.sex AS sex, p.status AS status
                FROM institution_closure c JOIN staffing s ON s.org_id = c.descendant_id AND s.valid_to IS NULL JOIN person p ON p.id = s.person_id
                WHERE c.ancestor_id = $1 AND c.depth <= $2
        ) SELECT DISTINCT a.person_id AS person_id, b.person_id AS other_id FROM seat a JOIN seat b ON b.org_id = a.org_id AND b.kind = a.kind
            AND b.name_key = a.name_key AND b.status = a.status AND a.person_id < b.person_id
            AND (b.birth_date = a.birth_date OR ((a.birth_date IS NULL OR b.birth_date IS NULL) AND (a.sex = b.sex OR a.sex IN ('0', '9') OR b.sex IN ('0', '9'))))
        ORDER BY person_id, other_id";
    INSTITUTIONS = "SELECT id AS org_id FROM institution WHERE status = 'active' AND id > $1 ORDER BY id LIMIT $2";
}

impl FromRow for Case {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.code("kind")?,
            facts_key: row.get("facts_key")?,
            person: row.get("person_id")?,
            other: row.get("other_id")?,
            subject_key: row.get("subject_key")?,
            claimed_by_org: row.get("claimed_org_id")?,
            org: row.get("org_id")?,
            source: row.code::<CaseSource>("source")?,
            opened_by: row.get("opened_by")?,
            evidence_sealed: row.get("evidence_sealed")?,
            state: row.code("state")?,
            decision: row.optional_code("decision")?,
            reason: row.get("reason")?,
            decided_by: row.get("decided_by")?,
            created_at: row.get("created_at")?,
            decided_at: row.get("decided_at")?,
            version: row.get("version")?,
        })
    }
}

/// Opens many cases; how many. Facts that opened one before open none.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, all: &[Case]) -> Result<u64, StoreError> {
    tx.insert_many(INSERT, all.iter().map(values).collect()).await
}

fn values(case: &Case) -> Vec<Value> {
    args![
        case.id,
        case.kind.as_str(),
        case.facts_key,
        case.person,
        case.other,
        case.subject_key,
        case.claimed_by_org,
        case.org,
        case.source.as_str(),
        case.opened_by,
        case.evidence_sealed.clone(),
        case.state.as_str(),
        case.decision.map(Decision::as_str),
        case.reason.clone(),
        case.decided_by,
        case.created_at,
        case.decided_at,
        case.version,
    ]
}

/// Writes a changed case, whose version was counted up by one. `false` when somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, _task: &Task, case: &Case) -> Result<bool, StoreError> {
    let values = args![
        case.id,
        case.org,
        case.state.as_str(),
        case.decision.map(Decision::as_str),
        case.reason.clone(),
        case.decided_by,
        case.decided_at,
        case.version,
    ];
    tx.execute_one(UPDATE, values).await
}

/// A case by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, id: CaseId) -> Result<Option<Case>, StoreError> {
    tx.optional(FIND, args![id]).await
}

struct Key([u8; 32]);

impl FromRow for Key {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("facts_key")?))
    }
}

/// Which of these facts opened a case before.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn known(tx: &mut Tx, _task: &Task, facts: &[[u8; 32]]) -> Result<Vec<[u8; 32]>, StoreError> {
    let found: Vec<Key> = tx.all_in(KNOWN, &[], facts.iter().map(Value::from).collect()).await?;
    Ok(found.into_iter().map(|key| key.0).collect())
}

/// Where a case stands in a list: by the moment when it was opened, whatever became of it since.
pub type Stands = (Timestamp, CaseId);

/// Open cases of everybody, those without an institution too: the oldest first, behind `after`, at most `limit`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open(tx: &mut Tx, _task: &Task, after: Option<Stands>, limit: usize) -> Result<Vec<Case>, StoreError> {
    let (at, id) = behind(after);
    tx.all(OPEN, args![at, id, i64::try_from(limit).unwrap_or(i64::MAX)]).await
}

/// The same, assigned to an institution or to one under it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open_under(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    after: Option<Stands>,
    limit: usize,
) -> Result<Vec<Case>, StoreError> {
    let (at, id) = behind(after);
    tx.all(OPEN_UNDER, args![org, at, id, i64::try_from(limit).unwrap_or(i64::MAX)]).await
}

/// The same, for an administrator: assigned inside her subtrees.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open_in(
    tx: &mut Tx,
    scope: &Subtree,
    after: Option<Stands>,
    limit: usize,
) -> Result<Vec<Case>, StoreError> {
    let (at, id) = behind(after);
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut found: Vec<Case> = Vec::new();
    for root in scope.roots() {
        found.extend(tx.all::<Case>(OPEN_UNDER, args![root, at, id, most]).await?);
    }
    found.sort_by_key(|case| (case.created_at, case.id));
    found.dedup_by_key(|case| case.id);
    found.truncate(limit);
    Ok(found)
}

fn behind(after: Option<Stands>) -> Stands {
    after.unwrap_or((Timestamp::from_micros(0), CaseId(uuid::Uuid::nil())))
}

/// Open cases that a person is a side of.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open_about(tx: &mut Tx, _task: &Task, person: PersonId) -> Result<Vec<Case>, StoreError> {
    tx.all(OPEN_ABOUT, args![person]).await
}

/// What was asked about numbers of people who were erased, open and decided.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_erased(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<Case>, StoreError> {
    tx.all_in(OF_ERASED, &[], people.iter().map(|id| Value::from(*id)).collect()).await
}

/// A person and an institution.
pub struct Side {
    /// Who.
    pub person: PersonId,
    /// Where she belongs.
    pub org: OrgId,
}

impl FromRow for Side {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { person: row.get("person_id")?, org: row.get("org_id")? })
    }
}

/// Where people belong: where they study, work or hold a role, and where their wards do or were recorded.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn sides_of(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<Side>, StoreError> {
    sides(tx, [STUDIES, WORKS, ADMINISTERS, KEEPS, RECORDED], people).await
}

/// The same without what rests on a word that nobody else looked at: of wards, who recorded them and more than by her own row.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn sound_sides_of(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<Side>, StoreError> {
    sides(tx, [STUDIES, WORKS, ADMINISTERS, LOOKED_AT], people).await
}

async fn sides<const N: usize>(
    tx: &mut Tx,
    statements: [Statement; N],
    people: &[PersonId],
) -> Result<Vec<Side>, StoreError> {
    let keys: Vec<Value> = people.iter().map(|id| Value::from(*id)).collect();
    let mut found = Vec::new();
    for statement in statements {
        found.extend(tx.all_in(statement, &[], keys.clone()).await?);
    }
    Ok(found)
}

/// An institution that stands above another, or is the same.
pub struct Above {
    /// The lower one.
    pub below: OrgId,
    /// The upper one.
    pub org: OrgId,
    /// How many steps lie between.
    pub depth: i64,
}

impl FromRow for Above {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { below: row.get("below")?, org: row.get("org_id")?, depth: row.get("depth")? })
    }
}

/// What stands above institutions and is in office, themselves included.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn above(tx: &mut Tx, _task: &Task, orgs: &[OrgId]) -> Result<Vec<Above>, StoreError> {
    tx.all_in(ABOVE, &[], orgs.iter().map(|id| Value::from(*id)).collect()).await
}

/// A person and what her sealed columns hang on.
pub struct Salted {
    /// Who.
    pub person: PersonId,
    /// None after erasure.
    pub salt: Option<PersonSalt>,
}

impl FromRow for Salted {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let salt = row.get::<Option<[u8; 32]>>("salt")?.map(PersonSalt::from_bytes);
        Ok(Self { person: row.get("person_id")?, salt })
    }
}

/// What the sealed columns of people hang on.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn salts_of(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<Salted>, StoreError> {
    tx.all_in(SALTS, &[], people.iter().map(|id| Value::from(*id)).collect()).await
}

/// Two records that may be one person.
pub struct Pair {
    /// The older one.
    pub person: PersonId,
    /// The younger one.
    pub other: PersonId,
}

impl FromRow for Pair {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { person: row.get("person_id")?, other: row.get("other_id")? })
    }
}

/// Students of one school, or staff of one institution, with one name and one birth date, or of which one has none and the sex is no
/// other, at an institution and at most so
/// many steps below it. They hold different documents, or none: one document is never held twice.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn look_alikes(tx: &mut Tx, _task: &Task, org: OrgId, depth: i64) -> Result<Vec<Pair>, StoreError> {
    tx.all(LOOK_ALIKES, args![org, depth]).await
}

struct Place(OrgId);

impl FromRow for Place {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("org_id")?))
    }
}

/// Institutions behind one, at most `limit`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn institutions(
    tx: &mut Tx,
    _task: &Task,
    after: Option<OrgId>,
    limit: i64,
) -> Result<Vec<OrgId>, StoreError> {
    let after = after.unwrap_or(OrgId(uuid::Uuid::nil()));
    Ok(tx.all::<Place>(INSTITUTIONS, args![after, limit]).await?.into_iter().map(|place| place.0).collect())
}
