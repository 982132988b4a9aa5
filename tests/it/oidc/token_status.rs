//! Introspection (RFC 7662) and revocation (RFC 7009).

use std::time::Duration;

use mingji::app::client_auth::{Credentials, Proof};
use mingji::app::possession::Possession;
use serde_json::{Value, json};

use super::client_credentials::{GRADES, ask, machine, resource};
use crate::support::app::both_engines;
use crate::support::relying_party::{Answer, Auth, RelyingParty, claims_of, part_of};

async fn status(rp: &RelyingParty, token: &str) -> Value {
    let answer = rp.post("/introspect", &[("token", token.to_owned())]).await;
    assert_eq!((answer.status, answer.headers["cache-control"].to_str().unwrap()), (200, "no-store"), "{answer:?}");
    answer.body
}

async fn is_active(rp: &RelyingParty, token: &str) -> bool {
    let told = status(rp, token).await;
    // RFC 7662, 2.2: of a token that is not active nothing else is told.
    assert!(told["active"] == true || told == json!({ "active": false }), "{told}");
    told["active"] == true
}

async fn give_back(rp: &RelyingParty, token: &str) -> Answer {
    rp.post("/revoke", &[("token", token.to_owned())]).await
}

both_engines! {
    async fn a_client_hears_of_its_own_tokens(app: TestApp) {
        let (rp, other) = (app.client("platform_a"), app.client("platform_b"));
        let tokens = app.teacher().sign_in(&rp).await;
        let told = status(&rp, &tokens.access()).await;
        assert_eq!((told["active"].as_bool(), told["client_id"].as_str(), told["token_type"].as_str()), (Some(true), Some(rp.id.as_str()), Some("Bearer")));
        assert_eq!((told["sub"].as_str(), told["iss"].as_str()), (tokens.id_claims()["sub"].as_str(), Some(app.issuer.as_str())));
        let told = status(&rp, &tokens.refresh()).await;
        assert_eq!((told["active"].as_bool(), told["scope"].as_str()), (Some(true), Some("openid profile edu")));
        for token in [tokens.access(), tokens.refresh(), tokens.text("id_token"), "x".into(), "x.0.x".into()] {
            assert!(!is_active(&other, &token).await, "another client's");
        }
        assert!(!is_active(&rp, &tokens.text("id_token")).await, "an ID token is for reading");
        app.pass(Duration::from_secs(301));
        assert!(!is_active(&rp, &tokens.access()).await && is_active(&rp, &tokens.refresh()).await);
    }

    async fn a_resource_hears_of_the_tokens_made_for_it(app: TestApp) {
        resource(&app, GRADES, &["grades.read"]).await;
        resource(&app, "https://other.example/", &["grades.read"]).await;
        let rp = machine(&app, json!({})).await;
        let serves = |uri: &str| json!({ "edu_serves": [uri], "edu_resources": null, "grant_types": [] });
        let (grades, other) = (machine(&app, serves(GRADES)).await, machine(&app, serves("https://other.example/")).await);
        assert_eq!(ask(&grades, &[]).await.error(), "unauthorized_client");
        let token = ask(&rp, &[]).await.access();
        let told = status(&grades, &token).await;
        assert_eq!((told["active"].as_bool(), told["aud"].as_str(), told["scope"].as_str()), (Some(true), Some(GRADES), Some("grades.read")));
        assert!(is_active(&rp, &token).await && !is_active(&other, &token).await);
        let about_somebody = app.teacher().sign_in(&app.client("platform_a")).await.access();
        assert!(!is_active(&grades, &about_somebody).await, "made for userinfo");

        assert_eq!(give_back(&other, &token).await.error(), "unauthorized_client");
        assert!(is_active(&grades, &token).await);
        assert_eq!(give_back(&rp, &token).await.status, 200);
        assert!(!is_active(&grades, &token).await && !is_active(&rp, &token).await);
        assert!(is_active(&grades, &ask(&rp, &[]).await.access()).await, "the next one is another");
        let fresh = ask(&rp, &[]).await.access();
        app.suspend(&rp).await;
        assert!(!is_active(&grades, &fresh).await, "its client was suspended");
    }

    async fn an_answer_may_be_signed_for_whoever_asked(app: TestApp) {
        let rp = app.register(json!({ "introspection_signed_response_alg": "ES256" })).await;
        let tokens = app.teacher().sign_in(&rp).await;
        let Auth::Basic(secret) = rp.auth.clone() else { panic!() };
        let keys: Value = app.http.get(app.endpoint("jwks_uri").await).send().await.unwrap().json().await.unwrap();
        for (token, active) in [(tokens.access(), true), ("x".to_owned(), false)] {
            let request = app.http.post(app.at("/introspect")).basic_auth(&rp.id, Some(&secret)).form(&[("token", token)]);
            let response = request.header("accept", "application/token-introspection+jwt").send().await.unwrap();
            assert_eq!(response.headers()["content-type"], "application/token-introspection+jwt");
            let jwt = response.text().await.unwrap();
            let (header, claims) = (part_of(&jwt, 0), claims_of(&jwt));
            assert_eq!((&header["typ"], &header["alg"]), (&json!("token-introspection+jwt"), &json!("ES256")));
            assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]));
            assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some(app.issuer.as_str()), Some(rp.id.as_str())));
            assert!(claims["sub"].is_null() && claims["exp"].is_null(), "it cannot pass for an access token");
            assert_eq!(claims["token_introspection"]["active"], active);
            assert_eq!(rp.userinfo(&jwt).await.status, 401);
        }
    }

    async fn whoever_asks_proves_who_she_is(app: TestApp) {
        let (rp, public) = (app.client("platform_a"), app.public_client().await);
        let token = app.teacher().sign_in(&public).await.access();
        let stranger = RelyingParty { auth: Auth::Basic("wrong".into()), ..rp.clone() };
        for (path, who, error) in [
            ("/introspect", &public, "invalid_client"),
            ("/introspect", &stranger, "invalid_client"),
            ("/revoke", &stranger, "invalid_client"),
        ] {
            let answer = who.post(path, &[("token", token.clone())]).await;
            assert_eq!((answer.status, answer.error()), (401, error), "{path}");
        }
        for path in ["/introspect", "/revoke"] {
            assert_eq!(rp.post(path, &[]).await.error(), "invalid_request", "{path}: no token");
            let twice = [("token", "a".to_owned()), ("token", "b".to_owned())];
            assert_eq!(rp.post(path, &twice).await.error(), "invalid_request", "{path}: two tokens");
            assert_eq!(app.http.get(app.at(path)).send().await.unwrap().status(), 405);
        }
    }

    async fn a_token_that_is_given_back_ends_its_grant(app: TestApp) {
        let (rp, public) = (app.client("platform_a"), app.public_client().await);
        for rp in [&rp, &public] {
            for by_access in [true, false] {
                let tokens = app.teacher().sign_in(rp).await;
                let other = app.teacher().sign_in(rp).await;
                let token = if by_access { tokens.access() } else { tokens.refresh() };
                assert_eq!(give_back(&app.client("platform_b"), &token).await.error(), "unauthorized_client");
                assert_eq!(rp.userinfo(&tokens.access()).await.status, 200, "a stranger ends nothing");
                assert_eq!(give_back(rp, &token).await.status, 200);
                assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
                assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
                assert_eq!(rp.userinfo(&other.access()).await.status, 200, "another grant lives on");
                assert_eq!(give_back(rp, &token).await.status, 200, "twice is fine");
            }
            assert_eq!(give_back(rp, "nonsense").await.status, 200);
        }
    }

    async fn a_replaced_refresh_token_is_not_active(app: TestApp) {
        let (public, rp) = (app.public_client().await, app.client("platform_a"));
        let tokens = app.teacher().sign_in(&public).await;
        public.refresh(&tokens.refresh()).await;
        // The public client cannot ask; the stolen token is of no use to another one either.
        assert!(!is_active(&rp, &tokens.refresh()).await);
    }

    async fn what_was_told_a_moment_ago_is_no_longer_so_at_once_here_and_soon_elsewhere(app: TestApp) {
        let rp = app.client("platform_a");
        let (one, two) = (app.teacher().sign_in(&rp).await, app.teacher().sign_in(&rp).await);
        assert!(is_active(&rp, &one.access()).await && is_active(&rp, &two.access()).await);
        assert_eq!(give_back(&rp, &one.access()).await.status, 200);
        assert!(!is_active(&rp, &one.access()).await && is_active(&rp, &two.access()).await);
        let (twin, teacher) = (app.twin().await, app.person("full_claims").person_id);
        twin.set_password(&app.operator(), teacher, "一只安静的旧钢笔".to_owned().into()).await.unwrap();
        app.pass(Duration::from_secs(2));
        assert!(!is_active(&rp, &two.access()).await);
        twin.close().await;
    }

    /// Whoever signs in at a browser where somebody else was ends her session: what was told of it is no longer so.
    async fn another_person_s_sign_in_ends_what_was_told_of_the_first(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        let page = teacher.browser.open(&rp.url(&rp.ask().with("prompt", "login"))).await;
        assert!(is_active(&rp, &tokens.access()).await);
        teacher.person = app.person("county_admin").clone();
        teacher.type_password(&page).await;
        assert!(!is_active(&rp, &tokens.access()).await, "at once, and not in two seconds");
    }

    /// What was told rests on what was known of the clients then, which may be two seconds old itself: it falls when that does.
    async fn a_client_that_was_changed_elsewhere_is_told_of_two_seconds_at_most(app: TestApp) {
        resource(&app, GRADES, &["grades.read"]).await;
        let rp = machine(&app, json!({})).await;
        let asker = machine(&app, json!({ "edu_serves": [GRADES], "edu_resources": null, "grant_types": [] })).await;
        let twin = app.twin().await;
        let token = ask(&rp, &[]).await.access();
        assert!(!is_active(&asker, "x").await, "both of them are known now");
        let status = mingji::domain::oidc::client::ClientStatus::Suspended;
        twin.set_client_status(&app.operator(), rp.id.parse().unwrap(), status).await.unwrap();
        app.pass(Duration::from_millis(500));
        assert!(is_active(&asker, &token).await, "as it was known a moment ago");
        app.pass(Duration::from_millis(1_600));
        assert!(!is_active(&asker, &token).await);
        twin.close().await;
    }

    /// A request may wait, for a password or a lock: how old something is is asked when it is used.
    async fn a_request_that_waited_hears_what_is_so_now(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.teacher().sign_in(&rp).await;
        assert!(is_active(&rp, &tokens.access()).await);
        let ctx = app.operator();
        let (twin, teacher) = (app.twin().await, app.person("full_claims").person_id);
        twin.set_password(&app.operator(), teacher, "一只安静的旧钢笔".to_owned().into()).await.unwrap();
        app.pass(Duration::from_secs(3));
        let Auth::Basic(secret) = &rp.auth else { panic!("platform A has a secret") };
        let credentials = Credentials {
            client_id: Some(rp.id.clone()),
            proof: Proof::Basic(secret.clone().into()),
            audiences: Vec::new(),
            possession: Possession { proofs: Vec::new(), method: "POST".into(), urls: Vec::new(), certificates: Vec::new() },
        };
        let told = app.app.introspect(&ctx, &credentials, &tokens.access()).await.unwrap();
        assert_eq!(*told, json!({ "active": false }));
        twin.close().await;
    }

    async fn a_token_ends_with_the_session_and_the_account(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        assert!(!is_active(&rp, &tokens.access()).await && !is_active(&rp, &tokens.refresh()).await);
    }
}
