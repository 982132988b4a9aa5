//! Activation: a one-time code becomes a password. GET shows, only POST consumes (ruling R12).

use askama::Template;

use super::{Frame, finish};
use crate::domain::auth::password::MIN_LENGTH;
use crate::domain::locale::Locale;
use crate::domain::registry::holder::Holder;
use crate::http::pages::locales::{self, Messages};

/// What is wrong with a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// Fewer characters than this.
    TooShort(u32),
    /// More characters than this.
    TooLong(u32),
    /// On the list of common passwords.
    TooCommon,
    /// The same as, or part of, the user name.
    LikeUserName,
}

/// Why the activation page is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivateProblem {
    /// Nobody's code.
    UnknownCode,
    /// It became a password before.
    Used,
    /// Older than its life.
    Expired,
    /// The password is too easy to guess.
    WeakPassword(PasswordFault),
    /// The two passwords differ.
    Mismatch,
}

impl ActivateProblem {
    fn is_about_code(self) -> bool {
        matches!(self, Self::UnknownCode | Self::Used | Self::Expired)
    }

    pub(super) fn text(self, t: &locales::Activate) -> String {
        match self {
            Self::UnknownCode => t.unknown_code.to_owned(),
            Self::Used => t.used.to_owned(),
            Self::Expired => t.expired.to_owned(),
            Self::WeakPassword(PasswordFault::TooShort(least)) => (t.too_short)(least),
            Self::WeakPassword(PasswordFault::TooLong(most)) => (t.too_long)(most),
            Self::WeakPassword(PasswordFault::TooCommon) => t.too_common.to_owned(),
            Self::WeakPassword(PasswordFault::LikeUserName) => t.like_user_name.to_owned(),
            Self::Mismatch => t.mismatch.to_owned(),
        }
    }
}

/// The page `GET /activate?code=…`; its form posts `code`, `new_password` and, where the browser sends
/// it, `new_password_again` to `/activate`.
pub struct Activate {
    /// From the link: carried as a hidden field. None, or refused: typed by hand.
    pub code: Option<String>,
    /// Shown so that it can be written down before it is needed.
    pub user_name: Option<String>,
    /// A masked name, so that somebody with another person's slip notices.
    pub person_hint: Option<String>,
    /// Whom the page speaks to, once the code says it.
    pub holder: Option<Holder>,
    /// A password for a child to take or leave.
    pub suggestion: Option<SuggestedPassword>,
    /// Least length of a password, in characters.
    pub min_length: u32,
    /// Why the page is shown again.
    pub error: Option<ActivateProblem>,
    /// The request of a platform that waits (`prompt=create`).
    pub onward: Option<Onward>,
}

/// A request that goes on once there is an account.
pub struct Onward {
    /// Sealed state, for this page in another language; none when it was shown before.
    pub request: Option<String>,
    /// Sealed state that goes on with the sign-in page; a hidden field of the form.
    pub after: String,
}

impl Activate {
    /// Before anybody has typed a code.
    pub fn blank(onward: Option<Onward>, error: Option<ActivateProblem>) -> Self {
        Self {
            code: None,
            user_name: None,
            person_hint: None,
            holder: None,
            suggestion: None,
            min_length: MIN_LENGTH,
            error,
            onward,
        }
    }
}

/// A password drawn for a child, and how to remember it.
#[derive(Clone)]
pub struct SuggestedPassword {
    /// As it is typed.
    pub password: String,
    /// In characters.
    pub reminder: String,
}

#[derive(Template)]
#[template(path = "activate.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::Activate,
    w: &'static locales::wards::Wards,
    notes: &'static [&'static str],
    /// The page is for a family: larger, in steps, with a password that can be read while it is typed.
    family: bool,
    m: &'a Activate,
    lead: String,
    code_typed: bool,
    code_problem: bool,
    problem: Option<String>,
    length_hint: String,
}

impl Activate {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let t = &messages.activate;
        let holder = self.holder.map(|holder| messages.holders.of(holder));
        let lead = self.person_hint.as_deref().zip(holder).map(|(hint, texts)| (texts.for_person)(hint));
        let title = holder.map_or(t.title, |texts| texts.title);
        let language = self.onward.as_ref().map(|onward| onward.request.as_ref().unwrap_or(&onward.after).as_str());
        let code_problem = self.error.is_some_and(ActivateProblem::is_about_code);
        let page = Page {
            frame: Frame::new(locale, title).keep("code", self.code.as_deref()).request(language),
            t,
            m: self,
            w: &messages.wards,
            notes: holder.map_or(&[], |texts| texts.notes),
            family: self.holder == Some(Holder::Child),
            lead: lead.unwrap_or_else(|| t.lead.to_owned()),
            code_typed: self.code.is_none() || code_problem,
            code_problem,
            problem: self.error.map(|problem| problem.text(t)),
            length_hint: (t.new_password_hint)(self.min_length),
        };
        finish(&page, locale)
    }
}

/// The page after a successful activation.
pub struct Activated {
    /// The user name to sign in with from now on.
    pub user_name: String,
    /// Whom the page speaks to.
    pub holder: Holder,
    /// A teacher with children: one more line for her.
    pub has_children_too: bool,
    /// The request of a platform that waits: its sealed state.
    pub after: Option<String>,
}

#[derive(Template)]
#[template(path = "activated.html")]
struct Done<'a> {
    frame: Frame<'a>,
    t: &'static locales::Activate,
    holder: &'static locales::holders::HolderTexts,
    m: &'a Activated,
}

impl Activated {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let (t, holder) = (&messages.activate, messages.holders.of(self.holder));
        finish(&Done { frame: Frame::new(locale, t.done_title), t, holder, m: self }, locale)
    }
}
