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
    fn what_excel_leaves_behind_is_trimmed() {
        assert_eq!(trim("\u{FEFF} 王芳\u{3000}\u{202C}"), "王芳");
    }
}
