//! What a row of the register says at one moment, in one form: what the digests of the audit are made of.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use uuid::Uuid;

use super::audit::sorted;
use super::id::{OrgId, PersonId};

/// Of which table a row is. The text form is part of the log's contract, and the name of a target of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the text form says it")]
pub enum RowKind {
    Staffing,
    Teaching,
    Guardianship,
    Enrolment,
    Institution,
    Class,
    AdminGrant,
    Client,
    Account,
    Platform,
}

impl RowKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Staffing,
        Self::Teaching,
        Self::Guardianship,
        Self::Enrolment,
        Self::Institution,
        Self::Class,
        Self::AdminGrant,
        Self::Client,
        Self::Account,
        Self::Platform,
    ];

    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staffing => "staffing",
            Self::Teaching => "teaching",
            Self::Guardianship => "guardianship",
            Self::Enrolment => "enrolment",
            Self::Institution => "institution",
            Self::Class => "class",
            Self::AdminGrant => "admin_grant",
            Self::Client => "client",
            Self::Account => "account",
            Self::Platform => "platform",
        }
    }
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RowKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// In which version a form is; an entry says it beside its digests. Whoever adds a column counts it up: what an older entry says
/// of a row was said of fewer columns, and is compared with nothing.
pub const FORM: u64 = 1;

/// A row with what belongs to it: how it was before, its codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowState {
    /// Whom it is about, none or some: their salts are the keys of its digest, and with one of them gone it means nothing.
    pub of: BTreeSet<PersonId>,
    /// At which institution it stands, where it stands at one.
    pub at: Option<OrgId>,
    /// What it says, by column.
    pub said: Value,
}

impl RowState {
    /// The form that a digest is made of: what it is of and in which version, and compact JSON with its keys in order.
    pub fn form(&self, kind: RowKind) -> [String; 2] {
        [format!("mingji row {FORM} {kind}"), sorted(&self.said)]
    }
}

/// Rows that an entry does not name: four bytes of each id, so that six bytes of the log tell of a row whether it was among them.
/// One row in two million is taken for one of two thousand by mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(BTreeSet<[u8; 4]>);

impl Marks {
    /// Whether a row may be among them; `false` for sure.
    pub fn hold(&self, id: Uuid) -> bool {
        self.0.contains(&mark(id))
    }

    /// What an entry says: the marks in order, as one base64 text.
    pub fn text(&self) -> String {
        STANDARD.encode(self.0.iter().flatten().copied().collect::<Vec<_>>())
    }

    /// Reads [`Self::text`]; none for something else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let (marks, rest) = bytes.as_chunks::<4>();
        rest.is_empty().then(|| Self(marks.iter().copied().collect()))
    }
}

impl Extend<Uuid> for Marks {
    fn extend<I: IntoIterator<Item = Uuid>>(&mut self, ids: I) {
        self.0.extend(ids.into_iter().map(mark));
    }
}

/// The end of an id, which is drawn: its beginning is a time.
fn mark(id: Uuid) -> [u8; 4] {
    let [.., a, b, c, d] = *id.as_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_hold_what_was_marked_and_nothing_else() {
        let ids: Vec<Uuid> = (1..=2_000).map(Uuid::from_u128).collect();
        let mut marks = Marks::default();
        marks.extend(ids.iter().copied());
        let read = Marks::parse(&marks.text()).unwrap();
        assert_eq!(read, marks);
        assert!(ids.iter().all(|id| read.hold(*id)));
        assert!(!read.hold(Uuid::from_u128(2_001)) && !read.hold(Uuid::nil()));
        assert_eq!(Marks::parse(""), Some(Marks::default()));
        for other in ["AAAA", "AAAAAA==!", "state"] {
            assert_eq!(Marks::parse(other), None, "{other}");
        }
    }
}
