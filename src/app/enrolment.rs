//! Students at schools 学籍.

use chrono::NaiveDate;

use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, EnrolmentId, OrgId, PersonId};
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::enrolment::Enrolment;
use crate::store::{enrolments, persons};

impl App {
    /// Enrols a student; `false` when she has a current 学籍 already.
    ///
    /// # Errors
    /// A failed store.
    pub async fn enrol(
        &self,
        ctx: &Ctx,
        task: TaskName,
        person: PersonId,
        org: OrgId,
        class: ClassId,
        from: NaiveDate,
    ) -> Result<bool, Error> {
        let on = access::task(task).on(person);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let enrolment = Enrolment {
            id: EnrolmentId::new(ctx.now, &*self.random),
            person,
            org,
            class: Some(class),
            student_no: None,
            category: None,
            state: StudentState::Enrolled,
            source: StudentSource::Normal,
            began_by: None,
            ended_by: None,
            valid_from: from,
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if !enrolments::insert(work.tx(), &on, &enrolment).await? {
            return Ok(false);
        }
        persons::refresh_presence(work.tx(), &on).await?;
        work.target("person", person).target("institution", org).event(
            "person",
            person,
            "person.enrolled",
            &["enrolment"],
        );
        work.commit(Outcome::Done).await?;
        Ok(true)
    }
}
