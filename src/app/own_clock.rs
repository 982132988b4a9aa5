//! Whether the clock of this machine may be believed about what nothing brings back. A machine that starts with a wrong date
//! (an empty battery, a restored snapshot) goes by it until the network says better; what it destroys meanwhile as years
//! old is gone.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::work::Housekeeping;
use super::{App, Error};
use crate::domain::time::Timestamp;
use crate::store::facts;

/// Under which it is noted when the register was last at work by a clock that was believed.
const SEEN: &str = "clock_seen_at";
/// Further ahead of that nothing is believed at once: a school that was closed over a long week-end is not waited for.
const AHEAD: Duration = Duration::from_secs(3 * 86_400);
/// A clock that went evenly for so long is right: time servers would have set it.
const EVENLY: Duration = Duration::from_secs(6 * 3_600);
/// More than this between two looks is no even way.
const STEP: Duration = Duration::from_secs(60);
/// The note is as old as this at most.
const NOTED: Duration = Duration::from_secs(600);

/// Since when the clock goes evenly.
pub(crate) struct Even(Mutex<(Timestamp, Instant)>);

impl Even {
    pub(crate) fn since(now: Timestamp) -> Self {
        Self(Mutex::new((now, Instant::now())))
    }

    /// How long; a clock that was set begins anew.
    fn span(&self, now: Timestamp, instant: Instant) -> Duration {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = instant.saturating_duration_since(since.1);
        let shown = now.since(since.0);
        if now < since.0 || shown.abs_diff(passed) > STEP {
            *since = (now, instant);
            return Duration::ZERO;
        }
        passed
    }
}

impl App {
    /// Whether what is old or due by this clock may be destroyed.
    ///
    /// # Errors
    /// `Busy` where the clock stands days ahead of when the register was last at work and did not go evenly for hours since;
    /// a failed store.
    pub async fn believes_its_clock(&self) -> Result<(), Error> {
        let now = self.now();
        let evenly = self.even.span(now, Instant::now());
        let seen = self.clock_seen_at().await?;
        let ahead = seen.map_or(Duration::MAX, |seen| now.since(seen));
        if seen.is_some() && ahead > AHEAD && evenly < EVENLY {
            return Err(Error::busy(
                "the clock stands days ahead of when this register was last at work: nothing is ended for good before it went evenly for six hours",
            ));
        }
        if ahead > NOTED {
            let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
            facts::set_note(&mut tx, SEEN, &now.to_rfc3339(), now).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// How far the clock stands ahead of when the register was last at work, where that is too far to be believed at once.
    ///
    /// # Errors
    /// A failed store.
    pub async fn clock_ahead_by(&self) -> Result<Option<Duration>, Error> {
        let now = self.now();
        Ok(self.clock_seen_at().await?.map(|seen| now.since(seen)).filter(|ahead| *ahead > AHEAD))
    }

    async fn clock_seen_at(&self) -> Result<Option<Timestamp>, Error> {
        let note = facts::note(&mut self.db.read().await?, SEEN).await?;
        Ok(note.and_then(|text| Timestamp::from_rfc3339(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_begins_anew() {
        let (begun, instant) = (Timestamp::from_seconds(1_790_000_000), Instant::now());
        let even = Even(Mutex::new((begun, instant)));
        let hour = Duration::from_secs(3_600);
        assert_eq!(even.span(begun.plus(hour), instant + hour), hour);
        assert_eq!(
            even.span(begun.plus(hour * 2), instant + hour * 2 + Duration::from_secs(30)),
            hour * 2 + Duration::from_secs(30)
        );
        for (shown, passed) in [(hour * 9_000, hour * 3), (hour, hour * 4)] {
            assert_eq!(even.span(begun.plus(shown), instant + passed), Duration::ZERO, "{shown:?}");
            assert_eq!(even.span(begun.plus(shown + hour), instant + passed + hour), hour);
        }
    }
}
