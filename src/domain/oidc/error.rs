//! The one table of protocol errors: code, HTTP status where it is not a redirect, and the specification
//! that names it. What the client may read is `public`; what the operator reads goes to the log.

use std::fmt;

/// A protocol error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the codes are documented by the specification cited in the table")]
pub enum Code {
    InvalidRequest,
    UnauthorizedClient,
    AccessDenied,
    UnsupportedResponseType,
    InvalidScope,
    ServerError,
    TemporarilyUnavailable,
    LoginRequired,
    InteractionRequired,
    AccountSelectionRequired,
    ConsentRequired,
    UnmetAuthenticationRequirements,
    RequestNotSupported,
    InvalidRequestUri,
    RegistrationNotSupported,
    InvalidRequestObject,
    InvalidClient,
    InvalidGrant,
    UnsupportedGrantType,
    InvalidToken,
    InsufficientScope,
    InvalidClientMetadata,
    InvalidRedirectUri,
    InvalidTarget,
    InvalidAuthorizationDetails,
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    UnknownUserId,
    InvalidBindingMessage,
    InvalidDpopProof,
    UseDpopNonce,
}

/// Code, wire text, HTTP status of a direct answer, source.
const TABLE: &[(Code, &str, u16, &str)] = &[
    (Code::InvalidRequest, "invalid_request", 400, "RFC 6749, 4.1.2.1 and 5.2"),
    (Code::UnauthorizedClient, "unauthorized_client", 400, "RFC 6749, 4.1.2.1 and 5.2"),
    (Code::AccessDenied, "access_denied", 400, "RFC 6749, 4.1.2.1"),
    (Code::UnsupportedResponseType, "unsupported_response_type", 400, "RFC 6749, 4.1.2.1"),
    (Code::InvalidScope, "invalid_scope", 400, "RFC 6749, 4.1.2.1 and 5.2"),
    (Code::ServerError, "server_error", 500, "RFC 6749, 4.1.2.1"),
    (Code::TemporarilyUnavailable, "temporarily_unavailable", 503, "RFC 6749, 4.1.2.1"),
    (Code::LoginRequired, "login_required", 400, "OpenID Connect Core, 3.1.2.6"),
    (Code::InteractionRequired, "interaction_required", 400, "OpenID Connect Core, 3.1.2.6"),
    (Code::AccountSelectionRequired, "account_selection_required", 400, "OpenID Connect Core, 3.1.2.6"),
    (Code::ConsentRequired, "consent_required", 400, "OpenID Connect Core, 3.1.2.6"),
    (
        Code::UnmetAuthenticationRequirements,
        "unmet_authentication_requirements",
        400,
        "OpenID Connect Core Error Code unmet_authentication_requirements 1.0",
    ),
    (Code::RequestNotSupported, "request_not_supported", 400, "OpenID Connect Core, 3.1.2.6"),
    (Code::InvalidRequestUri, "invalid_request_uri", 400, "RFC 9101, 7"),
    (Code::RegistrationNotSupported, "registration_not_supported", 400, "OpenID Connect Core, 3.1.2.6"),
    (Code::InvalidRequestObject, "invalid_request_object", 400, "RFC 9101, 7"),
    (Code::InvalidClient, "invalid_client", 401, "RFC 6749, 5.2"),
    (Code::InvalidGrant, "invalid_grant", 400, "RFC 6749, 5.2"),
    (Code::UnsupportedGrantType, "unsupported_grant_type", 400, "RFC 6749, 5.2"),
    (Code::InvalidToken, "invalid_token", 401, "RFC 6750, 3.1"),
    (Code::InsufficientScope, "insufficient_scope", 403, "RFC 6750, 3.1"),
    (Code::InvalidClientMetadata, "invalid_client_metadata", 400, "RFC 7591, 3.2.2"),
    (Code::InvalidRedirectUri, "invalid_redirect_uri", 400, "RFC 7591, 3.2.2"),
    (Code::InvalidTarget, "invalid_target", 400, "RFC 8707, 2"),
    (Code::InvalidAuthorizationDetails, "invalid_authorization_details", 400, "RFC 9396, 5"),
    (Code::AuthorizationPending, "authorization_pending", 400, "RFC 8628, 3.5; CIBA Core, 11"),
    (Code::SlowDown, "slow_down", 400, "RFC 8628, 3.5; CIBA Core, 11"),
    (Code::ExpiredToken, "expired_token", 400, "RFC 8628, 3.5; CIBA Core, 11"),
    (Code::UnknownUserId, "unknown_user_id", 400, "CIBA Core, 13"),
    (Code::InvalidBindingMessage, "invalid_binding_message", 400, "CIBA Core, 13"),
    (Code::InvalidDpopProof, "invalid_dpop_proof", 400, "RFC 9449, 5 and 7.1"),
    (Code::UseDpopNonce, "use_dpop_nonce", 400, "RFC 9449, 8 and 9"),
];

impl Code {
    fn row(self) -> &'static (Self, &'static str, u16, &'static str) {
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status where the error is answered directly.
    pub fn status(self) -> u16 {
        self.row().2
    }
}

/// A refusal with a sentence that helps the client's developer and holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// The code.
    pub code: Code,
    /// `error_description`: ASCII, no quotes or backslashes (RFC 6749, 4.1.2.1).
    pub description: &'static str,
}

impl ProtocolError {
    /// A refusal.
    pub const fn new(code: Code, description: &'static str) -> Self {
        Self { code, description }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for ProtocolError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_row() {
        for (position, row) in TABLE.iter().enumerate() {
            assert_eq!(TABLE.iter().position(|other| other.0 == row.0), Some(position));
            assert_eq!(row.0.as_str(), row.1);
        }
        assert_eq!(Code::InvalidRedirectUri.status(), 400);
    }
}
