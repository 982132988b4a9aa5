//! A person's name 姓名 (民委发〔2016〕33号; GB 18030): kept as it was given except for the middle dot, and
//! compared by a key. One field is authoritative, because not everybody has a family name.

use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

use super::text;

/// Names hold at least 50 characters by the rule; twice as many fit.
const MAX_CHARS: usize = 100;
/// The only separator the rule knows: U+00B7, GB 18030 A1A4.
const DOT: char = '\u{B7}';

/// A name. [`fmt::Debug`] does not show it: logs are no place for names.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonName(String);

/// Why a text is not a name. Never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing but spaces and signs.
    #[error("the name is missing")]
    Missing,
    /// More than 100 characters.
    #[error("the name is longer than 100 characters")]
    TooLong,
    /// A control character, or one that changes the direction of the text around it.
    #[error("the name holds a character that cannot be seen")]
    Invisible,
    /// U+FFFD, or `?` or a box as programs of GBK write them, stands where a character was lost: the file was read in the wrong encoding.
    #[error(
        "a character of the name was lost in a wrong encoding: save the file as CSV UTF-8 or as a workbook (.xlsx)"
    )]
    Lost,
    /// A sign stands where a character was hidden.
    #[error("a character of the name is hidden behind a sign: the whole name is needed")]
    Masked,
}

impl PersonName {
    /// Reads a name: trims it, makes every look-alike of the middle dot U+00B7 and takes the spaces around it away.
    /// Nothing else changes: code points beyond the BMP and compatibility ideographs may be the legal form.
    ///
    /// # Errors
    /// [`NameError`] says why it is none.
    pub fn parse(raw: &str) -> Result<Self, NameError> {
        let name = with_middle_dots(text::trim(raw));
        if name.contains(is_lost) {
            return Err(NameError::Lost);
        }
        if name.contains(is_mask) {
            return Err(NameError::Masked);
        }
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        // Spelling and the form of a character may need some of what is not seen.
        let unseen =
            |c: char| (text::is_invisible(c) || text::is_blank(c)) && !is_joiner(c) && !is_variation_selector(c);
        if name.contains(|c| breaks(c) || unseen(c)) {
            return Err(NameError::Invisible);
        }
        if !name.chars().any(is_written) {
            return Err(NameError::Missing);
        }
        if name.chars().count() > MAX_CHARS {
            return Err(NameError::TooLong);
        }
        Ok(Self(name))
    }

    /// A name that was read before, as the register holds it.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key that two writings of one name share ([`name_key`]).
    pub fn name_key(&self) -> String {
        name_key(&self.0)
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName([name])")
    }
}

/// The comparison key (ruling R6): width folded, dots and variation selectors removed, NFC, lower case, spaces kept
/// (one each) only between letters that have a case. Also folds what an administrator types into a search.
pub fn name_key(name: &str) -> String {
    let visible = name.chars().filter(|c| !text::is_invisible(*c) && !is_variation_selector(*c) && !c.is_control());
    let narrow: String = visible.map(narrow).nfc().collect();
    let folded: String =
        with_middle_dots(&narrow).chars().filter(|c| *c != DOT).flat_map(char::to_lowercase).nfc().collect();
    fold_spaces(&folded)
}

/// The end of the half-open range of keys that begin with this one (ruling R6): the next text in code point order,
/// which is the byte order of UTF-8 on both engines. `None` when every later key begins with it.
pub fn prefix_end(key: &str) -> Option<String> {
    let mut chars: Vec<char> = key.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn fold_spaces(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out = String::with_capacity(text.len());
    for word in words {
        if out.chars().next_back().is_some_and(has_case) && word.chars().next().is_some_and(has_case) {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Look-alikes become U+00B7 without spaces around. A full stop does so only between letters without case
/// (Han, Uyghur, Tibetan, Mongolian …): between Latin letters it ends an initial.
fn with_middle_dots(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out: Vec<char> = Vec::with_capacity(chars.len());
    let mut skip_spaces = false;
    for (at, &c) in chars.iter().enumerate() {
        if is_dot(c) || (is_full_stop(c) && between_caseless(&chars, at)) {
            while out.last().is_some_and(|last| last.is_whitespace()) {
                out.pop();
            }
            if out.last() != Some(&DOT) {
                out.push(DOT);
            }
            skip_spaces = true;
        } else if !(skip_spaces && c.is_whitespace()) {
            out.push(c);
            skip_spaces = false;
        }
    }
    out.into_iter().collect()
}

fn between_caseless(chars: &[char], at: usize) -> bool {
    let counts = |c: &&char| !(c.is_whitespace() || is_dot(**c) || is_full_stop(**c));
    let before = chars[..at].iter().rev().find(counts);
    let after = chars[at + 1..].iter().find(counts);
    before.is_some_and(|c| is_caseless_letter(*c)) && after.is_some_and(|c| is_caseless_letter(*c))
}

fn is_dot(c: char) -> bool {
    matches!(
        c,
        '\u{B7}'
            | '\u{387}'
            | '\u{2022}'
            | '\u{2027}'
            | '\u{2219}'
            | '\u{22C5}'
            | '\u{2E31}'
            | '\u{30FB}'
            | '\u{FF65}'
            | '\u{FE52}'
            | '\u{A78F}'
    )
}

/// What is written for a character that an encoding lacks. No name has them in any script.
fn is_lost(c: char) -> bool {
    matches!(c, '\u{FFFD}' | '?' | '\u{FF1F}' | '\u{25A1}' | '\u{25A0}' | '\u{3013}' | '\u{2593}')
}

/// What lists write for a character that not everybody should read. 〇 (U+3007) is none of them: it is a character.
fn is_mask(c: char) -> bool {
    matches!(c, '*' | '\u{FF0A}' | '\u{25CB}' | '\u{25CF}' | '\u{25EF}')
}

fn is_full_stop(c: char) -> bool {
    matches!(c, '.' | '\u{FF0E}')
}

fn has_case(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase()
}

fn is_caseless_letter(c: char) -> bool {
    c.is_alphabetic() && !has_case(c)
}

/// Persian and Uyghur spelling needs the joiners inside a word.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{180B}'..='\u{180F}')
}

/// Something that can carry a name. Characters that this program's Unicode tables do not know yet count: new
/// ideographs reach identity cards first.
fn is_written(c: char) -> bool {
    c.is_alphanumeric() || u32::from(c) >= 0x2_0000 || matches!(c, '\u{E000}'..='\u{F8FF}')
}

/// Full-width ASCII and the ideographic space in their ordinary width.
fn narrow(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(raw: &str) -> String {
        PersonName::parse(raw).unwrap().as_str().to_owned()
    }

    #[test]
    fn every_look_alike_becomes_the_middle_dot() {
        for dot in ["\u{2022}", "\u{2027}", "\u{30FB}", "\u{FF65}", "\u{FE52}", ".", "\u{FF0E}", " · ", "\u{387}"] {
            assert_eq!(parsed(&format!("阿卜杜拉{dot}买买提")), "阿卜杜拉·买买提", "{dot:?}");
        }
        assert_eq!(parsed("J.R.R. Tolkien"), "J.R.R. Tolkien");
    }

    #[test]
    fn rare_characters_stay_as_they_were_given() {
        for name in ["𠮷野", "𬸦", "㛃", "\u{F900}", "龍\u{E0100}", "李"] {
            assert_eq!(parsed(name), name);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert_eq!(PersonName::parse(" \u{3000}"), Err(NameError::Missing));
        assert_eq!(PersonName::parse("·"), Err(NameError::Missing));
        assert_eq!(PersonName::parse("王\u{202E}芳"), Err(NameError::Invisible));
        assert_eq!(PersonName::parse("王\n芳"), Err(NameError::Invisible));
        for unseen in ["王芳\u{3164}", "\u{3164}", "王\u{61C}芳", "王芳\u{E0020}", "王\u{2800}芳"] {
            assert_eq!(PersonName::parse(unseen), Err(NameError::Invisible), "{unseen:?}");
        }
        for spelt in ["\u{182A}\u{180B}\u{180E}\u{1820}", "葛\u{E0100}城"] {
            assert!(PersonName::parse(spelt).is_ok(), "{spelt:?}");
        }
        for lost in ["王\u{FFFD}", "张?", "张？", "王□", "王■明", "〓明", "▓"] {
            assert_eq!(PersonName::parse(lost), Err(NameError::Lost), "{lost}");
        }
        for masked in ["王*明", "王＊", "王○明", "王●"] {
            assert_eq!(PersonName::parse(masked), Err(NameError::Masked), "{masked}");
        }
        assert!(PersonName::parse("王〇明").is_ok(), "a character that is in names");
        assert_eq!(PersonName::parse(&"王".repeat(101)), Err(NameError::TooLong));
        assert!(PersonName::parse(&"王".repeat(100)).is_ok());
    }

    #[test]
    fn the_key_joins_writings_of_one_name() {
        assert_eq!(name_key("阿卜杜拉·买买提"), name_key("阿卜杜拉．买买提"));
        assert_eq!(name_key("阿卜杜拉·买买提"), name_key("阿卜杜拉买买提"));
        assert_eq!(name_key("张　三"), "张三");
        assert_eq!(name_key("丽・.㐀"), "丽㐀");
        assert_eq!(name_key("ＪＯＨＮ  Smith"), "john smith");
        assert_eq!(name_key("\u{F900}"), name_key("豈"));
        assert_ne!(name_key("王芳"), name_key("王方"));
    }

    #[test]
    fn logs_show_no_name() {
        assert!(!format!("{:?}", PersonName::parse("王芳").unwrap()).contains('王'));
    }

    proptest! {
        #[test]
        fn parsing_twice_changes_nothing(raw in "[\\p{Han}a-zA-Z·•. ・é]{0,30}") {
            if let Ok(name) = PersonName::parse(&raw) {
                let again = PersonName::parse(name.as_str());
                prop_assert_eq!(again.as_ref().map(PersonName::as_str), Ok(name.as_str()));
                prop_assert!(!name.name_key().is_empty());
            }
        }

        #[test]
        fn a_prefix_and_its_end_enclose_what_begins_with_it(prefix in "\\PC{1,4}", rest in "\\PC{0,4}", other in "\\PC{0,6}") {
            let end = prefix_end(&prefix).unwrap();
            let longer = format!("{prefix}{rest}");
            prop_assert!(longer < end);
            prop_assert_eq!(other.starts_with(&prefix), prefix <= other && other < end);
        }

        #[test]
        fn the_key_of_a_key_is_itself(raw in "[\\p{Han}\\p{Latin}\\p{Greek}·•. ・Ａ-ｚ]{0,30}") {
            let key = name_key(&raw);
            prop_assert_eq!(name_key(&key), key);
        }
    }
}
