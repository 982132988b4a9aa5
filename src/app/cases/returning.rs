//! A number of somebody who was erased comes again (ruling R18): it registers when whoever governs the county of who brings it
//! in has said so, and makes a new person.

use super::Dispute;
use crate::app::Error;
use crate::domain::access::Task;
use crate::domain::registry::case::{CaseKind, CaseSource, Stated};
use crate::store::db::Tx;
use crate::store::documents::DocumentKey;
use crate::store::{cases, erasures};

/// What is asked about a number.
#[derive(Clone, Copy)]
pub(crate) enum Key<'a> {
    Document(&'a DocumentKey),
    Code([u8; 32]),
}

impl Key<'_> {
    fn index(self) -> [u8; 32] {
        match self {
            Self::Document(key) => key.index,
            Self::Code(index) => index,
        }
    }
}

/// The question whether a number that nobody holds may be recorded by the operator or in a single change; none: it may.
pub(crate) async fn question(
    tx: &mut Tx,
    task: &Task,
    key: Key<'_>,
    source: CaseSource,
) -> Result<Option<Dispute>, Error> {
    let mut erased = match key {
        Key::Document(key) => erasures::documents_of_many(tx, task, key.class, &key.country, &[key.index]).await?,
        Key::Code(index) => erasures::codes_of_many(tx, task, &[index]).await?,
    };
    erased.sort_by_key(|one| one.recorded_at);
    let Some(last) = erased.pop() else { return Ok(None) };
    let asked = cases::of_erased(tx, task, &[last.person]).await?;
    if asked.iter().any(|case| case.admits(&key.index(), None)) {
        return Ok(None);
    }
    Ok(Some(Dispute {
        kind: CaseKind::ErasedNumber,
        person: last.person,
        other: None,
        subject_key: Some(key.index()),
        stated: Stated::default(),
        org: None,
        source,
        unseen: false,
    }))
}
