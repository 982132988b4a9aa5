//! Tokens in somebody's name for a resource (RFC 8707).

use serde_json::json;

use crate::oidc::client_credentials::{GRADES, resource};
use crate::support::api::for_api;
use crate::support::app::both_engines;
use crate::support::database::change;
use crate::support::relying_party::{Answer, Ask, RelyingParty, claims_of};

async fn redeem(rp: &RelyingParty, ask: &Ask, code: &str, resource: Option<&str>) -> Answer {
    let mut form = rp.redemption(ask, code);
    form.extend(resource.map(|uri| ("resource", uri.to_owned())));
    rp.token(&form).await
}

async fn refresh(rp: &RelyingParty, token: &str, own: &[(&'static str, &str)]) -> Answer {
    let mut form = vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", token.to_owned())];
    form.extend(own.iter().map(|(name, value)| (*name, (*value).to_owned())));
    rp.token(&form).await
}

/// Audience and scope of an access token.
fn about(answer: &Answer) -> (String, String) {
    let claims = claims_of(&answer.access());
    (claims["aud"].as_str().unwrap().to_owned(), claims["scope"].as_str().unwrap().to_owned())
}

both_engines! {
    async fn one_token_is_for_one_of_what_was_asked_for(app: TestApp) {
        resource(&app, GRADES, &["grades.read", "grades.write"]).await;
        let rp = app.register(json!({ "edu_resources": [GRADES], "scope": "openid profile offline_access grades.read mingji.admin" })).await;
        let api = app.api();
        let ask = rp.ask().with("scope", "openid offline_access grades.read grades.write mingji.admin").with("resource", GRADES).and("resource", &api);
        let arrived = app.visitor("school_admin").arrive_with(&rp, ask).await;
        let tokens = redeem(&rp, &arrived.ask, &arrived.code, Some(GRADES)).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        assert_eq!((about(&tokens), tokens.text("scope").as_str()), ((GRADES.into(), "grades.read".into()), "grades.read"), "what resource and client both know");
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401, "a resource's token tells nothing of her");

        let refreshed = refresh(&rp, &tokens.refresh(), &[("resource", &api)]).await;
        assert_eq!(about(&refreshed), (api.clone(), "mingji.admin".into()));
        assert_eq!(app.nobody_at_api().with(&refreshed.access()).get("/api/me").await.status, 200);
        assert_eq!(app.nobody_at_api().with(&tokens.access()).get("/api/me").await.status, 401, "the audience is another");

        let plain = refresh(&rp, &tokens.refresh(), &[]).await;
        assert_eq!(about(&plain), (app.issuer.clone(), "openid offline_access".into()), "of several none is meant");
        assert_eq!(rp.userinfo(&plain.access()).await.status, 200);
        assert_eq!(about(&refresh(&rp, &tokens.refresh(), &[("resource", app.issuer.as_str())]).await).0, app.issuer);
        let narrow = refresh(&rp, &tokens.refresh(), &[("resource", &api), ("scope", "openid")]).await;
        assert_eq!(app.nobody_at_api().with(&narrow.access()).get("/api/me").await.status, 403, "less was asked for");
        assert_eq!(about(&refresh(&rp, &tokens.refresh(), &[("resource", &api), ("scope", "mingji.admin")]).await).1, "mingji.admin");
        for wrong in ["https://other.example/", "https://grades.example/api/"] {
            assert_eq!(refresh(&rp, &tokens.refresh(), &[("resource", wrong)]).await.error(), "invalid_target", "{wrong}");
        }
        assert_eq!(refresh(&rp, &tokens.refresh(), &[("resource", &api), ("resource", GRADES)]).await.error(), "invalid_target");
        assert_eq!(refresh(&rp, &tokens.refresh(), &[]).await.status, 200, "whoever asked for the wrong thing lost nothing");
    }

    async fn a_resource_is_for_whoever_may_have_it(app: TestApp) {
        resource(&app, GRADES, &["grades.read"]).await;
        let api = app.api();
        let platform = app.register(json!({})).await;
        let vendor = app.register(json!({ "edu_client_kind": null, "edu_lawful_basis": null, "edu_resources": [GRADES, api] })).await;
        for (rp, wanted) in [(&platform, GRADES), (&platform, "https://nowhere.example/"), (&platform, "no uri"), (&vendor, GRADES), (&vendor, api.as_str())] {
            let answer = app.teacher().go(rp, &rp.ask().with("resource", wanted)).await.answer();
            assert_eq!(answer["error"], "invalid_target", "{wanted}");
        }
        let mut many = platform.ask();
        for _ in 0..9 {
            many = many.and("resource", &api);
        }
        assert_eq!(app.teacher().go(&platform, &many).await.answer()["error"], "invalid_target");
        let pushed = |wanted: &str| {
            let mut form: Vec<(&'static str, String)> = Vec::new();
            for (name, value) in platform.ask().with("resource", wanted).parameters() {
                form.push((Box::leak(name.clone().into_boxed_str()), value.clone()));
            }
            let platform = platform.clone();
            async move { platform.post("/par", &form).await }
        };
        assert_eq!(pushed(GRADES).await.error(), "invalid_target");
        assert_eq!(pushed(&api).await.error(), "invalid_target", "nor the register's own API, unless the operator said so");
    }

    async fn a_pushed_request_keeps_its_resources(app: TestApp) {
        let rp = app.client("platform_a");
        let ask = rp.ask().with("scope", "openid mingji.admin").with("resource", &app.api());
        let form: Vec<(&'static str, String)> = ask.parameters().iter().map(|(name, value)| (&*Box::leak(name.clone().into_boxed_str()), value.clone())).collect();
        let pushed = rp.post("/par", &form).await;
        let mut visitor = app.visitor("county_admin");
        let by_name = Ask::bare().with("client_id", &rp.id).with("request_uri", &pushed.text("request_uri"));
        let answer = visitor.go(&rp, &by_name).await.answer();
        let tokens = redeem(&rp, &ask, &answer["code"], None).await;
        assert_eq!(about(&tokens), (app.api(), "mingji.admin".into()), "the only one is meant");
    }

    async fn the_right_of_an_administrator_is_dropped_for_everybody_else(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.teacher().sign_in_with(&rp, rp.ask().with("scope", "openid mingji.admin").with("resource", &app.api())).await;
        assert!(tokens.body["scope"].is_null(), "{tokens:?}");
        assert_eq!(about(&tokens), (app.api(), String::new()));
        assert_eq!(app.nobody_at_api().with(&tokens.access()).get("/api/me").await.status, 403);
        // Made an administrator since, she gets it with the next token of the same grant.
        let person = app.person("full_claims").person_id;
        let role = "school_admin".parse().unwrap();
        assert!(app.app.grant_admin(&app.operator(), person, role, "3436000783").await.unwrap());
        assert_eq!(about(&rp.refresh(&tokens.refresh()).await).1, "mingji.admin");
    }

    async fn introspection_tells_whoever_serves_it(app: TestApp) {
        resource(&app, GRADES, &["grades.read"]).await;
        let api = app.api();
        let server = app.register_machine(json!({ "redirect_uris": null, "grant_types": [], "response_types": [], "edu_serves": [api] })).await;
        let caller = app.at_api("school_admin").await;
        let told = server.post("/introspect", &[("token", caller.token.clone())]).await;
        assert_eq!((&told.body["active"], &told.body["aud"], &told.body["scope"]), (&json!(true), &json!(api), &json!("mingji.admin mingji.self")), "{told:?}");
        let other = app.register_machine(json!({ "redirect_uris": null, "grant_types": [], "response_types": [], "edu_serves": [GRADES] })).await;
        assert_eq!(other.post("/introspect", &[("token", caller.token)]).await.body, json!({ "active": false }));
    }
    async fn the_register_s_own_words_are_for_whoever_was_registered_for_them(app: TestApp) {
        let api = app.api();
        let wanted = "openid mingji.admin mingji.self";
        for (own, words) in [
            (json!({ "edu_resources": [api] }), Some("mingji.admin mingji.self")),
            (json!({ "scope": "openid mingji.admin" }), Some("mingji.admin")),
            (json!({ "scope": "openid mingji.self" }), Some("mingji.self")),
            (json!({ "scope": "openid", "edu_resources": [api] }), Some("")),
            (json!({ "scope": "openid mingji.feed", "edu_resources": [api] }), Some("")),
            (json!({ "scope": "openid mingji.feed" }), None),
            (json!({ "scope": "openid" }), None),
            (json!({}), None),
            (json!({ "edu_client_kind": "application", "edu_lawful_basis": null, "scope": "openid mingji.admin", "edu_resources": [api] }), None),
        ] {
            let rp = app.register(own.clone()).await;
            let ask = rp.ask().with("scope", wanted).with("resource", &api);
            let mut visitor = app.visitor("school_admin");
            match words {
                Some(words) => assert_eq!(about(&visitor.sign_in_with(&rp, ask).await), (api.clone(), words.into()), "{own}"),
                None => assert_eq!(visitor.go(&rp, &ask).await.answer()["error"], "invalid_target", "{own}"),
            }
        }
    }

    async fn a_token_that_was_made_before_the_word_was_taken_away_is_refused(app: TestApp) {
        let rp = app.register(json!({ "edu_resources": [app.api()] })).await;
        let token = app.visitor("school_admin").sign_in_with(&rp, for_api(&app, &rp)).await.access();
        let caller = app.nobody_at_api().with(&token);
        assert_eq!((caller.get("/api/me").await.status, caller.get("/api/me/disclosures").await.status), (200, 200));
        let feed = app.feed_of(json!({}), Some("2136000781")).await;
        assert_eq!(feed.get("/api/feed/snapshot").await.status, 200);
        for id in [rp.id, feed.rp.clone().unwrap().id] {
            let id = if app.database.url.starts_with("sqlite") { format!("X'{}'", id.replace('-', "")) } else { format!("'{id}'") };
            let text = "CAST(metadata AS TEXT)";
            let json = if app.database.url.starts_with("sqlite") { format!("REPLACE({text}, 'edu_resources', 'edu_none')") } else { format!("CAST(REPLACE({text}, 'edu_resources', 'edu_none') AS jsonb)") };
            change(&app.database.url, &format!("UPDATE client SET metadata = {json} WHERE id = {id}")).await;
        }
        change(&app.database.url, "UPDATE change_stamp SET stamp = stamp + 1").await;
        app.pass(std::time::Duration::from_secs(3));
        assert_eq!((caller.get("/api/me").await.status, caller.get("/api/me/disclosures").await.status), (401, 401));
        assert_eq!(feed.get("/api/feed/snapshot").await.status, 401);
    }

    /// What outlives a sign-out for a platform's own purposes never administers.
    async fn an_offline_grant_is_no_administrator(app: TestApp) {
        let rp = app.client("platform_a");
        let ask = rp.ask().with("scope", "openid offline_access mingji.admin mingji.self").with("prompt", "consent").with("resource", &app.api());
        let mut visitor = app.visitor("school_admin");
        let tokens = visitor.sign_in_with(&rp, ask.clone()).await;
        let before = app.nobody_at_api().with(&tokens.access());
        assert_eq!(before.get("/api/me").await.status, 200);
        let home = visitor.browser.open("/").await;
        visitor.browser.press(&home, "confirm", "yes").await;
        assert_eq!(before.get("/api/me").await.status, 401, "she signed out");
        let refreshed = rp.refresh(&tokens.refresh()).await;
        assert_eq!((refreshed.status, about(&refreshed).1.as_str()), (200, "mingji.self"), "that is what offline means, and no more");
        let later = app.nobody_at_api().with(&refreshed.access());
        assert_eq!((later.get("/api/me").await.status, later.get("/api/me/disclosures").await.status), (403, 200));
        // A session that ran out is one that ended: an administrator's after half an hour.
        let tokens = app.visitor("school_admin").sign_in_with(&rp, ask).await;
        app.pass(std::time::Duration::from_secs(31 * 60));
        let refreshed = rp.refresh(&tokens.refresh()).await;
        assert_eq!(about(&refreshed).1, "mingji.self");
    }

    async fn nothing_of_the_register_comes_through_the_address_bar(app: TestApp) {
        let rp = app.register(json!({
            "grant_types": ["authorization_code", "implicit", "refresh_token"], "edu_resources": [app.api()],
            "response_types": ["code", "id_token token", "code id_token token"],
        })).await;
        let ask = for_api(&app, &rp).with("response_type", "code id_token token");
        let answer = app.visitor("school_admin").go(&rp, &ask).await.answer();
        let front = app.nobody_at_api().with(&answer["access_token"]);
        assert_eq!(claims_of(&answer["access_token"])["scope"], "");
        assert_eq!((front.get("/api/me").await.status, front.get("/api/me/disclosures").await.status), (403, 403));
        let tokens = redeem(&rp, &ask, &answer["code"], None).await;
        assert_eq!(app.nobody_at_api().with(&tokens.access()).get("/api/me").await.status, 200, "the code is worth what was asked for");
    }
}
