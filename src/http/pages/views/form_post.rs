//! An answer that the browser posts to the client (OAuth 2.0 Form Post Response Mode 1.0): by itself, or when the
//! button is pressed where no script runs.

use askama::Template;

use super::{Frame, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// The only script of these pages. The policy allows this very text and nothing else, so it never holds a value.
pub const SUBMIT: &str = "document.getElementById(\"answer\").submit()";

/// A form for one of a client's registered addresses. No `Debug`: its values are codes and tokens.
pub struct ClientForm {
    /// The address.
    pub action: String,
    /// What it carries.
    pub fields: Vec<(&'static str, String)>,
}

/// The page.
pub struct FormPost {
    /// What is posted.
    pub form: ClientForm,
}

#[derive(Template)]
#[template(path = "form_post.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::FormPost,
    m: &'a FormPost,
    script: &'static str,
}

impl FormPost {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).form_post;
        finish(&Page { frame: Frame::new(locale, t.title), t, m: self, script: SUBMIT }, locale)
    }
}
