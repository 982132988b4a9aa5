//! Platforms that people call home.

use uuid::Uuid;

use super::on_both_engines;
use super::scene::twice_at_once;
use super::support::NOW;
use crate::domain::access::for_tests::task;
use crate::store::db::{Db, StoreError};
use crate::store::platforms;

on_both_engines!(a_division_has_one_platform, a_level_is_one_of_the_tree);

async fn a_division_has_one_platform(db: &Db) {
    let ensure = async |tx: &mut _, n: u8| {
        let fresh = Uuid::from_u128(n.into());
        platforms::ensure(tx, &task(), fresh, "360000", "province", "江西平台", NOW).await.unwrap()
    };
    let [first, second] = twice_at_once(db, ensure).await;
    assert_eq!(first, second);
    let mut tx = db.write().await.unwrap();
    let fresh = Uuid::from_u128(3);
    let city = platforms::ensure(&mut tx, &task(), fresh, "360100", "city", "南昌平台", NOW).await.unwrap();
    assert_eq!(city, fresh);
}

async fn a_level_is_one_of_the_tree(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let refused = platforms::ensure(&mut tx, &task(), Uuid::from_u128(1), "360000", "moon", "平台", NOW).await;
    assert!(matches!(refused, Err(StoreError::Constraint(_))));
}
