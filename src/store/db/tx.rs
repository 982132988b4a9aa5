//! A transaction (or a reading connection) on either engine.

use sqlx::pool::PoolConnection;
use sqlx::{Executor as _, SqlSafeStr as _, Sqlite, Transaction};

use super::bind::bind_all;
use super::watch::Noted;
use super::wire::Held;
use super::{FromRow, Row, Statement, StoreError, Value};

/// A writing transaction, or a reading connection. Gives rows in, never an engine's types out.
pub enum Tx {
    #[doc(hidden)]
    Lite(Transaction<'static, Sqlite>, Option<Box<Noted>>),
    #[doc(hidden)]
    LiteRead(PoolConnection<Sqlite>),
    #[doc(hidden)]
    Pg(Held, Option<Box<Noted>>),
    #[doc(hidden)]
    PgRead(Held),
}

/// What only one process of a cluster may do at a time.
#[derive(Clone, Copy, Debug)]
pub enum Lock {
    /// Giving numbers to committed entries (R4).
    Sequencer,
    /// Creating or rotating signing keys.
    Keyring,
    /// Hanging institutions into the tree, or elsewhere.
    Tree,
    /// Removing what was kept for its time.
    Retention,
    /// Telling platforms what a day brings by itself.
    Day,
}

/// One body for four kinds of connection.
macro_rules! each {
    ($tx:expr, $statement:expr, |$conn:ident, $sql:ident, $wrap:ident| $body:expr) => {
        match $tx {
            Tx::Lite(tx, _) => {
                let ($conn, $sql) = (&mut **tx, $statement.lite);
                #[allow(unused, reason = "a body that returns no row does not wrap one")]
                let $wrap = Row::Lite;
                $body
            }
            Tx::LiteRead(connection) => {
                let ($conn, $sql) = (&mut **connection, $statement.lite);
                #[allow(unused, reason = "a body that returns no row does not wrap one")]
                let $wrap = Row::Lite;
                $body
            }
            Tx::Pg(held, _) | Tx::PgRead(held) => {
                let ($conn, watch) = held.parts()?;
                let $sql = $statement.pg;
                #[allow(unused, reason = "a body that returns no row does not wrap one")]
                let $wrap = Row::Pg;
                watch.answer(async { $body }).await
            }
        }
    };
}

pub(super) use each;

impl Tx {
    /// Runs a statement; the number of rows it touched.
    ///
    /// # Errors
    /// As [`StoreError`] says; a broken unique constraint is named.
    pub async fn execute(&mut self, statement: Statement, values: Vec<Value>) -> Result<u64, StoreError> {
        each!(self, statement, |conn, sql, _wrap| bind_all!(sqlx::query(sql), values)
            .execute(conn)
            .await
            .map(|done| done.rows_affected())
            .map_err(StoreError::from_sqlx))
    }

    /// Runs a guarded statement that must touch exactly one row; whether it did.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn execute_one(&mut self, statement: Statement, values: Vec<Value>) -> Result<bool, StoreError> {
        Ok(self.execute(statement, values).await? == 1)
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn optional<R: FromRow>(
        &mut self,
        statement: Statement,
        values: Vec<Value>,
    ) -> Result<Option<R>, StoreError> {
        let row = each!(self, statement, |conn, sql, wrap| bind_all!(sqlx::query(sql), values)
            .fetch_optional(conn)
            .await
            .map(|row| row.map(wrap))
            .map_err(StoreError::from_sqlx))?;
        row.map(|row| R::from_row(&row)).transpose()
    }

    /// The one row of a statement that always has one (`RETURNING`, aggregates).
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there was none.
    pub async fn one<R: FromRow>(&mut self, statement: Statement, values: Vec<Value>) -> Result<R, StoreError> {
        self.optional(statement, values).await?.ok_or(StoreError::Missing(statement.name))
    }

    /// All rows.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn all<R: FromRow>(&mut self, statement: Statement, values: Vec<Value>) -> Result<Vec<R>, StoreError> {
        let rows: Vec<Row> = each!(self, statement, |conn, sql, wrap| bind_all!(sqlx::query(sql), values)
            .fetch_all(conn)
            .await
            .map(|rows| rows.into_iter().map(wrap).collect())
            .map_err(StoreError::from_sqlx))?;
        rows.iter().map(R::from_row).collect()
    }

    /// Prepares a statement without running it: the compile-time check that two engines cannot have.
    ///
    /// # Errors
    /// The engine's complaint.
    pub async fn prepare(&mut self, statement: Statement) -> Result<(), StoreError> {
        each!(self, statement, |conn, sql, _wrap| conn
            .prepare(sql.into_sql_str())
            .await
            .map(|_| ())
            .map_err(StoreError::from_sqlx))
    }

    /// How SQLite would run a statement, one step a line.
    #[cfg(test)]
    pub(crate) async fn plan(&mut self, statement: Statement) -> Result<Vec<String>, StoreError> {
        struct Step(String);
        impl FromRow for Step {
            fn from_row(row: &Row) -> Result<Self, StoreError> {
                Ok(Self(row.get("detail")?))
            }
        }
        let explained: &'static str = format!("EXPLAIN QUERY PLAN {}", statement.lite).leak();
        let steps: Vec<Step> = self.all(Statement::shared(statement.name, explained), Vec::new()).await?;
        Ok(steps.into_iter().map(|step| step.0).collect())
    }

    /// Takes a cluster-wide lock for the rest of the transaction, if it is free. SQLite's writer holds it already.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn try_lock(&mut self, lock: Lock) -> Result<bool, StoreError> {
        const TRY: Statement = Statement::claim(
            "db::LOCK",
            "SELECT 1 AS taken WHERE $1 > 0",
            "SELECT CASE WHEN pg_try_advisory_xact_lock($1) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS taken",
        );
        let taken: Taken = self.one(TRY, vec![Value::from(0x6d69_6e67_0000_i64 + lock as i64)]).await?;
        Ok(taken.0)
    }

    /// Grants what grows with the register the time that it takes: for work that nobody waits for.
    #[must_use]
    pub fn taking_time(mut self) -> Self {
        match &mut self {
            Self::Pg(held, _) | Self::PgRead(held) => held.take_time(),
            Self::Lite(..) | Self::LiteRead(_) => {}
        }
        self
    }

    /// Makes everything since the start durable.
    ///
    /// # Errors
    /// As [`StoreError`] says; then nothing was kept.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Lite(tx, _) => tx.commit().await.map_err(StoreError::from_sqlx),
            Self::Pg(held, _) => held.commit().await,
            Self::LiteRead(_) | Self::PgRead(_) => Ok(()),
        }
    }

    /// Asks the database whether it still answers, and takes what is written: a standby reads only, and so does a server
    /// whose disk is full.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn ping(&mut self) -> Result<(), StoreError> {
        const WRITES: Statement = Statement::claim(
            "db::WRITES",
            "SELECT 1 AS taken",
            "SELECT CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END AS taken",
        );
        let writes: Taken = self.one(WRITES, Vec::new()).await?;
        if writes.0 {
            return Ok(());
        }
        match self {
            Self::Pg(held, _) | Self::PgRead(held) => held.distrust(),
            Self::Lite(..) | Self::LiteRead(_) => {}
        }
        Err(StoreError::Unavailable(READ_ONLY.into()))
    }
}

/// What is said of a server that only reads.
pub(super) const READ_ONLY: &str = "the server only reads: it is a standby, or its disk is full";

struct Taken(bool);

impl FromRow for Taken {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get::<i64>("taken")? == 1))
    }
}
