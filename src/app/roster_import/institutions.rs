//! Institutions. A file names parents and children in any order, and all of a province's institutions are few, so they
//! are read first and opened from the top down.

use std::collections::HashMap;
use std::io::Read;

use uuid::Uuid;

use super::source::Source;
use super::{Outcome, Report, TRIES};
use crate::app::institution::NewInstitution;
use crate::app::work::Outcome as Ended;
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::PersonId;
use crate::domain::registry::institution::{Institution, InstitutionLevel};
use crate::domain::registry::roster::{Code, Column, Fault, InstitutionRow, read_institution};
use crate::store::db::Tx;
use crate::store::{institution_changes, institutions};

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
        let mut promised: HashMap<String, Institution> = HashMap::new();
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
                        "上级机构既未登记，也不在本文件中。The institution above is neither in the register nor in this file",
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
        promised: &mut HashMap<String, Institution>,
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
        promised: &mut HashMap<String, Institution>,
    ) -> Result<Option<Result<Outcome, Fault>>, Error> {
        let mut tx = self.db.read().await?;
        let known = institutions::by_code(&mut tx, task, &row.code.value).await?;
        let parent = match &row.parent {
            None => None,
            Some(code) => match institutions::by_code(&mut tx, task, code).await? {
                Some(parent) => Some(parent),
                None => match promised.get(code) {
                    Some(parent) => Some(parent.clone()),
                    None => return Ok(None),
                },
            },
        };
        drop(tx);
        if let Some(known) = known {
            let held = institutions::holders(&mut self.db.read().await?, task, &row.code).await?;
            if !held.iter().any(|code| code.org == known.id && code.valid_to.is_none()) {
                return Ok(Some(Err(Fault::new(
                    Column::OrgCode,
                    Code::CodeVoid,
                    "此代码已作废，可用 `mingji institution show CODE` 查看其去向。This code is no institution's any more: `mingji institution show CODE` says \
                     what became of it",
                ))));
            }
            return self.known_institution(ctx, task, known, row, parent.as_ref(), dry).await.map(Some);
        }
        let fresh = self.fresh_institution(ctx, named(row, parent.as_ref()));
        if let Some(fault) = misplaced(&fresh, parent.as_ref()) {
            return Ok(Some(Err(fault)));
        }
        if dry {
            promised.insert(row.code.value.clone(), fresh);
            return Ok(Some(Ok(Outcome::Created)));
        }
        let new = named(row, parent.as_ref());
        let fresh = self.open_new_institution(ctx, TaskName::OperatorImport, new).await?.1;
        Ok(Some(Ok(if fresh { Outcome::Created } else { Outcome::Unchanged })))
    }

    async fn known_institution(
        &self,
        ctx: &Ctx,
        task: &Task,
        known: Institution,
        row: &InstitutionRow,
        parent: Option<&Institution>,
        dry: bool,
    ) -> Result<Result<Outcome, Fault>, Error> {
        if known.parent != parent.map(|parent| parent.id) {
            return Ok(Err(Fault::new(
                Column::ParentCode,
                Code::ParentDiffers,
                "登记的上级机构与此不同；调整隶属会改变其人员的管辖，须另行办理。The register has it under another institution; moving one moves its people's \
                 jurisdiction",
            )));
        }
        let same = known.name == row.name
            && known.kind == row.kind
            && known.division == row.division
            && known.school_type == row.school_type;
        if same {
            return Ok(Ok(Outcome::Unchanged));
        }
        let changed = Institution {
            name: row.name.clone(),
            kind: row.kind,
            level: InstitutionLevel::of(row.kind, &row.division),
            division: row.division,
            school_type: row.school_type,
            updated_at: ctx.now,
            version: known.version + 1,
            ..known.clone()
        };
        if let Some(fault) = misplaced(&changed, parent) {
            return Ok(Err(fault));
        }
        let mut work = self.begin(ctx, Action::RosterImported).await?;
        // Whoever is just brought in there is waited for, and counts.
        institution_changes::hold(work.tx(), task, known.id).await?;
        if let Some(fault) = stays_as_it_is(work.tx(), task, &known, &changed).await? {
            return Ok(Err(fault));
        }
        if !dry {
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

/// The institution of a row.
fn named(row: &InstitutionRow, parent: Option<&Institution>) -> NewInstitution {
    NewInstitution {
        kind: row.kind,
        name: row.name.clone(),
        division: row.division,
        school_type: row.school_type,
        code: row.code.clone(),
        parent: parent.map(|parent| parent.id),
    }
}

/// Why it cannot stand under the institution above.
fn misplaced(org: &Institution, parent: Option<&Institution>) -> Option<Fault> {
    let why = org.fits_under(parent?).err()?;
    Some(Fault {
        column: Column::ParentCode,
        code: Code::InstitutionInvalid,
        message: format!("{}。{why}", why.chinese()).into(),
    })
}

/// Why it stays what it is: what stands below it, or whoever studies or works there, would have no place any more.
async fn stays_as_it_is(
    tx: &mut Tx,
    task: &Task,
    known: &Institution,
    changed: &Institution,
) -> Result<Option<Fault>, Error> {
    if (known.kind, known.level) == (changed.kind, changed.level) {
        return Ok(None);
    }
    let refused =
        |why: String| Some(Fault { column: Column::OrgKind, code: Code::InstitutionInvalid, message: why.into() });
    for child in institution_changes::children(tx, task, known.id).await? {
        if let Err(why) = child.fits_under(changed) {
            return Ok(refused(format!(
                "下级机构将不符合隶属规定：{}。What stands below it would not fit: {why}",
                why.chinese()
            )));
        }
    }
    let ends = known.kind.teaches() && !changed.kind.teaches();
    if ends && !institution_changes::people(tx, task, known.id, PersonId(Uuid::nil()), 1).await?.is_empty() {
        return Ok(refused("仍有学生或教职工，不能改为非办学机构。People study or work there: what teaches nobody has no place for them".to_owned()));
    }
    Ok(None)
}
