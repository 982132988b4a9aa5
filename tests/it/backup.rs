//! A one-box install as one sealed file: written while the service runs, and brought back into an empty place by the
//! real program.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mingji::demo::world::cast;
use mingji::domain::time::{Clock as _, Timestamp};
use mingji::telemetry::SystemClock;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::support::binary::{Ended, Place, Ready, free_ports, serve};
use crate::support::database::select_texts;
use crate::support::needles::Needles;
use crate::support::remote::{Answer, Proxy, Visitor};

/// Of the demo world.
const COUNTY: &str = "ED36078100";
const PASSPHRASE: &str = "a long enough passphrase\n";

/// A seeded world on a port of its own, and where its backup goes.
struct Installed {
    place: Place,
    ready: Ready,
    port: u16,
    file: PathBuf,
}

impl Installed {
    fn new() -> Self {
        let port = free_ports(1);
        let place = Place::new().with("MINGJI_ISSUER", format!("http://localhost:{port}"));
        let ready = serde_json::from_value(place.json(&["demo", "--seed-only"], "")).unwrap();
        let file = place.path().join("safe.backup");
        Self { place, ready, port, file }
    }

    /// With a backup already written.
    fn backed_up() -> Self {
        let installed = Self::new();
        installed.back_up();
        installed
    }

    fn back_up(&self) -> Value {
        self.place.json(&["backup", &self.file.to_string_lossy()], PASSPHRASE)
    }

    fn run(&self, command: &str, file: &Path, passphrase: &str) -> Ended {
        self.place.run_with(&[command, &file.to_string_lossy()], passphrase)
    }

    fn restore(&self) -> Ended {
        self.run("restore", &self.file, PASSPHRASE)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// As after a lost disk.
    fn wipe(&self) {
        std::fs::remove_dir_all(self.path("data")).unwrap();
        std::fs::remove_dir_all(self.path("keys")).unwrap();
    }

    fn visitor(&self) -> Visitor {
        let proxy = Proxy::new(self.ready.issuer.clone(), [self.port; 2]);
        Visitor::new(Arc::new(proxy), self.ready.client("platform_a"))
    }

    /// Findings that are not ok, without the one about http on loopback.
    fn complaints(&self) -> Vec<Value> {
        let findings = self.place.json(&["doctor"], "");
        let all = findings.as_array().unwrap().iter();
        all.filter(|finding| finding["state"] != "ok" && finding["what"] != "issuer").cloned().collect()
    }

    /// Every file under the place but logs, with what is in it.
    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(self.place.path(), &mut found);
        found
    }
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // An empty folder counts too.
            found.insert(path.clone(), Vec::new());
            collect(&path, found);
        } else {
            let content = std::fs::read(&path).unwrap();
            found.insert(path, content);
        }
    }
}

#[track_caller]
fn refused(ended: &Ended, hint: &str) {
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    assert_eq!(ended.out, "");
    assert!(ended.err.contains(hint), "{hint:?} is not in: {}", ended.err);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_box_comes_back_with_everybody_signed_in() {
    let installed = Installed::new();
    let mut running = serve(&installed.place, installed.port).await;
    let person = installed.ready.person("full_claims");
    let mut before = installed.visitor();
    before.enter(person).await;
    let Answer::Back(answer) = before.authorize("prompt=none").await else { panic!("a page for somebody signed in") };
    let tokens = before.redeem(&answer.code()).await.unwrap();
    let subject = before.subject(&tokens).await.unwrap();
    assert!(installed.complaints().iter().any(|finding| finding["what"] == "backup"), "no backup yet, and no warning");
    let anchors = installed.path("data/mingji.audit-anchors.jsonl");
    installed.place.json(&["audit", "verify"], "");
    installed.place.json(&["audit", "anchor", &anchors.to_string_lossy()], "");

    let written = installed.back_up();
    assert_eq!(mode(&installed.file), 0o600);
    assert_eq!(written["bytes"].as_u64(), Some(std::fs::metadata(&installed.file).unwrap().len()));
    assert!(!installed.path("data/mingji.db-backup").exists(), "the open copy is gone");
    assert_eq!(installed.complaints(), [Value::Null; 0], "a backup was written, and the secrets are in it");
    before.refresh(&tokens).await.expect("nobody noticed");
    assert!(running.stop().success());
    installed.wipe();

    let restored = installed.place.json(&["restore", &installed.file.to_string_lossy()], PASSPHRASE);
    assert_eq!(restored["issuer"], installed.ready.issuer);
    assert_eq!(restored["made_at"], written["made_at"]);
    assert_eq!(restored["secrets_only"], false);
    assert_eq!((mode(&installed.path("data/mingji.db")), mode(&installed.path("data"))), (0o600, 0o700));
    assert_eq!(left_behind(&installed), None);
    assert_eq!(installed.complaints(), [Value::Null; 0], "the doctor is content");
    let verdict = installed.place.json(&["audit", "verify", "--anchors", &anchors.to_string_lossy()], "");
    assert_eq!(verdict["holds"], true, "{verdict}");
    assert_eq!(verdict["anchor"], "checkpoints outside the database", "they came along");

    let mut running = serve(&installed.place, installed.port).await;
    let Answer::Back(answer) = before.authorize("prompt=none").await else { panic!("a page for somebody signed in") };
    assert_eq!(answer.error(), None, "the session outlived the disk");
    let refreshed = before.refresh(&tokens).await.expect("so did the refresh token");
    assert_eq!(before.subject(&refreshed).await.as_ref(), Some(&subject));
    let mut after = installed.visitor();
    after.enter(person).await;
    let Answer::Back(answer) = after.authorize("prompt=none").await else { panic!("a page for somebody signed in") };
    let tokens = after.redeem(&answer.code()).await.unwrap();
    assert_eq!(after.subject(&tokens).await, Some(subject), "the same person to the platform");
    assert!(running.stop().success());
    assert_eq!(installed.place.json(&["audit", "verify"], "")["holds"], true);
}

#[test]
fn nothing_of_the_register_lies_open_in_it() {
    let installed = Installed::backed_up();
    let mut values = vec![("SQLite's own mark".to_owned(), "SQLite format 3".to_owned())];
    for character in cast(SystemClock.now().shanghai_date()) {
        values.push((format!("name of {}", character.key), character.name.to_owned()));
        values.push((format!("number of {}", character.key), character.number()));
    }
    for person in &installed.ready.people {
        values.push((format!("user name of {}", person.key), person.user_name.clone()));
    }
    for name in ["root", "seal", "index", "audit"] {
        let text = std::fs::read_to_string(installed.path("keys").join(format!("{name}.key"))).unwrap();
        values.push((format!("secret {name}"), text.lines().last().unwrap().to_owned()));
    }
    let needles = Needles::new(&values);
    let database = std::fs::read(installed.path("data/mingji.db")).unwrap();
    assert!(needles.found_in(&database).iter().any(|name| name.starts_with("name of")), "it searches rightly");
    assert_eq!(needles.found_in(&std::fs::read(&installed.file).unwrap()), [""; 0]);
}

#[test]
fn what_does_not_open_is_refused_and_nothing_is_written() {
    let installed = Installed::backed_up();
    installed.wipe();
    let sealed = std::fs::read(&installed.file).unwrap();
    let bad = installed.path("bad.backup");
    let flipped = |at: usize| {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        changed
    };
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("cut short", sealed[..sealed.len() - 1].to_vec(), "damaged"),
        ("cut in half", sealed[..sealed.len() / 2].to_vec(), "damaged"),
        ("cut at a chunk", sealed[..60 + 65_552 * 2].to_vec(), "damaged"),
        ("a byte in the middle", flipped(sealed.len() / 2), "damaged"),
        ("the last byte", flipped(sealed.len() - 1), "damaged"),
        ("the salt", flipped(40), "passphrase is wrong"),
        ("another file", b"SQLite format 3\0, which is no backup".to_vec(), "not a backup"),
        ("nothing", Vec::new(), "not a backup"),
    ];
    for (what, content, hint) in cases {
        std::fs::write(&bad, &content).unwrap();
        let before = installed.contents();
        refused(&installed.run("restore", &bad, PASSPHRASE), hint);
        assert!(installed.contents() == before, "{what}: something was written");
    }
    let before = installed.contents();
    refused(&installed.run("restore", &installed.file, "another long passphrase\n"), "passphrase is wrong");
    refused(&installed.run("restore", &installed.file, "short\n"), "12 characters");
    refused(&installed.run("restore", &installed.path("nowhere"), PASSPHRASE), "nowhere");
    assert!(installed.contents() == before, "something was written");
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let installed = Installed::backed_up();
    let other = Installed::new();
    refused(&installed.run("backup", &installed.file, PASSPHRASE), "never overwritten");

    // A register with its secrets, and secrets of another one.
    let untouched = |here: &Installed, ended: &dyn Fn() -> Ended, hint: &str| {
        let before = here.contents();
        refused(&ended(), hint);
        assert!(here.contents() == before, "something was written");
    };
    untouched(&installed, &|| installed.restore(), "move it away");
    untouched(&other, &|| other.run("restore", &installed.file, PASSPHRASE), "another one than in the backup");
    std::fs::remove_dir_all(other.path("data")).unwrap();
    untouched(&other, &|| other.run("restore", &installed.file, PASSPHRASE), "another one than in the backup");

    // Another register whose secrets are lost, and the log of one that is gone.
    let third = Installed::new();
    std::fs::remove_dir_all(third.path("keys")).unwrap();
    let ended = third.run("restore", &installed.file, PASSPHRASE);
    refused(&ended, "not the ones it was made with");
    assert!(!third.path("keys").exists());
    installed.wipe();
    std::fs::create_dir(installed.path("data")).unwrap();
    std::fs::write(installed.path("data/mingji.db-wal"), "what was written last").unwrap();
    untouched(&installed, &|| installed.restore(), "mingji.db-wal");

    // Its own secrets are no obstacle.
    std::fs::remove_dir_all(installed.path("data")).unwrap();
    assert_eq!(installed.restore().code, Some(0));
    std::fs::remove_dir_all(installed.path("data")).unwrap();
    assert_eq!(installed.restore().code, Some(0));
}

#[test]
fn one_backup_at_a_time_and_a_killed_one_is_tidied_up() {
    let installed = Installed::new();
    let copy = installed.path("data/mingji.db-backup");
    let held = std::fs::File::create(&copy).unwrap();
    held.lock().unwrap();
    refused(&installed.run("backup", &installed.file, PASSPHRASE), "another backup");
    assert!(!installed.file.exists());
    drop(held);
    std::fs::write(&copy, "half a copy that a kill left behind").unwrap();
    std::fs::write(installed.path("data/mingji.db-backup-journal"), "and its journal").unwrap();
    installed.back_up();
    assert_eq!(left_behind(&installed), None);
}

#[test]
fn a_restore_that_is_killed_leaves_nothing_or_is_finished_by_the_next() {
    let installed = Installed::backed_up();
    let counts = installed.place.json(&["registry", "count"], "");
    for pause in [0, 100, 200, 300, 400, 600, 800, 1_000] {
        installed.wipe();
        let mut restore = installed.place.begin(&["restore", &installed.file.to_string_lossy()], PASSPHRASE);
        pause_for(Duration::from_millis(pause));
        restore.kill().unwrap();
        restore.wait().unwrap();
        comes_back(&installed, &counts);
    }
    // Between the renames: the database is there, some of its secrets are not. No start makes others.
    for lost in [&["root.key"][..], &["index.key", "audit.key"], &["root.key", "seal.key", "index.key", "audit.key"]] {
        lost.iter().for_each(|name| std::fs::remove_file(installed.path("keys").join(name)).unwrap());
        let ended = installed.place.run(&["keys", "list"]);
        assert_eq!(ended.code, Some(1), "{}", ended.out);
        comes_back(&installed, &counts);
    }
    // Before them: what an earlier one had begun.
    installed.wipe();
    std::fs::create_dir(installed.path("data")).unwrap();
    std::fs::write(installed.path("data/mingji.db.restoring"), "half a database").unwrap();
    std::fs::write(installed.path("data/mingji.db.restoring-wal"), "and its log").unwrap();
    comes_back(&installed, &counts);
}

/// Platforms have read numbers that the backup never gave: whatever becomes of the command, none is given again for another
/// change, and the log says that the register went back.
#[tokio::test(flavor = "multi_thread")]
async fn a_register_that_was_restored_in_two_steps_went_back_too() {
    let mut installed = Installed::new();
    let client = installed.ready.client("platform_a").client_id.clone();
    installed.place.json(&["platform", "serve", &client, "--org", COUNTY], "");
    installed.back_up();
    let url = format!("sqlite://{}", installed.path("data/mingji.db").display());
    let said = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'register.restored'";
    assert!(heads(&url).await[0] < LONG_AGO);
    installed.wipe();
    // Everything is in place, and something that the service needs is not yet on this machine.
    installed.place.set("MINGJI_OUTBOUND_CA", "/nowhere/ca.pem");
    refused(&installed.restore(), "MINGJI_OUTBOUND_CA");
    let anew = heads(&url).await;
    assert!(anew[0] > LONG_AGO, "before anybody opened it");
    let again = installed.restore();
    refused(&again, "never overwritten");
    // Cut off between the renames, and begun again.
    installed.place.set("MINGJI_OUTBOUND_CA", "");
    std::fs::remove_file(installed.path("keys/audit.key")).unwrap();
    let finished = installed.restore();
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    assert!(finished.out.contains("restored in"), "{}", finished.out);
    assert_eq!((heads(&url).await, select_texts(&url, said).await), (anew.clone(), vec!["1".to_owned()]));
    // Secrets that were lost without the database: nothing went back.
    std::fs::remove_file(installed.path("keys/audit.key")).unwrap();
    let completed = installed.restore();
    assert!(completed.code == Some(0) && completed.out.contains("root secrets came back"), "{}", completed.out);
    assert_eq!((heads(&url).await, select_texts(&url, said).await), (anew.clone(), vec!["1".to_owned()]));
    // Nobody finished it: the service says it.
    installed.wipe();
    installed.place.set("MINGJI_OUTBOUND_CA", "/nowhere/ca.pem");
    refused(&installed.restore(), "start the service");
    assert!(
        heads(&url).await[0] > anew[0] + 1_000,
        "the same copy for the second time: behind what it gave after the first"
    );
    installed.place.set("MINGJI_OUTBOUND_CA", "");
    let mut running = serve(&installed.place, installed.port).await;
    let until = Instant::now() + Duration::from_secs(20);
    while select_texts(&url, said).await != ["1"] {
        assert!(Instant::now() < until, "the service does not say it");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(running.stop().success());
}

/// Microseconds: streams that went back begin anew at the moment when they did.
const LONG_AGO: i64 = 1_700_000_000_000_000;

/// Where each stream stands.
async fn heads(url: &str) -> Vec<i64> {
    let heads = select_texts(url, "SELECT CAST(head AS TEXT) FROM platform_stream").await;
    heads.iter().map(|head| head.parse().unwrap()).collect()
}

fn comes_back(installed: &Installed, counts: &Value) {
    let names = ["data/mingji.db", "keys/root.key", "keys/seal.key", "keys/index.key", "keys/audit.key"];
    if !names.iter().all(|name| installed.path(name).exists()) {
        let ended = installed.restore();
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(left_behind(installed), None, "what an earlier one left is taken away");
    }
    assert_eq!(&installed.place.json(&["registry", "count"], ""), counts);
}

/// Something of a backup or restore that is not finished.
fn left_behind(installed: &Installed) -> Option<PathBuf> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let unfinished = |path: &PathBuf| [".restoring", "-backup"].iter().any(|mark| name(path).contains(mark));
    installed.contents().into_keys().find(unfinished)
}

#[allow(clippy::disallowed_methods, reason = "another process is given time to get somewhere")]
fn pause_for(time: Duration) {
    std::thread::sleep(time);
}

#[test]
fn the_doctor_finds_an_old_one() {
    let installed = Installed::backed_up();
    // Signing keys, which the first start would make.
    installed.place.json(&["keys", "rotate", "--compromised"], "");
    assert_eq!(installed.complaints(), [Value::Null; 0]);
    let long_ago = SystemClock.now().minus(Duration::from_secs(8 * 24 * 3600));
    tell(&installed, long_ago);
    let complaints = installed.complaints();
    assert!(complaints.len() == 1 && complaints[0]["what"] == "backup" && complaints[0]["state"] == "warning");
    assert!(complaints[0]["say"].as_str().unwrap().contains("192 h ago"), "{complaints:?}");
}

fn tell(installed: &Installed, at: Timestamp) {
    let url = format!("sqlite://{}", installed.path("data/mingji.db").display());
    let statement = format!("UPDATE meta SET value = '{}' WHERE name = 'database_backed_up_at'", at.to_rfc3339());
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut database = SqliteConnection::connect(&url).await.unwrap();
        let done = sqlx::query(AssertSqlSafe(statement)).execute(&mut database).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
        database.close().await.unwrap();
    });
}

#[test]
fn postgres_is_left_to_its_own_tools() {
    let place = Place::new().with("MINGJI_DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing");
    for command in ["backup", "restore"] {
        let ended = place.run_with(&[command, "file"], PASSPHRASE);
        refused(&ended, "pg_dump");
        assert!(ended.err.contains("keys backup"), "{}", ended.err);
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

/// The line of `deploy/mingji-backup.service` as systemd gives it to the shell, with other paths.
#[test]
fn the_nightly_unit_writes_one() {
    let installed = Installed::new();
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/mingji-backup.service");
    let unit = std::fs::read_to_string(unit).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/bin/sh -c '")).unwrap();
    let script = line.strip_suffix('\'').unwrap().replace("%%", "%");
    let (settings, safe) = (installed.path("mingji.toml"), installed.path("safe"));
    std::fs::write(&settings, format!("issuer = \"{}\"\n", installed.ready.issuer)).unwrap();
    std::fs::write(installed.path("passphrase"), PASSPHRASE).unwrap();
    std::fs::create_dir(&safe).unwrap();
    let script = script
        .replace("/etc/mingji/mingji.toml", &settings.to_string_lossy())
        .replace("/var/backups/mingji", &safe.to_string_lossy());
    let programs = Path::new(env!("CARGO_BIN_EXE_mingji")).parent().unwrap();
    let done = std::process::Command::new("/bin/sh")
        .args(["-c", &script])
        .current_dir(installed.place.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("CREDENTIALS_DIRECTORY", installed.place.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let written = std::fs::read_dir(&safe).unwrap().next().unwrap().unwrap().path();
    installed.wipe();
    assert_eq!(installed.run("restore", &written, PASSPHRASE).code, Some(0));
}
