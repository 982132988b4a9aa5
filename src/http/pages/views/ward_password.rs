//! A guardian sets the password of a child under 14.

use askama::Template;

use super::{ActivateProblem, Frame, PasswordFault, SuggestedPassword, Who, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// The page `GET /ward-password?ward=…`; its form posts `ward` and `new_password` to `/ward-password`.
pub struct WardPassword {
    /// Who is signed in.
    pub who: Who,
    /// The relation, carried as a hidden field.
    pub ward: String,
    /// The child's masked name.
    pub hint: String,
    /// The child's user name.
    pub user_name: String,
    /// A password to take or leave.
    pub suggestion: SuggestedPassword,
    /// Least length of a password, in characters.
    pub min_length: u32,
    /// Why the page is shown again.
    pub error: Option<PasswordFault>,
}

#[derive(Template)]
#[template(path = "ward_password.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::wards::Wards,
    m: &'a WardPassword,
    problem: Option<String>,
    length_hint: String,
}

impl WardPassword {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let (t, words) = (&messages.wards, &messages.activate);
        let page = Page {
            frame: Frame::new(locale, (t.form_title)(&self.hint)).who(Some(&self.who)).keep("ward", Some(&self.ward)),
            t,
            m: self,
            problem: self.error.map(|fault| ActivateProblem::WeakPassword(fault).text(words)),
            length_hint: (words.new_password_hint)(self.min_length),
        };
        finish(&page, locale)
    }
}
