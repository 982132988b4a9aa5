//! `/api/institutions/{id}/accounts`, `/api/persons/{id}/account-…` and `/sessions`: accounts 账号, for who runs an institution and
//! for `security_admin`, who sees nothing of the roster.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::App;
use crate::app::account_life::{AccountLine, AccountState, BeginningCode, SessionLine};
use crate::domain::id::{OrgId, PersonId};

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichAccounts {
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 49.
    #[param(minimum = 1, maximum = 49)]
    limit: Option<usize>,
}

/// Why an account is locked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Why. It is kept in the clear: no number, code or phone.
    reason: String,
}

/// Which sessions end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOut {
    /// The handle of one; all when left out.
    session: Option<String>,
}

/// Accounts of who studies, works or has wards at an institution, by person and without a name. Audited, and noted for whoever stands on the page.
#[utoipa::path(get, path = "/api/institutions/{id}/accounts", tag = "accounts", params(("id" = OrgId, Path), WhichAccounts), responses((status = 200, body = Page<AccountLine>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<OrgId>,
    Asked(which): Asked<WhichAccounts>,
) -> Result<Json<Page<AccountLine>>, Problem> {
    let list = List::of_people(&admin, "accounts", &[&id.to_string()], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.accounts_of(&admin.ctx, admin.by(), id, after, list.limit()).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.cut(&app, &admin.ctx, found, |row| row.person_id)?))
}

/// Where somebody is signed in, for whoever covers every side of her. Audited, and noted for her.
#[utoipa::path(get, path = "/api/persons/{id}/sessions", tag = "accounts", params(("id" = PersonId, Path)), responses((status = 200, body = Vec<SessionLine>), Problems))]
pub async fn sessions(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
) -> Result<Json<Vec<SessionLine>>, Problem> {
    app.sessions_of(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Ends one of her sessions, or all, with everything that was granted in it.
#[utoipa::path(post, path = "/api/persons/{id}/sign-out", tag = "accounts", params(("id" = PersonId, Path)), request_body = SignOut, responses((status = 200, body = AccountState), Problems))]
pub async fn sign_out(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
    Body(SignOut { session }): Body<SignOut>,
) -> Result<Json<AccountState>, Problem> {
    let done = app.sign_out_person(&admin.ctx, admin.by(), id, session.as_deref()).await;
    done.map(Json).map_err(|error| admin.problem(&error))
}

/// Locks her out 管理锁定: her sessions end, and codes that she did not use. By which duty and from which institution is kept. Whoever locks what somebody else locked adds her own lock.
#[utoipa::path(post, path = "/api/persons/{id}/account-lock", tag = "accounts", params(("id" = PersonId, Path)), request_body = Lock, responses((status = 200, body = AccountState), Problems))]
pub async fn lock(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
    Body(Lock { reason }): Body<Lock>,
) -> Result<Json<AccountState>, Problem> {
    let done = app.lock_account(&admin.ctx, admin.by(), id, &reason).await;
    done.map(Json).map_err(|error| admin.problem(&error))
}

/// Takes off the locks that are the caller's to take off: those from an institution that she covers, and those of security only as `security_admin`; 409 where there is none. She is in again when none is left, which `state` says.
#[utoipa::path(post, path = "/api/persons/{id}/account-unlock", tag = "accounts", params(("id" = PersonId, Path)), responses((status = 200, body = AccountState), Problems))]
pub async fn unlock(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
) -> Result<Json<AccountState>, Problem> {
    app.unlock_account(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// A code with which she chooses a password, shown once; earlier ones of hers end. For who runs an institution that covers every side of her, and not for `security_admin`.
#[utoipa::path(post, path = "/api/persons/{id}/activation-code", tag = "accounts", params(("id" = PersonId, Path)), responses((status = 200, body = BeginningCode), Problems))]
pub async fn code(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
) -> Result<Json<BeginningCode>, Problem> {
    app.issue_code(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}
