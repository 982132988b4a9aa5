//! Who teaches what to whom 任教, on any day.

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::relation_claim::Decider;
use super::roster_view::{Cut, Viewed, name_until};
use super::{App, Ctx, Error};
use crate::domain::id::{ClassId, OrgId, PersonId, StaffingId};
use crate::domain::registry::codes::subject::Subject;
use crate::store::roster_rows::{self, Span};

/// A class that somebody teaches.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Lesson)]
pub struct LessonRow {
    /// The row.
    pub id: Uuid,
    /// The class.
    pub class_id: ClassId,
    /// Its name.
    pub class: String,
    /// The post under which it is taught.
    pub staffing_id: StaffingId,
    /// Who.
    pub person_id: PersonId,
    /// Her name; of whoever left, the one that she had then.
    pub name: String,
    /// ZXXKC and extensions; none of a head teacher alone.
    pub subject: Option<Subject>,
    /// 班主任.
    pub head_teacher: bool,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer taught; none: it is.
    pub to: Option<NaiveDate>,
}

impl App {
    /// What is taught in an institution's classes on a day, behind a row, at most `limit`. Audited, and noted for each of
    /// those who teach.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below the administrator.
    pub async fn lessons_of(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: OrgId,
        day: Option<NaiveDate>,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Cut<LessonRow>, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        self.seen(&mut tx, &scope, org).await?;
        let viewed = Viewed { org, day };
        let day = day.unwrap_or_else(|| ctx.now.shanghai_date());
        let span = Span { day, after: after.unwrap_or(Uuid::nil()), limit: limit + 1 };
        let found = roster_rows::lessons(&mut tx, &scope, org, span).await?;
        let Cut { items: found, more } = Cut::at(found, limit);
        let mut items = Vec::with_capacity(found.len());
        for lesson in found {
            items.push(LessonRow {
                id: lesson.id,
                class_id: lesson.class,
                class: lesson.class_name,
                staffing_id: lesson.staffing,
                person_id: lesson.person,
                name: name_until(&mut tx, lesson.person, lesson.post_to, lesson.name.unwrap_or_default()).await?,
                subject: lesson.subject,
                head_teacher: lesson.head_teacher,
                from: lesson.valid_from,
                to: lesson.valid_to,
            });
        }
        drop(tx);
        self.note_view(ctx, by, viewed, items.iter().map(|row| row.person_id).collect(), items.len()).await?;
        Ok(Cut { items, more })
    }
}
