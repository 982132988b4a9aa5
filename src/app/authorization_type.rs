//! What clients may ask to do in detail (RFC 9396): the operator's types, what of a request they let through, what people
//! read of it, and what is left of what somebody agreed to.

use std::sync::{Arc, PoisonError, RwLock};

use super::clients::CACHE_AGE;
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::audit::Action;
use crate::domain::oidc::authorization_details::{Agreed, Detail, Details};
use crate::domain::oidc::authorization_type::{AuthorizationType, AuthorizationTypes, Shown};
use crate::domain::oidc::client::{Client, ClientMetadata};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::params::Params;
use crate::domain::oidc::scope::Scope;
use crate::domain::registry::age::AgeBand;
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::facts::{self, Cache};
use crate::store::{authorization_types, identities, resources};

/// The types as of a change stamp.
#[derive(Default)]
pub(crate) struct Cached(RwLock<Option<Snapshot>>);

#[derive(Clone)]
struct Snapshot {
    stamp: i64,
    checked_at: Timestamp,
    types: Arc<AuthorizationTypes>,
}

impl Cached {
    fn get(&self) -> Option<Snapshot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<AuthorizationTypes>> {
        let known = self.get().filter(|known| known.checked_at <= now && now.since(known.checked_at) < CACHE_AGE);
        known.map(|known| known.types)
    }

    fn set(&self, snapshot: Snapshot) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }

    /// Compares with the database before it is used again: this process changed something.
    pub(super) fn look_again(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Details as a page shows them, and the digest that a receipt remembers of it.
pub(crate) struct ShownDetails {
    pub(crate) cards: Vec<Shown>,
    pub(crate) digest: String,
}

impl ShownDetails {
    fn of(cards: Vec<Shown>) -> Self {
        let digest = opaque::s256(&serde_json::json!(cards).to_string());
        Self { cards, digest }
    }
}

impl App {
    /// Defines a type, or changes it (`mingji authorization-type put`). Whoever agreed to what it was is asked again.
    ///
    /// # Errors
    /// `Invalid` with what is wrong; a failed store.
    pub async fn define_authorization_type(&self, ctx: &Ctx, kind: &AuthorizationType) -> Result<(), Error> {
        kind.check().map_err(Error::invalid)?;
        let mut work = self.begin(ctx, Action::AuthorizationTypeDefined).await?;
        for uri in &kind.resources {
            if resources::find(work.tx(), uri).await?.is_none() {
                return Err(Error::invalid("a resource of the type is not registered: mingji resource put"));
            }
        }
        authorization_types::put(work.tx(), kind, ctx.now).await?;
        facts::bump(work.tx(), Cache::AuthorizationTypes).await?;
        work.detail("type", kind.kind.clone()).detail("resources", kind.resources.len());
        work.commit(Outcome::Done).await?;
        self.authorization_types.look_again();
        Ok(())
    }

    /// Takes a type away: it is refused from now on, and falls out of what was granted.
    ///
    /// # Errors
    /// `NotFound`; a failed store.
    pub async fn remove_authorization_type(&self, ctx: &Ctx, kind: &str) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::AuthorizationTypeRemoved).await?;
        if !authorization_types::remove(work.tx(), kind).await? {
            return Err(Error::not_found("a type of this name"));
        }
        facts::bump(work.tx(), Cache::AuthorizationTypes).await?;
        work.detail("type", kind.to_owned());
        work.commit(Outcome::Done).await?;
        self.authorization_types.look_again();
        Ok(())
    }

    /// All types.
    ///
    /// # Errors
    /// A failed store.
    pub async fn list_authorization_types(&self) -> Result<Vec<AuthorizationType>, Error> {
        Ok(authorization_types::list(&mut self.db.read().await?).await?)
    }

    /// The names of all types, for discovery.
    ///
    /// # Errors
    /// A failed store.
    pub async fn authorization_type_names(&self) -> Result<Vec<String>, Error> {
        let types = match self.authorization_types.fresh(self.now()) {
            Some(known) => known,
            None => self.types(&mut self.db.read().await?).await?,
        };
        Ok(types.all.keys().cloned().collect())
    }

    async fn types(&self, tx: &mut Tx) -> Result<Arc<AuthorizationTypes>, Error> {
        let now = self.now();
        if let Some(known) = self.authorization_types.fresh(now) {
            return Ok(known);
        }
        let stamp = facts::stamp(tx, Cache::AuthorizationTypes).await?;
        let types = match self.authorization_types.get().filter(|known| known.stamp == stamp) {
            Some(same) => same.types,
            None => {
                let all = authorization_types::list(tx).await?;
                let all = all.into_iter().map(|kind| (kind.kind.clone(), kind)).collect();
                let names = resources::list(tx).await?.into_iter().map(|one| (one.uri, one.name)).collect();
                Arc::new(AuthorizationTypes { all, names })
            }
        };
        self.authorization_types.set(Snapshot { stamp, checked_at: now, types: Arc::clone(&types) });
        Ok(types)
    }

    /// Checks the types in a registration: they exist, and where nobody `vouched` for the client the operator left them
    /// open to such.
    ///
    /// # Errors
    /// `invalid_client_metadata`; a failed store.
    pub(super) async fn check_types(&self, metadata: &ClientMetadata, vouched: bool) -> Result<(), Error> {
        if metadata.authorization_details_types.is_empty() {
            return Ok(());
        }
        let types = self.types(&mut self.db.read().await?).await?;
        let known = |name: &String| types.all.get(name).is_some_and(|kind| vouched || kind.self_registered);
        match metadata.authorization_details_types.iter().all(known) {
            true => Ok(()),
            false => {
                let why = "authorization_details_types names a type that is not defined, or not for this client";
                Err(ProtocolError::new(Code::InvalidClientMetadata, why).into())
            }
        }
    }

    /// What a request asks for in detail, as far as its client may.
    ///
    /// # Errors
    /// `invalid_authorization_details`; a failed store.
    pub(super) async fn details(&self, params: &Params, client: &Client) -> Result<Details, Error> {
        let Some(text) = params.get("authorization_details") else { return Ok(Details::default()) };
        let asked = Details::parse(text)?;
        self.settled_details(&mut self.db.read().await?, &asked, client).await
    }

    /// Details that a client names, with what it left out filled in.
    ///
    /// # Errors
    /// `invalid_authorization_details`; a failed store.
    pub(super) async fn settled_details(
        &self,
        tx: &mut Tx,
        asked: &Details,
        client: &Client,
    ) -> Result<Details, Error> {
        Ok(self.types(tx).await?.settle(asked, client)?)
    }

    /// What a page says of details.
    ///
    /// # Errors
    /// A failed store. `Ok(Err(_))` where a type or the registration is not what it was.
    pub(super) async fn shown_details(
        &self,
        tx: &mut Tx,
        details: &Details,
        client: &Client,
    ) -> Result<Result<ShownDetails, ProtocolError>, Error> {
        if details.is_empty() {
            return Ok(Ok(ShownDetails { cards: Vec::new(), digest: String::new() }));
        }
        Ok(self.types(tx).await?.show(details, client).map(ShownDetails::of))
    }

    /// Those whose types are there and open to the client today.
    pub(super) async fn details_that_stand(
        &self,
        tx: &mut Tx,
        details: &Details,
        client: &Client,
    ) -> Result<Details, Error> {
        if details.is_empty() {
            return Ok(Details::default());
        }
        let types = self.types(tx).await?;
        let stands = |detail: &&Detail| types.show(&Details::from_iter([(*detail).clone()]), client).is_ok();
        Ok(details.iter().filter(stands).cloned().collect())
    }

    /// What is left of the details of a grant: all of them while a live receipt names them as they are shown today, and
    /// none otherwise. The rest of the grant does not fall with them (R11).
    ///
    /// # Errors
    /// A failed store.
    pub(super) async fn details_left(
        &self,
        tx: &mut Tx,
        grant: &Grant,
        client: &Client,
        now: Timestamp,
    ) -> Result<Details, Error> {
        if grant.details.is_empty() {
            return Ok(Details::default());
        }
        let Ok(shown) = self.shown_details(tx, &grant.details, client).await? else { return Ok(Details::default()) };
        let proof = access::by_new_grant(grant);
        let Some(base) = identities::base(tx, &proof).await? else { return Ok(Details::default()) };
        let age = AgeBand::at(base.birth_date, now);
        let agreed = Agreed { details: grant.details.clone(), shown: shown.digest };
        let wanted = grant.reach().without(Scope::Openid);
        match self.is_agreed(tx, &proof, age, client, (&wanted, Some(&agreed)), now).await? {
            Some(_) => Ok(agreed.details),
            None => Ok(Details::default()),
        }
    }
}
