//! A map whose entries end, of bounded size. There is no thread behind it: every call sweeps a few entries
//! that ended, so the cost of forgetting is spread over the calls that made the entries.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::time::Timestamp;

/// How many ended entries one call removes: more than it can add, so the backlog always shrinks, and few
/// enough that no single call pays for a burst of an hour ago.
const SWEEP: usize = 16;

/// What an entry costs besides its key and value: two map nodes, the shared key's header, the allocator.
const OVERHEAD: usize = 160;

/// A bounded map of entries that end.
pub(super) struct Table<V> {
    entries: HashMap<Arc<str>, Entry<V>>,
    by_end: BTreeSet<(Timestamp, Arc<str>)>,
    bytes: usize,
    limit: usize,
    may_forget: bool,
}

struct Entry<V> {
    value: V,
    ends: Timestamp,
    bytes: usize,
}

/// There is no room, and nothing may be forgotten.
#[derive(Debug)]
pub(super) struct NoRoom;

impl<V> Table<V> {
    /// At most about `limit` bytes; when full, entries that end soonest make room if `may_forget`.
    pub(super) fn new(limit: usize, may_forget: bool) -> Self {
        Self { entries: HashMap::new(), by_end: BTreeSet::new(), bytes: 0, limit, may_forget }
    }

    /// The live value of a key.
    pub(super) fn get(&mut self, key: &str, now: Timestamp) -> Option<&mut V> {
        self.get_with_end(key, now).map(|(value, _)| value)
    }

    /// The live value of a key and when it ends.
    pub(super) fn get_with_end(&mut self, key: &str, now: Timestamp) -> Option<(&mut V, Timestamp)> {
        self.sweep(now);
        let entry = self.entries.get_mut(key)?;
        (entry.ends > now).then_some((&mut entry.value, entry.ends))
    }

    /// Stores a value of `size` bytes until `ends`, over what was there.
    pub(super) fn insert(
        &mut self,
        key: &str,
        value: V,
        size: usize,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<(), NoRoom> {
        self.sweep(now);
        self.remove(key);
        let bytes = size + key.len() + OVERHEAD;
        self.make_room(bytes, now)?;
        let key: Arc<str> = Arc::from(key);
        self.bytes += bytes;
        self.by_end.insert((ends, Arc::clone(&key)));
        self.entries.insert(key, Entry { value, ends, bytes });
        Ok(())
    }

    /// Accounts for a value that grew in place.
    pub(super) fn grew(&mut self, key: &str, by: usize) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.bytes += by;
            self.bytes += by;
        }
    }

    /// Forgets a key.
    pub(super) fn remove(&mut self, key: &str) {
        if let Some((key, entry)) = self.entries.remove_entry(key) {
            self.bytes -= entry.bytes;
            self.by_end.remove(&(entry.ends, key));
        }
    }

    fn make_room(&mut self, bytes: usize, now: Timestamp) -> Result<(), NoRoom> {
        while self.bytes + bytes > self.limit {
            let ended = self.by_end.first().is_some_and(|(ends, _)| *ends <= now);
            if !(ended || self.may_forget) || !self.remove_first() {
                return Err(NoRoom);
            }
        }
        Ok(())
    }

    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..SWEEP {
            if self.by_end.first().is_none_or(|(ends, _)| *ends > now) {
                return;
            }
            self.remove_first();
        }
    }

    fn remove_first(&mut self) -> bool {
        let Some((_, key)) = self.by_end.pop_first() else { return false };
        if let Some(entry) = self.entries.remove(&key) {
            self.bytes -= entry.bytes;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn an_entry_ends_at_its_end_and_its_bytes_return() {
        let mut table = Table::new(10_000, false);
        table.insert("a", 1, 8, at(10), at(0)).unwrap();
        assert_eq!(table.get("a", at(9)), Some(&mut 1));
        assert_eq!(table.get("a", at(10)), None);
        assert_eq!((table.bytes, table.entries.len(), table.by_end.len()), (0, 0, 0));
    }

    #[test]
    fn replacing_moves_the_end() {
        let mut table = Table::new(10_000, false);
        table.insert("a", 1, 8, at(10), at(0)).unwrap();
        table.insert("a", 2, 8, at(20), at(0)).unwrap();
        assert_eq!(table.get("a", at(15)), Some(&mut 2));
        assert_eq!(table.by_end.len(), 1);
    }

    #[test]
    fn a_full_table_refuses_when_it_may_not_forget() {
        let mut table = Table::new(3 * (OVERHEAD + 9), false);
        for (end, key) in ["a", "b", "c"].into_iter().enumerate() {
            table.insert(key, (), 8, at(100 + i64::try_from(end).unwrap()), at(0)).unwrap();
        }
        assert!(table.insert("d", (), 8, at(200), at(0)).is_err());
        assert!(table.get("a", at(0)).is_some());
        assert!(table.insert("d", (), 8, at(200), at(101)).is_ok(), "what ended makes room");
    }

    #[test]
    fn a_full_table_forgets_what_ends_soonest_when_it_may() {
        let mut table = Table::new(2 * (OVERHEAD + 9), true);
        table.insert("late", (), 5, at(100), at(0)).unwrap();
        table.insert("soon", (), 5, at(50), at(0)).unwrap();
        table.insert("new", (), 5, at(70), at(0)).unwrap();
        assert!(table.get("soon", at(0)).is_none());
        assert!(table.get("late", at(0)).is_some());
    }

    #[test]
    fn a_burst_is_swept_by_the_calls_that_follow() {
        let mut table = Table::new(1 << 20, false);
        for n in 0..1000 {
            table.insert(&format!("k{n}"), (), 0, at(10), at(0)).unwrap();
        }
        for _ in 0..1000 / SWEEP + 1 {
            table.get("none", at(11));
        }
        assert!(table.entries.is_empty());
        assert_eq!(table.bytes, 0);
    }
}
