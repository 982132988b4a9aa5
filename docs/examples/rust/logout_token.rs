//! What a logout token must satisfy before anybody is signed out (`OpenID` Connect Back-Channel Logout 1.0, 2.6).
//! `openidconnect` verifies ID tokens only, so the steps stand here; signatures and keys are its own.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey as _;
use openidconnect::core::{CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use serde_json::Value;

use super::Fault;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The provider sends the same token again for a while when it had no answer; each is good for two minutes.
const OLDEST: u64 = 600;
/// How far the provider's clock may be ahead of ours.
const SKEW: u64 = 10;

/// The claims of a token, whoever signed it.
pub fn payload(token: &str) -> Option<Value> {
    json(token.split('.').nth(1)?)
}

/// The claims of a logout token for us, with its `jti`, which counts once.
pub fn check(token: &str, keys: &CoreJsonWebKeySet, issuer: &str, client_id: &str) -> Result<Value, Fault> {
    let (input, signature) = token.rsplit_once('.').ok_or("not a JWT")?;
    let header = input.split('.').next().and_then(json).ok_or("not a JWT")?;
    // As registered; what the header says is compared, never followed.
    if header["alg"] != "RS256" || header["typ"] != "logout+jwt" || header.get("crit").is_some() {
        return Err("alg, typ or crit".into());
    }
    let named = |key: &&_| openidconnect::JsonWebKey::key_id(*key).is_some_and(|id| header["kid"] == id.as_str());
    let key = keys.keys().iter().find(named).ok_or("no such key")?;
    let algorithm = CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256;
    key.verify_signature(&algorithm, input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature)?)?;

    let claims = payload(token).ok_or("not a JWT")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let at = |name: &str| claims[name].as_u64().ok_or("no time");
    let (issued, ends) = (at("iat")?, at("exp")?);
    let holds = claims["iss"] == issuer
        && (claims["aud"] == client_id || claims["aud"] == serde_json::json!([client_id]))
        && issued <= now + SKEW
        && issued + OLDEST > now
        && ends + SKEW > now
        && claims["events"][EVENT].is_object()
        // With a nonce it could pass for an ID token.
        && claims.get("nonce").is_none()
        && claims["jti"].is_string()
        && (claims["sid"].is_string() || claims["sub"].is_string());
    if holds { Ok(claims) } else { Err("a claim is missing or wrong".into()) }
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
