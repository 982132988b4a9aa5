//! Proof Key for Code Exchange (RFC 7636), S256 only: `plain` gives an attacker who saw the request the
//! verifier (RFC 9700, 2.1.1).

use serde::{Deserialize, Serialize};

/// A code challenge of method S256: 43 characters of base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(String);

impl Challenge {
    /// RFC 7636, 4.2: the base64url text of a SHA-256 digest.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 43 && text.bytes().all(unreserved)).then(|| Self(text.to_owned()))
    }

    /// Whether the digest of a verifier, as base64url, is this challenge. Not a secret: the client sent it in the clear.
    pub fn is(&self, verifier_digest: &str) -> bool {
        self.0 == verifier_digest
    }
}

/// RFC 7636, 4.1: 43 to 128 unreserved characters.
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|b| unreserved(b) || b == b'.' || b == b'~')
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}
