//! Keys of clients, and the assertions that they make with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mingji::domain::oidc::signing_key::SigningAlg;
use mingji::domain::random::bytes;
use mingji::keys::random::SystemRandom;
use mingji::keys::signer::SigningKey;
use ring::rand::SystemRandom as RingRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};

/// A key under a name. Cheap to clone.
#[derive(Clone)]
pub struct ClientKey {
    pub kid: String,
    pub alg: &'static str,
    pair: Arc<Pair>,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
    Secret(String),
}

#[allow(clippy::disallowed_methods, reason = "a client has a generator of its own")]
fn ring_random() -> RingRandom {
    RingRandom::new()
}

pub fn fresh() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<12>(&SystemRandom::new()))
}

/// What the libraries of today call EdDSA with this curve, in headers and keys (RFC 9864).
const ED25519: &str = "Ed25519";

impl ClientKey {
    fn with(alg: &'static str, pair: Pair) -> Self {
        Self { kid: fresh(), alg, pair: Arc::new(pair) }
    }

    pub fn es256() -> Self {
        let random = ring_random();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self::with("ES256", Pair::Ec(pair))
    }

    pub fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&ring_random()).unwrap();
        Self::with("EdDSA", Pair::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()))
    }

    /// The same under the name of today.
    pub fn ed25519_of_today() -> Self {
        Self::ed25519().used_as(ED25519)
    }

    /// Signs with `RS256` or `PS256`.
    pub fn rsa(alg: &'static str) -> Self {
        let (_, pkcs8) = SigningKey::generate(SigningAlg::Rs256, &SystemRandom::new()).unwrap();
        Self::with(alg, Pair::Rsa(RsaKeyPair::from_pkcs8(&pkcs8).unwrap()))
    }

    /// A shared secret.
    pub fn secret(secret: &str) -> Self {
        Self::with("HS256", Pair::Secret(secret.to_owned()))
    }

    /// The secret itself.
    pub fn shared(&self) -> &str {
        match &*self.pair {
            Pair::Secret(secret) => secret,
            _ => panic!("no shared secret"),
        }
    }

    /// The same key, used with another algorithm.
    pub fn used_as(&self, alg: &'static str) -> Self {
        Self { alg, ..self.clone() }
    }

    /// The public half.
    pub fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &*self.pair {
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) }),
            Pair::Rsa(pair) => {
                let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({ "kty": "RSA", "n": encode(&public.n), "e": encode(&public.e) })
            }
            Pair::Secret(_) => panic!("a secret has no public half"),
        };
        if self.alg == ED25519 {
            jwk["alg"] = json!(ED25519);
        }
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The public half without a name, as a proof carries it.
    pub fn bare_jwk(&self) -> Value {
        let mut jwk = self.jwk();
        jwk.as_object_mut().unwrap().retain(|name, _| !["kid", "use", "alg"].contains(&name.as_str()));
        jwk
    }

    /// RFC 7638: the members of the bare key are the required ones, and are put in order.
    pub fn thumbprint(&self) -> String {
        let members: BTreeMap<String, Value> = serde_json::from_value(self.bare_jwk()).unwrap();
        mingji::keys::opaque::s256(&serde_json::to_string(&members).unwrap())
    }

    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk()] })
    }

    /// Header members on top of `alg` and `kid`.
    pub fn sign(&self, header: Value, claims: &Value) -> String {
        let mut whole = json!({ "alg": self.alg, "kid": self.kid });
        whole.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        whole.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let text =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(whole.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let (random, message) = (ring_random(), text.as_bytes());
        let signature = match &*self.pair {
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let padding: &dyn ring::signature::RsaEncoding =
                    if self.alg == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Secret(secret) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
                ring::hmac::sign(&key, message).as_ref().to_vec()
            }
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The claims of a good assertion, made at this second.
pub fn assertion(client_id: &str, audience: &str, now: i64) -> Value {
    json!({ "iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 60, "jti": fresh() })
}
