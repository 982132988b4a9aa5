//! `Idempotency-Key`: whoever sends a request again because its answer was lost does nothing twice.

use std::collections::BTreeMap;
use std::time::Duration;

use mingji::domain::registry::codes::admin_role::AdminRole;
use serde_json::{Value, json};

use crate::api::access::operations;
use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, SCHOOL};
use crate::support::database::{change, select_texts};
use crate::support::relying_party::Answer;

async fn send(caller: &Caller, path: &str, key: &str, body: &Value) -> Answer {
    caller.post_once(path, key, body).await
}

/// A child of the administrator's school, as a path.
async fn child(app: &TestApp, school: &Caller) -> String {
    let name = app.person("child_under14").person_id;
    assert_eq!(school.get(&format!("/api/persons/{name}")).await.status, 200);
    format!("/api/persons/{name}")
}

async fn changes(app: &TestApp) -> usize {
    select_texts(&app.database.url, "SELECT action FROM audit_entry WHERE action = 'person.changed'").await.len()
}

both_engines! {
    async fn the_same_request_gets_the_same_answer(app: TestApp) {
        let school = app.at_api("school_admin").await;
        let name = format!("{}/name", child(&app, &school).await);
        let first = send(&school, &name, "k-1", &json!({ "name": "王改名" })).await;
        assert_eq!((first.status, &first.body), (200, &json!({ "result": "done" })));
        assert!(!first.headers.contains_key("idempotency-replayed"));
        let again = send(&school, &name, "k-1", &json!({ "name": "王改名" })).await;
        assert_eq!((again.status, &again.body, &again.headers["idempotency-replayed"]), (200, &json!({ "result": "done" }), &"true".parse().unwrap()));
        assert_eq!(again.headers["cache-control"], "no-store");
        assert_eq!(changes(&app).await, 1);
        for (path, body) in [(name.as_str(), json!({ "name": "王另名" })), ("/api/cases/search", json!({ "name": "王改名" }))] {
            let other = send(&school, path, "k-1", &body).await;
            assert_eq!((other.status, problem(&other).as_str()), (400, "invalid_request"), "the key was used for something else");
        }
        assert_eq!(send(&school, &name, "k-2", &json!({ "name": "王改名" })).await.body, json!({ "result": "unchanged" }));
        // A refusal is an answer too.
        let nobody = "/api/persons/00000000-0000-7000-8000-000000000000/name";
        let (one, two) = (send(&school, nobody, "k-3", &json!({ "name": "王改名" })).await, send(&school, nobody, "k-3", &json!({ "name": "王改名" })).await);
        assert_eq!((one.status, problem(&two), one.body["instance"] == two.body["instance"]), (404, "not_found".into(), true));
        // A key is of one administrator at one platform.
        let county = app.at_api("county_admin").await;
        assert_ne!(send(&county, &name, "k-1", &json!({ "name": "王县改" })).await.status, 400);
        let rp = app.client("platform_b");
        let token = app.visitor("school_admin").sign_in_with(&rp, crate::support::api::for_api(&app, &rp)).await.access();
        assert_ne!(send(&school.with(&token), &name, "k-1", &json!({ "name": "王又改" })).await.status, 400);
        let kept = select_texts(&app.database.url, "SELECT answer_sealed FROM api_request").await.join(" ");
        assert!(!kept.contains("result") && !kept.contains("detail"), "{kept}");
        app.pass(Duration::from_secs(86_401));
        app.app.upkeep().await.unwrap();
        assert_eq!(select_texts(&app.database.url, "SELECT answer_sealed FROM api_request").await.len(), 0);
    }

    async fn an_answer_is_for_the_rights_that_it_was_given_under(app: TestApp) {
        county::open(&app).await;
        let school = app.at_api("school_admin").await;
        let name = format!("{}/name", child(&app, &school).await);
        let body = json!({ "name": "王改名" });
        let first = send(&school, &name, "k-1", &body).await;
        assert_eq!(first.status, 200);
        app.app.grant_admin(&app.operator(), app.person("school_admin").person_id, AdminRole::SchoolRoster, SCHOOL).await.unwrap();
        let again = send(&school, &name, "k-1", &body).await;
        assert_eq!((again.status, problem(&again).as_str()), (400, "invalid_request"), "{again:?}");
    }

    async fn eight_at_once_are_one(app: TestApp) {
        let school = app.at_api("school_admin").await;
        let name = format!("{}/name", child(&app, &school).await);
        let body = json!({ "name": "王改名" });
        let all = futures_util::future::join_all((0..8).map(|_| send(&school, &name, "k-1", &body))).await;
        assert!(all.iter().all(|answer| (answer.status, &answer.body) == (200, &json!({ "result": "done" }))), "{all:?}");
        assert_eq!(changes(&app).await, 1);
        change(&app.database.url, "UPDATE api_request SET status = NULL, answer_sealed = NULL").await;
        let cut = send(&school, &name, "k-1", &body).await;
        assert_eq!((cut.status, problem(&cut).as_str()), (409, "conflict"), "nobody knows what came of it");
    }

    async fn keys_are_looked_at_where_something_is_written(app: TestApp) {
        let school = app.at_api("school_admin").await;
        let search = json!({ "phone": "13900000009" });
        for _ in 0..2 {
            let answer = send(&school, "/api/persons/search", "k-1", &search).await;
            assert!(answer.status == 200 && !answer.headers.contains_key("idempotency-replayed"), "a look is a look each time");
        }
        assert_eq!(select_texts(&app.database.url, "SELECT CAST(asked AS TEXT) FROM lookup_count").await, ["2"]);
        let long = send(&school, "/api/cases/search", &"k".repeat(129), &json!({ "org": "2136000781" })).await;
        assert_eq!((long.status, problem(&long).as_str()), (400, "invalid_request"));
        let nobody = send(&app.nobody_at_api(), "/api/cases/search", "k-1", &json!({ "org": "2136000781" })).await;
        assert_eq!((nobody.status, problem(&nobody).as_str()), (401, "unauthorized"));
        let huge = send(&school, "/api/cases/search", "k-9", &json!({ "org": "x".repeat(70_000) })).await;
        assert_eq!((huge.status, problem(&huge).as_str()), (413, "too_large"));
        // The document says where.
        let document: Value = app.http.get(app.at("/api/openapi.json")).send().await.unwrap().json().await.unwrap();
        let mut takes = BTreeMap::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            if let Some(post) = item.get("post") {
                let named = post["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key" && one["in"] == "header"));
                takes.insert(path.clone(), named);
            }
        }
        let without: Vec<&String> = takes.iter().filter(|(_, takes)| !**takes).map(|(path, _)| path).collect();
        assert_eq!(without, ["/api/errands/{id}/file", "/api/institutions/{id}/export", "/api/persons/search", "/api/persons/{id}/activation-code"]);
        assert!(operations(&app).await.iter().all(|(method, _)| method == "GET" || method == "POST"));
    }
}
