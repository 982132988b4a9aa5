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
    assert_eq!(listed, json!([{ "resource": GRADES, "name": "成绩库", "scopes": ["grades.read"], "alg": "ES256" }]));
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

#[test]
fn a_registration_is_changed_member_by_member() {
    let (place, ready) = seeded();
    let id = ready.client("vendor").client_id.clone();
    let shown = place.json(&["client", "show", &id], "");
    assert!(shown["client_id"] == json!(id) && shown["client_secret"].is_null(), "{shown}");
    let (before, uri) = (shown["redirect_uris"].clone(), json!(["http://localhost:8081/elsewhere"]));
    let patch =
        json!({ "redirect_uris": uri, "policy_uri": "https://maths.example/privacy", "contacts": null }).to_string();
    let dry = place.json(&["client", "update", &id, "-", "--dry-run"], &patch);
    let changes = json!([
        { "member": "policy_uri", "before": null, "after": "https://maths.example/privacy" },
        { "member": "redirect_uris", "before": before, "after": uri },
    ]);
    assert_eq!((&dry["changes"], &dry["dry_run"], &dry["new_secret"]), (&changes, &json!(true), &json!(false)));
    assert_eq!(place.json(&["client", "show", &id], ""), shown, "nothing was changed");
    assert_eq!(place.json(&["client", "update", &id, "-"], &patch)["changes"], changes);
    assert_eq!(place.json(&["client", "update", &id, "-"], &patch)["changes"], json!([]), "once more is nothing");
    let after = place.json(&["client", "show", &id], "");
    assert_eq!(
        (&after["redirect_uris"], &after["client_name"]),
        (&uri, &shown["client_name"]),
        "what it does not name stays"
    );
    // What was shown is a patch that changes nothing.
    assert_eq!(place.json(&["client", "update", &id, "-"], &after.to_string())["changes"], json!([]));

    let hs256 = json!({ "id_token_signed_response_alg": "HS256" }).to_string();
    let dry = place.json(&["client", "update", &id, "-", "--dry-run"], &hs256);
    assert_eq!((&dry["new_secret"], &dry["client_secret"]), (&json!(true), &json!(null)));
    assert!(place.json(&["client", "update", &id, "-"], &hs256)["client_secret"].is_string());

    for (patch, hint) in [
        (json!({ "redirect_uris": ["http://maths.example/cb"] }), "https"),
        (json!({ "redirect_uri": "https://maths.example/cb" }), "redirect_uri is not a member"),
        (json!({ "edu_client_kind": "platform" }), "register another client"),
        (json!({ "edu_lawful_basis": "statutory" }), "register another client"),
        (json!({ "client_secret": "x" }), "rotate-secret"),
        (json!({ "client_id": "019ab3c4-7d10-7000-8000-2f6e9b1c0d55" }), "client_id stays"),
        (json!({ "grant_types": "code" }), "no client metadata"),
        (json!({ "edu_resources": ["https://nobody.example/"] }), "a resource is not registered"),
        (json!({ "redirect_uris": ["https://elsewhere.example/cb"] }), "the host of the redirect URIs"),
    ] {
        refused(&place.run_with(&["client", "update", &id, "-"], &patch.to_string()), hint);
    }
    refused(&place.run_with(&["client", "update", &id, "-"], "[]"), "no JSON object");
    refused(&place.run(&["client", "show", "01890000-0000-7000-8000-000000000000"]), "was not found");
}
