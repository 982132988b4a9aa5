//! The root secrets and the signing keys as an operator keeps them.

use std::path::Path;

use serde_json::{Value, json};

use super::{PASSPHRASE, database, doctor, refused, tamper};
use crate::support::binary::Place;
use crate::support::database::select_texts;

#[test]
fn keys_are_made_once_listed_and_rotated() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    assert_secrets_are_private(&place.path().join("keys"));
    refused(&place.run(&["keys", "init"]), "root secrets");
    let own = contents(&place.path().join("keys"));
    assert_eq!(place.json(&["keys", "init", "--if-missing"], "")["made"], false);
    assert_eq!(contents(&place.path().join("keys")), own);
    assert_eq!(Place::new().json(&["keys", "init", "--if-missing"], "")["made"], true);

    let states = |alg: &str| -> Vec<(String, String)> {
        let rows = place.json(&["keys", "list"], "");
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        rows.as_array()
            .unwrap()
            .iter()
            .filter(|row| row["alg"] == alg)
            .map(|row| (text(row, "kid"), text(row, "state")))
            .collect()
    };
    // Makes what the first start would make; nobody can have the next keys yet.
    let early = place.run(&["keys", "rotate"]);
    assert_eq!(early.code, Some(1), "{}", early.out);
    assert!(early.err.contains("ES256") && early.err.contains("--compromised"), "{}", early.err);
    tamper(&place, "UPDATE signing_key SET created_at = created_at - 400000000");
    let before = states("ES256");
    let next = before.iter().find(|(_, state)| state == "next").unwrap().0.clone();
    let active = before.iter().find(|(_, state)| state == "active").unwrap().0.clone();
    let other = states("RS256");
    let rotated = place.json(&["keys", "rotate", "--alg", "ES256"], "");
    assert_eq!(rotated["active"]["ES256"], json!(next), "what was published before comes into use");
    let after = states("ES256");
    assert!(after.contains(&(active, "retired".into())), "the old one still verifies: {after:?}");
    assert_eq!(after.iter().filter(|(_, state)| state == "next").count(), 1);
    assert_eq!(states("RS256"), other, "the other algorithm was not asked for");
}

fn assert_secrets_are_private(keys: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(keys), 0o700);
    let files: Vec<_> = std::fs::read_dir(keys).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    files.iter().for_each(|file| assert_eq!(mode(file), 0o600, "{}", file.display()));
}

/// What lies in a keys folder, to see that nothing was written.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut all: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn foreign_and_missing_secrets_stop_everything_and_write_nothing() {
    let (mine, other) = (Place::new(), Place::new());
    for place in [&mine, &other] {
        assert_eq!(place.run(&["keys", "init"]).code, Some(0));
        place.json(&["keys", "list"], "");
    }
    let keys = mine.path().join("keys");
    let own = contents(&keys);

    // A second replica with an empty folder.
    let empty = tempfile::tempdir().unwrap();
    let lost = Place::new()
        .with("MINGJI_KEYS_DIR", empty.path().to_string_lossy())
        .with("MINGJI_DATABASE_URL", database(&mine));
    for command in [
        &["serve"][..],
        &["keys", "list"],
        &["keys", "rotate"],
        &["audit", "verify"],
        &["keys", "init", "--if-missing"],
    ] {
        refused(&lost.run(command), "keys restore");
    }
    assert!(contents(empty.path()).is_empty(), "an empty folder stays empty");

    // Secrets of another installation.
    let foreign = Place::new()
        .with("MINGJI_KEYS_DIR", other.path().join("keys").to_string_lossy())
        .with("MINGJI_DATABASE_URL", database(&mine));
    let before = contents(&other.path().join("keys"));
    for command in [&["serve"][..], &["keys", "rotate"]] {
        assert_eq!(foreign.run(command).code, Some(1));
    }
    assert_eq!(contents(&other.path().join("keys")), before);

    // One of them is missing.
    std::fs::remove_file(keys.join("index.key")).unwrap();
    assert_eq!(mine.run(&["serve"]).code, Some(1));
    assert_eq!(contents(&keys).len(), 3, "no half is filled up with new secrets");
    std::fs::write(keys.join("index.key"), &own.iter().find(|(name, _)| name == "index.key").unwrap().1).unwrap();
    restrict(&keys.join("index.key"));
    mine.json(&["keys", "list"], "");
}

fn restrict(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_the_database_does_not_know_leaves_no_file() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    let backup = place.path().join("backup.txt");
    let run = |place: &Place| place.run_with(&["keys", "backup", &backup.to_string_lossy()], PASSPHRASE);
    let keys = place.path().join("keys").to_string_lossy().into_owned();
    let elsewhere = Place::new().with("MINGJI_KEYS_DIR", keys);
    refused(&run(&elsewhere), "no register here yet");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nor is a register made");
    assert!(!backup.exists());
    // It opens, and then it cannot keep that there is a backup.
    let full = "CREATE TRIGGER full BEFORE INSERT ON meta BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    select_texts(&database(&place), full).await;
    refused(&run(&place), "the database");
    assert!(!backup.exists());
    select_texts(&database(&place), "DROP TRIGGER full").await;
    assert_eq!(run(&place).code, Some(0));
    assert!(backup.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_which_nobody_can_say_whether_it_was_noted_stays() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    let backup = place.path().join("backup.txt");
    // Whoever asks for the note fails as well.
    select_texts(&database(&place), "ALTER TABLE meta RENAME TO elsewhere").await;
    refused(&place.run_with(&["keys", "backup", &backup.to_string_lossy()], PASSPHRASE), "whether it was noted");
    assert!(backup.exists());
}

/// What is in the folder is never overwritten, so nothing is put there that does not belong there.
#[test]
fn a_backup_of_another_register_leaves_the_folder_empty() {
    let (mine, other) = (Place::new(), Place::new());
    let backup = |place: &Place| place.path().join("backup.txt").to_string_lossy().into_owned();
    for place in [&mine, &other] {
        assert_eq!(place.run(&["keys", "init"]).code, Some(0));
        assert_eq!(place.run_with(&["keys", "backup", &backup(place)], PASSPHRASE).code, Some(0));
    }
    let keys = mine.path().join("keys");
    std::fs::remove_dir_all(&keys).unwrap();
    refused(&mine.run_with(&["keys", "restore", &backup(&other)], PASSPHRASE), "nothing was written");
    assert!(contents(&keys).is_empty());
    assert_eq!(mine.json(&["keys", "restore", &backup(&mine)], PASSPHRASE)["register"], true);
    mine.json(&["keys", "list"], "");
    // In the wrong folder no register is made, which a restore of one would find in its way.
    let nowhere = Place::new();
    assert_eq!(nowhere.json(&["keys", "restore", &backup(&mine)], PASSPHRASE)["register"], false);
    assert_eq!(contents(&nowhere.path().join("keys")).len(), 4);
    assert!(!nowhere.path().join("data").exists());
}

/// Whoever brings a machine back has the secrets before the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_back_before_its_register_does() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    let backup = place.path().join("backup.txt").to_string_lossy().into_owned();
    assert_eq!(place.run_with(&["keys", "backup", &backup], PASSPHRASE).code, Some(0));
    let other = Place::new();
    std::fs::create_dir_all(other.path().join("data/mingji.db")).unwrap();
    let told = other.json(&["keys", "restore", &backup], PASSPHRASE);
    assert!(told["register"].is_null() && told["unasked"].as_str().unwrap().contains("is a folder"), "{told}");
    assert_eq!(contents(&other.path().join("keys")).len(), contents(&place.path().join("keys")).len());
    // Another register's are still no way in.
    std::fs::remove_dir(other.path().join("data/mingji.db")).unwrap();
    std::fs::remove_dir_all(other.path().join("keys")).unwrap();
    assert_eq!(other.run(&["keys", "init"]).code, Some(0));
    std::fs::remove_dir_all(other.path().join("keys")).unwrap();
    std::fs::rename(other.path().join("data"), other.path().join("away")).unwrap();
    std::fs::create_dir_all(other.path().join("data/mingji.db")).unwrap();
    assert_eq!(other.run_with(&["keys", "restore", &backup], PASSPHRASE).code, Some(0));
    std::fs::remove_dir_all(other.path().join("data")).unwrap();
    std::fs::rename(other.path().join("away"), other.path().join("data")).unwrap();
    assert_eq!(other.run(&["keys", "list"]).code, Some(1), "the start looks");
}

#[test]
fn a_backup_brings_the_secrets_back() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    let backup = place.path().join("backup.txt");
    let file = backup.to_string_lossy();
    assert!(doctor(&place, "key backup") == "warning");
    refused(&place.run_with(&["keys", "backup", &file], "short\n"), "12 characters");
    assert!(!backup.exists());
    assert_eq!(place.run_with(&["keys", "backup", &file], PASSPHRASE).code, Some(0));
    assert!(doctor(&place, "key backup") == "ok");
    refused(&place.run_with(&["keys", "backup", &file], PASSPHRASE), "exists");

    let keys = place.path().join("keys");
    let own = contents(&keys);
    let sealed = std::fs::read(&backup).unwrap();
    for (name, secret) in &own {
        assert!(
            !sealed.windows(16).any(|part| secret.windows(16).last() == Some(part)),
            "{name} lies open in the backup"
        );
    }
    refused(&place.run_with(&["keys", "restore", &file], PASSPHRASE), "keys");
    std::fs::remove_dir_all(&keys).unwrap();
    assert_eq!(place.run(&["keys", "list"]).code, Some(1));
    refused(&place.run_with(&["keys", "restore", &file], "another long passphrase\n"), "passphrase");
    assert!(contents(&keys).is_empty());
    assert_eq!(place.run_with(&["keys", "restore", &file], PASSPHRASE).code, Some(0));
    assert_eq!(contents(&keys).len(), own.len());
    place.json(&["keys", "list"], "");
}
