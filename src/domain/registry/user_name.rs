//! User names 用户名 (ruling R9): ours to give, opaque, typable. Never made from a name, phone or number.
//!
//! Ten signs in groups `xxx-xxx-xxxx` over an alphabet of 23 without look-alikes and without vowels (no words). The last is
//! a check character: the weighted sum of all ten is 0 modulo 23. As 23 is prime and the weights 1–10 differ, every
//! single wrong sign and every swap of two signs is noticed.

use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

use super::text;
use crate::domain::random::{self, Random};

const ALPHABET: &[u8; 23] = b"23456789cdfhjkmnprtvwxy";
const SIGNS: usize = 10;

/// A user name in its one canonical form, `k7m-2xp-w9dt`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// Not one of our user names, or mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a user name, or mistyped")]
pub struct UserNameError;

impl UserName {
    /// A fresh name: one of 23⁹ ≈ 1.8 · 10¹². The caller stores it under a unique constraint and draws again when taken.
    pub fn generate(random: &dyn Random) -> Self {
        // 128 bits over 42 needed: what the remainder prefers is below 2⁻⁸⁶.
        let mut rest = u128::from_be_bytes(random::bytes(random));
        let mut values = [0; SIGNS];
        for value in &mut values[..SIGNS - 1] {
            *value = (rest % ALPHABET.len() as u128) as usize;
            rest /= ALPHABET.len() as u128;
        }
        values[SIGNS - 1] = check_value(&values);
        Self::from_values(&values)
    }

    /// Reads what was typed; case, width, spaces, hyphens and look-alikes are forgiven.
    ///
    /// # Errors
    /// [`UserNameError`] when it is none, or one sign is wrong or two are swapped.
    pub fn parse(typed: &str) -> Result<Self, UserNameError> {
        let mut values = [0; SIGNS];
        let mut count = 0;
        for c in typed.nfkc().filter(|c| !is_filler(*c)) {
            *values.get_mut(count).ok_or(UserNameError)? = value_of(c).ok_or(UserNameError)?;
            count += 1;
        }
        if count == SIGNS && weighted(&values).is_multiple_of(ALPHABET.len()) {
            Ok(Self::from_values(&values))
        } else {
            Err(UserNameError)
        }
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_values(values: &[usize; SIGNS]) -> Self {
        let mut name = String::with_capacity(SIGNS + 2);
        for (at, value) in values.iter().enumerate() {
            if at == 3 || at == 6 {
                name.push('-');
            }
            name.push(char::from(ALPHABET[*value]));
        }
        Self(name)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for UserName {
    type Err = UserNameError;
    fn from_str(text: &str) -> Result<Self, UserNameError> {
        Self::parse(text)
    }
}

fn is_filler(c: char) -> bool {
    c.is_whitespace()
        || text::is_invisible(c)
        || matches!(c, '-' | '_' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}')
}

/// Signs outside the alphabet stand for the one inside that they are mistaken for; the check settles wrong guesses.
fn value_of(c: char) -> Option<usize> {
    let sign = match c.to_ascii_lowercase() {
        'b' => '8',
        'g' | 'q' => '9',
        's' => '5',
        'z' => '2',
        'u' => 'v',
        other => other,
    };
    ALPHABET.iter().position(|known| char::from(*known) == sign)
}

fn weighted(values: &[usize; SIGNS]) -> usize {
    values.iter().enumerate().map(|(at, value)| (at + 1) * value).sum()
}

/// The last value that makes the weighted sum 0: its weight 10 has the inverse 7 modulo 23.
fn check_value(values: &[usize; SIGNS]) -> usize {
    const INVERSE: usize = 7;
    let base = ALPHABET.len();
    (base - weighted(values) % base) * INVERSE % base
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed([u8; 16]);

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, fixed) in bytes.iter_mut().zip(self.0.iter().cycle()) {
                *byte = *fixed;
            }
        }
    }

    fn name() -> impl Strategy<Value = UserName> {
        any::<[u8; 16]>().prop_map(|bytes| UserName::generate(&Fixed(bytes)))
    }

    #[test]
    fn a_constant_generator_ends() {
        assert_eq!(UserName::generate(&Fixed([0; 16])).as_str(), "222-222-2222");
        assert!(UserName::parse(UserName::generate(&Fixed([255; 16])).as_str()).is_ok());
    }

    #[test]
    fn look_alikes_are_forgiven() {
        assert_eq!(UserName::parse("ZZZ zzz ｚｚｚ２").unwrap().as_str(), "222-222-2222");
    }

    proptest! {
        #[test]
        fn what_was_given_can_be_typed_in_many_ways(name in name()) {
            let text = name.as_str();
            let wide: String = text.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
            for typed in [text.to_owned(), text.to_uppercase(), text.replace('-', ""), text.replace('-', " "), wide] {
                prop_assert_eq!(UserName::parse(&typed), Ok(name.clone()));
            }
        }

        #[test]
        fn one_wrong_sign_is_always_noticed(name in name(), at in 0usize..10, by in 1usize..23) {
            let mut signs: Vec<u8> = name.as_str().bytes().filter(|b| *b != b'-').collect();
            let value = ALPHABET.iter().position(|sign| *sign == signs[at]).unwrap();
            signs[at] = ALPHABET[(value + by) % 23];
            prop_assert!(UserName::parse(&String::from_utf8(signs).unwrap()).is_err());
        }

        #[test]
        fn two_swapped_signs_are_always_noticed(name in name(), one in 0usize..10, other in 0usize..10) {
            let mut signs: Vec<u8> = name.as_str().bytes().filter(|b| *b != b'-').collect();
            prop_assume!(signs[one] != signs[other]);
            signs.swap(one, other);
            prop_assert!(UserName::parse(&String::from_utf8(signs).unwrap()).is_err());
        }

        #[test]
        fn any_text_is_read_without_harm(typed in "\\PC{0,40}") {
            if let Ok(name) = UserName::parse(&typed) {
                prop_assert_eq!(UserName::parse(name.as_str()), Ok(name.clone()));
            }
        }
    }
}
