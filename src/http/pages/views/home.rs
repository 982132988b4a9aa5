//! The page at `/`: what this is, who is signed in, and whose guardian she is.

use askama::Template;

use super::{ErasureStands, Frame, Who, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// The page; when somebody is signed in, a form posts `confirm=yes` to `/sign-out`, and one for each child `ward` and
/// `confirm` (`yes` or `no`) to `/wards`.
pub struct Home {
    /// Who is signed in, if anybody.
    pub who: Option<Who>,
    /// What she may open.
    pub platforms: Vec<Platform>,
    /// The children she is recorded as a guardian of.
    pub wards: Vec<Ward>,
    /// Children of hers whose record waits to be erased; each button posts `ward` and `step=keep` to `/erasure`.
    pub erasures: Vec<WardErasure>,
    /// Who looked at her record lately, the newest first.
    pub looks: Vec<Look>,
    /// Sign-ins that platforms ask her to confirm; each button posts `question` to `/take-up`.
    pub waiting: Vec<Waiting>,
    /// She answers for relying parties.
    pub console: bool,
    /// What she did just before.
    pub note: Option<HomeNote>,
}

/// A platform or an application that begins a login with us.
pub struct Platform {
    /// Its `client_id`.
    pub id: String,
    /// Its name in the visitor's language.
    pub name: String,
}

/// A sign-in that waits for her.
pub struct Waiting {
    /// What the form posts.
    pub id: String,
    /// Who asks.
    pub client_name: String,
    /// The text that the platform shows too.
    pub text: Option<String>,
}

/// A child.
pub struct Ward {
    /// What the form posts.
    pub id: String,
    /// A masked name.
    pub hint: String,
    /// School and class, as far as she may know them.
    pub place: Option<String>,
    /// Whether a school has still to confirm it.
    pub pending: bool,
    /// She may read everything that is known about the child, who is under 14.
    pub decides: bool,
    /// Where she may set the child's password.
    pub account: Option<WardAccount>,
    /// Who else is recorded.
    pub others: Vec<OtherGuardian>,
}

/// That somebody looked at her record.
pub struct Look {
    /// The day.
    pub day: String,
    /// Who, and of which institution; the operator has no name.
    pub who: Option<String>,
    /// What the audit calls it.
    pub action: String,
    /// For what.
    pub purpose: Option<String>,
    /// Who it was is kept back, because a court keeps a child from her.
    pub withheld: bool,
}

/// The account of a child under 14.
pub struct WardAccount {
    /// The user name.
    pub user_name: String,
    /// Whether there is a password already.
    pub active: bool,
}

/// A child whose record waits to be erased.
pub struct WardErasure {
    /// What the form posts.
    pub id: String,
    /// A masked name.
    pub hint: String,
    /// How it stands.
    pub stands: ErasureStands,
}

/// Another guardian of the same child.
pub struct OtherGuardian {
    /// A masked name.
    pub hint: String,
    /// Whether a school has still to confirm it.
    pub pending: bool,
    /// Who recorded her.
    pub recorded_by: Option<String>,
}

/// What was just done, in the address as `?told=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeNote {
    /// "My child".
    Yes,
    /// "Not my child".
    No,
    /// A child's password was set.
    Password,
    /// Her own was changed.
    OwnPassword,
    /// Erasure of a child's record was asked for.
    ErasureAsked,
    /// It was taken back.
    ErasureTakenBack,
}

impl HomeNote {
    /// From the address.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Yes, Self::No, Self::Password, Self::OwnPassword, Self::ErasureAsked, Self::ErasureTakenBack];
        all.into_iter().find(|note| note.as_str() == text)
    }

    /// For the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Password => "password",
            Self::OwnPassword => "own-password",
            Self::ErasureAsked => "erasure-asked",
            Self::ErasureTakenBack => "erasure-taken-back",
        }
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::Home,
    w: &'static locales::wards::Wards,
    l: &'static locales::looks::Looks,
    e: &'static locales::elsewhere::Elsewhere,
    d: &'static locales::elsewhere::Devices,
    p: &'static locales::mine::OwnPassword,
    c: &'static locales::mine::Consents,
    r: &'static locales::record::Record,
    x: &'static locales::erasure::Erasure,
    k: &'static locales::console::Console,
    m: &'a Home,
    greeting: Option<String>,
    note: Option<&'static str>,
}

impl Page<'_> {
    /// "Wang Fang · First School saw the full record; for: …".
    fn look(&self, look: &Look) -> String {
        let who = look.who.as_deref().unwrap_or(if look.withheld { self.l.withheld } else { self.l.operator });
        let what = format!("{who} {}", self.l.of(&look.action));
        let purpose = look.purpose.as_deref().map(self.l.purpose);
        [Some(what), purpose].into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// "Asked for: …. Not final before …".
    fn stands(&self, stands: &ErasureStands) -> String {
        format!("{} {}", (self.x.asked_at)(&stands.asked), (self.x.earliest)(&stands.earliest))
    }

    /// "Confirmed, recorded by …", of another guardian.
    fn standing(&self, other: &OtherGuardian) -> String {
        let state = if other.pending { self.w.pending } else { self.w.confirmed };
        let recorded = other.recorded_by.as_deref().map(self.w.recorded_by);
        [Some(state.to_owned()), recorded].into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }
}

impl Home {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let (t, w) = (&messages.home, &messages.wards);
        let page = Page {
            frame: Frame::new(locale, t.title).who(self.who.as_ref()),
            t,
            w,
            l: &messages.looks,
            e: &messages.elsewhere,
            d: &messages.devices,
            p: &messages.own_password,
            c: &messages.consents,
            r: &messages.record,
            x: &messages.erasure,
            k: &messages.console,
            m: self,
            greeting: self.who.as_ref().map(|who| (t.signed_in)(&who.name)),
            note: self.note.map(|note| match note {
                HomeNote::Yes => w.told_yes,
                HomeNote::No => w.told_no,
                HomeNote::Password => w.told_password,
                HomeNote::OwnPassword => messages.own_password.told,
                HomeNote::ErasureAsked => messages.erasure.told_asked,
                HomeNote::ErasureTakenBack => messages.erasure.told_back,
            }),
        };
        finish(&page, locale)
    }
}
