//! Long walks for short pages: what an administrator looks for may be rare among what she may not see. One request goes so far
//! and no further, outside of the writing transaction, and says where the next one goes on.

use std::collections::BTreeMap;

use super::Error;
use crate::domain::access::Subtree;
use crate::domain::id::OrgId;
use crate::store::db::Tx;
use crate::store::institutions;

/// So many steps are walked for one page.
pub(super) const STEPS: usize = 10;

/// What a walk brought back.
#[derive(Clone, Debug)]
pub struct Walked<T, P> {
    /// The rows: fewer than were asked for, or none, where the way was too long for one request.
    pub items: Vec<T>,
    /// From where it goes on; none: it ended.
    pub next: Option<P>,
}

impl<T, P> Walked<T, P> {
    /// Of rows that were looked for one beyond the end of the page. `on` is where the walk stood.
    pub(super) fn at(mut items: Vec<T>, limit: usize, on: Option<P>, place: impl Fn(&T) -> P) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(place) } else { on };
        Self { items, next }
    }
}

/// Which institutions lie in a scope, each asked once.
pub(super) struct InScope<'a> {
    scope: &'a Subtree,
    known: BTreeMap<OrgId, bool>,
}

impl<'a> InScope<'a> {
    pub(super) fn new(scope: &'a Subtree) -> Self {
        Self { scope, known: BTreeMap::new() }
    }

    pub(super) async fn has(&mut self, tx: &mut Tx, org: OrgId) -> Result<bool, Error> {
        if let Some(known) = self.known.get(&org) {
            return Ok(*known);
        }
        let found = institutions::find_in(tx, self.scope, org).await?.is_some();
        self.known.insert(org, found);
        Ok(found)
    }
}
