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

/// Goes on by itself once all frames have loaded, or after four seconds: the button with this id is pressed. The policy
/// allows this very text and nothing else, so it never holds a value.
pub const GO_ON: &str = "function goOn() { document.getElementById(\"go-on\").click(); }\naddEventListener(\"load\", goOn);\nsetTimeout(goOn, 4000);";

/// Where she goes after the end.
pub enum GoOn {
    /// To the registered post-logout address.
    Client(String),
    /// On with the request that she came with, as somebody else: its sealed state.
    Request(String),
}

/// The end; carries `id="signed-out"`.
#[derive(Default)]
pub struct SignedOut {
    /// What follows, where something does.
    pub go_on: Option<GoOn>,
    /// Pages of platforms that hear of the end in frames (Front-Channel Logout 1.0).
    pub frames: Vec<String>,
    /// The address that the platform named for afterwards is not registered: said with `id="err-post-logout-uri"`.
    pub lost: bool,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct End<'a> {
    frame: Frame<'a>,
    t: &'static locales::SignOut,
    lost: &'static locales::ErrorText,
    m: &'a SignedOut,
    back: Option<&'a str>,
    request: Option<&'a str>,
    script: &'static str,
}

impl SignedOut {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let (t, lost) = (&Messages::of(locale).sign_out, &Messages::of(locale).errors.post_logout_uri);
        let (back, request) = match &self.go_on {
            Some(GoOn::Client(address)) => (client_link(Some(address)), None),
            Some(GoOn::Request(sealed)) => (None, Some(sealed.as_str())),
            None => (None, None),
        };
        let page = End { frame: Frame::new(locale, t.done_title), t, lost, m: self, back, request, script: GO_ON };
        finish(&page, locale)
    }
}
