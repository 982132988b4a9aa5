//! Erasure on request (PIPL 47; ruling R18), by herself or by a guardian of a child under 14. Account, credentials, contacts, consents,
//! the link to her space and the evidence go at once, and platforms hear that she left. What the law keeps stays as it is, closed to
//! everybody but the schools and offices that keep it, until its term ends; a daily job does the rest. Until then it can be taken
//! back: by a guardian at home, and by whoever has no account any more with a code that she is shown once.

use serde::Serialize;

use super::activation::{activation_code, canonical, hint_of, is_small_child};
use super::consent_list::small_ward;
use super::pace::Looked;
use super::session::{Browser, Who};
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{OnePerson as _, Own, Task, TaskName};
use crate::domain::audit::{Action, Actor};
use crate::domain::id::{ErasureId, GuardianshipId, IdentityId, PersonId};
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::erasure::{ErasureRequest, ErasureState, Keeps};
use crate::domain::registry::guardianship::GuardianshipStatus;
use crate::domain::registry::person::Person;
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::{
    account_locks, accounts, admin_grants, consents, enrolments, erasure_requests, erasures, guardianships, identities,
    merges, staffings, wards,
};

/// Requests that the daily job reads at once.
const PAGE: i64 = 200;

/// How an erasure stands.
#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    /// Whose record.
    pub person_id: PersonId,
    /// Who asked.
    pub asked_by: PersonId,
    /// When.
    #[serde(serialize_with = "crate::domain::time::rfc3339")]
    pub asked_at: Timestamp,
    /// Before then it is not final.
    #[serde(serialize_with = "crate::domain::time::rfc3339")]
    pub final_from: Timestamp,
    /// What the law keeps of her today.
    pub kept: Vec<Keeps>,
}

/// One about a child, for a guardian of hers.
pub struct WardErasure {
    /// The relation, which is what the form posts.
    pub ward: GuardianshipId,
    /// First and last character of the child's name.
    pub hint: String,
    /// How it stands.
    pub waiting: Waiting,
}

/// What is about to go, before anybody says yes.
pub struct ErasureForm {
    /// Who is signed in.
    pub who: Who,
    /// The child it is about.
    pub ward: Option<(GuardianshipId, String)>,
    /// What the law keeps of her for now.
    pub kept: Vec<Keeps>,
}

/// It was asked for.
pub struct Asked {
    /// Lets whoever has no account any more look and take it back; none where a guardian asked, who has hers.
    pub code: Option<String>,
    /// How it stands.
    pub waiting: Waiting,
}

/// By whom it is taken back.
enum TakenBack {
    /// Herself, who has the code.
    Code([u8; 32]),
    /// A guardian of a child under 14, by this relation, where a guardian asked.
    Guardian(Own, GuardianshipId),
    /// The operator, for whoever stands before him.
    Operator,
}

/// Whom it is about.
struct About {
    person: PersonId,
    hint: Option<String>,
}

impl App {
    /// What would go and what would stay; `None` when she has to sign in (again) first.
    ///
    /// # Errors
    /// `NotFound` for a child that she does not speak for, and for a child under 14 herself; a failed store.
    pub async fn show_erasure(
        &self,
        ctx: &Ctx,
        browser: &Browser,
        ward: Option<GuardianshipId>,
    ) -> Result<Option<ErasureForm>, Error> {
        let Some(who) = self.who(ctx, browser).await?.filter(|who| self.is_recent(&who.session, ctx.now)) else {
            return Ok(None);
        };
        let own = access::own(&who.session, ctx.now)?;
        let mut tx = self.db.read().await?;
        let about = erasable(&mut tx, ctx, &own, ward).await?;
        let kept = kept(&mut tx, &access::task(TaskName::OwnRecord), about.person).await?;
        Ok(Some(ErasureForm { who, ward: ward.zip(about.hint), kept }))
    }

    /// Asks for it. `None` when she has to sign in (again) first.
    ///
    /// # Errors
    /// As [`App::show_erasure`]; `Conflict` while she has a role of administration, which she gives back first.
    pub async fn ask_erasure(
        &self,
        ctx: &Ctx,
        browser: &Browser,
        ward: Option<GuardianshipId>,
    ) -> Result<Option<Asked>, Error> {
        let Some(who) = self.who(ctx, browser).await?.filter(|who| self.is_recent(&who.session, ctx.now)) else {
            return Ok(None);
        };
        let ctx = ctx.acting(Actor::Person { id: who.session.person });
        let asked = self.patiently(|| self.ask_erasure_once(&ctx, &who, ward)).await?;
        self.wake.deliveries.notify_one();
        Ok(Some(asked))
    }

    async fn ask_erasure_once(&self, ctx: &Ctx, who: &Who, ward: Option<GuardianshipId>) -> Result<Asked, Error> {
        let (task, own) = (access::task(TaskName::OwnRecord), access::own(&who.session, ctx.now)?);
        let mut work = self.begin(ctx, Action::ErasureAsked).await?;
        let about = erasable(work.tx(), ctx, &own, ward).await?;
        let person = held(&mut work, &task, about.person).await?.filter(|one| one.status == Status::Active);
        let person = person.ok_or_else(|| Error::not_found("the person"))?;
        // Looked at again where the child is held: what a court takes from a guardian comes before, or after.
        erasable(work.tx(), ctx, &own, ward).await?;
        let kept = kept(work.tx(), &task, person.id).await?;
        if kept.contains(&Keeps::Role) {
            return Err(Error::new(Kind::Conflict, "a role of administration is given back first"));
        }
        let code = ward.is_none().then(|| activation_code(self));
        let request = ErasureRequest {
            id: ErasureId::new(ctx.now, &*self.random),
            person: person.id,
            asked_by: who.session.person,
            asked_at: ctx.now,
            state: ErasureState::Waiting,
            ended_at: None,
            code_digest: code.as_deref().map(|code| opaque::digest(&canonical(code))),
            version: 1,
        };
        if !erasure_requests::insert(work.tx(), &task.on(person.id), &request).await? {
            return Err(Error::busy("it was asked for at the same moment"));
        }
        self.restrict_record(&mut work, ctx, &task, person).await?;
        work.target("person", request.person).target("erasure", request.id);
        if let Some(ward) = ward {
            work.target("guardian", who.session.person).target("guardianship", ward);
        }
        work.commit(Outcome::Done).await?;
        Ok(Asked { code, waiting: stands(&request, kept) })
    }

    /// What goes at once.
    async fn restrict_record(&self, work: &mut Work<'_>, ctx: &Ctx, task: &Task, person: Person) -> Result<(), Error> {
        let on = task.on(person.id);
        self.close_account(work, ctx, &on, "erasure asked for").await?;
        for receipt in consents::live_of_person(work.tx(), &on).await? {
            self.end_consents(work, &on, receipt.client, ctx.now).await?;
        }
        // She speaks for nobody from now on.
        for one in guardianships::of_guardian(work.tx(), &on).await?.iter().filter(|one| one.is_standing()) {
            let ward = self.ward_in(work, task, one, ctx.now).await?;
            self.end_what_rests_on(work, &on, IdentityId(one.id.0), ward, ctx.now).await?;
        }
        for record in merges::all_into(work.tx(), task, person.id).await?.into_iter().chain([person.id]) {
            erasures::restrict(work.tx(), &task.on(record), ctx.now).await?;
        }
        let closed = Person { status: Status::Cancelled, updated_at: ctx.now, version: person.version + 1, ..person };
        self.write_person(work, task, &closed, &["status"]).await
    }

    /// How it stands, by the code that she was shown; `None` for no such code.
    ///
    /// # Errors
    /// A failed store.
    pub async fn erasure_by_code(&self, ctx: &Ctx, code: &str) -> Result<Option<Waiting>, Error> {
        let mut tx = self.db.read().await?;
        let found = erasure_requests::by_code(&mut tx, &access::door(), opaque::digest(&canonical(code))).await?;
        let Some(request) = found else {
            drop(tx);
            self.slow_down(ctx, code).await?;
            return Ok(None);
        };
        let kept = kept(&mut tx, &access::task(TaskName::OwnRecord), request.person).await?;
        Ok(Some(stands(&request, kept)))
    }

    /// Takes it back by the code; `false` for no such code, or when it is final.
    ///
    /// # Errors
    /// A failed store.
    pub async fn withdraw_erasure_by_code(&self, ctx: &Ctx, code: &str) -> Result<bool, Error> {
        let Some(waiting) = self.erasure_by_code(ctx, code).await? else { return Ok(false) };
        let ctx = ctx.acting(Actor::Person { id: waiting.person_id });
        let by = TakenBack::Code(opaque::digest(&canonical(code)));
        self.patiently(|| self.withdraw_erasure_once(&ctx, waiting.person_id, &by)).await
    }

    /// Takes back what was asked for about a child; `None` when she has to sign in (again) first.
    ///
    /// # Errors
    /// `NotFound` for a child that she does not speak for, or about whom nothing waits.
    pub async fn withdraw_ward_erasure(
        &self,
        ctx: &Ctx,
        browser: &Browser,
        ward: GuardianshipId,
    ) -> Result<Option<()>, Error> {
        let Some(who) = self.who(ctx, browser).await?.filter(|who| self.is_recent(&who.session, ctx.now)) else {
            return Ok(None);
        };
        let own = access::own(&who.session, ctx.now)?;
        let of_wards = erasure_requests::of_wards(&mut self.db.read().await?, &own, ctx.now).await?;
        let found = of_wards.into_iter().find(|one| one.ward == ward).map(|one| one.request.person);
        let child = found.ok_or_else(|| Error::not_found("guardianship"))?;
        let ctx = ctx.acting(Actor::Person { id: own.person() });
        let by = TakenBack::Guardian(own, ward);
        match self.patiently(|| self.withdraw_erasure_once(&ctx, child, &by)).await? {
            true => Ok(Some(())),
            false => Err(Error::not_found("an erasure that waits")),
        }
    }

    /// The operator takes it back, for whoever lost her code and stands before him; `false` when nothing waits.
    ///
    /// # Errors
    /// A failed store.
    pub async fn withdraw_erasure(&self, ctx: &Ctx, person: PersonId) -> Result<bool, Error> {
        self.patiently(|| self.withdraw_erasure_once(ctx, person, &TakenBack::Operator)).await
    }

    /// Her record is open again, and her account waits for a new code from her school. What went does not come back.
    async fn withdraw_erasure_once(&self, ctx: &Ctx, person: PersonId, by: &TakenBack) -> Result<bool, Error> {
        let task = access::task(TaskName::OwnRecord);
        let on = task.on(person);
        let mut work = self.begin(ctx, Action::ErasureWithdrawn).await?;
        let Some(person) = held(&mut work, &task, person).await?.filter(|one| one.status == Status::Cancelled) else {
            return Ok(false);
        };
        let Some(request) = erasure_requests::open_of(work.tx(), &on).await? else { return Ok(false) };
        // Looked at here, where the child is held: what a court takes from a guardian comes before, or after.
        let may = match by {
            TakenBack::Code(code) => request.code_digest == Some(*code),
            TakenBack::Operator => true,
            TakenBack::Guardian(own, ward) => {
                let of_wards = erasure_requests::of_wards(work.tx(), own, ctx.now).await?;
                work.target("guardian", own.person()).target("guardianship", *ward);
                of_wards.iter().any(|one| one.ward == *ward && one.request.id == request.id)
            }
        };
        if !may {
            return Ok(false);
        }
        let request = request.ended(ErasureState::Withdrawn, ctx.now);
        if !erasure_requests::update(work.tx(), &on, &request).await? {
            return Err(Error::busy("somebody ended it at the same moment"));
        }
        if let Some(account) = accounts::find(work.tx(), &on).await? {
            // Asking to be erased, and thinking better of it, opens no lock.
            let people: Vec<PersonId> =
                merges::all_into(work.tx(), &task, request.person).await?.into_iter().chain([request.person]).collect();
            let locked = !account_locks::of_people(work.tx(), &task, &people).await?.is_empty();
            let state = if locked { Status::AdminLocked } else { Status::Inactive };
            accounts::set_state(work.tx(), &on, account.id, state, ctx.now).await?;
            work.event("account", account.id, "account.opened_again", &["state"]);
        }
        erasures::release(work.tx(), &on).await?;
        let open = Person { status: Status::Active, updated_at: ctx.now, version: person.version + 1, ..person };
        self.write_person(&mut work, &task, &open, &["status"]).await?;
        work.target("person", request.person).target("erasure", request.id);
        work.commit(Outcome::Done).await?;
        Ok(true)
    }

    /// What waits about children whom whoever is signed in speaks for.
    pub(super) async fn ward_erasures(
        &self,
        tx: &mut Tx,
        own: &Own,
        now: Timestamp,
    ) -> Result<Vec<WardErasure>, Error> {
        let task = access::task(TaskName::OwnRecord);
        let mut told = Vec::new();
        for one in erasure_requests::of_wards(tx, own, now).await? {
            let kept = kept(tx, &task, one.request.person).await?;
            let hint = hint_of(one.child_name.as_deref().unwrap_or_default());
            told.push(WardErasure { ward: one.ward, hint, waiting: stands(&one.request, kept) });
        }
        Ok(told)
    }

    /// All that wait, for the operator: at most so many.
    ///
    /// # Errors
    /// A failed store.
    pub async fn waiting_erasures(&self, ctx: &Ctx, limit: i64) -> Result<Vec<Waiting>, Error> {
        let task = access::task(TaskName::OperatorReport);
        let mut tx = self.db.read().await?;
        let mut told = Vec::new();
        for request in erasure_requests::waiting(&mut tx, &task, ErasureId(uuid::Uuid::nil()), limit).await? {
            let kept = kept(&mut tx, &task, request.person).await?;
            told.push(stands(&request, kept));
        }
        drop(tx);
        let people: Vec<PersonId> = told.iter().map(|one| one.person_id).collect();
        self.show_all(ctx, Action::PersonViewed, "erasures", &people).await?;
        Ok(told)
    }

    /// Finishes erasures of whom the law keeps nothing any more, a page of requests behind `after`.
    ///
    /// # Errors
    /// A failed store.
    pub async fn finish_erasures(&self, after: Option<ErasureId>) -> Result<Looked<ErasureId>, Error> {
        let (task, ctx) = (access::task(TaskName::Erasures), Ctx::task(self, "erasures"));
        let after = after.unwrap_or(ErasureId(uuid::Uuid::nil()));
        let page = erasure_requests::waiting(&mut self.db.read().await?, &task, after, PAGE).await?;
        let mut failed = 0;
        for request in page.iter().filter(|request| request.final_from() <= ctx.now) {
            let finished = self.patiently(|| self.finish_erasure(&ctx, &task, request.person)).await;
            if let Err(error) = finished {
                failed += 1;
                tracing::warn!(%error, erasure = %request.id, "an erasure could not be finished");
            }
        }
        Ok(Looked { last: page.last().map(|request| request.id), failed })
    }

    async fn finish_erasure(&self, ctx: &Ctx, task: &Task, person: PersonId) -> Result<(), Error> {
        // Read first: most wait for years, and the writer is everybody's.
        if !kept(&mut self.db.read().await?, task, person).await?.is_empty() {
            return Ok(());
        }
        let mut work = self.begin(ctx, Action::PersonErased).await?;
        let Some(person) = held(&mut work, task, person).await? else { return Ok(()) };
        let on = task.on(person.id);
        let Some(request) = erasure_requests::open_of(work.tx(), &on).await? else { return Ok(()) };
        if request.final_from() > ctx.now || !kept(work.tx(), task, person.id).await?.is_empty() {
            return Ok(());
        }
        // Nothing is kept of her that her guardians could speak about.
        for one in guardianships::of_child(work.tx(), &on).await?.into_iter().filter(|one| one.is_standing()) {
            self.end_guardianship(&mut work, ctx, task, one, ctx.now.shanghai_date()).await?;
        }
        self.erase_held(&mut work, ctx, task, person).await?;
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(())
    }
}

fn stands(request: &ErasureRequest, kept: Vec<Keeps>) -> Waiting {
    let (person_id, asked_by, asked_at) = (request.person, request.asked_by, request.asked_at);
    Waiting { person_id, asked_by, asked_at, final_from: request.final_from(), kept }
}

/// Nobody writes about her until this ends. Nobody who was merged or erased.
async fn held(work: &mut Work<'_>, task: &Task, person: PersonId) -> Result<Option<Person>, Error> {
    let held = merges::hold(work.tx(), task, person, person).await?;
    Ok(held.into_iter().find(|one| one.salt.is_some() && one.merged_into.is_none()))
}

/// Whose record she may have erased: her own, unless she is a child under 14, and a child's under 14 whom she speaks for.
async fn erasable(tx: &mut Tx, ctx: &Ctx, own: &Own, ward: Option<GuardianshipId>) -> Result<About, Error> {
    let missing = || Error::not_found("a record that she may have erased");
    let Some(id) = ward else {
        let base = identities::base(tx, own).await?.ok_or_else(missing)?;
        if is_small_child(tx, own, base.birth_date, ctx.now).await? {
            return Err(missing());
        }
        return Ok(About { person: own.person(), hint: None });
    };
    let all = wards::of_guardian(tx, own).await?;
    let kept = all.iter().find(|kept| kept.guardianship.id == id);
    let found = kept.and_then(|kept| Some((small_ward(kept, ctx.now)?, hint_of(&kept.child_name))));
    let (ward, hint) = found.ok_or_else(missing)?;
    Ok(About { person: ward.person(), hint: Some(hint) })
}

/// What the law keeps of somebody today. That somebody says she is a child's guardian is no guardianship yet (R1).
pub(super) async fn kept(tx: &mut Tx, task: &Task, person: PersonId) -> Result<Vec<Keeps>, Error> {
    let on = task.on(person);
    let mut kept = Vec::new();
    if enrolments::of_person(tx, &on).await?.iter().any(|stay| stay.valid_to.is_none()) {
        kept.push(Keeps::Stay);
    }
    if staffings::of_person(tx, &on).await?.iter().any(|post| post.valid_to.is_none()) {
        kept.push(Keeps::Post);
    }
    if !admin_grants::standing(tx, task, person).await?.is_empty() {
        kept.push(Keeps::Role);
    }
    let confirmed = GuardianshipStatus::Confirmed;
    if guardianships::of_guardian(tx, &on).await?.iter().any(|one| one.status == confirmed) {
        kept.push(Keeps::Ward);
    }
    Ok(kept)
}
