//! Provider metadata (OpenID Connect Discovery 1.0, 3; RFC 8414; Identity Assurance 1.0, 9): exactly what is served, no more.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::App;
use crate::domain::auth::session::ACR_PASSWORD;
use crate::domain::oidc::claims;
use crate::domain::oidc::scope::Scope;
use crate::domain::registry::verification::TRUST_FRAMEWORK;
use crate::http::urls::path;

/// The document.
pub async fn metadata(State(app): State<App>) -> Response {
    let at = |path: &str| app.issuer().at(path);
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let document = json!({
        "issuer": app.issuer().as_str(),
        "authorization_endpoint": at(path::AUTHORIZE),
        "token_endpoint": at(path::TOKEN),
        "userinfo_endpoint": at(path::USERINFO),
        "jwks_uri": at(path::JWKS),
        "end_session_endpoint": at(path::END_SESSION),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "acr_values_supported": [ACR_PASSWORD],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims::SUPPORTED,
        "verified_claims_supported": true,
        "trust_frameworks_supported": [TRUST_FRAMEWORK],
        "claims_in_verified_claims_supported": claims::verified::SUPPORTED,
        "evidence_supported": claims::verified::EVIDENCE,
        "electronic_records_supported": claims::verified::electronic_records(),
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
