//! Provider metadata (OpenID Connect Discovery 1.0, 3; RFC 8414; Identity Assurance 1.0, 9): exactly what is served, no more.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::auth::session::ACRS;
use crate::domain::oidc::assertion::ClientAlg;
use crate::domain::oidc::ciba::DeliveryMode;
use crate::domain::oidc::client::{AuthMethod, ContentEncryption, EncryptionAlg};
use crate::domain::oidc::resource::{ADMIN, FEED, SELF};
use crate::domain::oidc::response::{ResponseMode, ResponseType};
use crate::domain::oidc::scope::Scope;
use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::oidc::{claims, dpop, registration, request_object};
use crate::domain::registry::verification::TRUST_FRAMEWORK;
use crate::http::error;
use crate::http::extract::Visit;
use crate::http::urls::path;

/// The document as it was made last, and the types of details that stand in it: nothing else of it changes while we run.
#[derive(Clone, Default)]
pub struct Kept(Arc<RwLock<Made>>);

#[derive(Default)]
struct Made {
    types: Vec<String>,
    text: Option<Bytes>,
}

impl Kept {
    fn with(&self, types: &[String]) -> Option<Bytes> {
        let made = self.0.read().unwrap_or_else(PoisonError::into_inner);
        made.text.clone().filter(|_| made.types == types)
    }
}

/// The document.
pub async fn metadata(State(app): State<App>, Extension(kept): Extension<Kept>, visit: Visit) -> Response {
    let types = match app.authorization_type_names().await {
        Ok(types) => types,
        Err(why) => return error::protocol(&visit, &why),
    };
    let text = kept.with(&types).unwrap_or_else(|| {
        let made = Bytes::from(document(&app, &types).to_string());
        *kept.0.write().unwrap_or_else(PoisonError::into_inner) = Made { types, text: Some(made.clone()) };
        made
    });
    let headers = [(header::CACHE_CONTROL, "public, max-age=300"), (header::CONTENT_TYPE, "application/json")];
    (headers, text).into_response()
}

fn document(app: &App, types: &[String]) -> Value {
    let at = |path: &str| app.issuer().at(path);
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).chain([ADMIN, SELF, FEED]).collect();
    let mtls = app.mtls_origin();
    let served = |method: &&AuthMethod| match method {
        AuthMethod::TlsClientAuth => app.has_certificate_authorities(),
        method => mtls.is_some() || !method.has_certificate(),
    };
    let auth_methods: Vec<&str> = AuthMethod::ALL.iter().filter(served).map(|method| method.as_str()).collect();
    let proving_methods: Vec<&str> = auth_methods.iter().copied().filter(|method| *method != "none").collect();
    let assertion_algs = ClientAlg::names(ClientAlg::ALL);
    let answer_algs: Vec<&str> = ClientAlg::ALL.iter().map(|alg| alg.as_str()).collect();
    let mut response_modes = ResponseMode::ALL.map(ResponseMode::as_str).to_vec();
    response_modes.push(ResponseMode::JWT);
    let mut document = json!({
        "issuer": app.issuer().as_str(),
        "authorization_endpoint": at(path::AUTHORIZE),
        "token_endpoint": at(path::TOKEN),
        "userinfo_endpoint": at(path::USERINFO),
        "jwks_uri": at(path::JWKS),
        "registration_endpoint": at(path::REGISTER),
        "introspection_endpoint": at(path::INTROSPECT),
        "introspection_endpoint_auth_methods_supported": proving_methods,
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "revocation_endpoint": at(path::REVOKE),
        "revocation_endpoint_auth_methods_supported": auth_methods,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "pushed_authorization_request_endpoint": at(path::PAR),
        "require_pushed_authorization_requests": false,
        "scopes_supported": scopes,
        "response_types_supported": ResponseType::ALL.map(ResponseType::as_str),
        "response_modes_supported": response_modes,
        "grant_types_supported": registration::GRANT_TYPES,
        "acr_values_supported": ACRS,
        "subject_types_supported": ["public", "pairwise"],
        "token_endpoint_auth_methods_supported": auth_methods,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims::SUPPORTED,
        "verified_claims_supported": true,
        "trust_frameworks_supported": [TRUST_FRAMEWORK],
        "claims_in_verified_claims_supported": claims::verified::SUPPORTED,
        "evidence_supported": claims::verified::EVIDENCE,
        "electronic_records_supported": claims::verified::electronic_records(),
        "ui_locales_supported": ["zh-CN", "en"],
        "claims_parameter_supported": true,
        "display_values_supported": ["page", "popup", "touch"],
        "request_parameter_supported": true,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "authorization_response_iss_parameter_supported": true,
    });
    for own in [algorithms(&answer_algs), sign_outs(app), elsewhere(app)] {
        if let (Value::Object(all), Value::Object(own)) = (&mut document, own) {
            all.extend(own);
        }
    }
    // RFC 9396, 10.
    if !types.is_empty() {
        document["authorization_details_types_supported"] = json!(types);
    }
    if app.takes_client_documents() {
        document["client_id_metadata_document_supported"] = json!(true);
    }
    if let Some(origin) = mtls {
        document["tls_client_certificate_bound_access_tokens"] = json!(true);
        document["mtls_endpoint_aliases"] = aliases(origin);
    }
    document
}

/// Where clients with certificates come (RFC 8705, 5).
fn aliases(origin: &str) -> Value {
    let at = |path: &str| format!("{origin}{path}");
    json!({
        "token_endpoint": at(path::TOKEN),
        "userinfo_endpoint": at(path::USERINFO),
        "introspection_endpoint": at(path::INTROSPECT),
        "revocation_endpoint": at(path::REVOKE),
        "pushed_authorization_request_endpoint": at(path::PAR),
        "device_authorization_endpoint": at(path::DEVICE_AUTHORIZATION),
        "backchannel_authentication_endpoint": at(path::BACKCHANNEL_AUTHENTICATION),
    })
}

/// What is asked on one device and answered on another (RFC 8628, 4; CIBA Core, 4).
fn elsewhere(app: &App) -> Value {
    json!({
        "device_authorization_endpoint": app.issuer().at(path::DEVICE_AUTHORIZATION),
        "backchannel_authentication_endpoint": app.issuer().at(path::BACKCHANNEL_AUTHENTICATION),
        "backchannel_token_delivery_modes_supported": DeliveryMode::ALL,
        "backchannel_authentication_request_signing_alg_values_supported": ClientAlg::names(&request_object::ALGS),
        "backchannel_user_code_parameter_supported": false,
    })
}

/// How a session ends, and who hears of it (RP-Initiated, Back-Channel and Front-Channel Logout, Session Management).
fn sign_outs(app: &App) -> Value {
    json!({
        "end_session_endpoint": app.issuer().at(path::END_SESSION),
        "check_session_iframe": app.issuer().at(path::CHECK_SESSION),
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    })
}

/// How what we answer is signed and sealed, and what clients sign their requests with.
fn algorithms(answers: &[&str]) -> Value {
    json!({
        "introspection_signing_alg_values_supported": SigningAlg::ALL.map(SigningAlg::as_str),
        "id_token_signing_alg_values_supported": answers,
        "userinfo_signing_alg_values_supported": answers,
        "id_token_encryption_alg_values_supported": [EncryptionAlg::EcdhEs],
        "id_token_encryption_enc_values_supported": [ContentEncryption::A256Gcm],
        "userinfo_encryption_alg_values_supported": [EncryptionAlg::EcdhEs],
        "userinfo_encryption_enc_values_supported": [ContentEncryption::A256Gcm],
        "authorization_signing_alg_values_supported": answers,
        "authorization_encryption_alg_values_supported": [EncryptionAlg::EcdhEs],
        "authorization_encryption_enc_values_supported": [ContentEncryption::A256Gcm],
        "dpop_signing_alg_values_supported": ClientAlg::names(&dpop::ALGS),
        "request_object_signing_alg_values_supported": ClientAlg::names(&request_object::ALGS),
    })
}
