//! The engine: one SQL text for SQLite (embedded) and PostgreSQL (cluster).
//!
//! [`Db`] opens transactions, [`Tx`] runs [`Statement`]s with a closed set of bindable [`Value`]s and
//! gives [`Row`]s back. What the engines do differently (locks, taking one job, isolation) hides behind
//! verbs here; no other file names an engine.

mod batch;
mod bind;
mod bulk;
pub mod error;
mod migrate;
mod queue;
mod row;
mod statement;
mod together;
mod turnstile;
mod tx;
mod value;
mod watch;
mod wire;

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlSafeStr as _, Transaction};

pub use batch::{Gather, Guarded, Lane};
pub use error::StoreError;
pub use migrate::Applied;
pub use row::{Column, FromRow, Row};
pub use statement::Statement;
pub(crate) use statement::{args, statements};
pub use together::Change;
pub use tx::{Lock, Tx};
pub use value::Value;
pub use watch::Noted;
pub use wire::{COMMAND, REQUEST};
use wire::{Held, Pool, Server, Waits, Wire};

/// Which engine answers. Only for reports to people (`doctor`, logs) and for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded default.
    Sqlite,
    /// For clusters.
    Postgres,
}

/// An open database.
#[derive(Clone)]
pub struct Db(Inner);

#[derive(Clone)]
enum Inner {
    /// One writer, so that `BEGIN IMMEDIATE` queues here and not in SQLite's busy loop; many readers.
    Lite { write: SqlitePool, read: SqlitePool, turnstile: turnstile::Turnstile },
    /// What many ask at one moment has connections of its own.
    Pg { pool: Pool, together: Pool },
}

/// The connections of a pool at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// SQLite has a pool for its one writer and one for `read`ers, PostgreSQL one that is `shared` and one for what many ask
    /// `together`.
    pub pool: &'static str,
    /// At work, or held by somebody who is about to put them to work.
    pub busy: usize,
    /// Open and free.
    pub idle: usize,
    /// So many may be open.
    pub most: usize,
}

impl Occupancy {
    fn of_sqlite(name: &'static str, pool: &SqlitePool) -> Self {
        let count = |many: u32| usize::try_from(many).unwrap_or(usize::MAX);
        let (open, idle) = (count(pool.size()), pool.num_idle());
        // The two are read one after the other.
        Self { pool: name, busy: open.saturating_sub(idle), idle, most: count(pool.options().get_max_connections()) }
    }

    fn of_postgres(name: &'static str, pool: &Pool) -> Self {
        let status = pool.status();
        let busy = status.size.saturating_sub(status.available);
        Self { pool: name, busy, idle: status.available, most: status.max_size }
    }
}

const BUSY: Duration = Duration::from_secs(10);
const ACQUIRE: Duration = Duration::from_secs(10);
/// To PostgreSQL, where nobody says otherwise.
const CONNECTIONS: u32 = 32;
/// Of fewer connections none is set apart for what many ask together: the others would wait for each other.
const APART: u32 = 8;
/// More than the number of statements in the program: nothing is ever prepared twice on a connection.
const STATEMENT_CACHE: usize = 512;

/// The tables that are twice as large as the planner knows. Sizes are those of now; what the server counts of changes comes
/// later.
const GROWN: &str =
    "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
    AND pg_relation_size(oid) > 2 * relpages::bigint * current_setting('block_size')::bigint ORDER BY 1";

impl Db {
    /// Opens `sqlite://path` (created where missing) or `postgres://…`. Does not migrate.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the address is malformed or the server does not answer.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, CONNECTIONS, COMMAND).await
    }

    /// The same, with so many connections to PostgreSQL at most, each of whose answers is waited for so long.
    ///
    /// # Errors
    /// As [`Db::connect`].
    pub async fn connect_with(url: &str, most: u32, patience: Duration) -> Result<Self, StoreError> {
        match url.starts_with("sqlite:") {
            true => Self::open_sqlite(url).await,
            false => Self::open_postgres(url, most, patience).await,
        }
    }

    async fn open_sqlite(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(StoreError::open)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit that was answered must survive a power cut (R15).
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .statement_cache_capacity(STATEMENT_CACHE)
            // Never analysed: without statistics SQLite takes every table for a large one and goes by the indexes. Those of a
            // small register would have the import of a large one read whole tables for every batch.
            // What a statement of many rows could have to undo would go through a file, page by page.
            .pragma("temp_store", "MEMORY")
            // Bytes: an import lets the journal grow, and nobody needs it that large afterwards.
            .pragma("journal_size_limit", "67108864")
            .disable_statement_logging();
        keep_private(options.get_filename())?;
        // Who only reads waits for nobody, and leaves no file behind.
        let turnstile = if url.split(['?', '&']).any(|part| part == "mode=ro") {
            turnstile::Turnstile::default()
        } else {
            turnstile::Turnstile::beside(options.get_filename())?
        };
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await
            .map_err(StoreError::open)?;
        let read = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(ACQUIRE)
            // A file does not hang up.
            .test_before_acquire(false)
            .connect_with(options.read_only(true))
            .await
            .map_err(StoreError::open)?;
        Ok(Self(Inner::Lite { write, read, turnstile }))
    }

    /// The same of PostgreSQL, where no answer is waited for longer.
    pub(in crate::store) async fn open_postgres(url: &str, most: u32, patience: Duration) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(StoreError::open)?
            .application_name("mingji")
            .statement_cache_capacity(STATEMENT_CACHE)
            .options([
                ("synchronous_commit", "on"),
                ("lock_timeout", "10s"),
                ("idle_in_transaction_session_timeout", "60s"),
            ])
            .disable_statement_logging();
        let (wire, alone) = (Wire::new(), Waits::alone(patience));
        let few = most / APART;
        let pool = Server::pool(options.clone(), &wire, most.saturating_sub(few).max(1), alone)?;
        // Out of the same number. Planning what is asked for an array would cost more than asking, and a plan for any array is as
        // good: row by row, by indexes.
        let planned = options.options([("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off")]);
        let together = match few {
            0 => pool.clone(),
            few => Server::pool(planned, &wire, few, Waits::together(patience))?,
        };
        // Whoever starts hears at once that nobody is there.
        drop(wire::acquire(&pool).await.map_err(StoreError::open)?);
        Ok(Self(Inner::Pg { pool, together }))
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self.0 {
            Inner::Lite { .. } => Engine::Sqlite,
            Inner::Pg { .. } => Engine::Postgres,
        }
    }

    /// Opens a transaction that writes. Dropped without [`Tx::commit`], it rolls back.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when no connection came free in time.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        match &self.0 {
            Inner::Lite { write, turnstile, .. } => {
                let _waiting = turnstile.wait();
                let connection = write.acquire().await.map_err(StoreError::from_sqlx)?;
                let _next = turnstile.pass(BUSY).await?;
                let begun = Transaction::begin(connection, Some("BEGIN IMMEDIATE".into_sql_str())).await;
                Ok(Tx::Lite(begun.map_err(StoreError::from_sqlx)?, None))
            }
            Inner::Pg { pool, .. } => {
                let mut held = Held::of(pool).await?;
                held.begin().await?;
                Ok(Tx::Pg(held, None))
            }
        }
    }

    /// A connection for reading: each statement sees what was committed before it. On SQLite it cannot write.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when no connection came free in time.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        match &self.0 {
            Inner::Lite { read, .. } => Ok(Tx::LiteRead(read.acquire().await.map_err(StoreError::from_sqlx)?)),
            Inner::Pg { pool, .. } => Ok(Tx::PgRead(Held::of(pool).await?)),
        }
    }

    /// The same for what many ask at one moment.
    async fn read_together(&self) -> Result<Tx, StoreError> {
        match &self.0 {
            Inner::Lite { .. } => self.read().await,
            Inner::Pg { together, .. } => Ok(Tx::PgRead(Held::of(together).await?)),
        }
    }

    /// Has the planner look at the tables that are twice as large as when it last did, or were never looked at. PostgreSQL
    /// does so by itself, a minute later; SQLite is never analysed and goes by the indexes.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn learn(&self) -> Result<(), StoreError> {
        match &self.0 {
            Inner::Lite { .. } => Ok(()),
            Inner::Pg { pool, .. } => {
                let mut held = Held::of(pool).await?;
                held.take_time();
                let (connection, watch) = held.parts()?;
                let grown = sqlx::query_scalar(GROWN).fetch_all(connection);
                let grown: Vec<String> = watch.answer(async { grown.await.map_err(StoreError::from_sqlx) }).await?;
                if grown.is_empty() {
                    return Ok(());
                }
                // Whoever goes away in the middle leaves the setting on it.
                held.keep();
                // Outside a transaction, so that each table is let go at once; a tenth of the usual sample tells an empty
                // table from a large one.
                held.say("SET default_statistics_target = 10").await?;
                held.say(sqlx::AssertSqlSafe(format!("ANALYZE {}", grown.join(", ")))).await?;
                Ok(())
            }
        }
    }

    /// Gives back what a rush opened and nobody needs any more.
    pub fn tend(&self) {
        if let Inner::Pg { pool, together } = &self.0 {
            wire::tend(pool);
            wire::tend(together);
        }
    }

    /// Whether somebody waits for SQLite's one writer: long work that takes it again and again then stands back (R15).
    /// PostgreSQL has a writer for everyone.
    pub fn is_awaited(&self) -> bool {
        match &self.0 {
            Inner::Lite { turnstile, .. } => turnstile.is_awaited(),
            Inner::Pg { .. } => false,
        }
    }

    /// How busy the connections are now. Waits for nothing.
    pub fn occupancy(&self) -> Vec<Occupancy> {
        match &self.0 {
            Inner::Lite { write, read, .. } => {
                vec![Occupancy::of_sqlite("write", write), Occupancy::of_sqlite("read", read)]
            }
            Inner::Pg { pool, together } => {
                vec![Occupancy::of_postgres("shared", pool), Occupancy::of_postgres("together", together)]
            }
        }
    }

    /// Closes all connections; running transactions are waited for.
    pub async fn close(&self) {
        match &self.0 {
            Inner::Lite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Inner::Pg { pool, together } => {
                wire::close(together).await;
                wire::close(pool).await;
            }
        }
    }
}

/// Makes a new database file that only its owner reads (SQLite gives its journal the same rights), in a folder that is
/// made where missing. What is there already keeps the rights that its operator gave it.
fn keep_private(file: &Path) -> Result<(), StoreError> {
    let unavailable = |path: &Path, e: std::io::Error| StoreError::Unavailable(format!("{}: {e}", path.display()));
    if let Some(folder) = file.parent().filter(|folder| *folder != Path::new("")) {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|e| unavailable(folder, e))?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(unavailable(file, e)),
        _ => Ok(()),
    }
}
