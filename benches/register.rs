//! What a register costs at the size of a province: the bytes of a person, and whether finding one takes longer when there are
//! ten times as many. Counties of a made-up province come in two at a time through `mingji roster import`, as people
//! run it; then administrators look people up through the use cases behind `/api/persons`, each with its audit entry.
//!
//! ```sh
//! cargo bench --bench register -- --postgres postgres://postgres@localhost/                    # 1 and 10 million persons
//! cargo bench --bench register -- --students 2000 --counties 2,10                               # a small try, SQLite
//! cargo bench --bench register -- --again 100 --postgres postgres://…/province --keys FOLDER    # looks at one that was kept
//! ```
//!
//! With `--keep` a register that was loaded stays on the server, and its address and keys are told: looking takes minutes, loading
//! an hour. Ten million persons take some 25 GB of disk. The ratios are of one run on one machine; nothing else should run.

#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]
#![allow(clippy::disallowed_methods, reason = "it takes the time of what it calls")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on says where")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length is a place in it")]
#![allow(missing_docs, reason = "as in the tests, whose support it uses")]

#[path = "../tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "the tests' own support, of which this uses a part")]
mod support;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mingji::app::person_search::Sought;
use mingji::app::relation_claim::Decider;
use mingji::app::{App, Ctx};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::document::{Document, DocumentLabel};
use mingji::domain::registry::personal_code::PersonalCode;
use mingji::keys::root::RootSecrets;
use mingji::store::db::Db;
use support::app::{Engine, TestApp, parts, run};
use support::binary::Place;
use support::clock::TestClock;
use support::database::{change, select_texts};
use support::rosters::County;
use url::Url;

/// Exact questions of one administrator on one day; the fifty-first is refused.
const A_DAY: u64 = 50;
/// Those a page shows.
const SHOWN: usize = 49;
const PROVINCE: &str = "ED33000000";
/// Counties that come in at the same time.
const AT_ONCE: usize = 2;
/// What was written to be told and numbered, and leaves when its time is over.
const PASSING: [&str; 3] = ["event", "feed", "pending"];

struct Wish {
    students: u64,
    counties: Vec<u64>,
    looks: u64,
    postgres: Option<Url>,
    /// Whether what was loaded stays.
    keep: bool,
    /// A register that was kept: how many counties it has.
    again: Option<u64>,
    /// Its root secrets.
    keys: Option<PathBuf>,
}

fn main() {
    let wish = wish();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Some(counties) = wish.again {
        return runtime.block_on(again(&wish, counties));
    }
    let engine = wish.postgres.clone().map_or(Engine::Sqlite, Engine::Postgres);
    runtime.block_on(run(engine, |app| register(app, wish)));
}

fn wish() -> Wish {
    let mut wish = Wish {
        students: 46_000,
        counties: vec![10, 100],
        looks: 1000,
        postgres: None,
        keep: false,
        again: None,
        keys: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse().ok()).expect("a number");
        match argument.as_str() {
            "--students" => wish.students = number(),
            "--looks" => wish.looks = number(),
            "--counties" => {
                let list = arguments.next().expect("numbers with commas between");
                wish.counties = list.split(',').map(|n| n.parse().expect("a number")).collect();
            }
            "--keep" => wish.keep = true,
            "--again" => wish.again = Some(number()),
            "--keys" => wish.keys = arguments.next().map(PathBuf::from),
            "--postgres" => wish.postgres = arguments.next().and_then(|url| Url::parse(&url).ok()),
            // What cargo adds.
            _ => {}
        }
    }
    assert!(wish.counties.iter().all(|n| (1..=100).contains(n)), "a province has a hundred counties");
    wish
}

/// Who looks, through a process that does nothing else.
struct Eyes {
    app: App,
    province: PersonId,
    county: PersonId,
    /// Each budget is one of a day.
    days: u64,
}

/// Looks once more at a register that was kept.
async fn again(wish: &Wish, counties: u64) {
    let keys = wish.keys.as_ref().expect("--keys: its root secrets");
    let url = wish.postgres.as_ref().expect("--postgres: the address of the database itself");
    let db = Db::connect(url.as_str()).await.unwrap();
    db.migrate().await.unwrap();
    let secrets = RootSecrets::load(keys).unwrap().expect("a folder of root secrets");
    let app = App::new(parts(db, TestClock::new(), secrets, "http://127.0.0.1:9", "memory:").await);
    let hers = async |role: &str| {
        let sql = format!(
            "SELECT CAST(person_id AS TEXT) FROM admin_grant WHERE role = '{role}' ORDER BY valid_from DESC LIMIT 1"
        );
        select_texts(url.as_str(), &sql).await[0].parse().unwrap()
    };
    // Days that an earlier run used up are not looked at again.
    let day = "SELECT CAST(COUNT(DISTINCT day) AS TEXT) FROM lookup_count";
    let days = select_texts(url.as_str(), day).await[0].parse().unwrap();
    let mut eyes = Eyes { app, province: hers("province_admin").await, county: hers("county_admin").await, days };
    for found in look(&mut eyes, County::of(wish.students), counties, wish.looks).await {
        found.tell(None);
    }
}

async fn register(app: TestApp, wish: Wish) {
    let first = County::of(wish.students);
    let (mut there, mut eyes, mut before) = (0, None, Vec::<Found>::new());
    for counties in wish.counties {
        load(&app, (there..counties).map(|nth| first.after(nth))).await;
        there = counties;
        size(&app).await;
        if eyes.is_none() {
            eyes = Some(appoint(&app, first).await);
        }
        let Some(eyes) = &mut eyes else { continue };
        let found = look(eyes, first, there, wish.looks).await;
        for (now, then) in found.iter().zip(before.iter().map(Some).chain(std::iter::repeat(None))) {
            now.tell(then);
        }
        if before.is_empty() {
            before = found;
        }
    }
    if wish.keep {
        let kept = app.database.keep();
        println!("\nkept: --again {there} --students {} {kept}", wish.students);
    }
}

async fn load(app: &TestApp, counties: impl Iterator<Item = County> + Send) {
    let place = app.database.installation();
    let (counties, rows, since) = (Mutex::new(counties), AtomicU64::new(0), Instant::now());
    // While one waits for the database another reads its rows.
    thread::scope(|threads| {
        for turn in 0..AT_ONCE {
            let (place, counties, rows) = (&place, &counties, &rows);
            let file = place.path().join(format!("county-{turn}"));
            threads.spawn(move || {
                loop {
                    let Some(county) = counties.lock().unwrap().next() else { return };
                    import(place, &county, &file, rows);
                }
            });
        }
    });
    let (rows, imported) = (rows.into_inner(), since.elapsed().as_secs_f64());
    app.numbered().await;
    let numbered = since.elapsed().as_secs_f64() - imported;
    println!(
        "\n{rows} rows in {imported:.0} s ({:.0} a second); the last numbered {numbered:.1} s later",
        rows as f64 / imported
    );
}

fn import(place: &Place, county: &County, file: &Path, rows: &AtomicU64) {
    let mut students = String::new();
    county.students().read_to_string(&mut students).unwrap();
    for (kind, table) in [("institutions", county.institutions()), ("staff", county.staff()), ("students", students)] {
        std::fs::write(file, table).unwrap();
        let report = place.json(&["roster", "import", "--kind", kind, file.to_str().unwrap()], "");
        assert_eq!(report["rejected"], 0, "{report}");
        rows.fetch_add(report["rows"].as_u64().unwrap(), Ordering::Relaxed);
    }
}

/// One for the province, one for a county.
async fn appoint(app: &TestApp, county: County) -> Eyes {
    for (who, role, org) in [
        ("county_admin", AdminRole::Province, PROVINCE.to_owned()),
        ("school_admin", AdminRole::County, county.authority()),
    ] {
        let person = app.person(who).person_id;
        assert!(app.app.grant_admin(&app.operator(), person, role, &org).await.unwrap());
    }
    let (province, county) = (app.person("county_admin").person_id, app.person("school_admin").person_id);
    Eyes { app: app.twin().await, province, county, days: 0 }
}

async fn size(app: &TestApp) {
    let url = &app.database.url;
    let count = async |sql: &str| select_texts(url, sql).await[0].parse::<u64>().unwrap();
    let persons = count("SELECT CAST(COUNT(*) AS TEXT) FROM person").await;
    if app.database.folder().is_some() {
        let pages = count("SELECT CAST(page_count * page_size AS TEXT) FROM pragma_page_count, pragma_page_size").await;
        println!("{persons} persons, {} bytes each in all", pages / persons);
        return;
    }
    change(url, "ANALYZE").await;
    let rows = select_texts(
        url,
        "SELECT relname || ' ' || pg_table_size(relid) || ' ' || pg_indexes_size(relid) FROM pg_stat_user_tables
            ORDER BY pg_total_relation_size(relid) DESC",
    )
    .await;
    let (mut lasting, mut passing) = ([0, 0], 0);
    println!("{:<22}{:>8}{:>9}  bytes a person, {persons} persons", "", "table", "indexes");
    for row in rows {
        let mut words = row.split(' ');
        let name = words.next().unwrap().to_owned();
        let bytes: Vec<u64> = words.map(|n| n.parse().unwrap()).collect();
        if PASSING.contains(&name.as_str()) {
            passing += bytes[0] + bytes[1];
        } else {
            lasting = [lasting[0] + bytes[0], lasting[1] + bytes[1]];
        }
        if bytes[0] + bytes[1] >= persons {
            println!("{name:<22}{:>8}{:>9}", bytes[0] / persons, bytes[1] / persons);
        }
    }
    println!(
        "{:<22}{:>8}{:>9}  {} together",
        "what stays",
        lasting[0] / persons,
        lasting[1] / persons,
        (lasting[0] + lasting[1]) / persons
    );
    println!("{:<22}{:>17}  {}", "what passes", passing / persons, PASSING.join(", "));
}

struct Found {
    what: &'static str,
    took: Vec<Duration>,
}

impl Found {
    fn at(&self, share: f64) -> f64 {
        self.took[((self.took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0
    }

    fn tell(&self, before: Option<&Self>) {
        let ratio = before.map(|then| {
            format!(
                "; {:.2} times the first size's p50, {:.2} its p99",
                self.at(0.5) / then.at(0.5),
                self.at(0.99) / then.at(0.99)
            )
        });
        println!(
            "{:<22} p50 {:>7.2} ms, p99 {:>7.2} ms{}",
            self.what,
            self.at(0.5),
            self.at(0.99),
            ratio.unwrap_or_default()
        );
    }
}

async fn look(eyes: &mut Eyes, first: County, counties: u64, looks: u64) -> Vec<Found> {
    let (app, province, county) = (&eyes.app, eyes.province, eyes.county);
    let mut all: Vec<Found> = ["by document", "by 学籍号", "by phone", "by id", "by name, county", "by name, province"]
        .into_iter()
        .map(|what| Found { what, took: Vec::new() })
        .collect();
    let mut dice = 88_172_645_463_325_252_u64;
    let mut ids = Vec::new();
    for n in 0..looks {
        // The questions of a day are counted; a look is as good on another.
        eyes.days += u64::from(n % (A_DAY / 3) == 0);
        let mut ctx = Ctx::task(app, "benchmark");
        ctx.now = ctx.now.plus(Duration::from_secs(eyes.days * 86_400));
        let somebody = |within: u64, dice: &mut u64| {
            let nth = roll(dice) % within;
            first.after(nth).student(roll(dice) % first.students)
        };
        let (_, number, phone) = somebody(counties, &mut dice);
        let (document, _) = Document::parse(Some(DocumentLabel::ResidentId), None, &number).unwrap();
        let code = PersonalCode::parse(&format!("G{number}")).unwrap();
        let exact = [Sought::Document(document), Sought::PersonalCode(code), Sought::Phone(phone)];
        for (at, sought) in exact.into_iter().enumerate() {
            let person = search(app, &ctx, province, &sought, &mut all[at]).await;
            ids.push(person.expect("everybody who is looked for is there"));
        }
        let since = Instant::now();
        app.person(&ctx, Decider::Admin(province), ids[(roll(&mut dice) % ids.len() as u64) as usize], None)
            .await
            .unwrap();
        all[3].took.push(since.elapsed());
        let (hers, _, _) = somebody(1, &mut dice);
        let (theirs, _, _) = somebody(counties, &mut dice);
        for (at, admin, name) in [(4, county, hers), (5, province, theirs)] {
            let begin = Sought::Name(name.chars().take(2).collect());
            assert!(search(app, &ctx, admin, &begin, &mut all[at]).await.is_some());
        }
    }
    for found in &mut all {
        found.took.sort();
    }
    all
}

async fn search(app: &App, ctx: &Ctx, admin: PersonId, sought: &Sought, into: &mut Found) -> Option<PersonId> {
    let since = Instant::now();
    let found = app.search_persons(ctx, Decider::Admin(admin), sought, SHOWN).await.unwrap();
    into.took.push(since.elapsed());
    found.items.first().map(|one| one.person_id)
}

/// A number that the same run draws again (xorshift).
fn roll(dice: &mut u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice
}
