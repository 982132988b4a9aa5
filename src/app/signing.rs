//! Access tokens and ID tokens, signed after the commit that they stand on. One place for the token endpoint and the
//! browser's way, so that both say the same.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::client_keys::Disbelief;
use super::{App, Ctx, Error};
use crate::domain::id::GrantId;
use crate::domain::oidc::assertion::ClientAlg;
use crate::domain::oidc::claims::{self, Facts};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::resource::Target;
use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::time::Timestamp;
use crate::keys::jwe::EncryptionKey;
use crate::keys::jwt;
use crate::keys::keyring::Keyring;
use crate::keys::opaque;
use crate::keys::signer::SigningKey;

/// What an ID token is bound to (OpenID Connect Core, 3.1.3.6 and 3.3.2.11; FAPI 1.0 Advanced, 5.1.1).
#[derive(Default)]
pub(super) struct Bound<'a> {
    /// Of the request.
    pub nonce: Option<&'a str>,
    /// Given beside it: `at_hash`.
    pub access_token: Option<&'a str>,
    /// Given beside it: `c_hash`.
    pub code: Option<&'a str>,
    /// Given back beside it: `s_hash`.
    pub state: Option<&'a str>,
    /// No access token follows, so that what the scopes ask for stands in the ID token (OpenID Connect Core, 5.4).
    pub alone: bool,
}

/// What an answer with tokens needs, had before a code is redeemed, a refresh token rotated or a grant made: whoever
/// cannot be answered has used nothing up (R11).
pub(super) struct Ready {
    keyring: Arc<Keyring>,
    seal: Option<EncryptionKey>,
}

impl Ready {
    /// Whether a token for this resource can be signed; asked before anything is committed.
    ///
    /// # Errors
    /// Busy, while the key that its service knows is still being made.
    pub(super) fn signs(&self, target: Option<&Target>) -> Result<(), Error> {
        active(&self.keyring, token_alg(target)).map(|_| ())
    }
}

impl App {
    /// See [`Ready`].
    ///
    /// # Errors
    /// Busy, for `temporarily_unavailable`: a key of ours is still being made, or the client's cannot be had; `invalid_request` where
    /// it has none.
    pub(super) async fn ready(&self, client: &Client, now: Timestamp) -> Result<Ready, Error> {
        let keyring = self.keyring(now).await?;
        for alg in [Some(SigningAlg::Es256), client.metadata.id_token_signed_response_alg.ours()].into_iter().flatten()
        {
            active(&keyring, alg)?;
        }
        let seal = match client.metadata.id_token_encrypted_response_alg {
            Some(_) => Some(self.encryption_key_of(client).await.map_err(Disbelief::unanswered)?),
            None => None,
        };
        Ok(Ready { keyring, seal })
    }

    /// An access token (RFC 9068).
    pub(super) fn access_token(
        &self,
        ready: &Ready,
        ctx: &Ctx,
        client: &Client,
        grant: &Grant,
        target: Option<&Target>,
    ) -> Result<String, Error> {
        let key = active(&ready.keyring, token_alg(target))?;
        Ok(ready.keyring.sign_access(key, self.access_claims(ctx, client, grant, target))?)
    }

    /// An ID token, signed as the client registered.
    pub(super) async fn id_token(
        &self,
        Ready { keyring, seal }: &Ready,
        ctx: &Ctx,
        client: &Client,
        grant: &Grant,
        facts: &Facts,
        bound: &Bound<'_>,
    ) -> Result<String, Error> {
        let alg = client.metadata.id_token_signed_response_alg;
        let family = facts.family();
        let ids = self.sector_ids_of(client, &family).await?;
        let mut token = match bound.alone {
            true => claims::lone_id_token(facts, grant, client, &ids),
            false => claims::id_token(facts, grant, client, &ids),
        };
        if claims::FAMILY.iter().any(|name| token.contains_key(*name)) {
            self.keep_subjects_of(client, &family, ctx).await?;
        }
        token.extend(self.id_claims(ctx, client, grant, bound.nonce));
        for (name, value) in [("at_hash", bound.access_token), ("c_hash", bound.code), ("s_hash", bound.state)] {
            if let Some(value) = value {
                token.insert(name.into(), json!(keyring.token_hash(alg, value)));
            }
        }
        let token = self.sign_for(keyring, client, alg, "JWT", &token)?;
        match seal {
            Some(key) => Ok(key.encrypt(token.as_bytes(), true, &*self.random)?),
            None => Ok(token),
        }
    }

    /// Encrypts what only this client may read.
    ///
    /// # Errors
    /// As [`App::ready`], of the client's key.
    pub(super) async fn encrypt_for(&self, client: &Client, plain: &[u8], is_jwt: bool) -> Result<String, Error> {
        let key = self.encryption_key_of(client).await.map_err(Disbelief::unanswered)?;
        Ok(key.encrypt(plain, is_jwt, &*self.random)?)
    }

    /// Signs something that is for one client, with the algorithm that it registered.
    pub(super) fn sign_for(
        &self,
        keyring: &Keyring,
        client: &Client,
        alg: ClientAlg,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, Error> {
        let Some(alg) = alg.ours() else {
            let secret = self.secret_of_client(client)?.ok_or_else(|| Error::internal("HS256 without a secret"))?;
            return Ok(jwt::write_with_secret(secret.expose_secret(), typ, claims)?);
        };
        let key = active(keyring, alg)?;
        Ok(keyring.sign(key, typ, claims)?)
    }

    /// RFC 9068, 2.2. `jti` begins with the grant's id, which no other client ever sees.
    pub(super) fn access_claims(&self, ctx: &Ctx, client: &Client, grant: &Grant, target: Option<&Target>) -> Value {
        let issuer = self.issuer().as_str();
        let audience = match target {
            Some(target) if target.userinfo => json!([target.uri, issuer]),
            Some(target) => json!(target.uri),
            None => json!(issuer),
        };
        let mut jti = [0u8; 24];
        jti[..16].copy_from_slice(grant.id.0.as_bytes());
        self.random.fill(&mut jti[16..]);
        let mut claims = json!({
            "iss": issuer, "aud": audience, "sub": grant.sub, "client_id": client.client_id(), "scope": scope_of(grant, target),
            "iat": ctx.now.seconds(), "exp": ctx.now.plus(self.lifetimes.access_token).seconds(), "jti": URL_SAFE_NO_PAD.encode(jti),
            "auth_time": grant.auth_time.seconds(), "acr": grant.acr, "amr": grant.amr,
        });
        if !grant.cnf.is_none() {
            claims["cnf"] = json!(grant.cnf);
        }
        // RFC 9396, 9.1: "filtered to the specific audience".
        if let Some(target) = target.filter(|target| !target.details.is_empty()) {
            claims["authorization_details"] = json!(target.details);
        }
        claims
    }

    /// OpenID Connect Core, 2.
    fn id_claims(&self, ctx: &Ctx, client: &Client, grant: &Grant, nonce: Option<&str>) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("iss", json!(self.issuer().as_str()));
        put("sub", json!(grant.sub));
        put("aud", json!(client.client_id()));
        put("azp", json!(client.client_id()));
        put("iat", json!(ctx.now.seconds()));
        put("exp", json!(ctx.now.plus(self.lifetimes.id_token).seconds()));
        put("auth_time", json!(grant.auth_time.seconds()));
        put("acr", json!(grant.acr));
        put("amr", json!(grant.amr));
        put("sid", json!(grant.sid));
        put("jti", json!(opaque::generate(&*self.random).expose_secret()));
        if let Some(nonce) = nonce {
            put("nonce", json!(nonce));
        }
        claims
    }
}

/// What a token of a grant may be used for, as `scope` says it.
pub(super) fn scope_of(grant: &Grant, target: Option<&Target>) -> String {
    match target {
        // It opens its place for what stands in its details alone.
        Some(target) if target.userinfo => grant.scope.to_string(),
        Some(target) => target.scope(),
        None => grant.scope.to_string(),
    }
}

fn token_alg(target: Option<&Target>) -> SigningAlg {
    target.map_or(SigningAlg::Es256, |target| target.alg)
}

/// The key that signs with an algorithm now.
///
/// # Errors
/// Busy, while it is still being made.
pub(super) fn active(keyring: &Keyring, alg: SigningAlg) -> Result<&Arc<SigningKey>, Error> {
    keyring.active(alg).ok_or_else(|| Error::busy("the key of this algorithm is still being made"))
}

/// The grant behind an access token of ours.
pub(crate) fn grant_of_jti(jti: &str) -> Option<GrantId> {
    let bytes = URL_SAFE_NO_PAD.decode(jti).ok()?;
    uuid::Uuid::from_slice(bytes.get(..16)?).ok().map(GrantId)
}
