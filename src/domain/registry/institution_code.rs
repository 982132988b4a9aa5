//! Codes of institutions: 学校（机构）标识码, 统一社会信用代码 and codes of our own. A code is never the key of an
//! institution, because it changes with the school's category and void codes are not reused (reference 2.7).

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

use super::codes::codes;
use super::uscc::Uscc;

codes! {
    /// Who gives the code.
    CodeScheme {
        SchoolCode = "school_code", "学校(机构)标识码";
        Uscc = "uscc", "统一社会信用代码";
        Local = "local", "系统内机构代码";
    }
}

/// A code and its scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Who gives it.
    pub scheme: CodeScheme,
    /// The code, upper case, without spaces.
    pub value: String,
}

/// Neither ten digits, nor a credit code, nor 4–32 letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a code of an institution")]
pub struct CodeError;

impl Code {
    /// Reads a code and tells its scheme by its form: ten digits are a 学校标识码 (which has no check digit), 18 signs a
    /// credit code, anything else of 4–32 letters and digits (`ED36010200` of an authority) one of the system's own.
    ///
    /// # Errors
    /// [`CodeError`] when it can be none of them.
    pub fn parse(raw: &str) -> Result<Self, CodeError> {
        let value: String = raw.nfkc().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        if !(4..=32).contains(&value.len()) || !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(CodeError);
        }
        let scheme = if value.len() == 10 && value.bytes().all(|b| b.is_ascii_digit()) {
            CodeScheme::SchoolCode
        } else if Uscc::parse(&value).is_ok() {
            CodeScheme::Uscc
        } else {
            CodeScheme::Local
        };
        Ok(Self { scheme, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_tells_the_scheme() {
        for (raw, scheme) in [
            ("2136000001", CodeScheme::SchoolCode),
            (" 21 3600 0001", CodeScheme::SchoolCode),
            ("91110000101623741K", CodeScheme::Uscc),
            ("ed36000000", CodeScheme::Local),
        ] {
            assert_eq!(Code::parse(raw).unwrap().scheme, scheme, "{raw}");
        }
        assert!(Code::parse("学校").is_err());
        assert!(Code::parse("").is_err());
    }
}
