//! What changes in a life: names, numbers, dates, and its end. Whoever changes them holds all of the person, or is the
//! operator; a number that is somebody else's opens a case and changes nothing.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use super::cases::returning::{Key, question};
use super::cases::{self, Dispute};
use super::person_digest::{self, note_papers};
use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName, TaskOn};
use crate::domain::audit::{Action, Actor};
use crate::domain::id::{CaseId, DocumentId, PersonId, new_uuid};
use crate::domain::registry::account::AliasKind;
use crate::domain::registry::age::check_birth_date;
use crate::domain::registry::case::{CaseKind, CaseSource, Stated};
use crate::domain::registry::document::{Document, DocumentStatus};
use crate::domain::registry::name::PersonName;
use crate::domain::registry::person::Person;
use crate::domain::registry::personal_code::PersonalCode;
use crate::store::db::Tx;
use crate::store::documents::{DocumentKey, StoredCode};
use crate::store::{accounts, documents, fact_authors, merges, person_names, persons, relation_claims};

/// What a change came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// It is so now.
    Done,
    /// It was so already.
    Unchanged,
    /// It is somebody else's; a human decides.
    Case(CaseId),
}

impl App {
    /// Gives a person another name. The one she bore is kept, and name search finds her by it wherever she is.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there or not wholly in the administrator's scope.
    pub async fn rename_person(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        name: PersonName,
    ) -> Result<Changed, Error> {
        let ctx = by.acting(ctx);
        self.patiently(|| self.rename_once(&ctx, by, id, &name)).await
    }

    async fn rename_once(&self, ctx: &Ctx, by: Decider, id: PersonId, name: &PersonName) -> Result<Changed, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::PersonChanged).await?;
        let person = self.rewritable(&mut work, ctx, &task, by, id).await?;
        work.target("person", person.id);
        if person.name.as_ref() == Some(name) {
            return unchanged(work).await;
        }
        self.rename_in(&mut work, ctx, &task, person, name.clone()).await?;
        work.commit(Outcome::Done).await?;
        Ok(Changed::Done)
    }

    /// The same as part of a larger change.
    pub(super) async fn rename_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: Person,
        name: PersonName,
    ) -> Result<(), Error> {
        let on = task.on(person.id);
        if let Some(former) = &person.name {
            person_names::keep(work.tx(), &on, new_uuid(ctx.now, &*self.random), former, ctx.now).await?;
        }
        self.recorded_in(work, ctx, &on).await?;
        let renamed = Person { name: Some(name), ..person };
        let renamed = self.supersede_in(work, ctx, task, renamed, None).await?;
        self.write_person(work, task, &renamed, &["name"]).await?;
        Ok(persons::refresh_presence(work.tx(), &on).await?)
    }

    /// Corrects a birth date that was recorded wrongly, or says it where it was unknown. A birth date inside the person's
    /// own number cannot be contradicted: then the number is to be corrected.
    ///
    /// # Errors
    /// As [`App::rename_person`]; `Conflict` when her number says otherwise.
    pub async fn correct_birth_date(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        born: NaiveDate,
    ) -> Result<Changed, Error> {
        check_birth_date(born, ctx.now.shanghai_date()).map_err(|why| Error::invalid(why.to_string()))?;
        let ctx = by.acting(ctx);
        self.patiently(|| self.correct_birth_date_once(&ctx, by, id, born)).await
    }

    async fn correct_birth_date_once(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        born: NaiveDate,
    ) -> Result<Changed, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::PersonChanged).await?;
        let person = self.rewritable(&mut work, ctx, &task, by, id).await?;
        work.target("person", person.id);
        // Whether a day is hers is a question, whatever the answer: the days of a year are soon tried.
        let mut work = self.charge_question(work, ctx, by, ("birth_date", &format!("{} {born}", person.id))).await?;
        if person.birth_date == Some(born) {
            return unchanged(work).await;
        }
        for document in documents::of_person(work.tx(), &task.on(person.id)).await? {
            let held = document.status == DocumentStatus::Active;
            let inside = self.open_number(&person, &document).filter(|_| held).and_then(|number| number.birth_date());
            if inside.is_some_and(|inside| inside != born) {
                work.commit(Outcome::Refused("her number holds another birth date")).await?;
                return Err(Error::new(Kind::Conflict, "her number holds another birth date: correct the number"));
            }
        }
        self.recorded_in(&mut work, ctx, &task.on(person.id)).await?;
        let corrected = Person { birth_date: Some(born), ..person };
        let corrected = self.supersede_in(&mut work, ctx, &task, corrected, None).await?;
        self.write_person(&mut work, &task, &corrected, &["birth_date"]).await?;
        work.commit(Outcome::Done).await?;
        Ok(Changed::Done)
    }

    /// Records another document of a person. It takes the place of those of its class and country, and stands beside those
    /// of others (naturalisation: an identity number beside the passport). What is superseded stays taken. A number of
    /// somebody else opens a case.
    ///
    /// # Errors
    /// As [`App::rename_person`].
    pub async fn record_document(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        document: &Document,
    ) -> Result<Changed, Error> {
        let inside = document.birth_date().map_or(Ok(()), |born| check_birth_date(born, ctx.now.shanghai_date()));
        inside.map_err(|why| Error::invalid(why.to_string()))?;
        let ctx = by.acting(ctx);
        self.patiently(|| self.record_document_once(&ctx, by, id, document)).await
    }

    async fn record_document_once(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        document: &Document,
    ) -> Result<Changed, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::PersonChanged).await?;
        let person = self.rewritable(&mut work, ctx, &task, by, id).await?;
        let key = self.document_key(document);
        work.target("person", person.id);
        // Who holds it is a question (R1): she, somebody else or nobody.
        let mut work = self.charge_question(work, ctx, by, ("document", document.number.expose())).await?;
        let held = self.holders(work.tx(), &task, document).await?;
        match held.first() {
            Some(holder) if held.len() == 1 && holder.person == person.id => {
                if !self.hers_in(&mut work, ctx, &task, &person, (holder.document, document)).await? {
                    return unchanged(work).await;
                }
                work.commit(Outcome::Done).await?;
                Ok(Changed::Done)
            }
            Some(holder) => {
                // Of several that it may be the one who is not she.
                let holder = held.iter().find(|one| one.person != person.id).unwrap_or(holder);
                let unseen = self.is_unseen(work.tx(), ctx, by, holder.person).await?;
                let dispute = Dispute {
                    kind: CaseKind::Correction,
                    person: holder.person,
                    other: Some(person.id),
                    subject_key: Some(key.index),
                    stated: Stated::of(person.name.as_ref(), Some(document)),
                    org: None,
                    source: CaseSource::Correction,
                    unseen,
                };
                self.dispute_instead(work, ctx, &task, by, dispute).await
            }
            None => {
                if let Some(dispute) = question(work.tx(), &task, Key::Document(&key), CaseSource::Correction).await? {
                    return self.dispute_instead(work, ctx, &task, by, dispute).await;
                }
                self.replace_document_in(&mut work, ctx, &task, &person, document).await?;
                work.commit(Outcome::Done).await?;
                Ok(Changed::Done)
            }
        }
    }

    /// A paper that is hers already: its country is learned, where nobody had said it, and it is the one that counts. `false` where
    /// nothing of this is new.
    pub(super) async fn hers_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: &Person,
        (id, document): (DocumentId, &Document),
    ) -> Result<bool, Error> {
        let (on, key) = (task.on(person.id), self.document_key(document));
        let held = documents::of_person(work.tx(), &on).await?;
        let Some(mut paper) = held.into_iter().find(|paper| paper.id == id) else { return Ok(false) };
        let learned = paper.key.country.is_empty()
            && !key.country.is_empty()
            && documents::learn_country(work.tx(), &on, id, &key, ctx.now).await?;
        if learned {
            paper.key = key;
        }
        if paper.status == DocumentStatus::Superseded {
            self.current_again_in(work, ctx, task, person, (&paper, document)).await?;
        } else if learned {
            self.recorded_in(work, ctx, &on).await?;
            self.takes_after(work, ctx, task, person, (Some(document), Some("document"))).await?;
        }
        Ok(learned || paper.status == DocumentStatus::Superseded)
    }

    /// Whether somebody is none whom this decider could change herself: of a case that she opens about her she is no judge.
    async fn is_unseen(&self, tx: &mut Tx, ctx: &Ctx, by: Decider, person: PersonId) -> Result<bool, Error> {
        let Decider::Admin(admin) = by else { return Ok(false) };
        Ok(!self.decides_about(tx, admin, person, ctx.now).await?)
    }

    /// Opens the case in place of the change, and commits it.
    async fn dispute_instead(
        &self,
        mut work: Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        dispute: Dispute,
    ) -> Result<Changed, Error> {
        let opened = cases::open(self, ctx, work.tx(), task, by.admin(), vec![dispute]).await?;
        let Some(id) = opened.first().copied() else {
            work.commit(Outcome::Refused("the same was asked before")).await?;
            return Err(Error::new(Kind::Conflict, "the same was asked before: see `mingji case list`"));
        };
        work.event("case", id, "case.opened", &[]).detail("case", id.to_string());
        work.commit(Outcome::Refused("it is somebody else's")).await?;
        Ok(Changed::Case(id))
    }

    /// Records a document that nobody holds; the active ones of its class and country are superseded. What stands inside an
    /// identity number is taken over: it is how the state has her.
    pub(super) async fn replace_document_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: &Person,
        document: &Document,
    ) -> Result<(), Error> {
        let on = task.on(person.id);
        let key = self.document_key(document);
        replaced(work, ctx, &on, &key).await?;
        self.insert_document(work, ctx, &on, person, document, key).await?;
        self.recorded_in(work, ctx, &on).await?;
        self.takes_after(work, ctx, task, person, (Some(document), None)).await
    }

    /// A person shows another paper than before, or none: what stands inside a number is taken over, and what was verified counts no
    /// longer, or only what compared this one.
    pub(super) async fn takes_after(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: &Person,
        (document, compared): (Option<&Document>, Option<&str>),
    ) -> Result<(), Error> {
        let known = Person {
            birth_date: document.and_then(Document::birth_date).or(person.birth_date),
            sex: document.and_then(Document::sex).unwrap_or(person.sex),
            ..person.clone()
        };
        let known = self.supersede_in(work, ctx, task, known, compared).await?;
        let also = [("birth_date", known.birth_date != person.birth_date), ("sex", known.sex != person.sex)];
        let also = also.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field);
        let fields: Vec<&str> = std::iter::once("document").chain(also).collect();
        self.write_person(work, task, &known, &fields).await
    }

    /// Takes a number away from whoever holds it without right; it is free for its true holder. `false` when she does not
    /// hold it.
    pub(super) async fn withdraw_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: &Person,
        index: [u8; 32],
    ) -> Result<bool, Error> {
        let on = task.on(person.id);
        let all = documents::of_person(work.tx(), &on).await?;
        let Some(held) = all.iter().find(|known| known.key.index == index && known.status.holds_number()) else {
            return Ok(false);
        };
        if !documents::set_status(work.tx(), &on, held.id, held.status, DocumentStatus::Withdrawn, ctx.now).await? {
            return Err(Error::busy("somebody changed the document at the same moment"));
        }
        relation_claims::forget_number(work.tx(), &on, index).await?;
        // What it had taken the place of without right is hers to show again.
        let before =
            all.iter().rfind(|known| held.had_replaced(known)).filter(|_| held.status == DocumentStatus::Active);
        if let Some(before) = before {
            documents::restore(work.tx(), &on, before.id, ctx.now).await?;
        }
        let number = before.and_then(|before| self.open_number(person, before));
        self.takes_after(work, ctx, task, person, (number.as_ref(), None)).await?;
        Ok(true)
    }

    /// Takes a 学籍号 away from whoever holds it without right: the one with this index, or the one that holds a number with
    /// this index. `false` when she has neither.
    pub(super) async fn withdraw_code_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: &Person,
        index: [u8; 32],
    ) -> Result<bool, Error> {
        let on = task.on(person.id);
        let all = documents::codes_of(work.tx(), &on).await?;
        for (at, code) in all.iter().enumerate() {
            let inside = self.number_inside(person, code)?;
            if code.index != index && inside.is_none_or(|inside| inside.index != index) {
                continue;
            }
            if documents::withdraw_code(work.tx(), &on, code.index, ctx.now).await? {
                relation_claims::forget_code(work.tx(), &on, code.index).await?;
                // Nor does it sign her in any longer: it is its true holder's.
                if let Some(plain) = self.plain_code(person, code)? {
                    let alias = self.index.login("personal_code", &plain);
                    accounts::end_alias(work.tx(), &on, AliasKind::PersonalCode, alias, ctx.now).await?;
                }
                // The one that it had taken the place of is hers again.
                let before = all[..at].iter().rfind(|known| known.status == DocumentStatus::Superseded);
                if let Some(before) = before.filter(|_| code.status == DocumentStatus::Active) {
                    documents::restore_code(work.tx(), &on, before.index, ctx.now).await?;
                }
                self.code_changed_in(work, ctx, task, person).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A 学籍号 as it is written; `None` after erasure.
    pub(super) fn plain_code(&self, person: &Person, code: &StoredCode) -> Result<Option<String>, Error> {
        let Some(sealed) = &code.sealed else { return Ok(None) };
        self.open_for(person, "personal_code", "code_sealed", code.id, sealed)
    }

    /// The number inside a G code: a hint and no link (R10).
    fn number_inside(&self, person: &Person, code: &StoredCode) -> Result<Option<DocumentKey>, Error> {
        let code = self.plain_code(person, code)?.and_then(|plain| PersonalCode::parse(&plain).ok());
        Ok(code.and_then(|code| self.hinted(&code)))
    }

    /// The document that a G code hints at.
    pub(crate) fn hinted(&self, code: &PersonalCode) -> Option<DocumentKey> {
        let (number, _) = Document::parse(None, None, code.identity_number_hint()?).ok()?;
        Some(self.document_key(&number))
    }

    /// Records the 学籍号 that a student has now (L → J → G); the ones before are superseded and stay taken.
    ///
    /// # Errors
    /// As [`App::rename_person`].
    pub async fn record_personal_code(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        code: &PersonalCode,
    ) -> Result<Changed, Error> {
        let ctx = by.acting(ctx);
        self.patiently(|| self.record_personal_code_once(&ctx, by, id, code)).await
    }

    async fn record_personal_code_once(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        code: &PersonalCode,
    ) -> Result<Changed, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::PersonChanged).await?;
        let person = self.rewritable(&mut work, ctx, &task, by, id).await?;
        work.target("person", person.id);
        let mut work = self.charge_question(work, ctx, by, ("personal_code", code.expose())).await?;
        let index = self.index.personal_code(code.expose());
        let holder = documents::code_holder(work.tx(), &task, index).await?;
        if holder == Some(person.id) {
            // A wrong one was recorded in its place: it was hers all the time.
            if !documents::restore_code(work.tx(), &task.on(person.id), index, ctx.now).await? {
                return unchanged(work).await;
            }
            self.recorded_in(&mut work, ctx, &task.on(person.id)).await?;
            self.code_changed_in(&mut work, ctx, &task, &person).await?;
            work.commit(Outcome::Done).await?;
            return Ok(Changed::Done);
        }
        let dispute = |holder, subject_key, unseen| Dispute {
            kind: CaseKind::PersonalCode,
            person: holder,
            other: Some(person.id),
            subject_key: Some(subject_key),
            stated: Stated::of(person.name.as_ref(), None),
            org: None,
            source: CaseSource::Correction,
            unseen,
        };
        if let Some(holder) = holder {
            let unseen = self.is_unseen(work.tx(), ctx, by, holder).await?;
            let dispute = dispute(holder, index, unseen);
            return self.dispute_instead(work, ctx, &task, by, dispute).await;
        }
        if let Some(dispute) = question(work.tx(), &task, self.code_key(code), CaseSource::Correction).await? {
            return self.dispute_instead(work, ctx, &task, by, dispute).await;
        }
        self.insert_personal_code(&mut work, ctx, &task.on(person.id), &person, code).await?;
        self.code_changed_in(&mut work, ctx, &task, &person).await?;
        // The number inside is a hint (R10): she keeps the code, and somebody looks at it.
        if let Some(key) = self.hinted(code) {
            let other = documents::holder(work.tx(), &task, &key).await?.filter(|holder| holder.person != person.id);
            if let Some(other) = other {
                let opener = by.admin();
                let unseen = self.is_unseen(work.tx(), ctx, by, other.person).await?;
                let hint = dispute(other.person, key.index, unseen);
                for case in cases::open(self, ctx, work.tx(), &task, opener, vec![hint]).await? {
                    work.event("case", case, "case.opened", &[]);
                }
            }
        }
        work.commit(Outcome::Done).await?;
        Ok(Changed::Done)
    }

    /// Another 学籍号 than the one that was compared says nothing of the one that was.
    async fn code_changed_in(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, person: &Person) -> Result<(), Error> {
        let person = self.supersede_in(work, ctx, task, person.clone(), Some("personal_code")).await?;
        self.write_person(work, task, &person, &["personal_code"]).await
    }

    /// Notes who says so: she is not the one to verify it. What the operator's commands write is nobody's word.
    pub(super) async fn recorded_in(&self, work: &mut Work<'_>, ctx: &Ctx, on: &TaskOn) -> Result<(), Error> {
        let Actor::Person { id: author } = ctx.actor else { return Ok(()) };
        Ok(fact_authors::insert(work.tx(), on, author, ctx.now).await?)
    }

    /// Somebody whom this decider may change. She is held before anybody's right is looked at: whoever gave her to another
    /// school at the same moment was first, and the right is looked at anew.
    pub(super) async fn changeable(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        id: PersonId,
    ) -> Result<Person, Error> {
        let missing = || Error::not_found("the person");
        let id = persons::survivor(work.tx(), id).await?.ok_or_else(missing)?;
        let person = merges::hold(work.tx(), task, id, id).await?.pop().ok_or_else(missing)?;
        if person.merged_into.is_some() {
            return Err(Error::busy("she was merged at the same moment"));
        }
        self.may_change(work, ctx, by, id).await?;
        work.about(id).await?;
        Some(person).filter(|person| person.salt.is_some()).ok_or_else(missing)
    }

    /// Whether this decider may change somebody who is held.
    ///
    /// # Errors
    /// `NotFound` when not.
    pub(super) async fn may_change(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
    ) -> Result<(), Error> {
        let Decider::Admin(admin) = by else { return Ok(()) };
        if admin == id || !self.decides_about(work.tx(), admin, id, ctx.now).await? {
            return Err(Error::not_found("the person"));
        }
        Ok(())
    }

    /// Somebody whose record this decider may rewrite. Who is watched does not rewrite her watcher: another number, name or
    /// birth date stops a right that its writer may not take back.
    pub(super) async fn rewritable(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        id: PersonId,
    ) -> Result<Person, Error> {
        let person = self.changeable(work, ctx, task, by, id).await?;
        self.may_rewrite(work, ctx, task, by, person.id).await?;
        note_papers(work, task, person.id).await?;
        Ok(person)
    }

    /// Whether a stay, a post or a ward of these people may begin, and may until the transaction ends.
    ///
    /// # Errors
    /// `Conflict` for somebody who died, asked to be erased, or is somebody else by now.
    pub(super) async fn may_begin(&self, tx: &mut Tx, task: &Task, people: &[PersonId]) -> Result<(), Error> {
        let people: BTreeSet<PersonId> = people.iter().copied().collect();
        if persons::hold_living(tx, task, people.iter().copied()).await? == people.len() {
            return Ok(());
        }
        Err(Error::new(Kind::Conflict, "the person died, or asked to be erased: nothing begins for her any more"))
    }

    /// Writes a person whose version was read before, and says which fields changed.
    pub(super) async fn write_person(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        person: &Person,
        fields: &[&str],
    ) -> Result<(), Error> {
        let before = persons::find(work.tx(), &task.on(person.id)).await?;
        if !persons::update(work.tx(), &task.on(person.id), person).await? {
            return Err(Error::busy("somebody changed the person at the same moment"));
        }
        if let Some(salt) = &person.salt {
            person_digest::note(work, task, salt, before.as_ref(), person).await?;
        }
        work.changes(fields).event("person", person.id, "person.changed", fields);
        Ok(())
    }
}

/// The active papers of a class and country give way to another one; whether there was one.
pub(super) async fn replaced(work: &mut Work<'_>, ctx: &Ctx, on: &TaskOn, key: &DocumentKey) -> Result<bool, Error> {
    let mut any = false;
    for known in documents::of_person(work.tx(), on).await? {
        // A roster names no country: what came from it is taken for a paper of the same one.
        let same_country = known.key.country == key.country || known.key.country.is_empty();
        let same_space = known.key.class == key.class && same_country;
        if same_space && known.status == DocumentStatus::Active {
            let (from, to) = (DocumentStatus::Active, DocumentStatus::Superseded);
            any |= documents::set_status(work.tx(), on, known.id, from, to, ctx.now).await?;
        }
    }
    Ok(any)
}

/// It was so already, which is an answer and stands in the audit like every other.
pub(super) async fn unchanged(mut work: Work<'_>) -> Result<Changed, Error> {
    work.detail("unchanged", true);
    work.commit(Outcome::Done).await?;
    Ok(Changed::Unchanged)
}
