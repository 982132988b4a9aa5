//! Restoring a backup into an empty place.
//!
//! Everything is opened and checked under other names first, and told there that it went back: whatever happens to this
//! command later, no database of that name has numbers that platforms have read for other changes. Then the database gets
//! its name, and the root secrets get theirs: five renames. Whoever is cut off before them has nothing, and begins again.
//! Whoever is cut off between them has a database without its secrets, which no program opens and no start fills up with
//! others (R2); the same command finds that they belong together and finishes.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::draft::{Draft, Made, beside, named};
use super::manifest::{Manifest, PartKind};
use super::{Watch, called_off, examine, pump, send_back, url};
use crate::app::secrets::belong;
use crate::app::{Error, Kind};
use crate::domain::time::{Clock, Timestamp, rfc3339};
use crate::keys::archive::{ArchiveError, Opening};
use crate::keys::root::RootSecrets;
use crate::store::db::Db;
use crate::store::facts;

/// What is restored, and where to.
pub struct Restore {
    /// The backup.
    pub file: PathBuf,
    /// The database's file to be.
    pub database: PathBuf,
    /// The audit checkpoints beside it.
    pub anchors: PathBuf,
    /// The folder of the root secrets.
    pub keys_dir: PathBuf,
    /// What the backup is sealed under.
    pub passphrase: SecretString,
}

/// What is in place now.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// The database's file.
    pub database: PathBuf,
    /// The folder of the root secrets.
    pub keys_dir: PathBuf,
    /// The issuer of the register.
    pub issuer: String,
    /// When the backup was made: what happened later is not in it.
    #[serde(serialize_with = "rfc3339")]
    pub made_at: Timestamp,
    /// Whether the database was there already, and only its root secrets came back.
    pub secrets_only: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
}

type Source = Opening<BufReader<File>>;

/// Puts a backup in place of nothing.
///
/// # Errors
/// `Conflict` when something is in its place; `Invalid` with the reason and the way out. Then nothing was put in place.
pub async fn restore(job: Restore, clock: &dyn Clock, watch: impl Watch) -> Result<Restored, Error> {
    let began = clock.now();
    let phrase = job.passphrase.clone();
    let file = job.file.clone();
    let opened = tokio::task::spawn_blocking(move || open(&file, phrase.expose_secret()));
    let (source, manifest, secrets) = opened.await.map_err(Error::internal)??;
    let missing = secrets.missing_in(&job.keys_dir).map_err(|fault| Error::new(Kind::Conflict, fault.to_string()))?;
    let secrets_only = job.database.exists();
    let (made_at, issuer) = (manifest.made_at, manifest.issuer.clone());
    if secrets_only {
        belongs_together(&job, &secrets, missing).await?;
        secrets.complete(&job.keys_dir).map_err(Error::internal)?;
    } else {
        unpack(&job, source, manifest, &secrets, began, watch).await?;
    }
    let seconds = clock.now().since(began);
    let seconds = Duration::as_secs_f64(&seconds);
    Ok(Restored { database: job.database, keys_dir: job.keys_dir, issuer, made_at, secrets_only, seconds })
}

fn open(file: &Path, phrase: &str) -> Result<(Source, Manifest, RootSecrets), Error> {
    let told = named(file);
    let source = BufReader::with_capacity(1 << 16, File::open(file).map_err(&told)?);
    let mut source = Opening::begin(source, phrase).map_err(&told)?;
    let manifest = Manifest::read(&mut source).map_err(&told)?;
    let secrets = RootSecrets::restore(&manifest.secrets, phrase).map_err(Error::internal)?;
    Ok((source, manifest, secrets))
}

/// A database that is there is never overwritten. Where it lacks its root secrets, and the backup holds them, they are
/// what is restored.
async fn belongs_together(job: &Restore, secrets: &RootSecrets, missing: usize) -> Result<(), Error> {
    let there = job.database.display();
    let taken =
        |why: &str| Err(Error::new(Kind::Conflict, format!("{there} is there and is never overwritten: {why}")));
    if missing == 0 {
        return taken(
            "move it away, with everything that begins with its name, or set MINGJI_DATABASE_URL to another file",
        );
    }
    let db = Db::connect(&url(&job.database)?).await?;
    let known = facts::fingerprints(&mut db.read().await?).await;
    db.close().await;
    // A file that is no database of ours has no such table.
    if belong(secrets, &known.unwrap_or_default()) {
        Ok(())
    } else {
        taken("the root secrets of this backup are not the ones it was made with")
    }
}

/// Opens everything under other names, checks it, and gives it its names.
async fn unpack(
    job: &Restore,
    mut source: Source,
    manifest: Manifest,
    secrets: &RootSecrets,
    now: Timestamp,
    mut watch: impl Watch,
) -> Result<(), Error> {
    for ending in ["-wal", "-shm", "-journal"] {
        let left = beside(&job.database, ending);
        if left.exists() {
            let why = "belongs to a database that is not there any more, and would be read into this one: move it away";
            return Err(Error::new(Kind::Conflict, format!("{} {why}", left.display())));
        }
    }
    let place = Site::claim(job)?;
    let file = job.file.clone();
    let poured = tokio::task::spawn_blocking(move || match pour(&mut source, &manifest, &place, &mut watch) {
        Ok(()) => Ok((place, watch, manifest)),
        Err(fault) => Err(named(&file)(explained(fault))),
    });
    let (place, watch, manifest) = poured.await.map_err(Error::internal)??;
    check(place.database.path(), secrets, (manifest.made_at, now)).await?;
    if watch.is_stopped() {
        return Err(named(&job.file)(called_off()));
    }
    place.open_house(job, &manifest, secrets)
}

/// Everything under other names. Dropped, it is as if it had never been there; the folder goes last.
struct Site {
    database: Draft,
    anchors: Draft,
    made: Made,
}

impl Site {
    fn claim(job: &Restore) -> Result<Self, Error> {
        let made = Made::folder_of(&job.database)?;
        let claim = |file: &Path| Draft::claim(&beside(file, ".restoring"), "another restore to this place is running");
        Ok(Self { database: claim(&job.database)?, anchors: claim(&job.anchors)?, made })
    }

    fn of(&self, kind: PartKind) -> &Draft {
        match kind {
            PartKind::Database => &self.database,
            PartKind::Anchors => &self.anchors,
        }
    }

    /// The one moment: five renames, and before each of them nothing of that name.
    fn open_house(self, job: &Restore, manifest: &Manifest, secrets: &RootSecrets) -> Result<(), Error> {
        // Checkpoints that outlived their database know more than the backup: they stay, and `audit verify` compares.
        if manifest.has(PartKind::Anchors) && !job.anchors.exists() {
            self.anchors.become_file(&job.anchors)?;
        }
        self.database.become_file(&job.database)?;
        self.made.keep();
        secrets.complete(&job.keys_dir).map_err(|fault| {
            Error::invalid(format!(
                "the database is in place, its root secrets are not: mend this and run the same command again: {fault}"
            ))
        })
    }
}

/// The parts into their files, to the authenticated end.
fn pour(source: &mut Source, manifest: &Manifest, place: &Site, watch: &mut dyn Watch) -> io::Result<()> {
    if !manifest.has(PartKind::Database) {
        return Err(ArchiveError::Foreign.into());
    }
    let (mut done, total) = (0, manifest.total());
    for part in &manifest.parts {
        pump(source, &mut place.of(part.kind).file(), part.bytes, &mut |moved| {
            done += moved;
            watch.progress(done, total);
            !watch.is_stopped()
        })?;
    }
    // Only the end says that nothing is missing.
    if source.read(&mut [0])? == 0 { Ok(()) } else { Err(ArchiveError::Foreign.into()) }
}

fn explained(fault: io::Error) -> io::Error {
    if fault.kind() == io::ErrorKind::UnexpectedEof { ArchiveError::Damaged.into() } else { fault }
}

/// Whether this program can use it: pages that fit, root secrets that open it, and a schema it knows, brought up to date. It
/// knows from here on that it went back.
async fn check(draft: &Path, secrets: &RootSecrets, (made_at, now): (Timestamp, Timestamp)) -> Result<(), Error> {
    examine(draft, "the database in the backup", async |db| {
        db.migrate().await?;
        if !belong(secrets, &facts::fingerprints(&mut db.read().await?).await?) {
            return Err(Error::invalid("the database in the backup was not made with the root secrets in it"));
        }
        send_back(db, made_at, now).await
    })
    .await
}
