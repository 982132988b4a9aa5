//! The wire to PostgreSQL. A server may go without a word (power, a fence, a network that drops): nothing comes back then, and
//! the library would wait for ever and keep the connection's place in the pool. One that answers may be another one than
//! before: a standby that does not write, or a schema that a newer program changed under what is prepared.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnectionMetadata;

use super::StoreError;

/// For the answer to one message: much longer than anybody waits for a lock, and than any request lives.
pub(in crate::store) const ANSWER: Duration = Duration::from_secs(60);
/// So many times that for one that carries thousands of rows, or looks at as many.
const LONG: u32 = 5;
/// For a question whether somebody is there.
pub(super) const PING: Duration = Duration::from_secs(2);
/// Connections are opened anew so often at most, whatever fails.
const PAUSE: Duration = Duration::from_secs(1);

/// What all connections of a pool know of their server.
#[derive(Debug)]
pub struct Wire {
    /// How long an answer is waited for.
    patience: Duration,
    opened: Instant,
    /// Milliseconds after `opened`: connections from before are not used again.
    renewed: AtomicU64,
}

impl Wire {
    pub(super) fn new(patience: Duration) -> Arc<Self> {
        Arc::new(Self { patience, opened: Instant::now(), renewed: AtomicU64::new(0) })
    }

    /// The answer to one message, where it comes in time.
    ///
    /// # Errors
    /// Those of the exchange; [`StoreError::Unavailable`] when none came.
    pub(super) async fn answer<T>(
        &self,
        exchange: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.answer_within(self.patience, exchange).await
    }

    /// The same for a message of many rows.
    ///
    /// # Errors
    /// As [`Wire::answer`].
    pub(super) async fn long_answer<T>(
        &self,
        exchange: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.answer_within(self.patience * LONG, exchange).await
    }

    async fn answer_within<T>(
        &self,
        limit: Duration,
        exchange: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let answer = tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("no answer came".into())));
        if matches!(answer, Err(StoreError::Unavailable(_))) {
            self.renew();
        }
        answer
    }

    /// Lets no connection of before be used again.
    pub(super) fn renew(&self) {
        let now = self.at(Instant::now()).max(1);
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        let _ = self.renewed.fetch_update(Ordering::AcqRel, Ordering::Acquire, |before| {
            (before == 0 || now.saturating_sub(before) > pause).then_some(now)
        });
    }

    /// Whether a connection may be used again.
    pub(super) fn trusts(&self, connection: &PoolConnectionMetadata) -> bool {
        let Some(made) = Instant::now().checked_sub(connection.age) else { return false };
        let renewed = self.renewed.load(Ordering::Acquire);
        renewed == 0 || self.at(made) > renewed
    }

    fn at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX)
    }
}

/// A connection, or a transaction on one, with what is known of its server.
pub struct Over<C> {
    held: C,
    pub(super) wire: Arc<Wire>,
}

impl<C> Over<C> {
    pub(super) const fn new(held: C, wire: Arc<Wire>) -> Self {
        Self { held, wire }
    }

    pub(super) fn parts(self) -> (C, Arc<Wire>) {
        (self.held, self.wire)
    }
}

impl<C: Deref> Deref for Over<C> {
    type Target = C::Target;

    fn deref(&self) -> &C::Target {
        &self.held
    }
}

impl<C: DerefMut> DerefMut for Over<C> {
    fn deref_mut(&mut self) -> &mut C::Target {
        &mut self.held
    }
}
