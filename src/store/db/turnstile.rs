//! Who is next at SQLite's writer. SQLite lets processes poll for it, so one that takes it again and again starves the
//! others. Whoever waits therefore holds a lock on a file beside the database until the writer is hers: the next comer
//! queues there, and one that could stand back sees that it should (R15). The kernel releases it with the process.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{StoreError, keep_private};

const POLL: Duration = Duration::from_millis(1);

#[derive(Clone, Default)]
pub(super) struct Turnstile {
    /// `None` where there is no file to lock: a database in memory.
    place: Option<Arc<Place>>,
    /// Those of this process who want the writer and do not have it yet.
    waiting: Arc<AtomicUsize>,
}

struct Place {
    turn: File,
    /// Opened apart, so that asking never releases what this process holds.
    question: File,
}

/// Somebody who wants the writer.
pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The place of the next one; left by dropping it.
pub(super) struct Next<'a>(Option<&'a File>);

impl Drop for Next<'_> {
    fn drop(&mut self) {
        // Closing the file would release it too; an error here has no remedy.
        let _ = self.0.map(File::unlock);
    }
}

impl Turnstile {
    /// The turnstile of a database file.
    ///
    /// # Errors
    /// `Unavailable` when the file beside it cannot be made.
    pub(super) fn beside(database: &Path) -> Result<Self, StoreError> {
        let waiting = Arc::default();
        if database == Path::new(":memory:") || database.as_os_str().is_empty() {
            return Ok(Self { place: None, waiting });
        }
        let mut path = database.as_os_str().to_owned();
        path.push("-queue");
        let path = Path::new(&path);
        keep_private(path)?;
        let open = || {
            let opened = File::options().read(true).write(true).open(path);
            opened.map_err(|e| StoreError::Unavailable(format!("{}: {e}", path.display())))
        };
        Ok(Self { place: Some(Arc::new(Place { turn: open()?, question: open()? })), waiting })
    }

    /// Counts somebody of this process in.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }

    /// Waits until no other process is next. Only the holder of the process's one writing connection may call it.
    ///
    /// # Errors
    /// `Busy` after `patience`.
    pub(super) async fn pass(&self, patience: Duration) -> Result<Next<'_>, StoreError> {
        let since = Instant::now();
        let Some(place) = &self.place else { return Ok(Next(None)) };
        loop {
            match place.turn.try_lock() {
                Ok(()) => return Ok(Next(Some(&place.turn))),
                Err(TryLockError::WouldBlock) if since.elapsed() < patience => tokio::time::sleep(POLL).await,
                Err(TryLockError::WouldBlock) => return Err(StoreError::Busy),
                // A file system without locks: SQLite's own polling has to do.
                Err(TryLockError::Error(_)) => return Ok(Next(None)),
            }
        }
    }

    /// Whether somebody waits for the writer, in this process or in another.
    pub(super) fn is_awaited(&self) -> bool {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            return true;
        }
        let Some(place) = &self.place else { return false };
        let asked = place.question.try_lock();
        if asked.is_ok() {
            let _ = place.question.unlock();
        }
        matches!(asked, Err(TryLockError::WouldBlock))
    }
}
