//! The turn of the school year 升级: one command for a school, a county or a province, looked at before, gone on with after
//! a kill, and taken back within its time.

mod batch;

use std::time::Instant;

use serde::Serialize;

use super::pace::{Listener, Pace, Step};
use super::relation_claim::Decider;
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::id::{ClassId, OrgId, TurnId};
use crate::domain::registry::class::Class;
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::registry::grade;
use crate::domain::registry::school_year::{self, Turn, TurnError, TurnState};
use crate::domain::time::{Timestamp, rfc3339};
use crate::store::db::Tx;
use crate::store::school_years::Counted;
use crate::store::{institutions, school_years};

/// Places in the order in which they go back.
const PLACES: [school_years::Place; 3] =
    [school_years::Place::Stays, school_years::Place::Teaching, school_years::Place::Classes];

/// How a turn is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// Tell what it would do, and do nothing.
    pub dry: bool,
    /// Open a class of the new year, with the same stage and number, in the place of each that graduates.
    pub open: bool,
}

/// What a turn did, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct YearReport {
    /// The institution's name.
    pub institution: String,
    /// The year of the 1 September.
    pub year: i32,
    /// `done`; `preview` of a dry run, which wrote nothing.
    pub state: &'static str,
    /// Classes that graduated, in all runs of this turn.
    pub classes: i64,
    /// Classes of the new year that were opened in their place.
    pub opened: i64,
    /// Students whose stay ended with their class.
    pub students: i64,
    /// Students of these classes who are suspended, abroad or the like: somebody decides about each.
    pub held_back: i64,
    /// Posts' teaching that ended with the classes.
    pub teachings: i64,
    /// Until when `mingji year undo` takes it back.
    #[serde(serialize_with = "rfc3339")]
    pub undo_until: Timestamp,
    /// How long it took.
    pub seconds: f64,
}

/// What came back.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UndoReport {
    /// The institution's name.
    pub institution: String,
    /// The year of the 1 September.
    pub year: i32,
    /// Classes that are open again.
    pub classes: i64,
    /// Students who are in their classes again.
    pub students: i64,
    /// Teaching that goes on again.
    pub teachings: i64,
    /// What somebody changed since the turn, and so stays as it is: classes, students, teaching.
    pub changed_since: i64,
    /// How long it took.
    pub seconds: f64,
}

impl App {
    /// Ends the schooling of whoever is through when a school year begins, under an institution: classes graduate with their
    /// students and what is taught in them, and what platforms held in the name of these stays ends. Each batch is a
    /// transaction: the same again goes on where it was left, and two at once make one.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not there, or not below the administrator; `Conflict` before 1 September and
    /// while the turn is being undone.
    pub async fn turn_year(
        &self,
        ctx: &Ctx,
        by: Decider,
        org_code: &str,
        year: Option<i32>,
        wish: Wish,
        listener: &mut (dyn Listener + Send),
    ) -> Result<YearReport, Error> {
        let (started, task, ctx) = (Instant::now(), access::task(TaskName::YearTurn), by.acting(ctx));
        let year = year.unwrap_or_else(|| grade::school_year(ctx.now.shanghai_date()));
        let day = school_year::first_day(year).map_err(refused)?;
        let (org, institution, classes) = {
            let mut tx = self.db.read().await?;
            let (org, name) = self.turnable(&mut tx, &ctx, &task, by, org_code).await?;
            (org, name, school_years::graduating(&mut tx, &task, org, year).await?)
        };
        let seated = self.seated(&task, &classes).await?;
        if wish.dry {
            return Ok(YearReport {
                institution,
                year,
                state: "preview",
                classes: count(&classes),
                opened: if wish.open { count(&classes) } else { 0 },
                students: seated.leave,
                held_back: seated.stay,
                teachings: seated.taught,
                undo_until: ctx.now.plus(self.lifetimes.year_undo),
                seconds: started.elapsed().as_secs_f64(),
            });
        }
        school_year::begun(year, ctx.now.shanghai_date()).map_err(refused)?;
        let turn = self.open_turn(&ctx, &task, org, year).await?;
        let mut pace = Pace::default();
        for (done, class) in classes.iter().enumerate() {
            while self.paced(&mut pace, || self.graduate_some(&ctx, &task, org, year, class, day)).await? == Step::More
            {
            }
            listener.progress(wide(done + 1), wide(classes.len()));
        }
        if wish.open {
            while self.paced(&mut pace, || self.open_some(&ctx, &task, org, year)).await? == Step::More {}
        }
        self.close_turn(&ctx, &task, org, year).await?;
        let told = school_years::told(&mut self.db.read().await?, &task, turn.id).await?;
        let sum = |place: &str| told.iter().filter(|row| row.what == place).map(|row| row.n).sum();
        Ok(YearReport {
            institution,
            year,
            state: TurnState::Done.as_str(),
            classes: sum("class"),
            opened: sum("opened"),
            students: sum("enrolment"),
            held_back: seated.stay,
            teachings: sum("teaching"),
            undo_until: turn.undo_until,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Takes a turn back: whatever nobody changed since is as it was before, to the day. Receipts and grants that ended
    /// with it do not come back: platforms ask again.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not there or not below the administrator, or without such a turn; `Conflict`
    /// when its time is over.
    pub async fn undo_year(
        &self,
        ctx: &Ctx,
        by: Decider,
        org_code: &str,
        year: Option<i32>,
        listener: &mut (dyn Listener + Send),
    ) -> Result<UndoReport, Error> {
        let (started, task, ctx) = (Instant::now(), access::task(TaskName::YearTurn), by.acting(ctx));
        let year = year.unwrap_or_else(|| grade::school_year(ctx.now.shanghai_date()));
        let (org, institution) = {
            let mut tx = self.db.read().await?;
            self.turnable(&mut tx, &ctx, &task, by, org_code).await?
        };
        let turn = self.begin_undo(&ctx, &task, org, year).await?;
        let told = school_years::told(&mut self.db.read().await?, &task, turn).await?;
        let total = told.iter().filter(|row| row.state == "waiting").map(|row| row.n).sum::<i64>();
        let (mut pace, mut done) = (Pace::default(), 0);
        for place in PLACES {
            loop {
                let step = self.paced(&mut pace, || self.restore_some(&ctx, &task, org, year, place)).await?;
                done += wide(batch::ROWS as usize);
                listener.progress(done.min(total.unsigned_abs()), total.unsigned_abs());
                if step == Step::Done {
                    break;
                }
            }
        }
        self.end_undo(&ctx, &task, org, year).await?;
        let seconds = started.elapsed().as_secs_f64();
        undone(&mut self.db.read().await?, &task, turn, UndoReport { seconds, ..of_year(institution, year) }).await
    }

    /// What came of taking a turn back, where that was done since a moment. Whoever did it then has it done: what was turned anew
    /// since stays.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not there or not below the administrator.
    pub(super) async fn undone_before(
        &self,
        ctx: &Ctx,
        by: Decider,
        org_code: &str,
        year: Option<i32>,
        since: Timestamp,
    ) -> Result<Option<UndoReport>, Error> {
        let (task, ctx) = (access::task(TaskName::YearTurn), by.acting(ctx));
        let year = year.unwrap_or_else(|| grade::school_year(ctx.now.shanghai_date()));
        let mut tx = self.db.read().await?;
        let (org, institution) = self.turnable(&mut tx, &ctx, &task, by, org_code).await?;
        // One that is on its way back is this errand's to finish, whichever was taken back before it.
        let standing = school_years::find(&mut tx, &task, org, year).await?;
        if standing.is_some_and(|turn| turn.state == TurnState::Undoing) {
            return Ok(None);
        }
        let Some(turn) = school_years::undone_since(&mut tx, &task, org, year, since).await? else { return Ok(None) };
        Ok(Some(undone(&mut tx, &task, turn.id, of_year(institution, year)).await?))
    }

    /// What taking a turn back would bring again, as far as nobody changed it since. Nothing is written.
    ///
    /// # Errors
    /// As [`App::undo_year`].
    pub async fn preview_undo(
        &self,
        ctx: &Ctx,
        by: Decider,
        org_code: &str,
        year: Option<i32>,
    ) -> Result<UndoReport, Error> {
        let (started, task, ctx) = (Instant::now(), access::task(TaskName::YearTurn), by.acting(ctx));
        let year = year.unwrap_or_else(|| grade::school_year(ctx.now.shanghai_date()));
        let mut tx = self.db.read().await?;
        let (org, institution) = self.turnable(&mut tx, &ctx, &task, by, org_code).await?;
        let known = school_years::find(&mut tx, &task, org, year).await?.ok_or_else(no_turn)?;
        let turn = known.take_back(ctx.now).map_err(refused)?;
        let told = school_years::told(&mut tx, &task, turn.id).await?;
        let waiting = |places: &[&str]| {
            let rows = told.iter().filter(|row| row.state == "waiting" && places.contains(&row.what.as_str()));
            rows.map(|row| row.n).sum()
        };
        Ok(UndoReport {
            institution,
            year,
            classes: waiting(&["class"]),
            students: waiting(&["enrolment"]),
            teachings: waiting(&["teaching"]),
            changed_since: 0,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// An institution whose year this decider may turn, and its name.
    pub(super) async fn turnable(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        org_code: &str,
    ) -> Result<(OrgId, String), Error> {
        let found = institutions::by_code(tx, task, org_code).await?;
        let org = found.ok_or_else(|| Error::no_institution(org_code))?;
        if let Some(admin) = by.admin()
            && !self.covers(tx, admin, &[org.id].into(), ctx.now).await?
        {
            return Err(Error::no_institution(org_code));
        }
        Ok((org.id, org.name))
    }

    async fn seated(&self, task: &Task, classes: &[Class]) -> Result<Seated, Error> {
        let ids: Vec<ClassId> = classes.iter().map(|class| class.id).collect();
        let mut tx = self.db.read().await?;
        let taught = school_years::taught(&mut tx, task, &ids).await?;
        let mut seated = Seated { taught, ..Seated::default() };
        for Counted { state, n, .. } in school_years::seated(&mut tx, task, &ids).await? {
            let leaves = state.parse().is_ok_and(StudentState::graduates_with_class);
            *if leaves { &mut seated.leave } else { &mut seated.stay } += n;
        }
        Ok(seated)
    }
}

fn of_year(institution: String, year: i32) -> UndoReport {
    UndoReport { institution, year, classes: 0, students: 0, teachings: 0, changed_since: 0, seconds: 0.0 }
}

/// What came of taking a turn back.
async fn undone(tx: &mut Tx, task: &Task, turn: TurnId, report: UndoReport) -> Result<UndoReport, Error> {
    let told = school_years::told(tx, task, turn).await?;
    let restored =
        |place: &str| told.iter().filter(|row| row.what == place && row.state == "restored").map(|row| row.n).sum();
    Ok(UndoReport {
        classes: restored("class"),
        students: restored("enrolment"),
        teachings: restored("teaching"),
        changed_since: told.iter().filter(|row| row.state == "changed").map(|row| row.n).sum(),
        ..report
    })
}

#[derive(Default)]
struct Seated {
    leave: i64,
    stay: i64,
    taught: i64,
}

fn no_turn() -> Error {
    Error::not_found("a turn of this year there, which was not undone,")
}

fn refused(why: TurnError) -> Error {
    match why {
        TurnError::NoYear => Error::invalid(why.to_string()),
        _ => Error::new(Kind::Conflict, why.to_string()),
    }
}

fn fresh(ctx: &Ctx, app: &App, org: OrgId, year: i32) -> Turn {
    Turn {
        id: TurnId::new(ctx.now, &*app.random),
        org,
        year,
        state: TurnState::Running,
        started_at: ctx.now,
        undo_until: ctx.now.plus(app.lifetimes.year_undo),
        ended_at: None,
        version: 1,
    }
}

fn count<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
