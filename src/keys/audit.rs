//! The audit chain: each number's hash covers the entry and the hash before it; checkpoints are signed with
//! Ed25519 from `audit.key`, so that whoever holds the public key can check them offline (ruling R4).

use ring::digest::{Context, SHA256};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::array;
use super::root::RootSecrets;
use crate::domain::time::Timestamp;

/// The hash of an entry after `previous`.
pub fn link(previous: &[u8; 32], entry: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"mingji audit link v1");
    context.update(previous);
    context.update(entry);
    array(context.finish().as_ref())
}

/// The digest of what is public. Lengths stand before the parts, so that no two lists of parts share one.
pub fn plain_digest(parts: &[&str]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part.as_bytes());
    }
    array(context.finish().as_ref())
}

/// Signs and checks statements about the chain.
pub struct CheckpointSigner(Ed25519KeyPair);

impl CheckpointSigner {
    /// From the root secrets.
    pub fn new(secrets: &RootSecrets) -> Self {
        #[allow(clippy::expect_used, reason = "32 bytes are the seed length of Ed25519; no input reaches this")]
        Self(Ed25519KeyPair::from_seed_unchecked(secrets.audit()).expect("32 bytes"))
    }

    /// Signs that the chain holds `count` entries and ends at `seq` with `head`.
    pub fn sign(&self, seq: i64, count: i64, head: &[u8; 32], at: Timestamp) -> Vec<u8> {
        self.0.sign(&message(seq, count, head, at)).as_ref().to_vec()
    }

    /// Signs that what stood up to `through`, where the chain had `head`, was old enough to end. Only the register ends
    /// anything: whoever writes to the database alone cannot say so.
    pub fn sign_end(&self, through: i64, head: &[u8; 32], at: Timestamp) -> Vec<u8> {
        self.0.sign(&end_message(through, head, at)).as_ref().to_vec()
    }

    /// What others check statements with.
    pub fn public_key(&self) -> [u8; 32] {
        array(self.0.public_key().as_ref())
    }
}

/// Whether a statement was signed by the holder of this key.
pub fn holds(key: &[u8; 32], seq: i64, count: i64, head: &[u8; 32], at: Timestamp, signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(&message(seq, count, head, at), signature).is_ok()
}

/// Whether an end was signed by the holder of this key.
pub fn end_holds(key: &[u8; 32], through: i64, head: &[u8; 32], at: Timestamp, signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(&end_message(through, head, at), signature).is_ok()
}

fn end_message(through: i64, head: &[u8; 32], at: Timestamp) -> Vec<u8> {
    [b"mingji audit end v1".as_slice(), &through.to_be_bytes(), head, &at.micros().to_be_bytes()].concat()
}

fn message(seq: i64, count: i64, head: &[u8; 32], at: Timestamp) -> Vec<u8> {
    [
        b"mingji audit checkpoint v1".as_slice(),
        &seq.to_be_bytes(),
        &count.to_be_bytes(),
        head,
        &at.micros().to_be_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::random::SystemRandom;

    #[test]
    fn a_link_depends_on_everything_before_it() {
        let first = link(&[0; 32], b"one");
        assert_ne!(first, link(&[0; 32], b"two"));
        assert_ne!(link(&first, b"two"), link(&[1; 32], b"two"));
    }

    #[test]
    fn a_checkpoint_holds_for_its_own_values_only() {
        let random = SystemRandom::new();
        let secrets = RootSecrets::generate(&random);
        let (signer, at) = (CheckpointSigner::new(&secrets), Timestamp::from_seconds(5));
        let signature = signer.sign(7, 7, &[3; 32], at);
        let key = CheckpointSigner::new(&secrets).public_key();
        assert!(holds(&key, 7, 7, &[3; 32], at, &signature), "the key is always the same");
        assert!(!holds(&key, 8, 7, &[3; 32], at, &signature));
        assert!(!holds(&key, 7, 8, &[3; 32], at, &signature));
        assert!(!holds(&key, 7, 7, &[4; 32], at, &signature));
        assert!(!holds(&key, 7, 7, &[3; 32], Timestamp::from_seconds(6), &signature));
        assert!(!holds(&key, 7, 7, &[3; 32], at, &signature[..63]));
        let other = CheckpointSigner::new(&RootSecrets::generate(&random)).public_key();
        assert!(!holds(&other, 7, 7, &[3; 32], at, &signature));
        let end = signer.sign_end(7, &[3; 32], at);
        assert!(end_holds(&key, 7, &[3; 32], at, &end) && !end_holds(&key, 8, &[3; 32], at, &end));
        assert!(!end_holds(&key, 7, &[4; 32], at, &end) && !end_holds(&key, 7, &[3; 32], at, &signature));
    }
}
