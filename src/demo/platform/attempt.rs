//! One sign-in in flight. What the answer must match travels in a cookie of its own, named after the
//! `state`: two tabs that sign in at once do not disturb each other, and a restart in between costs nothing.
//! The `state` itself is used once (see `Sessions::use_once`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How long a person may take at the provider.
pub(super) const LIFE: TimeDelta = TimeDelta::minutes(30);

/// More than this many tabs in flight: the oldest gives way, so that cookies never fill a request.
pub(super) const MOST: usize = 8;

/// What we remember of an authorization request.
#[derive(Serialize, Deserialize)]
pub(super) struct Attempt {
    /// RFC 6749, 10.12.
    pub state: CsrfToken,
    /// OpenID Connect Core, 15.5.2.
    pub nonce: Nonce,
    /// RFC 7636.
    pub verifier: PkceCodeVerifier,
    /// Where to go afterwards: a path of ours.
    pub target: String,
    /// When it began, in seconds since the epoch.
    pub began: i64,
}

impl Attempt {
    /// The value of its cookie.
    pub fn to_cookie(&self) -> String {
        // Strings and a number always serialise.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a cookie back; `None` when it is not one of ours or too old.
    pub fn from_cookie(value: &str, now: DateTime<Utc>) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let attempt: Self = serde_json::from_slice(&bytes).ok()?;
        let age = now.timestamp().checked_sub(attempt.began)?;
        (0..LIFE.num_seconds()).contains(&age).then_some(attempt)
    }

    /// Whether an answer's `state` is this one's; compares digests, which tell nothing by their timing.
    pub fn matches(&self, state: &str) -> bool {
        digest(self.state.secret()) == digest(state)
    }
}

/// The part of a cookie's name that stands for a `state`.
pub(super) fn name_of(state: &str) -> String {
    digest(state).chars().take(16).collect()
}

/// SHA-256 as base64url.
pub(super) fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(began: i64) -> Attempt {
        Attempt {
            state: CsrfToken::new("s1".into()),
            nonce: Nonce::new("n1".into()),
            verifier: PkceCodeVerifier::new("v".repeat(43)),
            target: "/space".into(),
            began,
        }
    }

    #[test]
    fn a_cookie_lives_half_an_hour_and_matches_its_own_state() {
        let now = DateTime::from_timestamp(10_000, 0).unwrap();
        let read = |began| Attempt::from_cookie(&attempt(began).to_cookie(), now);
        let fresh = read(9_000).unwrap();
        assert!(fresh.matches("s1") && !fresh.matches("s2"));
        assert!(read(10_000 - 1_800).is_none(), "too old");
        assert!(read(10_001).is_none(), "from the future");
        assert!(Attempt::from_cookie("%%%", now).is_none());
    }
}
