//! How far long work is: a bar on a terminal, a log line now and then elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::app::backup::Watch;
use crate::app::pace::Listener;

const LINE_EVERY: Duration = Duration::from_secs(5);

/// A bar for so many bytes; hidden where nobody sees it.
pub fn bar(size: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left");
    ProgressBar::new(size).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Looks on while bytes move.
pub struct Bytes {
    bar: ProgressBar,
    what: &'static str,
    said: Instant,
    stop: CancellationToken,
}

impl Bytes {
    /// `what` names the work; it ends when `stop` is cancelled.
    pub fn new(what: &'static str, stop: CancellationToken) -> Self {
        Self { bar: bar(0), what, said: Instant::now(), stop }
    }
}

impl Watch for Bytes {
    fn progress(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.said.elapsed() > LINE_EVERY {
            self.said = Instant::now();
            tracing::info!(done, total, "{}", self.what);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Looks on while classes, rows or people are worked off.
pub struct Steps {
    bar: ProgressBar,
    what: &'static str,
    said: Instant,
}

impl Steps {
    /// `what` names the work.
    pub fn new(what: &'static str) -> Self {
        Self { bar: bar(0), what, said: Instant::now() }
    }
}

impl Listener for Steps {
    fn progress(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.said.elapsed() > LINE_EVERY {
            self.said = Instant::now();
            tracing::info!(done, total, "{}", self.what);
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
