//! Undoing a merge within its time. What went over goes back, with all that became of it since; what the merge settled is
//! changed back unless somebody changed it since; whatever is new stays with the survivor, except that sessions and grants
//! that began since end, because nobody can tell whose they are.

use super::settle::empty_gaps;
use super::{App, Ctx, Decider, Error, Kind, Merge, Merged, Outcome, Work, access, merge, read_reason};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{AccountId, PersonId, SessionId};
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::person::Person;
use crate::domain::time::Timestamp;
use crate::store::merge_changes::{self, Change};
use crate::store::{account_locks, accounts, cases, merge_rows, merge_seals, merges, person_names, persons};

/// A merge that is being undone, with both people as they are from now on.
#[derive(Clone, Copy)]
struct Undone<'a> {
    merge: &'a Merge,
    survivor: &'a Person,
    returned: &'a Person,
    changes: &'a [Change],
    now: Timestamp,
}

impl App {
    /// Makes two records of one again.
    ///
    /// # Errors
    /// `NotFound` for an id that no merge absorbed, or whose survivor is not wholly in the administrator's scope; `Conflict`
    /// when its time is over or a later merge lies above it.
    pub async fn undo_merge(&self, ctx: &Ctx, by: Decider, absorbed: PersonId, reason: &str) -> Result<Merged, Error> {
        let reason = read_reason(reason).map_err(|why| Error::invalid(why.to_string()))?;
        let ctx = by.acting(ctx);
        let undone = self.patiently(|| self.undo_once(&ctx, by, absorbed, &reason)).await?;
        self.wake.deliveries.notify_one();
        Ok(undone)
    }

    async fn undo_once(&self, ctx: &Ctx, by: Decider, absorbed: PersonId, reason: &str) -> Result<Merged, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::MergeUndone).await?;
        work.because(reason);
        let undone = self.undo_in(&mut work, ctx, &task, by, absorbed).await?;
        work.commit(Outcome::Done).await?;
        Ok(undone)
    }

    async fn undo_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        absorbed: PersonId,
    ) -> Result<Merged, Error> {
        let refused = |why: merge::MergeError| Error::new(Kind::Conflict, why.to_string());
        let known = merges::of_absorbed(work.tx(), task, absorbed).await?;
        // That two people were one record is nothing that others learn from how they are refused.
        let missing = || Error::not_found("a merge of this id");
        let known = known.ok_or_else(missing)?;
        let (survivor, gone) = self.hold_both(work, task, known.survivor, known.absorbed).await?;
        // Whoever may change the survivor may do this; above a later merge it would tear out the ground.
        let stands = persons::survivor(work.tx(), known.survivor).await?.unwrap_or(known.survivor);
        let unseen = |why: Error| if why.kind == Kind::NotFound { missing() } else { why };
        self.may_change(work, ctx, by, stands).await.map_err(unseen)?;
        if survivor.salt.is_none() {
            return Err(missing());
        }
        // What went at once went of both.
        if survivor.status == Status::Cancelled {
            return Err(Error::new(Kind::Conflict, "she asked to be erased: that is taken back first"));
        }
        work.about(survivor.id).await?;
        let undone = known.undo(by.admin(), ctx.now).map_err(refused)?;
        if survivor.merged_into.is_some() {
            return Err(refused(merge::MergeError::Buried));
        }
        if !merges::update(work.tx(), task, &undone).await? {
            return Err(Error::busy("somebody undid the merge at the same moment"));
        }
        merge_changes::share_places(work.tx(), task, undone.id).await?;
        let changes = merge_changes::changes(work.tx(), task, undone.id).await?;
        self.end_since(work, ctx, task, &undone).await?;
        let survivor = empty_gaps(survivor, &gone, &changes);
        let survivor = Person { updated_at: ctx.now, version: survivor.version + 1, ..survivor };
        let returned = Person {
            status: undone.absorbed_status,
            merged_into: None,
            updated_at: ctx.now,
            version: gone.version + 1,
            ..gone
        };
        for person in [&survivor, &returned] {
            if !persons::update(work.tx(), &task.on(person.id), person).await? {
                return Err(Error::busy("somebody changed the person at the same moment"));
            }
        }
        let back = Undone { merge: &undone, survivor: &survivor, returned: &returned, changes: &changes, now: ctx.now };
        self.hand_back(work, task, &back).await?;
        let ids = (survivor.id, returned.id);
        // Rights that the merge ended stand again, beside whatever was given since.
        self.neither_administers(work, task, by, [ids.0, ids.1]).await?;
        self.shorten_sessions(work, ctx, task, &undone).await?;
        for person in [ids.0, ids.1] {
            self.keep_locked(work, ctx, task, person).await?;
            self.keeps_duties_apart(work, ctx, task, person).await?;
        }
        self.part_verifications(work, ctx, task, &undone, survivor, returned).await?;
        self.reopen_cases(work, task, &undone).await?;
        let (survivor, returned) = ids;
        work.target("person", survivor).target("absorbed", returned).target("merge", undone.id);
        work.event("person", survivor, "person.changed", &["merge"]);
        work.event("person", returned, "person.returned", &["merged_into"]);
        Ok(Merged { person_id: survivor, absorbed: returned, undo_until: undone.undo_until })
    }

    /// Every question that the merge answered is open again.
    async fn reopen_cases(&self, work: &mut Work<'_>, task: &Task, undone: &Merge) -> Result<(), Error> {
        let mut answered = merge_rows::closed_cases(work.tx(), task, undone.id).await?;
        answered.extend(undone.case);
        for id in answered {
            let case = cases::find(work.tx(), task, id).await?;
            let Some(case) = case.filter(|case| case.decision.is_some()) else { continue };
            if !cases::update(work.tx(), task, &case.reopen()).await? {
                return Err(Error::busy("somebody changed a case about the two at the same moment"));
            }
            work.event("case", id, "case.opened", &[]);
        }
        Ok(())
    }

    async fn hand_back(&self, work: &mut Work<'_>, task: &Task, undone: &Undone<'_>) -> Result<(), Error> {
        let Undone { merge: undone, survivor, returned, changes, now } = *undone;
        merge_rows::back(work.tx(), task, undone.id, returned.id, survivor.id).await?;
        self.reseal_rows(work, task, returned.id, survivor, returned).await?;
        // Who was told that two subjects are one is told that they are two; the old one is somebody else's again.
        self.tell_subjects(work, task, returned.id, survivor.id, "subject.parted").await?;
        merge_rows::subjects_back(work.tx(), task, changes, returned.id, survivor.id).await?;
        let moved = |place: &str| changes.iter().find(|change| change.place == place);
        if moved("profile.person_id").is_some()
            && let Some(sealed) = merge_seals::profile(work.tx(), task, survivor.id).await?
        {
            let bytes =
                self.resealed(survivor, returned, "profile", "claims_sealed", survivor.id.0, returned.id.0, &sealed)?;
            merge_seals::move_profile(work.tx(), task, survivor.id, returned.id, bytes).await?;
        }
        let account = |json: &serde_json::Value| json.as_str().and_then(|text| text.parse::<AccountId>().ok());
        if let Some(password) = moved("password_credential.account_id")
            && let (Some(home), Some(away)) = (account(&password.before), account(&password.after))
        {
            // One that was set since is the survivor's; the other signs in again with a new activation.
            merge_rows::move_password(work.tx(), task, away, home, undone.merged_at).await?;
        }
        let kept = changes.iter().find(|change| change.place == "session.account_id");
        let goes = changes.iter().find(|one| one.place == "account.state" && one.after.as_str() == Some("merged"));
        if let Some(goes) = goes {
            let stays = kept.and_then(|one| account(&one.after));
            let stays = match stays {
                Some(stays) => Some(stays),
                None => accounts::find(work.tx(), &task.on(survivor.id)).await?.map(|one| one.id),
            };
            if let Some(stays) = stays {
                merge_rows::aliases_back(work.tx(), task, undone.id, AccountId(goes.row), stays).await?;
            }
        }
        merge_changes::unsettle(work.tx(), task, undone.merged_at, now, changes).await?;
        merge_rows::open_space(work.tx(), task, returned.id).await?;
        person_names::drop_one(work.tx(), &task.on(survivor.id), undone.id.0).await?;
        for person in [survivor.id, returned.id] {
            merge_rows::forget_names(work.tx(), task, person).await?;
            persons::refresh_presence(work.tx(), &task.on(person)).await?;
        }
        Ok(())
    }

    /// A lock that was laid since the merge is no part of what is undone: the account on which one lies stays locked.
    async fn keep_locked(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, person: PersonId) -> Result<(), Error> {
        let on = task.on(person);
        let Some(account) = accounts::find(work.tx(), &on).await? else { return Ok(()) };
        let opens = matches!(account.state, Status::Active | Status::Inactive | Status::Locked);
        if opens && !account_locks::of_people(work.tx(), task, &[person]).await?.is_empty() {
            accounts::set_state(work.tx(), &on, account.id, Status::AdminLocked, ctx.now).await?;
        }
        Ok(())
    }

    /// Ends what began since.
    async fn end_since(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, undone: &Merge) -> Result<(), Error> {
        let begun = merge_rows::sessions_since(work.tx(), task, undone.survivor, undone.merged_at).await?;
        for session in begun {
            self.end_session_in(work, SessionId(session), ctx.now, "merge undone").await?;
        }
        merge_rows::revoke_since(work.tx(), task, undone.survivor, undone.merged_at, ctx.now).await?;
        Ok(())
    }
}
