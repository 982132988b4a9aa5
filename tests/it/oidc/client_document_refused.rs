//! Documents that make no client, addresses that are none, and who makes us fetch too much.

use std::time::Duration;

use mingji::domain::oidc::fault::{DocumentFault, FaultKind};
use mingji::http::pages::locales::documents;
use mingji::http::pages::locales::faults::ZH;
use serde_json::{Value, json};

use super::client_document::rows;
use crate::support::app::{TestApp, both_engines};
use crate::support::client_key::ClientKey;
use crate::support::document_site::{Site, Told, both_engines_with_site};
use crate::support::relying_party::{Auth, RelyingParty};

const HOUR: Duration = Duration::from_secs(3_601);

/// What Prometheus reads.
async fn scraped(app: &TestApp) -> String {
    app.http.get(&app.metrics).send().await.unwrap().text().await.unwrap()
}

/// What a browser sees that comes with this `client_id`.
async fn seen(rp: &RelyingParty) -> (u16, bool) {
    let page = rp.app.teacher().browser.open(&rp.url(&rp.ask())).await;
    (page.status, page.has("err-client"))
}

fn padded(document: &Value, length: usize) -> String {
    let text = document.to_string();
    format!("{text}{}", " ".repeat(length - text.len()))
}

both_engines_with_site! {
    async fn a_document_that_is_not_as_it_must_be_makes_no_client(app: TestApp, site: Site) {
        let good = |path: &str| Told::json(&site.document(path, json!({})));
        let secret = ClientKey::es256();
        let mut private = secret.jwk();
        private["d"] = json!("AAAA");
        let cases = [
            json!({ "client_id": null }),
            json!({ "client_id": site.url("other.json") }),
            json!({ "client_id": 7 }),
            json!({ "client_secret": "x" }),
            json!({ "client_secret_expires_at": 0 }),
            json!({ "token_endpoint_auth_method": "client_secret_basic" }),
            json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
            json!({ "id_token_signed_response_alg": "HS256" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [private] } }),
            json!({ "redirect_uris": [] }),
            json!({ "redirect_uris": ["https://elsewhere.example/cb"] }),
            json!({ "redirect_uris": ["http://localhost/cb"] }),
            json!({ "redirect_uris": [site.url("cb"), "cn.example.app:/cb"] }),
            json!({ "grant_types": ["authorization_code", "implicit"], "response_types": ["code", "id_token"] }),
            json!({ "grant_types": ["client_credentials"], "edu_resources": [app.at("/api/")] }),
            json!({ "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"] }),
            json!({ "edu_client_kind": "platform" }),
            json!({ "edu_client_kind": "platform", "edu_lawful_basis": "statutory" }),
            json!({ "edu_resources": [app.at("/api/")] }),
            json!({ "edu_serves": ["https://r.example"] }),
            json!({ "edu_require_pkce": "no" }),
            json!({ "jwks_uri": "file:///etc/passwd" }),
            json!({ "sector_identifier_uri": "https://192.168.0.1/list" }),
        ];
        for (n, own) in cases.into_iter().enumerate() {
            if n % 15 == 0 {
                app.pass(HOUR);
            }
            let path = format!("bad-{n}.json");
            let rp = site.client_with(&app, &path, own.clone());
            assert_eq!((seen(&rp).await.1, site.asked(&path)), (true, 1), "{own}");
            assert_eq!(rp.refresh("x.0.x").await.error(), "invalid_client", "{own}");
        }
        app.pass(HOUR);
        let limit = 5 * 1024;
        let kinds: [(&str, Told, u16); 12] = [
            ("status-404.json", good("status-404.json").status(404), 400),
            ("status-201.json", good("status-201.json").status(201), 400),
            ("status-203.json", good("status-203.json").status(203), 400),
            ("moved.json", good("other.json").status(302).with("location", &site.url("other.json")), 400),
            ("forever.json", good("other.json").status(308).with("location", &site.url("other.json")), 400),
            ("text.json", good("text.json").with("content-type", "text/plain"), 400),
            ("picture.json", good("picture.json").with("content-type", "image/svg+xml"), 400),
            ("page.json", good("page.json").body("<html>"), 400),
            ("list.json", good("list.json").body("[]"), 400),
            ("long.json", good("long.json").body(&padded(&site.document("long.json", json!({})), limit + 1)), 400),
            ("broken.json", good("broken.json").status(500), 503),
            ("busy.json", good("busy.json").status(429), 503),
        ];
        for (path, told, status) in kinds {
            site.tell(path, told);
            let seen = seen(&site.client(&app, path)).await;
            assert_eq!((seen, site.asked(path)), ((status, status == 400), 1), "{path}");
        }
        assert_eq!(site.asked("other.json"), 0, "no redirect is followed");
        assert!(rows(&app).await.is_empty());
        // What stands at the limits is good.
        let full = padded(&site.document("full.json", json!({})), limit);
        site.tell("full.json", good("full.json").body(&full).with("content-type", "application/oauth-client+json; charset=utf-8"));
        assert!(app.teacher().go(&site.client(&app, "full.json"), &site.client(&app, "full.json").ask()).await.answer().contains_key("code"));
        let statement = site.client_with(&app, "statement.json", json!({ "software_statement": "a.b.c", "token_endpoint_auth_method": null }));
        app.teacher().sign_in(&statement).await;
    }

    // Whoever wrote the document reads in the browser what is wrong with it, and nothing that stands in it; the operator
    // counts the kinds. Where an institution answers for the client, that reads it in the console.
    async fn what_is_wrong_with_a_document_is_said(app: TestApp, site: Site) {
        let secret = "a-secret-that-stands-in-it";
        let good = |path: &str| Told::json(&site.document(path, json!({})));
        let cases = [
            ("client_id", Told::json(&site.document("client_id.json", json!({ "client_id": site.url(secret) })))),
            ("secret", Told::json(&site.document("secret.json", json!({ "client_secret": secret })))),
            ("member", Told::json(&site.document("member.json", json!({ "redirect_uris": secret })))),
            ("redirect_uris", Told::json(&site.document("redirect_uris.json", json!({ "redirect_uris": [format!("https://{secret}.example/cb")] })))),
            ("metadata", Told::json(&site.document("metadata.json", json!({ "edu_client_kind": "platform" })))),
            ("not_json", good("not_json.json").body(secret)),
            ("too_long", good("too_long.json").body(&" ".repeat(6_000))),
            ("status", good("status.json").status(404).body(secret)),
            ("away", good("away.json").status(502).body(secret)),
        ];
        for (kind, told) in cases {
            site.tell(&format!("{kind}.json"), told);
            let fault: DocumentFault = kind.parse().unwrap();
            let rp = site.client(&app, &format!("{kind}.json"));
            for (language, words) in [("zh", documents::zh(fault)), ("en", documents::en(fault))] {
                let mut somebody = app.teacher();
                somebody.browser.language = Some(language.into());
                let page = somebody.browser.open(&rp.url(&rp.ask())).await;
                assert!(page.text_of("document").is_some_and(|text| text.contains(words)), "{kind}: {page:#?}");
                assert!(!page.text.contains(secret), "{kind}: {page:#?}");
            }
        }
        let counted = scraped(&app).await;
        for kind in ["client_id", "secret", "member", "redirect_uris", "metadata", "not_json", "too_long", "status", "away"] {
            let line = format!("mingji_client_documents_total{{outcome=\"{kind}\"}} ");
            assert!(counted.contains(&line) && !counted.contains(&format!("{line}0")), "{kind}");
        }
        assert!(app.teacher().browser.open("/authorize?client_id=https://elsewhere.example/c.json").await.text_of("document").is_none());

        let known = site.client_with(&app, "known.json", json!({}));
        let refresh = app.teacher().sign_in(&known).await.refresh();
        let id = app.app.id_of_client(&known.id.parse().unwrap()).await.unwrap();
        app.app.assign_client(&app.operator(), id, Some("ED36078100"), None).await.unwrap();
        site.tell("known.json", good("known.json").status(404));
        app.pass(HOUR);
        assert_eq!(known.refresh(&refresh).await.error(), "invalid_client");
        let mut county = app.visitor("county_admin");
        county.knock().await;
        let page = county.browser.open(&format!("/console/clients/{id}")).await;
        assert!(page.text.contains((ZH.of)(FaultKind::Document).what) && !page.text.contains((ZH.of)(FaultKind::ClientOff).what), "{page:#?}");
        assert!(page.has("has-document") && !page.has("change"), "its settings stand elsewhere");
    }

    async fn other_addresses_are_nobodys(app: TestApp, site: Site) {
        let rp = site.client_with(&app, "client.json", json!({}));
        let port = rp.id.split(':').nth(2).unwrap().split('/').next().unwrap();
        for id in [
            rp.id.replace("https", "http"),
            rp.id.replace("https", "HTTPS"),
            rp.id.replace("localhost", "LOCALHOST"),
            rp.id.replace("localhost", "u:p@localhost"),
            rp.id.replace("localhost", "127.0.0.1"),
            rp.id.replace("localhost", "[::1]"),
            rp.id.replace("localhost", "x.localhost"),
            rp.id.replace(&format!(":{port}"), ""),
            format!("{}#", rp.id),
            format!("{}#x", rp.id),
            format!("{}?", rp.id),
            format!("{}?x=1", rp.id),
            rp.id.replace("/client", "/./client"),
            rp.id.replace("/client", "/x/../client"),
            rp.id.replace("/client", "/x/%2e%2e/client"),
            rp.id.replace("client", &"c".repeat(300)),
            "https://apps.example.cn/client.json".into(),
        ] {
            let other = RelyingParty { id: id.clone(), ..rp.clone() };
            assert!(seen(&other).await.1, "{id}");
            assert_eq!(other.post("/par", &[]).await.error(), "invalid_client", "{id}");
        }
        assert_eq!(site.asked_in_all(), 0);
        // An address that is spelled otherwise is another document's, also where the server answers both.
        let spelled = RelyingParty { id: rp.id.replace("client", "%63lient"), ..rp.clone() };
        assert!(seen(&spelled).await.1);
        assert!(rows(&app).await.is_empty());
    }

    async fn strangers_make_us_fetch_so_much_and_no_more(app: TestApp, site: Site) {
        let known = site.client_with(&app, "known.json", json!({}));
        let refresh = app.teacher().sign_in(&known).await.refresh();
        for n in 0..30 {
            let rp = site.client(&app, &format!("nothing-{n}.json"));
            let expected = if n < 19 { (400, true) } else { (503, false) };
            assert_eq!(seen(&rp).await, expected, "{n}");
            assert_eq!(rp.post("/par", &[]).await.error(), if n < 19 { "invalid_client" } else { "temporarily_unavailable" });
        }
        assert_eq!(site.asked_in_all(), 20);
        let again = known.refresh(&refresh).await;
        assert_eq!(again.status, 200, "who is known is served");
        app.pass(HOUR);
        assert_eq!(known.refresh(&again.refresh()).await.status, 200);
        assert_eq!(seen(&site.client(&app, "nothing-29.json")).await, (400, true), "an hour later");
        assert!(rows(&app).await.len() == 1);
    }

    async fn a_slow_site_gathers_no_requests(app: TestApp, site: Site) {
        let rp = site.client_with(&app, "client.json", json!({}));
        site.think(Duration::from_secs(6));
        let visit = async |rp: RelyingParty| seen(&rp).await;
        let first = tokio::spawn(visit(rp.clone()));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let waited = tokio::time::timeout(Duration::from_secs(5), visit(rp.clone())).await;
        assert_eq!(waited.ok(), Some((503, false)));
        assert_eq!((first.await.unwrap(), site.asked_in_all()), ((200, false), 1));
    }

    async fn what_is_let_in_is_said(app: TestApp, site: Site) {
        assert_eq!(app.discovery().await["client_id_metadata_document_supported"], true);
        assert_eq!(site.asked_in_all(), 0);
        // Whoever registers in another way gets no address as his name.
        let rp = app.register(json!({ "client_id": site.url("client.json") })).await;
        assert!(!rp.id.starts_with("https://"));
    }

    async fn a_host_that_is_closed_again_takes_its_clients_along(app: TestApp, site: Site) {
        let rp = site.client_with(&app, "client.json", json!({}));
        app.teacher().sign_in(&rp).await;
        // Another process of the same provider, for which the host is closed.
        let closed = app.twin().await;
        let ctx = app.operator();
        assert!(closed.arriving_client(&ctx, &rp.id).await.unwrap().is_none());
        let open = app.twin_with(|parts| site.let_in(parts)).await;
        assert!(open.arriving_client(&ctx, &rp.id).await.unwrap().is_some());
        // What people gave can be taken back there too.
        let teacher = app.person("full_claims").person_id;
        assert!(closed.withdraw_consent(&ctx, teacher, &rp.id).await.unwrap() > 0);
        closed.close().await;
        open.close().await;
    }
}

both_engines! {
    async fn without_a_host_there_are_no_documents(app: TestApp) {
        let site = Site::start().await;
        let rp = site.client_with(&app, "client.json", json!({}));
        assert!(seen(&rp).await.1);
        let key = RelyingParty { auth: Auth::Key(ClientKey::es256()), ..rp.clone() };
        for rp in [&rp, &key] {
            assert_eq!(rp.post("/par", &[]).await.error(), "invalid_client");
            assert_eq!(rp.refresh("x.0.x").await.error(), "invalid_client");
        }
        assert_eq!(site.asked_in_all(), 0);
        assert!(app.discovery().await.get("client_id_metadata_document_supported").is_none());
    }
}
