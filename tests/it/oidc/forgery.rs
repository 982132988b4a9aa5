//! Tokens that userinfo must not take (RFC 8725). The test holds the provider's own keys, so that everything
//! but the one fault is right.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mingji::domain::oidc::signing_key::{KeyState, SigningAlg};
use mingji::keys::keyring::{Keyring, OpenedKey};
use mingji::keys::random::SystemRandom;
use mingji::keys::seal::Sealer;
use mingji::keys::signer::SigningKey;
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::client_key::ClientKey;
use crate::support::host::Host;
use crate::support::relying_party::{claims_of, part_of};

/// The provider's keyring, as somebody who broke in would have it.
async fn stolen(app: &TestApp) -> Keyring {
    let sealer = Sealer::new(&app.database.secrets());
    let keys = app.app.list_keys().await.unwrap();
    Keyring::new(
        keys.iter()
            .map(|stored| {
                let pkcs8 = sealer.unwrap_key(&stored.kid, &stored.wrapped).unwrap();
                OpenedKey { key: Arc::new(SigningKey::from_pkcs8(stored.alg, &pkcs8).unwrap()), state: stored.state }
            })
            .collect(),
    )
}

fn own_key() -> Keyring {
    let (key, _) = SigningKey::generate(SigningAlg::Es256, &SystemRandom::new()).unwrap();
    Keyring::new(vec![OpenedKey { key: Arc::new(key), state: KeyState::Active }])
}

fn signed(keyring: &Keyring, typ: &str, claims: &Value) -> String {
    keyring.sign(keyring.active(SigningAlg::Es256).unwrap(), typ, claims).unwrap()
}

/// The same token under another header, its signature left as it was.
fn with_header(token: &str, header: &Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

/// Whether a token is signed by a key, for whoever takes that key.
fn foreign_believes(key: &ClientKey, token: &str) -> bool {
    let keys = mingji::keys::foreign::PublicKeys::parse(&key.jwks()).unwrap();
    keys.verify(token, &mingji::keys::foreign::Header::read(token).unwrap()).is_ok()
}

both_engines! {
    async fn userinfo_takes_access_tokens_and_nothing_else(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.teacher().sign_in(&rp).await;
        let good = tokens.access();
        let (header, claims) = (part_of(&good, 0), claims_of(&good));
        let ours = stolen(&app).await;
        assert_eq!(rp.userinfo(&signed(&ours, "at+jwt", &claims)).await.status, 200, "the forger's tools work");

        let unsigned = with_header(&good, &json!({ "alg": "none", "typ": "at+jwt" }));
        let thief = own_key();
        // Signed after the header was written: whoever believed what the header says of the key would believe these.
        let forger = ClientKey::es256();
        let served = Host::start(forger.jwks()).await;
        let forged = |header: Value| forger.sign(header, &claims);
        let jwks = Keyring::jwks(&ours);
        let kid = header["kid"].as_str().unwrap();
        let public = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).unwrap();
        let confused = ClientKey::secret(&public.to_string()).sign(json!({ "typ": "at+jwt", "kid": kid }), &claims);
        assert!(foreign_believes(&forger, &forged(json!({ "typ": "at+jwt" }))), "the forger's tools work");
        let expires = claims["exp"].as_i64().unwrap();
        for (what, token) in [
            ("nothing", "x".to_owned()),
            ("the ID token", tokens.text("id_token")),
            ("the refresh token", tokens.refresh()),
            ("nobody's signature", format!("{}.", unsigned.rsplit_once('.').unwrap().0)),
            ("alg none", unsigned),
            ("alg HS256", confused),
            ("somebody's key", signed(&thief, "at+jwt", &claims)),
            ("an embedded key", forged(json!({ "typ": "at+jwt", "jwk": forger.jwk() }))),
            ("an embedded key under our name", forged(json!({ "typ": "at+jwt", "kid": kid, "jwk": forger.jwk() }))),
            ("a key elsewhere", forged(json!({ "typ": "at+jwt", "jku": served.url }))),
            ("a key elsewhere under our name", forged(json!({ "typ": "at+jwt", "kid": kid, "jku": served.url }))),
            ("another typ", signed(&ours, "JWT", &claims)),
            ("a logout token's typ", signed(&ours, "logout+jwt", &claims)),
            ("another issuer", signed(&ours, "at+jwt", &changed(&claims, "iss", json!("https://evil.example")))),
            ("another audience", signed(&ours, "at+jwt", &changed(&claims, "aud", json!("https://api.example")))),
            ("no audience", signed(&ours, "at+jwt", &changed(&claims, "aud", Value::Null))),
            ("exp as text", signed(&ours, "at+jwt", &changed(&claims, "exp", json!(expires.to_string())))),
            ("exp in the past", signed(&ours, "at+jwt", &changed(&claims, "exp", json!(expires - 86_400)))),
            ("no exp", signed(&ours, "at+jwt", &changed(&claims, "exp", Value::Null))),
            ("issued tomorrow", signed(&ours, "at+jwt", &changed(&claims, "iat", json!(expires + 86_400)))),
            ("a grant that is none", signed(&ours, "at+jwt", &changed(&claims, "jti", json!(URL_SAFE_NO_PAD.encode([7u8; 24]))))),
            ("a jti that is none", signed(&ours, "at+jwt", &changed(&claims, "jti", json!("AA")))),
            ("half a signature", good[..good.len() - 20].to_owned()),
        ] {
            let answer = rp.userinfo(&token).await;
            assert_eq!((answer.status, answer.error()), (401, "invalid_token"), "{what}: {answer:?}");
        }
        assert_eq!(rp.userinfo(&good).await.status, 200);
        assert_eq!(served.asked(), 0, "keys are fetched from where a header says");
    }

    async fn a_scope_that_was_added_gives_nothing(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.teacher().sign_in_with(&rp, rp.ask().with("scope", "openid")).await;
        let wider = changed(&claims_of(&tokens.access()), "scope", json!("openid profile"));
        let told = rp.userinfo(&signed(&stolen(&app).await, "at+jwt", &wider)).await;
        assert!(told.status == 200 && told.body["name"].is_null(), "the grant decides, not the token: {told:?}");
    }
}
