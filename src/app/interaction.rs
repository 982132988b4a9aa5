//! A request between two steps of its person: what was asked travels sealed with the browser (R3), and is looked at again
//! each time that it comes back.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::authorize::{PageStop, Reply};
use super::session::Browser;
use super::{App, Ctx, Error};
use crate::domain::id::InteractionId;
use crate::domain::oidc::checks::{self, Entrance, Failure, Stop};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::params::Params;
use crate::domain::oidc::request::{Answered, AuthorizationRequest};
use crate::keys::opaque;

const SEAL: &str = "authorize";

/// A request on its way, opened again.
pub(crate) struct Opened {
    pub(crate) request: AuthorizationRequest,
    pub(crate) client: Arc<Client>,
}

/// Why a request is not gone on with as it came.
pub(crate) enum Unopened {
    /// Nothing is left to go on with.
    Stop(PageStop),
    /// It was sealed to another cookie: of two tabs that came at once the browser keeps one. Nothing that came with it counts,
    /// and the page that is due is shown again, for the cookie of now.
    Again(Box<Opened>),
}

/// What a form carries, and the cookie that it belongs to.
#[derive(Serialize, Deserialize)]
struct Sealed<R> {
    bound: [u8; 32],
    request: R,
}

impl App {
    /// Opens the sealed request that a form brought back.
    ///
    /// # Errors
    /// A failed dependency. `Ok(Err(_))` when the form is too late, foreign, or its client is gone.
    pub(crate) async fn open_request(
        &self,
        ctx: &Ctx,
        sealed: &str,
        browser: &Browser,
    ) -> Result<Result<Opened, Unopened>, Error> {
        let stop = |why| Ok(Err(Unopened::Stop(why)));
        let Some(binding) = browser.binding() else { return stop(PageStop::Expired) };
        let Ok(plain) = self.sealer.open_state(SEAL, b"", sealed) else { return stop(PageStop::Expired) };
        let Sealed::<AuthorizationRequest> { bound, mut request } = serde_json::from_slice(&plain)?;
        if ctx.now.since(request.created_at) >= self.lifetimes.interaction {
            return stop(PageStop::Expired);
        }
        let foreign = bound != binding;
        // What is asked of somebody on another device is hers alone to see.
        if foreign && request.elsewhere.is_some() {
            return stop(PageStop::Expired);
        }
        let client = match self.client_by_id(request.client_id, ctx.now).await? {
            Some(client) => self.believed(client, ctx.now).await?,
            None => None,
        };
        let Some(client) = client else { return stop(PageStop::Client) };
        let params = Params::parse(
            &form_urlencoded::Serializer::new(String::new())
                .append_pair("redirect_uri", &request.redirect_uri)
                .append_pair("response_type", request.response_type.as_str())
                .finish(),
        );
        let entrance = if request.elsewhere.is_some() { Entrance::Answer } else { Entrance::Resume };
        match checks::run(entrance, &params, &client) {
            Ok(()) if foreign => {
                request.answered = Answered::default();
                request.interaction = InteractionId::new(ctx.now, &*self.random);
                Ok(Err(Unopened::Again(Box::new(Opened { request, client }))))
            }
            Ok(()) => Ok(Ok(Opened { request, client })),
            Err(Failure::Page(Stop::RedirectUri)) => stop(PageStop::RedirectUri),
            Err(_) => stop(PageStop::Client),
        }
    }

    /// What is shown of a request that was not opened.
    ///
    /// # Errors
    /// A failed dependency.
    pub(crate) async fn unopened(&self, ctx: &Ctx, why: Unopened, browser: &Browser) -> Result<Reply, Error> {
        match why {
            Unopened::Stop(stop) => Ok(Reply::stop(stop)),
            Unopened::Again(opened) => self.proceed(ctx, opened.request, opened.client, browser).await,
        }
    }

    /// Seals a request to this browser, giving it a pre-session cookie where it has none.
    pub(crate) fn seal_request(
        &self,
        request: &AuthorizationRequest,
        browser: &Browser,
    ) -> Result<(String, Option<SecretString>), Error> {
        let fresh = browser.pre_session.is_none().then(|| opaque::generate(&*self.random));
        let binding = match (&fresh, browser.binding()) {
            (Some(secret), _) => opaque::digest(secret.expose_secret()),
            (None, Some(binding)) => binding,
            (None, None) => return Err(Error::internal("no pre-session")),
        };
        let plain = serde_json::to_vec(&Sealed { bound: binding, request })?;
        Ok((self.sealer.seal_state(SEAL, b"", &plain, &*self.random)?, fresh))
    }
}
