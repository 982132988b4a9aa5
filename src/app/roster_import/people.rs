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
use crate::app::{Error, Kind};
use crate::domain::registry::roster::{
    ClassKey, Column, PersonRow, RosterKind, StaffRow, StudentRow, read_staff, read_student,
};
use crate::store::db::Engine;

/// A first import starts with empty tables: the planner learns what they came to after so many people, and again each
/// time they have grown so many times over.
const FIRST_LESSON: u64 = 1000;
const LESSON_FACTOR: u64 = 8;
/// Rows of a file that an administrator sends: the students of a large county.
const MOST_ROWS: u64 = 200_000;
const TOO_MANY: &str = "文件超过 20 万行，请分成几个文件。The file has more than 200,000 rows: divide it";

pub(super) enum Intent {
    Student(StudentRow),
    Staff(StaffRow),
}

pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) intent: Intent,
    pub(super) keys: Vec<Keys>,
}

impl Entry {
    /// Leaves out guardians whose number may be another one's.
    pub(super) fn leave_doubtful_out(&mut self) {
        let Intent::Student(row) = &mut self.intent else { return };
        // The child's own keys come first.
        let mut kept = std::iter::once(true)
            .chain(row.guardians.iter().map(|(guardian, ..)| !guardian.may_be_rounded()))
            .collect::<Vec<_>>()
            .into_iter();
        self.keys.retain(|_| kept.next().unwrap_or(true));
        row.guardians.retain(|(guardian, ..)| !guardian.may_be_rounded());
    }
}

impl Intent {
    pub(super) fn school(&self) -> &str {
        match self {
            Self::Student(row) => &row.school,
            Self::Staff(row) => &row.school,
        }
    }

    /// The columns of numbers that may be what a spreadsheet made of others.
    pub(super) fn doubtful(&self) -> Vec<Column> {
        let own = match self {
            Self::Student(row) => &row.person,
            Self::Staff(row) => &row.person,
        };
        let mut columns: Vec<Column> = own.may_be_rounded().then_some(Column::DocumentNumber).into_iter().collect();
        if let Self::Student(row) = self {
            let guardians = row.guardians.iter().filter(|(guardian, ..)| guardian.may_be_rounded());
            columns.extend(guardians.map(|(.., column)| *column));
        }
        columns
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
        source: &mut Source<impl Read + Send>,
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
                if let Err(error) = self.read_rows(source, batch.size() * most, report, &mut lanes).await {
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
                failed = self.read_rows(source, batch.size() * most, report, &mut lanes).await.err();
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
    async fn read_rows(
        &self,
        source: &mut Source<impl Read + Send>,
        ahead: usize,
        report: &mut Report,
        lanes: &mut Lanes,
    ) -> Result<(), Error> {
        let today = self.ctx.now.shanghai_date();
        while lanes.waiting() < ahead {
            let Some(row) = source.next().await? else {
                lanes.settle(report);
                break;
            };
            report.rows += 1;
            if self.sight.is_bounded() && report.rows > MOST_ROWS {
                return Err(Error::new(Kind::Invalid, TOO_MANY));
            }
            row.beside().for_each(|fault| report.fault(row.number, fault.clone()));
            let intent = row.check().and_then(|()| match self.kind {
                RosterKind::Students => read_student(&row, today).map(Intent::Student),
                _ => read_staff(&row, today).map(Intent::Staff),
            });
            let intent = match intent {
                Ok(intent) => intent,
                Err(fault) => {
                    lanes.note(&fault);
                    report.fault(row.number, fault);
                    report.count(Outcome::Rejected);
                    continue;
                }
            };
            if let Intent::Student(student) = &intent {
                student.faults.iter().for_each(|fault| lanes.note(fault));
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
