//! Wards as their guardian sees them at home, and what she answers about them. Every row is one of her own guardianships.

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use super::guardianships;
use crate::domain::access::{OnePerson as _, Own, Ward};
use crate::domain::id::OrgId;
use crate::domain::registry::guardianship::{Guardianship, GuardianshipStatus, Keeper};

statements! {
    OF_GUARDIAN = "SELECT g.*, ch.name AS child_name, ch.birth_date AS child_born, o.id AS org_id, o.name AS org_name, k.name AS class_name, r.name AS recorded_name,
            me.birth_date AS keeper_born, (SELECT COUNT(*) FROM enrolment s WHERE s.person_id = me.id) AS keeper_stays
        FROM guardianship g JOIN person ch ON ch.id = g.child_id JOIN person me ON me.id = g.guardian_id
        LEFT JOIN enrolment e ON e.person_id = g.child_id AND e.source = 'normal' AND e.valid_to IS NULL
        LEFT JOIN institution o ON o.id = e.org_id LEFT JOIN class k ON k.id = e.class_id LEFT JOIN institution r ON r.id = g.recorded_org_id
        WHERE g.guardian_id = $1 AND g.status IN ('pending', 'confirmed') AND ch.status = 'active'
          AND (g.guardian_org_id IS NULL OR EXISTS (SELECT 1 FROM staffing f WHERE f.person_id = g.guardian_id AND f.org_id = g.guardian_org_id AND f.valid_to IS NULL)) ORDER BY COALESCE(ch.birth_date, ''), g.id";
    OTHERS = "SELECT p.name AS name, g.status AS status, r.name AS recorded_name
        FROM guardianship g JOIN person p ON p.id = g.guardian_id LEFT JOIN institution r ON r.id = g.recorded_org_id
        WHERE g.child_id = $1 AND g.guardian_id <> $2 AND g.status IN ('pending', 'confirmed') AND p.status = 'active' ORDER BY g.rank, g.created_at, g.id";
    ANSWER = "UPDATE guardianship SET status = $3, valid_to = $4, updated_at = $5, version = $6 WHERE id = $1 AND guardian_id = $2 AND version = $6 - 1";
}

/// A guardianship that stands or waits, with what its guardian may be told.
pub struct Kept {
    /// The relation.
    pub guardianship: Guardianship,
    /// The child's name.
    pub child_name: String,
    /// The child's birth date.
    pub child_born: Option<NaiveDate>,
    /// Whether she is of age herself.
    pub keeper: Keeper,
    /// The school that holds the child's 学籍.
    pub school: Option<(OrgId, String)>,
    /// The child's class there.
    pub class_name: Option<String>,
    /// Who recorded the relation.
    pub recorded_name: Option<String>,
}

impl FromRow for Kept {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let school = match (row.get("org_id")?, row.get("org_name")?) {
            (Some(id), Some(name)) => Some((id, name)),
            _ => None,
        };
        Ok(Self {
            guardianship: Guardianship::from_row(row)?,
            child_name: row.get::<Option<String>>("child_name")?.unwrap_or_default(),
            child_born: row.get("child_born")?,
            keeper: Keeper::from_row(row)?,
            school,
            class_name: row.get("class_name")?,
            recorded_name: row.get("recorded_name")?,
        })
    }
}

/// Somebody else who is recorded as a guardian of the same child.
pub struct OtherGuardian {
    /// Her name, to be masked.
    pub name: String,
    /// Pending or confirmed.
    pub status: GuardianshipStatus,
    /// Who recorded her.
    pub recorded_name: Option<String>,
}

impl FromRow for OtherGuardian {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.get::<Option<String>>("name")?.unwrap_or_default(),
            status: row.code("status")?,
            recorded_name: row.get("recorded_name")?,
        })
    }
}

/// All guardianships of hers that are pending or confirmed, the eldest child first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_guardian(tx: &mut Tx, own: &Own) -> Result<Vec<Kept>, StoreError> {
    tx.all(OF_GUARDIAN, args![own.person()]).await
}

/// Who else is recorded as a guardian of her ward, pending or confirmed.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn other_guardians(tx: &mut Tx, ward: &Ward) -> Result<Vec<OtherGuardian>, StoreError> {
    tx.all(OTHERS, args![ward.person(), ward.guardian()]).await
}

/// Writes what she answered: a step that ended or rejected one of her guardianships, whose version was counted up by one.
/// `false` when somebody else changed it meanwhile, or it is not hers.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn answer(tx: &mut Tx, own: &Own, answered: &Guardianship) -> Result<bool, StoreError> {
    guardianships::keep(tx, answered).await?;
    let values = args![
        answered.id,
        own.person(),
        answered.status.as_str(),
        answered.valid_to,
        answered.updated_at,
        answered.version,
    ];
    tx.execute_one(ANSWER, values).await
}
