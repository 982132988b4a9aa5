//! The clients that somebody answers for.

use askama::Template;

use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};
use crate::http::pages::views::{Frame, Who, finish};

/// The page at `/console`.
pub struct ConsoleList {
    /// Who is signed in.
    pub who: Who,
    /// By name.
    pub clients: Vec<ConsoleRow>,
    /// Whether she may register others.
    pub may_register: bool,
    /// What she did just before.
    pub note: Option<ConsoleNote>,
}

/// A client.
pub struct ConsoleRow {
    /// Its `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is a vendor's.
    pub is_application: bool,
    /// Who answers for it.
    pub institution: String,
    /// Out of use.
    pub suspended: bool,
}

/// What was just done, in the address as `?told=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleNote {
    /// A client was removed.
    Removed,
    /// An old secret was ended.
    OldEnded,
    /// Settings were changed.
    Changed,
    /// They were sent as they are.
    Unchanged,
    /// A client was taken out of use.
    Suspended,
    /// It was let back in.
    Resumed,
}

impl ConsoleNote {
    const ALL: [Self; 6] =
        [Self::Removed, Self::OldEnded, Self::Changed, Self::Unchanged, Self::Suspended, Self::Resumed];

    /// From the address.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|note| note.as_str() == text)
    }

    /// For the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::OldEnded => "old-ended",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
        }
    }

    pub(super) fn text(self, t: &'static locales::console::Console) -> &'static str {
        match self {
            Self::Removed => t.told_removed,
            Self::OldEnded => t.told_old_ended,
            Self::Changed => t.told_changed,
            Self::Unchanged => t.told_unchanged,
            Self::Suspended => t.told_suspended,
            Self::Resumed => t.told_resumed,
        }
    }
}

#[derive(Template)]
#[template(path = "console_list.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::console::Console,
    m: &'a ConsoleList,
    note: Option<&'static str>,
}

impl ConsoleList {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).console;
        let note = self.note.map(|note| note.text(t));
        finish(&Page { frame: Frame::new(locale, t.title).who(Some(&self.who)), t, m: self, note }, locale)
    }
}
