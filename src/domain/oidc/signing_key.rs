//! Signing keys as they are stored: next, active, retired. A key is published before it signs and stays
//! until its last token has expired, so a rotation signs nobody out (ruling R2).

use std::fmt;
use std::str::FromStr;

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
}

impl SigningAlg {
    /// The text in a JOSE header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
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
        match text {
            "ES256" => Ok(Self::Es256),
            "RS256" => Ok(Self::Rs256),
            _ => Err(UnknownCode),
        }
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
#[derive(Clone)]
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
}
