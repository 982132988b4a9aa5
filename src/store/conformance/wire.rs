//! A PostgreSQL that is not what it was: gone without a word, one that only reads, or another schema under what is prepared.

use std::time::Duration;

use tokio::task::JoinSet;

use super::door::Door;
use super::scene::add_active;
use super::support::{self, NOW, person_id};
use crate::store::db::{Db, FromRow, Gather, REQUEST, Row, Statement, StoreError, Value};
use crate::store::subjects;

const PATIENCE: Duration = Duration::from_millis(500);
/// More than there are connections.
const MANY: usize = 40;

/// Takes a second.
const SLOW: Statement = Statement::claim("conformance::SLOW", "SELECT 1", "SELECT 1 FROM pg_sleep(1)");

/// What a server says of itself, where many ask: 1 while it only reads.
const READS_ONLY: Statement = Statement::shared(
    "conformance::READS_ONLY",
    "SELECT CASE current_setting('default_transaction_read_only') WHEN 'on' THEN $1 ELSE 0 END AS n",
);

#[derive(Debug, PartialEq, Eq)]
struct Said(i64);

impl FromRow for Said {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("n")?))
    }
}

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
    let gathered = Gather::<Said>::new(db.clone(), READS_ONLY);
    assert_eq!(gathered.ask(vec![1_i64.into()]).await.unwrap(), Some(Said(1)), "what many ask is answered there");
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
    let mut said = gathered.ask(vec![1_i64.into()]).await.unwrap();
    for _ in 0..50 {
        if said == Some(Said(0)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        said = gathered.ask(vec![1_i64.into()]).await.unwrap();
    }
    assert_eq!(said, Some(Said(0)), "nor do those who ask together");
    db.close().await;
    fresh.remove().await;
}

/// Fewer connections than there might be: whoever gets none of her own takes what somebody brings back, and what many ask at
/// one moment is asked alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_gives_few_connections_serves_everybody() {
    const PASSWORD: &str = "conformance";
    let Some(fresh) = support::postgres().await else { return };
    let name = fresh.url.path().trim_start_matches('/').to_owned();
    run(&fresh.db, format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 3")).await;
    let mut url = fresh.url.clone();
    url.set_username(&name).unwrap();
    url.set_password(Some(PASSWORD)).unwrap();
    let db = Db::connect_with(url.as_str(), 32, REQUEST).await.unwrap();
    let ask_once = async || db.read().await?.optional::<Said>(READS_ONLY, vec![1_i64.into()]).await;
    // All that there are go to what is asked alone.
    let (one, two, three) = (db.read().await.unwrap(), db.read().await.unwrap(), db.read().await.unwrap());
    drop((one, two, three));
    for answer in futures_util::future::join_all((0..MANY).map(|_| ask_once())).await {
        assert_eq!(answer.unwrap(), Some(Said(0)));
    }
    let gathered = Gather::<Said>::new(db.clone(), READS_ONLY);
    let asked = tokio::time::timeout(Duration::from_secs(8), gathered.ask(vec![1_i64.into()])).await;
    assert_eq!(asked.expect("there is another way").unwrap(), Some(Said(0)));
    db.close().await;
    run(&fresh.db, format!("DROP ROLE {name}")).await;
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
