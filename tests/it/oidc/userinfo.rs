//! The userinfo endpoint: what each scope tells, and when nothing is told any more.

use std::time::Duration;

use crate::support::app::both_engines;
use crate::support::relying_party::Answer;

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
            (told["sub"].clone(), told["edu_space"]["space_id"].clone(), tokens.id_claims()["sub"].clone())
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
