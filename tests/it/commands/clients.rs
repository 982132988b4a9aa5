//! What the operator does about clients and resources.

use serde_json::json;

use super::{refused, seeded};

const GRADES: &str = "https://grades.example/";

#[test]
fn a_machine_gets_what_was_registered_for_it() {
    let (place, _) = seeded();
    let machine =
        json!({ "grant_types": ["client_credentials"], "edu_resources": [GRADES], "scope": "grades.read" }).to_string();
    refused(&place.run_with(&["client", "create"], &machine), "a resource is not registered");
    for (uri, scope, hint) in
        [("grades", "a", "absolute"), ("https://g.example/#x", "a", "fragment"), (GRADES, "a b", "scope")]
    {
        refused(&place.run(&["resource", "put", uri, "--name", "成绩库", "--scope", scope]), hint);
    }
    place.json(&["resource", "put", GRADES, "--name", "成绩库", "--scope", "grades.read"], "");
    let listed = place.json(&["resource", "list"], "");
    assert_eq!(listed, json!([{ "resource": GRADES, "name": "成绩库", "scopes": ["grades.read"] }]));
    let registered = place.json(&["client", "create"], &machine);
    assert!(registered["client_secret"].is_string() && registered["response_types"] == json!([]), "{registered}");
}

#[test]
fn a_client_is_suspended_and_restored() {
    let (place, ready) = seeded();
    let id = ready.client("platform_a").client_id.clone();
    assert_eq!(place.json(&["client", "suspend", &id], ""), json!({ "client_id": id, "suspended": true }));
    assert_eq!(place.json(&["client", "restore", &id], ""), json!({ "client_id": id, "suspended": false }));
    refused(&place.run(&["client", "suspend", "01890000-0000-7000-8000-000000000000"]), "was not found");
    refused(&place.run(&["client", "suspend", "https://apps.example.cn/client.json"]), "was not found");
    assert_eq!(place.run(&["client", "suspend", "platform_a"]).code, Some(2));
}

#[test]
fn a_client_is_removed_for_good() {
    let (place, ready) = seeded();
    let id = ready.client("platform_a").client_id.clone();
    refused(&place.run(&["client", "renew-registration", &id]), "registered itself");
    assert_eq!(place.json(&["client", "remove", &id], ""), json!({ "client_id": id, "removed": true }));
    for gone in ["remove", "restore", "suspend"] {
        refused(&place.run(&["client", gone, &id]), "was not found");
    }
}

#[test]
fn an_initial_token_says_what_it_opens() {
    let (place, _) = seeded();
    let told =
        place.json(&["client", "initial-token", "--uses", "3", "--scope", "openid profile", "--without-pkce"], "");
    assert!(told["initial_access_token"].as_str().is_some_and(|token| token.len() == 43), "{told}");
    assert_eq!(
        (told["uses"].as_u64(), &told["policy"]["require_pkce"], &told["policy"]["scope"]),
        (Some(3), &json!(false), &json!("openid profile"))
    );
    let id = told["id"].as_str().unwrap().to_owned();
    let listed = place.json(&["client", "initial-tokens"], "");
    assert_eq!((listed[0]["id"].as_str(), &listed[0]["initial_access_token"]), (Some(id.as_str()), &json!(null)));
    place.json(&["client", "end-initial-token", &id], "");
    assert_eq!(place.json(&["client", "initial-tokens"], ""), json!([]));
    refused(&place.run(&["client", "end-initial-token", &id]), "was not found");
    assert_eq!(place.run(&["client", "initial-token", "--uses", "0"]).code, Some(2));
    assert_eq!(place.run(&["client", "initial-token", "--grant-type", "client_credentials"]).code, Some(2));
}
