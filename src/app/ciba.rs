//! Client-initiated backchannel authentication (CIBA Core 1.0): the client names a person, who finds its question at home
//! here, and fetches its tokens once she said yes.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::client_auth::Credentials;
use super::work::{Housekeeping, Outcome};
use super::{App, Ctx, Error, access};
use crate::domain::audit::{Action, Actor};
use crate::domain::hex::hex;
use crate::domain::id::{ElsewhereId, PersonId};
use crate::domain::oidc::checks::{self, Entrance};
use crate::domain::oidc::ciba::{self, DeliveryMode, Hint, Request};
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::domain::oidc::elsewhere::{Asked, INTERVAL, Question, State, Way};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::params::Params;
use crate::domain::oidc::request_object;
use crate::domain::registry::login::Login;
use crate::domain::time::Timestamp;
use crate::keys::foreign::Header;
use crate::keys::opaque;
use crate::outbound::ping::{PingError, post_ping};
use crate::store::elsewhere::{self, Handles, Notice};
use crate::store::ephemeral::{DISTINCT_LIMIT, Space};
use crate::store::{accounts, persons, subjects};

const SEAL: &str = "ciba notice";
/// In which questions under one hint are counted.
const WINDOW: Duration = Duration::from_secs(600);
/// Questions of one client under one hint in a window. She sees few of them (`store::elsewhere::open_of`); what is
/// limited here is the work, and the books.
const MOST_QUESTIONS: u64 = 60;
/// In which the different logins are counted that one client asks after.
const LOGINS_WINDOW: Duration = Duration::from_secs(3600);
/// So many of a platform's people begin to sign in within an hour.
const MOST_LOGINS: u64 = 1000;
/// An application has no list of people, and is not to make one by asking who has a login here.
const MOST_LOGINS_OF_APPLICATION: u64 = 100;
const _: () = assert!(MOST_LOGINS < DISTINCT_LIMIT, "the budget must be within what is told apart");
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

/// Whom a client names.
enum Named {
    /// By what she types.
    Login(Login),
    /// As the client knows her.
    Subject(String),
}

fn invalid(why: &'static str) -> ProtocolError {
    ProtocolError::new(Code::InvalidRequest, why)
}

const UNPROVEN: &str = "the request is not signed as registered";

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
        let asked = self.asked_elsewhere(params, &client, asked).await?;
        let mode = client.metadata.backchannel_token_delivery_mode.unwrap_or(DeliveryMode::Poll);
        let request = Request::parse(params, mode)?;
        let named = self.read_hint_of(ctx, &client, &request.hint).await?;
        self.count_question(&client, &named).await?;
        let person = self.meant(&client, &named).await?;
        let ctx = ctx.acting(Actor::Client { id: client.id });
        let mut work = self.begin(&ctx, Action::QuestionAsked).await?;
        work.target("client", client.id);
        let Some(person) = person else {
            work.commit(Outcome::Refused("the hint means nobody")).await?;
            return Err(ProtocolError::new(Code::UnknownUserId, "the hint means nobody who may sign in here").into());
        };
        work.target("person", person).detail("scope", asked.scope.to_string());
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
        let handles = Handles { code: opaque::digest(auth_req_id.expose_secret()), user_code: None, notify };
        elsewhere::insert(work.tx(), &question, &handles).await?;
        work.commit(Outcome::Done).await?;
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
            "authorization_details",
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
            invalid(UNPROVEN)
        };
        let header = Header::read(object).map_err(|why| refuse(&why))?;
        let served = request_object::ALGS.contains(&header.alg) && client.may_sign_with(header.alg);
        if registered.is_some_and(|alg| alg != header.alg) || !served {
            return Err(refuse(&"an algorithm that was not registered").into());
        }
        if !request_object::TYPES.contains(&header.typ.as_deref()) {
            return Err(refuse(&"another kind of token").into());
        }
        let claims = self.verify_of_client(client, object, &header).await;
        let claims = claims.map_err(|why| ProtocolError { description: why.told(UNPROVEN), ..refuse(&why) })?;
        let client_id = client.client_id();
        let since = self.ephemeral.since();
        let read = ciba::signed(&claims, &client_id, self.issuer().as_str(), ctx.now, since);
        let (params, once) = read.map_err(invalid)?;
        let key = opaque::lookup_key(&format!("ciba {client_id} {}", once.jti));
        match self.ephemeral.put_if_absent(Space::Replay, &key, b"", once.remember).await? {
            true => Ok(Some(params)),
            false => Err(invalid("the signed request was used before").into()),
        }
    }

    /// Reads a hint, without looking for anybody.
    async fn read_hint_of(&self, ctx: &Ctx, client: &Client, hint: &Hint) -> Result<Named, Error> {
        Ok(match hint {
            Hint::Login(typed) => Named::Login(Login::parse(typed)),
            Hint::IdToken(token) => {
                let sub = self.hinted_subject(token, client, ctx.now).await?;
                Named::Subject(sub.ok_or_else(|| invalid("id_token_hint is not ours for this client"))?)
            }
        })
    }

    /// Counts a question before anybody is looked for, and whether she is found or not: parallel ones would all be the
    /// first, and who has no login is nobody's to find out by trying (R1, R17).
    async fn count_question(&self, client: &Client, named: &Named) -> Result<(), Error> {
        let text: &str = match named {
            Named::Login(login) => login.throttle_text(),
            Named::Subject(sub) => sub,
        };
        let asked = hex(&self.index.throttle(&format!("ciba {} {text}", client.id)));
        if self.ephemeral.incr(Space::Questions, &asked, WINDOW).await?.count > MOST_QUESTIONS {
            return Err(Error::busy("one client asks one person too often"));
        }
        // Whom an ID token of ours names the client knows.
        let Named::Login(_) = named else { return Ok(()) };
        let most = if client.is_application() { MOST_LOGINS_OF_APPLICATION } else { MOST_LOGINS };
        let of_client = hex(&self.index.network(&format!("ciba {}", client.id)));
        if self.ephemeral.count_distinct(Space::Questions, &of_client, &asked, LOGINS_WINDOW).await? > most {
            tracing::warn!(client = %client.id, "a client asks after more people than its budget");
            return Err(Error::busy("one client asks after too many people"));
        }
        Ok(())
    }

    /// Whom a hint means; only whoever may sign in. A 学籍号 and what is no login of ours mean nobody (R9).
    async fn meant(&self, client: &Client, named: &Named) -> Result<Option<PersonId>, Error> {
        let door = access::door();
        let mut tx = self.db.read().await?;
        let account = match named {
            Named::Login(Login::PersonalCode(_) | Login::Unknown(_)) => None,
            Named::Login(login) => self.account_of(&mut tx, &door, login).await?,
            Named::Subject(sub) => {
                let Some(person) = subjects::person(&mut tx, &client.sector, sub).await? else { return Ok(None) };
                let Some(person) = persons::survivor(&mut tx, person).await? else { return Ok(None) };
                accounts::standing(&mut tx, &door, person).await?
            }
        };
        Ok(account.filter(|account| account.may_sign_in).map(|account| account.person))
    }

    /// Tells one client that somebody answered; whether there was one to tell.
    ///
    /// # Errors
    /// A failed store; a client that does not listen is told again later.
    pub async fn ping_one(&self) -> Result<bool, Error> {
        let now = self.now();
        let Some(notice) = self.take_notice(now).await? else { return Ok(false) };
        // It counts as a try, or what can never be told would be tried for ever.
        let sent = self.ping(&notice).await.unwrap_or_else(|error| {
            tracing::error!(client = %notice.client, reason = %error.internal, "what a client is told could not be made");
            Err(PingError::Unmade)
        });
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        match sent {
            Ok(()) => elsewhere::heard(&mut tx, notice.id).await?,
            Err(why) => match ciba::told_again_after(notice.attempts) {
                Some(pause) if why.is_worth_a_retry() && self.now() < notice.expires_at => {
                    tracing::warn!(client = %notice.client, attempts = notice.attempts, %why, "a client was not told; it will be tried again");
                    elsewhere::later(&mut tx, notice.id, self.now().plus(pause)).await?;
                }
                _ => {
                    tracing::warn!(client = %notice.client, %why, "a client is not told; it may still ask");
                    elsewhere::heard(&mut tx, notice.id).await?;
                }
            },
        }
        Ok(tx.commit().await.map(|()| true)?)
    }

    /// One lane after the other: two at once would not see what the other takes.
    async fn take_notice(&self, now: Timestamp) -> Result<Option<Notice>, Error> {
        let _alone = self.taking_pings.lock().await;
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let taken = elsewhere::take(&mut tx, now, now.plus(PATIENCE)).await?;
        tx.commit().await?;
        Ok(taken)
    }

    async fn ping(&self, notice: &Notice) -> Result<Result<(), PingError>, Error> {
        // A client that is gone, or was taken out of use, is told nothing.
        let client = self.client_by_id(notice.client, self.now()).await?;
        if client.is_none_or(|client| client.status != ClientStatus::Active) {
            return Ok(Ok(()));
        }
        let plain = self.sealer.open_state(SEAL, notice.id.0.as_bytes(), &notice.sealed)?;
        let ping: Ping = serde_json::from_slice(&plain)?;
        Ok(post_ping(&self.outbound, &notice.uri, &ping.token, &ping.auth_req_id).await)
    }
}
