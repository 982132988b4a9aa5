//! Pushed authorization requests (RFC 9126): the client sends its request on the back channel, authenticated, and the
//! browser carries only its name.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::client_auth::Credentials;
use super::{App, Ctx, Error};
use crate::domain::id::{ClientId, InteractionId};
use crate::domain::oidc::checks::{self, Failure, Stop};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::params::Params;
use crate::domain::oidc::request::AuthorizationRequest;
use crate::keys::opaque;
use crate::store::ephemeral::Space;

/// RFC 9126, 2.2.
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// From the push to the browser's arrival; a request that waits longer was not made for a person who waits.
const LIFE: Duration = Duration::from_secs(90);
const SEAL: &str = "pushed request";
/// No request is longer, in bytes: what strangers may leave here is bounded.
const LONGEST: usize = 16 << 10;

/// What the client gets for its request.
pub struct Pushed {
    /// The name of the request.
    pub request_uri: String,
    /// How long it can be used.
    pub expires_in: Duration,
}

/// What the browser brought.
pub(crate) enum Brought {
    /// A request of its own.
    Itself,
    /// The name of one that was pushed.
    Pushed {
        /// Its parameters.
        params: Params,
        /// What is used up when it is answered.
        key: String,
    },
    /// A name that is used up, too old, or another client's.
    Nothing,
}

impl App {
    /// Takes a request in (RFC 9126, 2). Everything is checked now, so that the client hears of it.
    ///
    /// # Errors
    /// What the authorization endpoint would refuse, `invalid_client`, or a failed dependency.
    pub async fn push_request(&self, ctx: &Ctx, credentials: &Credentials, params: &Params) -> Result<Pushed, Error> {
        params.refuse_repeated()?;
        let shown = self.shown(ctx, &credentials.possession, None)?;
        // A client with a document of its own may come here first.
        if let Some(id) = credentials.claimed() {
            self.arriving_client(ctx, &id).await?;
        }
        let client = self.authenticate_client(credentials, ctx.now).await?;
        if params.get("request_uri").is_some() {
            return Err(ProtocolError::new(Code::InvalidRequest, "request_uri cannot be pushed").into());
        }
        let params = params.without(&["client_id"]).and("client_id", &client.client_id());
        // RFC 9126, 3: an object stands for the request here too.
        let params = self.carried(ctx, &params, &client).await?.unwrap_or(params);
        let params = match (self.use_up(ctx, shown, client.is_public()).await?.jkt, params.get("dpop_jkt")) {
            // RFC 9449, 10.1: "MUST reject the request if the JWK Thumbprint in dpop_jkt does not match".
            (Some(proved), Some(named)) if proved != named => {
                return Err(ProtocolError::new(Code::InvalidDpopProof, "dpop_jkt names another key").into());
            }
            (Some(proved), None) => params.and("dpop_jkt", &proved),
            _ => params,
        };
        checks::authorize(&params, &client, InteractionId::new(ctx.now, &*self.random), ctx.now).map_err(
            |failure| match failure {
                Failure::Redirect(error) => error,
                Failure::Page(Stop::Client) => ProtocolError::new(Code::InvalidClient, "the client may not ask"),
                Failure::Page(Stop::RedirectUri) => {
                    ProtocolError::new(Code::InvalidRequest, "redirect_uri is not registered")
                }
            },
        )?;
        self.asked_of_resources(&params, &client).await?;
        let name = opaque::generate(&*self.random);
        // Sealed: a login_hint may be a phone or a 学籍号 (R7, R9).
        // Nor is anything kept that nobody reads: what authenticates the client is no part of its request (RFC 9126, 2.1).
        let plain = params.only(checks::READ).encode();
        if plain.len() > LONGEST {
            return Err(ProtocolError::new(Code::InvalidRequest, "the request is too long").into());
        }
        let binding = binding(name.expose_secret(), client.id);
        let sealed = self.sealer.seal_state(SEAL, &binding, plain.as_bytes(), &*self.random)?;
        let key = opaque::lookup_key(name.expose_secret());
        if client.is_public() {
            self.charge_room(ctx, sealed.len()).await?;
        }
        self.ephemeral.put(space_of(&client), &key, sealed.as_bytes(), LIFE).await?;
        Ok(Pushed { request_uri: format!("{PREFIX}{}", name.expose_secret()), expires_in: LIFE })
    }

    /// Looks at a pushed request. It is used up when it is answered, not when a browser arrives with it (FAPI 2.0, 5.3.2.2:
    /// whoever loads the page again has not been served yet).
    pub(crate) async fn brought(&self, ctx: &Ctx, params: &Params) -> Result<Brought, Error> {
        let Some(name) = params.get("request_uri").and_then(|uri| uri.strip_prefix(PREFIX)) else {
            return Ok(Brought::Itself);
        };
        let Some(client) = self.client(params.get("client_id").unwrap_or_default(), ctx.now).await? else {
            return Ok(Brought::Nothing);
        };
        let key = opaque::lookup_key(name);
        if self.ephemeral.get(Space::AnsweredRequest, &key).await?.is_some() {
            return Ok(Brought::Nothing);
        }
        let Some(sealed) = self.ephemeral.get(space_of(&client), &key).await? else { return Ok(Brought::Nothing) };
        let sealed = std::str::from_utf8(&sealed).map_err(Error::internal)?;
        // RFC 9126, 4: the client_id must be the one that pushed.
        let Ok(plain) = self.sealer.open_state(SEAL, &binding(name, client.id), sealed) else {
            return Ok(Brought::Nothing);
        };
        Ok(Brought::Pushed { params: Params::parse(&String::from_utf8_lossy(&plain)), key })
    }

    /// Uses a pushed request up (RFC 9126, 7.3): of any number of answers one is given. Whether this is the one.
    pub(super) async fn is_first_answer(&self, request: &AuthorizationRequest) -> Result<bool, Error> {
        let Some(key) = &request.pushed else { return Ok(true) };
        let remember = LIFE + self.lifetimes.interaction;
        Ok(self.ephemeral.put_if_absent(Space::AnsweredRequest, key, b"", remember).await?)
    }
}

/// What a pushed request is sealed to: its name and who pushed it.
fn binding(name: &str, client: ClientId) -> Vec<u8> {
    [client.0.as_bytes(), name.as_bytes()].concat()
}

/// Where the requests of a client are kept.
fn space_of(client: &Client) -> Space {
    if client.is_public() { Space::PushedByAnybody } else { Space::PushedRequest }
}
