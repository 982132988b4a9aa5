//! The token endpoint: a code is bound to whom it was given, and works once.

use std::time::Duration;

use mingji::app::relation_claim::Decider;
use mingji::app::staff_life::Order;
use mingji::domain::registry::codes::staff::StaffState;
use serde_json::json;

use crate::support::app::{Engine, TestApp, both_engines, run_with};
use crate::support::database::{Elsewhere, change, select_texts};
use crate::support::need;
use crate::support::relying_party::{Answer, Auth, RelyingParty, claims_of, part_of};

/// One code at 32 counters. A replay that is faster than the first redemption's commit stops that one too (R3),
/// so it is one success or none; either way nothing that came out of it works afterwards.
async fn one_code_many_requests(app: TestApp) {
    let rp = app.client("platform_a");
    let mut teacher = app.teacher();
    for _ in 0..4 {
        let arrived = teacher.arrive(&rp).await;
        let mut requests = Vec::new();
        for _ in 0..32 {
            let (rp, ask, code) = (rp.clone(), arrived.ask.clone(), arrived.code.clone());
            requests.push(tokio::spawn(async move { rp.redeem(&ask, &code).await }));
        }
        let mut winners: Vec<Answer> = Vec::new();
        for request in requests {
            let answer = request.await.unwrap();
            match answer.status {
                200 => winners.push(answer),
                _ => assert_eq!(answer.error(), "invalid_grant", "{answer:?}"),
            }
        }
        assert!(winners.len() <= 1, "{} redemptions of one code", winners.len());
        for winner in winners {
            assert_eq!(rp.userinfo(&winner.access()).await.status, 401);
            assert_eq!(rp.refresh(&winner.refresh()).await.error(), "invalid_grant");
        }
    }
    assert!(teacher.silently(&rp).await.contains_key("code"), "the session has nothing to do with it");
}

/// As a cluster runs: the codes in Redis, the grants in PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_code_many_requests_in_a_cluster() {
    let (Some(server), Some(redis)) = (need::postgres(), need::redis()) else { return };
    run_with(Engine::Postgres(server), redis.as_str(), one_code_many_requests).await;
}

/// A server of codes is somebody else's house: what lies there says nothing, and nothing that is put there is believed.
async fn codes_lie_sealed(app: TestApp, redis: url::Url) {
    let rp = app.client("platform_a");
    let mut teacher = app.teacher();
    let (hers, mine) = (teacher.arrive(&rp).await, teacher.arrive(&rp).await);
    let key = |code: &str| format!("mingji:{{c:{}}}o", mingji::keys::opaque::lookup_key(code));
    let mut server = redis::Client::open(redis.as_str()).unwrap().get_connection().unwrap();
    let held: Vec<u8> = redis::cmd("GET").arg(key(&hers.code)).query(&mut server).unwrap();
    let text = String::from_utf8_lossy(&held);
    for plain in ["redirect_uri", "nonce", rp.redirect_uri.as_str(), rp.id.as_str()] {
        assert!(!text.contains(plain), "{plain} lies there");
    }
    redis::cmd("SET").arg(key(&mine.code)).arg(held).arg("EX").arg(60).exec(&mut server).unwrap();
    assert_eq!(rp.redeem(&mine.ask, &mine.code).await.error(), "invalid_grant", "an offer under another code");
    assert_eq!(rp.redeem(&hers.ask, &hers.code).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_redis_is_sealed_to_its_code() {
    let (Some(server), Some(redis)) = (need::postgres(), need::redis()) else { return };
    let address = redis.clone();
    run_with(Engine::Postgres(server), redis.as_str(), |app| codes_lie_sealed(app, address)).await;
}

/// The answer of somebody who comes again when she is told to.
macro_rules! patiently {
    ($ask:expr) => {{
        let mut answer = $ask.await;
        for _ in 0..10 {
            if answer.status == 503 {
                answer = $ask.await;
            }
        }
        answer
    }};
}

/// A newer program's migrations run while this one serves: PostgreSQL refuses what was prepared before.
async fn schema_moves_on(app: TestApp) {
    let rp = app.client("platform_a");
    let mut teacher = app.teacher();
    let before = teacher.sign_in(&rp).await;
    assert_eq!(rp.userinfo(&before.access()).await.status, 200);
    let arrived = teacher.arrive(&rp).await;
    for table in ["session", "oidc_grant", "refresh_family", "client", "account", "person", "institution"] {
        change(&app.database.url, &format!("ALTER TABLE {table} ADD COLUMN zz TEXT")).await;
    }
    let redeemed = patiently!(rp.redeem(&arrived.ask, &arrived.code));
    assert_eq!(redeemed.status, 200, "{redeemed:?}");
    let told = patiently!(rp.userinfo(&redeemed.access()));
    assert_eq!(told.status, 200, "{told:?}");
    let refreshed = patiently!(rp.refresh(&redeemed.refresh()));
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_costs_nobody_her_code() {
    let Some(server) = need::postgres() else { return };
    run_with(Engine::Postgres(server), "memory:", schema_moves_on).await;
}

both_engines! {
    async fn one_code_works_once_however_many_try(app: TestApp) {
        one_code_many_requests(app).await;
    }

    async fn a_replay_takes_back_what_the_code_gave(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let other = teacher.sign_in(&rp).await;
        let arrived = teacher.arrive(&rp).await;
        let tokens = rp.redeem(&arrived.ask, &arrived.code).await;
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        // Long after the ephemeral store has forgotten the code: the grant's own row remembers.
        app.pass(Duration::from_secs(700));
        let (tokens, other) = (rp.refresh(&tokens.refresh()).await, rp.refresh(&other.refresh()).await);
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert_eq!(rp.userinfo(&other.access()).await.status, 200, "another grant of the same session lives on");
    }

    /// A code in the history of a shared machine is no means against whoever signed in with it.
    async fn a_client_that_was_taken_out_of_use_gets_nothing_for_what_it_has(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        let arrived = teacher.arrive(&rp).await;
        app.suspend(&rp).await;
        app.pass(Duration::from_secs(3));
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_client");
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_client");
    }

    async fn a_used_code_in_other_hands_ends_nothing(app: TestApp) {
        let (rp, other) = (app.client("platform_a"), app.register(json!({ "token_endpoint_auth_method": "none" })).await);
        let arrived = app.teacher().arrive(&rp).await;
        let tokens = rp.redeem(&arrived.ask, &arrived.code).await;
        assert_eq!(other.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
        app.pass(Duration::from_secs(700));
        let tokens = rp.refresh(&tokens.refresh()).await;
        assert_eq!(other.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200);
    }

    /// RFC 6749, 4.1.2: the second of two redemptions may commit first. What it leaves is the end of a grant that has not begun.
    async fn a_replay_that_commits_first_lets_nothing_begin(app: TestApp) {
        let rp = app.client("platform_a");
        let arrived = app.teacher().arrive(&rp).await;
        let named = mingji::keys::opaque::named_by(&arrived.code);
        let id = match app.database.url.starts_with("sqlite") {
            true => format!("X'{}'", named.simple()),
            false => format!("'{named}'"),
        };
        let ended = format!("INSERT INTO oidc_grant (id, created_at, revoked_at, revoke_reason) VALUES ({id}, 1, 1, 'code replayed')");
        change(&app.database.url, &ended).await;
        let answer = rp.redeem(&arrived.ask, &arrived.code).await;
        assert_eq!((answer.status, answer.error()), (400, "invalid_grant"));
        let families = format!("SELECT CAST(COUNT(*) AS TEXT) FROM refresh_family WHERE grant_id = {id}");
        assert_eq!(select_texts(&app.database.url, &families).await, ["0"], "nothing of it is kept");
    }

    /// A post that ends after the code was given takes the grant away that would stand for it.
    async fn a_code_for_an_identity_that_ended_gives_nothing(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let arrived = teacher.arrive(&rp).await;
        let order = Order::Leave { org: None, state: StaffState::Resigned };
        let person = app.person("full_claims").person_id;
        app.app.change_staff(&app.operator(), Decider::Operator, person, None, &order).await.unwrap();
        assert!(teacher.is_signed_in().await, "her session goes on");
        let answer = rp.redeem(&arrived.ask, &arrived.code).await;
        assert_eq!((answer.status, answer.error()), (400, "invalid_grant"), "{answer:?}");
        let grants = "SELECT CAST(COUNT(*) AS TEXT) FROM oidc_grant WHERE revoked_at IS NULL";
        assert_eq!(select_texts(&app.database.url, grants).await, ["0"]);
    }

    /// The grant was made at the moment in which the post ended, by what was known of her before: it was not there to be ended.
    async fn a_grant_that_missed_the_end_of_its_identity_is_refused(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let ask = || rp.ask().with("scope", "openid profile edu offline_access");
        let tokens = teacher.sign_in_with(&rp, ask()).await;
        let holder = format!("(SELECT person_id FROM account WHERE user_name = '{}')", teacher.person.user_name);
        let end = format!("UPDATE staffing SET valid_to = valid_from WHERE person_id = {holder}");
        change(&app.database.url, &end).await;
        // What was read a moment ago is forgotten.
        app.pass(Duration::from_secs(3));
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
        let seen = rp.post("/introspect", &[("token", tokens.access())]).await.body;
        assert_eq!(seen["active"], false, "{seen}");
        let again = teacher.sign_in_with(&rp, ask()).await;
        assert_eq!(rp.refresh(&again.refresh()).await.status, 200, "what does not rest on it goes on");
    }

    /// Not so where a child only sits nowhere: her father keeps his platforms over the summer.
    async fn a_father_whose_child_left_school_stays_signed_in(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.visitor("guardian_of_two").sign_in_with(&rp, rp.ask().with("scope", "openid offline_access")).await;
        change(&app.database.url, "UPDATE enrolment SET valid_to = valid_from WHERE valid_to IS NULL").await;
        app.pass(Duration::from_secs(3));
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200);
        change(&app.database.url, "UPDATE guardianship SET valid_to = valid_from").await;
        app.pass(Duration::from_secs(3));
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
    }

    /// Whoever merges her takes the person first and her session after it.
    async fn a_merge_at_the_same_moment_and_a_redemption_wait_in_one_order(app: TestApp) {
        let rp = app.client("platform_a");
        let arrived = app.teacher().arrive(&rp).await;
        let mut merging = Elsewhere::begin(&app.database.url).await;
        if !app.database.url.starts_with("sqlite") {
            merging.run("SELECT id FROM person FOR UPDATE").await;
        }
        let redeeming = tokio::spawn({
            let rp = rp.clone();
            async move { rp.redeem(&arrived.ask, &arrived.code).await }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        merging.run("UPDATE session SET last_seen_at = last_seen_at").await;
        merging.commit().await;
        let answer = redeeming.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// The server asked for it: a code that gave nothing is not used up.
    async fn a_code_outlives_a_database_that_was_busy(app: TestApp) {
        let rp = app.client("platform_a");
        let arrived = app.teacher().arrive(&rp).await;
        let mut busy = Elsewhere::begin(&app.database.url).await;
        if !app.database.url.starts_with("sqlite") {
            busy.run("LOCK TABLE oidc_grant IN SHARE MODE").await;
        }
        let answer = rp.redeem(&arrived.ask, &arrived.code).await;
        assert_eq!((answer.status, answer.error()), (503, "temporarily_unavailable"), "{answer:?}");
        busy.commit().await;
        let tokens = rp.redeem(&arrived.ask, &arrived.code).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401, "used once more it takes along what it gave");
    }

    async fn a_code_is_bound_to_client_address_and_verifier(app: TestApp) {
        let (rp, thief) = (app.client("platform_a"), app.client("platform_b"));
        let mut teacher = app.teacher();
        let verifier = rp.ask().verifier;
        type Change = (&'static str, &'static str, Option<String>);
        let changes: [Change; 5] = [
            ("another redirect_uri", "redirect_uri", Some("https://evil.example/".into())),
            ("no redirect_uri", "redirect_uri", None),
            ("another verifier", "code_verifier", Some(verifier)),
            ("no verifier", "code_verifier", None),
            ("a malformed verifier", "code_verifier", Some("short".into())),
        ];
        for (what, name, value) in changes {
            let arrived = teacher.arrive(&rp).await;
            let mut form = rp.redemption(&arrived.ask, &arrived.code);
            form.retain(|(known, _)| *known != name);
            form.extend(value.map(|value| (name, value)));
            let answer = rp.token(&form).await;
            assert_eq!((answer.status, answer.error()), (400, "invalid_grant"), "{what}");
        }
        let arrived = teacher.arrive(&rp).await;
        assert_eq!(thief.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
        assert_eq!(rp.redeem(&arrived.ask, "no-code-at-all").await.error(), "invalid_grant");
    }

    async fn a_code_lives_a_minute(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let arrived = teacher.arrive(&rp).await;
        app.pass(Duration::from_secs(61));
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
        let arrived = teacher.arrive(&rp).await;
        app.pass(Duration::from_secs(50));
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.status, 200);
    }

    async fn a_code_gives_nothing_after_a_sign_out(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let arrived = teacher.arrive(&rp).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
    }

    async fn clients_prove_themselves_as_they_registered(app: TestApp) {
        let basic = app.client("platform_a");
        let post = app.register(json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
        let public = app.public_client().await;
        for rp in [&basic, &post, &public] {
            assert_eq!(app.teacher().sign_in(rp).await.text("token_type"), "Bearer");
        }
        let (Auth::Basic(basic_secret), Auth::Post(post_secret)) = (basic.auth.clone(), post.auth.clone()) else { panic!() };
        let as_other = |rp: &RelyingParty, auth| RelyingParty { auth, ..rp.clone() };
        for (what, wrong) in [
            ("another secret", as_other(&basic, Auth::Basic("wrong".into()))),
            ("the secret by another way", as_other(&basic, Auth::Post(basic_secret.clone()))),
            ("no secret", as_other(&basic, Auth::Public)),
            ("post by basic", as_other(&post, Auth::Basic(post_secret))),
            ("a secret nobody gave", as_other(&public, Auth::Post("x".into()))),
            ("an unknown client", RelyingParty { id: "01890000-0000-7000-8000-000000000000".into(), ..basic.clone() }),
        ] {
            let arrived = app.teacher().arrive(&basic).await;
            let answer = wrong.redeem(&arrived.ask, &arrived.code).await;
            assert_eq!((answer.status, answer.error()), (401, "invalid_client"), "{what}");
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Basic"), "{what}");
            // Nobody proved herself, so nothing was used up.
            assert_eq!(basic.redeem(&arrived.ask, &arrived.code).await.status, 200, "{what}");
        }
    }

    async fn two_proofs_at_once_are_refused(app: TestApp) {
        let rp = app.client("platform_a");
        let Auth::Basic(secret) = rp.auth.clone() else { panic!() };
        let arrived = app.teacher().arrive(&rp).await;
        let mut form = rp.redemption(&arrived.ask, &arrived.code);
        form.push(("client_secret", secret));
        let answer = rp.token(&form).await;
        assert_eq!((answer.status, answer.error()), (400, "invalid_request"));
        let mut form = rp.redemption(&arrived.ask, &arrived.code);
        form.push(("client_id", app.client("platform_b").id));
        assert_eq!(rp.token(&form).await.error(), "invalid_request", "two names");
    }

    async fn malformed_requests_are_told_apart(app: TestApp) {
        let rp = app.client("platform_a");
        let refused = async |form: &[(&'static str, &str)]| {
            let form: Vec<_> = form.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            rp.token(&form).await.error().to_owned()
        };
        assert_eq!(refused(&[]).await, "invalid_request");
        assert_eq!(refused(&[("grant_type", "password"), ("username", "x")]).await, "unsupported_grant_type");
        assert_eq!(refused(&[("grant_type", "authorization_code")]).await, "invalid_request");
        assert_eq!(refused(&[("grant_type", "refresh_token")]).await, "invalid_request");
        assert_eq!(refused(&[("grant_type", "authorization_code"), ("code", "a"), ("code", "b")]).await, "invalid_request");
        let as_json = app.http.post(app.at("/token")).json(&json!({ "grant_type": "authorization_code" }));
        let answer = as_json.send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(answer.text().await.unwrap().contains("invalid_request"));
    }

    async fn refusals_are_stored_by_nobody_and_say_how_to_authenticate(app: TestApp) {
        let rp = app.client("platform_a");
        let form = [("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", "x")];
        for (what, request, error) in [
            ("no client", app.http.post(app.at("/token")).form(&form), "invalid_client"),
            ("another scheme", app.http.post(app.at("/token")).form(&form).bearer_auth("x"), "invalid_client"),
            ("no base64", app.http.post(app.at("/token")).form(&form).header("authorization", "Basic ?"), "invalid_client"),
            ("a wrong secret", app.http.post(app.at("/token")).form(&form).basic_auth(&rp.id, Some("x")), "invalid_client"),
        ] {
            let answer = Answer::of(request).await;
            assert_eq!((answer.status, answer.error()), (401, error), "{what}");
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Basic realm="), "{what}");
            assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
        }
        let answer = rp.token(&[("grant_type", "authorization_code".into()), ("code", "x".repeat(70_000))]).await;
        assert_eq!((answer.status, answer.error()), (400, "invalid_request"), "too long");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }

    async fn a_grant_type_must_be_registered(app: TestApp) {
        let rp = app.register(json!({ "grant_types": ["authorization_code"] })).await;
        let answer = rp.refresh(&app.teacher().sign_in(&app.client("platform_a")).await.refresh()).await;
        assert_eq!((answer.status, answer.error()), (400, "unauthorized_client"));
    }

    async fn tokens_say_what_the_standards_ask_for(app: TestApp) {
        let rp = app.client("platform_a");
        let ask = rp.ask();
        let nonce = ask.get("nonce");
        let tokens = app.teacher().sign_in_with(&rp, ask).await;
        assert_eq!((tokens.body["expires_in"].as_u64(), tokens.text("scope").as_str()), (Some(300), "openid profile edu"));
        assert_eq!(tokens.headers["cache-control"], "no-store");

        let access = tokens.access();
        assert_eq!(part_of(&access, 0)["typ"], "at+jwt");
        let claims = claims_of(&access);
        assert_eq!((claims["iss"].as_str(), claims["client_id"].as_str()), (Some(app.issuer.as_str()), Some(rp.id.as_str())));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);

        let id = tokens.id_claims();
        let digest = ring::digest::digest(&ring::digest::SHA256, access.as_bytes());
        let half = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &digest.as_ref()[..16]);
        assert_eq!((id["nonce"].as_str(), id["at_hash"].as_str()), (Some(nonce.as_str()), Some(half.as_str())));
        assert_eq!((&id["amr"], &id["acr"]), (&json!(["pwd"]), &json!("urn:edu-cn:acr:pwd")));
        assert!(id["sid"].is_string() && id["auth_time"].is_i64());
        assert_eq!(id["sub"], app.person("full_claims").person_id.to_string());
        assert_eq!((id["edu_identity"]["kind"].as_str(), id["age_band"].as_str()), (Some("teacher"), Some("adult")));
        assert!(id["name"].is_null() && id["phone_number"].is_null(), "what userinfo is for is not in the ID token");
    }

    async fn the_algorithm_is_the_registered_one(app: TestApp) {
        for (own, alg) in [(json!({ "id_token_signed_response_alg": null }), "RS256"), (json!({}), "ES256")] {
            let rp = app.register(own).await;
            let tokens = app.teacher().sign_in(&rp).await;
            assert_eq!(part_of(&tokens.text("id_token"), 0)["alg"], alg);
            assert_eq!(part_of(&tokens.access(), 0)["alg"], "ES256");
        }
    }

    async fn without_the_grant_type_there_is_no_refresh_token(app: TestApp) {
        let rp = app.register(json!({ "grant_types": ["authorization_code"] })).await;
        let ask = rp.ask().with("scope", "openid offline_access");
        let tokens = app.teacher().sign_in_with(&rp, ask).await;
        assert!(tokens.body["refresh_token"].is_null());
        assert_eq!(tokens.text("scope"), "openid");
    }
}
