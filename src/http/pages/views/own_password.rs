//! Another password, for whoever knows the one she has.

use askama::Template;

use super::{ActivateProblem, Frame, PasswordFault, Who, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// Why the page is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPasswordProblem {
    /// The old one is another.
    Wrong,
    /// Too many wrong ones.
    TooMany {
        /// How long to wait.
        minutes: u32,
    },
    /// Too many people at once.
    Busy,
    /// The new one is too easy.
    Weak(PasswordFault),
    /// The two new ones differ.
    Mismatch,
}

impl OwnPasswordProblem {
    fn is_about_new(self) -> bool {
        matches!(self, Self::Weak(_) | Self::Mismatch)
    }
}

/// The page `GET /password`; its form posts `password`, `new_password` and `new_password_again` there.
pub struct OwnPassword {
    /// Who is signed in.
    pub who: Who,
    /// For the browser's manager of passwords.
    pub user_name: String,
    /// She is a child under 14: the page says who sets it, and has no form.
    pub by_family: bool,
    /// Least length of a password, in characters.
    pub min_length: u32,
    /// Why the page is shown again.
    pub error: Option<OwnPasswordProblem>,
}

#[derive(Template)]
#[template(path = "own_password.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::mine::OwnPassword,
    a: &'static locales::Activate,
    m: &'a OwnPassword,
    problem: Option<String>,
    about_new: bool,
    length_hint: String,
}

impl OwnPassword {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let (t, a) = (&messages.own_password, &messages.activate);
        let page = Page {
            frame: Frame::new(locale, t.title).who(Some(&self.who)),
            t,
            a,
            m: self,
            problem: self.error.map(|problem| match problem {
                OwnPasswordProblem::Wrong => t.wrong.to_owned(),
                OwnPasswordProblem::TooMany { minutes } => (messages.sign_in.too_many)(minutes),
                OwnPasswordProblem::Busy => messages.sign_in.busy.to_owned(),
                OwnPasswordProblem::Weak(fault) => ActivateProblem::WeakPassword(fault).text(a),
                OwnPasswordProblem::Mismatch => a.mismatch.to_owned(),
            }),
            about_new: self.error.is_some_and(OwnPasswordProblem::is_about_new),
            length_hint: (a.new_password_hint)(self.min_length),
        };
        finish(&page, locale)
    }
}
