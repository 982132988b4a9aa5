//! Accounts 账号: how a person signs in. Not the person.

use super::codes::codes;
use super::codes::status::Status;
use super::user_name::UserName;
use crate::domain::id::{AccountId, PersonId};
use crate::domain::time::Timestamp;

codes! {
    /// What may be typed instead of the user name (ruling R9).
    AliasKind {
        Phone = "phone", "手机号";
        Email = "email", "电子邮箱";
        PersonalCode = "personal_code", "学籍号";
    }
}

/// An account; one for each person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whose.
    pub person: PersonId,
    /// What she types.
    pub user_name: UserName,
    /// P-status.
    pub state: Status,
    /// Since when.
    pub created_at: Timestamp,
    /// Last changed.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

impl Account {
    /// A fresh account that waits for its activation.
    pub fn inactive(id: AccountId, person: PersonId, user_name: UserName, now: Timestamp) -> Self {
        Self { id, person, user_name, state: Status::Inactive, created_at: now, updated_at: now, version: 1 }
    }
}
