//! Administrative division 行政区划 (GB/T 2260): six digits, two each for province, prefecture and county.

use std::fmt;

use thiserror::Error;

use super::codes::codes;

/// Provinces of GB/T 2260, and 66 for the 兵团, which education counts as one.
const PROVINCES: [&str; 35] = [
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44",
    "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "66", "71", "81", "82",
];

/// Whether two digits name a province.
pub fn is_province(digits: &str) -> bool {
    PROVINCES.contains(&digits)
}

codes! {
    /// Level of a division.
    DivisionLevel {
        Nation = "nation", "国家";
        Province = "province", "省级";
        City = "city", "地级";
        County = "county", "县级";
    }
}

/// A division code. Counties come and go, so only the province is checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Division([u8; 6]);

/// Not six digits of a province (or `000000` for the nation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a division code of GB/T 2260")]
pub struct DivisionError;

impl Division {
    /// Reads six digits; the statistical forms of 9 and 12 digits are cut to them.
    ///
    /// # Errors
    /// [`DivisionError`] when it is no code.
    pub fn parse(raw: &str) -> Result<Self, DivisionError> {
        let text = raw.trim();
        if !matches!(text.len(), 6 | 9 | 12) || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DivisionError);
        }
        let code = text.get(..6).and_then(|six| <[u8; 6]>::try_from(six.as_bytes()).ok()).ok_or(DivisionError)?;
        let division = Self(code);
        let hollow = &code[2..4] == b"00" && &code[4..] != b"00";
        if (is_province(division.province()) && !hollow) || &code == b"000000" {
            Ok(division)
        } else {
            Err(DivisionError)
        }
    }

    /// The six digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The two digits of the province.
    pub fn province(&self) -> &str {
        self.as_str().get(..2).unwrap_or_default()
    }

    /// Its level.
    pub fn level(&self) -> DivisionLevel {
        match (&self.0[..2], &self.0[2..4], &self.0[4..]) {
            (b"00", _, _) => DivisionLevel::Nation,
            (_, b"00", _) => DivisionLevel::Province,
            (_, _, b"00") => DivisionLevel::City,
            _ => DivisionLevel::County,
        }
    }

    /// The division above; the nation has none. For a county directly under its province (prefecture digits 90) it is
    /// the standard's placeholder `xx9000`.
    pub fn parent(&self) -> Option<Self> {
        let mut above = self.0;
        match self.level() {
            DivisionLevel::Nation => return None,
            DivisionLevel::Province => above = *b"000000",
            DivisionLevel::City => above[2..].copy_from_slice(b"0000"),
            DivisionLevel::County => above[4..].copy_from_slice(b"00"),
        }
        Some(Self(above))
    }

    /// Whether the other division is this one or lies inside it.
    pub fn contains(&self, other: &Self) -> bool {
        let fixed = match self.level() {
            DivisionLevel::Nation => 0,
            DivisionLevel::Province => 2,
            DivisionLevel::City => 4,
            DivisionLevel::County => 6,
        };
        self.0[..fixed] == other.0[..fixed]
    }
}

impl std::str::FromStr for Division {
    type Err = DivisionError;
    fn from_str(text: &str) -> Result<Self, DivisionError> {
        Self::parse(text)
    }
}

impl fmt::Debug for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn division(text: &str) -> Division {
        text.parse().unwrap()
    }

    #[test]
    fn levels_and_parents() {
        let county = division("360102");
        assert_eq!(county.level(), DivisionLevel::County);
        assert_eq!(county.parent(), Some(division("360100")));
        assert_eq!(division("360100").parent(), Some(division("360000")));
        assert_eq!(division("360000").parent(), Some(division("000000")));
        assert_eq!(division("000000").parent(), None);
        assert_eq!(division("429004").parent(), Some(division("429000")));
        assert_eq!(division("360102003005"), county);
    }

    #[test]
    fn what_is_no_division() {
        for text in ["", "36", "990000", "36010a", "360001", "3601021", "三六零一零二"] {
            assert!(Division::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_ancestor_contains_its_descendant(code in "(11|36|65|66|82)[1-9][0-9][0-9]{2}") {
            let division = division(&code);
            let mut above = Some(division);
            while let Some(ancestor) = above {
                prop_assert!(ancestor.contains(&division));
                above = ancestor.parent();
            }
        }
    }
}
