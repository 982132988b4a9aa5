//! The token endpoint: a code is redeemed once, a refresh token signs nobody out (rulings R3, R11, R15).
//! One durable commit a round: grant, session membership, subject, audit, pending. Tokens are signed after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};

use super::client_auth::Credentials;
use super::consent::note_kinds;
use super::signing::{Bound, Ready, scope_of};
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access, metrics};
use crate::domain::audit::{Action, Actor};
use crate::domain::id::{FamilyId, GrantId};
use crate::domain::oidc::authorization_details::Details;
use crate::domain::oidc::claims::Facts;
use crate::domain::oidc::client::Client;
use crate::domain::oidc::confirmation::Confirmation;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::grant::{CodeOffer, Family, Grant, Presented};
use crate::domain::oidc::resource::Target;
use crate::domain::oidc::scope::{Scope, ScopeSet};
use crate::domain::oidc::token::{Request, Wanted};
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::ephemeral::{Redeemed, Space};
use crate::store::grants::Refreshed;
use crate::store::sessions::{Attendance, Attended};
use crate::store::{grants, sessions, subjects};

/// How long the ephemeral store knows that a code was used: beyond any redemption that is still running. After that
/// SQL knows by the grant, whose id follows from the code; kept for the life of a refresh token, the tombstones of
/// some hundred thousand sign-ins would fill the store and stop all others.
const TOMBSTONE: Duration = Duration::from_secs(600);
/// For so long a redemption is tried again that met somebody else at the same rows.
const PATIENCE: Duration = Duration::from_secs(2);

/// The answer of the token endpoint (RFC 6749, 5.1; OpenID Connect Core, 3.1.3.3).
pub struct Tokens {
    /// RFC 9068.
    pub access_token: SecretString,
    /// `Bearer`, or `DPoP` for what is bound to a key (RFC 9449, 5).
    pub token_type: &'static str,
    /// What kind of token it is, where one was exchanged (RFC 8693, 2.2.1).
    pub issued_token_type: Option<&'static str>,
    /// Signed as the client registered; none in a client's own name.
    pub id_token: Option<SecretString>,
    /// Where the client may refresh.
    pub refresh_token: Option<SecretString>,
    /// Of the access token.
    pub expires_in: Duration,
    /// What was granted.
    pub scope: String,
    /// And in detail (RFC 9396, 7).
    pub details: Details,
}

fn invalid_grant(why: &'static str) -> Error {
    ProtocolError::new(Code::InvalidGrant, why).into()
}

impl App {
    /// Answers a token request.
    ///
    /// # Errors
    /// A [`ProtocolError`] inside the error, or a failed dependency.
    pub async fn token(&self, ctx: &Ctx, credentials: &Credentials, request: Request) -> Result<Tokens, Error> {
        // Before an assertion is used up: whoever needs a nonce comes again with the same one, and the same code.
        let shown = self.shown(ctx, &credentials.possession, None)?;
        let client = self.authenticate_client(credentials, ctx.now).await?;
        let ctx = ctx.acting(Actor::Client { id: client.id });
        let grant_type = request.grant_type();
        // RFC 6749, 5.2: "The authenticated client is not authorized to use this authorization grant type."
        if !client.may_use(grant_type) {
            return Err(ProtocolError::new(
                Code::UnauthorizedClient,
                "the client is not registered for this grant type",
            )
            .into());
        }
        let missing = match request {
            // What is bound to a key is no grant without it (RFC 9449, 5; FAPI 2.0 expects no other answer).
            Request::Refresh { .. } => Code::InvalidGrant,
            _ => Code::InvalidDpopProof,
        };
        let proved = self.binding(&ctx, &client, shown, missing).await?;
        let tokens = match request {
            Request::Code { code, redirect_uri, verifier, wanted } => {
                let proof = (redirect_uri.as_deref(), verifier.as_deref());
                self.redeem(&ctx, &client, &code, proof, &wanted, proved).await?
            }
            Request::ClientCredentials { scope, wanted } => {
                self.client_credentials(&ctx, &client, scope.as_deref(), &wanted, &proved).await?
            }
            Request::Exchange(asked) => self.exchange(&ctx, &client, &asked, proved).await?,
            Request::Elsewhere { way, code, wanted } => self.fetch(&ctx, &client, way, &code, &wanted, proved).await?,
            Request::Refresh { token, scope, wanted } => {
                self.refresh(&ctx, &client, &token, scope.as_deref(), &wanted, proved).await?
            }
        };
        self.metrics.tokens_issued(metrics::grant(grant_type));
        Ok(tokens)
    }

    async fn redeem(
        &self,
        ctx: &Ctx,
        client: &Arc<Client>,
        code: &str,
        (redirect_uri, verifier): (Option<&str>, Option<&str>),
        wanted: &Wanted,
        proved: Confirmation,
    ) -> Result<Tokens, Error> {
        let ready = self.ready(client, ctx.now).await?;
        let key = opaque::lookup_key(code);
        let (grant, value) = match self.ephemeral.redeem(Space::Code, &key, TOMBSTONE).await? {
            Redeemed::First { grant, value } => (GrantId(grant), value),
            Redeemed::Again(grant) => return self.code_replayed(ctx, client, GrantId(grant)).await,
            // After the tombstone the grant's own row remembers, for as long as it stands.
            Redeemed::Unknown => {
                let grant = GrantId(opaque::named_by(code));
                let known = grants::is_known(&mut self.db.read().await?, grant).await?;
                if known {
                    return self.code_replayed(ctx, client, grant).await;
                }
                self.metrics.code_presented("unknown");
                return Err(invalid_grant("the code is unknown or has expired"));
            }
        };
        self.metrics.code_presented("redeemed");
        let Some(offer) = self.open_offer(&key, grant, &value) else {
            tracing::error!("a code in the ephemeral store is not what was put there");
            return Err(invalid_grant("the code is unknown or has expired"));
        };
        let expires_at = offer.expires_at;
        let offer =
            offer.redeemed_by(client.id, redirect_uri, verifier.map(opaque::s256).as_deref(), proved, ctx.now)?;
        match self.give_patiently(&ready, ctx, client, (offer, wanted), grant).await {
            // There is one already: a replay came first, or a commit whose answer was lost. Nobody holds what it gave.
            Err(error) if error.kind == Kind::Conflict => self.code_replayed(ctx, client, grant).await,
            // Whatever failed here is nothing that the client did: it comes again, and is no replay.
            Err(error) if error.protocol.is_none() => {
                self.give_back(&key, grant, &value, expires_at).await;
                Err(error)
            }
            given => given,
        }
    }

    /// Gives, again where somebody else held the same person or session for a moment: the grant has its name already, so there
    /// will be one at most.
    async fn give_patiently(
        &self,
        ready: &Ready,
        ctx: &Ctx,
        client: &Arc<Client>,
        (offer, wanted): (CodeOffer, &Wanted),
        grant: GrantId,
    ) -> Result<Tokens, Error> {
        let since = Instant::now();
        if let Some(work) = self.begin_together(ctx, client, &offer).await? {
            match self.give(work, ready, ctx, client, (offer.clone(), wanted), grant).await {
                // How it stood when the code was asked for may be so no longer: who is refused by it is looked at alone, as she is now.
                // Whoever waited long for others finds it no better there.
                Err(error) if (error.kind == Kind::Busy || error.protocol.is_some()) && since.elapsed() < PATIENCE => {}
                given => return given,
            }
        }
        let mut attempt = 1;
        loop {
            let given = match self.begin(ctx, Action::GrantCreated).await {
                Ok(work) => self.give(work, ready, ctx, client, (offer.clone(), wanted), grant).await,
                Err(error) => Err(error),
            };
            // Whoever waited long would find it no better, and its client waits too.
            let again = given.as_ref().is_err_and(|error| error.kind == Kind::Busy) && since.elapsed() < PATIENCE;
            if !again {
                return given;
            }
            self.pause(attempt).await;
            attempt += 1;
        }
    }

    /// A grant that shares its commit with those of others: where the client attended the session when it asked for the code, and no
    /// receipt has to be kept from being withdrawn meanwhile.
    async fn begin_together<'a>(
        &'a self,
        ctx: &'a Ctx,
        client: &Client,
        offer: &CodeOffer,
    ) -> Result<Option<Work<'a>>, Error> {
        let Some(known_as) = offer.known_as.clone().filter(|_| !client.is_application()) else { return Ok(None) };
        let (session, person, sector) = (offer.session, offer.person, client.sector.clone());
        let attendance = Attendance { session, client: client.id, sector, now: ctx.now, person, known_as };
        self.begin_shared(ctx, Action::GrantCreated, attendance).await.map(Some)
    }

    /// A code that gave nothing is a code again for the rest of its time: its client is told to come again in a moment, and
    /// that is no replay. Where one came meanwhile, the grant's row says so.
    async fn give_back(&self, key: &str, grant: GrantId, value: &[u8], expires_at: Timestamp) {
        let left = expires_at.since(self.now());
        if left.is_zero() {
            return;
        }
        if let Err(error) = self.ephemeral.offer(Space::Code, key, grant.0, value, left).await {
            tracing::warn!(%error, "a code that gave nothing stays used up");
        }
    }

    /// Makes the grant of an offer and commits it, then signs.
    pub(super) async fn give(
        &self,
        mut work: Work<'_>,
        ready: &Ready,
        ctx: &Ctx,
        client: &Arc<Client>,
        (offer, wanted): (CodeOffer, &Wanted),
        grant: GrantId,
    ) -> Result<Tokens, Error> {
        let nonce = offer.nonce.clone();
        let (grant, facts) = self.establish(&mut work, ctx, client, offer, grant).await?.map_err(invalid_grant)?;
        let family = client
            .may_refresh()
            .then(|| Family::begin(FamilyId::new(ctx.now, &*self.random), grant.id, ctx.now, &self.lifetimes));
        if let Some(family) = &family {
            work.adds(grants::family_addition(family));
        }
        let target = self.target(work.tx(), &grant, client, wanted, ctx.now).await?;
        ready.signs(target.as_ref())?;
        let (since, now) = (self.changes.now(), self.now());
        work.commit(Outcome::Done).await?;
        // Its client asks who that is within the same second.
        self.live_grants.keep(grant.id, Arc::new(grant.clone()), since, now);
        self.sign(ready, ctx, client, (&grant, &facts, target.as_ref()), nonce.as_deref(), family.as_ref()).await
    }

    /// Makes the grant that an offer stands for, to be committed by the caller; why not, when what it stood for has
    /// ended meanwhile.
    pub(super) async fn establish(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        client: &Client,
        mut offer: CodeOffer,
        id: GrantId,
    ) -> Result<Result<(Grant, Facts), &'static str>, Error> {
        const ENDED: &str = "what was granted has ended";
        let mut held = work.attendance().map(Attendance::attended);
        // A sign-out at the same moment either comes first, or sees this client and tells it. Whoever waited for a merge to end
        // finds the survivor at the second look.
        for _ in 0..2 {
            if held.is_none() {
                held = sessions::attend(work.tx(), offer.session, client.id, &client.sector, ctx.now).await?;
            }
        }
        let Some(held) = held else { return Ok(Err(ENDED)) };
        // What the client may have was cut down since, perhaps.
        let allowed = client.allowed_scopes();
        offer.scope = offer.scope.intersect(&allowed);
        offer.claims = offer.claims.within(&allowed);
        // Who was merged since is meant no less.
        offer.person = held.person;
        let grant = self.grant_from(work, ctx, client, offer, id, held).await?;
        // RFC 6749, 4.1.2: a replay that came first revoked the grant before it began.
        work.adds_new(grants::addition(&grant)?, Error::new(Kind::Conflict, "there is a grant of this name"));
        let proof = access::by_new_grant(&grant);
        let Some(standing) = self.may_be_given(work, &proof, &grant, client, ctx.now).await? else {
            return Ok(Err(ENDED));
        };
        let facts = self.facts(work.tx(), &proof, &standing, &grant, client, ctx.now).await?;
        work.uses(client.id);
        work.target("person", grant.person)
            .target("client", client.id)
            .target("grant", grant.id)
            .detail("scope", grant.scope.to_string());
        if !grant.claims.is_empty() {
            work.detail("claims", grant.claims.scopes().to_string());
        }
        note_kinds(work, &grant.details);
        // No event: nobody is told of a grant that begins, and the entry says it (R15: grant, audit and pending).
        Ok(Ok((grant, facts)))
    }

    async fn grant_from(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        client: &Client,
        offer: CodeOffer,
        id: GrantId,
        held: Attended,
    ) -> Result<Grant, Error> {
        let sub = match held.sub {
            Some(known) => known,
            None => {
                let fresh = self.fresh_sub(client, offer.person);
                subjects::first_use(work.tx(), offer.person, &client.sector, &fresh, ctx.now).await?
            }
        };
        let sid = match held.sid {
            Some(known) => known,
            None => {
                let fresh = opaque::generate(&*self.random);
                sessions::join(work.tx(), offer.session, client.id, fresh.expose_secret(), ctx.now).await?
            }
        };
        Ok(Grant {
            id,
            client: client.id,
            person: offer.person,
            session: offer.session,
            identity: offer.identity,
            sub,
            sid,
            offline: offer.scope.has(Scope::OfflineAccess) && client.may_refresh(),
            scope: offer.scope,
            claims: offer.claims,
            targets: offer.targets,
            details: offer.details,
            cnf: offer.cnf,
            auth_time: offer.auth_time,
            acr: offer.acr,
            amr: offer.amr,
            created_at: ctx.now,
            revoked_at: None,
        })
    }

    /// RFC 6749, 4.1.2: "the authorization server MUST deny the request and SHOULD revoke all tokens
    /// previously issued based on that authorization code". That is for the client that the code was issued to (4.1.3): to
    /// another one, who never could redeem it, it is a code like any that nobody knows.
    async fn code_replayed(&self, ctx: &Ctx, client: &Client, grant: GrantId) -> Result<Tokens, Error> {
        let mut work = self.begin(ctx, Action::GrantRevoked).await?;
        if !grants::revoke_replayed(work.tx(), grant, client.id, ctx.now).await? {
            self.metrics.code_presented("unknown");
            return Err(invalid_grant("the code was issued to another client"));
        }
        self.metrics.code_presented("replayed");
        work.target("grant", grant).event("grant", grant, "grant.revoked", &[]);
        work.commit(Outcome::Refused("code replayed")).await?;
        Err(invalid_grant("the code was redeemed before"))
    }

    async fn refresh(
        &self,
        ctx: &Ctx,
        client: &Arc<Client>,
        token: &str,
        scope: Option<&str>,
        wanted: &Wanted,
        proved: Confirmation,
    ) -> Result<Tokens, Error> {
        let (id, counter) =
            self.refresh_tokens.parse(token).ok_or_else(|| invalid_grant("the refresh token is not ours"))?;
        let ready = self.ready(client, ctx.now).await?;
        let mut work = self.begin(ctx, Action::GrantRefreshed).await?;
        // RFC 6749, 6: bound to the client it was issued to. A foreign client neither learns nor ends anything.
        let Some(Refreshed { grant, family, on_device }) = grants::refreshed(work.tx(), id, client.id, ctx.now).await?
        else {
            return Err(self.refresh_ended("the refresh token has ended"));
        };
        if !self.goes_on(work.tx(), &grant, client, ctx.now).await? {
            return Err(self.refresh_ended("the refresh token has ended"));
        }
        let grant = grant.within(&client.allowed_scopes());
        let proof = access::by_new_grant(&grant);
        let Some(standing) = self.still_allowed(work.tx(), &proof, &grant, client, ctx.now).await? else {
            return Err(self.refresh_ended("consent has ended"));
        };
        // RFC 9449, 5: a public client's is bound to its key; who authenticates is known anyway, and may change it.
        let held = if client.is_public() { grant.cnf.is_met_by(&proved) } else { grant.cnf.is_kept_by(&proved) };
        if !held {
            return Err(invalid_grant("the refresh token is bound to a key that was not proved"));
        }
        let rotates = client.is_public() && grant.cnf.is_none();
        // Before anything moves: whoever asks for the wrong thing has used nothing up.
        let target = self.target(work.tx(), &grant, client, wanted, ctx.now).await?;
        ready.signs(target.as_ref())?;
        let presented = self.present(&mut work, family, counter, rotates, ctx).await?;
        self.metrics.refresh_presented(metrics::refresh(&presented));
        let family = match presented {
            Presented::Rotated(family) | Presented::Kept(family) | Presented::Repeated(family) => family,
            Presented::Replayed => {
                grants::revoke_family(work.tx(), id, ctx.now).await?;
                grants::revoke(work.tx(), grant.id, ctx.now, "refresh token replayed").await?;
                work.target("grant", grant.id).target("client", client.id).event(
                    "grant",
                    grant.id,
                    "grant.revoked",
                    &[],
                );
                // The revocation is committed before the client hears of it.
                work.commit(Outcome::Refused("refresh token replayed")).await?;
                return Err(invalid_grant("the refresh token was replaced"));
            }
            Presented::Ended => return Err(invalid_grant("the refresh token has ended")),
        };
        if on_device {
            self.touch_device(&mut work, grant.session, ctx.now).await?;
        }
        let grant = Grant { cnf: proved, ..narrowed(grant, scope, target.as_ref())? };
        let target = target.map(|target| target.within(scope));
        let facts = self.facts(work.tx(), &proof, &standing, &grant, client, ctx.now).await?;
        work.target("person", grant.person).target("client", client.id).target("grant", grant.id);
        work.commit(Outcome::Done).await?;
        // OpenID Connect Core, 12.2: no nonce is needed, and auth_time stays that of the original sign-in.
        self.sign(&ready, ctx, client, (&grant, &facts, target.as_ref()), None, Some(&family)).await
    }

    fn refresh_ended(&self, why: &'static str) -> Error {
        self.metrics.refresh_presented("ended");
        invalid_grant(why)
    }

    /// What the token leads to, stored. PostgreSQL lets requests look at a family together: whoever finds it moved
    /// by another looks again and gets the successor that the other made (R11).
    async fn present(
        &self,
        work: &mut Work<'_>,
        mut family: Family,
        counter: u32,
        rotates: bool,
        ctx: &Ctx,
    ) -> Result<Presented, Error> {
        for _ in 0..2 {
            let (id, before) = (family.id, family.clone());
            let presented = family.present(counter, rotates, ctx.now, &self.lifetimes);
            let (Presented::Rotated(next) | Presented::Kept(next)) = &presented else { return Ok(presented) };
            if !next.is_to_be_stored_after(&before, &self.lifetimes) {
                return Ok(presented);
            }
            if grants::store_family(work.tx(), next, before.counter).await? {
                return Ok(presented);
            }
            family =
                grants::family(work.tx(), id).await?.ok_or_else(|| invalid_grant("the refresh token has ended"))?;
        }
        Err(Error::busy("the family moved twice under one request"))
    }

    async fn sign(
        &self,
        ready: &Ready,
        ctx: &Ctx,
        client: &Client,
        (grant, facts, target): (&Grant, &Facts, Option<&Target>),
        nonce: Option<&str>,
        family: Option<&Family>,
    ) -> Result<Tokens, Error> {
        let access_token = self.access_token(ready, ctx, client, grant, target)?;
        let bound = Bound { nonce, access_token: Some(&access_token), ..Bound::default() };
        let id_token = self.id_token(ready, ctx, client, grant, facts, &bound).await?;
        Ok(Tokens {
            access_token: access_token.into(),
            token_type: grant.cnf.token_type(),
            issued_token_type: None,
            id_token: Some(id_token.into()),
            refresh_token: family.map(|family| self.refresh_tokens.format(family.id, family.counter).into()),
            expires_in: self.lifetimes.access_token,
            scope: scope_of(grant, target),
            details: target.map(|target| target.details.clone()).unwrap_or_default(),
        })
    }
}

/// RFC 6749, 6: the scope of a refresh "MUST NOT include any scope not originally granted", at the person or at a resource.
fn narrowed(grant: Grant, asked: Option<&str>, target: Option<&Target>) -> Result<Grant, Error> {
    let Some(asked) = asked else { return Ok(grant) };
    let granted = |word: &str| word.parse().is_ok_and(|scope| grant.scope.has(scope)) || grant.targets.has_word(word);
    let mut words = asked.split(' ').filter(|word| !word.is_empty());
    let of_target = target.is_some_and(|target| asked.split(' ').any(|word| target.words.contains(word)));
    let scope = ScopeSet::parse(asked);
    let of_person = scope.iter().next().is_some();
    if !(of_person || of_target) || !words.all(granted) {
        return Err(ProtocolError::new(Code::InvalidScope, "the scope is wider than what was granted").into());
    }
    // What narrows only what is done at the resource leaves what is told of the person as it is.
    Ok(if of_person && scope != grant.scope { grant.within(&scope) } else { grant })
}
