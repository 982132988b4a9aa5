//! Rosters in: decode as a stream, read each row into an intent without I/O, decide against what the register knows,
//! apply in batches, each a transaction with its audit entry and its events. A batch that was cut off left nothing, and
//! a second import of the same file finds what the first one wrote: that is what makes it resumable.

mod apply;
mod batch;
mod classes;
mod desk;
mod guardian;
mod identify;
mod institutions;
mod known;
mod lanes;
mod people;
mod plan;
mod returning;
mod sight;
pub mod single;
mod source;
mod staff;
mod stated;
mod write;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde::ser::SerializeStruct as _;

use self::apply::Import;
use self::sight::Sight;
use super::{App, Ctx, Error};
use crate::domain::id::PersonId;
use crate::domain::registry::roster::{Fault, RosterKind};

/// What became of a row. Each row has exactly one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Created,
    Linked,
    Updated,
    Unchanged,
    Rejected,
    Conflict,
    /// Under an administrator's rights: created, linked, or claimed, which read the same (R1).
    Accepted,
}

/// A fault of a row, as the report tells it (contract).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The record's number, the header being 1.
    pub row: u64,
    /// The column's name.
    pub column: &'static str,
    /// A stable code.
    pub code: &'static str,
    fault: Fault,
}

impl RowFault {
    fn new(row: u64, fault: Fault) -> Self {
        Self { row, column: fault.column.label(), code: fault.code.as_str(), fault }
    }

    /// Two sentences, Chinese and English; never a value of the row. Made when it is asked for: a file may be wrong in
    /// every row.
    pub fn message(&self) -> String {
        format!("{}: {}", self.fault.code.label(), self.fault.message)
    }
}

impl Serialize for RowFault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut told = serializer.serialize_struct("RowFault", 4)?;
        told.serialize_field("row", &self.row)?;
        told.serialize_field("column", self.column)?;
        told.serialize_field("code", self.code)?;
        told.serialize_field("message", &self.message())?;
        told.end()
    }
}

/// What an import did, or a dry run would do.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct Report {
    pub rows: u64,
    pub created: u64,
    pub linked: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    pub conflicts: u64,
    #[serde(skip)]
    accepted: u64,
    pub persons_created: u64,
    /// Of each column and code the first ones; a column that is wrong in every row is told often enough.
    pub errors: Vec<RowFault>,
    pub errors_left_out: u64,
    pub warnings: Vec<RowFault>,
    pub warnings_left_out: u64,
    pub unknown_columns: Vec<String>,
    /// Which sheet of a workbook was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    pub seconds: f64,
    /// Why the file is no such roster; then nothing was read.
    #[serde(skip)]
    pub refused: Option<String>,
    #[serde(skip)]
    found: Tally,
    #[serde(skip)]
    warned: Tally,
}

/// How often each column was wrong in one way, and how often that is told.
#[derive(Clone, Debug)]
struct Tally {
    found: HashMap<(&'static str, &'static str), u64>,
    most: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { found: HashMap::new(), most: TOLD }
    }
}

impl Tally {
    /// Whether one more is told.
    fn is_told(&mut self, fault: &RowFault) -> bool {
        let found = self.found.entry((fault.column, fault.code)).or_default();
        *found += 1;
        *found <= self.most
    }
}

/// What an administrator's import did, or would do. A row about somebody new, somebody known elsewhere and somebody whose
/// number is known under another name elsewhere reads the same: accepted (ruling R1).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "as in the report of the operator")]
pub struct DeskReport {
    pub rows: u64,
    /// Taken in; where others hold the person, it goes to checking.
    pub accepted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    pub conflicts: u64,
    pub errors: Vec<RowFault>,
    pub errors_left_out: u64,
    pub warnings: Vec<RowFault>,
    pub warnings_left_out: u64,
    pub unknown_columns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    pub seconds: f64,
    #[serde(skip)]
    pub refused: Option<String>,
}

impl From<Report> for DeskReport {
    fn from(report: Report) -> Self {
        Self {
            rows: report.rows,
            accepted: report.accepted,
            updated: report.updated,
            unchanged: report.unchanged,
            rejected: report.rejected,
            conflicts: report.conflicts,
            errors: report.errors,
            errors_left_out: report.errors_left_out,
            warnings: report.warnings,
            warnings_left_out: report.warnings_left_out,
            unknown_columns: report.unknown_columns,
            sheet: report.sheet,
            seconds: report.seconds,
            refused: report.refused,
        }
    }
}

impl Report {
    fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Linked => &mut self.linked,
            Outcome::Updated => &mut self.updated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Rejected => &mut self.rejected,
            Outcome::Conflict => &mut self.conflicts,
            Outcome::Accepted => &mut self.accepted,
        } += 1;
    }

    /// Rows whose outcome is known.
    fn done(&self) -> u64 {
        let good = self.created + self.linked + self.updated + self.unchanged + self.accepted;
        good + self.rejected + self.conflicts
    }

    fn add(&mut self, plan: &plan::Plan) {
        self.persons_created += u64::try_from(plan.people.len()).unwrap_or(u64::MAX);
        plan.outcomes.iter().for_each(|outcome| self.count(*outcome));
        plan.faults.iter().for_each(|(row, fault)| self.fault(*row, fault.clone()));
        plan.warnings.iter().for_each(|(row, fault)| self.warn(*row, fault.clone()));
    }

    fn fault(&mut self, row: u64, fault: Fault) {
        let error = RowFault::new(row, fault);
        if self.found.is_told(&error) {
            self.errors.push(error);
        } else {
            self.errors_left_out += 1;
        }
    }

    fn warn(&mut self, row: u64, fault: Fault) {
        let warning = RowFault::new(row, fault);
        if self.warned.is_told(&warning) {
            self.warnings.push(warning);
        } else {
            self.warnings_left_out += 1;
        }
    }
}

/// A user name that belongs to a row, for `--logins`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The row.
    pub row: u64,
    /// Whom of the row it belongs to: student, staff, guardian1, guardian2.
    pub who: &'static str,
    /// The user name.
    pub user_name: String,
}

/// Hears how an import goes.
pub trait Listener {
    /// So many bytes of the file were read, and so many rows are done.
    fn progress(&mut self, bytes: u64, rows: u64);
    /// A user name of somebody in a row, after her account is durable.
    ///
    /// # Errors
    /// Ends the import; what was committed stays.
    fn login(&mut self, login: &Login) -> std::io::Result<()>;
}

/// Rows of a transaction on PostgreSQL, where an import holds up nobody.
const BATCH_POSTGRES: usize = 1000;
/// Imports of one file that run side by side meet at every batch; whoever comes second tries again.
const TRIES: u32 = 30;
/// Of one column and code, as many are told: they are held in memory, and kept with an errand.
const TOLD: u64 = 1000;
/// Faults that the operator's command tells, which ends with its report.
const TOLD_OPERATOR: u64 = 100_000;

impl App {
    /// Imports a roster with the rights of the operator. `dry` tells the same numbers and writes nothing; it keeps what
    /// it would have written in memory until the end.
    ///
    /// # Errors
    /// `Invalid` for a file that cannot be read; a failed store. A file that is no such roster is `refused` in the report. What was committed stays, and the same
    /// import again goes on from there.
    pub async fn import_roster(
        &self,
        ctx: &Ctx,
        kind: RosterKind,
        file: impl Read + Send,
        dry: bool,
        listener: &mut (dyn Listener + Send),
    ) -> Result<Report, Error> {
        self.import_in_sight(ctx, Sight::Everything, kind, file, dry, listener).await
    }

    /// Imports staff or students with the rights of an administrator (ruling R1): an institution outside her scope is
    /// unknown; of people whom others hold she makes claims, which somebody who may confirms; preview and result read
    /// the same whoever is known elsewhere. Questions about people she does not see are counted against a daily budget,
    /// in a preview too, and audited.
    ///
    /// # Errors
    /// As [`App::import_roster`]; `NotFound` without a live grant over rosters, `Conflict` when the budget is used up.
    pub async fn import_roster_as(
        &self,
        ctx: &Ctx,
        admin: PersonId,
        kind: RosterKind,
        file: impl Read + Send,
        dry: bool,
        listener: &mut (dyn Listener + Send),
    ) -> Result<DeskReport, Error> {
        if kind == RosterKind::Institutions {
            return Err(Error::invalid("institutions are opened by the operator; an administrator imports people"));
        }
        let ctx = &ctx.administering(admin);
        let sight = self.sight_of(ctx, admin).await?;
        Ok(self.import_in_sight(ctx, sight, kind, file, dry, listener).await?.into())
    }

    async fn import_in_sight(
        &self,
        ctx: &Ctx,
        sight: Sight,
        kind: RosterKind,
        file: impl Read + Send,
        dry: bool,
        listener: &mut (dyn Listener + Send),
    ) -> Result<Report, Error> {
        let started = Instant::now();
        let mut source = match source::Source::open(kind, file).await? {
            Ok(source) => source,
            Err(no_roster) => {
                let mut report = Report { refused: Some(no_roster.reason), ..Report::default() };
                no_roster.faults.into_iter().for_each(|fault| report.fault(1, fault));
                return Ok(report);
            }
        };
        let mut report = Report { unknown_columns: source.header().unknown().to_vec(), ..Report::default() };
        report.found.most = if sight.is_bounded() { TOLD } else { TOLD_OPERATOR };
        if let Some(chosen) = source.sheet() {
            report.sheet = Some(chosen.name.clone());
            if let Some(warning) = chosen.warning(source.header().first()) {
                report.warn(1, warning);
            }
        }
        if kind == RosterKind::Institutions {
            self.import_institutions(ctx, &mut source, dry, &mut report).await?;
        } else {
            let import = Arc::new(Import::new(self.clone(), ctx.clone(), sight, kind, dry));
            import.people(&mut source, &mut report, listener).await?;
        }
        report.errors.sort_by_key(|fault| fault.row);
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }
}
