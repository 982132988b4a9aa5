//! Password hashes: argon2id at OWASP's parameters on a bounded pool that serves known devices first
//! (ruling R17). A login that nobody has costs the same hash.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;

use crate::domain::auth::password::normalised;
use crate::domain::random::{Random, bytes};

/// OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// So many wait already that another would only time out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password pool is full")]
pub struct PoolFull;

/// Who is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A browser with a device cookie, or the operator.
    KnownDevice,
    /// Anybody else.
    Stranger,
}

/// How busy a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Hashes being computed.
    pub busy: usize,
    /// Callers in line.
    pub waiting: usize,
    /// Hashes that can be computed at a time.
    pub size: usize,
}

/// A bounded pool of hashing work.
#[derive(Clone)]
pub struct PasswordPool(Arc<Pool>);

struct Pool {
    queue: Mutex<Queue>,
    size: usize,
    most_waiting: usize,
}

struct Queue {
    free: usize,
    known: VecDeque<oneshot::Sender<Slot>>,
    strangers: VecDeque<oneshot::Sender<Slot>>,
}

/// A place at work; dropped, it goes to the next in line.
struct Slot(Arc<Pool>);

impl Drop for Slot {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        // Whoever went away meanwhile gives the place on by dropping it.
        while let Some(next) = queue.known.pop_front().or_else(|| queue.strangers.pop_front()) {
            if next.is_closed() {
                continue;
            }
            drop(queue);
            let _ = next.send(Self(self.0.clone()));
            return;
        }
        queue.free += 1;
    }
}

impl Pool {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For logins that nobody has: as costly as any, and the hash of no password at all. Not made at the start, which would take
/// as long as a sign-in, and its memory.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCAxNg$bm90aGluZyB0aGF0IGFueWJvZHkgY291bGQgdHlwZS4";

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl PasswordPool {
    /// `workers` hashes at a time, `most_waiting` callers in line.
    pub fn new(workers: usize, most_waiting: usize) -> Self {
        let size = workers.max(1);
        let queue = Queue { free: size, known: VecDeque::new(), strangers: VecDeque::new() };
        Self(Arc::new(Pool { queue: Mutex::new(queue), size, most_waiting }))
    }

    /// How busy it is now. Whoever went away while waiting does not count.
    pub fn load(&self) -> Load {
        let queue = self.0.lock();
        let in_line = queue.known.iter().chain(&queue.strangers).filter(|waiting| !waiting.is_closed());
        Load { busy: self.0.size - queue.free, waiting: in_line.count(), size: self.0.size }
    }

    async fn slot(&self, priority: Priority) -> Result<Slot, PoolFull> {
        let waiting = {
            let mut queue = self.0.lock();
            if queue.free > 0 {
                queue.free -= 1;
                return Ok(Slot(self.0.clone()));
            }
            if queue.known.len() + queue.strangers.len() >= self.0.most_waiting {
                queue.known.retain(|waiting| !waiting.is_closed());
                queue.strangers.retain(|waiting| !waiting.is_closed());
            }
            let full = queue.known.len() + queue.strangers.len() >= self.0.most_waiting;
            if full && priority == Priority::KnownDevice {
                // The last stranger in line makes room for somebody we know.
                queue.strangers.pop_back().ok_or(PoolFull)?;
            } else if full {
                return Err(PoolFull);
            }
            let (give, wait) = oneshot::channel();
            match priority {
                Priority::KnownDevice => queue.known.push_back(give),
                Priority::Stranger => queue.strangers.push_back(give),
            }
            wait
        };
        waiting.await.map_err(|_| PoolFull)
    }

    /// Hashes a new password; a PHC string.
    ///
    /// # Errors
    /// [`PoolFull`].
    pub async fn hash(
        &self,
        password: SecretString,
        random: Arc<dyn Random>,
        priority: Priority,
    ) -> Result<String, PoolFull> {
        let slot = self.slot(priority).await?;
        let work = move || {
            let salt: [u8; 16] = bytes(&*random);
            let hash = argon2().hash_password_with_salt(normalised(password.expose_secret()).as_bytes(), &salt);
            drop(slot);
            hash.map(|hash| hash.to_string()).map_err(|_| PoolFull)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| PoolFull)?
    }

    /// Whether a password has this hash. Without a hash the work is the same and the answer is no.
    ///
    /// # Errors
    /// [`PoolFull`].
    pub async fn verify(
        &self,
        password: SecretString,
        phc: Option<String>,
        priority: Priority,
    ) -> Result<bool, PoolFull> {
        let slot = self.slot(priority).await?;
        let work = move || {
            let text = phc.as_deref().unwrap_or(NOBODY);
            let matches = PasswordHash::new(text).is_ok_and(|hash| {
                argon2().verify_password(normalised(password.expose_secret()).as_bytes(), &hash).is_ok()
            });
            drop(slot);
            matches && phc.is_some()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| PoolFull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::random::SystemRandom;

    fn full_pool(max_waiting: usize) -> PasswordPool {
        PasswordPool::new(1, max_waiting)
    }

    #[tokio::test]
    async fn a_password_is_its_own_and_nobody_has_none() {
        let pool = PasswordPool::new(2, 8);
        let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
        let phc = pool.hash("caf\u{e9} 老师 2026".into(), random.clone(), Priority::Stranger).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let check =
            |text: &str, phc: Option<&str>| pool.verify(text.into(), phc.map(str::to_owned), Priority::Stranger);
        assert!(check("cafe\u{301} 老师 2026", Some(&phc)).await.unwrap(), "the same characters, composed otherwise");
        assert!(!check("cafe 老师 2026", Some(&phc)).await.unwrap());
        assert!(!check("caf\u{e9} 老师 2026", None).await.unwrap());
        assert!(!check("caf\u{e9} 老师 2026", Some("not a hash")).await.unwrap());
        let again = pool.hash("caf\u{e9} 老师 2026".into(), random, Priority::Stranger).await.unwrap();
        assert_ne!(phc, again, "the salt is fresh");
    }

    #[test]
    fn nobodys_hash_costs_what_a_real_one_costs() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, 1));
    }

    /// Somebody in line; wrapped, because a task can be awaited too.
    async fn waiting(pool: &PasswordPool, priority: Priority) -> (tokio::task::JoinHandle<Result<Slot, PoolFull>>,) {
        let pool = pool.clone();
        let handle = tokio::spawn(async move { pool.slot(priority).await });
        tokio::task::yield_now().await;
        (handle,)
    }

    #[tokio::test]
    async fn known_devices_go_first_and_take_the_place_of_the_last_stranger() {
        let pool = full_pool(2);
        let first = pool.slot(Priority::Stranger).await.unwrap();
        let early = waiting(&pool, Priority::Stranger).await.0;
        let late = waiting(&pool, Priority::Stranger).await.0;
        assert_eq!(pool.slot(Priority::Stranger).await.err(), Some(PoolFull));
        assert_eq!(pool.load(), Load { busy: 1, waiting: 2, size: 1 });
        let owner = waiting(&pool, Priority::KnownDevice).await.0;
        assert_eq!(late.await.unwrap().err(), Some(PoolFull), "the last stranger makes room");
        drop(first);
        let place = owner.await.unwrap().unwrap();
        assert!(!early.is_finished(), "the owner came later and is served first");
        drop(place);
        drop(early.await.unwrap().unwrap());
        assert_eq!(pool.load(), Load { busy: 0, waiting: 0, size: 1 });
        assert_eq!(pool.0.lock().free, 1);
    }

    #[tokio::test]
    async fn whoever_goes_away_gives_the_place_back() {
        let pool = full_pool(1);
        let first = pool.slot(Priority::Stranger).await.unwrap();
        let gone = tokio::time::timeout(std::time::Duration::from_millis(1), pool.slot(Priority::Stranger)).await;
        assert!(gone.is_err());
        assert_eq!(pool.load().waiting, 0, "whoever went away does not wait");
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.slot(Priority::Stranger).await.map(drop) }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(waiting.await.unwrap(), Ok(()), "the place in the queue was free again");
        assert_eq!(pool.0.lock().free, 1);
    }
}
