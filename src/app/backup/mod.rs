//! Backup and restore of a one-box install: one sealed file holds the database and the root secrets, because either is
//! noise without the other. The register holds names in clear, so that the whole file is sealed, not the secrets alone.

mod draft;
mod manifest;
mod restore;
mod write;

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::path::Path;

use super::work::Housekeeping;
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::time::Timestamp;
use crate::store::db::{Db, Tx};
use crate::store::{facts, feeds, snapshot};

pub use draft::sync_folder_of;
pub use restore::{Restore, Restored, restore};
pub use write::{Backup, Written};

const NOTE: &str = "database_backed_up_at";
/// Under which a register that was restored keeps to when it went back, until its audit log says so.
const WENT_BACK: &str = "database_went_back_to";
/// What is read and sealed at a time.
const BLOCK: usize = 64 * 1024;

/// Looks on while bytes move, and may call it off.
pub trait Watch: Send + 'static {
    /// So many bytes of so many are done.
    fn progress(&mut self, done: u64, total: u64);
    /// Whether somebody wants it to end; what was written so far is then taken away.
    fn is_stopped(&self) -> bool;
}

impl App {
    /// When the database was last backed up by us.
    ///
    /// # Errors
    /// A failed store.
    pub async fn database_backed_up_at(&self) -> Result<Option<Timestamp>, Error> {
        let note = facts::note(&mut self.db.read().await?, NOTE).await?;
        Ok(note.and_then(|text| Timestamp::from_rfc3339(&text)))
    }

    /// Writes down in the audit log that this register went back to `made_at`; how many streams begin anew. Platforms may have heard of changes that it does not know: all their
    /// streams begin anew, behind every number that was ever given, or a reader who is ahead would be believed again as soon
    /// as the numbers reach her, and never hear of those between (R4).
    ///
    /// # Errors
    /// A failed store.
    pub async fn note_restored(&self, ctx: &Ctx, made_at: Timestamp) -> Result<usize, Error> {
        let mut work = self.begin_beside_sequencer(ctx, Action::Restored).await?;
        let streams = feeds::streams(work.tx()).await?.len();
        feeds::restart(work.tx(), ctx.now).await?;
        work.detail("made_at", made_at.to_rfc3339());
        work.commit(super::work::Outcome::Done).await?;
        self.rebuild_streams().await?;
        Ok(streams)
    }

    /// Writes down in the audit log what a restore left for whoever opens the register first: the command itself, or the
    /// service where the command was cut off. `false` when there is nothing to say.
    ///
    /// # Errors
    /// A failed store.
    pub async fn say_it_went_back(&self) -> Result<bool, Error> {
        let Some(made_at) = facts::note(&mut self.db.read().await?, WENT_BACK).await? else { return Ok(false) };
        let ctx = Ctx::task(self, "restore");
        let mut work = self.begin(&ctx, Action::Restored).await?;
        // Whoever comes second finds it said.
        if !facts::forget_note(work.tx(), WENT_BACK).await? {
            return Ok(false);
        }
        work.detail("made_at", made_at);
        work.commit(super::work::Outcome::Done).await?;
        self.rebuild_streams().await?;
        Ok(true)
    }

    /// Notes for `doctor` when the database was backed up. The copy in a backup was taken before that could be noted.
    ///
    /// # Errors
    /// A failed store.
    pub async fn note_backed_up(&self, made_at: Timestamp) -> Result<(), Error> {
        let mut tx = self.housekeeping(Housekeeping::Installation).await?;
        backed_up(&mut tx, made_at).await?;
        Ok(tx.commit().await?)
    }
}

async fn backed_up(tx: &mut Tx, made_at: Timestamp) -> Result<(), Error> {
    facts::set_note(tx, NOTE, &made_at.to_rfc3339(), made_at).await?;
    // The root secrets are in it.
    Ok(facts::set_note(tx, super::secrets::BACKUP_NOTE, &made_at.to_rfc3339(), made_at).await?)
}

/// A register goes back to `made_at`, before it has its name: its streams begin anew, and it keeps what the audit log is to say.
async fn send_back(db: &Db, made_at: Timestamp, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.write().await?;
    feeds::restart(&mut tx, now).await?;
    facts::set_note(&mut tx, WENT_BACK, &made_at.to_rfc3339(), now).await?;
    backed_up(&mut tx, made_at).await?;
    Ok(tx.commit().await?)
}

/// Opens a database that has no name yet, looks whether its pages fit together, and does the rest.
///
/// # Errors
/// A database that is damaged or cannot be closed; whatever `rest` says.
async fn examine(draft: &Path, told: &str, rest: impl AsyncFnOnce(&Db) -> Result<(), Error>) -> Result<(), Error> {
    let damaged = |said: &dyn Display| Error::invalid(format!("{told} is damaged: {said}"));
    let db = Db::connect(&url(draft)?).await.map_err(|fault| damaged(&fault))?;
    let examined = async {
        snapshot::check(&db).await?.map_err(|said| damaged(&said))?;
        rest(&db).await
    }
    .await;
    db.close().await;
    // Closing writes the log into the database; one that is left would be lost with its name.
    match std::fs::metadata(draft::beside(draft, "-wal")) {
        Ok(log) if log.len() > 0 => Err(Error::internal(format!("{told} could not be closed"))),
        _ => examined,
    }
}

fn url(file: &Path) -> Result<String, Error> {
    snapshot::url_of(file).ok_or_else(|| Error::invalid(format!("{}: the path is no text", file.display())))
}

/// Copies exactly `bytes`, a block at a time.
///
/// # Errors
/// Whatever either side says; `UnexpectedEof` when there are fewer; `Interrupted` when it was called off.
fn pump(from: &mut dyn Read, into: &mut dyn Write, bytes: u64, tell: &mut dyn FnMut(u64) -> bool) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut left = bytes;
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        let got = from.read(&mut block[..want])?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        into.write_all(&block[..got])?;
        let moved = u64::try_from(got).unwrap_or(left);
        left = left.saturating_sub(moved);
        if !tell(moved) {
            return Err(called_off());
        }
    }
    Ok(())
}

fn called_off() -> io::Error {
    io::Error::other("called off; nothing was left behind")
}
