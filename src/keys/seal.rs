//! Sealing (AES-256-GCM): columns under a key per person, browser state and signing keys under sub-keys of
//! `root.key`. Whoever opens with another context than was sealed with gets an error and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use uuid::Uuid;

use super::root::RootSecrets;
use super::sub_key;
use crate::domain::random::{Random, bytes};

/// It does not open: another key, another context, or changed bytes. Which one is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was sealed does not open")]
pub struct SealError;

/// Names the generation of keys, in front of every sealed column.
const GENERATION: u8 = 1;

/// Seals and opens.
pub struct Sealer {
    columns: hkdf::Prk,
    state: LessSafeKey,
    signing: LessSafeKey,
}

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

impl Sealer {
    /// From the root secrets.
    pub fn new(secrets: &RootSecrets) -> Self {
        Self {
            columns: hkdf::Salt::new(hkdf::HKDF_SHA256, b"mingji columns").extract(secrets.seal()),
            state: derived(secrets.root(), "browser state"),
            signing: derived(secrets.root(), "signing keys"),
        }
    }

    /// Seals one column of one row under its person's key, which is gone with her salt (R18).
    ///
    /// # Errors
    /// [`SealError`] when the cipher refuses.
    pub fn seal_column(
        &self,
        salt: &[u8; 32],
        table: &str,
        column: &str,
        row: Uuid,
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, SealError> {
        let sealed = seal(&self.person_key(salt)?, context(table, column, row).as_bytes(), plain, random)?;
        Ok([&[GENERATION], &sealed[..]].concat())
    }

    /// Opens a column.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_column(
        &self,
        salt: &[u8; 32],
        table: &str,
        column: &str,
        row: Uuid,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        match sealed.split_first() {
            Some((&GENERATION, rest)) => open(&self.person_key(salt)?, context(table, column, row).as_bytes(), rest),
            _ => Err(SealError),
        }
    }

    fn person_key(&self, salt: &[u8; 32]) -> Result<LessSafeKey, SealError> {
        let info = [&salt[..]];
        let okm = self.columns.expand(&info, KeyLength).map_err(|_| SealError)?;
        let mut key = zeroize::Zeroizing::new([0u8; 32]);
        okm.fill(&mut *key).map_err(|_| SealError)?;
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| SealError)?))
    }

    /// Seals what a browser carries for us, for one purpose and bound to something else it carries.
    ///
    /// # Errors
    /// [`SealError`] when the cipher refuses.
    pub fn seal_state(
        &self,
        purpose: &str,
        binding: &[u8],
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<String, SealError> {
        Ok(URL_SAFE_NO_PAD.encode(seal(&self.state, &state_context(purpose, binding), plain, random)?))
    }

    /// Opens what a browser brought back.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_state(&self, purpose: &str, binding: &[u8], sealed: &str) -> Result<Vec<u8>, SealError> {
        open(&self.state, &state_context(purpose, binding), &URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError)?)
    }

    /// Wraps a private signing key for the database.
    ///
    /// # Errors
    /// [`SealError`] when the cipher refuses.
    pub fn wrap_key(&self, kid: &str, pkcs8: &[u8], random: &dyn Random) -> Result<Vec<u8>, SealError> {
        seal(&self.signing, kid.as_bytes(), pkcs8, random)
    }

    /// Unwraps one.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn unwrap_key(&self, kid: &str, wrapped: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        open(&self.signing, kid.as_bytes(), wrapped).map(zeroize::Zeroizing::new)
    }
}

fn derived(secret: &[u8; 32], purpose: &'static str) -> LessSafeKey {
    let okm = ring::hmac::sign(&sub_key(secret, purpose), b"aead");
    #[allow(clippy::expect_used, reason = "32 bytes are the key length of AES-256; no input reaches this")]
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, okm.as_ref()).expect("32 bytes"))
}

fn context(table: &str, column: &str, row: Uuid) -> String {
    format!("{table}.{column}.{row}")
}

fn state_context(purpose: &str, binding: &[u8]) -> Vec<u8> {
    [purpose.as_bytes(), &[0], binding].concat()
}

/// nonce ‖ ciphertext ‖ tag, with a random 96-bit nonce.
fn seal(key: &LessSafeKey, aad: &[u8], plain: &[u8], random: &dyn Random) -> Result<Vec<u8>, SealError> {
    let nonce: [u8; NONCE_LEN] = bytes(random);
    let mut body = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body)
        .map_err(|_| SealError)?;
    Ok([&nonce[..], &body[..]].concat())
}

fn open(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
    let mut body = body.to_vec();
    let length = key.open_in_place(nonce, Aad::from(aad), &mut body).map_err(|_| SealError)?.len();
    body.truncate(length);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::random::SystemRandom;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_the_same_context_opens(plain in proptest::collection::vec(any::<u8>(), 0..200), flip in any::<proptest::sample::Index>()) {
            let random = SystemRandom::new();
            let sealer = Sealer::new(&RootSecrets::generate(&random));
            let (salt, row) = ([7u8; 32], Uuid::nil());
            let sealed = sealer.seal_column(&salt, "t", "c", row, &plain, &random).unwrap();
            prop_assert_eq!(sealer.open_column(&salt, "t", "c", row, &sealed), Ok(plain.clone()));
            prop_assert_eq!(sealer.open_column(&[8; 32], "t", "c", row, &sealed), Err(SealError));
            prop_assert_eq!(sealer.open_column(&salt, "t", "d", row, &sealed), Err(SealError));
            let mut changed = sealed.clone();
            changed[flip.index(sealed.len())] ^= 1;
            prop_assert_eq!(sealer.open_column(&salt, "t", "c", row, &changed), Err(SealError));
            let state = sealer.seal_state("a", b"cookie", &plain, &random).unwrap();
            prop_assert_eq!(sealer.open_state("a", b"cookie", &state), Ok(plain));
            prop_assert_eq!(sealer.open_state("b", b"cookie", &state), Err(SealError));
            prop_assert_eq!(sealer.open_state("a", b"other", &state), Err(SealError));
        }
    }
}
