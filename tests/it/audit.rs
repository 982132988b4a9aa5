//! The audit log: in a file that needs no register, and with what an auditor asks for in each entry.

mod forged;
mod left;
mod states;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mingji::app::audit_file::verify_export;
use mingji::domain::audit::Entry;
use mingji::domain::time::Timestamp;
use mingji::keys::audit::link;
use serde_json::{Value, json};

use crate::support::app::both_engines;
use crate::support::database::{change, select_texts};

/// The file with another end: what is done from the entry `from` on was refused, and all hashes are right again. No secret is
/// needed for that.
fn rewritten(file: &str, from: i64) -> String {
    let mut previous = [0; 32];
    let mut written = Vec::new();
    for line in file.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if let Some(said) = line.get_mut("entry") {
            if said["seq"].as_i64().unwrap() >= from {
                said["result"] = json!("refused");
            }
            let text = |name: &str| said[name].as_str().unwrap().to_owned();
            let entry = Entry {
                id: text("id").parse().unwrap(),
                at: Timestamp::from_micros(said["at_micros"].as_i64().unwrap()),
                actor: said["actor"].clone(),
                action: text("action"),
                target: said["target"].clone(),
                result: text("result"),
                reason: said["reason"].as_str().map(str::to_owned),
                request_id: text("request_id").parse().unwrap(),
                details: said["details"].clone(),
            };
            previous = link(&previous, &entry.canonical());
            said["hash"] = json!(STANDARD.encode(previous));
        }
        written.push(line.to_string());
    }
    written.join("\n")
}

/// The faults of a file.
fn faults(file: &str, key: &str) -> Vec<String> {
    let verdict = verify_export(file.as_bytes(), Some(key), &[]).unwrap();
    assert_eq!(verdict.holds, verdict.faults.is_empty());
    verdict.faults
}

both_engines! {
    async fn an_export_is_verified_without_the_register(app: TestApp) {
        app.teacher().sign_in(&app.client("platform_a")).await;
        app.numbered().await;
        let mut file = Vec::new();
        let entries = app.app.export_audit(&app.operator(), &mut file).await.unwrap();
        let (file, key) = (String::from_utf8(file).unwrap(), app.app.audit_key());
        assert!(entries > 5 && faults(&file, &key).is_empty(), "{:?}", faults(&file, &key));
        let lines: Vec<&str> = file.lines().collect();
        let first = lines.iter().position(|line| line.starts_with("{\"entry\"")).unwrap();
        assert_eq!(i64::try_from(lines.len() - first).unwrap(), entries);

        let changed = file.replacen("\"result\":\"done\"", "\"result\":\"refused\"", 1);
        assert_ne!(changed, file);
        let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().join("\n");
        let mut swapped = lines.clone();
        swapped.swap(first + 1, first + 2);
        for (what, broken) in [
            ("changed", changed), ("the first removed", without(first)), ("one removed", without(first + 2)),
            ("the last removed", without(lines.len() - 1)), ("reordered", swapped.join("\n")), ("all removed", lines[..first].join("\n")),
        ] {
            assert!(!faults(&broken, &key).is_empty(), "{what}");
        }
        // Whoever rewrites the whole file signs it with a key of his own.
        let forged = format!("{}=", "A".repeat(43));
        assert!(!faults(&file, &forged).is_empty());
        assert!(verify_export(file.as_bytes(), None, &[]).unwrap().anchor.starts_with("none"));
        assert!(verify_export("{}".as_bytes(), None, &[]).is_err() && verify_export(file.as_bytes(), Some("x"), &[]).is_err());
        // A checkpoint that was kept elsewhere finds what a shorter file leaves out.
        let later = app.app.checkpoint().await.unwrap().unwrap();
        let shorter = lines[..first + 3].iter().filter(|line| !line.starts_with("{\"checkpoint\"")).copied().collect::<Vec<_>>().join("\n");
        assert!(!faults(&shorter, &key).is_empty(), "nobody signed where it ends");
        assert!(!verify_export(shorter.as_bytes(), Some(&key), &[later]).unwrap().holds);
    }

    /// Hashes anybody can write; a signature only the register.
    async fn a_file_is_signed_to_its_end(app: TestApp) {
        app.teacher().sign_in(&app.client("platform_a")).await;
        app.numbered().await;
        let early = app.app.checkpoint().await.unwrap().unwrap();
        app.teacher().sign_in(&app.client("platform_a")).await;
        let mut file = Vec::new();
        let entries = app.app.export_audit(&app.operator(), &mut file).await.unwrap();
        let (file, key) = (String::from_utf8(file).unwrap(), app.app.audit_key());
        let last: Value = serde_json::from_str(file.lines().last().unwrap()).unwrap();
        assert_eq!((&last["entry"]["action"], &last["entry"]["details"]["exported"]), (&json!("audit.read"), &json!(true)), "who takes it is in it");
        let unsigned = |file: &str, from: i64| -> String {
            let signed = |line: &Value| line["checkpoint"]["seq"].as_i64().is_none_or(|seq| seq < from);
            file.lines().filter(|line| signed(&serde_json::from_str(line).unwrap())).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(rewritten(&file, entries + 1).lines().count(), file.lines().count());
        assert!(faults(&rewritten(&file, entries + 1), &key).is_empty(), "nothing was changed");
        for from in [1, early.seq + 1, entries] {
            assert!(!faults(&rewritten(&file, from), &key).is_empty(), "{from}: a checkpoint says otherwise");
            let found = faults(&unsigned(&rewritten(&file, from), from), &key);
            assert!(found.iter().any(|fault| fault.contains("no checkpoint is signed")), "{from}: {found:?}");
            let told = verify_export(unsigned(&rewritten(&file, from), from).as_bytes(), Some(&key), &[]).unwrap();
            assert_eq!((told.signed_through, told.anchor.starts_with("none")), if from == 1 { (0, true) } else { (early.seq, false) });
        }
        assert!(!faults(unsigned(&file, 1).lines().next().unwrap(), &key).is_empty(), "nothing is no log");
        // Anchors that were compared with nothing are none.
        let none = verify_export(file.as_bytes(), None, &[]).unwrap();
        assert_eq!((none.holds, none.signed_through, none.anchor.starts_with("none")), (true, entries, true));
    }

    async fn an_entry_says_by_which_rights(app: TestApp) {
        let school = app.at_api("school_admin").await;
        let org = school.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
        let answer = school.get(&format!("/api/institutions/{org}/staff")).await;
        let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        let sql = "SELECT CAST(actor AS TEXT) || '|' || CAST(target AS TEXT) FROM audit_entry WHERE action = 'roster.viewed'";
        let entry = select_texts(&app.database.url, sql).await.pop().unwrap();
        let (actor, target) = entry.split_once('|').unwrap();
        let (actor, target): (Value, Value) = (serde_json::from_str(actor).unwrap(), serde_json::from_str(target).unwrap());
        assert_eq!((&actor["kind"], &actor["rights"]), (&json!("person"), &json!([{ "role": "school_admin", "institution": org }])));
        assert_eq!((&target["institution"], actor["ip"].is_string()), (&json!(org), true));
        let hex = if app.database.url.starts_with("sqlite") { "lower(hex(request_id))" } else { "replace(CAST(request_id AS TEXT), '-', '')" };
        let noted = select_texts(&app.database.url, &format!("SELECT {hex} FROM audit_entry WHERE action = 'roster.viewed'")).await;
        assert_eq!(noted, [request.replace('-', "")]);
    }
    /// What is old ends, and what is left is verified from where it begins.
    async fn the_log_ends_from_its_beginning(app: TestApp) {
        const YEAR: Duration = Duration::from_secs(366 * 86_400);
        let sign_in = || async {
            app.teacher().sign_in(&app.client("platform_a")).await;
            app.numbered().await;
            app.app.checkpoint().await.unwrap().unwrap().seq
        };
        let export = || async {
            let mut file = Vec::new();
            app.app.export_audit(&app.operator(), &mut file).await.unwrap();
            String::from_utf8(file).unwrap()
        };
        let key = app.app.audit_key();
        let old = sign_in().await;
        let org = app.at_api("school_admin").await.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
        app.at_api("school_admin").await.get(&format!("/api/institutions/{org}/staff")).await;
        let shown = sign_in().await;
        app.pass(YEAR * 2);
        let later = app.app.now().micros();
        let younger = sign_in().await;
        app.app.end_what_is_old().await.unwrap();
        assert_eq!(app.app.verify_audit(&[]).await.unwrap().begins_at, 1, "two years are not three");
        app.pass(YEAR + Duration::from_secs(86_400));
        sign_in().await;
        let whole = export().await;
        let number = async |sql: &str| select_texts(&app.database.url, sql).await[0].parse::<i64>().unwrap();
        let events = format!("SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE at < {later}");
        let given = "SELECT CAST(MAX(seq) AS TEXT) FROM feed";
        let (old_events, last_given) = (number(&events).await, number(given).await);
        assert!(old_events > 1);
        app.app.end_what_is_old().await.unwrap();
        app.numbered().await;
        let verdict = app.app.verify_audit(&[]).await.unwrap();
        assert_eq!((verdict.holds, verdict.begins_at), (true, shown + 1), "{verdict:?}");
        assert!(old < shown && shown < younger);
        let rest = export().await;
        assert!(rest.len() < whole.len() && faults(&rest, &key).is_empty(), "{:?}", faults(&rest, &key));
        let listed = select_texts(&app.database.url, "SELECT CAST(COUNT(*) AS TEXT) FROM disclosure").await;
        assert_eq!(listed, ["0"], "nobody is told of it for longer");
        assert_eq!((number(&events).await, number(given).await), (0, last_given), "events end with the entries of their time");
        // Whoever takes away more, or takes away the same where the register did not, is found.
        let from = |file: &str, seq: i64| -> String {
            let number = |line: &str| serde_json::from_str::<Value>(line).unwrap()["entry"]["seq"].as_i64();
            file.lines().filter(|line| number(line).is_none_or(|n| n > seq)).collect::<Vec<_>>().join("\n")
        };
        assert!(faults(&from(&whole, 0), &key).is_empty());
        for seq in [old, shown, younger] {
            assert!(!faults(&from(&whole, seq), &key).is_empty(), "no entry says so");
        }
        assert!(!faults(&from(&rest, younger), &key).is_empty());
        assert!(!faults(&from(&rest, shown + 1), &key).is_empty());
    }

    /// What platforms were given is kept for three years, whatever the setting for the log says.
    async fn what_platforms_read_is_kept_as_long_as_disclosures(app: TestApp) {
        let short = app.twin_with(|parts| parts.lifetimes.audit_log = mingji::domain::audit::LOG_FLOOR).await;
        let old = async |_: &str| {
            app.app.note_restored(&app.operator(), app.app.now()).await.unwrap();
            app.numbered().await;
            app.app.checkpoint().await.unwrap().unwrap().seq
        };
        let first = old("before").await;
        change(&app.database.url, &format!("UPDATE audit_entry SET action = 'feed.read' WHERE id = (SELECT entry_id FROM audit_link WHERE seq = {first})")).await;
        app.pass(Duration::from_secs(400 * 86_400));
        old("a year later").await;
        let begins = async || select_texts(&app.database.url, "SELECT CAST(MIN(seq) AS TEXT) FROM audit_link").await[0].parse::<i64>().unwrap();
        short.end_what_is_old().await.unwrap();
        assert_eq!(begins().await, 1);
        app.pass(Duration::from_secs(700 * 86_400));
        old("three years later").await;
        short.end_what_is_old().await.unwrap();
        assert!(begins().await > first);
        short.close().await;
    }

    /// A register that wrote more than a few entries a second for years has as much to end.
    async fn however_much_is_old_ends_in_one_run(app: TestApp) {
        for _ in 0..30 {
            app.app.note_restored(&app.operator(), app.app.now()).await.unwrap();
            app.numbered().await;
            app.app.checkpoint().await.unwrap();
        }
        app.pass(Duration::from_secs(1_200 * 86_400));
        app.app.note_restored(&app.operator(), app.app.now()).await.unwrap();
        app.numbered().await;
        let last = app.app.checkpoint().await.unwrap().unwrap().seq;
        app.app.end_what_is_old().await.unwrap();
        app.numbered().await;
        let verdict = app.app.verify_audit(&[]).await.unwrap();
        assert_eq!((verdict.holds, verdict.begins_at), (true, last), "{verdict:?}");
    }
}
