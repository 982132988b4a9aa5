//! What can go wrong with the database, without an engine's types. A broken constraint is named
//! `{table}_{columns}_key` on both engines; no message ever holds a value.

use thiserror::Error;

use super::tx::READ_ONLY;

/// An error of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A unique constraint refused the row.
    #[error("unique constraint {0} refused the row")]
    Unique(String),
    /// A foreign key or a CHECK refused the row.
    #[error("constraint refused the row: {0}")]
    Constraint(String),
    /// The engine asks to try the transaction again (serialization, deadlock, busy) or no connection came free.
    #[error("the database is busy; the transaction can be tried again")]
    Busy,
    /// A statement that always has a row had none.
    #[error("{0} found no row")]
    Missing(&'static str),
    /// A column did not hold what the program expects: an older or newer program wrote it.
    #[error("column {column} holds something unexpected: {reason}")]
    Decode {
        /// The column.
        column: &'static str,
        /// Why, without the value.
        reason: String,
    },
    /// The database could not be reached or opened.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The server is there and cannot do it now: no disk, no memory, no more connections, or somebody stopped the statement.
    #[error("the database cannot do it now: {0}")]
    Failing(String),
    /// A migration failed or was changed after it landed.
    #[error("migration: {0}")]
    Migration(String),
    /// Anything else the engine said.
    #[error("the database refused the statement: {0}")]
    Refused(String),
}

impl StoreError {
    pub(super) fn open(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(_) => Self::Unavailable("the database URL is malformed".into()),
            other => Self::Unavailable(plain(&other)),
        }
    }

    pub(super) fn decode(column: &'static str, error: sqlx::Error) -> Self {
        Self::Decode { column, reason: plain(&error) }
    }

    pub(in crate::store) fn unknown_code(column: &'static str) -> Self {
        Self::Decode { column, reason: "not one of the known codes".into() }
    }

    pub(super) fn from_sqlx(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            // Of the last two: the driver lost its place in what the server says.
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
            | sqlx::Error::Protocol(_) => Self::Unavailable(plain(&error)),
            sqlx::Error::Database(database) => Self::from_engine(&*database),
            other => Self::Refused(plain(&other)),
        }
    }

    fn from_engine(error: &dyn sqlx::error::DatabaseError) -> Self {
        use sqlx::error::ErrorKind;
        let code = error.code().unwrap_or_default();
        if error.kind() == ErrorKind::UniqueViolation {
            return Self::Unique(constraint_name(error));
        }
        if matches!(
            error.kind(),
            ErrorKind::ForeignKeyViolation | ErrorKind::CheckViolation | ErrorKind::NotNullViolation
        ) {
            return Self::Constraint(error.constraint().map_or_else(|| lite_reason(error.message()), str::to_owned));
        }
        match &*code {
            // PostgreSQL: serialization_failure, deadlock_detected, lock_not_available. SQLite: BUSY, BUSY_RECOVERY, BUSY_SNAPSHOT,
            // BUSY_TIMEOUT, LOCKED, and CONSTRAINT_TRIGGER, which says that a person was merged meanwhile.
            "40001" | "40P01" | "55P03" | "5" | "261" | "517" | "773" | "6" | "1811" => Self::Busy,
            "57P01" | "57P02" | "57P03" => Self::Unavailable("the server is shutting down or starting".into()),
            "25006" => Self::Unavailable(READ_ONLY.into()),
            // "cached plan must not change result type", in whatever language: a newer program added a column to what a prepared
            // statement reads. A new connection prepares it anew.
            "0A000" if routine(error) == Some("RevalidateCachedQuery") => {
                Self::Unavailable("the schema changed under a prepared statement".into())
            }
            // PostgreSQL, appendix A: connection exceptions (poolers say so too), and transactions and sessions that were idle too
            // long: the connection is over.
            code if code.starts_with("08") || ["25P03", "25P04", "57P05"].contains(&code) => {
                Self::Unavailable(format!("code {code}: {}", first_line(error.message())))
            }
            // No disk, no memory, no connections; query_canceled; a failure of the system. SQLite: IOERR and FULL, each with its
            // kinds in the upper bits.
            "53000" | "53100" | "53200" | "53300" | "57014" | "58000" | "58030" => {
                Self::Failing(format!("code {code}: {}", first_line(error.message())))
            }
            code if code.len() < 5 && code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 10 | 13)) => {
                Self::Failing(format!("code {code}: {}", first_line(error.message())))
            }
            _ => Self::Refused(format!("code {code}: {}", first_line(error.message()))),
        }
    }

    /// Whether this is the refusal of the named unique constraint.
    pub fn is_unique(&self, constraint: &str) -> bool {
        matches!(self, Self::Unique(name) if name == constraint)
    }
}

/// The function of the server that refused.
fn routine(error: &dyn sqlx::error::DatabaseError) -> Option<&str> {
    error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?.routine()
}

fn constraint_name(error: &dyn sqlx::error::DatabaseError) -> String {
    error.constraint().map_or_else(|| lite_constraint(error.message()), str::to_owned)
}

/// SQLite names columns (`UNIQUE constraint failed: person.a, person.b`), PostgreSQL the constraint.
fn lite_constraint(message: &str) -> String {
    let columns = message.rsplit("failed: ").next().unwrap_or_default();
    let mut parts = columns.split(", ").filter_map(|c| c.split_once('.'));
    match parts.next() {
        Some((table, first)) => {
            let mut name = format!("{table}_{first}");
            for (_, column) in parts {
                name.push('_');
                name.push_str(column);
            }
            name + "_key"
        }
        None => "unknown".into(),
    }
}

fn lite_reason(message: &str) -> String {
    first_line(message).to_owned()
}

/// PostgreSQL puts values into DETAIL, never into the first line of a constraint message; sqlx's own texts hold none.
fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

fn plain(error: &sqlx::Error) -> String {
    first_line(&error.to_string()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::lite_constraint;

    #[test]
    fn sqlite_constraints_get_the_name_that_postgres_gives() {
        assert_eq!(lite_constraint("UNIQUE constraint failed: a.x, a.y"), "a_x_y_key");
        assert_eq!(lite_constraint("UNIQUE constraint failed: account.user_name"), "account_user_name_key");
    }
}
