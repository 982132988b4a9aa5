//! Staff and students, batch by batch.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::apply::Import;
use super::batch::Batch;
use super::known::Keys;
use super::lanes::{LANES, Lanes};
use super::source::Source;
use super::{Listener, Outcome, Report};
use crate::app::Error;
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

impl Import {
    pub(super) async fn people(
        self: &Arc<Self>,
        source: &mut Source<impl Read>,
        report: &mut Report,
        listener: &mut (dyn Listener + Send),
    ) -> Result<(), Error> {
        let db = &self.app.db;
        let mut batch = Batch::new(db.engine());
        // A dry run imagines one row after the other, SQLite has one writer, and an administrator one budget.
        let most = if self.dry || self.sight.is_bounded() || db.engine() == Engine::Sqlite { 1 } else { LANES };
        let mut lanes = Lanes::default();
        let mut running = JoinSet::new();
        let (mut held, mut freed) = (Duration::ZERO, Instant::now());
        let mut next_lesson = FIRST_LESSON;
        let mut failed = None;
        loop {
            while running.len() < most && failed.is_none() {
                if let Err(error) = self.read_rows(source, batch.size() * most, report, &mut lanes) {
                    failed = Some(error);
                    break;
                }
                let entries = lanes.take(batch.size());
                if entries.is_empty() {
                    break;
                }
                // Whoever waits for the writer has it as long as it was held (R15); reading and checking is part of it.
                if db.is_awaited() {
                    tokio::time::sleep(held.saturating_sub(freed.elapsed())).await;
                }
                let import = Arc::clone(self);
                running.spawn(async move { import.apply(entries).await });
            }
            // The next rows are read and checked while these are written.
            if failed.is_none() {
                failed = self.read_rows(source, batch.size() * most, report, &mut lanes).err();
            }
            let Some(ended) = running.join_next().await else { break };
            let (entries, result) = match ended {
                Ok(ended) => ended,
                // What runs beside it is waited for: it may be committed already, and its logins belong to somebody.
                Err(panicked) => {
                    failed = failed.or(Some(Error::internal(panicked)));
                    continue;
                }
            };
            lanes.done(&entries);
            freed = Instant::now();
            match result {
                Ok((plan, took)) => {
                    batch.held(entries.len(), took);
                    held = took;
                    report.add(&plan);
                    let mut logins = plan.logins.iter().filter(|_| !self.dry);
                    let told = logins.try_for_each(|login| listener.login(login));
                    failed = failed.or(told.err().map(Error::internal));
                }
                Err(error) => failed = failed.or(Some(error)),
            }
            listener.progress(source.position(), report.done());
            if !self.dry && report.created + report.accepted >= next_lesson {
                // A hint to the planner, no more.
                if let Err(error) = db.learn().await {
                    tracing::warn!(%error, "the database could not look at its tables again; the import goes on");
                }
                next_lesson = (report.created + report.accepted).saturating_mul(LESSON_FACTOR);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Reads and checks rows until so many wait to be written, or the file ends.
    fn read_rows(
        &self,
        source: &mut Source<impl Read>,
        ahead: usize,
        report: &mut Report,
        lanes: &mut Lanes,
    ) -> Result<(), Error> {
        let today = self.ctx.now.shanghai_date();
        while lanes.waiting() < ahead {
            let Some(row) = source.next()? else { break };
            report.rows += 1;
            let intent = row.check().and_then(|()| match self.kind {
                RosterKind::Students => read_student(&row, today).map(Intent::Student),
                _ => read_staff(&row, today).map(Intent::Staff),
            });
            let intent = match intent {
                Ok(intent) => intent,
                Err(fault) => {
                    report.fault(row.number, fault);
                    report.count(Outcome::Rejected);
                    continue;
                }
            };
            if let Intent::Student(student) = &intent {
                student.faults.iter().for_each(|fault| report.fault(row.number, fault.clone()));
                student.warnings.iter().for_each(|fault| report.warn(row.number, fault.clone()));
            }
            if let Intent::Staff(staff) = &intent {
                staff.warnings.iter().for_each(|fault| report.warn(row.number, fault.clone()));
            }
            let keys = intent.people().into_iter().map(|person| self.app.keys_of(person)).collect();
            lanes.add(Entry { number: row.number, intent, keys });
        }
        Ok(())
    }
}
