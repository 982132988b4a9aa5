//! Request objects by reference (RFC 9101, 5.2; OpenID Connect Core, 6.2). Whoever visits makes us call, so that only what
//! the client registered is called, and only so often at a time. Nothing is kept: what an address leads to may change.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{App, Ctx};
use crate::domain::id::ClientId;
use crate::domain::oidc::client::Client;
use crate::domain::oidc::error::{Code, ProtocolError};

/// So many calls to one client are under way at a time: a slow server of one gathers no requests here.
const MOST_CALLS: usize = 8;

/// Calls that are under way.
#[derive(Default)]
pub(crate) struct Calls(Mutex<HashMap<ClientId, usize>>);

/// One of them, until it is dropped.
struct Call<'a> {
    calls: &'a Calls,
    client: ClientId,
}

impl Calls {
    fn counts(&self) -> MutexGuard<'_, HashMap<ClientId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, client: ClientId) -> Option<Call<'_>> {
        let mut counts = self.counts();
        let count = counts.entry(client).or_default();
        if *count >= MOST_CALLS {
            return None;
        }
        *count += 1;
        Some(Call { calls: self, client })
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut counts = self.calls.counts();
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

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
        let _call = self.request_calls.begin(client.id).ok_or(busy)?;
        let bare = uri.split('#').next().unwrap_or_default();
        self.outbound.get_jwt(bare).await.map_err(|why| {
            tracing::info!(request_id = %ctx.request_id, client = %client.id, %why, "a request object could not be fetched");
            ProtocolError::new(Code::InvalidRequestUri, "the request object could not be fetched")
        })
    }
}
