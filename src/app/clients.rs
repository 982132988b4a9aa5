//! Relying parties: registration, and look-up through a cache that is at most two seconds stale (R15).

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::work::{Outcome, Work};
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{AuthMethod, Client, ClientMetadata, ClientStatus, TlsName};
use crate::domain::oidc::client_document::ClientUrl;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::resource::{API, Bearer, Resource};
use crate::domain::time::Timestamp;
use crate::keys::{certificate, opaque};
use crate::store::facts::{self, Cache};
use crate::store::{clients, deliveries, resources};

/// How stale a cache may be (R15).
pub(crate) const CACHE_AGE: Duration = Duration::from_secs(2);

/// No list of redirect URIs is longer, in bytes.
const LONGEST_SECTOR_LIST: usize = 64 << 10;

/// Unknown ids are kept too, so the number is bounded.
const MOST: usize = 10_000;

/// Clients by id, as of a change stamp.
#[derive(Default)]
pub(crate) struct Cached(RwLock<Snapshot>);

#[derive(Default, Clone)]
struct Snapshot {
    stamp: i64,
    checked_at: Option<Timestamp>,
    clients: HashMap<ClientId, Option<Arc<Client>>>,
    /// Whose document stands at an address; unknown ones are not kept.
    at: HashMap<String, ClientId>,
}

/// A client that was just registered. The secret is shown once.
pub struct Registered {
    /// The client.
    pub client: Arc<Client>,
    /// Its secret, unless it is public.
    pub secret: Option<SecretString>,
}

impl Registered {
    /// RFC 7591, 3.2.1: what was registered, with the client's id and secret.
    ///
    /// # Errors
    /// None that a registration causes.
    pub fn document(&self) -> Result<Value, Error> {
        let mut document = serde_json::to_value(&self.client.metadata)?;
        document["client_id"] = json!(self.client.client_id());
        document["client_id_issued_at"] = json!(self.client.created_at.seconds());
        if let Some(secret) = &self.secret {
            document["client_secret"] = json!(secret.expose_secret());
            document["client_secret_expires_at"] = json!(0);
        }
        Ok(document)
    }
}

impl App {
    /// Registers a client (RFC 7591 metadata with the contract's extensions).
    ///
    /// # Errors
    /// `invalid_redirect_uri`, `invalid_client_metadata`, or a failed store.
    pub async fn create_client(&self, ctx: &Ctx, metadata: ClientMetadata) -> Result<Registered, Error> {
        let metadata = metadata.completed();
        let sector = self.checked_sector(&metadata, true).await?;
        self.created(ctx, metadata, sector).await
    }

    /// The same of a platform of the demo world, which stands on this machine whatever the issuer is called.
    ///
    /// # Errors
    /// As [`App::create_client`].
    pub async fn create_demo_client(&self, ctx: &Ctx, metadata: ClientMetadata) -> Result<Registered, Error> {
        let metadata = metadata.completed();
        let sector = self.sector_of(&metadata, true).await?;
        self.created(ctx, metadata, sector).await
    }

    async fn created(&self, ctx: &Ctx, metadata: ClientMetadata, sector: Option<String>) -> Result<Registered, Error> {
        let (mut client, secret) = self.new_client(ctx, metadata, sector)?;
        client.vouched = true;
        let mut work = self.begin(ctx, Action::ClientCreated).await?;
        self.add_client(&mut work, &client).await?;
        work.commit(Outcome::Done).await?;
        Ok(Registered { client: Arc::new(client), secret })
    }

    /// Suspends a client 下架, lets it back in, or removes it for good (`mingji client suspend|restore|remove`). What it
    /// holds about people is refused from now on, and good again when it is back.
    ///
    /// # Errors
    /// `NotFound` for an unknown client and for one that was removed.
    pub async fn set_client_status(&self, ctx: &Ctx, id: ClientId, status: ClientStatus) -> Result<(), Error> {
        let removed = status == ClientStatus::Removed;
        let action = if removed { Action::ClientRemoved } else { Action::ClientUpdated };
        let mut work = self.begin_beside_sequencer(ctx, action).await?;
        if !clients::set_status(work.tx(), id, status, ctx.now).await? {
            return Err(Error::not_found("a client of this id"));
        }
        self.break_stream(work.tx(), id).await?;
        if status == ClientStatus::Active {
            deliveries::come_back(work.tx(), id, ctx.now).await?;
        }
        facts::bump(work.tx(), Cache::Clients).await?;
        work.target("client", id).detail("suspended", status == ClientStatus::Suspended);
        match removed {
            true => work.event("client", id, "client.removed", &[]),
            false => work.event("client", id, "client.updated", &["status"]),
        };
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        self.wake.deliveries.notify_one();
        self.rebuild_stream(id).await
    }

    /// A client that is not stored yet and that nobody vouches for, with its secret where it has one.
    pub(super) fn new_client(
        &self,
        ctx: &Ctx,
        metadata: ClientMetadata,
        sector: Option<String>,
    ) -> Result<(Client, Option<SecretString>), Error> {
        let id = ClientId::new(ctx.now, &*self.random);
        let mut client = Client {
            id,
            metadata,
            sector: sector.unwrap_or_else(|| id.to_string()),
            secret_digest: None,
            secret_sealed: None,
            old_secret: None,
            status: ClientStatus::Active,
            created_at: ctx.now,
            org: None,
            heir_of: Vec::new(),
            vouched: false,
            scope_cap: None,
            document: None,
            version: 1,
        };
        let secret = self.renew_secret(&mut client)?;
        Ok((client, secret))
    }

    /// Gives a secret to a client that needs one and has none it can use, and takes it from one that needs none.
    pub(super) fn renew_secret(&self, client: &mut Client) -> Result<Option<SecretString>, Error> {
        let (needed, value) = (client.metadata.token_endpoint_auth_method.has_secret(), client.needs_secret_value());
        if needed && client.secret_digest.is_some() && (!value || client.secret_sealed.is_some()) {
            return Ok(None);
        }
        let secret = needed.then(|| opaque::generate(&*self.random));
        // Whoever needs none now has no old one either.
        client.old_secret = client.old_secret.take().filter(|_| needed);
        client.secret_digest = secret.as_ref().map(|secret| opaque::digest(secret.expose_secret()));
        let sealed = secret.as_ref().filter(|_| value);
        client.secret_sealed =
            sealed.map(|secret| self.seal_client_secret(client.id, secret.expose_secret())).transpose()?;
        Ok(secret)
    }

    /// Stores a new client, in whatever work that belongs to; `false` when there is one of the same document already.
    pub(super) async fn add_client(&self, work: &mut Work<'_>, client: &Client) -> Result<bool, Error> {
        self.check_resources(work, &client.metadata).await?;
        if !clients::insert(work.tx(), client).await? {
            return Ok(false);
        }
        facts::bump(work.tx(), Cache::Clients).await?;
        work.target("client", client.id)
            .detail("statutory", client.is_statutory())
            .detail("acts_at_register", client.may_act_at(&Resource::api(self.issuer(), Bearer::Person)))
            .detail("kind", if client.is_application() { "application" } else { "platform" });
        work.event("client", client.id, "client.created", &[]);
        Ok(true)
    }

    /// Resources that a client may ask for or serves are registered.
    pub(super) async fn check_resources(&self, work: &mut Work<'_>, metadata: &ClientMetadata) -> Result<(), Error> {
        for uri in metadata.edu_resources.iter().chain(&metadata.edu_serves) {
            let own = *uri == self.issuer().at(API);
            if !own && resources::find(work.tx(), uri).await?.is_none() {
                return Err(ProtocolError::new(Code::InvalidClientMetadata, "a resource is not registered").into());
            }
        }
        Ok(())
    }

    /// Checks completed metadata, fetching what it points to; the sector, none where it is the client alone. `vouched`
    /// where the operator registers it.
    pub(super) async fn checked_sector(
        &self,
        metadata: &ClientMetadata,
        vouched: bool,
    ) -> Result<Option<String>, Error> {
        if !self.issuer().is_loopback() {
            metadata.check_tls_of_answers()?;
        }
        self.sector_of(metadata, vouched).await
    }

    async fn sector_of(&self, metadata: &ClientMetadata, vouched: bool) -> Result<Option<String>, Error> {
        let sector = metadata.check(vouched)?;
        Self::check_jwks(metadata)?;
        self.check_tls(metadata)?;
        self.check_types(metadata, vouched).await?;
        if let Some(uri) = &metadata.sector_identifier_uri {
            let wrong = |why: String| Error {
                internal: format!("sector_identifier_uri: {why}"),
                ..ProtocolError::new(
                    Code::InvalidClientMetadata,
                    "sector_identifier_uri does not lead to a JSON list of texts, of a JSON type",
                )
                .into()
            };
            // What somebody else put on a host as a note or a picture is not what the host says (R13).
            let paper =
                self.outbound.get_paper(uri, LONGEST_SECTOR_LIST).await.map_err(|why| wrong(why.to_string()))?;
            let listed: Vec<String> = serde_json::from_slice(&paper.body).map_err(|why| wrong(why.to_string()))?;
            metadata.check_sector_list(&listed)?;
        }
        Ok(sector)
    }

    /// What rests on certificates is registered only where they are asked for, and a subject is one that can be had.
    fn check_tls(&self, metadata: &ClientMetadata) -> Result<(), Error> {
        let invalid = |why| Error::from(ProtocolError::new(Code::InvalidClientMetadata, why));
        let needed = metadata.token_endpoint_auth_method.has_certificate()
            || metadata.tls_client_certificate_bound_access_tokens;
        if needed && self.mtls_origin().is_none() {
            return Err(invalid("no client certificates are asked for here"));
        }
        if metadata.token_endpoint_auth_method == AuthMethod::TlsClientAuth && !self.has_certificate_authorities() {
            return Err(invalid("no authority vouches for client certificates here"));
        }
        match metadata.tls_name() {
            Some(TlsName::Subject(text)) if !certificate::is_distinguished_name(&text) => {
                Err(invalid("tls_client_auth_subject_dn is not a distinguished name as RFC 4514 writes it"))
            }
            _ => Ok(()),
        }
    }

    /// A client by its wire id, for somebody who wants to be served as that client; nobody when it is unknown. A document of
    /// its own is read again where it is not believed any more.
    ///
    /// # Errors
    /// A failed store; busy when the server of such a document cannot be had.
    pub async fn client(&self, client_id: &str, now: Timestamp) -> Result<Option<Arc<Client>>, Error> {
        match self.known_client(client_id, now).await? {
            Some(known) => self.believed(known, now).await,
            None => Ok(None),
        }
    }

    /// A client by its wire id, as it stands here: nobody is called.
    ///
    /// # Errors
    /// A failed store.
    pub async fn known_client(&self, client_id: &str, now: Timestamp) -> Result<Option<Arc<Client>>, Error> {
        if let Ok(id) = client_id.parse() {
            // Whoever has a document has its address as its only name.
            return Ok(self.client_by_id(id, now).await?.filter(|client| client.document.is_none()));
        }
        match self.documents.hosts().admit(client_id) {
            Some(url) => self.client_at(&url, now).await,
            None => Ok(None),
        }
    }

    async fn client_at(&self, url: &ClientUrl, now: Timestamp) -> Result<Option<Arc<Client>>, Error> {
        if let Some(known) = self.clients.fresh_at(url.as_str(), now) {
            return Ok(Some(known));
        }
        let Some(client) = clients::at(&mut self.db.read().await?, url.as_str()).await? else { return Ok(None) };
        self.clients.note(url.as_str(), client.id);
        // Through the cache, so that what is kept is as of a stamp.
        self.client_by_id(client.id, now).await
    }

    pub(crate) async fn client_by_id(&self, id: ClientId, now: Timestamp) -> Result<Option<Arc<Client>>, Error> {
        if let Some(known) = self.clients.fresh(id, now) {
            return Ok(known);
        }
        let mut tx = self.db.read().await?;
        let stamp = facts::stamp(&mut tx, Cache::Clients).await?;
        self.clients.checked(stamp, now);
        if let Some(known) = self.clients.fresh(id, now) {
            return Ok(known);
        }
        let found = clients::find(&mut tx, id).await?.map(Arc::new);
        self.clients.keep(id, found.clone(), stamp);
        Ok(found)
    }
}

impl Cached {
    /// What is known, when it was compared with the database lately. `Some(None)`: known not to exist.
    fn fresh(&self, id: ClientId, now: Timestamp) -> Option<Option<Arc<Client>>> {
        let snapshot = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A request that waited is older than the last comparison, which is as good for it: it must not ask for another
        // connection while it holds one. Far from it is only a clock that was set back.
        let fresh = snapshot.checked_at.is_some_and(|at| now.since(at) < CACHE_AGE && at.since(now) < CACHE_AGE);
        if fresh { snapshot.clients.get(&id).cloned() } else { None }
    }

    /// The same by the address of its document.
    fn fresh_at(&self, url: &str, now: Timestamp) -> Option<Arc<Client>> {
        let id = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).at.get(url).copied()?;
        self.fresh(id, now).flatten().filter(|client| client.client_id() == url)
    }

    /// Notes whose document stands at an address.
    fn note(&self, url: &str, id: ClientId) {
        let mut snapshot = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if snapshot.at.len() >= MOST {
            snapshot.at.clear();
        }
        snapshot.at.insert(url.to_owned(), id);
    }

    /// Compares with the database before it is used again: this process changed something.
    pub(super) fn look_again(&self) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).checked_at = None;
    }

    fn checked(&self, stamp: i64, now: Timestamp) {
        let mut snapshot = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if snapshot.stamp != stamp {
            snapshot.clients.clear();
            snapshot.stamp = stamp;
        }
        snapshot.checked_at = Some(now);
    }

    /// Keeps what was read at or after `stamp`; when another request saw a newer one meanwhile, what was read may
    /// be older than that, and would stay until the next change.
    fn keep(&self, id: ClientId, client: Option<Arc<Client>>, stamp: i64) {
        let mut snapshot = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if snapshot.stamp != stamp {
            return;
        }
        if snapshot.clients.len() >= MOST {
            snapshot.clients.clear();
        }
        snapshot.clients.insert(id, client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waited_asks_nobody_again() {
        let (cached, id) = (Cached::default(), ClientId(uuid::Uuid::nil()));
        let at = Timestamp::from_seconds(1_800_000_000);
        cached.checked(1, at);
        cached.keep(id, None, 1);
        let known = |now: Timestamp| cached.fresh(id, now).is_some();
        assert!(known(at.minus(Duration::from_millis(1_999))), "a request that came before the last comparison");
        assert!(!known(at.minus(CACHE_AGE)), "a clock that was set back");
        assert!(!known(at.plus(CACHE_AGE)), "too old");
    }
}
