//! Activation slips on A4: a head once, then one sheet of eight slips after the other, so that a whole county need not fit
//! into memory. Chinese and English stand on the same paper; nothing is loaded from anywhere.

use askama::Template;

use super::finish;
use super::qr::Qr;
use crate::domain::locale::Locale;
use crate::domain::registry::holder::{Holder, SlipKind};
use crate::http::pages::locales::{Messages, slips};

/// Two columns of four.
pub const SLIPS_ON_A_SHEET: usize = 8;
/// From here on a name is set smaller, so that it stays on one line beside the QR code.
const LONG_NAME: usize = 9;

/// One slip, as it is printed.
pub struct SlipView {
    /// Whose.
    pub name: String,
    /// Whose guardian she is.
    pub child: Option<String>,
    /// The user name.
    pub user_name: String,
    /// The one-time code.
    pub code: String,
    /// What the QR code leads to.
    pub link: String,
    /// Whom the words speak to.
    pub holder: Holder,
}

/// A sheet of paper.
pub struct SlipSheet {
    /// What the slips are.
    pub kind: SlipKind,
    /// The institution.
    pub org: String,
    /// The class with its grade, where there is one.
    pub class: Option<String>,
    /// Its number among the sheets of the class, from 1, and how many there are.
    pub number: (usize, usize),
    /// Where the code is typed, without the code.
    pub address: String,
    /// The last day, `2026-12-09`.
    pub valid_until: String,
    /// At most [`SLIPS_ON_A_SHEET`].
    pub slips: Vec<SlipView>,
}

#[derive(Template)]
#[template(path = "slips.html")]
struct Head {
    zh: &'static slips::Slips,
    en: &'static slips::Slips,
}

#[derive(Template)]
#[template(path = "slip_sheet.html")]
struct Sheet<'a> {
    zh: &'static slips::Slips,
    en: &'static slips::Slips,
    m: &'a SlipSheet,
    kind: Both<&'static str>,
    valid: Both<String>,
    slips: Vec<Paper<'a>>,
}

/// The same in Chinese and English.
struct Both<T> {
    zh: T,
    en: T,
}

struct Paper<'a> {
    slip: &'a SlipView,
    is_long: bool,
    guardian_of: Option<Both<String>>,
    advice: Both<&'static str>,
    qr: Option<Qr>,
}

fn both<T>(say: impl Fn(&'static slips::Slips) -> T) -> Both<T> {
    Both { zh: say(&Messages::of(Locale::Zh).slips), en: say(&Messages::of(Locale::En).slips) }
}

fn paper(slip: &SlipView) -> Paper<'_> {
    Paper {
        slip,
        is_long: slip.name.chars().count() >= LONG_NAME,
        guardian_of: slip.child.as_deref().map(|child| both(|t| (t.guardian_of)(child))),
        advice: both(|t| t.advice(slip.holder)),
        qr: Qr::of(&slip.link),
    }
}

/// What stands before the first sheet. Nothing has to stand behind the last one.
pub fn slips_head() -> String {
    let texts = both(|t| t);
    finish(&Head { zh: texts.zh, en: texts.en }, Locale::Zh)
}

impl SlipSheet {
    /// The sheet.
    pub fn render(&self) -> String {
        let texts = both(|t| t);
        let sheet = Sheet {
            zh: texts.zh,
            en: texts.en,
            m: self,
            kind: both(|t| t.kind(self.kind)),
            valid: both(|t| (t.valid_until)(&self.valid_until)),
            slips: self.slips.iter().map(paper).collect(),
        };
        finish(&sheet, Locale::Zh)
    }
}
