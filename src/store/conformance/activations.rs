//! One-time activations.

use uuid::Uuid;

use super::on_both_engines;
use super::scene::{account_id, add_active, after, twice_at_once};
use super::support::NOW;
use crate::domain::access::for_tests::{door, task};
use crate::domain::id::ActivationId;
use crate::domain::time::Timestamp;
use crate::store::activations;
use crate::store::db::{Db, Tx};

on_both_engines!(
    an_activation_is_consumed_once,
    a_void_activation_is_not_consumed,
    a_newer_activation_ends_what_is_open,
    a_code_leads_to_one_activation,
    many_are_replaced_at_once,
);

const ENDS: u64 = 86_400;

fn id(n: u8) -> ActivationId {
    ActivationId(Uuid::from_u128(n.into()))
}

/// Adds one under the code `[n; 32]`.
async fn add(tx: &mut Tx, n: u8, account: u8) {
    activations::insert(tx, id(n), account_id(account), [n; 32], NOW, after(ENDS)).await.unwrap();
}

async fn used_at(tx: &mut Tx, n: u8) -> Option<Timestamp> {
    activations::find(tx, &door(), [n; 32]).await.unwrap().unwrap().used_at
}

async fn an_activation_is_consumed_once(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    add(&mut tx, 1, 1).await;
    tx.commit().await.unwrap();
    let mut outcomes =
        twice_at_once(db, async |tx: &mut _, _| activations::consume(tx, id(1), after(1)).await.unwrap()).await;
    outcomes.sort_unstable();
    assert_eq!(outcomes, [false, true]);
    let mut tx = db.read().await.unwrap();
    let found = activations::find(&mut tx, &door(), [1; 32]).await.unwrap().unwrap();
    assert_eq!((found.id, found.account, found.expires_at), (id(1), account_id(1), after(ENDS)));
    assert_eq!(found.used_at, Some(after(1)), "it is found, and says that it was used");
    assert!(activations::find(&mut tx, &door(), [9; 32]).await.unwrap().is_none());
}

async fn a_void_activation_is_not_consumed(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    add(&mut tx, 1, 1).await;
    assert!(!activations::consume(&mut tx, id(1), after(ENDS)).await.unwrap());
    assert_eq!(used_at(&mut tx, 1).await, None);
    assert!(activations::consume(&mut tx, id(1), after(ENDS - 1)).await.unwrap());
}

async fn a_newer_activation_ends_what_is_open(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for n in [1, 2] {
        add_active(&mut tx, n).await;
    }
    for (n, account) in [(1, 1), (2, 1), (3, 2)] {
        add(&mut tx, n, account).await;
    }
    assert!(activations::consume(&mut tx, id(1), after(1)).await.unwrap());
    activations::end_open(&mut tx, account_id(1), after(2)).await.unwrap();
    assert_eq!(used_at(&mut tx, 1).await, Some(after(1)), "what was used keeps its moment");
    assert_eq!(used_at(&mut tx, 2).await, Some(after(2)));
    assert_eq!(used_at(&mut tx, 3).await, None, "another account's");
    assert!(!activations::consume(&mut tx, id(2), after(3)).await.unwrap());
}

async fn a_code_leads_to_one_activation(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    add(&mut tx, 1, 1).await;
    let fault = activations::insert(&mut tx, id(2), account_id(1), [1; 32], NOW, after(ENDS)).await.unwrap_err();
    assert!(fault.is_unique("activation_code_digest_key"), "{fault}");
}

async fn many_are_replaced_at_once(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for n in [1, 2, 3] {
        add_active(&mut tx, n).await;
        add(&mut tx, n, n).await;
    }
    let waiting = [account_id(1), account_id(2)];
    let none = activations::end_open_of_many(&mut tx, &task(), &waiting, after(1)).await.unwrap();
    assert!(none.is_empty(), "who is active waits for nothing");
    assert_eq!((used_at(&mut tx, 1).await, used_at(&mut tx, 3).await), (Some(after(1)), None), "another account's");
    let fresh = [(id(11), account_id(1), [11; 32]), (id(12), account_id(2), [12; 32])];
    activations::insert_all(&mut tx, &task(), &fresh, NOW, after(ENDS)).await.unwrap();
    for n in [11, 12] {
        assert_eq!(used_at(&mut tx, n).await, None);
        assert!(activations::consume(&mut tx, id(n), after(2)).await.unwrap());
    }
}
