//! Telling a platform that a session ended (OpenID Connect Back-Channel Logout 1.0).

use super::client::{GuardedClient, OutboundError};

/// Why a platform did not sign the person out.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// 400, which 2.8 has for a token that it does not take and for a sign-out that failed there.
    #[error("the platform refused the logout token, or failed to sign out")]
    Refused,
    /// What it registered has no key under which the token could be encrypted, or its keys cannot be had.
    #[error("the platform has no key for its logout token")]
    NoKey,
    /// It was taken out of use: somebody else may have its address.
    #[error("the platform is suspended")]
    Suspended,
    /// It answered with another status; it may recover.
    #[error("the platform answered the logout with status {0}")]
    Status(u16),
    /// It was not reached.
    #[error(transparent)]
    Unreached(#[from] OutboundError),
}

impl LogoutError {
    /// Whether another attempt makes sense. Behind a 400 may stand a fault that passes (2.5 lets the provider try again), so it
    /// is tried as long as anything else.
    pub fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Unreached(OutboundError::Url) => false,
            Self::Refused | Self::NoKey | Self::Suspended | Self::Status(_) | Self::Unreached(_) => true,
        }
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
