//! Writing a backup while the service runs.

use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tempfile::NamedTempFile;

use super::draft::{Draft, beside, folder_of, named, sync_folder_of};
use super::manifest::{FORMAT, Manifest, Part, PartKind};
use super::{Watch, called_off, examine, pump};
use crate::app::work::Outcome;
use crate::app::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::time::Timestamp;
use crate::keys::archive::Sealing;
use crate::keys::random::SystemRandom;
use crate::keys::root::RootSecrets;
use crate::store::snapshot;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is backed up, and where to.
pub struct Backup {
    /// The new file.
    pub file: PathBuf,
    /// The database's file.
    pub database: PathBuf,
    /// The audit checkpoints beside it, which may not be there yet.
    pub anchors: PathBuf,
    /// The root secrets.
    pub secrets: RootSecrets,
    /// What it is sealed under.
    pub passphrase: SecretString,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// Where.
    pub file: PathBuf,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// How long the copy of the database was, in bytes.
    pub database_bytes: u64,
    /// When the copy was taken.
    pub made_at: String,
    /// How long the copy of the database took, in seconds. Nobody waited for it: it only reads.
    pub copy_seconds: f64,
    /// How long all of it took, in seconds.
    pub seconds: f64,
}

impl App {
    /// Copies the database, seals the copy with the root secrets into one new file, and notes that.
    ///
    /// # Errors
    /// `Conflict` when the file is there; failed files and stores. Then no file is left.
    pub async fn back_up(&self, ctx: &Ctx, job: Backup, mut watch: impl Watch) -> Result<Written, Error> {
        if job.file.exists() {
            return Err(taken(&job.file));
        }
        let began = self.now();
        // First, with its length of now: a copy that is older than its checkpoint looks cut short.
        let anchors = open_if_there(&job.anchors)?;
        // Beside the database, because it is as open as that until it is sealed.
        let copy = Draft::claim(&beside(&job.database, "-backup"), "another backup of this database is running")?;
        self.copy(&job.database, &copy, &mut watch).await?;
        let copied = self.now().since(began);
        sound(copy.path()).await?;
        let issuer = self.issuer().as_str().to_owned();
        let (made_at, file) = (ctx.now, job.file.clone());
        let sealed = tokio::task::spawn_blocking(move || {
            let database = (PartKind::Database, copy.file(), length_of(copy.file())?);
            let anchors = anchors.as_ref().map(|(file, length)| (PartKind::Anchors, file, *length));
            let files = std::iter::once(database).chain(anchors).collect();
            seal(&job, files, made_at, issuer, &mut watch)
        });
        let (bytes, database_bytes) = sealed.await.map_err(Error::internal)??;
        let mut work = self.begin(ctx, Action::BackedUp).await?;
        work.detail("bytes", bytes);
        work.commit(Outcome::Done).await?;
        self.note_backed_up(made_at).await?;
        let seconds = |span: Duration| span.as_secs_f64();
        Ok(Written {
            file,
            bytes,
            database_bytes,
            made_at: made_at.to_rfc3339(),
            copy_seconds: seconds(copied),
            seconds: seconds(self.now().since(began)),
        })
    }
}

impl App {
    /// The copy grows towards the size of what it is made from; it is half of the work.
    async fn copy(&self, database: &Path, copy: &Draft, watch: &mut impl Watch) -> Result<(), Error> {
        let length = |file: io::Result<Metadata>| file.map_or(0, |file| file.len());
        let total = length(std::fs::metadata(database));
        let mut copying = std::pin::pin!(snapshot::copy(&self.db, copy.path()));
        loop {
            tokio::select! {
                copied = &mut copying => return Ok(copied?),
                () = tokio::time::sleep(LOOK_EVERY) => watch.progress(length(copy.file().metadata()).min(total), 2 * total),
            }
            if watch.is_stopped() {
                return Err(named(database)(called_off()));
            }
        }
    }
}

/// Whether a copy is worth sealing: it is the one that somebody will need.
async fn sound(copy: &Path) -> Result<(), Error> {
    const TOLD: &str = "the copy of the database";
    if std::fs::metadata(copy).map_err(named(copy))?.len() == 0 {
        return Err(Error::invalid(format!(
            "{TOLD} is empty, so nothing was sealed: look after the disk and try again"
        )));
    }
    examine(copy, TOLD, async |_| Ok(())).await.map_err(|fault| {
        Error::invalid(format!("{fault}; nothing was sealed: look after the disk, and try an earlier backup elsewhere"))
    })
}

fn length_of(file: &File) -> Result<u64, Error> {
    Ok(file.metadata().map_err(Error::internal)?.len())
}

fn open_if_there(path: &Path) -> Result<Option<(File, u64)>, Error> {
    match File::open(path) {
        Ok(file) => {
            let length = length_of(&file)?;
            Ok(Some((file, length)))
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(named(path)(fault)),
    }
}

/// Seals everything into a draft beside the file and gives it its name when it has reached the disk.
fn seal(
    job: &Backup,
    files: Vec<(PartKind, &File, u64)>,
    made_at: Timestamp,
    issuer: String,
    watch: &mut dyn Watch,
) -> Result<(u64, u64), Error> {
    let random = SystemRandom::new();
    let phrase = job.passphrase.expose_secret();
    let io = named(&job.file);
    let parts = files.iter().map(|(kind, _, bytes)| Part { kind: *kind, bytes: *bytes }).collect();
    let secrets = job.secrets.backup(phrase, &random).map_err(Error::internal)?;
    let manifest = Manifest { format: FORMAT, made_at, issuer, secrets, parts };
    // The library makes it readable by its owner alone, and takes it away unless it got its name.
    let draft = NamedTempFile::new_in(folder_of(&job.file)).map_err(&io)?;
    let written = || -> io::Result<NamedTempFile> {
        let mut out = Sealing::begin(BufWriter::new(draft), phrase, &random)?;
        manifest.write(&mut out)?;
        let (mut done, total) = (manifest.total(), 2 * manifest.total());
        for (_, mut source, bytes) in files {
            pump(&mut source, &mut out, bytes, &mut |moved| {
                done += moved;
                watch.progress(done, total);
                !watch.is_stopped()
            })?;
        }
        let mut out = out.finish()?;
        out.flush()?;
        let draft = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        draft.as_file().sync_all()?;
        Ok(draft)
    };
    let draft = written().map_err(&io)?;
    let bytes = draft.as_file().metadata().map_err(&io)?.len();
    draft.persist_noclobber(&job.file).map_err(|fault| match fault.error.kind() {
        io::ErrorKind::AlreadyExists => taken(&job.file),
        _ => io(fault.error),
    })?;
    sync_folder_of(&job.file).map_err(&io)?;
    let database = manifest.parts.iter().find(|part| part.kind == PartKind::Database);
    Ok((bytes, database.map_or(0, |part| part.bytes)))
}

fn taken(file: &Path) -> Error {
    Error::new(
        crate::app::Kind::Conflict,
        format!("{} exists and is never overwritten: name a new file", file.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::Db;

    #[tokio::test]
    async fn a_copy_that_nobody_could_restore_is_not_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("x-backup");
        let db = Db::connect(&super::super::url(&folder.path().join("x")).unwrap()).await.unwrap();
        db.migrate().await.unwrap();
        snapshot::copy(&db, &copy).await.unwrap();
        db.close().await;
        sound(&copy).await.unwrap();
        let whole = std::fs::read(&copy).unwrap();

        let half = whole[..whole.len() / 2].to_vec();
        let mut torn = whole.clone();
        // The second page is the root of the first table.
        torn[4096..4160].fill(0xa5);
        for (what, content) in [("empty", Vec::new()), ("cut", half), ("torn", torn), ("foreign", vec![b'x'; 8192])] {
            std::fs::write(&copy, content).unwrap();
            let refused = sound(&copy).await.expect_err(what);
            assert!(refused.internal.contains("nothing was sealed"), "{what}: {refused}");
        }
    }
}
