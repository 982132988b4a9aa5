//! The commands as an operator types them: exit codes, one line that says what to do, `--json`, and that a refusal
//! leaves nothing behind.

mod approve;
mod client_check;
mod clients;
mod doctor;
mod keys;
mod reading;
mod reasons;
mod statistics;

use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::support::binary::{Ended, Person, Place, Ready};

const PASSPHRASE: &str = "a long enough passphrase\n";

/// Every command, as its help is asked for.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["demo"],
    &["migrate"],
    &["doctor"],
    &["registry", "count"],
    &["roster", "import"],
    &["claim", "list"],
    &["claim", "confirm"],
    &["claim", "reject"],
    &["claim", "withdraw"],
    &["case", "list"],
    &["case", "show"],
    &["case", "decide"],
    &["case", "search"],
    &["verification", "request"],
    &["verification", "record"],
    &["verification", "list"],
    &["verification", "retry"],
    &["verification", "services"],
    &["person", "merge"],
    &["person", "unmerge"],
    &["person", "rename"],
    &["person", "birth-date"],
    &["person", "document"],
    &["person", "code"],
    &["person", "died"],
    &["person", "export"],
    &["person", "erase"],
    &["person", "end-paper"],
    &["person", "papers"],
    &["person", "erasures"],
    &["person", "keep"],
    &["institution", "create"],
    &["institution", "show"],
    &["institution", "rename"],
    &["institution", "recode"],
    &["institution", "move"],
    &["institution", "merge"],
    &["institution", "split"],
    &["institution", "close"],
    &["institution", "history"],
    &["student", "move"],
    &["student", "repeat"],
    &["student", "skip"],
    &["student", "suspend"],
    &["student", "halt"],
    &["student", "resume"],
    &["student", "end"],
    &["student", "history"],
    &["staff", "join"],
    &["staff", "leave"],
    &["staff", "return"],
    &["staff", "move"],
    &["staff", "teach"],
    &["staff", "show"],
    &["guardian", "add"],
    &["guardian", "end"],
    &["guardian", "restrict"],
    &["guardian", "order"],
    &["guardian", "show"],
    &["student", "borrow"],
    &["year", "turn"],
    &["year", "undo"],
    &["account", "list"],
    &["account", "set-password"],
    &["account", "link"],
    &["account", "unlock"],
    &["account", "slips"],
    &["claim", "list"],
    &["claim", "confirm"],
    &["claim", "reject"],
    &["client", "create"],
    &["client", "check"],
    &["client", "initial-token"],
    &["client", "deliveries"],
    &["client", "initial-tokens"],
    &["client", "end-initial-token"],
    &["client", "renew-registration"],
    &["client", "remove"],
    &["client", "show"],
    &["client", "update"],
    &["client", "suspend"],
    &["client", "restore"],
    &["resource", "put"],
    &["resource", "list"],
    &["authorization-type", "put"],
    &["authorization-type", "list"],
    &["authorization-type", "remove"],
    &["consent", "record"],
    &["consent", "withdraw"],
    &["admin", "grant"],
    &["admin", "revoke"],
    &["admin", "list"],
    &["admin", "why"],
    &["platform", "space"],
    &["platform", "serve"],
    &["platform", "unserve"],
    &["backup"],
    &["restore"],
    &["restored"],
    &["keys", "init"],
    &["keys", "list"],
    &["keys", "rotate"],
    &["keys", "backup"],
    &["keys", "restore"],
    &["audit", "verify"],
    &["audit", "state"],
    &["audit", "anchor"],
    &["audit", "export"],
];

/// Refused with one line on standard error that holds `hint`, and nothing on standard output.
#[track_caller]
fn refused(ended: &Ended, hint: &str) {
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    assert_eq!(ended.out, "");
    let said: Vec<_> = ended.err.lines().filter(|line| line.starts_with("mingji: ")).collect();
    assert!(said.len() == 1 && said[0].contains(hint), "{hint:?} is not in: {}", ended.err);
}

/// A place with a small world in its database.
fn seeded() -> (Place, Ready) {
    let place = Place::new();
    let ready = serde_json::from_value(place.json(&["demo", "--seed-only"], "")).unwrap();
    (place, ready)
}

#[test]
fn every_command_explains_itself() {
    let place = Place::new();
    for command in COMMANDS {
        let ended = place.run(&[*command, &["--help"]].concat());
        assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.err);
        assert!(command.is_empty() || ended.out.contains("Example: "), "{command:?} has no example:\n{}", ended.out);
        for listed in
            ended.out.split("Commands:\n").nth(1).unwrap_or_default().lines().take_while(|line| !line.is_empty())
        {
            let name = listed.split_whitespace().next().unwrap();
            let known =
                COMMANDS.iter().any(|known| known.starts_with(command) && known.get(command.len()) == Some(&name));
            assert!(known || name == "help", "{name} of {command:?} is not tested here");
        }
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "help wrote something");
}

#[test]
fn wrong_usage_is_two() {
    let place = Place::new();
    for wrong in [
        &["swerve"][..],
        &[],
        &["serve", "--nonsense"],
        &["account", "set-password"],
        &["account", "link", "abc", "--person", "0197a3a0-0000-7000-8000-000000000000"],
        &["account", "link", "--person", "not-an-id"],
        &["keys", "rotate", "--alg", "none"],
        &["admin", "grant", "somebody"],
        &["demo", "--port", "70000"],
        &["consent", "record", "--child", "x"],
    ] {
        let ended = place.run(wrong);
        assert_eq!(ended.code, Some(2), "{wrong:?}: {}{}", ended.out, ended.err);
        assert!(ended.out.is_empty() && !ended.err.is_empty(), "{wrong:?}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "wrong usage wrote something");
}

#[test]
fn migrations_are_applied_once() {
    let place = Place::new();
    let first = place.json(&["migrate"], "");
    assert!(!first["applied"].as_array().unwrap().is_empty(), "{first}");
    let second = place.json(&["migrate"], "");
    assert!(second["applied"].as_array().unwrap().is_empty(), "{second}");
    assert!(!place.path().join("keys").exists(), "migrating needs no secrets and makes none");
}

#[test]
fn serve_without_migrations_says_so() {
    let place = Place::new().with("MINGJI_LISTEN", "127.0.0.1:0");
    refused(&place.run(&["serve", "--no-migrate"]), "mingji migrate");
}

#[test]
fn bad_settings_are_named() {
    let place = Place::new().with("MINGJI_ISSUER", "http://id.example.edu.cn");
    refused(&place.run(&["serve"]), "https");
    let place = Place::new().with("MINGJI_DATABASE_URL", "mysql://x");
    refused(&place.run(&["registry", "count"]), "sqlite://");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_taken_port_is_named_before_anything_is_written() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::new().with("MINGJI_LISTEN", taken.local_addr().unwrap().to_string());
    refused(&place.run(&["serve"]), "another program");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

fn database(place: &Place) -> String {
    format!("sqlite://{}", place.path().join("data/mingji.db").display())
}

#[test]
fn a_platform_says_where_its_spaces_open() {
    let (place, _) = seeded();
    let (space, url) = (["platform", "space"], "https://space.example.edu.cn/mine");
    let said = place.json(&[&space[..], &["360781", url]].concat(), "");
    assert_eq!(said["space_url"], url);
    refused(&place.run(&[&space[..], &["110000", url]].concat()), "import its education authority first");
    refused(&place.run(&[&space[..], &["瑞金", url]].concat()), "division");
    for bad in ["http://space.example.edu.cn/", "space.example.edu.cn"] {
        refused(&place.run(&[&space[..], &["360781", bad]].concat()), "https address");
    }
}

fn doctor(place: &Place, what: &str) -> String {
    let findings = place.json(&["doctor"], "");
    let finding = findings.as_array().unwrap().iter().find(|finding| finding["what"] == what).unwrap().clone();
    finding["state"].as_str().unwrap().to_owned()
}

#[test]
fn the_doctor_finds_faults_and_fails() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    assert_eq!(place.run(&["doctor"]).code, Some(0));
    let broken = Place::new().with("MINGJI_DATABASE_URL", database(&place));
    let ended = broken.run(&["--json", "doctor"]);
    assert_eq!(ended.code, Some(1));
    let findings: Value = serde_json::from_str(&ended.out).unwrap();
    let faults: Vec<_> = findings.as_array().unwrap().iter().filter(|finding| finding["state"] == "fault").collect();
    assert!(faults.len() == 1 && faults[0]["say"].as_str().unwrap().contains("keys restore"), "{findings}");
    let nowhere = Place::new().with("MINGJI_EPHEMERAL_URL", "redis://127.0.0.1:1/0");
    assert_eq!(nowhere.run(&["doctor"]).code, Some(1));
}

#[test]
fn a_client_is_registered_once_with_its_secret() {
    let place = Place::new();
    let metadata =
        json!({ "client_name": "校园", "redirect_uris": ["https://app.example/cb"], "edu_client_kind": "platform" });
    let client = place.json(&["client", "create"], &metadata.to_string());
    assert!(client["client_id"].is_string() && client["client_secret"].as_str().unwrap().len() >= 43, "{client}");
    assert_eq!(client["edu_client_kind"], "platform");
    for (bad, hint) in [
        ("", "metadata"),
        ("{}", "redirect_uris"),
        (r#"{"redirect_uris":["http://app.example/cb"]}"#, "https"),
        (r#"{"redirect_uris":["https://app.example/cb#x"]}"#, "redirect_uri"),
        (r#"{"redirect_uris":["https://app.example/cb"],"edu_lawful_basis":"statutory"}"#, "platform"),
        (r#"{"redirect_uris":["https://app.example/cb"],"id_token_signed_response_alg":"none"}"#, "none"),
    ] {
        let ended = place.run_with(&["client", "create"], bad);
        assert_eq!(ended.code, Some(1), "{bad} was accepted: {}", ended.out);
        assert!(ended.err.contains(hint), "{bad}: {}", ended.err);
    }
}

#[test]
fn accounts_are_listed_given_passwords_and_links() {
    let (place, ready) = seeded();
    let teacher = ready.person("teacher_parent");
    let org = school_of(&place, ready.person("teacher_parent"));
    let listed = place.json(&["account", "list", "--org", &org], "");
    let row = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["person_id"] == json!(teacher.person_id))
        .expect("the teacher is listed")
        .clone();
    assert_eq!(row["user_name"], json!(teacher.user_name));
    refused(&place.run(&["account", "list", "--org", "0000000000"]), "institution");

    refused(&place.run_with(&["account", "set-password", &teacher.user_name], "\n"), "password");
    refused(&place.run_with(&["account", "set-password", &teacher.user_name], "password\n"), "");
    let by_name = place.json(&["account", "set-password", &teacher.user_name], "a sentence of some length\n");
    let by_input = place
        .json(&["account", "set-password", "-"], &format!("{}\nanother sentence of some length\n", teacher.user_name));
    let by_id =
        place.json(&["account", "set-password", "--person", &teacher.person_id], "a third sentence of some length\n");
    for answer in [by_name, by_input, by_id] {
        assert_eq!(answer["person_id"], json!(teacher.person_id));
    }
    refused(&place.run(&["account", "link", "nobody-of-this-name"]), "nobody");
    let link = place.json(&["account", "link", &teacher.user_name], "");
    assert!(link["link"].as_str().unwrap().starts_with("http://localhost:8080/"), "{link}");
}

/// The school where somebody works, by its code.
fn school_of(place: &Place, person: &Person) -> String {
    let id = uuid::Uuid::parse_str(&person.person_id).unwrap();
    block_on(async {
        let mut db = open(place).await;
        let row: (String,) = sqlx::query_as(
            "SELECT c.value FROM institution_code c JOIN staffing s ON s.org_id = c.org_id \
             WHERE s.person_id = $1 AND c.valid_to IS NULL AND c.scheme <> 'uscc'",
        )
        .bind(id.as_bytes().as_slice())
        .fetch_one(&mut db)
        .await
        .unwrap();
        row.0
    })
}

#[test]
fn consent_is_recorded_by_a_guardian_only_and_withdrawn() {
    let (place, ready) = seeded();
    let id = |key: &str| ready.person(key).person_id.clone();
    let vendor = ready.client("vendor").client_id.clone();
    let guardian = ["guardian_of_two", "teacher_parent"].into_iter().find(|key| {
        let ended = place.run(&[
            "consent",
            "record",
            "--child",
            &id("child_under14"),
            "--guardian",
            &id(key),
            "--client",
            &vendor,
        ]);
        ended.code == Some(0)
    });
    assert!(guardian.is_some(), "nobody of the world is the child's guardian");
    for stranger in ["school_admin", "child_15"] {
        let ended = place.run(&[
            "consent",
            "record",
            "--child",
            &id("child_under14"),
            "--guardian",
            &id(stranger),
            "--client",
            &vendor,
        ]);
        assert_eq!(ended.code, Some(1), "{stranger}: {}", ended.out);
    }
    // What she reads is printed before, and only that is recorded.
    let show = ["consent", "record", "--client", vendor.as_str(), "--scope", "profile edu", "--show"];
    let read = place.json(&show, "");
    assert_eq!(
        (read["name"]["zh"].as_str(), read["provider"].as_str()),
        (Some("口算小园"), Some("小园教育科技有限公司"))
    );
    assert_eq!(
        (read["scope"][0]["scope"].as_str(), read["scope"].as_array().map(Vec::len)),
        (Some("profile"), Some(2)),
        "{read}"
    );
    let text = place.run(&show).out;
    assert!(["口算小园", "提供方", read["digest"].as_str().unwrap()].iter().all(|word| text.contains(word)), "{text}");
    let (child, parent, digest) = (id("child_under14"), id(guardian.unwrap()), read["digest"].as_str().unwrap());
    let record = |digest: &str| {
        let scope = "profile edu";
        place.run(&[
            "consent",
            "record",
            "--child",
            &child,
            "--guardian",
            &parent,
            "--client",
            &vendor,
            "--scope",
            scope,
            "--shown",
            digest,
        ])
    };
    place.json(&["client", "update", &vendor, "-"], &json!({ "client_name#zh": "口算大园" }).to_string());
    refused(&record(digest), "is not what she read");
    let again = place.json(&show, "")["digest"].as_str().unwrap().to_owned();
    assert_eq!(record(&again).code, Some(0));
    let withdrawn = place.json(&["consent", "withdraw", "--person", &id("child_under14"), "--client", &vendor], "");
    assert_eq!(withdrawn["receipts_ended"], 2);
    refused(&place.run(&["consent", "withdraw", "--person", &id("child_under14"), "--client", &vendor]), "receipt");
}

#[test]
fn a_role_is_granted_once() {
    let (place, ready) = seeded();
    let teacher = &ready.person("teacher_parent").user_name;
    let org = school_of(&place, ready.person("teacher_parent"));
    let grant =
        |role: &str, org: &str| place.run(&["--json", "admin", "grant", teacher, "--role", role, "--scope", org]);
    let first = grant("school_admin", &org);
    assert!(first.out.contains("\"granted\":true"), "{}{}", first.out, first.err);
    assert!(grant("school_admin", &org).out.contains("\"granted\":false"));
    assert_eq!(grant("emperor", &org).code, Some(2));
    refused(&grant("school_admin", "0000000000"), "institution");
}

#[test]
fn a_seeded_database_is_not_seeded_twice() {
    let (place, ready) = seeded();
    let counts = place.json(&["registry", "count"], "");
    assert!(counts["persons"].as_i64().unwrap() >= 7, "{counts}");
    let again: Ready = serde_json::from_value(place.json(&["demo", "--seed-only"], "")).unwrap();
    assert_eq!(again.person("teacher_parent").person_id, ready.person("teacher_parent").person_id);
    assert_eq!(place.json(&["registry", "count"], ""), counts);
    // Interrupted before the end, it goes on where it was.
    tamper(&place, "DELETE FROM meta WHERE name = 'demo_world'");
    place.json(&["demo", "--seed-only"], "");
    assert_eq!(place.json(&["registry", "count"], ""), counts);
    // A register that holds people and was never a demo's.
    tamper(&place, "DELETE FROM meta WHERE name IN ('demo_world', 'demo_world_begun')");
    refused(&place.run(&["demo", "--seed-only"]), "--into-existing");
    assert_eq!(place.json(&["registry", "count"], ""), counts);
}

#[test]
fn a_changed_audit_row_is_found() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    place.json(&["keys", "rotate", "--compromised"], "");
    let verdict = place.json(&["audit", "verify"], "");
    assert!(verdict["holds"] == true && verdict["entries"].as_i64().unwrap() >= 1, "{verdict}");
    let anchors = place.path().join("anchors.jsonl");
    let anchors = anchors.to_string_lossy();
    place.json(&["audit", "anchor", &anchors], "");
    assert_eq!(place.json(&["audit", "verify", "--anchors", &anchors], "")["holds"], true);

    tamper(&place, "UPDATE audit_entry SET result = 'refused' WHERE id = (SELECT min(id) FROM audit_entry)");
    let ended = place.run(&["--json", "audit", "verify"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap()["holds"], false);

    // Cutting off the end leaves a chain that is consistent with itself: only the anchor tells.
    tamper(&place, "UPDATE audit_entry SET result = 'done' WHERE id = (SELECT min(id) FROM audit_entry)");
    assert_eq!(place.run(&["audit", "verify", "--anchors", &anchors]).code, Some(0));
    tamper(&place, "DELETE FROM audit_link WHERE seq = (SELECT max(seq) FROM audit_link)");
    let ended = place.run(&["audit", "verify", "--anchors", &anchors]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
}

#[test]
fn a_row_that_was_changed_beside_the_register_is_found() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    let new = ["institution", "create", "--code", "ED36000000", "--name", "江西省教育厅", "--kind", "authority"];
    let made = place.json(&[&new[..], &["--division", "360000"]].concat(), "");
    let id = made["institution_id"].as_str().unwrap();
    let told = place.json(&["audit", "state", "institution", id], "");
    let entries = told["entries"].as_array().unwrap();
    assert_eq!((&told["agreement"], entries.len()), (&json!("agrees"), 1), "{told}");
    assert!(
        told["today"].is_string() && told["today"] == entries[0]["after"] && entries[0]["before"].is_null(),
        "{told}"
    );

    tamper(&place, "UPDATE institution SET division = '360100'");
    let ended = place.run(&["audit", "state", "institution", id]);
    assert_eq!((ended.code, ended.out.contains("NOT what the last entry says")), (Some(1), true), "{}", ended.out);
    // A change that goes on from what nobody said does not make it right.
    assert_eq!(place.run(&["institution", "rename", "ED36000000", "江西省教育局"]).code, Some(0));
    let ended = place.run(&["audit", "state", "institution", id]);
    assert_eq!((ended.code, ended.out.contains("no entry says")), (Some(1), true), "{}", ended.out);
    assert_eq!(place.run(&["audit", "state", "secret", id]).code, Some(2), "no such kind");
    refused(&place.run(&["audit", "state", "class", id]), "not found");
}

#[test]
fn anchors_beside_the_database_are_read_by_themselves() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    place.json(&["keys", "rotate", "--compromised"], "");
    assert!(place.json(&["audit", "verify"], "")["anchor"].as_str().unwrap().starts_with("none"));
    let beside = place.path().join("data/mingji.audit-anchors.jsonl");
    let beside = beside.to_string_lossy();
    place.json(&["audit", "anchor", &beside], "");
    assert_eq!(place.json(&["audit", "verify"], "")["anchor"], "checkpoints outside the database");
    tamper(&place, "DELETE FROM audit_checkpoint");
    tamper(&place, "DELETE FROM audit_link WHERE seq = (SELECT max(seq) FROM audit_link)");
    tamper(&place, "DELETE FROM audit_entry WHERE id NOT IN (SELECT entry_id FROM audit_link)");
    let ended = place.run(&["audit", "verify"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    // The chain grows over what was taken away: nothing is signed beside an anchor that it contradicts.
    place.json(&["keys", "rotate", "--compromised"], "");
    place.json(&["keys", "rotate", "--compromised"], "");
    refused(&place.run(&["audit", "anchor", &beside]), "audit verify");
    // Nor beside one that nobody can look at.
    let unreadable = place.path().join("unreadable.jsonl").to_string_lossy().into_owned();
    std::fs::write(&unreadable, [0xff, b'\n']).unwrap();
    refused(&place.run(&["audit", "anchor", &unreadable]), "cannot be read");
}

async fn open(place: &Place) -> sqlx::SqliteConnection {
    sqlx::SqliteConnection::connect(&database(place)).await.unwrap()
}

fn tamper(place: &Place, statement: &'static str) {
    block_on(async {
        let mut db = open(place).await;
        let done = sqlx::query(statement).execute(&mut db).await.unwrap();
        assert!(done.rows_affected() >= 1);
        db.close().await.unwrap();
    });
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
