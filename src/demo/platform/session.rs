//! Our own sessions. The browser holds a random value, we hold its digest: whoever reads the state file
//! cannot use a session in a browser. The file also holds the tokens, so that a restart signs nobody out;
//! it is private (mode 0600) and replaced atomically.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::CsrfToken;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::attempt::digest;
use super::error::SetupError;

/// Without a word from the provider for this long, the person is asked again (a page-less visit while the
/// provider's own session lives).
const IDLE: TimeDelta = TimeDelta::hours(8);
/// The longest life of a session, however often it was refreshed.
const ABSOLUTE: TimeDelta = TimeDelta::days(7);

/// One person in one browser.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    /// The issuer; with `sid` the address of a back-channel logout.
    pub issuer: String,
    /// Who, for us.
    pub sub: String,
    /// The session at the provider.
    pub sid: Option<String>,
    /// The last verified ID token; the hint at sign-out.
    pub id_token: String,
    /// For userinfo.
    pub access_token: String,
    /// When the access token ends.
    pub access_ends: DateTime<Utc>,
    /// For the next access token.
    pub refresh_token: Option<String>,
    /// What was granted, where the provider said so.
    pub scope: String,
    /// The last userinfo, verified to be about `sub`.
    pub userinfo: Value,
    /// What our forms must carry.
    pub csrf: String,
    /// When the session began here.
    pub since: DateTime<Utc>,
    /// When the provider last vouched for it.
    pub vouched: DateTime<Utc>,
}

impl Session {
    fn live(&self, now: DateTime<Utc>) -> bool {
        now < self.vouched + IDLE && now < self.since + ABSOLUTE
    }
}

/// What a browser's cookie turns into.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SessionKey(String);

impl SessionKey {
    /// The key of a cookie's value.
    pub fn of(cookie: &str) -> Self {
        Self(digest(cookie))
    }
}

/// All sessions of one platform, and what was used once.
pub(super) struct Sessions {
    held: Mutex<Held>,
    file: Option<PathBuf>,
    /// Held while a snapshot is taken and written, so that an older one never replaces a newer one.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default, Serialize, Deserialize)]
struct Held {
    sessions: BTreeMap<SessionKey, Session>,
    /// Single-use values (digests of `state`, ids of logout tokens) and when they may be forgotten.
    used: BTreeMap<String, DateTime<Utc>>,
    #[serde(skip)]
    by_sid: HashMap<(String, String), HashSet<SessionKey>>,
    /// One refresh at a time per session.
    #[serde(skip)]
    turns: HashMap<SessionKey, Arc<tokio::sync::Mutex<()>>>,
}

impl Sessions {
    /// The sessions of the state file, or none yet.
    ///
    /// # Errors
    /// When the file exists and cannot be read: starting without it would sign everybody out.
    pub async fn load(file: Option<PathBuf>, now: DateTime<Utc>) -> Result<Self, SetupError> {
        let mut held = match &file {
            None => Held::default(),
            Some(path) => match tokio::fs::read(path).await {
                Ok(bytes) => serde_json::from_slice(&bytes)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Held::default(),
                Err(error) => return Err(error.into()),
            },
        };
        held.sweep(now);
        held.index();
        Ok(Self { held: Mutex::new(held), file, writing: tokio::sync::Mutex::new(()) })
    }

    /// Begins a session; the result goes into the cookie.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub async fn open(&self, session: Session) -> io::Result<String> {
        let cookie = CsrfToken::new_random_len(32).into_secret();
        let key = SessionKey::of(&cookie);
        {
            let mut held = self.held();
            held.sweep(session.vouched);
            held.sessions.insert(key, session);
            held.index();
        }
        self.save().await?;
        Ok(cookie)
    }

    /// The live session of a cookie.
    pub fn find(&self, cookie: &str, now: DateTime<Utc>) -> Option<(SessionKey, Session)> {
        let key = SessionKey::of(cookie);
        let session = self.get(&key)?;
        session.live(now).then_some((key, session))
    }

    /// A session by its key.
    pub fn get(&self, key: &SessionKey) -> Option<Session> {
        self.held().sessions.get(key).cloned()
    }

    /// Who wants to refresh a session holds this first.
    pub fn turn(&self, key: &SessionKey) -> Arc<tokio::sync::Mutex<()>> {
        self.held().turns.entry(key.clone()).or_default().clone()
    }

    /// Replaces a session, unless it was ended meanwhile; `false` then.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub async fn replace(&self, key: &SessionKey, session: Session) -> io::Result<bool> {
        {
            let mut held = self.held();
            let Some(place) = held.sessions.get_mut(key) else { return Ok(false) };
            *place = session;
            held.index();
        }
        self.save().await?;
        Ok(true)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub async fn close(&self, key: &SessionKey) -> io::Result<()> {
        self.held().end([key.clone()]);
        self.save().await
    }

    /// Ends every session of a session at the provider; the number of them.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub async fn close_sid(&self, issuer: &str, sid: &str) -> io::Result<usize> {
        let ended = {
            let mut held = self.held();
            let keys = held.by_sid.get(&(issuer.to_owned(), sid.to_owned())).cloned().unwrap_or_default();
            held.end(keys)
        };
        self.save().await?;
        Ok(ended)
    }

    /// Ends every session of a person; the number of them.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub async fn close_subject(&self, issuer: &str, sub: &str) -> io::Result<usize> {
        let ended = {
            let mut held = self.held();
            let of_person = |session: &Session| session.issuer == issuer && session.sub == sub;
            let keys: Vec<_> = held.sessions.iter().filter(|(_, s)| of_person(s)).map(|(k, _)| k.clone()).collect();
            held.end(keys)
        };
        self.save().await?;
        Ok(ended)
    }

    /// Uses a value once: `true` the first time, `false` until it is forgotten at `until`.
    ///
    /// # Errors
    /// When the state file cannot be written; the value then counts as used.
    pub async fn use_once(&self, value: &str, until: DateTime<Utc>, now: DateTime<Utc>) -> io::Result<bool> {
        {
            let mut held = self.held();
            held.used.retain(|_, end| *end > now);
            if held.used.contains_key(value) {
                return Ok(false);
            }
            held.used.insert(value.to_owned(), until);
        }
        self.save().await?;
        Ok(true)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing below leaves the maps half changed, so what a panicking thread left is sound.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn save(&self) -> io::Result<()> {
        let Some(file) = self.file.clone() else { return Ok(()) };
        let _writing = self.writing.lock().await;
        let bytes = serde_json::to_vec(&*self.held())?;
        tokio::task::spawn_blocking(move || write_private(&file, &bytes)).await.map_err(io::Error::other)?
    }
}

impl Held {
    fn sweep(&mut self, now: DateTime<Utc>) {
        let dead: Vec<_> = self.sessions.iter().filter(|(_, s)| !s.live(now)).map(|(k, _)| k.clone()).collect();
        self.end(dead);
        self.used.retain(|_, end| *end > now);
    }

    fn end(&mut self, keys: impl IntoIterator<Item = SessionKey>) -> usize {
        let mut ended = 0;
        for key in keys {
            self.turns.remove(&key);
            ended += usize::from(self.sessions.remove(&key).is_some());
        }
        self.index();
        ended
    }

    fn index(&mut self) {
        self.by_sid.clear();
        for (key, session) in &self.sessions {
            if let Some(sid) = &session.sid {
                self.by_sid.entry((session.issuer.clone(), sid.clone())).or_default().insert(key.clone());
            }
        }
    }
}

/// Writes beside the file and renames: a reader, and a start after a crash, sees the old or the new one whole.
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;

    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut handle = options.open(&beside)?;
    handle.write_all(bytes)?;
    handle.sync_all()?;
    std::fs::rename(&beside, file)
}
