//! What somebody agreed to.

use askama::Template;

use super::consent::ConsentItem;
use super::details::cards;
use super::{Frame, Who, finish};
use crate::domain::locale::Locale;
use crate::domain::oidc::authorization_type::Shown;
use crate::http::pages::locales::{self, Messages};

/// The page; each button posts `client`, and `ward` where it is about a child, to `/consents`.
pub struct Consents {
    /// Who is signed in.
    pub who: Who,
    /// About herself.
    pub own: Vec<Agreed>,
    /// She is a child under 14: her family decides, and she sees it.
    pub by_family: bool,
    /// About her children under 14.
    pub wards: Vec<WardAgreed>,
    /// How long an access token outlives it (R16).
    pub token_minutes: u32,
    /// She just took something back.
    pub taken_back: bool,
}

/// About a child.
pub struct WardAgreed {
    /// What the form posts.
    pub id: String,
    /// A masked name.
    pub hint: String,
    /// What was agreed to.
    pub agreed: Vec<Agreed>,
}

/// For one platform.
pub struct Agreed {
    /// What the form posts.
    pub client: String,
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub vendor: Option<String>,
    /// Who did when it was agreed to, and was merged into that.
    pub before: Vec<String>,
    /// What it may know.
    pub items: Vec<ConsentItem>,
    /// What it may do in detail.
    pub details: Vec<Shown>,
    /// Since when, in Shanghai.
    pub since: String,
    /// It shows itself otherwise now, and has to ask again.
    pub outdated: bool,
}

#[derive(Template)]
#[template(path = "consents.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::mine::Consents,
    c: &'static locales::Consent,
    m: &'a Consents,
    ends: String,
    locale: Locale,
}

impl Page<'_> {
    fn items(&self, one: &Agreed) -> String {
        one.items.iter().map(|item| item.text(self.c).title).collect::<Vec<_>>().join(self.t.comma)
    }

    /// Title → everything that was said of it, on one line.
    fn details<'a>(&self, one: &'a Agreed) -> Vec<(&'a str, String)> {
        let line = |card: super::details::DetailCard<'a>| {
            let comma = Messages::of(self.locale).details.comma;
            let said = card.lines.iter().map(|(name, values)| format!("{name} {}", values.join(comma)));
            (card.title, said.collect::<Vec<_>>().join(" · "))
        };
        cards(&one.details, self.locale).into_iter().map(line).collect()
    }

    fn before(&self, one: &Agreed) -> String {
        (self.t.before)(&one.before.join(self.t.comma))
    }

    fn of_child(&self, hint: &str) -> String {
        (self.t.of_child)(hint)
    }
}

impl Consents {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let t = &messages.consents;
        let frame = Frame::new(locale, t.title).who(Some(&self.who));
        finish(&Page { frame, t, c: &messages.consent, m: self, ends: (t.ends)(self.token_minutes), locale }, locale)
    }
}
