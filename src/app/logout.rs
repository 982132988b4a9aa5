//! Signing out: RP-initiated (OpenID Connect RP-Initiated Logout 1.0) and the delivery of back-channel
//! logout tokens (Back-Channel Logout 1.0).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::session::{Browser, Who};
use super::work::Housekeeping;
use super::{App, Ctx, Error};
use crate::domain::audit::Actor;
use crate::domain::oidc::assertion::ClientAlg;
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::domain::oidc::fault::{Endpoint, FaultKind};
use crate::domain::oidc::logout::{Delivery, LogoutRequest, retry_after, wait_for_return, with_query};
use crate::domain::time::Timestamp;
use crate::keys::foreign::{self, Header};
use crate::keys::jwt::{self, Expect};
use crate::keys::opaque::lookup_key;
use crate::outbound::logout::{LogoutError, post_logout_token};
use crate::store::ephemeral::Space;
use crate::store::{deliveries, sessions, subjects};

const SEAL: &str = "logout";
const LOGOUT_TYP: &str = "logout+jwt";
const PARKED_SEAL: &str = "parked";
/// So many logout tokens for one client are under way together: what a server answers in 50 ms, 160 a second.
const AT_ONCE: usize = 8;
/// How long a delivery may take before another process may try it.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(30);
const LOGOUT_TOKEN_LIFE: Duration = Duration::from_secs(120);
/// How long a long cross-site POST waits for its own GET, which the browser is on its way to.
const PARKED: Duration = Duration::from_secs(60);
/// A sealed form goes along in the address of that GET up to here: every server takes an address twice as long.
const LONGEST_IN_ADDRESS: usize = 4_096;

/// What the end-session endpoint answers.
pub enum LogoutReply {
    /// Signed out, or nobody was signed in.
    Gone {
        /// The client's address that follows; our own page where there is none.
        back: Option<String>,
        /// What the browser opens in frames before (Front-Channel Logout 1.0).
        frames: Vec<String>,
    },
    /// She said no; to the client's address.
    Back(String),
    /// She said no, and there is no address to go back to.
    Stayed,
    /// A question first: the client did not prove whose session it means.
    Confirm {
        /// Sealed state.
        request: String,
        /// Who is there.
        who: Box<Who>,
        /// Who asks, where it is known.
        client: Option<Arc<Client>>,
        /// A pre-session cookie, where there was none.
        pre_session: Option<SecretString>,
    },
    /// `err-id-token-hint`
    BadHint,
    /// `err-post-logout-uri`
    BadAddress {
        /// What the browser opens in frames, where the session was ended all the same: the sign-out needed no address.
        ended: Option<Vec<String>>,
    },
    /// The form is too late or foreign.
    Expired,
}

struct Hint {
    client: Arc<Client>,
    sub: String,
    sid: Option<String>,
}

// Nobody who leaves waits for the server of a client: it is taken as it stands here.
impl App {
    /// The subject of an `id_token_hint` that we issued to this client, expired or not.
    pub(crate) async fn hinted_subject(
        &self,
        hint: &str,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<String>, Error> {
        let found = self.read_hint(hint, now).await?;
        Ok(found.filter(|hint| hint.client.id == client.id).map(|hint| hint.sub))
    }

    async fn read_hint(&self, hint: &str, now: Timestamp) -> Result<Option<Hint>, Error> {
        let keyring = self.keyring(now).await?;
        // Section 2: "the OP SHOULD accept ID Tokens when the RP identified […] even when the exp time has passed".
        let expect = Expect {
            typ: &[None, Some("JWT")],
            issuer: self.issuer().as_str(),
            audience: None,
            now,
            allow_expired: true,
        };
        let claims = match keyring.verify(hint, &expect) {
            Ok(claims) => claims,
            Err(_) => match self.hint_under_secret(hint, now).await? {
                Some(claims) => claims,
                None => return Ok(None),
            },
        };
        let (Some(audience), Some(sub)) = (claims["aud"].as_str(), claims["sub"].as_str()) else { return Ok(None) };
        let sid = claims["sid"].as_str();
        // What we called somebody holds none of these; a client with a secret can sign what it likes, and a database may choke on it.
        if [Some(sub), sid].into_iter().flatten().any(|name| name.contains(char::is_control)) {
            return Ok(None);
        }
        let Some(client) = self.known_client(audience, now).await? else { return Ok(None) };
        Ok(Some(Hint { client, sub: sub.to_owned(), sid: sid.map(str::to_owned) }))
    }

    /// An ID token that is authenticated with the secret of the client it names, where that client registered HS256:
    /// no other secret and no key of ours can stand for it.
    async fn hint_under_secret(&self, hint: &str, now: Timestamp) -> Result<Option<Value>, Error> {
        let (Ok(header), Some(audience)) = (Header::read(hint), foreign::unverified_audience(hint)) else {
            return Ok(None);
        };
        let client = self.known_client(&audience, now).await?;
        let client = client.filter(|client| client.metadata.id_token_signed_response_alg == ClientAlg::Hs256);
        let Some(client) = client else { return Ok(None) };
        // One that was signed before the secret was replaced is no less ours.
        let secrets = [self.secret_of_client(&client)?, self.old_secret_of(&client, now)?];
        let read = |secret: &SecretString| foreign::verify_with_secret(hint, &header, secret.expose_secret()).ok();
        let claims = secrets.iter().flatten().find_map(read);
        let ours = |claims: &Map<String, Value>| claims.get("iss").is_some_and(|iss| iss == self.issuer().as_str());
        // What never ends is no ID token but a userinfo answer.
        Ok(claims.filter(|claims| ours(claims) && claims.get("exp").is_some_and(Value::is_i64)).map(Value::Object))
    }

    /// Answers a sign-out request.
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn end_session(
        &self,
        ctx: &Ctx,
        request: &LogoutRequest,
        browser: &Browser,
    ) -> Result<LogoutReply, Error> {
        let hint = match &request.id_token_hint {
            None => None,
            Some(text) => match self.read_hint(text, ctx.now).await? {
                Some(hint) => Some(hint),
                None => {
                    let named = match &request.client_id {
                        Some(id) => self.known_client(id, ctx.now).await?,
                        None => None,
                    };
                    if let Some(client) = named {
                        self.note_visit(ctx, Endpoint::EndSession, &client, FaultKind::LogoutHint, None);
                    }
                    return Ok(LogoutReply::BadHint);
                }
            },
        };
        let client = match (&hint, &request.client_id) {
            // Section 2: "the OP MUST verify that the Client Identifier matches the one used when issuing the ID Token".
            (Some(hint), Some(id)) if *id != hint.client.client_id() => {
                if let Some(named) = self.known_client(id, ctx.now).await? {
                    self.note_visit(ctx, Endpoint::EndSession, &named, FaultKind::LogoutForeign, None);
                }
                return Ok(LogoutReply::BadHint);
            }
            (Some(hint), _) => Some(hint.client.clone()),
            (None, Some(id)) => self.known_client(id, ctx.now).await?,
            (None, None) => None,
        };
        let back = match &request.post_logout_redirect_uri {
            None => None,
            // Section 3: "MUST NOT perform post-logout redirection if the value supplied does not exactly match".
            Some(uri) => match &client {
                Some(client) if Self::way_back(client, uri) => Some(with_state(uri, request.state.as_deref())),
                Some(client) => {
                    let (kind, registered) = (FaultKind::PostLogoutUri, &client.metadata.post_logout_redirect_uris);
                    self.note_address(ctx, Endpoint::EndSession, client, (kind, uri), registered);
                    let ended = self.end_without_way_back(ctx, hint.as_ref(), browser).await?;
                    return Ok(LogoutReply::BadAddress { ended });
                }
                None => return Ok(LogoutReply::BadAddress { ended: None }),
            },
        };
        let Some(who) = self.who(ctx, browser).await? else {
            let frames = self.sign_out_here(ctx, browser, "signed out at a platform").await?;
            self.end_hinted(ctx, hint.as_ref()).await?;
            // RFC 9700, 4.11.2: whoever registered himself sends nobody on who is not signed in. An ID token of his own proves
            // nothing about her: anybody has one who signed in at his own client once.
            let known = client.as_ref().is_some_and(|client| client.vouched);
            return Ok(LogoutReply::Gone { back: back.filter(|_| known), frames });
        };
        if let Some(hint) = &hint
            && self.hint_means(hint, &who, ctx).await?
        {
            let frames = self.sign_out(ctx, &who.session, "signed out at a platform").await?;
            return Ok(LogoutReply::Gone { back, frames });
        }
        let plain = serde_json::to_vec(&(request, ctx.now))?;
        let fresh = browser.pre_session.is_none().then(|| crate::keys::opaque::generate(&*self.random));
        let bound =
            Browser { pre_session: fresh.clone().or_else(|| browser.pre_session.clone()), ..Browser::default() };
        let binding = bound.binding().unwrap_or_default();
        Ok(LogoutReply::Confirm {
            request: self.sealer.seal_state(SEAL, &binding, &plain, &*self.random)?,
            who: Box::new(who),
            client,
            pre_session: fresh,
        })
    }

    /// Ends what a hint proves although there is nowhere to go back to: section 4 has those operations aborted that need what
    /// is wrong, and whoever pressed the button has left the platform already. What is opened in frames, where it was her who
    /// is here.
    async fn end_without_way_back(
        &self,
        ctx: &Ctx,
        hint: Option<&Hint>,
        browser: &Browser,
    ) -> Result<Option<Vec<String>>, Error> {
        let Some(hint) = hint else { return Ok(None) };
        match self.who(ctx, browser).await? {
            Some(who) if self.hint_means(hint, &who, ctx).await? => {
                self.sign_out(ctx, &who.session, "signed out at a platform").await.map(Some)
            }
            Some(_) => Ok(None),
            None => {
                let frames = self.sign_out_here(ctx, browser, "signed out at a platform").await?;
                self.end_hinted(ctx, Some(hint)).await?;
                Ok(Some(frames))
            }
        }
    }

    /// Whether a hint names the session that is there: by `sid`, or by the person where the token has none.
    async fn hint_means(&self, hint: &Hint, who: &Who, ctx: &Ctx) -> Result<bool, Error> {
        let mut tx = self.db.read().await?;
        if let Some(sid) = &hint.sid {
            let named = sessions::by_sid(&mut tx, hint.client.id, sid).await?;
            return Ok(named.is_some_and(|named| named.id == who.session.id) && who.session.is_live(ctx.now));
        }
        Ok(subjects::is_called(&mut tx, who.session.person, &hint.client.sector, &hint.sub).await?)
    }

    /// Ends the session that a hint names by its `sid`, where this browser does not know it any more: its time ran out, the
    /// browser was closed, or it was begun for a device. The OP accepts hints of "a recent session" too (section 2), and the
    /// other platforms of that session hear of its end. A token of a client that nobody vouches for may be anybody's: with it
    /// only what ran out anyway is ended. No frames: they would tell this browser what was opened in that one.
    async fn end_hinted(&self, ctx: &Ctx, hint: Option<&Hint>) -> Result<(), Error> {
        let Some(Hint { client, sid: Some(sid), .. }) = hint else { return Ok(()) };
        let named = sessions::by_sid(&mut self.db.read().await?, client.id, sid).await?;
        if let Some(named) = named.filter(|named| client.vouched || !named.is_live(ctx.now)) {
            // She is not known to be here: the entry says whose token it was that ended it.
            let ctx = ctx.acting(Actor::Client { id: client.id });
            self.end_as(&ctx, &named, "signed out at a platform").await?;
        }
        Ok(())
    }

    /// The answer to [`LogoutReply::Confirm`].
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn confirm_sign_out(
        &self,
        ctx: &Ctx,
        sealed: &str,
        yes: bool,
        browser: &Browser,
    ) -> Result<LogoutReply, Error> {
        let Some(request) = self.open_sign_out(ctx, sealed, browser)? else { return Ok(LogoutReply::Expired) };
        let hint = match &request.id_token_hint {
            Some(hint) => self.read_hint(hint, ctx.now).await?,
            None => None,
        };
        let client = match (&hint, &request.client_id) {
            (Some(hint), _) => Some(Arc::clone(&hint.client)),
            (None, Some(id)) if request.id_token_hint.is_none() => self.known_client(id, ctx.now).await?,
            (None, _) => None,
        };
        let back = request
            .post_logout_redirect_uri
            .filter(|uri| client.is_some_and(|client| Self::way_back(&client, uri)))
            .map(|uri| with_state(&uri, request.state.as_deref()));
        if !yes {
            return Ok(back.map_or(LogoutReply::Stayed, LogoutReply::Back));
        }
        let frames = self.sign_out_here(ctx, browser, "signed out").await?;
        self.end_hinted(ctx, hint.as_ref()).await?;
        Ok(LogoutReply::Gone { back, frames })
    }

    /// A sign-out that a form brought back without an answer: the question again, in another language or to whoever
    /// is there now. `None` when what came is no sign-out, or too late.
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn resume_sign_out(
        &self,
        ctx: &Ctx,
        sealed: &str,
        browser: &Browser,
    ) -> Result<Option<LogoutReply>, Error> {
        let Some(request) = self.open_sign_out(ctx, sealed, browser)? else { return Ok(None) };
        self.end_session(ctx, &request, browser).await.map(Some)
    }

    fn open_sign_out(&self, ctx: &Ctx, sealed: &str, browser: &Browser) -> Result<Option<LogoutRequest>, Error> {
        let opened = browser.binding().and_then(|binding| self.sealer.open_state(SEAL, &binding, sealed).ok());
        let Some(plain) = opened else { return Ok(None) };
        let (request, asked_at): (LogoutRequest, Timestamp) = serde_json::from_slice(&plain)?;
        Ok((ctx.now.since(asked_at) <= self.lifetimes.interaction).then_some(request))
    }

    /// Puts the parameters of a cross-site POST, which carries no Lax cookie, where our own GET brings them back (R12); the name
    /// under which it does. Sealed: a `login_hint` may be a phone or a 学籍号 (R7, R9). Nearly every form fits into the name
    /// itself, so that strangers fill no store and a page can be loaded again for as long as it is good.
    ///
    /// # Errors
    /// `Busy` when strangers left too much in this minute; a failed ephemeral store.
    pub async fn park(&self, ctx: &Ctx, body: &str) -> Result<String, Error> {
        let seal = |binding: &[u8]| {
            let plain = serde_json::to_vec(&(body, ctx.now))?;
            Ok::<_, Error>(self.sealer.seal_state(PARKED_SEAL, binding, &plain, &*self.random)?)
        };
        let whole = seal(b"")?;
        if whole.len() <= LONGEST_IN_ADDRESS {
            return Ok(whole);
        }
        let key = crate::keys::opaque::generate(&*self.random).expose_secret().to_owned();
        let sealed = seal(key.as_bytes())?;
        self.charge_room(ctx, sealed.len()).await?;
        // Under the digest of its name, so that the store alone opens nothing.
        self.ephemeral.put(Space::Parked, &lookup_key(&key), sealed.as_bytes(), PARKED).await?;
        Ok(key)
    }

    /// The parked parameters.
    ///
    /// # Errors
    /// A failed ephemeral store.
    pub async fn unpark(&self, ctx: &Ctx, name: &str) -> Result<Option<String>, Error> {
        let mut plain = self.sealer.open_state(PARKED_SEAL, b"", name).ok();
        if plain.is_none() {
            let sealed = self.ephemeral.get(Space::Parked, &lookup_key(name)).await?;
            let sealed = sealed.and_then(|bytes| String::from_utf8(bytes).ok());
            plain = sealed.and_then(|text| self.sealer.open_state(PARKED_SEAL, name.as_bytes(), &text).ok());
        }
        let parked: Option<(String, Timestamp)> = plain.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(parked.filter(|(_, at)| ctx.now.since(*at) <= self.lifetimes.interaction).map(|(body, _)| body))
    }

    /// `mingji client deliveries`: logout tokens that wait or were given up, by client.
    ///
    /// # Errors
    /// A failed store.
    pub async fn undelivered(&self) -> Result<Vec<deliveries::OfClient>, Error> {
        Ok(deliveries::by_client(&mut self.db.read().await?).await?)
    }

    /// Delivers what is due for one client, some of it at a time; whether there was something.
    ///
    /// # Errors
    /// A failed store; a failed receiver is tried again later and holds up nobody.
    pub async fn deliver_some(&self) -> Result<bool, Error> {
        let now = self.now();
        let taken = self.take_deliveries(now).await?;
        let any = !taken.is_empty();
        for ended in join_all(taken.into_iter().map(|delivery| self.deliver(delivery, now))).await {
            ended?;
        }
        Ok(any)
    }

    async fn deliver(&self, delivery: Delivery, now: Timestamp) -> Result<(), Error> {
        let sent = match self.logout_token(&delivery, now).await {
            Ok(Some(Ok((uri, token)))) => post_logout_token(&self.outbound, &uri, &token).await,
            Ok(Some(Err(why))) => Err(why),
            // The client is gone, or wants to hear nothing by now.
            Ok(None) => Ok(()),
            // It counts as a try, or what can never be made would be tried for ever.
            Err(error) => {
                tracing::error!(client = %delivery.client, reason = %error, "a logout token could not be made");
                Err(LogoutError::NoKey)
            }
        };
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let pause = match sent {
            Err(LogoutError::Suspended) => wait_for_return(now.since(delivery.created_at)),
            _ => retry_after(delivery.attempts),
        };
        let outcome = match (sent, pause) {
            (Ok(()), _) => {
                deliveries::done(&mut tx, delivery.id, now).await?;
                "delivered"
            }
            (Err(why), Some(pause)) if why.is_worth_a_retry() => {
                tracing::warn!(client = %delivery.client, attempts = delivery.attempts, %why, "a logout token did not arrive; it will be tried again");
                deliveries::later(&mut tx, delivery.id, self.now().plus(pause)).await?;
                "retried"
            }
            (Err(why), _) => {
                tracing::error!(client = %delivery.client, %why, "a logout token was given up");
                deliveries::give_up(&mut tx, delivery.id, now).await?;
                "given_up"
            }
        };
        tx.commit().await?;
        self.metrics.delivery(outcome);
        Ok(())
    }

    /// One lane after the other: two at once would not see what the other takes. A lane takes several of its client: whoever is
    /// slow holds up what is its own and one lane, and whoever has much to hear hears it together.
    async fn take_deliveries(&self, now: Timestamp) -> Result<Vec<Delivery>, Error> {
        let _alone = self.taking.lock().await;
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let until = now.plus(DELIVERY_PATIENCE);
        let mut taken: Vec<_> = deliveries::take(&mut tx, now, until).await?.into_iter().collect();
        while let Some(client) = taken.last().map(|delivery| delivery.client)
            && taken.len() < AT_ONCE
        {
            let Some(next) = deliveries::take_of(&mut tx, client, now, until).await? else { break };
            taken.push(next);
        }
        tx.commit().await?;
        Ok(taken)
    }

    /// The token and where it goes, or why there can be none today; nothing where the client is gone. Whoever was out of use may have
    /// another address since.
    async fn logout_token(
        &self,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<Option<Result<(String, String), LogoutError>>, Error> {
        let Some(client) = self.client_by_id(delivery.client, now).await? else { return Ok(None) };
        // Before its keys are fetched. Who comes back in time hears of it still.
        match client.status {
            ClientStatus::Active => {}
            ClientStatus::Suspended => return Ok(Some(Err(LogoutError::Suspended))),
            ClientStatus::Removed => return Ok(None),
        }
        let Some(uri) = client.metadata.backchannel_logout_uri.clone() else { return Ok(None) };
        let keyring = self.keyring(now).await?;
        // Back-Channel Logout 1.0, 2.4.
        let claims = json!({
            "iss": self.issuer().as_str(), "aud": client.client_id(), "sub": delivery.sub, "sid": delivery.sid, "jti": delivery.id.to_string(),
            "iat": now.seconds(), "exp": now.plus(LOGOUT_TOKEN_LIFE).seconds(), "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        // 2.4: "the same keys are used to sign and encrypt Logout Tokens as are used for ID Tokens".
        let alg = client.metadata.id_token_signed_response_alg;
        // Whoever is in the middle of a change of secrets may know only one of the two: every other try is with the old one.
        let old = match alg {
            ClientAlg::Hs256 if delivery.attempts.is_multiple_of(2) => self.old_secret_of(&client, now)?,
            _ => None,
        };
        let token = match old {
            Some(secret) => jwt::write_with_secret(secret.expose_secret(), LOGOUT_TYP, &claims)?,
            None => self.sign_for(&keyring, &client, alg, LOGOUT_TYP, &claims)?,
        };
        if client.metadata.id_token_encrypted_response_alg.is_none() {
            return Ok(Some(Ok((uri, token))));
        }
        // It may refuse what is not encrypted (2.6), and its keys may be away for a while.
        let Ok(key) = self.encryption_key_of(&client).await else { return Ok(Some(Err(LogoutError::NoKey))) };
        let sealed = key.encrypt(token.as_bytes(), true, &*self.random);
        Ok(Some(sealed.map(|token| (uri, token)).map_err(|_| LogoutError::NoKey)))
    }

    /// The client's address after a sign-out, if it has that one. Whoever was suspended is no way out of here.
    fn way_back(client: &Client, uri: &str) -> bool {
        client.status == ClientStatus::Active && client.returns_after_logout_to(uri)
    }
}

fn with_state(uri: &str, state: Option<&str>) -> String {
    state.map_or_else(|| uri.to_owned(), |state| with_query(uri, &[("state", state)]))
}
