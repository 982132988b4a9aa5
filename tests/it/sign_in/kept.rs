//! How long what is left of a sign-on is kept.

use std::time::Duration;

use crate::support::app::{TestApp, both_engines};
use crate::support::database::select_texts;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Sessions, who took part in them, grants, families.
async fn rows(app: &TestApp) -> [i64; 4] {
    let mut counted = [0; 4];
    for (count, table) in counted.iter_mut().zip(["session", "session_client", "oidc_grant", "refresh_family"]) {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
        *count = select_texts(&app.database.url, &sql).await[0].parse().unwrap();
    }
    counted
}

/// A day's work.
async fn end(app: &TestApp) {
    let mut after = None;
    loop {
        let looked = app.app.end_sign_ons(after).await.unwrap();
        after = looked.last;
        if after.is_none() {
            return;
        }
    }
}

both_engines! {
    /// What has ended is there for half a year, for the guardian who takes something back and for whoever looks into a theft;
    /// what can still be refreshed is there as long as that.
    async fn a_sign_on_is_kept_for_its_time_and_no_longer(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let arrived = teacher.arrive_with(&rp, rp.ask()).await;
        let short = rp.redeem(&arrived.ask, &arrived.code).await;
        let long = app.teacher().sign_in_with(&rp, rp.ask().with("scope", "openid offline_access")).await;
        assert_eq!(rows(&app).await, [2; 4]);
        for _ in 0..7 {
            app.pass(25 * DAY);
            assert_eq!(rp.refresh(&long.refresh()).await.status, 200);
        }
        end(&app).await;
        assert_eq!(rows(&app).await, [2; 4], "175 days");
        // The token of the first was good for 30 days that nobody used it on.
        app.pass(40 * DAY);
        end(&app).await;
        assert_eq!(rows(&app).await, [1; 4], "215 days");
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
        assert_eq!(rp.refresh(&short.refresh()).await.error(), "invalid_grant");
        // The other's ended after 180 days.
        app.pass(148 * DAY);
        end(&app).await;
        assert_eq!(rows(&app).await, [1; 4], "363 days");
        app.pass(2 * DAY);
        end(&app).await;
        assert_eq!(rows(&app).await, [0; 4], "365 days");
        assert_eq!(rp.refresh(&long.refresh()).await.error(), "invalid_grant");
        assert!(!teacher.is_signed_in().await);
        teacher.sign_in(&rp).await;
        end(&app).await;
        assert_eq!(rows(&app).await, [1; 4], "what is alive is not looked at");
        assert!(app.app.verify_audit(&[]).await.unwrap().holds);
    }

    /// Half a year after they were good.
    async fn codes_to_begin_with_go_too(app: TestApp) {
        app.app.issue_activation(&app.operator(), app.person("school_admin").person_id).await.unwrap();
        let codes = "SELECT CAST(COUNT(*) AS TEXT) FROM activation WHERE used_at IS NULL";
        let open = select_texts(&app.database.url, codes).await;
        assert_ne!(open, ["0"]);
        app.pass(190 * DAY);
        end(&app).await;
        assert_eq!(select_texts(&app.database.url, codes).await, open, "190 days, of which it was good for 14");
        app.pass(9 * DAY);
        end(&app).await;
        assert_eq!(select_texts(&app.database.url, codes).await, ["0"]);
    }
}
