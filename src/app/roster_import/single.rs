//! One student by hand: a roster of one row, with everything that a row of a roster is worth and no more (R1). Whoever is new is
//! enrolled, whoever is known is linked, whoever studies elsewhere is asked for 转学.

use serde::Serialize;

use super::{DeskReport, Listener, Login, RowFault};
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::TaskName;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::roster::{Column, RosterKind};
use crate::store::institutions;

/// What became of the row. Of somebody new and of somebody whom others hold it reads the same: accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowResult {
    /// Taken in; where others hold her, it goes to checking, and a school that holds her 学籍 is asked.
    Accepted,
    /// It changed somebody who is there.
    Updated,
    /// It says what is there already.
    Unchanged,
    /// It cannot be used.
    Rejected,
    /// It contradicts the register. Of a student whose school the administrator sees too: her 转学 was asked for there.
    Conflict,
}

/// What is wrong with the row, or doubtful; never a value of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct EntryFault {
    /// The column of a roster that it is about.
    pub column: &'static str,
    /// A stable code, as of a roster.
    pub code: &'static str,
    /// In Chinese and English.
    pub message: String,
    /// The row is taken all the same.
    pub warning: bool,
}

/// What came of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BroughtIn {
    /// What became of it.
    pub result: RowResult,
    /// What is wrong with it, or doubtful.
    pub faults: Vec<EntryFault>,
}

/// Nobody watches: it is one row, and an administrator gets user names from slips.
struct Nobody;

impl Listener for Nobody {
    fn progress(&mut self, _: u64, _: u64) {}
    fn login(&mut self, _: &Login) -> std::io::Result<()> {
        Ok(())
    }
}

impl App {
    /// Brings one student in at a school of the administrator's, as a row of her roster would: the questions that it asks
    /// about people whom she does not see come from the same budget.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below her; `Invalid` for a cell that is none; as [`App::import_roster_as`].
    pub async fn bring_in_student(
        &self,
        ctx: &Ctx,
        admin: PersonId,
        org: OrgId,
        cells: &[(Column, String)],
    ) -> Result<BroughtIn, Error> {
        let school = self.roster_code(ctx, admin, org).await?;
        let file = one_row(&[&[(Column::School, school)], cells].concat())?;
        let told = self.import_roster_as(ctx, admin, RosterKind::Students, file.as_bytes(), false, &mut Nobody).await?;
        told.refused.as_ref().map_or_else(|| Ok(BroughtIn::of(&told)), |why| Err(Error::invalid(why.clone())))
    }

    /// A code by which a roster names a school that is the administrator's, and it alone: a campus may have the credit code
    /// of its school.
    async fn roster_code(&self, ctx: &Ctx, admin: PersonId, org: OrgId) -> Result<String, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.roster_subtree(&mut tx, admin, ctx.now).await?;
        let org = self.seen(&mut tx, &scope, org).await?;
        let (task, today) = (access::task(TaskName::RosterDesk), ctx.now.shanghai_date());
        let codes = institutions::codes(&mut tx, &task, org.id).await?;
        for held in codes.into_iter().filter(|code| code.valid_to.is_none() && code.valid_from <= today) {
            let code = held.code.value;
            if institutions::by_code(&mut tx, &task, &code).await?.is_some_and(|found| found.id == org.id) {
                return Ok(code);
            }
        }
        Err(Error::new(Kind::Conflict, "the institution has no code of its own today, by which a roster names it"))
    }
}

/// A roster with a header and one row. A control character could begin a second one.
fn one_row(cells: &[(Column, String)]) -> Result<String, Error> {
    if cells.iter().any(|(_, cell)| cell.chars().any(char::is_control)) {
        return Err(Error::invalid("a value holds a character that is no text"));
    }
    let line = |cells: Vec<&str>| {
        let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        quoted.join(",")
    };
    let header = line(cells.iter().map(|(column, _)| column.label()).collect());
    let row = line(cells.iter().map(|(_, cell)| cell.as_str()).collect());
    Ok(format!("{header}\n{row}\n"))
}

impl BroughtIn {
    fn of(told: &DeskReport) -> Self {
        let result = match told {
            DeskReport { accepted: 1, .. } => RowResult::Accepted,
            DeskReport { updated: 1, .. } => RowResult::Updated,
            DeskReport { unchanged: 1, .. } => RowResult::Unchanged,
            DeskReport { conflicts: 1, .. } => RowResult::Conflict,
            _ => RowResult::Rejected,
        };
        let fault = |warning: bool| {
            move |fault: &RowFault| EntryFault {
                column: fault.column,
                code: fault.code,
                message: fault.message(),
                warning,
            }
        };
        let faults = told.errors.iter().map(fault(false)).chain(told.warnings.iter().map(fault(true))).collect();
        Self { result, faults }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_in_its_cell() {
        let cells = |name: &str| [(Column::Name, name.to_owned()), (Column::Class, "1班".to_owned())];
        assert_eq!(one_row(&cells("王,\"小\"明")).unwrap(), "\"姓名\",\"班级\"\n\"王,\"\"小\"\"明\",\"1班\"\n");
        assert!(one_row(&cells("王\n明")).is_err() && one_row(&cells("王\r明")).is_err());
    }
}
