//! Consent receipts 同意: added and withdrawn, never deleted (ruling R8).

use std::collections::BTreeSet;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::{OnePerson, Ward};
use crate::domain::id::ClientId;
use crate::domain::registry::consent::ConsentReceipt;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO consent (id, person_id, given_by, client_id, claims, details, purpose, notice_version, age_band, given_at, withdrawn_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    LIVE = "SELECT * FROM consent WHERE person_id = $1 AND client_id = $2 AND withdrawn_at IS NULL ORDER BY given_at, id";
    LIVE_OF_PERSON = "SELECT * FROM consent WHERE person_id = $1 AND withdrawn_at IS NULL ORDER BY given_at, id";
    OF_PERSON = "SELECT * FROM consent WHERE person_id = $1 ORDER BY given_at, id";
    GIVEN_BY = "SELECT * FROM consent WHERE given_by = $1 AND person_id <> $1 ORDER BY given_at, id";
    TAKE_BACK = "UPDATE consent SET withdrawn_at = $3 WHERE person_id = $1 AND given_by = $2 AND withdrawn_at IS NULL RETURNING client_id";
    WITHDRAW = "UPDATE consent SET withdrawn_at = $3 WHERE person_id = $1 AND client_id = $2 AND withdrawn_at IS NULL";
    // As LIVE.
    @still HOLD = "SELECT held.* FROM consent held WHERE held.person_id = $1 AND held.client_id = $2 AND held.withdrawn_at IS NULL ORDER BY held.given_at, held.id";
}

impl FromRow for ConsentReceipt {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            given_by: row.get("given_by")?,
            client: row.get("client_id")?,
            claims: row.json("claims")?,
            details: row.optional_json("details")?,
            purpose: row.get("purpose")?,
            notice_version: row.get("notice_version")?,
            given_at: row.get("given_at")?,
            withdrawn_at: row.get("withdrawn_at")?,
            age_band: row.code("age_band")?,
        })
    }
}

/// Records a receipt about the person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, proof: &impl OnePerson, receipt: &ConsentReceipt) -> Result<(), StoreError> {
    let values = args![
        receipt.id,
        proof.person(),
        receipt.given_by,
        receipt.client,
        serde_json::json!(receipt.claims),
        receipt.details.as_ref().map(|agreed| serde_json::json!(agreed)),
        receipt.purpose.clone(),
        receipt.notice_version.clone(),
        receipt.age_band.as_str(),
        receipt.given_at,
        receipt.withdrawn_at,
    ];
    tx.execute(INSERT, values).await?;
    Ok(())
}

/// Receipts about the person that a client holds today. Whether their giver may still speak for her is for the
/// caller to see.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn live(tx: &mut Tx, proof: &impl OnePerson, client: ClientId) -> Result<Vec<ConsentReceipt>, StoreError> {
    tx.all(LIVE, args![proof.person(), client]).await
}

/// The same, kept from being withdrawn before this transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold(tx: &mut Tx, proof: &impl OnePerson, client: ClientId) -> Result<Vec<ConsentReceipt>, StoreError> {
    tx.all(HOLD, args![proof.person(), client]).await
}

/// Receipts about the person that any client holds today, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn live_of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<ConsentReceipt>, StoreError> {
    tx.all(LIVE_OF_PERSON, args![proof.person()]).await
}

/// All receipts about the person, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<ConsentReceipt>, StoreError> {
    tx.all(OF_PERSON, args![proof.person()]).await
}

/// All receipts that the person gave for others, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn given_by(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<ConsentReceipt>, StoreError> {
    tx.all(GIVEN_BY, args![proof.person()]).await
}

/// Withdraws every live receipt that a client holds about the person; how many there were.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn withdraw(
    tx: &mut Tx,
    proof: &impl OnePerson,
    client: ClientId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    tx.execute(WITHDRAW, args![proof.person(), client, now]).await
}

struct HeldBy(ClientId);

impl FromRow for HeldBy {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("client_id")?))
    }
}

/// Withdraws every live receipt that a guardian gave about her ward; which clients held them.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn take_back(tx: &mut Tx, ward: &Ward, now: Timestamp) -> Result<BTreeSet<ClientId>, StoreError> {
    let held: Vec<HeldBy> = tx.all(TAKE_BACK, args![ward.person(), ward.guardian(), now]).await?;
    Ok(held.into_iter().map(|row| row.0).collect())
}
