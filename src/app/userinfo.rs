//! The userinfo endpoint (OpenID Connect Core, 5.3): read through the grant.

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use super::possession::AccessToken;
use super::signing::grant_of_jti;
use super::{App, Ctx, Error};
use crate::domain::oidc::claims;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::fault::{Endpoint, FaultKind};
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::scope::{Scope, ScopeSet};
use crate::keys::jwt::{self, Expect};

/// The answer, in the form that the client registered.
pub enum Told {
    /// JSON.
    Plain(Map<String, Value>),
    /// Signed, encrypted or both.
    Jwt(String),
}

fn invalid_token() -> Error {
    ProtocolError::new(Code::InvalidToken, "the access token is not valid or has ended").into()
}

impl App {
    /// Notes that a token was refused, for whoever answers for the client that it was given to: one that we signed says which,
    /// whatever else is wrong with it. What nobody signed here is nobody's.
    pub async fn note_token_fault(&self, ctx: &Ctx, token: &AccessToken, why: &Error) {
        let Some(protocol) = &why.protocol else { return };
        let Ok(keyring) = self.keyring(ctx.now).await else { return };
        let issuer = self.issuer().as_str();
        let any = [Some(jwt::ACCESS), None, Some("JWT")];
        let expect = Expect { typ: &any, issuer, audience: None, now: ctx.now, allow_expired: true };
        let Ok(claims) = keyring.verify(token.text.expose_secret(), &expect) else { return };
        // Of two audiences the second is the one that may be ours.
        let audience = &claims["aud"];
        let audience = audience.as_str().or_else(|| audience[1].as_str());
        let (client_id, kind) = match (claims["client_id"].as_str(), audience) {
            (Some(client_id), Some(audience)) if audience == issuer => (client_id, FaultKind::of(protocol)),
            (Some(client_id), _) => (client_id, Some(FaultKind::AccessTokenAudience)),
            // Only an ID token is for a client.
            (None, Some(audience)) => (audience, Some(FaultKind::AccessTokenKind)),
            (None, None) => return,
        };
        if let (Some(kind), Ok(Some(client))) = (kind, self.known_client(client_id, ctx.now).await) {
            self.note_visit(ctx, Endpoint::Userinfo, &client, kind, Some(protocol));
        }
    }

    /// What the bearer of an access token may know. Refuses within seconds of a withdrawal, a sign-out or a
    /// disabled account (R16): the grant is read each time, but for the two seconds after it was made here, and there at once
    /// where this process changed anything.
    ///
    /// # Errors
    /// `invalid_token`, `insufficient_scope`, those of [`App::check_holder`], or a failed dependency.
    pub async fn userinfo(&self, ctx: &Ctx, access_token: &AccessToken) -> Result<Told, Error> {
        let since = self.changes.now();
        let keyring = self.keyring(ctx.now).await?;
        let issuer = self.issuer().as_str();
        let expect =
            Expect { typ: &[Some(jwt::ACCESS)], issuer, audience: Some(issuer), now: ctx.now, allow_expired: false };
        let token = keyring.verify(access_token.text.expose_secret(), &expect).map_err(|_| invalid_token())?;
        let grant_id = token["jti"].as_str().and_then(grant_of_jti).ok_or_else(invalid_token)?;
        self.check_holder(ctx, access_token, &token).await?;
        // Before a connection is held: requests that each hold one and wait for a second would wait for each other.
        let client = self.client(token["client_id"].as_str().unwrap_or_default(), ctx.now).await?;
        let client = client.ok_or_else(invalid_token)?;
        let now = self.now();
        let live = match self.live_grants.get(&grant_id, since, now) {
            Some(live) => Grant::clone(&live),
            None => self.asked_grants.live(grant_id, ctx.now).await?.ok_or_else(invalid_token)?,
        };
        let mut tx = self.db.read().await?;
        let live = self.held_grant(&mut tx, live, &client, ctx.now).await?;
        let (grant, proof) = live.ok_or_else(invalid_token)?;
        let standing =
            self.still_allowed(&mut tx, &proof, &grant, &client, ctx.now).await?.ok_or_else(invalid_token)?;
        // A refresh may have asked for less than the grant holds.
        let grant = match token["scope"].as_str().map(ScopeSet::parse) {
            Some(asked) if !grant.scope.is_subset(&asked) => grant.within(&asked),
            _ => grant,
        };
        if !grant.scope.has(Scope::Openid) {
            return Err(ProtocolError::new(Code::InsufficientScope, "scope openid is needed").into());
        }
        let facts = self.facts(&mut tx, &proof, &standing, &grant, &client, ctx.now).await?;
        let family = facts.family();
        let ids = self.sector_ids(&mut tx, &client, &family).await?;
        let mut told = claims::userinfo(&facts, &grant, &client, &ids);
        drop(tx);
        self.keep_subjects_of(&client, &family, ctx).await?;
        let signed = match client.metadata.userinfo_signed_response_alg {
            None => None,
            Some(alg) => {
                // OpenID Connect Core, 5.3.2: a signed answer names its issuer and whom it is for.
                told.insert("iss".into(), issuer.into());
                told.insert("aud".into(), client.client_id().into());
                Some(self.sign_for(&keyring, &client, alg, "JWT", &told)?)
            }
        };
        Ok(match (client.metadata.userinfo_encrypted_response_alg, signed) {
            (None, None) => Told::Plain(told),
            (None, Some(jwt)) => Told::Jwt(jwt),
            // Signed, then encrypted (the same section).
            (Some(_), Some(jwt)) => Told::Jwt(self.encrypt_for(&client, jwt.as_bytes(), true).await?),
            (Some(_), None) => Told::Jwt(self.encrypt_for(&client, &serde_json::to_vec(&told)?, false).await?),
        })
    }
}
