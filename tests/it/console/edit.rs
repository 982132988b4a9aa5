//! What is registered is corrected at the console, taken out of use, and let back in.

use std::time::Duration;

use mingji::app::relation_claim::Decider;
use mingji::domain::oidc::initial_token::Policy;
use mingji::domain::registry::codes::admin_role::AdminRole;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::register::{registered, send};
use super::{COUNTY, SCHOOL, assign, at, count, keeper, page_of, signed_in};
use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::database::select_texts;
use crate::support::relying_party::{Auth, RelyingParty};
use crate::support::visitor::Visitor;

/// The form of an application, as it is registered.
async fn form_of(visitor: &mut Visitor, rp: &RelyingParty) -> Page {
    visitor.browser.open(&at(rp, "edit")).await
}

/// Changes these fields of a form that was shown.
async fn save(visitor: &mut Visitor, form: &Page, own: &[(&str, &str)]) -> Page {
    visitor.browser.submit(form, "client_name", own).await
}

/// The same with a fresh form; it has to work.
async fn change(visitor: &mut Visitor, rp: &RelyingParty, own: &[(&str, &str)]) {
    let form = form_of(visitor, rp).await;
    let saved = save(visitor, &form, own).await;
    assert_eq!(saved.status, 303, "{saved:#?}");
    assert!(visitor.browser.follow(&saved).await.has("told"));
}

/// Presses the button that takes it out of use, or lets it back in; the status.
async fn set_suspended(visitor: &mut Visitor, rp: &RelyingParty, suspended: bool) -> u16 {
    let version = page_of(visitor, rp).await.value_of("version").unwrap_or_default();
    let fields = [("version", version.as_str()), ("suspended", if suspended { "yes" } else { "no" })];
    visitor.browser.post(&at(rp, "suspension"), &fields).await.status
}

/// What is registered of a client.
async fn metadata(app: &TestApp, rp: &RelyingParty) -> serde_json::Value {
    let client = app.app.registered_client(rp.id.parse().unwrap()).await.unwrap().client;
    serde_json::to_value(&client.metadata).unwrap()
}

both_engines! {
    async fn what_was_wrong_is_corrected_and_what_is_taken_away_ends_at_once(app: TestApp) {
        let mut county = keeper(&app).await;
        let rp = registered(&app, &send(&mut county, &[]).await);
        let other = RelyingParty { redirect_uri: "https://boat.example/cb2".into(), ..rp.clone() };
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&other).await;
        assert!(rp.userinfo(&tokens.access()).await.body["edu_identities"].is_array());
        let before = metadata(&app, &rp).await;

        let form = form_of(&mut county, &rp).await;
        assert_eq!(form.value_of("client_name").as_deref(), Some("识字小船"));
        assert_eq!(form.value_of("redirect_uris").as_deref(), Some("https://boat.example/cb\nhttps://boat.example/cb2"));
        assert!(form.value_of("org").is_none() && !form.asks_for("edu_vendor"), "who answers for it stays");
        let stamp = "SELECT stamp FROM change_stamp WHERE name = 'clients'";
        let stamp_before = count(&app, stamp).await;
        let unticked = form_without(&form, "scope.edu");
        let saved = save_fields(&mut county, &rp, unticked, &[("redirect_uris", "https://boat.example/cb\r\nhttps://boat.example/cb3")]).await;
        assert_eq!(saved.status, 303, "{saved:#?}");
        assert!(county.browser.follow(&saved).await.has("told"));
        assert!(count(&app, stamp).await > stamp_before, "other processes hear of it");

        // The address and the scope are gone; the client is the same, and so are its secret and what else was granted.
        assert!(app.teacher().browser.open(&other.url(&other.ask())).await.has("err-redirect-uri"));
        let told = rp.userinfo(&tokens.access()).await;
        assert_eq!((told.status, told.body.get("edu_identities"), told.body["name"].is_string()), (200, None, true), "{told:?}");
        let again = rp.refresh(&tokens.refresh()).await;
        assert_eq!((again.status, again.body["scope"].as_str()), (200, Some("openid profile")), "{again:?}");
        let third = RelyingParty { redirect_uri: "https://boat.example/cb3".into(), ..rp.clone() };
        app.teacher().sign_in(&third).await;
        let mut after = metadata(&app, &rp).await;
        assert_eq!((&after["scope"], &after["redirect_uris"][1]), (&json!("openid profile"), &json!("https://boat.example/cb3")));
        for member in ["scope", "redirect_uris"] {
            after[member] = before[member].clone();
        }
        assert_eq!(after, before, "nothing else");
        let entries_of_hers = "SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = 'client.updated' AND CAST(actor AS TEXT) LIKE '%county_admin%'";
        let entries = select_texts(&app.database.url, entries_of_hers).await;
        assert!(entries.len() == 1 && entries[0].contains("redirect_uris scope") && !entries[0].contains("boat"), "{entries:?}");

        // What outlived its session ends with the scope that let it.
        change(&mut county, &rp, &[("scope.offline_access", "yes")]).await;
        let mut away = app.teacher();
        let offline = away.sign_in_with(&rp, rp.ask().with("scope", "openid profile offline_access")).await;
        let home = away.browser.open("/").await;
        away.browser.press(&home, "confirm", "yes").await;
        let again = rp.refresh(&offline.refresh()).await;
        assert_eq!(again.status, 200, "{again:?}");
        let form = form_of(&mut county, &rp).await;
        let fields = form_without(&form, "scope.offline_access");
        assert_eq!(save_fields(&mut county, &rp, fields, &[]).await.status, 303);
        assert_eq!(rp.userinfo(&again.access()).await.status, 401);
        assert_eq!(rp.refresh(&again.refresh()).await.error(), "invalid_grant");

        // Sent as it is, it changes nothing and is no entry.
        let form = form_of(&mut county, &rp).await;
        let saved = save(&mut county, &form, &[]).await;
        assert!(saved.location().is_some_and(|to| to.contains("unchanged")), "{saved:#?}");
        assert_eq!(select_texts(&app.database.url, entries_of_hers).await.len(), 3);
    }

    async fn a_stale_form_is_shown_again_as_it_was_filled_in(app: TestApp) {
        let mut county = keeper(&app).await;
        let rp = registered(&app, &send(&mut county, &[]).await);
        let old = form_of(&mut county, &rp).await;
        change(&mut county, &rp, &[("client_name", "识字大船")]).await;
        let mine = [("client_name", "我的小船"), ("policy_uri", "https://boat.example/privacy")];
        // A field that is empty makes no old form a new one.
        let empty = save(&mut county, &old, &[("client_name", "")]).await;
        let page = save(&mut county, &empty, &mine).await;
        assert!(page.has("refused") && page.status == 200, "{page:#?}");
        assert_eq!(page.value_of("client_name").as_deref(), Some("我的小船"), "what was typed is kept");
        assert_eq!(page.value_of("policy_uri").as_deref(), Some("https://boat.example/privacy"));
        assert!(page.text.contains("识字大船"), "and what stands now is beside it: {page:#?}");
        assert_eq!(metadata(&app, &rp).await["client_name"], "识字大船", "nothing was overwritten");
        assert_eq!(save(&mut county, &page, &[]).await.status, 303, "whoever has seen both decides");
        assert_eq!(metadata(&app, &rp).await["client_name"], "我的小船");

        let form = form_of(&mut county, &rp).await;
        let tries = (0..4).map(|n| {
            let (mut county, form) = (county.clone(), form.clone());
            async move { save(&mut county, &form, &[("client_name", &format!("船{n}"))]).await.status }
        });
        let all = futures_util::future::join_all(tries).await;
        assert_eq!(all.iter().filter(|status| **status == 303).count(), 1, "{all:?}");
    }

    async fn what_is_wrong_stands_beside_its_field_and_a_kind_decides_about_the_secret(app: TestApp) {
        let mut county = keeper(&app).await;
        let rp = registered(&app, &send(&mut county, &[]).await);
        let before = metadata(&app, &rp).await;
        for (field, value) in [
            ("client_name", "教育部\u{202e}"),
            ("redirect_uris", "http://boat.example/cb"),
            ("initiate_login_uri", "http://boat.example/login"),
            ("policy_uri", "javascript:alert(1)"),
        ] {
            let form = form_of(&mut county, &rp).await;
            let page = save(&mut county, &form, &[(field, value)]).await;
            let html = scraper::Html::parse_document(&page.text);
            let marked = scraper::Selector::parse("[aria-invalid=true]").unwrap();
            let marked: Vec<_> = html.select(&marked).filter_map(|one| one.attr("name").map(str::to_owned)).collect();
            assert_eq!(marked, [field], "{value}");
        }
        assert_eq!(metadata(&app, &rp).await, before);

        change(&mut county, &rp, &[("kind", "browser")]).await;
        assert_eq!(rp.refresh("x").await.error(), "invalid_client", "the secret has ended");
        let public = RelyingParty { auth: Auth::Public, ..rp.clone() };
        assert_eq!(public.refresh("x").await.error(), "invalid_grant");
        let form = form_of(&mut county, &rp).await;
        let page = save(&mut county, &form, &[("kind", "web")]).await;
        let again = RelyingParty { auth: Auth::Basic(page.text_of("client-secret").unwrap()), ..rp.clone() };
        assert_eq!((again.refresh("x").await.error(), public.refresh("x").await.error()), ("invalid_grant", "invalid_client"));
    }

    async fn she_changes_no_more_than_was_given_to_it(app: TestApp) {
        let mut county = keeper(&app).await;
        // A platform is the operator's.
        let platform = app.client("platform_a");
        let page = page_of(&mut county, &platform).await;
        assert!(!page.has("change") && !page.has("suspend"), "{page:#?}");
        assert_eq!(form_of(&mut county, &platform).await.status, 404);
        let version = page.value_of("version").unwrap();
        let fields = [("version", version.as_str()), ("client_name", "x"), ("redirect_uris", "https://evil.example/cb")];
        assert_eq!(county.browser.post(&at(&platform, "edit"), &fields).await.status, 404);
        assert_eq!(set_suspended(&mut county, &platform, true).await, 404);

        // What the operator looked at has no more than he gave it, at no other host, and keeps what no form shows.
        let own = json!({
            "edu_client_kind": "application", "edu_lawful_basis": null, "scope": "openid profile email", "edu_vendor": "小园教育科技有限公司",
            "edu_require_pkce": false, "token_endpoint_auth_method": "client_secret_post", "client_name": "口算大园",
        });
        let vouched = app.register(own).await;
        assign(&app, &vouched, COUNTY).await;
        let form = form_of(&mut county, &vouched).await;
        assert!(form.text.contains("scope.email") && !form.text.contains("scope.edu.realname"), "{form:#?}");
        let before = metadata(&app, &vouched).await;
        let page = save(&mut county, &form, &[("redirect_uris", "https://elsewhere.example/callback")]).await;
        assert_eq!(page.status, 200, "its sector is its host: {page:#?}");
        assert_eq!(metadata(&app, &vouched).await, before);
        let wide = [("client_name", "口算园"), ("scope.edu.realname", "yes"), ("edu_vendor", "教育部"), ("edu_client_kind", "platform")];
        change(&mut county, &vouched, &wide).await;
        let after = metadata(&app, &vouched).await;
        assert_eq!(after, { let mut same = before.clone(); same["client_name"] = json!("口算园"); same });

        // Whoever registered itself under a policy stays under it, whoever keeps it.
        let policy = Policy { scope: Some("openid profile".into()), ..Policy::of_console() };
        let (_, token) = app.app.issue_initial_token(&app.operator(), policy, 1, Duration::from_secs(600)).await.unwrap();
        let said = serde_json::from_value(json!({ "redirect_uris": ["https://self.example/cb"], "client_name": "自己来的" })).unwrap();
        let (itself, _) = app.app.register_client(&app.operator(), Some(token.expose_secret()), said).await.unwrap();
        let itself = RelyingParty { id: itself.client.id.to_string(), ..vouched.clone() };
        assign(&app, &itself, COUNTY).await;
        change(&mut county, &itself, &[("client_name", "还是它"), ("scope.edu", "yes")]).await;
        let after = metadata(&app, &itself).await;
        assert_eq!((&after["client_name"], &after["scope"]), (&json!("还是它"), &json!("openid profile")));
    }

    async fn whose_word_took_it_out_of_use_lets_it_back_in(app: TestApp) {
        let rp = app.client("vendor");
        let tokens = app.teacher().sign_in(&rp).await;
        let (mut county, mut school) = (keeper(&app).await, signed_in(&app, "school_admin").await);
        assign(&app, &rp, SCHOOL).await;
        let works = async || rp.userinfo(&tokens.access()).await.status == 200;

        // The school's own word is the school's to take back, and the county's.
        for back in [&mut school.clone(), &mut county.clone()] {
            assert_eq!(set_suspended(&mut school, &rp, true).await, 303);
            assert!(!works().await && app.teacher().browser.open(&rp.url(&rp.ask())).await.has("err-client"));
            assert_eq!(set_suspended(back, &rp, false).await, 303);
            assert!(works().await, "what was granted is good again");
        }
        // The county's is not the school's.
        assert_eq!(set_suspended(&mut county, &rp, true).await, 303);
        let page = page_of(&mut school, &rp).await;
        assert!(page.has("held") && !page.has("resume"), "{page:#?}");
        assert_eq!(set_suspended(&mut school, &rp, false).await, 404);
        assert!(!works().await);
        change(&mut school, &rp, &[("policy_uri", "https://maths.example/privacy")]).await;
        assert_eq!(set_suspended(&mut county, &rp, false).await, 303);
        // Where the client goes to another institution, its word goes along; an office above both keeps its own.
        assign(&app, &rp, COUNTY).await;
        assert_eq!(set_suspended(&mut county, &rp, true).await, 303);
        assign(&app, &rp, SCHOOL).await;
        assert_eq!(set_suspended(&mut school, &rp, false).await, 303, "whoever runs it now");
        // Whoever left the office speaks for it no more, though she said the word.
        assert_eq!(set_suspended(&mut county, &rp, true).await, 303);
        let who = app.person("county_admin").person_id;
        app.app.grant_admin(&app.operator(), who, AdminRole::School, SCHOOL).await.unwrap();
        app.app.revoke_role(&app.operator(), Decider::Operator, who, AdminRole::County, COUNTY).await.unwrap();
        assert_eq!(set_suspended(&mut county, &rp, false).await, 404);
        app.app.grant_admin(&app.operator(), who, AdminRole::County, COUNTY).await.unwrap();
        assert_eq!(set_suspended(&mut county, &rp, false).await, 303);
        // The operator's is his alone, also where somebody else's stood before.
        assert_eq!(set_suspended(&mut county, &rp, true).await, 303);
        app.suspend(&rp).await;
        for visitor in [&mut county, &mut school] {
            assert!(page_of(visitor, &rp).await.has("held"));
            assert_eq!(set_suspended(visitor, &rp, false).await, 404);
        }
        assert!(!works().await);

        // A vendor's own word is hers; that of who runs the county is not.
        let person = app.person("full_claims").person_id;
        app.app.grant_admin(&app.operator(), person, AdminRole::Vendor, COUNTY).await.unwrap();
        let mut vendor = signed_in(&app, "full_claims").await;
        let own = registered(&app, &send(&mut vendor, &[]).await);
        assert_eq!((set_suspended(&mut vendor, &own, true).await, set_suspended(&mut vendor, &own, false).await), (303, 303));
        assert_eq!(set_suspended(&mut county, &own, true).await, 303);
        assert_eq!(set_suspended(&mut vendor, &own, false).await, 404);
        assert_eq!(set_suspended(&mut county, &own, false).await, 303);
        // What is out of use is not taken out once more, and no old page changes it.
        assert_eq!(set_suspended(&mut vendor, &own, true).await, 303);
        assert_eq!(set_suspended(&mut county, &own, true).await, 400);
        let fields = [("version", "1"), ("suspended", "no")];
        assert_eq!(vendor.browser.post(&at(&own, "suspension"), &fields).await.status, 400);
        assert_eq!(own.refresh("x").await.error(), "invalid_client");
    }
}

both_engines! {
    async fn what_the_operator_took_away_is_not_given_back_by_who_keeps_it(app: TestApp) {
        let mut county = keeper(&app).await;
        let rp = registered(&app, &send(&mut county, &[]).await);
        let id = rp.id.parse().unwrap();
        let says = async |scope: &str| {
            let patch = json!({ "scope": scope }).as_object().unwrap().clone();
            app.app.update_client(&app.operator(), id, patch, false).await.unwrap();
        };
        let has = async |word: &str| metadata(&app, &rp).await["scope"].as_str().unwrap().split(' ').any(|one| one == word);
        change(&mut county, &rp, &[("client_name", "识字大船"), ("scope.phone", "yes")]).await;
        assert!(has("edu").await && has("phone").await, "hers to say until then");
        says("openid profile").await;
        change(&mut county, &rp, &[("client_name", "识字小船"), ("scope.edu", "yes"), ("scope.phone", "yes")]).await;
        assert!(has("profile").await && !has("edu").await && !has("phone").await);
        says("openid profile edu").await;
        change(&mut county, &rp, &[("client_name", "识字快船"), ("scope.phone", "yes")]).await;
        assert!(has("edu").await && !has("phone").await, "what he gives back, and no more");
    }
}

/// The fields of a form without one that was ticked.
fn form_without(form: &Page, name: &str) -> Vec<(String, String)> {
    let mut fields = form.fields("client_name");
    let before = fields.len();
    fields.retain(|(known, _)| known != name);
    assert_eq!(fields.len() + 1, before, "it was ticked");
    fields
}

/// Posts them, with others in their places.
async fn save_fields(
    visitor: &mut Visitor,
    rp: &RelyingParty,
    mut fields: Vec<(String, String)>,
    own: &[(&str, &str)],
) -> Page {
    for (name, value) in own {
        fields.retain(|(known, _)| known != name);
        fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    visitor.browser.post(&at(rp, "edit"), &fields).await
}
