//! Staff and students, batch by batch.

use std::io::Read;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::apply::Import;
use super::batch::Batch;
use super::known::Keys;
use super::lanes::{LANES, Lanes};
use super::sight::Sight;
use super::source::Source;
use super::{Listener, Outcome, Report, told};
use crate::app::{App, Ctx, Error};
use crate::domain::registry::roster::{
    ClassKey, PersonRow, RosterKind, StaffRow, StudentRow, read_staff, read_student,
};
use crate::store::db::Engine;

/// A first import starts with empty tables: the planner learns what they came to after so many people, and again each
/// time they have grown so many times over.
const FIRST_LESSON: u64 = 1000;
const LESSON_FACTOR: u64 = 8;

pub(super) enum Intent {
    Student(StudentRow),
    Staff(StaffRow),
}

pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) intent: Intent,
    pub(super) keys: Vec<Keys>,
}

impl Intent {
    pub(super) fn school(&self) -> &str {
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

    pub(super) fn classes(&self) -> &[ClassKey] {
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
        sight: Sight,
        kind: RosterKind,
        source: &mut Source<impl Read>,
        dry: bool,
        report: &mut Report,
        listener: &mut (dyn Listener + Send),
    ) -> Result<(), Error> {
        let bounded = sight.is_bounded();
        let import = Import::new(self, ctx, sight, kind, dry);
        let mut batch = Batch::new(self.db.engine());
        // A dry run imagines one row after the other, SQLite has one writer, and an administrator one budget.
        let most = if dry || bounded || self.db.engine() == Engine::Sqlite { 1 } else { LANES };
        let mut lanes = Lanes::default();
        let mut running = FuturesUnordered::new();
        let mut held = Duration::ZERO;
        let mut next_lesson = FIRST_LESSON;
        let mut failed = None;
        loop {
            while running.len() < most && failed.is_none() {
                let preparing = Instant::now();
                self.read_rows(ctx, kind, source, batch.size() * most, report, &mut lanes)?;
                let entries = lanes.take(batch.size());
                if entries.is_empty() {
                    break;
                }
                // Whoever waits for the writer has it as long as it was held (R15); reading and checking is part of it.
                if self.db.is_awaited() {
                    tokio::time::sleep(held.saturating_sub(preparing.elapsed())).await;
                }
                running.push(import.apply(entries));
            }
            let Some((entries, result)) = running.next().await else { break };
            lanes.done(&entries);
            match result {
                Ok((plan, took)) => {
                    batch.held(entries.len(), took);
                    held = took;
                    report.add(&plan);
                    for login in plan.logins.iter().filter(|_| !dry) {
                        listener.login(login).map_err(Error::internal)?;
                    }
                }
                // What runs beside it is waited for: it may be committed already, and its logins belong to somebody.
                Err(error) => failed = failed.or(Some(error)),
            }
            listener.progress(source.position(), report.rows);
            if !dry && report.created >= next_lesson {
                self.db.learn().await?;
                next_lesson = report.created.saturating_mul(LESSON_FACTOR);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Reads and checks rows until so many wait to be written, or the file ends.
    fn read_rows(
        &self,
        ctx: &Ctx,
        kind: RosterKind,
        source: &mut Source<impl Read>,
        ahead: usize,
        report: &mut Report,
        lanes: &mut Lanes,
    ) -> Result<(), Error> {
        let today = ctx.now.shanghai_date();
        while lanes.waiting() < ahead {
            let Some(row) = source.next()? else { break };
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
            lanes.add(Entry { number: row.number, intent, keys });
        }
        Ok(())
    }
}
