//! A clock that runs, and that a test moves ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mingji::domain::time::{Clock, Timestamp};
use mingji::telemetry::SystemClock;

/// The system's time plus what the test let pass. It runs on between two readings, as time does: a clock that
/// stands still would make an old sign-in look as new as the request that asks for a fresh one.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Somebody sets it back.
    pub fn set_back(&self, span: Duration) {
        self.0.fetch_sub(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// How many seconds it is ahead of the system's, for whoever lives by that one.
    pub fn ahead(&self) -> i64 {
        self.0.load(Ordering::SeqCst) / 1_000_000
    }

    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().micros() + self.0.load(Ordering::SeqCst))
    }
}
