//! Root secrets on disk and in a backup, and our own tokens from outside: what a thief, a vendor's library and a
//! second replica may try.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mingji::domain::oidc::signing_key::{KeyState, SigningAlg};
use mingji::domain::time::Timestamp;
use mingji::keys::jwt::{Expect, JwtError};
use mingji::keys::keyring::{Keyring, OpenedKey};
use mingji::keys::random::SystemRandom;
use mingji::keys::root::{NAMES, RootError, RootSecrets};
use mingji::keys::seal::Sealer;
use mingji::keys::signer::{KeyError, SigningKey};
use openidconnect::JsonWebKey as _;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use proptest::prelude::*;
use serde_json::{Value, json};

const ISSUER: &str = "https://id.edu.example";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// RSA keys take their time: all tests share these.
static KEYS: LazyLock<Vec<Arc<SigningKey>>> =
    LazyLock::new(|| SigningAlg::ALL.into_iter().map(|alg| Arc::new(made(alg))).collect());

fn made(alg: SigningAlg) -> SigningKey {
    SigningKey::generate(alg, &SystemRandom::new()).unwrap().0
}

fn keyring() -> Keyring {
    Keyring::new(KEYS.iter().map(|key| OpenedKey { key: key.clone(), state: KeyState::Active }).collect())
}

fn expect() -> Expect<'static> {
    Expect { typ: &[Some("at+jwt")], issuer: ISSUER, audience: Some("api"), now: NOW, allow_expired: false }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": ["web", "api"], "sub": "名", "iat": NOW.seconds(), "exp": NOW.seconds() + 300})
}

fn signed(claims: &Value) -> String {
    keyring().sign(&KEYS[0], "at+jwt", claims).unwrap()
}

/// A token of our key under another header: what a signature alone does not protect from.
fn signed_under(header: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(&claims()));
    let signature = KEYS[0].sign(message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_token_is_believed_whichever_key_signed_it() {
    let ring = keyring();
    for alg in SigningAlg::ALL {
        let key = ring.active(alg).unwrap();
        let token = ring.sign(key, "at+jwt", &claims()).unwrap();
        assert_eq!(ring.verify(&token, &expect()), Ok(claims()), "{alg}");
    }
}

/// Its signature is remembered, and nothing else about it.
#[test]
fn what_was_believed_is_still_looked_at() {
    let (ring, key) = (keyring(), KEYS[0].clone());
    let made = ring.sign_access(&key, claims()).unwrap();
    let read = signed(&claims());
    for token in [&made, &read] {
        for _ in 0..2 {
            assert_eq!(ring.verify(token, &expect()), Ok(claims()));
        }
        let later = Expect { now: Timestamp::from_seconds(NOW.seconds() + 300), ..expect() };
        assert_eq!(ring.verify(token, &later), Err(JwtError::Expired));
        assert_eq!(ring.verify(token, &Expect { typ: &[Some("JWT")], ..expect() }), Err(JwtError::Type));
        assert_eq!(ring.verify(token, &Expect { audience: Some("another"), ..expect() }), Err(JwtError::Claims));
        assert_eq!(
            ring.verify(token, &Expect { issuer: "https://another.example", ..expect() }),
            Err(JwtError::Claims)
        );
        let (body, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[0] ^= 1;
        let forged = format!("{body}.{}", URL_SAFE_NO_PAD.encode(&bytes));
        assert_eq!(ring.verify(&forged, &expect()), Err(JwtError::Signature));
        assert_eq!(ring.verify(&format!("{body}."), &expect()), Err(JwtError::Signature));
    }
    assert_eq!(Keyring::new(Vec::new()).verify(&made, &expect()), Err(JwtError::Key), "the keys take it with them");
}

#[test]
fn another_library_believes_it_with_the_published_key() {
    let ring = keyring();
    let jwks = ring.jwks();
    for (alg, theirs) in [
        (SigningAlg::Es256, CoreJwsSigningAlgorithm::EcdsaP256Sha256),
        (SigningAlg::Rs256, CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256),
        (SigningAlg::Ps256, CoreJwsSigningAlgorithm::RsaSsaPssSha256),
        (SigningAlg::EdDsa, CoreJwsSigningAlgorithm::EdDsa),
    ] {
        let key = ring.active(alg).unwrap();
        let jwk = jwks["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == key.kid()).unwrap();
        assert_eq!((&jwk["use"], &jwk["alg"]), (&json!("sig"), &json!(alg.as_str())));
        let private = ["d", "p", "q", "dp", "dq", "qi", "k"].into_iter().find(|member| jwk.get(member).is_some());
        assert_eq!(private, None, "{alg}: only the public half is published");
        let token = ring.sign(key, "JWT", &claims()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let jwk: CoreJsonWebKey = serde_json::from_value(jwk.clone()).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        jwk.verify_signature(&theirs, message.as_bytes(), &signature).unwrap();
    }
}

#[test]
fn a_rotation_signs_nobody_out() {
    let (old, new) = (KEYS[0].clone(), Arc::new(made(SigningAlg::Es256)));
    let ring = |old_state, new_state| {
        let opened = |key: &Arc<SigningKey>, state| OpenedKey { key: key.clone(), state };
        Keyring::new(vec![opened(&old, old_state), opened(&new, new_state)])
    };
    let (before, after) = (ring(KeyState::Active, KeyState::Next), ring(KeyState::Retired, KeyState::Active));
    assert_eq!(before.jwks(), after.jwks(), "the next key is published before its first token");
    let early = before.sign(before.active(SigningAlg::Es256).unwrap(), "at+jwt", &claims()).unwrap();
    let late = after.sign(after.active(SigningAlg::Es256).unwrap(), "at+jwt", &claims()).unwrap();
    assert!(after.verify(&early, &expect()).is_ok(), "what the retired key signed lives on");
    assert!(before.verify(&late, &expect()).is_ok(), "a replica that has not heard of the rotation yet");
    assert_eq!(Keyring::new(Vec::new()).verify(&early, &expect()), Err(JwtError::Key));
    assert!(ring(KeyState::Retired, KeyState::Next).active(SigningAlg::Es256).is_none());
}

#[test]
fn the_header_cannot_choose_how_it_is_believed() {
    let kid = KEYS[0].kid();
    let good = json!({"typ": "at+jwt", "alg": "ES256", "kid": kid});
    assert!(keyring().verify(&signed_under(&good), &expect()).is_ok());
    let jwk = KEYS[0].public_jwk();
    for (member, value) in [
        ("jwk", jwk),
        ("jku", json!("https://thief.example/keys")),
        ("x5u", json!("https://thief.example/chain")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let mut header = good.clone();
        header[member] = value;
        assert_eq!(keyring().verify(&signed_under(&header), &expect()), Err(JwtError::Header), "{member}");
    }
    for alg in ["none", "None", "HS256", "RS256", "ES384", ""] {
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": kid});
        assert_eq!(keyring().verify(&signed_under(&header), &expect()), Err(JwtError::Key), "{alg}");
    }
    for header in [json!({"typ": "at+jwt", "alg": "ES256"}), json!({"typ": "at+jwt", "alg": "ES256", "kid": "other"})] {
        assert_eq!(keyring().verify(&signed_under(&header), &expect()), Err(JwtError::Key), "{header}");
    }
    for header in [json!({"alg": "ES256", "kid": kid}), json!({"typ": "JWT", "alg": "ES256", "kid": kid})] {
        assert_eq!(keyring().verify(&signed_under(&header), &expect()), Err(JwtError::Type), "{header}");
    }
}

/// The public key as an HMAC secret: the oldest trick (RFC 8725, 2.1).
#[test]
fn a_public_key_is_no_shared_secret() {
    for key in KEYS.iter() {
        let header = json!({"typ": "at+jwt", "alg": "HS256", "kid": key.kid()}).to_string();
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims().to_string()));
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.public_jwk().to_string().as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(ring::hmac::sign(&secret, message.as_bytes())));
        assert_eq!(keyring().verify(&token, &expect()), Err(JwtError::Key), "{}", key.alg());
    }
}

#[test]
fn claims_are_for_us_for_them_and_for_now() {
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        keyring().verify(&signed(&claims), &expect())
    };
    assert!(with("aud", json!("api")).is_ok());
    for (name, value) in [
        ("aud", json!("other")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("iss", json!("https://thief.example")),
        ("iss", json!([ISSUER, "https://thief.example"])),
        ("iss", Value::Null),
        ("exp", json!((NOW.seconds() + 300).to_string())),
        ("exp", json!(1.8e9)),
        ("exp", Value::Null),
        ("nbf", json!("0")),
    ] {
        assert_eq!(with(name, value.clone()), Err(JwtError::Claims), "{name} {value}");
    }
    for name in ["nbf", "iat"] {
        assert!(with(name, json!(NOW.seconds() + 5)).is_ok(), "the clock of another replica");
        assert_eq!(with(name, json!(NOW.seconds() + 120)), Err(JwtError::NotYet), "{name}");
    }
    assert_eq!(with("exp", json!(NOW.seconds())), Err(JwtError::Expired), "on or after (RFC 7519, 4.1.4)");
    assert!(with("exp", json!(NOW.seconds() + 1)).is_ok());
    let mut old = claims();
    old["exp"] = json!(NOW.seconds() - 86_400);
    let hint = Expect { allow_expired: true, audience: None, ..expect() };
    assert_eq!(keyring().verify(&signed(&old), &hint), Ok(old));
}

proptest! {
    #[test]
    fn a_changed_token_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..6) {
        let token = signed(&claims());
        let mut changed = token.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        prop_assert!(keyring().verify(&String::from_utf8_lossy(&changed), &expect()).is_err());
    }

    #[test]
    fn nothing_that_is_no_token_is_believed(text in "[A-Za-z0-9_.=-]{0,200}|\\PC{0,60}") {
        prop_assert!(keyring().verify(&text, &expect()).is_err());
    }
}

#[test]
fn a_token_of_any_length_is_answered() {
    assert_eq!(keyring().verify(&"a".repeat(1 << 20), &expect()), Err(JwtError::Malformed));
    for text in ["", ".", "..", "...", "e30.e30.", "e30.e30"] {
        assert!(keyring().verify(text, &expect()).is_err(), "{text}");
    }
}

#[test]
fn a_signing_key_survives_its_wrapping_and_no_other_root_secret_opens_it() {
    let random = SystemRandom::new();
    let secrets = RootSecrets::generate(&random);
    for alg in SigningAlg::ALL {
        let (key, pkcs8) = SigningKey::generate(alg, &random).unwrap();
        let wrapped = Sealer::new(&secrets).wrap_key(key.kid(), &pkcs8, &random).unwrap();
        let again = Sealer::new(&secrets.clone()).unwrap_key(key.kid(), &wrapped).unwrap();
        assert_eq!(SigningKey::from_pkcs8(alg, &again).unwrap().kid(), key.kid());
        assert!(Sealer::new(&secrets).unwrap_key("another", &wrapped).is_err());
        assert!(Sealer::new(&RootSecrets::generate(&random)).unwrap_key(key.kid(), &wrapped).is_err());
        let other = if alg == SigningAlg::Es256 { SigningAlg::Rs256 } else { SigningAlg::Es256 };
        assert_eq!(SigningKey::from_pkcs8(other, &pkcs8).err(), Some(KeyError::Unreadable));
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("SigningKey({alg} {})", key.kid()));
    }
}

#[test]
fn root_secrets_are_written_once_for_their_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("keys");
    assert!(RootSecrets::load(&dir).unwrap().is_none());
    let secrets = RootSecrets::generate(&SystemRandom::new());
    secrets.write(&dir).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for name in NAMES {
        let file = dir.join(format!("{name}.key"));
        assert_eq!(mode(&file), 0o600);
        assert!(fs::read_to_string(&file).unwrap().starts_with("# Mingji"), "an operator recognises it");
    }
    assert_eq!(RootSecrets::load(&dir).unwrap().unwrap().fingerprints(), secrets.fingerprints());
    let other = RootSecrets::generate(&SystemRandom::new());
    assert!(matches!(other.write(&dir), Err(RootError::Exists(_))));
    assert_eq!(RootSecrets::load(&dir).unwrap().unwrap().fingerprints(), secrets.fingerprints());
    assert_eq!(format!("{secrets:?}"), "RootSecrets([redacted])");
}

#[test]
fn root_secrets_that_cannot_be_trusted_stop_the_start() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    RootSecrets::generate(&SystemRandom::new()).write(dir).unwrap();
    let file = dir.join("seal.key");
    for wide in [0o640, 0o604, 0o620] {
        fs::set_permissions(&file, fs::Permissions::from_mode(wide)).unwrap();
        let error = RootSecrets::load(dir).unwrap_err();
        assert!(matches!(error, RootError::Readable(_)) && error.to_string().contains("chmod 600"), "{error}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for damaged in ["", "# only a comment\n", "abcd\n", "zz".repeat(32).as_str(), "ab".repeat(33).as_str()] {
        fs::write(&file, damaged).unwrap();
        assert!(matches!(RootSecrets::load(dir), Err(RootError::Damaged(_))), "{damaged:?}");
    }
    fs::remove_file(&file).unwrap();
    let error = RootSecrets::load(dir).unwrap_err();
    assert!(matches!(error, RootError::Incomplete(_)) && error.to_string().contains("keys restore"), "{error}");
}

#[test]
fn a_backup_opens_with_its_passphrase_alone() {
    let random = SystemRandom::new();
    let secrets = RootSecrets::generate(&random);
    let text = secrets.backup("梅花香自苦寒来", &random).unwrap();
    assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 64), "it survives a printer");
    let restored = RootSecrets::restore(&text.replace('\n', "\r\n"), "梅花香自苦寒来").unwrap();
    assert_eq!(restored.fingerprints(), secrets.fingerprints());
    assert!(matches!(RootSecrets::restore(&text, "another"), Err(RootError::Backup)));
    let body = text.find('\n').unwrap() + 40;
    let changed = if text.as_bytes()[body] == b'A' { "B" } else { "A" };
    let mut damaged = text.clone();
    damaged.replace_range(body..=body, changed);
    assert!(matches!(RootSecrets::restore(&damaged, "梅花香自苦寒来"), Err(RootError::Backup)));
    assert!(matches!(RootSecrets::restore("no backup", "x"), Err(RootError::Backup)));
    assert_ne!(text, secrets.backup("梅花香自苦寒来", &random).unwrap(), "salt and nonce are fresh");
}
