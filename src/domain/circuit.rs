//! A circuit breaker: a service that fails again and again is left alone for a while, then asked once, and by all again when it
//! answered. One for each service and process.

use std::time::Duration;

use super::time::Timestamp;

/// So many failures in a row open it.
const FAILURES: u32 = 5;
/// It stays open for so long.
const PAUSE: Duration = Duration::from_secs(60);
/// Whoever was let through to try may take so long; then somebody else is.
const TRIAL: Duration = Duration::from_secs(120);

/// Whether a service is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Circuit {
    /// It is; so many calls failed in a row.
    #[default]
    Closed,
    /// The same, after failures.
    Failing(u32),
    /// It is not, until then.
    Open(Timestamp),
    /// One call tries it, and nobody else until then.
    Trying(Timestamp),
}

impl Circuit {
    /// Whether a call may be made now; if so, the state while it is under way.
    pub fn admit(self, now: Timestamp) -> Option<Self> {
        match self {
            Self::Closed | Self::Failing(_) => Some(self),
            Self::Open(until) | Self::Trying(until) => (now >= until).then(|| Self::Trying(now.plus(TRIAL))),
        }
    }

    /// A call was not answered. One that was closes it again.
    #[must_use]
    pub fn failed(self, now: Timestamp) -> Self {
        let failures = match self {
            Self::Closed => 1,
            Self::Failing(before) => before + 1,
            Self::Open(_) | Self::Trying(_) => FAILURES,
        };
        if failures >= FAILURES { Self::Open(now.plus(PAUSE)) } else { Self::Failing(failures) }
    }

    /// As it is told to the operator.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed | Self::Failing(_) => "closed",
            Self::Open(_) => "open",
            Self::Trying(_) => "trying",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_closes_it() {
        let four = (0..4).fold(Circuit::default(), |circuit, _| circuit.failed(NOW));
        assert_eq!(four.admit(NOW), Some(Circuit::Failing(4)));
        assert_eq!(Circuit::default().failed(NOW), Circuit::Failing(1), "in a row");
        let open = four.failed(NOW);
        assert_eq!((open.admit(NOW), open.as_str()), (None, "open"));
        let trying = open.admit(NOW.plus(PAUSE)).unwrap();
        assert_eq!(trying.admit(NOW.plus(PAUSE)), None, "one tries, the others wait");
        assert!(trying.admit(NOW.plus(PAUSE + TRIAL)).is_some(), "whoever tried may have died");
        assert_eq!(trying.failed(NOW.plus(PAUSE)), Circuit::Open(NOW.plus(2 * PAUSE)), "at once");
    }
}
