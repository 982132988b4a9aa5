//! What a row of the register says at one moment, in one form: what the digests of the audit are made of.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

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
