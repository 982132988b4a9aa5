//! Where the keys of clients come from, and lists that sectors rest on.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::client_key::ClientKey;
use crate::support::host::Host;
use crate::support::relying_party::{Auth, RelyingParty};

async fn by_list(app: &TestApp, key: &ClientKey, host: &Host) -> RelyingParty {
    app.pass(Duration::from_secs(2));
    let own = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": host.url });
    RelyingParty { auth: Auth::Key(key.clone()), ..app.register(own).await }
}

async fn refused(app: &TestApp, own: Value) -> String {
    let mut metadata = json!({ "redirect_uris": ["https://rp.example/cb"] });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    let registered = app.app.create_client(&app.operator(), serde_json::from_value(metadata).unwrap()).await;
    registered.err().and_then(|error| error.protocol).map(|error| error.code.as_str().to_owned()).unwrap_or_default()
}

both_engines! {
    async fn new_keys_are_found_and_old_ones_end(app: TestApp) {
        let (old, new) = (ClientKey::es256(), ClientKey::ed25519());
        let host = Host::start(old.jwks()).await;
        let rp = by_list(&app, &old, &host).await;
        let renewed = RelyingParty { auth: Auth::Key(new.clone()), ..rp.clone() };
        let refresh = app.teacher().sign_in(&rp).await.refresh();
        for _ in 0..5 {
            assert_eq!(rp.refresh(&refresh).await.status, 200);
        }
        assert_eq!(host.asked(), 1, "the list is kept");

        // Strangers choose the name of a key: they cannot make us ask again and again.
        for _ in 0..5 {
            assert_eq!(renewed.refresh(&refresh).await.error(), "invalid_client");
        }
        assert!(host.asked() <= 2, "asked {} times", host.asked());
        host.tell(Some(json!({ "keys": [old.jwk(), new.jwk()] })));
        app.pass(Duration::from_secs(6));
        assert_eq!(renewed.refresh(&refresh).await.status, 200, "a new key is found at once");
        assert_eq!(rp.refresh(&refresh).await.status, 200);

        host.tell(Some(new.jwks()));
        app.pass(Duration::from_secs(301));
        assert_eq!(rp.refresh(&refresh).await.error(), "invalid_client", "a key that was taken off ends");
        assert_eq!(renewed.refresh(&refresh).await.status, 200);
    }

    async fn a_list_that_cannot_be_had_lives_a_little_longer_and_ends(app: TestApp) {
        let key = ClientKey::es256();
        let host = Host::start(key.jwks()).await;
        let rp = by_list(&app, &key, &host).await;
        let refresh = app.teacher().sign_in(&rp).await.refresh();
        host.tell(None);
        app.pass(Duration::from_secs(400));
        assert_eq!(rp.refresh(&refresh).await.status, 200, "their server rests for a moment");
        app.pass(Duration::from_secs(600));
        assert_eq!(rp.refresh(&refresh).await.error(), "invalid_client");
        host.tell(Some(key.jwks()));
        app.pass(Duration::from_secs(6));
        assert_eq!(rp.refresh(&refresh).await.status, 200, "and comes back by itself");
    }

    async fn one_call_at_a_time(app: TestApp) {
        let key = ClientKey::es256();
        let host = Host::start(key.jwks()).await;
        let rp = by_list(&app, &key, &host).await;
        let mut requests = Vec::new();
        for _ in 0..16 {
            let rp = rp.clone();
            requests.push(tokio::spawn(async move { rp.refresh("x.0.x").await.error().to_owned() }));
        }
        for request in requests {
            assert_eq!(request.await.unwrap(), "invalid_grant", "authenticated, with a token that is none");
        }
        assert_eq!(host.asked(), 1);
    }

    async fn a_slow_list_gathers_no_requests(app: TestApp) {
        let key = ClientKey::es256();
        let host = Host::start(key.jwks()).await;
        let rp = by_list(&app, &key, &host).await;
        let asked = async |rp: RelyingParty| rp.refresh("x.0.x").await.error().to_owned();
        assert_eq!(asked(rp.clone()).await, "invalid_grant");
        host.think(Duration::from_secs(6));
        app.pass(Duration::from_secs(301));
        let first = tokio::spawn(asked(rp.clone()));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let held = tokio::time::timeout(Duration::from_secs(2), asked(rp.clone())).await;
        assert_eq!(held.as_deref(), Ok("invalid_grant"), "what is held serves while one asks");
        // Who needs what is not held waits, but not for ever.
        let unknown = RelyingParty { auth: Auth::Key(ClientKey::es256()), ..rp.clone() };
        app.pass(Duration::from_secs(6));
        let waited = tokio::time::timeout(Duration::from_secs(4), asked(unknown)).await;
        assert_eq!(waited.as_deref(), Ok("invalid_client"));
        assert_eq!(first.await.unwrap(), "invalid_grant");
        assert_eq!(host.asked(), 2, "one call at a time");
    }

    async fn keys_by_value_are_looked_at(app: TestApp) {
        let key = ClientKey::es256();
        let mut private = key.jwk();
        private["d"] = json!("AAAA");
        let mut small = ClientKey::rsa("RS256").jwk();
        small["n"] = json!("AQAB".repeat(20));
        for set in [json!({ "keys": [private] }), json!({ "keys": [small] }), json!({ "keys": [] }), json!({}), json!([])] {
            let own = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": set });
            assert_eq!(refused(&app, own).await, "invalid_client_metadata", "{set}");
        }
        let fine = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks() });
        assert_eq!(refused(&app, fine).await, "");
    }

    async fn a_sector_lists_its_addresses(app: TestApp) {
        let two = json!(["https://a.example/cb", "https://b.example/cb"]);
        let host = Host::start(two.clone()).await;
        let own = json!({ "redirect_uris": two, "sector_identifier_uri": host.url });
        assert_eq!(refused(&app, own.clone()).await, "");
        host.tell(Some(json!(["https://a.example/cb"])));
        assert_eq!(refused(&app, own.clone()).await, "invalid_client_metadata", "one is missing");
        host.tell(Some(json!({ "redirect_uris": two })));
        assert_eq!(refused(&app, own.clone()).await, "invalid_client_metadata", "no list");
        host.tell(None);
        assert_eq!(refused(&app, own).await, "invalid_client_metadata", "no answer");
        let inside = json!({ "redirect_uris": two, "sector_identifier_uri": "http://192.168.0.1/list" });
        assert_eq!(refused(&app, inside).await, "invalid_client_metadata", "the inside of the network");
    }
}
