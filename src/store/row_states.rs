//! What rows say at one moment, with what belongs to them: the one place that reads it, before a transaction changes them and
//! when it ends. Whoever writes a table of these says so here first ([`changing`], [`made`], [`changing_found`], [`unnamed`]);
//! a test holds the list of statements that do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::books::Linked;
use super::db::{FromRow, Row, Statement, StoreError, Tx, Value, args, statements};
use crate::domain::access::{OnePerson, Task};
use crate::domain::audit::{Action, sorted};
use crate::domain::hex::hex;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::row_state::{RowKind, RowState};

statements! {
    STAFFINGS = "SELECT * FROM staffing WHERE id IN ($1)";
    STAFFING_SLICES = "SELECT * FROM staffing_slice WHERE staffing_id IN ($1)";
    TEACHINGS = "SELECT t.*, s.person_id AS person_id, s.org_id AS org_id FROM teaching t JOIN staffing s ON s.id = t.staffing_id WHERE t.id IN ($1)";
    GUARDIANSHIPS = "SELECT * FROM guardianship WHERE id IN ($1)";
    GUARDIANSHIP_SLICES = "SELECT * FROM guardianship_slice WHERE guardianship_id IN ($1)";
    ENROLMENTS = "SELECT * FROM enrolment WHERE id IN ($1)";
    ENROLMENT_SLICES = "SELECT * FROM enrolment_slice WHERE enrolment_id IN ($1)";
    INSTITUTIONS = "SELECT * FROM institution WHERE id IN ($1)";
    INSTITUTION_CODES = "SELECT * FROM institution_code WHERE org_id IN ($1)";
    INSTITUTION_SLICES = "SELECT * FROM institution_slice WHERE org_id IN ($1)";
    CLASSES = "SELECT * FROM class WHERE id IN ($1)";
    CLASS_SLICES = "SELECT * FROM class_slice WHERE class_id IN ($1)";
    ADMIN_GRANTS = "SELECT * FROM admin_grant WHERE id IN ($1)";
    CLIENTS = "SELECT * FROM client WHERE id IN ($1)";
    ACCOUNTS = "SELECT * FROM account WHERE id IN ($1)";
    ALIASES = "SELECT * FROM login_alias WHERE account_id IN ($1)";
    PLATFORMS = "SELECT * FROM platform WHERE id IN ($1)";
    STAFFINGS_OF = "SELECT id FROM staffing WHERE person_id = $1";
    TEACHINGS_OF = "SELECT t.id AS id FROM teaching t JOIN staffing s ON s.id = t.staffing_id WHERE s.person_id = $1";
    ENROLMENTS_OF = "SELECT id FROM enrolment WHERE person_id = $1";
    GUARDIANSHIPS_OF = "SELECT id FROM guardianship WHERE child_id = $1 OR guardian_id = $1";
    ADMIN_GRANTS_OF = "SELECT id FROM admin_grant WHERE person_id = $1";
    ACCOUNTS_OF = "SELECT id FROM account WHERE person_id = $1";
    // Entries with a number in this range whose details hold a text: of a row its id, or that rows were not named.
    HOLDING = "SELECT l.seq AS seq, l.hash AS hash, e.* FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id
        WHERE l.seq > $1 AND l.seq <= $2 AND CAST(e.details AS TEXT) LIKE $3 ORDER BY l.seq";
    DONE_TO = "SELECT l.seq AS seq, l.hash AS hash, e.* FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id
        WHERE l.seq > $1 AND l.seq <= $2 AND e.action = $3 AND e.result = 'done' AND CAST(e.target AS TEXT) LIKE $4 ORDER BY l.seq";
}

/// How a column is read, and written into the form.
#[derive(Clone, Copy, Debug)]
enum Cell {
    Text,
    Int,
    Bool,
    Id,
    Json,
    /// A digest that is kept; in hexadecimal.
    Bytes,
    /// Metadata of a client without its contacts: addresses of people can be guessed, and no salt of theirs is known.
    Metadata,
}

impl Cell {
    fn read(self, row: &Row, name: &'static str) -> Result<Json, StoreError> {
        Ok(match self {
            Self::Text => json!(row.get::<Option<String>>(name)?),
            Self::Int => json!(row.get::<Option<i64>>(name)?),
            Self::Bool => json!(row.get::<Option<bool>>(name)?),
            Self::Id => json!(row.get::<Option<Uuid>>(name)?),
            Self::Json => json!(row.get::<Option<Json>>(name)?),
            Self::Bytes => json!(row.get::<Option<Vec<u8>>>(name)?.map(|bytes| hex(&bytes))),
            Self::Metadata => {
                let mut metadata = row.get::<Json>(name)?;
                if let Some(members) = metadata.as_object_mut() {
                    members.remove("contacts");
                }
                metadata
            }
        })
    }
}

/// The columns of a table that a form says. What is left out only counts or dates changes, or follows from the others.
type Columns = &'static [(&'static str, Cell)];

/// A row of such a table; by which id it is found.
trait Said: FromRow {
    #[cfg(test)]
    const TABLE: &'static str;
    #[cfg(test)]
    const COLUMNS: Columns;
    fn said(self) -> (Uuid, Found);
}

struct Found {
    of: BTreeSet<PersonId>,
    at: Option<OrgId>,
    said: Map<String, Json>,
}

fn read_said(row: &Row, columns: Columns) -> Result<Map<String, Json>, StoreError> {
    columns.iter().map(|(name, cell)| Ok(((*name).to_owned(), cell.read(row, name)?))).collect()
}

/// `NAME "table" key: COLUMN, of: COLUMN and COLUMN, at: COLUMN { "column": Cell, … }`
macro_rules! tables {
    ($($name:ident $table:literal key: $key:literal $(, of: $of:literal $(and $other:literal)?)? $(, at: $at:literal)? { $($column:literal: $cell:ident),+ $(,)? })+) => {
        $(struct $name(Uuid, Found);

        impl $name {
            const READ: Columns = &[$(($column, Cell::$cell)),+];
        }

        impl FromRow for $name {
            fn from_row(row: &Row) -> Result<Self, StoreError> {
                #[allow(unused_mut, unused_assignments, reason = "not every table has them")]
                let (mut of, mut at) = (BTreeSet::new(), None);
                $(of.extend(row.get::<Option<PersonId>>($of)?); $(of.extend(row.get::<Option<PersonId>>($other)?);)?)?
                $(at = row.get($at)?;)?
                Ok(Self(row.get($key)?, Found { of, at, said: read_said(row, Self::READ)? }))
            }
        }

        impl Said for $name {
            #[cfg(test)]
            const TABLE: &'static str = $table;
            #[cfg(test)]
            const COLUMNS: Columns = Self::READ;
            fn said(self) -> (Uuid, Found) {
                (self.0, self.1)
            }
        })+

        /// Every table with what is said of it.
        #[cfg(test)]
        pub(crate) fn tables() -> Vec<(&'static str, Vec<&'static str>)> {
            vec![$(($name::TABLE, $name::COLUMNS.iter().map(|(name, _)| *name).collect())),+]
        }
    };
}

tables! {
    Staffing "staffing" key: "id", of: "person_id", at: "org_id" {
        "person_id": Id, "org_id": Id, "category": Text, "post": Text, "staff_no": Text, "state": Text,
        "valid_from": Text, "valid_to": Text, "state_before_death": Text,
    }
    StaffingSlice "staffing_slice" key: "staffing_id" { "staff_no": Text, "valid_from": Text, "valid_to": Text }
    Teaching "teaching" key: "id", of: "person_id", at: "org_id" {
        "staffing_id": Id, "class_id": Id, "subject": Text, "head_teacher": Bool, "valid_from": Text, "valid_to": Text,
    }
    Guardianship "guardianship" key: "id", of: "child_id" and "guardian_id" {
        "child_id": Id, "guardian_id": Id, "relation": Text, "legal": Bool, "rank": Int, "status": Text, "verified_by": Text,
        "recorded_org_id": Id, "restrictions": Json, "valid_from": Text, "valid_to": Text, "guardian_org_id": Id,
        "confirmed_by": Text, "confirmed_person_id": Id, "confirmed_org_id": Id, "confirmed_at": Int,
    }
    GuardianshipSlice "guardianship_slice" key: "guardianship_id" {
        "relation": Text, "legal": Bool, "rank": Int, "status": Text, "restrictions": Json, "guardian_org_id": Id,
        "valid_from": Text, "valid_to": Text, "confirmed_by": Text, "confirmed_person_id": Id, "confirmed_org_id": Id,
        "confirmed_at": Int,
    }
    Enrolment "enrolment" key: "id", of: "person_id", at: "org_id" {
        "person_id": Id, "org_id": Id, "class_id": Id, "student_no": Text, "category": Text, "state": Text, "source": Text,
        "valid_from": Text, "valid_to": Text, "began_by": Text, "ended_by": Text, "state_before_death": Text,
    }
    EnrolmentSlice "enrolment_slice" key: "enrolment_id" {
        "class_id": Id, "student_no": Text, "state": Text, "source": Text, "began_by": Text, "valid_from": Text,
        "valid_to": Text,
    }
    Institution "institution" key: "id", at: "id" {
        "parent_id": Id, "kind": Text, "level": Text, "name": Text, "division": Text, "school_type": Text, "status": Text,
        "merged_into": Id,
    }
    InstitutionCode "institution_code" key: "org_id" { "scheme": Text, "value": Text, "valid_from": Text, "valid_to": Text }
    InstitutionSlice "institution_slice" key: "org_id" {
        "parent_id": Id, "kind": Text, "name": Text, "division": Text, "school_type": Text, "status": Text,
        "valid_from": Text, "valid_to": Text,
    }
    Class "class" key: "id", at: "org_id" {
        "org_id": Id, "kind": Text, "stage": Text, "entry_year": Int, "class_no": Text, "name": Text,
        "schooling_years": Int, "status": Text, "successor_id": Id,
    }
    ClassSlice "class_slice" key: "class_id" { "name": Text, "valid_from": Text, "valid_to": Text }
    AdminGrant "admin_grant" key: "id", of: "person_id", at: "org_id" {
        "person_id": Id, "role": Text, "org_id": Id, "granted_by": Id, "may_delegate": Bool, "valid_from": Int,
        "valid_to": Int, "revoked_at": Int, "staffing_id": Id, "deputy": Bool,
    }
    Client "client" key: "id", at: "org_id" {
        "kind": Text, "metadata": Metadata, "sector": Text, "secret_digest": Bytes, "old_secret_digest": Bytes,
        "old_secret_until": Int, "lawful_basis": Text, "require_pkce": Bool, "status": Text, "org_id": Id,
        "document_url": Text, "vouched": Bool, "keeper_id": Id, "suspended_by": Id, "suspended_under": Id, "heir_of": Json,
        "scope_cap": Text,
    }
    Account "account" key: "id", of: "person_id" { "person_id": Id, "user_name": Text, "state": Text }
    Alias "login_alias" key: "account_id" { "kind": Text, "value_index": Bytes, "confirmed_at": Int, "ended_at": Int }
    Platform "platform" key: "id" { "sys_code": Text, "level": Text, "name": Text, "status": Text, "space_url": Text }
}

/// Rows as they are now; one that is not there is not among them.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn read(
    tx: &mut Tx,
    _task: &Task,
    kind: RowKind,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, RowState>, StoreError> {
    states(tx, kind, ids).await
}

async fn states(tx: &mut Tx, kind: RowKind, ids: &[Uuid]) -> Result<BTreeMap<Uuid, RowState>, StoreError> {
    match kind {
        RowKind::Staffing => {
            let mut found = rows::<Staffing>(tx, STAFFINGS, ids).await?;
            add::<StaffingSlice>(tx, STAFFING_SLICES, ids, "before", &mut found).await?;
            Ok(found)
        }
        RowKind::Teaching => rows::<Teaching>(tx, TEACHINGS, ids).await,
        RowKind::Guardianship => {
            let mut found = rows::<Guardianship>(tx, GUARDIANSHIPS, ids).await?;
            add::<GuardianshipSlice>(tx, GUARDIANSHIP_SLICES, ids, "before", &mut found).await?;
            Ok(found)
        }
        RowKind::Enrolment => {
            let mut found = rows::<Enrolment>(tx, ENROLMENTS, ids).await?;
            add::<EnrolmentSlice>(tx, ENROLMENT_SLICES, ids, "before", &mut found).await?;
            Ok(found)
        }
        RowKind::Institution => {
            let mut found = rows::<Institution>(tx, INSTITUTIONS, ids).await?;
            add::<InstitutionCode>(tx, INSTITUTION_CODES, ids, "codes", &mut found).await?;
            add::<InstitutionSlice>(tx, INSTITUTION_SLICES, ids, "before", &mut found).await?;
            Ok(found)
        }
        RowKind::Class => {
            let mut found = rows::<Class>(tx, CLASSES, ids).await?;
            add::<ClassSlice>(tx, CLASS_SLICES, ids, "before", &mut found).await?;
            Ok(found)
        }
        RowKind::AdminGrant => rows::<AdminGrant>(tx, ADMIN_GRANTS, ids).await,
        RowKind::Client => rows::<Client>(tx, CLIENTS, ids).await,
        RowKind::Account => {
            let mut found = rows::<Account>(tx, ACCOUNTS, ids).await?;
            add::<Alias>(tx, ALIASES, ids, "logins", &mut found).await?;
            Ok(found)
        }
        RowKind::Platform => rows::<Platform>(tx, PLATFORMS, ids).await,
    }
}

async fn rows<R: Said>(
    tx: &mut Tx,
    statement: Statement,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, RowState>, StoreError> {
    let found: Vec<R> = tx.all_in(statement, &[], keys(ids)).await?;
    let state = |(id, Found { of, at, said })| (id, RowState { of, at, said: Json::Object(said) });
    Ok(found.into_iter().map(|row| state(row.said())).collect())
}

/// Adds what belongs to rows, in an order of its own: neither engine promises one.
async fn add<R: Said>(
    tx: &mut Tx,
    statement: Statement,
    ids: &[Uuid],
    name: &str,
    to: &mut BTreeMap<Uuid, RowState>,
) -> Result<(), StoreError> {
    let mut parts: BTreeMap<Uuid, Vec<Json>> = BTreeMap::new();
    for row in tx.all_in::<R>(statement, &[], keys(ids)).await? {
        let (id, found) = row.said();
        parts.entry(id).or_default().push(Json::Object(found.said));
    }
    for (id, state) in to {
        let mut all = parts.remove(id).unwrap_or_default();
        all.sort_by_cached_key(sorted);
        state.said[name] = all.into();
    }
    Ok(())
}

fn keys(ids: &[Uuid]) -> Vec<Value> {
    ids.iter().map(|id| Value::from(*id)).collect()
}

/// Rows are about to change: how they are is noted, where this transaction notes it and has not noted them yet.
///
/// # Errors
/// As [`StoreError`] says.
pub(super) async fn changing(tx: &mut Tx, kind: RowKind, ids: &[Uuid]) -> Result<(), StoreError> {
    let fresh = tx.noted().map(|noted| noted.fresh(kind, ids)).unwrap_or_default();
    if fresh.is_empty() {
        return Ok(());
    }
    let mut found = states(tx, kind, &fresh).await?;
    if let Some(noted) = tx.noted() {
        noted.named.extend(fresh.into_iter().map(|id| ((kind, id), found.remove(&id))));
    }
    Ok(())
}

/// Rows are about to be added, by ids that nothing had before.
pub(super) fn made(tx: &mut Tx, kind: RowKind, ids: &[Uuid]) {
    if let Some(noted) = tx.noted() {
        let fresh = noted.fresh_made(kind, ids);
        noted.named.extend(fresh.into_iter().map(|id| ((kind, id), None)));
    }
}

/// Rows change that are not named, because they always are many.
pub(super) fn unnamed(tx: &mut Tx, kind: RowKind, ids: impl IntoIterator<Item = Uuid>) {
    if let Some(noted) = tx.noted() {
        noted.mark(kind, &ids.into_iter().collect::<Vec<_>>());
    }
}

struct Id(Uuid);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// The same of rows that a question finds, which is only asked where it is noted.
///
/// # Errors
/// As [`StoreError`] says.
pub(super) async fn changing_found(
    tx: &mut Tx,
    kind: RowKind,
    question: Statement,
    values: Vec<Value>,
) -> Result<(), StoreError> {
    if tx.noted().is_none() {
        return Ok(());
    }
    let found: Vec<Uuid> = tx.all::<Id>(question, values).await?.into_iter().map(|row| row.0).collect();
    changing(tx, kind, &found).await
}

/// The same of what many keys find.
///
/// # Errors
/// As [`StoreError`] says.
pub(super) async fn changing_found_in(
    tx: &mut Tx,
    kind: RowKind,
    question: Statement,
    leading: &[Value],
    keys: Vec<Value>,
) -> Result<(), StoreError> {
    if tx.noted().is_none() {
        return Ok(());
    }
    let found: Vec<Uuid> = tx.all_in::<Id>(question, leading, keys).await?.into_iter().map(|row| row.0).collect();
    changing(tx, kind, &found).await
}

/// Everything of these kinds that is a person's is about to change.
///
/// # Errors
/// As [`StoreError`] says.
pub(super) async fn changing_of(tx: &mut Tx, person: PersonId, kinds: &[RowKind]) -> Result<(), StoreError> {
    for kind in kinds {
        let question = match kind {
            RowKind::Staffing => STAFFINGS_OF,
            RowKind::Teaching => TEACHINGS_OF,
            RowKind::Enrolment => ENROLMENTS_OF,
            RowKind::Guardianship => GUARDIANSHIPS_OF,
            RowKind::AdminGrant => ADMIN_GRANTS_OF,
            RowKind::Account => ACCOUNTS_OF,
            RowKind::Institution | RowKind::Class | RowKind::Client | RowKind::Platform => {
                return Err(StoreError::Refused(format!("{kind} is no row of a person")));
            }
        };
        changing_found(tx, *kind, question, args![person]).await?;
    }
    Ok(())
}

/// Somebody's account is about to change.
///
/// # Errors
/// As [`StoreError`] says.
pub(super) async fn changing_account(tx: &mut Tx, proof: &impl OnePerson) -> Result<(), StoreError> {
    changing_of(tx, proof.person(), &[RowKind::Account]).await
}

/// What is looked for in the log.
#[derive(Clone, Copy, Debug)]
pub enum Sought<'a> {
    /// Entries whose details hold a text.
    Details(&'a str),
    /// Entries of an action that was done to what has this id.
    Done(Action, Uuid),
}

/// Entries with numbers above one and not above another in which something is found.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn entries(
    tx: &mut Tx,
    _task: &Task,
    (after, through): (i64, i64),
    sought: Sought<'_>,
) -> Result<Vec<Linked>, StoreError> {
    match sought {
        Sought::Details(text) => tx.all(HOLDING, args![after, through, format!("%{text}%")]).await,
        Sought::Done(action, id) => tx.all(DONE_TO, args![after, through, action.as_str(), format!("%{id}%")]).await,
    }
}
