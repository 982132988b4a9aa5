//! Proofs of possession (RFC 9449, 4): the one kind of token that brings its key along. What is believed is only that
//! whoever made it has that key; whose it is, the thumbprint tells.

use serde_json::{Map, Value};

use super::foreign::{ForeignError, PublicKey, is_private, media_type, part, signed_claims};
use super::jwk::Required;
use crate::domain::oidc::assertion::ClientAlg;
use crate::domain::oidc::dpop::{ALGS, TYP};

/// Header members that name keys elsewhere, or change what is signed.
const REFUSED_MEMBERS: &[&str] = &["jku", "x5u", "x5c", "crit", "b64", "zip"];

/// A proof whose signature holds.
pub struct SignedProof {
    /// Names the key (RFC 7638).
    pub thumbprint: String,
    /// What it says.
    pub claims: Map<String, Value>,
}

/// Reads a proof (4.3, 2 to 7).
///
/// # Errors
/// [`ForeignError`].
pub fn read(token: &str) -> Result<SignedProof, ForeignError> {
    let header = part(token, 0)?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    if text("typ").map(media_type).as_deref() != Some(TYP)
        || REFUSED_MEMBERS.iter().any(|name| header.contains_key(*name))
    {
        return Err(ForeignError::Header);
    }
    let alg = text("alg").and_then(ClientAlg::parse).filter(|alg| ALGS.contains(alg)).ok_or(ForeignError::Algorithm)?;
    let jwk = header.get("jwk").filter(|jwk| !is_private(jwk)).ok_or(ForeignError::Key)?;
    let key = PublicKey::parse(jwk).filter(|key| key.fits(alg)).ok_or(ForeignError::Key)?;
    let thumbprint = Required::of(jwk).ok_or(ForeignError::Key)?.thumbprint();
    Ok(SignedProof { thumbprint, claims: signed_claims(token, alg, &key)? })
}
