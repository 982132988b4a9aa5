//! Our own tokens as compact JWS (RFC 7515, 7519): written here, read by `jsonwebtoken` on ring.
//!
//! Signing builds the three parts itself: `jsonwebtoken` takes its key through a process-wide factory, which
//! would need a global table of private keys, and a JWS that we write is two encodings and a signature.
//! Reading is where mistakes are made, so `jsonwebtoken` splits, decodes, pins the algorithm and compares
//! issuer and audience. Three things it leaves open are closed here: time (it would ask the system's clock,
//! ours is injected), `typ` (RFC 8725, 3.11) and header members that name keys or extensions.

use std::sync::Once;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey, Validation};
use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::signer::{KeyError, SigningKey};
use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::time::Timestamp;

/// No token of ours is longer; what is, is not looked at.
const LONGEST: usize = 16 * 1024;

/// How far the clocks of two replicas may differ, in seconds: a token that another one just made is not refused
/// as coming from the future. Nothing is added at the end of a token's life.
const SKEW: i64 = 30;

/// Why a token is refused. Goes to the log; the caller's answer says less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not three parts of base64url with JSON in the first two, or too long.
    #[error("not a compact JWS")]
    Malformed,
    /// A header member that we never write: `jwk`, `jku`, `x5u`, `x5c`, `crit`, `b64`, …
    #[error("a header member that we never write")]
    Header,
    /// No key of ours has this name, or it has another algorithm.
    #[error("not a key of ours")]
    Key,
    /// Another kind of token (RFC 8725, 3.11).
    #[error("another kind of token")]
    Type,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// `iss` or `aud` is another, or a claim is missing or of the wrong type.
    #[error("claims for somebody else, or malformed ones")]
    Claims,
    /// Past `exp`.
    #[error("expired")]
    Expired,
    /// Before `nbf`, or issued in the future.
    #[error("not valid yet")]
    NotYet,
}

/// What a token must be to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// Accepted values of `typ`; `None` stands for a header without it.
    pub typ: &'a [Option<&'a str>],
    /// `iss`, exactly.
    pub issuer: &'a str,
    /// `aud` is or contains this; `None` leaves the audience to the caller.
    pub audience: Option<&'a str>,
    /// The present.
    pub now: Timestamp,
    /// Whether `exp` may be over, as for `id_token_hint` (RP-Initiated Logout 1.0, 2).
    pub allow_expired: bool,
}

#[derive(Serialize)]
struct WrittenHeader<'a> {
    typ: &'a str,
    alg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

/// What a header of ours may hold; anything else is refused unread.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    typ: Option<String>,
    alg: String,
    pub(super) kid: String,
}

/// Writes a token.
///
/// # Errors
/// [`KeyError::NotSigned`].
pub(super) fn write(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
    let header = WrittenHeader { typ, alg: key.alg().as_str(), kid: Some(key.kid()) };
    finish(&header, claims, |message| key.sign(message))
}

/// Writes a token that is authenticated with a client's secret: HS256, whose key is the secret's text (OpenID Connect
/// Core, 10.1).
///
/// # Errors
/// [`KeyError::NotSigned`].
pub fn write_with_secret(secret: &str, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let header = WrittenHeader { typ, alg: "HS256", kid: None };
    finish(&header, claims, |message| Ok(hmac::sign(&key, message).as_ref().to_vec()))
}

fn finish(
    header: &WrittenHeader<'_>,
    claims: &impl Serialize,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, KeyError>,
) -> Result<String, KeyError> {
    let mut token = URL_SAFE_NO_PAD.encode(part(header)?);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(part(claims)?, &mut token);
    let signature = sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

fn part(value: &impl Serialize) -> Result<Vec<u8>, KeyError> {
    serde_json::to_vec(value).map_err(|_| KeyError::NotSigned)
}

/// Reads the header, so that the key can be found. Nothing in it is believed yet.
pub(super) fn header(token: &str) -> Result<Header, JwtError> {
    if token.len() > LONGEST {
        return Err(JwtError::Malformed);
    }
    let mut parts = token.split('.');
    let (Some(first), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(JwtError::Malformed);
    };
    let json = URL_SAFE_NO_PAD.decode(first).map_err(|_| JwtError::Malformed)?;
    let members: Map<String, Value> = serde_json::from_slice(&json).map_err(|_| JwtError::Malformed)?;
    // Read from the text again, not from the map: a member that stands twice is an error there.
    serde_json::from_slice(&json)
        .map_err(|_| if members.contains_key("kid") { JwtError::Header } else { JwtError::Key })
}

/// `typ` of an access token (RFC 9068, 2.1).
pub const ACCESS: &str = "at+jwt";

/// A token whose signature held.
#[derive(Debug)]
pub(super) struct Believed {
    typ: Option<String>,
    claims: Value,
}

impl Believed {
    /// One that was just made.
    pub(super) fn access(claims: Value) -> Self {
        Self { typ: Some(ACCESS.to_owned()), claims }
    }

    pub(super) fn is_access(&self) -> bool {
        self.typ.as_deref() == Some(ACCESS)
    }

    /// Its claims, if it is what is looked for: kind, issuer, audience and time are compared each time.
    ///
    /// # Errors
    /// [`JwtError`].
    pub(super) fn as_expected(&self, expect: &Expect<'_>) -> Result<Value, JwtError> {
        if !expect.typ.contains(&self.typ.as_deref()) {
            return Err(JwtError::Type);
        }
        let is = |claim: Option<&Value>, wanted: &str| claim.and_then(Value::as_str) == Some(wanted);
        let audience = self.claims.get("aud");
        let is_for = |wanted: &str| match audience {
            Some(Value::Array(several)) => several.iter().any(|one| is(Some(one), wanted)),
            one => is(one, wanted),
        };
        if !is(self.claims.get("iss"), expect.issuer) || expect.audience.is_some_and(|wanted| !is_for(wanted)) {
            return Err(JwtError::Claims);
        }
        check_time(&self.claims, expect)?;
        Ok(self.claims.clone())
    }
}

/// Checks the signature of a token under this key, and whether it is what is looked for as far as the library tells.
///
/// # Errors
/// [`JwtError`].
pub(super) fn read(token: &str, header: Header, key: &SigningKey, expect: &Expect<'_>) -> Result<Believed, JwtError> {
    // RFC 8725, 3.1: the algorithm is the key's, whatever the token says.
    if header.alg != key.alg().as_str() {
        return Err(JwtError::Key);
    }
    if !expect.typ.contains(&header.typ.as_deref()) {
        return Err(JwtError::Type);
    }
    install();
    let claims = jsonwebtoken::decode::<Map<String, Value>>(token, key.verifies(), &validation(key.alg(), expect))
        .map_err(|error| refusal(error.kind()))?
        .claims;
    Ok(Believed { typ: header.typ, claims: Value::Object(claims) })
}

fn validation(alg: SigningAlg, expect: &Expect<'_>) -> Validation {
    let mut rules = Validation::new(algorithm(alg));
    rules.set_issuer(&[expect.issuer]);
    rules.set_required_spec_claims(&["iss", "exp"]);
    // Its clock is the system's; ours is asked below.
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = expect.audience.is_some();
    if let Some(audience) = expect.audience {
        rules.set_audience(&[audience]);
        rules.required_spec_claims.insert("aud".into());
    }
    rules
}

fn refusal(kind: &ErrorKind) -> JwtError {
    match kind {
        ErrorKind::InvalidSignature => JwtError::Signature,
        ErrorKind::InvalidAlgorithm => JwtError::Key,
        ErrorKind::Base64(_) | ErrorKind::Json(_) | ErrorKind::Utf8(_) | ErrorKind::InvalidToken => JwtError::Malformed,
        _ => JwtError::Claims,
    }
}

/// RFC 7519, 4.1.4: "on or after which the JWT MUST NOT be accepted"; 4.1.5 for `nbf`.
fn check_time(claims: &Value, expect: &Expect<'_>) -> Result<(), JwtError> {
    let now = expect.now.seconds();
    let moment = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or(JwtError::Claims),
    };
    let expires = moment("exp")?.ok_or(JwtError::Claims)?;
    if now >= expires && !expect.allow_expired {
        return Err(JwtError::Expired);
    }
    for name in ["nbf", "iat"] {
        if moment(name)?.is_some_and(|from| from > now.saturating_add(SKEW)) {
            return Err(JwtError::NotYet);
        }
    }
    Ok(())
}

fn algorithm(alg: SigningAlg) -> Algorithm {
    match alg {
        SigningAlg::Es256 => Algorithm::ES256,
        SigningAlg::Rs256 => Algorithm::RS256,
        SigningAlg::Ps256 => Algorithm::PS256,
        SigningAlg::EdDsa => Algorithm::EdDSA,
    }
}

/// `jsonwebtoken` without a provider panics, and after that none can be installed for ever: so it is done in
/// the one place that leads there. Another provider, installed before, would be as good: it holds no keys.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| _ = RING.install_default());
}

/// Verification on ring. There is no signer in it (see the top of the file).
static RING: CryptoProvider =
    CryptoProvider { signer_factory: no_signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

fn no_signer(_: &Algorithm, _: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn verifier(alg: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    match (alg, key.kind()) {
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => Ok(Box::new(Es256(point.clone()))),
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            Ok(Box::new(Rs256(RsaPublicKeyComponents { n: n.clone(), e: e.clone() })))
        }
        _ => super::foreign::verifier(*alg, key),
    }
}

struct Es256(Vec<u8>);

impl Verifier<Vec<u8>> for Es256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0);
        key.verify(message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

struct Rs256(RsaPublicKeyComponents<Vec<u8>>);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.0.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}
