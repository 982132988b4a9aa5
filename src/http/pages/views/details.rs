//! What a client asks to do in detail (RFC 9396), line by line, in the language of the page.

use crate::domain::locale::Locale;
use crate::domain::oidc::authorization_type::Shown;
use crate::http::pages::locales::Messages;

/// One detail in one language.
pub struct DetailCard<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) lines: Vec<(&'static str, String)>,
}

/// All of them.
pub(super) fn cards(details: &[Shown], locale: Locale) -> Vec<DetailCard<'_>> {
    let t = &Messages::of(locale).details;
    let card = |one: &'_ Shown| -> Vec<(&'static str, String)> {
        let lines = one.lines.iter().map(|(member, values)| {
            let values: Vec<&str> = values.iter().map(|value| value.of(locale)).collect();
            (t.of(*member), values.join(t.comma))
        });
        lines.chain([(t.at, one.at.join(t.comma))]).collect()
    };
    let details = details.iter();
    details
        .map(|one| DetailCard {
            title: one.title.of(locale),
            description: one.description.of(locale),
            lines: card(one),
        })
        .collect()
}
