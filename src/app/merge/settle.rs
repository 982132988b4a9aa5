//! What one person cannot have twice, found out in the transaction that merges.

use std::collections::{HashMap, HashSet};

use super::{App, Ctx, Error, Merge, Work, merge};
use crate::domain::access::Task;
use crate::domain::id::{EnrolmentId, IdentityId, StaffingId};
use crate::domain::registry::codes::realname::Level;
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::guardianship::{Guardianship, GuardianshipStatus};
use crate::domain::registry::merge::Stay;
use crate::domain::registry::person::Person;
use crate::domain::registry::relation_claim::ClaimState;
use crate::domain::registry::verification::Verification;
use crate::domain::time::Timestamp;
use crate::store::merge_changes::Change;
use crate::store::{
    admin_grants, contacts, documents, enrolments, guardianships, merge_rows, persons, relation_claims, staffings,
    verifications,
};

impl App {
    /// Settles all of it, so that what goes over meets nothing.
    pub(super) async fn settle(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, merge: &Merge) -> Result<(), Error> {
        let mut changes = self.papers(work, ctx, task, merge).await?;
        changes.extend(self.verifications(work, ctx, task, merge, &changes).await?);
        changes.extend(self.stays(work, ctx, task, merge).await?);
        changes.extend(self.posts(work, ctx, task, merge).await?);
        changes.extend(self.roles(work, ctx, task, merge).await?);
        let ending = self.ending_guardianships(work, task, merge).await?;
        for one in &ending {
            let (was, ended) = (one.guardianship.status.as_str(), GuardianshipStatus::Ended.as_str());
            changes.push(Change::new("guardianship.status", one.guardianship.id, was, ended));
            let end = ctx.now.shanghai_date().max(one.guardianship.valid_from).to_string();
            let until = one.guardianship.valid_to.map(|day| day.to_string());
            changes.push(Change::new("guardianship.valid_to", one.guardianship.id, until, end));
            if let Some(stands) = one.heir(ctx.now) {
                changes.extend(self.used_as(work, task, merge, one.guardianship.id.0, stands.id.0).await?);
            }
        }
        // While the posts stand on which some of them rest.
        let mut wards = Vec::new();
        for one in &ending {
            wards.push(self.ward_in(work, task, &one.guardianship, ctx.now).await?);
        }
        self.settled(work, task, merge, &changes).await?;
        // What rested on one that ends goes on in the one that stands for it, or ends too: a court's order reaches it.
        for (one, ward) in ending.iter().zip(wards).filter(|(one, _)| one.heir(ctx.now).is_none()) {
            let identity = IdentityId(one.guardianship.id.0);
            let guardian = task.on(one.guardianship.guardian);
            self.shut_out(work, &guardian, identity, ward, ctx.now).await?;
        }
        Ok(())
    }

    /// One active document of a class and country, one active 学籍号, one contact of a value: the survivor's, but what was
    /// confirmed goes before what was not, and a later kind of 学籍号 (L → J → G) before an earlier one.
    async fn papers(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, merge: &Merge) -> Result<Vec<Change>, Error> {
        let (mine, hers) = (task.on(merge.survivor), task.on(merge.absorbed));
        let mut changes = Vec::new();
        let (active, superseded) = (DocumentStatus::Active, DocumentStatus::Superseded.as_str());
        let today = ctx.now.shanghai_date().to_string();
        let end = |place, row: uuid::Uuid, until: Option<chrono::NaiveDate>| {
            Change::new(place, row, until.map(|day| day.to_string()), today.clone())
        };
        let kept = documents::of_person(work.tx(), &mine).await?;
        for paper in documents::of_person(work.tx(), &hers).await?.into_iter().filter(|one| one.status == active) {
            let same = |other: &&documents::StoredDocument| {
                other.status == active && other.key.class == paper.key.class && other.key.country == paper.key.country
            };
            if kept.iter().any(|other| same(&other)) {
                changes.push(Change::new("identity_document.status", paper.id, active.as_str(), superseded));
                changes.push(end("identity_document.valid_to", paper.id.0, paper.valid_to));
            }
        }
        let mut codes = documents::codes_of(work.tx(), &mine).await?;
        codes.extend(documents::codes_of(work.tx(), &hers).await?);
        codes.retain(|code| code.status == active);
        codes.sort_by_key(|code| (code.kind, code.person != merge.survivor));
        for code in codes.iter().skip(1) {
            changes.push(Change::new("personal_code.status", code.id, active.as_str(), superseded));
            changes.push(end("personal_code.valid_to", code.id, code.valid_to));
        }
        let kept = contacts::of_person(work.tx(), &mine).await?;
        for contact in contacts::of_person(work.tx(), &hers).await? {
            let twin = kept.iter().find(|one| (one.kind, one.value_index) == (contact.kind, contact.value_index));
            let Some(twin) = twin else { continue };
            let goes = if contact.confirmed_at.is_some() && twin.confirmed_at.is_none() { twin.id } else { contact.id };
            changes.push(Change::new("contact.ended_at", goes, serde_json::Value::Null, ctx.now.micros()));
        }
        Ok(changes)
    }

    /// What was compared was the absorbed record's name: under another one it says nothing of the survivor. Nor does what was compared
    /// with a number or 学籍号 that gave way say anything of the one that she shows from now on.
    async fn verifications(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        merge: &Merge,
        papers: &[Change],
    ) -> Result<Vec<Change>, Error> {
        let mut names = Vec::new();
        for person in [merge.survivor, merge.absorbed] {
            names.push(persons::find(work.tx(), &task.on(person)).await?.and_then(|person| person.name_key()));
        }
        let gave_way = |place: &str, row: uuid::Uuid| papers.iter().any(|one| one.place == place && one.row == row);
        let mut changes = Vec::new();
        for person in [merge.survivor, merge.absorbed] {
            let on = task.on(person);
            let papers = documents::of_person(work.tx(), &on).await?;
            let codes = documents::codes_of(work.tx(), &on).await?;
            let mut gone = Vec::new();
            gone.extend(papers.iter().any(|one| gave_way("identity_document.status", one.id.0)).then_some("document"));
            gone.extend(codes.iter().any(|one| gave_way("personal_code.status", one.id)).then_some("personal_code"));
            let renamed = person == merge.absorbed && names[0] != names[1];
            let over = |one: &Verification| renamed || one.claims.iter().any(|claim| gone.contains(&claim.as_str()));
            let all = verifications::of_person(work.tx(), &on).await?;
            changes.extend(all.iter().filter(|one| one.superseded_at.is_none() && over(one)).map(|one| {
                Change::new("verification.superseded_at", one.id, serde_json::Value::Null, ctx.now.micros())
            }));
        }
        Ok(changes)
    }

    async fn stays(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, merge: &Merge) -> Result<Vec<Change>, Error> {
        let mut all = enrolments::of_person(work.tx(), &task.on(merge.survivor)).await?;
        all.extend(enrolments::of_person(work.tx(), &task.on(merge.absorbed)).await?);
        let first: HashMap<EnrolmentId, chrono::NaiveDate> = all.iter().map(|one| (one.id, one.valid_from)).collect();
        let today = ctx.now.shanghai_date();
        let mut changes = Vec::new();
        for (id, what) in merge::stays(&all, merge.survivor) {
            match what {
                Stay::Ends(stands) => {
                    let end = first.get(&id).map_or(today, |first| today.max(*first)).to_string();
                    changes.push(Change::new("enrolment.valid_to", id, serde_json::Value::Null, end));
                    changes.extend(self.used_as(work, task, merge, id.0, stands.0).await?);
                }
                Stay::Borrowed => {
                    let (from, to) = (StudentSource::Normal.as_str(), StudentSource::Borrowed.as_str());
                    changes.push(Change::new("enrolment.source", id, from, to));
                    // What it began by is its past's; a seat began by nothing of its own.
                    if let Some(began_by) = all.iter().find(|one| one.id == id).and_then(|one| one.began_by) {
                        let none = serde_json::Value::Null;
                        changes.push(Change::new("enrolment.began_by", id, began_by.as_str(), none));
                    }
                }
            }
        }
        Ok(changes)
    }

    async fn posts(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, merge: &Merge) -> Result<Vec<Change>, Error> {
        let mut all = staffings::of_person(work.tx(), &task.on(merge.survivor)).await?;
        all.extend(staffings::of_person(work.tx(), &task.on(merge.absorbed)).await?);
        let today = ctx.now.shanghai_date();
        let mut changes = Vec::new();
        for (id, stands) in merge::posts(&all, merge.survivor) {
            let first = all.iter().find(|one| one.id == id).map_or(today, |post| post.valid_from);
            let end = today.max(first).to_string();
            changes.push(Change::new("staffing.valid_to", id, serde_json::Value::Null, end.clone()));
            changes.extend(self.lessons(work, task, id, stands, &end).await?);
            // Rights that rest on it go on resting on the one that stands for it.
            for grant in admin_grants::resting_on(work.tx(), task, id).await? {
                let (from, to) = (id.to_string(), stands.to_string());
                changes.push(Change::new("admin_grant.staffing_id", grant.id, from, to));
            }
            changes.extend(self.used_as(work, task, merge, id.0, stands.0).await?);
        }
        Ok(changes)
    }

    /// What was taught under a post that ends is taught under the one that stands for it.
    async fn lessons(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        ends: StaffingId,
        stands: StaffingId,
        end: &str,
    ) -> Result<Vec<Change>, Error> {
        let taught = staffings::taught_in_many(work.tx(), task, &[ends, stands]).await?;
        let (moving, kept): (Vec<_>, Vec<_>) = taught.into_iter().partition(|one| one.staffing == ends);
        let change = |lesson: &crate::domain::registry::staffing::Teaching| {
            let twice = kept.iter().any(|one| (one.class, one.subject) == (lesson.class, lesson.subject));
            if twice {
                Change::new("teaching.valid_to", lesson.id, serde_json::Value::Null, end)
            } else {
                Change::new("teaching.staffing_id", lesson.id, ends.to_string(), stands.to_string())
            }
        };
        Ok(moving.iter().map(change).collect())
    }

    /// Sessions and grants in an identity that ends go on in the one that stands for it.
    async fn used_as(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        merge: &Merge,
        ends: uuid::Uuid,
        stands: uuid::Uuid,
    ) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        for person in [merge.survivor, merge.absorbed] {
            let (sessions, grants) = merge_rows::used_as(work.tx(), task, person, ends).await?;
            let change = |place| move |row| Change::new(place, row, ends.to_string(), stands.to_string());
            changes.extend(sessions.into_iter().map(change("session.identity_id")));
            changes.extend(grants.into_iter().map(change("oidc_grant.identity_id")));
        }
        Ok(changes)
    }

    /// Guardianships that end because the two are one, each with the one that stands for it.
    async fn ending_guardianships(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        merge: &Merge,
    ) -> Result<Vec<Ending>, Error> {
        let both = [merge.survivor, merge.absorbed];
        let mut all = guardianships::of_children(work.tx(), task, &both).await?;
        all.extend(guardianships::standing_of_guardians(work.tx(), task, &both).await?);
        all.sort_by_key(|one| one.id);
        all.dedup_by_key(|one| one.id);
        let pair = |one: &Guardianship| {
            [one.child, one.guardian].map(|who| if who == merge.absorbed { merge.survivor } else { who })
        };
        let ends: HashSet<_> = merge::guardianships(&all, merge.survivor, merge.absorbed).into_iter().collect();
        let (ending, stay): (Vec<_>, Vec<_>) =
            all.into_iter().filter(Guardianship::is_standing).partition(|one| ends.contains(&one.id));
        let stands = |gone: &Guardianship| stay.iter().find(|one| pair(one) == pair(gone)).cloned();
        Ok(ending.into_iter().map(|gone| Ending { stands: stands(&gone), guardianship: gone }).collect())
    }

    /// Administrators' roles, and what institutions only claimed.
    async fn roles(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, merge: &Merge) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        let mine = admin_grants::standing(work.tx(), task, merge.survivor).await?;
        for grant in admin_grants::standing(work.tx(), task, merge.absorbed).await? {
            if let Some(twin) = mine.iter().find(|one| (&one.role, one.org) == (&grant.role, grant.org)) {
                // Of two, the one who runs the institution.
                let goes = if twin.deputy && !grant.deputy { twin.id } else { grant.id };
                let now = ctx.now.micros();
                changes.push(Change::new("admin_grant.revoked_at", goes, serde_json::Value::Null, now));
            }
        }
        changes.extend(self.claims(work, task, merge).await?);
        Ok(changes)
    }

    /// Of two claims that say the same the survivor's stays, and nobody is claimed as her own guardian.
    async fn claims(&self, work: &mut Work<'_>, task: &Task, merge: &Merge) -> Result<Vec<Change>, Error> {
        let mut all = relation_claims::about_many(work.tx(), task, &[merge.survivor, merge.absorbed], &[], &[]).await?;
        all.retain(|claim| matches!(claim.state, ClaimState::Pending | ClaimState::Rejected));
        all.sort_by_key(|claim| (claim.person == merge.absorbed || claim.child == merge.absorbed, claim.id));
        all.dedup_by_key(|claim| claim.id);
        let who = |id| if id == merge.absorbed { merge.survivor } else { id };
        let mut kept = HashSet::new();
        let mut changes = Vec::new();
        for claim in all {
            let (person, child) = (who(claim.person), who(claim.child));
            let herself = claim.person != claim.child && person == child;
            if herself || !kept.insert((claim.org, claim.kind, person, child, claim.subject_key)) {
                let (from, to) = (claim.state.as_str(), ClaimState::Withdrawn.as_str());
                changes.push(Change::new("relation_claim.state", claim.id, from, to));
            }
        }
        Ok(changes)
    }
}

/// A guardianship that a merge ends.
struct Ending {
    guardianship: Guardianship,
    /// The one of the same two people that stays.
    stands: Option<Guardianship>,
}

impl Ending {
    /// Who goes on where it ends: one that lets as much be said in the child's name as this one did.
    fn heir(&self, now: Timestamp) -> Option<&Guardianship> {
        self.stands.as_ref().filter(|stands| stands.is_live(now) || !self.guardianship.is_live(now))
    }
}

/// What the survivor's record does not know and the other's does; her real-name level is set by what stands of both.
pub(super) fn fill_gaps(survivor: &Person, absorbed: &Person) -> Person {
    let on_record = survivor.realname_level.max(absorbed.realname_level.min(Level::RECORDED));
    let since = if on_record > survivor.realname_level { absorbed.realname_at } else { survivor.realname_at };
    Person {
        realname_level: on_record,
        realname_at: since,
        sex: if survivor.sex.is_known() { survivor.sex } else { absorbed.sex },
        birth_date: survivor.birth_date.or(absorbed.birth_date),
        nationality: survivor.nationality.clone().or_else(|| absorbed.nationality.clone()),
        home_platform: survivor.home_platform.or(absorbed.home_platform),
        ..survivor.clone()
    }
}

/// The same, to be written down.
pub(super) fn gaps_filled(before: &Person, after: &Person) -> Vec<Change> {
    let fields = [
        ("person.sex", before.sex.as_str().into(), after.sex.as_str().into()),
        (
            "person.birth_date",
            before.birth_date.map(|day| day.to_string()).into(),
            after.birth_date.map(|day| day.to_string()).into(),
        ),
        ("person.nationality", before.nationality.clone().into(), after.nationality.clone().into()),
        ("person.realname_level", before.realname_level.get().into(), after.realname_level.get().into()),
        (
            "person.realname_at",
            before.realname_at.map(|at| at.micros()).into(),
            after.realname_at.map(|at| at.micros()).into(),
        ),
        (
            "person.home_platform_id",
            before.home_platform.map(|id| id.to_string()).into(),
            after.home_platform.map(|id| id.to_string()).into(),
        ),
    ];
    let changed = fields.into_iter().filter(|(_, from, to): &(_, serde_json::Value, serde_json::Value)| from != to);
    changed.map(|(place, from, to)| Change::new(place, before.id, from, to)).collect()
}

/// What was filled is empty again, where it is still what the merge put there.
pub(super) fn empty_gaps(survivor: Person, absorbed: &Person, changes: &[Change]) -> Person {
    let was = |place: &str| changes.iter().find(|change| change.place == place);
    let mut back = survivor;
    if was("person.sex").is_some() && back.sex == absorbed.sex {
        back.sex = was("person.sex").and_then(|one| one.before.as_str()?.parse().ok()).unwrap_or(back.sex);
    }
    if was("person.birth_date").is_some() && back.birth_date == absorbed.birth_date {
        back.birth_date = None;
    }
    if was("person.nationality").is_some() && back.nationality == absorbed.nationality {
        back.nationality = None;
    }
    if was("person.home_platform_id").is_some() && back.home_platform == absorbed.home_platform {
        back.home_platform = None;
    }
    if let Some(level) = was("person.realname_level")
        && back.realname_level == absorbed.realname_level
    {
        let before = level.before.as_i64().and_then(|level| Level::new(level).ok());
        back.realname_level = before.unwrap_or_default();
        if let Some(at) = was("person.realname_at") {
            back.realname_at = at.before.as_i64().map(Timestamp::from_micros);
        }
    }
    back
}
