//! Guardians 监护关系.

use super::work::{Outcome, Work};
use super::{App, Ctx, Error, access};
use crate::domain::access::{OnePerson, TaskName, Ward};
use crate::domain::audit::Action;
use crate::domain::id::{GuardianshipId, IdentityId, OrgId, PersonId};
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::guardianship::{Evidence, Guardianship, GuardianshipStatus};
use crate::domain::time::Timestamp;
use crate::store::{grants, guardianships};

impl App {
    /// Records a guardian whom the school that holds the 学籍 confirmed; `false` when the relation is there.
    ///
    /// # Errors
    /// A failed store.
    pub async fn confirm_guardian(
        &self,
        ctx: &Ctx,
        task: TaskName,
        child: PersonId,
        guardian: PersonId,
        relation: Relation,
        school: OrgId,
    ) -> Result<bool, Error> {
        let on = access::task(task).on(child);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let rank = i64::try_from(guardianships::of_child(work.tx(), &on).await?.len()).unwrap_or(i64::MAX - 1) + 1;
        let guardianship = Guardianship {
            id: GuardianshipId::new(ctx.now, &*self.random),
            child,
            guardian,
            relation,
            legal: relation.is_parent(),
            rank,
            status: GuardianshipStatus::Confirmed,
            verified_by: Some(Evidence::School),
            recorded_by: Some(school),
            institution: None,
            restrictions: std::collections::BTreeSet::new(),
            valid_from: ctx.now.shanghai_date(),
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if !guardianships::insert(work.tx(), &on, &guardianship).await? {
            return Ok(false);
        }
        work.target("person", child).target("guardian", guardian).event(
            "guardianship",
            guardianship.id,
            "guardianship.confirmed",
            &[],
        );
        work.commit(Outcome::Done).await?;
        Ok(true)
    }

    /// A guardianship ended, and with it what platforms held in the name of that identity of the guardian's, and what she
    /// agreed to while she spoke for the ward. Part of a larger change.
    pub(super) async fn end_what_rests_on(
        &self,
        work: &mut Work<'_>,
        guardian: &impl OnePerson,
        identity: IdentityId,
        ward: Option<Ward>,
        now: Timestamp,
    ) -> Result<(), Error> {
        grants::revoke_of_identity(work.tx(), guardian, identity, now, "guardianship ended").await?;
        match ward {
            Some(ward) => self.take_back_consents(work, &ward, now).await,
            None => Ok(()),
        }
    }
}
