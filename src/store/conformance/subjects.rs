//! What a sector calls a person.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::on_both_engines;
use super::scene::{add_active, twice_at_once};
use super::support::{NOW, person_id};
use crate::store::db::Db;
use crate::store::subjects;

on_both_engines!(
    the_first_use_stands_for_life,
    first_uses_at_once_of_one_subject_all_succeed,
    a_subject_is_one_persons_in_its_sector
);

async fn the_first_use_stands_for_life(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    assert_eq!(subjects::find(&mut tx, person_id(1), "v.test").await.unwrap(), None);
    tx.commit().await.unwrap();
    let [first, second] = twice_at_once(db, async |tx: &mut _, n| {
        subjects::first_use(tx, person_id(1), "v.test", &format!("sub-{n}"), NOW).await.unwrap()
    })
    .await;
    assert_eq!(first, second, "whoever comes second is told the first one's");
    let mut tx = db.write().await.unwrap();
    assert_eq!(subjects::first_use(&mut tx, person_id(1), "v.test", "later", NOW).await.unwrap(), first);
    assert_eq!(subjects::find(&mut tx, person_id(1), "v.test").await.unwrap(), Some(first));
}

/// A sector that calls everybody by the space id offers each of them the same word.
async fn first_uses_at_once_of_one_subject_all_succeed(db: &Db) {
    const SECTORS: usize = 60;
    const AT_ONCE: usize = 6;
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    tx.commit().await.unwrap();
    for sector in 0..SECTORS {
        let mut users = JoinSet::new();
        let together = Arc::new(Barrier::new(AT_ONCE));
        for _ in 0..AT_ONCE {
            let (db, together) = (db.clone(), together.clone());
            users.spawn(async move {
                together.wait().await;
                let mut tx = db.write().await.unwrap();
                let sub = subjects::first_use(&mut tx, person_id(1), &format!("{sector}.test"), "space", NOW).await;
                tx.commit().await.unwrap();
                sub
            });
        }
        for sub in users.join_all().await {
            assert_eq!(sub.unwrap(), "space");
        }
    }
}

async fn a_subject_is_one_persons_in_its_sector(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for n in [1, 2] {
        add_active(&mut tx, n).await;
    }
    assert_eq!(subjects::first_use(&mut tx, person_id(1), "v.test", "same", NOW).await.unwrap(), "same");
    assert_eq!(subjects::first_use(&mut tx, person_id(2), "w.test", "same", NOW).await.unwrap(), "same");
    assert_eq!(subjects::person(&mut tx, "v.test", "same").await.unwrap(), Some(person_id(1)));
    assert_eq!(subjects::person(&mut tx, "w.test", "same").await.unwrap(), Some(person_id(2)));
    assert_eq!(subjects::person(&mut tx, "x.test", "same").await.unwrap(), None);
    let fault = subjects::first_use(&mut tx, person_id(2), "v.test", "same", NOW).await.unwrap_err();
    assert!(fault.is_unique("subject_sector_sub_key"), "{fault}");
}
