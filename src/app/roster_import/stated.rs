//! What the actor's own institutions said of people they do not hold: her earlier rows, found again under the numbers
//! that stood in them.

use std::collections::HashMap;

use crate::domain::id::{PersonId, RelationClaimId};
use crate::domain::registry::relation_claim::{ClaimKind, RelationClaim};

#[derive(Default)]
pub(super) struct Stated {
    claims: HashMap<RelationClaimId, RelationClaim>,
    about: HashMap<PersonId, Vec<RelationClaimId>>,
    documents: HashMap<[u8; 32], RelationClaimId>,
    codes: HashMap<[u8; 32], RelationClaimId>,
}

impl Stated {
    /// Takes a claim in; one that is there already stays as it is.
    pub(super) fn remember(&mut self, claim: RelationClaim) {
        let id = claim.id;
        if self.claims.contains_key(&id) {
            return;
        }
        self.about.entry(claim.person).or_default().push(id);
        for (index, place) in [(claim.document_index, &mut self.documents), (claim.code_index, &mut self.codes)] {
            index.map(|index| place.entry(index).or_insert(id));
        }
        self.claims.insert(id, claim);
    }

    pub(super) fn get_mut(&mut self, id: RelationClaimId) -> Option<&mut RelationClaim> {
        self.claims.get_mut(&id)
    }

    /// Everything that is said of a person.
    pub(super) fn of(&self, person: PersonId) -> impl Iterator<Item = &RelationClaim> + Clone {
        self.about.get(&person).into_iter().flatten().filter_map(|id| self.claims.get(id))
    }

    /// Who is said to be a guardian of a child, under one of the keys that name her; under any where none is given.
    pub(super) fn guardian(
        &self,
        child: PersonId,
        guardian: PersonId,
        key: Option<[u8; 32]>,
    ) -> Option<&RelationClaim> {
        self.under(guardian, key).find(|claim| claim.kind == ClaimKind::Guardian && claim.child == child)
    }

    /// What is said of a person under one of the keys that name her; under any where none is given.
    pub(super) fn under(
        &self,
        person: PersonId,
        key: Option<[u8; 32]>,
    ) -> impl Iterator<Item = &RelationClaim> + Clone {
        self.of(person).filter(move |claim| key.is_none_or(|key| claim.subject_key == key))
    }

    pub(super) fn by_document(&self, index: &[u8; 32]) -> Option<&RelationClaim> {
        self.documents.get(index).and_then(|id| self.claims.get(id))
    }

    pub(super) fn by_code(&self, index: &[u8; 32]) -> Option<&RelationClaim> {
        self.codes.get(index).and_then(|id| self.claims.get(id))
    }
}
