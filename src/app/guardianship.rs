//! Guardians 监护关系.

use chrono::NaiveDate;

use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{OnePerson, Task, TaskName, Ward};
use crate::domain::audit::Action;
use crate::domain::id::{GuardianshipId, IdentityId, OrgId, PersonId};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::guardianship::{Confirmation, ConfirmedBy, Evidence, Guardianship, GuardianshipStatus};
use crate::domain::time::Timestamp;
use crate::store::{accounts, activations, admin_grants, credentials, grants, guardianships, identities, staffings};

/// What becomes of the wards of an institution when those who act for it there leave it.
#[derive(Clone, Copy, Debug)]
pub(super) enum WardsOf {
    /// It has no voice in them any more: the guardianships end on that day.
    Nobody(NaiveDate),
    /// Its successor, where they work from now on.
    Heir(OrgId),
}

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
            confirmed: Some(Confirmation { by: ConfirmedBy::Import, person: None, office: Some(school), at: ctx.now }),
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

    /// People leave a post at an institution: what they said for it about its wards ends, or goes on for its successor. Before
    /// the post ends, on which their voice rests. Part of a larger change.
    pub(super) async fn leave_wards(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        (people, institution): (&[PersonId], OrgId),
        to: WardsOf,
    ) -> Result<(), Error> {
        let standing = guardianships::standing_of_guardians(work.tx(), task, people).await?;
        for one in standing.into_iter().filter(|one| one.institution == Some(institution)) {
            self.leave_ward(work, ctx, task, one, to).await?;
        }
        Ok(())
    }

    /// The same for one of its wards.
    pub(super) async fn leave_ward(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        one: Guardianship,
        to: WardsOf,
    ) -> Result<(), Error> {
        let heir = match to {
            WardsOf::Nobody(day) => return self.end_guardianship(work, ctx, task, one, day).await,
            WardsOf::Heir(heir) => heir,
        };
        let handed = one.handed_to(heir, ctx.now).map_err(|why| Error::new(Kind::Conflict, why.to_string()))?;
        if !guardianships::update(work.tx(), &task.on(handed.child), &handed).await? {
            return Err(Error::busy("somebody changed a guardianship at the same moment"));
        }
        work.event("guardianship", handed.id, "guardianship.changed", &["institution"]);
        Ok(())
    }

    /// Whether a relation lets its guardian speak for the child, read in the transaction that ends it.
    pub(super) async fn ward_in(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        guardianship: &Guardianship,
        now: Timestamp,
    ) -> Result<Option<Ward>, Error> {
        let posts = match guardianship.institution {
            Some(_) => staffings::open_of_many(work.tx(), task, &[guardianship.guardian]).await?,
            None => Vec::new(),
        };
        Ok(access::ward_of(guardianship, &posts, now))
    }

    /// A guardianship ended or was restricted, and with it what platforms held in the name of that identity of the guardian's, what
    /// she agreed to while she spoke for the ward, and the password that she may have chosen for her. Part of a larger change.
    pub(super) async fn shut_out(
        &self,
        work: &mut Work<'_>,
        guardian: &impl OnePerson,
        identity: IdentityId,
        ward: Option<Ward>,
        now: Timestamp,
    ) -> Result<(), Error> {
        if let Some(ward) = &ward {
            self.change_the_lock(work, ward, now).await?;
        }
        self.end_what_rests_on(work, guardian, identity, ward, now).await
    }

    /// The same for a guardian who is not kept from the child: she died, or asked to be erased, which can be taken back.
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

    /// A guardian who spoke for a child may speak for her no longer: of what he may have chosen for her, or been handed, nothing
    /// opens her account any more. A guardian sets the password of a child under 14 ([`App::set_ward_password`]), and who set it is not
    /// kept: one that dates from then goes, with her sessions and with codes that lie about, and her school or another guardian gives
    /// her another. Her account is held from here on, as by whoever sets a password: he did before this, or finds that he is none.
    /// Part of a larger change.
    pub(super) async fn change_the_lock(&self, work: &mut Work<'_>, ward: &Ward, now: Timestamp) -> Result<(), Error> {
        let Some(account) = accounts::hold(work.tx(), ward).await? else { return Ok(()) };
        let born = identities::base(work.tx(), ward).await?.and_then(|child| child.birth_date);
        // Whoever has a post or a role was nobody's to set a password for, and an adult's guardian is kept from nobody.
        let grown = AgeBand::at(born, now) == AgeBand::Adult
            || !identities::employed(work.tx(), ward, now.shanghai_date()).await?.is_empty()
            || !admin_grants::live(work.tx(), ward.person(), now).await?.is_empty();
        let was_his = |day| AgeBand::at(born, day) == AgeBand::Under14;
        let set_at = credentials::set_at(work.tx(), ward, account).await?;
        if grown || !(was_his(now) || set_at.is_some_and(was_his)) {
            return Ok(());
        }
        activations::end_open(work.tx(), account, now).await?;
        if !credentials::void(work.tx(), ward, account).await? {
            return Ok(());
        }
        let ended = self.end_sessions_of(work, ward, now, "a guardian was kept away").await?;
        let state = accounts::find(work.tx(), ward).await?.map(|account| account.state);
        if state == Some(Status::Active) {
            accounts::set_state(work.tx(), ward, account, Status::Inactive, now).await?;
        }
        work.target("account", account).detail("password", "void").detail("sessions", ended);
        work.event("account", account, "account.password_void", &["state"]);
        Ok(())
    }
}
