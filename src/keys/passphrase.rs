//! A key from a passphrase (argon2id), for what leaves the machine: backups lie about for years and are opened once,
//! so that opening one may cost more than a sign-in.

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead;
use zeroize::Zeroizing;

/// Length of the salt, in bytes.
pub(super) const SALT: usize = 16;

/// What one guess costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// 64 MiB and three passes.
pub(super) const COST: Cost = Cost { memory_kib: 65_536, passes: 3, lanes: 1 };

/// A file says what its key costs; more than this is no file of ours, and would only fill our memory.
const MOST: Cost = Cost { memory_kib: 1 << 20, passes: 16, lanes: 8 };

impl Cost {
    /// As it stands in a file: three numbers, big-endian.
    pub(super) fn to_bytes(self) -> [u8; 12] {
        let mut out = [0; 12];
        for (part, number) in out.chunks_exact_mut(4).zip([self.memory_kib, self.passes, self.lanes]) {
            part.copy_from_slice(&number.to_be_bytes());
        }
        out
    }

    /// From a file; `None` when no program of ours wrote it.
    pub(super) fn from_bytes(bytes: [u8; 12]) -> Option<Self> {
        let [m0, m1, m2, m3, p0, p1, p2, p3, l0, l1, l2, l3] = bytes;
        let cost = Self {
            memory_kib: u32::from_be_bytes([m0, m1, m2, m3]),
            passes: u32::from_be_bytes([p0, p1, p2, p3]),
            lanes: u32::from_be_bytes([l0, l1, l2, l3]),
        };
        let fits = cost.memory_kib <= MOST.memory_kib && cost.passes <= MOST.passes && cost.lanes <= MOST.lanes;
        fits.then_some(cost)
    }
}

/// The key; `None` when argon2 refuses the parameters.
pub(super) fn key(phrase: &str, salt: &[u8], cost: Cost) -> Option<aead::LessSafeKey> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
    let mut key = Zeroizing::new([0u8; 32]);
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    hasher.hash_password_into(phrase.as_bytes(), salt, &mut *key).ok()?;
    aead::UnboundKey::new(&aead::AES_256_GCM, &*key).ok().map(aead::LessSafeKey::new)
}
