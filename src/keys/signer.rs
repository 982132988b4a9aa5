//! Private signing keys, parsed once. ring signs; it cannot make RSA keys, so the `rsa` crate makes them and
//! never signs with them (RUSTSEC-2023-0071 is about its private operations).

use std::fmt;

use jsonwebtoken::DecodingKey;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::Value;
use zeroize::Zeroizing;

use super::jwk::Required;
use super::random;
use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::random::Random;

const RSA_BITS: usize = 2048;

/// A key that cannot be made, read or used. Says nothing about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no PKCS#8 document of this algorithm.
    #[error("the bytes are no private key of this algorithm")]
    Unreadable,
    /// No key came out of the generator.
    #[error("no signing key could be made")]
    NotMade,
    /// The key does not sign, or what it should sign has no JSON form.
    #[error("nothing was signed")]
    NotSigned,
}

/// A private key with its name and its public half.
pub struct SigningKey {
    kid: String,
    alg: SigningAlg,
    pair: Pair,
    public_jwk: Value,
    verifies: DecodingKey,
}

enum Pair {
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
}

impl SigningKey {
    /// Makes a key and its PKCS#8 form. RSA takes up to seconds, so call it where blocking is allowed. ring
    /// draws the secret of an ES256 or EdDSA key itself (its generator trait is sealed); `random` makes the primes.
    ///
    /// # Errors
    /// [`KeyError::NotMade`].
    pub fn generate(alg: SigningAlg, random: &dyn Random) -> Result<(Self, Zeroizing<Vec<u8>>), KeyError> {
        let pkcs8 = match alg {
            SigningAlg::Es256 => {
                let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, random::ring_generator())
                    .map_err(|_| KeyError::NotMade)?;
                Zeroizing::new(document.as_ref().to_vec())
            }
            SigningAlg::EdDsa => {
                let document =
                    Ed25519KeyPair::generate_pkcs8(random::ring_generator()).map_err(|_| KeyError::NotMade)?;
                Zeroizing::new(document.as_ref().to_vec())
            }
            SigningAlg::Rs256 | SigningAlg::Ps256 => {
                let key = rsa::RsaPrivateKey::new(&mut Primes(random), RSA_BITS).map_err(|_| KeyError::NotMade)?;
                key.to_pkcs8_der().map_err(|_| KeyError::NotMade)?.to_bytes()
            }
        };
        Ok((Self::from_pkcs8(alg, &pkcs8)?, pkcs8))
    }

    /// Reads a key (PKCS#8, RFC 5958). ring checks that its halves belong together.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    pub fn from_pkcs8(alg: SigningAlg, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let (pair, public, verifies) = match alg {
            SigningAlg::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, random::ring_generator())
                    .map_err(|_| KeyError::Unreadable)?;
                let point = pair.public_key().as_ref().to_vec();
                let public = Required::ec(&point).ok_or(KeyError::Unreadable)?;
                (Pair::Es256(Box::new(pair)), public, DecodingKey::from_ec_der(&point))
            }
            SigningAlg::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Unreadable)?;
                let point = pair.public_key().as_ref().to_vec();
                (Pair::EdDsa(Box::new(pair)), Required::okp(&point), DecodingKey::from_ed_der(&point))
            }
            SigningAlg::Rs256 | SigningAlg::Ps256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Unreadable)?;
                let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
                let padding: &'static dyn RsaEncoding =
                    if alg == SigningAlg::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let verifies = DecodingKey::from_rsa_raw_components(&n, &e);
                (Pair::Rsa(Box::new(pair), padding), Required::rsa(&n, &e), verifies)
            }
        };
        Ok(Self { kid: public.thumbprint(), alg, pair, public_jwk: public.published(alg), verifies })
    }

    /// The key's name: its thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it signs with.
    pub fn alg(&self) -> SigningAlg {
        self.alg
    }

    /// The public half, with `use`, `alg` and `kid` (RFC 7517, 4).
    pub fn public_jwk(&self) -> Value {
        self.public_jwk.clone()
    }

    /// The public half for whoever verifies.
    pub(super) fn verifies(&self) -> &DecodingKey {
        &self.verifies
    }

    /// Signs bytes; ES256 as `R ‖ S` (RFC 7518, 3.4).
    ///
    /// # Errors
    /// [`KeyError::NotSigned`], which no message causes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let generator = random::ring_generator();
        match &self.pair {
            Pair::Es256(pair) => pair
                .sign(generator, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::NotSigned),
            Pair::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*padding, generator, message, &mut signature).map_err(|_| KeyError::NotSigned)?;
                Ok(signature)
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.alg, self.kid)
    }
}

/// Our generator as the `rsa` crate wants it.
struct Primes<'a>(&'a dyn Random);

impl rand_core::RngCore for Primes<'_> {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::CryptoRng for Primes<'_> {}
