//! Asking a verification service: one signed question, one signed answer, over the guarded client. Whether the answer may be
//! believed is for whoever knows the service's keys.

use std::time::Duration;

use super::client::{GuardedClient, OutboundError};
use crate::domain::registry::verification_request::CallFault;

/// A signed token is the whole body, each way (RFC 7515, 9.2.1).
const JOSE: &str = "application/jose";

/// Posts a signed question; the text of the answer.
///
/// # Errors
/// Why there is none. The status is not looked at further: what is wrong with a question that the service refuses is a matter of
/// the settings, and the operator finds it in the log.
pub async fn ask(client: &GuardedClient, url: &str, question: String, patience: Duration) -> Result<String, CallFault> {
    let call = client.post_text(url, JOSE, question);
    let answer = tokio::time::timeout(patience, call).await.map_err(|_| CallFault::Timeout)?;
    let answer = answer.map_err(|error| {
        tracing::warn!(%error, "a verification service was not reached");
        match error {
            OutboundError::Timeout(_) => CallFault::Timeout,
            OutboundError::TooLong(_) | OutboundError::Text(_) | OutboundError::Json(_) => CallFault::Garbage,
            OutboundError::Status { .. } => CallFault::Status,
            OutboundError::Url | OutboundError::Plain(_) | OutboundError::Closed(_) | OutboundError::Failed { .. } => {
                CallFault::Unreachable
            }
        }
    })?;
    if answer.status != 200 {
        tracing::warn!(status = answer.status, "a verification service answered with an error");
        return Err(CallFault::Status);
    }
    String::from_utf8(answer.body).map_err(|_| CallFault::Garbage)
}
