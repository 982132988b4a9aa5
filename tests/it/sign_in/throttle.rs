//! Guessing is slowed down, and locks nobody out (R17).

use std::time::Duration;

use mingji::domain::auth::throttle::{DEVICE_BUDGET, STRANGER_BUDGET, WINDOW};
use mingji::domain::registry::user_name::UserName;
use mingji::keys::random::SystemRandom;

use crate::support::app::both_engines;

both_engines! {
    async fn strangers_spend_one_budget_and_the_owner_keeps_hers(app: TestApp) {
        let mut owner = app.teacher();
        owner.knock().await;
        let home = owner.browser.open("/").await;
        owner.browser.press(&home, "confirm", "yes").await;

        let user_name = owner.person.user_name.clone();
        for _ in 0..STRANGER_BUDGET {
            let answer = app.teacher().guess(&user_name).await;
            assert_eq!(answer.status, 200);
        }
        // Each guess comes from a browser of its own, so it is the login that is charged. The right password
        // of a stranger is not even looked at.
        let mut stranger = app.teacher();
        let refused = stranger.knock().await;
        assert_eq!(refused.status, 429);
        assert!(refused.has("problem") && !stranger.is_signed_in().await);
        // The colleague behind the same address, and the owner at her own device, go in.
        let mut colleague = app.visitor("guardian_of_two");
        colleague.knock().await;
        assert!(colleague.is_signed_in().await);
        owner.knock().await;
        assert!(owner.is_signed_in().await);
        // The window ends for everybody.
        app.pass(WINDOW + Duration::from_secs(1));
        stranger.knock().await;
        assert!(stranger.is_signed_in().await);
    }

    async fn a_login_that_does_not_exist_is_throttled_alike(app: TestApp) {
        let nobody = UserName::generate(&SystemRandom::new()).to_string();
        for _ in 0..STRANGER_BUDGET {
            assert_eq!(app.teacher().guess(&nobody).await.status, 200);
        }
        assert_eq!(app.teacher().guess(&nobody).await.status, 429);
    }

    async fn parallel_guesses_share_the_budget(app: TestApp) {
        let mut guesses = Vec::new();
        for _ in 0..3 * STRANGER_BUDGET {
            let mut stranger = app.teacher();
            guesses.push(tokio::spawn(async move {
                let user_name = stranger.person.user_name.clone();
                stranger.guess(&user_name).await.status
            }));
        }
        let mut looked_at = 0;
        for guess in guesses {
            looked_at += u64::from(guess.await.unwrap() == 200);
        }
        assert_eq!(looked_at, STRANGER_BUDGET);
    }

    async fn right_passwords_cost_nothing(app: TestApp) {
        for _ in 0..STRANGER_BUDGET + 2 {
            let mut teacher = app.teacher();
            teacher.knock().await;
            assert!(teacher.is_signed_in().await);
        }
    }

    async fn a_device_cookie_of_another_login_is_a_strangers(app: TestApp) {
        let mut thief = app.visitor("guardian_of_two");
        thief.knock().await;
        let victim = app.teacher().person.user_name;
        for _ in 0..STRANGER_BUDGET {
            assert_eq!(thief.guess(&victim).await.status, 200);
        }
        assert_eq!(thief.guess(&victim).await.status, 429);
    }

    async fn a_stolen_device_has_a_budget_too(app: TestApp) {
        let mut device = app.teacher();
        device.knock().await;
        let user_name = device.person.user_name.clone();
        for _ in 0..DEVICE_BUDGET {
            assert_eq!(device.guess(&user_name).await.status, 200);
        }
        assert_eq!(device.guess(&user_name).await.status, 429);
    }
}
