//! A refusal says what to do, and what is no fault is quiet.

use super::{refused, school_of, seeded};
use crate::support::app::Engine;
use crate::support::binary::Place;
use crate::support::database::Database;
use crate::support::need;

#[test]
fn what_was_typed_is_repeated_with_the_way_out() {
    let (place, ready) = seeded();
    let teacher = ready.person("teacher_parent");
    let org = school_of(&place, teacher);
    for command in [
        &["account", "list", "--org", "0000000000"][..],
        &["claim", "list", "--org", "0000000000"],
        &["registry", "count", "--org", "0000000000"],
        &["admin", "grant", &teacher.user_name, "--role", "school_admin", "--scope", "0000000000"],
    ] {
        refused(&place.run(command), "no institution has the code 0000000000");
    }
    refused(&place.run(&["account", "link", "nobody-of-this-name"]), "account list");
    refused(&place.run(&["account", "link", "--person", "0197a3a0-0000-7000-8000-000000000000"]), "account list");
    let roster = place.path().join("students.csv");
    std::fs::write(&roster, "姓名\n").unwrap();
    let roster = roster.to_string_lossy();
    let import = ["roster", "import", "--kind", "students", &roster];
    refused(&place.run(&[&import[..], &["--as", &teacher.user_name]].concat()), "mingji admin grant");

    let there = place.path().join("there");
    std::fs::write(&there, "of an earlier run").unwrap();
    let (file, nowhere) = (there.to_string_lossy(), place.path().join("no/where"));
    let nowhere = nowhere.to_string_lossy();
    for command in
        [&[&import[..], &["--logins"]].concat()[..], &["account", "slips", "--org", &org], &["keys", "backup"]]
    {
        let run = |file: &str| place.run_with(&[command, &[file]].concat(), super::PASSPHRASE);
        refused(&run(&file), "exists and is never overwritten: name a new file");
        refused(&run(&nowhere), "its folder is not there");
    }
    assert_eq!(std::fs::read(&there).unwrap(), b"of an earlier run");
}

#[test]
fn codes_are_listed() {
    let place = Place::new();
    for (wrong, codes) in [
        (&["roster", "import", "--kind", "pupils", "x"][..], &["institutions", "staff", "students"][..]),
        (&["account", "slips", "--org", "x", "--kind", "pupils", "x"], &["staff", "students", "guardians"]),
        (&["account", "slips", "--org", "x", "--grade", "13", "x"], &["P1", "一年级"]),
        (&["admin", "grant", "x", "--scope", "x", "--role", "emperor"], &["school_admin", "county_admin"]),
        (&["keys", "rotate", "--alg", "none"], &["ES256", "RS256"]),
    ] {
        let ended = place.run(wrong);
        assert_eq!(ended.code, Some(2), "{wrong:?}: {}", ended.err);
        codes.iter().for_each(|code| assert!(ended.err.contains(code), "{code} is not in: {}", ended.err));
    }
}

#[test]
fn a_reader_who_leaves_is_no_failure() {
    let (place, _) = seeded();
    for command in [&["registry", "count"][..], &["--json", "registry", "count"], &["doctor"]] {
        let ended = place.run_unread(command);
        assert!(ended.code == Some(0) && !ended.err.contains("mingji: "), "{:?}: {}", ended.code, ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_repeats_is_not_logged() {
    let Some(server) = need::postgres() else { return };
    let database = Database::new(Engine::Postgres(server)).await;
    let mut place = Place::new()
        .with("MINGJI_DATABASE_URL", database.url.clone())
        .with("MINGJI_KEYS_DIR", database.keys.to_string_lossy());
    for filter in ["", "info", "debug"] {
        place.set("MINGJI_LOG", filter);
        let ended = place.run(&["registry", "count"]);
        assert!(ended.code == Some(0) && !ended.err.contains("already exists, skipping"), "{filter}: {}", ended.err);
    }
    // Whoever asks for it gets it: the server does say it.
    place.set("MINGJI_LOG", "info,sqlx::postgres::notice=info");
    let ended = place.run(&["registry", "count"]);
    assert!(ended.err.contains("already exists, skipping"), "{}", ended.err);
    database.remove().await;
}
