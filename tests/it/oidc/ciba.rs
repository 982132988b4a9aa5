//! Client-initiated backchannel authentication: poll and ping, signed or not, and everything that FAPI-CIBA refuses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures_util::future::join_all;
use mingji::demo::world::cast;
use mingji::domain::time::Clock as _;
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::client_key::ClientKey;
use crate::support::database::{change, select_texts};
use crate::support::relying_party::{Answer, Auth, RelyingParty};
use crate::support::visitor::Visitor;

pub const CIBA: &str = "urn:openid:params:grant-type:ciba";

type Form = Vec<(&'static str, String)>;

pub async fn platform(app: &TestApp, own: Value) -> RelyingParty {
    let mut metadata =
        json!({ "client_name": "江畔课堂", "grant_types": ["authorization_code", "refresh_token", CIBA] });
    metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    app.register(metadata).await
}

pub fn question(login: &str) -> Form {
    vec![("scope", "openid profile".into()), ("login_hint", login.to_owned()), ("binding_message", "W4SCT".into())]
}

pub async fn ask(rp: &RelyingParty, form: &Form) -> Answer {
    rp.post("/backchannel-authentication", form).await
}

async fn poll(rp: &RelyingParty, asked: &Answer) -> Answer {
    rp.token(&[("grant_type", CIBA.into()), ("auth_req_id", asked.text("auth_req_id"))]).await
}

/// She finds the question at home; the page that asks her.
async fn found(visitor: &mut Visitor) -> Page {
    if !visitor.is_signed_in().await {
        visitor.knock().await;
    }
    let home = visitor.browser.open("/").await;
    let question = home.buttons("question").first().unwrap_or_else(|| panic!("nothing waits: {home:#?}")).clone();
    visitor.browser.press(&home, "question", &question).await
}

pub async fn yes(visitor: &mut Visitor) -> Page {
    let page = found(visitor).await;
    let page = visitor.browser.press(&page, "confirm", "yes").await;
    visitor.answer_pages(page).await
}

/// A client that is told.
#[derive(Clone)]
struct Bell {
    url: String,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
    /// How long it takes to answer.
    takes: Arc<Mutex<Duration>>,
}

impl Bell {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ping", listener.local_addr().unwrap());
        let bell = Self { url, heard: Arc::default(), answers: Arc::default(), takes: Arc::default() };
        let routes = Router::new().route("/ping", post(ring)).with_state(bell.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        bell
    }

    async fn wait_for(&self, rings: usize) -> Vec<(String, Value)> {
        for _ in 0..400 {
            let heard = self.heard.lock().unwrap().clone();
            if heard.len() >= rings {
                return heard;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} of {rings} pings came", self.heard.lock().unwrap().len())
    }
}

async fn ring(State(bell): State<Bell>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let bearer = headers["authorization"].to_str().unwrap().to_owned();
    bell.heard.lock().unwrap().push((bearer, serde_json::from_slice(&body).unwrap()));
    let takes = *bell.takes.lock().unwrap();
    tokio::time::sleep(takes).await;
    bell.answers.lock().unwrap().pop().unwrap_or(StatusCode::NO_CONTENT)
}

async fn listening(app: &TestApp) -> (RelyingParty, Bell) {
    let bell = Bell::start().await;
    let own =
        json!({ "backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": bell.url });
    (platform(app, own).await, bell)
}

/// A question to somebody who says yes at once; the client is to be told.
async fn answered(rp: &RelyingParty, visitor: &mut Visitor) -> Answer {
    let form = [
        question(&visitor.person.user_name),
        vec![("client_notification_token", "t".into()), ("requested_expiry", "3600".into())],
    ];
    let asked = ask(rp, &form.concat()).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    assert!(yes(visitor).await.has("answered-yes"));
    asked
}

/// What was just told is noted.
async fn nobody_is_being_told(app: &TestApp) {
    let taken = "SELECT CAST(COUNT(*) AS TEXT) FROM elsewhere_question WHERE notify_taken_until IS NOT NULL";
    for _ in 0..400 {
        if select_texts(&app.database.url, taken).await == ["0"] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("somebody is being told for ten seconds")
}

/// A vendor, for whom nothing is taken for granted.
async fn vendor(app: &TestApp) -> RelyingParty {
    platform(app, json!({ "edu_client_kind": "application", "edu_lawful_basis": null })).await
}

/// A client that signs, as FAPI-CIBA wants it.
async fn signing(app: &TestApp, key: &ClientKey) -> RelyingParty {
    let own = json!({ "grant_types": [CIBA], "response_types": [], "backchannel_authentication_request_signing_alg": "ES256" });
    app.register_with_key(key, own).await
}

fn object(rp: &RelyingParty, login: &str) -> Value {
    let now = rp.app.app.now().seconds();
    json!({
        "iss": rp.id, "aud": rp.app.issuer, "iat": now, "nbf": now, "exp": now + 300, "jti": rp.assertion()["jti"],
        "scope": "openid profile", "login_hint": login, "binding_message": "W4SCT", "requested_expiry": "60",
    })
}

both_engines! {
    async fn a_platform_polls_until_she_said_yes(app: TestApp) {
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let asked = ask(&rp, &question(&teacher.person.user_name)).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        assert_eq!((&asked.body["expires_in"], &asked.body["interval"]), (&json!(300), &json!(5)));
        assert!(asked.text("auth_req_id").len() >= 43, "256 bits");
        assert_eq!(poll(&rp, &asked).await.error(), "authorization_pending");
        assert_eq!(poll(&rp, &asked).await.error(), "slow_down");
        let page = found(&mut teacher).await;
        assert_eq!(page.text_of("shown").as_deref(), Some("W4SCT"));
        assert!(page.text.contains("江畔课堂"));
        let page = teacher.browser.press(&page, "confirm", "yes").await;
        assert!(teacher.answer_pages(page).await.has("answered-yes"));
        let answers = join_all((0..8).map(|_| poll(&rp, &asked))).await;
        let tokens: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(tokens.len(), 1, "{answers:?}");
        assert_eq!(tokens[0].id_claims()["sub"], json!(teacher.person.person_id));
        assert_eq!(rp.userinfo(&tokens[0].access()).await.status, 200);
        assert!(teacher.browser.open("/").await.buttons("question").is_empty());
    }

    async fn a_platform_is_told_by_whom_it_knows(app: TestApp) {
        let (rp, bell) = listening(&app).await;
        let mut teacher = app.teacher();
        let form = [question(&teacher.person.user_name), vec![("client_notification_token", "s3cret.token".into())]].concat();
        let asked = ask(&rp, &form).await;
        assert_eq!(ask(&rp, &question(&teacher.person.user_name)).await.error(), "invalid_request", "without a token nobody is told");
        // It was down for a moment, and is told again.
        bell.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
        assert!(yes(&mut teacher).await.has("answered-yes"));
        bell.wait_for(1).await;
        app.pass(Duration::from_secs(6));
        let heard = bell.wait_for(2).await;
        for (bearer, body) in heard {
            assert_eq!((bearer.as_str(), body), ("Bearer s3cret.token", json!({ "auth_req_id": asked.text("auth_req_id") })));
        }
        assert_eq!(poll(&rp, &asked).await.status, 200);
    }

    async fn a_platform_that_refuses_to_be_told_is_not_told_again(app: TestApp) {
        let (rp, bell) = listening(&app).await;
        let mut teacher = app.teacher();
        for (status, action) in [(StatusCode::UNAUTHORIZED, "no"), (StatusCode::FOUND, "yes")] {
            let before = bell.heard.lock().unwrap().len();
            let form = [question(&teacher.person.user_name), vec![("client_notification_token", "t".into())]].concat();
            let asked = ask(&rp, &form).await;
            bell.answers.lock().unwrap().push(status);
            let page = found(&mut teacher).await;
            teacher.browser.press(&page, "confirm", action).await;
            bell.wait_for(before + 1).await;
            // Longer than the clock of the job that would tell it again.
            app.pass(Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(2500)).await;
            assert_eq!(bell.heard.lock().unwrap().len(), before + 1, "{status}");
            let wanted = if action == "no" { "access_denied" } else { "" };
            assert_eq!(poll(&rp, &asked).await.error(), wanted, "it may still ask");
        }
    }

    async fn who_takes_long_to_be_told_holds_up_nobody_else(app: TestApp) {
        let (slow, late) = listening(&app).await;
        *late.takes.lock().unwrap() = Duration::from_secs(5);
        let (quick, bell) = listening(&app).await;
        let mut teacher = app.teacher();
        // More than there are lanes, all of the slow one first.
        for _ in 0..10 {
            answered(&slow, &mut teacher).await;
        }
        answered(&quick, &mut teacher).await;
        let begun = std::time::Instant::now();
        bell.wait_for(1).await;
        assert!(begun.elapsed() < Duration::from_secs(4), "it waited for another: {:?}", begun.elapsed());
        assert!(late.heard.lock().unwrap().len() < 10, "the slow one is still being told");
    }

    async fn whoever_never_hears_is_given_up(app: TestApp) {
        let (rp, bell) = listening(&app).await;
        bell.answers.lock().unwrap().extend([StatusCode::SERVICE_UNAVAILABLE; 20]);
        let asked = answered(&rp, &mut app.teacher()).await;
        for tries in 1..=8 {
            bell.wait_for(tries).await;
            nobody_is_being_told(&app).await;
            app.pass(Duration::from_secs(330));
            app.app.ping_one().await.unwrap();
        }
        nobody_is_being_told(&app).await;
        assert_eq!(bell.heard.lock().unwrap().len(), 8);
        assert_eq!(poll(&rp, &asked).await.status, 200, "it may still ask");
    }

    /// What was kept for it does not open: a try as any other, and given up as any other.
    async fn what_can_never_be_told_is_given_up(app: TestApp) {
        let (rp, bell) = listening(&app).await;
        bell.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
        let asked = answered(&rp, &mut app.teacher()).await;
        bell.wait_for(1).await;
        nobody_is_being_told(&app).await;
        change(&app.database.url, "UPDATE elsewhere_question SET notify_sealed = 'x' WHERE notify_sealed IS NOT NULL").await;
        for _ in 0..8 {
            app.pass(Duration::from_secs(330));
            app.app.ping_one().await.unwrap();
            nobody_is_being_told(&app).await;
        }
        let waits = "SELECT CAST(COUNT(*) AS TEXT) FROM elsewhere_question WHERE notify_at IS NOT NULL";
        assert_eq!(select_texts(&app.database.url, waits).await, ["0"], "it is told for ever");
        assert_eq!(bell.heard.lock().unwrap().len(), 1);
        assert_eq!(poll(&rp, &asked).await.status, 200, "it may still ask");
    }

    async fn whoever_was_taken_out_of_use_is_told_nothing(app: TestApp) {
        let (rp, bell) = listening(&app).await;
        bell.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
        answered(&rp, &mut app.teacher()).await;
        bell.wait_for(1).await;
        nobody_is_being_told(&app).await;
        app.suspend(&rp).await;
        app.pass(Duration::from_secs(60));
        app.app.ping_one().await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(bell.heard.lock().unwrap().len(), 1);
    }

    /// ASVS 10.4.10; and a client that was taken out of use gets nothing for what it asked before.
    async fn whoever_asks_and_polls_proves_who_it_is(app: TestApp) {
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let asked = ask(&rp, &question(&teacher.person.user_name)).await;
        assert!(yes(&mut teacher).await.has("answered-yes"));
        let liars = [Auth::Basic("wrong".into()), Auth::Public].map(|auth| RelyingParty { auth, ..rp.clone() });
        for liar in &liars {
            let refused = ask(liar, &question(&teacher.person.user_name)).await;
            assert_eq!((refused.status, refused.error()), (401, "invalid_client"), "{refused:?}");
            assert_eq!(poll(liar, &asked).await.error(), "invalid_client");
        }
        app.suspend(&rp).await;
        app.pass(Duration::from_secs(3));
        assert_eq!(poll(&rp, &asked).await.error(), "invalid_client", "nothing for whoever was taken out of use");
        assert_eq!(ask(&rp, &question(&teacher.person.user_name)).await.error(), "invalid_client");
    }

    async fn nobody_answers_for_another(app: TestApp) {
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let asked = ask(&rp, &question(&teacher.person.user_name)).await;
        let page = found(&mut teacher).await;
        let id = teacher.browser.open("/").await.buttons("question").remove(0);
        let mut other = app.visitor("child_15");
        other.knock().await;
        assert!(other.browser.open("/").await.buttons("question").is_empty());
        assert!(other.browser.post("/take-up", &[("question", &id)]).await.has("err-expired"));
        let stolen = page.value_of("request").unwrap();
        assert!(other.browser.post("/confirm", &[("request", stolen.as_str()), ("confirm", "yes")]).await.has("err-expired"));
        // Somebody else sits down at her browser: the page is hers no more.
        let mut shared = teacher.clone();
        shared.person = other.person.clone();
        let form = shared.browser.open("/sign-in").await;
        shared.type_password(&form).await;
        let page = shared.browser.press(&page, "confirm", "yes").await;
        assert!(!page.has("answered-yes"), "{page:#?}");
        assert_eq!(poll(&rp, &asked).await.error(), "authorization_pending");
    }

    async fn whom_a_hint_means(app: TestApp) {
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let number = cast(app.clock.now().shanghai_date()).into_iter().find(|one| one.key == "child_15").unwrap().number();
        for nobody in ["nobody", &number, &format!("G{number}"), "k7m-2xp-w9dt"] {
            assert_eq!(ask(&rp, &question(nobody)).await.error(), "unknown_user_id");
        }
        let hint = teacher.sign_in(&rp).await.text("id_token");
        let with = |name: &'static str, value: &str| vec![("scope", "openid".to_owned()), (name, value.to_owned())];
        let asked = ask(&rp, &with("id_token_hint", &hint)).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        assert!(yes(&mut teacher).await.has("answered-yes"));
        assert_eq!(poll(&rp, &asked).await.id_claims()["sub"], json!(teacher.person.person_id));
        let foreign = platform(&app, json!({})).await;
        assert_eq!(ask(&foreign, &with("id_token_hint", &hint)).await.error(), "invalid_request", "a hint is its client's");
        for bad in [
            vec![("scope", "openid".into())],
            [question(&teacher.person.user_name), vec![("id_token_hint", hint.clone())]].concat(),
            with("login_hint_token", "x"),
            [question(&teacher.person.user_name), vec![("user_code", "1234".into())]].concat(),
            [question(&teacher.person.user_name), vec![("requested_expiry", "0".into())]].concat(),
            [question(&teacher.person.user_name), vec![("scope", "openid".into())]].concat(),
        ] {
            assert_eq!(ask(&rp, &bad).await.error(), "invalid_request", "{bad:?}");
        }
        let loud = [("scope", "openid".to_owned()), ("login_hint", teacher.person.user_name.clone()), ("binding_message", "a\u{202e}b".into())];
        assert_eq!(ask(&rp, &loud.to_vec()).await.error(), "invalid_binding_message");
        assert_eq!(ask(&rp, &vec![("scope", "profile".into()), ("login_hint", teacher.person.user_name.clone())]).await.error(), "invalid_scope");
    }

    async fn nobody_walks_through_logins(app: TestApp) {
        let (vendor, other) = (vendor(&app).await, vendor(&app).await);
        let teacher = app.teacher();
        let guesses: Vec<Form> = (0..130).map(|n| question(&format!("1390000{n:04}"))).collect();
        let answers = join_all(guesses.iter().map(|form| ask(&vendor, form))).await;
        let heard = |error: &str| answers.iter().filter(|answer| answer.error() == error).count();
        assert_eq!((heard("unknown_user_id"), heard("temporarily_unavailable")), (100, 30));
        let known = question(&teacher.person.user_name);
        assert_eq!(ask(&vendor, &known).await.error(), "temporarily_unavailable", "whether she is known stays open");
        assert_eq!(ask(&other, &known).await.status, 200, "nobody else is held up");
        app.pass(Duration::from_secs(3601));
        assert_eq!(ask(&vendor, &known).await.status, 200);
        // Each question is in the books: whom it meant, or that it meant nobody.
        let written = "SELECT result || ' ' || CAST(target AS TEXT) FROM audit_entry WHERE action = 'question.asked' ORDER BY id";
        let written = select_texts(&app.database.url, written).await;
        assert_eq!(written.len(), 102);
        let meant = |one: &&String| one.starts_with("done") && one.contains(&teacher.person.person_id.to_string());
        assert_eq!(written.iter().filter(meant).count(), 2);
        assert!(written.iter().all(|one| one.contains(&vendor.id) || one.contains(&other.id)), "{written:?}");
    }

    async fn one_login_is_not_asked_about_without_end(app: TestApp) {
        let rp = platform(&app, json!({})).await;
        let form = question("k7m-2xp-w9dt");
        let answers = join_all((0..70).map(|_| ask(&rp, &form))).await;
        let heard = |error: &str| answers.iter().filter(|answer| answer.error() == error).count();
        assert_eq!((heard("unknown_user_id"), heard("temporarily_unavailable")), (60, 10));
        assert_eq!(ask(&rp, &question(&app.teacher().person.user_name)).await.status, 200);
    }

    async fn home_is_not_flooded(app: TestApp) {
        let (rp, other) = (platform(&app, json!({})).await, platform(&app, json!({})).await);
        let mut teacher = app.teacher();
        teacher.knock().await;
        let mut asked = Vec::new();
        for n in 0..6 {
            let mut form = question(&teacher.person.user_name);
            form[2].1 = format!("第{n}次");
            asked.push(ask(&rp, &form).await);
            app.pass(Duration::from_secs(1));
        }
        ask(&other, &question(&teacher.person.user_name)).await;
        let home = teacher.browser.open("/").await;
        assert_eq!(home.buttons("question").len(), 4, "three of one client, and what another asks");
        let shown = |n: usize| home.text.contains(&format!("第{n}次"));
        assert_eq!((0..6).filter(|n| shown(*n)).collect::<Vec<_>>(), [3, 4, 5], "the newest ones");
    }

    async fn both_hints_mean_only_who_may_sign_in(app: TestApp) {
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let hint = teacher.sign_in(&rp).await.text("id_token");
        let shut = format!("UPDATE account SET state = 'locked' WHERE user_name = '{}'", teacher.person.user_name);
        change(&app.database.url, &shut).await;
        let by_token = vec![("scope", "openid".to_owned()), ("id_token_hint", hint)];
        for form in [question(&teacher.person.user_name), by_token] {
            assert_eq!(ask(&rp, &form).await.error(), "unknown_user_id", "{form:?}");
        }
    }

    async fn a_question_ends(app: TestApp) {
        let rp = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let form = [question(&teacher.person.user_name), vec![("requested_expiry", "10".into())]].concat();
        let asked = ask(&rp, &form).await;
        assert_eq!(asked.body["expires_in"], 10);
        let page = found(&mut teacher).await;
        app.pass(Duration::from_secs(10));
        assert!(teacher.browser.press(&page, "confirm", "yes").await.has("err-expired"));
        assert_eq!(poll(&rp, &asked).await.error(), "expired_token");
        assert!(teacher.browser.open("/").await.buttons("question").is_empty());
    }

    async fn a_question_belongs_to_its_client(app: TestApp) {
        let rp = platform(&app, json!({})).await;
        let other = platform(&app, json!({})).await;
        let mut teacher = app.teacher();
        let asked = ask(&rp, &question(&teacher.person.user_name)).await;
        yes(&mut teacher).await;
        assert_eq!(poll(&other, &asked).await.error(), "invalid_grant");
        let unregistered = app.register(json!({})).await;
        assert_eq!(ask(&unregistered, &question(&teacher.person.user_name)).await.error(), "unauthorized_client");
        assert_eq!(poll(&unregistered, &asked).await.error(), "unauthorized_client");
        assert_eq!(poll(&rp, &asked).await.status, 200);
    }

    async fn a_child_needs_her_guardian_here_too(app: TestApp) {
        let vendor = vendor(&app).await;
        let mut child = app.child();
        let asked = ask(&vendor, &question(&child.person.user_name)).await;
        let page = found(&mut child).await;
        assert!(child.browser.press(&page, "confirm", "yes").await.has("guardian-consent-needed"));
        assert_eq!(poll(&vendor, &asked).await.error(), "access_denied");
    }

    async fn who_signs_its_questions_signs_them_all(app: TestApp) {
        let key = ClientKey::es256();
        let rp = signing(&app, &key).await;
        let mut teacher = app.teacher();
        let login = teacher.person.user_name.clone();
        let signed = |claims: Value| vec![("request", key.sign(json!({}), &claims))];
        let good = object(&rp, &login);
        let asked = ask(&rp, &signed(good.clone())).await;
        assert_eq!((asked.status, &asked.body["expires_in"]), (200, &json!(60)), "{asked:?}");
        assert_eq!(ask(&rp, &signed(good.clone())).await.error(), "invalid_request", "used before");
        assert_eq!(ask(&rp, &question(&login)).await.error(), "invalid_request", "unsigned");
        let beside = [signed(object(&rp, &login)), vec![("login_hint", login.clone())]].concat();
        assert_eq!(ask(&rp, &beside).await.error(), "invalid_request");
        let now = app.app.now().seconds();
        for (what, change) in [
            ("bad aud", json!({ "aud": "https://other.example" })),
            ("bad iss", json!({ "iss": "somebody" })),
            ("expired", json!({ "exp": now - 1 })),
            ("70 minutes ahead", json!({ "exp": now + 4200 })),
            ("70 minutes old", json!({ "nbf": now - 4200 })),
            ("10 minutes early", json!({ "nbf": now + 600 })),
            ("no aud", json!({ "aud": null })),
            ("no iss", json!({ "iss": null })),
            ("no exp", json!({ "exp": null })),
            ("no iat", json!({ "iat": null })),
            ("no nbf", json!({ "nbf": null })),
            ("no jti", json!({ "jti": null })),
            ("made before our start", json!({ "iat": now - 600 })),
            ("two hints", json!({ "id_token_hint": "x" })),
        ] {
            let mut claims = object(&rp, &login);
            for (name, value) in change.as_object().unwrap() {
                if value.is_null() {
                    claims.as_object_mut().unwrap().remove(name);
                } else {
                    claims[name] = value.clone();
                }
            }
            assert_eq!(ask(&rp, &signed(claims)).await.error(), "invalid_request", "{what}");
        }
        let stranger = ClientKey::es256();
        let foreign = vec![("request", stranger.sign(json!({}), &object(&rp, &login)))];
        assert_eq!(ask(&rp, &foreign).await.error(), "invalid_request", "another's key");
        let other = ClientKey::ed25519();
        let weak = vec![("request", other.sign(json!({}), &object(&rp, &login)))];
        assert_eq!(ask(&rp, &weak).await.error(), "invalid_request", "another algorithm");
        assert!(yes(&mut teacher).await.has("answered-yes"));
        assert_eq!(poll(&rp, &asked).await.status, 200);
    }

    /// OpenID Connect Registration, 2: `default_max_age`. No parameter of these requests says it.
    async fn a_registered_max_age_holds_here_too(app: TestApp) {
        let rp = platform(&app, json!({ "default_max_age": 60 })).await;
        let mut teacher = app.teacher();
        teacher.knock().await;
        app.pass(Duration::from_secs(3600));
        let asked = ask(&rp, &question(&teacher.person.user_name)).await;
        let page = found(&mut teacher).await;
        assert!(page.asks_for("password"), "{page:#?}");
        assert_eq!(poll(&rp, &asked).await.error(), "authorization_pending");
    }

    async fn discovery_says_so(app: TestApp) {
        let document = app.discovery().await;
        assert_eq!(document["backchannel_authentication_endpoint"], json!(app.at("/backchannel-authentication")));
        assert_eq!(document["backchannel_token_delivery_modes_supported"], json!(["poll", "ping"]));
        assert_eq!(document["backchannel_user_code_parameter_supported"], false);
        assert!(document["grant_types_supported"].as_array().unwrap().contains(&json!(CIBA)));
    }
}
