//! One suite for the ephemeral store, run on this process's memory and, where `MINGJI_TEST_REDIS_URL` names a
//! server, on Redis or Valkey. Both must mean the same by every verb.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mingji::domain::time::{Clock, Timestamp};
use mingji::store::ephemeral::{DISTINCT_LIMIT, Ephemeral, EphemeralError, Redeemed, Space, Tally};
use url::Url;
use uuid::Uuid;

use crate::support::binary::free_ports;
use crate::support::door::Door;
use crate::support::need;

const MINUTE: Duration = Duration::from_secs(60);

/// A clock that the test moves.
struct HandClock(AtomicI64);

impl HandClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_800_000_000_000_000)))
    }

    fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A store and the way to let its time pass: memory obeys the clock, a server only real time.
struct Bench {
    store: Arc<Ephemeral>,
    clock: Arc<HandClock>,
    real_time: bool,
    run: Uuid,
}

impl Bench {
    async fn memory() -> Self {
        let clock = HandClock::new();
        let store = Arc::new(Ephemeral::connect("memory:", clock.clone()).await.unwrap());
        Self { store, clock, real_time: false, run: fresh() }
    }

    async fn redis() -> Option<Self> {
        let url = need::redis()?;
        mingji::outbound::install_tls_provider();
        let clock = HandClock::new();
        let store = Arc::new(Ephemeral::connect(url.as_str(), clock.clone()).await.unwrap());
        Some(Self { store, clock, real_time: true, run: fresh() })
    }

    /// A key that no other test and no other run uses.
    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.run)
    }

    async fn pass(&self, span: Duration) {
        if self.real_time { tokio::time::sleep(span).await } else { self.clock.advance(span) }
    }
}

#[allow(clippy::disallowed_methods, reason = "runs share a server, so their keys must differ whatever a test injects")]
fn fresh() -> Uuid {
    let mut bytes = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).unwrap();
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// Writes each check once and runs it on every backend there is.
macro_rules! conformance {
    ($($name:ident)+) => {
        mod memory {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&super::Bench::memory().await).await;
            }
        )+}
        mod redis {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let Some(bench) = super::Bench::redis().await else { return };
                super::$name(&bench).await;
            }
        )+}
    };
}

conformance! {
    values_are_stored_replaced_and_removed
    values_expire
    only_the_first_is_absent
    counters_count_within_their_window
    nothing_is_left_of_a_counter_that_was_taken_back
    different_members_are_counted_once_and_bounded
    an_offer_is_redeemed_once
    of_many_at_once_one_is_first
    an_offer_expires_and_its_memory_too
    spaces_and_verbs_do_not_meet
    it_answers
}

async fn values_are_stored_replaced_and_removed(bench: &Bench) {
    let (store, key) = (&bench.store, bench.key("v"));
    assert_eq!(store.get(Space::PushedRequest, &key).await.unwrap(), None);
    store.put(Space::PushedRequest, &key, b"one", MINUTE).await.unwrap();
    store.put(Space::PushedRequest, &key, b"two\0\xff", MINUTE).await.unwrap();
    assert_eq!(store.get(Space::PushedRequest, &key).await.unwrap().as_deref(), Some(&b"two\0\xff"[..]));
    store.remove(Space::PushedRequest, &key).await.unwrap();
    assert_eq!(store.get(Space::PushedRequest, &key).await.unwrap(), None);
}

async fn values_expire(bench: &Bench) {
    let (store, key) = (&bench.store, bench.key("x"));
    store.put(Space::PushedRequest, &key, b"one", Duration::from_millis(60)).await.unwrap();
    bench.pass(Duration::from_millis(90)).await;
    assert_eq!(store.get(Space::PushedRequest, &key).await.unwrap(), None);
}

async fn only_the_first_is_absent(bench: &Bench) {
    let (store, key) = (&bench.store, bench.key("jti"));
    let brief = Duration::from_millis(100);
    assert!(store.put_if_absent(Space::Replay, &key, b"a", brief).await.unwrap());
    assert!(!store.put_if_absent(Space::Replay, &key, b"b", brief).await.unwrap());
    assert_eq!(store.get(Space::Replay, &key).await.unwrap().as_deref(), Some(&b"a"[..]));
    bench.pass(Duration::from_millis(150)).await;
    assert!(store.put_if_absent(Space::Replay, &key, b"c", brief).await.unwrap());
}

async fn counters_count_within_their_window(bench: &Bench) {
    let (store, key, space) = (&bench.store, bench.key("n"), Space::StrangerFailures);
    store.refund(space, &key).await.unwrap();
    let window = Duration::from_millis(300);
    assert_eq!(store.incr(space, &key, window).await.unwrap(), Tally { count: 1, left: window });
    bench.pass(Duration::from_millis(50)).await;
    let second = store.incr(space, &key, window).await.unwrap();
    assert_eq!(second.count, 2);
    assert!(second.left > Duration::ZERO && second.left <= Duration::from_millis(250), "{second:?}");
    for expected in [2, 2] {
        store.refund(space, &key).await.unwrap();
        assert_eq!(store.incr(space, &key, window).await.unwrap().count, expected);
    }
    bench.pass(Duration::from_millis(300)).await;
    let next = store.incr(space, &key, window).await.unwrap();
    assert_eq!(next.count, 1, "neither a raise nor a refund prolongs the window");
    for _ in 0..3 {
        store.refund(space, &key).await.unwrap();
    }
    assert_eq!(store.incr(space, &key, window).await.unwrap().count, 1, "never below zero");
    assert_eq!(store.raise(space, &key, 40, window).await.unwrap().count, 41);
    store.remove(space, &key).await.unwrap();
    assert_eq!(store.raise(space, &key, 7, window).await.unwrap(), Tally { count: 7, left: window });
}

async fn nothing_is_left_of_a_counter_that_was_taken_back(bench: &Bench) {
    let (store, key, space) = (&bench.store, bench.key("back"), Space::StrangerFailures);
    let window = Duration::from_millis(300);
    store.incr(space, &key, window).await.unwrap();
    bench.pass(Duration::from_millis(50)).await;
    store.refund(space, &key).await.unwrap();
    // A window that had been kept would be shorter by now.
    assert_eq!(store.incr(space, &key, window).await.unwrap(), Tally { count: 1, left: window });
}

async fn different_members_are_counted_once_and_bounded(bench: &Bench) {
    let (store, key, space) = (&bench.store, bench.key("m"), Space::NetworkFailures);
    assert_eq!(store.distinct(space, &key).await.unwrap(), 0);
    for (member, expected) in [("a", 1), ("a", 1), ("b", 2), ("a", 2)] {
        assert_eq!(store.count_distinct(space, &key, member, MINUTE).await.unwrap(), expected);
    }
    for n in 0..DISTINCT_LIMIT + 10 {
        store.count_distinct(space, &key, &n.to_string(), MINUTE).await.unwrap();
    }
    assert_eq!(store.distinct(space, &key).await.unwrap(), DISTINCT_LIMIT);
    store.remove(space, &key).await.unwrap();
    assert_eq!(store.count_distinct(space, &key, "a", Duration::from_millis(60)).await.unwrap(), 1);
    bench.pass(Duration::from_millis(90)).await;
    assert_eq!(store.distinct(space, &key).await.unwrap(), 0);
}

async fn an_offer_is_redeemed_once(bench: &Bench) {
    let (store, key, grant) = (&bench.store, bench.key("code"), fresh());
    assert_eq!(store.redeem(Space::Code, &key, MINUTE).await.unwrap(), Redeemed::Unknown);
    store.offer(Space::Code, &key, grant, b"what it gives", MINUTE).await.unwrap();
    let first = Redeemed::First { grant, value: b"what it gives".to_vec() };
    assert_eq!(store.redeem(Space::Code, &key, MINUTE).await.unwrap(), first);
    for _ in 0..3 {
        assert_eq!(store.redeem(Space::Code, &key, MINUTE).await.unwrap(), Redeemed::Again(grant));
    }
    store.offer(Space::Code, &bench.key("empty"), grant, b"", MINUTE).await.unwrap();
    let empty = Redeemed::First { grant, value: Vec::new() };
    assert_eq!(store.redeem(Space::Code, &bench.key("empty"), MINUTE).await.unwrap(), empty);
}

async fn of_many_at_once_one_is_first(bench: &Bench) {
    for round in 0..20 {
        let (key, grant) = (bench.key(&format!("race{round}")), fresh());
        bench.store.offer(Space::Code, &key, grant, b"value", MINUTE).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let (store, key) = (Arc::clone(&bench.store), key.clone());
            tasks.spawn(async move { store.redeem(Space::Code, &key, MINUTE).await.unwrap() });
        }
        let all = tasks.join_all().await;
        let first = all.iter().filter(|redeemed| matches!(redeemed, Redeemed::First { .. })).count();
        let again = all.iter().filter(|redeemed| **redeemed == Redeemed::Again(grant)).count();
        assert_eq!((first, again), (1, 63));
    }
}

async fn an_offer_expires_and_its_memory_too(bench: &Bench) {
    let (store, grant) = (&bench.store, fresh());
    let brief = Duration::from_millis(80);
    store.offer(Space::Code, &bench.key("late"), grant, b"v", brief).await.unwrap();
    store.offer(Space::Code, &bench.key("used"), grant, b"v", brief).await.unwrap();
    store.offer(Space::Code, &bench.key("soon"), grant, b"v", MINUTE).await.unwrap();
    store.redeem(Space::Code, &bench.key("used"), MINUTE).await.unwrap();
    store.redeem(Space::Code, &bench.key("soon"), brief).await.unwrap();
    bench.pass(Duration::from_millis(120)).await;
    assert_eq!(store.redeem(Space::Code, &bench.key("late"), MINUTE).await.unwrap(), Redeemed::Unknown);
    assert_eq!(store.redeem(Space::Code, &bench.key("soon"), MINUTE).await.unwrap(), Redeemed::Unknown);
    assert_eq!(
        store.redeem(Space::Code, &bench.key("used"), MINUTE).await.unwrap(),
        Redeemed::Again(grant),
        "the memory of a redemption outlives the offer"
    );
}

async fn spaces_and_verbs_do_not_meet(bench: &Bench) {
    let (store, key, grant) = (&bench.store, bench.key("same"), fresh());
    for space in Space::ALL {
        store.put(space, &key, format!("{space:?}").as_bytes(), MINUTE).await.unwrap();
        store.offer(space, &key, grant, b"offer", MINUTE).await.unwrap();
        assert_eq!(store.incr(space, &key, MINUTE).await.unwrap().count, 1);
        assert_eq!(store.count_distinct(space, &key, "m", MINUTE).await.unwrap(), 1);
    }
    store.remove(Space::Code, &key).await.unwrap();
    assert_eq!(store.redeem(Space::Code, &key, MINUTE).await.unwrap(), Redeemed::Unknown);
    for space in &Space::ALL[1..] {
        let value = store.get(*space, &key).await.unwrap();
        assert_eq!(value, Some(format!("{space:?}").into_bytes()));
        assert!(matches!(store.redeem(*space, &key, MINUTE).await.unwrap(), Redeemed::First { .. }));
    }
}

async fn it_answers(bench: &Bench) {
    bench.store.ping().await.unwrap();
    let started = bench.store.since();
    bench.store.ping().await.unwrap();
    assert_eq!(bench.store.since(), started, "it lost nothing");
}

#[tokio::test]
async fn memory_knows_when_it_began() {
    let bench = Bench::memory().await;
    let began = bench.clock.now();
    bench.pass(MINUTE).await;
    assert_eq!(bench.store.since(), began);
}

/// Of a server that began anew nobody knows what was used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_everything_is_noticed() {
    let Some(database) = database_of_its_own(7) else { return };
    mingji::outbound::install_tls_provider();
    let store = Ephemeral::connect(&database, HandClock::new()).await.unwrap();
    let first = async |key: &str| store.put_if_absent(Space::Replay, key, b"", MINUTE).await;
    let before = store.since();
    assert!(first("used").await.unwrap() && !first("used").await.unwrap());
    ask_redis(&database, ::redis::cmd("FLUSHDB"));
    assert!(matches!(first("used").await, Err(EphemeralError::Server(_))), "it would be a first use again");
    assert!(store.since() > before, "what was made before is refused from now on");
    assert!(first("made since").await.unwrap());
    // A look finds it as well, before anything is used.
    let before = store.since();
    ask_redis(&database, ::redis::cmd("FLUSHDB"));
    store.ping().await.unwrap();
    assert!(store.since() > before);
}

/// One that reads itself from a copy on disk has its beginning in it, and not what was used since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_came_back_from_a_copy_is_noticed() {
    let Some(database) = database_of_its_own(8) else { return };
    mingji::outbound::install_tls_provider();
    let long_ago = 1_000_000;
    let mut set = ::redis::cmd("SET");
    ask_redis(&database, set.arg("mingji:born").arg(long_ago).clone());
    let store = Ephemeral::connect(&database, HandClock::new()).await.unwrap();
    let copies = store.risks(false).await.iter().any(|risk| risk.contains("appendonly"));
    assert_eq!(
        store.since() > Timestamp::from_micros(long_ago),
        copies,
        "one that writes everything down lost nothing"
    );
}

/// A fail-over: who has our connection says nothing any more, or says that it is somebody else's copy now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_serves_no_longer_is_left() {
    let Some(database) = database_of_its_own(10) else { return };
    if !need::programs(&["redis-server"]) {
        return;
    }
    mingji::outbound::install_tls_provider();
    // Whoever stands behind the door may ask for a password.
    let mut through = Url::parse(&database).unwrap();
    let door = Door::to(through.host_str().unwrap(), through.port().unwrap_or(6379)).await;
    through.set_host(Some("127.0.0.1")).unwrap();
    through.set_port(Some(door.port)).unwrap();
    let store = Ephemeral::connect(through.as_str(), HandClock::new()).await.unwrap();
    let put = async || store.put(Space::Code, "k", b"v", MINUTE).await;
    put().await.unwrap();
    door.cut();
    let mut silent = 0;
    while put().await.is_err() {
        silent += 1;
        assert!(silent < 5, "nobody looks for another one");
    }
    assert!(silent > 0, "nothing was cut");

    let (demoted, promoted) = (OwnServer::start(), OwnServer::start());
    door.lead_to("127.0.0.1", demoted.port).await;
    let store = Ephemeral::connect(&format!("redis://127.0.0.1:{}/0", door.port), HandClock::new()).await.unwrap();
    let put = async || store.put(Space::Code, "k", b"v", MINUTE).await;
    put().await.unwrap();
    let mut copy = ::redis::cmd("REPLICAOF");
    ask_redis(&format!("redis://127.0.0.1:{}/0", demoted.port), copy.arg("127.0.0.1").arg(promoted.port).clone());
    door.lead_to("127.0.0.1", promoted.port).await;
    let refused = put().await;
    assert!(matches!(refused, Err(EphemeralError::Server(_))), "{refused:?}");
    put().await.unwrap();
}

/// A server that ends with the test.
struct OwnServer {
    port: u16,
    process: std::process::Child,
}

impl OwnServer {
    fn start() -> Self {
        let port = free_ports(1);
        let mut command = std::process::Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let own = Self { port, process: command.stdout(std::process::Stdio::null()).spawn().unwrap() };
        while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
            std::thread::yield_now();
        }
        own
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_memory_of_its_own_is_one_beside_its_own_database() {
    let bench = Bench::memory().await;
    assert!(bench.store.risks(true).await.is_empty());
    assert!(bench.store.risks(false).await[0].contains("MINGJI_EPHEMERAL_URL"));
}

/// A database of the server that no other test uses, empty.
pub fn database_of_its_own(number: u8) -> Option<String> {
    let mut url = need::redis()?;
    url.set_path(&number.to_string());
    ask_redis(url.as_str(), ::redis::cmd("FLUSHDB"));
    Some(url.into())
}

/// The keys of a database that begin like this.
pub fn keys_of(url: &str, prefix: &str) -> Vec<String> {
    let mut connection = ::redis::Client::open(url).unwrap().get_connection().unwrap();
    ::redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut connection).unwrap()
}

pub fn ask_redis(url: &str, command: ::redis::Cmd) {
    let mut connection = ::redis::Client::open(url).unwrap().get_connection().unwrap();
    command.exec(&mut connection).unwrap();
}

#[tokio::test]
async fn a_flood_of_counters_leaves_codes_alone() {
    let bench = Bench::memory().await;
    bench.store.offer(Space::Code, "code", fresh(), b"v", MINUTE).await.unwrap();
    for n in 0..250_000 {
        bench.store.incr(Space::StrangerFailures, &format!("name{n}"), MINUTE).await.unwrap();
    }
    assert!(matches!(bench.store.redeem(Space::Code, "code", MINUTE).await.unwrap(), Redeemed::First { .. }));
    let oldest = bench.store.incr(Space::StrangerFailures, "name0", MINUTE).await.unwrap();
    assert_eq!(oldest.count, 1, "the oldest made room");
}

#[tokio::test]
async fn a_full_space_of_guards_refuses_rather_than_forgets() {
    let bench = Bench::memory().await;
    let big = vec![0; 1 << 20];
    let mut stored = 0;
    let refused = loop {
        match bench.store.put_if_absent(Space::Replay, &stored.to_string(), &big, MINUTE).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, EphemeralError::Full(Space::Replay)), "{refused}");
    assert_eq!(bench.store.failures(), [("timeout", 0), ("server", 0), ("full", 1), ("foreign", 0)]);
    assert!(!bench.store.put_if_absent(Space::Replay, "0", b"", MINUTE).await.unwrap());
    bench.pass(MINUTE).await;
    assert!(bench.store.put_if_absent(Space::Replay, "0", &big, MINUTE).await.unwrap());
}

#[tokio::test]
async fn a_flood_of_pushed_requests_stops_nobody() {
    let bench = Bench::memory().await;
    let (key, big) = (|n: usize| n.to_string(), vec![0; 1 << 20]);
    bench.store.offer(Space::PushedRequest, "quiet", fresh(), b"v", MINUTE).await.unwrap();
    for n in 0..40 {
        bench.store.offer(Space::PushedByAnybody, &key(n), fresh(), &big, MINUTE).await.unwrap();
    }
    let redeem = async |space, key: &str| bench.store.redeem(space, key, MINUTE).await.unwrap();
    assert!(matches!(redeem(Space::PushedByAnybody, &key(39)).await, Redeemed::First { .. }), "the newest is there");
    assert_eq!(redeem(Space::PushedByAnybody, &key(0)).await, Redeemed::Unknown, "the oldest made room");
    assert!(matches!(redeem(Space::PushedRequest, "quiet").await, Redeemed::First { .. }), "a share of its own");
}

#[tokio::test]
async fn a_wrong_address_is_refused_without_repeating_it() {
    for url in [
        "",
        "memory",
        "http://user:hunter2@host",
        "bogus+cluster://user:hunter2@host",
        "redis://:hunter2@:0:0",
        "redis+cluster://user:hunter2@",
    ] {
        let Err(error) = Ephemeral::connect(url, HandClock::new()).await else { panic!("{url} was accepted") };
        assert!(matches!(error, EphemeralError::Url(_)), "{url}: {error}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_soon() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(Ephemeral::connect(&url, HandClock::new()).await.is_err());
}
