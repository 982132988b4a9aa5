//! Signing out: the question, and the page at the end (OpenID Connect RP-Initiated Logout 1.0, 2).

use askama::Template;

use super::{Frame, Who, client_link, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// The question; its form posts `request` and `confirm` (`yes` or `no`) to `/sign-out`.
pub struct SignOutConfirm {
    /// Sealed state of the sign-out request; none when somebody came by herself.
    pub request: Option<String>,
    /// Who is signed in, for the top of the page.
    pub who: Who,
    /// The platform that asks.
    pub client_name: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_out.html")]
struct Question<'a> {
    frame: Frame<'a>,
    t: &'static locales::SignOut,
    m: &'a SignOutConfirm,
    asked_by: Option<String>,
}

impl SignOutConfirm {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).sign_out;
        let page = Question {
            frame: Frame::new(locale, t.title).who(Some(&self.who)).request(self.request.as_deref()),
            t,
            m: self,
            asked_by: self.client_name.as_deref().map(t.asked_by),
        };
        finish(&page, locale)
    }
}

/// The end; carries `id="signed-out"`.
pub struct SignedOut {
    /// The registered post-logout address, as a link.
    pub return_uri: Option<String>,
    /// Name of the platform that it leads to.
    pub return_name: Option<String>,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct End<'a> {
    frame: Frame<'a>,
    t: &'static locales::SignOut,
    back: Option<&'a str>,
    back_text: String,
}

impl SignedOut {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let back = client_link(self.return_uri.as_deref());
        let page = End {
            frame: Frame::new(locale, messages.sign_out.done_title),
            t: &messages.sign_out,
            back,
            back_text: (messages.common.back_to)(self.return_name.as_deref().or(back).unwrap_or_default()),
        };
        finish(&page, locale)
    }
}
