//! Personal code 个人标识码, for students the 学籍号 (教育部办公厅 2013-09-18 《学校（机构）人员基础信息代码编制规则》):
//! one letter and 18 characters, for life. It embeds the identity number, so it is as secret as the number itself.

use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

use super::codes::codes;
use super::document::{Document, DocumentClass};
use super::{mod11, text};

codes! {
    /// What the letter says. Codes change L → J → G as more is known; the older ones are kept as superseded.
    PersonalCodeKind {
        Verified = "G", "正式(依据身份证号)";
        SelfMade = "J", "正式(自编)";
        Temporary = "L", "临时";
    }
}

/// A personal code. Nothing shows it by accident.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PersonalCode(String);

/// Why a text is no personal code. Never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PersonalCodeError {
    /// Not a letter G, J or L and 18 characters, all digits but perhaps the last.
    #[error("a personal code is a letter G, J or L and 18 characters")]
    Form,
    /// A G code embeds an identity number whose check character is wrong.
    #[error("the identity number inside the personal code is wrong")]
    Check,
}

impl PersonalCode {
    /// Reads a code; width, case and spaces are forgiven.
    ///
    /// # Errors
    /// [`PersonalCodeError`] says what is wrong.
    pub fn parse(raw: &str) -> Result<Self, PersonalCodeError> {
        let code: String = raw
            .nfkc()
            .filter(|c| !c.is_whitespace() && !text::is_invisible(*c) && *c != '-' && *c != '\'')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let number = code.get(1..).unwrap_or_default();
        if !code.starts_with(['G', 'J', 'L']) || !mod11::has_shape(number) {
            return Err(PersonalCodeError::Form);
        }
        if code.starts_with('G') && !mod11::passes(number) {
            return Err(PersonalCodeError::Check);
        }
        Ok(Self(code))
    }

    /// The letter.
    pub fn kind(&self) -> PersonalCodeKind {
        match self.0.as_bytes().first() {
            Some(b'G') => PersonalCodeKind::Verified,
            Some(b'J') => PersonalCodeKind::SelfMade,
            _ => PersonalCodeKind::Temporary,
        }
    }

    /// The code itself, for sealing and for the blind index.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// First and last character only (ruling R7).
    pub fn masked(&self) -> String {
        text::mask(&self.0)
    }

    /// The identity number inside a G code: a hint that opens a case, never a link (ruling R10), because it may differ
    /// from the person's present number.
    pub fn identity_number_hint(&self) -> Option<&str> {
        self.0.strip_prefix('G')
    }

    /// The G 学籍号 that is made of an identity number.
    pub fn made_of(document: &Document) -> Option<Self> {
        (document.class == DocumentClass::Cn18).then(|| Self(format!("G{}", document.number.expose())))
    }
}

impl fmt::Debug for PersonalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal code]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_letter_decides() {
        assert_eq!(PersonalCode::parse("g11010519491231002x").unwrap().kind(), PersonalCodeKind::Verified);
        assert_eq!(PersonalCode::parse("J110105194912310021").unwrap().kind(), PersonalCodeKind::SelfMade);
        assert_eq!(PersonalCode::parse("L360102201809010042").unwrap().kind(), PersonalCodeKind::Temporary);
        assert_eq!(PersonalCode::parse("G110105194912310021"), Err(PersonalCodeError::Check));
        for raw in ["", "G", "A11010519491231002X", "11010519491231002X", "G1101051949123100", "字11010519491231002X"]
        {
            assert_eq!(PersonalCode::parse(raw), Err(PersonalCodeError::Form), "{raw}");
        }
    }

    #[test]
    fn only_a_g_code_hints_at_a_number() {
        assert_eq!(
            PersonalCode::parse("G11010519491231002X").unwrap().identity_number_hint(),
            Some("11010519491231002X")
        );
        assert_eq!(PersonalCode::parse("J11010519491231002X").unwrap().identity_number_hint(), None);
        let (number, _) = Document::parse(None, None, "11010519491231002X").unwrap();
        assert_eq!(PersonalCode::made_of(&number), PersonalCode::parse("G11010519491231002X").ok());
    }

    #[test]
    fn nothing_shows_it_by_accident() {
        let code = PersonalCode::parse("G11010519491231002X").unwrap();
        assert_eq!(format!("{code:?}"), "[personal code]");
        assert_eq!(code.masked(), "G****X");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(raw in "\\PC{0,40}") {
            if let Ok(code) = PersonalCode::parse(&raw) {
                prop_assert_eq!(code.expose().len(), 19);
            }
        }
    }
}
