//! The wire to PostgreSQL. A server may go without a word (power, a fence, a network that drops): nothing comes back then, and
//! the library would wait for ever and keep the connection's place in the pool. One that answers may be another one than
//! before: a standby that does not write, or a schema that a newer program changed under what is prepared.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::pool::{PoolConnection, PoolConnectionMetadata};
use sqlx::{PgConnection, Postgres};

use super::StoreError;

/// For the answer to one message while somebody waits: longer than anybody waits for a lock, and shorter than a request lives,
/// so that what it took is given back in time.
pub const REQUEST: Duration = Duration::from_secs(20);
/// The same where nobody does: commands of the operator look at whole tables.
pub const COMMAND: Duration = Duration::from_secs(600);
/// So many times that for what grows with the register.
const LONG: u32 = 15;
/// For a question whether somebody is there.
pub(super) const PING: Duration = Duration::from_secs(2);
/// For the way back, with the end of what was under way.
const BACK: Duration = Duration::from_secs(5);
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

    /// The answer to one message, where it comes in time. Of a connection on which none came, or whose server is not what it was,
    /// nothing is expected any more.
    ///
    /// # Errors
    /// Those of the exchange; [`StoreError::Unavailable`] when none came.
    async fn answer<T>(
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
    fn renew(&self) {
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

/// A connection, or a transaction on it. It goes back where it came from when it is dropped.
pub struct Held {
    /// There until it goes back.
    connection: Option<PoolConnection<Postgres>>,
    wire: Arc<Wire>,
    patience: Duration,
    /// A transaction that was neither committed nor rolled back.
    open: bool,
    failed: bool,
}

impl Held {
    pub(super) fn new(connection: PoolConnection<Postgres>, wire: Arc<Wire>) -> Self {
        let patience = wire.patience;
        Self { connection: Some(connection), wire, patience, open: false, failed: false }
    }

    /// Grants what grows with the register the time that it takes.
    pub(super) fn take_time(&mut self) {
        self.patience = self.wire.patience.saturating_mul(LONG);
    }

    /// The connection, and what watches over an exchange on it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it went back already.
    pub(super) fn parts(&mut self) -> Result<(&mut PgConnection, Watch<'_>), StoreError> {
        let watch = Watch { wire: &self.wire, patience: self.patience, failed: &mut self.failed };
        match &mut self.connection {
            Some(connection) => Ok((&mut **connection, watch)),
            None => Err(StoreError::Unavailable("the connection went back".into())),
        }
    }

    pub(super) async fn begin(&mut self) -> Result<(), StoreError> {
        // First: whoever is dropped meanwhile may have begun one.
        self.open = true;
        self.say("BEGIN").await
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.say("COMMIT").await?;
        self.open = false;
        Ok(())
    }

    async fn say(&mut self, what: &'static str) -> Result<(), StoreError> {
        let (connection, watch) = self.parts()?;
        let said = async { sqlx::raw_sql(what).execute(connection).await.map_err(StoreError::from_sqlx) };
        watch.answer(said).await.map(drop)
    }

    /// Says that the server is not one to go on with.
    pub(super) fn distrust(&mut self) {
        self.failed = true;
        self.wire.renew();
    }
}

/// Over one exchange.
pub(super) struct Watch<'a> {
    wire: &'a Wire,
    patience: Duration,
    failed: &'a mut bool,
}

impl Watch<'_> {
    /// For a message of many rows.
    pub(super) fn long(self) -> Self {
        Self { patience: self.patience.max(self.wire.patience.saturating_mul(LONG)), ..self }
    }

    /// What comes of it.
    ///
    /// # Errors
    /// Those of the exchange; [`StoreError::Unavailable`] when nothing came back.
    pub(super) async fn answer<T>(
        self,
        exchange: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let answer = self.wire.answer(self.patience, exchange).await;
        *self.failed |= matches!(answer, Err(StoreError::Unavailable(_)));
        answer
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let (open, failed) = (self.open, self.failed);
        // The library asks each one that comes back, and waits for the answer as long as it takes.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let rolled_back = match open {
                true => {
                    let end = sqlx::raw_sql("ROLLBACK").execute(&mut *connection);
                    tokio::time::timeout(BACK, end).await.is_ok_and(|done| done.is_ok())
                }
                false => true,
            };
            if failed || !rolled_back {
                connection.close_on_drop();
                return;
            }
            let _late = tokio::time::timeout(BACK, connection.return_to_pool()).await;
        });
    }
}
