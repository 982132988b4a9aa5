//! Who calls the register's API: a token of ours for it, under a grant that is alive, of a person who administers something
//! now and has not left the session in which she asked for it. Read at every request, so that a sign-out, a revoked right or a
//! disabled account counts at once.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::possession::AccessToken;
use super::relation_claim::Decider;
use super::signing::grant_of_jti;
use super::{App, Ctx, Error, access};
use crate::domain::access::TaskName;
use crate::domain::id::{ClientId, OrgId, PersonId};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::resource::{ADMIN, API, SELF};
use crate::domain::oidc::token::Wanted;
use crate::domain::time::Timestamp;
use crate::store::{admin_grants, institutions};

/// What an administrator may do, and where.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Right {
    /// Table A.
    pub role: String,
    /// The institution at the top.
    pub institution_id: OrgId,
    /// Its name.
    pub institution: String,
}

/// The administrator who asks.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Myself {
    /// Who.
    pub person_id: PersonId,
    /// Her live grants.
    pub rights: Vec<Right>,
}

fn invalid_token() -> Error {
    ProtocolError::new(Code::InvalidToken, "the access token is not for this API, or has ended").into()
}

fn lacking(word: &str) -> Error {
    Error {
        public: format!("scope {word} is needed"),
        ..ProtocolError::new(Code::InsufficientScope, "a scope of the register is needed").into()
    }
}

/// Somebody in whose name a client calls.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Who.
    pub person: PersonId,
    /// The client that holds the token.
    pub through: ClientId,
    /// When she last proved who she is.
    pub auth_time: Timestamp,
}

impl App {
    /// The administrator whom a token of the API speaks for.
    ///
    /// # Errors
    /// `invalid_token`, `insufficient_scope`, or a failed dependency.
    pub async fn administrator(&self, ctx: &Ctx, token: &AccessToken) -> Result<Caller, Error> {
        self.caller(ctx, token, ADMIN).await
    }

    /// Whoever a token of the API speaks for, about herself.
    ///
    /// # Errors
    /// As [`App::administrator`].
    pub async fn bearer(&self, ctx: &Ctx, token: &AccessToken) -> Result<Caller, Error> {
        self.caller(ctx, token, SELF).await
    }

    /// How long ago an administrator may have signed in to do what cannot be taken back by herself (RFC 9470): she is asked
    /// again where she left her desk and the program did not.
    pub fn step_up_age(&self) -> Duration {
        self.lifetimes.admin_step_up
    }

    async fn caller(&self, ctx: &Ctx, token: &AccessToken, word: &str) -> Result<Caller, Error> {
        let own = self.own_token(ctx, token.text.expose_secret()).await?.ok_or_else(invalid_token)?;
        if own.claims["aud"] != self.issuer().at(API).as_str() {
            return Err(invalid_token());
        }
        self.check_holder(ctx, token, &own.claims).await?;
        if own.is_about_nobody() {
            return Err(lacking(word));
        }
        let id = own.claims["jti"].as_str().and_then(grant_of_jti).ok_or_else(invalid_token)?;
        let mut tx = self.db.read().await?;
        let live = self.live_grant(&mut tx, id, &own.client, ctx.now).await?;
        let (grant, proof) = live.ok_or_else(invalid_token)?;
        if self.still_allowed(&mut tx, &proof, &grant, &own.client, ctx.now).await?.is_none() {
            return Err(invalid_token());
        }
        if !own.claims["scope"].as_str().unwrap_or_default().split(' ').any(|one| one == word) {
            return Err(lacking(word));
        }
        // Whoever held the right when the token was made, and holds it no more, has a token that ended.
        let target = self.target(&mut tx, &grant, &own.client, &Wanted::at(own.claims["aud"].as_str()), ctx.now).await;
        let target = match target {
            Err(Error { protocol: Some(_), .. }) => None,
            other => other?,
        };
        match target.is_some_and(|target| target.words.contains(word)) {
            true => Ok(Caller { person: grant.person, through: own.client.id, auth_time: grant.auth_time }),
            false => Err(invalid_token()),
        }
    }

    /// What an administrator may do now.
    ///
    /// # Errors
    /// A failed store.
    pub async fn rights_of(&self, ctx: &Ctx, by: Decider) -> Result<Vec<Right>, Error> {
        let Some(admin) = by.admin() else { return Ok(Vec::new()) };
        let task = access::task(TaskName::OperatorReport);
        let mut tx = self.db.read().await?;
        let mut rights = Vec::new();
        for grant in admin_grants::live(&mut tx, admin, ctx.now).await? {
            let org = institutions::find(&mut tx, &task, grant.org).await?;
            let institution = org.map(|org| org.name).unwrap_or_default();
            rights.push(Right { role: grant.role, institution_id: grant.org, institution });
        }
        Ok(rights)
    }
}
