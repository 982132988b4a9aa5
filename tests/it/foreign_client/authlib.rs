//! PyPI `Authlib`, with an assertion signed by a key of its own (RFC 7523), as it comes: an hour is what it writes.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{BACK, GONE, follow, step};
use crate::support::binary::{Demo, Place};
use crate::support::need;

/// The steps of `signin.py`, in its order.
const STEPS: &[&str] =
    &["discovery", "sign-in", "code-replay", "single-sign-on", "userinfo", "refresh", "sign-out", "after-sign-out"];

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/authlib/signin.py")
}

fn python(interpreter: &Path) -> Command {
    let mut command = Command::new(interpreter);
    // -B: no compiled files beside the sources.
    command.arg("-B").arg(script()).env_clear().env("AUTHLIB_INSECURE_TRANSPORT", "1");
    command
}

#[test]
fn authlib_signs_in_with_a_key_refreshes_and_signs_out() {
    let Some(interpreter) = need::python() else { return };
    let place = Place::new();
    let demo = Demo::start(&place);
    let key = place.path().join("client.jwk");
    let made = python(&interpreter).arg("key").arg(&key).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let jwks: Value = serde_json::from_slice(&made.stdout).unwrap();
    let metadata = json!({
        "client_name": "A client in Python", "redirect_uris": [BACK], "post_logout_redirect_uris": [GONE],
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile offline_access edu",
        "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks, "edu_client_kind": "application",
    });
    let client = place.json(&["client", "create"], &metadata.to_string());

    let mut command = python(&interpreter);
    command.env("CLIENT_KEY", &key);
    let steps = follow(command, &demo.ready, &client, "teacher_parent");
    assert_eq!(steps.iter().map(|step| step["step"].as_str().unwrap()).collect::<Vec<_>>(), STEPS);
    assert_eq!(step(&steps, "sign-in")["pages"], json!(["password", "identity", "decision"]));
    assert!(step(&steps, "userinfo")["userinfo"]["name"].is_string());
    assert_eq!(step(&steps, "refresh")["rotated"], false, "a confidential client keeps its refresh token (R11)");
}
