//! Classes 班级.

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::row_states;
use crate::domain::access::{Subtree, Task};
use crate::domain::id::{ClassId, OrgId};
use crate::domain::registry::class::{Class, ClassKind, FormerName};
use crate::domain::registry::roster::ClassKey;
use crate::domain::row_state::RowKind;

statements! {
    INSERT = "INSERT INTO class (id, org_id, kind, stage, entry_year, class_no, name, schooling_years, status, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (org_id, kind, stage, entry_year, class_no) DO NOTHING";
    UPDATE = "UPDATE class SET name = $2, schooling_years = $3, status = $4, updated_at = $5, version = $6 WHERE id = $1 AND version = $6 - 1";
    // What it was called until today, unless it was so for no day.
    KEEP = "INSERT INTO class_slice (class_id, name, valid_from, valid_to, created_at)
        SELECT k.id, k.name, COALESCE((SELECT MAX(s.valid_to) FROM class_slice s WHERE s.class_id = k.id), $4), $5, $6
        FROM class k WHERE k.id = $1 AND k.version = $2 - 1 AND k.name <> $3 AND COALESCE((SELECT MAX(s.valid_to) FROM class_slice s WHERE s.class_id = k.id), $4) < $5
        ON CONFLICT (class_id, valid_to) DO NOTHING";
    FORMER_NAMES = "SELECT * FROM class_slice WHERE class_id IN ($1) ORDER BY class_id, valid_to";
    OF_ORGS = "SELECT * FROM class WHERE org_id IN ($1)";
    BY_PLACE = "SELECT * FROM class WHERE org_id = $1 AND kind = $2 AND stage = $3 AND entry_year = $4 AND class_no = $5";
    FIND = "SELECT * FROM class WHERE id = $1";
    USED = "SELECT class_id AS id FROM enrolment WHERE class_id = $1 AND valid_to IS NULL UNION ALL SELECT class_id AS id FROM teaching WHERE class_id = $1 AND valid_to IS NULL LIMIT 1";
    OF_ORG_IN = "SELECT k.* FROM class k JOIN institution_closure c ON c.descendant_id = k.org_id WHERE k.org_id = $1 AND c.ancestor_id = $2
        ORDER BY k.stage, k.entry_year, k.class_no, k.id";
    // Whoever is being seated there is seen then, and whoever comes later waits.
    @hold HOLD = "SELECT * FROM class WHERE id = $1";
    @hold HOLD_PLACE = "SELECT * FROM class WHERE org_id = $1 AND kind = $2 AND stage = $3 AND entry_year = $4 AND class_no = $5";
    @hold HOLD_MANY = "SELECT * FROM class WHERE id IN ($1) ORDER BY id";
    // Whoever closes the class waits until somebody sits there, or finds the one who closed it before.
    @share SHARE_PLACE = "SELECT * FROM class WHERE org_id = $1 AND kind = $2 AND stage = $3 AND entry_year = $4 AND class_no = $5";
    @share OPEN_OF_MANY = "SELECT id FROM class WHERE status = 'open' AND id IN ($1) ORDER BY id";
    @still STILL_OF_MANY = "SELECT held.id AS id FROM class held WHERE held.id IN ($1) ORDER BY held.id";
}

impl FromRow for Class {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            org: row.get("org_id")?,
            kind: row.code("kind")?,
            stage: row.code("stage")?,
            entry_year: row.get("entry_year")?,
            class_no: row.get("class_no")?,
            name: row.get("name")?,
            schooling_years: row.get("schooling_years")?,
            status: row.code("status")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

impl FromRow for FormerName {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { class: row.get("class_id")?, name: row.get("name")?, until: row.get("valid_to")? })
    }
}

struct Used;

impl FromRow for Used {
    fn from_row(_: &Row) -> Result<Self, StoreError> {
        Ok(Self)
    }
}

/// The class at this place (school, kind, stage, entry year, number), added when it is not there yet.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn ensure(tx: &mut Tx, _task: &Task, class: &Class) -> Result<Class, StoreError> {
    row_states::made(tx, RowKind::Class, &[class.id.0]);
    if tx.execute_one(INSERT, values(class)).await? {
        return Ok(class.clone());
    }
    let place = args![class.org, class.kind.as_str(), class.stage.as_str(), class.entry_year, class.class_no.clone()];
    tx.one(BY_PLACE, place).await
}

/// The administrative class of a school by the name that the school has for it, as it is until the transaction ends:
/// nobody closes it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn share_at(tx: &mut Tx, _task: &Task, org: OrgId, key: &ClassKey) -> Result<Option<Class>, StoreError> {
    tx.optional(SHARE_PLACE, place(org, key)).await
}

/// The same, kept from everybody else.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_at(tx: &mut Tx, _task: &Task, org: OrgId, key: &ClassKey) -> Result<Option<Class>, StoreError> {
    tx.optional(HOLD_PLACE, place(org, key)).await
}

fn place(org: OrgId, key: &ClassKey) -> Vec<Value> {
    let kind = ClassKind::Administrative.as_str();
    args![org, kind, key.stage.as_str(), key.entry_year, key.class_no.clone()]
}

struct Id(ClassId);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// Those of these classes that are open, and stay so until the transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn share_open(
    tx: &mut Tx,
    _task: &Task,
    classes: impl Iterator<Item = ClassId>,
) -> Result<Vec<ClassId>, StoreError> {
    let found: Vec<Id> = tx.all_in(OPEN_OF_MANY, &[], classes.map(Value::from).collect()).await?;
    Ok(found.into_iter().map(|Id(id)| id).collect())
}

/// The administrative class of a school by the name that the school has for it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn at(tx: &mut Tx, _task: &Task, org: OrgId, key: &ClassKey) -> Result<Option<Class>, StoreError> {
    tx.optional(BY_PLACE, place(org, key)).await
}

/// Adds classes; how many were added. Fewer than given when somebody else opened one of them meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, all: &[Class]) -> Result<u64, StoreError> {
    row_states::made(tx, RowKind::Class, &all.iter().map(|one| one.id.0).collect::<Vec<_>>());
    tx.insert_many(INSERT, all.iter().map(values).collect()).await
}

/// All classes of some schools.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_orgs(tx: &mut Tx, _task: &Task, orgs: &[OrgId]) -> Result<Vec<Class>, StoreError> {
    tx.all_in(OF_ORGS, &[], orgs.iter().map(|id| Value::from(*id)).collect()).await
}

/// Writes a changed name, length of schooling or status; the version was counted up by one. What it was called is kept. `false` when
/// somebody else changed the class meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, _task: &Task, class: &Class) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Class, &[class.id.0]).await?;
    let (opened, today) = (class.created_at.shanghai_date(), class.updated_at.shanghai_date());
    tx.execute(KEEP, args![class.id, class.version, class.name.clone(), opened, today, class.updated_at]).await?;
    let values = args![
        class.id,
        class.name.clone(),
        class.schooling_years,
        class.status.as_str(),
        class.updated_at,
        class.version
    ];
    tx.execute_one(UPDATE, values).await
}

/// What classes were called before, the oldest name of each first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn former_names(tx: &mut Tx, _task: &Task, classes: &[ClassId]) -> Result<Vec<FormerName>, StoreError> {
    tx.all_in(FORMER_NAMES, &[], classes.iter().map(|id| Value::from(*id)).collect()).await
}

/// A class by its id, with what it was called on a day.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find_on(tx: &mut Tx, task: &Task, id: ClassId, day: NaiveDate) -> Result<Option<Class>, StoreError> {
    let Some(class) = find(tx, task, id).await? else { return Ok(None) };
    let former = former_names(tx, task, &[id]).await?;
    Ok(Some(Class { name: class.name_on(&former, day), ..class }))
}

/// A class by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, id: ClassId) -> Result<Option<Class>, StoreError> {
    tx.optional(FIND, args![id]).await
}

/// A class by its id, held until the transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold(tx: &mut Tx, _task: &Task, id: ClassId) -> Result<Option<Class>, StoreError> {
    tx.optional(HOLD, args![id]).await
}

/// Classes by their ids, held until the transaction ends, in the one order.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_many(tx: &mut Tx, _task: &Task, classes: &[ClassId]) -> Result<Vec<Class>, StoreError> {
    tx.all_in(HOLD_MANY, &[], classes.iter().map(|id| Value::from(*id)).collect()).await
}

/// Keeps classes, in the one order, from whoever else gives them a head teacher; who sits down there waits for nobody.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn still(tx: &mut Tx, _task: &Task, classes: impl Iterator<Item = ClassId>) -> Result<(), StoreError> {
    tx.all_in::<Id>(STILL_OF_MANY, &[], classes.map(Value::from).collect()).await.map(drop)
}

/// Whether somebody sits or teaches in a class.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn is_used(tx: &mut Tx, _task: &Task, id: ClassId) -> Result<bool, StoreError> {
    Ok(tx.optional::<Used>(USED, args![id]).await?.is_some())
}

/// The classes of a school inside an administrator's subtrees.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_org_in(tx: &mut Tx, scope: &Subtree, org: OrgId) -> Result<Vec<Class>, StoreError> {
    for root in scope.roots() {
        let classes = tx.all(OF_ORG_IN, args![org, root]).await?;
        if !classes.is_empty() {
            return Ok(classes);
        }
    }
    Ok(Vec::new())
}

fn values(class: &Class) -> Vec<Value> {
    args![
        class.id,
        class.org,
        class.kind.as_str(),
        class.stage.as_str(),
        class.entry_year,
        class.class_no.clone(),
        class.name.clone(),
        class.schooling_years,
        class.status.as_str(),
        class.created_at,
        class.updated_at,
        class.version,
    ]
}
