//! Public keys as JSON Web Keys (RFC 7517) and their names (RFC 7638).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::domain::oidc::signing_key::SigningAlg;

/// The members that name a public key, and nothing else: what a thumbprint is taken of (RFC 7638, 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Required {
    /// A point on P-256, base64url.
    Ec {
        /// First coordinate.
        x: String,
        /// Second coordinate.
        y: String,
    },
    /// A point on Edwards25519 (RFC 8037, 2), base64url.
    Okp {
        /// The point.
        x: String,
    },
    /// An RSA key, base64url.
    Rsa {
        /// Modulus.
        n: String,
        /// Exponent.
        e: String,
    },
}

impl Required {
    /// From an uncompressed point (SEC 1, 2.3.3): `04 ‖ x ‖ y`.
    pub fn ec(point: &[u8]) -> Option<Self> {
        let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
        (y.len() == 32).then(|| Self::Ec { x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) })
    }

    /// From the 32 bytes of an Ed25519 key.
    pub fn okp(point: &[u8]) -> Self {
        Self::Okp { x: URL_SAFE_NO_PAD.encode(point) }
    }

    /// From modulus and exponent, big-endian without leading zeros.
    pub fn rsa(n: &[u8], e: &[u8]) -> Self {
        Self::Rsa { n: URL_SAFE_NO_PAD.encode(n), e: URL_SAFE_NO_PAD.encode(e) }
    }

    /// Of somebody's public key; none of a kind that is not served. Written anew, so that one key has one name.
    pub fn of(jwk: &Value) -> Option<Self> {
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok();
        let trimmed = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
        match jwk.get("kty")?.as_str()? {
            "EC" => Self::ec(&[&[4], &bytes("x")?[..], &bytes("y")?[..]].concat()),
            "OKP" => Some(Self::okp(&bytes("x")?)),
            "RSA" => Some(Self::rsa(&trimmed(bytes("n")?), &trimmed(bytes("e")?))),
            _ => None,
        }
    }

    /// The key's name: SHA-256 over the required members in lexicographic order, without white space (RFC 7638, 3).
    pub fn thumbprint(&self) -> String {
        // The values are base64url, so that no character of them needs an escape.
        let text = match self {
            Self::Ec { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Okp { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
    }

    /// The key as it is published.
    pub fn published(&self, alg: SigningAlg) -> Value {
        let kid = self.thumbprint();
        match self {
            Self::Ec { x, y } => {
                json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": alg.as_str(), "kid": kid})
            }
            Self::Okp { x } => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig", "alg": alg.as_str(), "kid": kid})
            }
            Self::Rsa { n, e } => json!({"kty": "RSA", "n": n, "e": e, "use": "sig", "alg": alg.as_str(), "kid": kid}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_of_rfc_7638_3_1() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = Required::Rsa { n: n.into(), e: "AQAB".into() };
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_thumbprint_of_rfc_8037_a_3() {
        let key = Required::Okp { x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into() };
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn one_key_has_one_name() {
        let plain = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "x" });
        let padded = json!({ "e": "AAEAAQ", "kty": "RSA", "n": "AAEAAQ" });
        assert_eq!(Required::of(&plain).unwrap().thumbprint(), Required::of(&padded).unwrap().thumbprint());
        for bad in [json!({ "kty": "oct", "k": "AAAA" }), json!({ "kty": "EC", "x": "AA", "y": "AA" }), json!({})] {
            assert_eq!(Required::of(&bad), None);
        }
    }

    #[test]
    fn only_an_uncompressed_point_is_one() {
        assert!(Required::ec(&[4; 65]).is_some());
        for bad in [&[4u8; 64][..], &[4; 66], &[2; 65], &[]] {
            assert_eq!(Required::ec(bad), None);
        }
    }
}
