//! The people who go over, some in each transaction: students with their classes, guardians' records and homes, staff with
//! what they teach, and what is taught by whoever stays.

use std::collections::{BTreeSet, HashMap};

use crate::app::guardianship::WardsOf;
use crate::app::pace::Step;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, EnrolmentId, PersonId, StaffingId, new_uuid};
use crate::domain::registry::class::Class;
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::institution_life::{InstitutionChange, free_class_no};
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::store::handovers::{self, Way};
use crate::store::{classes, enrolments, institution_changes, persons, staffings};

/// People of a transaction: SQLite has one writer, which may be held 50 ms at most (R15).
pub(super) const PEOPLE: u32 = 40;

impl App {
    /// Some students, with their classes, guardians' records and homes; how many.
    pub(super) async fn some_stays(
        &self,
        ctx: &Ctx,
        task: &Task,
        change: &InstitutionChange,
        way: Way,
    ) -> Result<u64, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let found = handovers::stays(work.tx(), task, &way, PEOPLE).await?;
        let people: Vec<PersonId> = found.iter().map(|stay| stay.person).collect();
        if people.is_empty() {
            return Ok(0);
        }
        self.goes_on_with(work.tx(), task, change, &people).await?;
        let seats = hold_classes(&mut work, task, found.iter().filter_map(|stay| stay.class)).await?;
        let found: Vec<EnrolmentId> = found.iter().map(|stay| stay.id).collect();
        let stays = handovers::hold_open_stays(work.tx(), task, &way, &found).await?;
        let fits = |stay: &Enrolment| match stay.class {
            Some(class) => seats.iter().any(|seat| seat.id == class),
            None => way.whole,
        };
        if !stays.iter().map(|stay| stay.person).eq(people.iter().copied()) || !stays.iter().all(fits) {
            return Err(changed_meanwhile());
        }
        let heirs = self.heirs_of(&mut work, task, way, seats).await?;
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
                began_by: None,
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
    pub(super) async fn some_posts(
        &self,
        ctx: &Ctx,
        task: &Task,
        change: &InstitutionChange,
        way: Way,
    ) -> Result<u64, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let found = handovers::posts(work.tx(), task, &way, PEOPLE).await?;
        let people: Vec<PersonId> = found.iter().map(|post| post.person).collect();
        if people.is_empty() {
            return Ok(0);
        }
        self.goes_on_with(work.tx(), task, change, &people).await?;
        let old: Vec<StaffingId> = found.iter().map(|post| post.id).collect();
        let lessons = staffings::taught_in_many(work.tx(), task, &old).await?;
        let seats = hold_classes(&mut work, task, lessons.iter().map(|lesson| lesson.class)).await?;
        let posts = handovers::hold_open_posts(work.tx(), task, &way, &old).await?;
        let taught = staffings::taught_in_many(work.tx(), task, &old).await?;
        let is_held = |lesson: &Teaching| seats.iter().any(|seat| seat.id == lesson.class);
        if !posts.iter().map(|post| post.person).eq(people.iter().copied()) || !taught.iter().all(is_held) {
            return Err(changed_meanwhile());
        }
        let heirs = self.heirs_of(&mut work, task, way, seats).await?;
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
        // Of a part that stands for itself from now on the institution that is the guardian is no part any more.
        let to = if way.whole { WardsOf::Heir(way.to) } else { WardsOf::Nobody(way.day) };
        self.leave_wards(&mut work, ctx, task, (&people, way.from), to).await?;
        handovers::hand_posts(work.tx(), task, &way, &old, &new).await?;
        self.hand_lessons(&mut work, ctx, task, way, &taught, (&heirs, &stands)).await?;
        self.arrived(&mut work, ctx, task, way, &people).await?;
        for person in &people {
            work.event("person", *person, "person.moved", &["staffing"]);
        }
        work.target("institution", way.from).detail("step", change.kind.as_str()).detail("staff", people.len());
        work.commit(Outcome::Done).await?;
        Ok(count(people.len()))
    }

    /// What is taught in classes that went over by people who did not.
    pub(super) async fn some_lessons(
        &self,
        ctx: &Ctx,
        task: &Task,
        change: &InstitutionChange,
        way: Way,
    ) -> Result<Step, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let found = handovers::lessons(work.tx(), task, &way, PEOPLE).await?;
        if found.is_empty() {
            return Ok(Step::Done);
        }
        self.goes_on_with(work.tx(), task, change, &[]).await?;
        let seats = hold_classes(&mut work, task, found.iter().map(|lesson| lesson.class)).await?;
        let lessons = handovers::hold_lessons(work.tx(), task, &found).await?;
        let heirs = self.heirs_of(&mut work, task, way, seats).await?;
        self.hand_lessons(&mut work, ctx, task, way, &lessons, (&heirs, &HashMap::new())).await?;
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
        (heirs, stands): (&HashMap<ClassId, ClassId>, &HashMap<StaffingId, StaffingId>),
    ) -> Result<(), Error> {
        let goes_on = |lesson: &Teaching| Teaching {
            id: new_uuid(ctx.now, &*self.random),
            staffing: stands.get(&lesson.staffing).copied().unwrap_or(lesson.staffing),
            class: heirs.get(&lesson.class).copied().unwrap_or(lesson.class),
            valid_from: way.day.max(lesson.valid_from),
            ..lesson.clone()
        };
        let new: Vec<Teaching> = taught.iter().map(goes_on).collect();
        Ok(handovers::hand_lessons(work.tx(), task, &way, taught, &new).await?)
    }

    async fn heirs_of(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        way: Way,
        seats: Vec<Class>,
    ) -> Result<HashMap<ClassId, ClassId>, Error> {
        let mut heirs = HashMap::new();
        for class in seats {
            heirs.insert(class.id, self.heir_of(work, task, way, class).await?);
        }
        Ok(heirs)
    }

    /// The class in which the people of one go on, which is held: whoever is just being seated there was waited for. Opened
    /// now, where it belongs to whoever hands over and has none yet; the class itself where it is somebody else's.
    pub(super) async fn heir_of(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        way: Way,
        known: Class,
    ) -> Result<ClassId, Error> {
        let class = known.id;
        if known.org != way.from {
            return Ok(class);
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
        self.homes_go(work, ctx, task, (way.from, way.to), people).await
    }
}

/// Holds classes, before any stay, post or lesson is.
pub(super) async fn hold_classes(
    work: &mut Work<'_>,
    task: &Task,
    classes: impl Iterator<Item = ClassId>,
) -> Result<Vec<Class>, Error> {
    let classes: Vec<ClassId> = classes.collect::<BTreeSet<_>>().into_iter().collect();
    Ok(classes::hold_many(work.tx(), task, &classes).await?)
}

/// What was looked at without a lock was another thing under it: looked at again.
fn changed_meanwhile() -> Error {
    Error::busy("somebody changed one of these people's stays or posts at the same moment")
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
