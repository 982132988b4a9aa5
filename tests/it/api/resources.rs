//! Tokens in somebody's name for a resource (RFC 8707).

use serde_json::json;

use crate::oidc::client_credentials::{GRADES, resource};
use crate::support::app::both_engines;
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
        let answer = pushed(&api).await;
        assert_eq!(answer.status, 201, "{answer:?}");
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
        assert_eq!((&told.body["active"], &told.body["aud"], &told.body["scope"]), (&json!(true), &json!(api), &json!("mingji.admin")), "{told:?}");
        let other = app.register_machine(json!({ "redirect_uris": null, "grant_types": [], "response_types": [], "edu_serves": [GRADES] })).await;
        assert_eq!(other.post("/introspect", &[("token", caller.token)]).await.body, json!({ "active": false }));
    }
}
