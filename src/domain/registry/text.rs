//! What typed and pasted text has in common, whatever it stands for.

/// Characters that nobody sees and that spreadsheets and chat programs leave behind: byte order mark,
/// zero-width space, directional marks and isolates, soft hyphen.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{FEFF}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{AD}')
}

/// Characters that no text of ours needs and that look like nothing: the other format characters of Unicode (Arabic
/// letter mark, vowel separator, annotations, tags) and fillers, which count as letters and are empty.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{2065}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
        | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{3164}' | '\u{FFA0}' | '\u{2800}' | '\u{34F}')
}

/// Whether people can read a text as it is, in so many characters at most: nothing that moves, hides or breaks the text
/// around it, and nothing that is there without being seen.
pub(crate) fn is_shown(text: &str, longest: usize) -> bool {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().count() <= longest
        && !text.trim().is_empty()
        && !text.chars().any(|c| breaks(c) || is_invisible(c) || is_blank(c))
}

/// Whether a text is a number as a spreadsheet shows one that it rounded to fifteen digits: `1.10105E+17`.
pub(crate) fn is_rounded(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.trim().split_once(['E', 'e']).is_some_and(|(number, power)| {
        digits(&number.replacen('.', "", 1)) && power.strip_prefix('+').is_some_and(digits)
    })
}

/// Whether digits stand in a text as identity numbers, 学籍号 and phones have them, whatever stands between them that is no
/// letter, and whatever other digits before or after: 18 with or without an X, 15 of an old number, or 11 that begin as
/// mobile phones do.
pub(crate) fn holds_personal_number(text: &str) -> bool {
    !is_uuid(text) && runs(text).iter().any(|run| is_whole_number(run) || has_number_inside(run))
}

/// The same of a number that a school gives itself, which may have as many digits: only what has a province, a century and
/// a day where an identity number of 18 characters has them counts, and an old one or a phone that stands there alone. Inside
/// the code of a school with a year and a serial some fifteen digits often look like an old one; and whoever has an old one was
/// born in the last century.
pub(crate) fn names_a_person(text: &str) -> bool {
    let is_old = |run: &str| run.len() == 15 && digits(run) && is_of_a_person(run, 8) && part(run, 6, 8) >= 30;
    runs(text).iter().any(|run| is_phone(run) || is_old(run) || has_identity_number_inside(run))
}

/// The same for several texts that are read together: a number that was split over them.
pub(crate) fn hold_personal_number(texts: &[&str]) -> bool {
    if texts.iter().any(|text| holds_personal_number(text)) {
        return true;
    }
    let orders: Vec<Vec<&str>> = match texts {
        [_, _] | [_, _, _] => permutations(texts),
        _ => vec![texts.to_vec()],
    };
    // Other digits around it say nothing here: two numbers of other things stand beside each other.
    orders.iter().any(|order| matches!(&runs(&order.concat())[..], [run] if is_whole_number(run)))
}

fn permutations<'a>(texts: &[&'a str]) -> Vec<Vec<&'a str>> {
    let Some((first, rest)) = texts.split_first() else { return vec![Vec::new()] };
    let rest = permutations(rest);
    let places = |one: Vec<&'a str>| (0..=one.len()).map(move |at| [&one[..at], &[*first], &one[at..]].concat());
    rest.into_iter().flat_map(places).collect()
}

/// What names a record, and holds a letter: most of its digits are drawn, and some would look like a phone.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().any(|b| b.is_ascii_alphabetic()) && uuid::Uuid::try_parse(text).is_ok()
}

/// Digits that stand together once everything is dropped that is no letter, each with the X of a check character.
fn runs(text: &str) -> Vec<String> {
    let plain = |c: char| char::from_u32(u32::from(c).wrapping_sub(0xfee0)).filter(char::is_ascii_graphic).unwrap_or(c);
    let text: String = text.chars().map(plain).filter(|c| c.is_alphanumeric()).collect();
    let runs = text.split(|c: char| !c.is_ascii_digit() && !c.eq_ignore_ascii_case(&'x'));
    runs.map(|run| run.trim_start_matches(['x', 'X']).to_ascii_lowercase()).filter(|run| !run.is_empty()).collect()
}

fn part(digits: &str, from: usize, to: usize) -> u32 {
    digits.get(from..to).and_then(|part| part.parse().ok()).unwrap_or_default()
}

/// Whether it begins as a number of a person's does: a province, and what could be a day.
fn is_of_a_person(digits: &str, day: usize) -> bool {
    let province =
        matches!(part(digits, 0, 2), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91);
    province && (1..=12).contains(&part(digits, day, day + 2)) && (1..=31).contains(&part(digits, day + 2, day + 4))
}

fn is_phone(digits: &str) -> bool {
    digits.len() == 11 && (13..=19).contains(&part(digits, 0, 2))
}

fn is_whole_number(run: &str) -> bool {
    let whole = run.trim_end_matches('x');
    match whole.len() {
        18 => true,
        17 => whole.len() < run.len(),
        15 => (1..=12).contains(&part(whole, 8, 10)) && (1..=31).contains(&part(whole, 10, 12)),
        _ => is_phone(whole),
    }
}

fn has_number_inside(run: &str) -> bool {
    has_document_inside(run) || windows(run, 11).any(|text| digits(text) && is_phone(text))
}

fn has_document_inside(run: &str) -> bool {
    has_identity_number_inside(run) || windows(run, 15).any(|text| digits(text) && is_of_a_person(text, 8))
}

fn has_identity_number_inside(run: &str) -> bool {
    windows(run, 18).any(|text| digits(&text[..17]) && is_of_a_person(text, 10) && matches!(part(text, 6, 8), 18..=20))
}

fn windows(run: &str, length: usize) -> impl Iterator<Item = &str> {
    (0..run.len()).filter_map(move |at| run.get(at..at + length))
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// The text without white space and invisible characters at its ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// A mask that shows the first and the last character only (ruling R7), and not how many stand between.
pub(crate) fn mask(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next_back()) {
        (Some(first), Some(last)) if chars.next().is_some() => format!("{first}****{last}"),
        _ => String::from("****"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_show_two_characters_at_most() {
        assert_eq!(mask("11010519491231002X"), "1****X");
        assert_eq!(mask("ab"), "****");
        assert_eq!(mask(""), "****");
    }

    #[test]
    fn numbers_of_people_are_seen_however_they_are_parted() {
        for held in [
            "11010519491231002X",
            "1101 0519 4912 3100 2x",
            "G110105194912310021",
            "电话13800138000",
            "130503670401001",
            "138-0013-8000",
            "１３８００１３８０００",
            "+8613800138000",
            "008613800138000",
            "2026110105194912310021",
            "1101.0519.4912.3100.2X",
            "1101、0519·4912／3100—2x",
            "no13800138000-2",
        ] {
            assert!(holds_personal_number(held), "{held}");
        }
        for free in [
            "exam-2026-09",
            "019ab3c4-7d10-7000-8000-2f6e9b1c0d55",
            "2026年第1学期",
            "12345678",
            "20260901120000",
            "2026-09-01-0001234",
            "room 12, 13:00, 138 seats",
        ] {
            assert!(!holds_personal_number(free), "{free}");
        }
    }

    #[test]
    fn a_number_is_seen_over_several_texts() {
        for held in [
            &["11010519", "491231002X"][..],
            &["491231002X", "11010519"],
            &["138", "0013", "8000"],
            &["8000", "138", "0013"],
            &["a", "13800138000"],
        ] {
            assert!(hold_personal_number(held), "{held:?}");
        }
        for free in [&["12345678", "87654321"][..], &["read", "write"], &["20260901", "20260902", "20260903"], &[]] {
            assert!(!hold_personal_number(free), "{free:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn names_of_records_and_short_numbers_are_free(drawn: u128, short in 0..10_000_000_000u64) {
            let id = uuid::Builder::from_random_bytes(drawn.to_be_bytes()).into_uuid().to_string();
            proptest::prop_assert!(!holds_personal_number(&id) || id.bytes().all(|b| !b.is_ascii_alphabetic()), "{}", id);
            proptest::prop_assert!(!holds_personal_number(&short.to_string()), "{}", short);
        }
    }

    #[test]
    fn what_excel_leaves_behind_is_trimmed() {
        assert_eq!(trim("\u{FEFF} 王芳\u{3000}\u{202C}"), "王芳");
    }
}
