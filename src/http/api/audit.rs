//! `/api/audit` and `/api/persons/{id}/disclosures`: what was done, for auditors 审计, and whose record was shown to whom, for
//! whoever minds privacy 隐私. Neither opens anything of a roster (三员分离).

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{List, Page};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Named};
use crate::app::App;
use crate::app::audit_view::{AuditRow, Wanted};
use crate::app::disclosure::Disclosure;
use crate::domain::id::{OrgId, PersonId};

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichEntries {
    /// That concern this institution and everything under it; all of the auditor's when left out.
    org: Option<OrgId>,
    /// Of one action, as `roster.exported`.
    action: Option<String>,
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Which disclosures.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichDisclosures {
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Entries of the audit over the auditor's institutions, the newest first: by whose rights or about which institution, and what those above or the operator did to whoever belongs there. Of what somebody with rights elsewhere too did there only who, what and when is told. A page may be short, or empty, and go on all the same: `next` says so. For `audit_admin`. Reading is an entry itself.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(WhichEntries), responses((status = 200, body = Page<AuditRow>), Problems))]
pub async fn entries(
    State(app): State<App>,
    admin: Administrator,
    Asked(which): Asked<WhichEntries>,
) -> Result<Json<Page<AuditRow>>, Problem> {
    let (org, action) = (which.org.map(|org| org.to_string()), which.action.clone());
    let asked = [org.as_deref().unwrap_or_default(), action.as_deref().unwrap_or_default()];
    let list = List::of(&admin, "audit", &asked, which.limit)?;
    let before = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let wanted = Wanted { org: which.org, action, before };
    let found = app.audit_entries(&admin.ctx, admin.by(), &wanted, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.walked(&app, &admin.ctx, found)?))
}

/// Who looked at somebody's record and why, by the rights of institutions that are hers, the newest first. A page may be short, or empty, and go on all the same: `next` says so. For `privacy_admin`. Audited.
#[utoipa::path(get, path = "/api/persons/{id}/disclosures", tag = "audit", params(("id" = PersonId, Path), WhichDisclosures), responses((status = 200, body = Page<Disclosure>), Problems))]
pub async fn disclosures(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<PersonId>,
    Asked(which): Asked<WhichDisclosures>,
) -> Result<Json<Page<Disclosure>>, Problem> {
    let list = List::of(&admin, "disclosures of", &[&id.to_string()], which.limit)?;
    let before = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.disclosures_in(&admin.ctx, admin.by(), id, before, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.walked(&app, &admin.ctx, found)?))
}
