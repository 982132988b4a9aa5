//! Where a child under 14 is kindly stopped until a guardian consented (ruling R8).

use askama::Template;

use super::details::{DetailCard, cards};
use super::{ClientForm, Frame, Who, client_link, finish};
use crate::domain::locale::Locale;
use crate::domain::oidc::authorization_type::Shown;
use crate::http::pages::locales::{self, Messages};

/// The way back to the platform with `error=access_denied`, as it asked to be answered.
pub enum Back {
    /// An address.
    Link(String),
    /// A form (`response_mode=form_post`).
    Form(ClientForm),
}

/// The page; carries `id="guardian-consent-needed"`.
pub struct GuardianNeeded {
    /// Who is signed in, for the top of the page.
    pub who: Who,
    /// For “not me” and the language switch.
    pub request: Option<String>,
    /// Name of the platform that asks.
    pub client_name: String,
    /// What it asks to do in detail, for the guardian to read.
    pub details: Vec<Shown>,
    /// Leads back to the platform.
    pub back: Option<Back>,
}

#[derive(Template)]
#[template(path = "guardian.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::Guardian,
    why: String,
    adults: String,
    d: &'static locales::details::Details,
    details: Vec<DetailCard<'a>>,
    back: Option<&'a str>,
    form: Option<&'a ClientForm>,
    back_text: String,
}

impl GuardianNeeded {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let t = &messages.guardian;
        let page = Page {
            frame: Frame::new(locale, t.title).who(Some(&self.who)).request(self.request.as_deref()),
            t,
            why: (t.why)(&self.client_name),
            adults: (t.adults)(&self.client_name),
            d: &messages.details,
            details: cards(&self.details, locale),
            back: match &self.back {
                Some(Back::Link(address)) => client_link(Some(address)),
                _ => None,
            },
            form: match &self.back {
                Some(Back::Form(form)) => Some(form).filter(|form| client_link(Some(&form.action)).is_some()),
                _ => None,
            },
            back_text: (messages.common.back_to)(&self.client_name),
        };
        finish(&page, locale)
    }
}
