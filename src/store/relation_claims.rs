//! Claimed relations 待确认的关系 (ruling R1), and how often administrators asked about people they do not hold.

use std::cmp::Ordering;
use std::collections::HashMap;

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::{OnePerson as _, Own, Task, TaskOn};
use crate::domain::id::{OrgId, PersonId, RelationClaimId};
use crate::domain::registry::relation_claim::{Details, RelationClaim};
use crate::domain::time::Timestamp;

/// What concerns the institution `$1`: of the claimant's side, or of a school or employer of whom it is about; whose parent
/// somebody is is not her employer's to know. A page behind `$2` and `$3` of at most `$4`.
macro_rules! under {
    () => {
        "(r.created_at, r.id) > ($2, $3) AND (
            EXISTS (SELECT 1 FROM institution_closure c WHERE c.ancestor_id = $1 AND c.descendant_id = r.org_id)
            OR EXISTS (SELECT 1 FROM enrolment e JOIN institution_closure c ON c.descendant_id = e.org_id WHERE e.person_id = r.child_id AND e.valid_to IS NULL AND c.ancestor_id = $1)
            OR (r.kind <> 'guardian' AND EXISTS (SELECT 1 FROM staffing s JOIN institution_closure c ON c.descendant_id = s.org_id WHERE s.person_id = r.person_id AND s.valid_to IS NULL AND c.ancestor_id = $1))
        ) ORDER BY r.created_at, r.id LIMIT $4"
    };
}

/// [`RelationClaim::is_unreviewed`].
macro_rules! own_word {
    () => {
        "r.state = 'confirmed' AND r.claimed_by IS NOT NULL AND r.decided_by IS NULL AND r.decided_at = r.created_at"
    };
}
pub(super) use own_word;

/// The same, while the guardianship stands that the row made.
macro_rules! unreviewed {
    () => {
        concat!(
            crate::store::relation_claims::own_word!(),
            " AND EXISTS (SELECT 1 FROM guardianship g WHERE g.child_id = r.child_id AND g.guardian_id = r.person_id AND g.recorded_org_id = r.org_id AND g.status = 'confirmed')"
        )
    };
}
pub(super) use unreviewed;

statements! {
    INSERT = "INSERT INTO relation_claim (id, org_id, kind, person_id, child_id, class_id, subject_key, document_index, code_index, name, name_key, differs, details, state, claimed_by, created_at, decided_at, decided_by, reason, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
        ON CONFLICT (org_id, kind, person_id, child_id, subject_key) WHERE state IN ('pending', 'rejected') DO NOTHING";
    UPDATE = "UPDATE relation_claim SET class_id = $2, details = $3, state = $4, decided_at = $5, decided_by = $6, reason = $7, version = $8, differs = $9
        WHERE id = $1 AND version = $8 - 1";
    FIND = "SELECT * FROM relation_claim WHERE id = $1";
    OF_PEOPLE = "SELECT * FROM relation_claim WHERE state <> 'withdrawn' AND person_id IN ($1)";
    OF_CHILDREN = "SELECT * FROM relation_claim WHERE state <> 'withdrawn' AND kind = 'guardian' AND child_id IN ($1)";
    OF_DOCUMENTS = "SELECT * FROM relation_claim WHERE state <> 'withdrawn' AND document_index IN ($1)";
    OF_CODES = "SELECT * FROM relation_claim WHERE state <> 'withdrawn' AND code_index IN ($1)";
    DENY = "UPDATE relation_claim SET state = 'rejected', decided_at = $3, decided_by = $1, version = version + 1
        WHERE person_id = $1 AND child_id = $2 AND kind = 'guardian' AND state = 'pending'";
    PENDING_UNDER = concat!("SELECT r.* FROM relation_claim r WHERE r.state = 'pending' AND ", under!());
    // Of students, since `$5`.
    REJECTED_UNDER = concat!("SELECT r.* FROM relation_claim r WHERE r.state = 'rejected' AND r.kind = 'student' AND r.decided_at > $5 AND ", under!());
    // While the guardianship stands that came with it.
    UNREVIEWED_UNDER = concat!("SELECT r.* FROM relation_claim r WHERE ", unreviewed!(), " AND ", under!());
    // For an administrator: of her institutions, whatever she is there, and not by her own word.
    UNREVIEWED_FOR = concat!("SELECT r.* FROM relation_claim r WHERE ", unreviewed!(), " AND r.claimed_by <> $5
        AND EXISTS (SELECT 1 FROM admin_grant a JOIN institution_closure h ON h.ancestor_id = a.org_id WHERE a.person_id = $5 AND a.revoked_at IS NULL AND h.descendant_id = r.org_id) AND ", under!());
    // Where people studied or worked until some day; who became part of another institution is that one.
    SCHOOLS_BEFORE = "SELECT e.person_id AS person_id, e.org_id AS at_id, o.id AS org_id,
        CASE WHEN o.kind IN ('school', 'campus', 'teaching_point') THEN TRUE ELSE FALSE END AS school,
        (SELECT CASE WHEN u.kind IN ('school', 'campus', 'teaching_point') THEN u.parent_id ELSE u.id END FROM institution u WHERE u.id = o.parent_id) AS above, e.valid_to AS day
        FROM enrolment e JOIN institution i ON i.id = e.org_id JOIN institution o ON o.id = COALESCE(i.merged_into, i.id) WHERE e.valid_to IS NOT NULL AND e.source <> 'borrowed' AND e.person_id IN ($1)";
    WORK_BEFORE = "SELECT s.person_id AS person_id, s.org_id AS at_id, o.id AS org_id,
        CASE WHEN o.kind IN ('school', 'campus', 'teaching_point') THEN TRUE ELSE FALSE END AS school,
        (SELECT CASE WHEN u.kind IN ('school', 'campus', 'teaching_point') THEN u.parent_id ELSE u.id END FROM institution u WHERE u.id = o.parent_id) AS above, s.valid_to AS day
        FROM staffing s JOIN institution i ON i.id = s.org_id JOIN institution o ON o.id = COALESCE(i.merged_into, i.id) WHERE s.valid_to IS NOT NULL AND s.person_id IN ($1)";
    // A newer rejection takes the place of an older one.
    REPLACE_REJECTED = "UPDATE relation_claim SET state = 'withdrawn', version = version + 1
        WHERE org_id = $1 AND kind = $2 AND person_id = $3 AND child_id = $4 AND subject_key = $5 AND state = 'rejected' AND id <> $6";
    DENY_OF = "UPDATE relation_claim SET state = 'rejected', decided_at = $4, version = version + 1
        WHERE org_id = $1 AND person_id = $2 AND child_id = $3 AND kind = 'guardian' AND state = 'pending'";
    // What waits still is answered by the case about it.
    FORGET_NUMBER = "UPDATE relation_claim SET document_index = NULL, version = version + 1 WHERE person_id = $1 AND document_index = $2 AND state <> 'pending'";
    FORGET_CODE = "UPDATE relation_claim SET code_index = NULL, version = version + 1 WHERE person_id = $1 AND code_index = $2 AND state <> 'pending'";
    COUNT_PROBES = "INSERT INTO probe_count (admin_id, day, asked) VALUES ($1, $2, $3)
        ON CONFLICT (admin_id, day) DO UPDATE SET asked = probe_count.asked + excluded.asked WHERE probe_count.asked + excluded.asked <= $4";
}

impl FromRow for RelationClaim {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            org: row.get("org_id")?,
            kind: row.code("kind")?,
            person: row.get("person_id")?,
            child: row.get("child_id")?,
            class: row.get("class_id")?,
            subject_key: row.get("subject_key")?,
            document_index: row.get("document_index")?,
            code_index: row.get("code_index")?,
            name: row.get::<Option<String>>("name")?.unwrap_or_default(),
            name_key: row.get::<Option<String>>("name_key")?.unwrap_or_default(),
            differs: row.get("differs")?,
            details: row.json::<Details>("details")?,
            state: row.code("state")?,
            claimed_by: row.get("claimed_by")?,
            created_at: row.get("created_at")?,
            decided_at: row.get("decided_at")?,
            decided_by: row.get("decided_by")?,
            reason: row.get("reason")?,
            version: row.get("version")?,
        })
    }
}

/// Adds many claims; how many. One that stands already stays.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, all: &[RelationClaim]) -> Result<u64, StoreError> {
    tx.insert_many(INSERT, all.iter().map(values).collect()).await
}

fn values(claim: &RelationClaim) -> Vec<Value> {
    args![
        claim.id,
        claim.org,
        claim.kind.as_str(),
        claim.person,
        claim.child,
        claim.class,
        claim.subject_key,
        claim.document_index,
        claim.code_index,
        claim.name.clone(),
        claim.name_key.clone(),
        claim.differs,
        details(claim),
        claim.state.as_str(),
        claim.claimed_by,
        claim.created_at,
        claim.decided_at,
        claim.decided_by,
        claim.reason.clone(),
        claim.version,
    ]
}

fn details(claim: &RelationClaim) -> serde_json::Value {
    serde_json::to_value(&claim.details).unwrap_or_default()
}

/// Writes a changed claim, whose version was counted up by one. `false` when somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, _task: &Task, claim: &RelationClaim) -> Result<bool, StoreError> {
    let values = args![
        claim.id,
        claim.class,
        details(claim),
        claim.state.as_str(),
        claim.decided_at,
        claim.decided_by,
        claim.reason.clone(),
        claim.version,
        claim.differs,
    ];
    tx.execute_one(UPDATE, values).await
}

/// A claim by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, id: RelationClaimId) -> Result<Option<RelationClaim>, StoreError> {
    tx.optional(FIND, args![id]).await
}

/// What is said of people by id, of children's guardians, and under numbers and 学籍号: the same claim may come more than
/// once.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn about_many(
    tx: &mut Tx,
    _task: &Task,
    people: &[PersonId],
    documents: &[[u8; 32]],
    codes: &[[u8; 32]],
) -> Result<Vec<RelationClaim>, StoreError> {
    let ids: Vec<Value> = people.iter().map(|id| Value::from(*id)).collect();
    let mut found = tx.all_in(OF_PEOPLE, &[], ids.clone()).await?;
    found.extend(tx.all_in(OF_CHILDREN, &[], ids).await?);
    found.extend(tx.all_in(OF_DOCUMENTS, &[], documents.iter().map(Value::from).collect()).await?);
    found.extend(tx.all_in(OF_CODES, &[], codes.iter().map(Value::from).collect()).await?);
    Ok(found)
}

/// Rejects what waits about somebody as the guardian of a child, because she says that she is none.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn deny(tx: &mut Tx, own: &Own, child: PersonId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(DENY, args![own.person(), child, now]).await?;
    Ok(())
}

/// The same of one institution's word, because the guardianship that came with it is over.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn deny_of(
    tx: &mut Tx,
    on: &TaskOn,
    (guardian, org): (PersonId, OrgId),
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(DENY_OF, args![org, guardian, on.person(), now]).await.map(drop)
}

/// Forgets that a number stood for somebody in what was decided about her: it is not hers, and a row that names it means its
/// true holder.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget_number(tx: &mut Tx, on: &TaskOn, index: [u8; 32]) -> Result<(), StoreError> {
    tx.execute(FORGET_NUMBER, args![on.person(), index]).await.map(drop)
}

/// The same of a 学籍号.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget_code(tx: &mut Tx, on: &TaskOn, index: [u8; 32]) -> Result<(), StoreError> {
    tx.execute(FORGET_CODE, args![on.person(), index]).await.map(drop)
}

/// Where somebody was until a day.
pub struct Former {
    /// Who.
    pub person: PersonId,
    /// Where, as it was then.
    pub at: OrgId,
    /// The same, or what goes on in its place, where it became part of another institution.
    pub org: OrgId,
    /// Whether that was a school, or a part of one.
    pub school: bool,
    /// What stands above it, and above the school that it is a part of.
    pub above: Option<OrgId>,
    /// First day on which she was there no longer.
    pub day: NaiveDate,
}

impl FromRow for Former {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            person: row.get("person_id")?,
            at: row.get("at_id")?,
            org: row.get("org_id")?,
            school: row.get("school")?,
            above: row.get("above")?,
            day: row.get("day")?,
        })
    }
}

/// Where people held a 学籍 or a post last that is over; of several that ended on one day all.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn last_places(
    tx: &mut Tx,
    _task: &Task,
    people: &[PersonId],
) -> Result<HashMap<PersonId, Vec<Former>>, StoreError> {
    let keys = || people.iter().map(|id| Value::from(*id)).collect();
    let mut found: Vec<Former> = tx.all_in(SCHOOLS_BEFORE, &[], keys()).await?;
    found.extend(tx.all_in::<Former>(WORK_BEFORE, &[], keys()).await?);
    let mut last: HashMap<PersonId, Vec<Former>> = HashMap::new();
    for place in found {
        let known = last.entry(place.person).or_default();
        match known.first().map(|one| one.day.cmp(&place.day)) {
            Some(Ordering::Greater) => continue,
            Some(Ordering::Less) => known.clear(),
            Some(Ordering::Equal) | None => {}
        }
        known.push(place);
    }
    Ok(last)
}

/// What waits to be decided and concerns an institution or anything under it, as the claimant or as the school or employer
/// of whom it is about: the oldest first, behind `after`, at most `limit`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn pending_under(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    after: Option<&RelationClaim>,
    limit: i64,
) -> Result<Vec<RelationClaim>, StoreError> {
    tx.all(PENDING_UNDER, page(org, after, limit)).await
}

/// The same of requests for students that were rejected after a moment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn rejected_under(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    since: Timestamp,
    after: Option<&RelationClaim>,
    limit: i64,
) -> Result<Vec<RelationClaim>, StoreError> {
    let mut values = page(org, after, limit);
    values.push(Value::from(since));
    tx.all(REJECTED_UNDER, values).await
}

/// The same of what counts already by the claimant's word alone.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn unreviewed_under(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    after: Option<&RelationClaim>,
    limit: i64,
) -> Result<Vec<RelationClaim>, StoreError> {
    tx.all(UNREVIEWED_UNDER, page(org, after, limit)).await
}

/// The same for an administrator, without what her institutions did not claim and what she claimed herself.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn unreviewed_for(
    tx: &mut Tx,
    _task: &Task,
    admin: PersonId,
    org: OrgId,
    after: Option<&RelationClaim>,
    limit: i64,
) -> Result<Vec<RelationClaim>, StoreError> {
    let mut values = page(org, after, limit);
    values.push(Value::from(admin));
    tx.all(UNREVIEWED_FOR, values).await
}

fn page(org: OrgId, after: Option<&RelationClaim>, limit: i64) -> Vec<Value> {
    let (at, id) = after
        .map_or((Timestamp::from_micros(0), RelationClaimId(uuid::Uuid::nil())), |claim| (claim.created_at, claim.id));
    args![org, at, id, limit]
}

/// Withdraws an older rejection of the same relation, whose place a newer one is about to take.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn replace_rejected(tx: &mut Tx, _task: &Task, by: &RelationClaim) -> Result<(), StoreError> {
    let values = args![by.org, by.kind.as_str(), by.person, by.child, by.subject_key, by.id];
    tx.execute(REPLACE_REJECTED, values).await?;
    Ok(())
}

/// Counts questions of an administrator on a day; `false` when they would go beyond her budget, and then none is counted.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn count_probes(
    tx: &mut Tx,
    admin: PersonId,
    day: NaiveDate,
    asked: i64,
    budget: i64,
) -> Result<bool, StoreError> {
    Ok(asked <= budget && tx.execute_one(COUNT_PROBES, args![admin, day, asked, budget]).await?)
}
