//! What clients sign: their public keys (RFC 7517) and compact JWS made with them, or authenticated with a secret
//! that we gave. Nothing in a header chooses the key's kind or brings a key along (RFC 8725, 3.1 and 3.10).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::JwtVerifier;
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation};
use ring::hmac;
use ring::signature::{ED25519, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};

use super::jwe::EncryptionKey;
use super::{certificate, jwt};
use crate::domain::oidc::assertion::ClientAlg;

/// No token of a client is longer; what is, is not looked at.
const LONGEST: usize = 16 * 1024;
/// A set with more keys is not a client's.
const MOST_KEYS: usize = 100;
/// Header members that bring keys along, or change what is signed.
const REFUSED_MEMBERS: &[&str] = &["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"];
/// Members of private and symmetric keys (RFC 7518, 6).
const PRIVATE_MEMBERS: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a token of a client is refused. Goes to the log; the client's answer says less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// Not a compact JWS, or too long.
    #[error("not a compact JWS")]
    Malformed,
    /// A header member that brings a key along or changes what is signed.
    #[error("a header member that is not accepted")]
    Header,
    /// An algorithm that is not served.
    #[error("an algorithm that is not served")]
    Algorithm,
    /// No key of this name and kind, or no name where there are several.
    #[error("no key of the client fits")]
    Key,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
}

/// Why a key set cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not an object with a list of keys, or too many.
    #[error("not a JWK Set")]
    Shape,
    /// It shows a private or symmetric key: whoever read it can sign.
    #[error("the JWK Set holds a private key")]
    Private,
    /// Nothing in it verifies or encrypts with an algorithm that is served.
    #[error("no key of the JWK Set can be used")]
    Empty,
}

/// The public keys of a client.
#[derive(Clone)]
pub struct PublicKeys {
    signing: Vec<PublicKey>,
    encryption: Option<EncryptionKey>,
    /// Thumbprints of the certificates that stand beside keys (RFC 7517, 4.7).
    certificates: Vec<String>,
}

#[derive(Clone)]
pub(super) struct PublicKey {
    kid: Option<String>,
    /// Where the key is pinned to one.
    alg: Option<ClientAlg>,
    kind: Kind,
    key: DecodingKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    P256,
    Rsa,
    Ed25519,
}

impl Kind {
    fn fits(self, alg: ClientAlg) -> bool {
        match alg {
            ClientAlg::Hs256 => false,
            ClientAlg::Rs256 | ClientAlg::Ps256 => self == Self::Rsa,
            ClientAlg::Es256 => self == Self::P256,
            ClientAlg::EdDsa => self == Self::Ed25519,
        }
    }
}

impl PublicKeys {
    /// Reads a JWK Set. Keys that are for something else, or of a kind that is not served, are passed over
    /// (RFC 7517, 5: "Implementations SHOULD ignore JWKs within a JWK Set that use kty values that are not understood").
    ///
    /// # Errors
    /// [`JwksError`].
    pub fn parse(set: &Value) -> Result<Self, JwksError> {
        let keys = set.get("keys").and_then(Value::as_array).ok_or(JwksError::Shape)?;
        if keys.len() > MOST_KEYS {
            return Err(JwksError::Shape);
        }
        if keys.iter().any(is_private) {
            return Err(JwksError::Private);
        }
        let signing: Vec<PublicKey> = keys.iter().filter_map(PublicKey::parse).collect();
        let encryption = keys.iter().find_map(EncryptionKey::parse);
        let certificates: Vec<String> = keys.iter().filter_map(own_certificate).collect();
        if signing.is_empty() && encryption.is_none() && certificates.is_empty() {
            Err(JwksError::Empty)
        } else {
            Ok(Self { signing, encryption, certificates })
        }
    }

    /// Whether a certificate is one of the client's (RFC 8705, 2.2.2).
    pub fn has_certificate(&self, thumbprint: &str) -> bool {
        self.certificates.iter().any(|own| own == thumbprint)
    }

    /// Whether any certificate stands beside a key.
    pub fn has_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// Whether one of them can have signed with this algorithm, with any where none is named.
    pub fn can_sign(&self, alg: Option<ClientAlg>) -> bool {
        self.signing.iter().any(|key| alg.is_none_or(|alg| key.fits(alg)))
    }

    /// The key under which the client wants to be answered, the first where there are several.
    pub fn encryption(&self) -> Option<&EncryptionKey> {
        self.encryption.as_ref()
    }

    /// Believes the signature of a token, and nothing else.
    ///
    /// # Errors
    /// [`ForeignError`]; [`ForeignError::Key`] may mean that the client has changed its keys.
    pub fn verify(&self, token: &str, header: &Header) -> Result<Map<String, Value>, ForeignError> {
        let fits = |key: &&PublicKey| key.fits(header.alg) && (header.kid.is_none() || key.kid == header.kid);
        let mut fitting = self.signing.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            // OpenID Connect Core, 10.1: with several keys "a kid value MUST be provided".
            (Some(_), Some(_)) if header.kid.is_none() => Err(ForeignError::Key),
            (Some(key), _) => claims(token, header.alg, &key.key),
            (None, _) => Err(ForeignError::Key),
        }
    }
}

/// Believes a token that is authenticated with a shared secret (HS256).
///
/// # Errors
/// [`ForeignError`].
pub fn verify_with_secret(token: &str, header: &Header, secret: &str) -> Result<Map<String, Value>, ForeignError> {
    if header.alg != ClientAlg::Hs256 {
        return Err(ForeignError::Algorithm);
    }
    claims(token, header.alg, &DecodingKey::from_secret(secret.as_bytes()))
}

/// What a header says, where it says nothing that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm; the caller compares it with what was registered.
    pub alg: ClientAlg,
    /// What kind of token it is.
    pub typ: Option<String>,
    kid: Option<String>,
}

impl Header {
    /// Reads it. Nothing in it is believed yet.
    ///
    /// # Errors
    /// [`ForeignError`].
    pub fn read(token: &str) -> Result<Self, ForeignError> {
        let members = part(token, 0)?;
        if REFUSED_MEMBERS.iter().any(|name| members.contains_key(*name)) {
            return Err(ForeignError::Header);
        }
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(ForeignError::Malformed),
        };
        let alg = text("alg")?.as_deref().and_then(ClientAlg::parse).ok_or(ForeignError::Algorithm)?;
        Ok(Self { alg, typ: text("typ")?.as_deref().map(media_type), kid: text("kid")? })
    }
}

/// `typ` in the form in which it is compared: media types know no case, and "application/" may stand before them
/// (RFC 7515, 4.1.9).
pub(super) fn media_type(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    match lower.strip_prefix("application/") {
        Some(bare) if !bare.contains('/') => bare.to_owned(),
        _ => lower,
    }
}

/// Reads a token that nobody signed: `alg` is `none`, and there is no signature (RFC 7518, 3.6).
///
/// # Errors
/// [`ForeignError`] for anything else.
pub fn unsigned(token: &str) -> Result<Map<String, Value>, ForeignError> {
    let header = part(token, 0)?;
    if header.get("alg") != Some(&Value::from("none")) || !token.ends_with('.') {
        return Err(ForeignError::Algorithm);
    }
    if REFUSED_MEMBERS.iter().any(|name| header.contains_key(*name)) {
        return Err(ForeignError::Header);
    }
    part(token, 1)
}

/// Whom a token says it is about, so that the key can be found. Believed only when the signature held.
pub fn unverified_subject(token: &str) -> Option<String> {
    part(token, 1).ok()?.get("sub")?.as_str().map(str::to_owned)
}

/// For whom a token says it is, likewise.
pub fn unverified_audience(token: &str) -> Option<String> {
    part(token, 1).ok()?.get("aud")?.as_str().map(str::to_owned)
}

/// Whether a key shows what only its owner may know.
pub(super) fn is_private(jwk: &Value) -> bool {
    PRIVATE_MEMBERS.iter().any(|member| jwk.get(member).is_some())
}

pub(super) fn part(token: &str, at: usize) -> Result<Map<String, Value>, ForeignError> {
    if token.len() > LONGEST || token.split('.').count() != 3 {
        return Err(ForeignError::Malformed);
    }
    let text = token.split('.').nth(at).ok_or(ForeignError::Malformed)?;
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| ForeignError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| ForeignError::Malformed)
}

/// Believes a token that somebody signed with this key.
pub(super) fn signed_claims(token: &str, alg: ClientAlg, key: &PublicKey) -> Result<Map<String, Value>, ForeignError> {
    claims(token, alg, &key.key)
}

fn claims(token: &str, alg: ClientAlg, key: &DecodingKey) -> Result<Map<String, Value>, ForeignError> {
    jwt::install();
    let mut rules = Validation::new(match alg {
        ClientAlg::Hs256 => Algorithm::HS256,
        ClientAlg::Rs256 => Algorithm::RS256,
        ClientAlg::Ps256 => Algorithm::PS256,
        ClientAlg::Es256 => Algorithm::ES256,
        ClientAlg::EdDsa => return claims_under_ed25519(token, key),
    });
    // What the claims must be is the caller's question; the library's clock would be the system's.
    rules.required_spec_claims.clear();
    (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
    let token = jsonwebtoken::decode::<Map<String, Value>>(token, key, &rules);
    token.map(|token| token.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => ForeignError::Signature,
        ErrorKind::InvalidAlgorithm => ForeignError::Algorithm,
        _ => ForeignError::Malformed,
    })
}

/// The same under either name of the algorithm: the library knows the older one alone.
fn claims_under_ed25519(token: &str, key: &DecodingKey) -> Result<Map<String, Value>, ForeignError> {
    let alg = part(token, 0)?.get("alg").and_then(Value::as_str).and_then(ClientAlg::parse);
    let DecodingKeyKind::SecretOrDer(point) = key.kind() else { return Err(ForeignError::Key) };
    let (message, signature) = token.rsplit_once('.').ok_or(ForeignError::Malformed)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| ForeignError::Malformed)?;
    if alg != Some(ClientAlg::EdDsa) {
        return Err(ForeignError::Algorithm);
    }
    let holds = UnparsedPublicKey::new(&ED25519, point).verify(message.as_bytes(), &signature);
    holds.map_err(|_| ForeignError::Signature)?;
    part(token, 1)
}

impl PublicKey {
    pub(super) fn fits(&self, alg: ClientAlg) -> bool {
        self.kind.fits(alg) && self.alg.is_none_or(|pinned| pinned == alg)
    }

    pub(super) fn parse(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        if text("use").is_some_and(|used| used != "sig") || !verifies(jwk.get("key_ops")) {
            return None;
        }
        let (kind, key) = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                let point = [&[4], &x[..], &y[..]].concat();
                (x.len() == 32 && y.len() == 32).then(|| (Kind::P256, DecodingKey::from_ec_der(&point)))?
            }
            ("RSA", None) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                let bits = n.iter().skip_while(|byte| **byte == 0).count() * 8;
                // RFC 7518, 3.3: "A key of size 2048 bits or larger MUST be used"; ring reads no longer ones.
                (2048..=8192).contains(&bits).then(|| (Kind::Rsa, DecodingKey::from_rsa_raw_components(&n, &e)))?
            }
            ("OKP", Some("Ed25519")) => {
                let x = bytes("x")?;
                (x.len() == 32).then(|| (Kind::Ed25519, DecodingKey::from_ed_der(&x)))?
            }
            _ => return None,
        };
        let alg = match text("alg") {
            None => None,
            Some(named) => Some(ClientAlg::parse(named).filter(|alg| kind.fits(*alg))?),
        };
        Some(Self { kid: text("kid").map(str::to_owned), alg, kind, key })
    }
}

/// RFC 7517, 4.7: the first of the chain holds the key itself; in plain base64.
fn own_certificate(jwk: &Value) -> Option<String> {
    let first = jwk.get("x5c")?.as_array()?.first()?.as_str()?;
    STANDARD.decode(first).ok().map(|der| certificate::thumbprint(&der))
}

/// RFC 7517, 4.3: a key that names operations is for those.
fn verifies(operations: Option<&Value>) -> bool {
    operations.is_none_or(|named| named.as_array().is_some_and(|named| named.iter().any(|one| one == "verify")))
}

/// The algorithms that only clients use; ours stand in [`jwt`].
pub(super) fn verifier(alg: Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    let holds: Holds = match (alg, key.kind()) {
        (Algorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            Box::new(move |message, tag| hmac::verify(&key, message, tag).is_ok())
        }
        (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => {
            let key = UnparsedPublicKey::new(&ED25519, point.clone());
            Box::new(move |message, signature| key.verify(message, signature).is_ok())
        }
        (Algorithm::PS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let key = RsaPublicKeyComponents { n: n.clone(), e: e.clone() };
            Box::new(move |message, signature| key.verify(&RSA_PSS_2048_8192_SHA256, message, signature).is_ok())
        }
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(Box::new(Check { alg, holds }))
}

type Holds = Box<dyn Fn(&[u8], &[u8]) -> bool + Send + Sync>;

struct Check {
    alg: Algorithm,
    holds: Holds,
}

impl Verifier<Vec<u8>> for Check {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        if (self.holds)(message, signature) { Ok(()) } else { Err(SignatureError::new()) }
    }
}

impl JwtVerifier for Check {
    fn algorithm(&self) -> Algorithm {
        self.alg
    }
}
