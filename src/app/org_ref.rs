//! How whoever asks names an institution: by a code that she typed, which leads to whoever stands for it now, or by the id that
//! a list told her.

use super::{App, Error};
use crate::domain::access::Task;
use crate::domain::id::OrgId;
use crate::domain::registry::institution::Institution;
use crate::store::db::Tx;
use crate::store::institutions;

/// An institution, as it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrgRef {
    /// By a code that it has or had.
    Code(String),
    /// By its id.
    Id(OrgId),
}

impl From<&str> for OrgRef {
    fn from(code: &str) -> Self {
        Self::Code(code.to_owned())
    }
}

impl From<&String> for OrgRef {
    fn from(code: &String) -> Self {
        Self::Code(code.clone())
    }
}

impl From<OrgId> for OrgRef {
    fn from(id: OrgId) -> Self {
        Self::Id(id)
    }
}

impl OrgRef {
    /// For whoever asks there is none. It reads the same whether it is not there or not hers.
    pub(super) fn missing(&self) -> Error {
        match self {
            Self::Code(code) => Error::no_institution(code),
            Self::Id(_) => Error::not_found("the institution"),
        }
    }
}

impl App {
    /// The institution that is meant; whether it is hers who asks is looked at afterwards.
    pub(super) async fn meant_org(&self, tx: &mut Tx, task: &Task, org: &OrgRef) -> Result<Institution, Error> {
        let found = match org {
            OrgRef::Code(code) => institutions::by_code(tx, task, code).await?,
            OrgRef::Id(id) => institutions::find(tx, task, *id).await?,
        };
        found.ok_or_else(|| org.missing())
    }
}
