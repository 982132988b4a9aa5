//! Answers that only one client can read (OpenID Connect Core, 10.2; RFC 7516).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom as RingRandom;
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::client_key::ClientKey;
use crate::support::database::select_texts;
use crate::support::host::Host;
use crate::support::receiver::Receiver;
use crate::support::relying_party::{RelyingParty, claims_of, part_of};

/// A client's private key, which ring lets be used once.
struct Once(EphemeralPrivateKey);

impl Once {
    #[allow(clippy::disallowed_methods, reason = "a client has a generator of its own")]
    fn new() -> Self {
        Self(EphemeralPrivateKey::generate(&ECDH_P256, &RingRandom::new()).unwrap())
    }

    fn jwk(&self) -> Value {
        let public = self.0.compute_public_key().unwrap();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = public.as_ref()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "use": "enc", "kid": "mine", "x": encode(x), "y": encode(y) })
    }

    /// Opens a token as RFC 7516, 5.2 says, apart from what the provider does.
    fn open(self, jwe: &str) -> Vec<u8> {
        let header = part_of(jwe, 0);
        assert_eq!(
            (&header["alg"], &header["enc"], &header["kid"]),
            (&json!("ECDH-ES"), &json!("A256GCM"), &json!("mine"))
        );
        let parts: Vec<&str> = jwe.split('.').collect();
        assert!(parts.len() == 5 && parts[1].is_empty(), "direct agreement wraps no key");
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let coordinate = |name: &str| bytes(header["epk"][name].as_str().unwrap());
        let point = [&[4u8][..], &coordinate("x"), &coordinate("y")].concat();
        let key = agree_ephemeral(self.0, &UnparsedPublicKey::new(&ECDH_P256, point), |shared| {
            let info = [&[0, 0, 0, 1], shared, &[0, 0, 0, 7], b"A256GCM", &[0; 8], &[0, 0, 1, 0]].concat();
            digest(&SHA256, &info)
        });
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.unwrap().as_ref()).unwrap());
        let mut body = [bytes(parts[3]), bytes(parts[4])].concat();
        let nonce = Nonce::try_assume_unique_for_key(&bytes(parts[2])).unwrap();
        key.open_in_place(nonce, Aad::from(parts[0].as_bytes()), &mut body).unwrap().to_vec()
    }
}

async fn encrypted(app: &TestApp, key: &Once, own: Value) -> RelyingParty {
    let mut metadata = json!({ "jwks": { "keys": [ClientKey::es256().jwk(), key.jwk()] } });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    app.register(metadata).await
}

async fn told(rp: &RelyingParty, access: &str) -> String {
    let response = rp.app.http.get(rp.app.at("/userinfo")).bearer_auth(access).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
        (200, "application/jwt")
    );
    response.text().await.unwrap()
}

both_engines! {
    /// "If ID Token encryption was negotiated […] and the Logout Token is not encrypted, the RP SHOULD reject it" (Back-Channel
    /// Logout 1.0, 2.6).
    async fn a_logout_token_is_for_its_client_alone(app: TestApp) {
        let (key, receiver) = (Once::new(), Receiver::start().await);
        let own = json!({
            "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM",
            "id_token_signed_response_alg": "ES256", "backchannel_logout_uri": receiver.url,
        });
        let rp = encrypted(&app, &key, own).await;
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        let jwe = receiver.wait_for(1).await.remove(0);
        let inner = String::from_utf8(key.open(&jwe)).unwrap();
        assert_eq!(part_of(&inner, 0)["typ"], "logout+jwt");
        let claims = crate::oidc::backchannel::verified(&app, &inner).await;
        assert!(claims["events"].is_object() && claims["aud"] == rp.id.as_str(), "{claims}");
    }

    async fn keys_that_cannot_do_what_is_registered_are_refused(app: TestApp) {
        let (sign, seal) = (ClientKey::es256().jwk(), Once::new().jwk());
        let sealed = json!({ "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM" });
        let with = |own: &Value, keys: &[&Value]| {
            let mut metadata = json!({ "redirect_uris": ["https://rp.example/cb"], "jwks": { "keys": keys } });
            metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            metadata
        };
        let proves = json!({ "token_endpoint_auth_method": "private_key_jwt" });
        let pinned = json!({ "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256" });
        let mut named = seal.clone();
        named.as_object_mut().unwrap().remove("use");
        let bare = named.clone();
        named["alg"] = json!("ECDH-ES");
        for (metadata, taken) in [
            (with(&sealed, &[&sign]), false),
            (with(&sealed, &[&bare]), false),
            (with(&sealed, &[&sign, &named]), true),
            (with(&proves, &[&seal]), false),
            (with(&pinned, &[&sign]), false),
            (with(&proves, &[&sign]), true),
        ] {
            let token = crate::oidc::registration::initial_token(&app, 1).await;
            let answer = crate::oidc::registration::register(&app, Some(&token), metadata.clone()).await;
            assert_eq!(answer.status == 201, taken, "{metadata} {answer:?}");
        }
    }

    async fn an_id_token_is_signed_and_then_sealed_to_its_client(app: TestApp) {
        let key = Once::new();
        let own = json!({ "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM" });
        let rp = encrypted(&app, &key, own).await;
        let mut teacher = app.teacher();
        let ask = rp.ask();
        let tokens = teacher.sign_in_with(&rp, ask.clone()).await;
        let jwe = tokens.text("id_token");
        assert_eq!(part_of(&jwe, 0)["cty"], "JWT");
        let jws = String::from_utf8(key.open(&jwe)).unwrap();
        assert_eq!(claims_of(&jws)["nonce"], ask.get("nonce"));
        assert_eq!(part_of(&jws, 0)["alg"], "ES256");
        // What it decrypted is a hint; what only it can read is none here.
        let silent = |hint: &str| rp.url(&rp.ask().with("id_token_hint", hint).with("prompt", "none"));
        assert!(teacher.browser.open(&silent(&jws)).await.answer().contains_key("code"));
        assert_eq!(teacher.browser.open(&silent(&jwe)).await.answer()["error"], "invalid_request");
    }

    async fn userinfo_is_sealed_with_or_without_a_signature(app: TestApp) {
        for signed in [None, Some("ES256")] {
            let key = Once::new();
            let own = json!({
                "userinfo_signed_response_alg": signed,
                "userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A256GCM",
            });
            let rp = encrypted(&app, &key, own).await;
            let tokens = app.teacher().sign_in(&rp).await;
            let plain = key.open(&told(&rp, &tokens.access()).await);
            let claims = match signed {
                Some(_) => claims_of(std::str::from_utf8(&plain).unwrap()),
                None => serde_json::from_slice(&plain).unwrap(),
            };
            assert_eq!(claims["sub"], tokens.id_claims()["sub"], "{signed:?}");
        }
    }

    async fn who_cannot_be_answered_now_has_lost_nothing(app: TestApp) {
        let key = Once::new();
        let host = Host::start(json!({ "keys": [key.jwk()] })).await;
        let own = json!({
            "jwks_uri": host.url, "grant_types": ["authorization_code", "refresh_token", "implicit"],
            "response_types": ["code", "id_token"],
            "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM",
        });
        let rp = app.register(own).await;
        host.tell(None);
        let mut teacher = app.teacher();
        let arrived = teacher.arrive(&rp).await;
        for _ in 0..2 {
            let answer = rp.redeem(&arrived.ask, &arrived.code).await;
            assert_eq!((answer.status, answer.error()), (503, "temporarily_unavailable"));
        }
        let front = rp.ask().with("response_type", "id_token").with("response_mode", "form_post");
        let (_, answer) = teacher.go(&rp, &front).await.posted();
        assert_eq!((answer["error"].as_str(), answer.get("state")), ("server_error", Some(&front.get("state"))));
        host.tell(Some(json!({ "keys": [key.jwk()] })));
        app.pass(Duration::from_secs(6));
        let tokens = rp.redeem(&arrived.ask, &arrived.code).await;
        assert_eq!(tokens.status, 200, "the code is still there: {tokens:?}");
        host.tell(None);
        app.pass(Duration::from_secs(901));
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "temporarily_unavailable");
        host.tell(Some(json!({ "keys": [key.jwk()] })));
        app.pass(Duration::from_secs(6));
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200);
    }

    /// Nothing is used up by what its owner has to mend, and it is told so: trying again does not help.
    async fn who_has_no_key_is_told_so_at_the_token_endpoint(app: TestApp) {
        let key = Once::new();
        let host = Host::start(ClientKey::es256().jwks()).await;
        let own = json!({
            "jwks_uri": host.url, "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM",
            "userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A256GCM",
        });
        let rp = app.register(own).await;
        let mut teacher = app.teacher();
        let arrived = teacher.arrive(&rp).await;
        let answer = rp.redeem(&arrived.ask, &arrived.code).await;
        let said = answer.body["error_description"].as_str().unwrap();
        assert_eq!((answer.status, answer.error(), said), (400, "invalid_request", "the client has no key under which it could be answered"));
        app.app.write_faults().await.unwrap();
        let noted = "SELECT endpoint FROM client_fault WHERE kind = 'keys'";
        assert_eq!(select_texts(&app.database.url, noted).await, ["token"]);
        host.tell(Some(json!({ "keys": [key.jwk()] })));
        app.pass(Duration::from_secs(6));
        let tokens = rp.redeem(&arrived.ask, &arrived.code).await;
        assert_eq!(tokens.status, 200, "the code is still there: {tokens:?}");
    }

    async fn whose_list_cannot_be_had_may_ask_userinfo_again(app: TestApp) {
        let key = Once::new();
        let host = Host::start(json!({ "keys": [key.jwk()] })).await;
        host.tell(None);
        let own = json!({
            "jwks_uri": host.url, "userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A256GCM",
        });
        let rp = app.register(own).await;
        let tokens = app.teacher().sign_in(&rp).await;
        let refused = rp.userinfo(&tokens.access()).await;
        assert_eq!((refused.status, refused.error()), (503, "temporarily_unavailable"), "{refused:?}");
        host.tell(Some(json!({ "keys": [key.jwk()] })));
        app.pass(Duration::from_secs(6));
        key.open(&told(&rp, &tokens.access()).await);
    }

    async fn who_lost_its_key_gets_nothing_in_the_clear(app: TestApp) {
        let host = Host::start(ClientKey::es256().jwks()).await;
        let own = json!({
            "jwks_uri": host.url, "userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A256GCM",
        });
        let rp = app.register(own).await;
        let tokens = app.teacher().sign_in(&rp).await;
        let refused = rp.userinfo(&tokens.access()).await;
        assert_eq!((refused.status, refused.error()), (400, "invalid_request"), "{refused:?}");
        assert!(refused.body["sub"].is_null());
    }
}
