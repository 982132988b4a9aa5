//! Private signing keys, parsed once. ring signs; it cannot make RSA keys, so the `rsa` crate does
//! (ruling R2), and nothing else is done with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::random::Random;

const RSA_BITS: usize = 2048;

/// A key cannot be made, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing key cannot be used")]
pub struct KeyError;

/// A parsed private key.
pub struct SigningKey {
    pair: Pair,
    kid: String,
    jwk: Value,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// The injected generator, as the `rsa` crate wants it.
struct Source<'a>(&'a dyn Random);

impl rand_core::RngCore for Source<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }
    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::CryptoRng for Source<'_> {}

impl SigningKey {
    /// A fresh key and its PKCS#8 form. RSA takes its time: never on the start-up path.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn generate(alg: SigningAlg, random: &dyn Random) -> Result<(Self, Zeroizing<Vec<u8>>), KeyError> {
        let pkcs8 = match alg {
            SigningAlg::Es256 => {
                let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &ring_random())
                    .map_err(|_| KeyError)?;
                Zeroizing::new(made.as_ref().to_vec())
            }
            SigningAlg::Rs256 => {
                let made = rsa::RsaPrivateKey::new(&mut Source(random), RSA_BITS).map_err(|_| KeyError)?;
                Zeroizing::new(made.to_pkcs8_der().map_err(|_| KeyError)?.as_bytes().to_vec())
            }
        };
        Ok((Self::from_pkcs8(alg, &pkcs8)?, pkcs8))
    }

    /// Parses a stored key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8(alg: SigningAlg, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let (pair, members) = match alg {
            SigningAlg::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &ring_random())
                    .map_err(|_| KeyError)?;
                // Uncompressed point (SEC 1, 2.3.3): 04 ‖ x ‖ y.
                let point = pair.public_key().as_ref();
                let (x, y) = point.get(1..33).zip(point.get(33..65)).ok_or(KeyError)?;
                // RFC 7638, 3.2: the required members in lexicographic order; serde_json's map sorts them.
                let members = json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) });
                (Pair::Ec(pair), members)
            }
            SigningAlg::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError)?;
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                let members = json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(&public.n), "e": URL_SAFE_NO_PAD.encode(&public.e) });
                (Pair::Rsa(Box::new(pair)), members)
            }
        };
        let kid = thumbprint(&members);
        let mut jwk = members;
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(alg.as_str());
        jwk["kid"] = json!(kid);
        Ok(Self { pair, kid, jwk })
    }

    /// Its RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    pub fn alg(&self) -> SigningAlg {
        match self.pair {
            Pair::Ec(_) => SigningAlg::Es256,
            Pair::Rsa(_) => SigningAlg::Rs256,
        }
    }

    /// What everybody may know (RFC 7517).
    pub fn public_jwk(&self) -> Value {
        self.jwk.clone()
    }

    /// The public key as ring verifies with it.
    pub(super) fn public_bytes(&self) -> &[u8] {
        match &self.pair {
            Pair::Ec(pair) => pair.public_key().as_ref(),
            Pair::Rsa(pair) => pair.public_key().as_ref(),
        }
    }

    /// Signs.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = ring_random();
        match &self.pair {
            Pair::Ec(pair) => Ok(pair.sign(&random, message).map_err(|_| KeyError)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| KeyError)?;
                Ok(signature)
            }
        }
    }
}

/// RFC 7638, 3.
fn thumbprint(members: &Value) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.to_string().as_bytes()))
}

#[allow(
    clippy::disallowed_methods,
    reason = "ring's signing functions take no other generator than its own (SecureRandom is sealed)"
)]
fn ring_random() -> SystemRandom {
    SystemRandom::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        assert_eq!(
            thumbprint(&json!({ "kty": "RSA", "n": n, "e": "AQAB" })),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}
