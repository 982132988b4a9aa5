//! Tokens in a client's own name, for a resource of the system (RFC 6749, 4.4; RFC 8707; RFC 9068).

use std::collections::BTreeSet;
use std::time::Duration;

use mingji::domain::oidc::resource::Resource;
use mingji::domain::oidc::signing_key::SigningAlg;
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::database::select_texts;
use crate::support::relying_party::{Answer, RelyingParty, claims_of, part_of};

pub const GRADES: &str = "https://grades.example/api";

/// Registers a resource.
pub async fn resource(app: &TestApp, uri: &str, scopes: &[&str]) {
    resource_with(app, uri, scopes, SigningAlg::Es256).await;
}

/// Registers a resource that knows this algorithm.
async fn resource_with(app: &TestApp, uri: &str, scopes: &[&str], token_alg: SigningAlg) {
    let ctx = app.operator();
    let scopes: BTreeSet<String> = scopes.iter().map(|word| (*word).to_owned()).collect();
    let resource = Resource { uri: uri.into(), name: "成绩库".into(), scopes, created_at: ctx.now, token_alg };
    app.app.register_resource(&ctx, &resource).await.unwrap();
}

/// A client that reads grades in its own name.
pub async fn machine(app: &TestApp, own: Value) -> RelyingParty {
    let mut metadata = json!({
        "redirect_uris": null, "grant_types": ["client_credentials"], "edu_resources": [GRADES], "scope": "grades.read grades.write",
    });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    app.register_machine(metadata).await
}

pub async fn ask(rp: &RelyingParty, own: &[(&'static str, &str)]) -> Answer {
    let mut form = vec![("grant_type", "client_credentials".to_owned())];
    form.extend(own.iter().map(|(name, value)| (*name, (*value).to_owned())));
    rp.token(&form).await
}

both_engines! {
    async fn a_token_is_for_one_resource_and_nobody(app: TestApp) {
        resource(&app, GRADES, &["grades.read", "grades.admin"]).await;
        let rp = machine(&app, json!({})).await;
        let answer = ask(&rp, &[]).await;
        assert_eq!((answer.status, answer.headers["cache-control"].to_str().unwrap()), (200, "no-store"), "{answer:?}");
        assert!(answer.body["id_token"].is_null() && answer.body["refresh_token"].is_null());
        assert_eq!((answer.text("scope").as_str(), answer.text("token_type").as_str()), ("grades.read", "Bearer"), "what both lists hold");
        let claims = claims_of(&answer.access());
        assert_eq!((claims["aud"].as_str(), claims["sub"].as_str(), claims["client_id"].as_str()), (Some(GRADES), Some(rp.id.as_str()), Some(rp.id.as_str())));
        assert_eq!((part_of(&answer.access(), 0)["typ"].as_str(), claims["scope"].as_str()), (Some("at+jwt"), Some("grades.read")));
        assert_eq!(rp.userinfo(&answer.access()).await.status, 401);
        assert_eq!(ask(&rp, &[("resource", GRADES), ("scope", "grades.read")]).await.status, 200);
    }

    /// RFC 9068, 2.1: services that know RS256 alone are served, and whoever reads RS256 is not told to read it everywhere.
    async fn a_service_says_how_its_tokens_are_signed(app: TestApp) {
        resource_with(&app, GRADES, &["grades.read"], SigningAlg::Rs256).await;
        let alg = |token: &str| part_of(token, 0)["alg"].clone();
        let machine = machine(&app, json!({ "scope": "grades.read" })).await;
        assert_eq!(alg(&ask(&machine, &[]).await.access()), "RS256");
        let platform = app.register(json!({ "edu_client_kind": "platform", "edu_resources": [GRADES] })).await;
        let wish = platform.ask().with("resource", GRADES).with("scope", "openid grades.read");
        let tokens = app.teacher().sign_in_with(&platform, wish).await;
        assert_eq!((alg(&tokens.access()), claims_of(&tokens.access())["aud"].as_str()), (json!("RS256"), Some(GRADES)));
        let told = platform.post("/introspect", &[("token", tokens.access())]).await.body;
        assert_eq!(told["active"], true, "{told}");
        let form = [
            ("grant_type", "refresh_token".into()),
            ("refresh_token", tokens.refresh()),
            ("resource", app.issuer.as_str().to_owned()),
        ];
        let own = platform.token(&form).await.access();
        assert_eq!((alg(&own), platform.userinfo(&own).await.status), (json!("ES256"), 200));
        resource(&app, GRADES, &["grades.read"]).await;
        app.pass(Duration::from_secs(3));
        assert_eq!(alg(&ask(&machine, &[]).await.access()), "ES256", "registered anew");
    }

    /// Every token opens what the first one does: an entry says until when, and stands for all of that while.
    async fn equal_tokens_of_a_while_are_written_down_once(app: TestApp) {
        resource(&app, GRADES, &["grades.read", "grades.write"]).await;
        let (rp, other) = (machine(&app, json!({})).await, machine(&app, json!({})).await);
        let entries = async || {
            let sql = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'token.issued'";
            select_texts(&app.database.url, sql).await.join("")
        };
        let first = ask(&rp, &[]).await.access();
        assert_eq!(entries().await, "1");
        let again = futures_util::future::join_all((0..8).map(|_| ask(&rp, &[]))).await;
        let different: BTreeSet<String> = again.iter().map(Answer::access).chain([first]).collect();
        assert_eq!((different.len(), entries().await.as_str()), (9, "1"));
        ask(&rp, &[("scope", "grades.read")]).await.access();
        assert_eq!(entries().await, "2", "another scope");
        ask(&other, &[]).await.access();
        assert_eq!(entries().await, "3", "another client");
        app.pass(Duration::from_secs(299));
        ask(&rp, &[]).await.access();
        assert_eq!(entries().await, "3");
        app.pass(Duration::from_secs(1));
        let last = ask(&rp, &[]).await.access();
        assert_eq!(entries().await, "4");
        // Until when such are given, and until when the last of them lives.
        let details = "SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = 'token.issued' ORDER BY id DESC LIMIT 1";
        let said: Value = serde_json::from_str(&select_texts(&app.database.url, details).await[0]).unwrap();
        let given = claims_of(&last)["iat"].as_i64().unwrap();
        assert_eq!((said["given_until"].as_i64(), said["until"].as_i64()), (Some(given + 300), Some(given + 600)), "{said}");
        // A clock that was set back gives what no entry speaks of.
        app.clock.set_back(Duration::from_secs(200));
        ask(&rp, &[]).await.access();
        assert_eq!(entries().await, "5");
    }

    async fn what_was_not_registered_is_refused(app: TestApp) {
        resource(&app, GRADES, &["grades.read", "grades.admin"]).await;
        resource(&app, "https://other.example/", &["grades.read"]).await;
        let rp = machine(&app, json!({})).await;
        for (own, error) in [
            (vec![("resource", "https://other.example/")], "invalid_target"),
            (vec![("resource", "https://nowhere.example/")], "invalid_target"),
            (vec![("resource", app.issuer.as_str())], "invalid_target"),
            (vec![("resource", GRADES), ("resource", GRADES)], "invalid_target"),
            (vec![("scope", "grades.admin")], "invalid_scope"),
            (vec![("scope", "grades.write")], "invalid_scope"),
            (vec![("scope", "openid")], "invalid_scope"),
            (vec![("scope", " ")], "invalid_scope"),
        ] {
            let answer = ask(&rp, &own).await;
            assert_eq!((answer.status, answer.error()), (400, error), "{own:?}");
        }
        let wordless = machine(&app, json!({ "scope": null })).await;
        assert_eq!(ask(&wordless, &[]).await.error(), "invalid_scope", "nothing registered is not everything");
        assert_eq!(ask(&app.client("platform_a"), &[]).await.error(), "unauthorized_client");
        assert_eq!(ask(&app.public_client().await, &[]).await.error(), "unauthorized_client");
        let two = machine(&app, json!({ "edu_resources": [GRADES, "https://other.example/"] })).await;
        assert_eq!(ask(&two, &[]).await.error(), "invalid_target", "which of the two");
        assert_eq!(ask(&two, &[("resource", "https://other.example/")]).await.status, 200);
        let person = app.client("platform_a");
        let arrived = app.teacher().arrive(&person).await;
        let mut form = person.redemption(&arrived.ask, &arrived.code);
        form.push(("resource", GRADES.into()));
        assert_eq!(person.token(&form).await.error(), "invalid_target");
    }

    async fn a_machine_has_no_page(app: TestApp) {
        resource(&app, GRADES, &["grades.read"]).await;
        let rp = machine(&app, json!({})).await;
        let url = rp.url(&rp.ask().with("redirect_uri", "https://rp.example/callback"));
        assert!(app.teacher().browser.open(&url).await.has("err-redirect-uri"));
    }

    async fn a_suspended_client_gets_nothing(app: TestApp) {
        resource(&app, GRADES, &["grades.read"]).await;
        let rp = machine(&app, json!({})).await;
        app.suspend(&rp).await;
        assert_eq!(ask(&rp, &[]).await.error(), "invalid_client");
    }
}
