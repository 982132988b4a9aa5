//! Request objects by reference (RFC 9101, 5.2; OpenID Connect Core, 6.2): what is fetched, and what is made of it.

use std::time::Duration;

use serde_json::json;

use super::request_object::{changed, object_of, signer, unsigned};
use crate::support::app::both_engines;
use crate::support::client_key::ClientKey;
use crate::support::host::Host;
use crate::support::relying_party::{Ask, RelyingParty};

/// A request that is nothing but an address.
fn pointing(rp: &RelyingParty, uri: &str) -> Ask {
    Ask::bare().with("client_id", &rp.id).with("request_uri", uri).with("response_type", "code").with("scope", "openid")
}

both_engines! {
    async fn what_lies_at_a_registered_address_is_the_request(app: TestApp) {
        let mut teacher = app.teacher();
        for key in [ClientKey::rsa("RS256"), ClientKey::es256()] {
            let host = Host::start(json!("nothing yet")).await;
            let registered = format!("{}#{}", host.url, "A".repeat(43));
            let own = json!({ "request_uris": [registered], "request_object_signing_alg": key.alg });
            let rp = signer(&app, &key, own).await;
            let ask = rp.ask().with("scope", "openid");
            host.tell(Some(json!(key.sign(json!({}), &object_of(&rp, &ask)))));
            for uri in [&registered, &host.url] {
                let beside = pointing(&rp, uri).with("state", &ask.get("state"));
                let answer = teacher.go(&rp, &beside).await.answer();
                assert_eq!(answer["state"], ask.get("state"), "{}", key.alg);
                assert_eq!(rp.redeem(&ask, &answer["code"]).await.id_claims()["nonce"], ask.get("nonce"));
            }
            assert_eq!(host.asked(), 2, "nothing is kept: what lies there may change");
        }
        let host = Host::start(json!("nothing yet")).await;
        let lax = app.register(json!({ "request_uris": [host.url], "request_object_signing_alg": "none" })).await;
        let ask = lax.ask();
        host.tell(Some(json!(unsigned(&object_of(&lax, &ask)))));
        let answer = teacher.go(&lax, &pointing(&lax, &host.url)).await.answer();
        assert_eq!(lax.redeem(&ask, &answer["code"]).await.status, 200);
    }

    /// It was taken out of use because somebody else has its host, perhaps.
    async fn nothing_is_fetched_for_a_client_that_is_suspended(app: TestApp) {
        let (key, host) = (ClientKey::es256(), Host::start(json!("nothing yet")).await);
        let rp = signer(&app, &key, json!({ "request_uris": [host.url] })).await;
        app.suspend(&rp).await;
        app.pass(Duration::from_secs(3));
        let page = app.teacher().browser.open(&rp.url(&pointing(&rp, &host.url))).await;
        assert!(page.has("err-client"), "{page:#?}");
        assert_eq!(host.asked(), 0);
    }

    async fn nothing_else_is_fetched_or_believed(app: TestApp) {
        let (key, host) = (ClientKey::es256(), Host::start(json!("nothing yet")).await);
        let rp = signer(&app, &key, json!({ "request_uris": [host.url, "https://10.0.0.1/request"] })).await;
        let ask = rp.ask();
        let good = object_of(&rp, &ask);
        let object = key.sign(json!({}), &good);
        host.tell(Some(json!(object)));
        let mut browser = app.teacher().browser;
        for (what, uri) in [
            ("another path", format!("{}/more", host.url)),
            ("a query", format!("{}?x", host.url)),
            ("another scheme", host.url.replace("http:", "https:")),
            ("a file", "file:///etc/passwd".into()),
            ("a name that nobody gave out", "urn:example:x".into()),
            ("the inside of the network", "https://10.0.0.1/request".into()),
        ] {
            let outside = rp.ask().with("request_uri", &uri);
            let answer = browser.open(&rp.url(&outside)).await.answer();
            assert_eq!(answer["error"], "invalid_request_uri", "{what}");
            assert_eq!(answer["state"], outside.get("state"), "{what}");
        }
        assert_eq!(host.asked(), 0, "nobody was called");
        let other = app.client("platform_a");
        let foreign = browser.open(&other.url(&other.ask().with("request_uri", &host.url))).await.answer();
        assert_eq!((foreign["error"].as_str(), host.asked()), ("invalid_request_uri", 0), "another client's address");
        let outside = rp.ask().with("request_uri", &host.url);
        for (what, ask, code) in [
            ("an object too", outside.clone().with("request", &object), "invalid_request"),
            ("two addresses", outside.clone().and("request_uri", &host.url), "invalid_request"),
            ("a parameter twice", outside.clone().and("scope", "openid"), "invalid_request"),
        ] {
            assert_eq!(browser.open(&rp.url(&ask)).await.answer()["error"], code, "{what}");
        }
        assert_eq!(host.asked(), 0, "nor for a request that is wrong already");
        for (what, told, code) in [
            ("a broken server", None, "invalid_request_uri"),
            ("a page", Some(json!({ "error": "x" })), "invalid_request_object"),
            ("another key", Some(json!(ClientKey::es256().sign(json!({}), &good))), "invalid_request_object"),
            ("nobody's signature", Some(json!(unsigned(&good))), "request_not_supported"),
            ("a chain", Some(json!(key.sign(json!({}), &changed(&good, "request_uri", json!(host.url))))), "invalid_request_object"),
            ("another address for the answer", Some(json!(key.sign(json!({}), &changed(&good, "response_mode", json!("web"))))), "invalid_request"),
        ] {
            host.tell(told);
            assert_eq!(browser.open(&rp.url(&outside)).await.answer()["error"], code, "{what}");
        }
        let evil = key.sign(json!({}), &changed(&good, "redirect_uri", json!("https://evil.example/")));
        host.tell(Some(json!(evil)));
        assert!(browser.open(&rp.url(&outside)).await.has("err-redirect-uri"), "the address in the object counts");
        let alone = browser.open(&rp.url(&pointing(&rp, "https://nowhere.example/"))).await;
        assert!(alone.has("err-redirect-uri"), "nowhere to send an error: {alone:#?}");
        assert_eq!(rp.post("/par", &[("request_uri", host.url.clone())]).await.error(), "invalid_request");
    }

    async fn a_slow_address_gathers_few_requests(app: TestApp) {
        let (key, host) = (ClientKey::es256(), Host::start(json!("nothing yet")).await);
        let rp = signer(&app, &key, json!({ "request_uris": [host.url] })).await;
        let object = key.sign(json!({}), &object_of(&rp, &rp.ask()));
        host.tell(Some(json!(object)));
        host.think(Duration::from_secs(2));
        let mut visits = Vec::new();
        for _ in 0..24 {
            let (rp, mut browser) = (rp.clone(), app.teacher().browser);
            let url = rp.url(&rp.ask().with("request_uri", &host.url));
            visits.push(tokio::spawn(async move { browser.open(&url).await }));
        }
        let (mut pages, mut turned_away) = (0, 0);
        for visit in visits {
            let page = visit.await.unwrap();
            if page.asks_for("password") {
                pages += 1;
            } else {
                assert_eq!(page.answer()["error"], "temporarily_unavailable");
                turned_away += 1;
            }
        }
        assert!((1..=8).contains(&pages) && turned_away == 24 - pages, "{pages} {turned_away}");
        assert_eq!(host.asked(), pages);
        host.think(Duration::ZERO);
        let later = app.teacher().browser.open(&rp.url(&rp.ask().with("request_uri", &host.url))).await;
        assert!(later.asks_for("password"), "whoever was served makes room");
    }
}
