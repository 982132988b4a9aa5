//! Administrators' grants 管理授权: the evidence behind [`Subtree`](crate::domain::access::Subtree).

use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::row_states;
use crate::domain::access::{OnePerson as _, Task, TaskOn};
use crate::domain::id::{AdminGrantId, OrgId, PersonId, StaffingId};
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

/// Of a grant `g` at `$2`: that it is no deputy's, or whoever named her still runs that institution or one above.
macro_rules! named {
    () => {
        "(g.deputy = FALSE OR g.granted_by IS NULL OR EXISTS (SELECT 1 FROM admin_grant n JOIN institution_closure c ON c.ancestor_id = n.org_id AND c.descendant_id = g.org_id
            WHERE n.person_id = g.granted_by AND n.deputy = FALSE AND n.revoked_at IS NULL AND (n.valid_to IS NULL OR n.valid_to > $2)
              AND n.role IN ('national_admin', 'province_admin', 'city_admin', 'county_admin', 'school_admin')
              AND (n.staffing_id IS NULL OR EXISTS (SELECT 1 FROM staffing p WHERE p.id = n.staffing_id AND p.valid_to IS NULL))))"
    };
}

/// Grants `g` that ended by themselves until `$2`, and why.
macro_rules! lapsed {
    () => {
        concat!("SELECT g.id AS id, g.person_id AS person_id, g.org_id AS org_id, g.role AS role, g.granted_by AS granted_by, CASE WHEN g.valid_to <= $2 THEN 'time'
            WHEN EXISTS (SELECT 1 FROM staffing s WHERE s.id = g.staffing_id AND s.valid_to IS NOT NULL) THEN 'post' ELSE 'namer' END AS why
        FROM admin_grant g WHERE g.revoked_at IS NULL AND (g.valid_to <= $2 OR EXISTS (SELECT 1 FROM staffing s WHERE s.id = g.staffing_id AND s.valid_to IS NOT NULL) OR NOT ", named!(), ")")
    };
}

statements! {
    INSERT = "INSERT INTO admin_grant (id, person_id, role, org_id, granted_by, may_delegate, valid_from, valid_to, staffing_id, deputy) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (person_id, role, org_id) WHERE revoked_at IS NULL DO NOTHING";
    STANDING = "SELECT id, role, org_id, deputy FROM admin_grant WHERE person_id = $1 AND revoked_at IS NULL ORDER BY id";
    HOLDERS_AMONG = "SELECT DISTINCT person_id FROM admin_grant WHERE revoked_at IS NULL AND person_id IN ($1)";
    RESTING_ON = "SELECT id, role, org_id, deputy FROM admin_grant WHERE staffing_id = $1 AND revoked_at IS NULL ORDER BY id";
    REVOKE_ALL = "UPDATE admin_grant SET revoked_at = $2 WHERE person_id = $1 AND revoked_at IS NULL";
    END_WITH_POST = "UPDATE admin_grant SET revoked_at = $3 WHERE person_id = $1 AND revoked_at IS NULL AND staffing_id = $2 RETURNING id";
    END_UNTIED = "UPDATE admin_grant SET revoked_at = $2 WHERE person_id = $1 AND revoked_at IS NULL AND staffing_id IS NULL RETURNING id";
    ALL_OF = "SELECT * FROM admin_grant WHERE person_id = $1 ORDER BY id";
    FIND = "SELECT * FROM admin_grant WHERE id = $1";
    UNDER = "SELECT g.*, c.depth AS depth FROM institution_closure c JOIN admin_grant g ON g.org_id = c.descendant_id AND g.revoked_at IS NULL
        WHERE c.ancestor_id = $1 AND (c.depth, g.role, g.id) > ($2, $3, $4) ORDER BY c.depth, g.role, g.id LIMIT $5";
    REVOKE = "UPDATE admin_grant SET revoked_at = $3 WHERE id = $1 AND person_id = $2 AND revoked_at IS NULL";
    SYSTEM_ADMIN = "SELECT id FROM admin_grant WHERE org_id = $1 AND role = 'school_admin' AND deputy = FALSE AND revoked_at IS NULL LIMIT 1";
    // What ended by itself.
    LAPSED = concat!(lapsed!(), " AND g.id > $3 ORDER BY g.id LIMIT $1");
    LAPSED_AT = concat!(lapsed!(), " AND g.id > $3 AND g.org_id = $4 ORDER BY g.id LIMIT $1");
    STILL_LAPSED = concat!(lapsed!(), " AND g.id = $3 LIMIT $1");
    // Nothing without the post that it rests on, whatever ended that; and of a deputy nothing without whoever named her.
    LIVE = concat!("SELECT g.id AS id, g.role AS role, g.org_id AS org_id, g.deputy AS deputy FROM admin_grant g WHERE g.person_id = $1 AND g.revoked_at IS NULL AND g.valid_from <= $2 AND (g.valid_to IS NULL OR g.valid_to > $2)
        AND (g.staffing_id IS NULL OR EXISTS (SELECT 1 FROM staffing s WHERE s.id = g.staffing_id AND s.person_id = g.person_id AND s.valid_to IS NULL))
        AND ", named!(), " ORDER BY g.id");
    // Whoever was quicker by a moment counts, though her grant may begin after this present.
    HELD = "SELECT g.id AS id, g.role AS role, g.org_id AS org_id, g.deputy AS deputy FROM admin_grant g WHERE g.person_id = $1 AND g.revoked_at IS NULL AND (g.valid_to IS NULL OR g.valid_to > $2)
        AND (g.staffing_id IS NULL OR EXISTS (SELECT 1 FROM staffing s WHERE s.id = g.staffing_id AND s.valid_to IS NULL)) ORDER BY g.id";
    OF_SEVERAL_ROLES = "SELECT DISTINCT g.person_id AS person_id FROM admin_grant g JOIN admin_grant o ON o.person_id = g.person_id AND o.role <> g.role AND o.revoked_at IS NULL
        WHERE g.revoked_at IS NULL AND g.person_id > $1 ORDER BY g.person_id LIMIT $2";
    POST_FOR = "SELECT s.id AS id, c.depth AS depth FROM staffing s JOIN institution_closure c ON c.ancestor_id = $2 AND c.descendant_id = s.org_id WHERE s.person_id = $1 AND s.valid_to IS NULL
        UNION ALL SELECT s.id AS id, c.depth AS depth FROM staffing s JOIN institution_closure c ON c.ancestor_id = s.org_id AND c.descendant_id = $2 WHERE s.person_id = $1 AND s.valid_to IS NULL
        ORDER BY depth, id LIMIT 1";
    ONLY_POST = "SELECT s.id AS id FROM staffing s WHERE s.person_id = $1 AND s.valid_to IS NULL ORDER BY s.valid_from, s.id LIMIT 1";
}

/// A live grant.
pub struct LiveGrant {
    /// Its id.
    pub id: AdminGrantId,
    /// Table A.
    pub role: String,
    /// The top of its subtree.
    pub org: OrgId,
    /// Beside the one who runs the institution.
    pub deputy: bool,
}

impl FromRow for LiveGrant {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get("id")?, role: row.get("role")?, org: row.get("org_id")?, deputy: row.get("deputy")? })
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
    /// Beside the one who runs the institution.
    pub deputy: bool,
    /// Since when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_to: Option<Timestamp>,
    /// The post that it rests on and ends with.
    pub staffing: Option<StaffingId>,
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
        grant.valid_to,
        grant.staffing,
        grant.deputy,
    ];
    row_states::made(tx, RowKind::AdminGrant, &[grant.id.0]);
    tx.execute_one(INSERT, values).await
}

/// A person's live grants. Reads no one's record but her own rights, so any part may ask.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn live(tx: &mut Tx, person: PersonId, now: Timestamp) -> Result<Vec<LiveGrant>, StoreError> {
    tx.all(LIVE, args![person, now]).await
}

/// Grants of a person that count now or from some moment on: what may not be joined with others (三员分离).
///
/// # Errors
/// As [`StoreError`] says.
pub async fn held(tx: &mut Tx, _task: &Task, person: PersonId, now: Timestamp) -> Result<Vec<LiveGrant>, StoreError> {
    tx.all(HELD, args![person, now]).await
}

struct Holder(PersonId);

impl FromRow for Holder {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("person_id")?))
    }
}

/// Who holds more than one role, behind a person, at most so many.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_several_roles(
    tx: &mut Tx,
    _task: &Task,
    after: PersonId,
    limit: usize,
) -> Result<Vec<PersonId>, StoreError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(tx.all::<Holder>(OF_SEVERAL_ROLES, args![after, most]).await?.into_iter().map(|row| row.0).collect())
}

/// Who of these people holds a grant that was not revoked.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn holders_among(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<Vec<PersonId>, StoreError> {
    let keys = people.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<Holder>(HOLDERS_AMONG, &[], keys).await?.into_iter().map(|row| row.0).collect())
}

/// Grants of a person that were not revoked, those of another time too.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn standing(tx: &mut Tx, _task: &Task, person: PersonId) -> Result<Vec<LiveGrant>, StoreError> {
    tx.all(STANDING, args![person]).await
}

/// Grants that rest on a post and were not revoked.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn resting_on(tx: &mut Tx, _task: &Task, post: StaffingId) -> Result<Vec<LiveGrant>, StoreError> {
    tx.all(RESTING_ON, args![post]).await
}

/// Revokes all grants of a person; how many.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_all(tx: &mut Tx, on: &TaskOn, now: Timestamp) -> Result<u64, StoreError> {
    row_states::changing_found(tx, RowKind::AdminGrant, STANDING, args![on.person()]).await?;
    tx.execute(REVOKE_ALL, args![on.person(), now]).await
}

struct Id(Uuid);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// The open post of a person for which she gets a grant over an institution: there, below or above it, the nearest; else the
/// oldest that she has. None for whoever has no post.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn post_for(tx: &mut Tx, on: &TaskOn, org: OrgId) -> Result<Option<StaffingId>, StoreError> {
    let near: Option<Id> = tx.optional(POST_FOR, args![on.person(), org]).await?;
    let post = match near {
        Some(near) => Some(near),
        None => tx.optional(ONLY_POST, args![on.person()]).await?,
    };
    Ok(post.map(|Id(id)| StaffingId(id)))
}

/// Ends the grants of a person that rest on a post, and those that rest on none where it was her `last`; which.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_with_post(
    tx: &mut Tx,
    on: &TaskOn,
    post: StaffingId,
    last: bool,
    now: Timestamp,
) -> Result<Vec<AdminGrantId>, StoreError> {
    row_states::changing_found(tx, RowKind::AdminGrant, RESTING_ON, args![post]).await?;
    let mut ended: Vec<Id> = tx.all(END_WITH_POST, args![on.person(), post, now]).await?;
    if last {
        row_states::changing_found(tx, RowKind::AdminGrant, STANDING, args![on.person()]).await?;
        ended.extend(tx.all::<Id>(END_UNTIED, args![on.person(), now]).await?);
    }
    Ok(ended.into_iter().map(|Id(id)| AdminGrantId(id)).collect())
}

/// A grant of any time, as it stands in the register.
pub struct KnownGrant {
    /// Its id.
    pub id: AdminGrantId,
    /// Whose.
    pub person: PersonId,
    /// Table A.
    pub role: String,
    /// The top of its subtree.
    pub org: OrgId,
    /// Who gave it; nobody when the operator did.
    pub granted_by: Option<PersonId>,
    /// Whether she may hand it on.
    pub may_delegate: bool,
    /// Beside the one who runs the institution.
    pub deputy: bool,
    /// Since when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_to: Option<Timestamp>,
    /// Taken back.
    pub revoked_at: Option<Timestamp>,
}

impl FromRow for KnownGrant {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            role: row.get("role")?,
            org: row.get("org_id")?,
            granted_by: row.get("granted_by")?,
            may_delegate: row.get("may_delegate")?,
            deputy: row.get("deputy")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
            revoked_at: row.get("revoked_at")?,
        })
    }
}

/// Every grant that a person has or had.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn all_of(tx: &mut Tx, _task: &Task, person: PersonId) -> Result<Vec<KnownGrant>, StoreError> {
    tx.all(ALL_OF, args![person]).await
}

/// A grant by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, id: AdminGrantId) -> Result<Option<KnownGrant>, StoreError> {
    tx.optional(FIND, args![id]).await
}

struct Below(i64, KnownGrant);

impl FromRow for Below {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("depth")?, KnownGrant::from_row(row)?))
    }
}

/// The grants over an institution and everything below it that were not taken back, each with how many steps below it lies;
/// in this order, behind one of them.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn under(
    tx: &mut Tx,
    _task: &Task,
    org: OrgId,
    after: Option<(i64, String, AdminGrantId)>,
    limit: i64,
) -> Result<Vec<(i64, KnownGrant)>, StoreError> {
    let (depth, role, id) = after.unwrap_or((-1, String::new(), AdminGrantId(Uuid::nil())));
    let found: Vec<Below> = tx.all(UNDER, args![org, depth, role, id, limit]).await?;
    Ok(found.into_iter().map(|Below(depth, grant)| (depth, grant)).collect())
}

/// Takes a grant of the person back; `false` when it was before.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke(tx: &mut Tx, on: &TaskOn, grant: AdminGrantId, now: Timestamp) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::AdminGrant, &[grant.0]).await?;
    tx.execute_one(REVOKE, args![grant, on.person(), now]).await
}

/// Whether a school has its system administrator.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn has_system_admin(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<bool, StoreError> {
    Ok(tx.optional::<Id>(SYSTEM_ADMIN, args![org]).await?.is_some())
}

/// A grant that ended by itself, and that nobody wrote down yet.
pub struct Lapsed {
    /// Which.
    pub grant: AdminGrantId,
    /// Whose.
    pub person: PersonId,
    /// Over which institution.
    pub org: OrgId,
    /// Table A.
    pub role: String,
    /// Who gave it; nobody when the operator did.
    pub granted_by: Option<PersonId>,
    /// `time`, `post`, or `namer`: whoever named this deputy runs nothing there any more.
    pub why: String,
}

impl FromRow for Lapsed {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            grant: row.get("id")?,
            person: row.get("person_id")?,
            org: row.get("org_id")?,
            role: row.get("role")?,
            granted_by: row.get("granted_by")?,
            why: row.get("why")?,
        })
    }
}

/// Grants that ended by themselves until now; over one institution, where one is named.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn lapsed(
    tx: &mut Tx,
    _task: &Task,
    org: Option<OrgId>,
    now: Timestamp,
    after: Option<AdminGrantId>,
    limit: i64,
) -> Result<Vec<Lapsed>, StoreError> {
    let after = after.unwrap_or(AdminGrantId(Uuid::nil()));
    match org {
        Some(org) => tx.all(LAPSED_AT, args![limit, now, after, org]).await,
        None => tx.all(LAPSED, args![limit, now, after]).await,
    }
}

/// The same of one grant; `None` while it counts, and when somebody took it back.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn is_lapsed(
    tx: &mut Tx,
    _task: &Task,
    grant: AdminGrantId,
    now: Timestamp,
) -> Result<Option<Lapsed>, StoreError> {
    tx.optional(STILL_LAPSED, args![1_i64, now, grant]).await
}
