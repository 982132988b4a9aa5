//! A PostgreSQL that is not what it was: gone without a word, one that only reads, or another schema under what is prepared.

use std::time::Duration;

use tokio::task::JoinSet;

use super::door::Door;
use super::scene::add_active;
use super::support::{self, NOW, person_id};
use crate::store::db::{Db, Statement, StoreError, Value};
use crate::store::subjects;

const PATIENCE: Duration = Duration::from_millis(500);
/// More than there are connections.
const MANY: usize = 40;

/// Takes a second.
const SLOW: Statement = Statement::claim("conformance::SLOW", "SELECT 1", "SELECT 1 FROM pg_sleep(1)");

async fn ask(db: &Db) -> Result<(), StoreError> {
    db.read().await?.ping().await
}

async fn ask_slowly(db: &Db) -> Result<u64, StoreError> {
    db.read().await?.execute(SLOW, Vec::new()).await
}

/// What is asked of a server that lost its power is never answered, and whoever waits for it holds a connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_without_a_word_is_left() {
    let Some(fresh) = support::postgres().await else { return };
    let door = Door::to(fresh.url.host_str().unwrap(), fresh.url.port().unwrap_or(5432)).await;
    let mut url = fresh.url.clone();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(door.port)).unwrap();
    let db = Db::open_postgres(url.as_str(), 32, PATIENCE).await.unwrap();
    let mut at_work = JoinSet::new();
    for _ in 0..MANY {
        let db = db.clone();
        at_work.spawn(async move { ask_slowly(&db).await });
    }
    let most = db.occupancy()[0].most;
    while db.occupancy()[0].busy < most {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    door.cut();
    while let Some(answer) = at_work.join_next().await {
        let fault = answer.unwrap().unwrap_err();
        assert!(matches!(fault, StoreError::Unavailable(_) | StoreError::Busy), "{fault}");
    }
    let mut again = JoinSet::new();
    for _ in 0..MANY {
        let db = db.clone();
        again.spawn(async move { ask(&db).await });
    }
    for answer in again.join_all().await {
        answer.unwrap();
    }
    while db.occupancy()[0].busy > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    db.close().await;
    fresh.remove().await;
}

/// A standby answers what is read: whoever looks only whether it answers sends everybody there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_only_reads_is_not_there() {
    let Some(fresh) = support::postgres().await else { return };
    let name = fresh.url.path().trim_start_matches('/').to_owned();
    run(&fresh.db, format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let db = Db::connect(fresh.url.as_str()).await.unwrap();
    assert!(matches!(ask(&db).await, Err(StoreError::Unavailable(_))));
    let mut tx = db.write().await.unwrap();
    let fault = subjects::first_use(&mut tx, person_id(1), "v.test", "sub", NOW).await.unwrap_err();
    assert!(matches!(fault, StoreError::Unavailable(_)), "{fault}");
    drop(tx);
    // It becomes the one that writes: nobody keeps the connections of before.
    run(&fresh.db, format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    let mut came_back = ask(&db).await;
    for _ in 0..50 {
        if came_back.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        came_back = ask(&db).await;
    }
    came_back.unwrap();
    db.close().await;
    fresh.remove().await;
}

/// A newer program adds a column to what this one has prepared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_prepared_outlives_another_schema() {
    const ALL: Statement = Statement::shared("conformance::EVERY_COLUMN", "SELECT * FROM subject WHERE sector = $1");
    let Some(fresh) = support::postgres().await else { return };
    let db = &fresh.db;
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    subjects::first_use(&mut tx, person_id(1), "v.test", "sub", NOW).await.unwrap();
    tx.commit().await.unwrap();
    let read = async || db.read().await.unwrap().execute(ALL, vec![Value::from("v.test")]).await;
    let both = async || tokio::join!(read(), read());
    assert!(matches!(both().await, (Ok(1), Ok(1))));
    run(db, "ALTER TABLE subject ADD COLUMN zz TEXT".into()).await;
    let mut refused = 0;
    for _ in 0..MANY {
        match read().await {
            Ok(rows) => assert_eq!(rows, 1),
            Err(StoreError::Unavailable(_)) => refused += 1,
            Err(fault) => panic!("{fault}"),
        }
    }
    assert!(
        refused <= 1,
        "{refused} were told to come again: each connection has it prepared, and one says so for all"
    );
    fresh.remove().await;
}

async fn run(db: &Db, text: String) {
    let statement = Statement::shared("conformance::DDL", text.leak());
    db.read().await.unwrap().execute(statement, Vec::new()).await.unwrap();
}
