//! Provider metadata (OpenID Connect Discovery 1.0, 3; RFC 8414): exactly what is served, no more.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::App;
use crate::domain::auth::session::ACR_PASSWORD;
use crate::domain::oidc::assertion::ClientAlg;
use crate::domain::oidc::client::AuthMethod;
use crate::domain::oidc::scope::Scope;
use crate::domain::oidc::{claims, registration};
use crate::http::urls::path;

/// The document.
pub async fn metadata(State(app): State<App>) -> Response {
    let at = |path: &str| app.issuer().at(path);
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let auth_methods: Vec<&str> = AuthMethod::ALL.iter().map(|method| method.as_str()).collect();
    let proving_methods: Vec<&str> = auth_methods.iter().copied().filter(|method| *method != "none").collect();
    let assertion_algs: Vec<&str> = ClientAlg::ALL.iter().map(|alg| alg.as_str()).collect();
    let document = json!({
        "issuer": app.issuer().as_str(),
        "authorization_endpoint": at(path::AUTHORIZE),
        "token_endpoint": at(path::TOKEN),
        "userinfo_endpoint": at(path::USERINFO),
        "jwks_uri": at(path::JWKS),
        "end_session_endpoint": at(path::END_SESSION),
        "registration_endpoint": at(path::REGISTER),
        "introspection_endpoint": at(path::INTROSPECT),
        "introspection_endpoint_auth_methods_supported": proving_methods,
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "introspection_signing_alg_values_supported": ["RS256", "ES256"],
        "revocation_endpoint": at(path::REVOKE),
        "revocation_endpoint_auth_methods_supported": auth_methods,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "pushed_authorization_request_endpoint": at(path::PAR),
        "require_pushed_authorization_requests": false,
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": registration::GRANT_TYPES,
        "acr_values_supported": [ACR_PASSWORD],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": auth_methods,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims::SUPPORTED,
        "ui_locales_supported": ["zh-CN", "en"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(document)).into_response()
}
