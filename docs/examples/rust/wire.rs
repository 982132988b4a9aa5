//! Outgoing HTTP for `openidconnect`. With its feature `reqwest` the library takes a `reqwest::Client` of its own
//! version as it is, and this file is not needed.

use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

/// Without a redirect followed: a token request must not wander.
pub struct Wire(reqwest::Client);

impl Wire {
    /// The client for the provider.
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        http.timeout(Duration::from_secs(10)).build().map(Self)
    }
}

impl<'c> AsyncHttpClient<'c> for Wire {
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.0.execute(request.try_into()?).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = HttpResponse::new(answer.bytes().await?.to_vec());
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            Ok(response)
        })
    }
}
