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

/// Whether digits stand in a text as identity numbers, 学籍号 and phones have them, blanks between them or none: 18 with
/// or without an X, 15 of an old number, or 11 that begin as mobile phones do.
pub(crate) fn holds_personal_number(text: &str) -> bool {
    let plain =
        |c: char| char::from_u32(u32::from(c).wrapping_sub(0xfee0)).filter(char::is_ascii_alphanumeric).unwrap_or(c);
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(plain).collect();
    text.split(|c: char| !c.is_ascii_digit() && !c.eq_ignore_ascii_case(&'x')).any(|run| {
        let digits = run.trim_start_matches(['x', 'X']);
        let whole = digits.trim_end_matches(['x', 'X']);
        let part =
            |from: usize, to: usize| whole.get(from..to).and_then(|part| part.parse::<u8>().ok()).unwrap_or_default();
        match whole.len() {
            18 => true,
            17 => whole.len() < digits.len(),
            15 => (1..=12).contains(&part(8, 10)) && (1..=31).contains(&part(10, 12)),
            11 => (13..=19).contains(&part(0, 2)),
            _ => false,
        }
    })
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
        ] {
            assert!(!holds_personal_number(free), "{free}");
        }
    }

    #[test]
    fn what_excel_leaves_behind_is_trimmed() {
        assert_eq!(trim("\u{FEFF} 王芳\u{3000}\u{202C}"), "王芳");
    }
}
