//! What whoever registered himself tries after that: to see other clients' subjects, and to show people another face.

use std::time::Duration;

use mingji::domain::oidc::initial_token::Policy;
use reqwest::Method;
use serde_json::{Value, json};

use super::registration::{initial_token, manage, metadata, register, relying_party};
use crate::support::app::{TestApp, both_engines};
use crate::support::relying_party::{Answer, RelyingParty};

/// What a client calls the teacher.
async fn sub_at(rp: &RelyingParty) -> String {
    app_sub(&rp.app.teacher().sign_in(rp).await)
}

fn app_sub(tokens: &Answer) -> String {
    tokens.id_claims()["sub"].as_str().unwrap().to_owned()
}

/// A vendor's application that the operator registered.
async fn victim(app: &TestApp) -> RelyingParty {
    let own = json!({
        "edu_client_kind": "application", "edu_lawful_basis": null, "redirect_uris": ["https://victim.example/cb"],
    });
    app.register(own).await
}

/// Changes members of a registration; the answer.
async fn put(app: &TestApp, registered: &Answer, own: Value) -> Answer {
    let mut document = metadata(own);
    document["client_id"] = json!(registered.text("client_id"));
    manage(app, Method::PUT, registered, &registered.text("registration_access_token"), Some(document)).await
}

both_engines! {
    async fn nobody_registers_himself_into_a_sector_of_others(app: TestApp) {
        let victim = sub_at(&victim(&app).await).await;
        let person = app.person("full_claims").person_id.to_string();
        let token = initial_token(&app, 4).await;
        let mut known = vec![victim, person];
        for own in [
            json!({ "redirect_uris": ["https://victim.example/cb"] }),
            json!({ "redirect_uris": ["https://system/cb"] }),
            json!({ "redirect_uris": ["victim.example:/cb"], "application_type": "native" }),
            json!({ "redirect_uris": ["https://victim.example/cb", "https://other.example/cb"] }),
        ] {
            let registered = register(&app, Some(&token), own.clone()).await;
            assert_eq!(registered.status, 201, "{own}");
            let sub = sub_at(&relying_party(&app, &registered)).await;
            assert!(!known.contains(&sub), "{own}");
            known.push(sub);
        }
    }

    async fn several_hosts_need_a_list_only_where_the_client_asks_to_be_pairwise(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let two = json!(["https://rp.example/cb", "https://other.example/cb"]);
        let pairwise = json!({ "redirect_uris": two, "subject_type": "pairwise" });
        assert_eq!(register(&app, Some(&token), pairwise).await.error(), "invalid_client_metadata");
        let registered = register(&app, Some(&token), json!({ "redirect_uris": two })).await;
        assert_eq!((registered.status, registered.text("subject_type")), (201, "pairwise".into()));
        // What it reads it may send back.
        let back = json!({ "redirect_uris": two, "subject_type": "pairwise" });
        assert_eq!(put(&app, &registered, back).await.status, 200);
        let other = json!({ "redirect_uris": ["https://rp.example/cb", "https://third.example/cb"], "subject_type": "pairwise" });
        assert_eq!(put(&app, &registered, other).await.error(), "invalid_client_metadata");
    }

    async fn moving_to_anothers_host_moves_no_subject(app: TestApp) {
        let victim = sub_at(&victim(&app).await).await;
        let token = initial_token(&app, 1).await;
        let registered = register(&app, Some(&token), json!({})).await;
        let thief = relying_party(&app, &registered);
        let first = sub_at(&thief).await;
        let arrived = app.teacher().arrive(&thief).await;
        let moved = json!({ "redirect_uris": ["https://victim.example/cb"] });
        assert_eq!(put(&app, &registered, moved).await.status, 200);
        assert_eq!(thief.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
        let moved = RelyingParty { redirect_uri: "https://victim.example/cb".into(), ..thief };
        let sub = sub_at(&moved).await;
        assert!(sub == first && sub != victim);
    }

    async fn who_shows_himself_otherwise_asks_again(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let registered = register(&app, Some(&token), json!({})).await;
        let rp = relying_party(&app, &registered);
        let mut teacher = app.teacher();
        for (own, again) in [
            (json!({ "contacts": ["a@rp.example"] }), false),
            (json!({ "client_name": "教育部" }), true),
            (json!({ "client_name": "教育部", "client_name#en": "Ministry" }), true),
            (json!({ "client_name": "教育部", "policy_uri": "https://rp.example/p" }), true),
            (json!({ "client_name": "教育部", "tos_uri": "https://rp.example/t" }), true),
            (json!({ "client_name": "甲", "redirect_uris": ["https://rp.example/callback"] }), true),
            (json!({ "client_name": "甲", "redirect_uris": ["https://rp.example/callback", "https://rp.example/2"] }), false),
            // The face that she agreed to first.
            (json!({}), false),
        ] {
            let tokens = teacher.sign_in(&rp).await;
            assert_eq!(put(&app, &registered, own.clone()).await.status, 200, "{own}");
            let (refreshed, told) = (rp.refresh(&tokens.refresh()).await, rp.userinfo(&tokens.access()).await);
            let expected = if again { ("invalid_grant", 401) } else { ("", 200) };
            assert_eq!((refreshed.error(), told.status), expected, "{own}");
            let page = teacher.browser.open(&rp.url(&rp.ask())).await;
            assert_eq!(page.asks_for("decision"), again, "{own}: {page:#?}");
        }
    }

    async fn nobody_agrees_to_what_the_page_did_not_show(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let registered = register(&app, Some(&token), json!({ "contacts": ["kefu@rp.example"] })).await;
        let rp = relying_party(&app, &registered);
        let mut teacher = app.teacher();
        teacher.knock().await;
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        let page = match page.buttons("identity").first().cloned() {
            Some(identity) => teacher.browser.press(&page, "identity", &identity).await,
            None => page,
        };
        // Whom to ask, and what goes along with every sign-in whatever is asked for (PIPL 17 and 23).
        assert!(page.asks_for("decision") && ["kefu@rp.example", "正在使用的身份"].iter().all(|said| page.text.contains(said)), "{page:#?}");
        assert_eq!(put(&app, &registered, json!({ "client_name": "教育部" })).await.status, 200);
        let again = teacher.browser.press(&page, "decision", "allow").await;
        assert!(again.asks_for("decision"), "{again:#?}");
        assert!(teacher.browser.press(&again, "decision", "allow").await.answer().contains_key("code"));
    }

    async fn what_it_wants_read_is_linked_before_anybody_signs_in(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let papers = json!({ "policy_uri": "https://rp.example/privacy", "tos_uri": "https://rp.example/terms" });
        let rp = relying_party(&app, &register(&app, Some(&token), papers).await);
        let mut browser = app.teacher().browser;
        let page = browser.open(&rp.url(&rp.ask())).await;
        let again = browser.submit(&page, "password", &[("login", "nobody"), ("password", "wrong")]).await;
        for page in [page, again] {
            assert!(page.asks_for("password"), "{page:#?}");
            for link in ["href=\"https://rp.example/privacy\"", "href=\"https://rp.example/terms\""] {
                assert!(page.text.contains(link), "{page:#?}");
            }
        }
    }

    async fn what_it_may_not_have_any_more_is_not_told(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let registered = register(&app, Some(&token), json!({ "scope": "openid profile" })).await;
        let rp = relying_party(&app, &registered);
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        assert!(rp.userinfo(&tokens.access()).await.body["name"].is_string());
        let arrived = teacher.arrive(&rp).await;
        assert_eq!(put(&app, &registered, json!({ "scope": "openid" })).await.status, 200);
        assert!(rp.userinfo(&tokens.access()).await.body["name"].is_null());
        assert_eq!(rp.refresh(&tokens.refresh()).await.text("scope"), "openid");
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.text("scope"), "openid");
    }

    async fn a_way_that_was_taken_back_is_closed_to_who_is_on_it(app: TestApp) {
        let policy = Policy {
            grant_types: vec!["authorization_code".into(), "implicit".into()],
            scope: None,
            require_pkce: true,
        };
        let token = app.app.issue_initial_token(&app.operator(), policy, 1, Duration::from_secs(60)).await.unwrap().1;
        let token = secrecy::ExposeSecret::expose_secret(&token);
        let both = json!({ "grant_types": ["authorization_code", "implicit"], "response_types": ["code", "id_token"] });
        let registered = register(&app, Some(token), both).await;
        let rp = relying_party(&app, &registered);
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&rp.url(&rp.ask().with("response_type", "id_token"))).await;
        assert!(page.asks_for("password"), "{page:#?}");
        assert_eq!(put(&app, &registered, json!({ "grant_types": ["authorization_code"] })).await.status, 200);
        let page = teacher.type_password(&page).await;
        assert!(page.has("err-client"), "{page:#?}");
    }

    async fn a_lost_keeper_is_replaced(app: TestApp) {
        let token = initial_token(&app, 1).await;
        let registered = register(&app, Some(&token), json!({})).await;
        let id = registered.text("client_id").parse().unwrap();
        let fresh = app.app.renew_registration(&app.operator(), id).await.unwrap();
        let old = registered.text("registration_access_token");
        assert_eq!(manage(&app, Method::GET, &registered, &old, None).await.status, 401);
        let fresh = secrecy::ExposeSecret::expose_secret(&fresh);
        assert_eq!(manage(&app, Method::GET, &registered, fresh, None).await.status, 200);
    }
}
