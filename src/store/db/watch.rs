//! What a transaction notes of the rows that it changes: how each was before. Nothing is noted where nobody asked for it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Tx;
use crate::domain::row_state::{RowKind, RowState};

/// Rows that a transaction changes.
#[derive(Debug, Default)]
pub struct Noted {
    /// So many are named at most.
    most: usize,
    /// How each was before the first change; none: it was not there.
    pub named: BTreeMap<(RowKind, Uuid), Option<RowState>>,
    /// Of these kinds others change too, which are too many to name, or which only the statement finds that changes them.
    pub unnamed: BTreeSet<RowKind>,
}

impl Noted {
    /// Those of these rows that are not named yet; none, and the kind is noted, where they are too many. Of a kind of which some
    /// changed without being named, no other is named: it may be one of them, and not what it was before.
    pub(in crate::store) fn fresh(&mut self, kind: RowKind, ids: &[Uuid]) -> Vec<Uuid> {
        if self.unnamed.contains(&kind) {
            return Vec::new();
        }
        let fresh: BTreeSet<Uuid> = ids.iter().copied().filter(|id| !self.named.contains_key(&(kind, *id))).collect();
        if fresh.is_empty() || self.named.len() + fresh.len() <= self.most {
            return fresh.into_iter().collect();
        }
        self.unnamed.insert(kind);
        Vec::new()
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
        assert_eq!(noted.fresh(RowKind::Class, &ids[..1]), ids[..1], "of another kind nothing changed");
    }
}
