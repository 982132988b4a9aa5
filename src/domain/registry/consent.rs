//! Consent receipts 同意 (PIPL 个人信息保护法 14, 15, 23, 31; ruling R8): withdrawn, never deleted.

use std::collections::BTreeSet;

use super::age::AgeBand;
use crate::domain::id::{ClientId, ConsentId, PersonId};
use crate::domain::oidc::authorization_details::Agreed;
use crate::domain::time::Timestamp;

/// Who let which client have what about whom, having read which notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentReceipt {
    /// Its id.
    pub id: ConsentId,
    /// About whom.
    pub person: PersonId,
    /// By whom: herself, or a guardian.
    pub given_by: PersonId,
    /// To whom.
    pub client: ClientId,
    /// Scopes and claims.
    pub claims: BTreeSet<String>,
    /// What else, in detail: exactly that, and nothing beside it.
    pub details: Option<Agreed>,
    /// For what.
    pub purpose: String,
    /// Version of the notice she read.
    pub notice_version: String,
    /// When.
    pub given_at: Timestamp,
    /// Until when.
    pub withdrawn_at: Option<Timestamp>,
    /// How old the person was.
    pub age_band: AgeBand,
}

impl ConsentReceipt {
    /// Whether it was not withdrawn.
    pub fn is_live(&self) -> bool {
        self.withdrawn_at.is_none()
    }

    /// Whether it is live and names everything that is asked for.
    pub fn covers(&self, requested: &BTreeSet<String>) -> bool {
        self.is_live() && requested.is_subset(&self.claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn set(claims: &[&str]) -> BTreeSet<String> {
        claims.iter().map(|c| (*c).to_owned()).collect()
    }

    #[test]
    fn a_receipt_covers_what_it_names_until_it_is_withdrawn() {
        let receipt = ConsentReceipt {
            id: ConsentId(Uuid::nil()),
            person: PersonId(Uuid::nil()),
            given_by: PersonId(Uuid::max()),
            client: ClientId(Uuid::nil()),
            claims: set(&["edu", "profile"]),
            details: None,
            purpose: "sign-in".into(),
            notice_version: "1".into(),
            given_at: Timestamp::from_seconds(1),
            withdrawn_at: None,
            age_band: AgeBand::Under14,
        };
        assert!(receipt.covers(&set(&["edu"])) && receipt.covers(&set(&[])));
        assert!(!receipt.covers(&set(&["edu", "phone"])));
        let withdrawn = ConsentReceipt { withdrawn_at: Some(Timestamp::from_seconds(2)), ..receipt };
        assert!(!withdrawn.covers(&set(&[])));
    }
}
