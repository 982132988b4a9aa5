//! The keys of one moment, opened: an immutable snapshot that signs, verifies and is published (ruling R2).

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, SHA512, digest};
use serde::Serialize;
use serde_json::{Value, json};

use super::jwt::{self, Believed, Expect, JwtError};
use super::opaque;
use super::signer::{KeyError, SigningKey};
use crate::domain::lately::Lately;
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

/// So many access tokens are remembered, some 700 bytes each.
const REMEMBERED: usize = 2_048;

/// All keys of one moment.
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<OpenedKey>,
    jwks: Value,
    published: String,
    /// Access tokens whose signature was made or checked under these very keys, by the digest of their whole text: checking
    /// one again costs more than everything else that is done about it. They are forgotten with the keys.
    believed: Mutex<Lately<[u8; 32], Arc<Believed>>>,
}

impl Keyring {
    /// From opened keys, in the order in which they are published.
    pub fn new(keys: Vec<OpenedKey>) -> Self {
        let published: Vec<Value> = keys.iter().map(|opened| opened.key.public_jwk()).collect();
        let believed = Mutex::new(Lately::new(REMEMBERED));
        let jwks = json!({ "keys": published });
        Self { keys, published: jwks.to_string(), jwks, believed }
    }

    /// The key that signs with an algorithm now; none while it is still being made.
    pub fn active(&self, alg: SigningAlg) -> Option<&Arc<SigningKey>> {
        let signs = |opened: &&OpenedKey| opened.state == KeyState::Active && opened.key.alg() == alg;
        self.keys.iter().find(signs).map(|opened| &opened.key)
    }

    /// The public halves of all keys (RFC 7517, 5): next, active and retired.
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }

    /// The same as the text that is published.
    pub fn published(&self) -> &str {
        &self.published
    }

    /// Signs claims; `typ` says what kind of token it is (RFC 8725, 3.11).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn sign(&self, key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        jwt::write(key, typ, claims)
    }

    /// Signs an access token and remembers that it did.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn sign_access(&self, key: &SigningKey, claims: Value) -> Result<String, KeyError> {
        let token = jwt::write(key, jwt::ACCESS, &claims)?;
        self.remember(&token, Arc::new(Believed::access(claims)));
        Ok(token)
    }

    /// Believes a token of ours. Keys of every state verify: another replica may have made one active already.
    ///
    /// # Errors
    /// [`JwtError`].
    pub fn verify(&self, token: &str, expect: &Expect<'_>) -> Result<Value, JwtError> {
        if let Some(believed) = self.believed().get(&opaque::digest(token)) {
            return believed.as_expected(expect);
        }
        let header = jwt::header(token)?;
        let known = self.keys.iter().find(|opened| opened.key.kid() == header.kid).ok_or(JwtError::Key)?;
        let believed = jwt::read(token, header, &known.key, expect)?;
        let claims = believed.as_expected(expect)?;
        if believed.is_access() {
            self.remember(token, Arc::new(believed));
        }
        Ok(claims)
    }

    fn remember(&self, token: &str, believed: Arc<Believed>) {
        self.believed().keep(opaque::digest(token), believed);
    }

    fn believed(&self) -> std::sync::MutexGuard<'_, Lately<[u8; 32], Arc<Believed>>> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
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
