//! Clients that register themselves and keep their registration (RFC 7591, RFC 7592; OpenID Connect Dynamic Client
//! Registration 1.0). Where there is no open door, an initial access token of the operator's opens it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};

use super::clients::Registered;
use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::audit::{Action, Actor};
use crate::domain::auth::throttle::Network;
use crate::domain::hex::hex;
use crate::domain::id::{ClientId, InitialTokenId};
use crate::domain::oidc::client::{Client, ClientMetadata, ClientStatus};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::initial_token::{InitialToken, Policy};
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::ephemeral::Space;
use crate::store::facts::{self, Cache};
use crate::store::{clients, registrations};

/// A client that registered itself and at which nobody arrived ends after so long.
const UNUSED: Duration = Duration::from_secs(14 * 86_400);
/// So many of each kind are looked for at once.
const UNUSED_AT_ONCE: i64 = 200;
/// However many there are, upkeep has other things to do: the others end in its next round.
const LONGEST: Duration = Duration::from_secs(300);

/// So many registrations without a token from one network within [`STRANGERS_WINDOW`]: three runs of every conformance plan, of
/// which one took some 440 in forty minutes.
const MOST_STRANGERS: u64 = 1_500;
const STRANGERS_WINDOW: Duration = Duration::from_secs(3_600);

fn refused() -> Error {
    ProtocolError::new(Code::InvalidToken, "the token does not open this registration").into()
}

impl App {
    /// `mingji client initial-token`: lets somebody register clients. The token is shown once.
    ///
    /// # Errors
    /// A failed store.
    pub async fn issue_initial_token(
        &self,
        ctx: &Ctx,
        policy: Policy,
        uses: u32,
        life: Duration,
    ) -> Result<(InitialToken, SecretString), Error> {
        let secret = opaque::generate(&*self.random);
        let id = InitialTokenId::new(ctx.now, &*self.random);
        let token = InitialToken { id, policy, uses_left: uses, expires_at: ctx.now.plus(life), created_at: ctx.now };
        let mut work = self.begin(ctx, Action::InitialTokenIssued).await?;
        registrations::insert_token(work.tx(), &token, opaque::digest(secret.expose_secret())).await?;
        work.target("initial_token", id).detail("uses", uses).detail("grant_types", token.policy.grant_types.join(" "));
        work.commit(Outcome::Done).await?;
        Ok((token, secret))
    }

    /// `mingji client initial-tokens`: those that may be used now.
    ///
    /// # Errors
    /// A failed store.
    pub async fn list_initial_tokens(&self, ctx: &Ctx) -> Result<Vec<InitialToken>, Error> {
        Ok(registrations::tokens(&mut self.db.read().await?, ctx.now).await?)
    }

    /// `mingji client end-initial-token`: nobody registers with it any more. Clients that did stay.
    ///
    /// # Errors
    /// `NotFound` when it could not be used any more; a failed store.
    pub async fn end_initial_token(&self, ctx: &Ctx, id: InitialTokenId) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::InitialTokenEnded).await?;
        if !registrations::end_token(work.tx(), id, ctx.now).await? {
            return Err(Error::not_found("an initial access token of this id that may be used"));
        }
        work.target("initial_token", id);
        work.commit(Outcome::Done).await
    }

    /// `mingji client renew-registration`: another token keeps the registration, and the one that was lost does not. It
    /// is shown once.
    ///
    /// # Errors
    /// `NotFound` for a client that did not register itself; a failed store.
    pub async fn renew_registration(&self, ctx: &Ctx, id: ClientId) -> Result<SecretString, Error> {
        let keeper = opaque::generate(&*self.random);
        let mut work = self.begin(ctx, Action::RegistrationRenewed).await?;
        if !registrations::renew(work.tx(), id, opaque::digest(keeper.expose_secret())).await? {
            return Err(Error::not_found("a client of this id that registered itself"));
        }
        work.target("client", id);
        work.commit(Outcome::Done).await?;
        Ok(keeper)
    }

    /// Registers whoever asks; the client, and the token that keeps its registration.
    ///
    /// # Errors
    /// `invalid_token`, `invalid_redirect_uri`, `invalid_client_metadata`, or a failed dependency.
    pub async fn register_client(
        &self,
        ctx: &Ctx,
        initial: Option<&str>,
        metadata: ClientMetadata,
    ) -> Result<(Registered, SecretString), Error> {
        let initial = match initial {
            Some(secret) => {
                let digest = opaque::digest(secret);
                Some(registrations::token(&mut self.db.read().await?, digest, ctx.now).await?.ok_or_else(refused)?)
            }
            None => {
                self.charge_stranger(ctx).await?;
                None
            }
        };
        let policy = initial.as_ref().map(|token| token.policy.clone()).or_else(|| self.registration.policy());
        let policy = policy.ok_or_else(refused)?;
        // What is wrong with the metadata uses nothing up.
        metadata.check_pairwise()?;
        let (metadata, sector) = self.admitted(metadata, &policy).await?;
        let (client, secret) = self.new_client(ctx, metadata, sector)?;
        let keeper = opaque::generate(&*self.random);
        let mut work = self.begin(ctx, Action::ClientCreated).await?;
        if let Some(token) = &initial {
            if !registrations::spend(work.tx(), token.id, ctx.now).await? {
                return Err(refused());
            }
            work.target("initial_token", token.id);
        }
        self.add_client(&mut work, &client).await?;
        let initial = initial.map(|token| token.id);
        let digest = opaque::digest(keeper.expose_secret());
        registrations::insert(work.tx(), client.id, digest, &policy, initial, ctx.now).await?;
        work.detail("by_itself", true);
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok((Registered { client: Arc::new(client), secret }, keeper))
    }

    /// Where the door is open, strangers could fill the table of clients.
    async fn charge_stranger(&self, ctx: &Ctx) -> Result<(), Error> {
        let network = ctx.ip.map(|ip| Network::of(ip).to_string()).unwrap_or_default();
        let key = hex(&self.index.network(&network));
        let tally = self.ephemeral.incr(Space::Registrations, &key, STRANGERS_WINDOW).await?;
        if tally.count > MOST_STRANGERS {
            return Err(Error::busy_for(tally.left, "too many registrations from one network: Retry-After says when"));
        }
        Ok(())
    }

    /// What is registered, for whoever keeps it (RFC 7592, 2.1).
    ///
    /// # Errors
    /// `invalid_token`, the same for an unknown client; or a failed store.
    pub async fn read_registration(&self, client_id: &str, keeper: &str) -> Result<Registered, Error> {
        let (client, _) = self.kept(client_id, keeper).await?;
        Ok(Registered { client: Arc::new(client), secret: None })
    }

    /// Replaces what is registered (RFC 7592, 2.2). A new secret is given only where there was none.
    ///
    /// # Errors
    /// `invalid_token`, `invalid_redirect_uri`, `invalid_client_metadata`, or a failed dependency.
    pub async fn update_registration(
        &self,
        ctx: &Ctx,
        client_id: &str,
        keeper: &str,
        metadata: ClientMetadata,
        said_secret: Option<&str>,
    ) -> Result<Registered, Error> {
        let (before, policy) = self.kept(client_id, keeper).await?;
        // "the value of this field MUST match the currently issued client secret"
        let matches = |secret: &str| before.secret_digest.is_some_and(|digest| opaque::matches(secret, &digest));
        if said_secret.is_some_and(|secret| !matches(secret)) {
            return Err(ProtocolError::new(Code::InvalidClientMetadata, "client_secret is not the current one").into());
        }
        // RFC 7592, 2.2 has it repeat what we answered: that it is pairwise was our word then, perhaps.
        let known = &before.metadata;
        if (&metadata.subject_type, &metadata.redirect_uris) != (&known.subject_type, &known.redirect_uris) {
            metadata.check_pairwise()?;
        }
        let admitted = self.admitted(metadata, &policy).await?;
        let (client, secret) = self.restated(&before, admitted)?;
        let ctx = ctx.acting(Actor::Client { id: client.id });
        if !self.replace_registration(&ctx, &before, &client).await? {
            // Its secret was replaced at the same moment, for one: what was read is not what is there.
            let now = clients::find(&mut self.db.read().await?, client.id).await?;
            let changed = now.is_some_and(|now| now.status == ClientStatus::Active);
            return Err(if changed { Error::busy("the client was changed at the same moment") } else { refused() });
        }
        Ok(Registered { client: Arc::new(client), secret })
    }

    /// What becomes of metadata that nobody vouches for, under a policy; and the sector, none where it is the client alone.
    pub(super) async fn admitted(
        &self,
        metadata: ClientMetadata,
        policy: &Policy,
    ) -> Result<(ClientMetadata, Option<String>), Error> {
        let metadata = policy.apply(metadata.completed())?;
        let sector = self.checked_sector(&metadata, false).await?;
        Ok((metadata, sector))
    }

    /// A client says something else of itself; `false` when it was changed since it was read, or may not be used any more.
    pub(super) async fn replace_registration(
        &self,
        ctx: &Ctx,
        before: &Client,
        client: &Client,
    ) -> Result<bool, Error> {
        let mut work = self.begin(ctx, Action::ClientUpdated).await?;
        if !self.restate_in(&mut work, before, client, ctx.now).await? {
            return Ok(false);
        }
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(true)
    }

    /// Ends a registration (RFC 7592, 2.3): everything that was granted there ends with it.
    ///
    /// # Errors
    /// `invalid_token`, or a failed store.
    pub async fn delete_registration(&self, ctx: &Ctx, client_id: &str, keeper: &str) -> Result<(), Error> {
        let (client, _) = self.kept(client_id, keeper).await?;
        let ctx = ctx.acting(Actor::Client { id: client.id });
        let mut work = self.begin(&ctx, Action::ClientRemoved).await?;
        if !clients::give_up(work.tx(), client.id, ctx.now).await? {
            return Err(refused());
        }
        facts::bump(work.tx(), Cache::Clients).await?;
        work.target("client", client.id).event("client", client.id, "client.removed", &[]);
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(())
    }

    /// The client whose registration a token keeps, and what it may be.
    async fn kept(&self, client_id: &str, keeper: &str) -> Result<(Client, Policy), Error> {
        let id: ClientId = client_id.parse().map_err(|_| refused())?;
        let mut tx = self.db.read().await?;
        let policy = registrations::policy(&mut tx, id, opaque::digest(keeper)).await?.ok_or_else(refused)?;
        let client = clients::find(&mut tx, id).await?.ok_or_else(refused)?;
        let policy = policy.left_to(&client);
        Ok((client, policy))
    }

    /// Part of upkeep: clients that registered themselves, or came with a document, and were never used end. Audited, since nothing
    /// brings them back.
    pub(super) async fn remove_unused_clients(&self, now: Timestamp) -> Result<(), Error> {
        let (before, begun) = (now.minus(UNUSED), Instant::now());
        let (mut id, mut document) = (None, String::new());
        while begun.elapsed() < LONGEST {
            let mut tx = self.db.read().await?;
            let registered = registrations::unused(&mut tx, before, id, UNUSED_AT_ONCE).await?;
            let documented = clients::unused(&mut tx, before, &document, UNUSED_AT_ONCE).await?;
            drop(tx);
            if registered.is_empty() && documented.is_empty() {
                break;
            }
            id = registered.last().map_or(id, |last| Some(last.id));
            if let Some(last) = documented.last().and_then(|last| last.document.as_ref()) {
                document.clone_from(&last.url);
            }
            for client in registered.iter().chain(&documented) {
                // One that fails stands before no other.
                if let Err(error) = self.remove_unused_client(&Ctx::task(self, "upkeep"), client, before).await {
                    tracing::warn!(%error, client = %client.id, "a client that nobody used could not be removed");
                }
            }
        }
        Ok(())
    }

    async fn remove_unused_client(&self, ctx: &Ctx, client: &Client, before: Timestamp) -> Result<(), Error> {
        let (mut work, id) = (self.begin(ctx, Action::ClientRemoved).await?, client.id);
        let ended = match client.document {
            Some(_) => clients::forget_unused(work.tx(), id, before, ctx.now).await?,
            None => {
                registrations::hold_unused(work.tx(), id, before).await?
                    && clients::give_up(work.tx(), id, ctx.now).await?
            }
        };
        if !ended {
            return Ok(());
        }
        facts::bump(work.tx(), Cache::Clients).await?;
        work.target("client", id).detail("unused", true).event("client", id, "client.removed", &[]);
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(())
    }
}

/// Clients that got something from this process: it stands in the register, and need not be written again.
#[derive(Default)]
pub(crate) struct Used(Mutex<HashSet<ClientId>>);

impl Used {
    /// Forgotten all at once when there are more: then each is written once again, for nothing.
    const MOST: usize = 10_000;

    pub(super) fn knows(&self, client: ClientId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&client)
    }

    pub(super) fn note(&self, client: ClientId) {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= Self::MOST {
            used.clear();
        }
        used.insert(client);
    }
}
