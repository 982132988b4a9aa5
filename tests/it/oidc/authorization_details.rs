//! Rich authorization requests (RFC 9396) at the authorization endpoint and in what follows from it: what she agreed to and
//! nothing beside it, for whom it was, and for as long as it stands.

use mingji::app::Kind;
use mingji::app::consent_record::Word;
use mingji::domain::oidc::authorization_details::Details;
use mingji::domain::oidc::scope::ScopeSet;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use serde_json::{Value, json};

use super::client_credentials::{GRADES, resource};
use crate::support::app::{TestApp, both_engines};
use crate::support::database::select_texts;
use crate::support::record::logs;
use crate::support::relying_party::{Answer, Ask, RelyingParty, claims_of};

pub const LIBRARY: &str = "https://library.example/api";
pub const EXPORT: &str = "grade_export";
pub const BOOKING: &str = "room_booking";

/// Resources and two types: one at the grades, one at the grades and the library.
pub async fn types(app: &TestApp) {
    resource(app, GRADES, &["grades.read", "grades.write"]).await;
    resource(app, LIBRARY, &["library.read"]).await;
    define(app, export()).await;
    define(app, booking()).await;
}

/// What the second type says.
pub fn booking() -> Value {
    json!({
        "type": BOOKING, "title": { "zh": "预约教室", "en": "Book a room" }, "description": { "zh": "替您预约。", "en": "Books in your name." },
        "resources": [GRADES, LIBRARY], "privileges": { "values": { "member": { "zh": "普通成员", "en": "ordinary member" } } }, "self_registered": true,
    })
}

/// What the first type says.
pub fn export() -> Value {
    json!({
        "type": EXPORT, "title": { "zh": "导出成绩", "en": "Export grades" },
        "description": { "zh": "把成绩单交给这个应用。", "en": "Hands the report to this application." }, "resources": [GRADES],
        "actions": { "values": { "read": { "zh": "查看", "en": "look" }, "download": { "zh": "下载", "en": "take along" } }, "required": true },
        "identifier": { "longest": 32 },
    })
}

pub async fn define(app: &TestApp, kind: Value) {
    let kind = serde_json::from_value(kind).unwrap();
    app.app.define_authorization_type(&app.operator(), &kind).await.unwrap();
}

/// What she is asked for, on the term of an identifier.
pub fn wish(actions: &[&str], identifier: &str) -> Value {
    json!([{ "type": EXPORT, "actions": actions, "identifier": identifier }])
}

/// The same with the place that it is for, as it comes back.
pub fn given(actions: &[&str], identifier: &str) -> Value {
    json!([{ "type": EXPORT, "locations": [GRADES], "actions": actions, "identifier": identifier }])
}

pub async fn platform(app: &TestApp, own: Value) -> RelyingParty {
    let mut metadata = json!({ "authorization_details_types": [EXPORT, BOOKING] });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    app.register(metadata).await
}

/// A service that looks at tokens.
pub async fn server(app: &TestApp, serves: &str) -> RelyingParty {
    let metadata = json!({ "redirect_uris": null, "response_types": [], "grant_types": [], "edu_serves": [serves] });
    app.register_machine(metadata).await
}

pub async fn told(server: &RelyingParty, token: &str) -> Value {
    server.post("/introspect", &[("token", token.to_owned())]).await.body
}

pub fn asking(rp: &RelyingParty, details: &Value) -> Ask {
    rp.ask().with("authorization_details", &details.to_string())
}

/// The error of a request that ends at the client.
async fn refused(app: &TestApp, rp: &RelyingParty, ask: &Ask) -> String {
    app.teacher().browser.open(&rp.url(ask)).await.answer()["error"].clone()
}

pub async fn refresh(rp: &RelyingParty, tokens: &Answer, own: &[(&'static str, String)]) -> Answer {
    let mut form = vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", tokens.refresh())];
    form.extend_from_slice(own);
    rp.token(&form).await
}

pub fn details(value: &Value) -> (&'static str, String) {
    ("authorization_details", value.to_string())
}

both_engines! {
    async fn she_reads_what_she_agrees_to_and_its_service_hears_of_it(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let (grades, library) = (server(&app, GRADES).await, server(&app, LIBRARY).await);
        let mut teacher = app.teacher();
        let ask = asking(&rp, &wish(&["read", "download"], "2026-1"));
        let page = teacher.browser.open(&rp.url(&ask)).await;
        let page = teacher.type_password(&page).await;
        let said = page.text_of("details").unwrap_or_else(|| panic!("not asked: {page:#?}"));
        for text in ["导出成绩", "把成绩单交给这个应用。", "下载、查看", "“2026-1”", "成绩库"] {
            assert!(said.contains(text), "{text} is not in {said}");
        }
        let request = page.value_of("request").unwrap();
        let english = teacher.browser.post("/language", &[("request", request.as_str()), ("lang", "en")]).await;
        let said = english.text_of("details").unwrap_or_else(|| panic!("{english:#?}"));
        assert!(said.contains("Export grades") && said.contains("take along, look"), "{said}");
        let answer = teacher.browser.press(&english, "decision", "allow").await.answer();
        let tokens = rp.redeem(&ask, &answer["code"]).await;
        let wanted = given(&["download", "read"], "2026-1");
        assert_eq!((tokens.status, &tokens.body["authorization_details"]), (200, &wanted), "{tokens:?}");
        let claims = claims_of(&tokens.access());
        assert_eq!((&claims["aud"], &claims["authorization_details"], &claims["scope"]), (&json!(GRADES), &wanted, &json!("")));
        assert!(claims_of(&tokens.text("id_token"))["authorization_details"].is_null());
        let seen = told(&grades, &tokens.access()).await;
        assert_eq!((&seen["active"], &seen["authorization_details"]), (&json!(true), &wanted), "{seen}");
        assert_eq!(told(&library, &tokens.access()).await, json!({ "active": false }));
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401, "it is for the grades");
        let plain = refresh(&rp, &tokens, &[("resource", app.issuer.clone())]).await;
        assert!(plain.body["authorization_details"].is_null() && claims_of(&plain.access())["authorization_details"].is_null());
        assert_eq!(rp.userinfo(&plain.access()).await.status, 200);
        assert_eq!(refresh(&rp, &tokens, &[]).await.body["authorization_details"], wanted, "and again");
        let list = teacher.browser.open("/consents").await;
        assert!(list.text.contains("Export grades") && list.text.contains("“2026-1”"), "she finds it again: {list:#?}");
    }

    async fn anything_else_is_asked_again(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let silently = async |visitor: &mut crate::support::visitor::Visitor, details: Value| {
            let answer = visitor.browser.open(&rp.url(&asking(&rp, &details).with("prompt", "none"))).await.answer();
            answer.get("error").cloned().unwrap_or_default()
        };
        teacher.sign_in_with(&rp, asking(&rp, &wish(&["read", "download"], "1"))).await;
        assert_eq!(silently(&mut teacher, wish(&["download", "read"], "1")).await, "", "the same, in another order");
        for other in [
            wish(&["read", "download"], "2"),
            wish(&["read"], "1"),
            json!([{ "type": EXPORT, "actions": ["read", "download"] }]),
            json!([{ "type": EXPORT, "actions": ["read", "download"], "identifier": "1" }, { "type": BOOKING }]),
            json!([{ "type": BOOKING }]),
        ] {
            assert_eq!(silently(&mut teacher, other.clone()).await, "consent_required", "{other}");
        }
        assert!(teacher.silently(&rp).await.contains_key("code"), "a platform that asks for nothing in detail");
        teacher.sign_in_with(&rp, asking(&rp, &json!([{ "type": BOOKING }]))).await;
        let both = json!([{ "type": EXPORT, "actions": ["read", "download"], "identifier": "1" }, { "type": BOOKING }]);
        assert_eq!(silently(&mut teacher, both).await, "consent_required", "two words are not one for both");
        let wider = asking(&rp, &wish(&["read", "download"], "1")).with("scope", "openid profile edu space").with("prompt", "none");
        assert_eq!(teacher.browser.open(&rp.url(&wider)).await.answer()["error"], "consent_required", "nor for another scope");
        let mut other = app.visitor("child_15");
        other.knock().await;
        assert_eq!(silently(&mut other, wish(&["read", "download"], "1")).await, "consent_required", "hers, not another's");
    }

    async fn what_does_not_conform_is_refused_by_name(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let without = platform(&app, json!({ "authorization_details_types": [BOOKING] })).await;
        let deep = format!(r#"[{{"type":"{EXPORT}","actions":{}"read"{}}}]"#, "[".repeat(900), "]".repeat(900));
        for bad in [
            json!([{ "type": "unknown" }]).to_string(),
            json!([{ "type": EXPORT }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["delete"] }]).to_string(),
            json!([{ "type": EXPORT, "actions": "read" }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["read"], "datatypes": ["x"] }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["read"], "amount": 5 }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["read"], "locations": [LIBRARY] }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["read"], "locations": [app.api()] }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["read"], "identifier": "x".repeat(33) }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["read"], "identifier": "a\u{202e}b" }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["read"], "identifier": "11010519491231002X" }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["read"], "identifier": "138 0013 8000" }]).to_string(),
            json!([{ "type": EXPORT, "actions": ["read"] }, { "type": EXPORT }]).to_string(),
            format!(r#"[{{"type":"{EXPORT}","actions":["read"],"actions":["download"]}}]"#),
            json!({ "type": EXPORT, "actions": ["read"] }).to_string(),
            json!([vec![json!({ "type": BOOKING }); 9]]).to_string(),
            "[]".into(),
            "no JSON".into(),
            deep,
        ] {
            let ask = rp.ask().with("authorization_details", &bad);
            assert_eq!(refused(&app, &rp, &ask).await, "invalid_authorization_details", "{}", &bad[..bad.len().min(99)]);
        }
        let ask = asking(&without, &wish(&["read"], "1"));
        assert_eq!(refused(&app, &without, &ask).await, "invalid_authorization_details", "a type it did not register");
        let front = platform(&app, json!({ "grant_types": ["authorization_code", "implicit"], "response_types": ["code", "code token"] })).await;
        let ask = asking(&front, &wish(&["read"], "1")).with("response_type", "code token");
        assert_eq!(refused(&app, &front, &ask).await, "invalid_request", "nothing of it through the address bar");
        let twice = asking(&rp, &wish(&["read"], "1")).and("authorization_details", &wish(&["download"], "1").to_string());
        assert_eq!(refused(&app, &rp, &twice).await, "invalid_request");
    }

    async fn a_token_request_narrows_and_widens_nothing(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let arrived = teacher.arrive_with(&rp, asking(&rp, &wish(&["read", "download"], "1"))).await;
        let mut form = rp.redemption(&arrived.ask, &arrived.code);
        form.push(details(&wish(&["read"], "1")));
        let tokens = rp.token(&form).await;
        assert_eq!(tokens.body["authorization_details"], given(&["read"], "1"), "{tokens:?}");
        assert_eq!(claims_of(&tokens.access())["authorization_details"], given(&["read"], "1"));
        assert_eq!(refresh(&rp, &tokens, &[]).await.body["authorization_details"], given(&["download", "read"], "1"), "one token, not the grant");
        for wide in [
            wish(&["read", "delete"], "1"),
            wish(&["read"], "2"),
            json!([{ "type": EXPORT, "actions": ["read"] }]),
            json!([{ "type": BOOKING }]),
            json!([{ "type": EXPORT, "actions": ["read"], "identifier": "1" }, { "type": BOOKING }]),
            json!([{ "type": EXPORT, "actions": ["read"], "identifier": "1", "locations": [GRADES, LIBRARY] }]),
            json!([]),
        ] {
            let answer = refresh(&rp, &tokens, &[details(&wide)]).await;
            assert_eq!((answer.status, answer.error()), (400, "invalid_authorization_details"), "{wide}");
        }
        let answer = refresh(&rp, &tokens, &[("resource", app.issuer.clone()), details(&wish(&["read"], "1"))]).await;
        assert_eq!(answer.error(), "invalid_target", "userinfo does nothing in detail");
        // She said yes once; a sign-in that leaves it out has none of it, and a code that did not bring it gets none.
        let plain = teacher.arrive_with(&rp, rp.ask()).await;
        let tokens = rp.redeem(&plain.ask, &plain.code).await;
        assert!(tokens.body["authorization_details"].is_null() && claims_of(&tokens.access())["authorization_details"].is_null());
        for own in [vec![details(&wish(&["read"], "1"))], vec![details(&given(&["read"], "1"))], vec![("resource", GRADES.to_owned())]] {
            let answer = refresh(&rp, &tokens, &own).await;
            assert!(["invalid_target", "invalid_authorization_details"].contains(&answer.error()), "{own:?}: {answer:?}");
        }
    }

    async fn of_two_places_each_hears_its_own(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let library = server(&app, LIBRARY).await;
        let wanted = json!([{ "type": EXPORT, "actions": ["read"] }, { "type": BOOKING, "privileges": ["member"] }]);
        let tokens = app.teacher().sign_in_with(&rp, asking(&rp, &wanted)).await;
        assert!(tokens.body["authorization_details"].is_null(), "of two places none is meant: {tokens:?}");
        assert_eq!(claims_of(&tokens.access())["aud"], app.issuer);
        let there = refresh(&rp, &tokens, &[("resource", LIBRARY.into())]).await;
        let booking = json!([{ "type": BOOKING, "locations": [LIBRARY], "privileges": ["member"] }]);
        assert_eq!(claims_of(&there.access())["authorization_details"], booking, "and not where else it is good");
        assert_eq!(told(&library, &there.access()).await["authorization_details"], booking);
        let here = refresh(&rp, &tokens, &[("resource", GRADES.into())]).await;
        assert_eq!(here.body["authorization_details"].as_array().unwrap().len(), 2);
        let by_place = refresh(&rp, &tokens, &[details(&booking)]).await;
        assert_eq!((&claims_of(&by_place.access())["aud"], &by_place.body["authorization_details"]), (&json!(LIBRARY), &booking));
        let wrong = refresh(&rp, &tokens, &[("resource", LIBRARY.into()), details(&json!([{ "type": EXPORT, "actions": ["read"] }]))]).await;
        assert_eq!(wrong.error(), "invalid_authorization_details", "{wrong:?}");
    }

    /// No word of a scope opens a place for an application; what she read and agreed to does, for that alone.
    async fn an_application_gets_what_she_agreed_to_and_no_words(app: TestApp) {
        types(&app).await;
        let vendor = json!({ "edu_client_kind": "application", "edu_lawful_basis": null, "edu_resources": [GRADES], "scope": "openid profile offline_access grades.read" });
        let rp = platform(&app, vendor).await;
        let mut teacher = app.teacher();
        let ask = asking(&rp, &wish(&["read"], "1")).with("scope", "openid profile grades.read");
        let tokens = teacher.sign_in_with(&rp, ask).await;
        assert_eq!((&tokens.body["scope"], &tokens.body["authorization_details"]), (&Value::Null, &given(&["read"], "1")), "{tokens:?}");
        assert_eq!(claims_of(&tokens.access())["scope"], "");
        let words = asking(&rp, &wish(&["read"], "1")).with("resource", GRADES);
        assert_eq!(teacher.browser.open(&rp.url(&words)).await.answer()["error"], "invalid_target");
    }

    /// R8: a guardian's word is for the details that the guardian saw, and a statute agrees to none.
    async fn for_a_child_the_guardian_agrees_to_exactly_what_she_saw(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let (child, father) = (app.person("child_under14").person_id, app.person("guardian_of_two").person_id);
        let scope = ScopeSet::parse("profile edu");
        let mut visitor = app.child();
        assert!(visitor.go(&rp, &rp.ask()).await.answer().contains_key("code"), "by statute");
        let ask = asking(&rp, &wish(&["read"], "2026-1"));
        let page = visitor.go(&rp, &ask).await;
        assert!(page.has("guardian-consent-needed") && !page.asks_for("decision"), "{page:#?}");
        assert!(page.text_of("details").unwrap().contains("“2026-1”"), "the guardian can read it there");
        app.app.record_guardian_consent(&app.operator(), child, father, &rp.id, &scope).await.unwrap();
        assert!(visitor.go(&rp, &ask).await.has("guardian-consent-needed"), "a word for the scope is none for this");
        let record = async |wanted: &Value| {
            let details = Details::parse(&wanted.to_string()).unwrap();
            let word = Word { scope: &scope, details: &details, read: None };
            app.app.record_guardian_word(&app.operator(), child, father, &rp.id, word).await
        };
        assert!(record(&json!([{ "type": "unknown" }])).await.is_err());
        record(&wish(&["download", "read"], "2026-1")).await.unwrap();
        assert!(visitor.go(&rp, &ask).await.has("guardian-consent-needed"), "not even for less");
        let details = Details::parse(&wish(&["read"], "2026-1").to_string()).unwrap();
        let word = Word { scope: &scope, details: &details, read: None };
        let read = app.app.guardian_notice(&rp.id, word, app.app.now()).await.unwrap();
        assert_eq!((read.details.len(), read.details[0].title.zh.as_str()), (1, "导出成绩"));
        assert!(visitor.go(&rp, &ask).await.has("guardian-consent-needed"), "nothing was recorded");
        let word = Word { read: Some(&read.digest), ..word };
        let narrower = Word { scope: &ScopeSet::parse("profile"), ..word };
        for (why, word) in [("another scope", narrower), ("nothing like it", Word { read: Some("x"), ..word })] {
            let refused = app.app.record_guardian_word(&app.operator(), child, father, &rp.id, word).await;
            assert_eq!(refused.err().map(|error| error.kind), Some(Kind::Conflict), "{why}");
        }
        app.app.record_guardian_word(&app.operator(), child, father, &rp.id, word).await.unwrap();
        let tokens = visitor.sign_in_with(&rp, ask).await;
        assert_eq!(tokens.body["authorization_details"], given(&["read"], "2026-1"));
        app.app.withdraw_consent(&app.operator(), child, &rp.id).await.unwrap();
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
    }

    /// What a client writes into them may be anything: it stands where it is needed, and in no log and no book.
    async fn what_stands_in_them_reaches_no_log_and_no_book(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let word = "needle-in-detail";
        let tokens = app.teacher().sign_in_with(&rp, asking(&rp, &wish(&["read"], word))).await;
        refresh(&rp, &tokens, &[details(&wish(&["download"], word))]).await;
        refused(&app, &rp, &asking(&rp, &json!([{ "type": EXPORT, "actions": [word], "x": word }]))).await;
        assert!(!logs().contains(word), "in the logs");
        let told = select_texts(&app.database.url, "SELECT CAST(details AS TEXT) FROM audit_entry").await;
        assert!(told.iter().any(|text| text.contains(EXPORT)), "its type is written down");
        assert!(told.iter().all(|text| !text.contains(word)), "in the books: {told:?}");
        let exported = app.exported(app.person("full_claims").person_id).await;
        assert!(exported["consents"].to_string().contains(word), "she is told what she agreed to");
    }

    /// A client that others wrote: the `openidconnect` crate, which knows nothing of details and passes them through.
    async fn a_standard_client_carries_them(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let wire = |request| crate::support::standard::send(app.http.clone(), request);
        let issuer = openidconnect::IssuerUrl::new(app.issuer.clone()).unwrap();
        let metadata = CoreProviderMetadata::discover_async(issuer, &wire).await.unwrap();
        let client = CoreClient::from_provider_metadata(metadata, openidconnect::ClientId::new(rp.id.clone()), None);
        let client = client.set_redirect_uri(openidconnect::RedirectUrl::new(rp.redirect_uri.clone()).unwrap());
        let (challenge, verifier) = openidconnect::PkceCodeChallenge::new_random_sha256();
        let (url, ..) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, openidconnect::CsrfToken::new_random, openidconnect::Nonce::new_random)
            .set_pkce_challenge(challenge)
            .add_extra_param("authorization_details", wish(&["read"], "1").to_string())
            .url();
        let mut teacher = app.teacher();
        let page = teacher.browser.open(url.as_str()).await;
        let code = teacher.answer_pages(page).await.answer()["code"].clone();
        let mut ask = rp.ask();
        ask.verifier = verifier.secret().clone();
        assert_eq!(rp.redeem(&ask, &code).await.body["authorization_details"], given(&["read"], "1"));
    }
}
