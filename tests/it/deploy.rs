//! The files of `deploy/` as far as they can be checked without an engine: the compose file is read, its commands are
//! parsed by the program, and the same processes are started by hand with its environment, behind its proxy.

mod cluster;
mod compose;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use tokio::sync::Mutex;

use crate::support::binary::free_ports;
use crate::support::load::{Ledger, PEOPLE, rounds};
use crate::support::remote::{Answer, Proxy, Visitor};
use cluster::Cluster;
use compose::Compose;

const VISITORS: usize = 6;
const ROUNDS: usize = 10;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// Behind the proxy, with what a visitor may say about herself and nobody believes.
fn visitor(cluster: &Cluster) -> Visitor {
    Visitor::new(Arc::new(cluster.proxy()), cluster.ready.client("platform_a"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_of_the_compose_file_signs_people_in() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let teacher = cluster.ready.person("teacher_parent").clone();
    let mut person = visitor(&cluster);
    person.enter(&teacher).await;
    let Answer::Back(answer) = person.authorize("prompt=none").await else { panic!("a page for somebody signed in") };
    let tokens = person.redeem(&answer.code()).await.unwrap();
    assert!(person.knows_me(&tokens).await);
    let tokens = person.refresh(&tokens).await.unwrap();
    for replica in &cluster.replicas {
        let routes = replica.routes();
        assert!(routes.len() >= 2, "one sign-in went through both replicas, this one answered {routes:?}");
    }
    let seen = addresses_of_sign_ins(&cluster.database_url()).await;
    assert_eq!(seen, ["127.0.0.2"], "the proxy's word about the visitor is taken, the visitor's own is not");

    // A replica is killed in the middle of a load, and comes back.
    let mut people = Vec::new();
    for number in 0..VISITORS {
        let mut person = visitor(&cluster);
        person.enter(cluster.ready.person(PEOPLE[number % PEOPLE.len()])).await;
        people.push(person);
    }
    let (people, lost) = under_load(people, async || cluster.replicas[0].kill()).await;
    assert!(lost <= VISITORS, "{lost} rounds were lost; each visitor has at most one answer in flight");
    assert!(person.refresh(&tokens).await.is_ok());
    cluster.restart(0).await;

    // The other one is stopped as an upgrade stops it: nobody notices.
    let (people, lost) = under_load(people, async || assert!(cluster.replicas[1].stop().success())).await;
    assert_eq!(lost, 0, "a graceful stop loses nothing");
    for mut person in people {
        let Answer::Back(answer) = person.authorize("prompt=none").await else {
            panic!("a page for somebody signed in")
        };
        assert_eq!(answer.error(), None, "signed out");
    }

    // Redis is gone: what needs none goes on, and what does is refused in words of ours.
    cluster.redis.lead_to("127.0.0.1", free_ports(1)).await;
    cluster.redis.cut();
    let http = Proxy::client().tls_danger_accept_invalid_certs(true).build().unwrap();
    let (mut tokens, gone_since, mut unready) = (tokens, Instant::now(), None);
    while unready.is_none_or(|since: Instant| since.elapsed() < Duration::from_secs(3)) {
        assert!(gone_since.elapsed() < Duration::from_secs(60), "the replica stays ready without Redis");
        assert!(person.knows_me(&tokens).await);
        tokens = person.refresh(&tokens).await.unwrap();
        let answer = http.get(format!("{}/readyz", cluster.issuer)).send().await.unwrap();
        let (status, said) = (answer.status(), answer.text().await.unwrap());
        if status == 503 {
            assert!(said.contains("\"ephemeral\",\"ok\":false"), "the proxy speaks for itself: {said}");
            unready.get_or_insert_with(Instant::now);
        }
    }
    cluster.end().await;
}

/// Everybody signs on again and again, and a third of the way something happens.
async fn under_load(people: Vec<Visitor>, happens: impl AsyncFnOnce()) -> (Vec<Visitor>, usize) {
    let (ledger, done) = (Arc::new(Mutex::new(Ledger::default())), Arc::new(AtomicUsize::new(0)));
    let count = people.len();
    let load: Vec<_> =
        people.into_iter().map(|person| tokio::spawn(rounds(ROUNDS, person, ledger.clone(), done.clone()))).collect();
    while done.load(Ordering::Relaxed) < count * ROUNDS / 3 && !load.iter().all(tokio::task::JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    happens().await;
    let mut after = Vec::new();
    for person in load {
        after.push(person.await.unwrap().0);
    }
    let ledger = ledger.lock().await;
    assert!(ledger.redeemed.len() >= count * ROUNDS, "{} codes", ledger.redeemed.len());
    (after, ledger.lost)
}

async fn addresses_of_sign_ins(url: &str) -> Vec<String> {
    let mut database = PgConnection::connect(url).await.unwrap();
    let statement =
        "SELECT DISTINCT actor->>'ip' FROM audit_entry WHERE action = 'sign_in' AND actor->>'ip' IS NOT NULL";
    sqlx::query_scalar(statement).fetch_all(&mut database).await.unwrap()
}

#[test]
fn the_compose_file_says_only_what_is_there() {
    let compose = Compose::read();
    assert_eq!(compose.faults(), [""; 0]);
    for (name, service) in compose.ours() {
        let arguments: Vec<&str> = service.command.iter().map(String::as_str).chain(["--help"]).collect();
        let ended = Command::new(env!("CARGO_BIN_EXE_mingji")).args(&arguments).output().unwrap();
        assert!(ended.status.success(), "{name}: {arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}

#[test]
fn the_proxy_knows_the_services_of_the_compose_file() {
    let compose = Compose::read();
    let config = std::fs::read_to_string(folder().join("haproxy.cfg")).unwrap();
    let servers: Vec<&str> = config
        .lines()
        .filter_map(|line| line.trim().strip_prefix("server "))
        .filter_map(|rest| rest.split_whitespace().nth(1))
        .collect();
    let replicas: Vec<String> = compose
        .ours()
        .filter(|(_, service)| service.command.first().is_some_and(|command| command == "serve"))
        .map(|(name, service)| format!("{name}:{}", service.environment["MINGJI_LISTEN"].rsplit(':').next().unwrap()))
        .collect();
    assert_eq!(
        servers,
        [&replicas[..], &replicas].concat(),
        "every replica by its name and port, as ready and as alive"
    );
    let retried: Vec<&str> = config.lines().filter_map(|line| line.trim().strip_prefix("retry-on ")).collect();
    assert_eq!(retried, ["conn-failure"], "a code that is sent twice takes back what it gave");
    // Over any other network that both are in, the proxy would be a stranger.
    for (name, service) in compose.ours().filter(|(_, service)| service.command[0] == "serve") {
        let shared: Vec<_> =
            compose.services["proxy"].networks.iter().filter(|network| service.networks.contains(network)).collect();
        assert_eq!(shared, ["inside"], "{name}");
        assert_eq!(Some(service.environment["MINGJI_TRUSTED_PROXIES"].as_str()), compose.subnet("inside"), "{name}");
    }
}

/// Podman reads the one, Docker the other, and what they leave out lies in the layers of a build.
#[test]
fn no_secret_goes_into_a_build() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let [podman, docker] =
        [".containerignore", ".dockerignore"].map(|name| std::fs::read_to_string(root.join(name)).unwrap());
    assert_eq!(podman, docker);
    for private in ["/keys/*", "/data", "/deploy/secrets", "/mingji.toml"] {
        assert!(podman.lines().any(|line| line == private), "{private}");
    }
}

#[test]
fn secrets_are_written_once_and_fit_together() {
    let place = tempfile::tempdir().unwrap();
    let secrets = cluster::secrets(place.path());
    let text = |name: &str| std::fs::read_to_string(secrets.join(name)).unwrap();
    let (password, url) = (text("database_password"), text("database_url"));
    assert!(password.len() == 48 && url == format!("postgres://mingji:{password}@postgres:5432/mingji"));
    let (config, url) = (text("valkey_config"), text("ephemeral_url"));
    let password = config.trim_end().strip_prefix("requirepass ").unwrap();
    assert_eq!(url, format!("redis://:{password}@valkey:6379/0"));
    for name in Compose::read().secrets.keys() {
        assert!(secrets.join(name).is_file(), "{name} is not written");
    }
    let again = cluster::compose_secrets(place.path());
    assert!(!again.status.success(), "passwords that belong to a database are not made anew");
    assert_eq!(text("database_password"), text("database_url").split([':', '@']).nth(2).unwrap());
}
