//! Root secrets, signing keys, JWT, sealing, blind index, opaque tokens, password hashes. All of it stands
//! on ring; nothing here knows rows, requests or use cases.

pub mod archive;
pub mod audit;
pub mod blind_index;
pub mod browser_state;
pub mod certificate;
pub mod foreign;
pub mod huge_pages;
pub mod jwe;
pub mod jwk;
pub mod jwt;
pub mod keyring;
pub mod opaque;
mod passphrase;
pub mod password;
pub mod proof;
pub mod random;
pub mod root;
pub mod seal;
pub mod signer;

use ring::hmac;

/// A sub-key for one purpose, so that no two uses of a root secret can be played against each other.
fn sub_key(secret: &[u8; 32], purpose: &str) -> hmac::Key {
    let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&master, purpose.as_bytes()).as_ref())
}

/// Bytes of hexadecimal text.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// The 32 bytes of an HMAC or digest.
fn array(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0u8; 32];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}
