//! A machine whose clock jumped destroys nothing by it.

use std::time::Duration;

use mingji::app::Kind;

use crate::support::app::both_engines;

const DAY: Duration = Duration::from_secs(86_400);

both_engines! {
    async fn nothing_is_ended_for_good_by_a_clock_that_jumped(app: TestApp) {
        app.app.believes_its_clock().await.unwrap();
        assert_eq!(app.app.clock_ahead_by().await.unwrap(), None);
        app.pass(DAY * 2);
        app.app.believes_its_clock().await.unwrap();
        app.pass(DAY * 1_200);
        for _ in 0..2 {
            assert_eq!(app.app.believes_its_clock().await.unwrap_err().kind, Kind::Busy, "asking makes it no truer");
        }
        // Nor what is written by it.
        app.teacher().sign_in(&app.client("platform_a")).await;
        app.numbered().await;
        assert_eq!(app.app.believes_its_clock().await.unwrap_err().kind, Kind::Busy);
        let ahead = app.app.clock_ahead_by().await.unwrap().unwrap();
        assert!((DAY * 1_200..DAY * 1_201).contains(&ahead), "{ahead:?}");
    }
}
