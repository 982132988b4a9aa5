//! Institutions 机构, their codes over time, and the closure that makes scope one join.

use chrono::NaiveDate;
use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::{Subtree, Task};
use crate::domain::id::OrgId;
use crate::domain::registry::institution::{Institution, InstitutionCode, InstitutionKind};
use crate::domain::registry::institution_code::Code;
use crate::domain::registry::name::name_key;

statements! {
    INSERT = "INSERT INTO institution (id, parent_id, kind, level, name, name_key, division, school_type, status, merged_into, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    CLOSE = "INSERT INTO institution_closure (ancestor_id, descendant_id, depth)
        SELECT o.id, o.id, 0 FROM institution o WHERE o.id = $1
        UNION ALL SELECT c.ancestor_id, o.id, c.depth + 1 FROM institution o JOIN institution_closure c ON c.descendant_id = o.parent_id WHERE o.id = $1";
    UPDATE = "UPDATE institution SET kind = $2, level = $3, name = $4, name_key = $5, division = $6, school_type = $7, status = $8, merged_into = $9, updated_at = $10, version = $11
        WHERE id = $1 AND version = $11 - 1";
    FIND = "SELECT * FROM institution WHERE id = $1";
    FIND_IN = "SELECT o.* FROM institution o JOIN institution_closure c ON c.descendant_id = o.id WHERE o.id = $1 AND c.ancestor_id = $2";
    // Void codes are never given to somebody else, so an old one still leads to its institution; open ones first.
    BY_CODE = "SELECT o.* FROM institution o JOIN institution_code k ON k.org_id = o.id
        WHERE k.scheme = $1 AND k.value = $2 ORDER BY CASE WHEN k.valid_to IS NULL THEN 0 ELSE 1 END, k.valid_from DESC, o.id LIMIT 1";
    UNDER = "SELECT o.id AS id, o.kind AS kind FROM institution o JOIN institution_closure c ON c.descendant_id = o.id WHERE c.ancestor_id = $1";
    CHILDREN_IN = "SELECT o.* FROM institution o JOIN institution_closure c ON c.descendant_id = o.id WHERE o.parent_id = $1 AND c.ancestor_id = $2";
    ANCESTORS = "SELECT o.* FROM institution o JOIN institution_closure c ON c.ancestor_id = o.id WHERE c.descendant_id = $1 AND c.depth > 0 ORDER BY c.depth";
    INSERT_CODE = "INSERT INTO institution_code (id, org_id, scheme, value, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5, $6)";
    END_CODE = "UPDATE institution_code SET valid_to = $4 WHERE org_id = $1 AND scheme = $2 AND value = $3 AND valid_to IS NULL";
    CODES = "SELECT org_id, scheme, value, valid_from, valid_to FROM institution_code WHERE org_id = $1 ORDER BY valid_from, scheme, value";
}

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
    tx.execute(INSERT, values).await?;
    tx.execute(CLOSE, args![org.id]).await?;
    Ok(())
}

/// Writes a changed institution, whose version was counted up by one; its place in the tree stays. `false` when
/// somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, _task: &Task, org: &Institution) -> Result<bool, StoreError> {
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
    ];
    tx.execute_one(UPDATE, values).await
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

/// The institution that a code names today or named before. A credit code may be shared by several campuses and then
/// names the one that got it last.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_code(tx: &mut Tx, _task: &Task, code: &str) -> Result<Option<Institution>, StoreError> {
    let Ok(code) = Code::parse(code) else { return Ok(None) };
    tx.optional(BY_CODE, args![code.scheme.as_str(), code.value]).await
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

/// Gives an institution a code.
///
/// # Errors
/// `institution_code_scheme_value_key` when another one has it today.
pub async fn insert_code(tx: &mut Tx, _task: &Task, id: Uuid, code: &InstitutionCode) -> Result<(), StoreError> {
    let values =
        args![id, code.org, code.code.scheme.as_str(), code.code.value.clone(), code.valid_from, code.valid_to];
    tx.execute(INSERT_CODE, values).await?;
    Ok(())
}

/// Ends a code of an institution; `false` when it does not have it today.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_code(tx: &mut Tx, _task: &Task, org: OrgId, code: &Code, on: NaiveDate) -> Result<bool, StoreError> {
    tx.execute_one(END_CODE, args![org, code.scheme.as_str(), code.value.clone(), on]).await
}

/// All codes an institution has or had, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn codes(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Vec<InstitutionCode>, StoreError> {
    tx.all(CODES, args![org]).await
}
