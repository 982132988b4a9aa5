//! The language of a page. Two are spoken: Chinese, and English for whoever asks for it.

use std::fmt;

/// A language that every page and message exists in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Locale {
    /// Simplified Chinese, also the answer when nothing matches.
    #[default]
    Zh,
    /// English.
    En,
}

impl Locale {
    /// Both, in the order in which they are preferred.
    pub const ALL: [Self; 2] = [Self::Zh, Self::En];

    /// The language tag for `<html lang>` and `Content-Language` (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The short name used in our own forms, links and cookies.
    pub fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The one that the language switch leads to.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    /// The language that a tag asks for. Only its primary subtag counts (RFC 4647, 3.4: look-up by
    /// truncation), so `zh-Hant-HK` is Chinese and `en-GB` English; `None` for every other language.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        if primary.eq_ignore_ascii_case("zh") {
            Some(Self::Zh)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// Picks the language of a page: the first known tag of `ui_locales` (space-separated, in order of
    /// preference: OpenID Connect Core, 3.1.2.1), else the best known one of the `Accept-Language`
    /// header (RFC 9110, 12.5.4), else Chinese. Malformed input never fails, it is passed over.
    pub fn negotiate(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        ui_locales
            .and_then(|tags| tags.split_ascii_whitespace().find_map(Self::parse))
            .or_else(|| accept_language.and_then(best_accepted))
            .unwrap_or_default()
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

fn best_accepted(header: &str) -> Option<Locale> {
    let mut best: Option<(Locale, u16)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default();
        let locale = if tag.trim() == "*" { Some(Locale::default()) } else { Locale::parse(tag) };
        let weight = weight_of(parts);
        if let Some(locale) = locale
            && weight > best.map_or(0, |(_, so_far)| so_far)
        {
            best = Some((locale, weight));
        }
    }
    best.map(|(locale, _)| locale)
}

/// The `q` of a language range in thousandths; 1000 where none is given, 0 where it cannot be read.
fn weight_of<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let Some(text) = parameters.find_map(|p| p.trim().strip_prefix("q=").or_else(|| p.trim().strip_prefix("Q=")))
    else {
        return 1000;
    };
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    match whole {
        "1" => 1000,
        "0" if fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{fraction:0<3}").parse().unwrap_or(0)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_when_nothing_matches() {
        for (ui, accept) in
            [(None, None), (Some(""), Some("")), (Some("fr ja"), Some("fr-FR, de;q=0.5")), (None, Some(";;,q"))]
        {
            assert_eq!(Locale::negotiate(ui, accept), Locale::Zh, "{ui:?} {accept:?}");
        }
    }

    #[test]
    fn the_client_is_heard_before_the_browser() {
        assert_eq!(Locale::negotiate(Some("fr en-GB zh"), Some("zh-CN")), Locale::En);
        assert_eq!(Locale::negotiate(Some("zh-Hant-HK"), Some("en")), Locale::Zh);
        assert_eq!(Locale::negotiate(Some("fr"), Some("en")), Locale::En, "an unknown wish falls through");
    }

    #[test]
    fn weights_decide_then_order() {
        for (header, expected) in [
            ("en,zh", Locale::En),
            ("zh;q=0.8, en;q=0.9", Locale::En),
            ("en;q=0.1,zh-CN;q=0.55", Locale::Zh),
            ("en;q=0", Locale::Zh),
            ("en;q=0, *", Locale::Zh),
            ("de, en;q=0.3", Locale::En),
            ("en;q=1.0,zh;q=0.999", Locale::En),
            ("en;q=nonsense,zh;q=0.1", Locale::Zh),
        ] {
            assert_eq!(Locale::negotiate(None, Some(header)), expected, "{header}");
        }
    }

    #[test]
    fn codes_read_back() {
        for locale in Locale::ALL {
            assert_eq!(Locale::parse(locale.code()), Some(locale));
            assert_eq!(Locale::parse(locale.tag()), Some(locale));
            assert_eq!(locale.other().other(), locale);
        }
    }
}
