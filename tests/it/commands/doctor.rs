//! What the doctor finds, and that it says how to mend it.

use std::time::Duration;

use mingji::domain::time::Clock as _;
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
fn a_redis_that_forgets_is_told() {
    let Some(redis) = need::redis() else { return };
    let (mut place, _) = seeded();
    place.set("MINGJI_EPHEMERAL_URL", redis.as_str());
    let (state, say) = finding(&place, "ephemeral");
    let told = say.contains("appendonly yes") || say.contains("noeviction");
    assert_eq!((state.as_str(), told), if told { ("warning", true) } else { ("ok", false) }, "{say}");
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

/// A certificate for a host from one day to another, and its key; their files.
fn certified(place: &mut Place, host: &str, until: (i32, u8, u8)) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut asked = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    asked.not_before = rcgen::date_time_ymd(2020, 1, 1);
    asked.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    let cert = asked.self_signed(&key).unwrap();
    for (setting, name, text) in
        [("MINGJI_TLS_CERT", "cert.pem", cert.pem()), ("MINGJI_TLS_KEY", "key.pem", key.serialize_pem())]
    {
        let file = place.path().join(name);
        std::fs::write(&file, text).unwrap();
        place.set(setting, file.to_string_lossy());
    }
}

#[test]
fn a_certificate_that_nobody_believes_is_found() {
    let mut place = Place::new().with("MINGJI_ISSUER", "https://id.example.edu.cn");
    certified(&mut place, "id.example.edu.cn", (2020, 2, 1));
    fault(&place, "tls", &["ended at 2020-02-01", "put a new one"]);
    certified(&mut place, "www.example.edu.cn", (2099, 1, 1));
    fault(&place, "tls", &["not for id.example.edu.cn"]);
    // Behind a proxy it may have any name.
    place.set("MINGJI_TRUSTED_PROXIES", "10.0.0.5/32");
    assert_eq!(finding(&place, "tls").0, "warning");
    place.set("MINGJI_TRUSTED_PROXIES", "");
    for host in ["id.example.edu.cn", "*.example.edu.cn"] {
        certified(&mut place, host, (2099, 1, 1));
        let (state, say) = finding(&place, "tls");
        assert!(state == "ok" && say.contains("good until 2099-01-01"), "{say}");
    }
    place.set("MINGJI_MTLS_LISTEN", "127.0.0.1:8444");
    place.set("MINGJI_MTLS_ORIGIN", "https://mtls.id.example.edu.cn");
    fault(&place, "tls", &["not for mtls.id.example.edu.cn"]);
    let soon = mingji::telemetry::SystemClock.now().plus(Duration::from_secs(5 * 86_400)).to_rfc3339();
    let day = |range: std::ops::Range<usize>| soon[range].parse::<u16>().unwrap();
    place.set("MINGJI_MTLS_LISTEN", "");
    place.set("MINGJI_MTLS_ORIGIN", "");
    let until = (i32::from(day(0..4)), u8::try_from(day(5..7)).unwrap(), u8::try_from(day(8..10)).unwrap());
    certified(&mut place, "id.example.edu.cn", until);
    let (state, say) = finding(&place, "tls");
    assert!(state == "warning" && say.contains("renew it"), "{say}");
}

/// What the service would not start with, and what it starts with and stands open.
#[test]
fn what_stands_open_is_told() {
    let mut place = Place::new().with("MINGJI_LOG", "mingji=loud");
    fault(&place, "log", &["MINGJI_LOG"]);
    place.set("MINGJI_LOG", "info");
    assert_eq!(finding(&place, "log").0, "ok");
    place.set("MINGJI_ISSUER", "https://id.example.edu.cn");
    for (proxies, state, hint) in [
        ("", "warning", "MINGJI_TRUSTED_PROXIES"),
        ("10.0.0.0/8,::/0", "warning", "believes anybody"),
        ("10.0.0.5/32", "ok", "10.0.0.5/32"),
    ] {
        place.set("MINGJI_TRUSTED_PROXIES", proxies);
        let (found, say) = finding(&place, "proxies");
        assert!(found == state && say.contains(hint), "{proxies}: {say}");
    }
    // Whoever writes a header would be any client: that does not start either.
    place.set("MINGJI_MTLS_LISTEN", "127.0.0.1:0");
    place.set("MINGJI_MTLS_ORIGIN", "https://mtls.example.edu.cn");
    place.set("MINGJI_TRUSTED_PROXIES", "0.0.0.0/0");
    fault(&place, "configuration", &["MINGJI_TRUSTED_PROXIES", "the proxies alone"]);
    let refused = place.run(&["serve"]);
    assert!(refused.code == Some(1) && refused.err.contains("MINGJI_TRUSTED_PROXIES"), "{}", refused.err);
    place.set("MINGJI_TRUSTED_PROXIES", "10.0.0.5/32");
    place.set("MINGJI_DATABASE_URL", "postgres://u:topsecret@db.invalid/mingji");
    let ended = place.run(&["--json", "doctor"]);
    let findings: Value = serde_json::from_str(&ended.out).unwrap();
    let said: Vec<&str> = findings
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["what"] == "stores")
        .map(|finding| finding["say"].as_str().unwrap())
        .collect();
    assert!(
        said.len() == 2 && said[0].contains("MINGJI_EPHEMERAL_URL") && said[1].contains("sslmode=verify-full"),
        "{said:?}"
    );
    assert!(!ended.out.contains("topsecret"), "{}", ended.out);
}
