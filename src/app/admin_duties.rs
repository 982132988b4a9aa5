//! Whose duties are of several kinds, where 三员分离 keeps them apart: grants from before the profile was raised stay until
//! somebody takes one back.

use super::{App, Error, access};
use crate::domain::access::TaskName;
use crate::domain::id::PersonId;
use crate::domain::registry::admin_rule::{self, Protection};
use crate::domain::registry::codes::admin_role::AdminRole;
use crate::store::admin_grants;

/// So many are read at once.
const STEP: usize = 200;

impl App {
    /// Everybody who holds duties of several kinds although `MINGJI_PROTECTION=3` keeps them apart; nobody with `2`.
    ///
    /// # Errors
    /// A failed store.
    pub async fn joined_duties(&self) -> Result<Vec<PersonId>, Error> {
        let mut joined = Vec::new();
        if self.protection != Protection::Three {
            return Ok(joined);
        }
        let (task, mut tx) = (access::task(TaskName::OperatorReport), self.db.read().await?);
        let mut after = PersonId(uuid::Uuid::nil());
        loop {
            let people = admin_grants::of_several_roles(&mut tx, &task, after, STEP).await?;
            for person in &people {
                let held = admin_grants::held(&mut tx, &task, *person, self.now()).await?;
                let roles: Vec<AdminRole> = held.iter().filter_map(|grant| grant.role.parse().ok()).collect();
                if roles.iter().any(|role| admin_rule::separate(self.protection, &roles, *role).is_err()) {
                    joined.push(*person);
                }
            }
            match people.last() {
                Some(last) if people.len() == STEP => after = *last,
                _ => return Ok(joined),
            }
        }
    }
}
