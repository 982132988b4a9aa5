//! What an operator sees of the provider: on a listener of its own, by route and outcome, and never whom it was about.

mod documents;
mod process;

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::support::app::{TestApp, both_engines};
use crate::support::exposition::Scrape;
use crate::support::receiver::Receiver;

/// Scrapes until something holds; what is numbered or delivered takes its moment.
async fn scrape_until(app: &TestApp, holds: impl Fn(&Scrape) -> bool) -> Scrape {
    for _ in 0..200 {
        let scrape = app.scrape().await;
        if holds(&scrape) {
            return scrape;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not come to it:\n{}", app.scrape().await.text)
}

/// Somebody else who keeps every sign-in waiting.
enum Blocked {
    Lite(SqliteConnection),
    Pg(PgConnection),
}

impl Blocked {
    async fn writers(url: &str) -> Self {
        if url.starts_with("sqlite") {
            let mut other = SqliteConnection::connect(url).await.unwrap();
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
            Self::Lite(other)
        } else {
            let mut other = PgConnection::connect(url).await.unwrap();
            sqlx::raw_sql("BEGIN; LOCK TABLE session IN ACCESS EXCLUSIVE MODE").execute(&mut other).await.unwrap();
            Self::Pg(other)
        }
    }

    async fn release(self) {
        match self {
            Self::Lite(other) => other.close().await.unwrap(),
            Self::Pg(other) => other.close().await.unwrap(),
        }
    }
}

both_engines! {
    async fn a_round_is_counted_once(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.teacher().sign_in(&rp).await;
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200);
        let after = app.scrape().await;
        assert_eq!(after.value("mingji_sign_ins_total", &[("outcome", "signed_in")]), 1.0);
        assert_eq!(after.value("mingji_code_redemptions_total", &[("outcome", "redeemed")]), 1.0);
        assert_eq!(after.value("mingji_refreshes_total", &[("outcome", "kept")]), 1.0);
        for grant_type in ["authorization_code", "refresh_token"] {
            assert_eq!(after.value("mingji_tokens_issued_total", &[("grant_type", grant_type)]), 1.0, "{grant_type}");
        }
        let token = [("route", "/token"), ("method", "POST"), ("status", "2xx")];
        assert_eq!(after.value("mingji_http_requests_total", &token), 2.0);
        assert_eq!(after.value("mingji_http_request_duration_seconds_count", &[("route", "/token")]), 2.0);
        assert!(after.value("mingji_http_request_duration_seconds_sum", &[("route", "/sign-in")]) > 0.01, "a hash takes its time");
        assert_eq!(after.value("mingji_http_requests_in_flight", &[]), 0.0);
        assert!(after.value("mingji_database_write_wait_seconds_count", &[]) >= 3.0);
    }

    async fn refusals_are_told_apart(app: TestApp) {
        let mut stranger = app.teacher();
        let login = stranger.person.user_name.clone();
        stranger.guess(&login).await;
        for _ in 0..20 {
            stranger.guess("nobody-at-all").await;
        }
        let rp = app.client("platform_a");
        let arrived = app.teacher().arrive(&rp).await;
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.status, 200);
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
        assert_eq!(rp.redeem(&arrived.ask, "no-code").await.error(), "invalid_grant");
        assert_eq!(rp.token(&[("grant_type", "password".into())]).await.error(), "unsupported_grant_type");
        assert_eq!(app.teacher().silently(&rp).await["error"], "login_required");
        assert_eq!(rp.userinfo("nonsense").await.status, 401);

        let after = app.scrape().await;
        let sign_ins = |outcome| after.value("mingji_sign_ins_total", &[("outcome", outcome)]);
        assert_eq!(sign_ins("signed_in"), 1.0);
        assert!(sign_ins("refused") >= 2.0 && sign_ins("too_many") >= 1.0, "{}", after.text);
        assert_eq!(sign_ins("refused") + sign_ins("too_many"), 21.0);
        let codes = |outcome| after.value("mingji_code_redemptions_total", &[("outcome", outcome)]);
        assert_eq!((codes("redeemed"), codes("replayed"), codes("unknown")), (1.0, 1.0, 1.0));
        let refusals = |endpoint, error| after.value("mingji_protocol_refusals_total", &[("endpoint", endpoint), ("error", error)]);
        assert_eq!(refusals("/token", "invalid_grant"), 2.0);
        assert_eq!(refusals("/token", "unsupported_grant_type"), 1.0);
        assert_eq!(refusals("/authorize", "login_required"), 1.0);
        assert_eq!(refusals("/userinfo", "invalid_token"), 1.0);
    }

    async fn refresh_tokens_by_what_became_of_them(app: TestApp) {
        let rp = app.public_client().await;
        let first = app.teacher().sign_in(&rp).await.refresh();
        let second = rp.refresh(&first).await.refresh();
        assert_eq!(rp.refresh(&first).await.refresh(), second);
        app.pass(Duration::from_secs(61));
        assert_eq!(rp.refresh(&first).await.error(), "invalid_grant");
        assert_eq!(rp.refresh(&second).await.error(), "invalid_grant");
        let after = app.scrape().await;
        for outcome in ["rotated", "repeated", "replayed", "ended"] {
            assert_eq!(after.value("mingji_refreshes_total", &[("outcome", outcome)]), 1.0, "{outcome}");
        }
        assert_eq!(after.value("mingji_refreshes_total", &[("outcome", "kept")]), 0.0);
    }

    async fn nothing_that_was_asked_for_becomes_a_label(app: TestApp) {
        for path in ["/pupil-7731", "/static/pupil-7731/mingji.css", "/activate?code=pupil-7731", "/sign-in?login=pupil-7731"] {
            app.http.get(app.at(path)).send().await.unwrap();
        }
        let method = reqwest::Method::from_bytes(b"PUPIL-7731").unwrap();
        app.http.request(method, app.at("/sign-in")).send().await.unwrap();
        let after = app.scrape().await;
        assert!(!after.text.to_lowercase().contains("pupil-7731"), "{}", after.text);
        let nowhere = [("route", "none"), ("method", "GET"), ("status", "4xx")];
        assert_eq!(after.value("mingji_http_requests_total", &nowhere), 1.0);
        let odd = [("route", "/sign-in"), ("method", "other"), ("status", "4xx")];
        assert_eq!(after.value("mingji_http_requests_total", &odd), 1.0);
        let known = [("route", "/static/{digest}/{file}"), ("method", "GET"), ("status", "2xx")];
        assert_eq!(after.value("mingji_http_requests_total", &known), 1.0);
    }

    async fn what_is_committed_gets_its_number_soon(app: TestApp) {
        // The world that the database came with was written without a sequencer.
        let before = scrape_until(&app, |scrape| scrape.find("mingji_pending_rows", &[]) == Some(0.0)).await;
        let counted = |scrape: &Scrape| {
            let soon = scrape.value("mingji_sequencer_lag_seconds_bucket", &[("le", "5")]);
            [soon, scrape.value("mingji_sequencer_lag_seconds_count", &[])]
        };
        let [soon_before, all_before] = counted(&before);
        app.teacher().sign_in(&app.client("platform_a")).await;
        let after = scrape_until(&app, |scrape| counted(scrape)[1] >= all_before + 3.0).await;
        let [soon, all] = counted(&after);
        assert_eq!(soon - soon_before, all - all_before, "an entry for each of two changes and an event for one, none late");
        let settled = scrape_until(&app, |scrape| scrape.find("mingji_pending_rows", &[]) == Some(0.0)).await;
        assert_eq!(settled.value("mingji_pending_oldest_age_seconds", &[]), 0.0);
        assert!(after.value("mingji_job_runs_total", &[("task", "sequencer"), ("outcome", "done")]) >= 1.0);
        assert_eq!(after.value("mingji_job_runs_total", &[("task", "sequencer"), ("outcome", "failed")]), 0.0);
        let last = after.value("mingji_job_last_success_timestamp_seconds", &[("task", "sequencer")]);
        assert!(last >= after.value("process_start_time_seconds", &[]));
    }

    async fn a_receiver_that_is_away_is_seen(app: TestApp) {
        let receiver = Receiver::start().await;
        receiver.fail_with(StatusCode::SERVICE_UNAVAILABLE);
        receiver.fail_with(StatusCode::SERVICE_UNAVAILABLE);
        let rp = app.register(json!({ "backchannel_logout_uri": receiver.url })).await;
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        teacher.browser.open(&app.at(&format!("/end-session?id_token_hint={}", tokens.text("id_token")))).await;
        let sent = |scrape: &Scrape, outcome| scrape.value("mingji_logout_deliveries_total", &[("outcome", outcome)]);
        let failed = scrape_until(&app, |scrape| sent(scrape, "retried") == 1.0).await;
        assert_eq!((failed.value("mingji_logout_deliveries_waiting", &[]), sent(&failed, "delivered")), (1.0, 0.0));
        app.pass(Duration::from_secs(3600));
        let again = scrape_until(&app, |scrape| sent(scrape, "retried") == 2.0).await;
        assert_eq!(again.value("mingji_logout_deliveries_waiting", &[]), 1.0);
        assert!(again.value("mingji_logout_delivery_oldest_age_seconds", &[]) >= 3600.0);
        app.pass(Duration::from_secs(3600));
        // The row is finished a moment after the answer was counted.
        let nobody_waits = |scrape: &Scrape| scrape.value("mingji_logout_deliveries_waiting", &[]) == 0.0;
        let arrived =
            scrape_until(&app, |scrape| sent(scrape, "delivered") == 1.0 && nobody_waits(scrape)).await;
        assert_eq!(arrived.value("mingji_logout_delivery_oldest_age_seconds", &[]), 0.0);
    }

    async fn keys_and_their_backup(app: TestApp) {
        let before = scrape_until(&app, |scrape| {
            scrape.find("mingji_signing_key_activated_timestamp_seconds", &[("alg", "ES256")]).is_some()
        })
        .await;
        assert_eq!(before.value("mingji_key_backup_made", &[]), 0.0);
        assert_eq!(before.value("mingji_dependency_up", &[("dependency", "keys")]), 1.0);
        let activated = before.value("mingji_signing_key_activated_timestamp_seconds", &[("alg", "ES256")]);
        app.pass(Duration::from_secs(1000));
        app.app.rotate_keys(&app.operator(), "ES256".parse().unwrap()).await.unwrap();
        app.app.note_backup(&app.operator()).await.unwrap();
        let after = app.scrape().await;
        assert_eq!(after.value("mingji_key_backup_made", &[]), 1.0);
        let rotated = after.value("mingji_signing_key_activated_timestamp_seconds", &[("alg", "ES256")]);
        assert!(rotated >= activated + 1000.0, "{activated} {rotated}");
    }

    async fn a_database_that_is_away_does_not_silence_them(app: TestApp) {
        let up = |scrape: &Scrape, dependency| scrape.value("mingji_dependency_up", &[("dependency", dependency)]);
        let before = app.scrape().await;
        assert_eq!((up(&before, "database"), up(&before, "ephemeral")), (1.0, 1.0));
        assert!(before.find("mingji_pending_rows", &[]).is_some());
        app.app.close().await;
        let after = app.scrape().await;
        assert_eq!((up(&after, "database"), up(&after, "ephemeral")), (0.0, 1.0));
        assert_eq!(after.find("mingji_pending_rows", &[]), None, "what is not known is not shown");
        assert!(after.value("process_resident_memory_bytes", &[]) > 1e6);
    }

    async fn connections_are_counted_while_they_work(app: TestApp) {
        let (pool, most) = if app.database.folder().is_some() { ("write", 1.0) } else { ("shared", 28.0) };
        let of = |scrape: &Scrape, state| scrape.find("mingji_database_connections", &[("pool", pool), ("state", state)]);
        let free = scrape_until(&app, |scrape| of(scrape, "busy") == Some(0.0)).await;
        assert!(of(&free, "idle") >= Some(1.0), "{}", free.text);
        assert_eq!(free.value("mingji_database_connections_max", &[("pool", pool)]), most);
        let blocked = Blocked::writers(&app.database.url).await;
        let signing_in = { let app = app.clone(); tokio::spawn(async move { app.teacher().knock().await.status }) };
        scrape_until(&app, |scrape| of(scrape, "busy") >= Some(1.0)).await;
        blocked.release().await;
        assert!(signing_in.await.unwrap() < 400);
        scrape_until(&app, |scrape| of(scrape, "busy") == Some(0.0)).await;
    }

    async fn people_do_not_get_them(app: TestApp) {
        assert_eq!(app.http.get(app.at("/metrics")).send().await.unwrap().status(), 404);
        let response = app.http.get(&app.metrics).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let elsewhere = app.metrics.replace("/metrics", "/sign-in");
        assert_eq!(app.http.get(elsewhere).send().await.unwrap().status(), 404);
    }
}
