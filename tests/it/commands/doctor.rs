//! What the doctor finds, and that it says how to mend it.

use serde_json::Value;

use super::seeded;
use crate::support::binary::Place;
use crate::support::need;

/// What it says of something, and whether that is a fault.
#[track_caller]
fn finding(place: &Place, what: &str) -> (String, String) {
    let ended = place.run(&["--json", "doctor"]);
    let findings: Value = serde_json::from_str(&ended.out).unwrap();
    let all = findings.as_array().unwrap();
    assert_eq!(ended.code == Some(1), all.iter().any(|finding| finding["state"] == "fault"), "{findings}");
    let found = all.iter().find(|finding| finding["what"] == what).unwrap_or_else(|| panic!("no {what}: {findings}"));
    let text = |name: &str| found[name].as_str().unwrap().to_owned();
    (text("state"), text("say"))
}

#[track_caller]
fn fault(place: &Place, what: &str, hints: &[&str]) {
    let (state, say) = finding(place, what);
    assert_eq!(state, "fault", "{say}");
    hints.iter().for_each(|hint| assert!(say.contains(hint), "{hint:?} is not in: {say}"));
}

#[test]
fn an_ephemeral_store_that_is_down_hides_nothing_else() {
    let (mut place, _) = seeded();
    place.set("MINGJI_EPHEMERAL_URL", "redis://:topsecret@127.0.0.1:1/0");
    fault(&place, "ephemeral", &["Redis", "MINGJI_EPHEMERAL_URL"]);
    assert!(!finding(&place, "ephemeral").1.contains("topsecret"));
    assert_eq!(finding(&place, "database").0, "ok");
    assert_eq!(finding(&place, "clock").0, "ok");
}

#[test]
fn files_that_are_no_database_are_told_apart() {
    let mut place = Place::new();
    let at = |name: &str| place.path().join(name);
    let (text, folder, within) = (at("notes.txt"), at("folder"), at("notes.txt/mingji.db"));
    std::fs::write(&text, "what I wanted to remember: 名籍").unwrap();
    std::fs::create_dir(&folder).unwrap();
    let far = at("not/yet/mingji.db");
    for (file, hint) in [(&text, "mingji restore"), (&folder, "is a folder"), (&within, "is a file")] {
        place.set("MINGJI_DATABASE_URL", format!("sqlite://{}", file.display()));
        fault(&place, "database", &[hint, &file.to_string_lossy()]);
        let count = place.run(&["registry", "count"]);
        assert!(count.code == Some(1) && count.err.contains(hint), "{}", count.err);
    }
    place.set("MINGJI_DATABASE_URL", format!("sqlite://{}", far.display()));
    let (state, say) = finding(&place, "database");
    assert!(
        state == "warning" && say.contains("the first start makes it") && say.contains("nor is its folder"),
        "{say}"
    );
    assert_eq!(std::fs::read(&text).unwrap(), "what I wanted to remember: 名籍".as_bytes());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
}

#[test]
fn a_server_that_is_down_or_lacks_the_database_is_told() {
    let mut place = Place::new().with("MINGJI_DATABASE_URL", "postgres://u:topsecret@127.0.0.1:1/mingji");
    let (state, say) = finding(&place, "database");
    assert!(state == "fault" && say.contains("PostgreSQL runs") && !say.contains("topsecret"), "{say}");
    let Some(mut server) = need::postgres() else { return };
    server.set_path("mingji_it_nowhere");
    place.set("MINGJI_DATABASE_URL", server.as_str());
    fault(&place, "database", &["mingji_it_nowhere", "createdb"]);
    let _ = server.set_password(Some("wrong"));
    place.set("MINGJI_DATABASE_URL", server.as_str());
    fault(&place, "database", &["password", "MINGJI_DATABASE_URL"]);
}

#[test]
fn a_certificate_is_loaded_with_its_key() {
    let mut place = Place::new();
    let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (one, other) = (made(), made());
    let at = |name: &str| place.path().join(name);
    let (cert, key, stranger) = (at("cert.pem"), at("key.pem"), at("other.pem"));
    for (file, text) in [
        (&cert, one.cert.pem()),
        (&key, one.signing_key.serialize_pem()),
        (&stranger, other.signing_key.serialize_pem()),
    ] {
        std::fs::write(file, text).unwrap();
    }
    let missing = at("missing.pem");
    place.set("MINGJI_TLS_CERT", cert.to_string_lossy());
    place.set("MINGJI_TLS_KEY", key.to_string_lossy());
    assert_eq!(finding(&place, "tls").0, "ok");
    for (other, hints) in [
        (&missing, &["MINGJI_TLS_KEY", "missing.pem", "can read"][..]),
        (&stranger, &["other.pem", "belongs to it"]),
        (&cert, &["PEM"]),
    ] {
        place.set("MINGJI_TLS_KEY", other.to_string_lossy());
        fault(&place, "tls", hints);
    }
    place.set("MINGJI_TLS_CERT", missing.to_string_lossy());
    fault(&place, "tls", &["MINGJI_TLS_CERT", "missing.pem"]);
}
