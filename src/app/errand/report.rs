//! What an errand would do, and did. Counts in one sealed part, rows that are wrong in parts of their own: a file may be wrong
//! in every row.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::run::KEPT;
use super::task;
use crate::app::institution_life::{DoneChange, Handover, InstitutionView, Touched};
use crate::app::relation_claim::Decider;
use crate::app::roster_import::{DeskReport, RowFault};
use crate::app::school_year::{UndoReport, YearReport};
use crate::app::work::{Housekeeping, Work};
use crate::app::{App, Error};
use crate::domain::id::ErrandId;
use crate::store::db::Tx;
use crate::store::errands::{self, What};

/// Faults of a part.
const FAULTS: usize = 200;
/// Parts of a transaction: the writer is held some milliseconds (R15).
const AT_ONCE: usize = 4;

/// What it would do, or did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrandReport {
    /// Of a roster.
    Roster(RosterCounts),
    /// Of a turn of the year.
    YearTurn(TurnCounts),
    /// Of a turn that is taken back.
    YearUndo(UndoCounts),
    /// Of an institution that goes somewhere.
    Institution(PlaceCounts),
}

/// Rows of a roster. About somebody new and somebody whom others hold it reads the same: accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RosterCounts {
    /// Rows that were read.
    pub rows: u64,
    /// Taken in; where others hold the person, it goes to checking.
    pub accepted: u64,
    /// Changed somebody who is there.
    pub updated: u64,
    /// Said what is there already.
    pub unchanged: u64,
    /// Cannot be used.
    pub rejected: u64,
    /// Contradict the register: a case.
    pub conflicts: u64,
    /// Faults that are listed.
    pub errors: u64,
    /// Faults of the same kinds beyond those.
    #[serde(default)]
    pub errors_left_out: u64,
    /// Warnings that are listed.
    pub warnings: u64,
    /// Warnings of the same kinds beyond those.
    pub warnings_left_out: u64,
    /// Columns that mean nothing here.
    pub unknown_columns: Vec<String>,
    /// Which sheet of a workbook was read; none of a CSV file.
    #[serde(default)]
    pub sheet: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

/// A turn of the year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TurnCounts {
    /// The institution's name.
    pub institution: String,
    /// The year of the 1 September.
    pub year: i32,
    /// Classes that graduate.
    pub classes: i64,
    /// Classes of the new year that are opened in their place.
    pub opened: i64,
    /// Students whose stay ends with their class.
    pub students: i64,
    /// Students of these classes who are suspended, abroad or the like: somebody decides about each.
    pub held_back: i64,
    /// Posts' teaching that ends with the classes.
    pub teachings: i64,
    /// Until when it can be taken back.
    #[schema(format = DateTime)]
    pub undo_until: String,
    /// How long it took.
    pub seconds: f64,
}

/// A turn of the year that is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UndoCounts {
    /// The institution's name.
    pub institution: String,
    /// The year of the 1 September.
    pub year: i32,
    /// Classes that are open again, or would be when nobody changed them since.
    pub classes: i64,
    /// Students who are in their classes again.
    pub students: i64,
    /// Teaching that goes on again.
    pub teachings: i64,
    /// What somebody changed since the turn, and so stays as it is; counted when it is done.
    pub changed_since: i64,
    /// How long it took.
    pub seconds: f64,
}

/// An institution that goes somewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlaceCounts {
    /// The institution's name.
    pub institution: String,
    /// The name of the one that took over, or stands above it now.
    pub into: Option<String>,
    /// Institutions that go along, itself among them; told before.
    pub institutions: Option<i64>,
    /// Who studies there, or went over in the last run.
    pub students: Option<i64>,
    /// Who works there, or went over in the last run.
    pub staff: Option<i64>,
    /// What somebody should look at: `uscc_check`, `division_outside`.
    pub warnings: Vec<String>,
}

/// A row that is wrong, or doubtful; never a value of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErrandFault {
    /// The row's number, the header being 1.
    pub row: u64,
    /// The column's name.
    pub column: String,
    /// A stable code.
    pub code: String,
    /// In Chinese and English.
    pub message: String,
    /// The row is taken all the same.
    pub warning: bool,
}

/// A step of an errand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was looked at.
    Plan,
    /// It was done.
    Result,
}

/// Where a list of faults goes on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct FaultPlace(usize);

/// What a step of an errand came to.
pub(super) struct Found {
    pub(super) report: ErrandReport,
    faults: Vec<ErrandFault>,
    /// Why the file is no such roster.
    pub(super) refused: Option<String>,
}

fn count<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

impl From<DeskReport> for Found {
    fn from(report: DeskReport) -> Self {
        let told = |fault: &RowFault, warning: bool| ErrandFault {
            row: fault.row,
            column: fault.column.to_owned(),
            code: fault.code.to_owned(),
            message: fault.message(),
            warning,
        };
        let errors = report.errors.iter().map(|fault| told(fault, false));
        let mut faults: Vec<_> = errors.chain(report.warnings.iter().map(|fault| told(fault, true))).collect();
        faults.sort_by_key(|fault| fault.row);
        let counts = RosterCounts {
            rows: report.rows,
            accepted: report.accepted,
            updated: report.updated,
            unchanged: report.unchanged,
            rejected: report.rejected,
            conflicts: report.conflicts,
            errors: count(&report.errors),
            errors_left_out: report.errors_left_out,
            warnings: count(&report.warnings),
            warnings_left_out: report.warnings_left_out,
            unknown_columns: report.unknown_columns,
            sheet: report.sheet,
            seconds: report.seconds,
        };
        Self { report: ErrandReport::Roster(counts), faults, refused: report.refused }
    }
}

impl From<YearReport> for Found {
    fn from(report: YearReport) -> Self {
        let counts = TurnCounts {
            institution: report.institution,
            year: report.year,
            classes: report.classes,
            opened: report.opened,
            students: report.students,
            held_back: report.held_back,
            teachings: report.teachings,
            undo_until: report.undo_until.to_rfc3339(),
            seconds: report.seconds,
        };
        Self { report: ErrandReport::YearTurn(counts), faults: Vec::new(), refused: None }
    }
}

impl From<UndoReport> for Found {
    fn from(report: UndoReport) -> Self {
        let counts = UndoCounts {
            institution: report.institution,
            year: report.year,
            classes: report.classes,
            students: report.students,
            teachings: report.teachings,
            changed_since: report.changed_since,
            seconds: report.seconds,
        };
        Self { report: ErrandReport::YearUndo(counts), faults: Vec::new(), refused: None }
    }
}

impl From<PlaceCounts> for Found {
    fn from(counts: PlaceCounts) -> Self {
        Self { report: ErrandReport::Institution(counts), faults: Vec::new(), refused: None }
    }
}

impl From<Touched> for Found {
    fn from(touched: Touched) -> Self {
        let counts = PlaceCounts {
            institution: touched.institution,
            institutions: Some(touched.institutions),
            students: Some(touched.students),
            staff: Some(touched.staff),
            ..PlaceCounts::default()
        };
        counts.into()
    }
}

impl From<Handover> for Found {
    fn from(done: Handover) -> Self {
        let people = |n: u64| i64::try_from(n).ok();
        let counts = PlaceCounts {
            institution: done.institution,
            into: Some(done.into.name),
            students: people(done.students),
            staff: people(done.staff),
            ..PlaceCounts::default()
        };
        counts.into()
    }
}

impl From<DoneChange> for Found {
    fn from(done: DoneChange) -> Self {
        PlaceCounts { institution: done.institution, into: Some(done.into), ..PlaceCounts::default() }.into()
    }
}

impl From<InstitutionView> for Found {
    fn from(view: InstitutionView) -> Self {
        let warnings = view.warnings.into_iter().map(str::to_owned).collect();
        PlaceCounts { institution: view.name, into: view.parent, warnings, ..PlaceCounts::default() }.into()
    }
}

impl App {
    /// Rows that a step found wrong or doubtful, in their order, from a place on.
    ///
    /// # Errors
    /// `NotFound` for an errand that is not hers.
    pub async fn errand_faults(
        &self,
        by: Decider,
        id: ErrandId,
        step: Step,
        after: Option<FaultPlace>,
        limit: usize,
    ) -> Result<Vec<(FaultPlace, ErrandFault)>, Error> {
        let errand = self.errand_of(by, id).await?;
        let what = match step {
            Step::Plan => What::Plan,
            Step::Result => What::Result,
        };
        // Parts without counts are of a run that is not at its end.
        if self.errand_report(&mut self.db.read().await?, errand.id, what).await?.is_none() {
            return Ok(Vec::new());
        }
        let from = after.map_or(0, |place| place.0 + 1);
        let first = from / FAULTS;
        // The first part holds the counts.
        let (at, most) = (i64::try_from(first + 1), i64::try_from(limit / FAULTS + 2));
        let (at, most) = (at.map_err(Error::internal)?, most.map_err(Error::internal)?);
        let parts = errands::parts(&mut self.db.read().await?, &task(), errand.id, what, at, most).await?;
        let mut found = Vec::new();
        for part in &parts {
            let faults: Vec<ErrandFault> = serde_json::from_slice(&self.open_part(errand.id, what, part)?)?;
            let begin = usize::try_from(part.n - 1).map_err(Error::internal)? * FAULTS;
            found.extend(faults.into_iter().enumerate().map(|(n, fault)| (FaultPlace(begin + n), fault)));
        }
        Ok(found.into_iter().filter(|(place, _)| place.0 >= from).take(limit).collect())
    }

    /// Keeps the rows that a step found wrong, a few parts at a time: a file may be wrong in every row, and the writer is not
    /// held as long as that takes. They are read once the counts are there. `false` when somebody else works on it by now.
    pub(super) async fn keep_faults(
        &self,
        (id, by): (ErrandId, Uuid),
        far: (u64, u64),
        what: What,
        found: &Found,
    ) -> Result<bool, Error> {
        let faults: Vec<_> = (1..).zip(found.faults.chunks(FAULTS)).collect();
        for some in faults.chunks(AT_ONCE) {
            let mut parts = Vec::with_capacity(some.len());
            for (n, faults) in some {
                parts.push(self.seal_part(id, what, *n, &serde_json::to_vec(faults)?)?);
            }
            let mut tx = self.housekeeping(Housekeeping::Errand).await?;
            if !errands::beat(&mut tx, &task(), (id, by), far, self.now().plus(KEPT)).await? {
                return Ok(false);
            }
            if some.first().is_some_and(|(n, _)| *n == 1) {
                // Of a run that was cut off here.
                errands::drop_parts(&mut tx, &task(), id, what).await?;
            }
            for part in parts {
                errands::add_part(&mut tx, &task(), id, what, part).await?;
            }
            tx.commit().await?;
        }
        Ok(true)
    }

    /// Keeps what a step came to, behind its faults.
    pub(super) async fn keep_report(
        &self,
        work: &mut Work<'_>,
        id: ErrandId,
        what: What,
        found: &Found,
    ) -> Result<(), Error> {
        if found.faults.is_empty() {
            errands::drop_parts(work.tx(), &task(), id, what).await?;
        }
        let counts = self.seal_part(id, what, 0, &serde_json::to_vec(&found.report)?)?;
        errands::add_part(work.tx(), &task(), id, what, counts).await?;
        Ok(())
    }

    pub(super) async fn errand_report(
        &self,
        tx: &mut Tx,
        id: ErrandId,
        what: What,
    ) -> Result<Option<ErrandReport>, Error> {
        let parts = errands::parts(tx, &task(), id, what, 0, 1).await?;
        let Some(part) = parts.first().filter(|part| part.n == 0) else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&self.open_part(id, what, part)?)?))
    }
}
