//! What becomes of a token now (RFC 7662): the client's own, and those for a resource that the asker serves. To
//! everybody else every token is inactive, so that nobody learns of what is not his.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::client_auth::Credentials;
use super::recent::Recent;
use super::{App, Ctx, Error};
use crate::domain::id::{ClientId, FamilyId};
use crate::domain::oidc::authorization_details::Details;
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::domain::oidc::confirmation::Confirmation;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::scope::ScopeSet;
use crate::domain::time::Timestamp;
use crate::keys::jwt::{self, Expect};
use crate::keys::opaque;
use crate::store::{grants, revoked_tokens};

/// Members of an access token that go into the answer (RFC 7662, 2.2).
const TOLD: &[&str] =
    &["iss", "aud", "sub", "client_id", "scope", DETAILS, "iat", "exp", "jti", "auth_time", "acr", "amr", "cnf", "act"];
/// RFC 9396, 9.2.
const DETAILS: &str = "authorization_details";

/// What an asker was told of an access token a moment ago, by the asker and the digest of the token.
pub(crate) type Told = Recent<(ClientId, [u8; 32]), Arc<Answer>>;

/// What was told, and of which clients it spoke.
pub(crate) struct Answer {
    told: Arc<Value>,
    /// Each by its version: the asker, the token's, those that it went through, and where the person signed in.
    of: Vec<(ClientId, i64)>,
}

/// An access token of ours whose signature held.
pub(super) struct OwnToken {
    pub(super) claims: Value,
    pub(super) client: Arc<Client>,
}

impl OwnToken {
    /// Whether it is about the client itself.
    pub(super) fn is_about_nobody(&self) -> bool {
        self.claims["sub"] == self.claims["client_id"]
    }

    /// The resource that it is for, or the issuer where it is for userinfo alone.
    pub(super) fn place(&self) -> &str {
        let audience = &self.claims["aud"];
        audience.as_str().or_else(|| audience[0].as_str()).unwrap_or_default()
    }

    /// Whether it opens userinfo beside its place.
    fn opens_userinfo_too(&self) -> bool {
        self.claims["aud"].is_array()
    }

    /// The name under which it is called back.
    pub(super) fn digest(&self) -> [u8; 32] {
        opaque::digest(self.claims["jti"].as_str().unwrap_or_default())
    }
}

impl App {
    /// Answers a resource server or a client.
    ///
    /// # Errors
    /// `invalid_client`, or a failed dependency.
    pub async fn introspect(&self, ctx: &Ctx, credentials: &Credentials, token: &str) -> Result<Arc<Value>, Error> {
        Ok(self.introspected(ctx, credentials, token).await?.1)
    }

    /// The same answer as evidence: signed, for the asker alone (RFC 9701, 5).
    ///
    /// # Errors
    /// As [`App::introspect`].
    pub async fn introspect_signed(&self, ctx: &Ctx, credentials: &Credentials, token: &str) -> Result<String, Error> {
        let (asker, told) = self.introspected(ctx, credentials, token).await?;
        let alg = asker.introspection_alg();
        let keyring = self.keyring(ctx.now).await?;
        let key = keyring.active(alg).ok_or_else(|| Error::busy("the key of this algorithm is still being made"))?;
        let claims = json!({
            "iss": self.issuer().as_str(), "aud": asker.client_id(), "iat": ctx.now.seconds(), "token_introspection": *told,
        });
        Ok(keyring.sign(key, "token-introspection+jwt", &claims)?)
    }

    async fn introspected(
        &self,
        ctx: &Ctx,
        credentials: &Credentials,
        token: &str,
    ) -> Result<(Arc<Client>, Arc<Value>), Error> {
        // Before anything is read: a client that changes from here on is one that changed.
        let since = self.changes.now();
        let asker = self.authenticate_client(credentials, ctx.now).await?;
        // RFC 7662, 2.1: "MUST also require some form of authorization"; a public client has none.
        if asker.is_public() {
            return Err(
                ProtocolError::new(Code::InvalidClient, "introspection is for clients that prove themselves").into()
            );
        }
        let inactive = || json!({ "active": false });
        if let Some((family, counter)) = self.refresh_tokens.parse(token) {
            let told = self.tell_of_refresh(ctx, &asker, family, counter).await?;
            return Ok((asker, Arc::new(told.unwrap_or_else(inactive))));
        }
        // A resource server asks about the same token with each call that it gets: what it was told stands for two seconds
        // (R15), unless this process changed something, one of the clients did, or the token's own end came.
        let (key, now) = ((asker.id, opaque::digest(token)), self.now());
        if let Some(answer) = self.introspected.get(&key, since, now)
            && answer.told["exp"].as_i64().is_some_and(|end| now.seconds() < end)
            && self.are_as_they_were(&answer.of, now).await?
        {
            return Ok((asker, Arc::clone(&answer.told)));
        }
        let Some(answer) = self.tell_of_access(ctx, &asker, token).await?.map(Arc::new) else {
            return Ok((asker, Arc::new(inactive())));
        };
        let told = Arc::clone(&answer.told);
        self.introspected.keep(key, answer, since, now);
        Ok((asker, told))
    }

    /// Whether nothing became of these clients, as it was known two seconds ago at most.
    async fn are_as_they_were(&self, clients: &[(ClientId, i64)], now: Timestamp) -> Result<bool, Error> {
        for (id, version) in clients {
            let client = self.client_by_id(*id, now).await?;
            if client.is_none_or(|client| client.version != *version || client.status != ClientStatus::Active) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn tell_of_access(&self, ctx: &Ctx, asker: &Client, token: &str) -> Result<Option<Answer>, Error> {
        let Some(own) = self.own_token(ctx, token).await? else { return Ok(None) };
        let serves = asker.metadata.edu_serves.iter().any(|uri| own.place() == uri);
        if own.client.id != asker.id && !serves {
            return Ok(None);
        }
        let mut told: Map<String, Value> =
            TOLD.iter().filter_map(|name| Some(((*name).to_owned(), own.claims.get(*name)?.clone()))).collect();
        let through = self.clients_through(&own, ctx.now).await?;
        let Some(through) = through else { return Ok(None) };
        let origin = self.origin_of(&own, ctx.now).await?;
        let of = [asker, &own.client].into_iter().chain(through.iter().map(Arc::as_ref)).chain(origin.as_deref());
        let of = of.map(|client| (client.id, client.version)).collect();
        let mut tx = self.db.read().await?;
        if own.is_about_nobody() {
            if revoked_tokens::holds(&mut tx, own.digest()).await? {
                return Ok(None);
            }
            let details = told.remove(DETAILS).map(serde_json::from_value::<Details>).transpose()?.unwrap_or_default();
            let left = self.details_that_stand(&mut tx, &details, &own.client).await?;
            if !left.is_empty() {
                told.insert(DETAILS.into(), json!(left));
            }
        } else {
            let Some(origin) = origin else { return Ok(None) };
            let Some((grant, _)) = self.behind(&mut tx, &own, &origin, ctx.now).await? else { return Ok(None) };
            let Some(still) = self.left_of(&mut tx, &own, (&grant, &origin), ctx.now).await? else { return Ok(None) };
            let scope = match own.opens_userinfo_too() {
                true => ScopeSet::parse(own.claims["scope"].as_str().unwrap_or_default())
                    .intersect(&grant.scope)
                    .to_string(),
                false => still.scope,
            };
            told.insert("scope".into(), json!(scope));
            told.remove(DETAILS);
            if !still.details.is_empty() {
                told.insert(DETAILS.into(), json!(still.details));
            }
        }
        told.insert("active".into(), json!(true));
        let cnf: Confirmation = told.get("cnf").cloned().map(serde_json::from_value).transpose()?.unwrap_or_default();
        told.insert("token_type".into(), json!(cnf.token_type()));
        Ok(Some(Answer { told: Arc::new(Value::Object(told)), of }))
    }

    /// An access token of ours that has not expired, of a client that may be used.
    pub(super) async fn own_token(&self, ctx: &Ctx, token: &str) -> Result<Option<OwnToken>, Error> {
        let keyring = self.keyring(ctx.now).await?;
        let issuer = self.issuer().as_str();
        let expect = Expect { typ: &[Some(jwt::ACCESS)], issuer, audience: None, now: ctx.now, allow_expired: false };
        let Ok(claims) = keyring.verify(token, &expect) else { return Ok(None) };
        let client = self.client(claims["client_id"].as_str().unwrap_or_default(), ctx.now).await?;
        let client = client.filter(|client| client.status == ClientStatus::Active);
        Ok(client.map(|client| OwnToken { claims, client }))
    }

    async fn tell_of_refresh(
        &self,
        ctx: &Ctx,
        asker: &Client,
        id: FamilyId,
        counter: u32,
    ) -> Result<Option<Value>, Error> {
        let mut tx = self.db.read().await?;
        let family = grants::family(&mut tx, id).await?.filter(|family| family.is_live(ctx.now));
        // One that was replaced is not the client's any more, though it may still give the same successor (R11).
        let Some(family) = family.filter(|family| family.counter == counter) else { return Ok(None) };
        let live = self.live_grant(&mut tx, family.grant, asker, ctx.now).await?;
        let Some((grant, proof)) = live else { return Ok(None) };
        if self.still_allowed(&mut tx, &proof, &grant, asker, ctx.now).await?.is_none() {
            return Ok(None);
        }
        let ends = family.idle_expires_at.min(family.expires_at).seconds();
        Ok(Some(json!({
            "active": true, "iss": self.issuer().as_str(), "client_id": asker.client_id(), "sub": grant.sub,
            "scope": grant.scope.to_string(), "exp": ends,
        })))
    }
}
