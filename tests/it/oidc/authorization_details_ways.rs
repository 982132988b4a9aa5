//! Authorization details (RFC 9396) on every other way in: pushed, in an object, from another device, in a client's own
//! name, and passed on.

use std::time::Duration;

use serde_json::{Value, json};

use super::authorization_details::{
    BOOKING, EXPORT, LIBRARY, asking, define, details, export, given, platform, refresh, server, told, types, wish,
};
use super::client_credentials::{GRADES, ask as ask_own, machine};
use super::dpop;
use super::request_object::{carrying, changed, object_of};
use crate::support::app::{TestApp, both_engines};
use crate::support::client_key::ClientKey;
use crate::support::relying_party::{Answer, RelyingParty, claims_of};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CIBA: &str = "urn:openid:params:grant-type:ciba";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Pushes a request with these details.
async fn push(rp: &RelyingParty, wanted: &Value) -> (crate::support::relying_party::Ask, Answer) {
    let ask = asking(rp, wanted);
    let names = [
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "authorization_details",
    ];
    let form: Vec<_> = names.into_iter().map(|name| (name, ask.get(name))).collect();
    let pushed = rp.post("/par", &form).await;
    (ask, pushed)
}

/// A screen or a platform that asks elsewhere, and what it polls with.
async fn elsewhere(app: &TestApp) -> RelyingParty {
    platform(app, json!({ "grant_types": ["authorization_code", "refresh_token", DEVICE, CIBA] })).await
}

both_engines! {
    async fn a_pushed_request_says_them_and_what_lies_beside_is_not_read(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let (ask, pushed) = push(&rp, &wish(&["read"], "1")).await;
        let wider = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &rp.id)
            .append_pair("request_uri", &pushed.text("request_uri"))
            .append_pair("authorization_details", &wish(&["read", "download"], "1").to_string())
            .finish();
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&app.at(&format!("/authorize?{wider}"))).await;
        let answer = teacher.answer_pages(page).await.answer();
        assert_eq!(rp.redeem(&ask, &answer["code"]).await.body["authorization_details"], given(&["read"], "1"));
        for bad in [json!([{ "type": "unknown" }]), json!([{ "type": EXPORT }]), json!({}), wish(&["read"], &"x".repeat(5000))] {
            let (_, refused) = push(&rp, &bad).await;
            assert_eq!((refused.status, refused.error()), (400, "invalid_authorization_details"), "{bad}");
        }
    }

    async fn an_object_holds_them_as_json_or_as_text(app: TestApp) {
        types(&app).await;
        let key = ClientKey::es256();
        let rp = platform(&app, json!({ "jwks": key.jwks() })).await;
        let mut teacher = app.teacher();
        for wanted in [wish(&["read"], "1"), json!(wish(&["read"], "1").to_string())] {
            let ask = rp.ask();
            let object = changed(&object_of(&rp, &ask), "authorization_details", wanted);
            let object = key.sign(json!({}), &object);
            let beside = carrying(&rp, &object).with("authorization_details", &wish(&["download"], "1").to_string());
            let answer = teacher.go(&rp, &beside).await.answer();
            assert_eq!(rp.redeem(&ask, &answer["code"]).await.body["authorization_details"], given(&["read"], "1"));
        }
        for bad in [json!([{ "type": "unknown" }]), json!({ "type": EXPORT }), json!([[[[[]]]]]), json!(5)] {
            let object = key.sign(json!({}), &changed(&object_of(&rp, &rp.ask()), "authorization_details", bad.clone()));
            let answer = teacher.browser.open(&rp.url(&carrying(&rp, &object))).await.answer();
            assert_eq!(answer["error"], "invalid_authorization_details", "{bad}");
        }
    }

    async fn a_screen_asks_for_them_and_its_person_reads_them(app: TestApp) {
        types(&app).await;
        let rp = elsewhere(&app).await;
        let begin = async |wanted: &Value| rp.post("/device-authorization", &[("scope", "openid profile".into()), details(wanted)]).await;
        for bad in [json!([{ "type": "unknown" }]), json!([{ "type": EXPORT }]), json!("x")] {
            assert_eq!(begin(&bad).await.error(), "invalid_authorization_details", "{bad}");
        }
        let codes = begin(&wish(&["read", "download"], "1")).await;
        let mut teacher = app.teacher();
        teacher.knock().await;
        let page = teacher.browser.open("/device").await;
        let page = teacher.browser.submit(&page, "user_code", &[("user_code", &codes.text("user_code"))]).await;
        let page = teacher.browser.press(&page, "confirm", "yes").await;
        assert!(page.text_of("details").is_some_and(|said| said.contains("导出成绩")), "{page:#?}");
        assert!(teacher.answer_pages(page).await.has("answered-yes"));
        let poll = async |own: &[(&'static str, String)]| {
            let mut form = vec![("grant_type", DEVICE.to_owned()), ("device_code", codes.text("device_code"))];
            form.extend_from_slice(own);
            rp.token(&form).await
        };
        assert_eq!(poll(&[details(&wish(&["delete"], "1"))]).await.error(), "invalid_authorization_details");
        let tokens = poll(&[details(&wish(&["read"], "1"))]).await;
        assert_eq!((tokens.status, &tokens.body["authorization_details"]), (200, &given(&["read"], "1")), "a slip used nothing up: {tokens:?}");
    }

    async fn a_platform_asks_for_them_by_name(app: TestApp) {
        types(&app).await;
        app.pass(Duration::from_secs(1));
        let key = ClientKey::es256();
        let rp = platform(&app, json!({
            "grant_types": ["authorization_code", "refresh_token", CIBA], "jwks": key.jwks(),
        })).await;
        let mut teacher = app.teacher();
        let login = teacher.person.user_name.clone();
        let form = |wanted: &Value| vec![("scope", "openid profile".to_owned()), ("login_hint", login.clone()), details(wanted)];
        assert_eq!(rp.post("/backchannel-authentication", &form(&json!([{ "type": EXPORT }]))).await.error(), "invalid_authorization_details");
        let now = app.app.now().seconds();
        let object = json!({
            "iss": rp.id, "aud": app.issuer, "iat": now, "nbf": now, "exp": now + 60, "jti": "1", "scope": "openid profile", "login_hint": login,
            "authorization_details": wish(&["read"], "1"),
        });
        let signed = key.sign(json!({}), &object);
        let beside = [("request", signed.clone()), details(&wish(&["download"], "1"))];
        assert_eq!(rp.post("/backchannel-authentication", &beside).await.error(), "invalid_request", "what is asked stands in it");
        let asked = rp.post("/backchannel-authentication", &[("request", signed)]).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        teacher.knock().await;
        let home = teacher.browser.open("/").await;
        let question = home.buttons("question")[0].clone();
        let page = teacher.browser.press(&home, "question", &question).await;
        let page = teacher.browser.press(&page, "confirm", "yes").await;
        assert!(page.asks_for("decision") && page.has("details"), "{page:#?}");
        teacher.answer_pages(page).await;
        let tokens = rp.token(&[("grant_type", CIBA.into()), ("auth_req_id", asked.text("auth_req_id"))]).await;
        assert_eq!(tokens.body["authorization_details"], given(&["read"], "1"), "{tokens:?}");
    }

    async fn in_its_own_name_a_client_gets_what_it_registered(app: TestApp) {
        types(&app).await;
        let rp = machine(&app, json!({ "authorization_details_types": [EXPORT] })).await;
        let text = wish(&["read"], "1").to_string();
        let tokens = ask_own(&rp, &[("authorization_details", &text)]).await;
        let claims = claims_of(&tokens.access());
        assert_eq!((&tokens.body["authorization_details"], &claims["authorization_details"]), (&given(&["read"], "1"), &given(&["read"], "1")), "{tokens:?}");
        assert_eq!((&tokens.body["scope"], &claims["scope"]), (&Value::Null, &json!("")), "no word that it did not ask for");
        let both = ask_own(&rp, &[("authorization_details", &text), ("scope", "grades.read")]).await;
        assert_eq!((both.text("scope").as_str(), &both.body["authorization_details"]), ("grades.read", &given(&["read"], "1")));
        assert!(ask_own(&rp, &[]).await.body["authorization_details"].is_null());
        let seen = told(&server(&app, GRADES).await, &tokens.access()).await;
        assert_eq!(seen["authorization_details"], given(&["read"], "1"), "{seen}");
        app.app.remove_authorization_type(&app.operator(), EXPORT).await.unwrap();
        app.pass(Duration::from_secs(3));
        let seen = told(&server(&app, GRADES).await, &tokens.access()).await;
        assert!(seen["active"] == true && seen["authorization_details"].is_null(), "a type that is gone is told no more: {seen}");
        define(&app, export()).await;
        app.pass(Duration::from_secs(3));
        let [unknown, booking, wide] = [json!([{ "type": "unknown" }]), json!([{ "type": BOOKING }]), wish(&["delete"], "1")];
        for wrong in [unknown, booking.clone(), wide] {
            let answer = ask_own(&rp, &[("authorization_details", &wrong.to_string())]).await;
            assert_eq!((answer.status, answer.error()), (400, "invalid_authorization_details"), "{wrong}");
        }
        let other = machine(&app, json!({ "authorization_details_types": [BOOKING] })).await;
        let there = json!([{ "type": BOOKING, "locations": [LIBRARY] }]).to_string();
        assert_eq!(ask_own(&other, &[("authorization_details", &there)]).await.error(), "invalid_target", "a resource it did not register");
        assert_eq!(ask_own(&other, &[("authorization_details", &there), ("resource", GRADES)]).await.error(), "invalid_authorization_details");
        let here = ask_own(&other, &[("authorization_details", &booking.to_string()), ("resource", GRADES)]).await;
        assert_eq!(here.body["authorization_details"], json!([{ "type": BOOKING, "locations": [GRADES] }]), "{here:?}");
    }

    /// RFC 8693: what is passed on becomes no more, and goes nowhere that she did not read of.
    async fn passed_on_they_narrow_and_stay_where_they_were(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({ "edu_resources": [GRADES], "scope": "openid profile offline_access grades.read" })).await;
        let wanted = json!([{ "type": EXPORT, "actions": ["read", "download"] }, { "type": BOOKING, "privileges": ["member"] }]);
        let ask = asking(&rp, &wanted).with("scope", "openid profile grades.read").with("resource", GRADES);
        let tokens = app.teacher().sign_in_with(&rp, ask).await;
        let called_with = refresh(&rp, &tokens, &[("resource", GRADES.into()), details(&json!([{ "type": EXPORT, "actions": ["read"] }]))]).await.access();
        let service = async |own: Value| {
            let mut metadata = json!({
                "redirect_uris": null, "response_types": [], "grant_types": [EXCHANGE], "edu_serves": [GRADES], "edu_resources": [GRADES, LIBRARY],
                "scope": "grades.read library.read", "edu_client_kind": "platform", "edu_lawful_basis": "statutory", "authorization_details_types": [EXPORT, BOOKING],
            });
            metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            app.register_machine(metadata).await
        };
        let pass_on = async |rp: &RelyingParty, resource: &str, own: &[(&'static str, String)]| {
            let mut form = vec![
                ("grant_type", EXCHANGE.to_owned()),
                ("subject_token", called_with.clone()),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token".to_owned()),
                ("resource", resource.to_owned()),
            ];
            form.extend_from_slice(own);
            rp.token(&form).await
        };
        let grades = service(json!({})).await;
        let read = json!([{ "type": EXPORT, "locations": [GRADES], "actions": ["read"] }]);
        let same = pass_on(&grades, GRADES, &[]).await;
        assert_eq!((&same.body["authorization_details"], &claims_of(&same.access())["authorization_details"]), (&read, &read), "{same:?}");
        assert_eq!(told(&grades, &same.access()).await["authorization_details"], read);
        let there = pass_on(&grades, LIBRARY, &[]).await;
        assert!(there.status == 200 && there.body["authorization_details"].is_null(), "not even of the type that is good there: {there:?}");
        for (at, wide) in [
            (GRADES, json!([{ "type": EXPORT, "actions": ["read", "download"] }])),
            (GRADES, json!([{ "type": BOOKING, "privileges": ["member"] }])),
            (LIBRARY, json!([{ "type": BOOKING, "privileges": ["member"] }])),
            (LIBRARY, read.clone()),
        ] {
            let answer = pass_on(&grades, at, &[details(&wide)]).await;
            assert_eq!((answer.status, answer.error()), (400, "invalid_authorization_details"), "{at} {wide}");
        }
        let without = service(json!({ "authorization_details_types": [BOOKING] })).await;
        assert!(pass_on(&without, GRADES, &[]).await.body["authorization_details"].is_null(), "a type that it did not register");
    }

    /// OpenID Connect Core, 5.3: whoever asks for something in detail and names no resource gets one token, and userinfo opens
    /// with it, where the place cannot use it there.
    async fn a_bound_token_of_details_opens_userinfo_too(app: TestApp) {
        types(&app).await;
        app.pass(Duration::from_secs(20));
        let (rp, key) = (platform(&app, json!({})).await, ClientKey::es256());
        let (grades, library) = (server(&app, GRADES).await, server(&app, LIBRARY).await);
        let arrived = app.teacher().arrive_with(&rp, asking(&rp, &wish(&["read"], "1"))).await;
        let tokens = dpop::post(&rp, "/token", &rp.redemption(&arrived.ask, &arrived.code), &key).await;
        let (token, issuer) = (tokens.access(), app.app.issuer().as_str());
        let claims = claims_of(&token);
        assert_eq!((&claims["aud"], &claims["authorization_details"]), (&json!([GRADES, issuer]), &given(&["read"], "1")));
        assert_eq!(claims["scope"], tokens.body["scope"], "what the client is told stands in the token");
        assert_eq!(dpop::userinfo(&app, &token, &key).await.status, 200);
        let heard = told(&grades, &token).await;
        assert_eq!((&heard["aud"], &heard["scope"]), (&claims["aud"], &claims["scope"]), "{heard}");
        assert_eq!(heard["authorization_details"], given(&["read"], "1"));
        assert_eq!(told(&library, &token).await["active"], false);
        let bearer = app.http.get(app.at("/userinfo")).bearer_auth(&token);
        assert_eq!(Answer::of(bearer).await.error(), "invalid_token", "of no use to the place");

        let form = [
            ("grant_type", "refresh_token".into()),
            ("refresh_token", tokens.refresh()),
            ("resource", GRADES.to_owned()),
        ];
        let named = dpop::post(&rp, "/token", &form, &key).await.access();
        assert_eq!(claims_of(&named)["aud"], GRADES, "who names the place means it alone");
        assert_eq!(dpop::userinfo(&app, &named, &key).await.error(), "invalid_token");
        let unbound = app.teacher().sign_in_with(&rp, asking(&rp, &wish(&["read"], "2"))).await.access();
        assert_eq!(claims_of(&unbound)["aud"], GRADES, "a bearer's would let the place ask about her");
    }

    /// RFC 8693: a call that was agreed to in detail alone carries no word that could be passed on.
    async fn what_is_agreed_to_in_detail_alone_is_not_passed_on(app: TestApp) {
        types(&app).await;
        let rp = platform(&app, json!({})).await;
        let token = app.teacher().sign_in_with(&rp, asking(&rp, &wish(&["read"], "1"))).await.access();
        let grades = app.register_machine(json!({
            "redirect_uris": null, "response_types": [], "grant_types": [EXCHANGE], "edu_serves": [GRADES], "edu_resources": [LIBRARY],
            "scope": "library.read", "edu_client_kind": "platform", "edu_lawful_basis": "statutory",
        })).await;
        let form = [
            ("grant_type", EXCHANGE.into()),
            ("subject_token", token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token".into()),
            ("resource", LIBRARY.into()),
        ];
        assert_eq!(grades.token(&form).await.error(), "invalid_request");
    }
}
