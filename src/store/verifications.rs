//! Real-name verifications 实名核验: added, and superseded when what was compared changes; never taken back.

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::{OnePerson, Task, TaskOn};
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::registry::codes::realname::Level;
use crate::domain::registry::verification::Verification;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO verification (id, person_id, method, trust_framework, level, verifier, claims, result, evidence_sealed, txn, verified_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    OF_PERSON = "SELECT * FROM verification WHERE person_id = $1 ORDER BY verified_at, id";
    STANDING_OF_MANY = "SELECT * FROM verification WHERE superseded_at IS NULL AND person_id IN ($1)";
    SUPERSEDE = "UPDATE verification SET superseded_at = $3 WHERE id = $1 AND person_id = $2 AND superseded_at IS NULL";
    RESTORE = "UPDATE verification SET superseded_at = NULL WHERE id = $1 AND person_id = $2";
}

impl FromRow for Verification {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let level = Level::new(row.get("level")?)
            .map_err(|unknown| StoreError::Decode { column: "level", reason: unknown.to_string() })?;
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            method: row.code("method")?,
            trust_framework: row.get("trust_framework")?,
            level,
            verifier: row.get("verifier")?,
            claims: row.json("claims")?,
            result: row.code("result")?,
            evidence_sealed: row.get("evidence_sealed")?,
            txn: row.get("txn")?,
            verified_at: row.get("verified_at")?,
            superseded_at: row.get("superseded_at")?,
        })
    }
}

/// Those of many people that were not superseded.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn standing_of_many(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<Verification>, StoreError> {
    tx.all_in(STANDING_OF_MANY, &[], people.iter().map(|id| Value::from(*id)).collect()).await
}

/// Records a verification of the person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on: &TaskOn, verification: &Verification) -> Result<(), StoreError> {
    let values = args![
        verification.id,
        on.person(),
        verification.method.as_str(),
        verification.trust_framework.clone(),
        i64::from(verification.level.get()),
        verification.verifier.clone(),
        verification.claims_json(),
        verification.result.as_str(),
        verification.evidence_sealed.clone(),
        verification.txn.clone(),
        verification.verified_at,
    ];
    tx.execute(INSERT, values).await?;
    Ok(())
}

/// All verifications of a person, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<Verification>, StoreError> {
    tx.all(OF_PERSON, args![proof.person()]).await
}

/// Ends what a verification says of the person; `false` when that was over.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn supersede(tx: &mut Tx, on: &TaskOn, id: VerificationId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(SUPERSEDE, args![id, on.person(), now]).await
}

/// Lets a verification speak of the person again.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn restore(tx: &mut Tx, on: &TaskOn, id: VerificationId) -> Result<(), StoreError> {
    tx.execute(RESTORE, args![id, on.person()]).await.map(drop)
}
