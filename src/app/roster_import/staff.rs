//! A row about somebody who works at an institution: her post, her 工号 and what she teaches.

use super::Outcome;
use super::classes::Seat;
use super::desk::{Desk, closed};
use super::identify::{Claimed, Found};
use super::known::{Keys, Org};
use crate::app::Error;
use crate::domain::id::{ClassId, OrgId, PersonId, RelationClaimId, StaffingId, new_uuid};
use crate::domain::registry::codes::staff::{StaffPost, StaffState};
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, Details, Taught};
use crate::domain::registry::roster::{Code, Column, Fault, StaffRow};
use crate::domain::registry::school_number;
use crate::domain::registry::staffing::{Staffing, Teaching};

/// A class that somebody is to teach, and whether as its head teacher: the first one that her row names is the one she
/// heads, as a row has one mark for all of them.
#[derive(Clone, Copy)]
struct Lesson {
    class: ClassId,
    head: bool,
}

impl Desk<'_> {
    /// Somebody who works at an institution.
    pub(super) fn staff(
        &mut self,
        number: u64,
        row: &StaffRow,
        keys: &[Keys],
        org: &Org,
        seats: &[Seat],
    ) -> Result<Outcome, Error> {
        let Some(own) = keys.first() else { return Err(Error::internal("a row without keys")) };
        let found = match self.person(&row.person, own, Column::DocumentNumber)? {
            Ok(found) => found,
            Err(fault) => return Ok(self.refuse(number, fault)),
        };
        let person = found.who.id;
        // The word of a school is good for others (R1).
        let herself = self.sight.admin() == Some(person);
        let mut fields = Vec::new();
        let repeated = self.is_repeated(own, Some(org.id));
        let lessons = self.lessons(number, row, seats);
        let here = self.known.staffings.entry(person).or_default().iter().find(|post| post.org == org.id).cloned();
        let said = self.said_to_work(&found, org.id);
        let linked = !found.fresh && here.is_none() && said.is_none();
        let taught = match (here, said) {
            (Some(post), _) => {
                if !repeated && self.renumber(&post, row) {
                    fields.push("staffing");
                }
                if row.post.is_some_and(|told| told != post.post) {
                    let why = "已登记另一岗位，保留不变；调整岗位请用 `mingji staff move`。Another post is recorded, and stays: a change of post is `mingji staff move`";
                    self.plan.warnings.push((number, Fault::new(Column::Post, Code::ValueDiffers, why)));
                }
                if herself {
                    self.keep_lessons(number, &post, row, &lessons)
                } else {
                    self.teach(number, &post, row, &lessons)
                }
            }
            (None, None) if herself => return Ok(self.refuse(number, of_herself(Column::Post))),
            (None, Some(said)) => self.restate_teaching(said, row, &lessons),
            (None, None) => {
                fields.push("staffing");
                if found.is_elsewhere() || self.is_employed_unseen(person) {
                    self.claim_staff(&found, row, own, org, &lessons);
                    !lessons.is_empty()
                } else if self.known.closed.contains(&person) {
                    return Ok(self.refuse(number, closed(Column::DocumentNumber)));
                } else {
                    let post = self.staffing(person, org, row);
                    self.known.staffings.entry(person).or_default().push(post.clone());
                    self.plan.staffings.push(post.clone());
                    self.arrive(&found.who, row.person.name.name_key(), org);
                    self.teach(number, &post, row, &lessons)
                }
            }
        };
        if taught {
            fields.push("teaching");
        }
        if found.changed && !found.fresh {
            fields.push("contact");
        }
        if !repeated {
            fields.extend(self.fill(&found, &row.person));
        }
        self.login(number, "staff", &found);
        Ok(self.conclude(&found, linked, "person.employed", &fields))
    }

    /// The classes that the row gives her, as far as they are open.
    fn lessons(&mut self, number: u64, row: &StaffRow, seats: &[Seat]) -> Vec<Lesson> {
        let mut lessons = Vec::with_capacity(seats.len());
        for (place, seat) in seats.iter().enumerate() {
            match seat.is_over() {
                Some(why) => self.plan.warnings.push((number, Fault::new(Column::Teaches, Code::ClassOver, why))),
                None => {
                    self.plan.seated.insert(seat.id);
                    lessons.push(Lesson { class: seat.id, head: row.head_teacher && place == 0 });
                }
            }
        }
        lessons
    }

    /// The 工号 as the row has it, which is the institution's own; whether that is another one.
    fn renumber(&mut self, post: &Staffing, row: &StaffRow) -> bool {
        let said = row.staff_no.as_deref().filter(|number| !school_number::says(number, post.staff_no.as_deref()));
        let Some(said) = said else { return false };
        let (staff_no, now) = (Some(said.to_owned()), self.ctx.now);
        let posts = self.known.staffings.entry(post.person).or_default();
        let Some(known) = posts.iter_mut().find(|known| known.id == post.id) else { return false };
        *known = Staffing { staff_no, updated_at: now, version: post.version + 1, ..post.clone() };
        self.plan.renumbered.push(known.clone());
        true
    }

    /// Whether others hold her whom the actor sees as somebody's guardian only: they confirm what becomes of her (R1).
    fn is_employed_unseen(&self, person: PersonId) -> bool {
        let posts = self.known.staffings.get(&person).into_iter().flatten().map(|post| post.org);
        let stays = self.known.enrolments.get(&person).into_iter().flatten().map(|stay| stay.org);
        let (inside, outside): (Vec<OrgId>, Vec<OrgId>) = posts.chain(stays).partition(|org| self.sight.covers(*org));
        inside.is_empty() && !outside.is_empty()
    }

    fn said_to_work(&self, found: &Found, org: OrgId) -> Option<RelationClaimId> {
        let mut stated = self.known.stated.under(found.who.id, found.key()).filter(|_| !found.fresh);
        stated
            .find(|claim| claim.org == org && claim.kind == ClaimKind::Staff && claim.stands(self.ctx.now))
            .map(|claim| claim.id)
    }

    fn claim_staff(&mut self, found: &Found, row: &StaffRow, keys: &Keys, org: &Org, lessons: &[Lesson]) {
        let details = Details {
            number: row.staff_no.clone(),
            post: Some(post(row).as_str().to_owned()),
            teaches: taught(row, lessons).collect(),
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

    fn restate_teaching(&mut self, said: RelationClaimId, row: &StaffRow, lessons: &[Lesson]) -> bool {
        let Some(claim) = self.known.stated.get_mut(said) else { return false };
        let known = &claim.details.teaches;
        let is_new = |one: &Taught| known.iter().all(|old| old.class != one.class || old.subject != one.subject);
        let new: Vec<Taught> = taught(row, lessons).filter(is_new).collect();
        if new.is_empty() {
            return false;
        }
        self.restate(said, |claim| claim.details.teaches.extend(new));
        true
    }

    fn staffing(&self, person: PersonId, org: &Org, row: &StaffRow) -> Staffing {
        Staffing {
            id: StaffingId::new(self.ctx.now, &*self.app.random),
            person,
            org: org.id,
            category: post(row).category(),
            post: post(row),
            staff_no: row.staff_no.clone(),
            state: StaffState::Serving,
            valid_from: self.ctx.now.shanghai_date(),
            valid_to: None,
            created_at: self.ctx.now,
            updated_at: self.ctx.now,
            version: 1,
        }
    }

    /// Gives her what she does not teach yet; whoever teaches a class already may become its head teacher. A class that
    /// has another one keeps her: two rows that say it would take turns at each import.
    fn teach(&mut self, number: u64, post: &Staffing, row: &StaffRow, lessons: &[Lesson]) -> bool {
        let mut changed = false;
        for lesson in lessons {
            let heads = self.known.heads.get(&lesson.class);
            let is_another_s = heads.is_some_and(|heads| heads.iter().any(|head| *head != post.id));
            if lesson.head && is_another_s {
                let why = "该班已有另一位班主任，保留不变；更换请用 `mingji staff teach --head`。The class has another head teacher, who stays it: change that \
                           by `mingji staff teach --head`";
                self.plan.warnings.push((number, Fault::new(Column::HeadTeacher, Code::ValueDiffers, why)));
            }
            let head = lesson.head && !is_another_s;
            changed |= self.take_lesson(post, row.subject, Lesson { head, ..*lesson });
        }
        changed
    }

    /// An administrator's own row gives her nothing that she has not: another one gives it, of the school or above it.
    fn keep_lessons(&mut self, number: u64, post: &Staffing, row: &StaffRow, lessons: &[Lesson]) -> bool {
        let known = self.known.taught.entry(post.id).or_default();
        let has = |lesson: &&Lesson| {
            known.iter().any(|known| {
                (known.class, known.subject) == (lesson.class, row.subject) && (known.head_teacher || !lesson.head)
            })
        };
        if !lessons.iter().all(|lesson| has(&lesson)) {
            self.plan.faults.push((number, of_herself(Column::Teaches)));
        }
        false
    }

    fn take_lesson(&mut self, post: &Staffing, subject: Option<Subject>, lesson: Lesson) -> bool {
        let known = self.known.taught.entry(post.id).or_default();
        let same = known.iter().position(|known| (known.class, known.subject) == (lesson.class, subject));
        if let Some(at) = same {
            if known[at].head_teacher || !lesson.head {
                return false;
            }
            let before = known.swap_remove(at);
            // Said earlier in this batch: that lesson was never taught.
            let planned = self.plan.teachings.len();
            self.plan.teachings.retain(|(_, planned)| planned.id != before.id);
            if self.plan.teachings.len() == planned {
                self.plan.ended.push(before.id);
            }
        }
        let teaching = Teaching {
            id: new_uuid(self.ctx.now, &*self.app.random),
            staffing: post.id,
            class: lesson.class,
            subject,
            head_teacher: lesson.head,
            valid_from: self.ctx.now.shanghai_date(),
            valid_to: None,
        };
        if lesson.head {
            self.known.heads.entry(lesson.class).or_default().insert(post.id);
        }
        known.push(teaching.clone());
        self.plan.teachings.push((post.person, teaching));
        true
    }
}

fn of_herself(column: Column) -> Fault {
    let why = "不能由本人登记自己的岗位或任教，请由其他管理员办理。Nobody records what she is herself: another administrator does, of the school or above it";
    Fault::new(column, Code::ValueInvalid, why)
}

/// What a row says she is; a teacher, where it says nothing.
fn post(row: &StaffRow) -> StaffPost {
    row.post.unwrap_or(StaffPost::Teacher)
}

fn taught(row: &StaffRow, lessons: &[Lesson]) -> impl Iterator<Item = Taught> {
    lessons.iter().map(|lesson| Taught {
        class: lesson.class,
        subject: row.subject.map(Subject::as_str).map(str::to_owned),
        head_teacher: lesson.head,
    })
}
