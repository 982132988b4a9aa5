//! The rows that go over from one record to another when the two are one person, and back. What went is written down, so
//! that it can return. What had to be settled is in [`merge_changes`](super::merge_changes), what hangs on a person's salt in
//! [`merge_seals`](super::merge_seals).

use uuid::Uuid;

use super::db::{FromRow, Row, Statement, StoreError, Tx, args, statements};
use super::merge_changes::{self, Change};
use super::row_states;
use crate::domain::access::Task;
use crate::domain::id::{AccountId, CaseId, MergeId, PersonId};
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    GO_VERIFICATIONS = "UPDATE verification SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_VERIFICATIONS = "UPDATE verification SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'verification.person_id')";
    GO_REQUESTS = "UPDATE verification_request SET person_id = $2 WHERE person_id = $1 AND NOT (state = 'waiting' AND service IN (SELECT service FROM verification_request WHERE person_id = $2 AND state = 'waiting')) RETURNING id";
    BACK_REQUESTS = "UPDATE verification_request SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'verification_request.person_id')
        AND NOT (state = 'waiting' AND service IN (SELECT o.service FROM verification_request o WHERE o.person_id = $2 AND o.state = 'waiting'))";
    GO_DOCUMENTS = "UPDATE identity_document SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_DOCUMENTS = "UPDATE identity_document SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'identity_document.person_id')";
    GO_CODES = "UPDATE personal_code SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_CODES = "UPDATE personal_code SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'personal_code.person_id')";
    GO_CONTACTS = "UPDATE contact SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_CONTACTS = "UPDATE contact SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'contact.person_id')";
    GO_ENROLMENTS = "UPDATE enrolment SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_ENROLMENTS = "UPDATE enrolment SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'enrolment.person_id')";
    GO_STAFFINGS = "UPDATE staffing SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_STAFFINGS = "UPDATE staffing SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'staffing.person_id')";
    GO_WARDS = "UPDATE guardianship SET guardian_id = $2 WHERE guardian_id = $1 AND child_id <> $2 RETURNING id";
    BACK_WARDS = "UPDATE guardianship SET guardian_id = $2 WHERE guardian_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'guardianship.guardian_id')";
    GO_GUARDIANS = "UPDATE guardianship SET child_id = $2 WHERE child_id = $1 AND guardian_id <> $2 RETURNING id";
    BACK_GUARDIANS = "UPDATE guardianship SET child_id = $2 WHERE child_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'guardianship.child_id')";
    GO_ADMIN_GRANTS = "UPDATE admin_grant SET person_id = $2 WHERE person_id = $1 AND revoked_at IS NULL RETURNING id";
    BACK_ADMIN_GRANTS = "UPDATE admin_grant SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'admin_grant.person_id')";
    GO_SESSIONS = "UPDATE session SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_SESSIONS = "UPDATE session SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'session.person_id')";
    GO_RECEIPTS = "UPDATE consent SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_RECEIPTS = "UPDATE consent SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'consent.person_id')";
    GO_GIVEN = "UPDATE consent SET given_by = $2 WHERE given_by = $1 RETURNING id";
    BACK_GIVEN = "UPDATE consent SET given_by = $2 WHERE given_by = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'consent.given_by')";
    GO_GRANTS = "UPDATE oidc_grant SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_GRANTS = "UPDATE oidc_grant SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'oidc_grant.person_id')";
    GO_CLAIMS_ABOUT = "UPDATE relation_claim SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_CLAIMS_ABOUT = "UPDATE relation_claim SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'relation_claim.person_id')";
    GO_CLAIMS_OF_CHILD = "UPDATE relation_claim SET child_id = $2 WHERE child_id = $1 RETURNING id";
    BACK_CLAIMS_OF_CHILD = "UPDATE relation_claim SET child_id = $2 WHERE child_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'relation_claim.child_id')";
    GO_CLAIMED_BY = "UPDATE relation_claim SET claimed_by = $2 WHERE claimed_by = $1 RETURNING id";
    BACK_CLAIMED_BY = "UPDATE relation_claim SET claimed_by = $2 WHERE claimed_by = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'relation_claim.claimed_by')";
    GO_GRANTED_BY = "UPDATE admin_grant SET granted_by = $2 WHERE granted_by = $1 RETURNING id";
    BACK_GRANTED_BY = "UPDATE admin_grant SET granted_by = $2 WHERE granted_by = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'admin_grant.granted_by')";
    GO_KEPT = "UPDATE client SET keeper_id = $2 WHERE keeper_id = $1 RETURNING id";
    BACK_KEPT = "UPDATE client SET keeper_id = $2 WHERE keeper_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'client.keeper_id')";
    GO_SUSPENDED = "UPDATE client SET suspended_by = $2 WHERE suspended_by = $1 RETURNING id";
    BACK_SUSPENDED = "UPDATE client SET suspended_by = $2 WHERE suspended_by = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'client.suspended_by')";
    GO_OPENED_BY = "UPDATE conflict_case SET opened_by = $2 WHERE opened_by = $1 RETURNING id";
    BACK_OPENED_BY = "UPDATE conflict_case SET opened_by = $2 WHERE opened_by = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'conflict_case.opened_by')";
    GO_NAMES = "UPDATE person_name SET person_id = $2 WHERE person_id = $1 RETURNING id";
    BACK_NAMES = "UPDATE person_name SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'person_name.person_id')";
    GO_ACCOUNTS = "UPDATE account SET person_id = $2 WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM account mine WHERE mine.person_id = $2) RETURNING id";
    BACK_ACCOUNTS = "UPDATE account SET person_id = $2 WHERE person_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'account.person_id')";
    GO_ALIASES = "UPDATE login_alias SET account_id = $2 WHERE account_id = $1 RETURNING id";
    BACK_ALIASES = "UPDATE login_alias SET account_id = $2 WHERE account_id = $3 AND id IN (SELECT row_id FROM person_merge_row WHERE merge_id = $1 AND place = 'login_alias.account_id')";
    GRANTED_BY = "SELECT id FROM admin_grant WHERE granted_by = $1";
    KEPT_BY = "SELECT id FROM client WHERE keeper_id = $1 UNION SELECT id FROM client WHERE suspended_by = $1";
    NOTE_ROW = "INSERT INTO person_merge_row (merge_id, place, row_id) VALUES ($1, $2, $3)";
    SUBJECTS_OF_BOTH = "SELECT l.sector AS sector, l.sub AS old, s.sub AS new FROM subject l JOIN subject s ON s.sector = l.sector AND s.person_id = $2 WHERE l.person_id = $1 ORDER BY l.sector";
    GO_SUBJECTS = "UPDATE subject SET person_id = $2 WHERE person_id = $1 AND sector NOT IN (SELECT sector FROM subject WHERE person_id = $2) RETURNING sector, sub";
    BACK_SUBJECT = "UPDATE subject SET person_id = $2 WHERE person_id = $1 AND sector = $3 AND sub = $4";
    // Whoever has a password of her own keeps it.
    MOVE_PASSWORD = "UPDATE password_credential SET account_id = $2 WHERE account_id = $1 AND set_at <= $3 AND NOT EXISTS (SELECT 1 FROM password_credential o WHERE o.account_id = $2)";
    WENT = "SELECT row_id AS id FROM person_merge_row WHERE merge_id = $1 AND place = $2 ORDER BY row_id";
    SESSIONS_OF = "SELECT id FROM session WHERE person_id = $1 AND account_id = $2";
    SESSIONS_AS = "SELECT id FROM session WHERE person_id = $1 AND identity_id = $2";
    GRANTS_AS = "SELECT id FROM oidc_grant WHERE person_id = $1 AND identity_id = $2";
    SESSIONS_SINCE = "SELECT id FROM session WHERE person_id = $1 AND created_at > $2 AND ended_at IS NULL";
    REVOKE_SINCE = "UPDATE oidc_grant SET revoked_at = $3, revoke_reason = 'merge undone' WHERE person_id = $1 AND created_at > $2 AND revoked_at IS NULL";
    CLOSE_SPACE = "UPDATE space SET status = 'merged', merged_into = (SELECT space_id FROM person WHERE id = $2) WHERE id = (SELECT space_id FROM person WHERE id = $1)";
    OPEN_SPACE = "UPDATE space SET status = 'active', merged_into = NULL WHERE id = (SELECT space_id FROM person WHERE id = $1)";
    FORGET_NAMES = "DELETE FROM presence WHERE person_id = $1 AND name_key NOT IN (SELECT name_key FROM person WHERE id = $1 AND name_key IS NOT NULL
        UNION SELECT name_key FROM person_name WHERE person_id = $1 AND name_key IS NOT NULL)";
}

/// What is a person's, of whose rows the audit has digests.
const HERS: [RowKind; 6] = [
    RowKind::Enrolment,
    RowKind::Staffing,
    // Keyed by whose the post is.
    RowKind::Teaching,
    RowKind::Guardianship,
    RowKind::AdminGrant,
    RowKind::Account,
];

/// A column that names a person, whose rows go over.
struct Place {
    name: &'static str,
    go: Statement,
    back: Statement,
}

const PLACES: &[Place] = &[
    Place { name: "verification.person_id", go: GO_VERIFICATIONS, back: BACK_VERIFICATIONS },
    Place { name: "verification_request.person_id", go: GO_REQUESTS, back: BACK_REQUESTS },
    Place { name: "identity_document.person_id", go: GO_DOCUMENTS, back: BACK_DOCUMENTS },
    Place { name: "personal_code.person_id", go: GO_CODES, back: BACK_CODES },
    Place { name: "contact.person_id", go: GO_CONTACTS, back: BACK_CONTACTS },
    Place { name: "enrolment.person_id", go: GO_ENROLMENTS, back: BACK_ENROLMENTS },
    Place { name: "staffing.person_id", go: GO_STAFFINGS, back: BACK_STAFFINGS },
    Place { name: "guardianship.guardian_id", go: GO_WARDS, back: BACK_WARDS },
    Place { name: "guardianship.child_id", go: GO_GUARDIANS, back: BACK_GUARDIANS },
    Place { name: "admin_grant.person_id", go: GO_ADMIN_GRANTS, back: BACK_ADMIN_GRANTS },
    Place { name: "admin_grant.granted_by", go: GO_GRANTED_BY, back: BACK_GRANTED_BY },
    Place { name: "client.keeper_id", go: GO_KEPT, back: BACK_KEPT },
    Place { name: "client.suspended_by", go: GO_SUSPENDED, back: BACK_SUSPENDED },
    Place { name: "session.person_id", go: GO_SESSIONS, back: BACK_SESSIONS },
    Place { name: "consent.person_id", go: GO_RECEIPTS, back: BACK_RECEIPTS },
    Place { name: "consent.given_by", go: GO_GIVEN, back: BACK_GIVEN },
    Place { name: "oidc_grant.person_id", go: GO_GRANTS, back: BACK_GRANTS },
    Place { name: "relation_claim.person_id", go: GO_CLAIMS_ABOUT, back: BACK_CLAIMS_ABOUT },
    Place { name: "relation_claim.child_id", go: GO_CLAIMS_OF_CHILD, back: BACK_CLAIMS_OF_CHILD },
    Place { name: "relation_claim.claimed_by", go: GO_CLAIMED_BY, back: BACK_CLAIMED_BY },
    Place { name: "conflict_case.opened_by", go: GO_OPENED_BY, back: BACK_OPENED_BY },
    Place { name: "person_name.person_id", go: GO_NAMES, back: BACK_NAMES },
    Place { name: "account.person_id", go: GO_ACCOUNTS, back: BACK_ACCOUNTS },
];

struct Id(Uuid);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// What goes over is a person's, or mentions her.
async fn note_states(tx: &mut Tx, people: [PersonId; 2]) -> Result<(), StoreError> {
    for person in people {
        row_states::changing_of(tx, person, &HERS).await?;
    }
    for (kind, question) in [(RowKind::AdminGrant, GRANTED_BY), (RowKind::Client, KEPT_BY)] {
        for person in people {
            row_states::changing_found(tx, kind, question, args![person]).await?;
        }
    }
    Ok(())
}

/// Hands everything of one person to another, and writes down what went.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn go(
    tx: &mut Tx,
    _task: &Task,
    merge: MergeId,
    absorbed: PersonId,
    survivor: PersonId,
) -> Result<(), StoreError> {
    note_states(tx, [absorbed, survivor]).await?;
    for place in PLACES {
        let gone: Vec<Id> = tx.all(place.go, args![absorbed, survivor]).await?;
        tx.insert_many(NOTE_ROW, gone.iter().map(|id| args![merge, place.name, id.0]).collect()).await?;
    }
    Ok(())
}

/// Hands back what went over.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn back(
    tx: &mut Tx,
    _task: &Task,
    merge: MergeId,
    absorbed: PersonId,
    survivor: PersonId,
) -> Result<(), StoreError> {
    note_states(tx, [absorbed, survivor]).await?;
    for place in PLACES {
        tx.execute(place.back, args![merge, absorbed, survivor]).await?;
    }
    Ok(())
}

/// Lets the aliases of one account lead to another, and writes it down.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn aliases_go(
    tx: &mut Tx,
    _task: &Task,
    merge: MergeId,
    from: AccountId,
    to: AccountId,
) -> Result<(), StoreError> {
    row_states::changing(tx, RowKind::Account, &[from.0, to.0]).await?;
    let gone: Vec<Id> = tx.all(GO_ALIASES, args![from, to]).await?;
    let rows = gone.iter().map(|id| args![merge, "login_alias.account_id", id.0]).collect();
    tx.insert_many(NOTE_ROW, rows).await.map(drop)
}

/// Lets them lead back.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn aliases_back(
    tx: &mut Tx,
    _task: &Task,
    merge: MergeId,
    to: AccountId,
    from: AccountId,
) -> Result<(), StoreError> {
    row_states::changing(tx, RowKind::Account, &[from.0, to.0]).await?;
    tx.execute(BACK_ALIASES, args![merge, to, from]).await.map(drop)
}

/// Moves a password that was set by a moment to an account that has none. `false` when there is no such password.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn move_password(
    tx: &mut Tx,
    _task: &Task,
    from: AccountId,
    to: AccountId,
    by: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(MOVE_PASSWORD, args![from, to, by]).await
}

/// A subject that two people have in one sector.
pub struct Twice {
    /// Where.
    pub sector: String,
    /// Of the absorbed person.
    pub old: String,
    /// Of the survivor.
    pub new: String,
}

impl FromRow for Twice {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { sector: row.get("sector")?, old: row.get("old")?, new: row.get("new")? })
    }
}

struct Moved {
    sector: String,
    sub: String,
}

impl FromRow for Moved {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { sector: row.get("sector")?, sub: row.get("sub")? })
    }
}

const SUBJECT: &str = "subject.person_id ";

/// The sectors that know two people each by a subject of her own: they hear of a merge, and of its undoing.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn subjects_of_both(
    tx: &mut Tx,
    _task: &Task,
    absorbed: PersonId,
    survivor: PersonId,
) -> Result<Vec<Twice>, StoreError> {
    tx.all(SUBJECTS_OF_BOTH, args![absorbed, survivor]).await
}

/// Lets sectors that knew the absorbed person alone know the survivor by the same subject (R13).
///
/// # Errors
/// As [`StoreError`] says.
pub async fn subjects_go(
    tx: &mut Tx,
    task: &Task,
    merge: MergeId,
    absorbed: PersonId,
    survivor: PersonId,
) -> Result<(), StoreError> {
    let moved: Vec<Moved> = tx.all(GO_SUBJECTS, args![absorbed, survivor]).await?;
    let moved: Vec<Change> = moved
        .into_iter()
        .map(|one| Change::new(&format!("{SUBJECT}{}", one.sector), absorbed, one.sector, one.sub))
        .collect();
    merge_changes::note(tx, task, merge, &moved).await
}

/// Writes down that a merge answered a case.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn note_case(tx: &mut Tx, _task: &Task, merge: MergeId, case: CaseId) -> Result<(), StoreError> {
    tx.execute(NOTE_ROW, args![merge, "conflict_case.state", case]).await.map(drop)
}

/// The cases that a merge answered.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn closed_cases(tx: &mut Tx, task: &Task, merge: MergeId) -> Result<Vec<CaseId>, StoreError> {
    Ok(went(tx, task, merge, "conflict_case.state").await?.into_iter().map(CaseId).collect())
}

/// The rows of a place that went over.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn went(tx: &mut Tx, _task: &Task, merge: MergeId, place: &str) -> Result<Vec<Uuid>, StoreError> {
    Ok(tx.all::<Id>(WENT, args![merge, place]).await?.into_iter().map(|row| row.0).collect())
}

/// Gives subjects back.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn subjects_back(
    tx: &mut Tx,
    _task: &Task,
    changes: &[Change],
    absorbed: PersonId,
    survivor: PersonId,
) -> Result<(), StoreError> {
    for change in changes.iter().filter(|change| change.place.starts_with(SUBJECT)) {
        let (sector, sub) = (change.before.as_str().unwrap_or_default(), change.after.as_str().unwrap_or_default());
        tx.execute(BACK_SUBJECT, args![survivor, absorbed, sector, sub]).await?;
    }
    Ok(())
}

/// Sessions of a person that began with an account.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn sessions_of(
    tx: &mut Tx,
    _task: &Task,
    person: PersonId,
    account: AccountId,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(tx.all::<Id>(SESSIONS_OF, args![person, account]).await?.into_iter().map(|id| id.0).collect())
}

/// Sessions and grants of a person in one of her identities.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn used_as(
    tx: &mut Tx,
    _task: &Task,
    person: PersonId,
    identity: Uuid,
) -> Result<(Vec<Uuid>, Vec<Uuid>), StoreError> {
    let sessions: Vec<Id> = tx.all(SESSIONS_AS, args![person, identity]).await?;
    let grants: Vec<Id> = tx.all(GRANTS_AS, args![person, identity]).await?;
    Ok((sessions.into_iter().map(|id| id.0).collect(), grants.into_iter().map(|id| id.0).collect()))
}

/// Live sessions of a person that began after a moment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn sessions_since(
    tx: &mut Tx,
    _task: &Task,
    person: PersonId,
    since: Timestamp,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(tx.all::<Id>(SESSIONS_SINCE, args![person, since]).await?.into_iter().map(|id| id.0).collect())
}

/// Revokes what was granted to a person after a moment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_since(
    tx: &mut Tx,
    _task: &Task,
    person: PersonId,
    since: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    tx.execute(REVOKE_SINCE, args![person, since, now]).await
}

/// Lets the absorbed person's space lead to the survivor's.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn close_space(tx: &mut Tx, _task: &Task, absorbed: PersonId, survivor: PersonId) -> Result<(), StoreError> {
    tx.execute(CLOSE_SPACE, args![absorbed, survivor]).await.map(drop)
}

/// Opens it again.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open_space(tx: &mut Tx, _task: &Task, absorbed: PersonId) -> Result<(), StoreError> {
    tx.execute(OPEN_SPACE, args![absorbed]).await.map(drop)
}

/// Takes back the presence of names that are not a person's any more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget_names(tx: &mut Tx, _task: &Task, person: PersonId) -> Result<(), StoreError> {
    tx.execute(FORGET_NAMES, args![person]).await.map(drop)
}
