//! The keyring in memory: an immutable snapshot that signs and verifies our own JWTs.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::{Value, json};

use super::jwt::{self, Expect, JwtError};
use super::signer::{KeyError, SigningKey};
use crate::domain::oidc::signing_key::{KeyState, SigningAlg};

/// A key that was unwrapped and parsed.
pub struct OpenedKey {
    /// The key.
    pub key: Arc<SigningKey>,
    /// Where it has got to.
    pub state: KeyState,
}

/// All keys at one moment.
pub struct Keyring {
    keys: Vec<OpenedKey>,
    jwks: Value,
}

impl Keyring {
    /// From opened keys.
    pub fn new(keys: Vec<OpenedKey>) -> Self {
        let jwks = json!({ "keys": keys.iter().map(|opened| opened.key.public_jwk()).collect::<Vec<_>>() });
        Self { keys, jwks }
    }

    /// The key that signs with an algorithm.
    pub fn active(&self, alg: SigningAlg) -> Option<&SigningKey> {
        self.keys
            .iter()
            .find(|opened| opened.state == KeyState::Active && opened.key.alg() == alg)
            .map(|opened| &*opened.key)
    }

    /// The public key set: next, active and retired.
    pub fn jwks(&self) -> Value {
        self.jwks.clone()
    }

    /// Signs claims under a `typ` (RFC 8725, 3.11: explicit typing keeps one kind of token from passing as another).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn sign(&self, key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        jwt::sign(key, typ, claims)
    }

    /// Verifies a JWT that one of these keys signed.
    ///
    /// # Errors
    /// [`JwtError`].
    pub fn verify(&self, token: &str, expect: &Expect<'_>) -> Result<Value, JwtError> {
        jwt::verify(token, expect, |kid| {
            self.keys.iter().find(|opened| opened.key.kid() == kid).map(|opened| &*opened.key)
        })
    }

    /// `at_hash` and its kind (OpenID Connect Core, 3.1.3.6): the left half of the digest that the algorithm uses.
    pub fn token_hash(&self, alg: SigningAlg, value: &str) -> String {
        let sum = match alg {
            SigningAlg::Es256 | SigningAlg::Rs256 => digest(&SHA256, value.as_bytes()),
        };
        URL_SAFE_NO_PAD.encode(&sum.as_ref()[..16])
    }
}
