//! Unified social credit code 统一社会信用代码 (GB 32100-2015): 18 characters over 31 signs with a check character.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

const SIGNS: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// A code whose form is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uscc {
    code: String,
    check_agrees: bool,
}

/// Not 18 of the 31 signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a unified social credit code is 18 characters without I, O, S, V, Z")]
pub struct UsccError;

impl Uscc {
    /// Reads a code. A wrong check character is no error: codes in real use do not verify ([`Uscc::check_agrees`]).
    ///
    /// # Errors
    /// [`UsccError`] when the form is wrong.
    pub fn parse(raw: &str) -> Result<Self, UsccError> {
        let code: String =
            raw.nfkc().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect();
        let values: Option<Vec<usize>> = code.bytes().map(|b| SIGNS.iter().position(|sign| *sign == b)).collect();
        let values: [usize; 18] = values.and_then(|v| v.try_into().ok()).ok_or(UsccError)?;
        Ok(Self { code, check_agrees: check_value(&values) == values[17] })
    }

    /// The 18 characters.
    pub fn as_str(&self) -> &str {
        &self.code
    }

    /// Whether the check character is right; when not, an administrator should look, and may keep it.
    pub fn check_agrees(&self) -> bool {
        self.check_agrees
    }
}

/// Weights 3^(i−1) mod 31; C18 = 31 − (Σ mod 31), where 31 counts as 0.
fn check_value(values: &[usize; 18]) -> usize {
    let (mut sum, mut weight) = (0, 1);
    for value in &values[..17] {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    (31 - sum % 31) % 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_a_warning() {
        assert!(Uscc::parse("91110000101623741K").unwrap().check_agrees());
        assert!(Uscc::parse("91110000101623741k ").unwrap().check_agrees());
        // In real use, and does not verify.
        assert!(!Uscc::parse("91350211M0000XUF46").unwrap().check_agrees());
    }

    #[test]
    fn forms_that_are_none() {
        for text in [
            "",
            "9111000010162374",
            "91110000101623741I",
            "91110000101623741K0",
            "统一社会信用代码统一社会信用代码统一",
        ] {
            assert_eq!(Uscc::parse(text), Err(UsccError), "{text}");
        }
    }
}
