//! A browser's session at the provider, and the sign-in that leads to it.

use std::time::Duration;

use super::lifetimes::Lifetimes;
use crate::domain::id::{AccountId, ClientId, IdentityId, InteractionId, PersonId, SessionId};
use crate::domain::time::Timestamp;

/// Authentication context classes (reference 5(b)).
pub const ACR_PASSWORD: &str = "urn:edu-cn:acr:pwd";

/// All that somebody can reach here.
pub const ACRS: &[&str] = &[ACR_PASSWORD];

/// A session. The cookie holds a secret of which only the digest is stored.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id; never leaves the provider.
    pub id: SessionId,
    /// The account that signed in.
    pub account: AccountId,
    /// Whose it is.
    pub person: PersonId,
    /// When she proved herself.
    pub auth_time: Timestamp,
    /// How strongly.
    pub acr: String,
    /// By which factors (RFC 8176).
    pub amr: Vec<String>,
    /// “This is my own device” was ticked: the cookie outlives the browser.
    pub own_device: bool,
    /// The last identity chosen, default of the next grant (R16).
    pub identity: Option<IdentityId>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, at most a minute old (R15).
    pub last_seen_at: Timestamp,
    /// Unused until then, it ends.
    pub idle_expires_at: Timestamp,
    /// It ends then in any case.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Browser and system, in words of ours.
    pub agent: Option<String>,
    /// The client for whose device it was begun; none for a browser's.
    pub client: Option<ClientId>,
}

/// Idle time is written at most this often (R15).
const TOUCH_EVERY: Duration = Duration::from_secs(60);

impl Session {
    /// Whether it may still speak for the person.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.idle_expires_at && now < self.expires_at
    }

    /// The idle end to write now, when the last one is old enough.
    pub fn touch(&self, now: Timestamp, idle: Duration) -> Option<Timestamp> {
        (now.since(self.last_seen_at) >= TOUCH_EVERY).then(|| now.plus(idle).min(self.expires_at))
    }
}

/// How long a session may live: administrators' are short (R16).
pub fn session_lifetimes(lifetimes: &Lifetimes, is_admin: bool) -> (Duration, Duration) {
    if is_admin {
        (lifetimes.admin_session_idle, lifetimes.admin_session_absolute)
    } else {
        (lifetimes.session_idle, lifetimes.session_absolute)
    }
}

/// Who passed which factor, on the way to a session: a row that one guarded UPDATE finishes (R3).
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The interaction it belongs to.
    pub id: InteractionId,
    /// Who.
    pub account: AccountId,
    /// Whose account.
    pub person: PersonId,
    /// Factors passed.
    pub amr: Vec<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it is void.
    pub expires_at: Timestamp,
}
