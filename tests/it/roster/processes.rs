//! Imports as processes of their own: six at once, and one that is killed again and again. Both end in the register that
//! one undisturbed import makes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::Engine;
use crate::support::binary::Place;
use crate::support::database::Database;
use crate::support::need;
use crate::support::rosters::{County, Truth};

const COUNTY: County = County::of(1200);
const KINDS: [&str; 3] = ["institutions", "staff", "students"];

/// The program beside a database of its own, with the county's files in its folder.
struct Desk {
    place: Place,
    database: Database,
}

impl Desk {
    async fn new(engine: Engine) -> Self {
        let database = Database::new(engine).await;
        let place = database.installation();
        let mut students = String::new();
        std::io::Read::read_to_string(&mut COUNTY.students(), &mut students).unwrap();
        for (kind, text) in KINDS.iter().zip([COUNTY.institutions(), COUNTY.staff(), students]) {
            std::fs::write(place.path().join(file(kind)), text).unwrap();
        }
        Self { place, database }
    }

    fn import(&self, kind: &str) -> Value {
        self.place.json(&["roster", "import", "--kind", kind, &file(kind)], "")
    }

    /// What the register holds of the county, as the truth says it.
    #[track_caller]
    fn expect(&self, truth: Truth) {
        let count = self.place.json(&["registry", "count", "--org", "ED33000000"], "");
        let names = ["institutions", "students", "staff", "guardians", "teacher_guardians", "persons"];
        let found: Vec<_> = names.iter().map(|name| count[name].clone()).collect();
        let wanted =
            [truth.institutions, truth.students, truth.staff, truth.guardians, truth.teacher_guardians, truth.persons];
        assert_eq!(json!(found), json!(wanted), "{names:?}");
        assert_eq!(count["accounts"], json!(truth.persons), "an account each");
    }
}

fn file(kind: &str) -> String {
    format!("{kind}.csv")
}

async fn six_at_once(engine: Engine) {
    let desk = Desk::new(engine).await;
    let rows: Vec<Value> = std::thread::scope(|scope| {
        let run = || KINDS.map(|kind| desk.import(kind));
        let six: Vec<_> = (0..6).map(|_| scope.spawn(run)).collect();
        six.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let created: u64 = rows.iter().map(|report| report["created"].as_u64().unwrap()).sum();
    let truth = COUNTY.truth();
    assert_eq!(created, truth.institutions + truth.staff + truth.students, "each row made its own once");
    assert!(rows.iter().all(|report| report["errors"] == json!([])), "{rows:?}");
    desk.expect(truth);
    desk.database.remove().await;
}

async fn killed_again_and_again(engine: Engine) {
    let desk = Desk::new(engine).await;
    desk.import("institutions");
    for (kind, step) in [("staff", 40), ("students", 120)] {
        let mut caught = 0;
        // Later each time: at the start, between batches, in the middle of one.
        for time in 1..8 {
            let report = desk.place.path().join("report");
            let mut child = desk.place.begin_to(&["roster", "import", "--kind", kind, &file(kind)], &report);
            tokio::time::sleep(Duration::from_millis(100 + time * step)).await;
            // Gone already: the machine was faster than the clock.
            let _ = child.kill();
            caught += u32::from(child.wait().unwrap().code().is_none());
        }
        assert!(caught > 0 || kind == "staff", "every run was over before it was killed");
        let report = desk.import(kind);
        let done = report["created"].as_u64().unwrap() + report["unchanged"].as_u64().unwrap();
        assert_eq!(json!(done), report["rows"], "nothing is half there: {report}");
    }
    desk.expect(COUNTY.truth());
    for kind in KINDS {
        let again = desk.import(kind);
        assert_eq!(again["unchanged"], again["rows"], "{again}");
    }
    desk.database.remove().await;
}

fn postgres() -> Option<Engine> {
    need::postgres().map(Engine::Postgres)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_processes_end_in_one_register_on_sqlite() {
    six_at_once(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_processes_end_in_one_register_on_postgres() {
    let Some(engine) = postgres() else { return };
    six_at_once(engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_goes_on_on_sqlite() {
    killed_again_and_again(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_goes_on_on_postgres() {
    let Some(engine) = postgres() else { return };
    killed_again_and_again(engine).await;
}
