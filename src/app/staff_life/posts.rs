//! The posts of somebody, the numbers that she had there and what she taught, in turn or as of a day.

use chrono::NaiveDate;
use serde::Serialize;

use super::missing;
use crate::app::{App, Ctx, Error, access};
use crate::domain::access::{Subtree, Task, TaskName};
use crate::domain::id::{PersonId, StaffingId};
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::in_turn::last_day;
use crate::domain::registry::reason::read_reason;
use crate::domain::registry::staffing::Teaching;
use crate::store::db::Tx;
use crate::store::{classes, institutions, persons, staffings};

/// A post, and what is taught under it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PostPart {
    /// The post.
    pub staffing_id: StaffingId,
    /// Where.
    pub institution: String,
    /// GWZY.
    pub post: &'static str,
    /// The same in words.
    pub post_label: &'static str,
    /// JZGDQZT.
    pub state: &'static str,
    /// 工号, in turn unless a day was asked for.
    pub numbers: Vec<NumberPart>,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer held; none: it is.
    pub to: Option<NaiveDate>,
    /// Classes, also those of another time unless a day was asked for.
    pub teaches: Vec<LessonPart>,
}

/// A 工号 for a time.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct NumberPart {
    /// The number; none: she had none.
    pub staff_no: Option<String>,
    /// First day.
    pub from: NaiveDate,
    /// First day on which she no longer had it; none: she has.
    pub to: Option<NaiveDate>,
}

/// A class taught for a time.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct LessonPart {
    /// The class.
    pub class: String,
    /// ZXXKC, in words; none for a head teacher alone.
    pub subject: Option<&'static str>,
    /// 班主任.
    pub head_teacher: bool,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer taught; none: it is.
    pub to: Option<NaiveDate>,
}

impl App {
    /// The posts of somebody and what she taught, the oldest first; on one day, where one is given. History is a full
    /// record (R19), so it is the operator's, who says why; audited.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there; `Invalid` for a reason that is none.
    pub async fn posts_as_of(
        &self,
        ctx: &Ctx,
        why: &str,
        person: PersonId,
        day: Option<NaiveDate>,
    ) -> Result<Vec<PostPart>, Error> {
        let why = read_reason(why).map_err(|why| Error::invalid(why.to_string()))?;
        let task = access::task(TaskName::StaffLife);
        let mut tx = self.db.read().await?;
        let person = persons::survivor(&mut tx, person).await?.ok_or_else(missing)?;
        let told = self.posts_in(&mut tx, &task, person, day, None).await?;
        drop(tx);
        self.disclose(ctx, why, person, &[]).await?;
        Ok(told)
    }

    pub(super) async fn posts_in(
        &self,
        tx: &mut Tx,
        task: &Task,
        person: PersonId,
        day: Option<NaiveDate>,
        seen: Option<&Subtree>,
    ) -> Result<Vec<PostPart>, Error> {
        let on = task.on(person);
        let taught = staffings::taught(tx, &on).await?;
        let numbers = staffings::former_numbers(tx, &on).await?;
        let mut told = Vec::new();
        for post in staffings::of_person(tx, &on).await? {
            if day.is_some_and(|day| !post.stands_on(day)) {
                continue;
            }
            if let Some(scope) = seen
                && institutions::find_in(tx, scope, post.org).await?.is_none()
            {
                continue;
            }
            let mut teaches = Vec::new();
            for lesson in taught.iter().filter(|lesson| lesson.staffing == post.id) {
                if day.is_none_or(|day| lesson.stands_on(day)) {
                    let told = day.unwrap_or_else(|| last_day(lesson.valid_to));
                    let class = classes::find_on(tx, task, lesson.class, told).await?.map(|class| class.name);
                    teaches.push(lesson_part(lesson, class.unwrap_or_default()));
                }
            }
            let org = institutions::find(tx, task, post.org).await?;
            let in_turn = post.numbered(&numbers);
            told.push(PostPart {
                staffing_id: post.id,
                institution: org.map(|org| org.name).unwrap_or_default(),
                post: post.post.as_str(),
                post_label: post.post.label(),
                state: post.state.as_str(),
                numbers: in_turn
                    .into_iter()
                    .filter(|(_, from, to)| day.is_none_or(|day| *from <= day && day < *to))
                    .map(|(staff_no, from, to)| NumberPart {
                        staff_no,
                        from,
                        to: Some(to).filter(|end| *end != NaiveDate::MAX),
                    })
                    .collect(),
                from: post.valid_from,
                to: post.valid_to,
                teaches,
            });
        }
        Ok(told)
    }
}

fn lesson_part(lesson: &Teaching, class: String) -> LessonPart {
    LessonPart {
        class,
        subject: lesson.subject.map(Subject::label),
        head_teacher: lesson.head_teacher,
        from: lesson.valid_from,
        to: lesson.valid_to,
    }
}
