//! The wire to PostgreSQL. A server may go without a word (power, a fence, a network that drops): nothing comes back then, and
//! the library would wait for ever and keep the connection's place in the pool. One that answers may be another one than
//! before: a standby that does not write, or a schema that a newer program changed under what is prepared.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, SqlSafeStr};

use super::StoreError;

/// For the answer to one message while somebody waits: longer than anybody waits for a lock, and shorter than a request lives,
/// so that what it took is given back in time.
pub const REQUEST: Duration = Duration::from_secs(20);
/// The same where nobody does: commands of the operator look at whole tables.
pub const COMMAND: Duration = Duration::from_secs(600);
/// So many times that for what grows with the register.
const LONG: u32 = 15;
/// For what many ask in one message, each of whom can ask alone as well: that has to fit into what is left of a request.
const TOGETHER: Duration = Duration::from_secs(5);
/// For a connection of one's own, with the wait for one that somebody else has.
const ACQUIRE: Duration = Duration::from_secs(10);
/// The same where there is another way.
const SOON: Duration = Duration::from_secs(1);
/// For a question whether somebody is there.
const PING: Duration = Duration::from_secs(2);
/// A connection that was at work so lately is taken to live: asking the server costs as much as a statement.
const FRESH: Duration = Duration::from_secs(1);
/// No connection is older: what a server keeps for each grows, and a name may lead elsewhere by now.
const LIFE: Duration = Duration::from_secs(1800);
/// Nor is one kept that nobody needed for so long: what a rush opened is given back.
const IDLE: Duration = Duration::from_secs(600);
/// Between two tries to reach a server that begins.
const BEGINS: Duration = Duration::from_millis(100);
/// For the way back, with the end of what was under way.
const BACK: Duration = Duration::from_secs(5);
/// Connections are opened anew so often at most, whatever fails.
const PAUSE: Duration = Duration::from_secs(1);

/// What all connections to a server know of it, whichever pool they are of: what one found out keeps the others from asking
/// a server that is not what it was.
#[derive(Debug)]
pub struct Wire {
    opened: Instant,
    /// Milliseconds after `opened`: connections from before are not used again.
    renewed: AtomicU64,
    /// Nor those from before this, when the pause is over.
    asked: AtomicU64,
}

impl Wire {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { opened: Instant::now(), renewed: AtomicU64::new(0), asked: AtomicU64::new(0) })
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

    /// Lets no connection of before be used again. Where that was done a moment ago, it is done once more when the pause is over:
    /// some were made since, and may lead where those of before did.
    fn renew(&self) {
        self.asked.fetch_max(self.at(Instant::now()).max(1), Ordering::AcqRel);
    }

    /// Whether a connection of this age may be used again.
    fn trusts(&self, age: Duration) -> bool {
        let now = Instant::now();
        let Some(made) = now.checked_sub(age) else { return false };
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        let (asked, mut renewed) = (self.asked.load(Ordering::Acquire), self.renewed.load(Ordering::Acquire));
        if asked > renewed && (renewed == 0 || self.at(now).saturating_sub(renewed) > pause) {
            self.renewed.fetch_max(asked, Ordering::AcqRel);
            renewed = asked;
        }
        renewed == 0 || self.at(made) > renewed
    }

    fn at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Where connections come from. What opens them and looks at those that came back is ours; sqlx's own pool asks the server
/// once more each time that one comes back.
pub struct Server {
    options: PgConnectOptions,
    wire: Arc<Wire>,
    waits: Waits,
}

/// How long the users of a pool wait.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For the answer to one message.
    answer: Duration,
    /// For a connection.
    connection: Duration,
}

impl Waits {
    /// Of those who have no other way.
    pub(super) fn alone(answer: Duration) -> Self {
        Self { answer, connection: ACQUIRE }
    }

    /// Of those who can ask alone after it.
    pub(super) fn together(answer: Duration) -> Self {
        Self { answer: answer.min(TOGETHER), connection: SOON }
    }
}

pub(super) type Pool = managed::Pool<Server>;

impl Server {
    pub(super) fn pool(
        options: PgConnectOptions,
        wire: &Arc<Wire>,
        most: u32,
        waits: Waits,
    ) -> Result<Pool, StoreError> {
        let server = Self { options, wire: Arc::clone(wire), waits };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let pool = Pool::builder(server).max_size(most).queue_mode(managed::QueueMode::Lifo).build();
        pool.map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}

impl managed::Manager for Server {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect_with(&self.options).await
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        let age = metrics.age();
        if age > LIFE || !self.wire.trusts(age) {
            return Err(RecycleError::message("not one to go on with"));
        }
        if metrics.last_used() > FRESH {
            let Ok(answer) = tokio::time::timeout(PING, connection.ping()).await else {
                // The others of before would not answer either, and each would be waited for.
                self.wire.renew();
                return Err(RecycleError::message("no answer came"));
            };
            answer?;
        }
        Ok(())
    }
}

/// Whether a server is only just beginning, or has its hands full for a moment (PostgreSQL, appendix A).
fn begins(why: &sqlx::Error) -> bool {
    match why {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(fault) => fault.code().is_some_and(|code| code == "57P03" || code == "53300"),
        _ => false,
    }
}

/// A connection out of those that there may be. A server that gives no more of them for a moment is asked again, and so is
/// whoever brought one back meanwhile.
///
/// # Errors
/// Why there was none at last; [`sqlx::Error::PoolTimedOut`] when all were at work.
pub(super) async fn acquire(pool: &Pool) -> Result<Object<Server>, sqlx::Error> {
    let until = tokio::time::Instant::now() + pool.manager().waits.connection;
    let mut refused = None;
    loop {
        match tokio::time::timeout_at(until, pool.get()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(PoolError::Backend(why))) if begins(&why) => refused = Some(why),
            Ok(Err(PoolError::Backend(why))) => return Err(why),
            Ok(Err(PoolError::Closed)) => return Err(sqlx::Error::PoolClosed),
            Ok(Err(_)) | Err(_) => return Err(refused.unwrap_or(sqlx::Error::PoolTimedOut)),
        }
        tokio::time::sleep_until(until.min(tokio::time::Instant::now() + BEGINS)).await;
    }
}

/// Closes the connections that nobody needed lately, and those that are not used again.
pub(super) fn tend(pool: &Pool) {
    let wire = &pool.manager().wire;
    pool.retain(|_, metrics| metrics.last_used() < IDLE && metrics.age() < LIFE && wire.trusts(metrics.age()));
}

/// Closes them all, when whoever is at work has done.
pub(super) async fn close(pool: &Pool) {
    pool.close();
    while pool.status().size > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A connection, or a transaction on it. It goes back where it came from when it is dropped.
pub struct Held {
    /// There until it goes back.
    connection: Option<Object<Server>>,
    wire: Arc<Wire>,
    /// How long an answer is waited for where nothing else is said.
    usual: Duration,
    patience: Duration,
    /// A transaction that was neither committed nor rolled back.
    open: bool,
    /// A message whose answer nobody waited for to its end.
    under_way: bool,
    failed: bool,
}

impl Held {
    /// One of a pool.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when none came free in time.
    pub(super) async fn of(pool: &Pool) -> Result<Self, StoreError> {
        let wire = Arc::clone(&pool.manager().wire);
        let connection = acquire(pool).await.map_err(StoreError::from_sqlx)?;
        let usual = pool.manager().waits.answer;
        let connection = Some(connection);
        Ok(Self { connection, wire, usual, patience: usual, open: false, under_way: false, failed: false })
    }

    /// Grants what grows with the register the time that it takes.
    pub(super) fn take_time(&mut self) {
        self.patience = self.usual.saturating_mul(LONG);
    }

    /// The connection, and what watches over an exchange on it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it went back already.
    pub(super) fn parts(&mut self) -> Result<(&mut PgConnection, Watch<'_>), StoreError> {
        let watch = Watch {
            wire: &self.wire,
            usual: self.usual,
            patience: self.patience,
            under_way: &mut self.under_way,
            failed: &mut self.failed,
        };
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

    /// A text without values, and without rows.
    ///
    /// # Errors
    /// As [`Watch::answer`].
    pub(super) async fn say(&mut self, what: impl SqlSafeStr) -> Result<(), StoreError> {
        let (connection, watch) = self.parts()?;
        let said = async { sqlx::raw_sql(what).execute(connection).await.map_err(StoreError::from_sqlx) };
        watch.answer(said).await.map(drop)
    }

    /// Whether nothing is expected of this connection any more.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Says that nobody is to have this connection next: it ends with whoever has it.
    pub(super) fn keep(&mut self) {
        self.failed = true;
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
    usual: Duration,
    patience: Duration,
    under_way: &'a mut bool,
    failed: &'a mut bool,
}

impl Watch<'_> {
    /// For a message of many rows.
    pub(super) fn long(self) -> Self {
        Self { patience: self.patience.max(self.usual.saturating_mul(LONG)), ..self }
    }

    /// What comes of it.
    ///
    /// # Errors
    /// Those of the exchange; [`StoreError::Unavailable`] when nothing came back.
    pub(super) async fn answer<T>(
        self,
        exchange: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        *self.under_way = true;
        let answer = self.wire.answer(self.patience, exchange).await;
        *self.under_way = false;
        *self.failed |= matches!(answer, Err(StoreError::Unavailable(_)));
        answer
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.failed {
            drop(Object::take(connection));
            return;
        }
        if !self.open && !self.under_way {
            return;
        }
        // Nobody else gets it before the server has done with what it was asked.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            drop(Object::take(connection));
            return;
        };
        let open = self.open;
        runtime.spawn(async move {
            let end = async {
                match open {
                    true => sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.map(drop),
                    false => connection.ping().await,
                }
            };
            if !tokio::time::timeout(BACK, end).await.is_ok_and(|done| done.is_ok()) {
                drop(Object::take(connection));
            }
        });
    }
}
