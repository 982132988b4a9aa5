//! The platform that people call home 平台就近服务: the one near to where they belong. It follows them, and they keep subject and
//! space.

use chrono::NaiveDate;

use super::work::Work;
use super::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::enrolment::Enrolment;
use crate::store::{enrolments, handovers, platforms, staffings};

impl App {
    /// After somebody began to study or work at an institution and belongs nowhere else: her home goes along from where she
    /// belonged last. One that somebody gave her stays.
    pub(super) async fn home_follows(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: PersonId,
        to: OrgId,
    ) -> Result<(), Error> {
        let on = task.on(person);
        let stays = enrolments::of_person(work.tx(), &on).await?;
        let registers = stays.iter().filter(|stay| Enrolment::is_register(stay));
        let mut elsewhere: Vec<(OrgId, Option<NaiveDate>)> = registers.map(|stay| (stay.org, stay.valid_to)).collect();
        elsewhere.extend(staffings::of_person(work.tx(), &on).await?.iter().map(|post| (post.org, post.valid_to)));
        elsewhere.retain(|(org, _)| *org != to);
        if elsewhere.iter().any(|(_, end)| end.is_none()) {
            return Ok(());
        }
        match elsewhere.into_iter().max_by_key(|(_, end)| *end) {
            Some((from, _)) => self.homes_go(work, ctx, task, (from, to), &[person]).await,
            None => Ok(()),
        }
    }

    /// Whoever calls the platform near to one institution home calls the one near to another home.
    pub(super) async fn homes_go(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        (from, to): (OrgId, OrgId),
        people: &[PersonId],
    ) -> Result<(), Error> {
        let from = platforms::nearest(work.tx(), task, from).await?;
        let to = platforms::nearest(work.tx(), task, to).await?;
        match from.zip(to).filter(|(from, to)| from != to) {
            Some(homes) => self.rehome(work, ctx, task, homes, people).await,
            None => Ok(()),
        }
    }

    /// Whoever calls one platform home calls another one home.
    pub(super) async fn rehome(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        homes: (uuid::Uuid, uuid::Uuid),
        people: &[PersonId],
    ) -> Result<(), Error> {
        for person in handovers::hand_homes(work.tx(), task, homes, people, ctx.now).await? {
            work.event("person", person, "person.home_changed", &["home"]);
        }
        Ok(())
    }
}
