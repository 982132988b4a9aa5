//! What a logout token must satisfy before anybody is signed out (OpenID Connect Back-Channel Logout 1.0,
//! 2.4 and 2.6). The crate verifies ID tokens only, so the steps stand here; signatures and keys are its own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey as _, JsonWebKeyAlgorithm, JsonWebKeyUse as _};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::provider::ALGORITHMS;

/// The member of `events` that makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// A token older than this is not delivered late, it is replayed.
const OLDEST: TimeDelta = TimeDelta::minutes(10);
/// How far the provider's clock may be ahead of ours.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// Whom to sign out. At least one of `sid` and `sub` is there.
#[derive(Debug)]
pub(super) struct Logout {
    pub sid: Option<String>,
    pub sub: Option<String>,
    /// The token's id, to be used once until [`Logout::ends`].
    pub jti: String,
    pub ends: DateTime<Utc>,
}

/// Why a logout token is refused. Goes to the provider as `error_description`.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum LogoutFault {
    #[error("not a signed JWT")]
    Shape,
    #[error("typ is not logout+jwt")]
    Type,
    #[error("algorithm not accepted")]
    Algorithm,
    #[error("unknown key")]
    UnknownKey,
    #[error("signature does not hold")]
    Signature,
    #[error("claim {0} is missing or wrong")]
    Claim(&'static str),
    #[error("seen before")]
    Replayed,
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<Value>,
}

/// Checks everything but the replay.
pub(super) fn check(
    token: &str,
    keys: &CoreJsonWebKeySet,
    issuer: &str,
    client_id: &str,
    now: DateTime<Utc>,
) -> Result<Logout, LogoutFault> {
    let claims = verified(token, keys)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if text("iss") != Some(issuer) {
        return Err(LogoutFault::Claim("iss"));
    }
    if !for_us(claims.get("aud"), client_id) {
        return Err(LogoutFault::Claim("aud"));
    }
    let issued = moment(&claims, "iat").filter(|at| *at <= now + SKEW && *at > now - OLDEST);
    issued.ok_or(LogoutFault::Claim("iat"))?;
    let ends = moment(&claims, "exp").filter(|at| *at > now).ok_or(LogoutFault::Claim("exp"))?;
    let event = claims.get("events").and_then(|events| events.get(EVENT)).filter(|event| event.is_object());
    event.ok_or(LogoutFault::Claim("events"))?;
    // A nonce would make it usable as an ID token.
    if claims.contains_key("nonce") {
        return Err(LogoutFault::Claim("nonce"));
    }
    let (sid, sub) = (text("sid").map(str::to_owned), text("sub").map(str::to_owned));
    if sid.is_none() && sub.is_none() {
        return Err(LogoutFault::Claim("sid"));
    }
    let jti = text("jti").ok_or(LogoutFault::Claim("jti"))?.to_owned();
    Ok(Logout { sid, sub, jti, ends: ends.min(now + OLDEST + SKEW) })
}

fn verified(token: &str, keys: &CoreJsonWebKeySet) -> Result<Map<String, Value>, LogoutFault> {
    let (input, signature) = token.rsplit_once('.').ok_or(LogoutFault::Shape)?;
    let (header, payload) = input.split_once('.').ok_or(LogoutFault::Shape)?;
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| LogoutFault::Shape)?;
    let is_logout =
        |typ: &String| typ.eq_ignore_ascii_case("logout+jwt") || typ.eq_ignore_ascii_case("application/logout+jwt");
    if !header.typ.as_ref().is_none_or(is_logout) {
        return Err(LogoutFault::Type);
    }
    if !ALGORITHMS.contains(&header.alg) || header.crit.is_some() {
        return Err(LogoutFault::Algorithm);
    }
    let key = key_for(&header, keys).ok_or(LogoutFault::UnknownKey)?;
    key.verify_signature(&header.alg, input.as_bytes(), &decode(signature)?).map_err(|_| LogoutFault::Signature)?;
    serde_json::from_slice(&decode(payload)?).map_err(|_| LogoutFault::Shape)
}

/// The key that the token names; without a name, the only one that fits.
fn key_for<'k>(header: &Header, keys: &'k CoreJsonWebKeySet) -> Option<&'k CoreJsonWebKey> {
    let fits = |key: &&CoreJsonWebKey| {
        let for_signing = key.key_use().is_none_or(|purpose| purpose.allows_signature());
        let algorithm = match key.signing_alg() {
            JsonWebKeyAlgorithm::Unspecified => true,
            JsonWebKeyAlgorithm::Algorithm(algorithm) => *algorithm == header.alg,
            JsonWebKeyAlgorithm::Unsupported => false,
        };
        let named = header.kid.as_ref().is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid));
        for_signing && algorithm && named
    };
    let mut fitting = keys.keys().iter().filter(fits);
    let key = fitting.next()?;
    (header.kid.is_some() || fitting.next().is_none()).then_some(key)
}

fn for_us(audience: Option<&Value>, client_id: &str) -> bool {
    match audience {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(all)) => !all.is_empty() && all.iter().all(|one| one.as_str() == Some(client_id)),
        _ => false,
    }
}

fn moment(claims: &Map<String, Value>, name: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(claims.get(name)?.as_i64()?, 0)
}

fn decode(part: &str) -> Result<Vec<u8>, LogoutFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| LogoutFault::Shape)
}
