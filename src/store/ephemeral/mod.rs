//! Short-lived keys: authorization codes, pushed requests, replay guards, throttle counters. Nothing here
//! carries a promise longer than minutes (those are rows in [`super::db`]), so losing all of it costs a
//! started sign-in and never a signed-out user.
//!
//! Two backends with one meaning, proven by one conformance suite (`tests/it/ephemeral.rs`): this process's
//! memory, and Redis or Valkey for several replicas. Single use is a verb here and nowhere else:
//! [`Ephemeral::redeem`] (ruling R3).
//!
//! Keys reach a server that other people may administer: callers pass digests, never a code, a login or a
//! number in the clear (ruling R7).

mod memory;
mod redis;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use uuid::Uuid;

use crate::domain::auth::throttle;
use crate::domain::time::{Clock, Timestamp};

/// How many different members [`Ephemeral::count_distinct`] tells apart; from there on the count stands
/// still. Above the last step of the delay in [`crate::domain::auth::throttle`], and it bounds the memory
/// that one key can take.
pub const DISTINCT_LIMIT: u64 = 1024;

const _: () = assert!(DISTINCT_LIMIT > throttle::LAST_STEP, "the last step of the delay must be reachable");

const EACH_ITS_OWN: &str = "memory: beside PostgreSQL: with a second replica every proof and assertion counts once at each, and failures are counted apart; \
     set MINGJI_EPHEMERAL_URL to a Redis or Valkey that all of them use";

/// What a key is about. Closed, so that two uses cannot collide and each has its own share of memory:
/// strangers who type names at the sign-in page fill the counters, not the room for codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Authorization codes (RFC 6749, 4.1.2).
    Code,
    /// Pushed authorization requests (RFC 9126) of clients that proved themselves.
    PushedRequest,
    /// Those of public clients, in whose name anybody can push.
    PushedByAnybody,
    /// Pushed requests that were answered: none is answered twice.
    AnsweredRequest,
    /// `jti` of assertions that were seen (RFC 7523, 3).
    Replay,
    /// `jti` of proofs that were seen (RFC 9449, 11.1), of clients that proved themselves or beside a good token.
    Proof,
    /// Those that came in the name of public clients, before anything else of the request was believed.
    ProofByAnybody,
    /// Failures of one login, from browsers that never signed in to it (ruling R17).
    StrangerFailures,
    /// Failures of one login, from a browser that signed in to it before.
    DeviceFailures,
    /// Different failing logins of one network.
    NetworkFailures,
    /// Forms that a foreign site posted, until our own GET fetches them (ruling R12).
    Parked,
    /// How much strangers left in this minute, by network and in all.
    Room,
    /// Registrations of strangers, by network.
    Registrations,
    /// Questions of one client, to one person or from one network.
    Questions,
    /// User codes that one person typed (RFC 8628, 5.1).
    CodeTries,
    /// When a client last asked what became of its question (RFC 8628, 3.5).
    Poll,
    /// What one administrator was refused in this hour, by operation.
    Refusals,
}

impl Space {
    /// Every space.
    pub const ALL: [Self; 17] = [
        Self::Code,
        Self::PushedRequest,
        Self::PushedByAnybody,
        Self::AnsweredRequest,
        Self::Replay,
        Self::Proof,
        Self::ProofByAnybody,
        Self::StrangerFailures,
        Self::DeviceFailures,
        Self::NetworkFailures,
        Self::Parked,
        Self::Room,
        Self::Registrations,
        Self::Questions,
        Self::CodeTries,
        Self::Poll,
        Self::Refusals,
    ];

    fn prefix(self) -> &'static str {
        match self {
            Self::Code => "c",
            Self::PushedRequest => "p",
            Self::PushedByAnybody => "pa",
            Self::AnsweredRequest => "an",
            Self::Replay => "r",
            Self::Proof => "dp",
            Self::ProofByAnybody => "da",
            Self::StrangerFailures => "fs",
            Self::DeviceFailures => "fd",
            Self::NetworkFailures => "fn",
            Self::Parked => "k",
            Self::Room => "rm",
            Self::Registrations => "rg",
            Self::Questions => "q",
            Self::CodeTries => "qt",
            Self::Poll => "qp",
            Self::Refusals => "rf",
        }
    }

    /// Whether the entry that ends soonest may go when memory is full. Where anybody can add entries it may:
    /// forgetting a counter is a few more guesses, forgetting a parked form or a pushed request one more click (its
    /// name is never given out again, so one that was used and forgotten is as good as used). A code or a replay
    /// guard may not: forgetting one would let something be used twice.
    fn may_forget(self) -> bool {
        match self {
            Self::StrangerFailures
            | Self::DeviceFailures
            | Self::NetworkFailures
            | Self::Parked
            | Self::Room
            | Self::Registrations
            | Self::PushedRequest
            | Self::PushedByAnybody
            | Self::Questions
            | Self::CodeTries
            | Self::Poll
            | Self::Refusals => true,
            Self::Code | Self::AnsweredRequest | Self::Replay | Self::Proof | Self::ProofByAnybody => false,
        }
    }
}

/// What became of a key that may be used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The first use: the value, and the grant that was chosen before the key was given out.
    First {
        /// Names what the key leads to.
        grant: Uuid,
        /// What was offered.
        value: Vec<u8>,
    },
    /// It was used before: this grant is to be revoked (RFC 6749, 4.1.2), even when the first use has not
    /// committed yet.
    Again(Uuid),
    /// Never offered, expired, or forgotten.
    Unknown,
}

/// A counter and how long until it starts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How often it was raised.
    pub count: u64,
    /// Until its window ends.
    pub left: Duration,
}

/// Why the store did not answer. The texts hold neither keys nor values nor the address of the server.
#[derive(Debug, thiserror::Error)]
pub enum EphemeralError {
    /// The setting is not one of the forms that [`Ephemeral::connect`] names.
    #[error("MINGJI_EPHEMERAL_URL: {0}; use memory:, redis://, rediss://, redis+cluster:// or rediss+cluster://")]
    Url(&'static str),
    /// The server did not answer in time.
    #[error("the ephemeral store did not answer in time")]
    Timeout,
    /// The server refused or the connection failed.
    #[error("the ephemeral store failed: {0}")]
    Server(String),
    /// The share of memory of this space is full of entries that must not be forgotten.
    #[error("the ephemeral store has no room left for {0:?}")]
    Full(Space),
    /// The server holds bytes that this program did not write.
    #[error("the ephemeral store holds something else under this key")]
    Foreign,
}

impl EphemeralError {
    /// The kinds that a running store fails with, in the order of [`Ephemeral::failures`].
    const KINDS: [&'static str; 4] = ["timeout", "server", "full", "foreign"];

    /// Its place among [`Self::KINDS`]; none for a setting that was wrong before there was a store.
    fn place(&self) -> Option<usize> {
        match self {
            Self::Timeout => Some(0),
            Self::Server(_) => Some(1),
            Self::Full(_) => Some(2),
            Self::Foreign => Some(3),
            Self::Url(_) => None,
        }
    }
}

/// The store, on one of its two backends.
pub struct Ephemeral {
    backend: Backend,
    failures: [AtomicU64; EphemeralError::KINDS.len()],
}

enum Backend {
    Memory(Box<memory::Memory>),
    Redis(redis::Redis),
}

/// Calls the same method on whichever backend there is and counts its failures; memory answers at once, Redis is awaited.
macro_rules! either {
    ($self:ident.$method:ident($($argument:expr),*)) => {{
        let answer = match &$self.backend {
            Backend::Memory(memory) => memory.$method($($argument),*),
            Backend::Redis(redis) => redis.$method($($argument),*).await,
        };
        answer.inspect_err(|error| $self.count(error))
    }};
}

impl Ephemeral {
    /// Opens the store behind a URL and asks it once, for at most five seconds:
    ///
    /// * `memory:`: this process; `clock` decides what has expired.
    /// * `redis://[user:password@]host:port[/db]`, or `rediss://…` for TLS: Redis or Valkey.
    /// * `redis+cluster://[user:password@]host:port[?addr=host:port&addr=…]`, or `rediss+cluster://…`: a cluster, by
    ///   one or more of its nodes.
    ///
    /// # Errors
    /// [`EphemeralError::Url`] for another form; else what the server said.
    pub async fn connect(url: &str, clock: Arc<dyn Clock>) -> Result<Self, EphemeralError> {
        if url == "memory:" {
            return Ok(Self::on(Backend::Memory(Box::new(memory::Memory::new(clock)))));
        }
        Ok(Self::on(Backend::Redis(redis::Redis::connect(url).await?)))
    }

    fn on(backend: Backend) -> Self {
        Self { backend, failures: Default::default() }
    }

    fn count(&self, error: &EphemeralError) {
        if let Some(failures) = error.place().and_then(|place| self.failures.get(place)) {
            failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many calls failed since the start, by kind.
    pub fn failures(&self) -> [(&'static str, u64); EphemeralError::KINDS.len()] {
        std::array::from_fn(|at| (EphemeralError::KINDS[at], self.failures[at].load(Ordering::Relaxed)))
    }

    /// Since when this store remembers: its own memory since the start of this process, a server since it first held
    /// something of ours, or lost it. Proofs and assertions issued before are to be refused, for nobody knows whether they were
    /// used (ruling R3).
    pub fn since(&self) -> Timestamp {
        match &self.backend {
            Backend::Memory(memory) => memory.since(),
            Backend::Redis(redis) => redis.since(),
        }
    }

    /// Whether it is this process's own memory.
    pub fn is_own(&self) -> bool {
        matches!(self.backend, Backend::Memory(_))
    }

    /// Why a guard may be forgotten before its time, in words for whoever runs it; `alone` says that no other process serves
    /// from the same database.
    pub async fn risks(&self, alone: bool) -> Vec<&'static str> {
        match &self.backend {
            Backend::Memory(_) if alone => Vec::new(),
            Backend::Memory(_) => vec![EACH_ITS_OWN],
            Backend::Redis(redis) => redis.risks().await,
        }
    }

    /// Whether the store answers, and still holds what it was told.
    ///
    /// # Errors
    /// What the server said.
    pub async fn ping(&self) -> Result<(), EphemeralError> {
        match &self.backend {
            Backend::Memory(_) => Ok(()),
            Backend::Redis(redis) => redis.look().await.inspect_err(|error| self.count(error)),
        }
    }

    /// Stores a value for `ttl`, over what was there.
    ///
    /// # Errors
    /// The server's, or [`EphemeralError::Full`]; so for every verb below that stores.
    pub async fn put(&self, space: Space, key: &str, value: &[u8], ttl: Duration) -> Result<(), EphemeralError> {
        either!(self.put(space, key, value, ttl))
    }

    /// Stores a value unless the key has one; whether it did. The guard against replays.
    ///
    /// # Errors
    /// As [`Self::put`]; of a guard also when the server lost what it held, and [`Self::since`] says something else now.
    pub async fn put_if_absent(
        &self,
        space: Space,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, EphemeralError> {
        either!(self.put_if_absent(space, key, value, ttl))
    }

    /// The value stored by [`Self::put`] or [`Self::put_if_absent`].
    ///
    /// # Errors
    /// The server's.
    pub async fn get(&self, space: Space, key: &str) -> Result<Option<Vec<u8>>, EphemeralError> {
        either!(self.get(space, key))
    }

    /// Forgets everything under a key: value, offer, counter and members.
    ///
    /// # Errors
    /// The server's.
    pub async fn remove(&self, space: Space, key: &str) -> Result<(), EphemeralError> {
        either!(self.remove(space, key))
    }

    /// Raises a counter by one and returns it. Its window of `ttl` starts with the first raise and is not
    /// prolonged by later ones.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn incr(&self, space: Space, key: &str, ttl: Duration) -> Result<Tally, EphemeralError> {
        self.raise(space, key, 1, ttl).await
    }

    /// The same by more than one at a time.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn raise(&self, space: Space, key: &str, by: u64, ttl: Duration) -> Result<Tally, EphemeralError> {
        either!(self.raise(space, key, by, ttl))
    }

    /// Takes one raise of a counter back, within its window and never below zero; nothing is left of one that stands there.
    ///
    /// # Errors
    /// The server's.
    pub async fn refund(&self, space: Space, key: &str) -> Result<(), EphemeralError> {
        either!(self.refund(space, key))
    }

    /// Adds a member and returns how many different ones there are, up to [`DISTINCT_LIMIT`]. The window
    /// starts with the first member.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn count_distinct(
        &self,
        space: Space,
        key: &str,
        member: &str,
        ttl: Duration,
    ) -> Result<u64, EphemeralError> {
        either!(self.count_distinct(space, key, member, ttl))
    }

    /// How many different members there are, without adding one.
    ///
    /// # Errors
    /// The server's.
    pub async fn distinct(&self, space: Space, key: &str) -> Result<u64, EphemeralError> {
        either!(self.distinct(space, key))
    }

    /// Offers a value that can be redeemed once within `ttl`. `grant` names what the redemption will make; it
    /// is chosen before, so that a second redemption can name it whatever became of the first.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn offer(
        &self,
        space: Space,
        key: &str,
        grant: Uuid,
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), EphemeralError> {
        either!(self.offer(space, key, grant, value, ttl))
    }

    /// Takes an offered value: of any number of calls at once exactly one gets [`Redeemed::First`]. The grant
    /// id stays for `remember` (the life of what it gave), so that a replay is known as one. When the answer
    /// is lost with the connection, the call is repeated and says `Again`: the caller fails safely.
    ///
    /// # Errors
    /// The server's.
    pub async fn redeem(&self, space: Space, key: &str, remember: Duration) -> Result<Redeemed, EphemeralError> {
        either!(self.redeem(space, key, remember))
    }
}
