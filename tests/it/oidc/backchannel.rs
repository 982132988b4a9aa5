//! Back-channel logout: every platform of the session hears of its end, in a token that its library can verify.

use axum::http::StatusCode;
use mingji::domain::oidc::client::ClientStatus;
use openidconnect::JsonWebKey as _;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use serde_json::{Value, json};

use crate::console::secrets::signed_with;
use crate::support::app::{TestApp, both_engines};
use crate::support::database::change;
use crate::support::receiver::Receiver;
use crate::support::relying_party::{Auth, RelyingParty, claims_of, part_of};

async fn listening(app: &TestApp, alg: &str) -> (RelyingParty, Receiver) {
    let receiver = Receiver::start().await;
    let own = json!({ "backchannel_logout_uri": receiver.url, "id_token_signed_response_alg": alg });
    (app.register(own).await, receiver)
}

/// Verifies a JWT with the keys that discovery names, by a library of somebody else's.
pub async fn verified(app: &TestApp, jwt: &str) -> Value {
    use base64::Engine as _;
    let keys = app.http.get(app.endpoint("jwks_uri").await).send().await.unwrap().text().await.unwrap();
    let keys: CoreJsonWebKeySet = serde_json::from_str(&keys).unwrap();
    let header = part_of(jwt, 0);
    let named = |key: &&CoreJsonWebKey| key.key_id().is_some_and(|id| header["kid"] == id.as_str());
    let key = keys.keys().iter().find(named).expect("the key is published");
    let alg = match header["alg"].as_str() {
        Some("ES256") => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        Some("RS256") => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        other => panic!("{other:?}"),
    };
    let (message, signature) = jwt.rsplit_once('.').unwrap();
    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify_signature(&alg, message.as_bytes(), &signature).expect("the signature holds");
    claims_of(jwt)
}

/// Minutes in which what failed is tried again; the pause begins when the failure was written down.
async fn a_while(app: &TestApp) {
    for _ in 0..3 {
        app.pass(std::time::Duration::from_secs(120));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Nothing waits for a client: that it heard is written down when it has answered.
async fn heard(app: &TestApp, rp: &RelyingParty) {
    for _ in 0..100 {
        let waiting = app.app.undelivered().await.unwrap();
        if !waiting.iter().any(|one| one.client.to_string() == rp.id && one.waiting > 0) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    panic!("it waits for ever");
}

both_engines! {
    async fn every_platform_of_the_session_is_told(app: TestApp) {
        let (first, hears_first) = listening(&app, "ES256").await;
        let (second, hears_second) = listening(&app, "RS256").await;
        let (elsewhere, hears_nothing) = listening(&app, "ES256").await;
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&first).await;
        let others = teacher.sign_in(&second).await;
        app.visitor("guardian_of_two").sign_in(&elsewhere).await;
        teacher.browser.open(&app.at(&format!("/end-session?id_token_hint={}", tokens.text("id_token")))).await;

        for (rp, receiver, id) in [(&first, &hears_first, tokens.id_claims()), (&second, &hears_second, others.id_claims())] {
            let token = receiver.wait_for(1).await.remove(0);
            let claims = verified(&app, &token).await;
            assert_eq!(part_of(&token, 0)["typ"], "logout+jwt");
            assert_eq!((&claims["iss"], &claims["aud"]), (&json!(app.issuer), &json!(rp.id)));
            assert_eq!((&claims["sub"], &claims["sid"]), (&id["sub"], &id["sid"]));
            assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
            assert!(claims["jti"].is_string() && claims["nonce"].is_null() && claims["exp"].as_i64() > claims["iat"].as_i64());
        }
        assert_ne!(tokens.id_claims()["sid"], others.id_claims()["sid"], "each client has its own name for the session");
        assert!(hears_nothing.heard().is_empty());
        assert_eq!((hears_first.heard().len(), hears_second.heard().len()), (1, 1));
    }

    async fn a_platform_that_is_down_is_told_later(app: TestApp) {
        let (rp, receiver) = listening(&app, "ES256").await;
        receiver.fail_with(StatusCode::SERVICE_UNAVAILABLE);
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        let first = receiver.wait_for(1).await.remove(0);
        a_while(&app).await;
        let again = receiver.wait_for(2).await.remove(1);
        assert_eq!(claims_of(&first)["jti"], claims_of(&again)["jti"], "a repeated delivery can be told from a second logout");
        verified(&app, &again).await;
    }

    async fn who_takes_long_holds_up_nobody_else(app: TestApp) {
        let (slow, hears_late) = listening(&app, "ES256").await;
        hears_late.take(std::time::Duration::from_secs(5));
        let (quick, hears) = listening(&app, "ES256").await;
        // More sign-outs than there are lanes, all of them of the slow one first.
        let mut visitors = Vec::new();
        for _ in 0..12 {
            let mut teacher = app.teacher();
            teacher.sign_in(&slow).await;
            visitors.push(teacher);
        }
        let mut teacher = app.teacher();
        teacher.sign_in(&quick).await;
        visitors.push(teacher);
        for visitor in &mut visitors {
            let home = visitor.browser.open("/").await;
            visitor.browser.press(&home, "confirm", "yes").await;
        }
        let begun = std::time::Instant::now();
        hears.wait_for(1).await;
        assert!(begun.elapsed() < std::time::Duration::from_secs(4), "it waited for another: {:?}", begun.elapsed());
        let waiting = app.app.undelivered().await.unwrap();
        let of_slow = waiting.iter().find(|one| one.client.to_string() == slow.id).expect("the operator sees who is slow");
        assert!(of_slow.waiting >= 10 && of_slow.given_up == 0 && of_slow.oldest.is_some(), "{}", of_slow.waiting);
        heard(&app, &quick).await;
    }

    async fn whoever_has_much_to_hear_hears_some_of_it_together(app: TestApp) {
        let (rp, receiver) = listening(&app, "ES256").await;
        for _ in 0..9 {
            app.teacher().sign_in(&rp).await;
        }
        let pause = std::time::Duration::from_secs(5);
        receiver.take(pause);
        let person = app.teacher().person.person_id;
        let begun = std::time::Instant::now();
        app.app.set_password(&app.operator(), person, "一只安静的旧钢笔".to_owned().into()).await.unwrap();
        receiver.wait_for(8).await;
        assert!(begun.elapsed() < pause, "one after the other: {:?}", begun.elapsed());
        assert_eq!(receiver.heard().len(), 8, "and no more than that at once");
    }

    async fn what_is_given_up_is_told_to_the_operator(app: TestApp) {
        let (rp, receiver) = listening(&app, "ES256").await;
        for _ in 0..12 {
            receiver.fail_with(StatusCode::BAD_REQUEST);
        }
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        receiver.wait_for(1).await;
        // Eleven tries, each of which a lane has to come to beside whatever else the machine does.
        for _ in 0..1_600 {
            // As long as one that is not there at all: behind an outage it may be the first answer of all.
            app.pass(std::time::Duration::from_secs(3_600));
            let told = app.app.undelivered().await.unwrap();
            if told.iter().any(|one| one.client.to_string() == rp.id && (one.waiting, one.given_up) == (0, 1) && one.last_given_up.is_some()) {
                receiver.wait_for(11).await;
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("nobody is told");
    }

    /// Who was taken out of use is not told, whatever waits: somebody else has its host, perhaps. Who is back in time is.
    async fn whoever_was_taken_out_of_use_hears_nothing_of_what_waits(app: TestApp) {
        for back in [true, false] {
            let (rp, receiver) = listening(&app, "ES256").await;
            receiver.fail_with(StatusCode::SERVICE_UNAVAILABLE);
            let mut teacher = app.teacher();
            teacher.sign_in(&rp).await;
            let home = teacher.browser.open("/").await;
            teacher.browser.press(&home, "confirm", "yes").await;
            receiver.wait_for(1).await;
            app.suspend(&rp).await;
            a_while(&app).await;
            app.app.deliver_some().await.unwrap();
            assert_eq!(receiver.heard().len(), 1);
            let id = app.app.id_of_client(&rp.id.parse().unwrap()).await.unwrap();
            let status = if back { ClientStatus::Active } else { ClientStatus::Removed };
            app.app.set_client_status(&app.operator(), id, status).await.unwrap();
            if back {
                receiver.wait_for(2).await;
                heard(&app, &rp).await;
            }
            for _ in 0..3 {
                app.pass(std::time::Duration::from_secs(3 * 3_600));
                app.app.deliver_some().await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            }
            assert_eq!(receiver.heard().len(), if back { 2 } else { 1 });
            let waiting = app.app.undelivered().await.unwrap();
            assert!(!waiting.iter().any(|one| one.client.to_string() == rp.id && one.waiting > 0), "it waits for ever");
        }
    }

    /// Who signs out while a platform is out of use would stay signed in there when it is back.
    async fn what_ended_while_it_was_out_of_use_is_told_when_it_is_back(app: TestApp) {
        let (rp, receiver) = listening(&app, "ES256").await;
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        app.suspend(&rp).await;
        let home = teacher.browser.open("/").await;
        let gone = teacher.browser.press(&home, "confirm", "yes").await;
        assert!(!gone.text.contains("<iframe"), "no frame of whoever may have its host: {gone:#?}");
        // Longer than one that does not answer is tried.
        for _ in 0..9 {
            app.pass(std::time::Duration::from_secs(8 * 3_600 + 60));
            for _ in 0..4 {
                app.app.deliver_some().await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        assert!(receiver.heard().is_empty(), "nothing while it is out of use");
        // Its host had to go, and the new one does not answer at first.
        let moved = Receiver::start().await;
        moved.fail_with(StatusCode::SERVICE_UNAVAILABLE);
        let text = format!("REPLACE(CAST(metadata AS TEXT), '{}', '{}')", receiver.url, moved.url);
        let json = if app.database.url.starts_with("sqlite") { text } else { format!("CAST({text} AS JSONB)") };
        change(&app.database.url, &format!("UPDATE client SET metadata = {json}")).await;
        let id = app.app.id_of_client(&rp.id.parse().unwrap()).await.unwrap();
        app.app.set_client_status(&app.operator(), id, ClientStatus::Active).await.unwrap();
        moved.wait_for(1).await;
        a_while(&app).await;
        let claims = verified(&app, &moved.wait_for(2).await.remove(1)).await;
        assert_eq!((&claims["sub"], &claims["sid"]), (&tokens.id_claims()["sub"], &tokens.id_claims()["sid"]));
        assert!(receiver.heard().is_empty(), "somebody else's by now");
    }

    /// 2.8 has one answer for a token that is refused and for a sign-out that failed there.
    async fn a_platform_whose_sign_out_failed_is_told_again(app: TestApp) {
        let (rp, receiver) = listening(&app, "ES256").await;
        receiver.fail_with(StatusCode::BAD_REQUEST);
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        let first = receiver.wait_for(1).await.remove(0);
        a_while(&app).await;
        let again = receiver.wait_for(2).await.remove(1);
        assert_eq!(claims_of(&first)["jti"], claims_of(&again)["jti"]);
    }

    /// Whoever still works with the old secret hears of a sign-out while that is good.
    async fn a_change_of_secrets_loses_no_sign_out(app: TestApp) {
        let receiver = Receiver::start().await;
        let own = json!({ "backchannel_logout_uri": receiver.url, "id_token_signed_response_alg": "HS256" });
        let rp = app.register(own).await;
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        let day = std::time::Duration::from_secs(86_400);
        let Auth::Basic(old) = &rp.auth else { panic!("a secret") };
        app.app.rotate_secret(&app.operator(), rp.id.parse().unwrap(), day).await.unwrap();
        app.pass(std::time::Duration::from_secs(3));
        receiver.fail_with(StatusCode::BAD_REQUEST);
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        receiver.wait_for(1).await;
        a_while(&app).await;
        let heard = receiver.wait_for(2).await;
        let by_old: Vec<bool> = heard.iter().map(|token| signed_with(token, old)).collect();
        assert_eq!(by_old, [false, true]);
    }

    async fn changing_hands_at_a_browser_tells_too(app: TestApp) {
        let (rp, receiver) = listening(&app, "ES256").await;
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        assert!(page.answer().contains_key("code"));
        let page = teacher.browser.open(&rp.url(&rp.ask().with("prompt", "select_account"))).await;
        teacher.browser.submit(&page, "account", &[("account", "other")]).await;
        receiver.wait_for(1).await;
    }

    async fn a_new_password_tells_all(app: TestApp) {
        let (rp, receiver) = listening(&app, "ES256").await;
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        app.teacher().sign_in(&rp).await;
        app.app.set_password(&app.operator(), teacher.person.person_id, "一只安静的旧钢笔".to_owned().into()).await.unwrap();
        receiver.wait_for(2).await;
    }
}
