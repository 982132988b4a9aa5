//! Clients whose registration is a document at an address of their own: served everywhere as every client is, read again
//! when the document ends, and never believed beyond that.

use std::time::Duration;

use mingji::domain::oidc::client::{Client, ClientStatus};
use mingji::domain::oidc::scope::ScopeSet;
use mingji::store::clients;
use mingji::store::db::Db;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client_key::ClientKey;
use crate::support::document_site::{Told, both_engines_with_site};
use crate::support::relying_party::{Auth, RelyingParty, claims_of};

const PATH: &str = "client.json";
const HOUR: Duration = Duration::from_secs(3_601);

/// The rows of clients with documents.
pub(super) async fn rows(app: &TestApp) -> Vec<Client> {
    let db = Db::connect(&app.database.url).await.unwrap();
    let all = clients::list(&mut db.read().await.unwrap()).await.unwrap();
    db.close().await;
    all.into_iter().filter(|client| client.document.is_some()).collect()
}

/// Pushes a request; the answer.
async fn push(rp: &RelyingParty) -> crate::support::relying_party::Answer {
    let ask = rp.ask();
    let names = ["redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method"];
    let form: Vec<_> = names.into_iter().map(|name| (name, ask.get(name))).collect();
    rp.post("/par", &form).await
}

both_engines_with_site! {
    async fn a_public_client_is_served_everywhere(app: TestApp, site: Site) {
        let rp = site.client_with(&app, PATH, json!({ "initiate_login_uri": site.url("begin") }));
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        let claims = tokens.id_claims();
        assert_eq!((claims["aud"].as_str(), claims["azp"].as_str()), (Some(&*rp.id), Some(&*rp.id)));
        assert_ne!(claims["sub"], app.person("full_claims").person_id.to_string(), "a subject of its own");
        assert_eq!(claims_of(&tokens.access())["client_id"], rp.id);
        assert_eq!(rp.userinfo(&tokens.access()).await.body["sub"], claims["sub"]);
        let again = rp.refresh(&tokens.refresh()).await;
        assert_eq!((again.status, again.id_claims()["aud"].as_str()), (200, Some(&*rp.id)));

        let cards = teacher.browser.open("/consents").await;
        assert!(cards.text.contains("练习册（localhost）"), "{cards:#?}");
        let opened = teacher.browser.open(&format!("/open?client_id={}", rp.id)).await;
        assert!(opened.location().is_some_and(|to| to.starts_with(&site.url("begin"))), "{opened:#?}");

        let pushed = push(&rp).await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", &rp.id), ("request_uri", &pushed.text("request_uri"))])
            .finish();
        assert!(teacher.browser.open(&format!("/authorize?{query}")).await.answer().contains_key("code"));

        let revoked = rp.post("/revoke", &[("token", again.refresh())]).await;
        assert_eq!(revoked.status, 200);
        assert_eq!(rp.refresh(&again.refresh()).await.error(), "invalid_grant");

        // Sign-out by the ID token, and by a POST from the site.
        let hint = tokens.text("id_token");
        let fields = [("id_token_hint", hint.as_str()), ("client_id", &rp.id)];
        let out = teacher.browser.post_from(&site.url(""), "/end-session", &fields).await;
        let out = if out.location().is_some() { teacher.browser.follow(&out).await } else { out };
        assert!(out.has("signed-out"), "{out:#?}");
        assert_eq!((site.asked(PATH), site.asked_in_all()), (1, 1), "the document was read once");
        // What stands in the database is no second name.
        let id = rows(&app).await[0].id.to_string();
        let other = RelyingParty { id, ..rp.clone() };
        assert!(teacher.browser.open(&other.url(&other.ask())).await.has("err-client"));
        assert_eq!(other.refresh("x.0.x").await.error(), "invalid_client");
    }

    async fn a_client_with_a_key_proves_itself(app: TestApp, site: Site) {
        app.pass(Duration::from_secs(1));
        let (key, stranger) = (ClientKey::es256(), ClientKey::es256());
        site.tell("jwks.json", Told::json(&key.jwks()));
        let own = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": site.url("jwks.json") });
        let rp = RelyingParty { auth: Auth::Key(key), ..site.client_with(&app, PATH, own) };
        // It comes first to the endpoint for pushed requests, where its assertion alone says who it is.
        assert_eq!(push(&rp).await.status, 201);
        let tokens = app.teacher().sign_in(&rp).await;
        let told = rp.post("/introspect", &[("token", tokens.access())]).await;
        assert_eq!((told.body["active"].as_bool(), told.body["client_id"].as_str()), (Some(true), Some(&*rp.id)));
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200);
        for auth in [Auth::Public, Auth::Key(stranger), Auth::Basic("secret".into())] {
            let other = RelyingParty { auth, ..rp.clone() };
            assert_eq!(other.refresh(&tokens.refresh()).await.error(), "invalid_client");
        }
    }

    async fn keys_in_the_document_end_with_it(app: TestApp, site: Site) {
        app.pass(Duration::from_secs(1));
        let (old, new) = (ClientKey::es256(), ClientKey::ed25519());
        let with = |key: &ClientKey| json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks() });
        let rp = RelyingParty { auth: Auth::Key(old.clone()), ..site.client_with(&app, PATH, with(&old)) };
        let refresh = app.teacher().sign_in(&rp).await.refresh();
        site.client_with(&app, PATH, with(&new));
        app.pass(HOUR);
        assert_eq!(rp.refresh(&refresh).await.error(), "invalid_client", "a key that was taken out");
        let renewed = RelyingParty { auth: Auth::Key(new), ..rp.clone() };
        assert_eq!(renewed.refresh(&refresh).await.status, 200);
    }

    async fn a_document_is_read_again_when_it_ends(app: TestApp, site: Site) {
        let told = |own: Value| Told::json(&site.document(PATH, own)).with("cache-control", "public, max-age=600");
        site.tell(PATH, told(json!({})));
        let rp = site.client(&app, PATH);
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        let moved = RelyingParty { redirect_uri: site.url("moved"), ..rp.clone() };
        site.tell(PATH, told(json!({ "redirect_uris": [site.url("moved")] })));
        app.pass(Duration::from_secs(590));
        teacher.sign_in(&rp).await;
        assert!(teacher.browser.open(&moved.url(&moved.ask())).await.has("err-redirect-uri"), "not yet");
        assert_eq!(site.asked(PATH), 1);
        app.pass(Duration::from_secs(11));
        assert!(teacher.browser.open(&rp.url(&rp.ask())).await.has("err-redirect-uri"), "the old address is none now");
        teacher.sign_in(&moved).await;
        assert_eq!(site.asked(PATH), 2);
        // One that says the same is believed again without a change of the row.
        let version = rows(&app).await[0].version;
        app.pass(Duration::from_secs(601));
        teacher.sign_in(&moved).await;
        assert_eq!((site.asked(PATH), rows(&app).await[0].version), (3, version));
    }

    async fn a_request_under_way_does_not_outlive_the_document(app: TestApp, site: Site) {
        let rp = site.client_with(&app, PATH, json!({}));
        let mut teacher = app.teacher();
        // Its end comes while she reads the page.
        site.tell(PATH, Told::json(&site.document(PATH, json!({}))).with("cache-control", "max-age=600"));
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        assert!(page.asks_for("password"));
        site.client_with(&app, PATH, json!({ "redirect_uris": [site.url("moved")] }));
        app.pass(Duration::from_secs(900));
        let answer = teacher.answer_pages(page).await;
        assert!(answer.has("err-redirect-uri"), "{answer:#?}");
    }

    async fn a_document_that_asks_for_more_gets_no_more(app: TestApp, site: Site) {
        let rp = site.client_with(&app, PATH, json!({ "scope": "openid profile" }));
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in_with(&rp, rp.ask().with("scope", "openid profile phone")).await;
        assert!(rp.userinfo(&tokens.access()).await.body["phone_number"].is_null());
        site.client_with(&app, PATH, json!({ "scope": "openid profile phone" }));
        app.pass(HOUR);
        let again = rp.refresh(&tokens.refresh()).await;
        assert_eq!(again.status, 200, "{again:?}");
        assert!(rp.userinfo(&again.access()).await.body["phone_number"].is_null());
        let form = [("grant_type", "refresh_token".into()), ("refresh_token", again.refresh()), ("scope", "openid phone".into())];
        assert_eq!(rp.token(&form).await.error(), "invalid_scope");
        let page = teacher.browser.open(&rp.url(&rp.ask().with("scope", "openid profile phone"))).await;
        assert!(page.asks_for("decision"), "she is asked again: {page:#?}");
        // Under another name it is another to her: what she agreed to is over.
        site.client_with(&app, PATH, json!({ "scope": "openid profile phone", "client_name": "教育部" }));
        app.pass(HOUR);
        assert_eq!(rp.refresh(&again.refresh()).await.error(), "invalid_grant");
    }

    async fn a_document_that_is_gone_takes_its_client_along(app: TestApp, site: Site) {
        let rp = site.client_with(&app, PATH, json!({}));
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        let mut held = tokens.refresh();
        let good = Told::json(&site.document(PATH, json!({})));
        for status in [404, 410, 403, 302] {
            app.pass(HOUR);
            site.tell(PATH, good.clone().status(status).with("location", &site.url("other.json")));
            assert_eq!(rp.refresh(&held).await.error(), "invalid_client", "{status}");
            assert!(teacher.browser.open(&rp.url(&rp.ask())).await.has("err-client"), "{status}");
            let asked = site.asked(PATH);
            assert_eq!(rp.refresh(&held).await.error(), "invalid_client");
            assert_eq!(site.asked(PATH), asked, "and nobody makes us ask again and again");
            site.tell(PATH, good.clone());
            app.pass(Duration::from_secs(6));
            let back = rp.refresh(&held).await;
            assert_eq!(back.status, 200, "it is back: {back:?}");
            held = back.refresh();
        }
        let rows = rows(&app).await;
        assert_eq!((rows.len(), rows[0].status), (1, ClientStatus::Active), "the row stays");

        // A server that rests is not gone: nobody is told that he is unknown.
        app.pass(HOUR);
        site.tell(PATH, good.clone().status(503));
        let away = rp.refresh(&held).await;
        assert_eq!((away.status, away.error()), (503, "temporarily_unavailable"));
        assert!(away.headers.contains_key("retry-after"));
        // Whoever wants to leave does not wait for it, and takes back what she gave.
        assert!(teacher.browser.open("/consents").await.text.contains("练习册"));
        let hint = tokens.text("id_token");
        let out = teacher.browser.open(&format!("/end-session?id_token_hint={hint}")).await;
        assert!(out.has("signed-out"), "{out:#?}");
        app.app.withdraw_consent(&app.operator(), teacher.person.person_id, &rp.id).await.unwrap();
    }

    async fn one_that_the_operator_took_out_of_use_stays_out(app: TestApp, site: Site) {
        let rp = site.client_with(&app, PATH, json!({}));
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        app.suspend(&rp).await;
        app.pass(Duration::from_secs(2));
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        assert!(page.has("err-client"), "{page:#?}");
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_client");
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
        assert_eq!(push(&rp).await.error(), "invalid_client");
        // Another document brings it back no more than time does.
        site.client_with(&app, PATH, json!({ "client_name": "新名字" }));
        app.pass(HOUR);
        assert!(teacher.browser.open(&rp.url(&rp.ask())).await.has("err-client"));
        assert_eq!((site.asked(PATH), rows(&app).await.len()), (1, 1));
        let id = app.app.id_of_client(&rp.id.parse().unwrap()).await.unwrap();
        app.app.set_client_status(&app.operator(), id, ClientStatus::Active).await.unwrap();
        assert_eq!(site.asked(PATH), 1);
        // It calls itself otherwise now.
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert_eq!(site.asked(PATH), 2);
    }

    async fn who_comes_together_meets_one_client(app: TestApp, site: Site) {
        let rp = site.client_with(&app, PATH, json!({}));
        site.think(Duration::from_millis(300));
        let mut visits = Vec::new();
        for _ in 0..12 {
            let (rp, mut visitor) = (rp.clone(), app.teacher());
            visits.push(tokio::spawn(async move { visitor.browser.open(&rp.url(&rp.ask())).await }));
        }
        for visit in visits {
            assert!(visit.await.unwrap().asks_for("password"));
        }
        assert_eq!((site.asked(PATH), rows(&app).await.len()), (1, 1));

        // Two replicas may both ask, and meet the same client all the same.
        let twin = app.twin_with(|parts| site.let_in(parts)).await;
        for n in 0..4 {
            let path = format!("together-{n}.json");
            site.client_with(&app, &path, json!({}));
            let (ctx, url) = (app.operator(), site.url(&path));
            let (one, other) = tokio::join!(app.app.arriving_client(&ctx, &url), twin.arriving_client(&ctx, &url));
            assert_eq!(one.unwrap().unwrap().id, other.unwrap().unwrap().id);
            assert!(site.asked(&path) <= 2);
        }
        assert_eq!(rows(&app).await.len(), 5);
        // What one of them reads again the other believes.
        app.pass(HOUR);
        let (ctx, asked) = (app.operator(), site.asked(PATH));
        for replica in [&app.app, &twin, &app.app] {
            assert!(replica.arriving_client(&ctx.clone(), &rp.id).await.unwrap().is_some());
        }
        assert_eq!(site.asked(PATH), asked + 1);
        twin.close().await;
    }

    async fn two_clients_of_one_host_call_people_differently(app: TestApp, site: Site) {
        let (one, other) = (site.client_with(&app, "a.json", json!({})), site.client_with(&app, "b.json", json!({})));
        let mut teacher = app.teacher();
        let subs = [&teacher.sign_in(&one).await, &teacher.sign_in(&other).await].map(|tokens| tokens.id_claims()["sub"].clone());
        assert_ne!(subs[0], subs[1]);
    }

    async fn people_see_the_host_and_that_nobody_answers_for_it(app: TestApp, site: Site) {
        let rp = site.client_with(&app, PATH, json!({ "client_name": "教育部", "edu_vendor": "国家中小学智慧教育平台" }));
        let mut teacher = app.teacher();
        teacher.knock().await;
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        assert!(page.asks_for("decision"), "{page:#?}");
        assert!(page.text_of("stranger").is_some_and(|text| text.contains("localhost")), "{page:#?}");
        assert!(page.text.contains("教育部（localhost）") && !page.text.contains("国家中小学智慧教育平台"));
        teacher.browser.language = Some("en".into());
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        assert!(page.text.contains("教育部 (localhost)") && page.text.contains("No institution"), "{page:#?}");
        let id = app.app.id_of_client(&rp.id.parse().unwrap()).await.unwrap();
        app.app.assign_client(&app.operator(), id, Some("ED36078100")).await.unwrap();
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        assert!(page.asks_for("decision") && !page.has("stranger") && page.text.contains("localhost"), "{page:#?}");
    }

    async fn no_word_about_a_child_goes_where_nobody_answers(app: TestApp, site: Site) {
        let rp = site.client_with(&app, PATH, json!({}));
        let (mut child, scope) = (app.child(), ScopeSet::parse("openid profile edu"));
        assert!(child.go(&rp, &rp.ask()).await.has("guardian-consent-needed"));
        let (id, guardian) = (child.person.person_id, app.person("guardian_of_two").person_id);
        let record = async || app.app.record_guardian_consent(&app.operator(), id, guardian, &rp.id, &scope).await;
        assert!(record().await.is_err(), "no receipt is taken");
        let client = app.app.id_of_client(&rp.id.parse().unwrap()).await.unwrap();
        app.app.assign_client(&app.operator(), client, Some("ED36078100")).await.unwrap();
        assert_eq!(child.silently(&rp).await["error"], "consent_required", "nor does it come by itself");
        record().await.unwrap();
        let tokens = child.sign_in(&rp).await;
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        app.app.assign_client(&app.operator(), client, None).await.unwrap();
        app.pass(Duration::from_secs(3));
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401, "who answered answers no more");
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert_eq!(child.silently(&rp).await["error"], "consent_required");
        assert!(app.teacher().sign_in(&rp).await.status == 200, "grown-ups speak for themselves");
    }

    async fn one_that_nobody_ever_used_is_forgotten(app: TestApp, site: Site) {
        let (used, unused) = (site.client_with(&app, "used.json", json!({})), site.client_with(&app, "unused.json", json!({})));
        app.teacher().sign_in(&used).await;
        app.teacher().browser.open(&unused.url(&unused.ask())).await;
        assert_eq!(rows(&app).await.len(), 2);
        app.pass(Duration::from_secs(15 * 86_400));
        app.app.upkeep().await.unwrap();
        let left = rows(&app).await;
        assert!(left.len() == 1 && left[0].client_id() == used.id);
        // It may come again.
        app.teacher().sign_in(&unused).await;
        assert_eq!(rows(&app).await.len(), 2);
    }
}
