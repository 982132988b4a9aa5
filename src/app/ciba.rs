//! Client-initiated backchannel authentication (CIBA Core 1.0): the client names a person, who finds its question at home
//! here, and fetches its tokens once she said yes.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::client_auth::Credentials;
use super::work::Housekeeping;
use super::{App, Ctx, Error, access};
use crate::domain::id::{ElsewhereId, PersonId};
use crate::domain::oidc::checks::{self, Entrance};
use crate::domain::oidc::ciba::{self, DeliveryMode, Hint, Request};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::elsewhere::{Asked, INTERVAL, Question, State, Way};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::params::Params;
use crate::domain::oidc::request_object;
use crate::domain::registry::login::Login;
use crate::keys::foreign::Header;
use crate::keys::{hex, opaque};
use crate::outbound::ping::post_ping;
use crate::store::elsewhere::{self, Handles, Notice};
use crate::store::ephemeral::Space;
use crate::store::{persons, subjects};

const SEAL: &str = "ciba notice";
/// In which questions to one person are counted.
const WINDOW: Duration = Duration::from_secs(600);
/// Questions of one client to one person in a window: she is not worn down until she says yes.
const MOST_QUESTIONS: u64 = 60;
/// How long a notice may take before another process may try it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the client gets for its question.
pub struct Accepted {
    /// With this it asks what became of it.
    pub auth_req_id: SecretString,
    /// How long it stands.
    pub expires_in: Duration,
    /// How often it may ask.
    pub interval: Duration,
}

/// What a client hears once somebody answered (CIBA Core, 10.2), under our seal until then.
#[derive(Serialize, Deserialize)]
struct Ping {
    auth_req_id: String,
    token: String,
}

fn invalid(why: &'static str) -> ProtocolError {
    ProtocolError::new(Code::InvalidRequest, why)
}

impl App {
    /// A client asks (CIBA Core, 7).
    ///
    /// # Errors
    /// As CIBA Core, 13 says.
    pub async fn ask_by_client(
        &self,
        ctx: &Ctx,
        credentials: &Credentials,
        params: &Params,
    ) -> Result<Accepted, Error> {
        let client = self.authenticate_client(credentials, ctx.now).await?;
        let signed = self.signed_question(ctx, params, &client).await?;
        let params = signed.as_ref().unwrap_or(params);
        let asked = checks::elsewhere(Entrance::Ciba, params, &client)?;
        let mode = client.metadata.backchannel_token_delivery_mode.unwrap_or(DeliveryMode::Poll);
        let request = Request::parse(params, mode)?;
        let key = hex(&self.index.network(&format!("ciba {}", client.id)));
        let person = self.meant(ctx, &client, &request.hint).await?;
        let key = format!("{key}{}", hex(&self.index.throttle(&person.to_string())));
        if self.ephemeral.incr(Space::Questions, &opaque::lookup_key(&key), WINDOW).await?.count > MOST_QUESTIONS {
            return Err(Error::busy("one client asks one person too often"));
        }
        let auth_req_id = opaque::generate(&*self.random);
        let id = ElsewhereId::new(ctx.now, &*self.random);
        let notify = match (&client.metadata.backchannel_client_notification_endpoint, request.notification_token) {
            (Some(uri), Some(token)) => {
                let ping = Ping { auth_req_id: auth_req_id.expose_secret().to_owned(), token };
                let plain = serde_json::to_vec(&ping)?;
                Some((uri.clone(), self.sealer.seal_state(SEAL, id.0.as_bytes(), &plain, &*self.random)?))
            }
            _ => None,
        };
        let question = Question {
            id,
            way: Way::Ciba,
            client: client.id,
            person: Some(person),
            asked: Asked { binding_message: request.binding_message, ..asked },
            state: State::Pending,
            offer: None,
            created_at: ctx.now,
            expires_at: ctx.now.plus(request.life),
        };
        let mut tx = self.housekeeping(Housekeeping::Question).await?;
        let handles = Handles { code: opaque::digest(auth_req_id.expose_secret()), user_code: None, notify };
        elsewhere::insert(&mut tx, &question, &handles).await?;
        tx.commit().await?;
        Ok(Accepted { auth_req_id, expires_in: request.life, interval: INTERVAL })
    }

    /// The parameters of a signed request, which stands for the whole (CIBA Core, 7.1.1); `None` where there is none and
    /// the client may do without.
    async fn signed_question(&self, ctx: &Ctx, params: &Params, client: &Client) -> Result<Option<Params>, Error> {
        let registered = client.metadata.backchannel_authentication_request_signing_alg;
        let Some(object) = params.get("request") else {
            return match registered {
                None => Ok(None),
                Some(_) => Err(invalid("the client signs its requests").into()),
            };
        };
        // CIBA Core, 7.1.1: nothing of the question stands beside it.
        let beside = [
            "scope",
            "login_hint",
            "id_token_hint",
            "login_hint_token",
            "binding_message",
            "acr_values",
            "requested_expiry",
            "client_notification_token",
        ];
        if beside.iter().any(|name| params.get(name).is_some()) {
            return Err(invalid("what a signed request asks stands in it").into());
        }
        let refuse = |why: &dyn std::fmt::Display| {
            tracing::info!(request_id = %ctx.request_id, client = %client.id, %why, "a signed request is not believed");
            invalid("the request is not signed as registered")
        };
        let header = Header::read(object).map_err(|why| refuse(&why))?;
        let served = request_object::ALGS.contains(&header.alg) && client.may_sign_with(header.alg);
        if registered.is_some_and(|alg| alg != header.alg) || !served {
            return Err(refuse(&"an algorithm that was not registered").into());
        }
        if !request_object::TYPES.contains(&header.typ.as_deref()) {
            return Err(refuse(&"another kind of token").into());
        }
        let claims = self.verify_of_client(client, object, &header).await.map_err(|why| refuse(&why))?;
        let client_id = client.id.to_string();
        let (params, once) = ciba::signed(&claims, &client_id, self.issuer().as_str(), ctx.now).map_err(invalid)?;
        let key = opaque::lookup_key(&format!("ciba {client_id} {}", once.jti));
        match self.ephemeral.put_if_absent(Space::Replay, &key, b"", once.remember).await? {
            true => Ok(Some(params)),
            false => Err(invalid("the signed request was used before").into()),
        }
    }

    /// Whom a hint means; only whoever may sign in. A 学籍号 and what is no login of ours mean nobody (R9).
    async fn meant(&self, ctx: &Ctx, client: &Arc<Client>, hint: &Hint) -> Result<PersonId, Error> {
        let unknown =
            || Error::from(ProtocolError::new(Code::UnknownUserId, "the hint means nobody who may sign in here"));
        match hint {
            Hint::Login(typed) => {
                let login = match Login::parse(typed) {
                    Login::PersonalCode(_) | Login::Unknown(_) => return Err(unknown()),
                    login => login,
                };
                let found = self.account_of(&mut self.db.read().await?, &access::door(), &login).await?;
                found.filter(|account| account.may_sign_in).map(|account| account.person).ok_or_else(unknown)
            }
            Hint::IdToken(token) => {
                let sub = self.hinted_subject(token, client, ctx.now).await?;
                let sub = sub.ok_or_else(|| Error::from(invalid("id_token_hint is not ours for this client")))?;
                let mut tx = self.db.read().await?;
                let person = subjects::person(&mut tx, &client.sector, &sub).await?.ok_or_else(unknown)?;
                persons::survivor(&mut tx, person).await?.ok_or_else(unknown)
            }
        }
    }

    /// Tells one client that somebody answered; whether there was one to tell.
    ///
    /// # Errors
    /// A failed store; a client that does not listen is told again later.
    pub async fn ping_one(&self) -> Result<bool, Error> {
        let now = self.now();
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let Some(notice) = elsewhere::take(&mut tx, now, now.plus(PATIENCE)).await? else { return Ok(false) };
        tx.commit().await?;
        let sent = self.ping(&notice).await?;
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        match sent {
            Ok(()) => elsewhere::heard(&mut tx, notice.id).await?,
            Err(why) if why.is_worth_a_retry() && self.now() < notice.expires_at => {
                tracing::warn!(client = %notice.client, attempts = notice.attempts, %why, "a client was not told; it will be tried again");
                let pause = Duration::from_secs(u64::from(notice.attempts.min(12)) * 5);
                elsewhere::later(&mut tx, notice.id, self.now().plus(pause)).await?;
            }
            Err(why) => {
                tracing::warn!(client = %notice.client, %why, "a client is not told; it may still ask");
                elsewhere::heard(&mut tx, notice.id).await?;
            }
        }
        Ok(tx.commit().await.map(|()| true)?)
    }

    async fn ping(&self, notice: &Notice) -> Result<Result<(), crate::outbound::ping::PingError>, Error> {
        // A client that is gone has nobody left to hear it.
        if self.client_by_id(notice.client, self.now()).await?.is_none() {
            return Ok(Ok(()));
        }
        let plain = self.sealer.open_state(SEAL, notice.id.0.as_bytes(), &notice.sealed)?;
        let ping: Ping = serde_json::from_slice(&plain)?;
        Ok(post_ping(&self.outbound, &notice.uri, &ping.token, &ping.auth_req_id).await)
    }
}
