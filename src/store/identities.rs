//! What a person is today: identities computed from enrolments, staffings and guardianships, with the
//! institutions and classes that are said about them. Reads only; every one takes a proof that covers the person.

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use super::platforms::Home;
use crate::domain::access::OnePerson;
use crate::domain::id::{ClassId, EnrolmentId, GuardianshipId, OrgId, PersonId, SpaceId, StaffingId};
use crate::domain::registry::codes::staff::StaffCategory;
use crate::domain::registry::guardianship::Keeper;
use crate::domain::registry::institution::InstitutionKind;
use crate::domain::time::Timestamp;

statements! {
    BASE = "SELECT p.name AS name, p.birth_date AS birth_date, p.realname_level AS realname_level, p.realname_at AS realname_at, p.salt AS salt, p.updated_at AS updated_at,
            p.space_id AS space_id, EXISTS (SELECT 1 FROM enrolment e WHERE e.person_id = p.id) AS has_stays, EXISTS (SELECT 1 FROM staffing s WHERE s.person_id = p.id) AS has_posts, EXISTS (SELECT 1 FROM guardianship g WHERE g.guardian_id = p.id) AS has_wards, sp.url AS space_url, h.id AS home_id, h.sys_code AS home_code, h.level AS home_level, h.space_url AS home_space_url, pr.claims_sealed AS claims_sealed
        FROM person p JOIN space sp ON sp.id = p.space_id LEFT JOIN platform h ON h.id = p.home_platform_id LEFT JOIN profile pr ON pr.person_id = p.id
        WHERE p.id = $1 AND p.status = 'active'";
    STUDENT = "SELECT e.id AS id, e.class_id AS class_id, e.valid_from AS valid_from, e.valid_to AS valid_to, o.id AS org_id, o.name AS org_name, (SELECT c.value FROM institution_code c WHERE c.org_id = o.id AND c.valid_to IS NULL AND c.scheme <> 'uscc' ORDER BY c.scheme DESC LIMIT 1) AS org_code
        FROM enrolment e JOIN institution o ON o.id = e.org_id
        WHERE e.person_id = $1 AND e.valid_from <= $2 AND (e.valid_to IS NULL OR e.valid_to > $2) ORDER BY e.source, e.id";
    STAFF = "SELECT s.id AS id, s.category AS category, s.valid_from AS valid_from, s.valid_to AS valid_to, o.id AS org_id, o.kind AS org_kind, o.name AS org_name, (SELECT c.value FROM institution_code c WHERE c.org_id = o.id AND c.valid_to IS NULL AND c.scheme <> 'uscc' ORDER BY c.scheme DESC LIMIT 1) AS org_code
        FROM staffing s JOIN institution o ON o.id = s.org_id
        WHERE s.person_id = $1 AND s.valid_from <= $2 AND (s.valid_to IS NULL OR s.valid_to > $2) ORDER BY s.id";
    TAUGHT = "SELECT t.staffing_id AS staffing_id, t.subject AS subject, t.head_teacher AS head_teacher, k.id AS class_id, k.name AS name, k.kind AS kind, k.stage AS stage, k.entry_year AS entry_year, k.schooling_years AS schooling_years
        FROM teaching t JOIN staffing s ON s.id = t.staffing_id JOIN class k ON k.id = t.class_id
        WHERE s.person_id = $1 AND t.valid_from <= $2 AND (t.valid_to IS NULL OR t.valid_to > $2) ORDER BY k.entry_year, k.id, t.subject";
    SAT_IN = "SELECT k.id AS class_id, k.name AS name, k.kind AS kind, k.stage AS stage, k.entry_year AS entry_year, k.schooling_years AS schooling_years
        FROM enrolment e JOIN class k ON k.id = e.class_id
        WHERE e.person_id = $1 AND e.valid_from <= $2 AND (e.valid_to IS NULL OR e.valid_to > $2) ORDER BY k.id";
    // Only confirmed, unrestricted wards; a restriction (custody order) takes the child out of every claim, and so does a post
    // that ended of whoever acts for an institution.
    WARDS = "SELECT g.id AS id, g.child_id AS child_id, g.relation AS relation, g.legal AS legal, g.valid_from AS valid_from, g.valid_to AS valid_to, ch.name AS child_name, ch.birth_date AS birth_date,
            o.id AS org_id, o.name AS org_name, (SELECT c.value FROM institution_code c WHERE c.org_id = o.id AND c.valid_to IS NULL AND c.scheme <> 'uscc' ORDER BY c.scheme DESC LIMIT 1) AS org_code, k.name AS class_name
        FROM guardianship g JOIN person ch ON ch.id = g.child_id
        LEFT JOIN enrolment e ON e.person_id = g.child_id AND e.source = 'normal' AND e.valid_from <= $2 AND (e.valid_to IS NULL OR e.valid_to > $2)
        LEFT JOIN institution o ON o.id = e.org_id
        LEFT JOIN class k ON k.id = e.class_id
        WHERE g.guardian_id = $1 AND g.status = 'confirmed' AND CAST(g.restrictions AS TEXT) = '[]' AND g.valid_from <= $2 AND (g.valid_to IS NULL OR g.valid_to > $2) AND ch.status = 'active'
          AND (g.guardian_org_id IS NULL OR EXISTS (SELECT 1 FROM staffing s WHERE s.person_id = g.guardian_id AND s.org_id = g.guardian_org_id AND s.valid_to IS NULL))
        ORDER BY g.id";
    // The other way round, under the same conditions.
    GUARDIANS = "SELECT g.guardian_id AS guardian_id, g.relation AS relation, g.legal AS legal, k.name AS name, k.birth_date AS keeper_born, (SELECT COUNT(*) FROM enrolment e WHERE e.person_id = k.id) AS keeper_stays
        FROM guardianship g JOIN person k ON k.id = g.guardian_id
        WHERE g.child_id = $1 AND g.status = 'confirmed' AND CAST(g.restrictions AS TEXT) = '[]' AND g.valid_from <= $2 AND (g.valid_to IS NULL OR g.valid_to > $2) AND k.status = 'active'
          AND (g.guardian_org_id IS NULL OR EXISTS (SELECT 1 FROM staffing s WHERE s.person_id = g.guardian_id AND s.org_id = g.guardian_org_id AND s.valid_to IS NULL))
        ORDER BY g.rank, g.id";
}

/// The person herself, as far as claims are concerned.
pub struct Base {
    /// Legal name.
    pub name: String,
    /// Drives the age band.
    pub birth_date: Option<NaiveDate>,
    /// 0–4.
    pub realname_level: i64,
    /// Since when.
    pub realname_at: Option<Timestamp>,
    /// For opening her sealed columns; gone after erasure.
    pub salt: Option<[u8; 32]>,
    /// Last change.
    pub updated_at: Timestamp,
    /// Her space.
    pub space: SpaceId,
    /// Its address.
    pub space_url: Option<String>,
    /// The home platform that she was given, while it is in service.
    pub home: Option<Home>,
    /// Standard claims she gave, sealed.
    pub profile_sealed: Option<Vec<u8>>,
    /// Whether she was ever enrolled: what never was need not be looked for.
    pub has_stays: bool,
    /// Whether she ever held a post.
    pub has_posts: bool,
    /// Whether she was ever named a guardian.
    pub has_wards: bool,
}

impl FromRow for Base {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let home = match (row.get("home_id")?, row.get("home_code")?, row.get("home_level")?) {
            (Some(id), Some(sys_code), Some(level)) => {
                Some(Home { id, sys_code, level, space_url: row.get("home_space_url")? })
            }
            _ => None,
        };
        Ok(Self {
            name: row.get::<Option<String>>("name")?.unwrap_or_default(),
            birth_date: row.get("birth_date")?,
            realname_level: row.get("realname_level")?,
            realname_at: row.get("realname_at")?,
            salt: row.get("salt")?,
            updated_at: row.get("updated_at")?,
            space: row.get("space_id")?,
            space_url: row.get("space_url")?,
            home,
            profile_sealed: row.get("claims_sealed")?,
            has_stays: row.get("has_stays")?,
            has_posts: row.get("has_posts")?,
            has_wards: row.get("has_wards")?,
        })
    }
}

/// An institution as claims name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// Its current code.
    pub code: Option<String>,
}

fn place(row: &Row) -> Result<Place, StoreError> {
    Ok(Place { org: row.get("org_id")?, name: row.get("org_name")?, code: row.get("org_code")? })
}

/// A stay at a school.
pub struct StudentRow {
    /// The enrolment.
    pub id: EnrolmentId,
    /// Where.
    pub place: Place,
    /// In which class.
    pub class: Option<ClassId>,
    /// Since.
    pub from: NaiveDate,
    /// The first day on which it no longer holds.
    pub to: Option<NaiveDate>,
}

impl FromRow for StudentRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            place: place(row)?,
            class: row.get("class_id")?,
            from: row.get("valid_from")?,
            to: row.get("valid_to")?,
        })
    }
}

/// A post.
pub struct StaffRow {
    /// The staffing.
    pub id: StaffingId,
    /// Where.
    pub place: Place,
    /// What kind of institution.
    pub org_kind: InstitutionKind,
    /// 教职工类别.
    pub category: StaffCategory,
    /// Since.
    pub from: NaiveDate,
    /// The first day on which it no longer holds.
    pub to: Option<NaiveDate>,
}

impl FromRow for StaffRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            place: place(row)?,
            org_kind: row.code("org_kind")?,
            category: row.code("category")?,
            from: row.get("valid_from")?,
            to: row.get("valid_to")?,
        })
    }
}

/// A class as claims name it.
pub struct ClassRow {
    /// Its id.
    pub id: ClassId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// 学段.
    pub stage: String,
    /// 入学年份.
    pub entry_year: i64,
    /// 学制.
    pub schooling_years: i64,
}

impl FromRow for ClassRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("class_id")?,
            name: row.get("name")?,
            kind: row.get("kind")?,
            stage: row.get("stage")?,
            entry_year: row.get("entry_year")?,
            schooling_years: row.get("schooling_years")?,
        })
    }
}

/// A class taught.
pub struct TaughtRow {
    /// Under which post.
    pub staffing: StaffingId,
    /// The class.
    pub class: ClassRow,
    /// ZXXKC; empty for a head teacher without a subject.
    pub subject: String,
    /// 班主任.
    pub head_teacher: bool,
}

impl FromRow for TaughtRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            staffing: row.get("staffing_id")?,
            class: ClassRow::from_row(row)?,
            subject: row.get("subject")?,
            head_teacher: row.get("head_teacher")?,
        })
    }
}

/// A confirmed ward.
pub struct WardRow {
    /// The relation.
    pub id: GuardianshipId,
    /// The child.
    pub child: PersonId,
    /// Her name.
    pub child_name: String,
    /// Her birth date.
    pub birth_date: Option<NaiveDate>,
    /// JTGX.
    pub relation: String,
    /// Legal guardian or not.
    pub legal: bool,
    /// Her school.
    pub place: Option<Place>,
    /// Her class.
    pub class_name: Option<String>,
    /// Since.
    pub from: NaiveDate,
    /// The first day on which it no longer holds.
    pub to: Option<NaiveDate>,
}

impl FromRow for WardRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let place = match (row.get("org_id")?, row.get("org_name")?) {
            (Some(org), Some(name)) => Some(Place { org, name, code: row.get("org_code")? }),
            _ => None,
        };
        Ok(Self {
            id: row.get("id")?,
            child: row.get("child_id")?,
            child_name: row.get::<Option<String>>("child_name")?.unwrap_or_default(),
            birth_date: row.get("birth_date")?,
            relation: row.get("relation")?,
            legal: row.get("legal")?,
            place,
            class_name: row.get("class_name")?,
            from: row.get("valid_from")?,
            to: row.get("valid_to")?,
        })
    }
}

/// A confirmed guardian.
pub struct GuardianRow {
    /// Who.
    pub guardian: PersonId,
    /// Her name.
    pub name: String,
    /// Whether she is of age herself.
    pub keeper: Keeper,
    /// JTGX.
    pub relation: String,
    /// Legal guardian or not.
    pub legal: bool,
}

impl FromRow for GuardianRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            guardian: row.get("guardian_id")?,
            name: row.get::<Option<String>>("name")?.unwrap_or_default(),
            keeper: Keeper::from_row(row)?,
            relation: row.get("relation")?,
            legal: row.get("legal")?,
        })
    }
}

/// The person herself; nobody when she may not sign in.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn base(tx: &mut Tx, proof: &impl OnePerson) -> Result<Option<Base>, StoreError> {
    tx.optional(BASE, args![proof.person()]).await
}

/// Stays at schools on a day, the 学籍 first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn enrolled(tx: &mut Tx, proof: &impl OnePerson, day: NaiveDate) -> Result<Vec<StudentRow>, StoreError> {
    tx.all(STUDENT, args![proof.person(), day]).await
}

/// Posts on a day.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn employed(tx: &mut Tx, proof: &impl OnePerson, day: NaiveDate) -> Result<Vec<StaffRow>, StoreError> {
    tx.all(STAFF, args![proof.person(), day]).await
}

/// Classes taught on a day.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn taught(tx: &mut Tx, proof: &impl OnePerson, day: NaiveDate) -> Result<Vec<TaughtRow>, StoreError> {
    tx.all(TAUGHT, args![proof.person(), day]).await
}

/// Classes a student sits in on a day.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn sat_in(tx: &mut Tx, proof: &impl OnePerson, day: NaiveDate) -> Result<Vec<ClassRow>, StoreError> {
    tx.all(SAT_IN, args![proof.person(), day]).await
}

/// Confirmed wards on a day.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn wards(tx: &mut Tx, proof: &impl OnePerson, day: NaiveDate) -> Result<Vec<WardRow>, StoreError> {
    tx.all(WARDS, args![proof.person(), day]).await
}

/// Confirmed guardians on a day, the first guardian first; whether they are of age is the caller's to look at.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn guardians(tx: &mut Tx, proof: &impl OnePerson, day: NaiveDate) -> Result<Vec<GuardianRow>, StoreError> {
    tx.all(GUARDIANS, args![proof.person(), day]).await
}
