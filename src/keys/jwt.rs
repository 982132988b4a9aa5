//! Our own JWTs in compact form (RFC 7515, 7.1; RFC 8725). The algorithm is pinned by the key that `kid`
//! names; a header that brings a key along, or asks for what we do not understand, is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use serde::Serialize;
use serde_json::{Value, json};

use super::signer::{KeyError, SigningKey};
use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::time::Timestamp;

/// Clocks of replicas differ by so many seconds at most.
const LEEWAY: i64 = 10;
/// Nothing of ours is longer.
const LONGEST: usize = 16 * 1024;

/// The token is not ours, not for this, or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid here")]
pub struct JwtError;

/// What a token must be.
pub struct Expect<'a> {
    /// Allowed `typ` values; `None` stands for a missing one.
    pub typ: &'a [Option<&'a str>],
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`, as a single text or one of several.
    pub audience: Option<&'a str>,
    /// The present.
    pub now: Timestamp,
    /// For `id_token_hint` alone.
    pub allow_expired: bool,
}

/// Signs claims.
///
/// # Errors
/// [`KeyError`].
pub fn sign(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
    let header = json!({ "alg": key.alg().as_str(), "typ": typ, "kid": key.kid() });
    let claims = serde_json::to_vec(claims).map_err(|_| KeyError)?;
    let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// Verifies a token with the key that its `kid` names; the claims.
///
/// # Errors
/// [`JwtError`], the same for every reason.
pub fn verify<'k>(
    token: &str,
    expect: &Expect<'_>,
    find: impl FnOnce(&str) -> Option<&'k SigningKey>,
) -> Result<Value, JwtError> {
    if token.len() > LONGEST {
        return Err(JwtError);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(JwtError)?;
    let (header, claims) = message.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or(JwtError)?;
    let header = object(header)?;
    // RFC 7515, 4.1.2, 4.1.3, 4.1.5, 4.1.6, 4.1.11: keys of the sender's own, and extensions that must be understood.
    if ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"].iter().any(|name| !header[*name].is_null()) {
        return Err(JwtError);
    }
    let typ = match &header["typ"] {
        Value::Null => None,
        Value::String(typ) => Some(typ.as_str()),
        _ => return Err(JwtError),
    };
    let key = header["kid"].as_str().and_then(find).ok_or(JwtError)?;
    if header["alg"].as_str() != Some(key.alg().as_str()) || !expect.typ.contains(&typ) {
        return Err(JwtError);
    }
    let algorithm: &dyn VerificationAlgorithm = match key.alg() {
        SigningAlg::Es256 => &ECDSA_P256_SHA256_FIXED,
        SigningAlg::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError)?;
    UnparsedPublicKey::new(algorithm, key.public_bytes())
        .verify(message.as_bytes(), &signature)
        .map_err(|_| JwtError)?;
    let claims = object(claims)?;
    check(&claims, expect)?;
    Ok(claims)
}

fn object(part: &str) -> Result<Value, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError)?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object).ok_or(JwtError)
}

fn check(claims: &Value, expect: &Expect<'_>) -> Result<(), JwtError> {
    // A number, never a text that looks like one (RFC 7519, 2: NumericDate).
    let expires = claims["exp"].as_i64().ok_or(JwtError)?;
    let now = expect.now.seconds();
    if !expect.allow_expired && now >= expires.saturating_add(LEEWAY) {
        return Err(JwtError);
    }
    if claims["iat"].as_i64().is_some_and(|issued| issued > now.saturating_add(LEEWAY))
        || claims["iss"].as_str() != Some(expect.issuer)
    {
        return Err(JwtError);
    }
    match expect.audience {
        None => Ok(()),
        Some(audience) => match &claims["aud"] {
            Value::String(one) if one == audience => Ok(()),
            Value::Array(many) if many.iter().any(|one| one == audience) => Ok(()),
            _ => Err(JwtError),
        },
    }
}
