//! Answering a question that another device asked (RFC 8628, 3.3; CIBA Core 1.0, 8).

use askama::Template;

use super::{Frame, Who, finish};
use crate::domain::locale::Locale;
use crate::domain::oidc::elsewhere::Said;
use crate::http::pages::locales::{self, Messages};

/// Why a code is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeProblem {
    /// No such code, or it is over.
    Unknown,
    /// Too many wrong ones.
    TooMany {
        /// Whole minutes to wait.
        minutes: u32,
    },
}

/// Where a code is typed; the form posts `user_code` to `/device`.
pub struct TypeCode {
    /// Who is signed in.
    pub who: Who,
    /// From the address, or typed before.
    pub user_code: String,
    /// Why the page is shown again.
    pub problem: Option<CodeProblem>,
}

#[derive(Template)]
#[template(path = "type_code.html")]
struct TypePage<'a> {
    frame: Frame<'a>,
    t: &'static locales::elsewhere::Elsewhere,
    m: &'a TypeCode,
    problem: Option<String>,
}

impl TypeCode {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).elsewhere;
        let kept = Some(self.user_code.as_str()).filter(|code| !code.is_empty());
        let page = TypePage {
            frame: Frame::new(locale, t.type_title).who(Some(&self.who)).keep("user_code", kept),
            t,
            m: self,
            problem: self.problem.map(|problem| match problem {
                CodeProblem::Unknown => t.unknown_code.to_owned(),
                CodeProblem::TooMany { minutes } => (t.too_many)(minutes.max(1)),
            }),
        };
        finish(&page, locale)
    }
}

/// What she compares before she says yes.
pub enum Compare {
    /// The code on a device, and where it asked from where that is not her own network. Nobody is told that it is near: one
    /// address may be a school's, a carrier's or a proxy's.
    Device {
        /// The code.
        code: String,
        /// Where from, when it is elsewhere.
        from: Option<Whence>,
    },
    /// The text that the client shows too.
    Client(Option<String>),
}

/// Where a device asked from.
pub enum Whence {
    /// Another network than hers: the address.
    Network(String),
    /// A page in some browser: its origin.
    Page(String),
}

/// The question; its form posts `request` and `confirm` (`yes` or `no`) to `/confirm`.
pub struct Confirm {
    /// Sealed state.
    pub request: String,
    /// Who is signed in.
    pub who: Who,
    /// Who asks.
    pub client_name: String,
    /// What she compares.
    pub compare: Compare,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame<'a>,
    t: &'static locales::elsewhere::Elsewhere,
    m: &'a Confirm,
    lead: String,
    compare: &'static str,
    shown: Option<&'a str>,
    is_code: bool,
    from: Option<String>,
}

impl Confirm {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).elsewhere;
        let frame = Frame::new(locale, (t.confirm_title)(&self.client_name));
        let frame = frame.who(Some(&self.who)).request(Some(&self.request));
        let page = match &self.compare {
            Compare::Device { code, from } => ConfirmPage {
                frame,
                t,
                m: self,
                lead: (t.of_device)(&self.client_name),
                compare: t.compare_code,
                shown: Some(code),
                is_code: true,
                from: Some(match from {
                    None => t.beside_you.to_owned(),
                    Some(Whence::Network(address)) => (t.from_elsewhere)(address),
                    Some(Whence::Page(origin)) => (t.from_page)(origin),
                }),
            },
            Compare::Client(text) => ConfirmPage {
                frame,
                t,
                m: self,
                lead: (t.of_client)(&self.client_name),
                compare: t.compare_text,
                shown: text.as_deref(),
                is_code: false,
                from: None,
            },
        };
        finish(&page, locale)
    }
}

/// The end; carries `id="answered-yes"`, `id="answered-no"` or `id="answered-before"`.
pub struct Answered {
    /// Who asked.
    pub client_name: String,
    /// What became of it.
    pub said: Said,
}

#[derive(Template)]
#[template(path = "answered.html")]
struct AnsweredPage<'a> {
    frame: Frame<'a>,
    id: &'static str,
    lead: String,
    /// Words of a link to her devices, where one of them may be unwelcome.
    devices: Option<&'static str>,
}

impl Answered {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).elsewhere;
        let (id, title, lead) = match self.said {
            Said::Yes => ("answered-yes", t.yes_title, (t.yes_lead)(&self.client_name)),
            Said::No => ("answered-no", t.no_title, (t.no_lead)(&self.client_name)),
            Said::Before => ("answered-before", t.before_title, (t.before_lead)(&self.client_name)),
        };
        let devices = (self.said == Said::Before).then_some(Messages::of(locale).devices.link);
        finish(&AnsweredPage { frame: Frame::new(locale, title), id, lead, devices }, locale)
    }
}
