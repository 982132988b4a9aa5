//! Relying parties that nobody here wrote sign in, refresh and sign out at the program that people run: npm
//! `openid-client` here, others below, and the examples of `docs/examples` with the same libraries. The first of them goes
//! every other way of the standards too ([`standards`]).

mod authlib;
mod examples;
mod standards;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::binary::{Demo, Place, Ready};
use crate::support::need;

const BACK: &str = "http://127.0.0.1:9/callback";
const GONE: &str = "http://127.0.0.1:9/gone";

/// The steps of `signin.mjs`, in its order.
const STEPS: &[&str] = &[
    "discovery",
    "sign-in",
    "token",
    "code-replay",
    "single-sign-on",
    "userinfo",
    "refresh",
    "bound",
    "sign-out",
    "after-sign-out",
];

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/openid-client/signin.mjs")
}

/// Runs the script; every step it reports.
fn walk(node: &Path, ready: &Ready, client: &Value, person: &str) -> Vec<Value> {
    let mut command = Command::new(node);
    command.arg(script()).env_clear();
    follow(command, ready, client, person)
}

/// Runs a walk of a client; every step it reports.
fn follow(mut command: Command, ready: &Ready, client: &Value, person: &str) -> Vec<Value> {
    let person = ready.person(person);
    let text = |name: &str| client[name].as_str().unwrap_or_default().to_owned();
    command.envs([
        ("ISSUER", ready.issuer.clone()),
        ("CLIENT_ID", text("client_id")),
        ("CLIENT_SECRET", text("client_secret")),
        ("REDIRECT_URI", BACK.into()),
        ("POST_LOGOUT_REDIRECT_URI", GONE.into()),
        ("LOGIN", person.user_name.clone()),
        ("PASSWORD", person.password.clone()),
        ("SCOPE", "openid profile offline_access edu".into()),
    ]);
    let output = command.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let steps: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(output.status.success(), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    steps
}

fn step<'a>(steps: &'a [Value], name: &str) -> &'a Value {
    steps.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("no step {name} in {steps:?}"))
}

#[test]
fn a_foreign_client_signs_in_refreshes_and_signs_out() {
    let Some(node) = need::node() else { return };
    let place = Place::new();
    let demo = Demo::start(&place);
    let metadata = |method: &str| {
        json!({
            "client_name": "A client from elsewhere", "redirect_uris": [BACK], "post_logout_redirect_uris": [GONE],
            "grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile offline_access edu",
            "token_endpoint_auth_method": method, "edu_client_kind": "application",
        })
        .to_string()
    };
    // Registered while the server runs: it hears of a new client by itself (R15).
    let confidential = place.json(&["client", "create"], &metadata("client_secret_basic"));
    let public = place.json(&["client", "create"], &metadata("none"));

    let steps = walk(&node, &demo.ready, &confidential, "teacher_parent");
    assert_eq!(steps.iter().map(|step| step["step"].as_str().unwrap()).collect::<Vec<_>>(), STEPS);
    assert_eq!(step(&steps, "sign-in")["pages"], json!(["password", "identity", "decision"]));
    assert_eq!(step(&steps, "sign-in")["iss"], json!(demo.ready.issuer));
    assert_eq!(step(&steps, "refresh")["rotated"], false, "a confidential client keeps its refresh token (R11)");
    let sub = step(&steps, "token")["claims"]["sub"].clone();

    let steps = walk(&node, &demo.ready, &public, "teacher_parent");
    assert_eq!(step(&steps, "refresh")["rotated"], true, "a public client's rotates (R11)");
    assert_eq!(step(&steps, "bound")["token_type"], "dpop");
    assert_eq!(step(&steps, "bound")["rotated"], false, "one that is bound to a key stays (R11)");
    assert_ne!(
        step(&steps, "token")["claims"]["sub"],
        json!(demo.ready.person("teacher_parent").person_id),
        "applications get a subject of their own"
    );
    assert!(sub.is_string());
}
