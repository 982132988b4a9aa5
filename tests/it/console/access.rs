//! Who comes in: whoever answers for clients, to those of her subtree, and to nothing else.

use std::time::Duration;

use mingji::app::institution_life::Opening;
use mingji::app::pace::Listener;
use mingji::app::relation_claim::Decider;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::institution::InstitutionKind;
use mingji::domain::registry::institution_life::ChangeKind;

use serde_json::json;

use super::register::{registered, send};
use super::{COUNTY, SCHOOL, assign, at, keeper, page_of, signed_in};
use crate::support::app::{TestApp, both_engines};
use crate::support::database::select_texts;
use crate::support::relying_party::RelyingParty;

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

/// All paths of the console, with `{client_id}` in them.
fn paths() -> Vec<String> {
    let urls = include_str!("../../../src/http/urls.rs");
    let texts = urls.split('"').filter(|text| text.starts_with("/console"));
    let paths: Vec<String> = texts.map(str::to_owned).collect();
    assert_eq!(paths.len(), 10, "a new path wants its cases here: {paths:?}");
    paths
}

/// What a form of each path would send.
fn form(path: &str) -> Option<Vec<(&'static str, &'static str)>> {
    Some(match path.rsplit('/').next().unwrap() {
        "secret" => vec![("version", "1"), ("overlap", "0")],
        "old-secret" | "removal" => vec![("version", "1"), ("confirm", "yes")],
        "trial" => vec![("own", "yes")],
        "edit" => vec![("version", "1"), ("client_name", "x"), ("redirect_uris", "https://x.example/cb")],
        "suspension" => vec![("version", "1"), ("suspended", "yes")],
        "register" => vec![("client_name", "x"), ("redirect_uris", "https://x.example/cb")],
        _ => return None,
    })
}

fn concrete(path: &str, rp: &RelyingParty) -> String {
    path.replace("{client_id}", &rp.id)
}

fn opening() -> Opening {
    let kind = InstitutionKind::School;
    Opening { code: String::new(), uscc: None, name: String::new(), kind, division: None, school_type: None }
}

/// That nothing was changed: the secret is good, and no client is new.
async fn stands(app: &TestApp, rp: &RelyingParty) {
    assert_eq!(
        rp.token(&[("grant_type", "refresh_token".into()), ("refresh_token", "x".into())]).await.error(),
        "invalid_grant"
    );
    assert_eq!(super::count(app, "SELECT COUNT(*) FROM client").await, 3);
}

both_engines! {
    async fn nobody_comes_in_without_a_session_or_a_role(app: TestApp) {
        let rp = app.client("vendor");
        for path in paths() {
            let address = concrete(&path, &rp);
            let mut nobody = app.teacher();
            if !["secret", "old-secret", "removal", "trial", "suspension"].iter().any(|last| path.ends_with(last)) {
                let page = nobody.browser.open(&address).await;
                assert!(page.asks_for("password") && !page.text.contains("口算小园"), "{path}: {page:#?}");
                let page = nobody.type_password(&page).await;
                assert_eq!(nobody.browser.follow(&page).await.status, 404, "{path}: she answers for nothing");
            }
            let Some(fields) = form(&path) else { continue };
            let mut nobody = app.teacher();
            let page = nobody.browser.post(&address, &fields).await;
            assert!(page.asks_for("password") && !page.has("client-secret"), "{path}: {page:#?}");
            for key in ["full_claims", "child_15", "guardian_of_two"] {
                let mut other = signed_in(&app, key).await;
                assert_eq!(other.browser.post(&address, &fields).await.status, 404, "{path} {key}");
            }
        }
        for key in ["full_claims", "guardian_of_two"] {
            assert!(!signed_in(&app, key).await.browser.open("/").await.text.contains("/console"), "{key}");
        }
        stands(&app, &rp).await;
    }

    async fn what_others_answer_for_does_not_exist(app: TestApp) {
        let rp = app.client("vendor");
        let mut school = signed_in(&app, "school_admin").await;
        assert!(!school.browser.open("/console").await.has("clients"), "the county's are not the school's");
        for path in paths().iter().filter(|path| path.contains("{client_id}")) {
            let address = concrete(path, &rp);
            match form(path) {
                Some(fields) => assert_eq!(school.browser.post(&address, &fields).await.status, 404, "{path}"),
                None if path.ends_with("again") => {}
                None => assert_eq!(school.browser.open(&address).await.status, 404, "{path}"),
            }
        }
        for bad in ["x", "0197a3a0-0000-7000-8000-000000000000"] {
            assert_eq!(school.browser.open(&format!("/console/clients/{bad}")).await.status, 404);
        }
        stands(&app, &rp).await;

        assign(&app, &rp, SCHOOL).await;
        assert!(school.browser.open("/console").await.text.contains("口算小园"));
        assert_eq!(page_of(&mut school, &rp).await.status, 200);
        let mut county = keeper(&app).await;
        assert!(county.browser.open("/").await.text.contains("href=\"/console\""));
        assert!(county.browser.open("/console").await.text.contains("口算小园"), "whoever is above sees it too");
        app.app.assign_client(&app.operator(), rp.id.parse().unwrap(), None, None).await.unwrap();
        for visitor in [&mut school, &mut county] {
            assert_eq!(page_of(visitor, &rp).await.status, 404, "the operator's own is nobody else's");
        }
    }

    async fn a_reviewer_looks_and_changes_nothing(app: TestApp) {
        let rp = app.client("vendor");
        app.app.grant_admin(&app.operator(), app.person("full_claims").person_id, AdminRole::AppReviewer, COUNTY).await.unwrap();
        let mut reviewer = signed_in(&app, "full_claims").await;
        let list = reviewer.browser.open("/console").await;
        assert!(list.text.contains("口算小园") && !list.text.contains("/console/register"), "{list:#?}");
        let page = page_of(&mut reviewer, &rp).await;
        assert!(page.has("failed") && !page.asks_for("overlap") && !page.has("remove") && !page.has("again"), "{page:#?}");
        for path in paths() {
            let Some(fields) = form(&path) else { continue };
            let status = reviewer.browser.post(&concrete(&path, &rp), &fields).await.status;
            assert_eq!(status, if path.ends_with("trial") { 200 } else { 404 }, "{path}");
        }
        assert_eq!(reviewer.browser.open("/console/register").await.status, 404);
        stands(&app, &rp).await;
    }

    async fn a_vendor_answers_for_her_own_applications_alone(app: TestApp) {
        let (others, platform) = (app.client("vendor"), app.client("platform_a"));
        for key in ["full_claims", "teacher_parent"] {
            app.app.grant_admin(&app.operator(), app.person(key).person_id, AdminRole::Vendor, COUNTY).await.unwrap();
        }
        let mut vendor = signed_in(&app, "full_claims").await;
        let mut rival = signed_in(&app, "teacher_parent").await;
        assert!(!vendor.browser.open("/console").await.has("clients"), "what the county answers for is not hers");
        let own = registered(&app, &send(&mut vendor, &[]).await);
        assert!(page_of(&mut vendor, &own).await.asks_for("overlap"));
        assert!(page_of(&mut keeper(&app).await, &own).await.asks_for("overlap"), "whoever runs the county keeps it too");
        for (visitor, rp) in [(&mut vendor, &others), (&mut rival, &own)] {
            for path in paths().iter().filter(|path| path.contains("{client_id}") && !path.ends_with("again")) {
                let address = concrete(path, rp);
                let page = match form(path) {
                    Some(fields) => visitor.browser.post(&address, &fields).await,
                    None => visitor.browser.open(&address).await,
                };
                assert_eq!(page.status, 404, "{path}");
            }
        }
        let person = app.person("full_claims").person_id;
        let id = |rp: &RelyingParty| rp.id.parse().unwrap();
        for rp in [&others, &platform] {
            app.app.assign_client(&app.operator(), id(rp), Some(COUNTY), Some(person)).await.unwrap();
        }
        assert!(page_of(&mut vendor, &others).await.asks_for("overlap"), "she was named for it");
        assert_eq!(page_of(&mut vendor, &platform).await.status, 404, "a platform is never a vendor's");
        app.app.assign_client(&app.operator(), id(&others), Some(SCHOOL), Some(person)).await.unwrap();
        assert!(page_of(&mut vendor, &others).await.asks_for("overlap"), "a school of the county");
        app.app.assign_client(&app.operator(), id(&others), Some(COUNTY), None).await.unwrap();
        assert_eq!(page_of(&mut vendor, &others).await.status, 404);
        assert!(app.app.assign_client(&app.operator(), id(&others), None, Some(person)).await.is_err());
    }

    async fn the_heir_of_an_institution_answers_for_its_clients(app: TestApp) {
        // Nobody vouches for who provides it: people read which institution answers.
        let own = json!({ "edu_client_kind": "application", "edu_lawful_basis": null, "client_name": "口算小园" });
        let (rp, ended) = (app.register(own).await, "2136000799");
        let opening = Opening { code: ended.into(), name: "并入他校的学校".into(), ..opening() };
        app.app.open_institution_under(&app.operator(), Decider::Operator, Some(COUNTY.into()), &opening).await.unwrap();
        assign(&app, &rp, ended).await;
        let mut school = signed_in(&app, "school_admin").await;
        assert_eq!(page_of(&mut school, &rp).await.status, 404);
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        assert!(teacher.browser.open("/consents").await.text.contains("并入他校的学校"));
        let kind = ChangeKind::Merged;
        app.app.hand_over_institution(&app.operator(), Decider::Operator, ended, SCHOOL, kind, &mut Silent).await.unwrap();
        app.pass(Duration::from_secs(2));
        assert!(page_of(&mut school, &rp).await.asks_for("overlap"), "nobody else answers for it now");
        // What was agreed to goes on, and says who answers now and who did (PIPL 22).
        assert!(teacher.silently(&rp).await.contains_key("code"), "she is not asked again");
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200);
        let page = teacher.browser.open("/consents").await;
        let heir = select_texts(&app.database.url, "SELECT o.name FROM institution o JOIN institution_code c ON c.org_id = o.id WHERE c.value = '2136000781'").await;
        assert!(page.text.contains(&heir[0]) && page.text.contains("同意的时候由并入他校的学校负责"), "{page:#?}");
        // Whom the operator names afterwards is no heir.
        assign(&app, &rp, COUNTY).await;
        assert_eq!(teacher.silently(&rp).await["error"], "consent_required");
        assign(&app, &rp, SCHOOL).await;
        assert_eq!(teacher.silently(&rp).await["error"], "consent_required", "what it inherited went with it");
    }

    /// One that closes has no heir but who stands above, who is somebody else to those who agreed (PIPL 23).
    async fn whoever_stands_above_an_institution_that_closed_is_no_heir(app: TestApp) {
        let own = json!({ "edu_client_kind": "application", "edu_lawful_basis": null });
        let (rp, ended) = (app.register(own).await, "2136000798");
        let opening = Opening { code: ended.into(), name: "关掉的学校".into(), ..opening() };
        app.app.open_institution_under(&app.operator(), Decider::Operator, Some(COUNTY.into()), &opening).await.unwrap();
        assign(&app, &rp, ended).await;
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        app.app.close_institution(&app.operator(), Decider::Operator, ended).await.unwrap();
        app.pass(Duration::from_secs(2));
        assert_eq!(teacher.silently(&rp).await["error"], "consent_required");
    }

    async fn a_form_of_another_site_does_nothing(app: TestApp) {
        let rp = app.client("vendor");
        let mut county = keeper(&app).await;
        for path in paths() {
            let Some(fields) = form(&path) else { continue };
            let page = county.browser.post_from("https://evil.example", &concrete(&path, &rp), &fields).await;
            assert_eq!(page.status, 403, "{path}");
        }
        stands(&app, &rp).await;
    }

    async fn what_cannot_be_taken_back_takes_a_recent_sign_in(app: TestApp) {
        let rp = app.client("vendor");
        let mut county = keeper(&app).await;
        let before = page_of(&mut county, &rp).await;
        assert!(before.asks_for("overlap") && !before.has("again"));
        for _ in 0..2 {
            app.pass(Duration::from_secs(8 * 60));
            assert!(county.browser.open("/console").await.has("clients"), "looking around goes on");
        }
        let page = page_of(&mut county, &rp).await;
        assert!(page.has("again") && !page.asks_for("overlap") && !page.has("remove"), "{page:#?}");
        assert!(county.browser.open("/console/register").await.asks_for("password"));
        assert!(county.browser.open(&at(&rp, "edit")).await.asks_for("password"));
        for (what, fields) in [
            ("secret", vec![("version", "2"), ("overlap", "0")]),
            ("removal", vec![("version", "2"), ("confirm", "yes")]),
            ("suspension", vec![("version", "2"), ("suspended", "yes")]),
            ("edit", vec![("version", "2"), ("client_name", "x"), ("redirect_uris", "https://x.example/cb")]),
        ] {
            assert!(county.browser.post(&at(&rp, what), &fields).await.asks_for("password"), "{what}");
        }
        stands(&app, &rp).await;
        let form = county.browser.open(&at(&rp, "again")).await;
        let went = county.type_password(&form).await;
        let back = county.browser.follow(&went).await;
        assert!(back.asks_for("overlap") && back.text_of("client-id").as_deref() == Some(rp.id.as_str()), "{back:#?}");
        app.pass(Duration::from_secs(31 * 60));
        assert!(county.browser.open("/console").await.asks_for("password"), "an administrator's session is short");
    }

    async fn its_pages_are_closed(app: TestApp) {
        let rp = app.client("platform_a");
        let mut county = keeper(&app).await;
        for path in ["/console".to_owned(), "/console/register".to_owned(), format!("/console/clients/{}", rp.id), at(&app.client("vendor"), "edit")] {
            let page = county.browser.open(&path).await;
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && policy.ends_with("form-action 'self'"), "{path}: {policy}");
            assert_eq!(page.headers["cache-control"], "no-store", "{path}");
            assert!(!page.text.contains(&app.world().client("platform_a").unwrap().client_secret));
        }
    }
}
