//! Refresh signs nobody out, and finds a thief (R11).

use std::time::Duration;

use mingji::domain::auth::lifetimes::Lifetimes;
use serde_json::json;

use crate::support::app::both_engines;
use crate::support::database::change;
use crate::support::relying_party::Answer;

const DAY: Duration = Duration::from_secs(24 * 3600);

both_engines! {
    async fn a_confidential_client_keeps_its_token(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.teacher().sign_in(&rp).await;
        let token = tokens.refresh();
        for _ in 0..3 {
            app.pass(Duration::from_secs(600));
            let next = rp.refresh(&token).await;
            assert_eq!((next.status, next.refresh()), (200, token.clone()));
            assert_eq!(rp.userinfo(&next.access()).await.status, 200);
        }
    }

    async fn a_refreshed_id_token_speaks_of_the_same_sign_in(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.teacher().sign_in(&rp).await;
        app.pass(Duration::from_secs(600));
        let (before, after) = (tokens.id_claims(), rp.refresh(&tokens.refresh()).await.id_claims());
        for same in ["iss", "sub", "aud", "auth_time", "sid"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert!(after["iat"].as_i64() > before["iat"].as_i64() && after["nonce"].is_null());
    }

    async fn a_public_client_gets_a_new_one_each_time(app: TestApp) {
        let rp = app.public_client().await;
        let mut token = app.teacher().sign_in(&rp).await.refresh();
        for _ in 0..4 {
            let next = rp.refresh(&token).await;
            assert_eq!(next.status, 200, "{next:?}");
            assert_ne!(next.refresh(), token);
            token = next.refresh();
        }
    }

    /// A backup, or a replica that lagged, knows an older token than the app has (promise 8).
    async fn a_register_that_went_back_signs_no_app_out(app: TestApp) {
        let rp = app.public_client().await;
        let first = app.teacher().sign_in(&rp).await.refresh();
        let second = rp.refresh(&first).await.refresh();
        let third = rp.refresh(&second).await.refresh();
        change(&app.database.url, "UPDATE refresh_family SET counter = 0").await;
        let fourth = rp.refresh(&third).await;
        assert_eq!((fourth.status, rp.refresh(&fourth.refresh()).await.status), (200, 200), "{fourth:?}");
        app.pass(Duration::from_secs(61));
        assert_eq!(rp.refresh(&second).await.error(), "invalid_grant", "an older one is a thief's as ever");
        assert_eq!(rp.refresh(&fourth.refresh()).await.error(), "invalid_grant");
    }

    async fn a_lost_answer_costs_nothing(app: TestApp) {
        let rp = app.public_client().await;
        let token = app.teacher().sign_in(&rp).await.refresh();
        let lost = rp.refresh(&token).await.refresh();
        app.pass(Duration::from_secs(50));
        assert_eq!(rp.refresh(&token).await.refresh(), lost, "the same successor");
        assert_eq!(rp.refresh(&lost).await.status, 200);
    }

    async fn a_late_predecessor_ends_the_family(app: TestApp) {
        let rp = app.public_client().await;
        let token = app.teacher().sign_in(&rp).await.refresh();
        let successor = rp.refresh(&token).await;
        app.pass(Duration::from_secs(61));
        assert_eq!(rp.refresh(&token).await.error(), "invalid_grant");
        assert_eq!(rp.refresh(&successor.refresh()).await.error(), "invalid_grant", "nobody knows who the thief is");
        assert_eq!(rp.userinfo(&successor.access()).await.status, 401);
    }

    async fn once_the_successor_was_used_the_predecessor_is_a_thief(app: TestApp) {
        let rp = app.public_client().await;
        let first = app.teacher().sign_in(&rp).await.refresh();
        let second = rp.refresh(&first).await.refresh();
        let third = rp.refresh(&second).await.refresh();
        assert_eq!(rp.refresh(&first).await.error(), "invalid_grant");
        assert_eq!(rp.refresh(&third).await.error(), "invalid_grant");
    }

    async fn sixteen_at_once_sign_nobody_out(app: TestApp) {
        let rp = app.public_client().await;
        let mut token = app.teacher().sign_in(&rp).await.refresh();
        for _ in 0..3 {
            let mut requests = Vec::new();
            for _ in 0..16 {
                let (rp, token) = (rp.clone(), token.clone());
                requests.push(tokio::spawn(async move { rp.refresh(&token).await }));
            }
            let mut answers: Vec<Answer> = Vec::new();
            for request in requests {
                answers.push(request.await.unwrap());
            }
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            assert_eq!(statuses, [200; 16]);
            assert!(answers.iter().all(|answer| answer.refresh() == answers[0].refresh()), "all got one successor");
            token = answers[0].refresh();
        }
    }

    async fn a_foreign_client_neither_learns_nor_ends_anything(app: TestApp) {
        let (rp, other) = (app.public_client().await, app.public_client().await);
        let token = app.teacher().sign_in(&rp).await.refresh();
        assert_eq!(other.refresh(&token).await.error(), "invalid_grant");
        assert_eq!(rp.refresh(&token).await.status, 200);
    }

    async fn a_token_with_another_counter_or_mac_is_not_ours(app: TestApp) {
        let rp = app.client("platform_a");
        let token = app.teacher().sign_in(&rp).await.refresh();
        let parts: Vec<&str> = token.split('.').collect();
        for forged in [format!("{}.7.{}", parts[0], parts[2]), format!("{}.{}.AAAA", parts[0], parts[1]), "x".into(), token.to_uppercase()] {
            assert_eq!(rp.refresh(&forged).await.error(), "invalid_grant", "{forged}");
        }
        assert_eq!(rp.refresh(&token).await.status, 200);
    }

    async fn a_narrower_scope_is_given_and_a_wider_one_refused(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.teacher().sign_in(&rp).await;
        let asked = async |scope: &str| {
            rp.token(&[("grant_type", "refresh_token".into()), ("refresh_token", tokens.refresh()), ("scope", scope.into())]).await
        };
        let narrow = asked("openid").await;
        assert_eq!(narrow.text("scope"), "openid");
        assert!(rp.userinfo(&narrow.access()).await.body["name"].is_null());
        for wider in ["openid phone", "openid grades.read", "openid nobody-knows-it", "nobody-knows-it", " "] {
            assert_eq!(asked(wider).await.error(), "invalid_scope", "{wider}");
        }
        assert_eq!(rp.refresh(&tokens.refresh()).await.text("scope"), "openid profile edu", "the grant itself stays as it was");
    }

    async fn a_narrower_scope_narrows_single_claims(app: TestApp) {
        let rp = app.client("platform_a");
        let ask = rp.ask().with("scope", "openid edu").with("claims", r#"{"userinfo":{"name":null}}"#);
        let tokens = app.teacher().sign_in_with(&rp, ask).await;
        assert!(rp.userinfo(&tokens.access()).await.body["name"].is_string());
        let form = [("grant_type", "refresh_token".into()), ("refresh_token", tokens.refresh()), ("scope", "openid".into())];
        let narrow = rp.token(&form).await;
        assert_eq!(narrow.text("scope"), "openid");
        assert!(rp.userinfo(&narrow.access()).await.body["name"].is_null());
    }

    async fn it_ends_when_the_session_lay_idle_unless_it_is_offline(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let bound = teacher.sign_in(&rp).await;
        let offline = teacher.sign_in_with(&rp, rp.ask().with("scope", "openid offline_access")).await;
        app.pass(Lifetimes::default().session_idle + Duration::from_secs(1));
        assert_eq!(rp.refresh(&bound.refresh()).await.error(), "invalid_grant");
        assert_eq!(rp.refresh(&offline.refresh()).await.status, 200);
    }

    async fn a_new_password_ends_offline_grants_too(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let offline = teacher.sign_in_with(&rp, rp.ask().with("scope", "openid offline_access")).await;
        let person = teacher.person.person_id;
        app.app.set_password(&app.operator(), person, "a quite different sentence".to_owned().into()).await.unwrap();
        assert_eq!(rp.refresh(&offline.refresh()).await.error(), "invalid_grant");
        assert!(!teacher.is_signed_in().await);
    }

    async fn it_ends_with_the_session_unless_it_is_offline(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let online = teacher.sign_in(&rp).await;
        let offline = teacher.sign_in_with(&rp, rp.ask().with("scope", "openid offline_access")).await;
        let home = teacher.browser.open("/").await;
        teacher.browser.press(&home, "confirm", "yes").await;
        assert_eq!(rp.refresh(&online.refresh()).await.error(), "invalid_grant");
        assert_eq!(rp.refresh(&offline.refresh()).await.status, 200);
    }

    async fn it_ends_after_thirty_idle_days_and_after_half_a_year(app: TestApp) {
        let rp = app.client("platform_a");
        let offline = || rp.ask().with("scope", "openid offline_access");
        let idle = app.teacher().sign_in_with(&rp, offline()).await;
        let busy = app.teacher().sign_in_with(&rp, offline()).await;
        app.pass(29 * DAY);
        assert_eq!(rp.refresh(&busy.refresh()).await.status, 200);
        app.pass(2 * DAY);
        assert_eq!(rp.refresh(&idle.refresh()).await.error(), "invalid_grant");
        for _ in 0..6 {
            app.pass(24 * DAY);
            assert_eq!(rp.refresh(&busy.refresh()).await.status, 200);
        }
        app.pass(6 * DAY);
        assert_eq!(rp.refresh(&busy.refresh()).await.error(), "invalid_grant", "181 days");
    }

    async fn a_new_password_ends_sessions_and_what_lives_in_them(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        app.app.set_password(&app.operator(), teacher.person.person_id, "一只安静的旧钢笔".to_owned().into()).await.unwrap();
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert!(!teacher.is_signed_in().await);
    }

    async fn a_client_that_may_not_refresh_does_not(app: TestApp) {
        let rp = app.register(json!({ "grant_types": ["authorization_code"] })).await;
        let token = app.teacher().sign_in(&app.client("platform_a")).await.refresh();
        assert_eq!(rp.refresh(&token).await.status, 400);
    }
}
