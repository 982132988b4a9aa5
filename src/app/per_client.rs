//! So much at a time for each client in this process, and no more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::id::ClientId;

/// What is under way for each client.
#[derive(Default)]
pub(crate) struct PerClient(Mutex<HashMap<ClientId, usize>>);

/// One of them, until it is dropped.
pub struct Place<'a> {
    all: &'a PerClient,
    client: ClientId,
}

impl PerClient {
    fn counts(&self) -> MutexGuard<'_, HashMap<ClientId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place among `most`; none while all are taken.
    pub(super) fn begin(&self, client: ClientId, most: usize) -> Option<Place<'_>> {
        let mut counts = self.counts();
        let count = counts.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { all: self, client })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}
