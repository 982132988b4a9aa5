//! What was read a moment ago and is asked for again: the person of a code, a token and its userinfo are the same within
//! a second. Nothing here is older than two seconds (R15), which is sooner than a refusal has to be known (R16), and what
//! this process changes itself is seen at once.
//!
//! Only what is told is kept, never what is decided once: that a grant lives is read each time where tokens are made.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::clients::CACHE_AGE;
use crate::domain::lately::Lately;
use crate::domain::time::Timestamp;

/// How much was changed by this process.
#[derive(Default)]
pub(crate) struct Changes(AtomicU64);

/// A moment between two changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since(u64);

impl Changes {
    /// Now. Taken before something is read.
    pub(crate) fn now(&self) -> Since {
        Since(self.0.load(Ordering::Acquire))
    }

    /// Something else is so from now on.
    pub(crate) fn happened(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// What was read lately, by what it was asked for.
pub(crate) struct Recent<K, V>(Mutex<Lately<K, Read<V>>>);

#[derive(Clone)]
struct Read<V> {
    since: Since,
    at: Timestamp,
    value: V,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// Room for so many.
    pub(crate) fn new(most: usize) -> Self {
        Self(Mutex::new(Lately::new(most)))
    }

    /// What was read, while nothing changed and it is fresh.
    pub(crate) fn get(&self, key: &K, since: Since, now: Timestamp) -> Option<V> {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key)?;
        let fresh = read.since == since && read.at <= now && now.since(read.at) < CACHE_AGE;
        fresh.then_some(read.value)
    }

    /// Keeps what was read after `since`.
    pub(crate) fn keep(&self, key: K, value: V, since: Since, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(key, Read { since, at: now, value });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_read_stands_two_seconds_and_until_something_changes() {
        let (recent, changes, now) = (Recent::new(4), Changes::default(), Timestamp::from_seconds(1_800_000_000));
        let since = changes.now();
        recent.keep("key", 1, since, now);
        assert_eq!(recent.get(&"key", changes.now(), now.plus(Duration::from_millis(1_999))), Some(1));
        assert_eq!(recent.get(&"key", changes.now(), now.plus(CACHE_AGE)), None, "too old");
        assert_eq!(
            recent.get(&"key", changes.now(), now.minus(Duration::from_secs(1))),
            None,
            "a clock that was set back"
        );
        changes.happened();
        assert_eq!(recent.get(&"key", changes.now(), now), None, "something changed");
        recent.keep("key", 2, since, now);
        assert_eq!(recent.get(&"key", changes.now(), now), None, "it was read before the change, and kept after it");
    }
}
