//! A new client: the form, and what it got.

use askama::Template;

use super::super::consent::ConsentItem;
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages, Shared};
use crate::http::pages::views::{Frame, Who, finish};

/// Scopes that the form offers; `openid` comes along.
const OFFERED: [&str; 10] = [
    "profile",
    "edu",
    "edu.class",
    "edu.guardian",
    "edu.realname",
    "space",
    "email",
    "phone",
    "address",
    "offline_access",
];

/// The page `GET /console/register`; its form posts [`FormFields`], `once` and `org` there.
pub struct ConsoleForm {
    /// Who is signed in.
    pub who: Who,
    /// Makes the form good once.
    pub once: String,
    /// Which institutions may answer for it: id and name.
    pub institutions: Vec<(String, String)>,
    /// What was filled in.
    pub fields: FormFields,
    /// What is wrong.
    pub error: Option<FieldFault>,
}

/// What the form says. Lists are texts with a line for each.
#[derive(Clone, Default)]
pub struct FormFields {
    /// The institution that answers for it.
    pub org: String,
    /// Name for people.
    pub client_name: String,
    /// In English.
    pub client_name_en: String,
    /// `web`, `browser` or `native`.
    pub kind: String,
    /// Where answers go.
    pub redirect_uris: String,
    /// What it wants to know.
    pub scopes: Vec<String>,
    /// Where a sign-out leads.
    pub post_logout_redirect_uris: String,
    /// Told of sign-outs there.
    pub backchannel_logout_uri: String,
    /// Where a sign-in begins.
    pub initiate_login_uri: String,
    /// What it says about privacy.
    pub policy_uri: String,
    /// ID tokens in RS256.
    pub rs256: bool,
}

/// What is wrong with the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// A field is empty.
    Missing(&'static str),
    /// A field holds something else than it should.
    Bad(&'static str),
    /// No field by itself; our sentence.
    Other(&'static str),
    /// It was sent before.
    SentBefore,
}

/// A line of text, or several.
struct Field<'a> {
    name: &'static str,
    label: &'static str,
    hint: Option<&'static str>,
    value: &'a str,
    problem: Option<&'static str>,
    required: bool,
    lines: bool,
}

struct ScopeTick {
    name: &'static str,
    text: &'static Shared,
    ticked: bool,
}

#[derive(Template)]
#[template(path = "console_register.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::console::Console,
    m: &'a ConsoleForm,
    problem: Option<String>,
    kinds: [(&'static str, &'static str, &'static str); 3],
    first: Vec<Field<'a>>,
    redirects: Field<'a>,
    more: Vec<Field<'a>>,
    scopes: Vec<ScopeTick>,
}

impl ConsoleForm {
    fn field<'a>(
        &self,
        t: &'static locales::console::Form,
        (name, label, hint): (&'static str, &'static str, Option<&'static str>),
        value: &'a str,
    ) -> Field<'a> {
        let is_text = matches!(name, "client_name" | "client_name_en");
        let problem = match self.error {
            Some(FieldFault::Missing(field)) if field == name => Some(t.missing),
            Some(FieldFault::Bad(field)) if field == name => Some(match name {
                "redirect_uris" => t.bad_redirect,
                _ if is_text => t.bad_text,
                _ => t.bad_address,
            }),
            _ => None,
        };
        let required = matches!(name, "client_name" | "redirect_uris");
        let lines = matches!(name, "redirect_uris" | "post_logout_redirect_uris");
        Field { name, label, hint, value, problem, required, lines }
    }

    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let (t, f) = (&messages.console.form, &self.fields);
        let scopes = OFFERED.into_iter().filter_map(|name| {
            let text = ConsentItem::from_scope(name)?.text(&messages.consent);
            Some(ScopeTick { name, text, ticked: f.scopes.iter().any(|scope| scope == name) })
        });
        let page = Page {
            frame: Frame::new(locale, t.title).who(Some(&self.who)),
            t: &messages.console,
            m: self,
            problem: match self.error {
                Some(FieldFault::Other(why)) => Some((t.bad_other)(why)),
                Some(FieldFault::SentBefore) => Some(t.sent_before.to_owned()),
                _ => None,
            },
            kinds: [
                ("web", t.kind_web, t.kind_web_hint),
                ("browser", t.kind_browser, t.kind_browser_hint),
                ("native", t.kind_native, t.kind_native_hint),
            ],
            first: vec![
                self.field(t, ("client_name", t.name, Some(t.name_hint)), &f.client_name),
                self.field(t, ("client_name_en", t.name_en, None), &f.client_name_en),
            ],
            redirects: self.field(t, ("redirect_uris", t.redirect_uris, Some(t.redirect_uris_hint)), &f.redirect_uris),
            more: vec![
                self.field(t, ("post_logout_redirect_uris", t.post_logout, None), &f.post_logout_redirect_uris),
                self.field(
                    t,
                    ("backchannel_logout_uri", t.backchannel, Some(t.backchannel_hint)),
                    &f.backchannel_logout_uri,
                ),
                self.field(t, ("initiate_login_uri", t.open, Some(t.open_hint)), &f.initiate_login_uri),
                self.field(t, ("policy_uri", t.policy, None), &f.policy_uri),
            ],
            scopes: scopes.collect(),
        };
        finish(&page, locale)
    }
}

/// What a client got: its id, and its secret, once.
pub struct ConsoleSecret {
    /// Who is signed in.
    pub who: Who,
    /// It is new; else its secret was replaced.
    pub registered: bool,
    /// Its `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its secret; none for a public client.
    pub secret: Option<String>,
    /// Until when the old one works.
    pub old_until: Option<String>,
}

#[derive(Template)]
#[template(path = "console_secret.html")]
struct Done<'a> {
    frame: Frame<'a>,
    t: &'static locales::console::Console,
    m: &'a ConsoleSecret,
    old: Option<String>,
}

impl ConsoleSecret {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).console;
        let title = if self.registered { t.registered } else { t.secret.shown_title };
        let old = self.old_until.as_deref().map(t.secret.old_until);
        finish(&Done { frame: Frame::new(locale, title).who(Some(&self.who)), t, m: self, old }, locale)
    }
}
