//! The device grant: a screen without a keyboard shows a code, and its person says yes on her phone.

use std::time::Duration;

use futures_util::future::join_all;
use openidconnect::core::{CoreClient, CoreDeviceAuthorizationResponse, CoreProviderMetadata};
use openidconnect::{ClientId, ClientSecret, DeviceAuthorizationUrl, IssuerUrl, Nonce, Scope, TokenResponse as _};
use serde_json::json;

use super::client_credentials::{GRADES, resource};
use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::database::Elsewhere;
use crate::support::relying_party::{Answer, Auth, RelyingParty, claims_of};
use crate::support::standard::send;
use crate::support::visitor::Visitor;

pub const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub async fn screen(app: &TestApp, own: serde_json::Value) -> RelyingParty {
    let mut metadata = json!({ "client_name": "教室大屏", "grant_types": ["authorization_code", "refresh_token", DEVICE], "token_endpoint_auth_method": "none" });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    app.register(metadata).await
}

pub async fn begin(rp: &RelyingParty, scope: &str) -> Answer {
    rp.post("/device-authorization", &[("scope", scope.into())]).await
}

async fn poll(rp: &RelyingParty, codes: &Answer) -> Answer {
    rp.token(&[("grant_type", DEVICE.into()), ("device_code", codes.text("device_code"))]).await
}

/// Somebody signed in types the code; the page that follows.
pub async fn typed(visitor: &mut Visitor, code: &str) -> Page {
    let page = visitor.browser.open("/device").await;
    let page = if page.asks_for("password") {
        let page = visitor.type_password(&page).await;
        visitor.browser.follow(&page).await
    } else {
        page
    };
    visitor.browser.submit(&page, "user_code", &[("user_code", code)]).await
}

/// Says yes, and answers what is asked after that.
pub async fn yes(visitor: &mut Visitor, page: &Page) -> Page {
    let page = visitor.browser.press(page, "confirm", "yes").await;
    visitor.answer_pages(page).await
}

/// The whole way of a screen that its person lets in.
async fn let_in(rp: &RelyingParty, visitor: &mut Visitor, scope: &str) -> Answer {
    let codes = begin(rp, scope).await;
    let page = typed(visitor, &codes.text("user_code")).await;
    assert!(yes(visitor, &page).await.has("answered-yes"));
    let tokens = poll(rp, &codes).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    tokens
}

const HOUR: Duration = Duration::from_secs(3600);

both_engines! {
    /// RFC 8707, 2: the resource is asked for where the question begins, and refused there.
    async fn a_screen_gets_a_token_for_the_service_that_it_named(app: TestApp) {
        resource(&app, GRADES, &["grades.read"]).await;
        let rp = screen(&app, json!({ "edu_client_kind": "platform", "edu_resources": [GRADES] })).await;
        let ask = async |resource: &str| {
            let form = [("scope", "openid grades.read".to_owned()), ("resource", resource.to_owned())];
            rp.post("/device-authorization", &form).await
        };
        for foreign in ["https://other.example/", "\0", &app.at("/api/")] {
            assert_eq!(ask(foreign).await.error(), "invalid_target", "{foreign:?}");
        }
        let codes = ask(GRADES).await;
        let mut teacher = app.teacher();
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        assert!(yes(&mut teacher, &page).await.has("answered-yes"));
        let tokens = poll(&rp, &codes).await;
        let claims = claims_of(&tokens.access());
        assert_eq!((&claims["aud"], &claims["scope"]), (&json!(GRADES), &json!("grades.read")), "{tokens:?}");
    }

    async fn a_screen_gets_tokens_once_its_person_said_yes(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid profile offline_access").await;
        assert_eq!(codes.status, 200, "{codes:?}");
        assert_eq!((&codes.body["expires_in"], &codes.body["interval"]), (&json!(600), &json!(5)));
        let (uri, code) = (codes.text("verification_uri"), codes.text("user_code"));
        assert_eq!(codes.text("verification_uri_complete"), format!("{uri}?user_code={code}"));
        assert_eq!(poll(&rp, &codes).await.error(), "authorization_pending");

        let mut teacher = app.teacher();
        let page = typed(&mut teacher, &code.to_lowercase().replace('-', " ")).await;
        assert_eq!(page.text_of("shown").as_deref(), Some(code.as_str()), "{page:#?}");
        assert!(page.text.contains("教室大屏"));
        app.pass(Duration::from_secs(6));
        assert_eq!(poll(&rp, &codes).await.error(), "authorization_pending", "looking is not agreeing");
        assert!(yes(&mut teacher, &page).await.has("answered-yes"));

        let tokens = poll(&rp, &codes).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        let id = tokens.id_claims();
        assert_eq!((&id["aud"], &id["sub"]), (&json!(rp.id), &json!(teacher.person.person_id)));
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200);
        assert_eq!(poll(&rp, &codes).await.error(), "invalid_grant", "once");
    }

    async fn of_many_who_ask_at_once_one_gets_tokens(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid").await;
        let mut teacher = app.teacher();
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        yes(&mut teacher, &page).await;
        let answers = join_all((0..8).map(|_| poll(&rp, &codes))).await;
        let served = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(served, 1, "{answers:?}");
        assert!(answers.iter().all(|answer| answer.status == 200 || answer.error() == "invalid_grant"), "{answers:?}");
    }

    async fn of_two_who_answer_at_once_one_is_heard(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid").await;
        let (mut one, mut other) = (app.teacher(), app.visitor("child_15"));
        let first = typed(&mut one, &codes.text("user_code")).await;
        let second = typed(&mut other, &codes.text("user_code")).await;
        let (first, second) = tokio::join!(one.browser.press(&first, "confirm", "yes"), other.browser.press(&second, "confirm", "yes"));
        let heard = [first.has("answered-yes"), second.has("answered-yes")];
        assert_eq!(heard.iter().filter(|heard| **heard).count(), 1, "{first:#?}\n{second:#?}");
        let sub = poll(&rp, &codes).await.id_claims()["sub"].clone();
        let winner = if heard[0] { one.person.person_id } else { other.person.person_id };
        assert_eq!(sub, json!(winner));
    }

    async fn whoever_asks_too_often_is_told_to_slow_down(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid").await;
        assert_eq!(poll(&rp, &codes).await.error(), "authorization_pending");
        assert_eq!(poll(&rp, &codes).await.error(), "slow_down");
        app.pass(Duration::from_secs(5));
        assert_eq!(poll(&rp, &codes).await.error(), "authorization_pending");
        // What is ready is not held back.
        let mut teacher = app.teacher();
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        yes(&mut teacher, &page).await;
        assert_eq!(poll(&rp, &codes).await.status, 200);
    }

    async fn no_is_no_and_late_is_late(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let mut teacher = app.teacher();
        let codes = begin(&rp, "openid").await;
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        assert!(teacher.browser.press(&page, "confirm", "no").await.has("answered-no"));
        assert_eq!(poll(&rp, &codes).await.error(), "access_denied");
        assert!(teacher.browser.press(&page, "confirm", "yes").await.has("err-expired"), "no is final");
        assert_eq!(poll(&rp, &codes).await.error(), "access_denied");

        let codes = begin(&rp, "openid").await;
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        app.pass(Duration::from_secs(600));
        assert!(yes(&mut teacher, &page).await.has("err-expired"));
        assert_eq!(poll(&rp, &codes).await.error(), "expired_token");
        assert!(typed(&mut teacher, &codes.text("user_code")).await.has("problem"), "an old code is none");
    }

    async fn a_code_belongs_to_its_client(app: TestApp) {
        let (rp, other) = (screen(&app, json!({})).await, screen(&app, json!({})).await);
        let codes = begin(&rp, "openid").await;
        let mut teacher = app.teacher();
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        yes(&mut teacher, &page).await;
        assert_eq!(poll(&other, &codes).await.error(), "invalid_grant");
        let unregistered = app.public_client().await;
        assert_eq!(begin(&unregistered, "openid").await.error(), "unauthorized_client");
        assert_eq!(poll(&unregistered, &codes).await.error(), "unauthorized_client");
        assert_eq!(poll(&rp, &codes).await.status, 200, "nobody used it up");
        assert_eq!(begin(&rp, "profile").await.error(), "invalid_scope");
        let nobody = RelyingParty { id: "00000000-0000-0000-0000-000000000000".into(), auth: Auth::Public, ..rp.clone() };
        assert_eq!(begin(&nobody, "openid").await.error(), "invalid_client");
        let guess = rp.token(&[("grant_type", DEVICE.into()), ("device_code", "x".into())]).await;
        assert_eq!(guess.error(), "invalid_grant");
        app.suspend(&rp).await;
        app.pass(Duration::from_secs(3));
        assert_eq!(begin(&rp, "openid").await.error(), "invalid_client");
    }

    async fn guesses_run_out(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid").await;
        let mut teacher = app.teacher();
        let page = teacher.browser.open("/device").await;
        let page = teacher.type_password(&page).await;
        let page = teacher.browser.follow(&page).await;
        let guesses = (0..14).map(|_| { let (mut browser, page) = (teacher.browser.clone(), page.clone()); async move {
            browser.submit(&page, "user_code", &[("user_code", "BBBB-BBBB")]).await.status
        }});
        let answers = join_all(guesses).await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 10, "{answers:?}");
        let right = teacher.browser.submit(&page, "user_code", &[("user_code", &codes.text("user_code"))]).await;
        assert!(right.status == 429 && right.has("problem"), "the right one comes too late: {right:#?}");
        // Nobody else is held up.
        let mut other = app.visitor("child_15");
        assert!(typed(&mut other, &codes.text("user_code")).await.asks_for("confirm"));
        app.pass(Duration::from_secs(601));
        let fresh = begin(&rp, "openid").await;
        assert!(typed(&mut teacher, &fresh.text("user_code")).await.asks_for("confirm"));
    }

    async fn nobody_is_asked_before_she_signed_in(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid").await;
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&codes.text("verification_uri_complete")).await;
        assert!(page.asks_for("password") && !page.text.contains("教室大屏"), "{page:#?}");
        let page = teacher.type_password(&page).await;
        let page = teacher.browser.follow(&page).await;
        assert_eq!(page.value_of("user_code").as_deref(), Some(codes.text("user_code").as_str()));
        // Opening the address is not answering (R12).
        assert_eq!(poll(&rp, &codes).await.error(), "authorization_pending");
        let page = teacher.browser.submit(&page, "user_code", &[]).await;
        assert!(yes(&mut teacher, &page).await.has("answered-yes"));
        for path in ["/device", "/confirm"] {
            let forged = teacher.browser.post_from("https://evil.example", path, &[("user_code", codes.text("user_code"))]).await;
            assert_eq!(forged.status, 403, "{path}");
        }
    }

    async fn consent_and_guardians_are_asked_as_at_the_authorization_endpoint(app: TestApp) {
        let vendor = json!({ "edu_client_kind": "application", "edu_lawful_basis": null });
        let rp = screen(&app, vendor).await;
        let codes = begin(&rp, "openid profile").await;
        let mut teacher = app.teacher();
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        let page = teacher.browser.press(&page, "confirm", "yes").await;
        assert!(page.asks_for("decision"), "{page:#?}");
        assert_eq!(poll(&rp, &codes).await.error(), "authorization_pending");
        assert!(teacher.browser.press(&page, "decision", "deny").await.has("answered-no"));
        assert_eq!(poll(&rp, &codes).await.error(), "access_denied");

        let codes = begin(&rp, "openid profile").await;
        let mut child = app.child();
        let page = typed(&mut child, &codes.text("user_code")).await;
        let page = child.browser.press(&page, "confirm", "yes").await;
        assert!(page.has("guardian-consent-needed"), "{page:#?}");
        assert_eq!(poll(&rp, &codes).await.error(), "access_denied", "no tokens about a child without her guardian");
    }

    async fn a_person_with_several_identities_says_as_which(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid edu").await;
        let mut teacher = app.teacher_parent();
        teacher.identity = 1;
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        let page = teacher.browser.press(&page, "confirm", "yes").await;
        assert_eq!(page.buttons("identity").len(), 2);
        assert!(teacher.answer_pages(page).await.has("answered-yes"));
        let told = rp.userinfo(&poll(&rp, &codes).await.access()).await;
        assert_eq!(told.body["edu_identity"]["kind"], "parent", "the second one: {told:?}");
    }

    async fn her_phone_signs_out_and_the_screen_stays(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid").await;
        let mut teacher = app.teacher();
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        yes(&mut teacher, &page).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        let tokens = poll(&rp, &codes).await;
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        app.app.set_password(&app.operator(), teacher.person.person_id, "一只安静的旧钢笔".to_owned().into()).await.unwrap();
        assert_eq!(rp.userinfo(&tokens.access()).await.error(), "invalid_token", "a new password ends it everywhere");
    }

    async fn the_list_shows_a_device_for_as_long_as_it_can_come_back(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let mut teacher = app.teacher();
        let tokens = let_in(&rp, &mut teacher, "openid offline_access").await;
        // The phone itself is signed in at a platform that may come back without it.
        let asked = app.client("platform_a").ask().with("scope", "openid offline_access").with("prompt", "consent");
        let of_phone = teacher.sign_in_with(&app.client("platform_a"), asked).await;
        app.pass(9 * HOUR);
        assert!(!teacher.is_signed_in().await, "her own session has ended unused");
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200, "the screen goes on");
        let mut later = app.teacher();
        later.knock().await;
        let page = later.browser.open("/devices").await;
        assert_eq!(page.buttons("session").len(), 2, "{page:#?}");
        assert!(page.text.contains("教室大屏"));
        later.browser.post("/devices", &[("others", "yes")]).await;
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert_eq!(app.client("platform_a").refresh(&of_phone.refresh()).await.error(), "invalid_grant");
        assert!(later.browser.open("/devices").await.buttons("session").is_empty());
        assert!(later.is_signed_in().await);
    }

    async fn what_outlived_a_sign_out_is_listed_too(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let asked = rp.ask().with("scope", "openid offline_access").with("prompt", "consent");
        let tokens = teacher.sign_in_with(&rp, asked).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200, "that is what offline means");
        let mut later = app.teacher();
        later.knock().await;
        let page = later.browser.open("/devices").await;
        let [handle] = &page.buttons("session")[..] else { panic!("one: {page:#?}") };
        later.browser.post("/devices", &[("session", handle)]).await;
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        // Once its tokens have ended by themselves, nothing is left to list.
        let asked = rp.ask().with("scope", "openid offline_access").with("prompt", "consent");
        let tokens = teacher.sign_in_with(&rp, asked).await;
        rp.post("/revoke", &[("token", tokens.refresh())]).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        assert!(later.browser.open("/devices").await.buttons("session").is_empty());
    }

    async fn a_device_that_is_used_stays_and_shows_when(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let mut teacher = app.teacher();
        let tokens = let_in(&rp, &mut teacher, "openid").await;
        let mut refresh = tokens.refresh();
        let mut used = String::new();
        for _ in 0..3 {
            app.pass(7 * HOUR);
            used = app.app.now().shanghai_minute();
            let again = rp.refresh(&refresh).await;
            assert_eq!(again.status, 200, "it was used all the time: {again:?}");
            refresh = again.refresh();
        }
        let mut later = app.teacher();
        later.knock().await;
        let page = later.browser.open("/devices").await;
        let minutes = std::collections::BTreeSet::from([used, app.app.now().shanghai_minute()]);
        let last_used: usize = minutes.iter().map(|at| page.text.matches(&format!("最近使用 {at}")).count()).sum();
        assert_eq!(last_used, 2, "of this browser and of the screen: {page:#?}");
        app.pass(9 * HOUR);
        assert_eq!(rp.refresh(&refresh).await.error(), "invalid_grant", "unused it ends");
    }

    async fn a_yes_lives_no_longer_than_where_it_was_said(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let mut teacher = app.teacher();
        teacher.knock().await;
        for _ in 0..23 {
            app.pass(7 * HOUR);
            assert!(teacher.silently(&app.client("platform_a")).await.contains_key("code"));
        }
        // A week after her password, seven hours are left.
        let short = let_in(&rp, &mut teacher, "openid").await;
        let long = let_in(&rp, &mut teacher, "openid offline_access").await;
        app.pass(6 * HOUR);
        let short = rp.refresh(&short.refresh()).await;
        assert_eq!(short.status, 200, "{short:?}");
        app.pass(2 * HOUR);
        assert_eq!(rp.refresh(&short.refresh()).await.error(), "invalid_grant");
        assert_eq!(rp.refresh(&long.refresh()).await.status, 200, "that it was asked for");
    }

    /// A yes that is on its way when she ends everything else comes before, and is ended, or after, and is none.
    async fn a_yes_at_the_same_moment_escapes_no_end(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid offline_access").await;
        let (mut thief, mut owner) = (app.teacher(), app.teacher());
        owner.knock().await;
        let page = typed(&mut thief, &codes.text("user_code")).await;
        let mut slow = Elsewhere::begin(&app.database.url).await;
        slow.run("UPDATE elsewhere_question SET state = state").await;
        let saying = tokio::spawn(async move { thief.browser.press(&page, "confirm", "yes").await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let ending = tokio::spawn(async move { owner.browser.post("/devices", &[("others", "yes")]).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        slow.commit().await;
        saying.await.unwrap();
        ending.await.unwrap();
        let answer = poll(&rp, &codes).await;
        assert_ne!(answer.status, 200, "{answer:?}");
    }

    async fn a_yes_whose_time_is_over_gives_nothing(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let mut teacher = app.teacher();
        teacher.knock().await;
        for _ in 0..23 {
            app.pass(7 * HOUR);
            assert!(teacher.silently(&app.client("platform_a")).await.contains_key("code"));
        }
        app.pass(7 * HOUR - Duration::from_secs(120));
        let codes = begin(&rp, "openid offline_access").await;
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        assert!(yes(&mut teacher, &page).await.has("answered-yes"));
        app.pass(Duration::from_secs(240));
        assert_eq!(poll(&rp, &codes).await.error(), "invalid_grant", "nobody would find it to end it");
    }

    async fn no_is_not_said_when_yes_was(app: TestApp) {
        let rp = screen(&app, json!({ "edu_client_kind": "application", "edu_lawful_basis": null })).await;
        let codes = begin(&rp, "openid profile").await;
        let mut teacher = app.teacher();
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        let consent = teacher.browser.press(&page, "confirm", "yes").await;
        // Signed out meanwhile: nothing is refused, and nothing is claimed.
        let session = teacher.browser.jar.remove("mingji_session").unwrap();
        assert!(teacher.browser.press(&consent, "decision", "deny").await.has("err-expired"));
        assert_eq!(poll(&rp, &codes).await.error(), "authorization_pending");
        teacher.browser.jar.insert("mingji_session".into(), session);
        assert!(consent.asks_for("decision"), "{consent:#?}");
        assert!(teacher.browser.press(&consent, "decision", "allow").await.has("answered-yes"));
        for late in [teacher.browser.press(&page, "confirm", "no").await, teacher.browser.press(&consent, "decision", "deny").await] {
            assert!(late.has("answered-before") && late.text.contains("/devices"), "{late:#?}");
        }
        assert_eq!(poll(&rp, &codes).await.status, 200, "the page says how it is");
    }

    async fn nobody_is_told_that_a_device_is_near(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let codes = begin(&rp, "openid").await;
        let page = typed(&mut app.teacher(), &codes.text("user_code")).await;
        assert!(!page.text.contains("同一个网络"), "{page:#?}");
        assert!(page.text_of("from").unwrap().contains("不在您身边"), "{page:#?}");
    }

    /// RFC 8628, 5.4: a page in her own browser may ask, and somebody far away fetch what it was given.
    async fn a_page_that_asks_is_named_wherever_it_asks_from(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let form = [("client_id", rp.id.as_str()), ("scope", "openid")];
        for origin in ["https://evil.example", "null"] {
            let asked = app.http.post(app.at("/device-authorization")).header("origin", origin).form(&form);
            let codes = Answer::of(asked).await;
            assert_eq!(codes.status, 200, "{codes:?}");
            let page = typed(&mut app.teacher(), &codes.text("user_code")).await;
            assert!(page.text_of("from").unwrap().contains(&format!("由一个网页发起（{origin}）")), "{page:#?}");
        }
    }

    /// OpenID Connect Registration, 2: `default_max_age`. No parameter of these requests says it.
    async fn a_registered_max_age_holds_here_too(app: TestApp) {
        let rp = screen(&app, json!({ "default_max_age": 60 })).await;
        let codes = begin(&rp, "openid").await;
        let mut teacher = app.teacher();
        teacher.knock().await;
        app.pass(Duration::from_secs(300));
        let page = typed(&mut teacher, &codes.text("user_code")).await;
        assert!(page.asks_for("password"), "{page:#?}");
        assert_eq!(poll(&rp, &codes).await.error(), "authorization_pending");
    }

    async fn whoever_has_a_secret_shows_it_here_too(app: TestApp) {
        let rp = screen(&app, json!({ "token_endpoint_auth_method": "client_secret_basic" })).await;
        assert_eq!(begin(&rp, "openid").await.status, 200);
        for auth in [Auth::Basic("wrong".into()), Auth::Public] {
            let liar = RelyingParty { auth, ..rp.clone() };
            assert_eq!(begin(&liar, "openid").await.error(), "invalid_client");
        }
    }

    async fn a_wrong_password_forgets_no_code(app: TestApp) {
        let rp = screen(&app, json!({})).await;
        let code = begin(&rp, "openid").await.text("user_code");
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&format!("/device?user_code={code}")).await;
        let login = teacher.person.user_name.clone();
        let wrong = teacher.type_in(&page, &login, "wrong").await;
        let switch = format!("user_code={code}");
        assert!(wrong.asks_for("password") && wrong.text.contains(&switch), "{wrong:#?}");
        let english = teacher.browser.open(&format!("/sign-in?lang=en&{switch}")).await;
        let page = teacher.type_password(&english).await;
        let page = teacher.browser.follow(&page).await;
        assert_eq!(page.value_of("user_code").as_deref(), Some(code.as_str()));
    }

    async fn a_screen_that_others_wrote_gets_in(app: TestApp) {
        let rp = screen(&app, json!({ "token_endpoint_auth_method": null })).await;
        let Auth::Basic(secret) = rp.auth.clone() else { panic!("a client with a secret") };
        let wire = |request| send(app.http.clone(), request);
        let issuer = IssuerUrl::new(app.issuer.clone()).unwrap();
        let metadata = CoreProviderMetadata::discover_async(issuer, &wire).await.unwrap();
        let url = DeviceAuthorizationUrl::new(app.endpoint("device_authorization_endpoint").await).unwrap();
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(rp.id.clone()), Some(ClientSecret::new(secret)))
            .set_device_authorization_url(url);
        let details: CoreDeviceAuthorizationResponse =
            client.exchange_device_code().add_scope(Scope::new("openid".into())).request_async(&wire).await.unwrap();
        let mut teacher = app.teacher();
        let page = teacher.browser.open(details.verification_uri_complete().unwrap().secret()).await;
        let page = teacher.type_password(&page).await;
        let page = teacher.browser.follow(&page).await;
        let page = teacher.browser.submit(&page, "user_code", &[]).await;
        assert!(yes(&mut teacher, &page).await.has("answered-yes"));
        let tokens = client.exchange_device_access_token(&details).unwrap();
        let tokens = tokens.request_async(&wire, tokio::time::sleep, None).await.unwrap();
        let claims = tokens.id_token().unwrap().claims(&client.id_token_verifier(), |_: Option<&Nonce>| Ok(())).unwrap();
        assert_eq!(claims.subject().as_str(), teacher.person.person_id.to_string());
    }

    async fn discovery_says_so(app: TestApp) {
        let document = app.discovery().await;
        assert!(document["grant_types_supported"].as_array().unwrap().contains(&json!(DEVICE)));
        assert_eq!(document["device_authorization_endpoint"], json!(app.at("/device-authorization")));
    }
}
