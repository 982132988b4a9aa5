//! The form of an application, new or registered, and what it got.

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

/// The pages `GET /console/register` and `GET /console/clients/{client_id}/edit`; their form posts [`FormFields`] there.
pub struct ConsoleForm {
    /// Who is signed in.
    pub who: Who,
    /// What for.
    pub purpose: FormPurpose,
    /// Scopes that may be ticked, separated by blanks.
    pub offered: String,
    /// What was filled in.
    pub fields: FormFields,
    /// What is wrong.
    pub error: Option<FieldFault>,
}

/// What becomes of the form.
pub enum FormPurpose {
    /// A new application; it posts `once` and `org` too.
    Register {
        /// Makes the form good once.
        once: String,
        /// Which institutions may answer for it: id and name.
        institutions: Vec<(String, String)>,
    },
    /// One that is registered; it posts `version` too.
    Change {
        /// Names it in our paths.
        id: String,
        /// Which version she has seen.
        version: i64,
        /// Its name.
        name: String,
        /// Whether it needs addresses for answers.
        redirects: bool,
        /// What stands now, where somebody else changed it meanwhile.
        stands: Option<Box<FormFields>>,
    },
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
    /// The addresses for answers leave the host that they have to stay at.
    Host,
    /// No field by itself; our sentence.
    Other(&'static str),
    /// It was sent before.
    SentBefore,
    /// Somebody changed the application since it was shown.
    Stale,
}

/// A line of text, or several.
struct Field<'a> {
    name: &'static str,
    label: &'static str,
    hint: Option<&'static str>,
    value: &'a str,
    problem: Option<&'static str>,
    stands: Option<&'a str>,
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
    title: &'static str,
    lead: &'static str,
    submit: &'static str,
    is_change: bool,
    action: String,
    back: String,
    back_text: &'static str,
    kinds: [(&'static str, &'static str, &'static str); 3],
    kind_stands: Option<&'static str>,
    scope_stands: Option<String>,
    first: Vec<Field<'a>>,
    redirects: Field<'a>,
    more: Vec<Field<'a>>,
    scopes: Vec<ScopeTick>,
}

impl ConsoleForm {
    fn field<'a>(
        &'a self,
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
            Some(FieldFault::Host) if name == "redirect_uris" => Some(t.bad_host),
            _ => None,
        };
        let redirects = !matches!(self.purpose, FormPurpose::Change { redirects: false, .. });
        let required = name == "client_name" || (name == "redirect_uris" && redirects);
        let stands = self.stands().and_then(|now| now.text(name)).filter(|now| *now != value);
        let lines = matches!(name, "redirect_uris" | "post_logout_redirect_uris");
        Field { name, label, hint, value, problem, stands, required, lines }
    }

    /// What stands now, where that is not what she has seen.
    fn stands(&self) -> Option<&FormFields> {
        match &self.purpose {
            FormPurpose::Change { stands, .. } => stands.as_deref(),
            FormPurpose::Register { .. } => None,
        }
    }

    fn problem(&self, t: &locales::console::Form) -> Option<String> {
        match self.error {
            Some(FieldFault::Other(why)) => Some((t.bad_other)(why)),
            Some(FieldFault::SentBefore) => Some(t.sent_before.to_owned()),
            Some(FieldFault::Stale) => Some(t.stale.to_owned()),
            _ => None,
        }
    }

    fn scopes(&self, messages: &'static Messages) -> Vec<ScopeTick> {
        let offered = OFFERED.into_iter().filter(|name| self.offered.split(' ').any(|one| one == *name));
        let tick = |name| {
            let text = ConsentItem::from_scope(name)?.text(&messages.consent);
            Some(ScopeTick { name, text, ticked: self.fields.scopes.iter().any(|scope| scope == name) })
        };
        offered.filter_map(tick).collect()
    }

    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let (c, t, f) = (&messages.console, &messages.console.form, &self.fields);
        let kinds = [
            ("web", t.kind_web, t.kind_web_hint),
            ("browser", t.kind_browser, t.kind_browser_hint),
            ("native", t.kind_native, t.kind_native_hint),
        ];
        let kind_stands = self.stands().filter(|now| now.kind != f.kind);
        let scope_stands = self.stands().filter(|now| now.scopes != f.scopes);
        let (title, lead, submit, action, back, back_text) = match &self.purpose {
            FormPurpose::Register { .. } => {
                (t.title, t.lead, t.submit, "/console/register".to_owned(), "/console".to_owned(), c.back)
            }
            FormPurpose::Change { id, .. } => {
                let client = format!("/console/clients/{id}");
                (t.title_change, t.lead_change, t.submit_change, format!("{client}/edit"), client, c.trial.back)
            }
        };
        let page = Page {
            frame: Frame::new(locale, title).who(Some(&self.who)),
            t: c,
            m: self,
            problem: self.problem(t),
            title,
            lead,
            submit,
            is_change: matches!(self.purpose, FormPurpose::Change { .. }),
            action,
            back,
            back_text,
            kinds,
            kind_stands: kind_stands.and_then(|now| kinds.iter().find(|kind| kind.0 == now.kind)).map(|kind| kind.1),
            scope_stands: scope_stands.map(|now| now.scopes.join(" ")),
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
            scopes: self.scopes(messages),
        };
        finish(&page, locale)
    }
}

impl FormFields {
    /// A field that is text.
    fn text(&self, name: &str) -> Option<&str> {
        Some(match name {
            "client_name" => &self.client_name,
            "client_name_en" => &self.client_name_en,
            "redirect_uris" => &self.redirect_uris,
            "post_logout_redirect_uris" => &self.post_logout_redirect_uris,
            "backchannel_logout_uri" => &self.backchannel_logout_uri,
            "initiate_login_uri" => &self.initiate_login_uri,
            "policy_uri" => &self.policy_uri,
            _ => return None,
        })
    }
}

/// Why a secret is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// The client is new.
    Registered,
    /// It has another secret.
    Secret,
}

/// What a client got: its id, and its secret, once.
pub struct ConsoleSecret {
    /// Who is signed in.
    pub who: Who,
    /// Why.
    pub got: Got,
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
        let title = if self.got == Got::Registered { t.registered } else { t.secret.shown_title };
        let old = self.old_until.as_deref().map(t.secret.old_until);
        finish(&Done { frame: Frame::new(locale, title).who(Some(&self.who)), t, m: self, old }, locale)
    }
}
