//! Authorization answers as one token (JARM): on every way, for success and failure.

use std::time::Duration;

use mingji::domain::oidc::fault::FaultKind;
use mingji::http::pages::locales::faults::ZH;
use serde_json::{Value, json};

use crate::console::{COUNTY, assign, keeper, page_of};
use crate::support::app::{TestApp, both_engines};
use crate::support::client_key::ClientKey;
use crate::support::host::Host;
use crate::support::relying_party::{Ask, RelyingParty, claims_of, part_of};

/// The token of an answer, whose signature one of our keys made.
async fn response(app: &TestApp, jwt: &str, alg: &str) -> Value {
    let header = part_of(jwt, 0);
    assert_eq!(header["alg"], alg);
    let keys: Value = app.http.get(app.endpoint("jwks_uri").await).send().await.unwrap().json().await.unwrap();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let public = mingji::keys::foreign::PublicKeys::parse(&json!({ "keys": [key] })).unwrap();
    let read = mingji::keys::foreign::Header::read(jwt).unwrap();
    Value::Object(public.verify(jwt, &read).unwrap())
}

fn good(app: &TestApp, rp: &RelyingParty, ask: &Ask, claims: &Value) {
    assert_eq!(
        (claims["iss"].as_str(), claims["aud"].as_str()),
        (Some(app.issuer.as_str()), Some(rp.id.as_str())),
        "{claims}"
    );
    let life = claims["exp"].as_i64().unwrap() - app.app.now().seconds();
    assert!((1..=600).contains(&life), "{life}");
    assert_eq!(claims["state"], ask.get("state"));
}

both_engines! {
    async fn a_code_comes_in_one_token(app: TestApp) {
        for alg in ["ES256", "PS256", "EdDSA", "RS256"] {
            let own = if alg == "RS256" { json!({}) } else { json!({ "authorization_signed_response_alg": alg }) };
            let rp = app.register(own).await;
            let ask = rp.ask().with("response_mode", "jwt");
            let answer = app.teacher().go(&rp, &ask).await.answer();
            assert_eq!(answer.keys().collect::<Vec<_>>(), ["response"], "nothing stands beside it");
            let claims = response(&app, &answer["response"], alg).await;
            good(&app, &rp, &ask, &claims);
            assert_eq!(rp.redeem(&ask, claims["code"].as_str().unwrap()).await.status, 200);
        }
    }

    async fn every_mode_and_every_error(app: TestApp) {
        let rp = app.register(json!({
            "authorization_signed_response_alg": "ES256",
            "grant_types": ["authorization_code", "implicit"], "response_types": ["code", "code id_token"],
        })).await;
        let mut browser = app.teacher().browser;
        for (kind, mode, mark) in [("code", "query.jwt", '?'), ("code", "fragment.jwt", '#'), ("code", "jwt", '?'), ("code id_token", "jwt", '#')] {
            let ask = rp.ask().with("response_type", kind).with("response_mode", mode).with("prompt", "none");
            let page = browser.open(&rp.url(&ask)).await;
            let location = page.location().unwrap();
            assert_eq!(location[rp.redirect_uri.len()..].chars().next(), Some(mark), "{kind} {mode}: {location}");
            let claims = response(&app, &page.answer()["response"], "ES256").await;
            good(&app, &rp, &ask, &claims);
            assert_eq!(claims["error"], "login_required", "{kind} {mode}");
        }
        let posted = browser.open(&rp.url(&rp.ask().with("response_mode", "form_post.jwt").with("prompt", "none"))).await;
        assert!(posted.text.contains("name=\"response\"") && !posted.text.contains("name=\"error\""), "{posted:#?}");
        // Found out before the request was read to its end.
        for (what, ask) in [
            ("a scope that is none", rp.ask().with("scope", "profile")),
            ("no challenge", rp.ask().without("code_challenge").without("code_challenge_method")),
            ("a foreign hint", rp.ask().with("id_token_hint", "x")),
        ] {
            let ask = ask.with("response_mode", "jwt");
            let answer = browser.open(&rp.url(&ask)).await.answer();
            let claims = response(&app, &answer["response"], "ES256").await;
            good(&app, &rp, &ask, &claims);
            assert!(claims["error"].is_string(), "{what}: {claims}");
        }
        let in_query = rp.ask().with("response_type", "code id_token").with("response_mode", "query.jwt");
        let claims = claims_of(&browser.open(&rp.url(&in_query)).await.answer()["response"]);
        assert_eq!(claims["error"], "invalid_request", "tokens never travel in a query");
        let evil = rp.ask().with("response_mode", "jwt").with("redirect_uri", "https://evil.example/");
        assert!(browser.open(&rp.url(&evil)).await.has("err-redirect-uri"));
    }

    async fn the_way_back_of_a_child_is_signed_too(app: TestApp) {
        let rp = app.register(json!({ "edu_client_kind": "application", "edu_lawful_basis": null, "authorization_signed_response_alg": "ES256" })).await;
        let ask = rp.ask().with("response_mode", "jwt");
        let page = app.child().go(&rp, &ask).await;
        assert!(page.has("guardian-consent-needed"), "{page:#?}");
        let from = page.text.find("response=").expect("a way back") + "response=".len();
        let jwt: String = page.text[from..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        let claims = response(&app, &jwt, "ES256").await;
        good(&app, &rp, &ask, &claims);
        assert_eq!(claims["error"], "access_denied");
    }

    async fn it_may_be_sealed_to_the_client(app: TestApp) {
        let key = ClientKey::es256();
        let mut seal = key.jwk();
        seal["use"] = json!("enc");
        let rp = app.register(json!({
            "jwks": { "keys": [seal] }, "authorization_signed_response_alg": "ES256",
            "authorization_encrypted_response_alg": "ECDH-ES", "authorization_encrypted_response_enc": "A256GCM",
        })).await;
        let answer = app.teacher().go(&rp, &rp.ask().with("response_mode", "jwt")).await.answer();
        let token = &answer["response"];
        assert_eq!(token.split('.').count(), 5, "{token}");
        assert_eq!((part_of(token, 0)["enc"].as_str(), part_of(token, 0)["cty"].as_str()), (Some("A256GCM"), Some("JWT")));
    }

    async fn who_cannot_be_answered_has_used_nothing_up(app: TestApp) {
        let host = Host::start(json!("nothing yet")).await;
        let rp = app.register(json!({
            "jwks_uri": host.url, "authorization_signed_response_alg": "ES256",
            "authorization_encrypted_response_alg": "ECDH-ES", "authorization_encrypted_response_enc": "A256GCM",
        })).await;
        let ask = rp.ask();
        let fields = ["redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method"];
        let mut form: Vec<_> = fields.map(|name| (name, ask.get(name))).into();
        form.push(("response_mode", "jwt".into()));
        let pushed = rp.post("/par", &form).await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
        let named = Ask::bare().with("client_id", &rp.id).with("request_uri", &pushed.text("request_uri"));
        let mut teacher = app.teacher();
        teacher.arrive(&app.client("platform_a")).await;
        host.tell(None);
        let page = teacher.browser.open(&rp.url(&named)).await;
        assert!(page.location().is_none(), "an answer that nobody could read: {page:#?}");
        assert_eq!(page.status, 503, "she is told to try again");
        let mut seal = ClientKey::es256().jwk();
        seal["use"] = json!("enc");
        host.tell(Some(json!({ "keys": [seal] })));
        app.pass(Duration::from_secs(10));
        let answer = teacher.browser.open(&rp.url(&named)).await.answer();
        assert_eq!(answer["response"].split('.').count(), 5, "{answer:?}");
    }

    /// A list that can be had and holds no key stays so until its owner mends it: the page says that trying again does not help, and the
    /// console what to change.
    async fn who_has_no_key_to_be_answered_under_is_told_what_to_mend(app: TestApp) {
        let sealed = async |host: &Host| app.register(json!({
            "jwks_uri": host.url, "authorization_signed_response_alg": "ES256",
            "authorization_encrypted_response_alg": "ECDH-ES", "authorization_encrypted_response_enc": "A256GCM",
        })).await;
        for told in [ClientKey::es256().jwks(), json!({ "keys": "none" })] {
            let host = Host::start(told).await;
            let rp = sealed(&host).await;
            assign(&app, &rp, COUNTY).await;
            let mut county = keeper(&app).await;
            let mut teacher = app.teacher();
            let refused = teacher.browser.open(&rp.url(&rp.ask().with("response_mode", "jwt").with("prompt", "none"))).await;
            assert_eq!((refused.status, refused.has("err-client-keys"), refused.location()), (400, true, None), "{refused:#?}");
            let page = teacher.go(&rp, &rp.ask().with("response_mode", "jwt")).await;
            assert_eq!((page.status, page.has("err-client-keys")), (400, true), "{page:#?}");
            let explained = page_of(&mut county, &rp).await;
            assert!(explained.text.contains((ZH.of)(FaultKind::Keys).what) && explained.text.contains("the client has no key under which it could be answered"), "{explained:#?}");
            let mut seal = ClientKey::es256().jwk();
            seal["use"] = json!("enc");
            host.tell(Some(json!({ "keys": [seal] })));
            app.pass(Duration::from_secs(10));
            let answer = teacher.go(&rp, &rp.ask().with("response_mode", "jwt")).await.answer();
            assert_eq!(answer["response"].split('.').count(), 5, "{answer:?}");
        }
        // A page of a proxy in between is no word of the client's, and passes.
        let rp = sealed(&Host::start(json!("<html>")).await).await;
        let later = app.teacher().browser.open(&rp.url(&rp.ask().with("response_mode", "jwt").with("prompt", "none"))).await;
        assert_eq!(later.status, 503, "{later:#?}");
    }

    async fn it_is_told_of(app: TestApp) {
        let document = app.discovery().await;
        let modes = document["response_modes_supported"].as_array().unwrap();
        for mode in ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt"] {
            assert!(modes.contains(&json!(mode)), "{mode}");
        }
        for name in ["authorization_signing_alg_values_supported", "authorization_encryption_alg_values_supported", "authorization_encryption_enc_values_supported"] {
            assert!(document[name].is_array(), "{name}");
        }
    }
}
