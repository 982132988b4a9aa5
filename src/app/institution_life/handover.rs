//! People go over from one institution to another: all of them where it becomes part of the other one or closes with a
//! successor, those of some classes where it is split. Each step is a transaction of some people; the same command again
//! goes on where it was left. Stays and posts begin anew beside the old ones, which keep how it was; whoever is signed in
//! stays so, because sessions and grants go on in the identity that stands for the old one.

use std::collections::HashMap;
use std::time::Instant;

use serde::Serialize;

use super::{InstitutionView, Opening, refused, under_way};
use crate::app::guardianship::WardsOf;
use crate::app::pace::{Listener, Pace, Step};
use crate::app::relation_claim::Decider;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, EnrolmentId, PersonId, StaffingId, new_uuid};
use crate::domain::registry::class::Class;
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::institution::{Institution, InstitutionKind};
use crate::domain::registry::institution_life::{ChangeKind, InstitutionChange, free_class_no};
use crate::domain::registry::roster::ClassKey;
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::store::handovers::{self, Way};
use crate::store::{classes, enrolments, institution_changes, institutions, persons, platforms, staffings};

/// People of a transaction: SQLite has one writer, which may be held 50 ms at most (R15).
const PEOPLE: u32 = 40;

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
        let (change, name) = self.paced(&mut pace, || self.begin_handover(&ctx, &task, by, code, into, kind)).await?;
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
        let (change, name) = self.paced(&mut pace, || self.begin_split(&ctx, &task, by, split)).await?;
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

    async fn begin_handover(
        &self,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        code: &str,
        into: &str,
        kind: ChangeKind,
    ) -> Result<(InstitutionChange, String), Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let org = self.governed_unheld(work.tx(), ctx, task, by, code).await?;
        let heir = self.governed_unheld(work.tx(), ctx, task, by, into).await?;
        let mut pair = [org.id, heir.id];
        pair.sort_unstable();
        for id in pair {
            // In one order, so that two who hand over to each other do not wait in a circle.
            institution_changes::hold(work.tx(), task, id).await?;
        }
        let found =
            institutions::find(work.tx(), task, org.id).await?.zip(institutions::find(work.tx(), task, heir.id).await?);
        let (org, heir) = found.ok_or_else(|| Error::no_institution(code))?;
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
        let same =
            |known: &&InstitutionChange| (known.org, known.kind, known.into) == (change.org, change.kind, change.into);
        if let Some(known) = running.iter().find(same) {
            return Ok(Some(known.clone()));
        }
        if !running.is_empty() || !institution_changes::begin(work.tx(), task, change).await? {
            return Err(under_way());
        }
        Ok(None)
    }

    async fn begin_split(
        &self,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        split: &Split,
    ) -> Result<(InstitutionChange, String), Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let org = self.governed(&mut work, ctx, task, by, &split.code).await?;
        let name = org.name.clone();
        let known = institutions::by_code(work.tx(), task, &split.opening.code).await?;
        let running = institution_changes::running(work.tx(), task, org.id).await?;
        let same = |change: &&InstitutionChange| {
            (change.org, change.kind) == (org.id, ChangeKind::Split)
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
        for key in &split.classes {
            let class = classes::at(work.tx(), task, org.id, key).await?;
            let class = class.ok_or_else(|| Error::not_found("one of these classes of the school"))?;
            self.heir_of(&mut work, task, way, class.id).await?;
        }
        work.target("institution", org.id).detail("step", "splitting").detail("classes", split.classes.len());
        work.commit(Outcome::Done).await?;
        Ok((change, name))
    }

    /// Some students, with their classes, guardians' records and homes; how many.
    async fn some_stays(&self, ctx: &Ctx, task: &Task, change: &InstitutionChange, way: Way) -> Result<u64, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let stays = handovers::stays(work.tx(), task, &way, PEOPLE).await?;
        let people: Vec<PersonId> = stays.iter().map(|stay| stay.person).collect();
        if people.is_empty() {
            return Ok(0);
        }
        let mut heirs = HashMap::new();
        for class in handovers::classes_of(&stays) {
            heirs.insert(class, self.heir_of(&mut work, task, way, class).await?);
        }
        let there = enrolments::open_of_many(work.tx(), task, &people).await?;
        let is_there = |person| there.iter().any(|stay| stay.person == person && stay.org == way.to);
        let old: Vec<EnrolmentId> = stays.iter().map(|stay| stay.id).collect();
        let raised: Vec<PersonId> = stays
            .iter()
            .filter(|stay| stay.source == StudentSource::Normal && is_there(stay.person))
            .map(|stay| stay.person)
            .collect();
        let new: Vec<Enrolment> = stays
            .iter()
            .filter(|stay| !is_there(stay.person))
            .map(|stay| Enrolment {
                id: EnrolmentId::new(ctx.now, &*self.random),
                org: way.to,
                class: stay.class.and_then(|class| heirs.get(&class).copied()),
                valid_from: way.day.max(stay.valid_from),
                created_at: ctx.now,
                updated_at: ctx.now,
                version: 1,
                ..stay.clone()
            })
            .collect();
        handovers::hand_stays(work.tx(), task, &way, &old, &new, &raised).await?;
        handovers::hand_guardians(work.tx(), task, &way, &people).await?;
        self.arrived(&mut work, ctx, task, way, &people).await?;
        for person in &people {
            work.event("person", *person, "person.moved", &["enrolment"]);
        }
        work.target("institution", way.from).detail("step", change.kind.as_str()).detail("students", people.len());
        work.commit(Outcome::Done).await?;
        Ok(count(people.len()))
    }

    /// Some members of staff, with what they teach; how many.
    async fn some_posts(&self, ctx: &Ctx, task: &Task, change: &InstitutionChange, way: Way) -> Result<u64, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let posts = handovers::posts(work.tx(), task, &way, PEOPLE).await?;
        let people: Vec<PersonId> = posts.iter().map(|post| post.person).collect();
        if people.is_empty() {
            return Ok(0);
        }
        let old: Vec<StaffingId> = posts.iter().map(|post| post.id).collect();
        let there: HashMap<PersonId, StaffingId> = staffings::open_of_many(work.tx(), task, &people)
            .await?
            .into_iter()
            .filter(|post| post.org == way.to)
            .map(|post| (post.person, post.id))
            .collect();
        let (mut stands, mut new) = (HashMap::new(), Vec::new());
        for post in &posts {
            let id = there.get(&post.person).copied().unwrap_or_else(|| {
                let fresh = Staffing {
                    id: StaffingId::new(ctx.now, &*self.random),
                    org: way.to,
                    valid_from: way.day.max(post.valid_from),
                    created_at: ctx.now,
                    updated_at: ctx.now,
                    version: 1,
                    ..post.clone()
                };
                let id = fresh.id;
                new.push(fresh);
                id
            });
            stands.insert(post.id, id);
        }
        let taught = staffings::taught_in_many(work.tx(), task, &old).await?;
        // Of a part that stands for itself from now on the institution that is the guardian is no part any more.
        let to = if way.whole { WardsOf::Heir(way.to) } else { WardsOf::Nobody(way.day) };
        self.leave_wards(&mut work, ctx, task, (&people, way.from), to).await?;
        handovers::hand_posts(work.tx(), task, &way, &old, &new).await?;
        self.hand_lessons(&mut work, ctx, task, way, &taught, &stands).await?;
        self.arrived(&mut work, ctx, task, way, &people).await?;
        for person in &people {
            work.event("person", *person, "person.moved", &["staffing"]);
        }
        work.target("institution", way.from).detail("step", change.kind.as_str()).detail("staff", people.len());
        work.commit(Outcome::Done).await?;
        Ok(count(people.len()))
    }

    /// What is taught in classes that went over by people who did not.
    async fn some_lessons(&self, ctx: &Ctx, task: &Task, change: &InstitutionChange, way: Way) -> Result<Step, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let lessons = handovers::lessons(work.tx(), task, &way, PEOPLE).await?;
        if lessons.is_empty() {
            return Ok(Step::Done);
        }
        self.hand_lessons(&mut work, ctx, task, way, &lessons, &HashMap::new()).await?;
        work.target("institution", way.from).detail("step", change.kind.as_str()).detail("lessons", lessons.len());
        work.commit(Outcome::Done).await?;
        Ok(Step::More)
    }

    /// Lessons under the posts that stand for the old ones, in the classes that stand for the old ones.
    async fn hand_lessons(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        way: Way,
        taught: &[Teaching],
        stands: &HashMap<StaffingId, StaffingId>,
    ) -> Result<(), Error> {
        let mut heirs: HashMap<ClassId, ClassId> = HashMap::new();
        let mut new = Vec::new();
        for lesson in taught {
            let class = match heirs.get(&lesson.class) {
                Some(heir) => *heir,
                None => {
                    let heir = self.heir_of(work, task, way, lesson.class).await?;
                    heirs.insert(lesson.class, heir);
                    heir
                }
            };
            new.push(Teaching {
                id: new_uuid(ctx.now, &*self.random),
                staffing: stands.get(&lesson.staffing).copied().unwrap_or(lesson.staffing),
                class,
                valid_from: way.day.max(lesson.valid_from),
                ..lesson.clone()
            });
        }
        Ok(handovers::hand_lessons(work.tx(), task, &way, taught, &new).await?)
    }

    /// The class in which the people of one go on: opened now, where it belongs to whoever hands over and has none yet; the
    /// class itself where it is somebody else's.
    async fn heir_of(&self, work: &mut Work<'_>, task: &Task, way: Way, class: ClassId) -> Result<ClassId, Error> {
        let known = classes::find(work.tx(), task, class).await?;
        let known = known.ok_or_else(|| Error::internal("a stay in a class that is not there"))?;
        if known.org != way.from {
            return Ok(known.id);
        }
        if let Some(heir) = institution_changes::successor(work.tx(), task, class).await? {
            return Ok(heir.id);
        }
        let taken: Vec<String> = classes::of_orgs(work.tx(), task, &[way.to])
            .await?
            .into_iter()
            .filter(|one| (one.kind, one.stage, one.entry_year) == (known.kind, known.stage, known.entry_year))
            .map(|one| one.class_no)
            .collect();
        let class_no = free_class_no(&known.class_no, &taken);
        let name =
            if class_no == known.class_no { known.name.clone() } else { format!("{}级{class_no}", known.entry_year) };
        let heir = Class {
            id: ClassId::new(way.now, &*self.random),
            org: way.to,
            class_no,
            name,
            created_at: way.now,
            updated_at: way.now,
            version: 1,
            ..known
        };
        let opened = classes::insert_all(work.tx(), task, std::slice::from_ref(&heir)).await?;
        if opened != 1 || !institution_changes::succeed(work.tx(), task, class, heir.id, way.now).await? {
            return Err(Error::busy("somebody opened or handed over the class at the same moment"));
        }
        work.event("class", heir.id, "class.opened", &[]).event("class", class, "class.moved", &["institution"]);
        Ok(heir.id)
    }

    /// Found where they are now, with the home that goes with it.
    async fn arrived(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        way: Way,
        people: &[PersonId],
    ) -> Result<(), Error> {
        persons::refresh_presence_of_many(work.tx(), task, people).await?;
        let from = platforms::nearest(work.tx(), task, way.from).await?;
        let to = platforms::nearest(work.tx(), task, way.to).await?;
        match from.zip(to).filter(|(from, to)| from != to) {
            Some(homes) => self.rehome(work, ctx, task, homes, people).await,
            None => Ok(()),
        }
    }

    /// The end, when nobody is left to go over.
    async fn end_handover(&self, ctx: &Ctx, task: &Task, change: &InstitutionChange, way: Way) -> Result<Step, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        self.lock_tree(&mut work).await?;
        // Whoever is just bringing somebody in is waited for; whoever comes later finds it closed.
        let held = institution_changes::hold(work.tx(), task, way.from).await?;
        let org = held.ok_or_else(|| Error::not_found("the institution"))?;
        let left = !handovers::stays(work.tx(), task, &way, 1).await?.is_empty()
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
                for class in institution_changes::open_classes(work.tx(), task, org.id).await? {
                    self.heir_of(&mut work, task, way, class.id).await?;
                }
                let heir = institutions::find(work.tx(), task, way.to).await?;
                let heir = heir.ok_or_else(|| Error::not_found("the institution that takes over"))?;
                self.adopt(&mut work, ctx, task, &org, &heir).await?;
                self.wind_up(&mut work, ctx, task, org, change).await?;
                if change.kind == ChangeKind::Merged { "institution.merged" } else { "institution.closed" }
            }
        };
        work.event("institution", way.from, told, &["merged_into"]);
        work.commit(Outcome::Done).await?;
        Ok(Step::Done)
    }

    /// What stood below stands below the heir.
    async fn adopt(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        org: &Institution,
        heir: &Institution,
    ) -> Result<(), Error> {
        for child in institution_changes::children(work.tx(), task, org.id).await? {
            let (id, division) = (child.id, child.division);
            let moved = child.moved(heir, division, ctx.now).map_err(refused)?;
            self.write_institution(work, task, &moved, &["parent"]).await?;
            institution_changes::stand_under(work.tx(), task, id, heir.id).await?;
            let mut after = super::nobody();
            loop {
                let people = institution_changes::people(work.tx(), task, id, after, PEOPLE).await?;
                let Some(last) = people.last().copied() else { break };
                persons::refresh_presence_of_many(work.tx(), task, &people).await?;
                after = last;
            }
        }
        Ok(())
    }
}

fn way(ctx: &Ctx, change: &InstitutionChange) -> Result<Way, Error> {
    let to = change.into.ok_or_else(|| Error::internal("a handover to nobody"))?;
    let whole = change.kind != ChangeKind::Split;
    Ok(Way { from: change.org, to, day: change.day, now: ctx.now, whole })
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
