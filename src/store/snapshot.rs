//! The embedded database as a file: a consistent copy of it while it is in use, and whether a copy is whole.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;

use super::db::{Db, FromRow, Row, Statement, StoreError, args};

/// Not in a list of statements: PostgreSQL knows neither, and is copied by its own tools.
const COPY: Statement = Statement::shared("snapshot::COPY", "VACUUM INTO $1");
const CHECK: Statement = Statement::shared("snapshot::CHECK", "PRAGMA quick_check(1)");

struct Verdict(String);

impl FromRow for Verdict {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("quick_check")?))
    }
}

/// The file of an embedded database; `None` when it is on a server. Read as the driver reads it.
pub fn file_of(url: &str) -> Option<PathBuf> {
    let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url).ok())??;
    Some(options.get_filename().to_owned())
}

/// The address of an embedded database in a file; `None` when the path is no text.
pub fn url_of(file: &Path) -> Option<String> {
    let path = file.to_str()?.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    Some(format!("sqlite://{path}"))
}

/// Copies the database as it is at this moment into an empty file, without pages that are free. It reads only: whoever
/// writes meanwhile is not kept waiting, and what was deleted does not come along.
///
/// # Errors
/// As [`StoreError`] says; the file is then worthless.
pub async fn copy(db: &Db, into: &Path) -> Result<(), StoreError> {
    let path = into.to_str().ok_or_else(|| StoreError::Unavailable("the path of the copy is no text".into()))?;
    db.read().await?.execute(COPY, args![path]).await.map(drop)
}

/// Whether the pages of a copy fit together; else what SQLite says.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn check(db: &Db) -> Result<Result<(), String>, StoreError> {
    let verdict: Verdict = db.read().await?.one(CHECK, args![]).await?;
    Ok(if verdict.0 == "ok" { Ok(()) } else { Err(verdict.0) })
}
