//! Long work in steps, each a transaction: the same again goes on where it was left, and whoever waits for SQLite's writer
//! gets it between two steps (R15).

use std::time::{Duration, Instant};

use super::{App, Error, Kind};

/// Works on one institution that run side by side meet at every step; whoever comes second tries again.
const TRIES: u32 = 30;

/// Whether a step is to be taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    More,
    Done,
}

/// How a page of daily work went.
#[derive(Clone, Copy, Debug)]
pub struct Looked<T> {
    /// The last that was looked at; none: there are no more.
    pub last: Option<T>,
    /// How many failed, which kept nobody else waiting.
    pub failed: usize,
}

/// Hears how far long work is.
pub trait Listener {
    /// So many of so many classes, rows or people are done.
    fn progress(&mut self, done: u64, total: u64);
}

/// How long the last step held the writer.
#[derive(Default)]
pub(super) struct Pace {
    held: Duration,
}

impl App {
    /// Runs a step again while somebody else is in its way; whoever waits for SQLite's writer then has it as long (R15).
    pub(super) async fn paced<T, F: Future<Output = Result<T, Error>>>(
        &self,
        pace: &mut Pace,
        step: impl Fn() -> F,
    ) -> Result<T, Error> {
        for attempt in 1.. {
            if self.db.is_awaited() {
                tokio::time::sleep(pace.held).await;
            }
            let since = Instant::now();
            let done = step().await;
            pace.held = since.elapsed();
            match done {
                Err(error) if error.kind == Kind::Busy && attempt < TRIES => self.pause(attempt).await,
                other => return other,
            }
        }
        Err(Error::busy("somebody else is in the way"))
    }
}
