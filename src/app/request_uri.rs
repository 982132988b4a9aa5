//! Request objects by reference (RFC 9101, 5.2; OpenID Connect Core, 6.2). Whoever visits makes us call, so that only what
//! the client registered is called, and only so often at a time. Nothing is kept: what an address leads to may change.

use super::{App, Ctx};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::error::{Code, ProtocolError};

/// So many calls to one client are under way at a time: a slow server of one gathers no requests here.
const MOST_CALLS: usize = 8;

impl App {
    /// The object at a registered address.
    ///
    /// # Errors
    /// `invalid_request_uri`, or `temporarily_unavailable` when too many ask for this client's at once.
    pub(super) async fn fetch_request_object(
        &self,
        ctx: &Ctx,
        uri: &str,
        client: &Client,
    ) -> Result<String, ProtocolError> {
        if !client.keeps_requests_at(uri) {
            return Err(ProtocolError::new(Code::InvalidRequestUri, "request_uri is not registered"));
        }
        let busy = ProtocolError::new(Code::TemporarilyUnavailable, "too many requests of this client are fetched now");
        let _call = self.request_calls.begin(client.id, MOST_CALLS).ok_or(busy)?;
        let bare = uri.split('#').next().unwrap_or_default();
        self.outbound.get_jwt(bare).await.map_err(|why| {
            tracing::info!(request_id = %ctx.request_id, client = %client.id, %why, "a request object could not be fetched");
            ProtocolError::new(Code::InvalidRequestUri, "the request object could not be fetched")
        })
    }
}
