//! What can go wrong, before and after the platform runs.

use axum::http::StatusCode;
use thiserror::Error;

/// Why a platform did not start.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The cookie prefix is empty or has other characters than `a-z 0-9 _`.
    #[error("key must be lower-case letters, digits or _")]
    Key,
    /// The base URL is not http(s), does not end with `/`, or has a query or fragment.
    #[error("base_url must be http(s), end with / and have no query or fragment")]
    BaseUrl,
    /// The redirect URI made from the base URL is not a URL.
    #[error("redirect URI: {0}")]
    RedirectUri(#[from] url::ParseError),
    /// No HTTP client could be made (TLS roots).
    #[error("HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// The state file cannot be read.
    #[error("state file: {0}")]
    State(#[from] std::io::Error),
    /// The state file is not ours or is damaged.
    #[error("state file is not readable as JSON: {0}")]
    StateFormat(#[from] serde_json::Error),
}

/// Why a request did not lead where the person wanted to go. The text is for the log; the page shows the
/// [code](Error::code) and a kind sentence.
#[derive(Debug, Error)]
pub(super) enum Error {
    /// The provider answered with an OAuth error code (RFC 6749, 4.1.2.1 and 5.2; OpenID Connect Core, 3.1.2.6).
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The provider cannot be reached or answers nonsense.
    #[error("the provider cannot be used: {0}")]
    Provider(String),
    /// No sign-in of this browser waits for such an answer: other browser, too late, or used before.
    #[error("no sign-in in flight matches the state")]
    State,
    /// The answer does not say that it comes from our provider (RFC 9207, 2.4).
    #[error("the answer names another issuer or none")]
    Issuer,
    /// The ID token does not hold (OpenID Connect Core, 3.1.3.7).
    #[error("the ID token does not hold: {0}")]
    IdToken(String),
    /// Userinfo does not hold (OpenID Connect Core, 5.3.2).
    #[error("userinfo does not hold: {0}")]
    UserInfo(String),
    /// Nobody is signed in here.
    #[error("no session")]
    NoSession,
    /// The form does not belong to this session.
    #[error("the form's token does not match the session")]
    Form,
    /// A parameter is missing or unusable.
    #[error("bad request: {0}")]
    Request(&'static str),
    /// The sessions could not be written.
    #[error("state file: {0}")]
    Storage(#[from] std::io::Error),
}

impl Error {
    /// A stable code for the page, the log and whoever calls the help desk.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(code) => code,
            Self::Provider(_) => "provider_unavailable",
            Self::State => "state_mismatch",
            Self::Issuer => "issuer_mismatch",
            Self::IdToken(_) => "id_token_invalid",
            Self::UserInfo(_) => "userinfo_invalid",
            Self::NoSession => "session_ended",
            Self::Form => "form_expired",
            Self::Request(_) => "invalid_request",
            Self::Storage(_) => "storage_unavailable",
        }
    }

    /// The HTTP status of the page.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Provider(_) => StatusCode::BAD_GATEWAY,
            Self::NoSession => StatusCode::UNAUTHORIZED,
            Self::Refused(_) | Self::Form => StatusCode::FORBIDDEN,
            Self::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
