//! Erasure 删除 (ruling R18): what is left of a person is her id and the index of her numbers. The salt goes, and with it
//! everything that was sealed or digested under it; the audit chain still verifies.

use serde::Serialize;
use serde_json::json;

use super::erasure_request::kept;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName, TaskOn};
use crate::domain::audit::Action;
use crate::domain::id::PersonId;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::erasure::{ErasureState, Keeps};
use crate::domain::registry::person::Person;
use crate::store::{accounts, erasure_requests, erasures, guardianships, merges, persons};

/// What an erasure came to.
#[derive(Clone, Debug, Serialize)]
pub struct Erased {
    /// The id, which stays.
    pub person_id: PersonId,
    /// Records that had been merged into her, and went with her.
    pub records: usize,
}

impl App {
    /// Erases a person by the operator, with every record that was merged into her. What the law keeps stands in the way as
    /// long as it stands: a 学籍, a post, a role, a child who is still a minor in her care.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there or was erased before; `Conflict` naming what stands in the way.
    pub async fn erase_person(&self, ctx: &Ctx, id: PersonId) -> Result<Erased, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::PersonErased).await?;
        let missing = || Error::not_found("the person");
        let id = persons::survivor(work.tx(), id).await?.ok_or_else(missing)?;
        let on = task.on(id);
        // Nobody writes about her until this ends: a row that came afterwards would bring her back.
        let held = merges::hold(work.tx(), &task, id, id).await?;
        let person =
            held.into_iter().find(|one| one.salt.is_some() && one.merged_into.is_none()).ok_or_else(missing)?;
        let in_the_way =
            |what: &str| Err(Error::new(Kind::Conflict, format!("{what} stands in the way: end it first")));
        if let Some(first) = kept(work.tx(), &task, id).await?.first() {
            return in_the_way(match first {
                Keeps::Stay => "an open 学籍",
                Keeps::Post => "an open post",
                Keeps::Role => "an administrator's role",
                Keeps::Ward => "a guardianship",
            });
        }
        if guardianships::of_child(work.tx(), &on).await?.iter().any(|one| one.is_standing()) {
            return in_the_way("a guardianship");
        }
        let erased = self.erase_held(&mut work, ctx, &task, person).await?;
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(erased)
    }

    /// The same for somebody who is held and of whom nothing is kept. Part of a larger change.
    pub(super) async fn erase_held(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: Person,
    ) -> Result<Erased, Error> {
        let (id, on) = (person.id, task.on(person.id));
        work.about(id).await?;
        // What was only said of her as a guardian she answers no more.
        for said in guardianships::of_guardian(work.tx(), &on).await?.into_iter().filter(|one| one.is_standing()) {
            self.end_guardianship(work, ctx, task, said, ctx.now.shanghai_date()).await?;
        }
        self.close_account(work, ctx, &on, "erased").await?;
        let absorbed = merges::all_into(work.tx(), task, id).await?;
        for record in absorbed.iter().copied().chain([id]) {
            erasures::erase(work.tx(), &task.on(record), ctx.now).await?;
        }
        if let Some(request) = erasure_requests::open_of(work.tx(), &on).await?
            && !erasure_requests::update(work.tx(), &on, &request.ended(ErasureState::Done, ctx.now)).await?
        {
            return Err(Error::busy("somebody took the erasure back at the same moment"));
        }
        let nobody = Person {
            name: None,
            sex: Sex::Unknown,
            birth_date: None,
            nationality: None,
            status: Status::Cancelled,
            salt: None,
            home_platform: None,
            updated_at: ctx.now,
            version: person.version + 1,
            ..person
        };
        self.write_person(work, task, &nobody, &["erased"]).await?;
        // A record that is only written to be hers later did not go with her (`row_digest`).
        work.target("person", id).detail("records", absorbed.len() + 1).detail("absorbed", json!(absorbed));
        Ok(Erased { person_id: id, records: absorbed.len() })
    }

    /// Nobody signs in with it any more, here or at a platform. Part of a larger change.
    pub(super) async fn close_account(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        on: &TaskOn,
        reason: &'static str,
    ) -> Result<(), Error> {
        if let Some(account) = accounts::find(work.tx(), on).await? {
            accounts::set_state(work.tx(), on, account.id, Status::Cancelled, ctx.now).await?;
            work.event("account", account.id, "account.closed", &["state"]);
        }
        self.end_sessions_of(work, on, ctx.now, reason).await.map(drop)
    }
}
