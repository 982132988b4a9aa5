//! What was read a moment ago and is asked for again: the person of a code, a token and its userinfo are the same within
//! a second. Nothing here is older than two seconds (R15), which is sooner than a refusal has to be known (R16), and what
//! this process changes itself is seen at once.
//!
//! Only what is told is kept, never what is decided once: that a grant lives is read each time where tokens are made.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clients::CACHE_AGE;
use crate::domain::lately::Lately;
use crate::domain::time::Timestamp;

/// How much was changed by this process.
#[derive(Default)]
pub(crate) struct Changes(AtomicU64);

/// A moment between two changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Says so when it is dropped: whether a commit was made is not known to whoever lost its answer.
    pub(crate) fn happening(&self) -> Happening<'_> {
        Happening(self)
    }
}

/// A change under way.
pub(crate) struct Happening<'a>(&'a Changes);

impl Drop for Happening<'_> {
    fn drop(&mut self) {
        self.0.happened();
    }
}

/// What was read lately, by what it was asked for.
pub(crate) struct Recent<K, V>(Mutex<Kept<K, V>>);

struct Kept<K, V> {
    since: Since,
    read: Lately<K, (Timestamp, V)>,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// Room for so many.
    pub(crate) fn new(most: usize) -> Self {
        Self(Mutex::new(Kept { since: Since(0), read: Lately::new(most), most }))
    }

    /// What was read, while nothing changed and it is fresh. `now` is the present, not that of a request that waited.
    pub(crate) fn get(&self, key: &K, since: Since, now: Timestamp) -> Option<V> {
        let kept = self.at(since)?;
        let (at, value) = kept.read.get(key)?;
        (at <= now && now.since(at) < CACHE_AGE).then_some(value)
    }

    /// Keeps what was read after `since` and not before `at`.
    pub(crate) fn keep(&self, key: K, value: V, since: Since, at: Timestamp) {
        if let Some(mut kept) = self.at(since) {
            kept.read.keep(key, (at, value));
        }
    }

    /// What was kept since then. Everything older is let go of here, and does not lie about in memory (R18); whoever read
    /// before a change that another one knows of gets and keeps nothing.
    fn at(&self, since: Since) -> Option<MutexGuard<'_, Kept<K, V>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.since < since {
            *kept = Kept { since, read: Lately::new(kept.most), most: kept.most };
        }
        (kept.since == since).then_some(kept)
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
        recent.keep("key", 3, changes.now(), now);
        recent.keep("key", 4, since, now);
        assert_eq!(recent.get(&"key", changes.now(), now), Some(3), "what is late pushes nothing out");
        drop(changes.happening());
        assert_eq!(recent.get(&"key", changes.now(), now), None, "whoever lost the answer of a commit says so too");
    }
}
