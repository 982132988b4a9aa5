//! Numbers that a school gives itself: 学号 and 工号. They stand in class lists in the clear, so that nothing may be one
//! that is sealed everywhere else (rulings R6, R7): no identity number, no 学籍号, no phone.

use thiserror::Error;

use super::personal_code::PersonalCode;
use super::text;

/// Characters; such a number has some ten.
const LONGEST: usize = 64;

/// Why a text is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SchoolNumberError {
    /// Longer than any.
    #[error("longer than any such number")]
    TooLong,
    /// Somebody is known by it everywhere.
    #[error("an identity number, a 学籍号 or a phone is no 学号 and no 工号")]
    Personal,
}

/// The number that a text names; none where it is empty.
///
/// # Errors
/// [`SchoolNumberError`]: why it is none.
pub fn read(text: &str) -> Result<Option<String>, SchoolNumberError> {
    if text.chars().count() > LONGEST {
        Err(SchoolNumberError::TooLong)
    } else if text::names_a_person(text) || PersonalCode::parse(text).is_ok() {
        Err(SchoolNumberError::Personal)
    } else {
        Ok(Some(text).filter(|text| !text.is_empty()).map(str::to_owned))
    }
}

/// Whether a file says the number that is recorded already: a spreadsheet may have taken the zeros before it away.
pub fn says(stated: &str, recorded: Option<&str>) -> bool {
    recorded.is_some_and(|recorded| {
        let bare = recorded.trim_start_matches('0');
        recorded == stated || (bare == stated && !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_that_a_spreadsheet_took_away_change_no_number() {
        assert!(says("12", Some("0012")) && says("0012", Some("0012")));
        for (stated, recorded) in [("0012", Some("12")), ("13", Some("0012")), ("T7", Some("0T7")), ("7", None)] {
            assert!(!says(stated, recorded), "{stated}");
        }
    }

    #[test]
    fn what_names_somebody_everywhere_is_no_number_of_a_school() {
        for personal in [
            "11010519491231002X",
            "G11010519491231002X",
            "学号11010519491231002x",
            "1101 0519 4912 3100 2X",
            "2024110105194912310021",
            "130503670401001",
            "13800138000",
        ] {
            assert_eq!(read(personal), Err(SchoolNumberError::Personal), "{personal}");
        }
        for free in [
            "20240301",
            "2024013007",
            "213200077720240001",
            "213600000120240001",
            "213600001020240112",
            "213600000124001",
            "213200077720241300017",
            "202409010101234",
            "T-007",
            "A13800138",
        ] {
            assert_eq!(read(free), Ok(Some(free.to_owned())), "{free}");
        }
        assert_eq!(read(""), Ok(None));
        assert_eq!(read(&"1".repeat(65)), Err(SchoolNumberError::TooLong));
    }
}
