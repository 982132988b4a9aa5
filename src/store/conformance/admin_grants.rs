//! Administrators' grants.

use uuid::Uuid;

use super::on_both_engines;
use super::scene::after;
use super::support::{NOW, add_person, add_tree, org_id, person_id};
use crate::domain::access::for_tests::task;
use crate::domain::id::AdminGrantId;
use crate::domain::time::Timestamp;
use crate::store::admin_grants::{self, NewGrant};
use crate::store::db::{Db, Statement, Tx, args};

on_both_engines!(
    she_holds_a_grant_once,
    a_grant_is_live_in_its_window,
    a_revoked_grant_can_be_given_again,
    what_lapsed_is_looked_at_again,
);

const ROLE: &str = "school_admin";

fn grant(n: u128, org: u128) -> NewGrant {
    NewGrant {
        id: AdminGrantId(Uuid::from_u128(n)),
        role: ROLE.into(),
        org: org_id(org),
        granted_by: None,
        may_delegate: false,
        deputy: true,
        valid_from: NOW,
        valid_to: None,
        staffing: None,
    }
}

async fn scene(tx: &mut Tx) {
    add_tree(tx).await;
    for n in [1, 2] {
        add_person(tx, n, "王芳").await;
    }
}

async fn add(tx: &mut Tx, person: u128, grant: NewGrant) -> bool {
    admin_grants::insert(tx, &task().on(person_id(person)), &grant).await.unwrap()
}

async fn live(tx: &mut Tx, person: u128, now: Timestamp) -> Vec<u128> {
    let grants = admin_grants::live(tx, person_id(person), now).await.unwrap();
    grants.into_iter().map(|grant| grant.id.0.as_u128()).collect()
}

async fn she_holds_a_grant_once(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    assert!(add(&mut tx, 1, grant(1, 5)).await);
    assert!(!add(&mut tx, 1, grant(2, 5)).await, "the same once more");
    assert!(add(&mut tx, 1, grant(3, 6)).await, "elsewhere");
    assert!(add(&mut tx, 1, NewGrant { role: "county_admin".into(), ..grant(4, 5) }).await, "as something else");
    assert!(
        add(&mut tx, 2, NewGrant { granted_by: Some(person_id(1)), deputy: false, ..grant(5, 5) }).await,
        "somebody else"
    );
    assert_eq!(live(&mut tx, 1, NOW).await, [1, 3, 4]);
    let hers = admin_grants::live(&mut tx, person_id(2), NOW).await.unwrap().remove(0);
    assert_eq!((hers.role.as_str(), hers.org), (ROLE, org_id(5)));
}

async fn a_grant_is_live_in_its_window(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    assert!(add(&mut tx, 1, NewGrant { valid_from: after(10), valid_to: Some(after(20)), ..grant(1, 5) }).await);
    for (seconds, expected) in [(9, 0), (10, 1), (19, 1), (20, 0)] {
        assert_eq!(live(&mut tx, 1, after(seconds)).await.len(), expected, "after {seconds} s");
    }
}

/// Nothing revokes a grant yet; its rows can say so already.
const REVOKE: Statement =
    Statement::shared("conformance::REVOKE", "UPDATE admin_grant SET revoked_at = $2 WHERE id = $1");

async fn a_revoked_grant_can_be_given_again(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    assert!(add(&mut tx, 1, grant(1, 5)).await);
    assert_eq!(tx.execute(REVOKE, args![grant(1, 5).id, NOW]).await.unwrap(), 1);
    assert!(live(&mut tx, 1, NOW).await.is_empty());
    assert!(add(&mut tx, 1, grant(2, 5)).await);
    assert_eq!(live(&mut tx, 1, NOW).await, [2]);
}

/// Gives one back.
const GIVE_BACK: Statement =
    Statement::shared("conformance::GIVE_BACK", "UPDATE admin_grant SET revoked_at = NULL WHERE id = $1");

async fn what_lapsed_is_looked_at_again(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    assert!(add(&mut tx, 1, NewGrant { deputy: false, ..grant(1, 5) }).await);
    assert!(add(&mut tx, 2, NewGrant { granted_by: Some(person_id(1)), ..grant(2, 5) }).await);
    let all = async |tx: &mut Tx, org| admin_grants::lapsed(tx, &task(), org, NOW, None, 9).await.unwrap().len();
    assert_eq!(all(&mut tx, None).await, 0);
    assert_eq!(tx.execute(REVOKE, args![grant(1, 5).id, NOW]).await.unwrap(), 1);
    assert_eq!(
        (all(&mut tx, None).await, all(&mut tx, Some(org_id(5))).await, all(&mut tx, Some(org_id(6))).await),
        (1, 1, 0)
    );
    let found = admin_grants::is_lapsed(&mut tx, &task(), grant(2, 5).id, NOW).await.unwrap().unwrap();
    assert_eq!((found.person, found.granted_by, found.why.as_str()), (person_id(2), Some(person_id(1)), "namer"));
    assert!(admin_grants::is_lapsed(&mut tx, &task(), grant(1, 5).id, NOW).await.unwrap().is_none());
    // Whoever named her has her right back before the deputy's end is written down.
    assert_eq!(tx.execute(GIVE_BACK, args![grant(1, 5).id]).await.unwrap(), 1);
    assert!(admin_grants::is_lapsed(&mut tx, &task(), grant(2, 5).id, NOW).await.unwrap().is_none());
    assert_eq!(live(&mut tx, 2, NOW).await, [2]);
}
