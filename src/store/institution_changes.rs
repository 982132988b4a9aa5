//! What becomes of institutions: how each was, what is under way, and its place in the tree.

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use super::row_states;
use crate::domain::access::Task;
use crate::domain::id::{ClassId, OrgId, PersonId};
use crate::domain::registry::class::Class;
use crate::domain::registry::institution::Institution;
use crate::domain::registry::institution_life::{InstitutionChange, InstitutionSlice};
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    BEGIN = "INSERT INTO institution_change (id, org_id, kind, into_id, day, state, started_at, division) VALUES ($1, $2, $3, $4, $5, 'running', $6, $7)
        ON CONFLICT (org_id) WHERE state <> 'done' DO NOTHING";
    END = "UPDATE institution_change SET state = 'done', ended_at = $2 WHERE id = $1 AND state = 'running'";
    RUNNING = "SELECT id, org_id, kind, into_id, day, started_at, ended_at, state, division FROM institution_change WHERE org_id = $1 AND state <> 'done'
        UNION SELECT id, org_id, kind, into_id, day, started_at, ended_at, state, division FROM institution_change WHERE into_id = $1 AND state <> 'done'";
    STOPPING = "SELECT * FROM institution_change WHERE state <> 'done' AND state = 'stopping' ORDER BY id";
    ABOUT = "SELECT id, org_id, kind, into_id, day, started_at, ended_at, state, division FROM institution_change WHERE org_id = $1
        UNION SELECT id, org_id, kind, into_id, day, started_at, ended_at, state, division FROM institution_change WHERE into_id = $1 ORDER BY started_at, id";
    // Ids begin with the time of writing.
    NEWEST = "SELECT id FROM institution_change ORDER BY id DESC LIMIT 1";
    ANY_RUNNING = "SELECT id FROM institution_change WHERE state <> 'done' LIMIT 1";
    SLICES = "SELECT * FROM institution_slice WHERE org_id = $1 ORDER BY valid_from";
    CHILDREN = "SELECT * FROM institution WHERE parent_id = $1 AND status NOT IN ('abolished', 'merged') ORDER BY id";
    IS_UNDER = "SELECT descendant_id AS id FROM institution_closure WHERE ancestor_id = $1 AND descendant_id = $2";
    // The pairs of everything below with everything that stood above, and then with everything that stands above.
    UNHANG = "DELETE FROM institution_closure WHERE descendant_id IN (SELECT d.descendant_id FROM institution_closure d WHERE d.ancestor_id = $1)
        AND ancestor_id NOT IN (SELECT d.descendant_id FROM institution_closure d WHERE d.ancestor_id = $1)";
    HANG = "INSERT INTO institution_closure (ancestor_id, descendant_id, depth)
        SELECT a.ancestor_id, d.descendant_id, a.depth + d.depth + 1 FROM institution_closure a JOIN institution_closure d ON d.ancestor_id = $1 WHERE a.descendant_id = $2";
    PEOPLE = "SELECT e.person_id AS id FROM institution_closure c JOIN enrolment e ON e.org_id = c.descendant_id AND e.valid_to IS NULL WHERE c.ancestor_id = $1 AND e.person_id > $2
        UNION SELECT s.person_id AS id FROM institution_closure c JOIN staffing s ON s.org_id = c.descendant_id AND s.valid_to IS NULL WHERE c.ancestor_id = $1 AND s.person_id > $2
        ORDER BY id LIMIT $3";
    OPEN_CLASSES = "SELECT * FROM class WHERE org_id = $1 AND status = 'open' ORDER BY id";
    SUCCEED = "UPDATE class SET status = CASE WHEN status = 'graduated' THEN status ELSE 'closed' END, successor_id = $2, updated_at = $3, version = version + 1 WHERE id = $1 AND successor_id IS NULL";
    SUCCESSOR = "SELECT n.* FROM class k JOIN class n ON n.id = k.successor_id WHERE k.id = $1";
    WITHDRAW_CLAIMS = "UPDATE relation_claim SET state = 'withdrawn', decided_at = $2, version = version + 1
        WHERE org_id = $1 AND state IN ('pending', 'rejected') AND (state = 'pending' OR kind = 'student') RETURNING id";
    // Whom the heir holds now it asked the other one for.
    WITHDRAW_MOOT = "UPDATE relation_claim SET state = 'withdrawn', decided_at = $2, version = version + 1
        WHERE org_id = $1 AND state IN ('pending', 'rejected') AND kind = 'student'
          AND EXISTS (SELECT 1 FROM enrolment e WHERE e.person_id = relation_claim.child_id AND e.org_id = $1 AND e.source = 'normal' AND e.valid_to IS NULL) RETURNING id";
    INHERIT_CASES = "UPDATE conflict_case SET org_id = $2, version = version + 1 WHERE org_id = $1 AND state = 'open' RETURNING id";
    END_GRANTS = "UPDATE admin_grant SET revoked_at = $2 WHERE org_id = $1 AND revoked_at IS NULL RETURNING id";
    // Rights over `$1` and what lies below it that rest on a post of an office that it leaves for `$2`: neither inside of it nor
    // above it then. What the operator gave to somebody who was of none of these offices before either is no affair of theirs.
    LEFT_BEHIND = "UPDATE admin_grant SET revoked_at = $3 WHERE revoked_at IS NULL AND id IN (
        SELECT g.id FROM institution_closure c JOIN admin_grant g ON g.org_id = c.descendant_id AND g.revoked_at IS NULL JOIN staffing s ON s.id = g.staffing_id WHERE c.ancestor_id = $1
          AND NOT EXISTS (SELECT 1 FROM institution_closure i WHERE i.ancestor_id = $1 AND i.descendant_id = s.org_id)
          AND NOT EXISTS (SELECT 1 FROM institution_closure a WHERE a.ancestor_id = s.org_id AND a.descendant_id = $2)
          AND (g.granted_by IS NOT NULL OR EXISTS (SELECT 1 FROM institution_closure b WHERE b.ancestor_id = s.org_id AND b.descendant_id = $1))) RETURNING id";
    GRANTS_OVER = "SELECT id FROM admin_grant WHERE org_id = $1 AND revoked_at IS NULL";
    GONE = "SELECT k.id AS id FROM class k JOIN class n ON n.id = k.successor_id WHERE k.org_id = $1 AND n.org_id = $2";
    UNCLOSED = "SELECT id FROM class WHERE org_id = $1 AND status <> 'closed'";
    TURN_BACK = "UPDATE institution_change SET state = 'stopping' WHERE id = $1 AND state = 'running'";
    FORGET = "DELETE FROM institution_change WHERE id = $1 AND state = 'stopping'";
    USED = "SELECT id FROM enrolment WHERE org_id = $1 UNION ALL SELECT id FROM staffing WHERE org_id = $1 UNION ALL SELECT id FROM institution WHERE parent_id = $1
        UNION ALL SELECT t.id AS id FROM teaching t JOIN class k ON k.id = t.class_id WHERE k.org_id = $1 LIMIT 1";
    HANDED = "SELECT k.* FROM class k JOIN class n ON n.id = k.successor_id WHERE k.org_id = $1 AND n.org_id = $2";
    // What nobody touched since is as the class was from which it came.
    TAKE_BACK = "UPDATE class SET status = (SELECT CASE WHEN n.version = 1 THEN n.status ELSE 'open' END FROM class n WHERE n.id = class.successor_id),
            successor_id = NULL, updated_at = $3, version = version + 1
        WHERE org_id = $1 AND successor_id IN (SELECT n.id FROM class n WHERE n.org_id = $2) RETURNING id";
    CLOSE_CLASSES = "UPDATE class SET status = 'closed', updated_at = $2, version = version + 1 WHERE org_id = $1 AND status <> 'closed' RETURNING id";
    // Whoever came to the other one with her stay, post or class since, and what hangs below it since; more than that is no harm.
    BEGUN = "SELECT k.id AS id FROM class k JOIN class n ON n.id = k.successor_id WHERE k.org_id = $1 AND n.org_id = $2
        UNION ALL SELECT e.id AS id FROM enrolment e JOIN enrolment n ON n.person_id = e.person_id AND n.org_id = $2 AND n.valid_to IS NULL WHERE e.org_id = $1 AND e.valid_to IS NOT NULL AND e.updated_at >= $3
        UNION ALL SELECT s.id AS id FROM staffing s JOIN staffing n ON n.person_id = s.person_id AND n.org_id = $2 AND n.valid_to IS NULL WHERE s.org_id = $1 AND s.valid_to IS NOT NULL AND s.updated_at >= $3
        UNION ALL SELECT o.id AS id FROM institution o WHERE o.parent_id = $2 AND o.updated_at >= $3 LIMIT 1";
    // Whoever closes or changes an institution waits for those who are just bringing people in.
    @hold HOLD = "SELECT * FROM institution WHERE id = $1";
    // Whoever stops a change waits for the step of it that is at work.
    @share SHARE = "SELECT id FROM institution_change WHERE id = $1 AND state = $2";
}

impl FromRow for InstitutionChange {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            org: row.get("org_id")?,
            kind: row.code("kind")?,
            into: row.get("into_id")?,
            day: row.get("day")?,
            started_at: row.get("started_at")?,
            ended_at: row.get("ended_at")?,
            state: row.code("state")?,
            division: row.optional_code("division")?,
        })
    }
}

impl FromRow for InstitutionSlice {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            org: row.get("org_id")?,
            parent: row.get("parent_id")?,
            kind: row.code("kind")?,
            name: row.get("name")?,
            division: row.code("division")?,
            school_type: row.optional_code("school_type")?,
            status: row.code("status")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
        })
    }
}

struct Id(uuid::Uuid);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

fn ids(rows: Vec<Id>) -> Vec<uuid::Uuid> {
    rows.into_iter().map(|row| row.0).collect()
}

/// An institution, kept from everybody else until the transaction ends; whoever brings people in is waited for.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Option<Institution>, StoreError> {
    tx.optional(HOLD, args![org]).await
}

/// Begins a change; `false` when another one of the institution is under way.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn begin(tx: &mut Tx, _task: &Task, change: &InstitutionChange) -> Result<bool, StoreError> {
    let InstitutionChange { id, org, kind, into, day, started_at, .. } = *change;
    let division = change.division.map(|division| division.as_str().to_owned());
    tx.execute_one(BEGIN, args![id, org, kind.as_str(), into, day, started_at, division]).await
}

/// Says that a change is done; `false` when it was before.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end(tx: &mut Tx, _task: &Task, change: &InstitutionChange, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(END, args![change.id, now]).await
}

/// Whether a change is in the state that it was seen in, and is until the transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn share(tx: &mut Tx, _task: &Task, change: &InstitutionChange) -> Result<bool, StoreError> {
    Ok(tx.optional::<Id>(SHARE, args![change.id, change.state.as_str()]).await?.is_some())
}

/// Turns a change back that is under way; `false` when it is not any more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn turn_back(tx: &mut Tx, _task: &Task, change: &InstitutionChange) -> Result<bool, StoreError> {
    tx.execute_one(TURN_BACK, args![change.id]).await
}

/// Forgets a change that was turned back; `false` when somebody did so before.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, _task: &Task, change: &InstitutionChange) -> Result<bool, StoreError> {
    tx.execute_one(FORGET, args![change.id]).await
}

/// Changes on their way back.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn stopping(tx: &mut Tx, _task: &Task) -> Result<Vec<InstitutionChange>, StoreError> {
    tx.all(STOPPING, args![]).await
}

/// Whether anybody ever studied, worked or taught at an institution, or anything stood below it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn is_used(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<bool, StoreError> {
    Ok(tx.optional::<Id>(USED, args![org]).await?.is_some())
}

/// The classes of an institution that go on at another one.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn handed_classes(tx: &mut Tx, _task: &Task, org: OrgId, to: OrgId) -> Result<Vec<Class>, StoreError> {
    tx.all(HANDED, args![org, to]).await
}

/// Takes the classes back that went on at another institution, where nobody came into them, and closes all of those there.
/// Which are here again, and which are closed.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn take_classes_back(
    tx: &mut Tx,
    _task: &Task,
    (org, from): (OrgId, OrgId),
    now: Timestamp,
) -> Result<(Vec<uuid::Uuid>, Vec<uuid::Uuid>), StoreError> {
    row_states::changing_found(tx, RowKind::Class, GONE, args![org, from]).await?;
    row_states::changing_found(tx, RowKind::Class, UNCLOSED, args![from]).await?;
    let here = ids(tx.all(TAKE_BACK, args![org, from, now]).await?);
    Ok((here, ids(tx.all(CLOSE_CLASSES, args![from, now]).await?)))
}

/// Whether somebody or something of an institution went over by a change that is under way.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn has_begun(tx: &mut Tx, _task: &Task, change: &InstitutionChange) -> Result<bool, StoreError> {
    let values = args![change.org, change.into, change.started_at];
    Ok(tx.optional::<Id>(BEGUN, values).await?.is_some())
}

/// What is under way with an institution on either side.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn running(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Vec<InstitutionChange>, StoreError> {
    tx.all(RUNNING, args![org]).await
}

/// The newest change of all while none is under way: as long as it is the same, the tree has lost nothing. `Err` while one is.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn settled(tx: &mut Tx) -> Result<Result<Option<uuid::Uuid>, Running>, StoreError> {
    if tx.optional::<Id>(ANY_RUNNING, args![]).await?.is_some() {
        return Ok(Err(Running));
    }
    Ok(Ok(tx.optional::<Id>(NEWEST, args![]).await?.map(|row| row.0)))
}

/// A change is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running;

/// All changes with an institution on either side, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn about(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Vec<InstitutionChange>, StoreError> {
    tx.all(ABOUT, args![org]).await
}

/// How an institution was, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn slices(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Vec<InstitutionSlice>, StoreError> {
    tx.all(SLICES, args![org]).await
}

/// What stands directly under an institution.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn children(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Vec<Institution>, StoreError> {
    tx.all(CHILDREN, args![org]).await
}

/// Whether an institution is another one or stands below it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn is_under(tx: &mut Tx, _task: &Task, above: OrgId, below: OrgId) -> Result<bool, StoreError> {
    Ok(tx.optional::<Id>(IS_UNDER, args![above, below]).await?.is_some())
}

/// Hangs an institution and everything below it under another one, which stands nowhere below it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn stand_under(tx: &mut Tx, _task: &Task, org: OrgId, parent: OrgId) -> Result<(), StoreError> {
    tx.execute(UNHANG, args![org]).await?;
    tx.execute(HANG, args![org, parent]).await.map(drop)
}

/// Ends the rights over an institution, and over what lies below it, of people of the offices that it leaves; before it stands
/// elsewhere. Which.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_rights_left(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    parent: OrgId,
    now: Timestamp,
) -> Result<Vec<uuid::Uuid>, StoreError> {
    let ended = ids(tx.all(LEFT_BEHIND, args![org, parent, now]).await?);
    if !ended.is_empty() {
        row_states::unnamed(tx, RowKind::AdminGrant, ended.iter().copied());
    }
    Ok(ended)
}

/// Whoever studies or works under an institution, behind `after`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn people(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    after: PersonId,
    limit: u32,
) -> Result<Vec<PersonId>, StoreError> {
    let rows: Vec<Id> = tx.all(PEOPLE, args![org, after, limit]).await?;
    Ok(rows.into_iter().map(|row| PersonId(row.0)).collect())
}

/// The open classes of an institution.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn open_classes(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Vec<Class>, StoreError> {
    tx.all(OPEN_CLASSES, args![org]).await
}

/// Closes a class whose people go on in another one, one that graduated stays so; `false` when somebody did so before.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn succeed(
    tx: &mut Tx,
    _task: &Task,
    class: ClassId,
    by: ClassId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Class, &[class.0]).await?;
    tx.execute_one(SUCCEED, args![class, by, now]).await
}

/// The class in which the people of one go on.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn successor(tx: &mut Tx, _task: &Task, class: ClassId) -> Result<Option<Class>, StoreError> {
    tx.optional(SUCCESSOR, args![class]).await
}

/// What ends with an institution.
pub struct Ended {
    /// Grants over it, each by its id.
    pub grants: Vec<uuid::Uuid>,
    /// What it claimed of others' people.
    pub claims: usize,
}

/// Ends the rights over an institution and what it still asked for; its open cases go to its heir.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn wind_up(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    heir: Option<OrgId>,
    now: Timestamp,
) -> Result<Ended, StoreError> {
    row_states::changing_found(tx, RowKind::AdminGrant, GRANTS_OVER, args![org]).await?;
    let grants = ids(tx.all(END_GRANTS, args![org, now]).await?);
    let mut claims = tx.all::<Id>(WITHDRAW_CLAIMS, args![org, now]).await?.len();
    if let Some(heir) = heir {
        claims += tx.all::<Id>(WITHDRAW_MOOT, args![heir, now]).await?.len();
    }
    tx.all::<Id>(INHERIT_CASES, args![org, heir]).await?;
    Ok(Ended { grants, claims })
}

/// The day from which on somebody else stood for an institution, and who.
pub fn heir_on(changes: &[InstitutionChange], org: OrgId, day: NaiveDate) -> Option<OrgId> {
    use crate::domain::registry::institution_life::ChangeKind::{Closed, Merged};
    let ends = |change: &&InstitutionChange| {
        change.org == org && change.ended_at.is_some() && change.day <= day && matches!(change.kind, Merged | Closed)
    };
    changes.iter().find(ends).and_then(|change| change.into)
}
