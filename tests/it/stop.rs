//! How it stops: announced, soon, and at once for whoever asks twice.

use std::time::Duration;

use mingji::jobs;
use sqlx::{Connection as _, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::support::app::{Engine, TestApp, run};
use crate::support::binary::{Place, begin_serving, free_ports, serve};
use crate::support::need;

/// A balancer that goes by health checks hears of a stop before the door is shut, and everybody is answered until then.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_announced_before_the_door_is_shut() {
    let (place, port) = (Place::new().with("MINGJI_DRAIN", "3s"), free_ports(1));
    let mut server = serve(&place, port).await;
    let status = async |path: &str| {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await;
        answer.map(|answer| answer.status().as_u16()).ok()
    };
    assert_eq!(status("/readyz").await, Some(200));
    let asked = std::time::Instant::now();
    server.signal("TERM");
    while status("/readyz").await == Some(200) {
        assert!(asked.elapsed() < Duration::from_secs(2), "nobody is told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        (status("/readyz").await, status("/healthz").await, status("/jwks").await),
        (Some(503), Some(200), Some(200))
    );
    assert!(server.ended().success());
    assert!(asked.elapsed() >= Duration::from_secs(3), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let (place, port) = (Place::new().with("MINGJI_DRAIN", "60s"), free_ports(1));
    let mut server = serve(&place, port).await;
    server.signal("TERM");
    while !server.log().contains("stopping: running requests finish") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.signal("INT");
    assert_eq!(server.ended().code(), Some(1));
}

/// As the first process of a container is stopped while it waits for something: here for a Redis that says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_heard_during_the_start() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redis = format!("redis://{}/0", silent.local_addr().unwrap());
    let place = Place::new().with("MINGJI_EPHEMERAL_URL", redis);
    let mut server = begin_serving(&place, &["serve"], free_ports(1));
    let _caller = silent.accept().await.unwrap();
    server.signal("TERM");
    assert!(server.ended().success(), "killed, or deaf");
}

/// However long a step of upkeep takes. On SQLite whoever holds its writer holds up all the other jobs as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upkeep_holds_up_no_stop() {
    let Some(server) = need::postgres() else { return };
    run(Engine::Postgres(server), async |app: TestApp| {
        let mut other = PgConnection::connect(&app.database.url).await.unwrap();
        sqlx::raw_sql("BEGIN; LOCK TABLE revoked_token IN ACCESS EXCLUSIVE MODE").execute(&mut other).await.unwrap();
        let (twin, stop) = (app.twin().await, CancellationToken::new());
        let working = jobs::start(&twin, None, &stop);
        let mut waits = false;
        while !waits {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let asked =
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'revoked_token'::regclass)";
            waits = sqlx::query_scalar(asked).fetch_one(&mut other).await.unwrap();
        }
        stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(1), working.wait()).await;
        assert!(ended.is_ok(), "a stop waits for upkeep");
        other.close().await.unwrap();
        twin.close().await;
    })
    .await;
}
