//! How fast the provider answers, beside a handler that does the least that could be done, in the same run (R15). The server
//! has one core, the load the other one.
//!
//! ```sh
//! cargo bench --bench protocol                                             # SQLite and memory
//! cargo bench --bench protocol -- --postgres postgres://postgres@localhost/ --redis redis://localhost/ --seconds 5
//! ```
//!
//! PostgreSQL and Redis run where the system puts them: give them the second core (`taskset`) for figures that can be
//! compared. What counts are the shares of the floor, and the processor time of the server for an answer; rates alone say as
//! much about the machine. `taskset` is Linux's.

#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]
#![allow(clippy::disallowed_methods, reason = "it waits for another process")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on says where")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length is a place in it")]
#![allow(missing_docs, reason = "as in the tests, whose support it uses")]

mod floor;
mod load;
#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "the tests' own support, of which this uses a part")]
mod support;
mod wire;

use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use load::{Found, Visitor, Work};
use serde_json::{Value, json};
use support::app::Engine;
use support::binary::{Client, Person, Place, free_ports, serve};
use support::database::Database;
use support::remote::{self, Proxy};
use url::Url;
use wire::{Wire, get, post};

const SERVER: &str = "0";
const LOAD: &str = "1";
const SCOPE: &str = "openid profile edu";
const RESOURCE: &str = "https://grades.example/api";

struct Wish {
    connections: usize,
    span: Duration,
    postgres: Option<Url>,
    redis: Option<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let [_, floor, port, database] = &arguments[..]
        && floor == "--floor"
    {
        return runtime.block_on(floor::serve(port.parse().unwrap(), database));
    }
    let wish = wish(arguments);
    println!("{} connections, {} s each", wish.connections, wish.span.as_secs());
    println!("\n## SQLite, memory");
    runtime.block_on(measure(&wish, Engine::Sqlite, "memory:"));
    if let (Some(postgres), Some(redis)) = (&wish.postgres, &wish.redis) {
        println!("\n## PostgreSQL, Redis");
        runtime.block_on(measure(&wish, Engine::Postgres(postgres.clone()), redis));
    }
}

fn wish(arguments: Vec<String>) -> Wish {
    let mut wish = Wish { connections: 16, span: Duration::from_secs(5), postgres: None, redis: None };
    let mut arguments = arguments.into_iter().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse().ok()).expect("a number");
        match argument.as_str() {
            "--connections" => wish.connections = number(),
            "--seconds" => wish.span = Duration::from_secs(number() as u64),
            "--postgres" => wish.postgres = arguments.next().and_then(|url| Url::parse(&url).ok()),
            "--redis" => wish.redis = arguments.next(),
            // What cargo adds.
            _ => {}
        }
    }
    wish
}

/// Moves this process, and whatever it starts from now on, to a core.
fn move_to(core: &str) {
    let own = std::process::id().to_string();
    let moved = Command::new("taskset").args(["-acp", core, &own]).output();
    assert!(moved.is_ok_and(|output| output.status.success()), "taskset -acp {core}");
}

/// The handler that does the least, and its end.
struct Floor(Child);

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn floor(database: &Database, port: u16) -> Floor {
    let url = match database.folder() {
        Some(folder) => format!("sqlite://{}?mode=rwc", folder.join("floor.db").display()),
        None => database.url.clone(),
    };
    let own = std::env::current_exe().unwrap();
    let child = Command::new(own).args(["--floor", &port.to_string(), &url]).spawn().unwrap();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Floor(child)
}

async fn measure(wish: &Wish, engine: Engine, ephemeral: &str) {
    let database = Database::new(engine).await;
    let (port, floor_port) = (free_ports(1), free_ports(1));
    let place = Place::new()
        .with("MINGJI_DATABASE_URL", database.url.clone())
        .with("MINGJI_KEYS_DIR", database.keys.to_str().unwrap())
        .with("MINGJI_EPHEMERAL_URL", ephemeral)
        .with("MINGJI_ISSUER", format!("http://localhost:{port}"))
        .with("MINGJI_LOG", "info");
    let platform = platform(&place);
    let machine = machine(&place);
    move_to(SERVER);
    let since = Instant::now();
    let server = serve(&place, port).await;
    let start = since.elapsed();
    let floor = floor(&database, floor_port).await;
    move_to(LOAD);
    let idle = resident(server.id());
    let before = processor(server.id());
    let visitors = visitors(wish, &database, &platform, port).await;
    let sign_in = (processor(server.id()) - before) / visitors.len().max(1) as u64;
    let (access, refresh) = visitors[0].round(&mut Wire::open(port).await).await;
    let bearer = format!("Basic {}", basic(&platform));

    let rounds: Vec<Work> = visitors.iter().cloned().map(Work::Round).collect();
    let same = |request: Vec<u8>| vec![Work::Same(request); wish.connections];
    let mut refreshes = Vec::new();
    for visitor in &visitors {
        let (_, refresh) = visitor.round(&mut Wire::open(port).await).await;
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        refreshes.push(Work::Same(post("/token", &[("authorization", &bearer)], &form)));
    }
    drop(refresh);
    let machine_form = format!("grant_type=client_credentials&resource={RESOURCE}");
    let tokens = same(post("/token", &[("authorization", &format!("Basic {}", basic(&machine)))], &machine_form));
    let introspections = same(post("/introspect", &[("authorization", &bearer)], &format!("token={access}")));
    let discovery = same(get("/.well-known/openid-configuration", &[]));
    let keys = same(get("/jwks", &[]));
    let fixed = same(get("/fixed", &[]));

    let mut done = 0;
    for (name, ours, least) in [
        ("sign-on rounds", &rounds, &rounds),
        ("client credentials", &tokens, &fixed),
        ("refreshes", &refreshes, &fixed),
        ("introspections", &introspections, &fixed),
        ("discovery", &discovery, &fixed),
        ("keys", &keys, &fixed),
    ] {
        let (mut found, mut floors, mut spent) = (Vec::new(), Vec::new(), 0);
        for _ in 0..2 {
            floors.push(load::run(floor_port, least, wish.span).await);
            let before = processor(server.id());
            found.push(load::run(port, ours, wish.span).await);
            spent += processor(server.id()) - before;
        }
        let answers = found.iter().map(Found::count).sum::<usize>();
        done += answers;
        tell(name, &found, &floors, spent / answers.max(1) as u64);
    }
    println!("a sign-in with a password, and the first consent: processor {sign_in} µs");
    println!(
        "start until ready {} ms (asked every 50 ms); resident {idle} MB idle, {} MB after {done} answers",
        start.as_millis(),
        resident(server.id())
    );
    drop((server, floor));
    database.remove().await;
}

/// The better of two, because what else the machine does only slows.
fn tell(name: &str, found: &[Found], floors: &[Found], spent: u64) {
    let best = |all: &[Found]| all.iter().map(|found| found.rate).fold(0.0, f64::max);
    let (ours, floor) = (best(found), best(floors));
    let latest = found.iter().max_by(|one, other| one.rate.total_cmp(&other.rate)).expect("two runs");
    println!(
        "{name:<19} {ours:>8.0}/s  p50 {:>6.2} ms  p99 {:>6.2} ms  processor {spent:>5} µs   floor {floor:>8.0}/s  share {:.3}",
        latest.at(0.5),
        latest.at(0.99),
        ours / floor
    );
}

/// Microseconds of processor time that a process has used (Linux, whose clock ticks a hundred times a second). What else
/// runs on the machine does not change it much, so that two versions can be compared by it.
fn processor(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let times = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10_000
}

/// Megabytes (Linux).
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn basic(client: &Value) -> String {
    let text = |name: &str| client[name].as_str().unwrap();
    STANDARD.encode(format!("{}:{}", text("client_id"), text("client_secret")))
}

/// A platform of the system that signs with ES256 and refreshes.
fn platform(place: &Place) -> Value {
    let metadata = json!({
        "client_name": "load", "redirect_uris": ["https://platform.example/callback"], "edu_client_kind": "platform",
        "grant_types": ["authorization_code", "refresh_token"], "id_token_signed_response_alg": "ES256",
    });
    place.json(&["client", "create"], &metadata.to_string())
}

/// Somebody who asks in her own name.
fn machine(place: &Place) -> Value {
    let resource = ["resource", "put", RESOURCE, "--name", "grades", "--scope", "grades.read"];
    place.json(&resource, "");
    let metadata = json!({
        "client_name": "machine", "grant_types": ["client_credentials"], "edu_resources": [RESOURCE], "scope": "grades.read",
        "response_types": [],
    });
    place.json(&["client", "create"], &metadata.to_string())
}

/// Each has signed in by the pages, with a password.
async fn visitors(wish: &Wish, database: &Database, client: &Value, port: u16) -> Vec<Visitor> {
    let text = |name: &str| client[name].as_str().unwrap().to_owned();
    let redirect_uri = client["redirect_uris"][0].as_str().unwrap().to_owned();
    let as_client = Client {
        key: "load".into(),
        client_id: text("client_id"),
        client_secret: Some(text("client_secret")),
        redirect_uris: vec![redirect_uri.clone()],
    };
    let person = database.world.people.iter().find(|person| person.key == "full_claims").unwrap();
    let person = Person {
        key: person.key.clone(),
        user_name: person.user_name.clone(),
        password: person.password.clone(),
        person_id: person.person_id.to_string(),
    };
    let proxy = Arc::new(Proxy::new(format!("http://localhost:{port}"), [port, port]));
    let mut visitors = Vec::new();
    for _ in 0..wish.connections {
        let mut visitor = remote::Visitor::new(proxy.clone(), &as_client);
        visitor.enter(&person).await;
        let scope: String = form_urlencoded::byte_serialize(SCOPE.as_bytes()).collect();
        let basic = format!("Basic {}", basic(client));
        visitors.push(Visitor::new(&as_client.client_id, basic, &redirect_uri, &scope, &visitor.cookie_header()));
    }
    visitors
}
