//! Merging 合并: two records that are one person become one, and every old id leads to her for ever. What she cannot have
//! twice is settled by the rules of `domain::registry::merge`; what went over is written down and can go back.

mod settle;
mod undo;

use serde::Serialize;
use serde_json::json;

use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{CaseId, MergeId, PersonId};
use crate::domain::registry::case::{CaseState, Decision, read_reason};
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::merge::{self, Merge, MergeState};
use crate::domain::registry::person::Person;
use crate::domain::time::{Timestamp, rfc3339};
use crate::keys::blind_index;
use crate::store::merge_rows::{self, Change, SEALED, Sealed};
use crate::store::{accounts, activations, admin_grants, cases, documents, merges, persons};

/// How often two who write about the same people at once are let try again.
const TRIES: u32 = 8;

/// What a merge came to.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Merged {
    /// Whom both ids name from now on.
    pub person_id: PersonId,
    /// The id that leads to her.
    pub absorbed: PersonId,
    /// Until when it can be undone.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub undo_until: Timestamp,
}

impl App {
    /// Makes two records one person. The first stays; the second's id leads to her.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there, or not wholly in the administrator's scope; `Conflict` as
    /// [`merge::MergeError`] says, also when both are one already; `Invalid` for a reason that is none.
    pub async fn merge_persons(
        &self,
        ctx: &Ctx,
        by: Decider,
        survivor: PersonId,
        absorbed: PersonId,
        reason: &str,
    ) -> Result<Merged, Error> {
        let task = access::task(TaskName::PersonChange);
        let reason = read_reason(reason).map_err(|why| Error::invalid(why.to_string()))?;
        let ctx = by.acting(ctx);
        let mut attempt = 1;
        loop {
            let mut work = self.begin(&ctx, Action::PersonsMerged).await?;
            let result = async {
                let survivor = self.changeable(&mut work, &ctx, &task, by, survivor).await?.id;
                let absorbed = self.changeable(&mut work, &ctx, &task, by, absorbed).await?.id;
                self.merge_in(&mut work, &ctx, &task, by, None, survivor, absorbed, &reason).await
            };
            let result = match result.await {
                Ok(merged) => work.commit(Outcome::Done).await.map(|()| merged),
                Err(error) => Err(error),
            };
            match result {
                // An import may have written about one of them; whoever is quicker goes first.
                Err(error) if error.kind == Kind::Busy && attempt < TRIES => self.pause(attempt).await,
                Err(error) => return Err(error),
                Ok(merged) => {
                    self.wake.deliveries.notify_one();
                    return Ok(merged);
                }
            }
            attempt += 1;
        }
    }

    /// The same as part of a larger change; both stand, and are looked at again when they are held.
    #[allow(
        clippy::too_many_arguments,
        reason = "who, whom, on which ground and why: each is one of the entry's facts"
    )]
    pub(super) async fn merge_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        case: Option<CaseId>,
        survivor: PersonId,
        absorbed: PersonId,
        reason: &str,
    ) -> Result<Merged, Error> {
        let (survivor, absorbed) = self.hold_both(work, task, survivor, absorbed).await?;
        if survivor.merged_into.is_some() || absorbed.merged_into.is_some() {
            return Err(Error::busy("one of the two was merged at the same moment"));
        }
        if by.admin().is_some() {
            for person in [survivor.id, absorbed.id] {
                if !admin_grants::standing(work.tx(), task, person).await?.is_empty() {
                    // The sessions of one record would reach the rights of the other (R1).
                    return Err(Error::new(Kind::Conflict, "whoever administers is merged by the operator"));
                }
            }
        }
        merge::check(&survivor, &absorbed).map_err(|why| Error::new(Kind::Conflict, why.to_string()))?;
        self.note_digests(work, task, &survivor, &absorbed).await?;
        let merge = Merge {
            id: MergeId::new(ctx.now, &*self.random),
            survivor: survivor.id,
            absorbed: absorbed.id,
            case,
            absorbed_status: absorbed.status,
            state: MergeState::Done,
            reason: reason.to_owned(),
            merged_by: by.admin(),
            merged_at: ctx.now,
            undo_until: ctx.now.plus(self.lifetimes.merge_undo),
            undone_by: None,
            undone_at: None,
            version: 1,
        };
        merges::insert(work.tx(), task, &merge).await?;
        self.settle(work, ctx, task, &merge).await?;
        self.unite_accounts(work, ctx, task, &merge).await?;
        self.reseal_rows(work, task, absorbed.id, &absorbed, &survivor).await?;
        merge_rows::go(work.tx(), task, merge.id, absorbed.id, survivor.id).await?;
        self.move_profile(work, task, &merge, &absorbed, &survivor).await?;
        for twice in merge_rows::subjects_go(work.tx(), task, merge.id, absorbed.id, survivor.id).await? {
            // Who knows both by name of a sector hears which of the two stays (R13).
            let told = json!({ "sector": twice.sector, "old": twice.old, "new": twice.new });
            work.event_of("person", survivor.id, "subject.merged", told);
        }
        self.unite_persons(work, ctx, task, &merge, &survivor, &absorbed).await?;
        self.close_cases(work, ctx, task, &merge).await?;
        work.target("person", survivor.id).target("absorbed", absorbed.id).target("merge", merge.id);
        work.event("person", survivor.id, "person.changed", &["merge"]);
        work.event("person", absorbed.id, "person.merged", &["merged_into"]);
        Ok(Merged { person_id: survivor.id, absorbed: absorbed.id, undo_until: merge.undo_until })
    }

    /// Both, kept from everybody else until the end.
    async fn hold_both(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        one: PersonId,
        other: PersonId,
    ) -> Result<(Person, Person), Error> {
        if one == other {
            return Err(Error::new(Kind::Conflict, merge::MergeError::Same.to_string()));
        }
        let mut held = merges::hold(work.tx(), task, one, other).await?;
        held.sort_by_key(|person| person.id != one);
        match <[Person; 2]>::try_from(held) {
            Ok([one, other]) => Ok((one, other)),
            Err(_) => Err(Error::not_found("the person")),
        }
    }

    /// What both were, as digests under their own salts (R7): enough to tell later whether a record is the one of then.
    async fn note_digests(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        survivor: &Person,
        absorbed: &Person,
    ) -> Result<(), Error> {
        for (name, person) in [("survivor_before", survivor), ("absorbed_before", absorbed)] {
            let Some(salt) = &person.salt else { continue };
            let mut parts = vec![
                person.name_key().unwrap_or_default(),
                person.sex.to_string(),
                person.birth_date.map(|day| day.to_string()).unwrap_or_default(),
                person.version.to_string(),
            ];
            for document in documents::of_person(work.tx(), &task.on(person.id)).await? {
                parts.push(format!("{} {}", crate::keys::hex(&document.key.index), document.status));
            }
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            work.detail(name, crate::keys::hex(&blind_index::salted(salt.expose(), &parts)));
        }
        Ok(())
    }

    async fn unite_persons(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        merge: &Merge,
        survivor: &Person,
        absorbed: &Person,
    ) -> Result<(), Error> {
        let united = settle::fill_gaps(survivor, absorbed);
        let changes: Vec<Change> = settle::gaps_filled(survivor, &united);
        merge_rows::note(work.tx(), task, merge.id, &changes).await?;
        let united = Person { updated_at: ctx.now, version: survivor.version + 1, ..united };
        let gone = Person {
            status: Status::Merged,
            merged_into: Some(survivor.id),
            updated_at: ctx.now,
            version: absorbed.version + 1,
            ..absorbed.clone()
        };
        for person in [&united, &gone] {
            if !persons::update(work.tx(), &task.on(person.id), person).await? {
                return Err(Error::busy("somebody changed the person at the same moment"));
            }
        }
        if let Some(name) = absorbed.name.as_ref().filter(|name| survivor.name.as_ref() != Some(name)) {
            let row = merge.id.0;
            crate::store::person_names::keep(work.tx(), &task.on(survivor.id), row, name, ctx.now).await?;
        }
        merge_rows::close_space(work.tx(), task, absorbed.id, survivor.id).await?;
        for person in [survivor.id, absorbed.id] {
            persons::refresh_presence(work.tx(), &task.on(person)).await?;
        }
        Ok(())
    }

    /// One account stays, one password, one user name that is shown; the other user name and all aliases lead to it. The
    /// survivor's stays, with the other's password where only that one was ever activated. The stricter lock stays.
    async fn unite_accounts(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, merge: &Merge) -> Result<(), Error> {
        let stays = accounts::find(work.tx(), &task.on(merge.survivor)).await?;
        let goes = accounts::find(work.tx(), &task.on(merge.absorbed)).await?;
        // A code was printed by whoever held one of the two records, and would open both.
        for account in [&stays, &goes].into_iter().flatten() {
            accounts::hold(work.tx(), &task.on(account.person)).await?;
            activations::end_open(work.tx(), account.id, ctx.now).await?;
        }
        let (Some(stays), Some(goes)) = (stays, goes) else { return Ok(()) };
        let state = match (stays.state, goes.state) {
            (Status::AdminLocked, _) | (_, Status::AdminLocked) => Status::AdminLocked,
            (Status::Locked, _) | (_, Status::Locked) => Status::Locked,
            (Status::Inactive, other) => other,
            (own, _) => own,
        };
        if stays.state == Status::Inactive
            && merge_rows::move_password(work.tx(), task, goes.id, stays.id, ctx.now).await?
        {
            let moved =
                Change::new("password_credential.account_id", goes.id, goes.id.to_string(), stays.id.to_string());
            merge_rows::note(work.tx(), task, merge.id, &[moved]).await?;
        }
        let mut changes = vec![Change::new("account.state", goes.id, goes.state.as_str(), Status::Merged.as_str())];
        if state != stays.state {
            changes.push(Change::new("account.state", stays.id, stays.state.as_str(), state.as_str()));
        }
        for session in merge_rows::sessions_of(work.tx(), task, merge.absorbed, goes.id).await? {
            changes.push(Change::new("session.account_id", session, goes.id.to_string(), stays.id.to_string()));
        }
        self.settled(work, task, merge, &changes).await?;
        merge_rows::aliases_go(work.tx(), task, merge.id, goes.id, stays.id).await?;
        work.event("account", goes.id, "account.merged", &[]);
        Ok(())
    }

    async fn settled(&self, work: &mut Work<'_>, task: &Task, merge: &Merge, changes: &[Change]) -> Result<(), Error> {
        if merge_rows::settle(work.tx(), task, merge.id, changes).await? {
            Ok(())
        } else {
            Err(Error::busy("somebody changed what the merge settles at the same moment"))
        }
    }

    /// Seals what somebody has with another salt than before.
    async fn reseal_rows(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        of: PersonId,
        from: &Person,
        to: &Person,
    ) -> Result<(), Error> {
        for column in SEALED {
            for sealed in merge_rows::sealed(work.tx(), task, column, of).await? {
                let bytes = self.resealed(from, to, column.table, column.column, sealed.row, sealed.row, &sealed)?;
                merge_rows::reseal(work.tx(), task, column, Sealed { row: sealed.row, bytes }).await?;
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "a sealed value has as many coordinates, before and after")]
    fn resealed(
        &self,
        from: &Person,
        to: &Person,
        table: &str,
        column: &str,
        row: uuid::Uuid,
        new_row: uuid::Uuid,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, Error> {
        let (Some(old), Some(new)) = (&from.salt, &to.salt) else {
            return Err(Error::new(Kind::Conflict, merge::MergeError::Gone.to_string()));
        };
        let plain = self.sealer.open_column(old.expose(), table, column, row, &sealed.bytes)?;
        Ok(self.sealer.seal_column(new.expose(), table, column, new_row, &plain, &*self.random)?)
    }

    /// The profile that she gave herself; the survivor's own goes before.
    async fn move_profile(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        merge: &Merge,
        from: &Person,
        to: &Person,
    ) -> Result<(), Error> {
        if merge_rows::profile(work.tx(), task, to.id).await?.is_some() {
            return Ok(());
        }
        let Some(sealed) = merge_rows::profile(work.tx(), task, from.id).await? else { return Ok(()) };
        let bytes = self.resealed(from, to, "profile", "claims_sealed", from.id.0, to.id.0, &sealed)?;
        merge_rows::move_profile(work.tx(), task, from.id, to.id, bytes).await?;
        let moved = Change::new("profile.person_id", from.id, from.id.to_string(), to.id.to_string());
        Ok(merge_rows::note(work.tx(), task, merge.id, &[moved]).await?)
    }

    /// Whoever asked whether the two are one has her answer.
    async fn close_cases(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, merge: &Merge) -> Result<(), Error> {
        for case in cases::open_about(work.tx(), task, merge.absorbed).await? {
            let mut sides = Vec::new();
            for side in [Some(case.person), case.other].into_iter().flatten() {
                sides.extend(persons::survivor(work.tx(), side).await?);
            }
            let answered = sides.len() == 2 && sides.iter().all(|side| *side == merge.survivor);
            if !answered || case.state == CaseState::Decided {
                continue;
            }
            let decided = case.decide(Decision::SamePerson, merge.reason.clone(), merge.merged_by, ctx.now);
            let decided = decided.map_err(|error| Error::new(Kind::Conflict, error.to_string()))?;
            cases::update(work.tx(), task, &decided).await?;
            work.event("case", decided.id, "case.decided", &[]);
        }
        Ok(())
    }
}
