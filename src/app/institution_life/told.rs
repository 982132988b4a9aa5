//! How an institution is and was, by any code it ever had.

use chrono::NaiveDate;
use serde::Serialize;

use super::{code_of, open_end};
use crate::app::org_ref::OrgRef;
use crate::app::relation_claim::Decider;
use crate::app::{App, Ctx, Error, access};
use crate::domain::access::{Subtree, Task, TaskName};
use crate::domain::id::OrgId;
use crate::domain::registry::institution::{Institution, InstitutionCode};
use crate::domain::registry::institution_life::{InstitutionChange, InstitutionSlice};
use crate::store::db::Tx;
use crate::store::{institution_changes, institutions};

/// More heirs of heirs than that would be a circle.
const HEIRS: usize = 64;

/// An institution, as it is or was on a day.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = InstitutionThen)]
pub struct InstitutionView {
    /// Its id.
    pub institution_id: OrgId,
    /// Its code on that day; a void one's last holder may have none.
    pub code: Option<String>,
    /// Its credit code on that day.
    pub uscc: Option<String>,
    /// Its name.
    pub name: String,
    /// Table O.
    pub kind: &'static str,
    /// GB/T 2260.
    pub division: String,
    /// BXLX.
    pub school_type: Option<&'static str>,
    /// The name of the institution above, where whoever asks sees it.
    pub parent: Option<String>,
    /// `active`, `merged`, `abolished` …
    pub status: &'static str,
    /// What somebody should look at: `uscc_check`, `division_outside`.
    pub warnings: Vec<&'static str>,
}

/// A time in the life of an institution.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct InstitutionPart {
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer so; none: it is so.
    pub to: Option<NaiveDate>,
    /// How it was.
    #[serde(flatten)]
    pub view: InstitutionView,
}

/// A code and its time.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CodePart {
    /// Who gives it.
    pub scheme: &'static str,
    /// The code.
    pub value: String,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was void; none: it holds.
    pub to: Option<NaiveDate>,
}

/// A change with another institution.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ChangePart {
    /// `moved`, `merged`, `split`, `closed`.
    pub kind: &'static str,
    /// The first day on which it was so.
    pub day: NaiveDate,
    /// Which institution changed; empty where it is not in the scope of whoever asks.
    pub institution: String,
    /// The new parent, the survivor, the new school, the successor.
    pub into: Option<String>,
    /// `done`, `running`: then the same command again finishes it, or `stopping`: it is taken back.
    pub state: &'static str,
}

/// The whole life of an institution.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct InstitutionHistory {
    /// Its id.
    pub institution_id: OrgId,
    /// How it was in turn.
    pub parts: Vec<InstitutionPart>,
    /// Its codes.
    pub codes: Vec<CodePart>,
    /// What it went through together with others.
    pub changes: Vec<ChangePart>,
}

impl App {
    /// The institution that a code led to on a day, as it was then: the one that had the code, or who stood for it.
    ///
    /// # Errors
    /// `NotFound` for a code that nobody had until then, and outside the administrator's scope.
    pub async fn institution_on(
        &self,
        ctx: &Ctx,
        by: Decider,
        code: &str,
        day: Option<NaiveDate>,
    ) -> Result<InstitutionView, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let day = day.unwrap_or_else(|| ctx.now.shanghai_date());
        let mut tx = self.db.read().await?;
        let mut id = holder_on(&mut tx, &task, code, day).await?.ok_or_else(|| Error::no_institution(code))?;
        for _ in 0..HEIRS {
            let changes = institution_changes::about(&mut tx, &task, id).await?;
            let Some(heir) = institution_changes::heir_on(&changes, id, day) else { break };
            id = heir;
        }
        let seen = self.sight_for(&mut tx, &ctx, by).await?;
        let org = visible(&mut tx, &task, &seen, id).await?.ok_or_else(|| Error::no_institution(code))?;
        self.view_in_sight(&mut tx, &task, &seen, &org, day).await
    }

    /// The life of the institution that a code names or named itself, whoever stands for it now. An administrator is told the
    /// names of those alone that are in her scope.
    ///
    /// # Errors
    /// As [`App::institution_on`].
    pub async fn institution_history(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: impl Into<OrgRef>,
    ) -> Result<InstitutionHistory, Error> {
        let org = org.into();
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let mut tx = self.db.read().await?;
        let named = match &org {
            OrgRef::Code(code) => institutions::named(&mut tx, &task, code).await?.map(|named| named.id),
            OrgRef::Id(id) => Some(*id),
        };
        let named = named.ok_or_else(|| org.missing())?;
        let seen = self.sight_for(&mut tx, &ctx, by).await?;
        let org = visible(&mut tx, &task, &seen, named).await?.ok_or_else(|| org.missing())?;
        let slices = institution_changes::slices(&mut tx, &task, org.id).await?;
        let codes = institutions::codes(&mut tx, &task, org.id).await?;
        let mut parts = Vec::new();
        for part in org.parts(&slices) {
            let view = tell(&mut tx, &task, &seen, &part, &codes, part.valid_from).await?;
            parts.push(InstitutionPart { from: part.valid_from, to: open_end(part.valid_to), view });
        }
        let mut changes = Vec::new();
        for change in institution_changes::about(&mut tx, &task, org.id).await? {
            changes.push(change_part(&mut tx, &task, &seen, &change).await?);
        }
        let codes = codes.into_iter().map(|held| CodePart {
            scheme: held.code.scheme.as_str(),
            value: held.code.value,
            from: held.valid_from,
            to: held.valid_to,
        });
        Ok(InstitutionHistory { institution_id: org.id, parts, codes: codes.collect(), changes })
    }

    /// Where this decider keeps rosters; the operator sees everything.
    async fn sight_for(&self, tx: &mut Tx, ctx: &Ctx, by: Decider) -> Result<Option<Subtree>, Error> {
        match by.admin() {
            None => Ok(None),
            Some(admin) => self.roster_subtree(tx, admin, ctx.now).await.map(Some),
        }
    }

    /// How an institution is told on a day.
    pub(super) async fn view(
        &self,
        tx: &mut Tx,
        task: &Task,
        org: &Institution,
        day: NaiveDate,
    ) -> Result<InstitutionView, Error> {
        self.view_in_sight(tx, task, &None, org, day).await
    }

    async fn view_in_sight(
        &self,
        tx: &mut Tx,
        task: &Task,
        seen: &Option<Subtree>,
        org: &Institution,
        day: NaiveDate,
    ) -> Result<InstitutionView, Error> {
        let slices = institution_changes::slices(tx, task, org.id).await?;
        let codes = institutions::codes(tx, task, org.id).await?;
        let mut parts = org.parts(&slices);
        let at = parts.iter().position(|part| part.valid_from <= day && day < part.valid_to).unwrap_or(0);
        tell(tx, task, seen, &parts.swap_remove(at), &codes, day).await
    }
}

/// Who had a code on a day, or had it last before.
async fn holder_on(tx: &mut Tx, task: &Task, code: &str, day: NaiveDate) -> Result<Option<OrgId>, Error> {
    let held = institutions::holders(tx, task, &code_of(code)?).await?;
    let until: Vec<_> = held.iter().filter(|held| held.valid_from <= day).collect();
    let on = until.iter().rfind(|held| held.valid_to.is_none_or(|end| day < end));
    Ok(on.or(until.last()).map(|held| held.org))
}

/// An institution, where a scope holds it.
async fn visible(tx: &mut Tx, task: &Task, seen: &Option<Subtree>, id: OrgId) -> Result<Option<Institution>, Error> {
    Ok(match seen {
        None => institutions::find(tx, task, id).await?,
        Some(scope) => institutions::find_in(tx, scope, id).await?,
    })
}

async fn tell(
    tx: &mut Tx,
    task: &Task,
    seen: &Option<Subtree>,
    part: &InstitutionSlice,
    codes: &[InstitutionCode],
    day: NaiveDate,
) -> Result<InstitutionView, Error> {
    use crate::domain::registry::institution_code::CodeScheme::Uscc;
    let code = |credit: bool| {
        let holds = |held: &&InstitutionCode| {
            (held.code.scheme == Uscc) == credit && held.valid_from <= day && held.valid_to.is_none_or(|end| day < end)
        };
        codes.iter().rfind(holds).map(|held| held.code.value.clone())
    };
    let parent = match part.parent {
        Some(parent) => visible(tx, task, seen, parent).await?.map(|parent| parent.name),
        None => None,
    };
    Ok(InstitutionView {
        institution_id: part.org,
        code: code(false),
        uscc: code(true),
        name: part.name.clone(),
        kind: part.kind.as_str(),
        division: part.division.as_str().to_owned(),
        school_type: part.school_type.map(|school_type| school_type.as_str()),
        parent,
        status: part.status.as_str(),
        warnings: Vec::new(),
    })
}

async fn change_part(
    tx: &mut Tx,
    task: &Task,
    seen: &Option<Subtree>,
    change: &InstitutionChange,
) -> Result<ChangePart, Error> {
    let institution = visible(tx, task, seen, change.org).await?.map(|org| org.name).unwrap_or_default();
    let into = match change.into {
        Some(into) => visible(tx, task, seen, into).await?.map(|org| org.name),
        None => None,
    };
    Ok(ChangePart { kind: change.kind.as_str(), day: change.day, institution, into, state: change.state.as_str() })
}
