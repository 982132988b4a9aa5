//! Errands that are taken, rest and are taken again.

use std::time::Duration;

use uuid::Uuid;

use super::on_both_engines;
use super::scene::after;
use super::support::{NOW, add_person, person_id};
use crate::domain::access::for_tests::task;
use crate::domain::id::ErrandId;
use crate::domain::registry::errand::{Errand, ErrandKind, ErrandState, Wish};
use crate::store::db::{Db, Tx};
use crate::store::errands::{self, Part, What};

on_both_engines!(a_rest_is_no_try_that_failed, whoever_files_anew_finds_nothing_of_the_older_file);

async fn errand_in(tx: &mut Tx, state: ErrandState) -> Errand {
    add_person(tx, 1, "王芳").await;
    let errand = Errand {
        id: ErrandId(Uuid::from_u128(1)),
        kind: ErrandKind::Students,
        asked_by: person_id(1),
        asked_at: NOW,
        wish: Wish::Roster,
        state,
        size: 0,
        done: 0,
        total: 0,
        runs: 0,
        fault: None,
        ended_at: None,
        version: 1,
    };
    errands::insert(tx, &task(), &errand).await.unwrap();
    errand
}

/// The older sending is at a part when the newer one begins.
async fn whoever_files_anew_finds_nothing_of_the_older_file(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let id = errand_in(&mut tx, ErrandState::Open).await.id;
    let [older, newer] = [Uuid::from_u128(7), Uuid::from_u128(8)];
    assert!(errands::begin_file(&mut tx, &task(), id, older).await.unwrap());
    tx.commit().await.unwrap();
    let part = || Part { n: 0, sealed: "x".into() };
    let mut first = db.write().await.unwrap();
    assert!(errands::add_file_part(&mut first, &task(), id, older, part()).await.unwrap());
    let second = async {
        let mut tx = db.write().await.unwrap();
        assert!(errands::begin_file(&mut tx, &task(), id, newer).await.unwrap());
        tx.commit().await.unwrap();
    };
    let mut second = std::pin::pin!(second);
    let waited = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
    assert!(waited.is_err(), "it waits for the part that is being written");
    first.commit().await.unwrap();
    second.await;
    let mut tx = db.write().await.unwrap();
    assert!(errands::parts(&mut tx, &task(), id, What::File, 0, 9).await.unwrap().is_empty());
    assert!(!errands::add_file_part(&mut tx, &task(), id, older, part()).await.unwrap(), "the older one is too late");
    assert!(errands::add_file_part(&mut tx, &task(), id, newer, part()).await.unwrap());
}

async fn a_rest_is_no_try_that_failed(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let errand = errand_in(&mut tx, ErrandState::Checking).await;
    tx.commit().await.unwrap();
    let name = Uuid::from_u128(7);
    let mut runs = Vec::new();
    for n in 1..9 {
        let mut tx = db.write().await.unwrap();
        let taken = errands::take(&mut tx, &task(), name, after(n), after(n + 30)).await.unwrap().unwrap();
        runs.push(taken.runs);
        // The last ones end without a word, as by a kill.
        let until = after(n + 1);
        match n < 6 {
            true => errands::release(&mut tx, &task(), (errand.id, name), until).await.unwrap(),
            false => drop(errands::beat(&mut tx, &task(), (errand.id, name), (0, 0), until).await.unwrap()),
        }
        tx.commit().await.unwrap();
    }
    assert_eq!(runs, [1, 2, 2, 2, 2, 2, 3, 4], "that it was begun before is known, and only what was cut off counts");
}
