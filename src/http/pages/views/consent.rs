//! Consent of an adult: who receives what, for which purpose, and how it ends (Personal Information
//! Protection Law, articles 23 and 15).

use askama::Template;

use super::details::{DetailCard, cards};
use super::papers::{Links, Papers};
use super::{Frame, Who, finish};
use crate::domain::locale::Locale;
use crate::domain::oidc::authorization_type::Shown;
use crate::http::pages::locales::{self, Messages, Shared};

/// Who receives the data.
pub struct ClientCard {
    /// Its name in the language of the page.
    pub name: String,
    /// The legal person behind the platform.
    pub vendor: Option<String>,
    /// How to reach it: address, telephone or mail.
    pub contact: Option<String>,
    /// What it needs the data for, in its own registered words.
    pub purpose: Option<String>,
    /// What it wants read.
    pub papers: Papers,
    /// Where the document stands that is all we know of it.
    pub site: Option<Site>,
}

/// The host of a client that no registration made known here.
pub struct Site {
    /// Its name, as the person's browser would show it.
    pub host: String,
    /// Whether an institution answers for the client all the same.
    pub answered_for: bool,
}

/// One thing that the client asks for, by the scope that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentItem {
    /// The pairwise subject of an application.
    Identifier,
    /// The number that all platforms of the system know somebody by.
    SystemNumber,
    /// What every client is told with each sign-in, whatever it asks for.
    Always,
    /// `profile`
    Profile,
    /// `email`
    Email,
    /// `phone`
    Phone,
    /// `address`
    Address,
    /// `offline_access`
    Offline,
    /// `edu`
    Identities,
    /// `edu.class`
    Classes,
    /// `edu.guardian`
    Children,
    /// `edu.realname`
    RealName,
    /// `space`
    Space,
}

impl ConsentItem {
    /// The item that a scope of the contract stands for; `None` for an unknown scope.
    pub fn from_scope(scope: &str) -> Option<Self> {
        Some(match scope {
            "openid" => Self::Identifier,
            "profile" => Self::Profile,
            "email" => Self::Email,
            "phone" => Self::Phone,
            "address" => Self::Address,
            "offline_access" => Self::Offline,
            "edu" => Self::Identities,
            "edu.class" => Self::Classes,
            "edu.guardian" => Self::Children,
            "edu.realname" => Self::RealName,
            "space" => Self::Space,
            _ => return None,
        })
    }

    /// Everything that a client is told for these scopes, what it gets unasked first (PIPL 17 and 23: the kinds of data).
    pub fn all<'a>(application: bool, scopes: impl Iterator<Item = &'a str>) -> Vec<Self> {
        let number = if application { Self::Identifier } else { Self::SystemNumber };
        let asked = scopes.filter(|scope| *scope != "openid").filter_map(Self::from_scope);
        [number, Self::Always].into_iter().chain(asked).collect()
    }

    /// What people read of it.
    pub fn words(self, locale: Locale) -> &'static Shared {
        self.text(&Messages::of(locale).consent)
    }

    pub(super) fn text(self, t: &'static locales::Consent) -> &'static Shared {
        match self {
            Self::Identifier => &t.identifier,
            Self::SystemNumber => &t.system_number,
            Self::Always => &t.always,
            Self::Profile => &t.profile,
            Self::Email => &t.email,
            Self::Phone => &t.phone,
            Self::Address => &t.address,
            Self::Offline => &t.offline,
            Self::Identities => &t.identities,
            Self::Classes => &t.classes,
            Self::Children => &t.children,
            Self::RealName => &t.real_name,
            Self::Space => &t.space,
        }
    }
}

/// The page; its form posts `request` and `decision` (`allow` or `deny`) to `/consent`.
pub struct Consent {
    /// Sealed state of the authorization request; comes back unchanged.
    pub request: String,
    /// Who is signed in, for the top of the page.
    pub who: Who,
    /// Who receives the data.
    pub client: ClientCard,
    /// What is asked for.
    pub items: Vec<ConsentItem>,
    /// What is to be done in detail.
    pub details: Vec<Shown>,
    /// Life of an access token in minutes: how long an offline one outlives a withdrawal (ruling R16).
    pub token_minutes: u32,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::Consent,
    m: &'a Consent,
    receiver: String,
    vendor: &'a str,
    purpose: String,
    items: Vec<&'static Shared>,
    d: &'static locales::details::Details,
    details: Vec<DetailCard<'a>>,
    withdraw: String,
    papers: Links<'a>,
    stranger: Option<String>,
}

impl Consent {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).consent;
        let client = &self.client;
        let page = Page {
            frame: Frame::new(locale, (t.title)(&client.name)).who(Some(&self.who)).request(Some(&self.request)),
            t,
            m: self,
            receiver: (t.receiver)(&client.name),
            vendor: client.vendor.as_deref().unwrap_or(&client.name),
            purpose: client.purpose.clone().unwrap_or_else(|| (t.default_purpose)(&client.name)),
            items: self.items.iter().map(|item| item.text(t)).collect(),
            d: &Messages::of(locale).details,
            details: cards(&self.details, locale),
            withdraw: (t.withdraw)(self.token_minutes),
            papers: client.papers.links(locale),
            stranger: client.site.as_ref().filter(|site| !site.answered_for).map(|site| (t.stranger)(&site.host)),
        };
        finish(&page, locale)
    }
}
