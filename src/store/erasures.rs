//! What goes when a person is erased, and what is known again (ruling R18).

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::row_states;
use crate::domain::access::{OnePerson as _, Task, TaskOn};
use crate::domain::id::PersonId;
use crate::domain::registry::document::DocumentClass;
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

/// In the place of an index that is gone.
const NO_KEY: [u8; 32] = [0; 32];

statements! {
    PASSWORD = "DELETE FROM password_credential WHERE account_id IN (SELECT id FROM account WHERE person_id = $1)";
    CODES_TO_ACTIVATE = "DELETE FROM activation WHERE account_id IN (SELECT id FROM account WHERE person_id = $1)";
    ALIASES = "DELETE FROM login_alias WHERE account_id IN (SELECT id FROM account WHERE person_id = $1)";
    CONTACTS = "DELETE FROM contact WHERE person_id = $1";
    PROFILE = "DELETE FROM profile WHERE person_id = $1";
    PRESENCE = "DELETE FROM presence WHERE person_id = $1";
    FORMER_NAMES = "UPDATE person_name SET name = NULL, name_key = NULL WHERE person_id = $1";
    // What was withdrawn is somebody else's, and no mark of hers.
    DOCUMENTS = "UPDATE identity_document SET number_sealed = NULL, valid_from = NULL, valid_to = NULL, ended_as = NULL, end_evidence_sealed = NULL, status = CASE WHEN status = 'withdrawn' THEN status ELSE 'erased' END, updated_at = $2, version = version + 1 WHERE person_id = $1";
    FORMER_DOCUMENTS = "DELETE FROM identity_document_slice WHERE document_id IN (SELECT id FROM identity_document WHERE person_id = $1)";
    PERSONAL_CODES = "UPDATE personal_code SET code_sealed = NULL, valid_to = NULL, status = CASE WHEN status = 'withdrawn' THEN status ELSE 'erased' END WHERE person_id = $1";
    EVIDENCE = "UPDATE verification SET evidence_sealed = NULL, txn = NULL WHERE person_id = $1";
    // What was open has nothing left to decide about.
    CASES = "UPDATE conflict_case SET evidence_sealed = NULL, reason = NULL, subject_key = NULL, state = 'decided', decided_at = COALESCE(decided_at, $2), version = version + 1 WHERE person_id = $1 OR other_id = $1";
    QUESTIONS = "DELETE FROM verification_request WHERE person_id = $1";
    MERGE_REASONS = "UPDATE person_merge SET reason = '' WHERE survivor_id = $1 OR absorbed_id = $1";
    MERGES = "DELETE FROM person_merge_change WHERE place LIKE 'person.%' AND merge_id IN (SELECT id FROM person_merge WHERE survivor_id = $1 UNION SELECT id FROM person_merge WHERE absorbed_id = $1 AND state = 'done')";
    RECEIPTS = "UPDATE consent SET withdrawn_at = $2 WHERE person_id = $1 AND withdrawn_at IS NULL";
    // What she agreed to in detail may name things of hers.
    RECEIPTS_IN_DETAIL = "UPDATE consent SET details = NULL WHERE person_id = $1 AND details IS NOT NULL";
    GRANTS_IN_DETAIL = "UPDATE oidc_grant SET details = NULL WHERE person_id = $1 AND details IS NOT NULL";
    // Rows that were about her: whose they were, and nothing of what stood in them.
    CLAIMS = "UPDATE relation_claim SET name = NULL, name_key = NULL, document_index = NULL, code_index = NULL, subject_key = $3, details = $4, reason = NULL,
        state = CASE WHEN state IN ('pending', 'rejected') THEN 'withdrawn' ELSE state END, decided_at = COALESCE(decided_at, $2), version = version + 1 WHERE person_id = $1";
    CLAIMS_ON_HER_GUARDIANS = "UPDATE relation_claim SET reason = NULL,
        state = CASE WHEN state IN ('pending', 'rejected') THEN 'withdrawn' ELSE state END, decided_at = COALESCE(decided_at, $2), version = version + 1 WHERE child_id = $1 AND person_id <> $1";
    ERASED_DOCUMENTS = "SELECT number_index AS found, person_id, created_at FROM identity_document WHERE status = 'erased' AND class = $1 AND country = $2 AND number_index IN ($3)";
    ERASED_CODES = "SELECT code_index AS found, person_id, created_at FROM personal_code WHERE status = 'erased' AND code_index IN ($1)";
    STUDENT_NUMBERS = "UPDATE enrolment SET student_no = NULL WHERE person_id = $1";
    FORMER_STUDENT_NUMBERS = "UPDATE enrolment_slice SET student_no = NULL WHERE enrolment_id IN (SELECT id FROM enrolment WHERE person_id = $1)";
    STAFF_NUMBERS = "UPDATE staffing SET staff_no = NULL WHERE person_id = $1";
    FORMER_STAFF_NUMBERS = "UPDATE staffing_slice SET staff_no = NULL WHERE staffing_id IN (SELECT id FROM staffing WHERE person_id = $1)";
    // What a court took away from the one is about the other as well: of whoever is erased nobody is the guardian any more.
    COURTS = "UPDATE guardianship SET restrictions = '[]' WHERE child_id = $1 OR guardian_id = $1";
    FORMER_COURTS = "UPDATE guardianship_slice SET restrictions = '[]' WHERE guardianship_id IN (SELECT id FROM guardianship WHERE child_id = $1 OR guardian_id = $1)";
    DEVICES = "UPDATE session SET agent = NULL WHERE person_id = $1";
    PURPOSES = "UPDATE approval SET purpose = '' WHERE person_id = $1";
    SPACE = "UPDATE space SET url = NULL, status = 'closed' WHERE id = (SELECT space_id FROM person WHERE id = $1)";
    REOPEN_SPACE = "UPDATE space SET status = 'active' WHERE status = 'closed' AND id = (SELECT space_id FROM person WHERE id = $1)";
    // The row itself is written by its own verb for who stands; who was merged into her stays merged.
    ABSORBED = "UPDATE person SET name = NULL, name_key = NULL, sex = '0', birth_date = NULL, nationality = NULL, salt = NULL, home_platform_id = NULL, updated_at = $2, version = version + 1
        WHERE id = $1 AND merged_into IS NOT NULL";
}

/// Takes away at once what no law keeps of a person who asked to be erased. Receipts end by their own verb, which tells whoever
/// rested on them.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn restrict(tx: &mut Tx, on: &TaskOn, now: Timestamp) -> Result<(), StoreError> {
    row_states::changing_account(tx, on).await?;
    for statement in [
        PASSWORD,
        CODES_TO_ACTIVATE,
        ALIASES,
        CONTACTS,
        PROFILE,
        EVIDENCE,
        QUESTIONS,
        RECEIPTS_IN_DETAIL,
        GRANTS_IN_DETAIL,
        DEVICES,
        SPACE,
    ] {
        tx.execute(statement, args![on.person()]).await?;
    }
    tx.execute(RECEIPTS, args![on.person(), now]).await.map(drop)
}

/// The space of whoever took it back is hers again, without the link that is gone.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn release(tx: &mut Tx, on: &TaskOn) -> Result<(), StoreError> {
    tx.execute(REOPEN_SPACE, args![on.person()]).await.map(drop)
}

/// Takes away what a record holds of a person. Her own row is left to [`super::persons::update`], unless it was merged.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn erase(tx: &mut Tx, on: &TaskOn, now: Timestamp) -> Result<(), StoreError> {
    row_states::changing_account(tx, on).await?;
    let hers = [RowKind::Enrolment, RowKind::Staffing, RowKind::Guardianship];
    row_states::changing_of(tx, on.person(), &hers).await?;
    for statement in [
        PASSWORD,
        CODES_TO_ACTIVATE,
        ALIASES,
        CONTACTS,
        PROFILE,
        PRESENCE,
        FORMER_NAMES,
        FORMER_DOCUMENTS,
        PERSONAL_CODES,
        EVIDENCE,
        QUESTIONS,
        MERGE_REASONS,
        MERGES,
        RECEIPTS_IN_DETAIL,
        GRANTS_IN_DETAIL,
        STUDENT_NUMBERS,
        FORMER_STUDENT_NUMBERS,
        STAFF_NUMBERS,
        FORMER_STAFF_NUMBERS,
        COURTS,
        FORMER_COURTS,
        DEVICES,
        PURPOSES,
        SPACE,
    ] {
        tx.execute(statement, args![on.person()]).await?;
    }
    for statement in [DOCUMENTS, RECEIPTS, CASES, CLAIMS_ON_HER_GUARDIANS, ABSORBED] {
        tx.execute(statement, args![on.person(), now]).await?;
    }
    tx.execute(CLAIMS, args![on.person(), now, NO_KEY, serde_json::json!({})]).await?;
    Ok(())
}

/// A number or 学籍号 of somebody who was erased: its index is all that is left of it.
pub struct Erased {
    /// The index.
    pub found: [u8; 32],
    /// Whose it was.
    pub person: PersonId,
    /// When it had been recorded: of two who had it in turn, the later one counts.
    pub recorded_at: Timestamp,
}

impl FromRow for Erased {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { found: row.get("found")?, person: row.get("person_id")?, recorded_at: row.get("created_at")? })
    }
}

/// Which numbers of a class and country were somebody's who was erased.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn documents_of_many(
    tx: &mut Tx,
    _task: &Task,
    class: DocumentClass,
    country: &str,
    indexes: &[[u8; 32]],
) -> Result<Vec<Erased>, StoreError> {
    let keys = indexes.iter().map(Value::from).collect();
    tx.all_in(ERASED_DOCUMENTS, &[class.as_str().into(), country.into()], keys).await
}

/// Which 学籍号 were.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn codes_of_many(tx: &mut Tx, _task: &Task, indexes: &[[u8; 32]]) -> Result<Vec<Erased>, StoreError> {
    tx.all_in(ERASED_CODES, &[], indexes.iter().map(Value::from).collect()).await
}
