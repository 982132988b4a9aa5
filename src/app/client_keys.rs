//! Public keys of clients: by value from the registration, or from `jwks_uri` through a cache. A key that the client
//! took off its list ends within minutes here; one that it added is found when something signed with it comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{App, Error};
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{AuthMethod, Client, ClientMetadata};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::fault::FaultKind;
use crate::domain::time::Timestamp;
use crate::keys::certificate;
use crate::keys::foreign::{ForeignError, Header, PublicKeys};
use crate::keys::jwe::EncryptionKey;

/// After so long a list is fetched again.
const FRESH: Duration = Duration::from_secs(300);
/// Where that fails, the old list ends after so long: a key that was withdrawn must not live on because its owner's
/// server is down.
const STALE: Duration = Duration::from_secs(900);
/// An unknown key or a failure makes us ask again, but not more often than this: strangers choose the key's name.
const PAUSE: Duration = Duration::from_secs(5);
/// Whoever needs a list for which somebody else is asking waits so long and no longer: a slow server must not gather
/// requests here.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many lists are kept; beyond that the one that was asked for longest ago goes.
const MOST: usize = 2_000;

/// Lists by client: one client's address is no way into another's.
#[derive(Default)]
pub(crate) struct Cached(Mutex<HashMap<ClientId, Arc<Shelf>>>);

/// One list. Whoever fetches holds `call`, so that one call is under way at a time; nobody waits for it to read `held`.
#[derive(Default)]
struct Shelf {
    call: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Clone, Default)]
struct Held {
    /// Where it came from: a registration may name another address since.
    uri: String,
    keys: Option<Arc<PublicKeys>>,
    fetched_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    /// What came last was no list of keys.
    unreadable: bool,
}

impl Held {
    fn within(at: Option<Timestamp>, span: Duration, now: Timestamp) -> bool {
        at.is_some_and(|at| now.since(at) < span)
    }

    /// Whether to ask for one that is at most so old.
    fn is_due(&self, age: Duration, now: Timestamp) -> bool {
        !Self::within(self.fetched_at, age, now) && !Self::within(self.asked_at, PAUSE, now)
    }

    fn usable(&self, now: Timestamp) -> Result<Arc<PublicKeys>, Disbelief> {
        let keys = self.keys.clone().filter(|_| Self::within(self.fetched_at, STALE, now));
        keys.ok_or_else(|| match self.unreadable {
            true => Disbelief::NoneFits("what stands at the jwks_uri is no list of keys".into()),
            false => Disbelief::NoKeys("the list of keys cannot be had".into()),
        })
    }
}

impl Shelf {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held from an address.
    fn of(&self, uri: &str) -> Held {
        let mut held = self.held();
        if held.uri != uri {
            *held = Held { uri: uri.to_owned(), ..Held::default() };
        }
        held.clone()
    }
}

impl Cached {
    fn shelf(&self, client: ClientId) -> Arc<Shelf> {
        let mut shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelves.len() >= MOST && !shelves.contains_key(&client) {
            let oldest = shelves.iter().min_by_key(|(_, shelf)| shelf.held().asked_at).map(|(client, _)| *client);
            oldest.map(|oldest| shelves.remove(&oldest));
        }
        Arc::clone(shelves.entry(client).or_default())
    }
}

/// Why a token of a client is not believed; the text goes to the log.
pub(crate) enum Disbelief {
    /// The token or its key.
    Token(ForeignError),
    /// There are no keys to look at: they cannot be had.
    NoKeys(String),
    /// What the client registered holds none that serves.
    NoneFits(String),
}

impl Disbelief {
    /// What the client is told: where it has no keys, that; else what is refused in general, because strangers guess.
    pub(super) fn told(&self, otherwise: &'static str) -> &'static str {
        match self {
            Self::Token(_) => otherwise,
            Self::NoKeys(_) | Self::NoneFits(_) => "the keys of the client cannot be had",
        }
    }

    /// As the failure of an answer that cannot be encrypted, without which nothing is sent. A list that cannot be had may be had in a
    /// moment; one that holds no key is the client's to mend, and stays so until it does.
    pub(super) fn unanswered(self) -> Error {
        let internal = format!("an answer is not encrypted: {self}");
        match self {
            Self::NoKeys(_) => Error::busy(internal),
            Self::Token(_) | Self::NoneFits(_) => Error {
                internal,
                fault: Some(FaultKind::Keys),
                ..ProtocolError::new(Code::InvalidRequest, "the client has no key under which it could be answered")
                    .into()
            },
        }
    }
}

impl std::fmt::Display for Disbelief {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token(error) => write!(f, "{error}"),
            Self::NoKeys(why) | Self::NoneFits(why) => f.write_str(why),
        }
    }
}

impl App {
    /// Believes the signature that a client made with one of its registered keys, and nothing else of the token.
    pub(crate) async fn verify_of_client(
        &self,
        client: &Client,
        token: &str,
        header: &Header,
    ) -> Result<Map<String, Value>, Disbelief> {
        if let Some(set) = &client.metadata.jwks {
            let keys = PublicKeys::parse(set).map_err(|why| Disbelief::NoKeys(why.to_string()))?;
            return keys.verify(token, header).map_err(Disbelief::Token);
        }
        let Some(uri) = &client.metadata.jwks_uri else {
            return Err(Disbelief::NoKeys("the client has registered no keys".into()));
        };
        let keys = self.keys_at(client.id, uri, FRESH).await?;
        match keys.verify(token, header) {
            // Perhaps a new key: the list may be newer than what is held.
            Err(ForeignError::Key) => {
                self.keys_at(client.id, uri, PAUSE).await?.verify(token, header).map_err(Disbelief::Token)
            }
            outcome => outcome.map_err(Disbelief::Token),
        }
    }

    /// Whether a certificate is one that the client registered. A new one is looked for as a new key is.
    pub(super) async fn has_registered(&self, client: &Client, certificate: &[u8]) -> Result<bool, Disbelief> {
        let name = certificate::thumbprint(certificate);
        if let Some(set) = &client.metadata.jwks {
            let keys = PublicKeys::parse(set).map_err(|why| Disbelief::NoKeys(why.to_string()))?;
            return Ok(keys.has_certificate(&name));
        }
        let Some(uri) = &client.metadata.jwks_uri else {
            return Err(Disbelief::NoKeys("the client has registered no keys".into()));
        };
        Ok(self.keys_at(client.id, uri, FRESH).await?.has_certificate(&name)
            || self.keys_at(client.id, uri, PAUSE).await?.has_certificate(&name))
    }

    /// The key under which a client wants to be answered.
    pub(super) async fn encryption_key_of(&self, client: &Client) -> Result<EncryptionKey, Disbelief> {
        let keys = match (&client.metadata.jwks, &client.metadata.jwks_uri) {
            (Some(set), _) => Arc::new(PublicKeys::parse(set).map_err(|why| Disbelief::NoneFits(why.to_string()))?),
            (None, Some(uri)) => self.keys_at(client.id, uri, FRESH).await?,
            (None, None) => return Err(Disbelief::NoneFits("the client has registered no keys".into())),
        };
        if let Some(key) = keys.encryption() {
            return Ok(key.clone());
        }
        // Perhaps it was added since.
        let newer = match (&client.metadata.jwks, &client.metadata.jwks_uri) {
            (None, Some(uri)) => self.keys_at(client.id, uri, PAUSE).await?.encryption().cloned(),
            _ => None,
        };
        newer.ok_or_else(|| Disbelief::NoneFits("the client has no key for encryption".into()))
    }

    /// The list at an address of a client, at most so old where it can be had.
    async fn keys_at(&self, client: ClientId, uri: &str, age: Duration) -> Result<Arc<PublicKeys>, Disbelief> {
        let shelf = self.client_keys.shelf(client);
        let held = shelf.of(uri);
        let call = match shelf.call.try_lock() {
            Ok(call) => Some(call),
            // Somebody asks already, and what is held is still good for what was known when it was fetched.
            Err(_) if age == FRESH && held.usable(self.now()).is_ok() => None,
            Err(_) => tokio::time::timeout(PATIENCE, shelf.call.lock()).await.ok(),
        };
        if call.is_some() && shelf.of(uri).is_due(age, self.now()) {
            shelf.held().asked_at = Some(self.now());
            let fetched = self.fetch_keys(uri).await;
            let now = self.now();
            let mut held = shelf.held();
            // The pause begins when the call ends, however long it took.
            held.asked_at = Some(now);
            if let Err(why) = &fetched {
                tracing::warn!(%why, "the keys of a client could not be fetched");
            }
            match fetched {
                _ if held.uri != uri => {}
                Ok(keys) => {
                    held.keys = Some(Arc::new(keys));
                    held.fetched_at = Some(now);
                    held.unreadable = false;
                }
                Err(why) => held.unreadable = matches!(why, Disbelief::NoneFits(_)),
            }
        }
        shelf.of(uri).usable(self.now())
    }

    async fn fetch_keys(&self, uri: &str) -> Result<PublicKeys, Disbelief> {
        // A page of somebody's proxy is no word of the client's: it passes, and whoever waits meanwhile should go on waiting.
        let set: Value = self.outbound.get_json(uri).await.map_err(|why| Disbelief::NoKeys(why.to_string()))?;
        PublicKeys::parse(&set).map_err(|why| Disbelief::NoneFits(why.to_string()))
    }

    /// Looks at keys that are registered by value (RFC 7591, 2): they can do what is registered beside them, or nobody would
    /// know before the first sign-in fails.
    pub(crate) fn check_jwks(metadata: &ClientMetadata) -> Result<(), Error> {
        let Some(set) = &metadata.jwks else { return Ok(()) };
        let invalid = |why: &'static str| Error::from(ProtocolError::new(Code::InvalidClientMetadata, why));
        let keys = PublicKeys::parse(set).map_err(|why| Error {
            internal: format!("jwks: {why}"),
            ..invalid("jwks holds no usable public key, or a private one")
        })?;
        if metadata.is_answered_encrypted() && keys.encryption().is_none() {
            return Err(invalid("encrypted answers need an EC P-256 key in jwks with use enc, or with alg ECDH-ES"));
        }
        if metadata.signs_with().into_iter().any(|alg| !keys.can_sign(alg)) {
            return Err(invalid("jwks holds no key for an algorithm that the client is to sign with"));
        }
        let own = metadata.token_endpoint_auth_method == AuthMethod::SelfSignedTlsClientAuth;
        if own && !keys.has_certificates() {
            return Err(invalid("self_signed_tls_client_auth needs a key in jwks with its certificate (x5c)"));
        }
        Ok(())
    }

    /// The secret itself, where the registered algorithm needs its value (R14).
    pub(crate) fn secret_of_client(&self, client: &Client) -> Result<Option<SecretString>, Error> {
        let sealed = client.secret_sealed.as_deref();
        sealed.map(|sealed| self.open_client_secret(client.id, sealed)).transpose()
    }

    /// The one before it, while it is good.
    pub(super) fn old_secret_of(&self, client: &Client, now: Timestamp) -> Result<Option<SecretString>, Error> {
        let old = client.old_secret.as_ref().filter(|old| now < old.until);
        let sealed = old.and_then(|old| old.sealed.as_deref());
        sealed.map(|sealed| self.open_client_secret(client.id, sealed)).transpose()
    }

    fn open_client_secret(&self, client: ClientId, sealed: &[u8]) -> Result<SecretString, Error> {
        let sealed = std::str::from_utf8(sealed).map_err(Error::internal)?;
        let plain = self.sealer.open_state(SECRET_SEAL, client.0.as_bytes(), sealed)?;
        Ok(String::from_utf8(plain).map_err(|_| Error::internal("a sealed secret is no text"))?.into())
    }

    /// Seals a secret for [`App::secret_of_client`].
    pub(crate) fn seal_client_secret(&self, client: ClientId, secret: &str) -> Result<Vec<u8>, Error> {
        let sealed = self.sealer.seal_state(SECRET_SEAL, client.0.as_bytes(), secret.as_bytes(), &*self.random)?;
        Ok(sealed.into_bytes())
    }
}

const SECRET_SEAL: &str = "client secret";
