//! Institutions 机构, their codes over time, and the closure that makes scope one join.

use chrono::NaiveDate;
use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::row_states;
use crate::domain::access::{Subtree, Task};
use crate::domain::id::OrgId;
use crate::domain::registry::institution::{Institution, InstitutionCode, InstitutionKind};
use crate::domain::registry::institution_code::Code;
use crate::domain::registry::name::name_key;
use crate::domain::row_state::RowKind;

statements! {
    ABOVE_MANY = "SELECT descendant_id, ancestor_id FROM institution_closure WHERE descendant_id IN ($1)";
    INSERT = "INSERT INTO institution (id, parent_id, kind, level, name, name_key, division, school_type, status, merged_into, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    CLOSE = "INSERT INTO institution_closure (ancestor_id, descendant_id, depth)
        SELECT o.id, o.id, 0 FROM institution o WHERE o.id = $1
        UNION ALL SELECT c.ancestor_id, o.id, c.depth + 1 FROM institution o JOIN institution_closure c ON c.descendant_id = o.parent_id WHERE o.id = $1";
    UPDATE = "UPDATE institution SET kind = $2, level = $3, name = $4, name_key = $5, division = $6, school_type = $7, status = $8, merged_into = $9, updated_at = $10, version = $11, parent_id = $12
        WHERE id = $1 AND version = $11 - 1";
    LAST_KEPT = "SELECT MAX(valid_to) AS day FROM institution_slice WHERE org_id = $1";
    KEEP = "INSERT INTO institution_slice (org_id, parent_id, kind, name, division, school_type, status, valid_from, valid_to, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (org_id, valid_from) DO NOTHING";
    FIND = "SELECT * FROM institution WHERE id = $1";
    FIND_IN = "SELECT o.* FROM institution o JOIN institution_closure c ON c.descendant_id = o.id WHERE o.id = $1 AND c.ancestor_id = $2";
    // Void codes are never given to somebody else, so an old one still leads to its institution; open ones first.
    BY_CODE = "SELECT o.* FROM institution o JOIN institution_code k ON k.org_id = o.id
        WHERE k.scheme = $1 AND k.value = $2 ORDER BY CASE WHEN k.valid_to IS NULL THEN 0 ELSE 1 END, k.valid_from DESC, o.id LIMIT 1";
    UNDER = "SELECT o.id AS id, o.kind AS kind FROM institution o JOIN institution_closure c ON c.descendant_id = o.id WHERE c.ancestor_id = $1";
    CHILDREN_IN = "SELECT o.* FROM institution o JOIN institution_closure c ON c.descendant_id = o.id WHERE o.parent_id = $1 AND c.ancestor_id = $2";
    FIND_BELOW = "SELECT o.* FROM institution o JOIN institution_closure c ON c.descendant_id = o.id WHERE o.id = $1 AND c.ancestor_id = $2 AND c.depth > 0";
    ANCESTORS = "SELECT o.* FROM institution o JOIN institution_closure c ON c.ancestor_id = o.id WHERE c.descendant_id = $1 AND c.depth > 0 ORDER BY c.depth";
    INSERT_CODE = "INSERT INTO institution_code (id, org_id, scheme, value, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5, $6)";
    END_CODE = "UPDATE institution_code SET valid_to = $4 WHERE org_id = $1 AND scheme = $2 AND value = $3 AND valid_to IS NULL";
    CODES = "SELECT org_id, scheme, value, valid_from, valid_to FROM institution_code WHERE org_id = $1 ORDER BY valid_from, scheme, value";
    DEPTH = "SELECT depth FROM institution_closure WHERE ancestor_id = $1 AND descendant_id = $2";
    FORGET_CODES = "DELETE FROM institution_code WHERE org_id = $1";
    HOLDERS = "SELECT org_id, scheme, value, valid_from, valid_to FROM institution_code WHERE scheme = $1 AND value = $2 ORDER BY valid_from, org_id";
    @share STANDING_OF_MANY = "SELECT id, kind FROM institution WHERE status NOT IN ('abolished', 'merged') AND id IN ($1) ORDER BY id";
}

/// Merges of merges of merges; more would be a circle.
const MERGES: u32 = 64;

impl FromRow for Institution {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            parent: row.get("parent_id")?,
            kind: row.code("kind")?,
            level: row.code("level")?,
            name: row.get("name")?,
            division: row.code("division")?,
            school_type: row.optional_code("school_type")?,
            status: row.code("status")?,
            merged_into: row.get("merged_into")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

impl FromRow for InstitutionCode {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            org: row.get("org_id")?,
            code: Code { scheme: row.code("scheme")?, value: row.get("value")? },
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
        })
    }
}

/// Adds an institution under its parent, which is there.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, _task: &Task, org: &Institution) -> Result<(), StoreError> {
    let values = args![
        org.id,
        org.parent,
        org.kind.as_str(),
        org.level.as_str(),
        org.name.clone(),
        name_key(&org.name),
        org.division.as_str(),
        org.school_type.map(|t| t.as_str()),
        org.status.as_str(),
        org.merged_into,
        org.created_at,
        org.updated_at,
        org.version,
    ];
    row_states::made(tx, RowKind::Institution, &[org.id.0]);
    tx.execute(INSERT, values).await?;
    tx.execute(CLOSE, args![org.id]).await?;
    Ok(())
}

/// Writes a changed institution, whose version was counted up by one, and keeps how it was until today. The closure is
/// [`super::institution_changes::stand_under`]'s. `false` when somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, task: &Task, org: &Institution) -> Result<bool, StoreError> {
    let Some(before) = find(tx, task, org.id).await? else { return Ok(false) };
    if before.version + 1 != org.version {
        return Ok(false);
    }
    row_states::changing(tx, RowKind::Institution, &[org.id.0]).await?;
    keep(tx, &before, org).await?;
    let values = args![
        org.id,
        org.kind.as_str(),
        org.level.as_str(),
        org.name.clone(),
        name_key(&org.name),
        org.division.as_str(),
        org.school_type.map(|t| t.as_str()),
        org.status.as_str(),
        org.merged_into,
        org.updated_at,
        org.version,
        org.parent,
    ];
    tx.execute_one(UPDATE, values).await
}

struct Day(Option<NaiveDate>);

impl FromRow for Day {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("day")?))
    }
}

/// How it was until today, unless nothing of it changes, or it was so for no day.
async fn keep(tx: &mut Tx, before: &Institution, after: &Institution) -> Result<(), StoreError> {
    let today = after.updated_at.shanghai_date();
    let last: Day = tx.one(LAST_KEPT, args![before.id]).await?;
    let since = last.0.unwrap_or_else(|| before.created_at.shanghai_date());
    let slice = before.slice(since, today);
    if since >= today || slice == after.slice(since, today) {
        return Ok(());
    }
    let values = args![
        slice.org,
        slice.parent,
        slice.kind.as_str(),
        slice.name,
        slice.division.as_str(),
        slice.school_type.map(|t| t.as_str()),
        slice.status.as_str(),
        slice.valid_from,
        slice.valid_to,
        after.updated_at,
    ];
    tx.execute(KEEP, values).await.map(drop)
}

/// An institution by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, id: OrgId) -> Result<Option<Institution>, StoreError> {
    tx.optional(FIND, args![id]).await
}

/// An institution inside an administrator's subtrees.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find_in(tx: &mut Tx, scope: &Subtree, id: OrgId) -> Result<Option<Institution>, StoreError> {
    for root in scope.roots() {
        if let Some(org) = tx.optional(FIND_IN, args![id, root]).await? {
            return Ok(Some(org));
        }
    }
    Ok(None)
}

/// An institution strictly below one of an administrator's, which she therefore runs and does not belong to.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find_below(tx: &mut Tx, scope: &Subtree, id: OrgId) -> Result<Option<Institution>, StoreError> {
    for root in scope.roots() {
        if let Some(org) = tx.optional(FIND_BELOW, args![id, root]).await? {
            return Ok(Some(org));
        }
    }
    Ok(None)
}

/// The institution that a code names today or named before; where that became part of another one or got a successor, the
/// other one. A credit code may be shared by several campuses and then names the one that got it last.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_code(tx: &mut Tx, task: &Task, code: &str) -> Result<Option<Institution>, StoreError> {
    let Some(mut org) = named(tx, task, code).await? else { return Ok(None) };
    for _ in 0..MERGES {
        let Some(heir) = org.merged_into else { return Ok(Some(org)) };
        let Some(next) = find(tx, task, heir).await? else { return Ok(Some(org)) };
        org = next;
    }
    Err(StoreError::Refused("institutions that were merged in a circle".to_owned()))
}

/// The same, and whatever became of it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn named(tx: &mut Tx, _task: &Task, code: &str) -> Result<Option<Institution>, StoreError> {
    let Ok(code) = Code::parse(code) else { return Ok(None) };
    tx.optional(BY_CODE, args![code.scheme.as_str(), code.value]).await
}

struct Depth(i64);

impl FromRow for Depth {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("depth")?))
    }
}

/// How many steps an institution stands below another one; none when it does not.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn depth(tx: &mut Tx, _task: &Task, above: OrgId, below: OrgId) -> Result<Option<u32>, StoreError> {
    let found: Option<Depth> = tx.optional(DEPTH, args![above, below]).await?;
    Ok(found.and_then(|Depth(depth)| u32::try_from(depth).ok()))
}

/// Everybody who has or had a code, the first one first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn holders(tx: &mut Tx, _task: &Task, code: &Code) -> Result<Vec<InstitutionCode>, StoreError> {
    tx.all(HOLDERS, args![code.scheme.as_str(), code.value.clone()]).await
}

/// How many of these institutions stand; none of them is closed until the transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_standing(tx: &mut Tx, _task: &Task, orgs: impl Iterator<Item = OrgId>) -> Result<usize, StoreError> {
    Ok(tx.all_in::<Under>(STANDING_OF_MANY, &[], orgs.map(Value::from).collect()).await?.len())
}

/// Which of some institutions stand under which, themselves included.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn above_many(tx: &mut Tx, _task: &Task, orgs: &[OrgId]) -> Result<Vec<(OrgId, OrgId)>, StoreError> {
    let keys = orgs.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<Pair>(ABOVE_MANY, &[], keys).await?.into_iter().map(|Pair(below, above)| (below, above)).collect())
}

struct Pair(OrgId, OrgId);

impl FromRow for Pair {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("descendant_id")?, row.get("ancestor_id")?))
    }
}

/// An institution inside an administrator's subtrees, as far as her rights ask for it.
pub struct Under {
    /// Which.
    pub id: OrgId,
    /// What it is.
    pub kind: InstitutionKind,
}

impl FromRow for Under {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get("id")?, kind: row.code("kind")? })
    }
}

/// Every institution inside an administrator's subtrees; one below two of her roots comes twice.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn all_in(tx: &mut Tx, scope: &Subtree) -> Result<Vec<Under>, StoreError> {
    let mut found = Vec::new();
    for root in scope.roots() {
        found.extend(tx.all(UNDER, args![root]).await?);
    }
    Ok(found)
}

/// The institutions directly below one that lie inside an administrator's subtrees, by name.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn children_in(tx: &mut Tx, scope: &Subtree, parent: OrgId) -> Result<Vec<Institution>, StoreError> {
    let mut children: Vec<Institution> = Vec::new();
    for root in scope.roots() {
        children.extend(tx.all(CHILDREN_IN, args![parent, root]).await?);
    }
    children.sort_by_cached_key(|org| (name_key(&org.name), org.id));
    children.dedup_by_key(|org| org.id);
    Ok(children)
}

/// The institutions above one, the nearest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn ancestors(tx: &mut Tx, _task: &Task, id: OrgId) -> Result<Vec<Institution>, StoreError> {
    tx.all(ANCESTORS, args![id]).await
}

/// Takes its codes from an institution at which nobody ever was: they are nobody's then.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget_codes(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<(), StoreError> {
    row_states::changing(tx, RowKind::Institution, &[org.0]).await?;
    tx.execute(FORGET_CODES, args![org]).await.map(drop)
}

/// Gives an institution a code.
///
/// # Errors
/// `institution_code_scheme_value_key` when another one has it today.
pub async fn insert_code(tx: &mut Tx, _task: &Task, id: Uuid, code: &InstitutionCode) -> Result<(), StoreError> {
    let values =
        args![id, code.org, code.code.scheme.as_str(), code.code.value.clone(), code.valid_from, code.valid_to];
    row_states::changing(tx, RowKind::Institution, &[code.org.0]).await?;
    tx.execute(INSERT_CODE, values).await?;
    Ok(())
}

/// Ends a code of an institution; `false` when it does not have it today.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_code(tx: &mut Tx, _task: &Task, org: OrgId, code: &Code, on: NaiveDate) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Institution, &[org.0]).await?;
    tx.execute_one(END_CODE, args![org, code.scheme.as_str(), code.value.clone(), on]).await
}

/// All codes an institution has or had, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn codes(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Vec<InstitutionCode>, StoreError> {
    tx.all(CODES, args![org]).await
}
