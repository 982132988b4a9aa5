//! What goes when a person is erased (ruling R18).

use super::db::{StoreError, Tx, args, statements};
use crate::domain::access::{OnePerson as _, TaskOn};
use crate::domain::time::Timestamp;

statements! {
    PASSWORD = "DELETE FROM password_credential WHERE account_id IN (SELECT id FROM account WHERE person_id = $1)";
    CODES_TO_ACTIVATE = "DELETE FROM activation WHERE account_id IN (SELECT id FROM account WHERE person_id = $1)";
    ALIASES = "DELETE FROM login_alias WHERE account_id IN (SELECT id FROM account WHERE person_id = $1)";
    CONTACTS = "DELETE FROM contact WHERE person_id = $1";
    PROFILE = "DELETE FROM profile WHERE person_id = $1";
    PRESENCE = "DELETE FROM presence WHERE person_id = $1";
    FORMER_NAMES = "UPDATE person_name SET name = NULL, name_key = NULL WHERE person_id = $1";
    DOCUMENTS = "UPDATE identity_document SET number_sealed = NULL, valid_from = NULL, valid_to = NULL, status = 'erased', updated_at = $2, version = version + 1 WHERE person_id = $1";
    PERSONAL_CODES = "UPDATE personal_code SET code_sealed = NULL, status = 'erased' WHERE person_id = $1";
    EVIDENCE = "UPDATE verification SET evidence_sealed = NULL WHERE person_id = $1";
    CASES = "UPDATE conflict_case SET evidence_sealed = NULL WHERE person_id = $1 OR other_id = $1";
    MERGES = "DELETE FROM person_merge_change WHERE place LIKE 'person.%' AND merge_id IN (SELECT id FROM person_merge WHERE survivor_id = $1 UNION SELECT id FROM person_merge WHERE absorbed_id = $1 AND state = 'done')";
    RECEIPTS = "UPDATE consent SET withdrawn_at = $2 WHERE person_id = $1 AND withdrawn_at IS NULL";
    CLAIMS = "UPDATE relation_claim SET name = NULL, name_key = NULL WHERE person_id = $1";
    SPACE = "UPDATE space SET url = NULL, status = 'closed' WHERE id = (SELECT space_id FROM person WHERE id = $1)";
    // The row itself is written by its own verb for who stands; who was merged into her stays merged.
    ABSORBED = "UPDATE person SET name = NULL, name_key = NULL, sex = '0', birth_date = NULL, nationality = NULL, salt = NULL, home_platform_id = NULL, updated_at = $2, version = version + 1
        WHERE id = $1 AND merged_into IS NOT NULL";
}

/// Takes away what a record holds of a person. Her own row is left to [`super::persons::update`], unless it was merged.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn erase(tx: &mut Tx, on: &TaskOn, now: Timestamp) -> Result<(), StoreError> {
    for statement in [
        PASSWORD,
        CODES_TO_ACTIVATE,
        ALIASES,
        CONTACTS,
        PROFILE,
        PRESENCE,
        FORMER_NAMES,
        PERSONAL_CODES,
        EVIDENCE,
        CASES,
        MERGES,
        CLAIMS,
        SPACE,
    ] {
        tx.execute(statement, args![on.person()]).await?;
    }
    for statement in [DOCUMENTS, RECEIPTS, ABSORBED] {
        tx.execute(statement, args![on.person(), now]).await?;
    }
    Ok(())
}
