use super::*;
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{Client, ClientStatus, SYSTEM_SECTOR};
use crate::domain::time::Timestamp;
use serde_json::json;

/// An application on two pages of one host, changed.
pub(super) fn checked(own: Value) -> Result<Option<String>, Code> {
    checked_of(own, true)
}

pub(super) fn checked_of(own: Value, vouched: bool) -> Result<Option<String>, Code> {
    metadata(own).check(vouched).map_err(|refused| refused.code)
}

pub(super) fn metadata(own: Value) -> ClientMetadata {
    let mut document = json!({ "redirect_uris": ["https://a.example/one", "https://a.example/two"] });
    document.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    let metadata: ClientMetadata = serde_json::from_value(document).unwrap();
    metadata.completed()
}

/// RFC 9864: a library that registers `Ed25519` for what we sign waits for that name in the header, and we write another.
#[test]
fn what_we_sign_is_registered_under_the_name_that_it_carries() {
    let read = |name: &str, alg: &str| {
        let document = json!({ "redirect_uris": ["https://a.example/"], name: alg });
        serde_json::from_value::<ClientMetadata>(document).is_ok()
    };
    for ours in ["id_token", "userinfo", "authorization", "introspection"] {
        let name = format!("{ours}_signed_response_alg");
        assert!(read(&name, "EdDSA") && !read(&name, "Ed25519"), "{name}");
    }
    for theirs in [
        "token_endpoint_auth_signing_alg",
        "request_object_signing_alg",
        "backchannel_authentication_request_signing_alg",
    ] {
        assert!(read(theirs, "EdDSA") && read(theirs, "Ed25519") && !read(theirs, "ES512"), "{theirs}");
    }
}

#[test]
fn members_must_fit_together() {
    for own in [
        json!({ "grant_types": ["refresh_token"], "response_types": ["code"] }),
        json!({ "grant_types": [] }),
        json!({ "grant_types": ["client_credentials"], "response_types": ["code"] }),
        json!({ "grant_types": ["client_credentials"] }),
        json!({ "grant_types": ["client_credentials"], "edu_resources": ["https://r.example"], "token_endpoint_auth_method": "none" }),
        json!({ "grant_types": ["password"] }),
        json!({ "response_types": ["token"] }),
        json!({ "application_type": "tv" }),
        json!({ "subject_type": "secret" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt" }),
        json!({ "jwks": { "keys": [] }, "jwks_uri": "https://a.example/jwks" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "ES256" }),
        json!({ "token_endpoint_auth_signing_alg": "HS256" }),
        json!({ "edu_lawful_basis": "statutory" }),
        json!({ "id_token_signed_response_alg": "HS256", "token_endpoint_auth_method": "none" }),
        json!({ "token_endpoint_auth_method": "tls_client_auth" }),
        json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example", "tls_client_auth_san_ip": "::1" }),
        json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth" }),
        json!({ "authorization_encrypted_response_alg": "ECDH-ES", "jwks": { "keys": [] } }),
        json!({ "edu_profile": "fapi2" }),
        json!({ "request_object_signing_alg": "HS256" }),
        json!({ "require_signed_request_object": true }),
        json!({ "require_signed_request_object": true, "request_object_signing_alg": "none", "jwks": { "keys": [] } }),
        json!({ "grant_types": ["implicit"], "response_types": ["code id_token"] }),
        json!({ "response_types": ["id_token"] }),
        json!({ "edu_require_pkce": false, "token_endpoint_auth_method": "none" }),
        json!({ "id_token_encrypted_response_alg": "ECDH-ES" }),
        json!({ "userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A256GCM" }),
        json!({ "dpop_bound_access_tokens": true, "grant_types": ["authorization_code", "implicit"], "response_types": ["code token"] }),
        json!({ "initiate_login_uri": "http://a.example/login" }),
        json!({ "request_uris": ["http://a.example/r"] }),
        json!({ "request_uris": ["https://u@a.example/r"] }),
        json!({ "request_uris": ["urn:x"] }),
        json!({ "request_uris": [format!("https://a.example/{}", "x".repeat(500))] }),
        json!({ "logo_uri": "javascript:alert(1)" }),
        json!({ "grant_types": [Way::Ciba.grant_type()], "token_endpoint_auth_method": "none" }),
        json!({ "backchannel_token_delivery_mode": "ping" }),
        json!({ "backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": "http://a.example/ping" }),
        json!({ "backchannel_client_notification_endpoint": "https://a.example/ping" }),
        json!({ "backchannel_user_code_parameter": true }),
        json!({ "backchannel_authentication_request_signing_alg": "HS256", "jwks": { "keys": [] } }),
        json!({ "backchannel_authentication_request_signing_alg": "PS256" }),
        json!({ "frontchannel_logout_uri": "https://b.example/out" }),
        json!({ "frontchannel_logout_uri": "http://a.example/out" }),
        json!({ "frontchannel_logout_uri": "https://a.example:444/out" }),
        json!({ "frontchannel_logout_uri": "https://a.example/out#x" }),
        json!({ "policy_uri#en": "file:///etc/passwd" }),
        json!({ "client_name": "a\u{7}" }),
        json!({ "client_name": "教育部\u{202e}" }),
        json!({ "client_name#en": "Bank\u{200b}" }),
        json!({ "client_name": "甲".repeat(81) }),
        json!({ "edu_vendor": "\u{3164}" }),
        json!({ "client_name#en": "x".repeat(LONGEST_TEXT + 1) }),
    ] {
        assert_eq!(checked(own.clone()), Err(Code::InvalidClientMetadata), "{own}");
    }
}

#[test]
fn a_profile_is_kept_whole() {
    let good = json!({
        "edu_profile": "fapi2", "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [] },
        "dpop_bound_access_tokens": true, "id_token_signed_response_alg": "PS256",
    });
    let metadata: ClientMetadata = serde_json::from_value(good.clone()).unwrap();
    let metadata = metadata.completed();
    assert!(metadata.require_pushed_authorization_requests && metadata.edu_require_pkce);
    assert_eq!(metadata.authorization_signed_response_alg, Some(ClientAlg::Ps256));
    assert!(checked(good.clone()).is_ok());
    for own in [
        json!({ "token_endpoint_auth_method": "client_secret_basic" }),
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "dpop_bound_access_tokens": false }),
        json!({ "id_token_signed_response_alg": "RS256" }),
        json!({ "token_endpoint_auth_signing_alg": "RS256" }),
        json!({ "request_object_signing_alg": "none" }),
        json!({ "request_object_signing_alg": "RS256" }),
        json!({ "redirect_uris": ["http://127.0.0.1/cb"] }),
        json!({ "grant_types": ["authorization_code", "implicit"], "response_types": ["code", "id_token"] }),
    ] {
        let mut document = good.clone();
        document.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        assert_eq!(checked(document), Err(Code::InvalidClientMetadata), "{own}");
    }
}

#[test]
fn a_frame_is_at_home_where_answers_arrive() {
    assert!(checked(json!({ "frontchannel_logout_uri": "https://a.example/out?of=us" })).is_ok());
}

#[test]
fn a_host_brings_no_words_of_its_own() {
    for host in ["0;sandbox", "a.example;script-src", "a,b.example", "a_b.example", "a'b.example", "*.example"] {
        let redirect = json!({ "redirect_uris": [format!("https://{host}/cb")] });
        assert_eq!(checked(redirect), Err(Code::InvalidRedirectUri), "{host}");
        for name in ["frontchannel_logout_uri", "backchannel_logout_uri", "initiate_login_uri", "client_uri"] {
            assert_eq!(
                checked(json!({ name: format!("https://{host}/out") })),
                Err(Code::InvalidClientMetadata),
                "{name} {host}"
            );
        }
    }
    for host in ["xn--55qx5d.example", "a-1.example:8443", "203.0.113.7", "[2001:db8::7]", "例子.example"] {
        assert!(checked(json!({ "redirect_uris": [format!("https://{host}/cb")] })).is_ok(), "{host}");
    }
}

/// PostgreSQL keeps no U+0000, and a line end in an address is somebody's probe: the reader of addresses passes both over.
#[test]
fn no_address_holds_control_characters() {
    for name in [
        "client_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "initiate_login_uri",
        "backchannel_logout_uri",
        "frontchannel_logout_uri",
    ] {
        for bad in ["https://a.example/\u{0}", "https://a.example/\n"] {
            let refused = checked(json!({ "redirect_uris": ["https://a.example/cb"], name: bad }));
            assert_eq!(refused, Err(Code::InvalidClientMetadata), "{name}");
        }
        let good = json!({ "redirect_uris": ["https://a.example/cb"], name: "https://a.example/" });
        assert!(checked(good).is_ok(), "{name}");
    }
}

#[test]
fn changes_are_named() {
    let read = |document: Value| serde_json::from_value::<ClientMetadata>(document).unwrap();
    let before = read(json!({ "client_name": "甲", "client_name#en": "A", "redirect_uris": ["https://a.example/"] }));
    let after =
        read(json!({ "client_name": "乙", "redirect_uris": ["https://a.example/"], "tos_uri": "https://a.example/t" }));
    assert_eq!(before.changes(&after), ["client_name", "client_name#en", "tos_uri"]);
    assert!(before.changes(&before).is_empty());
}

#[test]
fn languages_are_kept_and_unknown_members_are_not() {
    let document = json!({ "client_name#en": "A", "client_name#zh-Hant-TW": "甲", "client_name#": "x", "edu_x#en": "y", "nonsense": 7 });
    let metadata: ClientMetadata = serde_json::from_value(document).unwrap();
    let kept = serde_json::to_value(&metadata).unwrap();
    assert_eq!((kept["client_name#en"].as_str(), kept["client_name#zh-Hant-TW"].as_str()), (Some("A"), Some("甲")));
    assert_eq!(metadata.localized.len(), 2);
}

#[test]
fn people_read_a_name_in_their_language() {
    let named = |document: Value, english| {
        let client = Client {
            id: ClientId(uuid::Uuid::nil()),
            metadata: serde_json::from_value(document).unwrap(),
            sector: SYSTEM_SECTOR.into(),
            secret_digest: None,
            secret_sealed: None,
            old_secret: None,
            document: None,
            status: ClientStatus::Active,
            created_at: Timestamp::from_seconds(0),
            org: None,
            heir_of: Vec::new(),
            vouched: true,
            scope_cap: None,
            version: 1,
        };
        client.display_name(english)
    };
    let ours = json!({ "client_name": "甲", "client_name#en": "A" });
    assert_eq!((named(ours.clone(), false).as_str(), named(ours, true).as_str()), ("甲", "A"));
    let theirs = json!({ "client_name": "A", "client_name#zh-Hans-CN": "甲", "client_name#zhx": "乙" });
    assert_eq!((named(theirs.clone(), false).as_str(), named(theirs, true).as_str()), ("甲", "A"));
}

#[test]
fn the_subject_type_is_ours() {
    let metadata: ClientMetadata = serde_json::from_value(json!({ "subject_type": "public" })).unwrap();
    assert_eq!(metadata.completed().subject_type.as_deref(), Some("pairwise"));
}
