//! Passwords, as PHC strings (argon2id).

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::{Door, OnePerson};
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;

statements! {
    PASSWORD = "SELECT phc FROM password_credential WHERE account_id = $1";
    SET_PASSWORD = "INSERT INTO password_credential (account_id, phc, set_at) SELECT a.id, $3, $4 FROM account a WHERE a.id = $1 AND a.person_id = $2
        ON CONFLICT (account_id) DO UPDATE SET phc = excluded.phc, set_at = excluded.set_at";
    SET_AT = "SELECT c.set_at FROM password_credential c JOIN account a ON a.id = c.account_id WHERE a.id = $1 AND a.person_id = $2";
    VOID = "DELETE FROM password_credential WHERE account_id = (SELECT id FROM account WHERE id = $1 AND person_id = $2)";
}

struct Phc(String);

impl FromRow for Phc {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("phc")?))
    }
}

/// The PHC string to verify a typed password against.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn password(tx: &mut Tx, _door: &Door, account: AccountId) -> Result<Option<String>, StoreError> {
    Ok(tx.optional::<Phc>(PASSWORD, args![account]).await?.map(|row| row.0))
}

/// Sets the password of the person's account; `false` when the account is not hers.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_password(
    tx: &mut Tx,
    proof: &impl OnePerson,
    account: AccountId,
    phc: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(SET_PASSWORD, args![account, proof.person(), phc, now]).await
}

struct SetAt(Timestamp);

impl FromRow for SetAt {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("set_at")?))
    }
}

/// Since when the person's account has its password; `None` where it has none.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_at(tx: &mut Tx, proof: &impl OnePerson, account: AccountId) -> Result<Option<Timestamp>, StoreError> {
    Ok(tx.optional::<SetAt>(SET_AT, args![account, proof.person()]).await?.map(|row| row.0))
}

/// Takes the password off the person's account; `false` when there was none.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn void(tx: &mut Tx, proof: &impl OnePerson, account: AccountId) -> Result<bool, StoreError> {
    tx.execute_one(VOID, args![account, proof.person()]).await
}
