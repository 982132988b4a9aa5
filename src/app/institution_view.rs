//! Institutions as an administrator sees them: those in her subtrees, and nothing above or beside.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use crate::store::counts::Held;

use super::relation_claim::Decider;
use super::{App, Ctx, Error, access};
use crate::domain::access::{Subtree, TaskName};
use crate::domain::id::OrgId;
use crate::domain::registry::codes::school_type::SchoolType;
use crate::domain::registry::institution::{Institution, InstitutionKind, InstitutionLevel, InstitutionStatus};
use crate::domain::registry::institution_code::CodeScheme;
use crate::domain::registry::name::name_key;
use crate::store::counts;
use crate::store::db::Tx;
use crate::store::institutions;

/// An institution.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Institution)]
pub struct InstitutionView {
    /// For ever; codes come and go.
    pub id: OrgId,
    /// The one above, where the administrator sees it.
    pub parent_id: Option<OrgId>,
    /// What it is.
    pub kind: InstitutionKind,
    /// Where in the tree.
    pub level: InstitutionLevel,
    /// Its name.
    pub name: String,
    /// GB/T 2260.
    pub division: String,
    /// 办学类型, for schools.
    pub school_type: Option<SchoolType>,
    /// Its state.
    pub status: InstitutionStatus,
    /// Its codes on the day that was asked for.
    pub codes: Vec<CodeView>,
}

/// A code of an institution.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = InstitutionCode)]
pub struct CodeView {
    /// Who gives it.
    pub scheme: CodeScheme,
    /// The code.
    pub code: String,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it no longer holds.
    pub to: Option<NaiveDate>,
}

/// Where a list of institutions goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    key: String,
    id: OrgId,
}

impl InstitutionView {
    /// Where a list goes on behind it.
    pub fn place(&self) -> Place {
        Place { key: name_key(&self.name), id: self.id }
    }
}

impl App {
    /// The institutions directly below one, or the administrator's own topmost ones; by name, behind `after`, at most
    /// `limit`.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below her.
    pub async fn institutions(
        &self,
        ctx: &Ctx,
        by: Decider,
        parent: Option<OrgId>,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Vec<InstitutionView>, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        let mut found = match parent {
            Some(parent) => {
                self.seen(&mut tx, &scope, parent).await?;
                institutions::children_in(&mut tx, &scope, parent).await?
            }
            None => {
                let mut top = Vec::new();
                for root in scope.roots() {
                    top.extend(institutions::find_in(&mut tx, &scope, root).await?);
                }
                top
            }
        };
        found.sort_by_cached_key(|org| (name_key(&org.name), org.id));
        found.dedup_by_key(|org| org.id);
        let behind =
            |org: &Institution| after.is_none_or(|after| (name_key(&org.name), org.id) > (after.key.clone(), after.id));
        let page: Vec<Institution> = found.into_iter().filter(behind).take(limit).collect();
        let mut views = Vec::with_capacity(page.len());
        for org in page {
            views.push(self.view_in(&mut tx, &scope, org, ctx.now.shanghai_date()).await?);
        }
        Ok(views)
    }

    /// One of them, with the codes that it had on a day.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below the administrator.
    pub async fn institution(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: OrgId,
        day: Option<NaiveDate>,
    ) -> Result<InstitutionView, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        let org = self.seen(&mut tx, &scope, id).await?;
        self.view_in(&mut tx, &scope, org, day.unwrap_or_else(|| ctx.now.shanghai_date())).await
    }

    /// How many study and work at an institution and under it, and how many guardians it knows. Nothing that others recorded
    /// is counted.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below the administrator.
    pub async fn count_under(&self, ctx: &Ctx, by: Decider, id: OrgId) -> Result<Held, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        let org = self.seen(&mut tx, &scope, id).await?;
        Ok(counts::held(&mut tx, &scope, org.id).await?)
    }

    /// Where an administrator keeps rosters; the operator has commands of his own.
    pub(super) async fn scope_of(&self, tx: &mut Tx, by: Decider, ctx: &Ctx) -> Result<Subtree, Error> {
        let admin = by.admin().ok_or_else(|| Error::not_found("an administrator"))?;
        self.roster_subtree(tx, admin, ctx.now).await
    }

    /// An institution below the administrator.
    pub(super) async fn seen(&self, tx: &mut Tx, scope: &Subtree, id: OrgId) -> Result<Institution, Error> {
        institutions::find_in(tx, scope, id).await?.ok_or_else(|| Error::not_found("the institution"))
    }

    async fn view_in(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        org: Institution,
        day: NaiveDate,
    ) -> Result<InstitutionView, Error> {
        let task = access::task(TaskName::OperatorReport);
        let codes = institutions::codes(tx, &task, org.id).await?;
        let holds = |from: NaiveDate, to: Option<NaiveDate>| from <= day && to.is_none_or(|to| day < to);
        let codes = codes.into_iter().filter(|code| holds(code.valid_from, code.valid_to));
        let codes = codes.map(|code| CodeView {
            scheme: code.code.scheme,
            code: code.code.value,
            from: code.valid_from,
            to: code.valid_to,
        });
        let codes = codes.collect();
        let parent_id = match org.parent {
            Some(parent) => institutions::find_in(tx, scope, parent).await?.map(|parent| parent.id),
            None => None,
        };
        Ok(InstitutionView {
            id: org.id,
            parent_id,
            kind: org.kind,
            level: org.level,
            name: org.name,
            division: org.division.as_str().to_owned(),
            school_type: org.school_type,
            status: org.status,
            codes,
        })
    }
}
