//! Two replicas of one provider: the same program twice, on one PostgreSQL database, one Redis and one folder of
//! root secrets. The test plays the proxy in front of them: whichever port it asks, the issuer is the same.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Mutex;

use crate::support::binary::{Place, Ready, Running, free_ports, serve};
use crate::support::load::{Database, Ledger, PEOPLE, rounds};
use crate::support::need;
use crate::support::remote::{Answer, Proxy, Visitor};

const VISITORS: usize = 20;
const ROUNDS: usize = 12;

/// The two, running.
struct Cluster {
    /// Before the place: their logs are in there, and are shown where a test fails.
    replicas: [Running; 2],
    place: Place,
    ready: Ready,
    ports: [u16; 2],
    database: Database,
}

impl Cluster {
    async fn start() -> Option<Self> {
        let (server, redis) = (need::postgres()?, need::redis()?);
        let database = Database::create(server).await;
        let first = free_ports(2);
        let mut place = Place::new()
            .with("MINGJI_ISSUER", format!("http://localhost:{first}"))
            .with("MINGJI_DATABASE_URL", database.url())
            .with("MINGJI_EPHEMERAL_URL", redis.as_str());
        let keys: PathBuf = place.path().join("root-secrets");
        place.set("MINGJI_KEYS_DIR", keys.to_string_lossy());
        let early = place.run(&["demo", "--seed-only"]);
        assert_eq!(early.code, Some(1), "on PostgreSQL nobody makes root secrets by the way: {}", early.out);
        assert!(early.err.contains("keys init") && !keys.exists(), "{}", early.err);
        assert_eq!(place.run(&["keys", "init"]).code, Some(0));
        let ready = serde_json::from_value(place.json(&["demo", "--seed-only"], "")).unwrap();
        let replicas = [serve(&place, first).await, serve(&place, first + 1).await];
        Some(Self { place, ready, replicas, ports: [first, first + 1], database })
    }

    fn proxy(&self) -> Arc<Proxy> {
        Arc::new(Proxy::new(self.ready.issuer.clone(), self.ports))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_begins_at_one_and_ends_at_the_other() {
    let Some(cluster) = Cluster::start().await else { return };
    let proxy = cluster.proxy();
    let client = cluster.ready.client("platform_a");
    let mut teacher = Visitor::new(proxy.clone(), client);

    proxy.only(0);
    let Answer::Page(page) = teacher.authorize("").await else { panic!("nobody is signed in yet") };
    assert!(page.has("password"), "{}", page.text());
    proxy.only(1);
    let Answer::Page(page) = teacher.sign_in(&page, cluster.ready.person("teacher_parent")).await else {
        panic!("two identities, and no question")
    };
    proxy.only(0);
    let identity = page.value("identity");
    let Answer::Back(answer) = teacher.submit(&page, &[("identity", &identity)]).await else {
        panic!("no answer for the platform")
    };
    proxy.only(1);
    let code = answer.code();
    let tokens = teacher.redeem(&code).await.expect("a code of the other replica");
    proxy.only(0);
    assert!(teacher.knows_me(&tokens).await);
    let refreshed = teacher.refresh(&tokens).await.expect("a refresh token of the other replica");

    proxy.only(1);
    assert!(matches!(teacher.sign_out(&refreshed).await, Answer::Page(page) if page.has_id("signed-out")));
    proxy.only(0);
    assert!(teacher.refresh(&refreshed).await.is_err(), "signed out at one is signed out at the other");
    let Answer::Back(answer) = teacher.authorize("prompt=none").await else { panic!("prompt=none shows no page") };
    assert_eq!(answer.error().as_deref(), Some("login_required"));
    cluster.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_signs_nobody_out() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let proxy = cluster.proxy();
    let client = cluster.ready.client("platform_a");
    let mut visitors = Vec::new();
    for number in 0..VISITORS {
        let mut visitor = Visitor::new(proxy.clone(), client);
        visitor.enter(cluster.ready.person(PEOPLE[number % PEOPLE.len()])).await;
        visitors.push(visitor);
    }

    let (ledger, done) = (Arc::new(Mutex::new(Ledger::default())), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = visitors
        .into_iter()
        .map(|visitor| tokio::spawn(rounds(ROUNDS, visitor, ledger.clone(), done.clone())))
        .collect();
    // On a busy machine one visitor may be through before others have well begun; one that failed is found when it is
    // awaited.
    while done.load(Ordering::Relaxed) < VISITORS * ROUNDS / 3 && !load.iter().all(tokio::task::JoinHandle::is_finished)
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    cluster.replicas[0].kill();
    let mut after = Vec::new();
    for visitor in load {
        after.push(visitor.await.unwrap());
    }

    proxy.only(1);
    for (visitor, tokens) in &mut after {
        let Answer::Back(answer) = visitor.authorize("prompt=none").await else {
            panic!("a page for somebody who is signed in")
        };
        assert_eq!(answer.error(), None, "signed out by the death of a replica");
        *tokens = visitor.refresh(tokens).await.expect("a refresh token outlives the replica that gave it");
        assert!(visitor.knows_me(tokens).await);
    }
    let ledger = ledger.lock().await;
    assert!(ledger.redeemed.len() >= VISITORS * ROUNDS, "{} codes", ledger.redeemed.len());
    assert!(ledger.lost <= VISITORS, "{} rounds were lost; each visitor has at most one answer in flight", ledger.lost);
    for code in &ledger.redeemed {
        assert_eq!(after[0].0.redeem(code).await.err().as_deref(), Some("invalid_grant"), "a code worked twice");
    }
    let verdict = cluster.place.json(&["audit", "verify"], "");
    assert_eq!(verdict["holds"], true, "{verdict}");
    cluster.database.drop().await;
}
