//! Accounts 账号 and the aliases that lead to them (ruling R9).

use std::collections::BTreeMap;

use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::persons::keeps_under;
use super::row_states;
use crate::domain::access::{Door, OnePerson, Subtree, Task};
use crate::domain::id::{AccountId, OrgId, PersonId};
use crate::domain::registry::account::{Account, AliasKind};
use crate::domain::registry::codes::identity_kind::IdentityKind;
use crate::domain::registry::codes::staff::StaffCategory;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::institution::InstitutionKind;
use crate::domain::registry::user_name::UserName;
use crate::domain::row_state::RowKind;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO account (id, person_id, user_name, state, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_name) DO NOTHING";
    BY_USER_NAME = "SELECT a.id AS id, a.person_id AS person_id, a.user_name AS user_name, a.state AS state, p.status AS status FROM account a JOIN person p ON p.id = a.person_id WHERE a.user_name = $1";
    BY_ID = "SELECT a.id AS id, a.person_id AS person_id, a.user_name AS user_name, a.state AS state, p.status AS status FROM account a JOIN person p ON p.id = a.person_id WHERE a.id = $1";
    BY_ALIAS = "SELECT a.id AS id, a.person_id AS person_id, a.user_name AS user_name, a.state AS state, p.status AS status FROM login_alias l JOIN account a ON a.id = l.account_id
        JOIN person p ON p.id = a.person_id WHERE l.kind = $1 AND l.value_index = $2 AND l.ended_at IS NULL";
    REFERENCE = "SELECT a.id AS id, a.person_id AS person_id, a.user_name AS user_name, a.state AS state, p.status AS status FROM account a JOIN person p ON p.id = a.person_id WHERE a.person_id = $1";
    FIND = "SELECT * FROM account WHERE person_id = $1";
    // One that was merged is none to sign in with, whoever holds a code of it.
    HOLD = "UPDATE account SET state = state WHERE person_id = $1 AND state <> 'merged' RETURNING id";
    ACTIVATE = "UPDATE account SET state = 'active', updated_at = $3, version = version + 1 WHERE id = $1 AND person_id = $2 AND state = 'inactive'";
    SET_STATE = "UPDATE account SET state = $3, updated_at = $4, version = version + 1 WHERE id = $1 AND person_id = $2 AND state <> $3";
    END_ALIAS_OF_OTHERS = "UPDATE login_alias SET ended_at = $4 WHERE kind = $2 AND value_index = $3 AND ended_at IS NULL AND account_id <> $1";
    ADD_ALIAS = "INSERT INTO login_alias (id, account_id, kind, value_index, confirmed_at) SELECT $1, a.id, $4, $5, $6 FROM account a WHERE a.id = $2 AND a.person_id = $3
        ON CONFLICT (kind, value_index) WHERE ended_at IS NULL DO NOTHING";
    LED_TO = "SELECT account_id AS id FROM login_alias WHERE kind = $1 AND value_index = $2 AND ended_at IS NULL";
    END_ONE_ALIAS = "UPDATE login_alias SET ended_at = $4 WHERE kind = $2 AND value_index = $3 AND ended_at IS NULL AND account_id IN (SELECT id FROM account WHERE person_id = $1)";
    END_ALIAS = "UPDATE login_alias SET ended_at = $4 WHERE kind = $3 AND ended_at IS NULL AND account_id = (SELECT id FROM account WHERE id = $1 AND person_id = $2)";
    STUDENTS_UNDER = "SELECT DISTINCT a.person_id AS person_id, a.user_name AS user_name, a.state AS state FROM enrolment e JOIN institution_closure c ON c.descendant_id = e.org_id JOIN account a ON a.person_id = e.person_id
        WHERE c.ancestor_id = $1 AND e.valid_to IS NULL ORDER BY a.person_id";
    STAFF_UNDER = "SELECT DISTINCT a.person_id AS person_id, a.user_name AS user_name, a.state AS state, s.category AS category, o.kind AS org_kind FROM staffing s JOIN institution_closure c ON c.descendant_id = s.org_id
        JOIN institution o ON o.id = s.org_id JOIN account a ON a.person_id = s.person_id WHERE c.ancestor_id = $1 AND s.valid_to IS NULL ORDER BY a.person_id, s.category, o.kind";
    PARENTS_UNDER = "SELECT DISTINCT a.person_id AS person_id, a.user_name AS user_name, a.state AS state FROM guardianship g JOIN enrolment e ON e.person_id = g.child_id JOIN institution_closure c ON c.descendant_id = e.org_id
        JOIN account a ON a.person_id = g.guardian_id WHERE c.ancestor_id = $1 AND e.valid_to IS NULL AND g.status = 'confirmed' ORDER BY a.person_id";
    // Nobody stands in the list whom its reader does not see otherwise.
    OF_INSTITUTION = concat!("SELECT a.person_id AS person_id, a.user_name AS user_name, a.state AS state FROM account a
        WHERE a.person_id > $3 AND EXISTS (SELECT 1 FROM institution_closure c WHERE c.ancestor_id = $2 AND c.descendant_id = $1) AND a.person_id IN (
            SELECT e.person_id FROM enrolment e WHERE e.org_id = $1 AND e.valid_to IS NULL
            UNION SELECT s.person_id FROM staffing s WHERE s.org_id = $1 AND s.valid_to IS NULL
            UNION SELECT g.guardian_id FROM enrolment e JOIN guardianship g ON g.child_id = e.person_id WHERE e.org_id = $1 AND e.valid_to IS NULL AND ", keeps_under!("$5"), ")
        ORDER BY a.person_id LIMIT $4");
    USER_NAMES_OF_MANY = "SELECT person_id, user_name FROM account WHERE person_id IN ($1)";
    INSERT_ALIAS = "INSERT INTO login_alias (id, account_id, kind, value_index, confirmed_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (kind, value_index) WHERE ended_at IS NULL DO NOTHING";
}

impl FromRow for Account {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            user_name: row.code("user_name")?,
            state: row.code("state")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

/// All that a login leads to before anything was proven.
pub struct Reference {
    /// The account.
    pub id: AccountId,
    /// Whose.
    pub person: PersonId,
    /// What she types.
    pub user_name: String,
    /// Whether account and person are in a state in which somebody signs in.
    pub may_sign_in: bool,
    /// It leads to another account since the person was merged.
    pub merged: bool,
}

impl FromRow for Reference {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let (account, person): (Status, Status) = (row.code("state")?, row.code("status")?);
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            user_name: row.get("user_name")?,
            may_sign_in: account == Status::Active && person == Status::Active,
            merged: account == Status::Merged,
        })
    }
}

/// A line of an institution's list of accounts.
pub struct Listed {
    /// Whose.
    pub person: PersonId,
    /// What she is there; who is several things has several lines.
    pub kind: IdentityKind,
    /// What she types.
    pub user_name: String,
    /// Its state.
    pub state: Status,
}

struct Line {
    person: PersonId,
    user_name: String,
    state: Status,
}

impl FromRow for Line {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { person: row.get("person_id")?, user_name: row.get("user_name")?, state: row.code("state")? })
    }
}

struct StaffLine {
    line: Line,
    kind: IdentityKind,
}

impl FromRow for StaffLine {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let (category, org): (StaffCategory, InstitutionKind) = (row.code("category")?, row.code("org_kind")?);
        Ok(Self { line: Line::from_row(row)?, kind: IdentityKind::of_staff(category, org.teaches()) })
    }
}

fn listed(kind: IdentityKind) -> impl Fn(Line) -> Listed {
    move |line| Listed { person: line.person, kind, user_name: line.user_name, state: line.state }
}

/// Adds an account; `false` when the user name is taken, then draw another.
///
/// # Errors
/// `account_person_id_key` when the person has one.
pub async fn insert(tx: &mut Tx, _task: &Task, account: &Account) -> Result<bool, StoreError> {
    row_states::made(tx, RowKind::Account, &[account.id.0]);
    tx.execute_one(INSERT, values(account)).await
}

/// Adds many accounts; how many. A taken user name stays out.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, all: &[Account]) -> Result<u64, StoreError> {
    row_states::made(tx, RowKind::Account, &all.iter().map(|one| one.id.0).collect::<Vec<_>>());
    tx.insert_many(INSERT, all.iter().map(values).collect()).await
}

fn values(account: &Account) -> Vec<Value> {
    args![
        account.id,
        account.person,
        account.user_name.as_str(),
        account.state.as_str(),
        account.created_at,
        account.updated_at,
        account.version,
    ]
}

/// The account of a user name.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_user_name(tx: &mut Tx, _door: &Door, name: &UserName) -> Result<Option<Reference>, StoreError> {
    tx.optional(BY_USER_NAME, args![name.as_str()]).await
}

/// The account that an alias leads to, by the keyed HMAC of what was typed. The kind is an [`AliasKind`]'s text.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_alias(tx: &mut Tx, _door: &Door, kind: &str, index: [u8; 32]) -> Result<Option<Reference>, StoreError> {
    tx.optional(BY_ALIAS, args![kind, index]).await
}

/// The account that stands for one that was merged.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn standing(tx: &mut Tx, _door: &Door, survivor: PersonId) -> Result<Option<Reference>, StoreError> {
    tx.optional(REFERENCE, args![survivor]).await
}

/// An account by its id, which an activation code led to.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_id(tx: &mut Tx, _door: &Door, id: AccountId) -> Result<Option<Reference>, StoreError> {
    tx.optional(BY_ID, args![id]).await
}

/// What the person signs in with.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Option<Reference>, StoreError> {
    tx.optional(REFERENCE, args![proof.person()]).await
}

/// The person's account with its state and version.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, proof: &impl OnePerson) -> Result<Option<Account>, StoreError> {
    tx.optional(FIND, args![proof.person()]).await
}

struct Id(AccountId);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// The person's account, held until the transaction ends: whoever makes a code for it at the same moment comes before or
/// after.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold(tx: &mut Tx, proof: &impl OnePerson) -> Result<Option<AccountId>, StoreError> {
    Ok(tx.optional::<Id>(HOLD, args![proof.person()]).await?.map(|row| row.0))
}

/// Inactive → active; `false` from any other state, so that no activation opens a locked account.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn activate(tx: &mut Tx, proof: &impl OnePerson, id: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Account, &[id.0]).await?;
    tx.execute_one(ACTIVATE, args![id, proof.person(), now]).await
}

/// Puts the person's account into a state; `false` when it was in it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_state(
    tx: &mut Tx,
    proof: &impl OnePerson,
    id: AccountId,
    state: Status,
    now: Timestamp,
) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Account, &[id.0]).await?;
    tx.execute_one(SET_STATE, args![id, proof.person(), state.as_str(), now]).await
}

/// Makes a confirmed phone, e-mail or 学籍号 a login of the person's account. Unique among accounts: another account's
/// older claim ends, and the caller tells its holder (`true` when there was one).
///
/// # Errors
/// As [`StoreError`] says.
pub async fn add_alias(
    tx: &mut Tx,
    proof: &impl OnePerson,
    id: Uuid,
    account: AccountId,
    kind: AliasKind,
    index: [u8; 32],
    now: Timestamp,
) -> Result<bool, StoreError> {
    row_states::changing(tx, RowKind::Account, &[account.0]).await?;
    let theirs = args![kind.as_str(), index];
    row_states::changing_found(tx, RowKind::Account, LED_TO, theirs).await?;
    let ended = tx.execute(END_ALIAS_OF_OTHERS, args![account, kind.as_str(), index, now]).await?;
    tx.execute(ADD_ALIAS, args![id, account, proof.person(), kind.as_str(), index, now]).await?;
    Ok(ended > 0)
}

/// Ends one alias of the person, if it is hers: what it stands for belongs to somebody else.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_alias(
    tx: &mut Tx,
    proof: &impl OnePerson,
    kind: AliasKind,
    index: [u8; 32],
    now: Timestamp,
) -> Result<(), StoreError> {
    row_states::changing_account(tx, proof).await?;
    tx.execute(END_ONE_ALIAS, args![proof.person(), kind.as_str(), index, now]).await.map(drop)
}

/// Ends the aliases of a kind of the person's account; how many there were.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_aliases(
    tx: &mut Tx,
    proof: &impl OnePerson,
    account: AccountId,
    kind: AliasKind,
    now: Timestamp,
) -> Result<u64, StoreError> {
    row_states::changing(tx, RowKind::Account, &[account.0]).await?;
    tx.execute(END_ALIAS, args![account, proof.person(), kind.as_str(), now]).await
}

/// The accounts of everybody at an institution and below it, by kind and person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn list_under(tx: &mut Tx, _task: &Task, org: OrgId) -> Result<Vec<Listed>, StoreError> {
    let staff: Vec<StaffLine> = tx.all(STAFF_UNDER, args![org]).await?;
    let mut all: Vec<Listed> = staff.into_iter().map(|row| listed(row.kind)(row.line)).collect();
    let students: Vec<Line> = tx.all(STUDENTS_UNDER, args![org]).await?;
    all.extend(students.into_iter().map(listed(IdentityKind::Student)));
    let parents: Vec<Line> = tx.all(PARENTS_UNDER, args![org]).await?;
    all.extend(parents.into_iter().map(listed(IdentityKind::Parent)));
    all.sort_by_key(|line| (line.kind, line.person));
    all.dedup_by_key(|line| (line.kind, line.person));
    Ok(all)
}

/// The accounts of who studies, works or has wards at an institution inside an administrator's subtrees, behind a person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_institution(
    tx: &mut Tx,
    scope: &Subtree,
    org: OrgId,
    after: PersonId,
    limit: usize,
) -> Result<Vec<(PersonId, String, Status)>, StoreError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut found = BTreeMap::new();
    for root in scope.roots() {
        let lines: Vec<Line> = tx.all(OF_INSTITUTION, args![org, root, after, most, scope.admin()]).await?;
        found.extend(lines.into_iter().map(|line| (line.person, (line.person, line.user_name, line.state))));
    }
    Ok(found.into_values().take(limit).collect())
}

struct Named((PersonId, String));

impl FromRow for Named {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self((row.get("person_id")?, row.get("user_name")?)))
    }
}

/// The user names of many people.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn user_names_of_many(
    tx: &mut Tx,
    _task: &Task,
    people: &[PersonId],
) -> Result<Vec<(PersonId, String)>, StoreError> {
    let keys = people.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<Named>(USER_NAMES_OF_MANY, &[], keys).await?.into_iter().map(|named| named.0).collect())
}

/// Gives many new accounts an alias; one that leads to another account already stays there.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_aliases(
    tx: &mut Tx,
    _task: &Task,
    kind: AliasKind,
    all: &[(Uuid, AccountId, [u8; 32])],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let accounts: Vec<Uuid> = all.iter().map(|(_, account, _)| account.0).collect();
    row_states::changing(tx, RowKind::Account, &accounts).await?;
    let rows = all.iter().map(|(id, account, index)| args![*id, *account, kind.as_str(), index, now]).collect();
    tx.insert_many(INSERT_ALIAS, rows).await
}
