//! Opaque tokens: random bearer secrets of which only digests are kept, and refresh tokens of which only the
//! family is (ruling R11).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac};
use secrecy::SecretString;
use subtle::ConstantTimeEq as _;
use uuid::{Builder, Uuid};

use super::root::RootSecrets;
use super::{array, sub_key};
use crate::domain::hex::hex;
use crate::domain::id::FamilyId;
use crate::domain::random::{Random, bytes};

/// A fresh 256-bit secret as base64url text.
pub fn generate(random: &dyn Random) -> SecretString {
    URL_SAFE_NO_PAD.encode(bytes::<32>(random)).into()
}

/// What is stored of a secret: SHA-256 suffices, because the secret is random and long.
pub fn digest(secret: &str) -> [u8; 32] {
    array(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref())
}

/// The digest as a key of the ephemeral store, so that the store never holds the secret.
pub fn lookup_key(secret: &str) -> String {
    hex(&digest(secret))
}

/// The id that a code gives to the grant it leads to: whoever has the code can name it, and nobody else. A UUID
/// version 8 (RFC 9562, 5.8).
pub fn named_by(code: &str) -> Uuid {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"mingji grant of code v1");
    context.update(code.as_bytes());
    let mut half = [0u8; 16];
    half.copy_from_slice(&context.finish().as_ref()[..16]);
    Builder::from_custom_bytes(half).into_uuid()
}

/// Whether a secret has this digest, in constant time.
pub fn matches(secret: &str, stored: &[u8; 32]) -> bool {
    bool::from(digest(secret).ct_eq(stored))
}

/// RFC 7636, 4.6: BASE64URL(SHA256(ASCII(code_verifier))).
pub fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(verifier))
}

/// Writes and reads `family.counter.MAC`.
pub struct RefreshTokens(hmac::Key);

impl RefreshTokens {
    /// From the root secrets.
    pub fn new(secrets: &RootSecrets) -> Self {
        Self(sub_key(secrets.root(), "refresh tokens"))
    }

    /// The token of a family at a counter: the same text every time, so that a lost answer can be given again.
    pub fn format(&self, family: FamilyId, counter: u32) -> String {
        let mac = hmac::sign(&self.0, &message(family, counter));
        format!("{}.{counter}.{}", URL_SAFE_NO_PAD.encode(family.0.as_bytes()), URL_SAFE_NO_PAD.encode(mac.as_ref()))
    }

    /// Family and counter of a token that we wrote.
    pub fn parse(&self, token: &str) -> Option<(FamilyId, u32)> {
        let mut parts = token.split('.');
        let (family, counter, mac) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let family = FamilyId(Uuid::from_slice(&URL_SAFE_NO_PAD.decode(family).ok()?).ok()?);
        let number: u32 = counter.parse().ok()?;
        hmac::verify(&self.0, &message(family, number), &URL_SAFE_NO_PAD.decode(mac).ok()?).ok()?;
        // One spelling each: "+1" and "01" are other texts of the same number.
        (number.to_string() == counter).then_some((family, number))
    }
}

fn message(family: FamilyId, counter: u32) -> [u8; 20] {
    let mut message = [0u8; 20];
    message[..16].copy_from_slice(family.0.as_bytes());
    message[16..].copy_from_slice(&counter.to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::random::SystemRandom;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_our_own_refresh_tokens_are_read(family in any::<u128>(), counter in any::<u32>(), at in any::<proptest::sample::Index>()) {
            let random = SystemRandom::new();
            let tokens = RefreshTokens::new(&RootSecrets::generate(&random));
            let family = FamilyId(Uuid::from_u128(family));
            let token = tokens.format(family, counter);
            prop_assert_eq!(tokens.parse(&token), Some((family, counter)));
            prop_assert_eq!(RefreshTokens::new(&RootSecrets::generate(&random)).parse(&token), None);
            let mut changed = token.clone().into_bytes();
            let at = at.index(changed.len());
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character of a part carries unused bits; what decodes to the same bytes is the same token.
            prop_assert!(tokens.parse(&changed).is_none_or(|read| read == (family, counter)));
        }
    }
}
