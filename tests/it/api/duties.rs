//! 三员分离 over the API: who audits reads what was done, who minds security minds accounts, who minds privacy opens records for
//! others and sees whose was opened; each of them sees nothing else.

use mingji::domain::registry::codes::admin_role::AdminRole;
use serde_json::{Value, json};

use super::students::{Schools, schools};
use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers, text};

const NOBODY: &str = "01900000-0000-7000-8000-00000000abcd";

async fn open(app: &TestApp) -> Schools {
    county::open(app).await;
    pupils(
        app,
        &[pupil(SCHOOL, "王小明", &number("20160203", 2), None), pupil(OTHER, "李小红", &number("20160203", 4), None)],
    )
    .await;
    schools(app).await
}

pub async fn with(app: &TestApp, serial: u32, org: &str, role: AdminRole) -> Caller {
    let admin = county::administrator(app, serial, org, role).await;
    app.at_api_through("platform_b", admin, COUNTY).await
}

/// Each of these answers is what somebody gets who may nothing here.
async fn sees_none_of(caller: &Caller, paths: &[String]) {
    for path in paths {
        let answer = caller.get(path).await;
        assert_eq!((answer.status, problem(&answer).as_str()), (404, "not_found"), "{path}");
    }
}

both_engines! {
    async fn an_auditor_reads_what_was_done_below_her_and_nothing_else(app: TestApp) {
        let Schools { school, other, org, other_org } = open(&app).await;
        let child = called(&app, "王小明").await[0];
        let exported = school.post(&format!("/api/institutions/{org}/export"), &json!({ "purpose": "核对名册" })).await;
        assert_eq!(exported.status, 200, "{exported:?}");
        assert_eq!(school.get(&format!("/api/persons/{child}")).await.status, 200);
        assert_eq!(other.get(&format!("/api/institutions/{other_org}/students")).await.status, 200);
        let auditor = with(&app, 70, SCHOOL, AdminRole::Audit).await;
        app.numbered().await;
        let all = auditor.all("/api/audit?limit=3").await;
        let numbers: Vec<i64> = all.iter().map(|row| row["seq"].as_i64().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] > pair[1]), "the newest first, each once: {numbers:?}");
        let did = |action: &str| all.iter().filter(|row| row["action"] == action).count();
        assert_eq!((did("roster.exported"), did("person.viewed"), did("roster.viewed")), (1, 1, 0), "{all:?}");
        let export = all.iter().find(|row| row["action"] == "roster.exported").unwrap();
        assert_eq!((&export["reason"], &export["target"]["institution"], &export["actor"]["rights"][0]["role"]), (&json!("核对名册"), &json!(org), &json!("school_admin")), "{export}");
        let text = json!(all).to_string();
        for value in [other_org.as_str(), "王小明", "李小红", &number("20160203", 2), "13700000001", "127.0.0.1"] {
            assert!(!text.contains(value), "{value}: {text}");
        }
        let some = auditor.all(&format!("/api/audit?org={org}&action=person.viewed")).await;
        assert_eq!((some.len(), &some[0]["target"]["person"]), (1, &json!(child.to_string())));
        app.numbered().await;
        assert!(!auditor.all("/api/audit?action=audit.read").await.is_empty(), "reading is an entry");

        sees_none_of(&auditor, &[
            "/api/institutions".into(), format!("/api/institutions/{org}/students"), format!("/api/persons/{child}"), format!("/api/institutions/{org}/accounts"),
            format!("/api/persons/{child}/disclosures"), format!("/api/persons/{child}/sessions"), "/api/approvals?whose=waiting".into(),
        ]).await;
        sees_none_of(&school, &["/api/audit".into()]).await;
        let [outside, nowhere] = [auditor.get(&format!("/api/audit?org={other_org}")).await, auditor.get(&format!("/api/audit?org={NOBODY}")).await];
        assert_eq!((outside.status, outside.text("detail")), (404, nowhere.text("detail")));
    }

    async fn security_minds_accounts_and_sees_no_roster(app: TestApp) {
        let Schools { school, org, .. } = open(&app).await;
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102)), teacher(SCHOOL, "教师乙", &number("19750203", 104)), teacher(OTHER, "教师乙", &number("19750203", 104))]).await;
        let (hers, both) = (called(&app, "教师甲").await[0], called(&app, "教师乙").await[0]);
        let (child, stranger) = (called(&app, "王小明").await[0], called(&app, "李小红").await[0]);
        let (guard, signed_in) = (with(&app, 72, SCHOOL, AdminRole::Security).await, app.at_api_as(hers, COUNTY).await);
        let accounts = guard.all(&format!("/api/institutions/{org}/accounts?limit=2")).await;
        let line = accounts.iter().find(|row| row["person_id"] == json!(hers.to_string())).unwrap();
        assert_eq!((&line["state"], line.get("name")), (&json!("active"), None), "{accounts:?}");
        assert!(!json!(accounts).to_string().contains("教师") && accounts.iter().all(|row| row["person_id"] != json!(stranger.to_string())));
        sees_none_of(&guard, &["/api/institutions".into(), format!("/api/institutions/{org}/students"), format!("/api/persons/{child}"), "/api/audit".into()]).await;

        let path = |who: &dyn std::fmt::Display, verb: &str| format!("/api/persons/{who}/{verb}");
        let sessions = guard.get(&path(&hers, "sessions")).await;
        assert_eq!((sessions.status, sessions.body.as_array().unwrap().len()), (200, 1), "{sessions:?}");
        let own = "/api/me/disclosures";
        let told = signed_in.all(own).await;
        for look in ["sessions.viewed", "accounts.viewed"] {
            assert!(told.iter().any(|one| one["action"] == look && one["by"] == "管理员72"), "she reads that somebody looked: {told:?}");
        }
        assert_eq!(guard.get(&format!("/api/institutions/{org}/accounts?limit=50")).await.status, 400, "a list of people");
        let listed = text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'accounts.viewed'").await;
        assert!(listed.parse::<usize>().unwrap() > 1, "each page of accounts is an entry: {listed}");
        let handle = sessions.body[0]["handle"].clone();
        assert_eq!(school.post(&path(&hers, "sign-out"), &json!({ "session": handle })).await.status, 404, "a handle is its viewer's");
        let out = guard.post_once(&path(&hers, "sign-out"), "k-1", &json!({ "session": handle })).await;
        assert_eq!((out.status, &out.body["sessions_ended"]), (200, &json!(1)), "{out:?}");
        assert_eq!(guard.post_once(&path(&hers, "sign-out"), "k-1", &json!({ "session": handle })).await.body, out.body);
        app.pass(std::time::Duration::from_secs(2));
        assert_eq!(signed_in.get(own).await.status, 401);

        let again = app.at_api_as(hers, COUNTY).await;
        let why = json!({ "reason": "账号被盗用" });
        let locked = guard.post(&path(&hers, "account-lock"), &why).await;
        assert_eq!((locked.status, &locked.body["state"]), (200, &json!("admin_locked")), "{locked:?}");
        app.pass(std::time::Duration::from_secs(2));
        assert_eq!(again.get(own).await.status, 401, "what she held ended");
        assert_eq!(guard.post(&path(&hers, "account-lock"), &why).await.status, 409);
        assert_eq!(school.post(&path(&hers, "activation-code"), &json!({})).await.status, 409, "a code does not open what is locked");
        let free = guard.post(&path(&hers, "account-unlock"), &json!({})).await;
        assert_eq!((free.status, &free.body["state"]), (200, &json!("active")), "{free:?}");

        // Whoever is elsewhere too, administers here, or is nobody: the same.
        let head = called(&app, "管理员60").await[0];
        for who in [both.to_string(), head.to_string(), stranger.to_string(), NOBODY.into()] {
            for (verb, body) in [("account-lock", &why), ("account-unlock", &json!({})), ("sign-out", &json!({})), ("activation-code", &json!({}))] {
                let answer = guard.post(&path(&who, verb), body).await;
                assert_eq!((answer.status, problem(&answer).as_str()), (404, "not_found"), "{who} {verb}");
            }
            assert_eq!(guard.get(&path(&who, "sessions")).await.status, 404);
        }
        assert_eq!(school.post(&path(&both, "account-lock"), &why).await.status, 404, "the other school holds her too");
        assert_eq!(guard.post(&path(&child, "activation-code"), &json!({})).await.status, 404, "no key for whoever minds the lock");
        let code = school.post(&path(&child, "activation-code"), &json!({})).await;
        assert!(code.status == 200 && code.text("link").ends_with(&code.text("code")), "{code:?}");
        let second = school.post(&path(&child, "activation-code"), &json!({})).await;
        assert_ne!(second.text("code"), code.text("code"));
        let view = |code: String| { let app = app.clone(); async move { app.app.show_activation(&app.operator(), &code).await.unwrap().is_ok() } };
        assert_eq!((view(code.text("code")).await, view(second.text("code")).await), (false, true), "the later one counts");
    }

    async fn privacy_opens_for_others_and_sees_what_was_opened(app: TestApp) {
        let Schools { school, org, .. } = open(&app).await;
        let child = called(&app, "王小明").await[0];
        let (privacy, elsewhere) = (with(&app, 74, SCHOOL, AdminRole::Privacy).await, with(&app, 76, OTHER, AdminRole::Privacy).await);
        let asked = school.post("/api/approvals", &json!({ "opens": { "person_id": child }, "purpose": "核对学籍信息" })).await;
        let decision = format!("/api/approvals/{}/decision", asked.text("id"));
        assert_eq!(elsewhere.all("/api/approvals?whose=waiting").await, Vec::<Value>::new());
        assert_eq!(elsewhere.post(&decision, &json!({ "approve_for_hours": 1 })).await.status, 404);
        let waiting = privacy.all("/api/approvals?whose=waiting").await;
        assert_eq!((waiting.len(), &waiting[0]["id"]), (1, &asked.body["id"]), "{waiting:?}");
        let yes = privacy.post_once(&decision, "k-1", &json!({ "approve_for_hours": 1 })).await;
        assert_eq!((yes.status, &yes.body["state"]), (200, &json!("approved")), "{yes:?}");
        assert_eq!(privacy.post_once(&decision, "k-1", &json!({ "approve_for_hours": 1 })).await.body, yes.body);
        let record = format!("/api/persons/{child}/record?approval={}", asked.text("id"));
        assert_eq!(school.get(&record).await.status, 200);
        let shown = privacy.all(&format!("/api/persons/{child}/disclosures?limit=1")).await;
        let opened = shown.iter().find(|one| one["action"] == "person.record_viewed").unwrap();
        assert_eq!((&opened["purpose"], &opened["institution"], &opened["by"]), (&json!("核对学籍信息"), &json!("第七实验小学"), &json!("管理员60")), "{shown:?}");
        sees_none_of(&privacy, &[record, format!("/api/persons/{child}"), "/api/institutions".into(), format!("/api/institutions/{org}/students"), "/api/audit".into()]).await;
        sees_none_of(&elsewhere, &[format!("/api/persons/{child}/disclosures"), format!("/api/persons/{NOBODY}/disclosures")]).await;
        sees_none_of(&school, &[format!("/api/persons/{child}/disclosures")]).await;
    }

    /// Whoever administers two schools and looked for the one of them: why is nothing to the other.
    async fn privacy_does_not_read_what_was_shown_by_another_right(app: TestApp) {
        let Schools { other_org, .. } = open(&app).await;
        teachers(&app, &[teacher(SCHOOL, "教师乙", &number("19750203", 104)), teacher(OTHER, "教师乙", &number("19750203", 104))]).await;
        let both = called(&app, "教师乙").await[0];
        let doubly = with(&app, 78, SCHOOL, AdminRole::School).await;
        app.app.grant_admin(&app.operator(), called(&app, "管理员78").await[0], AdminRole::School, OTHER).await.unwrap();
        assert_eq!(doubly.get(&format!("/api/institutions/{other_org}/staff")).await.status, 200);
        let looks = async |privacy: &Caller| {
            let shown = privacy.all(&format!("/api/persons/{both}/disclosures")).await;
            shown.iter().filter(|one| one["by"] == "管理员78").count()
        };
        let (hers, others) = (with(&app, 74, SCHOOL, AdminRole::Privacy).await, with(&app, 76, OTHER, AdminRole::Privacy).await);
        assert_eq!((looks(&hers).await, looks(&others).await), (0, 1));
        // Of two rights above each other the nearer one is the school's own.
        let above = with(&app, 80, COUNTY, AdminRole::County).await;
        app.app.grant_admin(&app.operator(), called(&app, "管理员80").await[0], AdminRole::School, OTHER).await.unwrap();
        assert_eq!(above.get(&format!("/api/institutions/{other_org}/staff")).await.status, 200);
        let shown = others.all(&format!("/api/persons/{both}/disclosures")).await;
        assert!(shown.iter().any(|one| one["by"] == "管理员80"), "{shown:?}");
    }
}
