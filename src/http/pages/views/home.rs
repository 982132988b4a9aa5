//! The page at `/`: what this is, and who is signed in.

use askama::Template;

use super::{Frame, Who, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// The page; when somebody is signed in, a form posts `confirm=yes` to `/sign-out`.
pub struct Home {
    /// Who is signed in, if anybody.
    pub who: Option<Who>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::Home,
    greeting: Option<String>,
}

impl Home {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).home;
        let page = Page {
            frame: Frame::new(locale, t.title).who(self.who.as_ref()),
            t,
            greeting: self.who.as_ref().map(|who| (t.signed_in)(&who.name)),
        };
        finish(&page, locale)
    }
}
