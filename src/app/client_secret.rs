//! A client's secret is replaced without an outage: the old one is good beside the new one until a moment, or ends at once
//! where it leaked.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::clients::Registered;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind};
use crate::domain::audit::Action;
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{Client, ClientStatus, OldSecret};
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::clients;
use crate::store::facts::{self, Cache};

/// The old secret lives so long beside the new one where nobody says otherwise.
const OVERLAP: Duration = Duration::from_secs(86_400);
/// And no longer than this.
pub const LONGEST_OVERLAP: Duration = Duration::from_secs(7 * 86_400);

impl App {
    /// `mingji client rotate-secret`: a new secret, shown once; the one of now is good for `overlap` more, and one from
    /// before it ends. Where nobody says for how long: while one from before is good, it goes on until its time and the one
    /// of now ends, because its answer may have been lost; else a day.
    ///
    /// # Errors
    /// `NotFound` for an unknown client, `Invalid` for one without a secret or too long an overlap, `Conflict` when somebody
    /// else was quicker; a failed store.
    pub async fn rotate_secret(
        &self,
        ctx: &Ctx,
        id: ClientId,
        overlap: impl Into<Option<Duration>>,
    ) -> Result<Registered, Error> {
        let overlap = overlap.into();
        let mut work = self.begin(ctx, Action::ClientSecretRotated).await?;
        let client = clients::find(work.tx(), id).await?.ok_or_else(|| Error::not_found("a client of this id"))?;
        let registered = self.rotate_in(&mut work, client, overlap, ctx.now).await?;
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(registered)
    }

    /// `mingji client end-old-secret`: the old one is refused from now on.
    ///
    /// # Errors
    /// `NotFound` when there is none that is good; a failed store.
    pub async fn end_old_secret(&self, ctx: &Ctx, id: ClientId) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::ClientSecretEnded).await?;
        let client = clients::find(work.tx(), id).await?.ok_or_else(|| Error::not_found("a client of this id"))?;
        self.end_old_in(&mut work, client, ctx.now).await?;
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(())
    }

    /// Part of a larger change.
    pub(super) async fn rotate_in(
        &self,
        work: &mut Work<'_>,
        mut client: Client,
        overlap: Option<Duration>,
        now: Timestamp,
    ) -> Result<Registered, Error> {
        if overlap.is_some_and(|overlap| overlap > LONGEST_OVERLAP) {
            return Err(Error::invalid("an old secret is good for seven days more at most"));
        }
        let (Some(digest), ClientStatus::Active) = (client.secret_digest, client.status) else {
            return Err(Error::invalid("this client has no secret to rotate, or is not in use"));
        };
        let sealed = client.secret_sealed.take();
        let keeps_old = overlap.is_none() && client.old_secret.as_ref().is_some_and(|old| now < old.until);
        if !keeps_old {
            let overlap = overlap.unwrap_or(OVERLAP);
            // Of a leaked one not even the value is kept; its digest still tells a late user what he uses.
            let sealed = sealed.filter(|_| !overlap.is_zero());
            client.old_secret = Some(OldSecret { digest, sealed, until: now.plus(overlap) });
            work.detail("overlap_seconds", overlap.as_secs());
        }
        client.secret_digest = None;
        let secret = self.renew_secret(&mut client)?;
        self.keep_secrets(work, &client, now).await?;
        work.detail("keeps_old", keeps_old);
        Ok(Registered { client: Arc::new(client), secret })
    }

    /// Part of a larger change.
    pub(super) async fn end_old_in(
        &self,
        work: &mut Work<'_>,
        mut client: Client,
        now: Timestamp,
    ) -> Result<(), Error> {
        let old = client.old_secret.take().filter(|old| now < old.until);
        let old = old.ok_or_else(|| Error::not_found("an old secret that is good"))?;
        client.old_secret = Some(OldSecret { sealed: None, until: now, ..old });
        self.keep_secrets(work, &client, now).await
    }

    async fn keep_secrets(&self, work: &mut Work<'_>, client: &Client, now: Timestamp) -> Result<(), Error> {
        // Guarded by the version that was read: of two that rotate together one wins, and no secret is lost on the way.
        if !clients::set_secrets(work.tx(), client, now).await? {
            return Err(Error::new(Kind::Conflict, "the client was changed at the same moment: look at it again"));
        }
        facts::bump(work.tx(), Cache::Clients).await?;
        work.target("client", client.id);
        work.event("client", client.id, "client.updated", &["client_secret"]);
        Ok(())
    }

    /// Whether a secret is the client's: the one of now, or the old one while it is good. Both are compared in any case.
    pub(super) fn is_secret_of(client: Option<&Client>, secret: &SecretString, now: Timestamp) -> Fit {
        let stored = client.and_then(|client| client.secret_digest);
        let old = client.and_then(|client| client.old_secret.as_ref());
        let is_new = opaque::matches(secret.expose_secret(), &stored.unwrap_or([0; 32])) && stored.is_some();
        let is_old = opaque::matches(secret.expose_secret(), &old.map_or([0; 32], |old| old.digest)) && old.is_some();
        match (is_new, is_old, old.is_some_and(|old| now < old.until)) {
            (true, ..) => Fit::Good,
            (_, true, true) => Fit::Old,
            (_, true, false) => Fit::Ended,
            _ => Fit::Wrong,
        }
    }
}

/// A client that proved itself with the secret from before: whoever knows that one alone can check nothing that is signed
/// with another (OpenID Connect Core, 10.1), so that one signs what it is answered here. Never written back.
pub(super) fn with_old_secret(client: Arc<Client>) -> Arc<Client> {
    match client.old_secret.as_ref().and_then(|old| old.sealed.clone()) {
        Some(sealed) => Arc::new(Client { secret_sealed: Some(sealed), ..(*client).clone() }),
        None => client,
    }
}

/// What a secret is to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Its own.
    Good,
    /// Its own from before, which is still good.
    Old,
    /// Its own until it was replaced.
    Ended,
    /// Nobody's.
    Wrong,
}
