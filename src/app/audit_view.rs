//! The audit as an auditor reads it 审计: entries over her subtree, by whose rights or about which institution, and what those above
//! or the operator did to whoever belongs there. They hold ids and names of fields, never a person's value (R7); where somebody
//! sat is left to the operator's file.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::relation_claim::Decider;
use super::row_digest::{STATES, UNNAMED};
use super::walk::{InScope, STEPS, Walked};
use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::access::Subtree;
use crate::domain::audit::Action;
use crate::domain::id::{AuditId, OrgId};
use crate::store::audit_places;
use crate::store::books::Linked;
use crate::store::db::Tx;

/// What an administrator does about people whom she may not see: she is answered the same whoever they are, and their ids, and how
/// many were new, known or contradicted, would be the answer (R1). It stays in the chain, and in the operator's file.
const ANSWERS: [Action; 4] =
    [Action::RelationAsked, Action::RosterImported, Action::RosterPreviewed, Action::CaseOpened];
/// What is her own of what such an entry says.
const HERS: [&str; 7] = ["institutions", "kind", "rows", "from_row", "to_row", "asked", "asked_digest"];

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
    /// Names of fields, counts, keyed digests. `states` are the rows that were changed, as far as they stand at institutions of the
    /// auditor's, or at none and the entry is about them: of each its kind and id, and digests of what it said before (none: it was not there)
    /// and afterwards (none: it is gone). `mingji audit state` compares them with what the register says today.
    /// `states_unnamed` are kinds of rows of which more were changed than one entry names.
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
    ) -> Result<Walked<AuditRow, i64>, Error> {
        let auditor = by.admin().ok_or_else(|| Error::not_found("an auditor"))?;
        // However much there is to read, nobody who writes waits for it.
        let mut tx = self.db.read().await?;
        let scope = self.audit_subtree(&mut tx, auditor, ctx.now).await?;
        let top = match wanted.org {
            Some(org) => Some(self.seen(&mut tx, &scope, org).await?.id),
            None => scope.roots().next(),
        };
        let (found, on) = look(&mut tx, &scope, wanted, limit + 1).await?;
        let (mut rows, mut seen) = (Vec::with_capacity(found.len()), InScope::new(&scope));
        for linked in audit_places::entries(&mut tx, &scope, &found).await? {
            rows.push(row(&mut tx, &mut seen, linked).await?);
        }
        drop(tx);
        let walked = Walked::at(rows, limit, on, |row| row.seq);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::AuditRead).await?;
        if let Some(top) = top {
            work.target("institution", top);
        }
        work.detail("rows", walked.items.len()).detail("from", walked.items.first().map(|row| row.seq));
        work.commit(Outcome::Done).await?;
        Ok(walked)
    }
}

/// Numbers of entries, and below which number more of them may stand.
async fn look(
    tx: &mut Tx,
    scope: &Subtree,
    Wanted { org, action, before }: &Wanted,
    most: usize,
) -> Result<(Vec<i64>, Option<i64>), Error> {
    let walk = audit_places::walk(tx, scope, *org, action.as_deref().unwrap_or_default()).await?;
    let (mut found, mut on) = (Vec::new(), Some(before.unwrap_or(i64::MAX)));
    for _ in 0..STEPS {
        let Some(before) = on.filter(|_| found.len() < most) else { break };
        let step = walk.step(tx, before, most - found.len()).await?;
        found.extend(step.found);
        on = step.below;
    }
    Ok((found, on))
}

async fn row(tx: &mut Tx, seen: &mut InScope<'_>, Linked { head, entry }: Linked) -> Result<AuditRow, Error> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (mut rights, mut elsewhere) = (Vec::new(), false);
    let by_administrator = entry.actor["rights"].is_array();
    // What somebody holds elsewhere, and where else it was about, is not this auditor's to know.
    for right in entry.actor["rights"].as_array().into_iter().flatten() {
        match hers(tx, seen, &right["institution"]).await? {
            Some(institution_id) => {
                rights.push(AuditRight { role: text(&right["role"]).unwrap_or_default(), institution_id });
            }
            None => elsewhere = true,
        }
    }
    let (mut named, mut told) = (0_usize, Vec::new());
    let mut target: BTreeMap<String, String> = BTreeMap::new();
    for (kind, id) in entry.target.as_object().into_iter().flatten() {
        if kind == "institution" {
            named += 1;
            let Some(org) = hers(tx, seen, id).await? else { continue };
            told.push(org);
        }
        target.extend(text(id).map(|id| (kind.clone(), id)));
    }
    let mut details = entry.details;
    if let Some(all) = details["institutions"].as_array().cloned() {
        let mut list = Vec::new();
        for id in &all {
            list.extend(hers(tx, seen, id).await?);
        }
        named += all.len();
        details["institutions"] = list.iter().map(|org| Value::from(org.to_string())).collect();
        told.extend(list);
    }
    if let Some(all) = details[STATES].as_array().cloned() {
        let shown = rows_shown(tx, seen, &all, &target).await?;
        // Not even that there are others.
        match details.as_object_mut() {
            Some(said) if shown.is_empty() => drop(said.remove(STATES)),
            _ => details[STATES] = shown.into(),
        }
    }
    // How many they are tells of other schools.
    if let Some(kinds) = details[UNNAMED].as_object() {
        details[UNNAMED] = kinds.keys().map(String::as_str).collect();
    }
    let mut reason = entry.reason;
    if by_administrator && ANSWERS.iter().any(|action| action.as_str() == entry.action) {
        target.retain(|kind, _| kind == "institution");
        if let Some(said) = details.as_object_mut() {
            said.retain(|name, _| HERS.contains(&name.as_str()));
        }
    }
    // Done by somebody who holds rights at two places, about the other one, or about somebody of whom it is not known any more
    // where she was: that it was done, and no more.
    let about_another = named > 0 || target.contains_key("person");
    if elsewhere && about_another && told.is_empty() {
        (target, details, reason) = (BTreeMap::new(), Value::Object(serde_json::Map::new()), None);
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
        reason,
        request_id: entry.request_id,
        details,
    })
}

/// The rows that an entry names, as far as they stand at an institution of the auditor's, or stand at none and the entry is about
/// them: what else changed with them, and how much, is not hers to know (R1).
async fn rows_shown(
    tx: &mut Tx,
    seen: &mut InScope<'_>,
    all: &[Value],
    target: &BTreeMap<String, String>,
) -> Result<Vec<Value>, Error> {
    let mut shown = Vec::new();
    for row in all {
        let is_hers = match &row["institution"] {
            Value::Null => row["kind"].as_str().and_then(|kind| target.get(kind)).is_some_and(|id| row["id"] == *id),
            org => hers(tx, seen, org).await?.is_some(),
        };
        if is_hers {
            shown.push(row.clone());
        }
    }
    Ok(shown)
}

/// An institution that an entry names, where it is the auditor's.
async fn hers(tx: &mut Tx, seen: &mut InScope<'_>, id: &Value) -> Result<Option<OrgId>, Error> {
    let Some(org) = id.as_str().and_then(|id| id.parse().ok()) else { return Ok(None) };
    Ok(seen.has(tx, org).await?.then_some(org))
}
