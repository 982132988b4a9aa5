//! Staff and the classes they teach 任职.

use chrono::NaiveDate;

use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, OrgId, PersonId, StaffingId, new_uuid};
use crate::domain::registry::codes::staff::{StaffPost, StaffState};
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::store::{persons, staffings};

/// A member of staff to be employed.
pub struct NewStaffing {
    /// Where.
    pub org: OrgId,
    /// As what; the category follows from it.
    pub post: StaffPost,
    /// 工号.
    pub staff_no: Option<String>,
    /// Classes taught, with the subject and whether she is the head teacher.
    pub teaches: Vec<(ClassId, Option<Subject>, bool)>,
    /// Since.
    pub from: NaiveDate,
}

impl App {
    /// Employs somebody and gives her classes; `false` when she has a current post there already.
    ///
    /// # Errors
    /// A failed store.
    pub async fn employ(&self, ctx: &Ctx, task: TaskName, person: PersonId, new: NewStaffing) -> Result<bool, Error> {
        let on = access::task(task).on(person);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let staffing = Staffing {
            id: StaffingId::new(ctx.now, &*self.random),
            person,
            org: new.org,
            category: new.post.category(),
            post: new.post,
            staff_no: new.staff_no,
            state: StaffState::Serving,
            valid_from: new.from,
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if !staffings::insert(work.tx(), &on, &staffing).await? {
            return Ok(false);
        }
        for (class, subject, head_teacher) in new.teaches {
            let id = new_uuid(ctx.now, &*self.random);
            let teaching = Teaching {
                id,
                staffing: staffing.id,
                class,
                subject,
                head_teacher,
                valid_from: new.from,
                valid_to: None,
            };
            staffings::teach(work.tx(), &on, &teaching).await?;
        }
        persons::refresh_presence(work.tx(), &on).await?;
        work.target("person", person).target("institution", new.org).event(
            "person",
            person,
            "person.employed",
            &["staffing"],
        );
        work.commit(Outcome::Done).await?;
        Ok(true)
    }
}
