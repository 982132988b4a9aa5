//! How fast rosters come in through the whole path (decode, check, seal, index, match, write, audit, event), how much memory
//! that takes, and what sign-ins feel of it (R15). Everything is done by the program as people run it.
//!
//! ```sh
//! cargo bench --bench roster_import                                          # 200,000 students, SQLite
//! cargo bench --bench roster_import -- --postgres postgres://postgres@localhost/ --students 50000
//! ```
//!
//! A machine that does other things makes other figures: the same fixed work is timed before and after each part, and
//! its drift is printed beside them.

#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]
#![allow(clippy::disallowed_methods, reason = "it waits for another process")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on says where")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length is a place in it")]
#![allow(missing_docs, reason = "as in the tests, whose support it uses")]

#[path = "../tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "the tests' own support, of which this uses a part")]
mod support;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::app::{Engine, TestApp, run};
use support::database::Database;
use support::rosters::County;
use url::Url;

/// Rows of an import that sign-ins run beside (R15).
const BESIDE: u64 = 20_000;

struct Wish {
    students: u64,
    postgres: Option<Url>,
}

fn main() {
    let wish = wish();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{} students with guardians; {} cores", wish.students, std::thread::available_parallelism().unwrap());
    for engine in std::iter::once(Engine::Sqlite).chain(wish.postgres.clone().map(Engine::Postgres)) {
        let name = if matches!(engine, Engine::Sqlite) { "SQLite" } else { "PostgreSQL" };
        println!("\n## {name}");
        runtime.block_on(imports(engine.clone(), County::of(wish.students)));
        runtime.block_on(run(engine, sign_ins));
    }
}

fn wish() -> Wish {
    let mut wish = Wish { students: 200_000, postgres: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--students" => wish.students = arguments.next().and_then(|n| n.parse().ok()).expect("a number"),
            "--postgres" => wish.postgres = arguments.next().and_then(|url| Url::parse(&url).ok()),
            // What cargo adds.
            _ => {}
        }
    }
    wish
}

/// The same work every time, on one core.
fn calibrate() -> Duration {
    let block = vec![7_u8; 1 << 20];
    let since = Instant::now();
    for _ in 0..256 {
        std::hint::black_box(fold(&block));
    }
    since.elapsed()
}

fn fold(block: &[u8]) -> u64 {
    block.chunks_exact(8).fold(0xcbf2_9ce4_8422_2325, |hash, bytes| {
        (hash ^ u64::from_le_bytes(bytes.try_into().unwrap())).wrapping_mul(0x100_0000_01b3)
    })
}

fn write_files(folder: &Path, county: County) -> [PathBuf; 3] {
    let files = ["institutions", "staff", "students"].map(|kind| folder.join(format!("{kind}.csv")));
    std::fs::write(&files[0], county.institutions()).unwrap();
    std::fs::write(&files[1], county.staff()).unwrap();
    let mut students = std::io::BufWriter::new(File::create(&files[2]).unwrap());
    std::io::copy(&mut county.students(), &mut students).unwrap();
    students.flush().unwrap();
    files
}

async fn imports(engine: Engine, county: County) {
    let database = Database::new(engine).await;
    let place = database.installation();
    let files = write_files(place.path(), county);
    for (kind, file) in
        ["institutions", "staff", "students", "students"].into_iter().zip([&files[0], &files[1], &files[2], &files[2]])
    {
        let before = calibrate();
        let report = place.path().join("report.json");
        let file = file.to_str().unwrap().to_owned();
        let child = place.begin_to(&["--json", "roster", "import", "--kind", kind, &file], &report);
        let memory = watch(child);
        let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).expect("a report");
        let (rows, seconds) = (report["rows"].as_f64().unwrap(), report["seconds"].as_f64().unwrap());
        let drift = calibrate().as_secs_f64() / before.as_secs_f64();
        println!(
            "{kind:<13} {rows:>8} rows  {:>7.0} rows/s  {seconds:>7.1} s  created {}, unchanged {}; memory {} MB, \
             by quarters {:?} MB; machine {drift:.2}",
            rows / seconds,
            report["created"],
            report["unchanged"],
            memory.peak,
            memory.quarters
        );
    }
    let truth = county.truth();
    let count = place.json(&["registry", "count", "--org", "ED33000000"], "");
    assert_eq!(count["persons"], truth.persons, "{count}");
    assert_eq!(count["guardians"], truth.guardians, "{count}");
    database.remove().await;
}

struct Memory {
    peak: u64,
    quarters: Vec<u64>,
}

/// Waits for a process and looks at its memory meanwhile (Linux).
fn watch(mut child: Child) -> Memory {
    let status = format!("/proc/{}/status", child.id());
    let (mut seen, mut peak) = (Vec::new(), 0);
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let megabytes = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
        };
        seen.extend(megabytes("VmRSS:"));
        peak = peak.max(megabytes("VmHWM:").unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    let quarters = (1..=4).filter_map(|quarter| seen.get(seen.len() * quarter / 4 - 1).copied()).collect();
    Memory { peak, quarters }
}

/// Whole sign-in rounds with a password, one after the other: alone, and beside an import.
async fn sign_ins(app: TestApp) {
    let place = app.database.installation();
    let files = write_files(place.path(), County::of(BESIDE));
    for (kind, file) in [("institutions", &files[0]), ("staff", &files[1])] {
        let file = file.to_str().unwrap();
        assert_eq!(place.run(&["roster", "import", "--kind", kind, file]).code, Some(0));
    }
    let alone = rounds(&app, || false, 200).await;
    let file = files[2].to_str().unwrap().to_owned();
    let report = place.path().join("report.json");
    let mut child = place.begin_to(&["--json", "roster", "import", "--kind", "students", &file], &report);
    let beside = rounds(&app, || child.try_wait().unwrap().is_some(), usize::MAX).await;
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).expect("a report");
    alone.tell("sign-ins alone");
    beside.tell("sign-ins beside");
    println!("                of an import of {} rows in {:.1} s", report["rows"], report["seconds"].as_f64().unwrap());
}

struct Rounds {
    took: Vec<Duration>,
    failed: usize,
}

impl Rounds {
    fn tell(&self, what: &str) {
        let at = |share: f64| self.took[((self.took.len() - 1) as f64 * share) as usize].as_millis();
        println!(
            "{what:<15} {:>5} rounds, {} failed; p50 {} ms, p99 {} ms, slowest {} ms",
            self.took.len(),
            self.failed,
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

async fn rounds(app: &TestApp, mut ended: impl FnMut() -> bool, most: usize) -> Rounds {
    let (mut took, mut failed) = (Vec::new(), 0);
    while took.len() + failed < most && !ended() {
        let app = app.clone();
        let since = Instant::now();
        let round = tokio::spawn(async move {
            app.teacher().sign_in(&app.client("platform_a")).await;
        });
        match round.await {
            Ok(()) => took.push(since.elapsed()),
            Err(_) => failed += 1,
        }
    }
    took.sort();
    Rounds { took, failed }
}
