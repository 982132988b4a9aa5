//! What becomes of an account by the hand of an administrator: looked at, signed out, given a code to begin with; locks are next
//! door. It reaches nobody of whom she does not cover every side, and nobody who administers at her own level or above (R1).

use serde::Serialize;

use super::activation::{activation_code, canonical};
use super::relation_claim::Decider;
use super::roster_view::Cut;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Subtree, Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{AccountId, ActivationId, OrgId, PersonId, SessionId};
use crate::domain::registry::account::Account;
use crate::domain::registry::codes::status::Status;
use crate::keys::opaque;
use crate::store::{accounts, activations, admin_grants, institutions, persons, sessions};

const SEAL: &str = "session at the API";

/// An account in a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Account)]
pub struct AccountLine {
    /// Whose.
    pub person_id: PersonId,
    /// What she types.
    pub user_name: String,
    /// P-status.
    pub state: Status,
}

/// What became of an account.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AccountState {
    /// Whose.
    pub person_id: PersonId,
    /// P-status.
    pub state: Status,
    /// Sessions that ended with it.
    pub sessions_ended: usize,
}

/// A session, as whoever minds accounts sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
pub struct SessionLine {
    /// Names it to this administrator, and to nobody else.
    pub handle: String,
    /// Browser and system.
    pub agent: Option<String>,
    /// The client that was let in from elsewhere, where one was.
    pub client: Option<String>,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// When it was last used.
    #[schema(format = DateTime)]
    pub last_seen: String,
}

/// A code to begin with, shown once.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct BeginningCode {
    /// What she will type from then on.
    pub user_name: String,
    /// The code.
    pub code: String,
    /// The address that it is part of.
    pub link: String,
    /// Until when it is good.
    #[schema(format = DateTime)]
    pub valid_until: String,
}

/// Whose account, held.
pub(super) struct Minded {
    pub(super) person: PersonId,
    pub(super) account: Account,
}

/// Whose part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Who runs the institution, or minds its security.
    Minding,
    /// Who runs it.
    Running,
}

pub(super) fn missing() -> Error {
    Error::not_found("the account")
}

pub(super) fn task() -> Task {
    access::task(TaskName::AccountCare)
}

impl App {
    /// Accounts of who studies, works or has wards at an institution, without a name, behind a person, at most `limit`. Audited, and noted
    /// for whoever stands there.
    ///
    /// # Errors
    /// `NotFound` for whoever minds no accounts, and for an institution that is not below her.
    pub async fn accounts_of(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: OrgId,
        after: Option<PersonId>,
        limit: usize,
    ) -> Result<Cut<AccountLine>, Error> {
        let mut tx = self.db.read().await?;
        let admin = by.admin().ok_or_else(missing)?;
        let scope = self.account_subtree(&mut tx, admin, ctx.now).await?;
        self.seen(&mut tx, &scope, org).await?;
        let after = after.unwrap_or(PersonId(uuid::Uuid::nil()));
        let found = accounts::of_institution(&mut tx, &scope, org, after, limit + 1).await?;
        drop(tx);
        let line = |(person_id, user_name, state)| AccountLine { person_id, user_name, state };
        let cut = Cut::at(found.into_iter().map(line).collect(), limit);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::AccountsViewed).await?;
        work.target("institution", org).detail("rows", cut.items.len());
        for line in &cut.items {
            work.shows(line.person_id);
        }
        work.commit(Outcome::Done).await?;
        Ok(cut)
    }

    /// Where somebody is signed in. Audited, and noted for her.
    ///
    /// # Errors
    /// `NotFound` for an account that is not wholly in the administrator's care.
    pub async fn sessions_of(&self, ctx: &Ctx, by: Decider, person: PersonId) -> Result<Vec<SessionLine>, Error> {
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::SessionsViewed).await?;
        let minded = self.minded(&mut work, &ctx, by, person, Part::Minding).await?;
        let viewer = by.admin().ok_or_else(missing)?;
        let found = sessions::reaching(work.tx(), &task().on(minded.person), ctx.now).await?;
        work.target("person", minded.person).detail("sessions", found.len()).shows(minded.person);
        work.commit(Outcome::Done).await?;
        let mut lines = Vec::with_capacity(found.len());
        for session in found {
            // Another connection may be asked for it, which nobody waits for while she holds one.
            let client = match session.client {
                Some(client) => self.client_by_id(client, ctx.now).await?.map(|client| client.display_name(false)),
                None => None,
            };
            let bound = viewer.0.as_bytes();
            lines.push(SessionLine {
                handle: self.sealer.seal_state(SEAL, bound, session.id.0.as_bytes(), &*self.random)?,
                agent: session.agent,
                client,
                since: session.created_at.to_rfc3339(),
                last_seen: session.last_seen_at.to_rfc3339(),
            });
        }
        Ok(lines)
    }

    /// Ends one session of somebody with everything that was granted in it, or all of them.
    ///
    /// # Errors
    /// As [`App::sessions_of`]; `NotFound` for a handle that is none of this administrator's.
    pub async fn sign_out_person(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        handle: Option<&str>,
    ) -> Result<AccountState, Error> {
        let ctx = by.acting(ctx);
        let viewer = by.admin().ok_or_else(missing)?;
        let only = match handle {
            None => None,
            Some(handle) => {
                let gone = || Error::not_found("the session");
                let plain = self.sealer.open_state(SEAL, viewer.0.as_bytes(), handle).map_err(|_| gone())?;
                Some(SessionId(uuid::Uuid::from_slice(&plain).map_err(|_| gone())?))
            }
        };
        let mut work = self.begin(&ctx, Action::SessionsEnded).await?;
        let minded = self.minded(&mut work, &ctx, by, person, Part::Minding).await?;
        let on = task().on(minded.person);
        let meant = |session: &crate::domain::auth::session::Session| only.is_none_or(|only| only == session.id);
        let ended = self.end_meant(&mut work, &on, ctx.now, "ended by an administrator", meant).await?;
        work.target("person", minded.person).target("account", minded.account.id).detail("sessions", ended);
        let ended = usize::try_from(ended).map_err(Error::internal)?;
        self.told_of(work, minded.person, minded.account.state, ended).await
    }

    /// A fresh code for one person, with which she chooses a password; earlier ones of hers end. For who runs an
    /// institution that covers every side of her.
    ///
    /// # Errors
    /// As [`App::sessions_of`]; `Conflict` for an account that is locked.
    pub async fn issue_code(&self, ctx: &Ctx, by: Decider, person: PersonId) -> Result<BeginningCode, Error> {
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::ActivationIssued).await?;
        let Minded { person, account } = self.minded(&mut work, &ctx, by, person, Part::Running).await?;
        if !matches!(account.state, Status::Active | Status::Inactive) {
            return Err(Error::new(Kind::Conflict, "the account is locked, or none to sign in with"));
        }
        let (code, valid_until) = self.fresh_code(&mut work, &ctx, account.id).await?;
        work.target("person", person).target("account", account.id);
        work.commit(Outcome::Done).await?;
        Ok(BeginningCode {
            user_name: account.user_name.to_string(),
            link: self.activation_link(&code),
            code,
            valid_until: valid_until.to_rfc3339(),
        })
    }

    /// The account of somebody whom an administrator covers wholly, held before her right is looked at, as whoever grants
    /// its holder something holds it. The operator covers everybody.
    pub(super) async fn minded(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        part: Part,
    ) -> Result<Minded, Error> {
        let scope = match (by, part) {
            (Decider::Operator, _) => None,
            (Decider::Admin(admin), Part::Minding) => Some(self.account_subtree(work.tx(), admin, ctx.now).await?),
            (Decider::Admin(admin), Part::Running) => Some(self.case_subtree(work.tx(), admin, ctx.now).await?),
        };
        let person = persons::survivor(work.tx(), person).await?.ok_or_else(missing)?;
        let on = task().on(person);
        accounts::hold(work.tx(), &on).await?.ok_or_else(missing)?;
        let account = accounts::find(work.tx(), &on).await?.ok_or_else(missing)?;
        let hers = match &scope {
            Some(scope) => scope.admin() != person && self.is_wholly_in(work, scope, person, ctx.now).await?,
            None => true,
        };
        if hers { Ok(Minded { person, account }) } else { Err(missing()) }
    }

    /// Whether a scope holds all of somebody, and what she administers lies strictly below its tops.
    pub(super) async fn is_wholly_in(
        &self,
        work: &mut Work<'_>,
        scope: &Subtree,
        person: PersonId,
        now: crate::domain::time::Timestamp,
    ) -> Result<bool, Error> {
        for grant in admin_grants::held(work.tx(), &task(), person, now).await? {
            if institutions::find_below(work.tx(), scope, grant.org).await?.is_none() {
                return Ok(false);
            }
        }
        self.holds_all_of(work.tx(), scope, person, now.shanghai_date()).await
    }

    pub(super) async fn told_of(
        &self,
        work: Work<'_>,
        person_id: PersonId,
        state: Status,
        sessions_ended: usize,
    ) -> Result<AccountState, Error> {
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(AccountState { person_id, state, sessions_ended })
    }

    /// A code in the place of those that were not used; until when it is good. The account is held.
    pub(super) async fn fresh_code(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        account: AccountId,
    ) -> Result<(String, crate::domain::time::Timestamp), Error> {
        let (code, until) = (activation_code(self), ctx.now.plus(self.lifetimes.activation));
        activations::end_open(work.tx(), account, ctx.now).await?;
        let id = ActivationId::new(ctx.now, &*self.random);
        activations::insert(work.tx(), id, account, opaque::digest(&canonical(&code)), ctx.now, until).await?;
        Ok((code, until))
    }
}
