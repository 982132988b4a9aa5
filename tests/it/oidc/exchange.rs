//! Token exchange (RFC 8693): services behind each other, in the name of whoever signed in.

use std::time::Duration;

use mingji::domain::oidc::client::ClientStatus;
use mingji::domain::oidc::initial_token::Opening;
use serde_json::{Value, json};

use super::client_credentials::{GRADES, ask as ask_own, machine, resource};
use super::dpop::proof;
use super::registration::{open_door, register};
use crate::support::app::{TestApp, both_engines, run_on};
use crate::support::client_key::ClientKey;
use crate::support::relying_party::{Answer, RelyingParty, claims_of};

pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub const TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const LIBRARY: &str = "https://library.example/api";
const PRINTER: &str = "https://printer.example/";
const PAPER: &str = "https://paper.example/";

/// A service that is called at the first of these and calls the others.
pub async fn service(app: &TestApp, serves: &str, calls: &[&str], scope: &str) -> RelyingParty {
    app.register_machine(json!({
        "redirect_uris": null, "response_types": [], "grant_types": [GRANT], "edu_serves": [serves], "edu_resources": calls, "scope": scope,
        "edu_client_kind": "platform", "edu_lawful_basis": "statutory",
    }))
    .await
}

async fn resources(app: &TestApp) {
    resource(app, GRADES, &["grades.read", "grades.write"]).await;
    resource(app, LIBRARY, &["library.read", "library.lend"]).await;
    resource(app, PRINTER, &["print"]).await;
    resource(app, PAPER, &["paper"]).await;
}

async fn ask(rp: &RelyingParty, token: &str, own: &[(&'static str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", GRANT.to_owned()),
        ("subject_token", token.to_owned()),
        ("subject_token_type", TOKEN.to_owned()),
    ];
    form.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    form.extend(own.iter().map(|(name, value)| (*name, (*value).to_owned())).filter(|(_, value)| !value.is_empty()));
    rp.token(&form).await
}

/// What a platform calls the grades with, in the name of a teacher.
async fn called_with(app: &TestApp) -> (RelyingParty, String) {
    let rp = app.register(json!({ "edu_resources": [GRADES], "scope": "openid offline_access grades.read" })).await;
    let ask = rp.ask().with("scope", "openid grades.read").with("resource", GRADES);
    let token = app.teacher().sign_in_with(&rp, ask).await.access();
    (rp, token)
}

async fn told(rp: &RelyingParty, token: &str) -> Value {
    rp.post("/introspect", &[("token", token.to_owned())]).await.body
}

both_engines! {
    async fn a_service_calls_the_next_in_her_name_and_as_itself(app: TestApp) {
        resources(&app).await;
        let (platform, token) = called_with(&app).await;
        let grades = service(&app, GRADES, &[LIBRARY], "library.read library.lend").await;
        let library = service(&app, LIBRARY, &[PRINTER], "print").await;
        app.pass(Duration::from_secs(100));
        let given = ask(&grades, &token, &[("resource", LIBRARY)]).await;
        assert_eq!((given.status, given.text("issued_token_type").as_str(), given.text("token_type").as_str()), (200, TOKEN, "Bearer"), "{given:?}");
        assert!(given.body["refresh_token"].is_null() && given.body["id_token"].is_null(), "{given:?}");
        let (first, claims) = (claims_of(&token), claims_of(&given.access()));
        assert_eq!((&claims["aud"], &claims["client_id"], &claims["scope"]), (&json!(LIBRARY), &json!(grades.id), &json!("library.lend library.read")));
        assert_eq!((&claims["sub"], &claims["act"]), (&first["sub"], &json!({ "sub": grades.id, "edu_called_at": GRADES })), "platforms of the system see one subject");
        assert_eq!((&claims["auth_time"], &claims["acr"], &claims["exp"]), (&first["auth_time"], &first["acr"], &first["exp"]), "it never outlives the first");
        assert!(given.body["expires_in"].as_u64().is_some_and(|left| left <= 200), "{given:?}");
        let seen = told(&library, &given.access()).await;
        assert_eq!((&seen["active"], &seen["act"], &seen["scope"]), (&json!(true), &claims["act"], &json!("library.lend library.read")), "{seen}");
        assert_eq!(told(&platform, &given.access()).await, json!({ "active": false }), "the platform never had it");
        assert_eq!(platform.userinfo(&given.access()).await.status, 401);
        let narrow = ask(&grades, &token, &[("resource", LIBRARY), ("scope", "library.read")]).await;
        assert_eq!(claims_of(&narrow.access())["scope"], "library.read");
        assert_eq!(ask(&grades, &token, &[("audience", LIBRARY)]).await.status, 200, "by its name as audience too");
        let next = ask(&library, &given.access(), &[("resource", PRINTER)]).await;
        assert_eq!(claims_of(&next.access())["act"], json!({ "sub": library.id, "edu_called_at": LIBRARY, "act": { "sub": grades.id, "edu_called_at": GRADES } }));
        let printer = service(&app, PRINTER, &[PAPER], "paper").await;
        let third = ask(&printer, &next.access(), &[("resource", PAPER)]).await;
        assert_eq!(third.status, 200, "{third:?}");
        let paper = service(&app, PAPER, &[PRINTER], "print").await;
        let fourth = ask(&paper, &third.access(), &[("resource", PRINTER)]).await;
        assert_eq!((fourth.status, fourth.error()), (400, "invalid_request"), "passed on too often");
    }

    async fn only_what_it_was_called_with_and_only_what_was_registered(app: TestApp) {
        resources(&app).await;
        let (platform, token) = called_with(&app).await;
        let api = app.api();
        let grades = service(&app, GRADES, &[LIBRARY, GRADES, &api], "library.read grades.read grades.write mingji.admin").await;
        let library = service(&app, LIBRARY, &[GRADES], "grades.read").await;
        let own = machine(&app, json!({})).await;
        let own = ask_own(&own, &[]).await.access();
        let plain = app.teacher().sign_in(&app.client("platform_a")).await;
        for (what, subject) in [
            ("not a token", "x.y.z".to_owned()),
            ("about nobody", own),
            ("for userinfo", plain.access()),
            ("an ID token", plain.text("id_token")),
            ("a refresh token", plain.refresh()),
        ] {
            let refused = ask(&grades, &subject, &[("resource", LIBRARY)]).await;
            assert_eq!((refused.status, refused.error()), (400, "invalid_request"), "{what}");
        }
        assert_eq!(ask(&library, &token, &[("resource", GRADES)]).await.error(), "invalid_request", "it was called by nobody with that");
        assert_eq!(ask(&platform, &token, &[("resource", LIBRARY)]).await.error(), "unauthorized_client");
        for (own, error) in [
            (vec![("resource", PRINTER)], "invalid_target"),
            (vec![("resource", "https://nowhere.example/")], "invalid_target"),
            (vec![("resource", api.as_str())], "invalid_target"),
            (vec![], "invalid_request"),
            (vec![("resource", LIBRARY), ("audience", LIBRARY)], "invalid_target"),
            (vec![("resource", LIBRARY), ("resource", GRADES)], "invalid_target"),
            (vec![("resource", LIBRARY), ("scope", "library.lend")], "invalid_scope"),
            (vec![("resource", LIBRARY), ("scope", "library.read library.lend")], "invalid_scope"),
            (vec![("resource", GRADES), ("scope", "grades.write")], "invalid_scope"),
            (vec![("resource", LIBRARY), ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")], "invalid_request"),
            (vec![("resource", LIBRARY), ("subject_token_type", "")], "invalid_request"),
            (vec![("resource", LIBRARY), ("subject_token", "")], "invalid_request"),
            (vec![("resource", LIBRARY), ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")], "invalid_request"),
            (vec![("resource", LIBRARY), ("actor_token", "x")], "invalid_request"),
        ] {
            let refused = ask(&grades, &token, &own).await;
            assert_eq!((refused.status, refused.error()), (400, error), "{own:?}");
        }
        let same = ask(&grades, &token, &[("resource", GRADES)]).await;
        assert_eq!(claims_of(&same.access())["scope"], "grades.read", "at its own place no more than it was called with");
        app.pass(Duration::from_secs(301));
        assert_eq!(ask(&grades, &token, &[("resource", LIBRARY)]).await.error(), "invalid_request", "it has ended");
    }

    /// A way round would give back what was cut off.
    async fn no_call_comes_back_to_where_it_was(app: TestApp) {
        resources(&app).await;
        let (_, token) = called_with(&app).await;
        let both = app.register_machine(json!({
            "redirect_uris": null, "response_types": [], "grant_types": [GRANT], "edu_serves": [GRADES, LIBRARY], "edu_resources": [GRADES, LIBRARY],
            "scope": "grades.read grades.write library.read", "edu_client_kind": "platform", "edu_lawful_basis": "statutory",
        })).await;
        let there = ask(&both, &token, &[("resource", LIBRARY)]).await;
        assert_eq!(there.status, 200, "{there:?}");
        for own in [vec![("resource", GRADES)], vec![("resource", GRADES), ("scope", "grades.write")]] {
            assert_eq!(ask(&both, &there.access(), &own).await.error(), "invalid_target");
        }
    }

    /// R8: about a child a service needs a receipt or a duty of its own.
    async fn about_a_child_only_whoever_may_hear_of_children(app: TestApp) {
        resources(&app).await;
        let rp = app.register(json!({ "edu_resources": [GRADES], "scope": "openid grades.read" })).await;
        let wanted = rp.ask().with("scope", "openid grades.read").with("resource", GRADES);
        let token = app.child().sign_in_with(&rp, wanted).await.access();
        let duty = service(&app, GRADES, &[LIBRARY], "library.read").await;
        let none = app.register_machine(json!({
            "redirect_uris": null, "response_types": [], "grant_types": [GRANT], "edu_serves": [GRADES], "edu_resources": [LIBRARY],
            "scope": "library.read", "edu_client_kind": "platform",
        })).await;
        assert_eq!(ask(&none, &token, &[("resource", LIBRARY)]).await.error(), "invalid_request");
        assert_eq!(ask(&duty, &token, &[("resource", LIBRARY)]).await.status, 200);
        let (_, teachers) = called_with(&app).await;
        assert_eq!(ask(&none, &teachers, &[("resource", LIBRARY)]).await.status, 200);
    }

    async fn what_was_bound_stays_bound(app: TestApp) {
        // Proofs name whole seconds: one of the second of our start counts as made before it.
        app.pass(Duration::from_secs(1));
        resources(&app).await;
        let rp = app.register(json!({ "edu_resources": [GRADES], "scope": "openid grades.read" })).await;
        let (key, own) = (ClientKey::es256(), ClientKey::es256());
        let arrived = app.teacher().arrive_with(&rp, rp.ask().with("scope", "openid grades.read").with("resource", GRADES)).await;
        let form = rp.redemption(&arrived.ask, &arrived.code);
        let token = rp.post_with("/token", &form, &[("dpop", proof(&app, &key, "/token"))]).await.access();
        let grades = service(&app, GRADES, &[LIBRARY], "library.read").await;
        assert_eq!(ask(&grades, &token, &[("resource", LIBRARY)]).await.error(), "invalid_request");
        let form = [("grant_type", GRANT.into()), ("subject_token", token), ("subject_token_type", TOKEN.into()), ("resource", LIBRARY.into())];
        let given = grades.post_with("/token", &form, &[("dpop", proof(&app, &own, "/token"))]).await;
        assert_eq!((given.status, given.text("token_type").as_str()), (200, "DPoP"), "{given:?}");
        assert!(claims_of(&given.access())["cnf"]["jkt"].is_string());
    }

    async fn who_was_taken_out_of_use_takes_its_calls_along(app: TestApp) {
        resources(&app).await;
        let (platform, token) = called_with(&app).await;
        let grades = service(&app, GRADES, &[LIBRARY], "library.read").await;
        let library = service(&app, LIBRARY, &[PRINTER], "print").await;
        let printer = service(&app, PRINTER, &[PAPER], "paper").await;
        let there = ask(&grades, &token, &[("resource", LIBRARY)]).await.access();
        let next = ask(&library, &there, &[("resource", PRINTER)]).await.access();
        assert_eq!(told(&printer, &next).await["active"], true);
        let suspend = async |id: &str, status| {
            app.app.set_client_status(&app.operator(), id.parse().unwrap(), status).await.unwrap();
            app.pass(Duration::from_secs(3));
        };
        for id in [&grades.id, &platform.id] {
            suspend(id, ClientStatus::Suspended).await;
            assert_eq!(told(&printer, &next).await, json!({ "active": false }));
            assert_eq!(ask(&printer, &next, &[("resource", PAPER)]).await.error(), "invalid_request");
            suspend(id, ClientStatus::Active).await;
        }
    }

    async fn what_follows_from_a_sign_in_ends_with_it(app: TestApp) {
        resources(&app).await;
        let rp = app.register(json!({ "edu_resources": [GRADES], "scope": "openid grades.read" })).await;
        let grades = service(&app, GRADES, &[LIBRARY], "library.read").await;
        let library = service(&app, LIBRARY, &[PRINTER], "print").await;
        let mut teacher = app.teacher();
        let wanted = rp.ask().with("scope", "openid grades.read").with("resource", GRADES);
        let token = teacher.sign_in_with(&rp, wanted).await.access();
        let given = ask(&grades, &token, &[("resource", LIBRARY)]).await.access();
        let other = ask(&grades, &token, &[("resource", LIBRARY)]).await.access();
        assert_eq!(rp.post("/revoke", &[("token", given.clone())]).await.error(), "unauthorized_client", "another's");
        assert_eq!(grades.post("/revoke", &[("token", given.clone())]).await.status, 200);
        assert_eq!(told(&library, &given).await, json!({ "active": false }));
        assert_eq!(ask(&library, &given, &[("resource", PRINTER)]).await.error(), "invalid_request", "given back");
        let active = |seen: Value| seen["active"].as_bool().unwrap();
        assert!(active(told(&library, &other).await) && active(told(&grades, &token).await), "that one, and nothing else");
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        assert!(!active(told(&library, &other).await) && !active(told(&grades, &token).await), "she signed out");
        for (rp, token, next) in [(&grades, &token, LIBRARY), (&library, &other, PRINTER)] {
            assert_eq!(ask(rp, token, &[("resource", next)]).await.error(), "invalid_request");
        }
    }
}

/// Whoever is called in somebody's name without asking her is a part of the system, and proves itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_registers_himself_for_it() {
    let app = open_door(Opening::Open).await;
    run_on(app, |app: TestApp| async move {
        resources(&app).await;
        let service = json!({
            "response_types": [], "grant_types": [GRANT], "edu_serves": [GRADES], "edu_resources": [LIBRARY], "edu_client_kind": "platform",
        });
        assert_eq!(register(&app, None, service.clone()).await.error(), "invalid_client_metadata");
        let good = serde_json::from_value(service.clone()).unwrap();
        assert!(app.app.create_client(&app.operator(), good).await.is_ok(), "the operator may");
        for own in [
            json!({ "edu_client_kind": "application" }),
            json!({ "token_endpoint_auth_method": "none" }),
            json!({ "edu_serves": [] }),
            json!({ "edu_resources": [] }),
        ] {
            let mut metadata = service.clone();
            metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            metadata.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            let metadata = serde_json::from_value(metadata).unwrap();
            assert!(app.app.create_client(&app.operator(), metadata).await.is_err(), "{own}");
        }
    })
    .await;
}
