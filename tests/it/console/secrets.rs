//! A secret is replaced without an outage.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mingji::app::Kind;
use mingji::domain::id::ClientId;
use serde_json::json;

use super::{COUNTY, assign, at, count, keeper, page_of};
use crate::support::app::both_engines;
use crate::support::browser::Page;
use crate::support::client_key::ClientKey;
use crate::support::database::select_texts;
use crate::support::relying_party::{Auth, RelyingParty, part_of};
use crate::support::visitor::Visitor;

/// Presses the button; the page that follows.
async fn rotate(visitor: &mut Visitor, rp: &RelyingParty, overlap: &str) -> Page {
    let page = page_of(visitor, rp).await;
    visitor.browser.submit(&page, "overlap", &[("overlap", overlap)]).await
}

fn with(rp: &RelyingParty, secret: &str) -> RelyingParty {
    RelyingParty { auth: Auth::Basic(secret.to_owned()), ..rp.clone() }
}

/// Whether a client with this secret is believed.
async fn believed(rp: &RelyingParty) -> bool {
    let answer = rp.token(&[("grant_type", "refresh_token".into()), ("refresh_token", "x".into())]).await;
    match answer.error() {
        "invalid_grant" => true,
        "invalid_client" => false,
        other => panic!("{other}: {answer:?}"),
    }
}

/// What the page proposes.
fn ticked(page: &Page) -> Vec<String> {
    let html = scraper::Html::parse_document(&page.text);
    let chosen = scraper::Selector::parse("input[name=overlap][checked]").unwrap();
    html.select(&chosen).filter_map(|one| one.attr("value").map(str::to_owned)).collect()
}

/// Whether a token is authenticated with a secret.
pub fn signed_with(token: &str, secret: &str) -> bool {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    ring::hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
}

both_engines! {
    async fn whoever_answers_for_less_than_a_platform_serves_takes_no_secret_of_it(app: TestApp) {
        let rp = app.feed_of(json!({}), Some("2136000781")).await.rp.unwrap();
        assign(&app, &rp, COUNTY).await;
        let mut county = keeper(&app).await;
        assert!(rotate(&mut county, &rp, "3600").await.has("client-secret"), "it serves a school of hers");
        // What lies above the county.
        let above = select_texts(&app.database.url, "SELECT k.value FROM institution_code k JOIN institution c ON c.parent_id = k.org_id JOIN institution_code n ON n.org_id = c.id WHERE n.value = 'ED36078100'").await;
        let serve = async || app.app.set_reach(&app.operator(), rp.id.parse().unwrap(), &above[0], true).await;
        assert_eq!(serve().await.unwrap_err().kind, Kind::Conflict, "with the secret that she has read she would read the city");
        app.app.assign_client(&app.operator(), rp.id.parse().unwrap(), None, None).await.unwrap();
        assert!(serve().await.unwrap());
        assign(&app, &rp, COUNTY).await;
        assert!(!rotate(&mut county, &rp, "3600").await.has("client-secret"));
        assert_eq!(count(&app, "SELECT COUNT(*) FROM audit_entry WHERE action = 'client.secret_rotated' AND result = 'done'").await, 1);
    }

    async fn the_old_secret_works_until_its_time_and_the_new_one_at_once(app: TestApp) {
        let old = app.client("platform_a");
        let mut county = keeper(&app).await;
        let page = rotate(&mut county, &old, "86400").await;
        let secret = page.text_of("client-secret").unwrap();
        let new = with(&old, &secret);
        assert!(believed(&new).await && believed(&old).await);
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&old).await;
        assert_eq!(new.refresh(&tokens.refresh()).await.status, 200, "what was given under the one is refreshed under the other");
        let page = page_of(&mut county, &old).await;
        assert!(page.has("old-secret") && !page.text.contains(&secret), "shown once: {page:#?}");
        app.pass(Duration::from_secs(24 * 3600 - 60));
        assert!(believed(&old).await);
        app.pass(Duration::from_secs(61));
        assert!(!believed(&old).await && believed(&new).await);
        let log = "SELECT COUNT(*) FROM audit_entry WHERE action = 'client.secret_rotated' AND result = 'done'";
        assert_eq!(count(&app, log).await, 1);
    }

    async fn one_that_leaked_ends_at_once(app: TestApp) {
        let first = app.client("platform_a");
        let mut county = keeper(&app).await;
        let second = with(&first, &rotate(&mut county, &first, "0").await.text_of("client-secret").unwrap());
        assert!(!believed(&first).await && believed(&second).await);
        let third = with(&first, &rotate(&mut county, &first, "604800").await.text_of("client-secret").unwrap());
        assert!(believed(&second).await && believed(&third).await && !believed(&first).await);
        let page = page_of(&mut county, &first).await;
        let ended = county.browser.submit(&page, "confirm", &[]).await;
        assert_eq!(ended.status, 303, "{ended:#?}");
        assert!(county.browser.follow(&ended).await.has("told"));
        assert!(!believed(&second).await && believed(&third).await);
        let fourth = with(&first, &rotate(&mut county, &first, "3600").await.text_of("client-secret").unwrap());
        let fifth = with(&first, &rotate(&mut county, &first, "3600").await.text_of("client-secret").unwrap());
        assert!(!believed(&third).await && believed(&fourth).await && believed(&fifth).await, "there are two at most");
        for wrong in ["604801", "-1", "x", ""] {
            let page = rotate(&mut county, &first, wrong).await;
            assert!(!page.has("client-secret"), "{wrong}: {page:#?}");
        }
        assert!(believed(&fifth).await);
    }

    async fn an_answer_that_was_lost_costs_no_outage(app: TestApp) {
        let first = app.client("platform_a");
        let mut county = keeper(&app).await;
        let lost = with(&first, &rotate(&mut county, &first, "86400").await.text_of("client-secret").unwrap());
        app.pass(Duration::from_secs(3600));
        let mut county = keeper(&app).await;
        let page = page_of(&mut county, &first).await;
        let chosen = ticked(&page);
        assert_eq!(chosen, ["keep"], "nobody has to know that");
        let third = with(&first, &rotate(&mut county, &first, &chosen[0]).await.text_of("client-secret").unwrap());
        assert!(believed(&first).await && believed(&third).await && !believed(&lost).await);
        let id: ClientId = first.id.parse().unwrap();
        let again = app.app.rotate_secret(&app.operator(), id, None).await.unwrap().secret.unwrap();
        let fourth = with(&first, secrecy::ExposeSecret::expose_secret(&again));
        assert!(believed(&first).await && believed(&fourth).await && !believed(&third).await, "nor the operator");
        app.pass(Duration::from_secs(23 * 3600));
        assert!(!believed(&first).await && believed(&fourth).await, "it goes on until its time, and no longer");
        app.app.rotate_secret(&app.operator(), id, None).await.unwrap();
        app.pass(Duration::from_secs(23 * 3600));
        assert!(believed(&fourth).await, "where there is none from before: a day");
    }

    async fn whoever_proves_itself_with_the_old_secret_is_answered_with_it(app: TestApp) {
        app.pass(Duration::from_secs(1));
        for method in ["client_secret_basic", "client_secret_jwt"] {
            let own = json!({ "token_endpoint_auth_method": method, "id_token_signed_response_alg": "HS256" });
            let rp = app.register(own).await;
            let old = match &rp.auth {
                Auth::Basic(secret) => secret.clone(),
                Auth::Key(key) => key.shared().to_owned(),
                _ => panic!("a secret"),
            };
            assign(&app, &rp, COUNTY).await;
            let mut county = keeper(&app).await;
            assert!(!page_of(&mut county, &rp).await.has("answered-unproven"));
            let new = rotate(&mut county, &rp, "3600").await.text_of("client-secret").unwrap();
            let token = app.teacher().sign_in(&rp).await.text("id_token");
            assert!(signed_with(&token, &old) && !signed_with(&token, &new), "{method}");
            let auth = if method == "client_secret_basic" { Auth::Basic(new.clone()) } else { Auth::Key(ClientKey::secret(&new)) };
            let token = app.teacher().sign_in(&RelyingParty { auth, ..rp.clone() }).await.text("id_token");
            assert!(signed_with(&token, &new) && !signed_with(&token, &old), "{method}");
        }
        let rp = app.register(json!({ "userinfo_signed_response_alg": "HS256" })).await;
        assign(&app, &rp, COUNTY).await;
        let page = page_of(&mut keeper(&app).await, &rp).await;
        assert!(page.has("answered-unproven"), "said before the button: {page:#?}");
    }

    async fn of_parallel_rotations_one_wins_and_no_secret_is_lost(app: TestApp) {
        let old = app.client("platform_a");
        let mut county = keeper(&app).await;
        let page = page_of(&mut county, &old).await;
        let version = page.value_of("version").unwrap();
        let tries = (0..6).map(|_| {
            let (mut county, path, version) = (county.clone(), at(&old, "secret"), version.clone());
            async move { county.browser.post(&path, &[("version", version.as_str()), ("overlap", "3600")]).await.text_of("client-secret") }
        });
        let shown: Vec<String> = futures_util::future::join_all(tries).await.into_iter().flatten().collect();
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert!(believed(&old).await && believed(&with(&old, &shown[0])).await);
        let again = county.browser.post(&at(&old, "secret"), &[("version", version.as_str()), ("overlap", "3600")]).await;
        assert!(!again.has("client-secret"), "a page that was shown before rotates nothing: {again:#?}");
        assert!(believed(&old).await);
    }

    async fn assertions_are_good_with_either_secret(app: TestApp) {
        app.pass(Duration::from_secs(1));
        let rp = app.register(json!({ "token_endpoint_auth_method": "client_secret_jwt", "id_token_signed_response_alg": "HS256" })).await;
        assign(&app, &rp, COUNTY).await;
        let old_token = app.teacher().sign_in(&rp).await.text("id_token");
        let mut county = keeper(&app).await;
        let secret = rotate(&mut county, &rp, "3600").await.text_of("client-secret").unwrap();
        let new = RelyingParty { auth: Auth::Key(ClientKey::secret(&secret)), ..rp.clone() };
        assert!(believed(&rp).await && believed(&new).await);
        let token = app.teacher().sign_in(&new).await.text("id_token");
        assert_eq!(part_of(&token, 0)["alg"], "HS256");
        assert!(signed_with(&token, &secret) && !signed_with(&old_token, &secret));
        // A sign-out with an ID token of before is known.
        let page = app.teacher().browser.open(&format!("/end-session?id_token_hint={old_token}")).await;
        assert!(!page.has("err-id-token-hint"), "{page:#?}");
        app.pass(Duration::from_secs(3601));
        assert!(!believed(&rp).await && believed(&new).await);
    }

    async fn a_change_that_read_the_old_secret_does_not_bring_it_back(app: TestApp) {
        let id: ClientId = app.client("platform_a").id.parse().unwrap();
        let (one, other) = (app.operator(), app.operator());
        let both = [app.app.rotate_secret(&one, id, Duration::ZERO), app.app.rotate_secret(&other, id, Duration::ZERO)];
        let done = futures_util::future::join_all(both).await;
        let good: Vec<_> = done.into_iter().flatten().collect();
        assert!(!good.is_empty());
        let last = good.iter().max_by_key(|one| one.client.version).unwrap();
        let secret = secrecy::ExposeSecret::expose_secret(last.secret.as_ref().unwrap()).to_owned();
        assert!(believed(&with(&app.client("platform_a"), &secret)).await);
        assert!(app.app.rotate_secret(&one, id, Duration::from_secs(8 * 86_400)).await.is_err(), "seven days at most");
        assert!(app.app.end_old_secret(&app.operator(), id).await.is_err(), "there is none that is good");
        let public: ClientId = app.public_client().await.id.parse().unwrap();
        assert!(app.app.rotate_secret(&one, public, Duration::ZERO).await.is_err());
    }
}
