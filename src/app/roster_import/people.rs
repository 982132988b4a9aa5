//! Staff and students, batch by batch.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::classes::Classes;
use super::decide::{Desk, Plan};
use super::known::{Keys, Known, Org};
use super::source::Source;
use super::{Listener, Outcome, Report, TRIES, told};
use crate::app::work::Outcome as Ended;
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::ClassId;
use crate::domain::registry::class::Class;
use crate::domain::registry::roster::{
    ClassKey, Code, Column, Fault, PersonRow, RosterKind, StaffRow, StudentRow, read_staff, read_student,
};
use crate::store::db::Tx;

/// A first import starts with empty tables: the planner learns what they came to after so many people, and again each
/// time they have grown so many times over.
const FIRST_LESSON: u64 = 1000;
const LESSON_FACTOR: u64 = 8;

enum Intent {
    Student(StudentRow),
    Staff(StaffRow),
}

struct Entry {
    number: u64,
    intent: Intent,
    keys: Vec<Keys>,
}

/// What stays from batch to batch.
struct Caches {
    orgs: HashMap<String, Option<Org>>,
    classes: Classes,
}

impl Intent {
    fn school(&self) -> &str {
        match self {
            Self::Student(row) => &row.school,
            Self::Staff(row) => &row.school,
        }
    }

    fn people(&self) -> Vec<&PersonRow> {
        match self {
            Self::Student(row) => {
                std::iter::once(&row.person).chain(row.guardians.iter().map(|(guardian, ..)| guardian)).collect()
            }
            Self::Staff(row) => vec![&row.person],
        }
    }

    fn classes(&self) -> &[ClassKey] {
        match self {
            Self::Student(row) => std::slice::from_ref(&row.class),
            Self::Staff(row) => &row.teaches,
        }
    }
}

impl App {
    pub(super) async fn import_people(
        &self,
        ctx: &Ctx,
        kind: RosterKind,
        source: &mut Source<impl Read>,
        dry: bool,
        report: &mut Report,
        listener: &mut (dyn Listener + Send),
    ) -> Result<(), Error> {
        let task = access::task(TaskName::OperatorImport);
        let mut batch = Batch::new(self.db.engine());
        let mut caches = Caches { orgs: HashMap::new(), classes: Classes::default() };
        let mut known = Known::default();
        let mut held = Duration::ZERO;
        let mut next_lesson = FIRST_LESSON;
        loop {
            let preparing = Instant::now();
            let (entries, done) = self.read_batch(ctx, kind, source, batch.size(), report)?;
            // Whoever waits for the writer has it for as long as it was held (R15); reading and checking is part of it.
            if self.db.is_awaited() {
                tokio::time::sleep(held.saturating_sub(preparing.elapsed())).await;
            }
            if !entries.is_empty() {
                // Ids follow the time, so a batch's rows lie together; one time for a whole file would scatter them.
                let ctx = &Ctx { now: self.now(), ..ctx.clone() };
                let (plan, took) = self.apply(ctx, &task, kind, &entries, dry, &mut known, &mut caches).await?;
                batch.held(entries.len(), took);
                held = took;
                report.persons_created += u64::try_from(plan.people.len()).unwrap_or(u64::MAX);
                plan.outcomes.iter().for_each(|outcome| report.count(*outcome));
                report.errors.extend(plan.faults.iter().map(|(row, fault)| told(*row, fault)));
                for login in plan.logins.iter().filter(|_| !dry) {
                    listener.login(login).map_err(Error::internal)?;
                }
            }
            listener.progress(source.position(), report.rows);
            if !dry && report.created >= next_lesson {
                self.db.learn().await?;
                next_lesson = report.created.saturating_mul(LESSON_FACTOR);
            }
            if done {
                return Ok(());
            }
        }
    }

    /// Reads and checks so many rows; whether the file ended.
    fn read_batch(
        &self,
        ctx: &Ctx,
        kind: RosterKind,
        source: &mut Source<impl Read>,
        size: usize,
        report: &mut Report,
    ) -> Result<(Vec<Entry>, bool), Error> {
        let today = ctx.now.shanghai_date();
        let mut entries = Vec::with_capacity(size);
        while entries.len() < size {
            let Some(row) = source.next()? else { return Ok((entries, true)) };
            report.rows += 1;
            let intent = row.check().and_then(|()| match kind {
                RosterKind::Students => read_student(&row, today).map(Intent::Student),
                _ => read_staff(&row, today).map(Intent::Staff),
            });
            let intent = match intent {
                Ok(intent) => intent,
                Err(fault) => {
                    report.errors.push(told(row.number, &fault));
                    report.count(Outcome::Rejected);
                    continue;
                }
            };
            if let Intent::Student(student) = &intent {
                report.errors.extend(student.faults.iter().map(|fault| told(row.number, fault)));
                report.warnings.extend(student.warnings.iter().map(|fault| told(row.number, fault)));
            }
            if let Intent::Staff(staff) = &intent {
                report.warnings.extend(staff.warnings.iter().map(|fault| told(row.number, fault)));
            }
            let keys = intent.people().into_iter().map(|person| self.keys_of(person)).collect();
            entries.push(Entry { number: row.number, intent, keys });
        }
        Ok((entries, false))
    }

    /// One batch in one transaction, tried again when another import was quicker. How long the writer was held.
    #[allow(clippy::too_many_arguments, reason = "the loop's own state, in the one place that changes it")]
    async fn apply(
        &self,
        ctx: &Ctx,
        task: &Task,
        kind: RosterKind,
        entries: &[Entry],
        dry: bool,
        known: &mut Known,
        caches: &mut Caches,
    ) -> Result<(Plan, Duration), Error> {
        for attempt in 1.. {
            // A dry run writes nothing, so what it would have written is remembered instead.
            if !dry {
                *known = Known::default();
            }
            if attempt > 1 {
                caches.classes = Classes::default();
            }
            let result = self.try_apply(ctx, task, kind, entries, dry, known, caches).await;
            match result {
                Err(error) if is_race(&error) && attempt < TRIES => self.back_off(attempt).await,
                other => return other,
            }
        }
        Err(Error::busy("the batch was tried too often"))
    }

    #[allow(clippy::too_many_arguments, reason = "as above")]
    async fn try_apply(
        &self,
        ctx: &Ctx,
        task: &Task,
        kind: RosterKind,
        entries: &[Entry],
        dry: bool,
        known: &mut Known,
        caches: &mut Caches,
    ) -> Result<(Plan, Duration), Error> {
        if dry {
            let plan = self.decide(ctx, task, entries, known, caches, &mut self.db.read().await?, true).await?.0;
            return Ok((plan, Duration::ZERO));
        }
        let mut work = self.begin(ctx, Action::RosterImported).await?;
        let since = Instant::now();
        work.tx().expect_many().await?;
        let (mut plan, opened) = self.decide(ctx, task, entries, known, caches, work.tx(), false).await?;
        if !plan.is_empty() || !opened.is_empty() {
            plan.sort();
            plan.write(work.tx(), task, ctx).await?;
            let first = entries.first().map_or(0, |entry| entry.number);
            let last = entries.last().map_or(0, |entry| entry.number);
            work.detail("kind", kind.as_str()).detail("from_row", first).detail("to_row", last);
            work.detail("persons", plan.people.len()).detail("classes", opened.len());
            for class in &opened {
                work.event("class", class.id.0, "class.opened", &[]);
            }
            work.commit(Ended::Done).await?;
        }
        caches.classes.remember(opened);
        Ok((plan, since.elapsed()))
    }

    /// What the rows come to. The classes that had to be opened come back, to be remembered after the commit.
    #[allow(clippy::too_many_arguments, reason = "as above")]
    async fn decide(
        &self,
        ctx: &Ctx,
        task: &Task,
        entries: &[Entry],
        known: &mut Known,
        caches: &mut Caches,
        tx: &mut Tx,
        dry: bool,
    ) -> Result<(Plan, Vec<Class>), Error> {
        let mut orgs = Vec::with_capacity(entries.len());
        let mut wanted = BTreeSet::new();
        for entry in entries {
            let org = self.org_of(tx, task, &mut caches.orgs, entry.intent.school()).await?;
            let org = org.filter(|org| org.teaches || entry.intent.classes().is_empty());
            if let Some(org) = &org {
                wanted.extend(entry.intent.classes().iter().map(|class| (org.id, class.clone())));
            }
            orgs.push(org);
        }
        let (places, opened) = self.places(ctx, task, wanted, &mut caches.classes, tx, dry).await?;
        let mut keys = Vec::new();
        for entry in entries {
            keys.extend(entry.keys.iter().map(|keys| Keys { document: keys.document.clone(), code: keys.code }));
        }
        known.load(tx, task, &keys).await?;
        let mut plan = Plan::default();
        for (entry, org) in entries.iter().zip(orgs) {
            let Some(org) = org else {
                let fault =
                    Fault::new(Column::School, Code::InstitutionUnknown, "no institution with this code teaches here");
                plan.faults.push((entry.number, fault));
                plan.outcomes.push(Outcome::Rejected);
                continue;
            };
            let classes: Vec<ClassId> = entry
                .intent
                .classes()
                .iter()
                .filter_map(|class| places.get(&(org.id, class.clone())).copied())
                .collect();
            let mut desk = Desk { app: self, ctx, known, plan: &mut plan };
            let outcome = match (&entry.intent, classes.first()) {
                (Intent::Student(row), Some(class)) => desk.student(entry.number, row, &entry.keys, &org, *class)?,
                (Intent::Staff(row), _) => desk.staff(entry.number, row, &entry.keys, &org, &classes)?,
                (Intent::Student(_), None) => return Err(Error::internal("a student without a class")),
            };
            plan.outcomes.push(outcome);
        }
        Ok((plan, opened))
    }
}

fn is_race(error: &Error) -> bool {
    error.kind == Kind::Busy
}
