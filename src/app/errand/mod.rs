//! Errands 交办 of administrators: a roster or a turn of the year that is asked for over the API, looked at, confirmed and done
//! by a job. Whoever asked is the only one who sees it; what it does is done with the rights that she has then.

mod filing;
mod report;
mod run;

use serde::Serialize;
use uuid::Uuid;

use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ErrandId, PersonId};
use crate::domain::registry::errand::{
    Errand, ErrandError, ErrandKind, ErrandState, KEPT, MOST_AT_ONCE, PlaceWish, SplitWish, WAITS, Wish,
};
use crate::domain::registry::grade;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::errands::{self, What};
use crate::store::persons;

pub use filing::Filing;
pub use report::{ErrandFault, ErrandReport, FaultPlace, Step};

/// An errand, as whoever asked sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Errand)]
pub struct ErrandView {
    /// Its id. Audit entries of what it did carry it as their request.
    pub id: ErrandId,
    /// What is to be done.
    pub kind: ErrandKind,
    /// How far it is.
    pub state: ErrandState,
    /// Code of the institution that it is about; none for a roster.
    pub org: Option<String>,
    /// Code of the other one that has a part in it.
    pub to: Option<String>,
    /// Of a turn: the year of its 1 September.
    pub year: Option<i32>,
    /// How much of the step at work is done: bytes of the file, or classes, or rows.
    pub done: u64,
    /// Of how many; 0 where it is not known.
    pub total: u64,
    /// How often the step was begun: what a run did that was cut off, the next one counts as `unchanged`.
    pub runs: i64,
    /// What it would do.
    pub plan: Option<ErrandReport>,
    /// What it did.
    pub result: Option<ErrandReport>,
    /// Why it was not done.
    pub fault: Option<String>,
    /// When it was asked for.
    #[schema(format = DateTime)]
    pub asked_at: String,
    /// When it came to its end.
    #[schema(format = DateTime)]
    pub ended_at: Option<String>,
}

fn task() -> Task {
    access::task(TaskName::Errands)
}

fn missing() -> Error {
    Error::not_found("the errand")
}

fn refused(why: ErrandError) -> Error {
    Error::new(Kind::Conflict, why.to_string())
}

impl App {
    /// Asks for an errand: a roster waits for its file, a turn of the year is looked at at once.
    ///
    /// # Errors
    /// `NotFound` for who may not keep rosters, or turn the year of this institution; `Invalid` for a division that is none;
    /// `Conflict` while too many of hers are not at their end.
    pub async fn ask_errand(&self, ctx: &Ctx, by: Decider, kind: ErrandKind, wish: Wish) -> Result<ErrandView, Error> {
        let asker = by.admin().ok_or_else(missing)?;
        let ctx = by.acting(ctx);
        // It is looked at, confirmed and done on different days, and means one year.
        let wish = wish.of_year(grade::school_year(ctx.now.shanghai_date()));
        if let Wish::Place(PlaceWish { division: Some(division), .. }) = &wish {
            run::division_of(division)?;
        }
        let mut work = self.begin(&ctx, Action::ErrandAsked).await?;
        match &wish {
            Wish::Roster => drop(self.roster_subtree(work.tx(), asker, ctx.now).await?),
            Wish::Year(wish) => drop(self.turnable(work.tx(), &ctx, &task(), by, &wish.org).await?),
            Wish::Place(PlaceWish { org, .. }) | Wish::Split(SplitWish { org, .. }) => {
                let org = org.into();
                drop(self.governed_unheld(work.tx(), &ctx, &task(), by, &org).await?);
            }
        }
        // Held, so that two who ask at once count each other.
        persons::hold(work.tx(), &task().on(asker)).await?;
        if errands::count_open(work.tx(), &task(), asker).await? >= MOST_AT_ONCE {
            return Err(Error::new(Kind::Conflict, "too many errands of yours are open: confirm or cancel some first"));
        }
        let errand = Errand::asked(ErrandId::new(ctx.now, &*self.random), kind, asker, wish, ctx.now);
        errands::insert(work.tx(), &task(), &errand).await?;
        work.target("errand", errand.id).detail("kind", kind.as_str());
        // Before it is written: a view that failed afterwards would say of what was done that it may be sent again.
        let view = self.errand_view(work.tx(), &errand).await?;
        work.commit(Outcome::Done).await?;
        self.wake.errands.notify_one();
        Ok(view)
    }

    /// Errands of this administrator, the newest first, before `before`.
    ///
    /// # Errors
    /// A failed store.
    pub async fn errands(&self, by: Decider, before: Option<ErrandId>, limit: usize) -> Result<Vec<ErrandView>, Error> {
        let asker = by.admin().ok_or_else(missing)?;
        let before = before.unwrap_or(ErrandId(Uuid::max()));
        let mut tx = self.db.read().await?;
        let found = errands::list(&mut tx, &task(), asker, before, limit).await?;
        let mut views = Vec::with_capacity(found.len());
        for errand in &found {
            views.push(self.errand_view(&mut tx, errand).await?);
        }
        Ok(views)
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound` for one that is not hers.
    pub async fn errand(&self, by: Decider, id: ErrandId) -> Result<ErrandView, Error> {
        let errand = self.errand_of(by, id).await?;
        self.errand_view(&mut self.db.read().await?, &errand).await
    }

    /// Says yes to what was found: it is done then.
    ///
    /// # Errors
    /// `NotFound` for one that is not hers; `Conflict` for one that was not looked at, or was confirmed before.
    pub async fn confirm_errand(&self, ctx: &Ctx, by: Decider, id: ErrandId) -> Result<ErrandView, Error> {
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::ErrandConfirmed).await?;
        let errand = self.held_errand(&mut work, by, id).await?.confirmed().map_err(refused)?;
        let view = self.errand_view(work.tx(), &errand).await?;
        self.change_errand(work, errand).await?;
        self.wake.errands.notify_one();
        Ok(view)
    }

    /// Ends one that is not at its end. What was done of it stays; its file is thrown away. A change of institutions that it
    /// began is taken back.
    ///
    /// # Errors
    /// `NotFound` for one that is not hers; `Conflict` for one at its end, and where somebody went over already.
    pub async fn cancel_errand(&self, ctx: &Ctx, by: Decider, id: ErrandId) -> Result<ErrandView, Error> {
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::ErrandCancelled).await?;
        let held = self.held_errand(&mut work, by, id).await?;
        self.turn_change_back(&mut work, &ctx, by, &held).await?;
        let errand = held.cancelled(ctx.now).map_err(refused)?;
        let view = self.errand_view(work.tx(), &errand).await?;
        self.change_errand(work, errand).await?;
        Ok(view)
    }

    /// Part of upkeep: ends what waited too long, and forgets what ended long ago.
    pub(super) async fn end_lapsed_errands(&self, now: Timestamp) -> Result<(), Error> {
        let ctx = Ctx::task(self, "errands");
        let lapsed = errands::lapsed(&mut self.db.read().await?, &task(), now.minus(WAITS)).await?;
        for errand in lapsed {
            let mut work = self.begin(&ctx, Action::ErrandCancelled).await?;
            let Some(held) = errands::hold(work.tx(), &task(), errand.id).await? else { continue };
            if held.version == errand.version {
                self.change_errand(work, held.cancelled(now).map_err(refused)?).await?;
            }
        }
        let mut tx = self.housekeeping(super::work::Housekeeping::Upkeep).await?;
        errands::forget(&mut tx, now.minus(KEPT)).await?;
        Ok(tx.commit().await?)
    }

    /// Waits until there may be an errand to work on.
    pub async fn errand_bell(&self) {
        self.wake.errands.notified().await;
    }

    async fn errand_of(&self, by: Decider, id: ErrandId) -> Result<Errand, Error> {
        let asker = by.admin().ok_or_else(missing)?;
        errands::find(&mut self.db.read().await?, &task(), id, asker).await?.ok_or_else(missing)
    }

    async fn held_errand(&self, work: &mut Work<'_>, by: Decider, id: ErrandId) -> Result<Errand, Error> {
        let hers = |errand: &Errand| by.admin() == Some(errand.asked_by);
        errands::hold(work.tx(), &task(), id).await?.filter(hers).ok_or_else(missing)
    }

    /// Writes a step of an errand. At its end its file is not needed any more.
    async fn change_errand(&self, mut work: Work<'_>, errand: Errand) -> Result<(), Error> {
        if !errands::update(work.tx(), &task(), &errand).await? {
            return Err(Error::busy("somebody changed the errand at the same moment"));
        }
        if errand.state.is_end() {
            errands::drop_parts(work.tx(), &task(), errand.id, What::File).await?;
        }
        work.target("errand", errand.id).detail("kind", errand.kind.as_str()).detail("state", errand.state.as_str());
        work.commit(Outcome::Done).await
    }

    async fn errand_view(&self, tx: &mut Tx, errand: &Errand) -> Result<ErrandView, Error> {
        let plan = self.errand_report(tx, errand.id, What::Plan).await?;
        let result = self.errand_report(tx, errand.id, What::Result).await?;
        let owned = |code: Option<&str>| code.map(str::to_owned);
        Ok(ErrandView {
            id: errand.id,
            kind: errand.kind,
            state: errand.state,
            org: owned(errand.wish.org()),
            to: owned(errand.wish.to()),
            year: errand.wish.year(),
            done: errand.done,
            total: errand.total,
            runs: errand.runs,
            plan,
            result,
            fault: errand.fault.clone(),
            asked_at: errand.asked_at.to_rfc3339(),
            ended_at: errand.ended_at.map(Timestamp::to_rfc3339),
        })
    }
}

/// What a part of an errand is sealed with: it opens in its own place only.
fn binding(id: ErrandId, what: What, n: i64) -> Vec<u8> {
    format!("{id} {} {n}", what.as_str()).into_bytes()
}

/// The person whose rights an errand is done with.
fn with_rights_of(asker: PersonId) -> Decider {
    Decider::Admin(asker)
}
