//! Answers that only one client can read: compact JWE (RFC 7516) with ECDH-ES on P-256 and AES-256-GCM (RFC 7518, 4.6
//! and 5.3). Only this direction: ring agrees on keys with ephemeral halves, so nothing here can decrypt.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::digest::{Context, SHA256};
use serde_json::{Map, Value, json};

use super::random::ring_generator;
use super::signer::KeyError;
use crate::domain::random::{Random, bytes};

const ALG: &str = "ECDH-ES";
const ENC: &str = "A256GCM";

/// A client's public key for what only it may read.
#[derive(Clone)]
pub struct EncryptionKey {
    kid: Option<String>,
    point: Vec<u8>,
}

impl EncryptionKey {
    /// From a JWK: P-256, for encryption, and for this algorithm where it names one. `use` may be left out (RFC 7517, 4.2)
    /// where the algorithm says what the key is for.
    pub(super) fn parse(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok().filter(|bytes| bytes.len() == 32);
        let fits = matches!((text("use"), text("alg")), (Some("enc"), None) | (Some("enc") | None, Some(ALG)));
        if !fits || text("kty") != Some("EC") || text("crv") != Some("P-256") {
            return None;
        }
        let point = [&[4], &coordinate("x")?[..], &coordinate("y")?[..]].concat();
        // What is no point on the curve would be found out with the first token, and by whoever waits for that.
        let half = EphemeralPrivateKey::generate(&ECDH_P256, ring_generator()).ok()?;
        agree_ephemeral(half, &UnparsedPublicKey::new(&ECDH_P256, &point), |_| ()).ok()?;
        Some(Self { kid: text("kid").map(str::to_owned), point })
    }

    /// Encrypts; `is_jwt` says that a token lies inside (RFC 7519, 5.2).
    ///
    /// # Errors
    /// [`KeyError::NotSigned`] when the key is no point on the curve.
    pub fn encrypt(&self, plain: &[u8], is_jwt: bool, random: &dyn Random) -> Result<String, KeyError> {
        let failed = |_| KeyError::NotSigned;
        let half = EphemeralPrivateKey::generate(&ECDH_P256, ring_generator()).map_err(failed)?;
        let public = half.compute_public_key().map_err(failed)?;
        let header = URL_SAFE_NO_PAD.encode(self.header(public.as_ref(), is_jwt)?);
        let theirs = UnparsedPublicKey::new(&ECDH_P256, &self.point);
        let key = agree_ephemeral(half, &theirs, |shared| derived(shared, ENC, b"", b"", 256)).map_err(failed)?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).map_err(failed)?);
        let nonce: [u8; NONCE_LEN] = bytes(random);
        let mut body = plain.to_vec();
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header.as_bytes()), &mut body)
            .map_err(failed)?;
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        // The second part would be a wrapped key; with direct agreement there is none.
        Ok(format!("{header}..{}.{}.{}", encode(&nonce), encode(&body), encode(tag.as_ref())))
    }

    fn header(&self, point: &[u8], is_jwt: bool) -> Result<Vec<u8>, KeyError> {
        let (x, y) = point.get(1..).and_then(|rest| rest.split_at_checked(32)).ok_or(KeyError::NotSigned)?;
        let epk = json!({
            "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        });
        let mut header =
            Map::from_iter([("alg".to_owned(), ALG.into()), ("enc".to_owned(), ENC.into()), ("epk".to_owned(), epk)]);
        if let Some(kid) = &self.kid {
            header.insert("kid".into(), kid.clone().into());
        }
        if is_jwt {
            header.insert("cty".into(), "JWT".into());
        }
        serde_json::to_vec(&header).map_err(|_| KeyError::NotSigned)
    }
}

/// The key that both sides derive (RFC 7518, 4.6.2: one round of Concat KDF, since no key is longer than a digest).
fn derived(shared: &[u8], alg: &str, apu: &[u8], apv: &[u8], bits: u32) -> Vec<u8> {
    let mut round = Context::new(&SHA256);
    round.update(&1u32.to_be_bytes());
    round.update(shared);
    for part in [alg.as_bytes(), apu, apv] {
        round.update(&u32::try_from(part.len()).unwrap_or_default().to_be_bytes());
        round.update(part);
    }
    round.update(&bits.to_be_bytes());
    let length = usize::try_from(bits / 8).unwrap_or_default();
    round.finish().as_ref().iter().copied().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_rfc_7518_appendix_c() {
        let shared = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128,
            106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let key = derived(&shared, "A128GCM", b"Alice", b"Bob", 128);
        assert_eq!(URL_SAFE_NO_PAD.encode(key), "VqqN6vgjbSBcIijNcacQGg");
    }

    #[test]
    fn only_a_key_for_encryption_is_one() {
        // RFC 7517, appendix A.1.
        let good = json!({
            "kty": "EC", "crv": "P-256", "use": "enc", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        });
        assert!(EncryptionKey::parse(&good).is_some());
        let off = "A".repeat(43);
        for (name, value) in
            [("use", "sig"), ("crv", "P-384"), ("kty", "OKP"), ("alg", "RSA-OAEP"), ("x", "AA"), ("y", off.as_str())]
        {
            let mut bad = good.clone();
            bad[name] = value.into();
            assert!(EncryptionKey::parse(&bad).is_none(), "{name}");
        }
    }
}
