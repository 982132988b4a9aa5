//! Outgoing HTTP for the `openidconnect` crate, over our own `reqwest`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, IssuerUrl};
use thiserror::Error;

/// No answer of a provider that we read is larger; a key set has a few kilobytes.
const MAX_BODY: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client that follows no redirect (a token request must not wander), asks no proxy of the environment,
/// and waits at most ten seconds.
pub(super) struct Wire(reqwest::Client);

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum WireError {
    /// Connection, TLS or time.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    /// The request cannot be sent or the answer cannot be represented.
    #[error("{0}")]
    Shape(#[from] http::Error),
    /// The provider, or something in front of it, is out of order; whatever it sent is no answer of OAuth.
    #[error("status {0}")]
    OutOfOrder(http::StatusCode),
    /// The answer is too large to be what we asked for.
    #[error("the answer is larger than {MAX_BODY} bytes")]
    TooLarge,
}

impl Wire {
    /// The client for one provider.
    ///
    /// # Errors
    /// When the roots of trust of the system cannot be loaded.
    pub fn new(issuer: &IssuerUrl) -> Result<Self, reqwest::Error> {
        // Whoever came first in this process has chosen; both choices can speak TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .user_agent(concat!("mingji-demo-platform/", env!("CARGO_PKG_VERSION")));
        if issuer.url().scheme() == "http" {
            // Never TLS, so a machine without certificates can still run the demo.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map(Self)
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, WireError> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        if answer.status().is_server_error() {
            return Err(WireError::OutOfOrder(answer.status()));
        }
        let mut response = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(WireError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Wire {
    type Error = WireError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, WireError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
