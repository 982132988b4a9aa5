//! The register that stands here already, for commands that make none: no database, no folder, no schema, no root
//! secrets. Where there is none they say what makes it; where it cannot be used, how to mend that.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::{Failure, runtime};
use crate::app::secrets;
use crate::config::Settings;
use crate::keys::root::RootSecrets;
use crate::store::db::{Db, Engine, StoreError};
use crate::store::facts::Fingerprint;
use crate::store::{facts, snapshot};

/// What every SQLite database begins with (its file format, 1.2.1).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How far its header is read: up to the two bytes that say how it is written.
const HEAD: u64 = 20;
/// These: with a write-ahead log, as ours is from its first start on. SQLite changes them to what is asked for when it
/// opens a file, which reading alone cannot.
const LOGGED: &[u8] = &[2, 2];

/// Why there is no register to work with.
pub enum Obstacle {
    /// Nothing is wrong: the first start makes it. What is missing.
    NotYet(String),
    /// Something is: in what, and how to mend it.
    Fault(&'static str, String),
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        Self::new(match obstacle {
            Obstacle::NotYet(missing) => format!(
                "there is no register here yet: {missing}; `mingji serve` makes one, or let --config or MINGJI_DATABASE_URL name another place"
            ),
            Obstacle::Fault(_, say) => say,
        })
    }
}

/// How much may be done with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Read, and changed by use cases.
    Work,
    /// Looked at: SQLite opens the file for reading alone.
    Look,
}

/// Opens it, with the root secrets that it was made with.
///
/// # Errors
/// The [`Obstacle`].
pub async fn open(settings: &Settings, purpose: Use) -> Result<(Db, RootSecrets), Obstacle> {
    let db = connected(settings, purpose).await?;
    match belonging(&db, &settings.keys_dir).await {
        Ok(secrets) => Ok((db, secrets)),
        Err(obstacle) => {
            db.close().await;
            Err(obstacle)
        }
    }
}

/// What the database knows of the root secrets that it was made with; nothing where there is no register yet. Its schema may be
/// of another release.
///
/// # Errors
/// The [`Obstacle`].
pub async fn fingerprints(settings: &Settings) -> Result<Vec<Fingerprint>, Obstacle> {
    let db = match connected(settings, Use::Work).await {
        Err(Obstacle::NotYet(_)) => return Ok(Vec::new()),
        opened => opened?,
    };
    let known = known(&db).await;
    db.close().await;
    Ok(known?.unwrap_or_default())
}

async fn connected(settings: &Settings, purpose: Use) -> Result<Db, Obstacle> {
    let url = settings.database.expose();
    let file = snapshot::file_of(url);
    let url = match &file {
        None => url.to_owned(),
        Some(file) => {
            look_at(file, purpose)?;
            let plain = snapshot::url_of(file).filter(|_| purpose == Use::Look);
            plain.map_or_else(|| url.to_owned(), |plain| format!("{plain}?mode=ro"))
        }
    };
    Db::connect(&url).await.map_err(|fault| unopened(file.as_deref(), &fault))
}

/// A database's file before the driver sees it, which would make it or tell no more than a code.
fn look_at(file: &Path, purpose: Use) -> Result<(), Obstacle> {
    // A command in the wrong folder is the commonest mistake, so the whole path is told.
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let told = whole.display();
    let fault = |say: String| Err(Obstacle::Fault("database", say));
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound if whole.parent().is_some_and(|folder| !folder.exists()) => {
            Err(Obstacle::NotYet(format!("{told} is not there, nor is its folder")))
        }
        ErrorKind::NotFound => Err(Obstacle::NotYet(format!("{told} is not there"))),
        ErrorKind::NotADirectory => fault(format!(
            "{told}: what should be its folder is a file: move that away, or correct MINGJI_DATABASE_URL"
        )),
        _ => fault(format!("{told}: {error}: run this as the user of the service")),
    };
    let mut head = Vec::new();
    let looked = std::fs::metadata(file).and_then(|found| match found.is_dir() {
        true => Ok(true),
        false => File::open(file)?.take(HEAD).read_to_end(&mut head).map(|_| false),
    });
    match looked {
        Err(error) => unreadable(error),
        Ok(true) => fault(format!("{told} is a folder: let MINGJI_DATABASE_URL name a file in it")),
        Ok(false) if head.is_empty() => Err(Obstacle::NotYet(format!("{told} is empty"))),
        Ok(false) if !head.starts_with(MAGIC) => fault(format!(
            "{told} is no SQLite database: correct MINGJI_DATABASE_URL, or move the file away and bring the register back with `mingji restore FILE`"
        )),
        Ok(false) if purpose == Use::Look && !head.ends_with(LOGGED) => {
            fault(format!("{told} was put there by another program: `mingji migrate` takes it into use"))
        }
        Ok(false) => Ok(()),
    }
}

fn unopened(file: Option<&Path>, fault: &StoreError) -> Obstacle {
    let told = fault.to_string();
    let mend = match file {
        Some(_) => {
            "run this as the user of the service, who may write to its folder (reading a database that is in use needs that too)"
        }
        // Servers speak other languages too; then the general advice has to do.
        None if told.contains("database \"") && told.contains("does not exist") => {
            "make it with `createdb --owner USER NAME`, or correct MINGJI_DATABASE_URL"
        }
        None => {
            "look whether PostgreSQL runs, and whether host, port, user, password and database of MINGJI_DATABASE_URL are right"
        }
    };
    Obstacle::Fault("database", format!("{told}: {mend}"))
}

/// The fingerprints in a database that is open; none where it holds no tables of ours. Nothing is asked that would make one.
async fn known(db: &Db) -> Result<Option<Vec<Fingerprint>>, Obstacle> {
    let known = async { facts::fingerprints(&mut db.read().await?).await };
    match known.await {
        Ok(known) => Ok(Some(known)),
        Err(StoreError::Refused(why)) if why.contains("no such table") || why.starts_with("code 42P01") => Ok(None),
        Err(fault) => Err(Obstacle::Fault("database", format!("{fault}: {}", repair(db)))),
    }
}

/// The root secrets of a database that is open.
async fn belonging(db: &Db, keys_dir: &Path) -> Result<RootSecrets, Obstacle> {
    if known(db).await?.is_none() {
        return Err(unmade(db, "the database holds no tables of ours"));
    }
    runtime::up_to_date(db).await.map_err(|fault| Obstacle::Fault("database", fault.to_string()))?;
    match secrets::find(db, keys_dir).await {
        Ok(Some(secrets)) => Ok(secrets),
        Ok(None) => Err(unmade(db, "the database knows no root secrets")),
        Err(fault) => Err(Obstacle::Fault("root secrets", fault.internal)),
    }
}

/// On PostgreSQL no start makes root secrets, because each replica would make its own (R2).
fn unmade(db: &Db, missing: &str) -> Obstacle {
    match db.engine() {
        Engine::Sqlite => Obstacle::NotYet(missing.into()),
        Engine::Postgres => Obstacle::Fault(
            "database",
            format!(
                "there is no register here yet: {missing}; run `mingji keys init` once and copy the folder to every replica, or correct MINGJI_DATABASE_URL"
            ),
        ),
    }
}

fn repair(db: &Db) -> &'static str {
    match db.engine() {
        Engine::Sqlite => "the file is damaged; move it away and run `mingji restore FILE`",
        Engine::Postgres => "look into the log of PostgreSQL",
    }
}
