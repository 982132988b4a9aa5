//! Claims that a person gave herself.

use super::on_both_engines;
use super::scene::after;
use super::support::{NOW, add_person, person_id};
use crate::domain::access::for_tests::own;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use crate::store::db::{Db, FromRow, Row, Statement, StoreError, args};
use crate::store::profiles;

on_both_engines!(a_profile_is_replaced_as_a_whole, a_profile_is_somebodys);

/// Nothing reads profiles yet.
const READ: Statement = Statement::shared(
    "conformance::PROFILES",
    "SELECT person_id, claims_sealed, updated_at FROM profile ORDER BY person_id",
);

#[derive(Debug, PartialEq)]
struct Profile(PersonId, Vec<u8>, Timestamp);

impl FromRow for Profile {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("person_id")?, row.get("claims_sealed")?, row.get("updated_at")?))
    }
}

async fn a_profile_is_replaced_as_a_whole(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for n in [1, 2] {
        add_person(&mut tx, n, "王芳").await;
        profiles::set(&mut tx, &own(person_id(n)), vec![0, 255], NOW).await.unwrap();
    }
    profiles::set(&mut tx, &own(person_id(1)), vec![7], after(1)).await.unwrap();
    let all: Vec<Profile> = tx.all(READ, args![]).await.unwrap();
    assert_eq!(all, [Profile(person_id(1), vec![7], after(1)), Profile(person_id(2), vec![0, 255], NOW)]);
}

async fn a_profile_is_somebodys(db: &Db) {
    let nobodys = async {
        let mut tx = db.write().await?;
        profiles::set(&mut tx, &own(person_id(9)), vec![7], NOW).await?;
        tx.commit().await
    };
    assert!(matches!(nobodys.await, Err(StoreError::Constraint(_))));
}
