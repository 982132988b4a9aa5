//! Institutions. A file names parents and children in any order, and all of a province's institutions are few, so they
//! are read first and opened from the top down.

use std::collections::HashMap;
use std::io::Read;

use super::source::Source;
use super::{Outcome, Report, TRIES};
use crate::app::institution::NewInstitution;
use crate::app::work::Outcome as Ended;
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::OrgId;
use crate::domain::registry::institution::{Institution, InstitutionLevel};
use crate::domain::registry::roster::{Code, Column, Fault, InstitutionRow, read_institution};
use crate::store::institutions;

impl App {
    pub(super) async fn import_institutions(
        &self,
        ctx: &Ctx,
        source: &mut Source<impl Read + Send>,
        dry: bool,
        report: &mut Report,
    ) -> Result<(), Error> {
        let task = access::task(TaskName::OperatorImport);
        let mut waiting = Vec::new();
        while let Some(row) = source.next().await? {
            report.rows += 1;
            match row.check().and_then(|()| read_institution(&row)) {
                Ok(intent) => waiting.push((row.number, intent)),
                Err(fault) => {
                    report.fault(row.number, fault);
                    report.count(Outcome::Rejected);
                }
            }
        }
        let mut promised: HashMap<String, ()> = HashMap::new();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut later = Vec::new();
            for (number, row) in waiting {
                match self.one_institution(ctx, &task, &row, dry, &mut promised).await? {
                    Some(Ok(outcome)) => report.count(outcome),
                    Some(Err(fault)) => {
                        let code = fault.code;
                        report.fault(number, fault);
                        report.count(if matches!(code, Code::ParentDiffers | Code::CodeVoid) {
                            Outcome::Conflict
                        } else {
                            Outcome::Rejected
                        });
                    }
                    None => later.push((number, row)),
                }
            }
            if later.len() == before {
                for (number, _) in &later {
                    let fault = Fault::new(
                        Column::ParentCode,
                        Code::InstitutionUnknown,
                        "the institution above is neither in the register nor in this file",
                    );
                    report.fault(*number, fault);
                    report.count(Outcome::Rejected);
                }
                return Ok(());
            }
            waiting = later;
        }
        Ok(())
    }

    /// `None` while the institution above is not there yet.
    async fn one_institution(
        &self,
        ctx: &Ctx,
        task: &Task,
        row: &InstitutionRow,
        dry: bool,
        promised: &mut HashMap<String, ()>,
    ) -> Result<Option<Result<Outcome, Fault>>, Error> {
        for attempt in 1.. {
            match self.try_institution(ctx, task, row, dry, promised).await {
                Err(error) if matches!(error.kind, Kind::Busy | Kind::Conflict) && attempt < TRIES => {
                    self.pause(attempt).await;
                }
                other => return other,
            }
        }
        Err(Error::busy("the institution was tried too often"))
    }

    async fn try_institution(
        &self,
        ctx: &Ctx,
        task: &Task,
        row: &InstitutionRow,
        dry: bool,
        promised: &mut HashMap<String, ()>,
    ) -> Result<Option<Result<Outcome, Fault>>, Error> {
        let mut tx = self.db.read().await?;
        let known = institutions::by_code(&mut tx, task, &row.code.value).await?;
        let parent = match &row.parent {
            None => None,
            Some(code) => match institutions::by_code(&mut tx, task, code).await? {
                Some(parent) => Some(parent.id),
                None if dry && promised.contains_key(code) => {
                    promised.insert(row.code.value.clone(), ());
                    return Ok(Some(Ok(Outcome::Created)));
                }
                None => return Ok(None),
            },
        };
        drop(tx);
        if let Some(known) = known {
            let held = institutions::holders(&mut self.db.read().await?, task, &row.code).await?;
            if !held.iter().any(|code| code.org == known.id && code.valid_to.is_none()) {
                return Ok(Some(Err(Fault::new(
                    Column::OrgCode,
                    Code::CodeVoid,
                    "this code is no institution's any more: `mingji institution show CODE` says what became of it",
                ))));
            }
            return self.known_institution(ctx, task, known, row, parent, dry).await.map(Some);
        }
        if dry {
            promised.insert(row.code.value.clone(), ());
            return Ok(Some(Ok(Outcome::Created)));
        }
        let new = NewInstitution {
            kind: row.kind,
            name: row.name.clone(),
            division: row.division,
            school_type: row.school_type,
            code: row.code.clone(),
            parent,
        };
        let fresh = self.open_new_institution(ctx, TaskName::OperatorImport, new).await?.1;
        Ok(Some(Ok(if fresh { Outcome::Created } else { Outcome::Unchanged })))
    }

    async fn known_institution(
        &self,
        ctx: &Ctx,
        task: &Task,
        known: Institution,
        row: &InstitutionRow,
        parent: Option<OrgId>,
        dry: bool,
    ) -> Result<Result<Outcome, Fault>, Error> {
        if known.parent != parent {
            return Ok(Err(Fault::new(
                Column::ParentCode,
                Code::ParentDiffers,
                "the register has it under another institution; moving one moves its people's jurisdiction",
            )));
        }
        let same = known.name == row.name
            && known.kind == row.kind
            && known.division == row.division
            && known.school_type == row.school_type;
        if same {
            return Ok(Ok(Outcome::Unchanged));
        }
        if !dry {
            let changed = Institution {
                name: row.name.clone(),
                kind: row.kind,
                level: InstitutionLevel::of(row.kind, &row.division),
                division: row.division,
                school_type: row.school_type,
                updated_at: ctx.now,
                version: known.version + 1,
                ..known
            };
            let mut work = self.begin(ctx, Action::RosterImported).await?;
            if !institutions::update(work.tx(), task, &changed).await? {
                return Err(Error::busy("somebody changed the institution at the same moment"));
            }
            self.ensure_platform(&mut work, ctx, task, &changed).await?;
            work.target("institution", changed.id).event("institution", changed.id, "institution.changed", &["name"]);
            work.commit(Ended::Done).await?;
        }
        Ok(Ok(Outcome::Updated))
    }
}
