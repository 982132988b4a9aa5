//! Types of authorization details (RFC 9396): who may register for them, what of them is told, and what becomes of what was
//! agreed to when they change.

use std::time::Duration;

use mingji::domain::oidc::initial_token::Opening;
use serde_json::{Value, json};

use super::authorization_details::{
    BOOKING, EXPORT, asking, booking, define, details, export, given, platform, refresh, server, told, types, wish,
};
use super::client_credentials::GRADES;
use super::registration::{manage, open_door, register, relying_party};
use crate::support::app::{TestApp, both_engines, run_on};
use crate::support::relying_party::{Answer, Ask, RelyingParty, claims_of};

/// Another process would see it within two seconds.
const A_WHILE: Duration = Duration::from_secs(3);

async fn silently(visitor: &mut crate::support::visitor::Visitor, rp: &RelyingParty, ask: &Ask) -> String {
    let answer = visitor.browser.open(&rp.url(&ask.clone().with("prompt", "none"))).await.answer();
    answer.get("error").cloned().unwrap_or_default()
}

both_engines! {
    async fn discovery_names_them_when_there_are_any(app: TestApp) {
        let member = "authorization_details_types_supported";
        assert!(app.discovery().await[member].is_null());
        types(&app).await;
        assert_eq!(app.discovery().await[member], json!([EXPORT, BOOKING]));
        let other = app.http.get(app.at("/.well-known/oauth-authorization-server")).send().await.unwrap();
        assert_eq!(other.json::<Value>().await.unwrap()[member], json!([EXPORT, BOOKING]));
        app.app.remove_authorization_type(&app.operator(), BOOKING).await.unwrap();
        assert_eq!(app.discovery().await[member], json!([EXPORT]));
        assert!(app.app.remove_authorization_type(&app.operator(), BOOKING).await.is_err());
    }

    async fn a_type_that_means_something_else_asks_again(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let grades = server(&app, GRADES).await;
        let mut teacher = app.teacher();
        let ask = asking(&rp, &wish(&["read"], "1"));
        let tokens = teacher.sign_in_with(&rp, ask.clone()).await;
        assert_eq!(silently(&mut teacher, &rp, &ask).await, "");
        let mut other = export();
        other["description"]["zh"] = json!("把成绩单公开。");
        define(&app, other).await;
        app.pass(A_WHILE);
        assert_eq!(silently(&mut teacher, &rp, &ask).await, "consent_required");
        assert_eq!(told(&grades, &tokens.access()).await["authorization_details"], Value::Null, "nor is the old word good for it");
        let refreshed = refresh(&rp, &tokens, &[]).await;
        assert_eq!((refreshed.status, claims_of(&refreshed.access())["aud"].clone()), (200, json!(app.issuer)), "nobody is signed out");
        assert!(refreshed.body["authorization_details"].is_null());
        define(&app, export()).await;
        app.pass(A_WHILE);
        assert_eq!(refresh(&rp, &tokens, &[]).await.body["authorization_details"], given(&["read"], "1"), "as she read it");
        app.app.remove_authorization_type(&app.operator(), EXPORT).await.unwrap();
        app.pass(A_WHILE);
        assert_eq!(silently(&mut teacher, &rp, &ask).await, "invalid_authorization_details");
        assert!(refresh(&rp, &tokens, &[]).await.body["authorization_details"].is_null());
    }

    /// Between her looking at the page and her answer.
    async fn what_changed_while_she_read_is_shown_again(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let ask = asking(&rp, &wish(&["read"], "1"));
        let page = teacher.browser.open(&rp.url(&ask)).await;
        let page = teacher.type_password(&page).await;
        let mut other = export();
        other["actions"]["values"]["read"] = json!({ "zh": "公开", "en": "publish" });
        define(&app, other).await;
        app.pass(A_WHILE);
        let page = teacher.browser.press(&page, "decision", "allow").await;
        assert!(page.text_of("details").is_some_and(|said| said.contains("公开")), "{page:#?}");
        app.app.remove_authorization_type(&app.operator(), EXPORT).await.unwrap();
        app.pass(A_WHILE);
        let answer = teacher.browser.press(&page, "decision", "allow").await.answer();
        assert_eq!(answer["error"], "invalid_authorization_details");
    }

    /// A code lives a minute: what was taken away meanwhile is not in its tokens.
    async fn a_client_that_lost_a_type_lost_what_was_granted(app: TestApp) {
        types(&app).await;
        let open = app.app.issue_initial_token(&app.operator(), mingji::domain::oidc::initial_token::Policy {
            grant_types: vec!["authorization_code".into(), "refresh_token".into()], scope: None, require_pkce: true,
        }, 9, A_WHILE * 100).await.unwrap();
        let initial = secrecy::ExposeSecret::expose_secret(&open.1).to_owned();
        let own = json!({ "authorization_details_types": [BOOKING], "scope": "openid profile" });
        let answer = register(&app, Some(&initial), own).await;
        assert_eq!((answer.status, &answer.body["authorization_details_types"]), (201, &json!([BOOKING])), "{answer:?}");
        let rp = relying_party(&app, &answer);
        let ask = asking(&rp, &json!([{ "type": BOOKING, "locations": [GRADES] }]));
        let tokens = app.teacher().sign_in_with(&rp, ask).await;
        assert_eq!(tokens.body["authorization_details"], json!([{ "type": BOOKING, "locations": [GRADES] }]), "{tokens:?}");
        let mut smaller = answer.body.clone();
        let keeper = answer.text("registration_access_token");
        for gone in ["authorization_details_types", "registration_access_token", "registration_client_uri", "client_id_issued_at", "client_secret_expires_at"] {
            smaller.as_object_mut().unwrap().remove(gone);
        }
        let updated = manage(&app, reqwest::Method::PUT, &answer, &keeper, Some(smaller)).await;
        assert_eq!(updated.status, 200, "{updated:?}");
        app.pass(A_WHILE);
        let refreshed = refresh(&rp, &tokens, &[]).await;
        assert!(refreshed.status == 200 && refreshed.body["authorization_details"].is_null(), "{refreshed:?}");
    }

    /// The operator closes a type to those whom nobody vouches for: whoever has it has it no more.
    async fn a_type_that_is_closed_is_closed_to_those_who_had_it(app: TestApp) {
        types(&app).await;
        let open = app.app.issue_initial_token(&app.operator(), mingji::domain::oidc::initial_token::Policy {
            grant_types: vec!["authorization_code".into(), "refresh_token".into()], scope: None, require_pkce: true,
        }, 9, A_WHILE * 100).await.unwrap();
        let initial = secrecy::ExposeSecret::expose_secret(&open.1).to_owned();
        let rp = relying_party(&app, &register(&app, Some(&initial), json!({ "authorization_details_types": [BOOKING] })).await);
        let vouched = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let ask = |rp: &RelyingParty| asking(rp, &json!([{ "type": BOOKING, "locations": [GRADES] }]));
        let tokens = teacher.sign_in_with(&rp, ask(&rp)).await;
        let kept = teacher.sign_in_with(&vouched, ask(&vouched)).await;
        assert!(tokens.body["authorization_details"].is_array());
        let mut closed = booking();
        closed["self_registered"] = json!(false);
        define(&app, closed).await;
        app.pass(A_WHILE);
        assert_eq!(silently(&mut teacher, &rp, &ask(&rp)).await, "invalid_authorization_details");
        let refreshed = refresh(&rp, &tokens, &[]).await;
        assert!(refreshed.status == 200 && refreshed.body["authorization_details"].is_null(), "{refreshed:?}");
        assert!(refresh(&vouched, &kept, &[]).await.body["authorization_details"].is_array(), "the operator's own has it still");
    }

    async fn details_that_nobody_was_asked_for_are_named_in_the_refusal(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let tokens = app.teacher().sign_in(&rp).await;
        let more = refresh(&rp, &tokens, &[details(&wish(&["read"], "1"))]).await;
        assert_eq!((more.status, more.error()), (400, "invalid_authorization_details"), "{more:?}");
    }

    /// What a client writes is between quotes that it cannot close, and one value does not look like two.
    async fn free_text_says_where_it_ends(app: TestApp) {
        types(&app).await;
        let mut kind = export();
        kind["datatypes"] = json!({ "longest": 40 });
        define(&app, kind).await;
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        teacher.knock().await;
        let of = |identifier: &str, data: Value| json!([{ "type": EXPORT, "actions": ["read"], "identifier": identifier, "datatypes": data }]);
        for bad in [
            of("1”、“全部", json!(["a"])),
            of("1\" \"2", json!(["a"])),
            of("+8613800138000", json!(["a"])),
            of("1", json!(["语文、数学", "英语"])),
            of("1", json!(["a/b", "c"])),
            of("1", json!(["11010519", "491231002X"])),
        ] {
            assert_eq!(silently(&mut teacher, &rp, &asking(&rp, &bad)).await, "invalid_authorization_details", "{bad}");
        }
        let good = asking(&rp, &of("2026-09 A/B", json!(["语文", "数学"])));
        let page = teacher.browser.open(&rp.url(&good)).await;
        assert!(page.text.contains("<bdi>“2026-09 A/B”</bdi>") && page.text.contains("<bdi>“语文”</bdi>"), "{page:#?}");
    }

    async fn the_operator_registers_what_is_defined_and_defines_what_can_be_read(app: TestApp) {
        types(&app).await;
        let metadata = serde_json::from_value(json!({
            "redirect_uris": ["https://rp.example/callback"], "authorization_details_types": [EXPORT, "unknown"],
        })).unwrap();
        assert!(app.app.create_client(&app.operator(), metadata).await.is_err());
        let with = |name: &str, value: Value| {
            let mut kind = export();
            kind[name] = value;
            kind
        };
        for bad in [
            with("type", json!("two words")),
            with("title", json!({ "zh": "导出成绩", "en": " " })),
            with("resources", json!([])),
            with("resources", json!(["https://nowhere.example/"])),
            with("resources", json!([app.api()])),
            with("actions", json!({})),
            with("actions", json!({ "values": {} })),
            with("actions", json!({ "values": { "a": { "zh": "甲", "en": "a" } }, "longest": 5 })),
            with("identifier", json!({ "longest": 1000 })),
            with("description", json!({ "zh": "甲\u{200b}", "en": "a" })),
        ] {
            let kind = serde_json::from_value(bad.clone()).unwrap();
            assert!(app.app.define_authorization_type(&app.operator(), &kind).await.is_err(), "{bad}");
        }
        for unread in [with("other", json!(1)), with("title", json!({ "zh": "只有中文" })), with("actions", json!({ "any": true }))] {
            assert!(serde_json::from_value::<mingji::domain::oidc::authorization_type::AuthorizationType>(unread).is_err());
        }
    }
}

/// Whoever registers himself gets the types that the operator left open to such, and she still has to say yes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_register_for_open_types_alone() {
    let app = open_door(Opening::Open).await;
    run_on(app, |app: TestApp| async move {
        types(&app).await;
        let answer = async |types: Value| -> Answer {
            register(&app, None, json!({ "authorization_details_types": types })).await
        };
        for closed in [json!([EXPORT]), json!([BOOKING, EXPORT]), json!(["unknown"])] {
            let refused = answer(closed.clone()).await;
            assert_eq!((refused.status, refused.error()), (400, "invalid_client_metadata"), "{closed}");
        }
        let rp = relying_party(&app, &answer(json!([BOOKING])).await);
        let mut teacher = app.teacher();
        teacher.knock().await;
        let ask = asking(&rp, &json!([{ "type": BOOKING, "locations": [GRADES] }]));
        assert_eq!(silently(&mut teacher, &rp, &ask).await, "consent_required");
        assert_eq!(teacher.sign_in_with(&rp, ask).await.body["authorization_details"][0]["type"], BOOKING);
    })
    .await;
}
