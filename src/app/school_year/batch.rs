//! The transactions of a turn. Each begins by holding the turn's row, so that two processes take turns and an undo never
//! meets a turn in the middle of a class.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::{fresh, no_turn, refused};
use crate::app::pace::Step;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::audit::Action;
use crate::domain::id::{OrgId, PersonId, TurnId};
use crate::domain::registry::class::{Class, ClassStatus};
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::school_year::{Turn, TurnError, TurnState};
use crate::store::db::StoreError;
use crate::store::school_years::Place;
use crate::store::{classes, institutions, persons, school_years};

/// What a class was before a turn opened it.
const UNOPENED: &str = "unopened";
/// Rows of a transaction: SQLite has one writer, which may be held 50 ms at most (R15).
pub(super) const ROWS: u32 = 100;

impl App {
    /// The turn of this year, opened now or gone on with.
    pub(super) async fn open_turn(&self, ctx: &Ctx, task: &Task, org: OrgId, year: i32) -> Result<Turn, Error> {
        let mut work = self.begin(ctx, Action::YearTurned).await?;
        work.target("institution", org).detail("year", year).detail("step", "begun");
        if school_years::insert(work.tx(), task, &fresh(ctx, self, org, year)).await? {
            let turn = self.held(&mut work, task, org, year).await?;
            work.commit(Outcome::Done).await?;
            return Ok(turn);
        }
        let turn = self.held(&mut work, task, org, year).await?.go_on().map_err(refused)?;
        self.write_turn(&mut work, task, &turn).await?;
        work.commit(Outcome::Done).await?;
        Ok(turn)
    }

    pub(super) async fn close_turn(&self, ctx: &Ctx, task: &Task, org: OrgId, year: i32) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::YearTurned).await?;
        let turn = self.held(&mut work, task, org, year).await?;
        if turn.state == TurnState::Done {
            return Ok(());
        }
        if turn.state != TurnState::Running {
            return Err(refused(TurnError::Undoing));
        }
        self.write_turn(&mut work, task, &turn.done(ctx.now)).await?;
        work.target("institution", org).detail("year", year).detail("step", "done");
        work.event("institution", org, "institution.year_turned", &["classes"]);
        work.commit(Outcome::Done).await
    }

    /// Ends the stays of some students of a class, and graduates it with the last of them.
    pub(super) async fn graduate_some(
        &self,
        ctx: &Ctx,
        task: &Task,
        org: OrgId,
        year: i32,
        class: &Class,
        day: NaiveDate,
    ) -> Result<Step, Error> {
        let mut work = self.begin(ctx, Action::YearTurned).await?;
        let turn = self.held(&mut work, task, org, year).await?.go_on().map_err(refused)?;
        // Held: whoever is just being seated there is among its students, and whoever comes later finds it graduated.
        let Some(class) = classes::hold(work.tx(), task, class.id).await? else { return Ok(Step::Done) };
        if class.status != ClassStatus::Open {
            return Ok(Step::Done);
        }
        let students = school_years::students(work.tx(), task, class.id, ROWS).await?;
        let last = students.len() < ROWS as usize;
        let people: Vec<PersonId> = students.iter().map(|stay| stay.person).collect();
        self.end_stays(&mut work, ctx, task, turn.id, students, day).await?;
        persons::leave_of_many(work.tx(), task, &people).await?;
        for person in &people {
            work.event("person", *person, "person.graduated", &["enrolment"]);
        }
        if last {
            let ended = school_years::end_teaching(work.tx(), task, class.id, day).await?;
            let ended = ended.into_iter().map(|(id, day)| (id, "", day.to_string())).collect();
            school_years::note(work.tx(), task, turn.id, Place::Teaching, ended).await?;
            if !school_years::graduate_class(work.tx(), task, &class, ctx.now).await? {
                return Err(Error::busy("somebody changed the class at the same moment"));
            }
            let noted = vec![(class.id.0, ClassStatus::Open.as_str(), (class.version + 1).to_string())];
            school_years::note(work.tx(), task, turn.id, Place::Classes, noted).await?;
            work.event("class", class.id, "class.graduated", &["status"]);
        }
        work.target("institution", class.org).target("class", class.id).target("turn", turn.id);
        work.detail("students", people.len());
        work.commit(Outcome::Done).await?;
        Ok(if last { Step::Done } else { Step::More })
    }

    /// Opens some classes of the new year in the place of those that graduated.
    pub(super) async fn open_some(&self, ctx: &Ctx, task: &Task, org: OrgId, year: i32) -> Result<Step, Error> {
        let mut work = self.begin(ctx, Action::YearTurned).await?;
        let turn = self.held(&mut work, task, org, year).await?.go_on().map_err(refused)?;
        let gone = school_years::succeeded(work.tx(), task, turn.id, year, ROWS).await?;
        if gone.is_empty() {
            return Ok(Step::Done);
        }
        let schools: BTreeSet<OrgId> = gone.iter().map(|class| class.org).collect();
        if institutions::hold_standing(work.tx(), task, schools.iter().copied()).await? < schools.len() {
            return Err(Error::busy("a school of these classes was closed at the same moment"));
        }
        let mut opened = Vec::new();
        for old in &gone {
            let fresh = self.new_class(ctx, old.org, old.stage, i64::from(year), &old.class_no);
            let fresh = Class { schooling_years: old.schooling_years, kind: old.kind, ..fresh };
            let kept = classes::ensure(work.tx(), task, &fresh).await?;
            let kept = if kept.status == ClassStatus::Closed {
                // An undo of this turn closed it.
                let again = Class { status: ClassStatus::Open, updated_at: ctx.now, version: kept.version + 1, ..kept };
                if !classes::update(work.tx(), task, &again).await? {
                    return Err(Error::busy("somebody changed the class at the same moment"));
                }
                again
            } else {
                kept
            };
            work.event("class", kept.id, "class.opened", &[]);
            opened.push((kept.id.0, UNOPENED, kept.version.to_string()));
        }
        work.target("institution", org).target("turn", turn.id).detail("opened", opened.len());
        school_years::note(work.tx(), task, turn.id, Place::Classes, opened).await?;
        work.commit(Outcome::Done).await?;
        Ok(Step::More)
    }

    async fn end_stays(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        turn: TurnId,
        students: Vec<Enrolment>,
        day: NaiveDate,
    ) -> Result<(), Error> {
        let began: HashMap<_, _> = school_years::began(work.tx(), task, &students).await?.into_iter().collect();
        let noted =
            students.iter().map(|stay| (stay.id.0, stay.state.as_str(), (stay.version + 1).to_string())).collect();
        let mut groups: BTreeMap<(StudentState, NaiveDate), Vec<(Enrolment, NaiveDate)>> = BTreeMap::new();
        for stay in students {
            let since = began.get(&stay.id).copied().unwrap_or(stay.valid_from);
            // Who came after the day was there until she left with the class.
            groups.entry((stay.source.leaves_as(), day.max(since))).or_default().push((stay, since));
        }
        for ((state, day), stays) in groups {
            school_years::end_stays(work.tx(), task, &stays, state, day, ctx.now).await?;
        }
        Ok(school_years::note(work.tx(), task, turn, Place::Stays, noted).await?)
    }

    /// Begins to take a turn back.
    pub(super) async fn begin_undo(&self, ctx: &Ctx, task: &Task, org: OrgId, year: i32) -> Result<TurnId, Error> {
        let mut work = self.begin(ctx, Action::YearUndone).await?;
        let known = self.held(&mut work, task, org, year).await?;
        let (id, before) = (known.id, known.state);
        let turn = known.take_back(ctx.now).map_err(refused)?;
        if before != TurnState::Undoing {
            self.write_turn(&mut work, task, &turn).await?;
            work.target("institution", org).target("turn", id).detail("year", year).detail("step", "begun");
            work.commit(Outcome::Done).await?;
        }
        Ok(id)
    }

    pub(super) async fn end_undo(&self, ctx: &Ctx, task: &Task, org: OrgId, year: i32) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::YearUndone).await?;
        // Whoever undid it beside us may have been first.
        let Some(turn) = school_years::hold(work.tx(), task, org, year).await? else { return Ok(()) };
        if turn.state == TurnState::Undoing {
            let turn = turn.undone(ctx.now);
            self.write_turn(&mut work, task, &turn).await?;
            work.target("institution", org).target("turn", turn.id).detail("year", year).detail("step", "done");
            work.event("institution", org, "institution.year_undone", &["classes"]);
            work.commit(Outcome::Done).await?;
        }
        Ok(())
    }

    /// Takes some rows back, unless somebody changed them since.
    pub(super) async fn restore_some(
        &self,
        ctx: &Ctx,
        task: &Task,
        org: OrgId,
        year: i32,
        place: Place,
    ) -> Result<Step, Error> {
        let mut work = self.begin(ctx, Action::YearUndone).await?;
        let Some(turn) = school_years::hold(work.tx(), task, org, year).await? else { return Ok(Step::Done) };
        if turn.state != TurnState::Undoing {
            return Ok(Step::Done);
        }
        let rows = school_years::back(work.tx(), task, turn.id, place, ROWS).await?;
        if rows.is_empty() {
            return Ok(Step::Done);
        }
        let (fits, changed): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.fits);
        let (unopened, fits): (Vec<_>, Vec<_>) = fits.into_iter().partition(|row| row.before == UNOPENED);
        let unopened: Vec<Uuid> = unopened.iter().map(|row| row.id).collect();
        let closed = school_years::close_unseated(work.tx(), task, &unopened, ctx.now).await?;
        let kept: Vec<Uuid> = unopened.into_iter().filter(|id| !closed.contains(id)).collect();
        let mut groups: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
        for row in &fits {
            groups.entry(&row.before).or_default().push(row.id);
        }
        for (state, ids) in groups {
            let opened = school_years::reopen(work.tx(), task, place, state, &ids, ctx.now).await;
            if let Err(StoreError::Unique(_)) = opened {
                return Err(Error::busy("somebody enrolled one of these students at the same moment"));
            }
            opened?;
        }
        for person in fits.iter().filter_map(|row| row.person) {
            persons::refresh_presence(work.tx(), &task.on(person)).await?;
            work.event("person", person, "person.enrolled", &["enrolment"]);
        }
        let ids = |rows: &[school_years::Back]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
        school_years::settle(work.tx(), task, turn.id, place, "restored", &ids(&fits)).await?;
        school_years::settle(work.tx(), task, turn.id, place, "changed", &ids(&changed)).await?;
        // A class in which somebody sits by now stays.
        school_years::settle(work.tx(), task, turn.id, place, "restored", &closed).await?;
        school_years::settle(work.tx(), task, turn.id, place, "changed", &kept).await?;
        work.target("institution", org).target("turn", turn.id);
        work.detail("restored", json!(fits.len())).detail("changed_since", json!(changed.len()));
        work.commit(Outcome::Done).await?;
        Ok(Step::More)
    }

    async fn held(&self, work: &mut Work<'_>, task: &Task, org: OrgId, year: i32) -> Result<Turn, Error> {
        let turn = school_years::hold(work.tx(), task, org, year).await?;
        turn.ok_or_else(no_turn)
    }

    async fn write_turn(&self, work: &mut Work<'_>, task: &Task, turn: &Turn) -> Result<(), Error> {
        if school_years::update(work.tx(), task, turn).await? {
            Ok(())
        } else {
            Err(Error::busy("somebody changed the turn at the same moment"))
        }
    }
}
