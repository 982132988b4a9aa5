//! Blind indexes (ruling R2): keyed digests that let the database find what it cannot read. Every kind has
//! its own sub-key of `index.key`, so that equal numbers of two kinds look unrelated.

use ring::hmac;
use uuid::{Builder, Uuid};

use super::root::RootSecrets;
use super::{array, sub_key};

/// Makes blind indexes.
pub struct BlindIndex {
    document: hmac::Key,
    personal_code: hmac::Key,
    contact: hmac::Key,
    login: hmac::Key,
    throttle: hmac::Key,
    network: hmac::Key,
    sector: hmac::Key,
    case: hmac::Key,
    user_code: hmac::Key,
    question: hmac::Key,
}

impl BlindIndex {
    /// From the root secrets.
    pub fn new(secrets: &RootSecrets) -> Self {
        let key = |purpose| sub_key(secrets.index(), purpose);
        Self {
            document: key("document"),
            personal_code: key("personal code"),
            contact: key("contact"),
            login: key("login"),
            throttle: key("throttle"),
            network: key("network"),
            sector: key("sector"),
            case: key("case"),
            user_code: key("user code"),
            question: key("question"),
        }
    }

    /// An identity document: class, issuing country, normalised number (R10).
    pub fn document(&self, class: &str, country: &str, number: &str) -> [u8; 32] {
        digest(&self.document, &[class, country, number])
    }

    /// A 学籍号.
    pub fn personal_code(&self, code: &str) -> [u8; 32] {
        digest(&self.personal_code, &[code])
    }

    /// A phone or e-mail as a way to reach somebody.
    pub fn contact(&self, kind: &str, value: &str) -> [u8; 32] {
        digest(&self.contact, &[kind, value])
    }

    /// An alias that can be typed at sign-in (R9).
    pub fn login(&self, kind: &str, value: &str) -> [u8; 32] {
        digest(&self.login, &[kind, value])
    }

    /// What was typed at sign-in, existing or not (R17).
    pub fn throttle(&self, typed: &str) -> [u8; 32] {
        digest(&self.throttle, &[typed])
    }

    /// What a person types who finishes on another device (RFC 8628): short, so that a plain digest would tell it.
    pub fn user_code(&self, code: &str) -> [u8; 32] {
        digest(&self.user_code, &[code])
    }

    /// What somebody asked about a person, as it stands in the audit: told apart among the questions of one asker only.
    pub fn question(&self, asker: Uuid, kind: &str, value: &str) -> [u8; 32] {
        digest(&self.question, &[&asker.to_string(), kind, value])
    }

    /// A network address.
    pub fn network(&self, address: &str) -> [u8; 32] {
        digest(&self.network, &[address])
    }

    /// The facts of a case: what clashes, and between whom.
    pub fn case(&self, kind: &str, facts: &[&str]) -> [u8; 32] {
        digest(&self.case, &[&[kind], facts].concat())
    }

    /// An id as one sector sees it: stable there, unrelated elsewhere (R13). A UUID version 8 (RFC 9562, 5.8).
    pub fn sector_id(&self, sector: &str, kind: &str, id: Uuid) -> Uuid {
        let mac = digest(&self.sector, &[sector, kind, &id.to_string()]);
        let mut half = [0u8; 16];
        half.copy_from_slice(&mac[..16]);
        Builder::from_custom_bytes(half).into_uuid()
    }
}

/// A digest of personal data that means nothing once the person's salt is gone (R7, R18).
pub fn salted(salt: &[u8; 32], parts: &[&str]) -> [u8; 32] {
    digest(&hmac::Key::new(hmac::HMAC_SHA256, salt), parts)
}

/// Lengths stand before the parts, so that no two lists of parts share a digest.
fn digest(key: &hmac::Key, parts: &[&str]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part.as_bytes());
    }
    array(context.sign().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::random::SystemRandom;

    #[test]
    fn kinds_sectors_and_splits_are_unrelated() {
        let index = BlindIndex::new(&RootSecrets::generate(&SystemRandom::new()));
        assert_ne!(index.login("phone", "1"), index.contact("phone", "1"));
        assert_ne!(index.document("ab", "", "c"), index.document("a", "b", "c"));
        let id = Uuid::nil();
        assert_eq!(index.sector_id("a.example", "sub", id), index.sector_id("a.example", "sub", id));
        assert_ne!(index.sector_id("a.example", "sub", id), index.sector_id("b.example", "sub", id));
        assert_eq!(index.sector_id("a.example", "sub", id).get_version_num(), 8);
    }
}
