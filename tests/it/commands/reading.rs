//! Commands that need a register: where there is no register they make none, and say what does.

use std::path::Path;

use super::{PASSPHRASE, database, doctor, refused, seeded, tamper};
use crate::support::binary::{Place, free_ports, serve};
use crate::support::database::select_texts;
use crate::support::{load, need};

/// Each of them, with arguments that could be right somewhere.
const READING: [&[&str]; 12] = [
    &["registry", "count"],
    &["account", "list", "--org", "2136000001"],
    &["account", "link", "abcd-efgh-jkmn"],
    &["admin", "grant", "abcd-efgh-jkmn", "--role", "school_admin", "--scope", "2136000001"],
    &["claim", "list", "--org", "2136000001"],
    &["platform", "space", "360781", "https://space.example.edu.cn/mine"],
    &["keys", "list"],
    &["keys", "rotate", "--compromised"],
    &["restored", "--as-of", "2026-09-01T02:00:00Z"],
    &["audit", "verify"],
    &["audit", "anchor", "anchors.jsonl"],
    &["roster", "import", "--dry-run", "--kind", "students", "/dev/null"],
];

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn in_an_empty_place_they_make_nothing() {
    let place = Place::new();
    for command in READING {
        refused(&place.run(command), "no register here yet");
        assert_eq!(names(place.path()), [""; 0], "{command:?}");
    }
    let said = place.run(READING[0]).err;
    assert!(said.contains("mingji serve") && said.contains(&*place.path().join("data/mingji.db").to_string_lossy()));
    assert_eq!(doctor(&place, "database"), "warning");
    assert_eq!(names(place.path()), [""; 0]);
    // Root secrets alone are no register either.
    let donor = Place::new();
    assert_eq!(donor.run(&["keys", "init"]).code, Some(0));
    let place = place.with("MINGJI_KEYS_DIR", donor.path().join("keys").to_string_lossy());
    refused(&place.run_with(&["backup", "file"], PASSPHRASE), "no register here yet");
    assert_eq!(names(place.path()), [""; 0]);
}

/// ASVS 6.3.2: what nobody made is not there, and the demo's people come by `mingji demo` alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_register_knows_nobody() {
    let place = Place::new();
    serve(&place, free_ports(1)).await.stop();
    for table in ["person", "account", "admin_grant", "client", "initial_token", "session"] {
        let rows = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
        assert_eq!(select_texts(&database(&place), &rows).await, ["0"], "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_made_to_its_end_stays_as_it_is() {
    let place = Place::new();
    let file = place.path().join("data/mingji.db");
    std::fs::create_dir(place.path().join("data")).unwrap();
    std::fs::write(&file, "").unwrap();
    for command in READING {
        refused(&place.run(command), "is empty");
    }
    assert_eq!(doctor(&place, "database"), "warning");
    assert_eq!((names(&place.path().join("data")), std::fs::read(&file).unwrap()), (vec!["mingji.db".into()], vec![]));

    // Somebody else's.
    select_texts(&database(&place), "CREATE TABLE guests (name TEXT)").await;
    for command in READING {
        refused(&place.run(command), "no tables of ours");
    }
    assert_eq!(doctor(&place, "database"), "warning");
    let tables = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'";
    assert_eq!(select_texts(&database(&place), tables).await, ["guests"]);

    // Migrated, and never started.
    let place = Place::new();
    place.json(&["migrate"], "");
    for command in READING {
        refused(&place.run(command), "root secrets");
    }
    assert_eq!(doctor(&place, "database"), "warning");
    let known = "SELECT name FROM root_secret";
    assert_eq!(select_texts(&database(&place), known).await, [""; 0]);
    assert!(!place.path().join("keys").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_register_is_not_migrated() {
    let (place, _) = seeded();
    let applied = "SELECT CAST(version AS TEXT) FROM _sqlx_migrations ORDER BY version";
    let newest = "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
    tokio::task::block_in_place(|| tamper(&place, newest));
    let before = select_texts(&database(&place), applied).await;
    for command in READING {
        refused(&place.run(command), "mingji migrate");
    }
    let findings = place.run(&["--json", "doctor"]);
    assert!(findings.code == Some(1) && findings.out.contains("mingji migrate"), "{}", findings.out);
    assert_eq!(select_texts(&database(&place), applied).await, before);
}

/// In a rolling upgrade replicas of before start again beside the new ones, and are the way back.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_register_is_served_by_the_program_of_before() {
    let (place, _) = seeded();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, x'00', 1)";
    tokio::task::block_in_place(|| tamper(&place, newer));
    assert_eq!(place.json(&["migrate"], "")["applied"].as_array().map(Vec::len), Some(0));
    place.json(&["registry", "count"], "");
    serve(&place, free_ports(1)).await;
    // What it knows must still be the same to the letter.
    let other = "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1";
    tokio::task::block_in_place(|| tamper(&place, other));
    assert_eq!(place.run(&["migrate"]).code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_on_a_server_stays_empty() {
    let Some(server) = need::postgres() else { return };
    let database = load::Database::create(server).await;
    let place = Place::new().with("MINGJI_DATABASE_URL", database.url());
    for command in READING {
        refused(&place.run(command), "keys init");
    }
    let findings = place.run(&["--json", "doctor"]);
    assert!(findings.code == Some(1) && findings.out.contains("keys init"), "{}", findings.out);
    let relations = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(select_texts(&database.url(), relations).await, [""; 0]);
    assert_eq!(names(place.path()), [""; 0]);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_changes_no_byte_of_a_register() {
    let (place, _) = seeded();
    let file = place.path().join("data/mingji.db");
    let before = std::fs::read(&file).unwrap();
    assert_eq!(doctor(&place, "database"), "ok");
    assert!(std::fs::read(&file).unwrap() == before, "the doctor wrote");
    // What it leaves beside the file hinders nobody.
    place.json(&["registry", "count"], "");
    refused(&place.run(&["account", "list", "--org", "0000000000"]), "0000000000");

    // A copy that another program made: whoever opens it to write would change its first page.
    assert_eq!(select_texts(&database(&place), "PRAGMA journal_mode = DELETE").await, ["delete"]);
    let before = std::fs::read(&file).unwrap();
    let findings = place.run(&["--json", "doctor"]);
    assert!(findings.code == Some(1) && findings.out.contains("mingji migrate"), "{}", findings.out);
    assert!(std::fs::read(&file).unwrap() == before, "the doctor wrote");
    place.json(&["migrate"], "");
    assert_eq!(doctor(&place, "database"), "ok");
}
