//! Everything that is known about somebody.

use askama::Template;

use super::{Frame, Who, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// The page; its buttons post `form` (`numbers` or `file`), and `ward` where it is about a child, to `/record`.
pub struct Record {
    /// Who is signed in.
    pub who: Who,
    /// The child it is about; herself where there is none.
    pub ward: Option<RecordOf>,
    /// What is known; nothing for a child under 14, whose family reads it.
    pub sections: Option<Vec<RecordSection>>,
    /// Numbers are shown in full.
    pub full: bool,
    /// Something may lead to another guardian, and is left out.
    pub left_out: bool,
    /// The entry before which this page of who looked begins, where it is an older one, with nothing else on it.
    pub before: Option<String>,
    /// The address of the next older page of who looked.
    pub older: Option<String>,
    /// The address of the whole.
    pub newest: String,
}

/// A child.
pub struct RecordOf {
    /// What the form posts.
    pub id: String,
    /// A masked name.
    pub hint: String,
}

/// A part of it.
pub struct RecordSection {
    /// Its name among the texts.
    pub key: &'static str,
    /// What is known, entry by entry.
    pub entries: Vec<Vec<RecordFact>>,
    /// How many entries only the file has.
    pub more: u32,
}

/// One fact.
pub struct RecordFact {
    /// What it is.
    pub label: String,
    /// What it says, line by line.
    pub values: Vec<String>,
}

#[derive(Template)]
#[template(path = "record.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::record::Record,
    e: &'static locales::erasure::Erasure,
    m: &'a Record,
    locale: Locale,
}

impl Page<'_> {
    fn heading(&self, section: &RecordSection) -> &'static str {
        locales::record::heading(section.key, self.locale)
    }

    /// Only of who looked there are older pages.
    fn older(&self, section: &RecordSection) -> Option<&str> {
        self.m.older.as_deref().filter(|_| section.key == "disclosures")
    }

    fn more(&self, section: &RecordSection) -> String {
        (self.t.more)(section.more)
    }
}

impl Record {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let (t, e) = (&Messages::of(locale).record, &Messages::of(locale).erasure);
        let title = self.ward.as_ref().map_or_else(|| t.title.to_owned(), |ward| (t.of_child)(&ward.hint));
        let frame = Frame::new(locale, title)
            .who(Some(&self.who))
            .keep("ward", self.ward.as_ref().map(|ward| ward.id.as_str()))
            .keep("before", self.before.as_deref());
        finish(&Page { frame, t, e, m: self, locale }, locale)
    }
}
