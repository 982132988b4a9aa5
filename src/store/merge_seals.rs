//! Values that are sealed under a person's salt, where they go over to somebody who has another one.

use uuid::Uuid;

use super::db::{FromRow, Row, Statement, StoreError, Tx, args, statements};
use crate::domain::access::Task;
use crate::domain::id::PersonId;

statements! {
    SEALED_VERIFICATION = "SELECT id, evidence_sealed AS sealed FROM verification WHERE person_id = $1 AND evidence_sealed IS NOT NULL";
    RESEAL_VERIFICATION = "UPDATE verification SET evidence_sealed = $2 WHERE id = $1";
    SEALED_DOCUMENT = "SELECT id, number_sealed AS sealed FROM identity_document WHERE person_id = $1 AND number_sealed IS NOT NULL";
    RESEAL_DOCUMENT = "UPDATE identity_document SET number_sealed = $2 WHERE id = $1";
    SEALED_END = "SELECT id, end_evidence_sealed AS sealed FROM identity_document WHERE person_id = $1 AND end_evidence_sealed IS NOT NULL";
    RESEAL_END = "UPDATE identity_document SET end_evidence_sealed = $2 WHERE id = $1";
    SEALED_SLICE = "SELECT s.id AS id, s.evidence_sealed AS sealed FROM identity_document_slice s JOIN identity_document d ON d.id = s.document_id WHERE d.person_id = $1 AND s.evidence_sealed IS NOT NULL";
    RESEAL_SLICE = "UPDATE identity_document_slice SET evidence_sealed = $2 WHERE id = $1";
    SEALED_CODE = "SELECT id, code_sealed AS sealed FROM personal_code WHERE person_id = $1 AND code_sealed IS NOT NULL";
    RESEAL_CODE = "UPDATE personal_code SET code_sealed = $2 WHERE id = $1";
    SEALED_CONTACT = "SELECT id, value_sealed AS sealed FROM contact WHERE person_id = $1 AND value_sealed IS NOT NULL";
    RESEAL_CONTACT = "UPDATE contact SET value_sealed = $2 WHERE id = $1";
    PROFILE = "SELECT person_id AS id, claims_sealed AS sealed FROM profile WHERE person_id = $1";
    MOVE_PROFILE = "UPDATE profile SET person_id = $2, claims_sealed = $3 WHERE person_id = $1";
}

/// A column that hangs on the person's salt.
pub struct SealedColumn {
    /// Of this table.
    pub table: &'static str,
    /// Its name.
    pub column: &'static str,
    read: Statement,
    write: Statement,
}

/// All of them but the profile, whose row is named by its person.
pub const SEALED: &[SealedColumn] = &[
    SealedColumn {
        table: "verification",
        column: "evidence_sealed",
        read: SEALED_VERIFICATION,
        write: RESEAL_VERIFICATION,
    },
    SealedColumn { table: "identity_document", column: "number_sealed", read: SEALED_DOCUMENT, write: RESEAL_DOCUMENT },
    SealedColumn { table: "identity_document", column: "end_evidence_sealed", read: SEALED_END, write: RESEAL_END },
    SealedColumn {
        table: "identity_document_slice",
        column: "evidence_sealed",
        read: SEALED_SLICE,
        write: RESEAL_SLICE,
    },
    SealedColumn { table: "personal_code", column: "code_sealed", read: SEALED_CODE, write: RESEAL_CODE },
    SealedColumn { table: "contact", column: "value_sealed", read: SEALED_CONTACT, write: RESEAL_CONTACT },
];

/// A sealed value of a row.
pub struct Sealed {
    /// The row.
    pub row: Uuid,
    /// What is sealed.
    pub bytes: Vec<u8>,
}

impl FromRow for Sealed {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { row: row.get("id")?, bytes: row.get("sealed")? })
    }
}

/// Sealed values of a person in one column.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn sealed(
    tx: &mut Tx,
    _task: &Task,
    column: &SealedColumn,
    person: PersonId,
) -> Result<Vec<Sealed>, StoreError> {
    tx.all(column.read, args![person]).await
}

/// Puts a value in the place of one that was sealed otherwise.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn reseal(tx: &mut Tx, _task: &Task, column: &SealedColumn, sealed: Sealed) -> Result<(), StoreError> {
    tx.execute(column.write, args![sealed.row, sealed.bytes]).await.map(drop)
}

/// The sealed profile of a person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn profile(tx: &mut Tx, _task: &Task, person: PersonId) -> Result<Option<Sealed>, StoreError> {
    tx.optional(PROFILE, args![person]).await
}

/// Hands a profile to another person, sealed for her.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn move_profile(
    tx: &mut Tx,
    _task: &Task,
    from: PersonId,
    to: PersonId,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    tx.execute(MOVE_PROFILE, args![from, to, sealed]).await.map(drop)
}
