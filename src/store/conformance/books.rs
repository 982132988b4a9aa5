//! The books: what is committed is numbered once, and within an aggregate in the order of its versions.

use uuid::Uuid;

use super::on_both_engines;
use super::support::NOW;
use crate::domain::event::Event;
use crate::domain::id::EventId;
use crate::store::books;
use crate::store::db::{Db, FromRow, Row, Statement, StoreError, args};

on_both_engines!(
    versions_stay_in_order_when_clocks_do_not,
    what_is_numbered_waits_no_longer,
    so_many_are_read_however_many_wait,
    the_oldest_is_known_by_its_id,
);

const FED: Statement =
    Statement::shared("books::FED", "SELECT event_id AS id FROM feed WHERE stream = $1 ORDER BY seq");
const STREAM: Uuid = Uuid::nil();

struct Fed(EventId);

impl FromRow for Fed {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// The `n`th event: the next change of an aggregate, said to have happened `seconds` after the start.
fn event(n: u128, aggregate: u128, seconds: u64) -> Event {
    Event {
        id: EventId(Uuid::from_u128(n)),
        aggregate: "person",
        aggregate_id: Uuid::from_u128(aggregate),
        kind: "person.changed",
        fields: serde_json::json!([]),
        sector: None,
        at: NOW.plus(std::time::Duration::from_secs(seconds)),
    }
}

async fn publish(db: &Db, events: &[Event]) {
    let mut tx = db.write().await.unwrap();
    for event in events {
        books::publish(&mut tx, event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn number(db: &Db, limit: i64) -> usize {
    let mut tx = db.write().await.unwrap();
    let waiting = books::pending_events(&mut tx, limit).await.unwrap();
    books::feed(&mut tx, STREAM, &waiting).await.unwrap();
    tx.commit().await.unwrap();
    waiting.len()
}

async fn fed(db: &Db) -> Vec<u128> {
    let rows: Vec<Fed> = db.read().await.unwrap().all(FED, args![STREAM]).await.unwrap();
    rows.into_iter().map(|row| row.0.0.as_u128()).collect()
}

async fn versions_stay_in_order_when_clocks_do_not(db: &Db) {
    // The second change was written by a replica whose clock is four seconds behind; another person changed in between.
    publish(db, &[event(2, 7, 5), event(1, 7, 1), event(3, 8, 3), event(4, 7, 9)]).await;
    while number(db, 2).await > 0 {}
    assert_eq!(fed(db).await, [2, 1, 3, 4]);
}

async fn what_is_numbered_waits_no_longer(db: &Db) {
    publish(db, &[event(1, 7, 0)]).await;
    assert_eq!((number(db, 10).await, number(db, 10).await), (1, 0));
    // Committed late, with an id and a time before what was numbered already: still numbered.
    publish(db, &[event(0, 9, 0)]).await;
    assert_eq!(number(db, 10).await, 1);
    assert_eq!(books::count_pending(&mut db.read().await.unwrap()).await.unwrap(), 0);
    assert_eq!(fed(db).await, [1, 0]);
}

async fn so_many_are_read_however_many_wait(db: &Db) {
    publish(db, &(1..=9).map(|n| event(n, n, 0)).collect::<Vec<_>>()).await;
    assert_eq!((number(db, 4).await, number(db, 4).await, number(db, 4).await), (4, 4, 1));
    assert_eq!(fed(db).await, (1..=9).collect::<Vec<_>>());
}

async fn the_oldest_is_known_by_its_id(db: &Db) {
    let oldest = async || books::oldest_pending(&mut db.read().await.unwrap()).await.unwrap();
    assert_eq!(oldest().await, None);
    let at = |seconds| NOW.plus(std::time::Duration::from_secs(seconds));
    // Said to have happened at the same time, written one after the other.
    let written = |seconds| {
        let millis = u64::try_from(at(seconds).micros() / 1_000).unwrap();
        Event { id: EventId(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()), ..event(0, 7, 0) }
    };
    publish(db, &[written(9), written(3), written(5)]).await;
    assert_eq!(oldest().await, Some(at(3)));
    while number(db, 10).await > 0 {}
    assert_eq!(oldest().await, None);
}
