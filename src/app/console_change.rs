//! What is corrected at the console: the settings of an application, and whether it is in use.

use std::sync::Arc;

use super::access::ClientDuty;
use super::clients::Registered;
use super::console::{Visitor, one, proved};
use super::work::Outcome;
use super::{App, Ctx, Error, Kind};
use crate::domain::audit::Action;
use crate::domain::id::{ClientId, PersonId};
use crate::domain::oidc::client::{Client, ClientMetadata, ClientStatus};
use crate::domain::oidc::client_form::ClientForm;
use crate::domain::oidc::initial_token::Policy;
use crate::store::db::Tx;
use crate::store::facts::{self, Cache};
use crate::store::{deliveries, registrations, suspensions};

/// An application whose settings are changed.
pub struct Settings {
    /// Who changes them.
    pub visitor: Visitor,
    /// The application.
    pub client: Arc<Client>,
    /// What it may be at most.
    pub policy: Policy,
}

/// An application and its version, as a form names them.
type Named = (ClientId, i64);

impl App {
    /// The settings of an application that she keeps, to be changed.
    ///
    /// # Errors
    /// `NotFound` outside her scope, for a platform, and for a client that has a document of its own; a failed store.
    pub async fn console_settings(&self, ctx: &Ctx, visitor: Visitor, id: ClientId) -> Result<Settings, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.client_scope(&mut tx, visitor.who.session.person, ClientDuty::Keep, ctx.now).await?;
        let (client, _) = one(&mut tx, &scope, id).await?;
        let client = correctable(client)?;
        let policy = kept_policy(&mut tx, &client).await?;
        Ok(Settings { visitor, client: Arc::new(client), policy })
    }

    /// Registers what the form says of an application of hers instead, in the version that her page showed; `None` when that is
    /// what is registered. What is not in the form stays.
    ///
    /// # Errors
    /// `invalid_redirect_uri`, `invalid_client_metadata`; `NotFound` as [`App::console_settings`], `Conflict` when she proved
    /// herself too long ago or the client is not as it was shown; a failed dependency.
    pub async fn console_change(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        which: Named,
        form: &ClientForm,
    ) -> Result<Option<Registered>, Error> {
        let admin = proved(visitor)?;
        let ctx = ctx.administering(admin);
        let (before, policy) = {
            let mut tx = self.db.read().await?;
            let before = correctable(self.hers(&mut tx, &ctx, admin, which).await?)?;
            let policy = kept_policy(&mut tx, &before).await?;
            (before, policy)
        };
        let metadata = within(&policy, &before, form.applied_to(&before.metadata))?;
        if before.metadata.changes(&metadata).is_empty() {
            return Ok(None);
        }
        let sector = self.checked_sector(&metadata, before.vouched).await?;
        let (client, secret) = self.restated(&before, (metadata, sector))?;
        let mut work = self.begin(&ctx, Action::ClientUpdated).await?;
        // Again: it may have been taken from her, or changed, while somebody else's server was asked.
        self.hers(work.tx(), &ctx, admin, which).await?;
        if !self.restate_in(&mut work, &before, &client, ctx.now).await? {
            return Err(Error::new(Kind::Conflict, "the client was changed at the same moment"));
        }
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(Some(Registered { client: Arc::new(client), secret }))
    }

    /// Takes an application of hers out of use 下架, or lets it back in where that is hers to say: not where the operator took it
    /// out, or whoever stands above her.
    ///
    /// # Errors
    /// `NotFound` outside her scope, for a platform, and for another's word; `Conflict` as [`App::console_change`].
    pub async fn console_suspend(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        which: Named,
        suspended: bool,
    ) -> Result<(), Error> {
        let admin = proved(visitor)?;
        let ctx = ctx.administering(admin);
        let mut work = self.begin(&ctx, Action::ClientUpdated).await?;
        let client = self.hers(work.tx(), &ctx, admin, which).await?;
        if !client.is_application() {
            return Err(Error::not_found("an application of hers"));
        }
        let done = match (client.status, suspended) {
            (ClientStatus::Active, true) => {
                let scope = self.client_scope(work.tx(), admin, ClientDuty::Keep, ctx.now).await?;
                let under = suspensions::seat_over(work.tx(), &scope, client.id).await?.or(client.org);
                suspensions::suspend(work.tx(), which, (admin, under), ctx.now).await?
            }
            (ClientStatus::Suspended, false) => {
                self.check_resumes(work.tx(), &ctx, admin, client.id).await?;
                deliveries::come_back(work.tx(), client.id, ctx.now).await?;
                suspensions::resume(work.tx(), which, ctx.now).await?
            }
            _ => false,
        };
        if !done {
            return Err(Error::new(Kind::Conflict, "the client was changed since the page was shown"));
        }
        facts::bump(work.tx(), Cache::Clients).await?;
        work.target("client", client.id).detail("suspended", suspended);
        work.event("client", client.id, "client.updated", &["status"]);
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        self.wake.deliveries.notify_one();
        Ok(())
    }

    async fn check_resumes(&self, tx: &mut Tx, ctx: &Ctx, admin: PersonId, id: ClientId) -> Result<(), Error> {
        let scope = self.client_scope(tx, admin, ClientDuty::Keep, ctx.now).await?;
        match suspensions::may_resume(tx, &scope, admin, id).await? {
            true => Ok(()),
            false => Err(Error::not_found("a client that she may let back in")),
        }
    }
}

/// A platform is the operator's to change, and what stands in a document of a client's own is changed there.
fn correctable(client: Client) -> Result<Client, Error> {
    match client.is_application() && client.document.is_none() {
        true => Ok(client),
        false => Err(Error::not_found("an application of hers that is registered here")),
    }
}

/// What whoever keeps it may make of an application: what it could have registered itself, or has.
async fn kept_policy(tx: &mut Tx, client: &Client) -> Result<Policy, Error> {
    let registered = registrations::policy_of(tx, client.id).await?;
    Ok(registered.unwrap_or_else(Policy::of_console).keeping(client))
}

/// What becomes of metadata under a policy. What the operator alone gives is left as he gave it.
fn within(policy: &Policy, before: &Client, said: ClientMetadata) -> Result<ClientMetadata, Error> {
    let given = &before.metadata;
    let said = ClientMetadata { edu_resources: Vec::new(), edu_serves: Vec::new(), ..said };
    let allowed = policy.apply(said)?;
    let metadata = ClientMetadata {
        edu_resources: given.edu_resources.clone(),
        edu_serves: given.edu_serves.clone(),
        edu_vendor: given.edu_vendor.clone(),
        ..allowed
    };
    Ok(metadata.completed())
}
