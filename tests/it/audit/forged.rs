//! Whoever writes to the database, and does not hold the key, is found: she takes the beginning of the log away in the register's
//! name, changes who reads that she was looked at, or keeps an entry from its number.

use std::time::Duration;

use mingji::app::audit_file::verify_export;

use crate::support::app::{TestApp, both_engines};
use crate::support::database::{change, select_texts};

async fn faults(app: &TestApp) -> Vec<String> {
    app.app.verify_audit(&[]).await.unwrap().faults
}

async fn sign_in(app: &TestApp) -> i64 {
    app.teacher().sign_in(&app.client("platform_a")).await;
    app.numbered().await;
    app.app.checkpoint().await.unwrap().unwrap().seq
}

both_engines! {
    async fn nobody_but_the_register_ends_the_log(app: TestApp) {
        let through = sign_in(&app).await;
        app.pass(Duration::from_secs(366 * 86_400));
        sign_in(&app).await;
        assert_eq!(faults(&app).await, [""; 0]);
        let (id, details) = match app.database.url.starts_with("sqlite") {
            true => ("X'0190000000007000800000000000abcd'".to_owned(), format!("'{{\"through\":{through}}}'")),
            false => ("CAST('01900000-0000-7000-8000-00000000abcd' AS UUID)".to_owned(), format!("CAST('{{\"through\":{through}}}' AS JSONB)")),
        };
        for forged in [
            &format!("INSERT INTO audit_entry (id, at, actor, action, target, result, reason, request_id, details)
                SELECT {id}, at, actor, 'audit.trimmed', target, result, reason, request_id, {details} FROM audit_entry ORDER BY at DESC LIMIT 1"),
            &format!("INSERT INTO pending (id, kind) VALUES ({id}, 'audit')"),
        ] {
            change(&app.database.url, forged).await;
        }
        app.numbered().await;
        app.app.checkpoint().await.unwrap();
        for gone in [
            format!("DELETE FROM audit_link WHERE seq <= {through}"),
            "DELETE FROM audit_entry WHERE id NOT IN (SELECT entry_id FROM audit_link)".to_owned(),
        ] {
            change(&app.database.url, &gone).await;
        }
        let found = faults(&app).await;
        assert!(found.iter().any(|fault| fault.contains("the register did not")), "{found:?}");
        let mut file = Vec::new();
        app.app.export_audit(&app.operator(), &mut file).await.unwrap();
        let exported = verify_export(file.as_slice(), Some(&app.app.audit_key()), &[]).unwrap();
        assert!(!exported.holds, "nor from an export");
    }

    async fn whom_a_look_showed_stands_in_the_chain(app: TestApp) {
        let school = app.at_api("school_admin").await;
        let org = school.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(school.get(&format!("/api/institutions/{org}/staff")).await.status, 200);
        app.numbered().await;
        assert_eq!(faults(&app).await, [""; 0]);
        let entry = "(SELECT id FROM audit_entry WHERE action = 'roster.viewed')";
        // Somebody who was not shown.
        let other = format!("(SELECT MAX(CAST(id AS TEXT)) FROM person WHERE id NOT IN (SELECT person_id FROM disclosure WHERE entry_id = {entry}))");
        let other = match app.database.url.starts_with("sqlite") {
            true => format!("(SELECT id FROM person WHERE id NOT IN (SELECT person_id FROM disclosure WHERE entry_id = {entry}) LIMIT 1)"),
            false => format!("CAST({other} AS UUID)"),
        };
        change(&app.database.url, &format!("INSERT INTO disclosure (person_id, entry_id, at) SELECT {other}, entry_id, 1 FROM disclosure WHERE entry_id = {entry} LIMIT 1")).await;
        assert_eq!(faults(&app).await.len(), 1, "one was put in");
        change(&app.database.url, &format!("DELETE FROM disclosure WHERE entry_id = {entry} AND at = 1")).await;
        assert_eq!(faults(&app).await, [""; 0]);
        change(&app.database.url, &format!("DELETE FROM disclosure WHERE entry_id = {entry}")).await;
        let found = faults(&app).await;
        assert!(found.len() == 1 && found[0].contains("was changed"), "{found:?}");
        // A note that rows were forgotten by then hides nothing that law keeps.
        let today = app.app.now().to_rfc3339();
        change(&app.database.url, &format!("INSERT INTO meta (name, value, updated_at) VALUES ('disclosures_forgotten_before', '{today}', 1) ON CONFLICT (name) DO UPDATE SET value = excluded.value")).await;
        assert_eq!(faults(&app).await, found);
    }

    async fn what_auditors_find_is_what_the_chain_names(app: TestApp) {
        let school = app.at_api("school_admin").await;
        let org = school.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(school.get(&format!("/api/institutions/{org}/staff")).await.status, 200);
        app.numbered().await;
        assert_eq!(faults(&app).await, [""; 0]);
        let seq = "(SELECT l.seq FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id WHERE e.action = 'roster.viewed')";
        let hidden = format!("UPDATE audit_place SET seq = -seq WHERE seq IN {seq}");
        change(&app.database.url, &hidden).await;
        let found = faults(&app).await;
        assert!(found.len() == 1 && found[0].contains("which auditors read"), "kept from them: {found:?}");
        change(&app.database.url, "UPDATE audit_place SET seq = -seq WHERE seq < 0").await;
        assert_eq!(faults(&app).await, [""; 0]);
        let elsewhere = format!("INSERT INTO audit_place (org_id, seq) SELECT id, {seq} FROM institution WHERE id NOT IN (SELECT org_id FROM audit_place WHERE seq = {seq}) ORDER BY id LIMIT 1");
        change(&app.database.url, &elsewhere).await;
        assert_eq!(faults(&app).await.len(), 1, "shown to others");
    }

    async fn an_entry_that_is_kept_from_its_number_is_found(app: TestApp) {
        sign_in(&app).await;
        // The running provider may be quicker with its number.
        let kept = "SELECT CAST(COUNT(*) AS TEXT) FROM pending WHERE kind = 'event' AND id IN (SELECT id FROM audit_entry)";
        for _ in 0..50 {
            app.teacher().sign_in(&app.client("platform_a")).await;
            change(&app.database.url, "UPDATE pending SET kind = 'event' WHERE kind = 'audit'").await;
            if select_texts(&app.database.url, kept).await != ["0"] {
                break;
            }
        }
        while app.app.number_pending().await.unwrap() > 0 {}
        assert!(faults(&app).await.iter().any(|fault| fault.contains("lost their number")));
        change(&app.database.url, "UPDATE pending SET kind = 'audit' WHERE kind = 'event'").await;
        app.numbered().await;
        assert_eq!(faults(&app).await, [""; 0]);
        change(&app.database.url, "INSERT INTO pending (id, kind) SELECT request_id, 'audit' FROM audit_entry ORDER BY id LIMIT 1").await;
        assert!(faults(&app).await.iter().any(|fault| fault.contains("by no entry")));
    }

    async fn an_export_of_yesterday_is_no_broken_one(app: TestApp) {
        sign_in(&app).await;
        let mut file = Vec::new();
        app.app.export_audit(&app.operator(), &mut file).await.unwrap();
        sign_in(&app).await;
        let later = app.app.checkpoint().await.unwrap().unwrap();
        let verdict = verify_export(file.as_slice(), Some(&app.app.audit_key()), std::slice::from_ref(&later)).unwrap();
        assert_eq!((verdict.holds, verdict.ends_before), (true, Some(later.seq)), "{verdict:?}");
        assert_eq!(select_texts(&app.database.url, "SELECT CAST(COUNT(*) AS TEXT) FROM audit_checkpoint").await, ["3"]);
    }
}
