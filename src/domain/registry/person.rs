//! A natural person 自然人: the unit of 用户实名唯一. Not an account and not an identity.

use std::fmt;

use chrono::NaiveDate;
use uuid::Uuid;

use super::age::AgeBand;
use super::codes::realname::Level;
use super::codes::sex::Sex;
use super::codes::status::Status;
use super::name::PersonName;
use crate::domain::id::{PersonId, SpaceId};
use crate::domain::random::{self, Random};
use crate::domain::time::Timestamp;

/// What the person's sealed columns and keyed digests hang on; destroyed by erasure (ruling R18).
#[derive(Clone, PartialEq, Eq)]
pub struct PersonSalt([u8; 32]);

impl PersonSalt {
    /// A fresh salt.
    pub fn generate(random: &dyn Random) -> Self {
        Self(random::bytes(random))
    }

    /// From the register.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For deriving keys.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PersonSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[salt]")
    }
}

/// A person as the register holds her.
#[derive(Clone, Debug)]
pub struct Person {
    /// For ever, never reused.
    pub id: PersonId,
    /// Her one personal space.
    pub space: SpaceId,
    /// Legal name; none after erasure.
    pub name: Option<PersonName>,
    /// Sex.
    pub sex: Sex,
    /// Drives the age band; unknown counts as under 14.
    pub birth_date: Option<NaiveDate>,
    /// ISO 3166-1 alpha-3.
    pub nationality: Option<String>,
    /// P-status.
    pub status: Status,
    /// Real-name level.
    pub realname_level: Level,
    /// Since when it stands.
    pub realname_at: Option<Timestamp>,
    /// None after erasure.
    pub salt: Option<PersonSalt>,
    /// The platform she calls home.
    pub home_platform: Option<Uuid>,
    /// The survivor, when she turned out to be recorded twice.
    pub merged_into: Option<PersonId>,
    /// First recorded.
    pub created_at: Timestamp,
    /// Last changed.
    pub updated_at: Timestamp,
    /// Counts changes; a write names the version it read.
    pub version: i64,
}

impl Person {
    /// The key that name search runs on ([`super::name::name_key`]).
    pub fn name_key(&self) -> Option<String> {
        self.name.as_ref().map(PersonName::name_key)
    }

    /// Her age band at a moment.
    pub fn age_band(&self, now: Timestamp) -> AgeBand {
        AgeBand::at(self.birth_date, now)
    }
}
