//! Telling a client that somebody answered its question (CIBA Core 1.0, 10.2).

use serde_json::json;

use super::client::{GuardedClient, OutboundError};

/// Why a client was not told.
#[derive(Debug, thiserror::Error)]
pub enum PingError {
    /// What it is to be told could not be made: it cannot be looked up now, or what was kept for it does not open.
    #[error("the notice could not be made")]
    Unmade,
    /// It answered with another status.
    #[error("the client answered with status {0}")]
    Status(u16),
    /// It was not reached.
    #[error(transparent)]
    Unreached(#[from] OutboundError),
}

impl PingError {
    /// Whether another attempt makes sense. It will not be better liked a second time: only a failure of its own is.
    pub fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Unmade => true,
            Self::Status(status) => *status >= 500 || *status == 429,
            Self::Unreached(why) => !matches!(why, OutboundError::Url),
        }
    }
}

/// Posts the name of the question, under the token by which the client knows us.
///
/// # Errors
/// [`PingError`]. CIBA Core, 10.2: the client "SHOULD respond with an HTTP 204"; 200 is taken too, bodies are ignored and
/// redirects are not followed.
pub async fn post_ping(client: &GuardedClient, uri: &str, token: &str, auth_req_id: &str) -> Result<(), PingError> {
    match client.post_json(uri, token, &json!({ "auth_req_id": auth_req_id })).await?.status {
        200..=299 => Ok(()),
        other => Err(PingError::Status(other)),
    }
}
