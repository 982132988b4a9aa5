//! Merging 合并: two records that are one person become one, and every old id leads to her for ever. What she cannot have
//! twice is settled by the rules of `domain::registry::merge`; what went over is written down and can go back.

mod accounts;
mod reseal;
mod settle;
mod undo;
mod verified;

use serde::Serialize;
use serde_json::json;

use super::admin::roles_of;
use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::hex::hex;
use crate::domain::id::{CaseId, MergeId, PersonId};
use crate::domain::oidc::client::SYSTEM_SECTOR;
use crate::domain::registry::admin_rule;
use crate::domain::registry::case::{CaseState, Decision};
use crate::domain::registry::codes::admin_role::AdminRole;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::merge::{self, Merge, MergeState};
use crate::domain::registry::person::Person;
use crate::domain::registry::reason::read_reason;
use crate::domain::registry::verification::level_after;
use crate::domain::time::{Timestamp, rfc3339};
use crate::keys::blind_index;
use crate::store::merge_changes::{self, Change};
use crate::store::{admin_grants, cases, documents, erasure_requests, merge_rows, merges, persons, verifications};

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
        let reason = read_reason(reason).map_err(|why| Error::invalid(why.to_string()))?;
        let ctx = by.acting(ctx);
        let merged = self.patiently(|| self.merge_once(&ctx, by, survivor, absorbed, &reason)).await?;
        self.wake.deliveries.notify_one();
        Ok(merged)
    }

    async fn merge_once(
        &self,
        ctx: &Ctx,
        by: Decider,
        survivor: PersonId,
        absorbed: PersonId,
        reason: &str,
    ) -> Result<Merged, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::PersonsMerged).await?;
        let missing = || Error::not_found("the person");
        let survivor = persons::survivor(work.tx(), survivor).await?.ok_or_else(missing)?;
        let absorbed = persons::survivor(work.tx(), absorbed).await?.ok_or_else(missing)?;
        if survivor != absorbed {
            // Both are held before anybody's right is looked at, in one order whoever is named first.
            self.hold_both(&mut work, &task, survivor, absorbed).await?;
        }
        for person in [survivor, absorbed] {
            self.may_change(&mut work, ctx, by, person).await?;
        }
        let merged = self.merge_in(&mut work, ctx, &task, by, None, survivor, absorbed, reason).await?;
        work.commit(Outcome::Done).await?;
        Ok(merged)
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
        self.neither_administers(work, task, by, [survivor.id, absorbed.id]).await?;
        self.keep_duties_apart(work, ctx, task, survivor.id, absorbed.id).await?;
        merge::check(&survivor, &absorbed).map_err(|why| Error::new(Kind::Conflict, why.to_string()))?;
        for person in [survivor.id, absorbed.id] {
            // Whoever asked and died since: what one record asked for would be lost, or reach the other.
            if erasure_requests::open_of(work.tx(), &task.on(person)).await?.is_some() {
                return Err(Error::new(
                    Kind::Conflict,
                    "one of the two asked to be erased: that comes to its end first",
                ));
            }
        }
        work.because(reason);
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
        self.tell_subjects(work, task, absorbed.id, survivor.id, "subject.merged").await?;
        merge_rows::subjects_go(work.tx(), task, merge.id, absorbed.id, survivor.id).await?;
        self.unite_persons(work, ctx, task, &merge, &survivor, &absorbed).await?;
        self.recorded_in(work, ctx, &task.on(survivor.id)).await?;
        self.close_cases(work, ctx, task, &merge).await?;
        work.target("person", survivor.id).target("absorbed", absorbed.id).target("merge", merge.id);
        work.event("person", survivor.id, "person.changed", &["merge"]);
        work.event("person", absorbed.id, "person.merged", &["merged_into"]);
        Ok(Merged { person_id: survivor.id, absorbed: absorbed.id, undo_until: merge.undo_until })
    }

    /// For an administrator the two have no rights: the sessions of one record would reach those of the other, or end (R1).
    async fn neither_administers(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        by: Decider,
        people: [PersonId; 2],
    ) -> Result<(), Error> {
        if by.admin().is_none() {
            return Ok(());
        }
        for person in people {
            if !admin_grants::standing(work.tx(), task, person).await?.is_empty() {
                return Err(Error::new(Kind::Conflict, "whoever administers is merged, and parted, by the operator"));
            }
        }
        Ok(())
    }

    /// Who knows both by name of a sector hears which of the two stays, and nobody else (R13). Platforms of the system call
    /// people by their ids whether they signed in or not, so they hear of the ids: each whose people one of the two is.
    async fn tell_subjects(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        absorbed: PersonId,
        survivor: PersonId,
        kind: &'static str,
    ) -> Result<(), Error> {
        let ids = json!({ "old": absorbed, "new": survivor });
        for twice in merge_rows::subjects_of_both(work.tx(), task, absorbed, survivor).await? {
            let told = json!({ "old": twice.old, "new": twice.new });
            if told != ids {
                work.event_for_sector(&twice.sector, survivor, kind, told);
            }
        }
        work.event_for_sector(SYSTEM_SECTOR, survivor, kind, ids);
        Ok(())
    }

    /// One person would hold what two had to (三员分离): which of the roles ends is decided before.
    async fn keep_duties_apart(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        survivor: PersonId,
        absorbed: PersonId,
    ) -> Result<(), Error> {
        let mut held = roles_of(&admin_grants::held(work.tx(), task, absorbed, ctx.now).await?);
        if held.is_empty() {
            return Ok(());
        }
        held.extend(roles_of(&admin_grants::held(work.tx(), task, survivor, ctx.now).await?));
        self.all_apart(&held)
    }

    /// The same of somebody whose rights came back.
    async fn keeps_duties_apart(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: PersonId,
    ) -> Result<(), Error> {
        self.all_apart(&roles_of(&admin_grants::held(work.tx(), task, person, ctx.now).await?))
    }

    fn all_apart(&self, held: &[AdminRole]) -> Result<(), Error> {
        let joined = held.iter().any(|role| admin_rule::separate(self.protection, held, *role).is_err());
        if joined {
            return Err(Error::new(
                Kind::Conflict,
                "one person would hold duties that are different people's, system, security and audit (三员分离): take one of \
                 the roles back first (`mingji admin revoke`)",
            ));
        }
        Ok(())
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
                parts.push(format!("{} {}", hex(&document.key.index), document.status));
            }
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            work.detail(name, hex(&blind_index::salted(salt.expose(), &parts)));
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
        // What was verified of both is hers by now, but for what says nothing of her any more.
        let all = verifications::of_person(work.tx(), &task.on(survivor.id)).await?;
        let (realname_level, realname_at) = level_after(&united, &all, ctx.now);
        let united = Person { realname_level, realname_at, ..united };
        let changes: Vec<Change> = settle::gaps_filled(survivor, &united);
        merge_changes::note(work.tx(), task, merge.id, &changes).await?;
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

    async fn settled(&self, work: &mut Work<'_>, task: &Task, merge: &Merge, changes: &[Change]) -> Result<(), Error> {
        if merge_changes::settle(work.tx(), task, merge.id, merge.merged_at, changes).await? {
            Ok(())
        } else {
            Err(Error::busy("somebody changed what the merge settles at the same moment"))
        }
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
            if !cases::update(work.tx(), task, &decided).await? {
                return Err(Error::busy("somebody decided a case about the two at the same moment"));
            }
            merge_rows::note_case(work.tx(), task, merge.id, decided.id).await?;
            work.event("case", decided.id, "case.decided", &[]);
        }
        Ok(())
    }
}
