//! What would become of a sign-in.

use askama::Template;

use super::{DifferenceText, difference};
use crate::domain::locale::Locale;
use crate::domain::oidc::fault::FaultKind;
use crate::domain::oidc::redirect::Difference;
use crate::http::pages::locales::faults::FaultText;
use crate::http::pages::locales::{self, Messages};
use crate::http::pages::views::{Frame, Who, finish};

/// The page after `POST /console/clients/{client_id}/trial`.
pub struct ConsoleTrial {
    /// Who is signed in.
    pub who: Who,
    /// Its `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The request that we made, where we did.
    pub request: Option<String>,
    /// What would happen.
    pub verdict: TrialVerdict,
    /// It has to push its requests.
    pub must_push: bool,
}

/// What would happen.
pub enum TrialVerdict {
    /// It works.
    Good {
        /// What it gets.
        scope: String,
        /// What is dropped.
        dropped: String,
        /// Where the answer goes.
        redirect_uri: String,
        /// Whether people are asked.
        asks: bool,
        /// `state`, `nonce`, where they are missing.
        unguarded: Vec<&'static str>,
    },
    /// It is refused.
    Bad {
        /// Why.
        kind: FaultKind,
        /// The code, where the client is told.
        code: Option<&'static str>,
        /// Our sentence.
        said: Option<&'static str>,
        /// In what an address differs.
        difference: Option<Difference>,
    },
    /// Another client's.
    Foreign,
    /// In a request object.
    Object,
    /// No request.
    Unreadable,
}

struct Good<'a> {
    scope: &'a str,
    dropped: &'a str,
    redirect_uri: &'a str,
    asks: &'static str,
    unguarded: Option<String>,
}

struct Bad<'a> {
    kind: &'static str,
    text: FaultText,
    told: String,
    said: Option<&'static str>,
    difference: Option<DifferenceText<'a>>,
}

#[derive(Template)]
#[template(path = "console_trial.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::console::Console,
    m: &'a ConsoleTrial,
    good: Option<Good<'a>>,
    bad: Option<Bad<'a>>,
    neither: Option<&'static str>,
}

impl ConsoleTrial {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let (t, comma) = (&messages.console, messages.consents.comma);
        let (mut good, mut bad, mut neither) = (None, None, None);
        match &self.verdict {
            TrialVerdict::Good { scope, dropped, redirect_uri, asks, unguarded } => {
                let asks = if *asks { t.trial.asks } else { t.trial.asks_not };
                let unguarded = (!unguarded.is_empty()).then(|| (t.trial.unguarded)(&unguarded.join(comma)));
                good = Some(Good { scope, dropped, redirect_uri, asks, unguarded });
            }
            TrialVerdict::Bad { kind, code, said, difference: differs } => {
                bad = Some(Bad {
                    kind: kind.as_str(),
                    text: (messages.faults.of)(*kind),
                    told: code.map_or_else(|| t.trial.page.to_owned(), t.trial.told),
                    said: *said,
                    difference: differs.as_ref().map(|one| difference(one, &messages.faults, comma)),
                });
            }
            TrialVerdict::Foreign => neither = Some(t.trial.foreign),
            TrialVerdict::Object => neither = Some(t.trial.object),
            TrialVerdict::Unreadable => neither = Some(t.trial.unreadable),
        }
        let frame = Frame::new(locale, t.trial.title).who(Some(&self.who));
        finish(&Page { frame, t, m: self, good, bad, neither }, locale)
    }
}
