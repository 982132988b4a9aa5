//! People go over from one institution to another: all of them where it becomes part of the other one or closes with a
//! successor, those of some classes where it is split. Each step is a transaction of some people; the same command again
//! goes on where it was left. Stays and posts begin anew beside the old ones, which keep how it was; whoever is signed in
//! stays so, because sessions and grants go on in the identity that stands for the old one.

use std::time::Instant;

use serde::Serialize;

use super::people::hold_classes;
use super::{Begin, InstitutionView, Opening, refused, under_way};
use crate::app::pace::{Listener, Pace, Step};
use crate::app::relation_claim::Decider;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::registry::institution::InstitutionKind;
use crate::domain::registry::institution_life::{ChangeKind, ChangeState, InstitutionChange};
use crate::domain::registry::roster::ClassKey;
use crate::store::handovers::{self, Way};
use crate::store::{classes, institution_changes, institutions};

/// What went over in this run.
#[derive(Clone, Debug, Serialize)]
pub struct Handover {
    /// Who handed over.
    pub institution: String,
    /// Who took over.
    pub into: InstitutionView,
    /// `merged`, `closed`, `split`.
    pub state: &'static str,
    /// Students who went over in this run.
    pub students: u64,
    /// Members of staff who went over in this run.
    pub staff: u64,
    /// How long it took.
    pub seconds: f64,
}

/// A part of a school that is to stand for itself.
#[derive(Clone, Debug)]
pub struct Split {
    /// The school.
    pub code: String,
    /// What is opened for them: a campus below the school, or a school beside it.
    pub opening: Opening,
    /// The classes that go, by the names that the school has for them.
    pub classes: Vec<ClassKey>,
}

impl App {
    /// Hands everybody over to another institution, and ends: as part of it (`Merged`), or closed with it as the successor
    /// (`Closed`). Institutions below go along, old codes lead to the other one from today on, rights over the old one end.
    ///
    /// # Errors
    /// `NotFound` for institutions that are unknown or not strictly below the administrator's own; `Conflict` when they are
    /// closed, no schools, or in the midst of another change.
    pub async fn hand_over_institution(
        &self,
        ctx: &Ctx,
        by: Decider,
        code: &str,
        into: &str,
        kind: ChangeKind,
        listener: &mut (dyn Listener + Send),
    ) -> Result<Handover, Error> {
        let (started, task, ctx) = (Instant::now(), access::task(TaskName::InstitutionLife), by.acting(ctx));
        let mut pace = Pace::default();
        let (change, name) =
            self.paced(&mut pace, || self.begin_handover(&ctx, &task, by, (code, into, kind), Begin::Now)).await?;
        self.go_over(&ctx, &task, change, name, started, listener).await
    }

    /// Opens an institution for some classes of a school, and hands them over with their students and with whoever teaches
    /// them alone. Whoever teaches on both sides stays, and goes on teaching.
    ///
    /// # Errors
    /// As [`App::hand_over_institution`] and [`App::open_institution_under`]; `NotFound` for a class that the school does
    /// not have.
    pub async fn split_institution(
        &self,
        ctx: &Ctx,
        by: Decider,
        split: &Split,
        listener: &mut (dyn Listener + Send),
    ) -> Result<Handover, Error> {
        let (started, task, ctx) = (Instant::now(), access::task(TaskName::InstitutionLife), by.acting(ctx));
        let mut pace = Pace::default();
        let (change, name) = self.paced(&mut pace, || self.begin_split(&ctx, &task, by, split, Begin::Now)).await?;
        self.go_over(&ctx, &task, change, name, started, listener).await
    }

    async fn go_over(
        &self,
        ctx: &Ctx,
        task: &Task,
        change: InstitutionChange,
        institution: String,
        started: Instant,
        listener: &mut (dyn Listener + Send),
    ) -> Result<Handover, Error> {
        let way = way(ctx, &change)?;
        let (mut pace, mut students, mut staff) = (Pace::default(), 0, 0);
        loop {
            loop {
                let n = self.paced(&mut pace, || self.some_stays(ctx, task, &change, way)).await?;
                students += n;
                listener.progress(students + staff, students + staff);
                if n == 0 {
                    break;
                }
            }
            loop {
                let n = self.paced(&mut pace, || self.some_posts(ctx, task, &change, way)).await?;
                staff += n;
                listener.progress(students + staff, students + staff);
                if n == 0 {
                    break;
                }
            }
            while self.paced(&mut pace, || self.some_lessons(ctx, task, &change, way)).await? == Step::More {}
            if way.whole {
                self.adopt_all(ctx, task, &change, way).await?;
            }
            if self.paced(&mut pace, || self.end_handover(ctx, task, &change, way)).await? == Step::Done {
                break;
            }
        }
        let mut tx = self.db.read().await?;
        let heir = institutions::find(&mut tx, task, way.to).await?;
        let heir = heir.ok_or_else(|| Error::not_found("the institution that takes over"))?;
        let into = self.view(&mut tx, task, &heir, ctx.now.shanghai_date()).await?;
        let (state, seconds) = (change.kind.as_str(), started.elapsed().as_secs_f64());
        Ok(Handover { institution, into, state, students, staff, seconds })
    }

    pub(super) async fn begin_handover(
        &self,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        (code, into, kind): (&str, &str, ChangeKind),
        begin: Begin,
    ) -> Result<(InstitutionChange, String), Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let org = self.governed_unheld(work.tx(), ctx, task, by, &code.into()).await?;
        let heir = self.governed_unheld(work.tx(), ctx, task, by, &into.into()).await?;
        let held = super::hold_both(&mut work, task, org.id, heir.id).await?;
        let (org, heir) = held.ok_or_else(|| Error::no_institution(code))?;
        org.hands_over_to(&heir).map_err(refused)?;
        for child in institution_changes::children(work.tx(), task, org.id).await? {
            child.fits_under(&heir).map_err(refused)?;
        }
        if institution_changes::is_under(work.tx(), task, org.id, heir.id).await? {
            return Err(Error::new(Kind::Conflict, "an institution does not become part of what stands below it"));
        }
        let change = self.change(ctx, org.id, kind, Some(heir.id));
        match self.is_new(&mut work, task, &change).await? {
            Some(known) => Ok((known, org.name)),
            None if begin == Begin::Look => Ok((change, org.name)),
            None => {
                work.target("institution", org.id).detail("step", "handing over");
                work.commit(Outcome::Done).await?;
                Ok((change, org.name))
            }
        }
    }

    /// Begins the change, unless the same is under way: then that one goes on.
    async fn is_new(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        change: &InstitutionChange,
    ) -> Result<Option<InstitutionChange>, Error> {
        let mut running = institution_changes::running(work.tx(), task, change.org).await?;
        if let Some(into) = change.into {
            running.extend(institution_changes::running(work.tx(), task, into).await?);
        }
        let same = |known: &&InstitutionChange| {
            (known.org, known.kind, known.into, known.state) == (change.org, change.kind, change.into, change.state)
        };
        if let Some(known) = running.iter().find(same) {
            return Ok(Some(known.clone()));
        }
        if !running.is_empty() || !institution_changes::begin(work.tx(), task, change).await? {
            return Err(under_way());
        }
        Ok(None)
    }

    pub(super) async fn begin_split(
        &self,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        split: &Split,
        begin: Begin,
    ) -> Result<(InstitutionChange, String), Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        self.lock_tree(&mut work).await?;
        let org = self.governed(&mut work, ctx, task, by, &(&split.code).into()).await?;
        let name = org.name.clone();
        let known = institutions::by_code(work.tx(), task, &split.opening.code).await?;
        let running = institution_changes::running(work.tx(), task, org.id).await?;
        let same = |change: &&InstitutionChange| {
            (change.org, change.kind, change.state) == (org.id, ChangeKind::Split, ChangeState::Running)
                && known.as_ref().is_some_and(|known| change.into == Some(known.id))
        };
        if let Some(change) = running.iter().find(same) {
            return Ok((change.clone(), name));
        }
        if !running.is_empty() {
            return Err(under_way());
        }
        let parent = match split.opening.kind {
            InstitutionKind::School => match org.parent {
                Some(parent) => institutions::find(work.tx(), task, parent).await?,
                None => None,
            },
            _ => Some(org.clone()),
        };
        if split.classes.is_empty() {
            return Err(Error::invalid("say which classes go: --class 学段/入学年份/班级"));
        }
        let (fresh, _) = self.opened(&mut work, ctx, task, parent.as_ref(), &split.opening).await?;
        org.hands_over_to(&fresh).map_err(refused)?;
        let change = self.change(ctx, org.id, ChangeKind::Split, Some(fresh.id));
        if !institution_changes::begin(work.tx(), task, &change).await? {
            return Err(under_way());
        }
        let way = way(ctx, &change)?;
        let mut going = Vec::new();
        for key in &split.classes {
            let class = classes::at(work.tx(), task, org.id, key).await?;
            going.push(class.ok_or_else(|| Error::not_found("one of these classes of the school"))?.id);
        }
        for class in hold_classes(&mut work, task, going.into_iter()).await? {
            self.heir_of(&mut work, task, way, class).await?;
        }
        if begin == Begin::Now {
            work.target("institution", org.id).detail("step", "splitting").detail("classes", split.classes.len());
            work.commit(Outcome::Done).await?;
        }
        Ok((change, name))
    }

    /// The end, when nobody is left to go over.
    async fn end_handover(&self, ctx: &Ctx, task: &Task, change: &InstitutionChange, way: Way) -> Result<Step, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        self.lock_tree(&mut work).await?;
        // Whoever is just bringing somebody in is waited for; whoever comes later finds it closed.
        let held = institution_changes::hold(work.tx(), task, way.from).await?;
        let org = held.ok_or_else(|| Error::not_found("the institution"))?;
        self.goes_on_still(work.tx(), task, change).await?;
        let below = way.whole && !institution_changes::children(work.tx(), task, way.from).await?.is_empty();
        let left = below
            || !handovers::stays(work.tx(), task, &way, 1).await?.is_empty()
            || !handovers::posts(work.tx(), task, &way, 1).await?.is_empty()
            || !handovers::lessons(work.tx(), task, &way, 1).await?.is_empty();
        if left {
            return Ok(Step::More);
        }
        work.target("institution", org.id).detail("step", change.kind.as_str());
        let told = match change.kind {
            ChangeKind::Split => {
                self.end_change(&mut work, task, change, ctx).await?;
                "institution.split"
            }
            _ => {
                let open = institution_changes::open_classes(work.tx(), task, org.id).await?;
                for class in hold_classes(&mut work, task, open.into_iter().map(|class| class.id)).await? {
                    self.heir_of(&mut work, task, way, class).await?;
                }
                self.wind_up(&mut work, ctx, task, org, change).await?;
                self.end_change(&mut work, task, change, ctx).await?;
                if change.kind == ChangeKind::Merged { "institution.merged" } else { "institution.closed" }
            }
        };
        work.event("institution", way.from, told, &["merged_into"]);
        work.commit(Outcome::Done).await?;
        Ok(Step::Done)
    }
}

fn way(ctx: &Ctx, change: &InstitutionChange) -> Result<Way, Error> {
    let to = change.into.ok_or_else(|| Error::internal("a handover to nobody"))?;
    let whole = change.kind != ChangeKind::Split;
    Ok(Way { from: change.org, to, day: change.day, now: ctx.now, whole })
}
