//! Standard claims that a person gave herself (前台自愿), sealed.

use super::db::{StoreError, Tx, args, statements};
use crate::domain::access::OnePerson;
use crate::domain::time::Timestamp;

statements! {
    SET = "INSERT INTO profile (person_id, claims_sealed, updated_at) VALUES ($1, $2, $3) ON CONFLICT (person_id) DO UPDATE SET claims_sealed = excluded.claims_sealed, updated_at = excluded.updated_at";
}

/// Keeps the sealed claims.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set(tx: &mut Tx, proof: &impl OnePerson, sealed: Vec<u8>, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(SET, args![proof.person(), sealed, now]).await?;
    Ok(())
}
