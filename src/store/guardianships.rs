//! Guardianships 监护关系.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::row_states;
use crate::domain::access::{OnePerson, Own, Task, TaskOn};
use crate::domain::id::{GuardianshipId, OrgId, PersonId};
use crate::domain::registry::guardian_life::GuardianshipSlice;
use crate::domain::registry::guardianship::{Confirmation, ConfirmedBy, Evidence, Guardianship, Keeper, Restriction};
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO guardianship (id, child_id, guardian_id, relation, legal, rank, status, verified_by, recorded_org_id, restrictions, valid_from, valid_to, created_at, updated_at, version, guardian_org_id, confirmed_by, confirmed_person_id, confirmed_org_id, confirmed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
        ON CONFLICT (child_id, guardian_id) WHERE status IN ('pending', 'confirmed') DO NOTHING";
    UPDATE = "UPDATE guardianship SET relation = $3, legal = $4, rank = $5, status = $6, verified_by = $7, restrictions = $8, valid_to = $9, updated_at = $10, version = $11, guardian_org_id = $12, confirmed_by = $13, confirmed_person_id = $14, confirmed_org_id = $15, confirmed_at = $16
        WHERE id = $1 AND child_id = $2 AND version = $11 - 1";
    FIND = "SELECT * FROM guardianship WHERE id = $1";
    // What it was until today, unless it was so for no day.
    KEEP = "INSERT INTO guardianship_slice (guardianship_id, relation, legal, rank, status, restrictions, guardian_org_id, confirmed_by, confirmed_person_id, confirmed_org_id, confirmed_at, valid_from, valid_to, created_at)
        SELECT g.id, g.relation, g.legal, g.rank, g.status, g.restrictions, g.guardian_org_id, g.confirmed_by, g.confirmed_person_id, g.confirmed_org_id, g.confirmed_at, COALESCE((SELECT MAX(s.valid_to) FROM guardianship_slice s WHERE s.guardianship_id = g.id), g.valid_from), $3, $4
        FROM guardianship g WHERE g.id = $1 AND g.version = $2 - 1
          AND COALESCE((SELECT MAX(s.valid_to) FROM guardianship_slice s WHERE s.guardianship_id = g.id), g.valid_from) < $3
        ON CONFLICT (guardianship_id, valid_from) DO NOTHING";
    // The same before a change that no version counts: of a merge.
    KEEP_BEFORE = "INSERT INTO guardianship_slice (guardianship_id, relation, legal, rank, status, restrictions, guardian_org_id, confirmed_by, confirmed_person_id, confirmed_org_id, confirmed_at, valid_from, valid_to, created_at)
        SELECT g.id, g.relation, g.legal, g.rank, g.status, g.restrictions, g.guardian_org_id, g.confirmed_by, g.confirmed_person_id, g.confirmed_org_id, g.confirmed_at, COALESCE((SELECT MAX(s.valid_to) FROM guardianship_slice s WHERE s.guardianship_id = g.id), g.valid_from), $2, $3
        FROM guardianship g WHERE g.id = $1 AND COALESCE((SELECT MAX(s.valid_to) FROM guardianship_slice s WHERE s.guardianship_id = g.id), g.valid_from) < $2
        ON CONFLICT (guardianship_id, valid_from) DO NOTHING";
    SLICES = "SELECT s.* FROM guardianship_slice s JOIN guardianship g ON g.id = s.guardianship_id WHERE g.child_id = $1 ORDER BY s.guardianship_id, s.valid_from";
    MAJORITY = "SELECT g.id AS id, CASE WHEN g.status IN ('pending', 'confirmed') AND c.birth_date < $2 THEN TRUE ELSE FALSE END AS due
        FROM guardianship g JOIN person c ON c.id = g.child_id WHERE g.id > $1 ORDER BY g.id LIMIT $3";
    OF_CHILD = "SELECT * FROM guardianship WHERE child_id = $1 ORDER BY rank, created_at, id";
    OF_GUARDIAN = "SELECT * FROM guardianship WHERE guardian_id = $1 ORDER BY created_at, id";
    // Whoever acts for an institution does so while she works there; whose record is closed speaks for nobody.
    CONFIRMED = "SELECT g.*, c.birth_date AS child_born, k.birth_date AS keeper_born, (SELECT COUNT(*) FROM enrolment e WHERE e.person_id = k.id) AS keeper_stays
        FROM guardianship g JOIN person c ON c.id = g.child_id JOIN person k ON k.id = g.guardian_id
        WHERE g.child_id = $1 AND g.status = 'confirmed' AND k.status = 'active'
          AND (g.guardian_org_id IS NULL OR EXISTS (SELECT 1 FROM staffing s WHERE s.person_id = g.guardian_id AND s.org_id = g.guardian_org_id AND s.valid_to IS NULL)) ORDER BY g.rank, g.created_at, g.id";
    BETWEEN = "SELECT g.*, c.birth_date AS child_born, k.birth_date AS keeper_born, (SELECT COUNT(*) FROM enrolment e WHERE e.person_id = k.id) AS keeper_stays
        FROM guardianship g JOIN person c ON c.id = g.child_id JOIN person k ON k.id = g.guardian_id
        WHERE g.guardian_id = $1 AND g.child_id = $2 AND g.status = 'confirmed' AND k.status = 'active'
          AND (g.guardian_org_id IS NULL OR EXISTS (SELECT 1 FROM staffing s WHERE s.person_id = g.guardian_id AND s.org_id = g.guardian_org_id AND s.valid_to IS NULL))";
    KEEPER = "SELECT k.birth_date AS keeper_born, (SELECT COUNT(*) FROM enrolment e WHERE e.person_id = k.id) AS keeper_stays FROM person k WHERE k.id = $1";
    OF_CHILDREN = "SELECT * FROM guardianship WHERE child_id IN ($1)";
    STANDING_OF_INSTITUTION = "SELECT * FROM guardianship WHERE guardian_org_id = $1 AND status IN ('pending', 'confirmed') ORDER BY id";
    STANDING_OF_GUARDIANS = "SELECT * FROM guardianship WHERE status IN ('pending', 'confirmed') AND guardian_id IN ($1)";
}

impl FromRow for Guardianship {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            child: row.get("child_id")?,
            guardian: row.get("guardian_id")?,
            relation: row.code("relation")?,
            legal: row.get("legal")?,
            rank: row.get("rank")?,
            status: row.code("status")?,
            verified_by: row.optional_code("verified_by")?,
            confirmed: confirmation(row)?,
            recorded_by: row.get("recorded_org_id")?,
            institution: row.get("guardian_org_id")?,
            restrictions: row.json::<BTreeSet<Restriction>>("restrictions")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

fn confirmation(row: &Row) -> Result<Option<Confirmation>, StoreError> {
    let Some(by) = row.optional_code("confirmed_by")? else { return Ok(None) };
    Ok(Some(Confirmation {
        by,
        person: row.get("confirmed_person_id")?,
        office: row.get("confirmed_org_id")?,
        at: row.get("confirmed_at")?,
    }))
}

/// The four columns of [`confirmation`].
fn confirmed(one: &Guardianship) -> [Value; 4] {
    let said = one.confirmed;
    [
        Value::from(said.map(|said| said.by).map(ConfirmedBy::as_str)),
        Value::from(said.and_then(|said| said.person)),
        Value::from(said.and_then(|said| said.office)),
        Value::from(said.map(|said| said.at)),
    ]
}

impl FromRow for Keeper {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { born: row.get("keeper_born")?, studied: row.get::<i64>("keeper_stays")? > 0 })
    }
}

/// A guardianship with what decides whether it matters now.
struct Between {
    guardianship: Guardianship,
    child_born: Option<NaiveDate>,
    keeper: Keeper,
}

impl FromRow for Between {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let (guardianship, keeper) = (Guardianship::from_row(row)?, Keeper::from_row(row)?);
        Ok(Self { guardianship, child_born: row.get("child_born")?, keeper })
    }
}

impl Between {
    fn is_live(&self, now: Timestamp) -> bool {
        self.guardianship.is_live_for(self.child_born, self.keeper, now)
    }
}

/// Adds a guardian of the child; `false` when the two are related already (pending or confirmed).
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on_child: &TaskOn, guardianship: &Guardianship) -> Result<bool, StoreError> {
    row_states::made(tx, RowKind::Guardianship, &[guardianship.id.0]);
    tx.execute_one(INSERT, values(on_child.person(), guardianship)).await
}

/// Adds many relations; how many. One that is there stays.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, all: &[Guardianship]) -> Result<u64, StoreError> {
    row_states::made(tx, RowKind::Guardianship, &all.iter().map(|one| one.id.0).collect::<Vec<_>>());
    tx.insert_many(INSERT, all.iter().map(|one| values(one.child, one)).collect()).await
}

fn values(person: PersonId, guardianship: &Guardianship) -> Vec<Value> {
    let mut values = args![
        guardianship.id,
        person,
        guardianship.guardian,
        guardianship.relation.as_str(),
        guardianship.legal,
        guardianship.rank,
        guardianship.status.as_str(),
        guardianship.verified_by.map(Evidence::as_str),
        guardianship.recorded_by,
        restrictions(guardianship),
        guardianship.valid_from,
        guardianship.valid_to,
        guardianship.created_at,
        guardianship.updated_at,
        guardianship.version,
        guardianship.institution,
    ];
    values.extend(confirmed(guardianship));
    values
}

/// Writes a changed guardianship of the child, whose version was counted up by one, and keeps how it was: until its end, or
/// until today. `false` when somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, on_child: &TaskOn, guardianship: &Guardianship) -> Result<bool, StoreError> {
    keep(tx, guardianship).await?;
    let mut values = args![
        guardianship.id,
        on_child.person(),
        guardianship.relation.as_str(),
        guardianship.legal,
        guardianship.rank,
        guardianship.status.as_str(),
        guardianship.verified_by.map(Evidence::as_str),
        restrictions(guardianship),
        guardianship.valid_to,
        guardianship.updated_at,
        guardianship.version,
        guardianship.institution,
    ];
    values.extend(confirmed(guardianship));
    tx.execute_one(UPDATE, values).await
}

/// Keeps how a guardianship was before a change whose version was counted up.
pub(super) async fn keep(tx: &mut Tx, changed: &Guardianship) -> Result<(), StoreError> {
    row_states::changing(tx, RowKind::Guardianship, &[changed.id.0]).await?;
    let day = changed.valid_to.unwrap_or_else(|| changed.updated_at.shanghai_date());
    tx.execute(KEEP, args![changed.id, changed.version, day, changed.updated_at]).await.map(drop)
}

/// Keeps how a guardianship was until a day, before a merge changes it.
///
/// # Errors
/// As [`StoreError`] says.
pub(super) async fn keep_before(tx: &mut Tx, guardianship: Uuid, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(KEEP_BEFORE, args![guardianship, now.shanghai_date(), now]).await.map(drop)
}

/// A guardianship by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, id: GuardianshipId) -> Result<Option<Guardianship>, StoreError> {
    tx.optional(FIND, args![id]).await
}

impl FromRow for GuardianshipSlice {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            guardianship: row.get("guardianship_id")?,
            relation: row.code("relation")?,
            legal: row.get("legal")?,
            rank: row.get("rank")?,
            status: row.code("status")?,
            confirmed: confirmation(row)?,
            restrictions: row.json::<BTreeSet<Restriction>>("restrictions")?,
            institution: row.get("guardian_org_id")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
        })
    }
}

/// How the guardianships over the person were before, the oldest of each first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn slices(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<GuardianshipSlice>, StoreError> {
    tx.all(SLICES, args![proof.person()]).await
}

/// A relation, as the daily look at majority sees it.
pub struct Due {
    /// Which.
    pub id: GuardianshipId,
    /// It stands, and the child was born before the day that was asked for.
    pub due: bool,
}

impl FromRow for Due {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get("id")?, due: row.get("due")? })
    }
}

/// The next relations behind `after`, and which of them are over because their child was born before a day.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn page_for_majority(
    tx: &mut Tx,
    _task: &Task,
    after: Option<GuardianshipId>,
    born_before: NaiveDate,
    limit: u32,
) -> Result<Vec<Due>, StoreError> {
    let after = after.unwrap_or(GuardianshipId(Uuid::nil()));
    tx.all(MAJORITY, args![after, born_before, limit]).await
}

fn restrictions(guardianship: &Guardianship) -> serde_json::Value {
    guardianship.restrictions.iter().map(|restriction| restriction.as_str()).collect()
}

/// All guardianships over the person, the first guardian first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_child(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<Guardianship>, StoreError> {
    tx.all(OF_CHILD, args![proof.person()]).await
}

/// All guardianships that the person has over others.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_guardian(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<Guardianship>, StoreError> {
    tx.all(OF_GUARDIAN, args![proof.person()]).await
}

/// Whether the person is of age to be a guardian, whoever recorded her as one.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn keeper(tx: &mut Tx, proof: &impl OnePerson) -> Result<Option<Keeper>, StoreError> {
    tx.optional(KEEPER, args![proof.person()]).await
}

/// Who may speak for the person now: confirmed, unrestricted, unexpired guardians, themselves of age, of somebody who is
/// not.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn confirmed_guardians(
    tx: &mut Tx,
    proof: &impl OnePerson,
    now: Timestamp,
) -> Result<Vec<PersonId>, StoreError> {
    let all: Vec<Between> = tx.all(CONFIRMED, args![proof.person()]).await?;
    Ok(all.into_iter().filter(|row| row.is_live(now)).map(|row| row.guardianship.guardian).collect())
}

/// The evidence for a [`Ward`](crate::domain::access::Ward): whether the person at the keyboard may speak for this child now.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn is_guardian_of(tx: &mut Tx, own: &Own, child: PersonId, now: Timestamp) -> Result<bool, StoreError> {
    let found: Option<Between> = tx.optional(BETWEEN, args![own.person(), child]).await?;
    Ok(found.is_some_and(|row| row.is_live(now)))
}

/// The relations of many children to their guardians, ended and rejected ones too.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_children(tx: &mut Tx, _task: &Task, children: &[PersonId]) -> Result<Vec<Guardianship>, StoreError> {
    tx.all_in(OF_CHILDREN, &[], children.iter().map(|id| Value::from(*id)).collect()).await
}

/// Pending and confirmed relations of many guardians to children.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn standing_of_guardians(
    tx: &mut Tx,
    _task: &Task,
    guardians: &[PersonId],
) -> Result<Vec<Guardianship>, StoreError> {
    tx.all_in(STANDING_OF_GUARDIANS, &[], guardians.iter().map(|id| Value::from(*id)).collect()).await
}

/// Pending and confirmed relations in which an institution is the guardian.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn standing_of_institution(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Vec<Guardianship>, StoreError> {
    tx.all(STANDING_OF_INSTITUTION, args![org]).await
}
