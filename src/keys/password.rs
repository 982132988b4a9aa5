//! Password hashes: argon2id at OWASP's parameters on a bounded pool that serves known devices first
//! (ruling R17). A login that nobody has costs the same hash.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::huge_pages::HugePages;
use crate::domain::auth::password::normalised;
use crate::domain::random::{Random, bytes};

/// OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// So many wait already that another would only time out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password pool is full")]
pub struct PoolFull;

/// Who asks for a hash.
#[derive(Clone, PartialEq, Eq)]
pub enum Who {
    /// Somebody at a browser that she signed in at before, somebody who is signed in, the operator; by what tells her from
    /// others. They are served first.
    Known(String),
    /// Anybody else, by her network.
    Stranger(String),
}

/// A caller, as the line knows her.
#[derive(Clone)]
pub struct Asker {
    /// Who it is.
    pub who: Who,
    /// Cancelled once nobody waits for the answer: the place in line is given on.
    pub gone: CancellationToken,
}

/// One whom we know has so many places in line, however many browsers know her.
const PLACES_OF_ONE: usize = 2;
/// Of so many hashes that were begun last…
const LATELY: usize = 256;
/// …so many may be for one whom we know, before she stands in line among the strangers: else a single account with its right
/// password would always be served before all of them.
const OFTEN: usize = 4;

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
    known: VecDeque<Waiting>,
    strangers: VecDeque<Waiting>,
    /// For whom hashes were begun last; nobody where it was somebody whom we do not know.
    lately: VecDeque<Option<String>>,
}

/// A place in line.
struct Waiting {
    /// Who it is, or her network.
    whose: String,
    /// Whether it is somebody whom we know, wherever she stands.
    known: bool,
    give: oneshot::Sender<Slot>,
}

/// A place at work; dropped, it goes to the next in line.
struct Slot(Arc<Pool>);

impl Drop for Slot {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        match queue.next() {
            Some(next) => {
                drop(queue);
                // Whoever went away in this moment gives the place on by dropping it.
                let _ = next.send(Self(self.0.clone()));
            }
            None => queue.free += 1,
        }
    }
}

impl Queue {
    /// Who is served now; whoever went away meanwhile is passed over.
    fn next(&mut self) -> Option<oneshot::Sender<Slot>> {
        while let Some(next) = self.known.pop_front().or_else(|| self.strangers.pop_front()) {
            if !next.give.is_closed() {
                self.serves(next.known.then_some(next.whose));
                return Some(next.give);
            }
        }
        None
    }

    /// Strangers' hashes count too, or in a house of few whom we know each would have had her share of them for ever.
    fn serves(&mut self, known: Option<String>) {
        self.lately.push_back(known);
        if self.lately.len() > LATELY {
            self.lately.pop_front();
        }
    }

    fn in_line(&self) -> usize {
        self.known.len() + self.strangers.len()
    }

    fn let_go(&mut self) {
        self.known.retain(|waiting| !waiting.give.is_closed());
        self.strangers.retain(|waiting| !waiting.give.is_closed());
    }

    /// Takes a place in line.
    fn wait(&mut self, who: Who, most: usize) -> Result<oneshot::Receiver<Slot>, PoolFull> {
        if self.in_line() >= most {
            self.let_go();
        }
        let known = matches!(who, Who::Known(_));
        let served = |whose: &str| self.lately.iter().filter(|one| one.as_deref() == Some(whose)).count();
        let who = match who {
            Who::Known(whose) if served(&whose) >= OFTEN => Who::Stranger(whose),
            who => who,
        };
        if let Who::Known(whose) = &who {
            let hers = self.known.iter().filter(|waiting| waiting.whose == *whose && !waiting.give.is_closed());
            if hers.count() >= PLACES_OF_ONE {
                return Err(PoolFull);
            }
        }
        if self.in_line() >= most && !self.one_gives_way(&who, most.div_ceil(4)) {
            return Err(PoolFull);
        }
        let (give, wait) = oneshot::channel();
        match who {
            Who::Known(whose) => self.known.push_back(Waiting { whose, known, give }),
            Who::Stranger(whose) => self.strangers.push_back(Waiting { whose, known, give }),
        }
        Ok(wait)
    }

    /// The last stranger of the network with the most in line makes room: for somebody we know always, for a stranger of
    /// another network where that one has more than its share of a full line.
    fn one_gives_way(&mut self, to: &Who, share: usize) -> bool {
        let mut networks: HashMap<&str, (usize, usize)> = HashMap::new();
        for (at, waiting) in self.strangers.iter().enumerate() {
            let (many, last) = networks.entry(&waiting.whose).or_default();
            (*many, *last) = (*many + 1, at);
        }
        let crowd = networks.into_iter().max_by_key(|(_, crowd)| *crowd);
        let last = crowd.filter(|(network, (many, _))| match to {
            Who::Known(_) => true,
            Who::Stranger(own) => own != network && *many > share,
        });
        let last = last.map(|(_, (_, last))| last);
        last.and_then(|last| self.strangers.remove(last)).is_some()
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
        let (known, strangers, lately) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        let queue = Queue { free: size, known, strangers, lately };
        Self(Arc::new(Pool { queue: Mutex::new(queue), size, most_waiting }))
    }

    /// How busy it is now. Whoever went away while waiting does not count.
    pub fn load(&self) -> Load {
        let queue = self.0.lock();
        let in_line = queue.known.iter().chain(&queue.strangers).filter(|waiting| !waiting.give.is_closed());
        Load { busy: self.0.size - queue.free, waiting: in_line.count(), size: self.0.size }
    }

    async fn slot(&self, asker: Asker) -> Result<Slot, PoolFull> {
        let Asker { who, gone } = asker;
        let waiting = {
            let mut queue = self.0.lock();
            if queue.free > 0 {
                queue.free -= 1;
                queue.serves(match who {
                    Who::Known(whose) => Some(whose),
                    Who::Stranger(_) => None,
                });
                return Ok(Slot(self.0.clone()));
            }
            queue.wait(who, self.0.most_waiting)?
        };
        tokio::select! {
            biased;
            () = gone.cancelled() => Err(PoolFull),
            place = waiting => place.map_err(|_| PoolFull),
        }
    }

    /// Hashes a new password; a PHC string.
    ///
    /// # Errors
    /// [`PoolFull`].
    pub async fn hash(
        &self,
        password: SecretString,
        random: Arc<dyn Random>,
        asker: Asker,
    ) -> Result<String, PoolFull> {
        let slot = self.slot(asker).await?;
        let work = move || {
            let salt: [u8; 16] = bytes(&*random);
            let _huge = HugePages::lent();
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
    pub async fn verify(&self, password: SecretString, phc: Option<String>, asker: Asker) -> Result<bool, PoolFull> {
        let slot = self.slot(asker).await?;
        let work = move || {
            let text = phc.as_deref().unwrap_or(NOBODY);
            let _huge = HugePages::lent();
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

    fn stranger(network: &str) -> Asker {
        Asker { who: Who::Stranger(network.to_owned()), gone: CancellationToken::new() }
    }

    fn known(whose: &str) -> Asker {
        Asker { who: Who::Known(whose.to_owned()), gone: CancellationToken::new() }
    }

    fn full_pool(max_waiting: usize) -> PasswordPool {
        PasswordPool::new(1, max_waiting)
    }

    #[tokio::test]
    async fn a_password_is_its_own_and_nobody_has_none() {
        let pool = PasswordPool::new(2, 8);
        let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
        let phc = pool.hash("caf\u{e9} 老师 2026".into(), random.clone(), stranger("school")).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let check =
            |text: &str, phc: Option<&str>| pool.verify(text.into(), phc.map(str::to_owned), stranger("school"));
        assert!(check("cafe\u{301} 老师 2026", Some(&phc)).await.unwrap(), "the same characters, composed otherwise");
        assert!(!check("cafe 老师 2026", Some(&phc)).await.unwrap());
        assert!(!check("caf\u{e9} 老师 2026", None).await.unwrap());
        assert!(!check("caf\u{e9} 老师 2026", Some("not a hash")).await.unwrap());
        let again = pool.hash("caf\u{e9} 老师 2026".into(), random, stranger("school")).await.unwrap();
        assert_ne!(phc, again, "the salt is fresh");
    }

    #[test]
    fn nobodys_hash_costs_what_a_real_one_costs() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, 1));
    }

    type InLine = tokio::task::JoinHandle<Result<Slot, PoolFull>>;

    /// Somebody in line; wrapped, because a task can be awaited too.
    async fn waiting(pool: &PasswordPool, asker: Asker) -> (InLine,) {
        let pool = pool.clone();
        let handle = tokio::spawn(async move { pool.slot(asker).await });
        tokio::task::yield_now().await;
        (handle,)
    }

    #[tokio::test]
    async fn known_devices_go_first_and_take_the_place_of_the_last_stranger() {
        let pool = full_pool(2);
        let first = pool.slot(stranger("school")).await.unwrap();
        let early = waiting(&pool, stranger("school")).await.0;
        let late = waiting(&pool, stranger("school")).await.0;
        assert_eq!(pool.slot(stranger("school")).await.err(), Some(PoolFull));
        assert_eq!(pool.load(), Load { busy: 1, waiting: 2, size: 1 });
        let owner = waiting(&pool, known("owner")).await.0;
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
    async fn one_network_fills_the_line_only_while_nobody_else_comes() {
        let pool = full_pool(8);
        let first = pool.slot(stranger("school")).await.unwrap();
        let mut crowd = Vec::new();
        for _ in 0..8 {
            crowd.push(waiting(&pool, stranger("laptop")).await.0);
        }
        assert_eq!(pool.slot(stranger("laptop")).await.err(), Some(PoolFull));
        let mut homes = Vec::new();
        for home in ["a", "b", "c", "d", "e", "f"] {
            homes.push(waiting(&pool, stranger(home)).await.0);
            assert!(crowd.pop().unwrap().await.unwrap().is_err(), "its last makes room for home {home}");
        }
        assert_eq!(pool.slot(stranger("g")).await.err(), Some(PoolFull), "a quarter of the line stays its own");
        drop(first);
        for served in crowd.into_iter().chain(homes) {
            drop(served.await.unwrap().unwrap());
        }
        assert_eq!(pool.0.lock().free, 1);
    }

    #[tokio::test]
    async fn one_account_is_not_served_before_everybody_for_ever() {
        let pool = full_pool(64);
        let first = pool.slot(stranger("school")).await.unwrap();
        let hers = [waiting(&pool, known("her")).await.0, waiting(&pool, known("her")).await.0];
        assert_eq!(pool.slot(known("her")).await.err(), Some(PoolFull), "two places are enough for one");
        let colleague = waiting(&pool, known("colleague")).await.0;
        drop(first);
        for place in hers.into_iter().chain([colleague]) {
            drop(place.await.unwrap().unwrap());
        }
        for _ in 0..2 {
            drop(pool.slot(known("her")).await.unwrap());
        }
        let working = pool.slot(stranger("school")).await.unwrap();
        let newcomer = waiting(&pool, stranger("home")).await.0;
        let again = waiting(&pool, known("her")).await.0;
        drop(working);
        let place = newcomer.await.unwrap().unwrap();
        assert!(!again.is_finished(), "who was served so often stands behind whoever came before her");
        drop(place);
        drop(again.await.unwrap().unwrap());
        // Others let her be forgotten, known or not.
        for n in 0..LATELY {
            drop(pool.slot(if n % 2 == 0 { known(&n.to_string()) } else { stranger("home") }).await.unwrap());
        }
        let working = pool.slot(stranger("school")).await.unwrap();
        let newcomer = waiting(&pool, stranger("home")).await.0;
        let again = waiting(&pool, known("her")).await.0;
        drop(working);
        drop(again.await.unwrap().unwrap());
        drop(newcomer.await.unwrap().unwrap());
    }

    #[tokio::test]
    async fn where_few_are_known_a_flood_of_strangers_does_not_keep_them_out() {
        let pool = full_pool(8);
        // Weeks of a small school.
        for n in 0..LATELY {
            drop(pool.slot(known(&(n % 40).to_string())).await.unwrap());
        }
        // A flood from many networks, of which none has more than its share of the line.
        for n in 0..LATELY {
            drop(pool.slot(stranger(&n.to_string())).await.unwrap());
        }
        let working = pool.slot(stranger("working")).await.unwrap();
        let mut flood = Vec::new();
        for n in 0..8 {
            flood.push(waiting(&pool, stranger(&n.to_string())).await.0);
        }
        let owner = waiting(&pool, known("7")).await.0;
        drop(working);
        let place = owner.await.unwrap().expect("a full line has room for her");
        assert!(flood.iter().filter(|one| one.is_finished()).count() <= 1, "she is served first");
        drop(place);
        for one in flood {
            drop(one.await.unwrap());
        }
    }

    #[tokio::test]
    async fn whoever_goes_away_gives_the_place_back() {
        let pool = full_pool(1);
        let first = pool.slot(stranger("school")).await.unwrap();
        let gone = CancellationToken::new();
        let left = waiting(&pool, Asker { gone: gone.clone(), ..stranger("school") }).await.0;
        assert_eq!(pool.load().waiting, 1);
        gone.cancel();
        assert_eq!(left.await.unwrap().err(), Some(PoolFull));
        assert_eq!(pool.load().waiting, 0, "whoever went away does not wait");
        let next = waiting(&pool, stranger("school")).await.0;
        drop(first);
        drop(next.await.unwrap().unwrap());
        assert_eq!(pool.0.lock().free, 1);
    }
}
