//! Resources that tokens are made for: registered ones (`mingji resource …`) and the register's own API.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::oidc::authorization_details::Details;
use crate::domain::oidc::client::Client;
use crate::domain::oidc::elsewhere::Asked;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::params::Params;
use crate::domain::oidc::resource::{ADMIN, API, Bearer, Resource, Target, Targets};
use crate::domain::oidc::scope::Scope;
use crate::domain::oidc::token::Wanted;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::facts::{self, Cache};
use crate::store::{admin_grants, resources, sessions};

/// No request names more.
const MOST: usize = 8;

impl App {
    /// Registers a resource, or changes its name, its scopes and how its tokens are signed.
    ///
    /// # Errors
    /// `Invalid` with what is wrong; a failed store.
    pub async fn register_resource(&self, ctx: &Ctx, resource: &Resource) -> Result<(), Error> {
        resource.check(self.issuer().as_str()).map_err(Error::invalid)?;
        let mut work = self.begin(ctx, Action::ResourceRegistered).await?;
        resources::put(work.tx(), resource).await?;
        // Its name stands on pages that speak of details.
        facts::bump(work.tx(), Cache::AuthorizationTypes).await?;
        work.detail("resource", resource.uri.clone()).detail("scopes", resource.scopes.len());
        work.commit(Outcome::Done).await?;
        self.authorization_types.look_again();
        Ok(())
    }

    /// All of them.
    ///
    /// # Errors
    /// A failed store.
    pub async fn list_resources(&self) -> Result<Vec<Resource>, Error> {
        Ok(resources::list(&mut self.db.read().await?).await?)
    }

    /// A resource as whoever bears its tokens may use it.
    ///
    /// # Errors
    /// `invalid_target` for an unknown one; a failed store.
    pub(super) async fn resource(&self, tx: &mut Tx, uri: &str, bearer: Bearer) -> Result<Resource, Error> {
        let own = Resource::api(self.issuer(), bearer);
        if uri == own.uri {
            return Ok(own);
        }
        let unknown = || ProtocolError::new(Code::InvalidTarget, "the client may not ask for this resource");
        // No URI holds them (RFC 8707, 2), and PostgreSQL refuses to look for one of them.
        if uri.chars().any(char::is_control) {
            return Err(unknown().into());
        }
        Ok(resources::find(tx, uri).await?.ok_or_else(unknown)?)
    }

    /// A resource as a client uses it in its own name, as it was read at most two seconds ago (R15).
    ///
    /// # Errors
    /// As [`App::resource`].
    pub(super) async fn resource_lately(&self, uri: &str) -> Result<Arc<Resource>, Error> {
        let (key, since, now) = (uri.to_owned(), self.changes.now(), self.now());
        if let Some(known) = self.resources.get(&key, since, now) {
            return Ok(known);
        }
        let found = Arc::new(self.resource(&mut self.db.read().await?, uri, Bearer::Client).await?);
        self.resources.keep(key, Arc::clone(&found), since, now);
        Ok(found)
    }

    /// The resources that an authorization request names, with the words of its scope that are theirs (RFC 8707, 2.1).
    ///
    /// # Errors
    /// `invalid_target`; a failed store.
    async fn targets(&self, params: &Params, client: &Client) -> Result<Targets, Error> {
        let named = params.values("resource");
        let mut targets = Targets::default();
        if named.is_empty() {
            return Ok(targets);
        }
        if named.len() > MOST {
            return Err(ProtocolError::new(Code::InvalidTarget, "too many resources at once").into());
        }
        let mut tx = self.db.read().await?;
        for uri in named {
            let resource = self.resource(&mut tx, uri, Bearer::Person).await?;
            targets = targets.and(&resource, client, params.get("scope").unwrap_or_default())?;
        }
        Ok(targets)
    }

    /// The same with what is asked for in detail, whose places are resources too (RFC 9396, 2.2).
    ///
    /// # Errors
    /// `invalid_target`, `invalid_authorization_details`; a failed store.
    pub(super) async fn asked_of_resources(
        &self,
        params: &Params,
        client: &Client,
    ) -> Result<(Targets, Details), Error> {
        let details = self.details(params, client).await?;
        Ok((self.targets(params, client).await?.and_of(&details), details))
    }

    /// The same of a question that is answered on another device. Nothing there of the register's own: whoever lends her yes to a
    /// code on somebody else's screen would lend the rights of an administrator.
    ///
    /// # Errors
    /// As [`App::asked_of_resources`].
    pub(super) async fn asked_elsewhere(&self, params: &Params, client: &Client, asked: Asked) -> Result<Asked, Error> {
        if params.values("resource").contains(&self.issuer().at(API).as_str()) {
            return Err(ProtocolError::new(Code::InvalidTarget, "the client may not ask for this resource").into());
        }
        let (targets, details) = self.asked_of_resources(params, client).await?;
        Ok(Asked { targets, details, ..asked })
    }

    /// What a token under a grant is for now: of what was granted, what the client may still ask for, and the rights of an
    /// administrator only while the person is one and the session lives in which she asked for them. What outlives a sign-out
    /// for a platform's own purposes never carries them (R16).
    ///
    /// # Errors
    /// `invalid_target`; a failed store.
    pub(super) async fn target(
        &self,
        tx: &mut Tx,
        grant: &Grant,
        client: &Client,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<Option<Target>, Error> {
        let Some(granted) = grant.targets.choose(wanted.resource(), self.issuer())? else {
            return match wanted.details {
                Some(_) if grant.details.is_empty() => Err(ProtocolError::new(
                    Code::InvalidAuthorizationDetails,
                    "authorization_details are wider than what was granted",
                )
                .into()),
                Some(_) => {
                    Err(ProtocolError::new(Code::InvalidTarget, "say for which resource the details are").into())
                }
                None => Ok(None),
            };
        };
        let left = self.details_left(tx, grant, client, now).await?;
        let here = left.at(&granted.uri);
        let details =
            wanted.details.as_ref().map(|asked| left.narrowed(asked, &granted.uri)).transpose()?.unwrap_or(here);
        let resource = self.resource(tx, &granted.uri, Bearer::Person).await?;
        let mut target = match client.may_act_at(&resource) {
            true => {
                let allowed = Targets::default().and(&resource, client, &granted.scope())?;
                allowed.choose(Some(&granted.uri), self.issuer())?
            }
            // What she agreed to in detail opens its place for that and nothing else.
            false if !details.is_empty() => Some(Target { words: BTreeSet::new(), ..granted }),
            // It opened the place, and fell away: what is left is told at userinfo, and nobody is signed out.
            false if granted.words.is_empty() && wanted.resource.is_none() => return Ok(None),
            false => {
                return Err(ProtocolError::new(Code::InvalidTarget, "the client may not ask for this resource").into());
            }
        };
        if let Some(target) = &mut target {
            // OpenID Connect Core, 5.3: whoever named no resource, but asked for something in detail, expects userinfo to open
            // with the same token. A bearer's would let the place ask there too; one that is bound to a key is of no use to it.
            target.userinfo = wanted.resource.is_none()
                && target.words.is_empty()
                && !grant.cnf.is_none()
                && grant.scope.has(Scope::Openid);
            target.details = details;
            target.alg = resource.token_alg;
        }
        if let Some(target) = &mut target
            && target.words.contains(ADMIN)
            && (!sessions::is_live(tx, grant.session, now).await?
                || admin_grants::live(tx, grant.person, now).await?.is_empty())
        {
            target.words.remove(ADMIN);
        }
        Ok(target)
    }
}
