//! Asking to be erased, and how it stands.

use askama::Template;

use super::{Frame, RecordOf, Who, finish};
use crate::domain::locale::Locale;
use crate::domain::registry::erasure::Keeps;
use crate::http::pages::locales::{self, Messages};

/// The page; its forms post `step` (`ask`, `yes`, `look` or `keep`) with `ward` or `code` to `/erasure`.
pub struct Erasure {
    /// Who is signed in, where somebody is.
    pub who: Option<Who>,
    /// How far she is.
    pub step: ErasureStep,
}

/// How far somebody is.
pub enum ErasureStep {
    /// What goes, what stays, and yes or no.
    Ask {
        /// The child it is about.
        ward: Option<RecordOf>,
        /// What the law keeps for now.
        kept: Vec<Keeps>,
        /// She has a role of administration, which she gives back first.
        has_role: bool,
    },
    /// It was asked for; the code is shown once.
    Asked {
        /// Lets her look and take it back.
        code: String,
        /// How it stands.
        stands: ErasureStands,
    },
    /// Where the code is typed.
    Code {
        /// It was nobody's.
        unknown: bool,
    },
    /// How it stands, by the code.
    Waits {
        /// The code, for the form.
        code: String,
        /// How it stands.
        stands: ErasureStands,
    },
    /// It was taken back.
    TakenBack,
}

/// How an erasure stands.
pub struct ErasureStands {
    /// Since when, in Shanghai.
    pub asked: String,
    /// From when on it may be final.
    pub earliest: String,
    /// What the law keeps for now.
    pub kept: Vec<Keeps>,
}

#[derive(Template)]
#[template(path = "erasure.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::erasure::Erasure,
    m: &'a Erasure,
}

impl Page<'_> {
    fn kept(&self, kept: &[Keeps]) -> String {
        kept.iter().map(|one| self.t.of(*one)).collect::<Vec<_>>().join(self.t.comma)
    }

    fn earliest(&self, stands: &ErasureStands) -> String {
        (self.t.earliest)(&stands.earliest)
    }

    fn asked(&self, stands: &ErasureStands) -> String {
        (self.t.asked_at)(&stands.asked)
    }
}

impl Erasure {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).erasure;
        let title = match &self.step {
            ErasureStep::Ask { ward: Some(ward), .. } => (t.of_child)(&ward.hint),
            ErasureStep::Ask { ward: None, .. } => t.title.to_owned(),
            ErasureStep::Asked { .. } => t.asked_title.to_owned(),
            ErasureStep::Code { .. } | ErasureStep::Waits { .. } => t.code_title.to_owned(),
            ErasureStep::TakenBack => t.back_title.to_owned(),
        };
        finish(&Page { frame: Frame::new(locale, title).who(self.who.as_ref()), t, m: self }, locale)
    }
}
