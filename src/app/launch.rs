//! Login that begins here and not at the client (OpenID Connect Core, 4): the list on the home page, and the way there.

use url::Url;

use super::access::ClientDuty;
use super::session::Browser;
use super::{App, Ctx, Error, access};
use crate::domain::access::OnePerson;
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::store::{clients, grants};

impl App {
    /// What somebody may open from her home page: platforms of the system, and applications that she let know her.
    pub(super) async fn launchable(&self, ctx: &Ctx, proof: &impl OnePerson) -> Result<Vec<Client>, Error> {
        let mut tx = self.db.read().await?;
        let mut all = clients::platforms(&mut tx).await?;
        let used = grants::clients(&mut tx, proof).await?;
        drop(tx);
        for id in used {
            let known = self.client_by_id(id, ctx.now).await?;
            let known = known.filter(|client| client.is_application() && client.status == ClientStatus::Active);
            all.extend(known.as_deref().cloned());
        }
        all.retain(|client| client.metadata.initiate_login_uri.is_some());
        Ok(all)
    }

    /// The address at which a client begins a login with us; `None` where there is none for this visitor. An application
    /// is opened only for whoever uses it or answers for it: a link to us must not lead strangers wherever somebody registered himself.
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn launch(&self, ctx: &Ctx, client_id: &str, browser: &Browser) -> Result<Option<String>, Error> {
        let client = self.client(client_id, ctx.now).await?.filter(|client| client.status == ClientStatus::Active);
        let Some(client) = client else { return Ok(None) };
        let Some(uri) = &client.metadata.initiate_login_uri else { return Ok(None) };
        if client.is_application() {
            let mut tx = self.db.read().await?;
            let Some(session) = self.live_session(&mut tx, browser, ctx.now).await? else { return Ok(None) };
            let used = !grants::held(&mut tx, &access::own(&session, ctx.now)?, client.id).await?.is_empty();
            // Whoever answers for it tries it before anybody uses it.
            let answers = match self.client_scope(&mut tx, session.person, ClientDuty::See, ctx.now).await {
                Ok(scope) if !used => clients::find_under(&mut tx, &scope, client.id).await?.is_some(),
                _ => false,
            };
            if !used && !answers {
                return Ok(None);
            }
        }
        let mut address = Url::parse(uri).map_err(Error::internal)?;
        address.query_pairs_mut().append_pair("iss", self.issuer().as_str());
        Ok(Some(address.into()))
    }
}
