//! What a client asks to do in detail (RFC 9396), line by line, in the language of the page.

use crate::domain::locale::Locale;
use crate::domain::oidc::authorization_type::Shown;
use crate::http::pages::locales::Messages;

/// One detail in one language.
pub struct DetailCard<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) lines: Vec<(&'static str, Vec<&'a str>)>,
}

/// All of them.
pub(super) fn cards(details: &[Shown], locale: Locale) -> Vec<DetailCard<'_>> {
    fn card(one: &Shown, locale: Locale) -> Vec<(&'static str, Vec<&str>)> {
        let t = &Messages::of(locale).details;
        let lines = one
            .lines
            .iter()
            .map(|(member, values)| (t.of(*member), values.iter().map(|value| value.of(locale)).collect()));
        lines.chain([(t.at, one.at.iter().map(String::as_str).collect())]).collect()
    }
    let details = details.iter();
    details
        .map(|one| DetailCard {
            title: one.title.of(locale),
            description: one.description.of(locale),
            lines: card(one, locale),
        })
        .collect()
}
