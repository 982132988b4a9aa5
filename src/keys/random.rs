//! The one generator: the operating system's, through ring.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ring::rand::SecureRandom as _;

use crate::domain::random::Random;

/// Bytes fetched at once, and the most that one request takes of them.
const POOL: usize = 1024;
const SMALL: usize = 64;

/// The operating system's generator. Small requests are served from bytes that were fetched together: an import asks for
/// millions of ids and nonces, and a call of the system costs more than making one. What was given out is wiped.
#[derive(Clone)]
pub struct SystemRandom {
    system: ring::rand::SystemRandom,
    pool: Arc<Mutex<Pool>>,
}

struct Pool {
    bytes: [u8; POOL],
    given: usize,
}

impl fmt::Debug for SystemRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemRandom")
    }
}

impl SystemRandom {
    /// A handle to it.
    #[allow(
        clippy::disallowed_methods,
        clippy::new_without_default,
        reason = "the one place that makes the injected generator, and makes it visibly"
    )]
    pub fn new() -> Self {
        let pool = Pool { bytes: [0; POOL], given: POOL };
        Self { system: ring::rand::SystemRandom::new(), pool: Arc::new(Mutex::new(pool)) }
    }

    fn fetch(&self, bytes: &mut [u8]) {
        // Without randomness nothing here is safe to run; the trait says that it must not return.
        #[allow(clippy::panic, reason = "a process without randomness must not go on")]
        if self.system.fill(bytes).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > SMALL {
            return self.fetch(bytes);
        }
        let pool = &mut *self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if POOL - pool.given < bytes.len() {
            self.fetch(&mut pool.bytes);
            pool.given = 0;
        }
        let taken = &mut pool.bytes[pool.given..pool.given + bytes.len()];
        bytes.copy_from_slice(taken);
        taken.fill(0);
        pool.given += bytes.len();
    }
}

/// The generator for ring's own calls, which take no other: their trait is sealed. Signature nonces and P-256
/// scalars come from here.
pub(super) fn ring_generator() -> &'static ring::rand::SystemRandom {
    static GENERATOR: LazyLock<ring::rand::SystemRandom> = LazyLock::new(|| SystemRandom::new().system);
    &GENERATOR
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_byte_is_given_twice_whoever_asks() {
        let random = SystemRandom::new();
        let ids: Vec<[u8; 16]> = std::thread::scope(|scope| {
            let ask = || (0..2000).map(|_| crate::domain::random::bytes(&random)).collect::<Vec<_>>();
            let asked: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            asked.into_iter().flat_map(|asked| asked.join().unwrap()).collect()
        });
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 8000);
        assert!(!ids.contains(&[0; 16]), "nor one that was wiped");
    }

    #[test]
    fn odd_sizes_and_large_ones_are_filled() {
        let random = SystemRandom::new();
        for size in (1..=200).chain([POOL - 1, POOL, POOL + 1]) {
            let mut bytes = vec![0; size];
            random.fill(&mut bytes);
            assert!(size < 16 || bytes.iter().any(|byte| *byte != 0), "{size}");
        }
        assert_eq!(format!("{random:?}"), "SystemRandom", "what is left in the pool is nobody's to read");
    }
}
