//! Families of refresh tokens.

use uuid::Uuid;

use super::on_both_engines;
use super::scene::{add_grants, after, grant_id, twice_at_once};
use super::support::NOW;
use crate::domain::auth::lifetimes::Lifetimes;
use crate::domain::id::FamilyId;
use crate::domain::oidc::grant::Family;
use crate::store::db::{Db, StoreError, Tx};
use crate::store::grants;

on_both_engines!(a_family_is_one_grants, only_one_request_moves_a_family_on, a_revoked_family_moves_no_more);

fn family(n: u128, grant: u8) -> Family {
    Family::begin(FamilyId(Uuid::from_u128(n)), grant_id(grant), NOW, &Lifetimes::default())
}

async fn add_family(tx: &mut Tx, family: &Family) -> Result<u64, StoreError> {
    tx.execute_together(grants::family_addition(family), Vec::new()).await
}

async fn a_family_is_one_grants(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    add_family(&mut tx, &family(1, 1)).await.unwrap();
    tx.commit().await.unwrap();
    let read = grants::family(&mut db.read().await.unwrap(), family(1, 1).id).await.unwrap();
    assert_eq!(read, Some(family(1, 1)));
    assert_eq!(grants::family(&mut db.read().await.unwrap(), family(2, 1).id).await.unwrap(), None);
    let fault = add_family(&mut db.write().await.unwrap(), &family(2, 1)).await.unwrap_err();
    assert!(fault.is_unique("refresh_family_grant_id_key"), "{fault}");
    let orphan = async {
        let mut tx = db.write().await?;
        add_family(&mut tx, &family(3, 9)).await?;
        tx.commit().await
    };
    assert!(matches!(orphan.await, Err(StoreError::Constraint(_))), "a family without a grant");
}

async fn only_one_request_moves_a_family_on(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    add_family(&mut tx, &family(1, 1)).await.unwrap();
    tx.commit().await.unwrap();
    let next = Family { counter: 1, rotated_at: after(60), idle_expires_at: after(7200), ..family(1, 1) };
    let mut outcomes = twice_at_once(db, async |tx: &mut _, _| grants::store_family(tx, &next, 0).await.unwrap()).await;
    outcomes.sort_unstable();
    assert_eq!(outcomes, [false, true]);
    assert_eq!(grants::family(&mut db.read().await.unwrap(), next.id).await.unwrap(), Some(next));
}

async fn a_revoked_family_moves_no_more(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    let before = family(1, 1);
    add_family(&mut tx, &before).await.unwrap();
    assert!(grants::revoke_family(&mut tx, before.id, after(1)).await.unwrap());
    assert!(!grants::revoke_family(&mut tx, before.id, after(2)).await.unwrap());
    let next = Family { counter: 1, ..before.clone() };
    assert!(!grants::store_family(&mut tx, &next, 0).await.unwrap());
    let read = grants::family(&mut tx, before.id).await.unwrap();
    assert_eq!(read, Some(Family { revoked_at: Some(after(1)), ..before }));
}
