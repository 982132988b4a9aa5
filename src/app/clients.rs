//! Relying parties: registration, look-up through a cache that is at most two seconds stale (R15), and
//! client authentication.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{AuthMethod, Client, ClientMetadata, ClientStatus, is_loopback};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::clients;
use crate::store::facts::{self, Cache};

/// How stale a cache may be (R15).
pub(crate) const CACHE_AGE: Duration = Duration::from_secs(2);

/// Clients by id, as of a change stamp.
#[derive(Default)]
pub(crate) struct Cached(RwLock<Snapshot>);

#[derive(Default, Clone)]
struct Snapshot {
    stamp: i64,
    checked_at: Option<Timestamp>,
    clients: HashMap<ClientId, Option<Arc<Client>>>,
}

/// How a client presents itself at the token endpoint.
pub struct Credentials {
    /// The `client_id`.
    pub client_id: String,
    /// By which method it came.
    pub method: AuthMethod,
    /// The secret, where there is one.
    pub secret: Option<SecretString>,
}

/// A client that was just registered. The secret is shown once.
pub struct Registered {
    /// The client.
    pub client: Arc<Client>,
    /// Its secret, unless it is public.
    pub secret: Option<SecretString>,
}

impl App {
    /// Registers a client (RFC 7591 metadata with the contract's extensions).
    ///
    /// # Errors
    /// `invalid_redirect_uri`, `invalid_client_metadata`, or a failed store.
    pub async fn create_client(&self, ctx: &Ctx, metadata: ClientMetadata) -> Result<Registered, Error> {
        let id = ClientId::new(ctx.now, &*self.random);
        // A loopback address is everybody's: as a sector it would let vendors join their users (R13).
        let sector = match metadata.check()? {
            host if is_loopback(&host) => id.to_string(),
            sector => sector,
        };
        let secret = (metadata.token_endpoint_auth_method != AuthMethod::None).then(|| opaque::generate(&*self.random));
        let client = Client {
            id,
            metadata,
            sector,
            secret_digest: secret.as_ref().map(|secret| opaque::digest(secret.expose_secret())),
            status: ClientStatus::Active,
            created_at: ctx.now,
        };
        let mut work = self.begin(ctx, Action::ClientCreated).await?;
        clients::insert(work.tx(), &client).await?;
        facts::bump(work.tx(), Cache::Clients).await?;
        work.target("client", client.id)
            .detail("statutory", client.is_statutory())
            .detail("kind", if client.is_application() { "application" } else { "platform" });
        work.event("client", client.id, "client.created", &[]);
        work.commit(Outcome::Done).await?;
        Ok(Registered { client: Arc::new(client), secret })
    }

    /// A client by its wire id; nobody when it is unknown.
    ///
    /// # Errors
    /// A failed store.
    pub async fn client(&self, client_id: &str, now: Timestamp) -> Result<Option<Arc<Client>>, Error> {
        match client_id.parse() {
            Ok(id) => self.client_by_id(id, now).await,
            Err(_) => Ok(None),
        }
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

    /// Authenticates a client at a protocol endpoint (RFC 6749, 2.3): exactly the method it registered.
    ///
    /// # Errors
    /// `invalid_client`, the same for an unknown client and a wrong secret.
    pub async fn authenticate_client(&self, credentials: &Credentials, now: Timestamp) -> Result<Arc<Client>, Error> {
        let refused = || Error::from(ProtocolError::new(Code::InvalidClient, "client authentication failed"));
        let client =
            self.client(&credentials.client_id, now).await?.filter(|client| client.status == ClientStatus::Active);
        let secret = credentials.secret.as_ref().map(|secret| secret.expose_secret()).unwrap_or_default();
        // Compared even when nobody is there, so that a known id answers in the same time as an unknown one.
        let matches =
            opaque::matches(secret, &client.as_ref().and_then(|client| client.secret_digest).unwrap_or([0; 32]));
        let client = client.ok_or_else(refused)?;
        let registered = client.metadata.token_endpoint_auth_method;
        match registered {
            AuthMethod::None if credentials.method == AuthMethod::None => Ok(client),
            AuthMethod::None => Err(refused()),
            method if method == credentials.method && client.secret_digest.is_some() && matches => Ok(client),
            _ => Err(refused()),
        }
    }
}

impl Cached {
    /// What is known, when it was compared with the database lately. `Some(None)`: known not to exist.
    fn fresh(&self, id: ClientId, now: Timestamp) -> Option<Option<Arc<Client>>> {
        let snapshot = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh = snapshot.checked_at.is_some_and(|at| now.since(at) < CACHE_AGE && at <= now);
        if fresh { snapshot.clients.get(&id).cloned() } else { None }
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
        /// Unknown ids are kept too, so the number is bounded.
        const MOST: usize = 10_000;
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
