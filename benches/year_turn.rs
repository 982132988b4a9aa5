//! How long the turn of a school year takes for a county in which everybody is through, and what its look before and its way
//! back take. Everything is done by the program as people run it.
//!
//! ```sh
//! cargo bench --bench year_turn                                             # 100,000 students, SQLite
//! cargo bench --bench year_turn -- --postgres postgres://postgres@localhost/ --students 20000
//! ```
//!
//! In a real county about one pupil in six is through: here `--students` counts only those, so that the figure is that of the
//! work. A machine that does other things makes other figures.

#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]
#![allow(clippy::disallowed_methods, reason = "it waits for another process")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on says where")]
#![allow(missing_docs, reason = "as in the tests, whose support it uses")]

#[path = "../tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "the tests' own support, of which this uses a part")]
mod support;

use std::io::Read as _;

use serde_json::Value;
use support::app::Engine;
use support::database::Database;
use support::rosters::County;
use url::Url;

const TURN: [&str; 4] = ["year", "turn", "--org", "ED33000000"];

struct Wish {
    students: u64,
    postgres: Option<Url>,
}

fn main() {
    let wish = wish();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{} students; {} cores", wish.students, std::thread::available_parallelism().unwrap());
    for engine in std::iter::once(Engine::Sqlite).chain(wish.postgres.clone().map(Engine::Postgres)) {
        let name = if matches!(engine, Engine::Sqlite) { "SQLite" } else { "PostgreSQL" };
        println!("\n## {name}");
        runtime.block_on(turn(engine, wish.students));
    }
}

fn wish() -> Wish {
    let mut wish = Wish { students: 100_000, postgres: None };
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

async fn turn(engine: Engine, students: u64) {
    let database = Database::new(engine).await;
    let place = database.installation();
    let county = County::of(students);
    let mut rows = String::new();
    county.students().read_to_string(&mut rows).unwrap();
    // Everybody is through: the figure is that of the work, not of who has none.
    let rows = (2021..=2026).fold(rows, |rows, year| rows.replace(&format!(",小学,{year},"), ",小学,2020,"));
    for (kind, file) in [("institutions", county.institutions()), ("staff", county.staff()), ("students", rows)] {
        std::fs::write(place.path().join(kind), file).unwrap();
        let report = place.json(&["roster", "import", "--kind", kind, kind], "");
        println!("{kind:<13} {} rows in {:.1} s", report["rows"], report["seconds"].as_f64().unwrap());
    }
    let look = place.json(&[&TURN[..], &["--dry-run"]].concat(), "");
    tell("look", &look);
    let done = place.json(&[&TURN[..], &["--open-classes"]].concat(), "");
    tell("turn", &done);
    assert_eq!((&look["students"], &done["students"]), (&students.into(), &students.into()), "{done}");
    tell("again", &place.json(&TURN, ""));
    tell("undo", &place.json(&["year", "undo", "--org", "ED33000000"], ""));
    database.remove().await;
}

fn tell(what: &str, report: &Value) {
    let seconds = report["seconds"].as_f64().unwrap();
    let students = report["students"].as_u64().unwrap();
    println!("{what:<13} {students:>8} students, {} classes in {seconds:>7.2} s", report["classes"]);
}
