//! Signing keys as they are stored: next, active, retired. A key is published before it signs and stays
//! until its last token has expired, so a rotation signs nobody out (ruling R2).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// JWS algorithms (RFC 7518, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlg {
    /// ECDSA on P-256: access tokens, and the clients we create.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5: where a registration does not say (OpenID Connect Registration, 2).
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS, for who registered it. Its keys are its own: one key for two paddings proves less for both.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519, for who registered it.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlg {
    /// All, in the order in which their keys are made: what most tokens need first, the slow ones last.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Rs256, Self::Ps256];

    /// The text in a JOSE header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for SigningAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is none of the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of the known codes")]
pub struct UnknownCode;

impl FromStr for SigningAlg {
    type Err = UnknownCode;
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == text).ok_or(UnknownCode)
    }
}

/// Where a key has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, not used yet.
    Next,
    /// Signs.
    Active,
    /// Verifies what it signed.
    Retired,
}

impl KeyState {
    /// The stored text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

impl FromStr for KeyState {
    type Err = UnknownCode;
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        match text {
            "next" => Ok(Self::Next),
            "active" => Ok(Self::Active),
            "retired" => Ok(Self::Retired),
            _ => Err(UnknownCode),
        }
    }
}

/// A stored key. Its private part is wrapped by `root.key`.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Its algorithm.
    pub alg: SigningAlg,
    /// PKCS#8, wrapped.
    pub wrapped: Vec<u8>,
    /// What everybody may know.
    pub public_jwk: serde_json::Value,
    /// Where it has got to.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// When nothing it signed is valid any more.
    pub retires_at: Option<Timestamp>,
}

impl StoredKey {
    /// The published key begins to sign.
    #[must_use]
    pub fn activate(self, now: Timestamp) -> Self {
        Self { state: KeyState::Active, activated_at: Some(now), ..self }
    }

    /// The key signs no more; what it signed is valid until then at the latest.
    #[must_use]
    pub fn retire(self, until: Timestamp) -> Self {
        Self { state: KeyState::Retired, retires_at: Some(until), ..self }
    }

    /// Whether nothing that it signed is valid any more.
    pub fn is_spent(&self, now: Timestamp) -> bool {
        self.state == KeyState::Retired && self.retires_at.is_some_and(|at| at <= now)
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredKey({} {} {})", self.kid, self.alg, self.state.as_str())
    }
}

/// What one rotation of one algorithm changes, in the order in which it is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// These stop signing. First, because one active key for each algorithm is a constraint.
    pub retire: Vec<StoredKey>,
    /// This one begins; none when no key was published, and then nothing retires either.
    pub activate: Option<StoredKey>,
    /// These are dropped.
    pub forget: Vec<StoredKey>,
}

/// How long whoever fetched the key set may keep it without asking again.
pub const KEY_SET_KEPT: Duration = Duration::from_secs(300);

/// Until every replica publishes a new key, and whoever fetched the set just before lets go of it.
const PUBLISHED: Duration = Duration::from_secs(KEY_SET_KEPT.as_secs() + 10);

/// Somebody who keeps the key set does not know the next key yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the next key was published a moment ago, and whoever keeps the key set does not know it yet: rotate again in {} s, or with --compromised where somebody may have a copy of the key", wait.as_secs() + 1)]
pub struct TooFresh {
    /// For so long.
    pub wait: Duration,
}

/// Plans the rotation of one algorithm: the oldest published key takes over, the active one stays published
/// until `last_token_expires`, spent ones go. The caller publishes a fresh next key in the same transaction.
///
/// # Errors
/// [`TooFresh`] while relying parties may hold a key set without the one that would take over.
pub fn plan_rotation(
    keys: Vec<StoredKey>,
    alg: SigningAlg,
    now: Timestamp,
    last_token_expires: Timestamp,
) -> Result<Rotation, TooFresh> {
    let mut plan = Rotation::default();
    let (mut active, mut next) = (Vec::new(), Vec::new());
    for key in keys.into_iter().filter(|key| key.alg == alg) {
        match key.state {
            KeyState::Active => active.push(key),
            KeyState::Next => next.push(key),
            KeyState::Retired if key.is_spent(now) => plan.forget.push(key),
            KeyState::Retired => {}
        }
    }
    // Without a successor the active key goes on: better an old key than none.
    if let Some(heir) = next.into_iter().min_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid))) {
        let known_at = heir.created_at.plus(PUBLISHED);
        // Where nothing signs, nobody loses by a key that he has to ask for.
        if now < known_at && !active.is_empty() {
            return Err(TooFresh { wait: known_at.since(now) });
        }
        plan.activate = Some(heir.activate(now));
        plan.retire = active.into_iter().map(|key| key.retire(last_token_expires)).collect();
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);
    const LATER: Timestamp = Timestamp::from_seconds(2_000);

    fn key(kid: &str, alg: SigningAlg, state: KeyState, created: i64) -> StoredKey {
        StoredKey {
            kid: kid.into(),
            alg,
            wrapped: vec![1, 2, 3],
            public_jwk: serde_json::Value::Null,
            state,
            created_at: Timestamp::from_seconds(created),
            activated_at: None,
            retires_at: None,
        }
    }

    #[test]
    fn the_published_key_takes_over_and_the_old_one_stays_for_its_tokens() {
        let alg = SigningAlg::Es256;
        let keys = vec![
            key("spent", alg, KeyState::Active, 1).retire(NOW),
            key("kept", alg, KeyState::Active, 2).retire(LATER),
            key("active", alg, KeyState::Active, 3),
            key("newer", alg, KeyState::Next, 5),
            key("older", alg, KeyState::Next, 4),
            key("other", SigningAlg::Rs256, KeyState::Active, 1),
        ];
        let plan = plan_rotation(keys, alg, NOW, LATER).unwrap();
        let kids = |keys: &[StoredKey]| keys.iter().map(|key| key.kid.clone()).collect::<Vec<_>>();
        assert_eq!(kids(&plan.retire), ["active"]);
        assert_eq!(plan.retire[0].retires_at, Some(LATER));
        assert_eq!(kids(&plan.forget), ["spent"]);
        let heir = plan.activate.unwrap();
        assert_eq!((heir.kid.as_str(), heir.state, heir.activated_at), ("older", KeyState::Active, Some(NOW)));
    }

    #[test]
    fn without_a_successor_the_active_key_goes_on() {
        let plan = plan_rotation(vec![key("a", SigningAlg::Es256, KeyState::Active, 1)], SigningAlg::Es256, NOW, LATER);
        assert_eq!(plan, Ok(Rotation::default()));
    }

    #[test]
    fn nothing_signs_before_everybody_can_have_it() {
        let alg = SigningAlg::Es256;
        let next = |age: i64| key("next", alg, KeyState::Next, NOW.seconds() - age);
        let planned = |keys| plan_rotation(keys, alg, NOW, LATER).map(|plan| plan.activate.is_some());
        let active = || key("active", alg, KeyState::Active, 1);
        assert_eq!(planned(vec![active(), next(309)]), Err(TooFresh { wait: Duration::from_secs(1) }));
        assert_eq!(planned(vec![active(), next(310)]), Ok(true));
        assert_eq!(planned(vec![next(0)]), Ok(true), "better a new key than none");
    }

    #[test]
    fn names_read_back_and_nothing_private_is_shown() {
        for alg in SigningAlg::ALL {
            assert_eq!(alg.as_str().parse(), Ok(alg));
        }
        assert_eq!("none".parse::<SigningAlg>(), Err(UnknownCode));
        let shown = format!("{:?}", key("k", SigningAlg::Rs256, KeyState::Next, 1));
        assert_eq!(shown, "StoredKey(k RS256 next)");
    }
}
