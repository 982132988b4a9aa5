//! Provider metadata and keys.

use serde_json::Value;

use crate::support::app::both_engines;

both_engines! {
    async fn everything_that_is_named_answers(app: TestApp) {
        let document = app.discovery().await;
        assert_eq!(document["issuer"], app.issuer.as_str());
        let other = app.http.get(app.at("/.well-known/oauth-authorization-server")).send().await.unwrap();
        assert_eq!(other.json::<Value>().await.unwrap(), document);
        for name in ["authorization_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint", "token_endpoint"] {
            let url = document[name].as_str().unwrap();
            assert!(url.starts_with(&app.issuer), "{name}");
            assert_ne!(app.http.get(url).send().await.unwrap().status(), 404, "{name}");
        }
        // They are called with POST only, and answer 405 to anything else.
        for name in ["registration_endpoint", "introspection_endpoint", "revocation_endpoint", "pushed_authorization_request_endpoint"] {
            let url = document[name].as_str().unwrap();
            assert!(url.starts_with(&app.issuer), "{name}");
            assert_eq!(app.http.get(url).send().await.unwrap().status(), 405, "{name}");
        }
        for (name, value) in [
            ("response_types_supported", "code"),
            ("code_challenge_methods_supported", "S256"),
            ("subject_types_supported", "pairwise"),
            ("id_token_signing_alg_values_supported", "RS256"),
            ("token_endpoint_auth_methods_supported", "private_key_jwt"),
            ("token_endpoint_auth_signing_alg_values_supported", "PS256"),
            ("grant_types_supported", "client_credentials"),
            ("prompt_values_supported", "select_account"),
        ] {
            assert!(document[name].as_array().unwrap().contains(&value.into()), "{name}");
        }
        for name in ["authorization_response_iss_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration", "backchannel_logout_supported", "backchannel_logout_session_supported"] {
            assert_eq!(document[name], true, "{name}");
        }
    }

    async fn the_keys_are_public_parts_only_and_hold_the_next_ones(app: TestApp) {
        let url = app.endpoint("jwks_uri").await;
        let keys: Value = app.http.get(url).send().await.unwrap().json().await.unwrap();
        let keys = keys["keys"].as_array().unwrap();
        for alg in ["ES256", "RS256", "PS256", "EdDSA"] {
            assert_eq!(keys.iter().filter(|key| key["alg"] == alg).count(), 2, "active and next {alg}");
        }
        for key in keys {
            assert!(key["kid"].is_string() && key["use"] == "sig");
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(key[private].is_null());
            }
        }
    }

    async fn a_forged_host_changes_no_address(app: TestApp) {
        let request = app.http.get(app.at("/.well-known/openid-configuration")).header("host", "evil.example").header("x-forwarded-host", "evil.example");
        let text = request.send().await.unwrap().text().await.unwrap();
        assert!(!text.contains("evil.example"), "{text}");
    }

    async fn it_is_alive_and_ready(app: TestApp) {
        assert_eq!(app.http.get(app.at("/healthz")).send().await.unwrap().status(), 200);
        let ready = app.http.get(app.at("/readyz")).send().await.unwrap();
        assert_eq!(ready.status(), 200);
        assert_eq!(ready.json::<Value>().await.unwrap()["ready"], true);
    }
}
