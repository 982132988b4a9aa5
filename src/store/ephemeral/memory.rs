//! The backend of one process. Each space has its own tables and locks, so a flood in one neither fills nor
//! stalls another; the injected clock decides what has ended.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::table::{NoRoom, Table};
use super::{DISTINCT_LIMIT, EphemeralError, Redeemed, Space, Tally};
use crate::domain::time::{Clock, Timestamp};

/// Room of one kind of entry in one space: some 100,000 counters.
const LIMIT_BYTES: usize = 32 << 20;
/// The same where nothing may be forgotten: some 600,000 names of requests, proofs and assertions, which is what 300 pushed
/// sign-ins a second leave behind in half an hour.
const LIMIT_OF_GUARDS: usize = 128 << 20;

/// What a member of a set costs besides its text.
const MEMBER_OVERHEAD: usize = 48;

/// The store in this process's memory.
pub(super) struct Memory {
    clock: Arc<dyn Clock>,
    since: Timestamp,
    shelves: [Shelf; Space::ALL.len()],
}

/// The tables of one space; one per kind of entry, so that a verb only ever meets its own kind.
struct Shelf {
    values: Mutex<Table<Vec<u8>>>,
    offers: Mutex<Table<Offer>>,
    counts: Mutex<Table<u64>>,
    members: Mutex<Table<HashSet<Box<str>>>>,
}

enum Offer {
    Open { grant: Uuid, value: Vec<u8> },
    Used { grant: Uuid },
}

impl Memory {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let since = clock.now();
        Self { clock, since, shelves: Space::ALL.map(Shelf::new) }
    }

    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    pub(super) fn put(&self, space: Space, key: &str, value: &[u8], ttl: Duration) -> Result<(), EphemeralError> {
        let now = self.clock.now();
        lock(&self.shelf(space).values).insert(key, value.to_vec(), value.len(), now.plus(ttl), now).or_full(space)
    }

    pub(super) fn put_if_absent(
        &self,
        space: Space,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, EphemeralError> {
        let now = self.clock.now();
        let mut values = lock(&self.shelf(space).values);
        if values.get(key, now).is_some() {
            return Ok(false);
        }
        values.insert(key, value.to_vec(), value.len(), now.plus(ttl), now).or_full(space)?;
        Ok(true)
    }

    pub(super) fn get(&self, space: Space, key: &str) -> Result<Option<Vec<u8>>, EphemeralError> {
        Ok(lock(&self.shelf(space).values).get(key, self.clock.now()).cloned())
    }

    pub(super) fn remove(&self, space: Space, key: &str) -> Result<(), EphemeralError> {
        let shelf = self.shelf(space);
        lock(&shelf.values).remove(key);
        lock(&shelf.offers).remove(key);
        lock(&shelf.counts).remove(key);
        lock(&shelf.members).remove(key);
        Ok(())
    }

    pub(super) fn raise(&self, space: Space, key: &str, by: u64, ttl: Duration) -> Result<Tally, EphemeralError> {
        let now = self.clock.now();
        let mut counts = lock(&self.shelf(space).counts);
        if let Some((count, ends)) = counts.get_with_end(key, now) {
            *count = count.saturating_add(by);
            return Ok(Tally { count: *count, left: ends.since(now) });
        }
        counts.insert(key, by, size_of::<u64>(), now.plus(ttl), now).or_full(space)?;
        Ok(Tally { count: by, left: ttl })
    }

    pub(super) fn refund(&self, space: Space, key: &str) -> Result<(), EphemeralError> {
        let mut counts = lock(&self.shelf(space).counts);
        match counts.get(key, self.clock.now()) {
            Some(count) if *count > 1 => *count -= 1,
            _ => counts.remove(key),
        }
        Ok(())
    }

    pub(super) fn count_distinct(
        &self,
        space: Space,
        key: &str,
        member: &str,
        ttl: Duration,
    ) -> Result<u64, EphemeralError> {
        let now = self.clock.now();
        let cost = member.len() + MEMBER_OVERHEAD;
        let mut members = lock(&self.shelf(space).members);
        let Some(set) = members.get(key, now) else {
            members.insert(key, HashSet::from([Box::from(member)]), cost, now.plus(ttl), now).or_full(space)?;
            return Ok(1);
        };
        let size = set.len() as u64;
        if size >= DISTINCT_LIMIT || !set.insert(Box::from(member)) {
            return Ok(size);
        }
        members.grew(key, cost);
        Ok(size + 1)
    }

    pub(super) fn distinct(&self, space: Space, key: &str) -> Result<u64, EphemeralError> {
        Ok(lock(&self.shelf(space).members).get(key, self.clock.now()).map_or(0, |set| set.len() as u64))
    }

    pub(super) fn offer(
        &self,
        space: Space,
        key: &str,
        grant: Uuid,
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), EphemeralError> {
        let now = self.clock.now();
        let offer = Offer::Open { grant, value: value.to_vec() };
        lock(&self.shelf(space).offers).insert(key, offer, value.len(), now.plus(ttl), now).or_full(space)
    }

    pub(super) fn redeem(&self, space: Space, key: &str, remember: Duration) -> Result<Redeemed, EphemeralError> {
        let now = self.clock.now();
        let mut offers = lock(&self.shelf(space).offers);
        let (grant, value) = match offers.get(key, now) {
            None => return Ok(Redeemed::Unknown),
            Some(Offer::Used { grant }) => return Ok(Redeemed::Again(*grant)),
            Some(Offer::Open { grant, value }) => (*grant, std::mem::take(value)),
        };
        // What replaces the offer is never larger than it, so there is room.
        offers.insert(key, Offer::Used { grant }, 0, now.plus(remember), now).or_full(space)?;
        Ok(Redeemed::First { grant, value })
    }

    fn shelf(&self, space: Space) -> &Shelf {
        &self.shelves[space as usize]
    }
}

impl Shelf {
    fn new(space: Space) -> Self {
        let forget = space.may_forget();
        let limit = if forget { LIMIT_BYTES } else { LIMIT_OF_GUARDS };
        Self {
            values: Mutex::new(Table::new(limit, forget)),
            offers: Mutex::new(Table::new(limit, forget)),
            counts: Mutex::new(Table::new(limit, forget)),
            members: Mutex::new(Table::new(limit, forget)),
        }
    }
}

/// No call leaves a table half changed, so one that panicked elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

trait OrFull {
    fn or_full(self, space: Space) -> Result<(), EphemeralError>;
}

impl OrFull for Result<(), NoRoom> {
    fn or_full(self, space: Space) -> Result<(), EphemeralError> {
        self.map_err(|NoRoom| EphemeralError::Full(space))
    }
}
