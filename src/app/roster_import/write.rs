//! Writes the plan of a batch. Where two imports can meet, rows go in sorted, so that neither waits for the other in a
//! circle (R10); a number that somebody took meanwhile ends the batch, which is then decided anew.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::plan::{Filled, Plan};
use crate::app::activation::end_outgrown_codes;
use crate::app::{Ctx, Error};
use crate::domain::access::Task;
use crate::domain::audit::Actor;
use crate::domain::id::{ClassId, OrgId, PersonId, StaffingId};
use crate::domain::registry::account::AliasKind;
use crate::domain::registry::guardianship::{Guardianship, GuardianshipStatus};
use crate::store::db::Tx;
use crate::store::{
    accounts, books, classes, contacts, documents, enrolments, fact_authors, guardianships, institutions, persons,
    relation_claims, spaces, staffings,
};

impl Plan {
    /// Whether the batch changes nothing, and so leaves no entry and no event.
    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
            && self.filled.is_empty()
            && self.contacts.is_empty()
            && self.enrolments.is_empty()
            && self.moved.is_empty()
            && self.staffings.is_empty()
            && self.renumbered.is_empty()
            && self.teachings.is_empty()
            && self.guardianships.is_empty()
            && self.related.is_empty()
            && self.claims.is_empty()
            && self.restated.is_empty()
            && self.accounts.is_empty()
    }

    /// Sorts what others may insert at the same moment; and what nobody else can, by its id: in that order the pages of an index
    /// are left full.
    pub(super) fn sort(&mut self) {
        self.spaces.sort_by_key(|space| space.id);
        self.people.sort_by_key(|person| person.id);
        self.documents.sort_by(|a, b| a.key.cmp(&b.key));
        self.codes.sort_by_key(|code| code.index);
        self.filled.sort_by_key(|filled| filled.person);
        self.contacts.sort_by_key(|new| (new.person, new.contact.value_index));
        self.enrolments.sort_by_key(|enrolment| enrolment.person);
        self.staffings.sort_by_key(|staffing| (staffing.person, staffing.org));
        self.guardianships.sort_by_key(|guardianship| (guardianship.child, guardianship.guardian));
        self.claims.sort_by_key(|claim| (claim.org, claim.person, claim.child));
        self.accounts.sort_by_key(|account| account.person);
        self.aliases.sort_by_key(|(_, _, index)| *index);
        self.presence.sort();
        self.presence.dedup();
    }

    /// Writes everything but the audit entry.
    ///
    /// # Errors
    /// `Busy` when somebody was quicker; the transaction is then of no use.
    pub(super) async fn write(&self, tx: &mut Tx, task: &Task, ctx: &Ctx) -> Result<(), Error> {
        self.hold_people(tx, task).await?;
        self.end_outgrown(tx, task, ctx).await?;
        spaces::insert_all(tx, task, &self.spaces).await?;
        persons::insert_all(tx, task, &self.people).await?;
        for Filled { person, sex, birth_date } in &self.filled {
            all(u64::from(persons::fill(tx, &task.on(*person), *sex, *birth_date, ctx.now).await?), 1)?;
        }
        self.note_author(tx, task, ctx).await?;
        all(documents::insert_all(tx, task, &self.documents).await?, self.documents.len())?;
        all(documents::insert_codes(tx, task, &self.codes, ctx.now).await?, self.codes.len())?;
        all(enrolments::insert_all(tx, task, &self.enrolments).await?, self.enrolments.len())?;
        for moved in &self.moved {
            all(u64::from(enrolments::update(tx, &task.on(moved.person), moved).await?), 1)?;
        }
        self.hold_schools(tx, task).await?;
        all(staffings::insert_all(tx, task, &self.staffings).await?, self.staffings.len())?;
        for post in &self.renumbered {
            all(u64::from(staffings::update(tx, &task.on(post.person), post).await?), 1)?;
        }
        for lesson in &self.ended {
            all(u64::from(staffings::end_lesson(tx, task, *lesson, ctx.now.shanghai_date()).await?), 1)?;
        }
        self.hold_heads(tx, task).await?;
        self.hold_posts(tx, task).await?;
        for (person, teaching) in &self.teachings {
            all(u64::from(staffings::teach(tx, &task.on(*person), teaching).await?), 1)?;
        }
        all(guardianships::insert_all(tx, task, &self.guardianships).await?, self.guardianships.len())?;
        for related in &self.related {
            all(u64::from(guardianships::update(tx, &task.on(related.child), related).await?), 1)?;
        }
        // One that was withdrawn makes room for one that says the same.
        for restated in self.restated.values() {
            all(u64::from(relation_claims::update(tx, task, restated).await?), 1)?;
        }
        all(relation_claims::insert_all(tx, task, &self.claims).await?, self.claims.len())?;
        contacts::insert_all(tx, task, &self.contacts).await?;
        let opened = accounts::insert_all(tx, task, &self.accounts).await;
        if opened.as_ref().is_err_and(|error| error.is_unique("account_person_id_key")) {
            return Err(Error::busy("somebody opened the account of one of these people at the same moment"));
        }
        all(opened?, self.accounts.len())?;
        accounts::insert_aliases(tx, task, AliasKind::PersonalCode, &self.aliases, ctx.now).await?;
        let born = self.born();
        let (new, known): (Vec<_>, Vec<_>) =
            self.presence.iter().cloned().partition(|(_, _, person)| born.contains(person));
        persons::arrive_all(tx, task, &new).await?;
        // Whoever was known is found by the names that she had, too, and by the one that she has by now (R6).
        let known: BTreeSet<PersonId> = known.into_iter().map(|(_, _, person)| person).collect();
        persons::refresh_presence_of_many(tx, task, &known.into_iter().collect::<Vec<_>>()).await?;
        books::publish_first(tx, &self.births).await?;
        books::publish_all(tx, &self.changes).await?;
        Ok(())
    }

    /// Who was known and has a phone now that she had not.
    pub(super) fn given_phones(&self) -> BTreeSet<PersonId> {
        let born = self.born();
        self.contacts.iter().map(|new| new.person).filter(|person| !born.contains(person)).collect()
    }

    /// Who was known and has a birth date now that she had not.
    pub(super) fn given_birth_dates(&self) -> BTreeSet<PersonId> {
        self.filled.iter().filter(|filled| filled.birth_date.is_some()).map(|filled| filled.person).collect()
    }

    /// Who was known and begins to study or work somewhere.
    pub(super) fn arrived(&self) -> BTreeSet<(PersonId, OrgId)> {
        let born = self.born();
        let places = self.enrolments.iter().map(|stay| (stay.person, stay.org));
        let places = places.chain(self.staffings.iter().map(|post| (post.person, post.org)));
        places.filter(|(person, _)| !born.contains(person)).collect()
    }

    /// Who begins with this batch, and so is nobody else's to change.
    fn born(&self) -> HashSet<PersonId> {
        self.people.iter().map(|person| person.id).collect()
    }

    /// An administrator who brings people in, or a number, is not the one to verify it later.
    async fn note_author(&self, tx: &mut Tx, task: &Task, ctx: &Ctx) -> Result<(), Error> {
        let Actor::Person { id: author } = ctx.actor else { return Ok(()) };
        let born = self.people.iter().map(|person| person.id);
        let filled = self.filled.iter().map(|filled| filled.person);
        let people = born.chain(self.documents.iter().map(|document| document.person)).chain(filled).collect();
        Ok(fact_authors::insert_all(tx, task, people, author, ctx.now).await?)
    }

    /// Whoever was known when the rows were decided is still herself, and neither merged nor erased until this is committed.
    async fn hold_people(&self, tx: &mut Tx, task: &Task) -> Result<(), Error> {
        let born = self.born();
        let children = self.guardianships.iter().flat_map(|new| [new.child, new.guardian]);
        let known: BTreeSet<PersonId> = children
            .chain(self.claims.iter().flat_map(|claim| [claim.person, claim.child]))
            .chain(self.documents.iter().map(|document| document.person))
            .chain(self.codes.iter().map(|code| code.person))
            .chain(self.contacts.iter().map(|new| new.person))
            .chain(self.enrolments.iter().map(|stay| stay.person))
            .chain(self.staffings.iter().chain(&self.renumbered).map(|post| post.person))
            .chain(self.teachings.iter().map(|(person, _)| *person))
            .chain(self.accounts.iter().map(|account| account.person))
            .chain(self.filled.iter().map(|filled| filled.person))
            .filter(|person| !born.contains(person))
            .collect();
        let held = persons::hold_standing(tx, task, known.iter().copied()).await?;
        if held != known.len() {
            return Err(Error::busy("one of these people was merged or erased at the same moment"));
        }
        let wards = self.guardianships.iter().flat_map(|new| [new.child, new.guardian]);
        let begins: BTreeSet<PersonId> = wards
            .chain(self.enrolments.iter().map(|stay| stay.person))
            .chain(self.staffings.iter().map(|post| post.person))
            .filter(|person| !born.contains(person))
            .collect();
        if persons::hold_living(tx, task, begins.iter().copied()).await? != begins.len() {
            return Err(Error::busy("one of these people died, or asked to be erased, at the same moment"));
        }
        let schools: BTreeSet<OrgId> =
            self.enrolments.iter().map(|stay| stay.org).chain(self.staffings.iter().map(|post| post.org)).collect();
        if institutions::hold_standing(tx, task, schools.iter().copied()).await? != schools.len() {
            return Err(Error::busy("one of these institutions was closed at the same moment"));
        }
        if classes::share_open(tx, task, self.seated.iter().copied()).await?.len() != self.seated.len() {
            return Err(Error::busy("one of these classes graduated or was closed at the same moment"));
        }
        Ok(tx.people_are_held().await?)
    }

    /// Whoever was known before and becomes more by this batch has outgrown the code that lies about.
    async fn end_outgrown(&self, tx: &mut Tx, task: &Task, ctx: &Ctx) -> Result<(), Error> {
        let born = self.born();
        // Whom an administrator only named keeps hers: somebody who holds her looks at that first.
        let named = |new: &Guardianship| self.claims.iter().any(|claim| claim.person == new.guardian);
        let confirmed =
            self.guardianships.iter().filter(|new| new.status == GuardianshipStatus::Confirmed && !named(new));
        let grown = confirmed.map(|new| new.guardian).chain(self.staffings.iter().map(|post| post.person));
        let grown = grown.filter(|person| !born.contains(person));
        let students = self.enrolments.iter().map(|stay| stay.person).filter(|person| !born.contains(person));
        end_outgrown_codes(tx, task, grown, students, ctx.now).await
    }

    /// A class has one head teacher, whoever else gives it one at the same moment.
    async fn hold_heads(&self, tx: &mut Tx, task: &Task) -> Result<(), Error> {
        let headed = self.teachings.iter().map(|(_, lesson)| lesson).filter(|lesson| lesson.head_teacher);
        let headed: BTreeMap<ClassId, StaffingId> = headed.map(|lesson| (lesson.class, lesson.staffing)).collect();
        let among: Vec<ClassId> = headed.keys().copied().collect();
        classes::still(tx, task, among.iter().copied()).await?;
        let heads = staffings::heads_of_many(tx, task, &among).await?;
        if heads.iter().all(|head| headed.get(&head.class) == Some(&head.staffing)) {
            Ok(())
        } else {
            Err(Error::busy("somebody gave one of these classes a head teacher at the same moment"))
        }
    }

    /// Of whoever leaves at the same moment no lesson stays behind: who ends her post waits, and ends it with the others.
    async fn hold_posts(&self, tx: &mut Tx, task: &Task) -> Result<(), Error> {
        let begun: BTreeSet<StaffingId> = self.staffings.iter().map(|post| post.id).collect();
        let taught = self.teachings.iter().map(|(_, lesson)| lesson.staffing);
        let known: BTreeSet<StaffingId> = taught.filter(|post| !begun.contains(post)).collect();
        if staffings::still_open(tx, task, &known).await? {
            Ok(())
        } else {
            Err(Error::busy("one of these people left her post at the same moment"))
        }
    }

    /// A guardian is confirmed by the school that holds the child's 学籍 (R1): still holds it, and until this is committed.
    async fn hold_schools(&self, tx: &mut Tx, task: &Task) -> Result<(), Error> {
        let born = self.born();
        let recorded: HashMap<PersonId, Option<OrgId>> = self
            .guardianships
            .iter()
            .filter(|new| new.status == GuardianshipStatus::Confirmed && !born.contains(&new.child))
            .map(|new| (new.child, new.recorded_by))
            .collect();
        let mut children: Vec<PersonId> = recorded.keys().copied().collect();
        children.sort_unstable();
        let held = enrolments::hold_of_many(tx, task, &children).await?;
        let still = held.iter().filter(|stay| recorded.get(&stay.person) == Some(&Some(stay.org))).count();
        if still == recorded.len() {
            Ok(())
        } else {
            Err(Error::busy("one of these children was transferred at the same moment"))
        }
    }
}

fn all(inserted: u64, wanted: usize) -> Result<(), Error> {
    if usize::try_from(inserted).is_ok_and(|inserted| inserted == wanted) {
        Ok(())
    } else {
        Err(Error::busy("somebody registered one of these people at the same moment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Kind;
    use crate::domain::access::for_tests::task;
    use crate::domain::registry::codes::status::Status;
    use crate::domain::registry::staffing::Teaching;
    use crate::store::conformance::support::{
        NOW, add_person, add_tree, class, enrolment, guardianship, sqlite, staffing,
    };

    #[tokio::test]
    async fn nothing_is_written_about_whoever_was_merged_meanwhile() {
        let (db, _folder) = sqlite().await;
        let mut tx = db.write().await.unwrap();
        let child = add_person(&mut tx, 1, "王小明").await;
        let mut guardian = add_person(&mut tx, 2, "王强").await;
        // As decided a moment ago.
        let mut plan = Plan::default();
        plan.guardianships.push(guardianship(3, 1, 2));
        plan.hold_people(&mut tx, &task()).await.unwrap();
        (guardian.status, guardian.merged_into, guardian.version) = (Status::Merged, Some(child.id), 2);
        assert!(persons::update(&mut tx, &task().on(guardian.id), &guardian).await.unwrap());
        let refused = plan.hold_people(&mut tx, &task()).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Busy, "the batch is decided anew");
    }

    #[tokio::test]
    async fn a_lesson_is_given_to_whoever_works_there_still_and_a_class_has_one_head() {
        let (db, _folder) = sqlite().await;
        let mut tx = db.write().await.unwrap();
        add_tree(&mut tx).await;
        let mut teachers = Vec::new();
        for (n, name) in [(1, "王老师"), (2, "李老师")] {
            let teacher = add_person(&mut tx, n, name).await;
            let post = staffing(n, n, 5);
            assert!(staffings::insert(&mut tx, &task().on(teacher.id), &post).await.unwrap());
            teachers.push((teacher, post));
        }
        let open = class(2, 5, "1班");
        classes::insert_all(&mut tx, &task(), std::slice::from_ref(&open)).await.unwrap();
        // As decided while the class had no head teacher.
        let heads = |post: &crate::domain::registry::staffing::Staffing| {
            let lesson = Teaching {
                id: uuid::Uuid::from_u128(post.id.0.as_u128()),
                staffing: post.id,
                class: open.id,
                subject: None,
                head_teacher: true,
                valid_from: post.valid_from,
                valid_to: None,
            };
            let mut plan = Plan::default();
            plan.teachings.push((post.person, lesson));
            plan
        };
        let [(mut first, mut post), (_, second)] = <[_; 2]>::try_from(teachers).ok().unwrap();
        heads(&post).hold_heads(&mut tx, &task()).await.unwrap();
        let (_, lesson) = &heads(&second).teachings[0];
        assert!(staffings::teach(&mut tx, &task().on(second.person), lesson).await.unwrap());
        assert_eq!(heads(&post).hold_heads(&mut tx, &task()).await.unwrap_err().kind, Kind::Busy);
        heads(&second).hold_heads(&mut tx, &task()).await.unwrap();
        (post.valid_to, post.version) = (Some(post.valid_from), post.version + 1);
        assert!(staffings::update(&mut tx, &task().on(first.id), &post).await.unwrap());
        assert_eq!(heads(&post).hold_posts(&mut tx, &task()).await.unwrap_err().kind, Kind::Busy);
        heads(&second).hold_posts(&mut tx, &task()).await.unwrap();
        let (_, lesson) = &heads(&post).teachings[0];
        assert!(!staffings::teach(&mut tx, &task().on(first.id), lesson).await.unwrap(), "under a post that has ended");
        (first.status, first.merged_into, first.version) = (Status::Merged, Some(second.person), 2);
        assert!(persons::update(&mut tx, &task().on(first.id), &first).await.unwrap());
        assert_eq!(heads(&post).hold_people(&mut tx, &task()).await.unwrap_err().kind, Kind::Busy);
    }

    #[tokio::test]
    async fn nothing_begins_for_whoever_died_and_nobody_comes_into_what_was_closed_meanwhile() {
        let (db, _folder) = sqlite().await;
        let mut tx = db.write().await.unwrap();
        add_tree(&mut tx).await;
        let mut child = add_person(&mut tx, 1, "王小明").await;
        let open = class(2, 5, "1班");
        classes::insert_all(&mut tx, &task(), std::slice::from_ref(&open)).await.unwrap();
        let mut plan = Plan::default();
        plan.seated.insert(open.id);
        plan.hold_people(&mut tx, &task()).await.unwrap();
        let closed = open.closed(NOW).unwrap();
        assert!(classes::update(&mut tx, &task(), &closed).await.unwrap());
        assert_eq!(plan.hold_people(&mut tx, &task()).await.unwrap_err().kind, Kind::Busy);

        let mut plan = Plan::default();
        plan.enrolments.push(enrolment(3, 1, 5));
        plan.hold_people(&mut tx, &task()).await.unwrap();
        (child.status, child.version) = (Status::Deceased, 2);
        assert!(persons::update(&mut tx, &task().on(child.id), &child).await.unwrap());
        assert_eq!(plan.hold_people(&mut tx, &task()).await.unwrap_err().kind, Kind::Busy);
    }
}
