//! A client gives a token back (RFC 7009). A token about a person ends its whole grant, refresh tokens and all: what
//! was lost is not known to be only one of them.

use super::client_auth::Credentials;
use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::audit::{Action, Actor};
use crate::domain::id::GrantId;
use crate::domain::oidc::client::Client;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::time::Timestamp;
use crate::store::{grants, revoked_tokens};

impl App {
    /// Ends what a token stands for. A token that is unknown or has ended is fine as it is (RFC 7009, 2.2).
    ///
    /// # Errors
    /// `invalid_client`; `unauthorized_client` for another client's token; or a failed dependency.
    pub async fn revoke_token(&self, ctx: &Ctx, credentials: &Credentials, token: &str) -> Result<(), Error> {
        let client = self.authenticate_client(credentials, ctx.now).await?;
        let ctx = ctx.acting(Actor::Client { id: client.id });
        if let Some((family, _)) = self.refresh_tokens.parse(token) {
            let family = grants::family(&mut self.db.read().await?, family).await?;
            return match family {
                Some(family) => self.end_grant(&ctx, &client, family.grant).await,
                None => Ok(()),
            };
        }
        let Some(own) = self.own_token(&ctx, token).await? else { return Ok(()) };
        if own.client.id != client.id {
            return Err(foreign());
        }
        // What a service got for a token of another's is its own; the grant behind both is not.
        if !own.is_about_nobody() && !own.is_exchanged() {
            return match own.grant() {
                Some(grant) => self.end_grant(&ctx, &client, grant).await,
                None => Ok(()),
            };
        }
        let ends = Timestamp::from_seconds(own.claims["exp"].as_i64().unwrap_or_default());
        let mut work = self.begin(&ctx, Action::TokenRevoked).await?;
        revoked_tokens::insert(work.tx(), own.digest(), ends).await?;
        work.target("client", client.id);
        work.commit(Outcome::Done).await
    }

    async fn end_grant(&self, ctx: &Ctx, client: &Client, id: GrantId) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::GrantRevoked).await?;
        let Some(grant) = grants::live(work.tx(), id, ctx.now).await? else { return Ok(()) };
        if grant.client != client.id {
            return Err(foreign());
        }
        grants::revoke(work.tx(), id, ctx.now, "given back by the client").await?;
        work.target("grant", id).target("client", client.id).event("grant", id, "grant.revoked", &[]);
        work.commit(Outcome::Done).await
    }
}

/// RFC 7009, 2.1: "If this validation fails, the request is refused and the client is informed of the error".
fn foreign() -> Error {
    ProtocolError::new(Code::UnauthorizedClient, "the token was issued to another client").into()
}
