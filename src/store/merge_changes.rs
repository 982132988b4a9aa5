//! What a merge had to settle because one person cannot have it twice: one column of one row each, with what it held. It is
//! changed back unless somebody changed it since, or it clashes with what came since.

use uuid::Uuid;

use super::db::{FromRow, Row, Statement, StoreError, Tx, Value, args, statements};
use super::{enrolments, guardianships, row_states};
use crate::domain::access::Task;
use crate::domain::id::MergeId;
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    SET_SUPERSEDED = "UPDATE verification SET superseded_at = $3 WHERE id = $1 AND superseded_at IS NOT DISTINCT FROM $2";
    SET_DOCUMENT_STATUS = "UPDATE identity_document SET status = $3 WHERE id = $1 AND status IS NOT DISTINCT FROM $2";
    SET_DOCUMENT_END = "UPDATE identity_document SET valid_to = $3 WHERE id = $1 AND valid_to IS NOT DISTINCT FROM $2 AND (CAST($3 AS TEXT) IS NOT NULL OR status = 'active')";
    SET_CODE_STATUS = "UPDATE personal_code SET status = $3 WHERE id = $1 AND status IS NOT DISTINCT FROM $2";
    SET_CODE_END = "UPDATE personal_code SET valid_to = $3 WHERE id = $1 AND valid_to IS NOT DISTINCT FROM $2 AND (CAST($3 AS TEXT) IS NOT NULL OR status = 'active')";
    SET_CONTACT_END = "UPDATE contact SET ended_at = $3 WHERE id = $1 AND ended_at IS NOT DISTINCT FROM $2 AND (CAST($3 AS BIGINT) IS NOT NULL OR NOT EXISTS (SELECT 1 FROM contact o WHERE o.person_id = contact.person_id AND o.kind = contact.kind AND o.value_index = contact.value_index AND o.ended_at IS NULL))";
    SET_STAY_SOURCE = "UPDATE enrolment SET source = $3 WHERE id = $1 AND source IS NOT DISTINCT FROM $2 AND ($3 <> 'normal' OR NOT EXISTS (SELECT 1 FROM enrolment o WHERE o.person_id = enrolment.person_id AND o.source = 'normal' AND o.valid_to IS NULL))";
    // It comes back to the stretch that it began: one that began since as 借读 has none.
    SET_STAY_BEGAN_BY = "UPDATE enrolment SET began_by = $3 WHERE id = $1 AND began_by IS NOT DISTINCT FROM $2 AND (CAST($3 AS TEXT) IS NULL
        OR COALESCE((SELECT s.source FROM enrolment_slice s WHERE s.enrolment_id = enrolment.id ORDER BY s.valid_to DESC LIMIT 1), '') <> 'borrowed')";
    // What stands again stands at an institution that stands.
    SET_STAY_END = "UPDATE enrolment SET valid_to = $3
        WHERE id = $1 AND valid_to IS NOT DISTINCT FROM $2 AND (CAST($3 AS TEXT) IS NOT NULL OR (NOT EXISTS (SELECT 1 FROM enrolment o WHERE o.person_id = enrolment.person_id AND o.valid_to IS NULL AND (o.org_id = enrolment.org_id OR (o.source = 'normal' AND enrolment.source = 'normal')))
            AND EXISTS (SELECT 1 FROM institution i WHERE i.id = enrolment.org_id AND i.status NOT IN ('abolished', 'merged'))))";
    SET_POST_END = "UPDATE staffing SET valid_to = $3 WHERE id = $1 AND valid_to IS NOT DISTINCT FROM $2 AND (CAST($3 AS TEXT) IS NOT NULL OR (NOT EXISTS (SELECT 1 FROM staffing o WHERE o.person_id = staffing.person_id AND o.org_id = staffing.org_id AND o.valid_to IS NULL)
            AND EXISTS (SELECT 1 FROM institution i WHERE i.id = staffing.org_id AND i.status NOT IN ('abolished', 'merged'))))";
    SET_TEACHING_POST = "UPDATE teaching SET staffing_id = $3 WHERE id = $1 AND staffing_id IS NOT DISTINCT FROM $2 AND NOT EXISTS (SELECT 1 FROM teaching o WHERE o.staffing_id = $3 AND o.class_id = teaching.class_id AND o.subject = teaching.subject AND o.valid_to IS NULL AND teaching.valid_to IS NULL)";
    SET_TEACHING_END = "UPDATE teaching SET valid_to = $3 WHERE id = $1 AND valid_to IS NOT DISTINCT FROM $2 AND (CAST($3 AS TEXT) IS NOT NULL OR (NOT EXISTS (SELECT 1 FROM teaching o WHERE o.staffing_id = teaching.staffing_id AND o.class_id = teaching.class_id AND o.subject = teaching.subject AND o.valid_to IS NULL)
        AND EXISTS (SELECT 1 FROM staffing s WHERE s.id = teaching.staffing_id AND s.valid_to IS NULL) AND EXISTS (SELECT 1 FROM class k WHERE k.id = teaching.class_id AND k.status = 'open')))";
    SET_GUARDIANSHIP_STATUS = "UPDATE guardianship SET status = $3 WHERE id = $1 AND status IS NOT DISTINCT FROM $2 AND ($3 = 'ended' OR NOT EXISTS (SELECT 1 FROM guardianship o WHERE o.child_id = guardianship.child_id AND o.guardian_id = guardianship.guardian_id AND o.status IN ('pending', 'confirmed')))";
    SET_GUARDIANSHIP_END = "UPDATE guardianship SET valid_to = $3 WHERE id = $1 AND valid_to IS NOT DISTINCT FROM $2 AND (CAST($3 AS TEXT) IS NOT NULL OR status IN ('pending', 'confirmed'))";
    SET_GRANT_REVOKED = "UPDATE admin_grant SET revoked_at = $3 WHERE id = $1 AND revoked_at IS NOT DISTINCT FROM $2 AND (CAST($3 AS BIGINT) IS NOT NULL OR NOT EXISTS (SELECT 1 FROM admin_grant o WHERE o.person_id = admin_grant.person_id AND o.role = admin_grant.role AND o.org_id = admin_grant.org_id AND o.revoked_at IS NULL)
        AND EXISTS (SELECT 1 FROM institution i WHERE i.id = admin_grant.org_id AND i.status NOT IN ('abolished', 'merged'))
        AND (admin_grant.role <> 'school_admin' OR admin_grant.deputy <> FALSE OR NOT EXISTS (SELECT 1 FROM admin_grant o WHERE o.org_id = admin_grant.org_id AND o.role = 'school_admin' AND o.deputy = FALSE AND o.revoked_at IS NULL)))";
    SET_GRANT_POST = "UPDATE admin_grant SET staffing_id = $3 WHERE id = $1 AND staffing_id IS NOT DISTINCT FROM $2";
    SET_CLAIM_STATE = "UPDATE relation_claim SET state = $3 WHERE id = $1 AND state IS NOT DISTINCT FROM $2 AND ($3 = 'withdrawn' OR NOT EXISTS (SELECT 1 FROM relation_claim o WHERE o.org_id = relation_claim.org_id AND o.kind = relation_claim.kind AND o.person_id = relation_claim.person_id AND o.child_id = relation_claim.child_id AND o.subject_key = relation_claim.subject_key AND o.state IN ('pending', 'rejected')))";
    SET_ACCOUNT_STATE = "UPDATE account SET state = $3 WHERE id = $1 AND state IS NOT DISTINCT FROM $2";
    SET_SESSION_ACCOUNT = "UPDATE session SET account_id = $3 WHERE id = $1 AND account_id IS NOT DISTINCT FROM $2";
    SET_SESSION_IDENTITY = "UPDATE session SET identity_id = $3 WHERE id = $1 AND identity_id IS NOT DISTINCT FROM $2";
    SET_GRANT_IDENTITY = "UPDATE oidc_grant SET identity_id = $3 WHERE id = $1 AND identity_id IS NOT DISTINCT FROM $2";
    NOTE_CHANGE = "INSERT INTO person_merge_change (merge_id, place, row_id, before, after) VALUES ($1, $2, $3, $4, $5)";
    CHANGES = "SELECT place, row_id, before, after FROM person_merge_change WHERE merge_id = $1 ORDER BY place, row_id";
    // Nobody closes one of them before her people are there again.
    @share INSTITUTIONS = "SELECT i.id AS id FROM institution i WHERE i.id IN (
            SELECT e.org_id FROM person_merge_change c JOIN enrolment e ON e.id = c.row_id WHERE c.merge_id = $1 AND c.place = 'enrolment.valid_to'
            UNION ALL SELECT s.org_id FROM person_merge_change c JOIN staffing s ON s.id = c.row_id WHERE c.merge_id = $1 AND c.place = 'staffing.valid_to'
            UNION ALL SELECT g.org_id FROM person_merge_change c JOIN admin_grant g ON g.id = c.row_id WHERE c.merge_id = $1 AND c.place = 'admin_grant.revoked_at') ORDER BY i.id";
    @share CLASSES = "SELECT k.id AS id FROM class k WHERE k.id IN (
            SELECT e.class_id FROM person_merge_change c JOIN enrolment e ON e.id = c.row_id WHERE c.merge_id = $1 AND c.place = 'enrolment.valid_to'
            UNION ALL SELECT t.class_id FROM person_merge_change c JOIN teaching t ON t.id = c.row_id WHERE c.merge_id = $1 AND c.place = 'teaching.valid_to') ORDER BY k.id";
}

/// A column that a merge settles.
struct Slot {
    name: &'static str,
    holds: Holds,
    set: Statement,
}

#[derive(Clone, Copy)]
enum Holds {
    Text,
    Int,
    Uuid,
}

/// Rows come back in this order, what depends on others last.
const SLOTS: &[Slot] = &[
    Slot { name: "verification.superseded_at", holds: Holds::Int, set: SET_SUPERSEDED },
    Slot { name: "identity_document.status", holds: Holds::Text, set: SET_DOCUMENT_STATUS },
    Slot { name: "identity_document.valid_to", holds: Holds::Text, set: SET_DOCUMENT_END },
    Slot { name: "personal_code.status", holds: Holds::Text, set: SET_CODE_STATUS },
    Slot { name: "personal_code.valid_to", holds: Holds::Text, set: SET_CODE_END },
    Slot { name: "contact.ended_at", holds: Holds::Int, set: SET_CONTACT_END },
    Slot { name: "enrolment.source", holds: Holds::Text, set: SET_STAY_SOURCE },
    Slot { name: "enrolment.began_by", holds: Holds::Text, set: SET_STAY_BEGAN_BY },
    Slot { name: "enrolment.valid_to", holds: Holds::Text, set: SET_STAY_END },
    Slot { name: "staffing.valid_to", holds: Holds::Text, set: SET_POST_END },
    Slot { name: "teaching.staffing_id", holds: Holds::Uuid, set: SET_TEACHING_POST },
    Slot { name: "teaching.valid_to", holds: Holds::Text, set: SET_TEACHING_END },
    Slot { name: "guardianship.status", holds: Holds::Text, set: SET_GUARDIANSHIP_STATUS },
    Slot { name: "guardianship.valid_to", holds: Holds::Text, set: SET_GUARDIANSHIP_END },
    Slot { name: "admin_grant.revoked_at", holds: Holds::Int, set: SET_GRANT_REVOKED },
    Slot { name: "admin_grant.staffing_id", holds: Holds::Uuid, set: SET_GRANT_POST },
    Slot { name: "relation_claim.state", holds: Holds::Text, set: SET_CLAIM_STATE },
    Slot { name: "account.state", holds: Holds::Text, set: SET_ACCOUNT_STATE },
    Slot { name: "session.account_id", holds: Holds::Uuid, set: SET_SESSION_ACCOUNT },
    Slot { name: "session.identity_id", holds: Holds::Uuid, set: SET_SESSION_IDENTITY },
    Slot { name: "oidc_grant.identity_id", holds: Holds::Uuid, set: SET_GRANT_IDENTITY },
];

/// What a merge settled: one column of one row.
#[derive(Clone, Debug)]
pub struct Change {
    /// `table.column`.
    pub place: String,
    /// The row.
    pub row: Uuid,
    /// What it held.
    pub before: serde_json::Value,
    /// What it holds since.
    pub after: serde_json::Value,
}

impl Change {
    /// Of one column of one row.
    pub fn new(
        place: &str,
        row: impl Into<Uuid>,
        before: impl Into<serde_json::Value>,
        after: impl Into<serde_json::Value>,
    ) -> Self {
        Self { place: place.to_owned(), row: row.into(), before: before.into(), after: after.into() }
    }
}

impl FromRow for Change {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            place: row.get("place")?,
            row: row.get("row_id")?,
            before: row.get("before")?,
            after: row.get("after")?,
        })
    }
}

fn value(holds: Holds, json: &serde_json::Value) -> Value {
    match holds {
        Holds::Text => Value::Text(json.as_str().map(str::to_owned)),
        Holds::Int => Value::Int(json.as_i64()),
        Holds::Uuid => Value::Uuid(json.as_str().and_then(|text| text.parse().ok())),
    }
}

/// Writes down what a merge settles, without doing it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn note(tx: &mut Tx, _task: &Task, merge: MergeId, changes: &[Change]) -> Result<(), StoreError> {
    let rows = changes
        .iter()
        .map(|one| args![merge, one.place.clone(), one.row, one.before.clone(), one.after.clone()])
        .collect();
    tx.insert_many(NOTE_CHANGE, rows).await.map(drop)
}

/// Settles what one person cannot have twice, and writes it down; how a stay or a guardianship was until that day stays
/// known. `false` when somebody changed one of them meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn settle(
    tx: &mut Tx,
    task: &Task,
    merge: MergeId,
    at: Timestamp,
    changes: &[Change],
) -> Result<bool, StoreError> {
    note(tx, task, merge, changes).await?;
    note_states(tx, changes).await?;
    for change in changes {
        match change.place.as_str() {
            "enrolment.source" => enrolments::keep_before(tx, change.row, at).await?,
            "guardianship.status" => guardianships::keep_before(tx, change.row, at).await?,
            _ => {}
        }
        if !set(tx, change, &change.before, &change.after).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How the rows are that are settled, where the audit has digests of them.
async fn note_states(tx: &mut Tx, changes: &[Change]) -> Result<(), StoreError> {
    for change in changes {
        let table = change.place.split('.').next().unwrap_or_default();
        if let Ok(kind) = table.parse::<RowKind>() {
            row_states::changing(tx, kind, &[change.row]).await?;
        }
    }
    Ok(())
}

async fn set(
    tx: &mut Tx,
    change: &Change,
    from: &serde_json::Value,
    to: &serde_json::Value,
) -> Result<bool, StoreError> {
    let Some(slot) = SLOTS.iter().find(|slot| slot.name == change.place) else {
        return Err(StoreError::Refused(format!("{} is no place that a merge settles", change.place)));
    };
    tx.execute_one(slot.set, args![change.row, value(slot.holds, from), value(slot.holds, to)]).await
}

/// What a merge settled.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn changes(tx: &mut Tx, _task: &Task, merge: MergeId) -> Result<Vec<Change>, StoreError> {
    tx.all(CHANGES, args![merge]).await
}

struct Shared;

impl FromRow for Shared {
    fn from_row(_: &Row) -> Result<Self, StoreError> {
        Ok(Self)
    }
}

/// Holds the institutions and classes in which something stands again when a merge is undone, behind its people and in the one
/// order of locks.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn share_places(tx: &mut Tx, _task: &Task, merge: MergeId) -> Result<(), StoreError> {
    for statement in [INSTITUTIONS, CLASSES] {
        tx.all::<Shared>(statement, args![merge]).await?;
    }
    Ok(())
}

/// Changes back what a merge of that moment settled, where nobody changed it since and it neither clashes with what came since nor
/// is at a place that is over. Whose class was closed meanwhile sat there until then, and sits in none since.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn unsettle(
    tx: &mut Tx,
    _task: &Task,
    merged_at: Timestamp,
    now: Timestamp,
    changes: &[Change],
) -> Result<(), StoreError> {
    note_states(tx, changes).await?;
    let mut stays = Vec::new();
    for slot in SLOTS {
        for change in changes.iter().filter(|change| change.place == slot.name) {
            let given_back = set(tx, change, &change.after, &change.before).await?;
            match slot.name {
                "enrolment.source" if given_back => stays.push(change),
                "enrolment.valid_to" if given_back => {
                    enrolments::leave_closed_class(tx, change.row, merged_at, now).await?;
                }
                _ => {}
            }
        }
    }
    for change in stays {
        if let (Some(before), Some(after)) = (change.before.as_str(), change.after.as_str()) {
            enrolments::rejoin(tx, change.row, merged_at, (before, after)).await?;
        }
    }
    Ok(())
}
