//! Request objects by value (RFC 9101; OpenID Connect Core, 6.1): whose are believed, and what they may not do.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::client_key::ClientKey;
use crate::support::relying_party::{Ask, RelyingParty};

/// A platform with a key for its requests.
pub(super) async fn signer(app: &TestApp, key: &ClientKey, own: Value) -> RelyingParty {
    let mut metadata = json!({ "jwks": key.jwks() });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    app.register(metadata).await
}

/// The parameters of a request as the claims of an object, good for a minute.
pub(super) fn object_of(rp: &RelyingParty, ask: &Ask) -> Value {
    let now = rp.app.app.now().seconds();
    let mut claims = json!({ "iss": rp.id, "aud": rp.app.issuer, "nbf": now, "exp": now + 60 });
    for (name, value) in ask.parameters() {
        claims[name] = json!(value);
    }
    claims
}

/// A request that is nothing but an object.
pub(super) fn carrying(rp: &RelyingParty, object: &str) -> Ask {
    Ask::bare().with("client_id", &rp.id).with("request", object)
}

pub(super) fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none" })), part(claims))
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

pub(super) fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

both_engines! {
    async fn an_object_is_the_whole_request(app: TestApp) {
        let rsa = [ClientKey::rsa("RS256"), ClientKey::rsa("PS256")];
        let keys = [ClientKey::es256(), ClientKey::ed25519(), ClientKey::ed25519_of_today()].into_iter().chain(rsa);
        let mut teacher = app.teacher();
        // A media type knows no case, and may stand in full (RFC 7515, 4.1.9).
        let types = ["oauth-authz-req+jwt", "OautH-auThZ-REQ+jWt", "application/oauth-authz-req+jwt", "JWT"];
        for (key, typ) in keys.zip(types.into_iter().cycle()) {
            let rp = signer(&app, &key, json!({})).await;
            let ask = rp.ask().with("scope", "openid").with("max_age", "3600");
            let object = key.sign(json!({ "typ": typ }), &object_of(&rp, &ask));
            // What lies beside it is not read.
            let beside = carrying(&rp, &object).with("state", "beside").with("scope", "openid profile").with("prompt", "none");
            let answer = teacher.go(&rp, &beside).await.answer();
            assert_eq!(answer["state"], ask.get("state"), "{}", key.alg);
            let tokens = rp.redeem(&ask, &answer["code"]).await;
            assert_eq!(tokens.id_claims()["nonce"], ask.get("nonce"), "{}", key.alg);
            assert_eq!(tokens.body["scope"], "openid");
        }
    }

    async fn claims_stand_in_it_as_json_and_max_age_as_a_number(app: TestApp) {
        let key = ClientKey::es256();
        let rp = signer(&app, &key, json!({})).await;
        let ask = rp.ask().with("scope", "openid");
        let claims = changed(&object_of(&rp, &ask), "claims", json!({ "id_token": { "nickname": null } }));
        let object = key.sign(json!({}), &changed(&claims, "max_age", json!(0)));
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        let page = teacher.browser.open(&rp.url(&carrying(&rp, &object))).await;
        assert!(page.asks_for("password"), "max_age=0: {page:#?}");
        let answer = teacher.type_password(&page).await.answer();
        assert!(rp.redeem(&ask, &answer["code"]).await.id_claims()["nickname"].is_string());
    }

    async fn what_is_not_signed_as_registered_is_refused(app: TestApp) {
        let (key, other, rsa) = (ClientKey::es256(), ClientKey::es256(), ClientKey::rsa("RS256"));
        let rp = signer(&app, &key, json!({})).await;
        let pinned = signer(&app, &rsa, json!({ "request_object_signing_alg": "PS256" })).await;
        let keyless = app.client("platform_a");
        let ask = rp.ask();
        let good = object_of(&rp, &ask);
        let signed = |claims: &Value| key.sign(json!({}), claims);
        let now = app.app.now().seconds();
        let mut stolen = other.clone();
        stolen.kid = key.kid.clone();
        let mut browser = app.teacher().browser;
        for (what, rp, object, code) in [
            ("nobody's signature", &rp, unsigned(&good), "request_not_supported"),
            ("a cut signature", &rp, signed(&good)[..200].to_owned(), "invalid_request_object"),
            ("no JWS", &rp, "x".to_owned(), "invalid_request_object"),
            ("another key", &rp, other.sign(json!({}), &good), "invalid_request_object"),
            ("another key under the same name", &rp, stolen.sign(json!({}), &good), "invalid_request_object"),
            ("a key that it brings along", &rp, other.sign(json!({ "jwk": other.jwk(), "kid": null }), &good), "invalid_request_object"),
            ("a key elsewhere", &rp, key.sign(json!({ "jku": "https://evil.example/" }), &good), "invalid_request_object"),
            ("a critical extension", &rp, key.sign(json!({ "crit": ["x"] }), &good), "invalid_request_object"),
            ("a public key as a secret", &rp, {
                let mut secret = ClientKey::secret(&key.jwk()["x"].to_string());
                secret.kid = key.kid.clone();
                secret.sign(json!({}), &good)
            }, "invalid_request_object"),
            ("a token's type", &rp, key.sign(json!({ "typ": "at+jwt" }), &good), "invalid_request_object"),
            ("an assertion's type", &rp, key.sign(json!({ "typ": "client-authentication+jwt" }), &good), "invalid_request_object"),
            ("an assertion", &rp, signed(&changed(&good, "sub", json!(rp.id))), "invalid_request_object"),
            ("another issuer", &rp, signed(&changed(&good, "iss", json!("x"))), "invalid_request_object"),
            ("another client", &rp, signed(&changed(&good, "client_id", json!(keyless.id))), "invalid_request_object"),
            ("another audience", &rp, signed(&changed(&good, "aud", json!("https://other.example"))), "invalid_request_object"),
            ("nobody's", &rp, signed(&without(&good, "iss")), "invalid_request_object"),
            ("for nobody", &rp, signed(&without(&good, "aud")), "invalid_request_object"),
            ("a state that stands beside it only", &rp, signed(&without(&good, "state")), "invalid_request_object"),
            ("a nonce that stands beside it only", &rp, signed(&without(&good, "nonce")), "invalid_request_object"),
            ("over", &rp, signed(&changed(&good, "exp", json!(now))), "invalid_request_object"),
            ("not yet", &rp, signed(&changed(&good, "nbf", json!(now + 60))), "invalid_request_object"),
            ("an object in it", &rp, signed(&changed(&good, "request", json!("x"))), "invalid_request_object"),
            ("an address in it", &rp, signed(&changed(&good, "request_uri", json!("https://rp.example/"))), "invalid_request_object"),
            ("the algorithm that is not registered", &pinned, rsa.sign(json!({}), &object_of(&pinned, &pinned.ask())), "invalid_request_object"),
            ("a client without keys", &keyless, key.sign(json!({}), &object_of(&keyless, &keyless.ask())), "invalid_request_object"),
        ] {
            let outside = rp.ask().with("request", &object);
            let answer = browser.open(&rp.url(&outside)).await.answer();
            assert_eq!(answer["error"], code, "{what}: {answer:?}");
            assert_eq!(answer["state"], outside.get("state"), "{what}");
            assert_eq!(answer["iss"], app.issuer, "{what}");
            // Without an address beside it there is nowhere to send an error that is not believed.
            let alone = browser.open(&rp.url(&carrying(rp, &object))).await;
            assert!(alone.has("err-redirect-uri") || what.ends_with("beside it only"), "{what}");
        }
        let right = rsa.used_as("PS256").sign(json!({}), &object_of(&pinned, &pinned.ask()));
        assert!(browser.open(&pinned.url(&carrying(&pinned, &right))).await.asks_for("password"));
    }

    async fn an_object_gets_around_no_check(app: TestApp) {
        let key = ClientKey::es256();
        let rp = signer(&app, &key, json!({})).await;
        let good = object_of(&rp, &rp.ask());
        let mut browser = app.teacher().browser;
        let foreign = key.sign(json!({}), &changed(&good, "redirect_uri", json!("https://evil.example/")));
        let page = browser.open(&rp.url(&rp.ask().with("request", &foreign))).await;
        assert!(page.has("err-redirect-uri"), "the address in the object counts: {page:#?}");
        for (name, value, code) in [
            ("code_challenge", Value::Null, "invalid_request"),
            ("scope", json!("profile"), "invalid_scope"),
            ("prompt", json!("none login"), "invalid_request"),
            ("response_type", json!("code id_token"), "unauthorized_client"),
        ] {
            let object = key.sign(json!({}), &changed(&good, name, value));
            let answer = browser.open(&rp.url(&carrying(&rp, &object))).await.answer();
            assert_eq!(answer["error"], code, "{name}");
        }
        let object = key.sign(json!({}), &good);
        for (what, ask) in [
            ("a repeated parameter", rp.ask().with("request", &object).and("scope", "openid")),
            ("two objects", rp.ask().with("request", &object).and("request", &object)),
            ("an address too", rp.ask().with("request", &object).with("request_uri", "https://rp.example/r")),
        ] {
            assert_eq!(browser.open(&rp.url(&ask)).await.answer()["error"], "invalid_request", "{what}");
        }
        let contradicting = rp.ask().with("request", &object).with("response_type", "id_token");
        assert_eq!(browser.open(&rp.url(&contradicting)).await.answer()["error"], "invalid_request_object");
        let nobody = carrying(&rp, &object).with("client_id", "01890000-0000-7000-8000-000000000000");
        assert!(browser.open(&rp.url(&nobody)).await.has("err-client"));
    }

    async fn who_signs_its_requests_signs_all_of_them(app: TestApp) {
        let key = ClientKey::es256();
        let rp = signer(&app, &key, json!({ "require_signed_request_object": true })).await;
        let good = object_of(&rp, &rp.ask());
        let mut browser = app.teacher().browser;
        assert_eq!(browser.open(&rp.url(&rp.ask())).await.answer()["error"], "invalid_request");
        let endless = key.sign(json!({}), &without(&good, "exp"));
        let answer = browser.open(&rp.url(&rp.ask().with("request", &endless))).await.answer();
        assert_eq!(answer["error"], "invalid_request_object");
        let signed = key.sign(json!({}), &good);
        assert!(browser.open(&rp.url(&carrying(&rp, &signed))).await.asks_for("password"));
        let plain: Vec<_> = ["redirect_uri", "response_type", "scope", "code_challenge", "code_challenge_method"]
            .map(|name| (name, rp.ask().get(name)))
            .to_vec();
        assert_eq!(rp.post("/par", &plain).await.error(), "invalid_request");
        assert_eq!(rp.post("/par", &[("request", signed)]).await.status, 201);
    }

    async fn an_object_may_be_pushed(app: TestApp) {
        let key = ClientKey::es256();
        let rp = signer(&app, &key, json!({})).await;
        let ask = rp.ask();
        let url = app.endpoint("pushed_authorization_request_endpoint").await;
        let path = url.strip_prefix(&app.issuer).unwrap();
        let good = object_of(&rp, &ask);
        let pushed = rp.post(path, &[("request", key.sign(json!({}), &good))]).await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
        let named = Ask::bare().with("client_id", &rp.id).with("request_uri", &pushed.text("request_uri"));
        let answer = app.teacher().go(&rp, &named).await.answer();
        assert_eq!(answer["state"], ask.get("state"));
        assert_eq!(rp.redeem(&ask, &answer["code"]).await.id_claims()["nonce"], ask.get("nonce"));
        let refused = rp.post(path, &[("request", ClientKey::es256().sign(json!({}), &good))]).await;
        assert_eq!((refused.status, refused.error()), (400, "invalid_request_object"));
    }

    async fn none_is_for_who_registered_it(app: TestApp) {
        let rp = app.register(json!({ "request_object_signing_alg": "none" })).await;
        let ask = rp.ask();
        let object = unsigned(&object_of(&rp, &ask));
        let mut teacher = app.teacher();
        let answer = teacher.go(&rp, &carrying(&rp, &object)).await.answer();
        assert_eq!(rp.redeem(&ask, &answer["code"]).await.status, 200);
        // The address in the object counts, not the one beside it (OpenID Connect Core, 6.1).
        let misled = carrying(&rp, &object).with("redirect_uri", "https://evil.example/");
        let page = teacher.browser.open(&rp.url(&misled)).await;
        assert!(page.location().unwrap().starts_with(&rp.redirect_uri), "{page:#?}");
        let signed = ClientKey::es256().sign(json!({}), &object_of(&rp, &ask));
        let page = teacher.browser.open(&rp.url(&rp.ask().with("request", &signed))).await;
        assert_eq!(page.answer()["error"], "invalid_request_object");
        let trailed = format!("{object}AAAA");
        assert_eq!(teacher.browser.open(&rp.url(&rp.ask().with("request", &trailed))).await.answer()["error"], "invalid_request_object");
    }
}
