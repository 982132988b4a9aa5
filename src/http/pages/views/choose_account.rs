//! Going on as who is signed in, or as somebody else (`prompt=select_account`).

use askama::Template;

use super::{Frame, Who, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// The account that a session of this browser belongs to.
pub struct AccountChoice {
    /// Value of the button.
    pub id: String,
    /// Her name.
    pub name: String,
    /// User name or school, to tell two people of one name apart.
    pub detail: Option<String>,
}

/// The page; its form posts `request` and `account` (an id, or `other`) to `/choose-account`.
pub struct ChooseAccount {
    /// Sealed state of the authorization request; comes back unchanged.
    pub request: String,
    /// Who is signed in, for the top of the page.
    pub who: Who,
    /// The account to go on with.
    pub account: AccountChoice,
}

#[derive(Template)]
#[template(path = "choose_account.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::Account,
    m: &'a ChooseAccount,
    go_on: String,
}

impl ChooseAccount {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).account;
        let page = Page {
            frame: Frame::new(locale, t.title).who(Some(&self.who)).request(Some(&self.request)),
            t,
            m: self,
            go_on: (t.continue_as)(&self.account.name),
        };
        finish(&page, locale)
    }
}
