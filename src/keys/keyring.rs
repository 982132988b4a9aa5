//! The keys of one moment, opened: an immutable snapshot that signs, verifies and is published (ruling R2).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, SHA512, digest};
use serde::Serialize;
use serde_json::{Value, json};

use super::jwt::{self, Expect, JwtError};
use super::signer::{KeyError, SigningKey};
use crate::domain::oidc::assertion::ClientAlg;
use crate::domain::oidc::signing_key::{KeyState, SigningAlg};

/// A key and where it stands.
#[derive(Clone, Debug)]
pub struct OpenedKey {
    /// The key.
    pub key: Arc<SigningKey>,
    /// Where it stands.
    pub state: KeyState,
}

/// All keys of one moment.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: Vec<OpenedKey>,
    jwks: Value,
}

impl Keyring {
    /// From opened keys, in the order in which they are published.
    pub fn new(keys: Vec<OpenedKey>) -> Self {
        let published: Vec<Value> = keys.iter().map(|opened| opened.key.public_jwk()).collect();
        Self { keys, jwks: json!({ "keys": published }) }
    }

    /// The key that signs with an algorithm now; none while it is still being made.
    pub fn active(&self, alg: SigningAlg) -> Option<&Arc<SigningKey>> {
        let signs = |opened: &&OpenedKey| opened.state == KeyState::Active && opened.key.alg() == alg;
        self.keys.iter().find(signs).map(|opened| &opened.key)
    }

    /// The public halves of all keys (RFC 7517, 5): next, active and retired.
    pub fn jwks(&self) -> Value {
        self.jwks.clone()
    }

    /// Signs claims; `typ` says what kind of token it is (RFC 8725, 3.11).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn sign(&self, key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        jwt::write(key, typ, claims)
    }

    /// Believes a token of ours. Keys of every state verify: another replica may have made one active already.
    ///
    /// # Errors
    /// [`JwtError`].
    pub fn verify(&self, token: &str, expect: &Expect<'_>) -> Result<Value, JwtError> {
        let header = jwt::header(token)?;
        let known = self.keys.iter().find(|opened| opened.key.kid() == header.kid).ok_or(JwtError::Key)?;
        jwt::read(token, &header, &known.key, expect)
    }

    /// `at_hash` and `c_hash`: the left half of the hash of the ASCII text, base64url (OpenID Connect Core,
    /// 3.1.3.6). The hash is the one of the ID token's algorithm; Ed25519 has SHA-512 inside (RFC 8032, 5.1).
    pub fn token_hash(&self, alg: ClientAlg, value: &str) -> String {
        let hash = match alg {
            ClientAlg::EdDsa => digest(&SHA512, value.as_bytes()),
            ClientAlg::Es256 | ClientAlg::Rs256 | ClientAlg::Ps256 | ClientAlg::Hs256 => {
                digest(&SHA256, value.as_bytes())
            }
        };
        let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
        URL_SAFE_NO_PAD.encode(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenID Connect Core, A.3 and A.4.
    #[test]
    fn the_hashes_of_the_specification() {
        let ring = Keyring::new(Vec::new());
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(ring.token_hash(ClientAlg::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        let code = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk";
        assert_eq!(ring.token_hash(ClientAlg::Es256, code), "LDktKdoQak3Pk0cnXxCltA");
    }
}
