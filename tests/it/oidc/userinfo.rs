//! The userinfo endpoint: what each scope tells, and when nothing is told any more.

use std::time::Duration;

use mingji::app::relation_claim::Decider;
use mingji::domain::oidc::scope::ScopeSet;
use mingji::domain::registry::name::PersonName;
use serde_json::json;

use crate::support::app::both_engines;
use crate::support::database::select_texts;
use crate::support::relying_party::{Answer, RelyingParty};

const EVERYTHING: &str = "openid profile email phone address edu edu.class edu.guardian edu.realname space";

both_engines! {
    async fn each_scope_tells_its_own(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let bare = teacher.sign_in_with(&rp, rp.ask().with("scope", "openid")).await;
        let told = rp.userinfo(&bare.access()).await;
        assert_eq!(told.status, 200);
        assert_eq!(told.body["sub"], bare.id_claims()["sub"]);
        for silent in ["name", "email", "phone_number", "address", "edu_identities", "edu_classes", "edu_children", "verified_claims"] {
            assert!(told.body[silent].is_null(), "{silent} without its scope");
        }
        let full = teacher.sign_in_with(&rp, rp.ask().with("scope", "openid profile edu edu.class edu.realname")).await;
        let told = rp.userinfo(&full.access()).await.body;
        for claim in ["name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"] {
            assert!(!told[claim].is_null(), "{claim}");
        }
        assert_eq!(told["edu_identities"][0]["kind"], "teacher");
        assert_eq!(told["edu_classes"][0]["role"], "teacher");
        assert!(told["verified_claims"].is_object());
    }

    /// FAPI 1.0 Baseline, 6.2.1 (11): as it came, or a name of ours; nothing that is no UUID.
    async fn an_exchange_has_a_name(app: TestApp) {
        let rp = app.client("platform_a");
        let token = app.teacher().sign_in(&rp).await.access();
        let named = async |sent: Option<&str>| {
            let request = app.http.get(app.at("/userinfo")).bearer_auth(&token);
            let request = sent.map_or(request.try_clone().unwrap(), |sent| request.header("x-fapi-interaction-id", sent));
            request.send().await.unwrap().headers()["x-fapi-interaction-id"].to_str().unwrap().to_owned()
        };
        let mixed = "C770aef3-6784-41f7-8E0E-ff5f97bddb3a";
        assert_eq!(named(Some(mixed)).await, mixed);
        for sent in [None, Some("no uuid"), Some("<script>")] {
            let own = named(sent).await;
            assert!(uuid::Uuid::try_parse(&own).is_ok(), "{own}");
        }
    }

    async fn a_name_is_asserted_where_a_verification_supports_it(app: TestApp) {
        let rp = app.client("platform_a");
        let told = async |key: &str, scope: &str| {
            let tokens = app.visitor(key).sign_in_with(&rp, rp.ask().with("scope", scope)).await;
            rp.userinfo(&tokens.access()).await.body
        };
        let mut teacher = told("full_claims", "openid profile edu.realname").await["verified_claims"].take();
        let at = teacher["verification"].as_object_mut().unwrap().remove("time").unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(at.as_str().unwrap()).is_ok());
        assert_eq!(teacher, json!({
            "verification": {
                "trust_framework": "cn_edu_registry", "assurance_level": "2",
                "evidence": [{ "type": "electronic_record", "record": { "type": "teacher_db" } }],
            },
            "claims": { "name": "钟明远" },
        }));
        assert!(told("full_claims", "openid edu.realname").await["verified_claims"].is_null(), "nothing to assert without the name");
        let recorded = told("guardian_of_two", "openid profile edu.realname").await;
        assert_eq!((&recorded["edu_realname"]["level"], &recorded["name"]), (&json!(1), &json!("刘建国")));
        assert!(recorded["verified_claims"].is_null(), "a school's word is no verification");
        let refused = "UPDATE verification SET result = 'refused' WHERE person_id = (SELECT id FROM person WHERE name = '钟明远') RETURNING method";
        assert_eq!(select_texts(&app.database.url, refused).await.len(), 1);
        assert!(told("full_claims", "openid profile edu.realname").await["verified_claims"].is_null());
        let document = app.discovery().await;
        assert_eq!((&document["verified_claims_supported"], &document["claims_in_verified_claims_supported"]), (&json!(true), &json!(["name"])));
        assert!(document["electronic_records_supported"].as_array().unwrap().contains(&json!("teacher_db")));
    }

    async fn children_hear_of_their_guardians_who_agreed(app: TestApp) {
        let application = app.register(json!({
            "edu_client_kind": "application", "edu_lawful_basis": null, "redirect_uris": ["https://homework.example/cb"],
        })).await;
        let (child, father) = (app.person("child_under14").person_id, app.person("guardian_of_two").person_id);
        let school = select_texts(&app.database.url, "SELECT name FROM institution WHERE name = '瑞金市怡安希望小学'").await;
        assert_eq!(school.len(), 1);
        let wanted: ScopeSet = ScopeSet::parse("profile edu edu.guardian");
        app.app.record_guardian_consent(&app.operator(), child, father, &application.id, &wanted).await.unwrap();
        let heard = async |rp: &RelyingParty, key: &str, scope: &str| {
            let tokens = app.visitor(key).sign_in_with(rp, rp.ask().with("scope", scope)).await;
            rp.userinfo(&tokens.access()).await.body["edu_guardians"].clone()
        };
        let scope = "openid profile edu.guardian";
        let platform = app.client("platform_a");
        let of_platform = heard(&platform, "child_under14", scope).await;
        assert_eq!(of_platform, json!([{ "sub": father.to_string(), "name": "刘建国", "relation": "51", "legal": true }]));
        assert!(heard(&platform, "child_under14", "openid edu.guardian").await[0]["name"].is_null(), "a name needs its scope");
        assert!(heard(&platform, "child_under14", "openid profile").await.is_null());
        let of_application = heard(&application, "child_under14", scope).await;
        assert_eq!(of_application.as_array().unwrap().len(), 1);
        assert_ne!(of_application[0]["sub"], father.to_string(), "in its own sector");
        let his_own = app.visitor("guardian_of_two").sign_in_with(&application, application.ask().with("scope", "openid")).await;
        assert_eq!(of_application[0]["sub"], his_own.id_claims()["sub"], "and the one that he has there himself");

        // A second guardian agreed to nothing there; one whom a court keeps away is told nobody.
        let second = "INSERT INTO guardianship (id, child_id, guardian_id, relation, legal, rank, status, verified_by, restrictions, valid_from, created_at, updated_at, version)
            SELECT p.id, g.child_id, p.id, '52', g.legal, 2, 'confirmed', 'school', g.restrictions, g.valid_from, g.created_at, g.updated_at, 1
            FROM guardianship g JOIN person p ON p.name = '欧阳若兰' JOIN person c ON c.id = g.child_id WHERE c.name = '刘雨桐' RETURNING status";
        assert_eq!(select_texts(&app.database.url, second).await.len(), 1);
        assert_eq!(heard(&platform, "child_under14", scope).await.as_array().unwrap().len(), 2);
        assert_eq!(heard(&application, "child_under14", scope).await, of_application);
        let order = "UPDATE guardianship SET restrictions = '[\"no_contact\"]' WHERE relation = '52' AND child_id = (SELECT id FROM person WHERE name = '刘雨桐') RETURNING status";
        assert_eq!(select_texts(&app.database.url, order).await.len(), 1);
        assert_eq!(heard(&platform, "child_under14", scope).await, of_platform);

        // From 14 on she agrees for herself, which is not his agreement.
        assert_eq!(heard(&platform, "child_15", scope).await.as_array().unwrap().len(), 1);
        assert_eq!(heard(&application, "child_15", scope).await, json!([]));
        assert_eq!(heard(&platform, "full_claims", scope).await, json!([]));
    }

    async fn a_space_says_where_it_opens_and_vendors_cannot_join_by_it(app: TestApp) {
        let application = app.register(json!({
            "edu_client_kind": "application", "edu_lawful_basis": null, "redirect_uris": ["https://homework.example/cb"],
        })).await;
        let platform = app.client("platform_a");
        let url = async |rp: &RelyingParty| {
            let tokens = app.teacher().sign_in_with(rp, rp.ask().with("scope", "openid space")).await;
            rp.userinfo(&tokens.access()).await.body["edu_space"]["url"].clone()
        };
        assert_eq!((url(&platform).await, url(&application).await), (json!("http://localhost:8081/space"), json!("http://localhost:8081/space")));
        let own = "UPDATE space SET url = 'https://space.example/u/4711' WHERE id = (SELECT space_id FROM person WHERE name = '钟明远') RETURNING kind";
        assert_eq!(select_texts(&app.database.url, own).await.len(), 1);
        app.pass(Duration::from_secs(2));
        assert_eq!((url(&platform).await, url(&application).await), (json!("https://space.example/u/4711"), json!("http://localhost:8081/space")));
    }

    async fn phone_mail_and_address_need_a_receipt_that_names_them(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let personal = || rp.ask().with("scope", "openid email phone address");
        let before = teacher.sign_in_with(&rp, personal()).await;
        let told = rp.userinfo(&before.access()).await.body;
        assert!(told["phone_number"].is_null() && told["email"].is_null() && told["address"].is_null(), "{told}");
        let agreed = teacher.sign_in_with(&rp, personal().with("prompt", "consent")).await;
        let told = rp.userinfo(&agreed.access()).await.body;
        assert_eq!(told["phone_number_verified"], true, "{told}");
        assert_eq!(told["email_verified"], true);
        assert!(told["address"].is_object());
    }

    async fn guardians_hear_of_children_whom_the_client_may_know(app: TestApp) {
        let mut father = app.visitor("guardian_of_two");
        let children = async |rp: &crate::support::relying_party::RelyingParty, father: &mut crate::support::visitor::Visitor| {
            let tokens = father.sign_in_with(rp, rp.ask().with("scope", "openid edu.guardian")).await;
            rp.userinfo(&tokens.access()).await.body["edu_children"].as_array().map_or(0, Vec::len)
        };
        assert_eq!(children(&app.client("platform_a"), &mut father).await, 2, "by statute");
        assert_eq!(children(&app.client("platform_b"), &mut father).await, 1, "one receipt");
    }

    async fn no_claim_holds_a_number(app: TestApp) {
        let rp = app.client("platform_a");
        for key in ["full_claims", "child_under14", "child_15", "guardian_of_two", "teacher_parent", "school_admin"] {
            let tokens = app.visitor(key).sign_in_with(&rp, rp.ask().with("scope", EVERYTHING)).await;
            let told = format!("{}{}", rp.userinfo(&tokens.access()).await.body, tokens.id_claims());
            // The division code alone stands in codes of institutions; followed by a year it begins a number.
            assert!(!told.contains("3607811") && !told.contains("3607812"), "{key}: {told}");
        }
    }

    async fn vendors_cannot_join_their_users(app: TestApp) {
        let (platform, vendor) = (app.client("platform_a"), app.client("vendor"));
        let rival = app.register(serde_json::json!({
            "edu_client_kind": "application", "edu_lawful_basis": null, "redirect_uris": ["https://rival.example/cb"],
        })).await;
        let mut teacher = app.teacher();
        let ids = async |rp: &crate::support::relying_party::RelyingParty, teacher: &mut crate::support::visitor::Visitor| {
            let tokens = teacher.sign_in_with(rp, rp.ask().with("scope", "openid profile edu space")).await;
            let told = rp.userinfo(&tokens.access()).await.body;
            let claims = tokens.id_claims();
            // One moment of her own would name her among all users of two vendors.
            let verified = claims["edu_realname"]["at"].as_str().unwrap().to_owned();
            assert_eq!(rp.id != platform.id, verified.ends_with("T16:00:00Z"), "{verified}");
            (told["sub"].clone(), told["edu_space"]["space_id"].clone(), claims["sub"].clone())
        };
        let (one, two, three) = (ids(&platform, &mut teacher).await, ids(&vendor, &mut teacher).await, ids(&rival, &mut teacher).await);
        assert_eq!(one.0, app.person("full_claims").person_id.to_string());
        assert!(one.0 != two.0 && two.0 != three.0 && one.0 != three.0, "{one:?} {two:?} {three:?}");
        assert!(one.1 != three.1, "{one:?} {three:?}");
        assert_eq!((&one.0, &two.0, &three.0), (&one.2, &two.2, &three.2));
        assert_eq!(ids(&vendor, &mut app.teacher()).await.0, two.0, "the same at every sign-in");
    }

    async fn by_post_in_the_form_or_the_header_but_not_both(app: TestApp) {
        let rp = app.client("platform_a");
        let token = app.teacher().sign_in(&rp).await.access();
        let post = || app.http.post(app.at("/userinfo"));
        assert_eq!(Answer::of(post().form(&[("access_token", &token)])).await.status, 200);
        assert_eq!(Answer::of(post().bearer_auth(&token)).await.status, 200);
        assert_eq!(Answer::of(post().bearer_auth(&token).form(&[("access_token", &token)])).await.error(), "invalid_request");
        let bare = Answer::of(app.http.get(app.at("/userinfo"))).await;
        let challenge = bare.headers["www-authenticate"].to_str().unwrap();
        assert!(bare.status == 401 && challenge.starts_with("Bearer") && !challenge.contains("error"), "{challenge}");
        let in_query = Answer::of(app.http.get(app.at(&format!("/userinfo?access_token={token}")))).await;
        assert_eq!(in_query.status, 401, "a token in a URL is no token (RFC 9700, 4.3.2)");
    }

    async fn it_refuses_what_has_ended(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        app.pass(Duration::from_secs(301));
        let expired = rp.userinfo(&tokens.access()).await;
        assert_eq!((expired.status, expired.error()), (401, "invalid_token"));
        let fresh = rp.refresh(&tokens.refresh()).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        let refused = rp.userinfo(&fresh.access()).await;
        assert_eq!((refused.status, refused.error()), (401, "invalid_token"), "signed out");
        assert!(refused.headers["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    }

    async fn a_new_name_is_told_at_once_and_within_two_seconds_by_another_process(app: TestApp) {
        let rp = app.client("platform_a");
        let access = app.teacher().sign_in(&rp).await.access();
        let (teacher, ctx, twin) = (app.person("full_claims").person_id, app.operator(), app.twin().await);
        let told = async || rp.userinfo(&access).await.body["name"].clone();
        assert_ne!(told().await, "孙新");
        app.app.rename_person(&ctx, Decider::Operator, teacher, PersonName::parse("孙新").unwrap()).await.unwrap();
        assert_eq!(told().await, "孙新");
        twin.rename_person(&ctx, Decider::Operator, teacher, PersonName::parse("孙再").unwrap()).await.unwrap();
        app.pass(Duration::from_secs(2));
        assert_eq!(told().await, "孙再");
        twin.close().await;
    }

    /// What was granted here a moment ago is not read again.
    async fn what_another_process_ended_is_told_of_for_two_seconds_at_most(app: TestApp) {
        let (rp, ctx, twin) = (app.client("vendor"), app.operator(), app.twin().await);
        let mut teacher = app.teacher();
        // Without a session that the client knows, and with one.
        for _ in 0..2 {
            let access = teacher.sign_in_with(&rp, rp.ask().with("scope", "openid profile")).await.access();
            assert_eq!(rp.userinfo(&access).await.status, 200);
            twin.withdraw_consent(&ctx, teacher.person.person_id, &rp.id).await.unwrap();
            app.pass(Duration::from_secs(2));
            assert_eq!(rp.userinfo(&access).await.status, 401);
        }
        twin.close().await;
    }

    async fn a_withdrawn_receipt_ends_everything_at_that_client(app: TestApp) {
        let rp = app.client("vendor");
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in_with(&rp, rp.ask().with("scope", "openid profile offline_access")).await;
        let platform = teacher.sign_in(&app.client("platform_a")).await;
        app.app.withdraw_consent(&app.operator(), teacher.person.person_id, &rp.id).await.unwrap();
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
        assert_eq!(app.client("platform_a").userinfo(&platform.access()).await.status, 200);
        assert_eq!(teacher.silently(&rp).await["error"], "consent_required");
    }

    async fn a_receipt_for_less_does_not_cover_more(app: TestApp) {
        let rp = app.client("vendor");
        let mut teacher = app.teacher();
        teacher.sign_in_with(&rp, rp.ask().with("scope", "openid profile")).await;
        let page = teacher.browser.open(&rp.url(&rp.ask().with("scope", "openid profile edu"))).await;
        assert!(page.asks_for("decision"), "{page:#?}");
        let narrower = rp.ask().with("scope", "openid").with("prompt", "none");
        assert!(teacher.browser.open(&rp.url(&narrower)).await.answer().contains_key("code"));
    }
}
