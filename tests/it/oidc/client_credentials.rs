//! Tokens in a client's own name, for a resource of the system (RFC 6749, 4.4; RFC 8707; RFC 9068).

use std::collections::BTreeSet;
use std::time::Duration;

use mingji::domain::oidc::resource::Resource;
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::database::select_texts;
use crate::support::relying_party::{Answer, RelyingParty, claims_of, part_of};

pub const GRADES: &str = "https://grades.example/api";

/// Registers a resource.
pub async fn resource(app: &TestApp, uri: &str, scopes: &[&str]) {
    let ctx = app.operator();
    let scopes: BTreeSet<String> = scopes.iter().map(|word| (*word).to_owned()).collect();
    let resource = Resource { uri: uri.into(), name: "成绩库".into(), scopes, created_at: ctx.now };
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
