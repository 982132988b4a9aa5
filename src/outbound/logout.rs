//! Telling a platform that a session ended (OpenID Connect Back-Channel Logout 1.0).

use super::client::{GuardedClient, OutboundError};

/// Why a platform did not sign the person out.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// It looked at the token and refused (400): the same token will not do better.
    #[error("the platform refused the logout token")]
    Refused,
    /// It answered with another status; it may recover.
    #[error("the platform answered the logout with status {0}")]
    Status(u16),
    /// It was not reached.
    #[error(transparent)]
    Unreached(#[from] OutboundError),
}

impl LogoutError {
    /// Whether another attempt makes sense.
    pub fn is_worth_a_retry(&self) -> bool {
        !matches!(self, Self::Refused | Self::Unreached(OutboundError::Url))
    }
}

/// Posts a logout token to a client's `backchannel_logout_uri`, as the form field `logout_token` (2.5).
///
/// # Errors
/// [`LogoutError`]; by 2.8 the platform answers 200, and 204 from a framework counts too, and 400 when it
/// does not accept the token.
pub async fn post_logout_token(client: &GuardedClient, uri: &str, logout_token: &str) -> Result<(), LogoutError> {
    match client.post_form(uri, &[("logout_token", logout_token)]).await?.status {
        200 | 204 => Ok(()),
        400 => Err(LogoutError::Refused),
        other => Err(LogoutError::Status(other)),
    }
}
