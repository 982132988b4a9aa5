//! Who may call the API: a token of ours for it, in the name of somebody who administers something now.

use chrono::NaiveDate;
use mingji::app::relation_claim::Decider;
use serde_json::{Value, json};

use crate::oidc::client_credentials::{GRADES, ask, machine, resource};
use crate::support::api::{for_api, problem};
use crate::support::app::{TestApp, both_engines};

/// Every operation of the document, with nobody's ids in its path.
pub async fn operations(app: &TestApp) -> Vec<(String, String)> {
    let document: Value = app.http.get(app.at("/api/openapi.json")).send().await.unwrap().json().await.unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            let filled: Vec<&str> = path
                .split('/')
                .map(|part| if part.starts_with('{') { "00000000-0000-7000-8000-000000000000" } else { part })
                .collect();
            found.push((method.to_uppercase(), filled.join("/")));
        }
    }
    assert!(found.len() > 5, "the document has operations");
    found
}

both_engines! {
    async fn nobody_calls_without_a_right(app: TestApp) {
        let teacher = app.at_api("full_claims").await;
        let rp = app.client("platform_a");
        let userinfo = app.visitor("school_admin").sign_in(&rp).await.access();
        resource(&app, GRADES, &["grades.read"]).await;
        let grades = ask(&machine(&app, json!({})).await, &[]).await.access();
        let admin = app.at_api("school_admin").await;
        assert_eq!(admin.get("/api/me").await.status, 200);
        let ask = rp.ask().with("scope", "openid mingji.admin").with("resource", &app.api());
        let admin_alone = app.nobody_at_api().with(&app.visitor("school_admin").sign_in_with(&rp, ask).await.access());
        let (head, tail) = admin.token.rsplit_once('.').unwrap();
        let forged = format!("{head}.{}", tail.chars().rev().collect::<String>());
        for (method, path) in operations(&app).await {
            let nobody = app.nobody_at_api();
            let answer = nobody.call(&method, &path).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (401, "unauthorized"), "{method} {path}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"mingji\"");
            for token in ["garbage", forged.as_str(), userinfo.as_str(), grades.as_str()] {
                let answer = nobody.with(token).call(&method, &path).await;
                assert_eq!((answer.status, problem(&answer).as_str()), (401, "invalid_token"), "{method} {path} {token}");
                assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"mingji\", error=\"invalid_token\"");
            }
            // Hers is what is about herself, and nothing else.
            let answer = teacher.call(&method, &path).await;
            if path == "/api/me/disclosures" {
                assert_eq!(answer.status, 200, "{answer:?}");
                let answer = admin_alone.call(&method, &path).await;
                assert_eq!((answer.status, problem(&answer).as_str()), (403, "insufficient_scope"), "each word is asked for");
                assert!(answer.headers["www-authenticate"].to_str().unwrap().ends_with("scope=\"mingji.self\""));
                continue;
            }
            let scope = if path.starts_with("/api/feed") { "mingji.feed" } else { "mingji.admin" };
            assert_eq!((answer.status, problem(&answer).as_str()), (403, "insufficient_scope"), "{method} {path}");
            let challenge = format!("Bearer realm=\"mingji\", error=\"insufficient_scope\", scope=\"{scope}\"");
            assert_eq!(answer.headers["www-authenticate"], challenge);
        }
    }

    async fn what_ended_counts_at_once(app: TestApp) {
        let mut visitor = app.visitor("school_admin");
        let rp = app.client("platform_a");
        let tokens = visitor.sign_in_with(&rp, for_api(&app, &rp)).await;
        let caller = app.nobody_at_api().with(&tokens.access());
        let me = caller.get("/api/me").await;
        assert_eq!((me.status, me.text("person_id")), (200, app.person("school_admin").person_id.to_string()));
        assert_eq!((&me.body["rights"][0]["role"], me.body["rights"].as_array().unwrap().len()), (&json!("school_admin"), 1));

        assert_eq!(rp.post("/revoke", &[("token", tokens.access())]).await.status, 200);
        let answer = caller.get("/api/me").await;
        assert_eq!((answer.status, problem(&answer).as_str()), (401, "invalid_token"), "it was given back");

        let again = app.at_api("school_admin").await;
        let person = app.person("school_admin").person_id;
        app.app.record_death(&app.operator(), Decider::Operator, person, NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()).await.unwrap();
        let answer = again.get("/api/me").await;
        assert_eq!((answer.status, problem(&answer).as_str()), (401, "invalid_token"), "account and rights have ended");
    }

    async fn tokens_end_with_their_time(app: TestApp) {
        let caller = app.at_api("county_admin").await;
        app.pass(std::time::Duration::from_secs(301));
        assert_eq!(caller.get("/api/me").await.status, 401);
    }

    async fn what_cannot_be_used_is_a_problem(app: TestApp) {
        let caller = app.at_api("school_admin").await;
        let nobody = "/api/cases/00000000-0000-7000-8000-000000000000";
        for (answer, status, code) in [
            (caller.get("/api/nothing").await, 404, "not_found"),
            (caller.get("/api/").await, 404, "not_found"),
            (caller.get("/api/cases/x").await, 404, "not_found"),
            (caller.get(nobody).await, 404, "not_found"),
            (caller.get("/api/cases?limit=0").await, 400, "invalid_request"),
            (caller.get("/api/cases?limit=201").await, 400, "invalid_request"),
            (caller.get("/api/cases?number=1").await, 400, "invalid_request"),
            (caller.get("/api/cases?cursor=x").await, 400, "invalid_request"),
            (caller.call("DELETE", "/api/me").await, 405, "method_not_allowed"),
            (caller.post(&format!("{nobody}/decision"), &json!({ "decision": "maybe", "reason": "x" })).await, 400, "invalid_request"),
            (caller.post("/api/cases/search", &json!({ "org": "2136000781", "more": 1 })).await, 400, "invalid_request"),
            (caller.post("/api/cases/search", &json!({ "org": "x".repeat(70_000) })).await, 413, "too_large"),
        ] {
            assert_eq!((answer.status, problem(&answer).as_str()), (status, code), "{answer:?}");
        }
        let form = app.http.post(app.at("/api/cases/search")).bearer_auth(&caller.token).body("org=1");
        let answer = crate::support::relying_party::Answer::of(form).await;
        assert_eq!((answer.status, problem(&answer).as_str()), (415, "unsupported_media_type"));
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        let deep = app.http.post(app.at("/api/cases/search")).bearer_auth(&caller.token).header("content-type", "application/json").body(deep);
        assert_eq!(crate::support::relying_party::Answer::of(deep).await.status, 400);
        let preflight = app.http.request(reqwest::Method::OPTIONS, app.at("/api/me")).header("origin", "https://elsewhere.example").send().await.unwrap();
        assert!(!preflight.headers().contains_key("access-control-allow-origin"), "no script of another origin calls here");
    }
}
