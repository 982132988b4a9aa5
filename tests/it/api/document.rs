//! `/api/openapi.json`: what is served, described completely.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::app::both_engines;

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| match member.as_str() {
            Some(target) if name == "$ref" => drop(found.insert(target.to_owned())),
            _ => references(member, found),
        }),
        Value::Array(members) => members.iter().for_each(|member| references(member, found)),
        _ => {}
    }
}

both_engines! {
    async fn it_is_openapi_and_complete(app: TestApp) {
        let document: Value = app.http.get(app.at("/api/openapi.json")).send().await.unwrap().json().await.unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
        assert_eq!(document["servers"][0]["url"], app.issuer);
        assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
        let mut targets = BTreeSet::new();
        references(&document, &mut targets);
        for target in &targets {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
        }
        assert!(targets.len() > 5);
        let mut ids = BTreeSet::new();
        let tags: BTreeSet<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
        for (path, item) in document["paths"].as_object().unwrap() {
            assert!(path.starts_with("/api/"), "{path}");
            for (method, operation) in item.as_object().unwrap() {
                let at = format!("{method} {path}");
                let id = operation["operationId"].as_str().unwrap();
                assert!(ids.insert(id.to_owned()), "{at}: {id} stands twice");
                assert!(tags.contains(operation["tags"][0].as_str().unwrap()), "{at}");
                assert!(operation["summary"].is_string(), "{at} says what it does");
                for code in ["400", "401", "403", "404", "409", "413", "415", "500", "503"] {
                    let schema = &operation["responses"][code]["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{at} {code}");
                }
                let good = operation["responses"].as_object().unwrap().iter().find(|(code, _)| code.starts_with('2')).unwrap();
                assert!(good.0 == "204" || good.1["content"]["application/json"]["schema"].is_object(), "{at}");
                let named: BTreeSet<&str> = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
                let described = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
                let described: BTreeSet<&str> = described.iter().filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap()).collect();
                assert_eq!(described, named, "{at}");
                let scheme = operation["security"].as_array().or(document["security"].as_array()).unwrap()[0].as_object().unwrap();
                for name in scheme.keys() {
                    assert!(document["components"]["securitySchemes"][name].is_object(), "{at}: {name}");
                }
            }
        }
    }

    /// No route beside the described ones: only `routes!` makes them, and only these two files stand apart.
    async fn what_is_served_is_described(app: TestApp) {
        let _ = app;
        let folder = format!("{}/src/http/api", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let plain = text.matches(".route(").count();
            let allowed = if path.ends_with("mod.rs") { 3 } else { 0 };
            assert_eq!(plain, allowed, "{}: describe the operation and add it with routes!", path.display());
        }
        let routes = std::fs::read_to_string(format!("{}/src/http/mod.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(!routes.contains("\"/api/"), "routes of the API stand in src/http/api");
    }

    /// What a limit may be is what the document says of it, and a list of people is never a full record (R19).
    async fn a_limit_is_what_the_document_says(app: TestApp) {
        let (school, document) = (app.at_api("school_admin").await, app.nobody_at_api().get("/api/openapi.json").await.body);
        for (path, query) in [
            ("/api/institutions", ""), ("/api/claims", "org=2136000781&"), ("/api/cases", ""), ("/api/approvals", "whose=asked&"),
            ("/api/errands", ""), ("/api/me/disclosures", ""),
        ] {
            let named = document["paths"][path]["get"]["parameters"].as_array().unwrap();
            let limit = &named.iter().find(|one| one["name"] == "limit").unwrap()["schema"];
            let most = limit["maximum"].as_f64().unwrap();
            assert_eq!(limit["minimum"].as_f64(), Some(1.0), "{path}");
            for (asked, status) in [(0.0, 400), (1.0, 200), (most, 200), (most + 1.0, 400)] {
                let answer = school.get(&format!("{path}?{query}limit={asked:.0}")).await;
                assert_eq!(answer.status, status, "{path} {asked}: {answer:?}");
            }
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            let named = item["get"]["parameters"].as_array().into_iter().flatten();
            let unbounded = named.filter(|one| one["name"] == "limit").any(|one| one["schema"]["maximum"].is_null());
            assert!(!unbounded, "{path}");
        }
    }
}
