//! One row against what is known: what it makes of it goes into the plan of the batch, and what is known follows.

use std::collections::HashSet;

use serde_json::json;
use uuid::Uuid;

use super::known::{Keys, Known, Org, Somebody};
use super::{Login, Outcome};
use crate::app::{App, Ctx, Error};
use crate::domain::event::Event;
use crate::domain::id::{
    AccountId, ClassId, DocumentId, EnrolmentId, EventId, GuardianshipId, OrgId, PersonId, SpaceId, StaffingId,
    new_uuid,
};
use crate::domain::registry::account::Account;
use crate::domain::registry::codes::realname::Level;
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::staff::StaffState;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::contact::{ContactKind, ContactSource};
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::guardianship::{Evidence, Guardianship, GuardianshipStatus};
use crate::domain::registry::person::{Person, PersonSalt};
use crate::domain::registry::roster::{Code, Column, Fault, PersonRow, StaffRow, StudentRow};
use crate::domain::registry::space::Space;
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::domain::registry::user_name::UserName;
use crate::store::contacts::{NewContact, StoredContact};
use crate::store::documents::{NewCode, StoredDocument};

/// What a batch writes.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) spaces: Vec<Space>,
    pub(super) people: Vec<Person>,
    pub(super) documents: Vec<StoredDocument>,
    pub(super) codes: Vec<NewCode>,
    pub(super) contacts: Vec<NewContact>,
    pub(super) enrolments: Vec<Enrolment>,
    pub(super) moved: Vec<Enrolment>,
    pub(super) staffings: Vec<Staffing>,
    pub(super) teachings: Vec<(PersonId, Teaching)>,
    pub(super) guardianships: Vec<Guardianship>,
    pub(super) related: Vec<Guardianship>,
    pub(super) accounts: Vec<Account>,
    pub(super) aliases: Vec<(Uuid, AccountId, [u8; 32])>,
    pub(super) presence: Vec<(OrgId, String, PersonId)>,
    pub(super) events: Vec<Event>,
    told: HashSet<Uuid>,
    pub(super) logins: Vec<Login>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) faults: Vec<(u64, Fault)>,
}

/// Whom a row found or made.
struct Found {
    who: Somebody,
    fresh: bool,
    changed: bool,
}

/// The batch at work.
pub(super) struct Desk<'a> {
    pub(super) app: &'a App,
    pub(super) ctx: &'a Ctx,
    pub(super) known: &'a mut Known,
    pub(super) plan: &'a mut Plan,
}

impl Desk<'_> {
    /// A student at a school, in a class.
    pub(super) fn student(
        &mut self,
        number: u64,
        row: &StudentRow,
        keys: &[Keys],
        org: &Org,
        class: ClassId,
    ) -> Result<Outcome, Error> {
        let [own, guardian_keys @ ..] = keys else { return Err(Error::internal("a row without keys")) };
        let found = match self.person(&row.person, own, Column::DocumentNumber)? {
            Ok(found) => found,
            Err(fault) => return Ok(self.refuse(number, fault)),
        };
        let child = found.who.id;
        let open = self.known.enrolments.get(&child).cloned().unwrap_or_default();
        let mut fields = Vec::new();
        match open.iter().find(|stay| stay.org == org.id) {
            Some(stay) if stay.class == Some(class) => {}
            Some(stay) => {
                let moved = stay.clone().move_to(class, self.ctx.now).map_err(Error::internal)?;
                self.known.enrolments.entry(child).or_default().retain(|known| known.id != moved.id);
                self.known.enrolments.entry(child).or_default().push(moved.clone());
                // Twice in one file: the last row counts, and is written once.
                self.plan.moved.push(moved);
                fields.push("enrolment");
            }
            None if open.iter().any(|stay| stay.source == StudentSource::Normal) => {
                let fault = Fault::new(
                    Column::School,
                    Code::EnrolledElsewhere,
                    "the student's 学籍 is at another school; a transfer or 借读 has to be asked for there",
                );
                return Ok(self.refuse(number, fault));
            }
            None => {
                let enrolment = self.enrolment(child, org, class, row.student_no.clone());
                self.known.enrolments.entry(child).or_default().push(enrolment.clone());
                self.plan.enrolments.push(enrolment);
                self.arrive(&found.who, row.person.name.name_key(), org);
                fields.push("enrolment");
            }
        }
        let linked = !found.fresh && open.is_empty();
        for (place, ((guardian, relation, column), keys)) in row.guardians.iter().zip(guardian_keys).enumerate() {
            if self.guardian(number, place, guardian, *relation, *column, keys, child, org)? {
                fields.push("guardianship");
            }
        }
        if found.changed && !found.fresh {
            fields.push("contact");
        }
        self.login(number, "student", &found.who);
        Ok(self.conclude(child, &found, linked, "person.enrolled", fields))
    }

    /// Somebody who works at an institution.
    pub(super) fn staff(
        &mut self,
        number: u64,
        row: &StaffRow,
        keys: &[Keys],
        org: &Org,
        classes: &[ClassId],
    ) -> Result<Outcome, Error> {
        let Some(own) = keys.first() else { return Err(Error::internal("a row without keys")) };
        let found = match self.person(&row.person, own, Column::DocumentNumber)? {
            Ok(found) => found,
            Err(fault) => return Ok(self.refuse(number, fault)),
        };
        let person = found.who.id;
        let mut fields = Vec::new();
        let here = self.known.staffings.entry(person).or_default().iter().find(|post| post.org == org.id).cloned();
        let linked = !found.fresh && here.is_none();
        let post = match here {
            Some(post) => post,
            None => {
                let post = self.staffing(person, org, row);
                self.known.staffings.entry(person).or_default().push(post.clone());
                self.plan.staffings.push(post.clone());
                self.arrive(&found.who, row.person.name.name_key(), org);
                fields.push("staffing");
                post
            }
        };
        if self.teach(&post, row, classes) {
            fields.push("teaching");
        }
        if found.changed && !found.fresh {
            fields.push("contact");
        }
        self.login(number, "staff", &found.who);
        Ok(self.conclude(person, &found, linked, "person.employed", fields))
    }

    fn conclude(
        &mut self,
        person: PersonId,
        found: &Found,
        linked: bool,
        kind: &'static str,
        fields: Vec<&str>,
    ) -> Outcome {
        if found.fresh {
            return Outcome::Created;
        }
        if fields.is_empty() {
            return Outcome::Unchanged;
        }
        self.event("person", person.0, if linked { kind } else { "person.changed" }, &fields);
        if linked { Outcome::Linked } else { Outcome::Updated }
    }

    fn refuse(&mut self, number: u64, fault: Fault) -> Outcome {
        let conflict =
            matches!(fault.code, Code::DocumentConflict | Code::PersonalCodeConflict | Code::EnrolledElsewhere);
        self.plan.faults.push((number, fault));
        if conflict { Outcome::Conflict } else { Outcome::Rejected }
    }

    /// The person of a row: known by her number and name, or new. The number decides, the name must agree; the 学籍号
    /// stands in where there is no number. Nothing is overwritten.
    fn person(&mut self, row: &PersonRow, keys: &Keys, column: Column) -> Result<Result<Found, Fault>, Error> {
        let key = row.name.name_key();
        let by_document = keys.document.as_ref().and_then(|document| self.known.documents.get(&document.index));
        let by_code = keys.code.and_then(|code| self.known.codes.get(&code));
        let conflict = |column, code, message| Ok(Err(Fault::new(column, code, message)));
        match (by_document, by_code) {
            (Some(holder), _) if holder.name_key.as_deref() != Some(&key) => {
                conflict(column, Code::DocumentConflict, "the number is registered under another name")
            }
            (Some(holder), Some(other)) if holder.id != other.id => conflict(
                Column::PersonalCode,
                Code::PersonalCodeConflict,
                "the number and the 学籍号 belong to two people",
            ),
            (None, Some(other)) if keys.document.is_some() || other.name_key.as_deref() != Some(&key) => conflict(
                Column::PersonalCode,
                Code::PersonalCodeConflict,
                "the 学籍号 is registered for somebody with another name or number",
            ),
            (Some(holder), _) | (None, Some(holder)) => {
                let who = holder.clone();
                let changed = self.contact(&who, row)?;
                self.account(&who, None);
                Ok(Ok(Found { who, fresh: false, changed }))
            }
            (None, None) => Ok(Ok(self.newcomer(row, keys)?)),
        }
    }

    fn newcomer(&mut self, row: &PersonRow, keys: &Keys) -> Result<Found, Error> {
        let (now, random) = (self.ctx.now, &*self.app.random);
        let space = Space::personal(SpaceId::new(now, random), None, now);
        let salt = PersonSalt::generate(random);
        let person = Person {
            id: PersonId::new(now, random),
            space: space.id,
            name: Some(row.name.clone()),
            sex: row.sex,
            birth_date: row.birth_date,
            nationality: None,
            status: Status::Active,
            realname_level: Level::RECORDED,
            realname_at: Some(now),
            salt: Some(salt.clone()),
            home_platform: None,
            merged_into: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let who = Somebody { id: person.id, name_key: person.name_key(), salt: Some(salt) };
        if let (Some(document), Some(key)) = (&row.document, &keys.document) {
            let id = DocumentId::new(now, random);
            let sealed =
                self.app.seal_for(&person, "identity_document", "number_sealed", id.0, document.number.expose())?;
            self.plan.documents.push(StoredDocument {
                id,
                person: person.id,
                key: key.clone(),
                label: document.label,
                number_sealed: sealed,
                status: DocumentStatus::Active,
                valid_from: None,
                valid_to: None,
                verification: None,
                created_at: now,
                updated_at: now,
                version: 1,
            });
            self.known.documents.insert(key.index, who.clone());
        }
        if let (Some(code), Some(index)) = (&row.personal_code, keys.code) {
            let id = new_uuid(now, random);
            let sealed = self.app.seal_for(&person, "personal_code", "code_sealed", id, code.expose())?;
            let sealed = sealed.unwrap_or_default();
            self.plan.codes.push(NewCode { id, person: person.id, kind: code.kind(), sealed, index });
            self.known.codes.insert(index, who.clone());
        }
        self.plan.spaces.push(space);
        self.event("person", person.id.0, "person.registered", &["name", "sex", "birth_date"]);
        self.plan.people.push(person);
        self.contact(&who, row)?;
        self.account(&who, row.personal_code.as_ref().map(|code| self.app.index.login("personal_code", code.expose())));
        Ok(Found { who, fresh: true, changed: true })
    }

    /// A roster's phone is a way to reach somebody and nothing else (R9).
    fn contact(&mut self, who: &Somebody, row: &PersonRow) -> Result<bool, Error> {
        let (Some(phone), Some(salt)) = (&row.phone, &who.salt) else { return Ok(false) };
        let index = self.app.index.contact("phone", phone);
        if !self.known.contacts.insert((who.id, index)) {
            return Ok(false);
        }
        let id = new_uuid(self.ctx.now, &*self.app.random);
        let sealed = self.app.sealer.seal_column(
            salt.expose(),
            "contact",
            "value_sealed",
            id,
            phone.as_bytes(),
            &*self.app.random,
        )?;
        let contact = StoredContact {
            id,
            kind: ContactKind::Phone,
            value_sealed: Some(sealed),
            value_index: index,
            source: ContactSource::Roster,
            confirmed_at: None,
            created_at: self.ctx.now,
        };
        self.plan.contacts.push(NewContact { person: who.id, contact });
        Ok(true)
    }

    fn account(&mut self, who: &Somebody, alias: Option<[u8; 32]>) {
        if self.known.user_names.contains_key(&who.id) {
            return;
        }
        let random = &*self.app.random;
        let id = AccountId::new(self.ctx.now, random);
        let account = Account::inactive(id, who.id, UserName::generate(random), self.ctx.now);
        self.known.user_names.insert(who.id, account.user_name.to_string());
        if let Some(index) = alias {
            self.plan.aliases.push((new_uuid(self.ctx.now, random), account.id, index));
        }
        self.plan.accounts.push(account);
    }

    /// Attaches a guardian; whether anything changed. Confirmed when no other school recorded the child's guardians before,
    /// else pending (R1).
    #[allow(clippy::too_many_arguments, reason = "a guardian is a part of a row, and all of it is needed")]
    fn guardian(
        &mut self,
        number: u64,
        place: usize,
        row: &PersonRow,
        relation: Relation,
        column: Column,
        keys: &Keys,
        child: PersonId,
        org: &Org,
    ) -> Result<bool, Error> {
        let found = match self.person(row, keys, column)? {
            Ok(found) => found,
            Err(fault) => {
                self.plan.faults.push((number, fault));
                return Ok(false);
            }
        };
        if found.who.id == child {
            let fault = Fault::new(column, Code::RelationInvalid, "nobody is her own guardian");
            self.plan.faults.push((number, fault));
            return Ok(false);
        }
        self.login(number, if place == 0 { "guardian1" } else { "guardian2" }, &found.who);
        let standing = self.known.guardianships.entry(child).or_default();
        if let Some(known) = standing.iter_mut().find(|known| known.guardian == found.who.id) {
            if known.relation == relation || known.recorded_by != Some(org.id) {
                return Ok(false);
            }
            known.relation = relation;
            known.legal = relation.is_parent();
            known.updated_at = self.ctx.now;
            known.version += 1;
            self.plan.related.push(known.clone());
            return Ok(true);
        }
        let elsewhere = standing.iter().any(|known| known.recorded_by != Some(org.id));
        let rank = i64::try_from(standing.len()).unwrap_or(i64::MAX - 1) + 1;
        let guardianship = Guardianship {
            id: GuardianshipId::new(self.ctx.now, &*self.app.random),
            child,
            guardian: found.who.id,
            relation,
            legal: relation.is_parent(),
            rank,
            status: if elsewhere { GuardianshipStatus::Pending } else { GuardianshipStatus::Confirmed },
            verified_by: (!elsewhere).then_some(Evidence::School),
            recorded_by: Some(org.id),
            restrictions: std::collections::BTreeSet::new(),
            valid_from: self.ctx.now.shanghai_date(),
            valid_to: None,
            created_at: self.ctx.now,
            updated_at: self.ctx.now,
            version: 1,
        };
        standing.push(guardianship.clone());
        let kind = if elsewhere { "guardianship.claimed" } else { "guardianship.confirmed" };
        self.event("guardianship", guardianship.id.0, kind, &[]);
        self.plan.guardianships.push(guardianship);
        Ok(true)
    }

    fn enrolment(&self, person: PersonId, org: &Org, class: ClassId, student_no: Option<String>) -> Enrolment {
        Enrolment {
            id: EnrolmentId::new(self.ctx.now, &*self.app.random),
            person,
            org: org.id,
            class: Some(class),
            student_no,
            category: None,
            state: StudentState::Enrolled,
            source: StudentSource::Normal,
            valid_from: self.ctx.now.shanghai_date(),
            valid_to: None,
            created_at: self.ctx.now,
            updated_at: self.ctx.now,
            version: 1,
        }
    }

    fn staffing(&self, person: PersonId, org: &Org, row: &StaffRow) -> Staffing {
        Staffing {
            id: StaffingId::new(self.ctx.now, &*self.app.random),
            person,
            org: org.id,
            category: row.post.category(),
            post: row.post,
            staff_no: row.staff_no.clone(),
            state: StaffState::Serving,
            valid_from: self.ctx.now.shanghai_date(),
            valid_to: None,
            created_at: self.ctx.now,
            updated_at: self.ctx.now,
            version: 1,
        }
    }

    /// The first class named is the one she heads: a row has one mark for all of them.
    fn teach(&mut self, post: &Staffing, row: &StaffRow, classes: &[ClassId]) -> bool {
        let taught = self.known.taught.entry(post.id).or_default();
        let before = self.plan.teachings.len();
        for (place, class) in classes.iter().enumerate() {
            if taught.iter().any(|known| known.class == *class && known.subject == row.subject) {
                continue;
            }
            let teaching = Teaching {
                id: new_uuid(self.ctx.now, &*self.app.random),
                staffing: post.id,
                class: *class,
                subject: row.subject,
                head_teacher: row.head_teacher && place == 0,
                valid_from: self.ctx.now.shanghai_date(),
                valid_to: None,
            };
            taught.push(teaching.clone());
            self.plan.teachings.push((post.person, teaching));
        }
        self.plan.teachings.len() > before
    }

    fn arrive(&mut self, who: &Somebody, name_key: String, org: &Org) {
        for at in &org.presence {
            self.plan.presence.push((*at, name_key.clone(), who.id));
        }
    }

    fn login(&mut self, row: u64, who: &'static str, somebody: &Somebody) {
        if let Some(user_name) = self.known.user_names.get(&somebody.id) {
            self.plan.logins.push(Login { row, who, user_name: user_name.clone() });
        }
    }

    /// One event for each aggregate and batch: the first says that there is something new, the reader looks.
    fn event(&mut self, aggregate: &'static str, id: Uuid, kind: &'static str, fields: &[&str]) {
        if !self.plan.told.insert(id) {
            return;
        }
        self.plan.events.push(Event {
            id: EventId::new(self.ctx.now, &*self.app.random),
            aggregate,
            aggregate_id: id,
            kind,
            fields: json!(fields),
            at: self.ctx.now,
        });
    }
}
