//! What a new password must be (NIST SP 800-63B, 5.1.1.2): long enough, not a common one, not made of what
//! everybody knows about its owner. No rules about kinds of characters, no expiry.

use unicode_normalization::UnicodeNormalization as _;

/// Fewest characters.
pub const MIN_LENGTH: u32 = 8;
/// Most characters: 64 must be possible, and whoever uses a manager may have more.
pub const MAX_LENGTH: u32 = 128;

/// One password a line, lower case: the commonest of published lists and of Chinese habits.
const COMMON: &str = include_str!("common_passwords.txt");
/// Rows of keyboards and alphabets; any stretch of one, in either direction, is no secret.
const ROWS: [&str; 8] = [
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "!@#$%^&*()_+",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "q1w2e3r4t5y6u7i8o9p0",
];

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Fewer characters than this.
    #[error("it has fewer than {0} characters")]
    TooShort(u32),
    /// More characters than this.
    #[error("it has more than {0} characters")]
    TooLong(u32),
    /// On the list, or of a pattern that is tried first.
    #[error("it is one of those that are tried first")]
    TooCommon,
    /// The user name, the name or the school, or little more.
    #[error("it is made of the user name or another thing that is known")]
    LikeUserName,
}

/// The one form in which a password is measured and hashed (NFC, as RFC 8265, 4.2.2), so that two keyboards
/// that compose a character otherwise type the same password.
pub fn normalised(password: &str) -> String {
    password.nfc().collect()
}

/// Judges a new password; `known` is what others know about its owner: user name, name, school.
///
/// # Errors
/// The first [`Weakness`] found.
pub fn check(password: &str, known: &[&str]) -> Result<(), Weakness> {
    let text = normalised(password);
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    if length < MIN_LENGTH {
        return Err(Weakness::TooShort(MIN_LENGTH));
    }
    if length > MAX_LENGTH {
        return Err(Weakness::TooLong(MAX_LENGTH));
    }
    // User names are written in groups; hyphens and spaces make nothing harder to guess.
    let text = folded(&text);
    if is_common(&text) {
        return Err(Weakness::TooCommon);
    }
    if known.iter().any(|word| leans_on(&text, &folded(&normalised(word)))) {
        return Err(Weakness::LikeUserName);
    }
    Ok(())
}

fn folded(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

fn is_common(text: &str) -> bool {
    is_listed(text) || is_repetition(text) || is_stretch(text) || is_number_habit(text) || is_listed_with_tail(text)
}

fn is_listed(text: &str) -> bool {
    COMMON.lines().any(|line| line == text)
}

/// "password2026!", "woaini520": a listed word with up to five digits or signs behind it.
fn is_listed_with_tail(text: &str) -> bool {
    let word = text.trim_end_matches(|c: char| !c.is_alphabetic());
    let tail = text.chars().count() - word.chars().count();
    tail > 0 && tail <= 5 && is_listed(word)
}

/// One short piece, again and again: "aaaaaaaa", "12121212", "abcabcabc".
fn is_repetition(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=4).any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b))
}

/// A stretch of a row in either direction.
fn is_stretch(text: &str) -> bool {
    let backwards: String = text.chars().rev().collect();
    ROWS.iter().any(|row| row.contains(text) || row.contains(&backwards))
}

/// Digits that stand on somebody's papers: a date, a mobile number, an identity number.
fn is_number_habit(text: &str) -> bool {
    let digits = text.strip_suffix('x').filter(|rest| rest.len() == 17).unwrap_or(text);
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    match text.len() {
        8 => is_date(text),
        11 => text.starts_with('1'),
        18 => true,
        _ => false,
    }
}

fn is_date(text: &str) -> bool {
    let part =
        |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0);
    (1900..2100).contains(&part(0..4)) && (1..=12).contains(&part(4..6)) && (1..=31).contains(&part(6..8))
}

/// Whether a password is part of a known word, or little more than it: a few characters or digits around it.
fn leans_on(text: &str, word: &str) -> bool {
    if word.chars().count() < 2 {
        return false;
    }
    if word.contains(text) {
        return true;
    }
    let rest = text.replace(word, "");
    let left = rest.chars().count();
    rest != text && (left < 4 || (left <= 8 && rest.bytes().all(|b| b.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_in_one_form() {
        assert_eq!(check("七个汉字不够长", &[]), Err(Weakness::TooShort(8)));
        assert_eq!(check("八个汉字正好够长", &[]), Ok(()));
        // Fourteen code points that compose to seven characters.
        assert_eq!(check(&"e\u{301}".repeat(7), &[]), Err(Weakness::TooShort(8)));
        let long: String = ('a'..='z').chain('0'..='9').cycle().step_by(7).take(129).collect();
        assert_eq!(check(&long, &[]), Err(Weakness::TooLong(128)));
        assert_eq!(check(&long[..128], &[]), Ok(()));
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for bad in [
            "12345678",
            "87654321",
            "password",
            "Password1!",
            "woaini1314",
            "WoAiNi520",
            "5201314520",
            "aaaaaaaa",
            "12121212",
            "abcabcabc",
            "qwertyui",
            "1qaz2wsx",
            "q1w2e3r4",
            "20080808",
            "13800138000",
            "11010519491231002X",
            "iloveyou",
            "a1234567",
            "zxcvbnm,",
            "88888888",
            "beijing2008",
        ] {
            assert_eq!(check(bad, &[]), Err(Weakness::TooCommon), "{bad}");
        }
        for good in ["correct horse battery", "小明爱吃红烧肉和糖", "tree-9-lantern", "mq7!zr2kd", "31415926535"]
        {
            assert_eq!(check(good, &[]), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_everybody_knows_is_no_secret() {
        let known = ["t4kd-9mwx-r", "欧阳明月", "实验小学"];
        for bad in ["T4KD-9MWX-R", "t4kd-9mwx-r12", "t4kd-9mw", "欧阳明月2015", "20150101欧阳明月", "实验小学实验小学!"]
        {
            let verdict = check(bad, &known);
            assert!(matches!(verdict, Err(Weakness::LikeUserName | Weakness::TooCommon)), "{bad}: {verdict:?}");
        }
        assert_eq!(check("欧阳明月的小猫叫豆豆", &known), Ok(()));
        assert_eq!(check("tree-9-lantern", &["", "-", "t"]), Ok(()));
    }

    #[test]
    fn the_list_is_one_word_a_line() {
        assert!(COMMON.lines().count() >= 200);
        for line in COMMON.lines() {
            assert!(!line.is_empty() && line == line.trim() && line == line.to_lowercase(), "{line:?}");
        }
    }
}
