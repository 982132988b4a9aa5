//! Administrators' grants 管理授权: the evidence behind [`Subtree`](crate::domain::access::Subtree).

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::{OnePerson as _, Task, TaskOn};
use crate::domain::id::{AdminGrantId, OrgId, PersonId};
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO admin_grant (id, person_id, role, org_id, granted_by, may_delegate, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (person_id, role, org_id) WHERE revoked_at IS NULL DO NOTHING";
    STANDING = "SELECT id, role, org_id FROM admin_grant WHERE person_id = $1 AND revoked_at IS NULL ORDER BY id";
    REVOKE_ALL = "UPDATE admin_grant SET revoked_at = $2 WHERE person_id = $1 AND revoked_at IS NULL";
    LIVE = "SELECT id, role, org_id FROM admin_grant WHERE person_id = $1 AND revoked_at IS NULL AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) ORDER BY id";
}

/// A live grant.
pub struct LiveGrant {
    /// Its id.
    pub id: AdminGrantId,
    /// Table A.
    pub role: String,
    /// The top of its subtree.
    pub org: OrgId,
}

impl FromRow for LiveGrant {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get("id")?, role: row.get("role")?, org: row.get("org_id")? })
    }
}

/// A grant to be added.
pub struct NewGrant {
    /// Its id.
    pub id: AdminGrantId,
    /// Table A.
    pub role: String,
    /// The top of its subtree.
    pub org: OrgId,
    /// Who gave it; nobody when the operator did.
    pub granted_by: Option<PersonId>,
    /// Whether she may hand it on.
    pub may_delegate: bool,
    /// Since when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_to: Option<Timestamp>,
}

/// Adds a grant; `false` when she holds it already.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on: &TaskOn, grant: &NewGrant) -> Result<bool, StoreError> {
    use crate::domain::access::OnePerson as _;
    let values = args![
        grant.id,
        on.person(),
        grant.role.clone(),
        grant.org,
        grant.granted_by,
        grant.may_delegate,
        grant.valid_from,
        grant.valid_to
    ];
    tx.execute_one(INSERT, values).await
}

/// A person's live grants. Reads no one's record but her own rights, so any part may ask.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn live(tx: &mut Tx, person: PersonId, now: Timestamp) -> Result<Vec<LiveGrant>, StoreError> {
    tx.all(LIVE, args![person, now]).await
}

/// Grants of a person that were not revoked, those of another time too.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn standing(tx: &mut Tx, _task: &Task, person: PersonId) -> Result<Vec<LiveGrant>, StoreError> {
    tx.all(STANDING, args![person]).await
}

/// Revokes all grants of a person; how many.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_all(tx: &mut Tx, on: &TaskOn, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(REVOKE_ALL, args![on.person(), now]).await
}
