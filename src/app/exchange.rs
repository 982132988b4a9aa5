//! Token exchange (RFC 8693). What was granted at the sign-in stays the ground of every token that follows from it: the
//! new one ends with the session, the consent or the grant of the first, and never later than the one it was given for.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::consent::note_kinds;
use super::introspection::OwnToken;
use super::signing::{active, grant_of_jti};
use super::token::Tokens;
use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::access::ViaGrant;
use crate::domain::audit::Action;
use crate::domain::id::GrantId;
use crate::domain::oidc::authorization_details::Details;
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::domain::oidc::confirmation::Confirmation;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::exchange::{self, Exchange};
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::resource::{API, Bearer, Target, Targets};
use crate::domain::oidc::scope::ScopeSet;
use crate::domain::oidc::token::Wanted;
use crate::domain::registry::age::AgeBand;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{grants, revoked_tokens, subjects};

/// RFC 8693, 2.2.2: whatever is wrong with the token is `invalid_request`; it is not told what, nor whether it ever was one.
fn unacceptable() -> Error {
    ProtocolError::new(Code::InvalidRequest, "the subject_token is not one that this client may exchange").into()
}

impl App {
    /// Gives a service that was called with a token another one, for the service that it calls itself. Who the client
    /// is, and that it may, was checked before.
    ///
    /// # Errors
    /// `invalid_request`, `invalid_target`, `invalid_scope`, or a failed dependency.
    pub(super) async fn exchange(
        &self,
        ctx: &Ctx,
        client: &Client,
        asked: &Exchange,
        proved: Confirmation,
    ) -> Result<Tokens, Error> {
        let own = self.own_token(ctx, &asked.subject_token).await?.ok_or_else(unacceptable)?;
        let called_at = own.place();
        // Only whom it was meant for: a token that was found or overheard is of no use (RFC 8693, 5). An administrator's
        // token for the register goes nowhere else.
        let meant = client.metadata.edu_serves.iter().any(|uri| uri == called_at);
        if !meant || called_at == self.issuer().at(API) || own.is_about_nobody() {
            return Err(unacceptable());
        }
        // What was bound to a key does not become a bearer's by being passed on.
        if own.claims.get("cnf").is_some() && proved.is_none() {
            let why = "the subject_token is bound to a key: prove one of yours";
            return Err(ProtocolError::new(Code::InvalidRequest, why).into());
        }
        let act = exchange::act(client.id, called_at, own.claims.get("act"))
            .ok_or(ProtocolError::new(Code::InvalidRequest, "the subject_token was passed on too often"))?;
        let origin = self.origin_of(&own, ctx.now).await?.ok_or_else(unacceptable)?;
        let keyring = self.keyring(ctx.now).await?;
        let mut work = self.begin(ctx, Action::TokenExchanged).await?;
        let (grant, proof) = self.behind(work.tx(), &own, &origin, ctx.now).await?.ok_or_else(unacceptable)?;
        let left = self.left_of(work.tx(), &own, (&grant, &origin), ctx.now).await?;
        let left = left.filter(|left| !left.scope.is_empty()).ok_or_else(unacceptable)?;
        if !self.may_hear_of(work.tx(), &proof, client, ctx.now).await? {
            return Err(unacceptable());
        }
        let target = self.next_target(work.tx(), client, (&own, &left), asked).await?;
        // One call, one name for her: what the first token says, wherever the same name is known.
        let sub = match client.sector == own.client.sector {
            true => own.claims["sub"].as_str().unwrap_or_default().to_owned(),
            false => {
                let fresh = self.fresh_sub(client, grant.person);
                subjects::first_use(work.tx(), grant.person, &client.sector, &fresh, ctx.now).await?
            }
        };
        let key = active(&keyring, target.alg)?;
        work.uses(client.id);
        work.target("person", grant.person).target("client", client.id).target("grant", grant.id);
        work.detail("resource", target.uri.clone()).detail("scope", target.scope());
        work.detail("called_by", own.client.id.to_string());
        note_kinds(&mut work, &target.details);
        work.commit(Outcome::Done).await?;
        let ends = own.claims["exp"].as_i64().unwrap_or_default();
        let ends = Timestamp::from_seconds(ends).min(ctx.now.plus(self.lifetimes.access_token));
        let grant = Grant { sub, cnf: proved, ..grant };
        let mut claims = self.access_claims(ctx, client, &grant, Some(&target));
        claims["exp"] = json!(ends.seconds());
        claims["act"] = act;
        Ok(Tokens {
            access_token: keyring.sign_access(key, claims)?.into(),
            token_type: grant.cnf.token_type(),
            issued_token_type: Some(exchange::ACCESS_TOKEN),
            id_token: None,
            refresh_token: None,
            expires_in: Duration::from_secs(ends.since(ctx.now).as_secs()),
            scope: target.scope(),
            details: target.details,
        })
    }

    /// What the service may do at the next one: words that it registered and that the other knows, never the register's
    /// own, at its own place no more than what is left of what it was called with, and nothing at a place where the call
    /// has been before: a way round would give back what was cut off.
    async fn next_target(
        &self,
        tx: &mut Tx,
        client: &Client,
        (own, left): (&OwnToken, &Left),
        asked: &Exchange,
    ) -> Result<Target, Error> {
        let been =
            exchange::actors(own.claims.get("act")).any(|act| act[exchange::CALLED_AT] == asked.resource.as_str());
        if been || asked.resource == self.issuer().at(API) {
            return Err(ProtocolError::new(Code::InvalidTarget, "tokens for this resource are not exchanged").into());
        }
        let resource = self.resource(tx, &asked.resource, Bearer::Person).await?;
        let all = resource.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let words = asked.scope.as_deref().unwrap_or(&all);
        let target = Targets::default().and(&resource, client, words)?.choose(Some(&resource.uri), self.issuer())?;
        let same = own.place() == resource.uri;
        let mut target = target.map(|target| if same { target.within(Some(&left.scope)) } else { target });
        // What she agreed to in detail is for the services that she read of: it goes no further than where it was called.
        let here = if same {
            left.details.clone().of(&client.metadata.authorization_details_types)
        } else {
            Details::default()
        };
        let details =
            asked.details.as_ref().map(|asked| here.narrowed(asked, &resource.uri)).transpose()?.unwrap_or(here);
        if let Some(target) = &mut target {
            target.details = details;
            target.alg = resource.token_alg;
        }
        let covers = |target: &Target| match &asked.scope {
            Some(asked) => asked.split(' ').filter(|word| !word.is_empty()).all(|word| target.words.contains(word)),
            None => true,
        };
        match target {
            Some(target) if !target.words.is_empty() && covers(&target) => Ok(target),
            _ => {
                Err(ProtocolError::new(Code::InvalidScope, "the client may not have this scope at this resource")
                    .into())
            }
        }
    }

    /// Whether a service may have tokens about a person at all: about a child it needs a guardian's receipt of its own, or a
    /// statutory duty (R8), whatever the platform has that called it.
    async fn may_hear_of(&self, tx: &mut Tx, proof: &ViaGrant, client: &Client, now: Timestamp) -> Result<bool, Error> {
        let Some(standing) = self.standing(tx, proof, now).await? else { return Ok(false) };
        let age = AgeBand::at(standing.base.birth_date, now);
        Ok(age != AgeBand::Under14 || client.is_statutory() || self.has_receipt(tx, proof, age, client, now).await?)
    }

    /// What is left of the rights of a token about a person who signed in at `origin`; nothing where its client may not ask
    /// there any more.
    pub(super) async fn left_of(
        &self,
        tx: &mut Tx,
        own: &OwnToken,
        (grant, origin): (&Grant, &Client),
        now: Timestamp,
    ) -> Result<Option<Left>, Error> {
        let said = own.claims["scope"].as_str().unwrap_or_default();
        let target = match own.is_exchanged() {
            true => self.exchanged_target(tx, own, (grant, origin, said), now).await,
            false => self.target(tx, grant, &own.client, &Wanted::at(Some(own.place())), now).await,
        };
        match target {
            Ok(Some(target)) => {
                let details = own.details()?.within(&target.details);
                Ok(Some(Left { scope: target.within(Some(said)).scope(), details }))
            }
            Ok(None) => {
                let scope = ScopeSet::parse(said).intersect(&grant.scope).to_string();
                Ok(Some(Left { scope, details: Details::default() }))
            }
            Err(Error { protocol: Some(_), .. }) => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// What is left of an exchanged token's rights: what its service may still ask for there.
    async fn exchanged_target(
        &self,
        tx: &mut Tx,
        own: &OwnToken,
        (grant, origin, said): (&Grant, &Client, &str),
        now: Timestamp,
    ) -> Result<Option<Target>, Error> {
        let uri = own.place();
        let resource = self.resource(tx, uri, Bearer::Person).await?;
        let mut target = Targets::default().and(&resource, &own.client, said)?.choose(Some(uri), self.issuer())?;
        if let Some(target) = &mut target {
            let left = self.details_left(tx, grant, origin, now).await?.at(uri);
            target.details = left.of(&own.client.metadata.authorization_details_types);
        }
        Ok(target)
    }

    /// The client at which the person signed in. A token that was exchanged names the service that got it; the grant
    /// behind it is another client's.
    pub(super) async fn origin_of(&self, own: &OwnToken, now: Timestamp) -> Result<Option<Arc<Client>>, Error> {
        if !own.is_exchanged() {
            return Ok(Some(Arc::clone(&own.client)));
        }
        if self.clients_through(own, now).await?.is_none() {
            return Ok(None);
        }
        let Some(id) = own.grant() else { return Ok(None) };
        let Some(grant) = grants::live(&mut self.db.read().await?, id, now).await? else { return Ok(None) };
        let client = self.client_by_id(grant.client, now).await?;
        Ok(client.filter(|client| client.status == ClientStatus::Active))
    }

    /// The services that a token went through; nothing where one of them is there no longer: a service that was taken out of
    /// use takes its calls along.
    pub(super) async fn clients_through(
        &self,
        own: &OwnToken,
        now: Timestamp,
    ) -> Result<Option<Vec<Arc<Client>>>, Error> {
        let mut through = Vec::new();
        for act in exchange::actors(own.claims.get("act")) {
            let actor = self.client(act["sub"].as_str().unwrap_or_default(), now).await?;
            let Some(actor) = actor.filter(|actor| actor.status == ClientStatus::Active) else { return Ok(None) };
            through.push(actor);
        }
        Ok(Some(through))
    }

    /// The grant that a token about a person stands on, where everything still holds.
    pub(super) async fn behind(
        &self,
        tx: &mut Tx,
        own: &OwnToken,
        origin: &Client,
        now: Timestamp,
    ) -> Result<Option<(Grant, ViaGrant)>, Error> {
        let Some(id) = own.grant() else { return Ok(None) };
        if own.is_exchanged() && revoked_tokens::holds(tx, own.digest()).await? {
            return Ok(None);
        }
        let Some((grant, proof)) = self.live_grant(tx, id, origin, now).await? else { return Ok(None) };
        if self.still_allowed(tx, &proof, &grant, origin, now).await?.is_none() {
            return Ok(None);
        }
        if own.is_exchanged() && !self.may_hear_of(tx, &proof, &own.client, now).await? {
            return Ok(None);
        }
        Ok(Some((grant, proof)))
    }
}

/// What is left of a token's rights.
pub(super) struct Left {
    /// In words.
    pub(super) scope: String,
    /// In detail.
    pub(super) details: Details,
}

impl OwnToken {
    /// What it says in detail.
    fn details(&self) -> Result<Details, Error> {
        let said = self.claims.get("authorization_details").cloned();
        Ok(said.map(serde_json::from_value).transpose()?.unwrap_or_default())
    }

    /// Whether a service got it for another token.
    pub(super) fn is_exchanged(&self) -> bool {
        self.claims.get("act").is_some()
    }

    /// The grant that its name begins with.
    pub(super) fn grant(&self) -> Option<GrantId> {
        self.claims["jti"].as_str().and_then(grant_of_jti)
    }
}
