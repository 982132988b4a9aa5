//! Fresh databases, and small records to fill them with.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::NaiveDate;
use sqlx::Postgres;
use sqlx::migrate::MigrateDatabase as _;
use uuid::Uuid;

use super::need;
use crate::domain::access::for_tests::task;
use crate::domain::id::{AccountId, ClassId, EnrolmentId, GuardianshipId, OrgId, PersonId, SpaceId, StaffingId};
use crate::domain::registry::account::Account;
use crate::domain::registry::class::{Class, ClassKind, ClassStatus};
use crate::domain::registry::codes::realname::Level;
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::staff::{StaffCategory, StaffPost, StaffState};
use crate::domain::registry::codes::stage::Stage;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::guardianship::{Confirmation, ConfirmedBy, Guardianship, GuardianshipStatus};
use crate::domain::registry::institution::{Institution, InstitutionKind, InstitutionLevel, InstitutionStatus};
use crate::domain::registry::name::PersonName;
use crate::domain::registry::person::{Person, PersonSalt};
use crate::domain::registry::space::Space;
use crate::domain::registry::staffing::Staffing;
use crate::domain::time::Timestamp;
use crate::store::db::{Db, Tx};
use crate::store::{institutions, persons, spaces};

/// 2026-09-21 in Shanghai.
pub const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

static NEXT: AtomicU32 = AtomicU32::new(1);

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub async fn sqlite() -> (Db, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::connect(&format!("sqlite://{}", folder.path().join("mingji.db").display())).await.unwrap();
    db.migrate().await.unwrap();
    (db, folder)
}

/// A database of its own on the server that the tests were given.
pub struct Fresh {
    pub db: Db,
    pub url: url::Url,
}

pub async fn postgres() -> Option<Fresh> {
    let mut url = need::postgres()?;
    url.set_path(&format!("conformance_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    // A run that was killed may have left one of this name behind.
    Postgres::force_drop_database(url.as_str()).await.unwrap();
    Postgres::create_database(url.as_str()).await.unwrap();
    let db = Db::connect(url.as_str()).await.unwrap();
    db.migrate().await.unwrap();
    Some(Fresh { db, url })
}

impl Fresh {
    pub async fn remove(self) {
        self.db.close().await;
        Postgres::force_drop_database(self.url.as_str()).await.unwrap();
    }
}

pub fn person_id(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

pub fn org_id(n: u128) -> OrgId {
    OrgId(Uuid::from_u128(n))
}

pub fn person(n: u128, name: &str) -> Person {
    Person {
        id: person_id(n),
        space: SpaceId(Uuid::from_u128(n)),
        name: Some(PersonName::parse(name).unwrap()),
        sex: Sex::Female,
        birth_date: Some(day("2015-05-05")),
        nationality: None,
        status: Status::Active,
        realname_level: Level::RECORDED,
        realname_at: Some(NOW),
        salt: Some(PersonSalt::from_bytes([7; 32])),
        home_platform: None,
        merged_into: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

/// Adds a person with her space.
pub async fn add_person(tx: &mut Tx, n: u128, name: &str) -> Person {
    let person = person(n, name);
    spaces::insert(tx, &task(), &Space::personal(person.space, None, NOW)).await.unwrap();
    persons::insert(tx, &task(), &person).await.unwrap();
    person
}

pub fn institution(n: u128, parent: Option<u128>, kind: InstitutionKind, division: &str) -> Institution {
    let division = division.parse().unwrap();
    Institution {
        id: org_id(n),
        parent: parent.map(org_id),
        kind,
        level: InstitutionLevel::of(kind, &division),
        name: format!("第{n}机构"),
        division,
        school_type: None,
        status: InstitutionStatus::Active,
        merged_into: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

/// Province 1 → city 2 → counties 3 and 4; schools 5 (in 3) and 6 (in 4).
pub async fn add_tree(tx: &mut Tx) {
    use InstitutionKind::{Authority, School};
    for (n, parent, kind, division) in [
        (1, None, Authority, "360000"),
        (2, Some(1), Authority, "360100"),
        (3, Some(2), Authority, "360102"),
        (4, Some(2), Authority, "360103"),
        (5, Some(3), School, "360102"),
        (6, Some(4), School, "360103"),
    ] {
        institutions::insert(tx, &task(), &institution(n, parent, kind, division)).await.unwrap();
    }
}

pub fn class(n: u128, org: u128, class_no: &str) -> Class {
    Class {
        id: ClassId(Uuid::from_u128(n)),
        org: org_id(org),
        kind: ClassKind::Administrative,
        stage: Stage::Primary,
        entry_year: 2025,
        class_no: class_no.into(),
        name: format!("2025级{class_no}"),
        schooling_years: 6,
        status: ClassStatus::Open,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

pub fn enrolment(n: u128, person: u128, org: u128) -> Enrolment {
    Enrolment {
        id: EnrolmentId(Uuid::from_u128(n)),
        person: person_id(person),
        org: org_id(org),
        class: None,
        student_no: Some("20250101".into()),
        category: None,
        state: StudentState::Enrolled,
        source: StudentSource::Normal,
        began_by: None,
        ended_by: None,
        valid_from: day("2025-09-01"),
        valid_to: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

pub fn staffing(n: u128, person: u128, org: u128) -> Staffing {
    Staffing {
        id: StaffingId(Uuid::from_u128(n)),
        person: person_id(person),
        org: org_id(org),
        category: StaffCategory::Teacher,
        post: StaffPost::Teacher,
        staff_no: None,
        state: StaffState::Serving,
        valid_from: day("2020-09-01"),
        valid_to: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

pub fn guardianship(n: u128, child: u128, guardian: u128) -> Guardianship {
    Guardianship {
        id: GuardianshipId(Uuid::from_u128(n)),
        child: person_id(child),
        guardian: person_id(guardian),
        relation: Relation::Mother,
        legal: true,
        rank: 1,
        status: GuardianshipStatus::Pending,
        verified_by: None,
        confirmed: None,
        recorded_by: Some(org_id(5)),
        institution: None,
        restrictions: BTreeSet::new(),
        valid_from: day("2025-09-01"),
        valid_to: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

/// By a row of the school.
pub fn confirmed_now() -> Confirmation {
    Confirmation { by: ConfirmedBy::Import, person: None, office: Some(org_id(5)), at: NOW }
}

pub fn account(n: u128, person: u128, user_name: &str) -> Account {
    Account::inactive(AccountId(Uuid::from_u128(n)), person_id(person), user_name.parse().unwrap(), NOW)
}
