//! The code that a device shows and a person types (RFC 8628, 6.1): letters that are not mistaken for others, no vowels and
//! so no words.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use crate::domain::random::{self, Random};

/// The base-20 set of RFC 8628, 6.1.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS: usize = 8;

/// A code in its one canonical form, `WDJB-MJHT`: 20⁸ ≈ 2³⁴ of them, for ten minutes and a few tries of each person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A fresh one. The caller stores it under a unique constraint and draws again when taken.
    pub fn generate(random: &dyn Random) -> Self {
        // 128 bits over 35 needed: what the remainder prefers is below 2⁻⁹³.
        let mut rest = u128::from_be_bytes(random::bytes(random));
        let mut code = String::with_capacity(LETTERS + 1);
        for at in 0..LETTERS {
            if at == LETTERS / 2 {
                code.push('-');
            }
            code.push(char::from(ALPHABET[usize::try_from(rest % 20).unwrap_or_default()]));
            rest /= 20;
        }
        Self(code)
    }

    /// Reads what was typed; case, width, spaces and marks are forgiven (RFC 8628, 6.1).
    pub fn parse(typed: &str) -> Option<Self> {
        let mut code = String::with_capacity(LETTERS + 1);
        for letter in typed.nfkc().filter(char::is_ascii_alphanumeric).take(LETTERS + 1) {
            let letter = letter.to_ascii_uppercase();
            if !ALPHABET.iter().any(|known| char::from(*known) == letter) {
                return None;
            }
            if code.len() == LETTERS / 2 {
                code.push('-');
            }
            code.push(letter);
        }
        (code.len() == LETTERS + 1).then_some(Self(code))
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().zip(0u8..).for_each(|(byte, at)| *byte = self.0.wrapping_mul(31).wrapping_add(at * 7));
        }
    }

    #[test]
    fn what_is_drawn_is_read_however_it_is_typed() {
        for seed in 0..100 {
            let code = UserCode::generate(&Fixed(seed));
            let text = code.to_string();
            assert_eq!((text.len(), text.as_bytes()[4]), (9, b'-'));
            for typed in [
                text.clone(),
                text.to_lowercase(),
                text.replace('-', ""),
                text.replace('-', " — "),
                format!("  {text}\n"),
            ] {
                assert_eq!(UserCode::parse(&typed).as_ref(), Some(&code), "{typed}");
            }
        }
        assert_eq!(UserCode::parse("ｗｄｊｂ－ｍｊｈｔ").map(|code| code.to_string()).as_deref(), Some("WDJB-MJHT"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in ["", "WDJB", "WDJB-MJHTW", "ADJB-MJHT", "0DJB-MJHT", "WDJB-MJH1", "WDJBMJHÄ", "------------"] {
            assert_eq!(UserCode::parse(bad), None, "{bad}");
        }
    }
}
