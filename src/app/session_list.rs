//! Where somebody is signed in, and how she ends that from here. Whoever ends a session so has lost the device, or never
//! had it: everything that was granted there ends with it, what outlives a sign-out too.

use std::sync::Arc;
use std::time::Duration;

use super::session::{Browser, Who};
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, access};
use crate::domain::access::OnePerson;
use crate::domain::audit::{Action, Actor};
use crate::domain::auth::session::Session;
use crate::domain::id::SessionId;
use crate::domain::oidc::client::Client;
use crate::domain::time::Timestamp;
use crate::store::{accounts, grants, sessions};

const SEAL: &str = "session in a list";

/// Longer than a request waits for a connection and a lock, and than clocks of replicas differ.
const LATELY: Duration = Duration::from_secs(120);

/// One place where she is signed in.
pub struct SessionCard {
    /// Names it to whoever sees the list, and to nobody else: the session's id stays here (R13).
    pub handle: String,
    /// Browser and system.
    pub agent: Option<String>,
    /// Whose device it is, where she let one in from elsewhere.
    pub client: Option<Arc<Client>>,
    /// Since when.
    pub since: Timestamp,
    /// When it was last used.
    pub last_seen: Timestamp,
    /// It is the one in which she looks.
    pub here: bool,
    /// Its session is over, and an app there may go on without it.
    pub lasting: bool,
}

impl App {
    /// Where something can still be done in her name, this session first and then the latest; `None` without one.
    ///
    /// # Errors
    /// A failed store.
    pub async fn list_sessions(&self, ctx: &Ctx, browser: &Browser) -> Result<Option<(Who, Vec<SessionCard>)>, Error> {
        let Some(who) = self.who(ctx, browser).await? else { return Ok(None) };
        let own = access::own(&who.session, ctx.now)?;
        let reaching = sessions::reaching(&mut self.db.read().await?, &own, ctx.now).await?;
        let mut cards = Vec::with_capacity(reaching.len());
        for session in reaching {
            let client = match session.client {
                Some(client) => self.client_by_id(client, ctx.now).await?,
                None => None,
            };
            cards.push(SessionCard {
                handle: self.handle(&who.session, session.id)?,
                here: session.id == who.session.id,
                lasting: !session.is_live(ctx.now),
                agent: session.agent,
                client,
                since: session.created_at,
                last_seen: session.last_seen_at,
            });
        }
        cards.sort_by_key(|card| !card.here);
        Ok(Some((who, cards)))
    }

    /// Ends one of her sessions; nothing happens when it has ended, or is not hers.
    ///
    /// # Errors
    /// `NotFound` without a session; a failed store.
    pub async fn end_session_of_list(&self, ctx: &Ctx, browser: &Browser, handle: &str) -> Result<(), Error> {
        let who = self.who(ctx, browser).await?.ok_or_else(|| Error::not_found("session"))?;
        let binding = who.session.id.0;
        let plain =
            self.sealer.open_state(SEAL, binding.as_bytes(), handle).map_err(|_| Error::not_found("session"))?;
        let id = uuid::Uuid::from_slice(&plain).map_err(|_| Error::not_found("session"))?;
        self.end_listed(ctx, &who, |session| session.id == SessionId(id)).await
    }

    /// Ends all her sessions but this one.
    ///
    /// # Errors
    /// `NotFound` without a session; a failed store.
    pub async fn end_other_sessions(&self, ctx: &Ctx, browser: &Browser) -> Result<(), Error> {
        let who = self.who(ctx, browser).await?.ok_or_else(|| Error::not_found("session"))?;
        self.end_listed(ctx, &who, |session| session.id != who.session.id).await
    }

    async fn end_listed(&self, ctx: &Ctx, who: &Who, meant: impl Fn(&Session) -> bool) -> Result<(), Error> {
        let own = access::own(&who.session, ctx.now)?;
        let ctx = ctx.acting(Actor::Person { id: who.session.person });
        let mut work = self.begin(&ctx, Action::SessionsEnded).await?;
        // Whoever begins one at this moment, on another device too, comes before, and is seen, or after.
        accounts::hold(work.tx(), &own).await?;
        let ended = self.end_meant(&mut work, &own, ctx.now, "ended from another device", meant).await?;
        if ended == 0 {
            return Ok(());
        }
        work.target("person", who.session.person).detail("sessions", ended);
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(())
    }

    /// Ends those of her sessions that are meant, and everything that was granted in them, what outlives a sign-out too; how
    /// many. Part of a larger change.
    pub(super) async fn end_meant(
        &self,
        work: &mut Work<'_>,
        own: &impl OnePerson,
        now: Timestamp,
        reason: &'static str,
        meant: impl Fn(&Session) -> bool,
    ) -> Result<u64, Error> {
        let mut ended = 0;
        // One that ran out a moment ago may still give something to a request that was on its way, or came to another clock.
        let lately = now.minus(LATELY);
        for session in sessions::reaching(work.tx(), own, lately).await?.into_iter().filter(meant) {
            let at_once = self.end_session_in(work, session.id, now, reason).await?;
            let offline = grants::revoke_all_of_session(work.tx(), session.id, now, reason).await?;
            if at_once.is_some() {
                work.event("session", session.id, "session.ended", &[]);
            }
            // Somebody else may have been quicker with both.
            ended += u64::from(at_once.is_some() || offline > 0);
        }
        Ok(ended)
    }

    fn handle(&self, viewer: &Session, session: SessionId) -> Result<String, Error> {
        Ok(self.sealer.seal_state(SEAL, viewer.id.0.as_bytes(), session.0.as_bytes(), &*self.random)?)
    }
}
