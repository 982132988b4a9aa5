//! One row against what is known: what it makes of it goes into the plan of the batch, and what is known follows.

use std::collections::HashSet;

use uuid::Uuid;

use super::guardian::{ChildOf, GuardianRow};
use super::identify::{Claimed, Found};
use super::known::{Keys, Known, Org, Somebody};
use super::plan::Plan;
use super::sight::Sight;
use super::{Login, Outcome};
use crate::app::{App, Ctx, Error};
use crate::domain::id::{ClassId, EnrolmentId, OrgId, PersonId, RelationClaimId, StaffingId, new_uuid};
use crate::domain::registry::codes::staff::StaffState;
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, Details, Taught};
use crate::domain::registry::roster::{Code, Column, Fault, StaffRow, StudentRow};
use crate::domain::registry::staffing::{Staffing, Teaching};

/// The batch at work.
pub(super) struct Desk<'a> {
    pub(super) app: &'a App,
    pub(super) ctx: &'a Ctx,
    pub(super) sight: &'a Sight,
    /// The platform that somebody new calls home: her institution's, or her child's.
    pub(super) home: Option<Uuid>,
    /// The institution whose row it is.
    pub(super) school: Option<OrgId>,
    /// Whom rows of earlier batches of this import named, by the beginning of the key that named her.
    pub(super) earlier: &'a HashSet<u64>,
    pub(super) known: &'a mut Known,
    pub(super) plan: &'a mut Plan,
    /// The institution asked before whether the person of the row may be registered again (R18).
    pub(super) asked_before: bool,
}

/// A stay at a school as the actor sees it: recorded, or claimed by one of her institutions.
struct Stay {
    org: OrgId,
    class: Option<ClassId>,
    holds: bool,
    record: Record,
}

enum Record {
    Enrolment(Enrolment),
    Claim(RelationClaimId),
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
        self.look_at_hint(&found, &row.person, own);
        let child = found.who.id;
        let repeated = self.is_repeated(own);
        let stays = if found.fresh { Vec::new() } else { self.stays(&found) };
        let linked = !found.fresh && stays.is_empty();
        let elsewhere = found.is_elsewhere() || self.is_held_unseen(child);
        let holds = stays.iter().any(|stay| stay.holds);
        let mut fields = Vec::new();
        match stays.into_iter().find(|stay| stay.org == org.id) {
            Some(stay) if stay.class == Some(class) => {}
            Some(_) if repeated => {
                let why = "another row of the file puts the same student into another class; that one counts";
                return Ok(self.refuse(number, Fault::new(Column::Class, Code::RowRepeated, why)));
            }
            Some(stay) => {
                self.change_class(child, stay.record, class)?;
                fields.push("enrolment");
            }
            None if holds => {
                let why = if self.claim_student(&found, row, own, org, class, true) {
                    "the student's 学籍 is at another school; a transfer was asked for there"
                } else {
                    "the student's 学籍 is at another school, where a transfer was rejected lately"
                };
                return Ok(self.refuse(number, Fault::new(Column::School, Code::EnrolledElsewhere, why)));
            }
            None if elsewhere => {
                self.claim_student(&found, row, own, org, class, false);
                fields.push("enrolment");
            }
            None => {
                let enrolment = self.enrolment(child, org, class, row.student_no.clone());
                self.known.enrolments.entry(child).or_default().push(enrolment.clone());
                self.plan.enrolments.push(enrolment);
                self.arrive(&found.who, row.person.name.name_key(), org);
                fields.push("enrolment");
            }
        }
        if found.code_taken {
            self.claim_student(&found, row, own, org, class, false);
        }
        let of = ChildOf { number, id: child, key: found.key(), org, repeated, differs: found.differs() };
        for (place, ((person, relation, column), keys)) in row.guardians.iter().zip(guardian_keys).enumerate() {
            let guardian = GuardianRow { place, person, relation: *relation, column: *column, keys };
            if self.guardian(&of, &guardian)? {
                fields.push("guardianship");
            }
        }
        if found.changed && !found.fresh {
            fields.push("contact");
        }
        self.login(number, "student", &found);
        Ok(self.conclude(&found, linked, "person.enrolled", &fields))
    }

    /// The open stays that the actor sees.
    fn stays(&self, found: &Found) -> Vec<Stay> {
        let recorded = self.known.enrolments.get(&found.who.id).into_iter().flatten();
        let recorded = recorded.filter(|stay| self.sight.covers(stay.org)).map(|stay| Stay {
            org: stay.org,
            class: stay.class,
            holds: stay.source == StudentSource::Normal,
            record: Record::Enrolment(stay.clone()),
        });
        let claimed = self.known.stated.under(found.who.id, found.key()).filter(|_| self.sight.is_bounded());
        let claimed = claimed.filter(|claim| claim.kind == ClaimKind::Student && !claim.details.transfer);
        let claimed = claimed.filter(|claim| claim.stands(self.ctx.now));
        let claimed = claimed.map(|claim| Stay {
            org: claim.org,
            class: claim.class,
            holds: true,
            record: Record::Claim(claim.id),
        });
        let mut stays: Vec<Stay> = recorded.collect();
        for stay in claimed {
            if stays.iter().all(|known| known.org != stay.org) {
                stays.push(stay);
            }
        }
        stays
    }

    /// Whether a school that the actor does not see holds the 学籍.
    fn is_held_unseen(&self, person: PersonId) -> bool {
        let stays = self.known.enrolments.get(&person).into_iter().flatten();
        stays.into_iter().any(|stay| stay.source == StudentSource::Normal && !self.sight.covers(stay.org))
    }

    fn change_class(&mut self, child: PersonId, record: Record, class: ClassId) -> Result<(), Error> {
        match record {
            Record::Claim(id) => self.restate(id, |claim| claim.class = Some(class)),
            Record::Enrolment(stay) => {
                let moved = stay.move_to(class, self.ctx.now).map_err(Error::internal)?;
                let stays = self.known.enrolments.entry(child).or_default();
                stays.retain(|known| known.id != moved.id);
                stays.push(moved.clone());
                // Twice in one file: the last row counts, and is written once.
                self.plan.moved.push(moved);
            }
        }
        Ok(())
    }

    fn claim_student(
        &mut self,
        found: &Found,
        row: &StudentRow,
        keys: &Keys,
        org: &Org,
        class: ClassId,
        transfer: bool,
    ) -> bool {
        let details = Details { number: row.student_no.clone(), transfer, ..Details::default() };
        let claimed = Claimed {
            kind: ClaimKind::Student,
            org: org.id,
            child: found.who.id,
            class: Some(class),
            details,
            state: ClaimState::Pending,
        };
        self.claim(found, &row.person, keys, claimed)
    }

    /// Whether another row of this import named the same student, and remembers that this one does. A second row that
    /// says otherwise would be undone by the first one at the next import.
    fn is_repeated(&mut self, keys: &Keys) -> bool {
        let Some(key) = keys.document.as_ref().map(|document| document.index).or(keys.code) else { return false };
        let mut short = [0; 8];
        short.copy_from_slice(&key[..8]);
        let short = u64::from_be_bytes(short);
        let repeated = self.earlier.contains(&short) || self.plan.named.contains(&short);
        self.plan.named.insert(short);
        repeated
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
        let said = self.said_to_work(&found, org.id);
        let linked = !found.fresh && here.is_none() && said.is_none();
        let taught = match (here, said) {
            (Some(post), _) => self.teach(&post, row, classes),
            (None, Some(said)) => self.restate_teaching(said, row, classes),
            (None, None) => {
                fields.push("staffing");
                if found.is_elsewhere() {
                    self.claim_staff(&found, row, own, org, classes);
                    !classes.is_empty()
                } else {
                    let post = self.staffing(person, org, row);
                    self.known.staffings.entry(person).or_default().push(post.clone());
                    self.plan.staffings.push(post.clone());
                    self.arrive(&found.who, row.person.name.name_key(), org);
                    self.teach(&post, row, classes)
                }
            }
        };
        if taught {
            fields.push("teaching");
        }
        if found.changed && !found.fresh {
            fields.push("contact");
        }
        self.login(number, "staff", &found);
        Ok(self.conclude(&found, linked, "person.employed", &fields))
    }

    fn said_to_work(&self, found: &Found, org: OrgId) -> Option<RelationClaimId> {
        let mut stated = self.known.stated.under(found.who.id, found.key()).filter(|_| !found.fresh);
        stated
            .find(|claim| claim.org == org && claim.kind == ClaimKind::Staff && claim.stands(self.ctx.now))
            .map(|claim| claim.id)
    }

    fn claim_staff(&mut self, found: &Found, row: &StaffRow, keys: &Keys, org: &Org, classes: &[ClassId]) {
        let details = Details {
            number: row.staff_no.clone(),
            post: Some(row.post.as_str().to_owned()),
            teaches: taught(row, classes).collect(),
            ..Details::default()
        };
        let claimed = Claimed {
            kind: ClaimKind::Staff,
            org: org.id,
            child: found.who.id,
            class: None,
            details,
            state: ClaimState::Pending,
        };
        self.claim(found, &row.person, keys, claimed);
    }

    fn restate_teaching(&mut self, said: RelationClaimId, row: &StaffRow, classes: &[ClassId]) -> bool {
        let Some(claim) = self.known.stated.get_mut(said) else { return false };
        let known = &claim.details.teaches;
        let is_new = |one: &Taught| known.iter().all(|old| old.class != one.class || old.subject != one.subject);
        let new: Vec<Taught> = taught(row, classes).filter(is_new).collect();
        if new.is_empty() {
            return false;
        }
        self.restate(said, |claim| claim.details.teaches.extend(new));
        true
    }

    fn conclude(&mut self, found: &Found, linked: bool, kind: &'static str, fields: &[&str]) -> Outcome {
        let bounded = self.sight.is_bounded();
        if found.fresh {
            return if bounded { Outcome::Accepted } else { Outcome::Created };
        }
        if fields.is_empty() {
            return Outcome::Unchanged;
        }
        if !found.is_elsewhere() {
            let kind = if linked { kind } else { "person.changed" };
            self.plan.change(self.app, self.ctx, found.who.id, kind, fields);
        }
        match (linked, bounded) {
            (false, _) => Outcome::Updated,
            (true, false) => Outcome::Linked,
            (true, true) => Outcome::Accepted,
        }
    }

    fn refuse(&mut self, number: u64, fault: Fault) -> Outcome {
        if self.is_kept(&fault) {
            return if self.asked_before { Outcome::Unchanged } else { Outcome::Accepted };
        }
        let conflict = matches!(
            fault.code,
            Code::DocumentConflict | Code::DocumentErased | Code::PersonalCodeConflict | Code::EnrolledElsewhere
        );
        self.plan.faults.push((number, fault));
        if conflict { Outcome::Conflict } else { Outcome::Rejected }
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
            began_by: None,
            ended_by: None,
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

    fn teach(&mut self, post: &Staffing, row: &StaffRow, classes: &[ClassId]) -> bool {
        let known = self.known.taught.entry(post.id).or_default();
        let before = self.plan.teachings.len();
        for (place, class) in classes.iter().enumerate() {
            if known.iter().any(|known| known.class == *class && known.subject == row.subject) {
                continue;
            }
            let teaching = Teaching {
                id: new_uuid(self.ctx.now, &*self.app.random),
                staffing: post.id,
                class: *class,
                subject: row.subject,
                head_teacher: heads(row, place),
                valid_from: self.ctx.now.shanghai_date(),
                valid_to: None,
            };
            known.push(teaching.clone());
            self.plan.teachings.push((post.person, teaching));
        }
        self.plan.teachings.len() > before
    }

    fn arrive(&mut self, who: &Somebody, name_key: String, org: &Org) {
        for at in &org.presence {
            self.plan.presence.push((*at, name_key.clone(), who.id));
        }
    }

    /// An administrator gets her user names from the class list, where those whom she only claims are not (R1).
    pub(super) fn login(&mut self, row: u64, who: &'static str, found: &Found) {
        if self.sight.is_bounded() {
            return;
        }
        if let Some(user_name) = self.known.user_names.get(&found.who.id) {
            self.plan.logins.push(Login { row, who, user_name: user_name.clone() });
        }
    }

    pub(super) fn birth(&mut self, aggregate: &'static str, id: Uuid, kind: &'static str) {
        self.plan.birth(self.app, self.ctx, aggregate, id, kind);
    }
}

/// The first class named is the one she heads: a row has one mark for all of them.
fn heads(row: &StaffRow, place: usize) -> bool {
    row.head_teacher && place == 0
}

fn taught(row: &StaffRow, classes: &[ClassId]) -> impl Iterator<Item = Taught> {
    classes.iter().enumerate().map(|(place, class)| Taught {
        class: *class,
        subject: row.subject.map(Subject::as_str).map(str::to_owned),
        head_teacher: heads(row, place),
    })
}
