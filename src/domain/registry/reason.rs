//! Reasons that are kept in the clear: words, and no number of a document, a student or a phone, however it is written
//! (ruling R7).

use thiserror::Error;

use super::text::{is_invisible, trim};

/// Why a text is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReasonError {
    /// Nobody can check a decision without one.
    #[error("a decision needs a reason of 2 to 500 characters")]
    Missing,
    /// It would lie in the clear.
    #[error(
        "a reason names no number, code or phone, however written: it is kept in the clear; write a day as 2026-09-01"
    )]
    HoldsNumber,
}

/// From so many digits on it may be a document, a 学籍号 or a phone.
const A_NUMBER: usize = 8;
/// How many letters may stand inside a number: passports have them, and an O passes for a 0.
const LETTERS_INSIDE: usize = 2;

/// Checks a reason that will be kept in the clear.
///
/// # Errors
/// [`ReasonError`].
pub fn read_reason(text: &str) -> Result<String, ReasonError> {
    let text = trim(text);
    if !(2..=500).contains(&text.chars().count()) {
        return Err(ReasonError::Missing);
    }
    let mut run = Run::default();
    for c in text.chars() {
        match class(c) {
            Class::Digit(digit) => run.digit(digit),
            Class::Gap => run.gap(),
            Class::Letter if run.letter() => {}
            Class::Letter | Class::Other => run.end()?,
        }
    }
    run.end()?;
    Ok(text.to_owned())
}

enum Class {
    Digit(char),
    Letter,
    Gap,
    Other,
}

/// Digits of any script, and the ones that are written out; what people put between them.
fn class(c: char) -> Class {
    if let Some(digit) = written_out(c) {
        return Class::Digit(digit);
    }
    match c {
        '0'..='9' => Class::Digit(c),
        '\u{ff10}'..='\u{ff19}' => Class::Digit(char::from_digit(u32::from(c) - 0xff10, 10).unwrap_or('0')),
        // Other scripts, circled and Roman ones: a number, whichever.
        _ if c.is_numeric() => Class::Digit('?'),
        'a'..='z' | 'A'..='Z' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => Class::Letter,
        '-' | '.' | '/' | '_' | '~' | '+' | '·' | '・' | '•' | '－' | '．' | '／' | '＿' | '−' | '﹣' => {
            Class::Gap
        }
        '\u{2010}'..='\u{2015}' => Class::Gap,
        _ if c.is_whitespace() || is_invisible(c) => Class::Gap,
        _ => Class::Other,
    }
}

fn written_out(c: char) -> Option<char> {
    Some(match c {
        '〇' | '零' => '0',
        '一' | '壹' | '幺' => '1',
        '二' | '贰' | '两' => '2',
        '三' | '叁' => '3',
        '四' | '肆' => '4',
        '五' | '伍' => '5',
        '六' | '陆' => '6',
        '七' | '柒' => '7',
        '八' | '捌' => '8',
        '九' | '玖' => '9',
        _ => return None,
    })
}

/// Digits that stand together, in groups as they are parted.
#[derive(Default)]
struct Run {
    groups: Vec<String>,
    parted: bool,
    letters: usize,
}

impl Run {
    fn digit(&mut self, digit: char) {
        match self.groups.last_mut().filter(|_| !self.parted) {
            // Letters between digits belong to the number.
            Some(group) => {
                group.extend(std::iter::repeat_n('?', self.letters));
                group.push(digit);
            }
            None => self.groups.push(digit.to_string()),
        }
        (self.parted, self.letters) = (false, 0);
    }

    fn gap(&mut self) {
        (self.parted, self.letters) = (true, 0);
    }

    /// Whether a letter may be part of the number.
    fn letter(&mut self) -> bool {
        self.letters += 1;
        !self.groups.is_empty() && !self.parted && self.letters <= LETTERS_INSIDE
    }

    fn end(&mut self) -> Result<(), ReasonError> {
        let groups = std::mem::take(self).groups;
        let digits: usize = groups.iter().map(|group| group.chars().count()).sum();
        if digits >= A_NUMBER && !are_days(&groups) { Err(ReasonError::HoldsNumber) } else { Ok(()) }
    }
}

/// A day, a school year, or two of them: `2026-09-01`, `2025-2026`.
fn are_days(groups: &[String]) -> bool {
    let within = |group: &String, most: u32| {
        group.len() <= 2 && group.parse::<u32>().is_ok_and(|number| (1..=most).contains(&number))
    };
    let mut rest = groups;
    let mut days = 0;
    while let [year, after @ ..] = rest {
        let is_year = year.len() == 4 && year.parse::<u32>().is_ok_and(|year| (1900..2100).contains(&year));
        if !is_year {
            return false;
        }
        rest = match after {
            [month, day, after @ ..] if within(month, 12) && within(day, 31) => after,
            _ => after,
        };
        days += 1;
    }
    days <= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Ways to write a digit.
    fn writings(digit: u32) -> Vec<char> {
        let nth = |zero: u32| char::from_u32(zero + digit).unwrap();
        let mut ways = vec![nth(u32::from('0')), nth(0xff10), nth(0x0660)];
        ways.extend(
            ["〇零", "一壹幺", "二贰两", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"][digit as usize]
                .chars(),
        );
        ways
    }

    const GAPS: &[&str] = &["", "", "", " ", "-", "　", "－", ".", " - ", "\u{200b}", "·", "/", "\u{a0}", "—"];

    /// A number of eight digits and more, no day and no year, in any mixture of writings.
    fn number() -> impl Strategy<Value = String> {
        let digit = (0_u32..10, any::<prop::sample::Index>(), prop::sample::select(GAPS));
        (3_u32..10, prop::collection::vec(digit, 7..19)).prop_map(|(first, others)| {
            let mut text = first.to_string();
            for (digit, way, gap) in others {
                let ways = writings(digit);
                text.push_str(gap);
                text.push(ways[way.index(ways.len())]);
            }
            text
        })
    }

    proptest! {
        #[test]
        fn no_number_passes_however_it_is_written(before in "[a-z ]{0,6}[号为：]", number in number(), after in "[。的生 ]{0,4}") {
            prop_assert_eq!(read_reason(&format!("{before}{number}{after}")), Err(ReasonError::HoldsNumber));
        }

        #[test]
        fn words_pass(text in "[甲乙丙丁学生家长更名转学核实a-zA-Z，。（）]{2,60}") {
            prop_assert_eq!(read_reason(&text), Ok(text.clone()));
        }
    }

    #[test]
    fn days_years_and_classes_are_words() {
        for text in [
            " 派出所 2026-09-01 更名 ",
            "2025-2026 学年第一学期",
            "2026年09月01日核实，三年级二班，共 12 人",
            "见 2026/9/1 与 2026/9/5 的笔录",
            "同一人，两次录入",
            "class 3 of grade 2, in 2024, by order 31",
        ] {
            assert_eq!(read_reason(text), Ok(text.trim().to_owned()));
        }
    }

    #[test]
    fn numbers_are_not() {
        assert_eq!(read_reason(" "), Err(ReasonError::Missing));
        for number in [
            "110105 19491231 002X",
            "１３９０００００００１",
            "139-0000-0001",
            "20260901",
            "2026-09-01-2026-09-02-2026-09-03",
            "12AB34567",
            "G3201O22O1702O3",
            "一三九〇〇〇〇〇〇〇一",
            "2026-13-41",
        ] {
            assert_eq!(read_reason(&format!("号码 {number}")), Err(ReasonError::HoldsNumber), "{number}");
        }
    }
}
