//! Platforms 平台: the nodes of the system that people call home.

use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use super::row_states;
use crate::domain::access::{OnePerson, Task};
use crate::domain::id::OrgId;
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    ENSURE = "INSERT INTO platform (id, sys_code, level, name, status, created_at) VALUES ($1, $2, $3, $4, 'active', $5) ON CONFLICT (sys_code) DO NOTHING";
    NEAREST = "SELECT p.id AS id, p.sys_code AS sys_code, p.level AS level, p.space_url AS space_url FROM platform p JOIN institution o ON o.division = p.sys_code JOIN institution_closure c ON c.ancestor_id = o.id
        WHERE c.descendant_id = $1 ORDER BY c.depth, p.id LIMIT 1";
    BY_CODE = "SELECT id FROM platform WHERE sys_code = $1";
    SET_SPACE = "UPDATE platform SET space_url = $2 WHERE sys_code = $1 RETURNING id";
}

/// A platform as somebody's home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its id.
    pub id: Uuid,
    /// Its division (GB/T 2260).
    pub sys_code: String,
    /// Its level in the tree.
    pub level: String,
    /// Where its people open their space.
    pub space_url: Option<String>,
}

impl FromRow for Home {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            sys_code: row.get("sys_code")?,
            level: row.get("level")?,
            space_url: row.get("space_url")?,
        })
    }
}

struct Id(Uuid);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// The platform with a division code (GB/T 2260), made where it is missing.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn ensure(
    tx: &mut Tx,
    _task: &Task,
    fresh: Uuid,
    sys_code: &str,
    level: &str,
    name: &str,
    now: Timestamp,
) -> Result<Uuid, StoreError> {
    row_states::made(tx, RowKind::Platform, &[fresh]);
    tx.execute(ENSURE, args![fresh, sys_code, level, name, now]).await?;
    Ok(tx.one::<Id>(BY_CODE, args![sys_code]).await?.0)
}

/// Says where the people of a platform open their space; nothing when no platform has the division code.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_space(tx: &mut Tx, _task: &Task, sys_code: &str, url: &str) -> Result<Option<Uuid>, StoreError> {
    row_states::changing_found(tx, RowKind::Platform, BY_CODE, args![sys_code]).await?;
    Ok(tx.optional::<Id>(SET_SPACE, args![sys_code, url]).await?.map(|row| row.0))
}

/// The platform of a division.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_division(tx: &mut Tx, _task: &Task, sys_code: &str) -> Result<Option<Uuid>, StoreError> {
    Ok(tx.optional::<Id>(BY_CODE, args![sys_code]).await?.map(|row| row.0))
}

/// The platform nearest to an institution: of its own division, or of one above it in the tree (平台就近服务).
///
/// # Errors
/// As [`StoreError`] says.
pub async fn nearest(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Option<Uuid>, StoreError> {
    Ok(tx.optional::<Home>(NEAREST, args![org]).await?.map(|home| home.id))
}

/// The same for somebody who belongs to the institution and was given no home.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn near(tx: &mut Tx, _proof: &impl OnePerson, org: OrgId) -> Result<Option<Home>, StoreError> {
    tx.optional(NEAREST, args![org]).await
}
