//! What opens a record or cannot be taken back alone asks for a sign-in of a short while ago (RFC 9470).

use std::time::Duration;

use serde_json::json;

use crate::support::api::for_api;
use crate::support::app::both_engines;
use crate::support::county::number;
use crate::support::relying_party::claims_of;

const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

both_engines! {
    async fn a_sign_in_of_long_ago_is_asked_for_again(app: TestApp) {
        let rp = app.client("platform_a");
        let mut visitor = app.visitor("school_admin");
        let tokens = visitor.sign_in_with(&rp, for_api(&app, &rp)).await;
        let steps = [
            ("GET", format!("/api/persons/{NOBODY}/record?approval={NOBODY}"), json!({})),
            ("POST", format!("/api/persons/{NOBODY}/death"), json!({ "date": "2026-01-01" })),
            ("POST", format!("/api/persons/{NOBODY}/name"), json!({ "name": "王改名" })),
            ("POST", format!("/api/persons/{NOBODY}/birth-date"), json!({ "birth_date": "2016-02-09" })),
            ("POST", format!("/api/persons/{NOBODY}/documents"), json!({ "label": "居民身份证", "number": number("20160203", 950) })),
            ("POST", format!("/api/persons/{NOBODY}/document-end"), json!({ "document": { "label": "居民身份证", "number": number("20160203", 950) }, "ended_as": "lost", "reason": "本人报失", "evidence": "报失回执" })),
            ("POST", format!("/api/institutions/{NOBODY}/students"), json!({ "name": "王小明", "document": { "label": "居民身份证", "number": number("20160203", 950) }, "class": "小学/2024/1班" })),
            ("POST", format!("/api/persons/{NOBODY}/guardians"), json!({ "guardian_id": NOBODY, "step": "end" })),
            ("POST", format!("/api/persons/{NOBODY}/personal-code"), json!({ "code": format!("G{}", number("20160203", 951)) })),
            ("POST", format!("/api/persons/{NOBODY}/stay"), json!({ "step": { "end": "07" } })),
            ("POST", format!("/api/claims/{NOBODY}/decision"), json!({ "verdict": "confirm" })),
            ("POST", "/api/claims/decisions".into(), json!({ "claims": [NOBODY], "verdict": "confirm" })),
            ("POST", format!("/api/errands/{NOBODY}/confirmation"), json!({})),
            ("POST", format!("/api/persons/{NOBODY}/post"), json!({ "step": { "leave": { "state": "07" } } })),
            ("POST", format!("/api/persons/{NOBODY}/post"), json!({ "step": { "move": { "to": "2136000781" } } })),
            ("POST", "/api/institutions".into(), json!({ "parent_id": NOBODY, "code": "2136000799", "name": "新校", "kind": "school" })),
            ("POST", format!("/api/institutions/{NOBODY}/code"), json!({ "code": "2136000799" })),
            ("POST", format!("/api/institutions/{NOBODY}/closure"), json!({})),
            ("POST", format!("/api/institutions/{NOBODY}/rights"), json!({ "person_id": NOBODY, "role": "school_roster" })),
            ("POST", format!("/api/rights/{NOBODY}/withdrawal"), json!({})),
            ("POST", "/api/merges".into(), json!({ "survivor": NOBODY, "absorbed": app.person("full_claims").person_id, "reason": "同一人" })),
            ("POST", format!("/api/merges/{NOBODY}/undo"), json!({ "reason": "弄错了" })),
            ("POST", format!("/api/institutions/{NOBODY}/export"), json!({})),
            ("POST", format!("/api/cases/{NOBODY}/decision"), json!({ "decision": "two_people", "reason": "两人" })),
            ("POST", format!("/api/approvals/{NOBODY}/decision"), json!({ "refuse": {} })),
        ];
        let young = app.nobody_at_api().with(&tokens.access());
        // Two steps, so that the session does not go idle.
        for _ in 0..2 {
            app.pass(Duration::from_secs(8 * 60));
            visitor.browser.open("/").await;
        }
        let refreshed = rp.refresh(&tokens.refresh()).await;
        let old = app.nobody_at_api().with(&refreshed.access());
        assert_eq!(claims_of(&old.token)["auth_time"], claims_of(&young.token)["auth_time"], "a refresh is no sign-in");
        assert_eq!(old.get("/api/me").await.status, 200, "looking around goes on");
        let suspended = old.post(&format!("/api/persons/{NOBODY}/stay"), &json!({ "step": "suspend" })).await;
        assert_eq!(suspended.status, 404, "what the same hand takes back asks for no other sign-in");
        for (method, path, body) in &steps {
            let answer = if *method == "GET" { old.get(path).await } else { old.post(path, body).await };
            assert_eq!((answer.status, answer.text("code").as_str()), (401, "insufficient_user_authentication"), "{path}: {answer:?}");
            let challenge = answer.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.contains("error=\"insufficient_user_authentication\"") && challenge.contains("max_age=\"900\""), "{challenge}");
        }
        // The client asks for a sign-in of that age, and goes on where she was.
        let keyed = async |token: &str| {
            let request = app.http.post(app.at("/api/merges")).bearer_auth(token).header("idempotency-key", "once");
            request.json(&json!({ "survivor": NOBODY, "absorbed": app.person("full_claims").person_id, "reason": "同一人" })).send().await.unwrap().status().as_u16()
        };
        assert_eq!(keyed(&old.token).await, 401);
        let again = visitor.sign_in_with(&rp, for_api(&app, &rp).with("max_age", "900")).await;
        let fresh = app.nobody_at_api().with(&again.access());
        assert_ne!(keyed(&fresh.token).await, 401, "the refusal is not kept under the key");
        for (method, path, body) in &steps {
            let answer = if *method == "GET" { fresh.get(path).await } else { fresh.post(path, body).await };
            assert!([200, 404, 409].contains(&answer.status), "{path}: {answer:?}");
        }
    }
}
