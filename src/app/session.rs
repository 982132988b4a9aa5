//! Browser sessions: who is there, which identity, and the end of it.

use secrecy::{ExposeSecret as _, SecretString};

use super::access;
use super::work::{Housekeeping, Outcome, Work};
use super::{App, Ctx, Error};
use crate::domain::access::OnePerson;
use crate::domain::audit::{Action, Actor};
use crate::domain::auth::session::{Session, session_lifetimes};
use crate::domain::id::{DeliveryId, IdentityId, PersonId, SessionId};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::logout::{Delivery, frame_address};
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::deliveries::Receiver;
use crate::store::sessions::Visited;
use crate::store::{admin_grants, deliveries, grants, identities, sessions};

/// What a browser sent along.
#[derive(Clone, Default)]
pub struct Browser {
    /// The session cookie.
    pub session: Option<SecretString>,
    /// The pre-session cookie, to which sealed requests are bound.
    pub pre_session: Option<SecretString>,
    /// The device cookie of an earlier success.
    pub device: Option<SecretString>,
    /// The cookie that clients' pages compare (Session Management 1.0).
    pub state: Option<SecretString>,
    /// What it says of itself, in words of ours.
    pub agent: Option<String>,
}

impl Browser {
    /// What sealed state is bound to; `None` without a pre-session cookie.
    pub(crate) fn binding(&self) -> Option<[u8; 32]> {
        self.pre_session.as_ref().map(|secret| opaque::digest(secret.expose_secret()))
    }
}

/// Who is signed in, for the pages.
#[derive(Clone, Debug)]
pub struct Who {
    /// Her session.
    pub session: Session,
    /// Her name.
    pub name: String,
}

impl App {
    /// The live session of a browser.
    ///
    /// # Errors
    /// A failed store.
    pub(crate) async fn live_session(
        &self,
        tx: &mut Tx,
        browser: &Browser,
        now: Timestamp,
    ) -> Result<Option<Session>, Error> {
        Ok(self.session_left(tx, browser).await?.filter(|session| session.is_live(now)))
    }

    /// The same of whoever holds no connection, asked with others who come at the same moment.
    pub(crate) async fn session_at(&self, browser: &Browser, now: Timestamp) -> Result<Option<Session>, Error> {
        let Some(secret) = &browser.session else { return Ok(None) };
        let session = self.asked_sessions.by_secret(opaque::digest(secret.expose_secret())).await?;
        Ok(session.filter(|session| session.is_live(now)))
    }

    /// The same with the names by which a client knows her and the session.
    pub(super) async fn visited_at(
        &self,
        browser: &Browser,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<Visited>, Error> {
        let Some(secret) = &browser.session else { return Ok(None) };
        let digest = opaque::digest(secret.expose_secret());
        let visited = self.asked_sessions.visited(digest, client.id, &client.sector).await?;
        Ok(visited.filter(|visited| visited.session.is_live(now)))
    }

    /// The session of a browser that nobody ended, even where its time has run out: platforms that were opened with it are still
    /// to be told of its end.
    pub(crate) async fn session_left(&self, tx: &mut Tx, browser: &Browser) -> Result<Option<Session>, Error> {
        let Some(secret) = &browser.session else { return Ok(None) };
        Ok(sessions::by_secret(tx, opaque::digest(secret.expose_secret())).await?)
    }

    /// Who is signed in at this browser.
    ///
    /// # Errors
    /// A failed store.
    pub async fn who(&self, ctx: &Ctx, browser: &Browser) -> Result<Option<Who>, Error> {
        let Some(session) = self.session_at(browser, ctx.now).await? else { return Ok(None) };
        let mut tx = self.db.read().await?;
        let base = identities::base(&mut tx, &access::own(&session, ctx.now)?).await?;
        Ok(base.map(|base| Who { session, name: base.name }))
    }

    /// Whether she proved herself a short while ago: what opens a record, or cannot be taken back, asks for it.
    pub(crate) fn is_recent(&self, session: &Session, now: Timestamp) -> bool {
        now.since(session.auth_time) <= self.lifetimes.admin_step_up
    }

    /// Writes that a session was used, at most once a minute (R15).
    pub(crate) async fn touch_session(&self, session: &Session, now: Timestamp) -> Result<(), Error> {
        let idle = match session.touch(now, self.lifetimes.session_idle) {
            None => return Ok(()),
            Some(_) => {
                let mut tx = self.db.read().await?;
                let is_admin = !admin_grants::live(&mut tx, session.person, now).await?.is_empty();
                session_lifetimes(&self.lifetimes, is_admin).0
            }
        };
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        sessions::touch(&mut tx, session.id, now, now.plus(idle).min(session.expires_at)).await?;
        Ok(tx.commit().await?)
    }

    /// Writes that a device of a client was used, which shows itself here only by its refresh tokens. Part of a larger
    /// change. A session that has ended unused does not come back by it.
    pub(crate) async fn touch_device(&self, work: &mut Work<'_>, id: SessionId, now: Timestamp) -> Result<(), Error> {
        let Some(session) = sessions::of_device(work.tx(), id).await? else { return Ok(()) };
        if session.touch(now, self.lifetimes.session_idle).is_none() {
            return Ok(());
        }
        let is_admin = !admin_grants::live(work.tx(), session.person, now).await?.is_empty();
        let idle = session_lifetimes(&self.lifetimes, is_admin).0;
        let live = session.is_live(now);
        let idle_end = if live { now.plus(idle).min(session.expires_at) } else { session.idle_expires_at };
        Ok(sessions::touch(work.tx(), id, now, idle_end).await?)
    }

    /// Keeps the chosen identity in the session; only one of her own.
    ///
    /// # Errors
    /// `Invalid` when the identity is not hers today.
    pub(crate) async fn choose_identity(
        &self,
        ctx: &Ctx,
        session: &Session,
        identity: IdentityId,
    ) -> Result<(), Error> {
        let ctx = ctx.acting(Actor::Person { id: session.person });
        let own = access::own(session, ctx.now)?;
        let mut work = self.begin(&ctx, Action::IdentityChosen).await?;
        let base = identities::base(work.tx(), &own).await?.ok_or_else(|| Error::not_found("person"))?;
        let hers = super::claims::identities(work.tx(), &own, &base, ctx.now.shanghai_date()).await?;
        if !hers.iter().any(|known| known.id == identity) {
            return Err(Error::invalid("this identity is not yours today"));
        }
        sessions::choose_identity(work.tx(), session.id, identity).await?;
        work.target("person", session.person).target("identity", identity);
        work.commit(Outcome::Done).await
    }

    /// Ends a session and everything that lives in it, and queues what its clients must hear
    /// (Back-Channel Logout 1.0, 2.5). What its browser opens in frames for those that listen there; `None` when it had
    /// ended before. Part of a larger change.
    pub(crate) async fn end_session_in(
        &self,
        work: &mut Work<'_>,
        session: SessionId,
        now: Timestamp,
        reason: &'static str,
    ) -> Result<Option<Vec<String>>, Error> {
        if !sessions::end(work.tx(), session, now, reason).await? {
            return Ok(None);
        }
        // Read after the session's row is ours: a redemption that holds it has committed its client by now.
        let receivers = deliveries::receivers(work.tx(), session).await?;
        let issuer = self.issuer().as_str();
        let frames = receivers
            .iter()
            .filter(|one| one.active)
            .filter_map(|one| Some(frame_address(one.metadata.frontchannel_logout_uri.as_ref()?, issuer, &one.sid)))
            .collect();
        let ended = grants::revoke_of_session(work.tx(), session, now, reason).await?;
        let told = self.tell(work, receivers, now).await?;
        work.ends().detail("grants_ended", ended).detail("clients_told", told);
        Ok(Some(frames))
    }

    /// Queues a logout token for everybody who takes them; how many.
    pub(crate) async fn tell(
        &self,
        work: &mut Work<'_>,
        receivers: Vec<Receiver>,
        now: Timestamp,
    ) -> Result<usize, Error> {
        let mut told = 0;
        for receiver in receivers {
            let Some(uri) = receiver.metadata.backchannel_logout_uri else { continue };
            let id = DeliveryId::new(now, &*self.random);
            let (client, sub, sid) = (receiver.client, receiver.sub, receiver.sid);
            let delivery = Delivery { id, client, uri, created_at: now, sub, sid, attempts: 0 };
            deliveries::insert(work.tx(), &delivery).await?;
            told += 1;
        }
        Ok(told)
    }

    /// Signs a browser's session out; what it opens in frames now.
    ///
    /// # Errors
    /// A failed store.
    pub async fn sign_out(&self, ctx: &Ctx, session: &Session, reason: &'static str) -> Result<Vec<String>, Error> {
        self.end_as(&ctx.acting(Actor::Person { id: session.person }), session, reason).await
    }

    /// The same by whoever acts.
    pub(super) async fn end_as(
        &self,
        ctx: &Ctx,
        session: &Session,
        reason: &'static str,
    ) -> Result<Vec<String>, Error> {
        let mut work = self.begin(ctx, Action::SignOut).await?;
        work.target("person", session.person).target("session", session.id);
        let Some(frames) = self.end_session_in(&mut work, session.id, ctx.now, reason).await? else {
            return Ok(Vec::new());
        };
        work.event("session", session.id, "session.ended", &[]);
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(frames)
    }

    /// Signs out whoever is or was signed in at this browser; what it opens in frames now.
    ///
    /// # Errors
    /// A failed store.
    pub async fn sign_out_here(
        &self,
        ctx: &Ctx,
        browser: &Browser,
        reason: &'static str,
    ) -> Result<Vec<String>, Error> {
        let left = self.session_left(&mut self.db.read().await?, browser).await?;
        match left {
            Some(session) => self.sign_out(ctx, &session, reason).await,
            None => Ok(Vec::new()),
        }
    }

    /// Signs a person out everywhere, as part of a larger change (a new password, a locked account).
    pub(crate) async fn end_sessions_of(
        &self,
        work: &mut Work<'_>,
        on: &impl OnePerson,
        now: Timestamp,
        reason: &'static str,
    ) -> Result<usize, Error> {
        let person: PersonId = on.person();
        let live = sessions::live_of_person(work.tx(), person).await?;
        for session in &live {
            self.end_session_in(work, *session, now, reason).await?;
        }
        // A new password is the answer to somebody who knew the old one: offline grants end too (RFC 9700, 4.14.2).
        grants::revoke_of_person(work.tx(), on, now, reason).await?;
        Ok(live.len())
    }
}
