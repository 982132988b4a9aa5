//! One row against what is known: what it makes of it goes into the plan of the batch, and what is known follows.

use std::collections::HashSet;

use uuid::Uuid;

use super::classes::Seat;
use super::guardian::{ChildOf, GuardianRow};
use super::identify::{Claimed, Found};
use super::known::{Keys, Known, Org, Somebody};
use super::plan::Plan;
use super::sight::Sight;
use super::{Login, Outcome};
use crate::app::{App, Ctx, Error};
use crate::domain::id::{ClassId, EnrolmentId, OrgId, PersonId, RelationClaimId};
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, Details};
use crate::domain::registry::roster::{Code, Column, Fault, StudentRow};
use crate::domain::registry::school_number;

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
pub(super) struct Stay {
    org: OrgId,
    pub(super) class: Option<ClassId>,
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
        seat: Seat,
    ) -> Result<Outcome, Error> {
        let [own, guardian_keys @ ..] = keys else { return Err(Error::internal("a row without keys")) };
        let class = seat.id;
        // Before anybody is registered for it; whoever sits there still, as who was 休学 when it graduated, is said again.
        match seat.is_over() {
            Some(why) if !self.sits_in(own, class) => {
                return Ok(self.refuse(number, Fault::new(Column::Class, Code::ClassOver, why)));
            }
            Some(_) => {}
            None => drop(self.plan.seated.insert(class)),
        }
        let found = match self.person(&row.person, own, Column::DocumentNumber)? {
            Ok(found) => found,
            Err(fault) => return Ok(self.refuse(number, fault)),
        };
        self.plan.warnings.extend(found.not_taken.clone().map(|told| (number, told)));
        self.look_at_hint(&found, &row.person, own);
        let child = found.who.id;
        let repeated = self.is_repeated(own, None);
        let stays = if found.fresh { Vec::new() } else { self.stays(child, found.key()) };
        let linked = !found.fresh && stays.is_empty();
        let elsewhere = found.is_elsewhere() || self.is_held_unseen(child);
        let holds = stays.iter().any(|stay| stay.holds);
        let mut fields = Vec::new();
        match stays.into_iter().find(|stay| stay.org == org.id) {
            Some(stay) if repeated && stay.class == Some(class) => {}
            Some(_) if repeated => {
                let why = "同一学生在文件中的另一行已分到另一班级，以那一行为准。Another row of the file puts the same student into another class; that one counts";
                return Ok(self.refuse(number, Fault::new(Column::Class, Code::RowRepeated, why)));
            }
            Some(stay) => {
                if self.list(child, stay.record, class, row.student_no.as_deref())? {
                    fields.push("enrolment");
                }
            }
            None if holds => {
                let why = if self.claim_student(&found, row, own, org, class, true) {
                    "该生学籍在他校，已向该校提出转学申请。The student's 学籍 is at another school; a transfer was asked for there"
                } else {
                    "该生学籍在他校，该校近期已拒绝转学申请。The student's 学籍 is at another school, where a transfer was rejected lately"
                };
                return Ok(self.refuse(number, Fault::new(Column::School, Code::EnrolledElsewhere, why)));
            }
            None if elsewhere => {
                self.claim_student(&found, row, own, org, class, false);
                fields.push("enrolment");
            }
            None if self.known.closed.contains(&child) => {
                return Ok(self.refuse(number, closed(Column::DocumentNumber)));
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
        if !repeated {
            fields.extend(self.fill(&found, &row.person));
        }
        self.login(number, "student", &found);
        Ok(self.conclude(&found, linked, "person.enrolled", &fields))
    }

    /// The open stays of a person that the actor sees; `key` is the one under which she only named her.
    pub(super) fn stays(&self, person: PersonId, key: Option<[u8; 32]>) -> Vec<Stay> {
        let recorded = self.known.enrolments.get(&person).into_iter().flatten();
        let recorded = recorded.filter(|stay| self.sight.covers(stay.org)).map(|stay| Stay {
            org: stay.org,
            class: stay.class,
            holds: stay.source == StudentSource::Normal,
            record: Record::Enrolment(stay.clone()),
        });
        let claimed = self.known.stated.under(person, key).filter(|_| self.sight.is_bounded());
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

    /// Class and 学号 as the row has them: both are the school's own. Whether anything changed.
    fn list(
        &mut self,
        child: PersonId,
        record: Record,
        class: ClassId,
        student_no: Option<&str>,
    ) -> Result<bool, Error> {
        match record {
            Record::Claim(id) => {
                let Some(said) = self.known.stated.get_mut(id) else { return Ok(false) };
                let known = said.details.number.clone();
                let number = student_no.filter(|number| !school_number::says(number, known.as_deref()));
                let number = number.map(str::to_owned).or(known);
                if said.class == Some(class) && said.details.number == number {
                    return Ok(false);
                }
                self.restate(id, |claim| (claim.class, claim.details.number) = (Some(class), number));
            }
            Record::Enrolment(stay) => {
                let Some(listed) = stay.listed(class, student_no, self.ctx.now).map_err(Error::internal)? else {
                    return Ok(false);
                };
                let stays = self.known.enrolments.entry(child).or_default();
                stays.retain(|known| known.id != listed.id);
                stays.push(listed.clone());
                self.plan.moved.push(listed);
            }
        }
        Ok(true)
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

    /// Whether another row of this import named the same person (at the same institution, where that is given), and
    /// remembers that this one does. A second row that says otherwise would be undone by the first one at the next import.
    pub(super) fn is_repeated(&mut self, keys: &Keys, at: Option<OrgId>) -> bool {
        let Some(key) = keys.document.as_ref().map(|document| document.index).or(keys.code) else { return false };
        let mut short = [0; 8];
        short.copy_from_slice(&key[..8]);
        // The end of an id is drawn.
        let place = at.map_or(0, |org| org.0.as_u64_pair().1);
        let short = u64::from_be_bytes(short) ^ place;
        let repeated = self.earlier.contains(&short) || self.plan.named.contains(&short);
        self.plan.named.insert(short);
        repeated
    }

    pub(super) fn conclude(&mut self, found: &Found, linked: bool, kind: &'static str, fields: &[&str]) -> Outcome {
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

    pub(super) fn refuse(&mut self, number: u64, fault: Fault) -> Outcome {
        if self.is_kept(&fault) {
            return if self.asked_before { Outcome::Unchanged } else { Outcome::Accepted };
        }
        let conflict = matches!(
            fault.code,
            Code::DocumentConflict
                | Code::DocumentErased
                | Code::PersonClosed
                | Code::PersonalCodeConflict
                | Code::EnrolledElsewhere
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

    pub(super) fn arrive(&mut self, who: &Somebody, name_key: String, org: &Org) {
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

/// Nothing begins any more for somebody whom the actor sees.
pub(super) fn closed(column: Column) -> Fault {
    let why = "该人员已故或正在注销，如有误请先更正。The person died, or asked to be erased: where that is wrong, have it corrected first";
    Fault::new(column, Code::PersonClosed, why)
}
