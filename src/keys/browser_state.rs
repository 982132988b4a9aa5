//! How a browser stands at the provider, for the eyes of clients' pages (OpenID Connect Session Management 1.0): a word
//! that changes with the session and tells nothing else (ruling R12), and its salted digest for one client.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use super::opaque::s256;
use super::root::RootSecrets;
use super::sub_key;
use crate::domain::id::SessionId;
use crate::domain::random::{Random, bytes};

const SOMEBODY: &str = "s.";
const NOBODY: &str = "n.";

/// Makes the words.
pub struct BrowserStates(hmac::Key);

impl BrowserStates {
    /// From the root secrets.
    pub fn new(secrets: &RootSecrets) -> Self {
        Self(sub_key(secrets.root(), "browser state"))
    }

    /// The word of a session: the same for as long as it lasts. Whoever reads it learns neither the session's id nor
    /// its secret.
    pub fn of_session(&self, session: SessionId) -> String {
        format!("{SOMEBODY}{}", URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, session.0.as_bytes())))
    }
}

/// The word of a browser at which nobody is signed in.
pub fn of_nobody(random: &dyn Random) -> String {
    format!("{NOBODY}{}", URL_SAFE_NO_PAD.encode(bytes::<16>(random)))
}

/// Whether a word says that nobody is signed in.
pub fn is_nobodys(word: &str) -> bool {
    word.starts_with(NOBODY)
}

/// `session_state` (Session Management 1.0, 3.2): what the page of ours computes again from the cookie, the origin of
/// whoever asks, and the salt.
pub fn session_state(client_id: &str, origin: &str, word: &str, random: &dyn Random) -> String {
    let salt = URL_SAFE_NO_PAD.encode(bytes::<12>(random));
    format!("{}.{salt}", s256(&format!("{client_id} {origin} {word} {salt}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::random::SystemRandom;

    #[test]
    fn a_word_is_of_one_session_and_one_installation() {
        let random = SystemRandom::new();
        let words = || BrowserStates::new(&RootSecrets::generate(&random));
        let (ours, theirs) = (words(), words());
        let session = |id| SessionId(uuid::Uuid::from_u128(id));
        assert_eq!(ours.of_session(session(1)), ours.of_session(session(1)));
        assert_ne!(ours.of_session(session(1)), ours.of_session(session(2)));
        assert_ne!(ours.of_session(session(1)), theirs.of_session(session(1)));
        assert!(!is_nobodys(&ours.of_session(session(1))) && is_nobodys(&of_nobody(&random)));
    }

    #[test]
    fn what_a_client_holds_depends_on_everything() {
        let random = SystemRandom::new();
        let whole = session_state("c", "https://a.example", "s.x", &random);
        let (hash, salt) = whole.split_once('.').unwrap();
        assert_eq!(hash, s256(&format!("c https://a.example s.x {salt}")));
        assert!(!whole.contains(' '));
        assert_ne!(whole, session_state("c", "https://a.example", "s.x", &random), "salted");
    }
}
