//! The `claims` parameter (OpenID Connect Core, 5.5), and what it may not get around.

use mingji::domain::oidc::scope::ScopeSet;
use serde_json::{Value, json};

use crate::support::app::both_engines;
use crate::support::database::select_texts;
use crate::support::relying_party::{Ask, RelyingParty, claims_of};

/// A request for a subject and these claims, and nothing else.
fn ask_for(rp: &RelyingParty, claims: &Value) -> Ask {
    rp.ask().with("scope", "openid").with("claims", &claims.to_string())
}

both_engines! {
    async fn each_claim_is_told_where_it_was_asked_for_and_no_other(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let claims = json!({
            "id_token": { "nickname": null, "auth_time": { "essential": true } },
            "userinfo": { "name": { "essential": true }, "edu_classes": null, "shoe_size": null },
        });
        let tokens = teacher.sign_in_with(&rp, ask_for(&rp, &claims)).await;
        let refreshed = rp.refresh(&tokens.refresh()).await;
        for tokens in [&tokens, &refreshed] {
            let (token, told) = (tokens.id_claims(), rp.userinfo(&tokens.access()).await.body);
            assert!(token["nickname"].is_string() && token["auth_time"].is_i64(), "{token}");
            assert!(told["name"].is_string() && told["edu_classes"].is_array(), "{told}");
            for silent in ["given_name", "nickname", "email", "edu_identities", "shoe_size"] {
                assert!(told[silent].is_null(), "{silent} at userinfo");
            }
            assert!(token["name"].is_null() && token["edu_classes"].is_null(), "{token}");
        }
        let bare = teacher.sign_in_with(&rp, rp.ask().with("scope", "openid")).await;
        assert!(rp.userinfo(&bare.access()).await.body["name"].is_null(), "asked once is not asked for ever");
    }

    async fn verified_claims_bring_the_name_that_they_assert_and_not_the_other_one(app: TestApp) {
        let rp = app.client("platform_a");
        let claims = json!({
            "id_token": { "verified_claims": null, "gender": null },
            "userinfo": { "verified_claims": null, "birthdate": null, "edu_guardians": null },
        });
        let tokens = app.teacher().sign_in_with(&rp, ask_for(&rp, &claims)).await;
        let (token, told) = (tokens.id_claims(), rp.userinfo(&tokens.access()).await.body);
        for verified in [&token["verified_claims"], &told["verified_claims"]] {
            assert_eq!(verified["verification"]["assurance_level"], "2", "{verified}");
            assert!(verified["claims"]["name"].is_string(), "{verified}");
        }
        assert!(token["gender"].is_string() && token["birthdate"].is_null() && token["name"].is_null(), "{token}");
        assert!(told["birthdate"].is_string() && told["gender"].is_null() && told["name"].is_null(), "{told}");
        assert_eq!(told["edu_guardians"], json!([]), "she is grown up");
    }

    async fn a_relative_whom_an_id_token_names_keeps_her_subject(app: TestApp) {
        let rp = app.register(json!({
            "edu_client_kind": "application", "edu_lawful_basis": null, "redirect_uris": ["https://homework.example/cb"],
        })).await;
        let (child, father) = (app.person("child_under14").person_id, app.person("guardian_of_two").person_id);
        app.app.record_guardian_consent(&app.operator(), child, father, &rp.id, &ScopeSet::parse("edu.guardian")).await.unwrap();
        let claims = json!({ "id_token": { "edu_children": null } });
        let token = app.visitor("guardian_of_two").sign_in_with(&rp, ask_for(&rp, &claims)).await.id_claims();
        let told = token["edu_children"].as_array().unwrap();
        let sub = told[0]["sub"].as_str().unwrap();
        assert!(told.len() == 1 && sub != child.to_string(), "{token}");
        assert!(token["edu_guardians"].is_null(), "{token}");
        let kept = format!("SELECT p.name FROM subject s JOIN person p ON p.id = s.person_id WHERE s.sub = '{sub}'");
        assert_eq!(select_texts(&app.database.url, &kept).await, ["刘雨桐"]);
    }

    async fn a_vendor_is_told_only_what_she_agreed_to(app: TestApp) {
        let rp = app.client("vendor");
        let mut teacher = app.teacher();
        teacher.sign_in_with(&rp, rp.ask().with("scope", "openid")).await;
        let claims = json!({ "userinfo": { "name": null } });
        let silent = teacher.browser.open(&rp.url(&ask_for(&rp, &claims).with("prompt", "none"))).await;
        assert_eq!(silent.answer()["error"], "consent_required");
        let page = teacher.browser.open(&rp.url(&ask_for(&rp, &claims))).await;
        assert_eq!(page.buttons("decision"), ["allow", "deny"], "{}", page.text);
        let tokens = teacher.sign_in_with(&rp, ask_for(&rp, &claims)).await;
        assert!(rp.userinfo(&tokens.access()).await.body["name"].is_string());
        app.app.withdraw_consent(&app.operator(), teacher.person.person_id, &rp.id).await.unwrap();
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
    }

    async fn what_the_client_did_not_register_for_is_not_told_by_claims(app: TestApp) {
        let rp = app.client("vendor");
        let claims = json!({ "userinfo": { "edu_children": null, "email": { "essential": true } }, "id_token": { "phone_number": null } });
        let tokens = app.visitor("guardian_of_two").sign_in_with(&rp, ask_for(&rp, &claims)).await;
        let told = rp.userinfo(&tokens.access()).await.body;
        assert!(told["edu_children"].is_null() && told["email"].is_null(), "{told}");
        assert!(tokens.id_claims()["phone_number"].is_null());
    }

    async fn a_child_is_not_told_by_claims_either(app: TestApp) {
        let rp = app.client("vendor");
        let claims = json!({ "id_token": { "name": null }, "userinfo": { "birthdate": null } });
        let page = app.child().go(&rp, &ask_for(&rp, &claims)).await;
        assert!(page.has("guardian-consent-needed"), "{page:#?}");
    }

    async fn phone_and_mail_need_a_receipt_that_names_them_in_the_id_token_too(app: TestApp) {
        let rp = app.client("platform_a");
        let claims = json!({ "id_token": { "email": null, "phone_number": { "essential": true } } });
        let mut teacher = app.teacher();
        let before = teacher.sign_in_with(&rp, ask_for(&rp, &claims)).await.id_claims();
        assert!(before["email"].is_null() && before["phone_number"].is_null(), "{before}");
        let agreed = teacher.sign_in_with(&rp, ask_for(&rp, &claims).with("prompt", "consent")).await.id_claims();
        assert!(agreed["email"].is_string() && agreed["phone_number"].is_string(), "{agreed}");
        assert!(agreed["email_verified"].is_null(), "not asked for");
    }

    async fn a_subject_that_is_named_is_that_person_or_nobody(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let own = teacher.sign_in(&rp).await;
        let named = |sub: &Value| ask_for(&rp, &json!({ "id_token": { "sub": { "value": sub } } })).with("prompt", "none");
        let sub = own.id_claims()["sub"].clone();
        assert!(teacher.browser.open(&rp.url(&named(&sub))).await.answer().contains_key("code"));
        let other = json!(app.person("guardian_of_two").person_id.to_string());
        assert_eq!(teacher.browser.open(&rp.url(&named(&other))).await.answer()["error"], "login_required");
        let both = named(&other).with("id_token_hint", &own.text("id_token"));
        assert_eq!(teacher.browser.open(&rp.url(&both)).await.answer()["error"], "invalid_request");
    }

    async fn an_essential_acr_is_reached_or_refused(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let want = |wish: Value| ask_for(&rp, &json!({ "id_token": { "acr": wish } }));
        let refused = teacher.browser.open(&rp.url(&want(json!({ "essential": true, "values": ["urn:other"] })))).await;
        assert_eq!(refused.answer()["error"], "unmet_authentication_requirements", "before anybody types a password");
        for wish in [
            json!({ "essential": true, "values": ["urn:other", "urn:edu-cn:acr:pwd"] }),
            json!({ "essential": true }),
            json!({ "values": ["urn:other"] }),
            Value::Null,
        ] {
            let token = teacher.sign_in_with(&rp, want(wish.clone())).await.id_claims();
            assert_eq!(token["acr"], "urn:edu-cn:acr:pwd", "{wish}");
        }
        let token = teacher.sign_in_with(&rp, rp.ask().with("acr_values", "urn:other 1 2")).await.id_claims();
        assert_eq!(token["acr"], "urn:edu-cn:acr:pwd", "acr_values is a wish");
    }

    async fn nonsense_is_refused_and_not_repeated(app: TestApp) {
        let rp = app.client("platform_a");
        let mut browser = app.teacher().browser;
        let long = format!("{{\"userinfo\":{{\"{}\":null}}}}", "x".repeat(5000));
        for bad in ["<script>", "[]", "{\"id_token\":7}", "{\"userinfo\":{\"name\":\"x\"}}", &long] {
            let page = browser.open(&rp.url(&rp.ask().with("claims", bad))).await;
            assert_eq!(page.answer()["error"], "invalid_request", "{bad}");
        }
    }

    async fn a_lone_id_token_tells_its_own_claims(app: TestApp) {
        let rp = app.register(json!({ "grant_types": ["implicit"], "response_types": ["id_token"] })).await;
        let claims = json!({ "id_token": { "name": { "essential": true } }, "userinfo": { "nickname": null } });
        let answer = app.teacher().go(&rp, &ask_for(&rp, &claims).with("response_type", "id_token")).await.answer();
        let token = claims_of(&answer["id_token"]);
        assert!(token["name"].is_string() && token["nickname"].is_null(), "{token}");
    }
}
