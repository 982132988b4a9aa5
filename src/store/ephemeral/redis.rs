//! The backend that replicas share: Redis 7 or Valkey 8, alone or as a cluster. What must not be torn is one
//! script on the server; every script touches one key, so it runs on a cluster unchanged.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, Script, ScriptInvocation, TlsCertificates};
use tokio::time::timeout;
use url::Url;
use uuid::Uuid;

use super::{DISTINCT_LIMIT, EphemeralError, Redeemed, Space, Tally};
use crate::domain::time::Timestamp;

/// To open a connection. The cluster client can hang while it asks the nodes, so this also wraps the whole.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one answer: a script takes microseconds, so a second means that something is broken.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// For one verb with its repetition and a reconnection in between.
const VERB_TIMEOUT: Duration = Duration::from_secs(3);

/// Since when the server holds what it was told, in microseconds of its own clock. Without an end: whatever takes it away
/// took guards along.
const BORN: &str = "mingji:born";
/// What a process says of its age is rounded to a second.
const ROUNDED: Duration = Duration::from_secs(1);

/// An offer on the server is one byte of state, the grant's 16 bytes, then the value while it is open.
const OPEN: u8 = 1;
const USED: u8 = 2;
const HEADER: usize = 17;

/// Marks an open offer as used, keeps its grant for ARGV[1] ms, and returns what was there.
static REDEEM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local held = redis.call('GET', KEYS[1])
if held and string.byte(held, 1) == 1 then
  redis.call('SET', KEYS[1], string.char(2) .. string.sub(held, 2, 17), 'PX', ARGV[1])
end
return held",
    )
});

/// Raises the counter by ARGV[2] and says how many milliseconds are left of its window; whatever has no window yet
/// starts one of ARGV[1] ms.
static RAISE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}",
    )
});

/// Takes one raise back, without bringing a counter to life. One that stands at nothing is no counter any more: strangers
/// would leave a key with each name that they type, and everybody with each sign-in that goes well.
static REFUND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count > 1 then redis.call('DECR', KEYS[1]) else redis.call('UNLINK', KEYS[1]) end
return 0",
    )
});

/// Adds ARGV[1] unless ARGV[3] members are there; the first member starts the window of ARGV[2] ms.
static COUNT_DISTINCT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local size = redis.call('SCARD', KEYS[1])
if size >= tonumber(ARGV[3]) then return size end
size = size + redis.call('SADD', KEYS[1], ARGV[1])
if size == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return size",
    )
});

/// New links are opened so often at most: who is only slow is not made slower.
const OPENING_PAUSE: Duration = Duration::from_secs(1);
/// So many answers in a row that did not come: the other end is gone, though nobody said so.
const SILENCES: u32 = 2;

/// The store on a server.
pub(super) struct Redis {
    address: Address,
    link: RwLock<Link>,
    /// One opens a new link, the others use it; when that was.
    opening: tokio::sync::Mutex<Option<Instant>>,
    silences: AtomicU32,
    /// [`BORN`] as it was read last.
    born: AtomicI64,
    /// A connection broke since then: who is at the other end now is not known.
    unsure: AtomicBool,
}

#[derive(Clone)]
enum Link {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

/// What is asked of the server.
#[derive(Clone, Copy)]
enum Call<'a> {
    Command(&'a Cmd),
    InARow(&'a Pipeline),
    Script(&'a ScriptInvocation<'a>),
}

/// What kind of entry a key names, so that a verb only ever meets its own kind.
#[derive(Clone, Copy)]
enum Kind {
    Value,
    Offer,
    Count,
    Members,
}

impl Redis {
    pub(super) async fn connect(url: &str) -> Result<Self, EphemeralError> {
        let address = Address::of(url)?;
        let link = Link::open(&address).await?;
        let redis = Self {
            address,
            link: RwLock::new(link),
            opening: tokio::sync::Mutex::default(),
            silences: AtomicU32::default(),
            born: AtomicI64::default(),
            unsure: AtomicBool::default(),
        };
        redis.look().await?;
        Ok(redis)
    }

    /// Asks the server since when it remembers.
    pub(super) async fn look(&self) -> Result<(), EphemeralError> {
        let now = self.time().await?;
        let _was: Option<String> = self.command(redis::cmd("SET").arg(BORN).arg(now.micros()).arg("NX")).await?;
        let mut born: i64 = self.command(redis::cmd("GET").arg(BORN)).await?;
        // One that began again from a copy of itself on disk holds what it held minutes before it ended. Not so one that
        // writes everything down.
        if let Some(began) = self.began_from_a_copy(now).await.filter(|began| born < began.minus(ROUNDED).micros()) {
            born = began.micros();
            let _done: String = self.command(redis::cmd("SET").arg(BORN).arg(born)).await?;
        }
        let before = self.born.swap(born, Ordering::AcqRel);
        if before != 0 && before != born {
            tracing::error!("the ephemeral store lost what it held: proofs and assertions from before are refused");
        }
        // After the reading: whoever asks meanwhile looks too.
        self.unsure.store(false, Ordering::Release);
        Ok(())
    }

    pub(super) fn since(&self) -> Timestamp {
        Timestamp::from_micros(self.born.load(Ordering::Acquire))
    }

    async fn time(&self) -> Result<Timestamp, EphemeralError> {
        let (seconds, micros): (i64, i64) = self.command(&redis::cmd("TIME")).await?;
        Ok(Timestamp::from_micros(Timestamp::from_seconds(seconds).micros().saturating_add(micros)))
    }

    /// When the server began, where that cost it something. The nodes of a cluster do not say it together, and some who run
    /// servers for others let nobody ask.
    async fn began_from_a_copy(&self, now: Timestamp) -> Option<Timestamp> {
        let info = self.info().await?;
        let up = said(&info, "uptime_in_seconds")?.parse().ok()?;
        (said(&info, "aof_enabled")? == "0").then(|| now.minus(Duration::from_secs(up)))
    }

    async fn info(&self) -> Option<String> {
        match self.address.is_cluster() {
            false => self.command(&redis::cmd("INFO")).await.ok(),
            true => None,
        }
    }

    /// What about the server lets a guard be forgotten before its time, in words for whoever runs it.
    pub(super) async fn risks(&self) -> Vec<&'static str> {
        let Some(info) = self.info().await else { return vec![UNKNOWN] };
        let is = |name, value| said(&info, name) == Some(value);
        let mut risks = Vec::new();
        if is("aof_enabled", "0") {
            risks.push(COPIES);
        }
        if !is("maxmemory", "0") && !is("maxmemory_policy", "noeviction") {
            risks.push(EVICTS);
        }
        risks
    }

    pub(super) async fn put(&self, space: Space, key: &str, value: &[u8], ttl: Duration) -> Result<(), EphemeralError> {
        let key = address(space, key, Kind::Value);
        self.command(redis::cmd("SET").arg(key).arg(value).arg("PX").arg(millis(ttl))).await
    }

    pub(super) async fn put_if_absent(
        &self,
        space: Space,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, EphemeralError> {
        let key = address(space, key, Kind::Value);
        let mut set = redis::cmd("SET");
        set.arg(key).arg(value).arg("NX").arg("PX").arg(millis(ttl));
        let done: Option<String> = match self.address.is_cluster() || space.may_forget() {
            false => self.guarded(&set).await?,
            true => self.command(&set).await?,
        };
        Ok(done.is_some())
    }

    /// Sets a guard where everything is still there that was set before. Whoever is refused comes again, and is looked at by
    /// the beginning that is known then.
    async fn guarded<T: FromRedisValue>(&self, set: &Cmd) -> Result<T, EphemeralError> {
        if self.unsure.load(Ordering::Acquire) {
            self.look().await?;
        }
        let known = self.born.load(Ordering::Acquire);
        // In this order: what is taken away between the two is missed, and what comes after them takes the guard along.
        let mut both = redis::pipe();
        both.add_command(set.clone()).cmd("GET").arg(BORN);
        let (done, born): (T, Option<i64>) = self.call(Call::InARow(&both)).await?;
        // The connection broke under it: the second try may have met a server that began again from a copy.
        if self.unsure.load(Ordering::Acquire) {
            self.look().await?;
        }
        if born != Some(known) || self.born.load(Ordering::Acquire) != known {
            self.look().await?;
            return Err(EphemeralError::Server("it lost what it held".into()));
        }
        Ok(done)
    }

    pub(super) async fn get(&self, space: Space, key: &str) -> Result<Option<Vec<u8>>, EphemeralError> {
        self.command(redis::cmd("GET").arg(address(space, key, Kind::Value))).await
    }

    pub(super) async fn remove(&self, space: Space, key: &str) -> Result<(), EphemeralError> {
        let keys = [Kind::Value, Kind::Offer, Kind::Count, Kind::Members].map(|kind| address(space, key, kind));
        self.command(redis::cmd("UNLINK").arg(&keys)).await
    }

    pub(super) async fn raise(&self, space: Space, key: &str, by: u64, ttl: Duration) -> Result<Tally, EphemeralError> {
        let key = address(space, key, Kind::Count);
        let (count, left): (u64, u64) = self.script(RAISE.key(key).arg(millis(ttl)).arg(by)).await?;
        Ok(Tally { count, left: Duration::from_millis(left) })
    }

    pub(super) async fn refund(&self, space: Space, key: &str) -> Result<(), EphemeralError> {
        let _zero: u64 = self.script(&REFUND.key(address(space, key, Kind::Count))).await?;
        Ok(())
    }

    pub(super) async fn count_distinct(
        &self,
        space: Space,
        key: &str,
        member: &str,
        ttl: Duration,
    ) -> Result<u64, EphemeralError> {
        let key = address(space, key, Kind::Members);
        self.script(COUNT_DISTINCT.key(key).arg(member).arg(millis(ttl)).arg(DISTINCT_LIMIT)).await
    }

    pub(super) async fn distinct(&self, space: Space, key: &str) -> Result<u64, EphemeralError> {
        self.command(redis::cmd("SCARD").arg(address(space, key, Kind::Members))).await
    }

    pub(super) async fn offer(
        &self,
        space: Space,
        key: &str,
        grant: Uuid,
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), EphemeralError> {
        let mut held = Vec::with_capacity(HEADER + value.len());
        held.push(OPEN);
        held.extend_from_slice(grant.as_bytes());
        held.extend_from_slice(value);
        let key = address(space, key, Kind::Offer);
        self.command(redis::cmd("SET").arg(key).arg(held).arg("PX").arg(millis(ttl))).await
    }

    pub(super) async fn redeem(&self, space: Space, key: &str, remember: Duration) -> Result<Redeemed, EphemeralError> {
        let key = address(space, key, Kind::Offer);
        let held: Option<Vec<u8>> = self.script(REDEEM.key(key).arg(millis(remember))).await?;
        held.map_or(Ok(Redeemed::Unknown), |held| read_offer(&held))
    }

    async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, EphemeralError> {
        self.call(Call::Command(command)).await
    }

    async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, EphemeralError> {
        self.call(Call::Script(script)).await
    }

    /// Makes a call. One that met a dead connection is repeated once on a new one: every verb is either
    /// indifferent to a repetition or errs on the safe side (a code counts as used, a proof as seen).
    async fn call<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, EphemeralError> {
        let twice = async {
            let mut link = self.link();
            match link.call(call).await {
                Err(error) if error.is_connection_dropped() || (error.is_io_error() && !error.is_timeout()) => {
                    self.unsure.store(true, Ordering::Release);
                    link.call(call).await
                }
                answer => answer,
            }
        };
        let answer = timeout(VERB_TIMEOUT, twice).await;
        let silent = answer.as_ref().map_or(true, |answer| answer.as_ref().is_err_and(RedisError::is_timeout));
        let silences = if silent { self.silences.fetch_add(1, Ordering::AcqRel) + 1 } else { 0 };
        if !silent {
            self.silences.store(0, Ordering::Release);
        }
        // The library opens a new connection where the old one broke. It does not where nothing comes back, nor where somebody
        // answers who serves no longer: after a fail-over the name leads to another one.
        let elsewhere = matches!(&answer, Ok(Err(error)) if error.code().is_some_and(|code| DEMOTED.contains(&code)));
        if elsewhere || silences >= SILENCES {
            self.open_anew().await;
        }
        Ok(answer.map_err(|_| EphemeralError::Timeout)??)
    }

    fn link(&self) -> Link {
        self.link.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Leads to whoever stands behind the name now. Whoever asked is told to come again.
    async fn open_anew(&self) {
        let Ok(mut last) = self.opening.try_lock() else { return };
        if last.is_some_and(|last| last.elapsed() < OPENING_PAUSE) {
            return;
        }
        *last = Some(Instant::now());
        match Link::open(&self.address).await {
            Ok(link) => {
                // First: who is at the other end is looked at before anything there is believed.
                self.unsure.store(true, Ordering::Release);
                *self.link.write().unwrap_or_else(PoisonError::into_inner) = link;
                self.silences.store(0, Ordering::Release);
                tracing::warn!("the ephemeral store did not answer as it should: a new connection was opened");
            }
            Err(error) => tracing::warn!(%error, "the ephemeral store does not answer"),
        }
    }
}

/// What a server says that is another one's copy now.
const DEMOTED: [&str; 2] = ["READONLY", "MASTERDOWN"];

/// Where the servers are, and who vouches for their certificates.
struct Address {
    /// One, or those of a cluster.
    nodes: Vec<String>,
    cluster: bool,
    /// PEM; the public authorities without it.
    authority: Option<Vec<u8>>,
}

impl Address {
    fn of(url: &str) -> Result<Self, EphemeralError> {
        let file = Url::parse(url).ok().and_then(|url| {
            url.query_pairs()
                .find(|(name, _)| name == "ca")
                .map(|(_, file)| std::path::PathBuf::from(file.into_owned()))
        });
        let read =
            |file| std::fs::read(file).map_err(|_| EphemeralError::Url("the file that `ca` names cannot be read"));
        let authority = file.map(read).transpose()?;
        Ok(match cluster_nodes(url) {
            Some(nodes) => Self { nodes, cluster: true, authority },
            None => Self { nodes: vec![without_query(url)], cluster: false, authority },
        })
    }

    const fn is_cluster(&self) -> bool {
        self.cluster
    }

    fn certificates(&self) -> TlsCertificates {
        TlsCertificates { client_tls: None, root_cert: self.authority.clone() }
    }
}

/// Without what is said to us.
fn without_query(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if parsed.query().is_some_and(|query| query.contains("ca=")) => {
            let rest: Vec<_> = parsed.query_pairs().into_owned().filter(|(name, _)| name != "ca").collect();
            match rest.is_empty() {
                true => parsed.set_query(None),
                false => drop(parsed.query_pairs_mut().clear().extend_pairs(rest)),
            }
            parsed.into()
        }
        _ => url.to_owned(),
    }
}

impl Link {
    async fn open(address: &Address) -> Result<Self, EphemeralError> {
        let opened = async {
            match address.cluster {
                true => Self::open_cluster(address).await,
                false => Self::open_single(address).await,
            }
        };
        timeout(CONNECT_TIMEOUT, opened).await.map_err(|_| EphemeralError::Timeout)?
    }

    async fn open_single(address: &Address) -> Result<Self, EphemeralError> {
        let url = address.nodes[0].as_str();
        let client = match &address.authority {
            Some(_) => redis::Client::build_with_tls(url, address.certificates()),
            None => redis::Client::open(url),
        };
        let client = client.map_err(|_| EphemeralError::Url("not an address of a Redis server"))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_number_of_retries(3)
            .set_max_delay(Duration::from_millis(500));
        Ok(Self::Single(ConnectionManager::new_with_config(client, config).await?))
    }

    async fn open_cluster(address: &Address) -> Result<Self, EphemeralError> {
        let builder = ClusterClientBuilder::new(address.nodes.clone())
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT)
            .retries(3);
        let builder = if address.authority.is_some() { builder.certs(address.certificates()) } else { builder };
        let client = builder.build().map_err(|_| EphemeralError::Url("not a list of nodes of a Redis cluster"))?;
        Ok(Self::Cluster(client.get_async_connection().await?))
    }

    async fn call<T: FromRedisValue>(&mut self, call: Call<'_>) -> RedisResult<T> {
        match (self, call) {
            (Self::Single(connection), Call::Command(command)) => command.query_async(connection).await,
            (Self::Single(connection), Call::InARow(commands)) => commands.query_async(connection).await,
            (Self::Single(connection), Call::Script(script)) => script.invoke_async(connection).await,
            (Self::Cluster(connection), Call::Command(command)) => command.query_async(connection).await,
            (Self::Cluster(connection), Call::InARow(commands)) => commands.query_async(connection).await,
            (Self::Cluster(connection), Call::Script(script)) => script.invoke_async(connection).await,
        }
    }
}

impl From<RedisError> for EphemeralError {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        // The code says what to mend (NOAUTH, LOADING, OOM); the server's free text stays out, it may quote a key.
        Self::Server(error.code().map_or_else(|| error.category().to_owned(), str::to_owned))
    }
}

const COPIES: &str = "the ephemeral store writes itself to disk now and then only: after a crash it has forgotten which proofs and assertions \
     were used, and what was made before is refused; set `appendonly yes` in Redis or Valkey";
const EVICTS: &str = "the ephemeral store throws keys away when its memory is full, among them which proofs and assertions were used: set \
     `maxmemory-policy noeviction` in Redis or Valkey";
const UNKNOWN: &str = "the ephemeral store does not say how it keeps its keys (INFO): see to it that every server has `appendonly yes` and \
     `maxmemory-policy noeviction`";

/// A line of the server's account of itself.
fn said<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// One URL per node, each with the credentials of the whole; `None` when the URL is not a cluster's.
fn cluster_nodes(url: &str) -> Option<Vec<String>> {
    let url = Url::parse(url).ok()?;
    let scheme = url.scheme().strip_suffix("+cluster")?;
    let user = match (url.username(), url.password()) {
        ("", None) => String::new(),
        (name, password) => format!("{name}:{}@", password.unwrap_or_default()),
    };
    let first = format!("{}:{}", url.host_str()?, url.port().unwrap_or(6379));
    let others = url.query_pairs().filter(|(name, _)| name == "addr").map(|(_, node)| node.into_owned());
    Some(std::iter::once(first).chain(others).map(|node| format!("{scheme}://{user}{node}")).collect())
}

/// The key on the server. The braces are the hash tag of a cluster: all kinds of one key share a slot, so they
/// can be removed together.
fn address(space: Space, key: &str, kind: Kind) -> String {
    let kind = match kind {
        Kind::Value => 'v',
        Kind::Offer => 'o',
        Kind::Count => 'n',
        Kind::Members => 'm',
    };
    format!("mingji:{{{}:{key}}}{kind}", space.prefix())
}

/// A century: the server adds the present to it in 64 bits, and refuses what overflows.
const LONGEST_MILLIS: u64 = 100 * 365 * 24 * 3600 * 1000;

/// The server refuses a life of zero.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, LONGEST_MILLIS)
}

fn read_offer(held: &[u8]) -> Result<Redeemed, EphemeralError> {
    let (header, value) = held.split_at_checked(HEADER).ok_or(EphemeralError::Foreign)?;
    let grant = Uuid::from_slice(&header[1..]).map_err(|_| EphemeralError::Foreign)?;
    match header[0] {
        OPEN => Ok(Redeemed::First { grant, value: value.to_vec() }),
        USED => Ok(Redeemed::Again(grant)),
        _ => Err(EphemeralError::Foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_nodes_shares_its_credentials() {
        let nodes = |url| cluster_nodes(url).unwrap();
        assert_eq!(nodes("redis+cluster://a:1?addr=b:2&addr=c:3"), ["redis://a:1", "redis://b:2", "redis://c:3"]);
        assert_eq!(
            nodes("rediss+cluster://u:p%40@[::1]/?addr=b:2"),
            ["rediss://u:p%40@[::1]:6379", "rediss://u:p%40@b:2"]
        );
        assert_eq!(nodes("redis+cluster://:p@a"), ["redis://:p@a:6379"]);
        assert_eq!(cluster_nodes("redis://a:1?addr=b:2"), None);
    }

    #[test]
    fn kinds_of_one_key_share_a_hash_tag() {
        assert_eq!(address(Space::Code, "k", Kind::Offer), "mingji:{c:k}o");
        assert_eq!(address(Space::Code, "k", Kind::Value), "mingji:{c:k}v");
    }

    #[test]
    fn foreign_bytes_are_named_as_such() {
        assert!(matches!(read_offer(&[1; 16]), Err(EphemeralError::Foreign)));
        assert!(matches!(read_offer(&[7; 17]), Err(EphemeralError::Foreign)));
    }
}
