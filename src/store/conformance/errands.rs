//! Errands that are taken, rest and are taken again.

use uuid::Uuid;

use super::on_both_engines;
use super::scene::after;
use super::support::{NOW, add_person, person_id};
use crate::domain::access::for_tests::task;
use crate::domain::id::ErrandId;
use crate::domain::registry::errand::{Errand, ErrandKind, ErrandState, Wish};
use crate::store::db::Db;
use crate::store::errands;

on_both_engines!(a_rest_is_no_try_that_failed);

async fn a_rest_is_no_try_that_failed(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_person(&mut tx, 1, "王芳").await;
    let errand = Errand {
        id: ErrandId(Uuid::from_u128(1)),
        kind: ErrandKind::Students,
        asked_by: person_id(1),
        asked_at: NOW,
        wish: Wish::Roster,
        state: ErrandState::Checking,
        size: 0,
        done: 0,
        total: 0,
        runs: 0,
        fault: None,
        ended_at: None,
        version: 1,
    };
    errands::insert(&mut tx, &task(), &errand).await.unwrap();
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
