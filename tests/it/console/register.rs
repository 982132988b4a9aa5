//! An application is registered at the console.

use super::{COUNTY, SCHOOL, assign, at, count, keeper, page_of, signed_in};
use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::database::select_texts;
use crate::support::relying_party::{Auth, RelyingParty};
use crate::support::visitor::Visitor;

const GOOD: &[(&str, &str)] = &[
    ("client_name", "识字小船"),
    ("client_name_en", "Reading Boat"),
    ("kind", "web"),
    ("redirect_uris", "https://boat.example/cb\nhttps://boat.example/cb2"),
    ("scope.profile", "yes"),
    ("scope.edu", "yes"),
];

/// What the page after the form says.
pub fn registered(app: &TestApp, page: &Page) -> RelyingParty {
    RelyingParty {
        app: app.clone(),
        id: page.text_of("client-id").unwrap(),
        auth: Auth::Basic(page.text_of("client-secret").unwrap()),
        redirect_uri: "https://boat.example/cb".into(),
    }
}

pub async fn send(visitor: &mut Visitor, own: &[(&str, &str)]) -> Page {
    let form = visitor.browser.open("/console/register").await;
    let mut fields = GOOD.to_vec();
    for (name, value) in own {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    visitor.browser.submit(&form, "client_name", &fields).await
}

both_engines! {
    async fn it_works_at_once(app: TestApp) {
        let mut county = keeper(&app).await;
        let page = send(&mut county, &[]).await;
        let rp = registered(&app, &page);
        assert!(!page.text.contains("lang=en"), "another language is another page, without the secret");
        let tokens = app.teacher().sign_in(&rp).await;
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        assert_ne!(tokens.id_claims()["sub"], app.person("full_claims").person_id.to_string(), "a subject of its own");
        let list = county.browser.open("/console").await;
        assert!(list.text.contains("识字小船"), "{list:#?}");
        county.browser.language = Some("en".into());
        assert!(county.browser.open(&format!("/console/clients/{}", rp.id)).await.text.contains("Reading Boat"));
        let entry = "SELECT COUNT(*) FROM audit_entry WHERE action = 'client.created' AND CAST(actor AS TEXT) LIKE '%county_admin%'";
        assert_eq!(count(&app, entry).await, 1, "the entry names her right");
    }

    async fn a_public_one_has_no_secret(app: TestApp) {
        let mut county = keeper(&app).await;
        for kind in ["browser", "native"] {
            let page = send(&mut county, &[("kind", kind)]).await;
            assert!(page.has("client-id") && !page.has("client-secret"), "{page:#?}");
        }
    }

    async fn what_is_wrong_stands_beside_its_field(app: TestApp) {
        let mut county = keeper(&app).await;
        let long = "x".repeat(3000);
        for (field, value) in [
            ("client_name", ""),
            ("client_name", long.as_str()),
            ("client_name", "教育部\u{202e}"),
            ("client_name_en", "Bank\u{200b}"),
            ("redirect_uris", ""),
            ("redirect_uris", "http://boat.example/cb"),
            ("redirect_uris", "https://boat.example/cb#x"),
            ("redirect_uris", "javascript:alert(1)"),
            ("post_logout_redirect_uris", "ftp://boat.example"),
            ("backchannel_logout_uri", "boat.example"),
            ("initiate_login_uri", "http://boat.example/login"),
            ("policy_uri", "javascript:alert(1)"),
        ] {
            let page = send(&mut county, &[(field, value)]).await;
            let html = scraper::Html::parse_document(&page.text);
            let marked = scraper::Selector::parse("[aria-invalid=true]").unwrap();
            let marked: Vec<_> = html.select(&marked).filter_map(|one| one.attr("name").map(str::to_owned)).collect();
            assert_eq!(marked, [field], "{value}");
            assert!(page.text.contains("Reading Boat") || field == "client_name_en", "what was typed is kept");
        }
        assert_eq!(count(&app, "SELECT COUNT(*) FROM client").await, 3, "nothing was registered");
        // What a page says is text, whatever was typed.
        let page = send(&mut county, &[("client_name", "<script>alert(1)</script>"), ("redirect_uris", "\"><img src=x onerror=alert(1)>")]).await;
        assert!(!page.text.contains("<script>") && !page.text.contains("<img src=x"), "{page:#?}");
    }

    async fn a_form_is_good_once(app: TestApp) {
        let mut county = keeper(&app).await;
        let form = county.browser.open("/console/register").await;
        let tries = (0..4).map(|_| {
            let (mut county, form) = (county.clone(), form.clone());
            async move { county.browser.submit(&form, "client_name", GOOD).await.has("client-id") }
        });
        let made = futures_util::future::join_all(tries).await.into_iter().filter(|made| *made).count();
        assert_eq!(made, 1);
        assert_eq!(count(&app, "SELECT COUNT(*) FROM client").await, 4);
    }

    async fn nobody_makes_herself_a_platform_or_reaches_further(app: TestApp) {
        let mut school = signed_in(&app, "school_admin").await;
        let smuggled = [("edu_client_kind", "platform"), ("edu_lawful_basis", "statutory"), ("edu_resources", "x"), ("scope.mingji.admin", "yes")];
        let page = send(&mut school, &smuggled).await;
        assert!(page.has("client-id"), "{page:#?}");
        assert_eq!(count(&app, "SELECT COUNT(*) FROM client WHERE kind = 'platform'").await, 2);
        let county = app.app.client(&app.client("vendor").id, app.app.now()).await.unwrap().unwrap().org.unwrap();
        // However often she tries: nothing that anybody may register on a day is used up by it.
        for _ in 0..31 {
            let page = send(&mut school, &[("org", &county.to_string())]).await;
            assert_eq!(page.status, 404, "the county ({COUNTY}) is not the school's ({SCHOOL})");
        }
        assert_eq!(count(&app, "SELECT COUNT(*) FROM client").await, 4);
        assert!(send(&mut school, &[]).await.has("client-id"));
    }

    async fn nobody_writes_down_who_provides_it(app: TestApp) {
        let mut county = keeper(&app).await;
        let form = county.browser.open("/console/register").await;
        assert!(!form.asks_for("edu_vendor"));
        let page = send(&mut county, &[("edu_vendor", "教育部")]).await;
        let rp = registered(&app, &page);
        let answers = select_texts(&app.database.url, "SELECT DISTINCT o.name FROM institution o JOIN client c ON c.org_id = o.id").await;
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        let page = teacher.type_password(&page).await;
        assert!(page.asks_for("decision") && page.text.contains(&answers[0]) && !page.text.contains("教育部"), "{page:#?}");
        teacher.browser.press(&page, "decision", "allow").await;
        assert!(teacher.browser.open("/consents").await.text.contains(&answers[0]));
        assert!(teacher.silently(&rp).await.contains_key("code"));
        // Somebody else answers for it: that is not what she agreed to.
        assign(&app, &rp, SCHOOL).await;
        assert_eq!(teacher.silently(&rp).await["error"], "consent_required");
        // What the operator registered says who provides it, as he wrote it.
        let vendor = app.client("vendor");
        let page = teacher.browser.open(&vendor.url(&vendor.ask())).await;
        assert!(page.text.contains("小园教育科技有限公司") && !page.text.contains(&answers[0]), "{page:#?}");
    }

    async fn one_person_registers_so_many_in_a_day(app: TestApp) {
        let mut county = keeper(&app).await;
        for _ in 0..30 {
            assert!(send(&mut county, &[]).await.has("client-id"));
        }
        assert_eq!(send(&mut county, &[]).await.status, 503);
        assert!(send(&mut signed_in(&app, "school_admin").await, &[]).await.has("client-id"), "another one's are her own");
        app.pass(std::time::Duration::from_secs(86_401));
        assert!(send(&mut keeper(&app).await, &[]).await.has("client-id"));
    }

    async fn its_real_sign_in_opens_before_anybody_used_it(app: TestApp) {
        let mut county = keeper(&app).await;
        let rp = registered(&app, &send(&mut county, &[("initiate_login_uri", "https://boat.example/login")]).await);
        let link = format!("/open?client_id={}", rp.id);
        assert!(page_of(&mut county, &rp).await.text.contains(&link));
        assert_eq!(county.browser.open(&link).await.status, 303);
        for key in ["school_admin", "full_claims"] {
            assert!(signed_in(&app, key).await.browser.open(&link).await.has("err-client"), "{key}");
        }
    }

    async fn an_application_is_removed_and_a_platform_is_not(app: TestApp) {
        let (vendor, platform) = (app.client("vendor"), app.client("platform_a"));
        let tokens = app.teacher().sign_in(&vendor).await;
        let mut county = keeper(&app).await;
        let page = page_of(&mut county, &vendor).await;
        let version = page.value_of("version").unwrap();
        let fields = [("version", version.as_str()), ("confirm", "yes")];
        let done = county.browser.post(&at(&vendor, "removal"), &fields).await;
        assert!(county.browser.follow(&done).await.has("told"));
        assert_eq!(vendor.refresh(&tokens.refresh()).await.error(), "invalid_client");
        assert_eq!(page_of(&mut county, &vendor).await.status, 404);
        let page = page_of(&mut county, &platform).await;
        assert!(!page.has("remove"));
        let version = page.value_of("version").unwrap();
        let fields = [("version", version.as_str()), ("confirm", "yes")];
        assert_eq!(county.browser.post(&at(&platform, "removal"), &fields).await.status, 404);
        app.teacher().sign_in(&platform).await;
    }
}
