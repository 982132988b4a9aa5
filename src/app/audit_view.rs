//! The audit as an auditor reads it 审计: entries over her subtree, by whose rights or about whom. They hold ids and names of
//! fields, never a person's value (R7); where somebody sat is left to the operator's file.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::relation_claim::Decider;
use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::access::Subtree;
use crate::domain::audit::Action;
use crate::domain::id::{AuditId, OrgId};
use crate::store::audit_places;
use crate::store::books::Linked;
use crate::store::db::Tx;
use crate::store::institutions;

/// Who acted.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AuditActor {
    /// `person`, `client`, `task` or `anonymous`.
    pub kind: String,
    /// Of a person or client.
    pub id: Option<String>,
    /// Of a task.
    pub name: Option<String>,
    /// The rights that she held over the auditor's institutions.
    pub rights: Vec<AuditRight>,
}

/// A right that an administrator held when she acted.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AuditRight {
    /// Table A.
    pub role: String,
    /// Over which institution.
    pub institution_id: OrgId,
}

/// An entry.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AuditRow {
    /// Its number in the chain.
    pub seq: i64,
    /// Its id.
    pub id: AuditId,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who.
    pub actor: AuditActor,
    /// What.
    pub action: String,
    /// To whom or what: kind and id.
    pub target: BTreeMap<String, String>,
    /// `done` or `refused`.
    pub result: String,
    /// Why refused, or the reason or purpose that was given.
    pub reason: Option<String>,
    /// The request that it belongs to.
    pub request_id: uuid::Uuid,
    /// Names of fields, counts, keyed digests.
    pub details: Value,
}

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// That concern this institution and everything under it; all of hers when left out.
    pub org: Option<OrgId>,
    /// Of one action.
    pub action: Option<String>,
    /// With numbers below this.
    pub before: Option<i64>,
}

impl App {
    /// Entries over an auditor's subtrees, the newest first. That she read is an entry itself.
    ///
    /// # Errors
    /// `NotFound` for whoever audits nothing, and for an institution that is not below her.
    pub async fn audit_entries(
        &self,
        ctx: &Ctx,
        by: Decider,
        wanted: &Wanted,
        limit: usize,
    ) -> Result<Vec<AuditRow>, Error> {
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::AuditRead).await?;
        let auditor = by.admin().ok_or_else(|| Error::not_found("an auditor"))?;
        let scope = self.audit_subtree(work.tx(), auditor, ctx.now).await?;
        let top = match wanted.org {
            Some(org) => Some(self.seen(work.tx(), &scope, org).await?.id),
            None => scope.roots().next(),
        };
        let (action, before) = (wanted.action.as_deref().unwrap_or_default(), wanted.before.unwrap_or(i64::MAX));
        let found = audit_places::page(work.tx(), &scope, wanted.org, action, before, limit).await?;
        let mut rows = Vec::with_capacity(found.len());
        for linked in found {
            rows.push(row(work.tx(), &scope, linked).await?);
        }
        if let Some(top) = top {
            work.target("institution", top);
        }
        work.detail("rows", rows.len()).detail("from", rows.first().map(|row| row.seq));
        work.commit(Outcome::Done).await?;
        Ok(rows)
    }
}

async fn row(tx: &mut Tx, scope: &Subtree, Linked { head, entry }: Linked) -> Result<AuditRow, Error> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut rights = Vec::new();
    // What somebody holds elsewhere, and where else it was about, is not this auditor's to know.
    for right in entry.actor["rights"].as_array().into_iter().flatten() {
        if let Some(institution_id) = hers(tx, scope, &right["institution"]).await? {
            rights.push(AuditRight { role: text(&right["role"]).unwrap_or_default(), institution_id });
        }
    }
    let mut target: BTreeMap<String, String> = BTreeMap::new();
    for (kind, id) in entry.target.as_object().into_iter().flatten() {
        if kind != "institution" || hers(tx, scope, id).await?.is_some() {
            target.extend(text(id).map(|id| (kind.clone(), id)));
        }
    }
    let mut details = entry.details;
    if let Some(named) = details["institutions"].as_array().cloned() {
        let mut told = Vec::new();
        for id in named {
            told.extend(hers(tx, scope, &id).await?.map(|org| Value::from(org.to_string())));
        }
        details["institutions"] = told.into();
    }
    Ok(AuditRow {
        seq: head.seq,
        id: entry.id,
        at: entry.at.to_rfc3339(),
        actor: AuditActor {
            kind: text(&entry.actor["kind"]).unwrap_or_default(),
            id: text(&entry.actor["id"]),
            name: text(&entry.actor["name"]),
            rights,
        },
        target,
        action: entry.action,
        result: entry.result,
        reason: entry.reason,
        request_id: entry.request_id,
        details,
    })
}

/// An institution that an entry names, where it is the auditor's.
async fn hers(tx: &mut Tx, scope: &Subtree, id: &Value) -> Result<Option<OrgId>, Error> {
    let Some(org) = id.as_str().and_then(|id| id.parse().ok()) else { return Ok(None) };
    Ok(institutions::find_in(tx, scope, org).await?.map(|org| org.id))
}
