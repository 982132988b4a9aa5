//! Resources that tokens are made for (`mingji resource …`).

use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::oidc::resource::Resource;
use crate::store::resources;

impl App {
    /// Registers a resource, or changes its name and scopes.
    ///
    /// # Errors
    /// `Invalid` with what is wrong; a failed store.
    pub async fn register_resource(&self, ctx: &Ctx, resource: &Resource) -> Result<(), Error> {
        resource.check(self.issuer().as_str()).map_err(Error::invalid)?;
        let mut work = self.begin(ctx, Action::ResourceRegistered).await?;
        resources::put(work.tx(), resource).await?;
        work.detail("resource", resource.uri.clone()).detail("scopes", resource.scopes.len());
        work.commit(Outcome::Done).await
    }

    /// All of them.
    ///
    /// # Errors
    /// A failed store.
    pub async fn list_resources(&self) -> Result<Vec<Resource>, Error> {
        Ok(resources::list(&mut self.db.read().await?).await?)
    }
}
