//! Sign-in: user name and password.

use askama::Template;

use super::papers::{Links, Papers};
use super::{Frame, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// Why the page is shown again. Known and unknown accounts read the same (ruling R17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// User name or password wrong, or neither exists.
    Refused,
    /// Throttled; how many minutes are left (shown as at least one).
    TooMany {
        /// Whole minutes to wait.
        minutes: u32,
    },
    /// The hash pool is full; answer 503 with `Retry-After`.
    Busy,
    /// The interaction is older than its life and started over.
    Expired,
}

/// The page `GET /sign-in`; its form posts `request`, `login`, `password`, `own_device` to `/sign-in`.
pub struct SignIn {
    /// Sealed state of the authorization request, none when a person came by herself.
    pub request: Option<String>,
    /// What was typed before, or a login hint. Never a 学籍号 (ruling R9).
    pub login: String,
    /// Why the page is shown again.
    pub error: Option<SignInProblem>,
    /// Name of the platform that asks.
    pub client_name: Option<String>,
    /// What it wants read.
    pub papers: Papers,
    /// Whether “this is my own device” was ticked.
    pub own_device: bool,
    /// The code of another device, for which she signs in.
    pub user_code: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::SignIn,
    m: &'a SignIn,
    lead: String,
    problem: Option<String>,
    papers: Links<'a>,
    /// Whether the fields themselves are wrong; waiting does not make them so.
    invalid: bool,
}

impl SignIn {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).sign_in;
        let page = Page {
            // The bare form is sealed too, but there is no request that another language could go on with.
            frame: Frame::new(locale, t.title)
                .request(self.client_name.as_ref().and(self.request.as_deref()))
                .keep("user_code", self.user_code.as_deref()),
            t,
            m: self,
            lead: self.client_name.as_deref().map_or_else(|| t.lead.to_owned(), t.for_client),
            invalid: self.error == Some(SignInProblem::Refused),
            problem: self.error.map(|problem| problem_text(t, problem)),
            papers: self.papers.links(locale),
        };
        finish(&page, locale)
    }
}

fn problem_text(t: &locales::SignIn, problem: SignInProblem) -> String {
    match problem {
        SignInProblem::Refused => t.refused.to_owned(),
        SignInProblem::TooMany { minutes } => (t.too_many)(minutes.max(1)),
        SignInProblem::Busy => t.busy.to_owned(),
        SignInProblem::Expired => t.expired.to_owned(),
    }
}
