//! What a transaction notes of the rows that it changes: how each was before. Nothing is noted where nobody asked for it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Tx;
use crate::domain::row_state::{Marks, RowKind, RowState};

/// Rows that a transaction changes.
#[derive(Debug, Default)]
pub struct Noted {
    /// So many are named at most.
    most: usize,
    /// How each was before the first change; none: it was not there.
    pub named: BTreeMap<(RowKind, Uuid), Option<RowState>>,
    /// Of these kinds others change too, which are too many to name: the marks of those that were there before.
    pub unnamed: BTreeMap<RowKind, Marks>,
    /// Those of them that were not there before.
    made: BTreeSet<(RowKind, Uuid)>,
}

impl Noted {
    /// Those of these rows that are not named yet; none, and they are marked, where they are too many. Of a kind of which some
    /// changed without being named, no other is named.
    pub(in crate::store) fn fresh(&mut self, kind: RowKind, ids: &[Uuid]) -> Vec<Uuid> {
        let fresh = self.room(kind, ids);
        if fresh.is_none() {
            self.mark(kind, ids);
        }
        fresh.unwrap_or_default()
    }

    /// The same of rows that were not there before: those that are not named are somebody's first word, and need no mark.
    pub(in crate::store) fn fresh_made(&mut self, kind: RowKind, ids: &[Uuid]) -> Vec<Uuid> {
        let fresh = self.room(kind, ids);
        if fresh.is_none() {
            self.unnamed.entry(kind).or_default();
            self.made.extend(ids.iter().map(|id| (kind, *id)));
        }
        fresh.unwrap_or_default()
    }

    /// Says of rows that they change, and not how they were.
    pub(in crate::store) fn mark(&mut self, kind: RowKind, ids: &[Uuid]) {
        let (named, made) = (&self.named, &self.made);
        let known = |id: &Uuid| named.contains_key(&(kind, *id)) || made.contains(&(kind, *id));
        self.unnamed.entry(kind).or_default().extend(ids.iter().copied().filter(|id| !known(id)));
    }

    fn room(&self, kind: RowKind, ids: &[Uuid]) -> Option<Vec<Uuid>> {
        let fresh: BTreeSet<Uuid> = ids.iter().copied().filter(|id| !self.named.contains_key(&(kind, *id))).collect();
        let fits = !self.unnamed.contains_key(&kind) && self.named.len() + fresh.len() <= self.most;
        (fits || fresh.is_empty()).then(|| fresh.into_iter().collect())
    }
}

impl Tx {
    /// Notes from now on how rows are before they are changed, so many at most.
    #[must_use]
    pub fn noting(mut self, most: usize) -> Self {
        if let Self::Lite(_, noted) | Self::Pg(_, noted) = &mut self {
            *noted = Some(Box::new(Noted { most, ..Noted::default() }));
        }
        self
    }

    /// Names no row from now on: there will be many, and each would be read twice.
    pub fn naming_none(&mut self) {
        if let Some(noted) = self.noted() {
            noted.most = 0;
        }
    }

    /// What is noted; none where nobody asked for it.
    pub(in crate::store) fn noted(&mut self) -> Option<&mut Noted> {
        match self {
            Self::Lite(_, noted) | Self::Pg(_, noted) => noted.as_deref_mut(),
            Self::LiteRead(_) | Self::PgRead(_) => None,
        }
    }

    /// What was noted, to be told.
    pub fn take_noted(&mut self) -> Noted {
        self.noted().map(std::mem::take).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_changed_already_is_not_named() {
        let (kind, ids) = (RowKind::Guardianship, [Uuid::from_u128(1), Uuid::from_u128(2)]);
        let mut noted = Noted { most: 1, ..Noted::default() };
        assert!(noted.fresh(kind, &ids).is_empty(), "too many");
        assert!(noted.fresh(kind, &ids[..1]).is_empty(), "one of them");
        assert!(ids.iter().all(|id| noted.unnamed[&kind].hold(*id)));
        assert_eq!(noted.fresh(RowKind::Class, &ids[..1]), ids[..1], "of another kind nothing changed");
        noted.named.insert((RowKind::Class, ids[0]), None);
        assert!(noted.fresh(RowKind::Class, &ids).is_empty());
        let classes = &noted.unnamed[&RowKind::Class];
        assert!(classes.hold(ids[1]) && !classes.hold(ids[0]), "that one is named");
    }

    #[test]
    fn what_came_needs_no_mark() {
        let (kind, ids) = (RowKind::Guardianship, [Uuid::from_u128(1), Uuid::from_u128(2)]);
        let mut noted = Noted { most: 1, ..Noted::default() };
        assert!(noted.fresh_made(kind, &ids).is_empty(), "too many");
        assert!(!noted.unnamed[&kind].hold(ids[0]));
        let before = Uuid::from_u128(3);
        assert!(noted.fresh(kind, &[ids[0], before]).is_empty(), "it changes at once");
        assert!(!noted.unnamed[&kind].hold(ids[0]) && noted.unnamed[&kind].hold(before));
    }
}
