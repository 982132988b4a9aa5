//! Root secrets against the database: made once, matched at every start, backed up (ruling R2).

use std::path::Path;

use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::random::Random;
use crate::domain::time::Timestamp;
use crate::keys::root::RootSecrets;
use crate::store::db::{Db, Engine};
use crate::store::facts;

pub(super) const BACKUP_NOTE: &str = "root_secrets_backed_up_at";

/// Finds the root secrets that belong to this database, creating them only on the first start of an embedded
/// one. `Err` holds the reason and the way out.
///
/// # Errors
/// Missing, damaged or foreign secrets; a failed store.
pub async fn settle(db: &Db, dir: &Path, random: &dyn Random, now: Timestamp) -> Result<RootSecrets, Error> {
    if let Some(secrets) = find(db, dir).await? {
        return Ok(secrets);
    }
    match load(dir)? {
        Some(secrets) => {
            claim(db, &secrets, now).await?;
            Ok(secrets)
        }
        None if db.engine() == Engine::Postgres => Err(Error::invalid(format!(
            "{} holds no root secrets. Run `mingji keys init` once, then copy the folder to every replica.",
            dir.display()
        ))),
        None => create(db, dir, random, now).await,
    }
}

/// The root secrets that belong to this database, for whoever only reads; `None` when it knows none yet.
///
/// # Errors
/// Missing, damaged or foreign secrets; a failed store.
pub async fn find(db: &Db, dir: &Path) -> Result<Option<RootSecrets>, Error> {
    let known = facts::fingerprints(&mut db.read().await?).await?;
    if known.is_empty() {
        return Ok(None);
    }
    match load(dir)? {
        Some(secrets) => matching(secrets, &known, dir).map(Some),
        None => Err(Error::invalid(format!(
            "{} holds no root secrets, but the database was made with some. Copy them from another replica or run `mingji keys restore FILE`; nothing was written.",
            dir.display()
        ))),
    }
}

fn load(dir: &Path) -> Result<Option<RootSecrets>, Error> {
    RootSecrets::load(dir).map_err(|e| Error::invalid(e.to_string()))
}

/// `mingji keys init`: makes root secrets for a database that has none.
///
/// # Errors
/// When there are some already, here or in the database.
pub async fn create(db: &Db, dir: &Path, random: &dyn Random, now: Timestamp) -> Result<RootSecrets, Error> {
    if !facts::fingerprints(&mut db.read().await?).await?.is_empty() {
        return Err(Error::invalid(
            "the database already belongs to root secrets; `mingji keys restore FILE` brings them back",
        ));
    }
    let secrets = RootSecrets::generate(random);
    let mut tx = db.write().await?;
    for (name, fingerprint) in secrets.fingerprints() {
        if !facts::claim_fingerprint(&mut tx, name, fingerprint, now).await? {
            return Err(Error::invalid(
                "another process made root secrets for this database at the same moment; copy them from there",
            ));
        }
    }
    // The files before the commit: a database without its secrets is lost, secrets without a database are not.
    // Whoever lost the race has written nothing.
    secrets.write(dir).map_err(|e| Error::invalid(e.to_string()))?;
    tx.commit().await?;
    Ok(secrets)
}

/// Secrets that are there claim a database that knows none yet; one first start wins, the other one compares.
async fn claim(db: &Db, secrets: &RootSecrets, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.write().await?;
    for (name, fingerprint) in secrets.fingerprints() {
        if !facts::claim_fingerprint(&mut tx, name, fingerprint, now).await? {
            drop(tx);
            let known = facts::fingerprints(&mut db.read().await?).await?;
            return compare(secrets, &known).map_err(|name| foreign(&name));
        }
    }
    Ok(tx.commit().await?)
}

fn matching(secrets: RootSecrets, known: &[facts::Fingerprint], dir: &Path) -> Result<RootSecrets, Error> {
    match compare(&secrets, known) {
        Ok(()) => Ok(secrets),
        Err(name) => Err(Error::invalid(format!("{}: {}", dir.display(), foreign(&name)))),
    }
}

fn compare(secrets: &RootSecrets, known: &[facts::Fingerprint]) -> Result<(), String> {
    for (name, fingerprint) in secrets.fingerprints() {
        if !known.iter().any(|row| row.name == name && row.fingerprint == fingerprint) {
            return Err(name.to_owned());
        }
    }
    Ok(())
}

/// Whether a database with these fingerprints was made with these secrets.
pub(super) fn belong(secrets: &RootSecrets, known: &[facts::Fingerprint]) -> bool {
    compare(secrets, known).is_ok()
}

/// Whether these may be brought back to a database that was made with those; one that is not made yet takes any.
///
/// # Errors
/// `Invalid`, before anything is written.
pub fn fit(secrets: &RootSecrets, known: &[facts::Fingerprint]) -> Result<(), Error> {
    match compare(secrets, known) {
        Err(name) if !known.is_empty() => Err(Error::invalid(format!(
            "{name}.key of this backup is not the one that the database was made with: take the backup of this installation, or correct MINGJI_DATABASE_URL; nothing was written"
        ))),
        _ => Ok(()),
    }
}

fn foreign(name: &str) -> Error {
    Error::invalid(format!(
        "{name}.key is not the one this database was made with. Point MINGJI_KEYS_DIR at the right folder or run `mingji keys restore FILE`; nothing was written."
    ))
}

impl App {
    /// Notes that a backup of the root secrets was written, so that `doctor` stops warning. Audited: they left in a file.
    ///
    /// # Errors
    /// A failed store.
    pub async fn note_backup(&self, ctx: &Ctx) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::BackedUp).await?;
        facts::set_note(work.tx(), BACKUP_NOTE, &ctx.now.to_rfc3339(), ctx.now).await?;
        work.detail("root_secrets", true);
        work.commit(Outcome::Done).await
    }

    /// When the root secrets were last backed up.
    ///
    /// # Errors
    /// A failed store.
    pub async fn backed_up_at(&self) -> Result<Option<String>, Error> {
        Ok(facts::note(&mut self.db.read().await?, BACKUP_NOTE).await?)
    }
}
